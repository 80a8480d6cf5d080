"""The layout: packages import in one direction, module names are unique, modules and functions stay small."""

import ast
from collections import Counter
from pathlib import Path

import pytest

PACKAGE = "gtzan_lightning"
ORDER = (
    "errors", "utils", "corpus", "features", "datamodule", "models", "evaluation", "audit", "config", "runs",
    "training", "report", "studies", "inference", "sweeps", "cli",
)  # fmt: skip
ROOT = {"__init__.py", "__main__.py", "errors.py"}
FOLDER = Path(__file__).parents[1] / PACKAGE
FILES = sorted(FOLDER.rglob("*.py"))
MAX_LINES, MAX_FUNCTION_LINES, MAX_MODULES = 400, 50, 150
EXTENSIONS = ("models", "studies", "features/kinds", "datamodule/split_rules")  # each new one is a module


def imported_packages(path):
    """Packages of the project that a file imports, wherever in the file it does."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names] if node.module == PACKAGE else [node.module]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        yield from (
            name.split(".")[1] for name in names if name.startswith(f"{PACKAGE}.") and "__version__" not in name
        )


def package_of(path):
    return path.relative_to(FOLDER).parts[0].removesuffix(".py")


def test_the_root_holds_nothing_loose():
    assert {path.name for path in FOLDER.glob("*.py")} == ROOT
    assert {path.name for path in FOLDER.iterdir() if any(path.glob("*.py"))} == set(ORDER) - {"errors"}


@pytest.mark.parametrize("package", ORDER)
def test_a_package_imports_only_from_packages_before_it(package):
    allowed = ORDER[: ORDER.index(package) + 1]
    wrong = {
        f"{path.relative_to(FOLDER)} imports {name}"
        for path in FILES
        if package_of(path) == package
        for name in imported_packages(path)
        if name not in allowed
    }
    assert wrong == set()


def test_module_names_are_unique():
    names = Counter(path.name for path in FILES if not path.name.startswith("__"))
    assert [name for name, times in names.items() if times > 1] == []


def test_there_are_few_modules():
    fixed = [path for path in FILES if path.parent.relative_to(FOLDER).as_posix() not in EXTENSIONS]
    assert len(fixed) <= MAX_MODULES


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_modules_and_functions_stay_small(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            documentation = ast.get_docstring(node, clean=False) or ""
            lines = node.end_lineno - node.lineno + 1 - len(documentation.splitlines())
            assert lines <= MAX_FUNCTION_LINES, f"{node.name} has {lines} lines"
