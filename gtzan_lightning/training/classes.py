"""Classes that the configuration names: their import, and the names of their arguments."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path

from gtzan_lightning.errors import GtzanError


def class_of(key: str, target: str) -> type:
    """The class named by `<key>._target_`.

    Raises:
        GtzanError: it cannot be imported.
    """
    folder = str(Path.cwd())
    if not target.startswith("gtzan_lightning.") and folder not in sys.path:
        sys.path.append(folder)  # a module in the working directory, which a script elsewhere would not find
    try:
        module, _, name = target.rpartition(".")
        found = getattr(import_module(module), name)  # hydra.utils.get_class also writes a log line for each failure
        if not isinstance(found, type):
            raise TypeError(f"{name} is no class")
        return found
    except Exception as error:  # an import may raise anything
        cause = error.__cause__ or error
        raise GtzanError(f"{key}._target_={target}: cannot be imported ({cause}).") from error


def check_arguments(key: str, function: Callable[..., object], names: Iterable[str]) -> None:
    """Checks that a class takes arguments with these names.

    Raises:
        GtzanError: it does not take some of them, or needs others.
    """
    parameters = inspect.signature(function).parameters.values()
    if any(each.kind == each.VAR_KEYWORD for each in parameters):
        return
    target, taken = getattr(function, "__name__", str(function)), {each.name for each in parameters}
    problems = [f"{key}.{name}: {target} has no such argument." for name in sorted(set(names) - taken)]
    problems += [
        f"{key}.{each.name}: {target} needs a value."
        for each in parameters
        if each.default is each.empty and each.kind != each.VAR_POSITIONAL and each.name not in set(names)
    ]
    if problems:
        raise GtzanError("\n".join([*problems, f"{target} takes {', '.join(sorted(taken))}."]))
