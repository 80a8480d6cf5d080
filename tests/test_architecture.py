"""The house rules: a room imports only from rooms with a smaller number, and files stay small."""

import ast
from pathlib import Path

import pytest

PACKAGE = "gtzan_lightning"
ROOMS = ("corpus", "features", "datamodule", "models", "evaluation", "audit", "runs", "report")
COMPOSING = ("sweeping", "prediction", "export", "cli")  # they use all rooms, as the modules beside them do
FOR_EVERYONE = {"errors", "atomic"}  # top-level modules without a room
FOLDER = Path(__file__).parents[1] / PACKAGE
FILES = sorted(FOLDER.rglob("*.py"))


def imported(path):
    """Names below the package that a file imports, wherever in the file it does."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import hides the room"
            names = [node.module] + [f"{node.module}.{alias.name}" for alias in node.names if node.module == PACKAGE]
        else:
            continue
        for name in names:
            top, _, rest = name.partition(".")
            if top == PACKAGE and rest:
                yield rest.split(".")[0]


def room_of(path):
    return path.relative_to(FOLDER).parts[0].removesuffix(".py")


def test_every_folder_is_a_known_room():
    folders = {path.name for path in FOLDER.iterdir() if path.is_dir() and any(path.glob("*.py"))}
    assert folders == {*ROOMS, *COMPOSING}


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_from_rooms_before_it(room):
    allowed = {*ROOMS[: ROOMS.index(room) + 1], *FOR_EVERYONE}
    wrong = {
        f"{path.relative_to(FOLDER)} imports {name}"
        for path in FILES
        if room_of(path) == room
        for name in imported(path)
        if name not in allowed
    }
    assert wrong == set()


@pytest.mark.parametrize("module", sorted(FOR_EVERYONE))
def test_what_everyone_imports_imports_nothing(module):
    assert set(imported(FOLDER / f"{module}.py")) == set()


def test_nothing_but_the_command_line_imports_the_command_line():
    assert [path for path in FILES if "cli" in imported(path) and room_of(path) not in ("cli", "__main__")] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_files_and_functions_stay_small(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            documentation = ast.get_docstring(node, clean=False) or ""
            lines = node.end_lineno - node.lineno + 1 - len(documentation.splitlines())
            assert lines <= 50, f"{node.name} has {lines} lines"
