"""The section `study` is checked before any work, in a single run and in each job of a multirun."""

from pathlib import Path

import pytest

FAST = ("debug=fast", "trainer.progress=false")
NOT_A_STUDY = "gtzan_lightning.errors.GtzanError"
CLAIMS = "gtzan_lightning.studies.claims.PublishedClaims"
MISTAKES = [
    (
        "study={_target_: no_such_package.Study}",
        "study._target_=no_such_package.Study: cannot be imported (No module named 'no_such_package'). "
        "Name it as package.module.Class.",
    ),
    (
        "study={_target_: gtzan_lightning.studies.claims.Claim}",
        "study._target_=gtzan_lightning.studies.claims.Claim: cannot be imported "
        "(module 'gtzan_lightning.studies.claims' has no attribute 'Claim'). Name it as package.module.Class.",
    ),
    (
        f"study={{_target_: {NOT_A_STUDY}}}",
        f"study._target_={NOT_A_STUDY}: is not a subclass of gtzan_lightning.studies.study.Study.",
    ),
    (
        f"study={{_target_: {CLAIMS}, claim: a row}}",
        f"study._target_={CLAIMS} needs study.level, study.accuracy. Set it in the experiment.",
    ),
]


@pytest.mark.parametrize(("study", "message"), MISTAKES)
def test_a_single_run_is_refused_and_leaves_no_folder(command, tables_root, tmp_path, study, message):
    ended = command(f"data.root={tables_root}", *FAST, study)
    assert (ended.status, ended.err) == (2, f"\n{message}\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("study", "message"), MISTAKES)
def test_a_job_of_a_multirun_fails_before_it_trains(command, tables_root, study, message):
    ended = command("-m", f"data.root={tables_root}", *FAST, "seed=0,1", study)
    assert ended.status == 1
    assert ended.err.count(f" failed:\n{message}\n") == 2
    rows = [line.split() for line in ended.out.partition("jobs, test accuracy")[2].splitlines() if "seed=" in line]
    assert rows[:2] == [["seed=0", "failed"], ["seed=1", "failed"]]
    assert ended.cards() == {}


def test_a_finished_run_does_not_hide_the_mistake(command, tables_root):
    assert command(f"data.root={tables_root}", *FAST).status == 0
    study, message = MISTAKES[0]
    ended = command("-m", f"data.root={tables_root}", *FAST, "split.seed=0", study)
    assert ended.status == 1
    assert f"failed:\n{message}" in ended.err
    assert [card["status"] for card in ended.cards().values()] == ["done"]


def test_a_section_without_a_class_is_left_to_the_validation(command, tables_root):
    ended = command(f"data.root={tables_root}", *FAST, "study={claim: a row}")
    assert ended.status == 2
    assert "  study._target_: Field required" in ended.err
    assert not Path("outputs").exists()
