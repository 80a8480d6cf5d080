"""Finds, filters, compares and removes run folders."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.runs.run_folder import REMEDY, Card, RunFolder, has_entry, score_warnings
from gtzan_lightning.utils.code_hash import short_list

SHORTCUTS = ("status", "split", "model", "corpus")  # filters beside the keys of the configuration

NEEDED = (
    "data.corpus", "data.sha256", "features.name", "split.name", "split.sha256", "model.name",
    *(f"metrics.test.{level}.{score}" for level in ("window", "clip") for score in ("accuracy", "accuracy_ci95", "n")),
)  # fmt: skip
"""Entries of the card of a finished run without which it cannot be listed."""


def find_runs(outputs: Path) -> list[RunFolder]:
    """All run folders in `<outputs>/runs`, sorted by name."""
    return [RunFolder(file.parent) for file in sorted((outputs / "runs").glob("*/run.json"))]


def named_run(name: str, outputs: Path) -> RunFolder:
    """A run by its path or name, or by a unique prefix or substring of its name.

    Raises:
        GtzanError: No run matches, or several do.
    """
    if (Path(name) / "run.json").is_file():
        return RunFolder(Path(name))
    names = {run.path.name: run for run in find_runs(outputs)}
    fits: tuple[Callable[[str], bool], ...] = (
        name.__eq__,
        lambda full: full.startswith(name),
        lambda full: name in full,
    )
    found = next((some for fit in fits if (some := [run for full, run in names.items() if fit(full)])), [])
    if len(found) != 1:
        what = f"{len(found)} runs have it in their name" if found else "no run has it in its name"
        raise GtzanError(f"{name}: {what} in {outputs / 'runs'}. `gtzan runs ls` lists them.")
    return found[0]


def card_of(run: RunFolder) -> Card:
    """The run card with its actual status: `interrupted` for a `running` card without a process.

    A card that cannot be read or lacks entries has the status `damaged`, and the reason as `error`.
    """
    try:
        card = run.card()
        if card.get("status") == "running":
            return card | {"status": run.standing()}
        lacking = [name for name in NEEDED if not has_entry(card, name)] if card.get("status") == "done" else []
        if lacking:
            raise GtzanError(f"{run.path / 'run.json'}: no {short_list(lacking, 3)}. {REMEDY}")
        return card
    except GtzanError as error:
        return {"status": "damaged", "error": str(error), "run_id": run.path.name}


def model_name(card: Mapping[str, Any]) -> str:
    """The model as on the command line, such as `lstm`; "" if the run failed before there was one."""
    chosen = [word.partition("=")[2] for word in card.get("overrides", []) if word.startswith("model=")]
    name = str(card.get("model", {}).get("name", ""))
    return chosen[-1] if chosen else {"BiLSTM": "lstm"}.get(name, name.lower())


def best_run(outputs: Path) -> RunFolder:
    """The finished run under `split=grouped` with the highest validation clip accuracy on its corpus.

    The test part has no influence. Runs with a warning (leakage, limited, changed code) are left out. Validation
    scores are not compared across corpora: the corpus is that of the run that finished last; the synthetic corpus is
    used only if there is no other.

    Raises:
        GtzanError: There is none.
    """
    cards = [(run, card_of(run)) for run in find_runs(outputs)]
    fit = [
        (run, card)
        for run, card in cards
        if card.get("status") == "done"
        and card["split"]["name"] == "grouped"
        and not score_warnings(card)
        and "val" in card["metrics"]
    ]
    if not fit:
        raise GtzanError(
            f"best: no finished, unlimited run under split=grouped in {outputs / 'runs'}.\n"
            "Train one: train.py split=grouped"
        )
    _, newest = max(fit, key=lambda each: (each[1]["data"]["corpus"] != "synthetic", each[1].get("finished") or ""))
    of_corpus = [each for each in fit if each[1]["data"]["sha256"] == newest["data"]["sha256"]]
    return max(of_corpus, key=lambda each: each[1]["metrics"]["val"]["clip"]["accuracy"])[0]


def matching(runs: Iterable[RunFolder], filters: Sequence[str]) -> list[RunFolder]:
    """Runs whose card or configuration has all of `key=value`: `status=failed`, `split=leaky`, `model.lr=0.01`.

    Raises:
        GtzanError: no run has such a key.
    """
    runs, wanted = list(runs), [text.partition("=")[::2] for text in filters]
    for text, (key, _) in zip(filters, wanted, strict=True):
        _check_key(text, key, runs)
    return [run for run in runs if all(value in _values(run, key) for key, value in wanted)]


def values_of(runs: Iterable[RunFolder], filters: Sequence[str]) -> dict[str, list[str]]:
    """The values that runs have of each key of the filters, for a hint where no run matches."""
    runs, keys = list(runs), [text.partition("=")[0] for text in filters]
    return {key: sorted({value for run in runs for value in _values(run, key)} - {"None"}) for key in keys}


def differences(runs: Sequence[RunFolder]) -> dict[str, list[Any]]:
    """Config keys and test scores that differ between runs, with their value in each run."""
    tables = [run.config() | _scores(run) for run in runs]
    keys = list(dict.fromkeys(key for table in tables for key in table))
    rows = {key: [table.get(key) for table in tables] for key in keys}
    return {key: values for key, values in rows.items() if any(value != values[0] for value in values)}


def remove(run: RunFolder) -> None:
    """Deletes a run folder.

    Raises:
        GtzanError: The folder is not a run folder, or another process uses it.
    """
    if not (run.path / "run.json").is_file():
        raise GtzanError(f"{run.path}: not a run folder; nothing was deleted.")
    with run.locked(wait=False):
        shutil.rmtree(run.path)


def _check_key(text: str, key: str, runs: Sequence[RunFolder]) -> None:
    """Refuses a filter whose key neither the configuration nor the command line of any run has."""
    known = set(SHORTCUTS)
    for run in runs:
        if key in known:
            return
        known |= {word.partition("=")[0] for word in card_of(run).get("overrides", [])}
        with suppress(GtzanError):  # a damaged configuration
            known |= run.config().keys()
    if runs and key not in known:
        close = get_close_matches(key, known, n=1)
        hint = f"Did you mean {close[0]}?" if close else f"Filters: {', '.join(SHORTCUTS)}, keys of config.yaml."
        raise GtzanError(f"{text}: no run has the key {key!r}. {hint}")


def _values(run: RunFolder, key: str) -> set[str]:
    """All spellings of the run's value of a key: of the command line, the configuration and the card."""
    card = card_of(run)
    try:
        config = run.config()
    except GtzanError:
        config = {}
    model = str(card.get("model", {}).get("name"))
    shortcuts = {
        "status": {str(card.get("status"))},
        "split": {str(card.get("split", {}).get("name"))},
        "model": {model, model.lower(), run.path.name.partition("-")[0]},  # the folder's name begins with the option
        "corpus": {str(card.get("data", {}).get("corpus"))},
    }
    words = [word.partition("=")[::2] for word in card.get("overrides", [])]
    configured = {str(config[key])} if config.get(key) is not None else set()
    return {value for name, value in words if name == key} | shortcuts.get(key, set()) | configured


def _scores(run: RunFolder) -> dict[str, Any]:
    test = run.card().get("metrics", {}).get("test", {})
    return {f"test/{level}_accuracy": scores["accuracy"] for level, scores in test.items()}
