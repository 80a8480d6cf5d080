"""Messages on a configuration that does not fit its schema."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from pydantic import ValidationError


def mistakes(error: ValidationError, overrides: Sequence[str], choices: Mapping[str, str]) -> list[str]:
    """One line for each mistake: key, value, what is allowed, where it was set.

    Args:
        error: of the validation.
        overrides: the command line.
        choices: the selected member of each group.
    """
    problems = [(_key(problem["loc"]), problem) for problem in error.errors()]
    keys = [key for key, _ in problems]
    inner = [each for each in problems if not any(key.startswith(f"{each[0]}.") for key in keys)]  # of a union
    return [_line(key, problem, overrides, choices) for key, problem in inner]


def _key(place: Sequence[str | int]) -> str:
    """The key of a problem, without the names that pydantic adds: of members of unions, and for keys of a dict."""
    written = takewhile(lambda part: part != "[key]", place)
    return ".".join(str(part) for depth, part in enumerate(written) if not _is_member_of_union(depth, str(part)))


def _is_member_of_union(depth: int, part: str) -> bool:
    """Whether it is the kind of `model`, or a type of a value such as `split.manifest`."""
    return re.fullmatch({1: "package|other", 2: r"str|(dict|list)\[.*\]"}.get(depth, ""), part) is not None


def _line(key: str, problem: Any, overrides: Sequence[str], choices: Mapping[str, str]) -> str:
    shown = "" if isinstance(problem.get("input"), dict) else f" = {problem.get('input')}"
    message = problem["msg"].removeprefix("Value error, ").removeprefix("Input ")
    return f"  {key}{shown}: {message} ({_where_set(key, overrides, choices)})"


def _where_set(key: str, overrides: Sequence[str], choices: Mapping[str, str]) -> str:
    for override in overrides:
        name = override.split("=")[0].lstrip("+~")
        if name == key or name.startswith(f"{key}.") or ("." in name and key.startswith(f"{name}.")):
            return f"set by {override}"
    chosen = choices.get(group := key.split(".")[0])
    return f"set in {Path('conf') / group / chosen}.yaml" if chosen else f"set in conf/train.yaml, key {group}"
