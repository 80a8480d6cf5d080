"""The end of a multirun: one table of all its jobs, and what its experiment asks for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from gtzan_lightning.atomic import write_text
from gtzan_lightning.errors import GtzanError

if TYPE_CHECKING:
    from gtzan_lightning.cli.sweep_session import SweepSession
    from gtzan_lightning.runs.job_states import JobState


class Refusal(BaseException):
    """Carries an error (its cause) out of a callback: Hydra only warns of ordinary exceptions there, and goes on."""


class SweepTable(Callback):
    """Tells the plan of a multirun, and prints the table of all jobs when they have ended."""

    failures: ClassVar[int] = 0  # jobs of this process's last multirun that are not done
    session: ClassVar[SweepSession | None] = None  # of this process, from the first pass of Hydra to the last

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        from gtzan_lightning.cli.sweep_session import SweepSession  # slow to import, and a single run needs none

        try:
            SweepTable.session = SweepTable.session or SweepSession(config)
        except Exception as error:
            raise Refusal from error

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **kwargs: Any) -> None:
        if SweepTable.session is not None:  # the job ran in this process
            SweepTable.session.display.refresh()

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        session = SweepTable.session
        if session is None or session.wants_another_pass():
            return
        jobs = SweepTable.end(session.jobs())
        done = [card for _, card in jobs if card.get("status") == "done"]
        folder = Path(config.hydra.sweep.dir)
        _sum_up(jobs, folder)
        if config.hydra.runtime.choices.get("experiment") == "ladder" and done:
            _show_ladder(done, [card for _, card in jobs if card not in done], folder)
        if config.hydra.runtime.choices.get("experiment") == "suspects" and done:
            _show_suspects(done, folder)
        _show_claims([card for card in done if card.get("claim")], folder)

    @staticmethod
    def end(states: Sequence[JobState]) -> list[tuple[Path, dict[str, Any]]]:
        """Ends the display and prints the table of some jobs; returns their run folders and cards."""
        from gtzan_lightning.report.console import print_sweep

        if SweepTable.session is not None:
            SweepTable.session.display.stop()
        first: dict[Path, JobState] = {}
        for state in states:
            first.setdefault(Path(state.folder), state)  # one question asked twice is one run
        jobs = [(folder, _card(folder, state)) for folder, state in first.items()]
        SweepTable.failures = sum(card.get("status") != "done" for _, card in jobs)
        print_sweep(jobs)
        return jobs

    @staticmethod
    def close() -> None:
        """Lets go of the multirun, however it ended."""
        if SweepTable.session is not None:
            SweepTable.session.close()
            SweepTable.session = None


def _card(folder: Path, state: JobState) -> dict[str, Any]:
    """The job's card, with the words of this sweep: a run that was finished before may have been asked for in others.

    A damaged card is one row of the table, not the end of it.
    """
    from gtzan_lightning.runs.folder import RunFolder

    try:
        card = RunFolder(folder).card()
    except GtzanError as error:
        card = {"status": "damaged", "error": str(error)}
    if state.status in ("waiting", "not started") and card.get("status") != "done":
        card["status"] = "not started"
    return card | {"overrides": list(state.overrides), "claim": state.claim}


def _sum_up(jobs: Sequence[tuple[Path, dict[str, Any]]], folder: Path) -> None:
    """Prints means over seeds and folds where there are several; leaves the report of all jobs."""
    from gtzan_lightning.report.folder import report_sweep
    from gtzan_lightning.report.summary import print_summary, summed_up

    print_summary(summed_up([card for _, card in jobs if card.get("status") == "done"]))
    report_sweep(jobs, folder)


def _show_claims(cards: Sequence[dict[str, Any]], folder: Path) -> None:
    """Prints and keeps what became of published scores and rankings, where the jobs were made for some."""
    from gtzan_lightning.report.claims import check_claims, claims_markdown, print_claims
    from gtzan_lightning.report.rankings import check_rankings, print_rankings, rankings_markdown
    from gtzan_lightning.report.stamps import stamps_markdown

    texts = []
    if checks := check_claims(cards):
        print_claims(checks)
        texts.append(claims_markdown(checks))
    if leads := check_rankings(cards):
        print_rankings(leads)
        texts.append(rankings_markdown(leads))
    if texts:
        write_text(folder / "claims.md", "\n".join(texts) + stamps_markdown(cards, "jobs"))
        print(f"Written: {folder / 'claims.md'}")


def _show_ladder(done: Sequence[dict[str, Any]], failed: Sequence[dict[str, Any]], folder: Path) -> None:
    """Prints the ladder at both levels, and draws its pictures into the sweep's folder."""
    from gtzan_lightning.report.ladder import ladder, ladder_markdown, omitted, print_ladder
    from gtzan_lightning.report.ladder_figure import ladder_figure
    from gtzan_lightning.report.stamps import stamps_markdown

    texts = []
    for level in ("window", "clip"):
        rungs = ladder(done, level)
        print_ladder(rungs, level, omitted(failed))
        texts.append(ladder_markdown(rungs, level))
        picture = folder / f"ladder_{level}.png"
        ladder_figure(rungs, done[0]["data"]["corpus"], level).savefig(picture)
        print(f"Picture: {picture}")
    write_text(folder / "ladder.md", "\n".join(texts) + stamps_markdown(done, "jobs"))
    print(f"Written: {folder / 'ladder.md'}")


def _show_suspects(cards: Sequence[dict[str, Any]], folder: Path) -> None:
    """Prints and keeps what each suspect is worth, at both levels."""
    from gtzan_lightning.report.stamps import stamps_markdown
    from gtzan_lightning.report.suspects import print_suspects, suspects, suspects_markdown

    texts = []
    for level in ("window", "clip"):
        found = suspects(cards, level)
        print_suspects(found, level, cards)
        texts.append(suspects_markdown(found, level))
    write_text(folder / "suspects.md", "\n".join(texts) + stamps_markdown(cards, "jobs"))
    print(f"Written: {folder / 'suspects.md'}")
