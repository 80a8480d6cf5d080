"""The folder of one run: paths, run card, status and lock."""

from __future__ import annotations

import json
import os
import re
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from gtzan_lightning.config.identity import flat
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.utils.code_hash import changed_files, short_list
from gtzan_lightning.utils.files import UNFINISHED, write_text

Card = dict[str, Any]
"""The run card, `run.json`, as nested plain values."""

LIMITS = (
    "limit_batches", "limit_train_batches", "limit_val_batches", "limit_predict_batches", "fast_dev_run",
    "overfit_batches",
)  # fmt: skip
"""Keys of `trainer` that leave out examples."""

_FLOAT = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+")  # 1e-5, which YAML 1.1 takes for text

REMEDY = "Repeat the run with rerun=true; the folder is kept."


NEEDED_OF_EVALUATION = (
    "data.corpus", "data.left_out_genres", "data.notes", "ood", "intervals.stratified_by_genre", "calibration",
    *(f"metrics.{level}.{score}" for level in ("window", "clip") for score in ("accuracy", "accuracy_ci95", "f1", "n")),
)  # fmt: skip
"""Entries of evaluation.json without which it cannot be shown."""


class _Inside:
    """Attribute with the path of a file or folder inside the run folder."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __get__(self, run: RunFolder, owner: type[RunFolder]) -> Path:
        return run.path / self.name


@dataclass(frozen=True)
class RunFolder:
    """A run folder, whether it exists or not."""

    path: Path

    best_checkpoint = _Inside("best.ckpt")  # weights of the best epoch
    last_checkpoint = _Inside("last.ckpt")  # state of the last epoch, from which an interrupted run resumes
    predictions = _Inside("predictions.csv")  # predicted probabilities of every slice
    split = _Inside("split.csv")  # the part of every slice
    history = _Inside("history.csv")  # losses and scores of every epoch
    clusters = _Inside("clusters.csv")  # the cluster of each track (artist, recording or track), for intervals
    figures = _Inside("figures")  # folder of PNG files

    @property
    def _lock(self) -> Path:
        return self.path.with_name(f".{self.path.name}.lock")

    def card(self) -> Card:
        """The run card; empty if there is none yet.

        Raises:
            GtzanError: run.json is damaged.
        """
        file = self.path / "run.json"
        if not file.is_file():
            return {}
        try:
            card = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise GtzanError(f"{file}: damaged ({error}).\n{REMEDY}") from error
        if not isinstance(card, dict):
            raise GtzanError(f"{file}: not a run card.\n{REMEDY}")
        return card

    def config(self) -> dict[str, Any]:
        """The configuration with dotted keys; empty if it was not written yet.

        Raises:
            GtzanError: config.yaml is damaged.
        """
        file = self.path / "config.yaml"
        if not file.is_file():
            return {}
        import yaml  # here: a list of runs does without

        try:
            return flat(yaml.load(file.read_text(encoding="utf-8"), _yaml_loader()))
        except Exception as error:  # YAML raises many types, and a list has no keys
            raise GtzanError(f"{file}: damaged ({error}).\n{REMEDY}") from error

    def evaluations(self) -> list[Card]:
        """The cards of the evaluations on other corpora (`gtzan evaluate`), by name.

        Raises:
            GtzanError: one is damaged.
        """
        found = []
        for file in sorted(self.path.glob("evaluations/*/evaluation.json")):
            remedy = "Delete it, and repeat gtzan evaluate."
            try:
                card = json.loads(file.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise GtzanError(f"{file}: damaged ({error}).\n{remedy}") from error
            if lacking := [name for name in NEEDED_OF_EVALUATION if not has_entry(card, name)]:
                raise GtzanError(f"{file}: no {short_list(lacking, 3)}.\n{remedy}")
            found.append(card)
        return found

    def write_card(self, card: Card) -> None:
        """Replaces run.json atomically."""
        write_text(self.path / "run.json", json.dumps(card, indent=2, ensure_ascii=False) + "\n")

    def is_done(self) -> bool:
        """Whether the run has finished and its predictions exist."""
        return self.card().get("status") == "done" and "metrics" in self.card() and self.predictions.is_file()

    def done_card(self) -> Card:
        """The card of a finished run.

        Raises:
            GtzanError: The run has not finished.
        """
        if not self.is_done():
            status = self.card().get("status", "no run")
            raise GtzanError(f"{self.path}: {status}, not done. Repeat its command to resume it.")
        return self.card()

    def holds_another(self, config_hash: str) -> bool:
        """Whether the folder, which a user may have named, contains a run with another config hash."""
        return self.card().get("config_hash", config_hash) != config_hash

    def set_aside(self) -> Path | None:
        """Renames the folder to `<run>.1` (or the next free number) and creates an empty one; None if it is empty."""
        if not self.path.exists() or not any(self.path.iterdir()):
            return None
        number = 1
        while (kept := self.path.with_name(f"{self.path.name}.{number}")).exists():
            number += 1
        self.path.rename(kept)
        self.path.mkdir()
        return kept

    def check_writable(self) -> None:
        """Checks that a result can be added to the folder, before it is computed.

        Raises:
            GtzanError: It cannot.
        """
        if not os.access(self.path, os.W_OK):
            raise GtzanError(
                f"{self.path}: no permission to write the result into this run folder. Copy it to a folder of your "
                "own, and name the copy."
            )

    @contextmanager
    def locked(self, *, wait: bool = True) -> Iterator[None]:
        """Locks the run for this process; the operating system releases the lock of a process that dies.

        Args:
            wait: Wait for another process that holds the lock.

        Raises:
            GtzanError: Another process holds the lock, and `wait` is False.
        """
        lock = FileLock(self._lock)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            if not wait:
                raise GtzanError(f"{self.path.name}: another process is on it. Stop that one first.") from None
            print(f"{self.path.name}: another process is on it; waiting for its result.", flush=True)
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def is_held(self) -> bool:
        """Whether a process holds the lock of the run."""
        if not self._lock.exists():
            return False
        try:
            with FileLock(self._lock, timeout=0):
                return False
        except Timeout:
            return True
        except OSError:  # no permission to write, as in the runs of a colleague
            return _is_locked_elsewhere(self._lock)

    def standing(self) -> str:
        """The actual status: `interrupted` if the card says `running` but no process holds the lock; "" without a card.

        Raises:
            GtzanError: run.json is damaged.
        """
        if self.is_held():
            return "running"
        status = str(self.card().get("status", ""))
        return "interrupted" if status == "running" else status

    def mark_interrupted(self, patience_s: float) -> None:
        """Corrects the card of a run whose process was killed, after waiting up to `patience_s` for the lock."""
        with suppress(Timeout, GtzanError), FileLock(self._lock).acquire(timeout=patience_s):
            card = self.card()
            if card.get("status") == "running":
                self.write_card(card | {"status": "interrupted", "finished": now()})

    @contextmanager
    def recording(self, card: Card) -> Iterator[None]:
        """Writes the card with its status: `running`, then `done`, `failed` with the traceback, or `interrupted`."""
        self.path.mkdir(parents=True, exist_ok=True)
        for leftover in self.path.glob(f"{UNFINISHED}*"):  # of a process that was killed while writing
            leftover.unlink(missing_ok=True)
        card |= {"status": "running", "started": now(), "finished": None}
        self.write_card(card)
        try:
            yield
        except Exception as error:
            message = str(error) if isinstance(error, GtzanError) else f"{type(error).__name__}: {error}"
            failure = {"status": "failed", "finished": now(), "error": message, "traceback": traceback.format_exc()}
            self.write_card(card | failure)
            raise
        except BaseException:  # Ctrl-C, or a signal of a scheduler
            self.write_card(card | {"status": "interrupted", "finished": now()})
            raise
        self.write_card(card | {"status": "done", "finished": now()})


def has_entry(card: Any, name: str) -> bool:
    """Whether a card has the entry with this dotted name."""
    node = card
    for key in name.split("."):
        if not isinstance(node, dict) or key not in node:
            return False
        node = node[key]
    return True


def score_warnings(card: Mapping[str, Any]) -> list[str]:
    """The warnings that are shown with each score of a run; a run with any takes part in no comparison.

    They concern leakage, limited runs, and runs that were kept although their code has changed since.
    """
    split = card.get("split", {}).get("leakage_warning")
    warnings = list(card.get("leakage_warnings", [split] if split else []))
    if limits := limits_of(card):
        warnings.append(f"LIMITED RUN ({', '.join(limits)}): not trained and tested on all slices")
    if card.get("code", {}).get("changed"):
        warnings.append("OTHER CODE: the run was kept (reuse=always), and its code has changed since")
    return warnings


def limits_of(card: Mapping[str, Any]) -> list[str]:
    """The settings that left out examples, such as `debug=fast`; empty for a complete run."""
    recorded = card.get("limits")
    if recorded is not None:
        return list(recorded)
    words = [str(word) for word in card.get("overrides", ())]  # the card of an earlier version
    keys = {"debug", *(f"trainer.{name}" for name in LIMITS)}
    return [word for word in words if word.partition("=")[0].lstrip("+") in keys and not word.endswith("=null")]


def changed_code(card: Mapping[str, Any], files: Mapping[str, str]) -> list[str]:
    """Source files of a run that have changed since; all files for a run that recorded none; empty without a card."""
    return changed_files(card.get("code", {}).get("files", {}), files) if card else []


@cache
def _yaml_loader() -> Any:
    """A loader that reads the file which OmegaConf wrote as OmegaConf does, ten times as fast."""
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        yaml_implicit_resolvers = {  # noqa: RUF012
            first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
            for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    Loader.add_implicit_resolver("tag:yaml.org,2002:float", _FLOAT, list("-+0123456789."))
    return Loader


def _is_locked_elsewhere(path: Path) -> bool:
    """Whether a process holds the lock of a file that this process may only read."""
    try:
        import fcntl  # not on Windows

        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except (ImportError, OSError):
        return False
    return False


def now() -> str:
    """The current time in UTC, ISO 8601, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
