"""Hashes of source code: of the modules that a module imports, directly or indirectly.

Sources are compared as syntax trees without comments and docstrings. Nothing that is hashed is imported.
"""

from __future__ import annotations

import ast
import hashlib
import json
import sysconfig
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

DIGITS = 12  # of the hash of a file

INSTALLED = tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib"))


def code_hashes(modules: Iterable[str], relevant: Callable[[str], bool] | None = None) -> dict[str, str]:
    """Hash of each source file that these modules consist of and import, by name such as `package/module.py`.

    Followed are imports from the top-level packages of `modules`, and from other code that is not installed, such as a
    module beside the user's own.

    Args:
        modules: dotted names.
        relevant: whether a module counts; the imports of others are not followed. None is every module.
    """
    waiting, found = list(modules), dict[str, str]()
    own = {module.partition(".")[0] for module in waiting}
    seen: set[str] = set()
    while waiting:
        module = waiting.pop()
        if module in seen or (relevant and not relevant(module)):
            continue
        seen.add(module)
        file = _file_of(module, module.partition(".")[0] in own)
        if file is not None:
            digest, imports = _read(file, module)
            suffix = "/__init__.py" if file.stem == "__init__" else file.suffix
            found[module.replace(".", "/") + suffix] = digest
            waiting += imports
    return dict(sorted(found.items()))


def combined(hashes: Mapping[str, str]) -> str:
    """One SHA-256 over the hashes of several files."""
    return hashlib.sha256(json.dumps(dict(hashes), sort_keys=True).encode()).hexdigest()


def changed_files(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """Names of the files that were changed, added or removed."""
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))


def short_list(names: Sequence[str], most: int = 5) -> str:
    """The first names, and the number of the others."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


@cache
def _file_of(module: str, own: bool) -> Path | None:
    """The source file of a module; None if there is none, or if it is installed and not `own`."""
    top, *rest = module.split(".")
    try:
        spec = find_spec(top)  # does not import a top-level module
    except (ImportError, ValueError):
        return None
    if spec is None:
        return None
    origins = [Path(each) for each in spec.submodule_search_locations or ()]
    if not origins and spec.origin not in (None, "built-in", "frozen"):
        origins = [Path(str(spec.origin))]
    if not own and any(origin.resolve().is_relative_to(place) for origin in origins for place in INSTALLED):
        return None
    for origin in origins:
        below = origin.joinpath(*rest)
        candidates = [below.with_name(f"{below.name}.py"), below / "__init__.py"] if rest else [origin / "__init__.py"]
        for file in [*candidates, *([origin] if not rest else [])]:
            if file.is_file():
                return file
    return None


@cache  # within a process: it runs the code that it has imported, whatever becomes of the file
def _read(file: Path, module: str) -> tuple[str, list[str]]:
    """Hash of a file, and the names that it may import as modules."""
    content = file.read_bytes()
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):  # compiled, or being edited
        return hashlib.sha256(content).hexdigest()[:DIGITS], []
    package = module if file.stem == "__init__" else module.rpartition(".")[0]
    words: list[str] = []
    _write(tree, words)
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:DIGITS], list(_imports(tree, package))


def _imports(tree: ast.AST, package: str) -> Iterator[str]:
    """Names that are imported anywhere in a module; `from a import b` yields both `a` and `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            parent = ".".join([*base, *filter(None, [node.module])])
            yield from (parent, *(f"{parent}.{alias.name}" for alias in node.names))


def _write(node: Any, words: list[str]) -> None:
    """Appends a syntax tree in prefix notation, without docstrings and empty fields, which vary with the Python."""
    if isinstance(node, list):
        words.append("[")
        for each in node:
            _write(each, words)
        words.append("]")
    elif not isinstance(node, ast.AST):
        words.append(repr(node))
    elif not isinstance(node, ast.expr_context):
        words.append(type(node).__name__)
        for name in node._fields:
            value = getattr(node, name, None)
            if name == "body" and isinstance(value, list):
                value = [each for each in value if not _is_text(each)]
            if value is not None and value != []:
                words.append(name)
                _write(value, words)


def _is_text(node: ast.AST) -> bool:
    """Whether a statement is a text alone: a docstring, or a comment on an attribute."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
