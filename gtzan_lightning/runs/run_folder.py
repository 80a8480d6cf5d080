"""The folder of one run: its record, its lock, and what a second asking of the same config_hash finds there."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.utils.files import write_text

Card = dict[str, Any]
"""The run card, `run.json`, as nested plain values."""


@dataclass(frozen=True)
class RunFolder:
    """Paths of a run folder, and its card."""

    path: Path

    @property
    def best_checkpoint(self) -> Path:
        """Weights of the best epoch on validation."""
        return self.path / "best.ckpt"

    @property
    def last_checkpoint(self) -> Path:
        """Where an interrupted run goes on."""
        return self.path / "last.ckpt"

    @property
    def predictions(self) -> Path:
        """What the model said about every slice."""
        return self.path / "predictions.csv"

    @property
    def split(self) -> Path:
        """Which slice was in which part."""
        return self.path / "split.csv"

    @property
    def history(self) -> Path:
        """Losses and scores of every epoch."""
        return self.path / "history.csv"

    @property
    def clusters(self) -> Path:
        """The cluster (artist, recording or track) of each track, which intervals resample."""
        return self.path / "clusters.csv"

    @property
    def figures(self) -> Path:
        """PNG pictures."""
        return self.path / "figures"

    def card(self) -> Card:
        """The run card; empty where there is none yet.

        Raises:
            GtzanError: run.json is damaged.
        """
        file = self.path / "run.json"
        if not file.is_file():
            return {}
        try:
            card = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise GtzanError(
                f"{file}: damaged ({error}).\nRepeat the run with rerun=true; the folder is kept."
            ) from error
        if not isinstance(card, dict):
            raise GtzanError(f"{file}: not a run card.\nRepeat the run with rerun=true; the folder is kept.")
        return card

    def write_card(self, card: Card) -> None:
        """Replaces run.json as a whole."""
        write_text(self.path / "run.json", json.dumps(card, indent=2, ensure_ascii=False) + "\n")

    def is_done(self) -> bool:
        """Whether the run finished and its results are there."""
        return self.card().get("status") == "done" and self.predictions.is_file()

    def done_card(self) -> Card:
        """The card of a finished run.

        Raises:
            GtzanError: the run has not finished.
        """
        if not self.is_done():
            status = self.card().get("status", "no run")
            raise GtzanError(f"{self.path}: {status}, not done. Start its command again: it goes on where it stopped.")
        return self.card()

    def holds_another(self, config_hash: str) -> bool:
        """Whether the folder, which a user may have named, holds the run of another config_hash."""
        return self.card().get("config_hash", config_hash) != config_hash

    def set_aside(self) -> Path | None:
        """Renames the folder to `<run>.1` (or the next free number); None where there is nothing to keep."""
        if not self.path.exists() or not any(self.path.iterdir()):
            return None
        number = 1
        while (kept := self.path.with_name(f"{self.path.name}.{number}")).exists():
            number += 1
        self.path.rename(kept)
        self.path.mkdir()
        return kept

    @contextmanager
    def locked(self, *, wait: bool = True) -> Iterator[None]:
        """Holds the run for this process; another process with the same config_hash waits for its turn.

        The system drops the lock of a process that dies.

        Raises:
            GtzanError: another process holds it, and `wait` is False.
        """
        lock = FileLock(self.path.with_name(f".{self.path.name}.lock"))
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
        """Whether a living process is on the run."""
        lock = self.path.with_name(f".{self.path.name}.lock")
        if not lock.exists():
            return False
        try:
            with FileLock(lock, timeout=0):
                return False
        except Timeout:
            return True

    def standing(self) -> str:
        """The card's status as it really is: a run that a dead process was on is interrupted; empty without a card.

        Raises:
            GtzanError: run.json is damaged.
        """
        if self.is_held():
            return "running"
        status = str(self.card().get("status", ""))
        return "interrupted" if status == "running" else status

    def mark_interrupted(self, patience_s: float) -> None:
        """Corrects the card of a run whose process was killed; waits so long for a process that is just ending."""
        lock = FileLock(self.path.with_name(f".{self.path.name}.lock"))
        with suppress(Timeout, GtzanError), lock.acquire(timeout=patience_s):
            card = self.card()
            if card.get("status") == "running":
                self.write_card(card | {"status": "interrupted", "finished": now()})

    @contextmanager
    def recording(self, card: Card) -> Iterator[None]:
        """Keeps the card's status true: running now, then done, failed with its traceback, or interrupted."""
        self.path.mkdir(parents=True, exist_ok=True)
        for leftover in self.path.glob(".*.tmp*"):  # of a process that was killed while it wrote
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
        except BaseException:  # Ctrl-C, or a scheduler's signal
            self.write_card(card | {"status": "interrupted", "finished": now()})
            raise
        self.write_card(card | {"status": "done", "finished": now()})


def now() -> str:
    """The time in UTC, to the second."""
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
