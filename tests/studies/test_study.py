"""What all studies share: found by name, from any module, with their tables and figures written beside the sweep."""

import sys

import pytest

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.report.tables import TextTable
from gtzan_lightning.studies.claims import PublishedClaims
from gtzan_lightning.studies.study import Study, StudyResult, accuracies_by_seed, report_studies, study_class

OWN = """
from matplotlib.figure import Figure
from gtzan_lightning.report.tables import TextTable
from gtzan_lightning.studies.study import Study, StudyResult

class Count(Study):
    name = "count"
    settings = ("noun",)

    def analyse(self, done, failed):
        noun = done[0]["study"]["noun"]
        rows = [[noun, f"{len(done)} done, {len(failed)} failed"]]
        return StudyResult([TextTable("Count", ("what", "how many"), rows, ("A note.",))], {"count": Figure()})
"""


@pytest.fixture
def own_study(tmp_path, monkeypatch):
    """A study in a module of the user's."""
    (tmp_path / "my_studies.py").write_text(OWN)
    monkeypatch.syspath_prepend(tmp_path)
    yield {"_target_": "my_studies.Count", "noun": "runs"}
    sys.modules.pop("my_studies", None)


def card(study, status="done", **more):
    return {"status": status, "study": study, "data": {"corpus": "made"}, **more}


def test_a_study_of_ones_own_prints_and_writes_its_table_and_figure(own_study, tmp_path, capsys):
    report_studies([card(own_study), card(own_study), card(own_study, "failed"), card(None)], tmp_path)
    out = capsys.readouterr().out
    assert "2 done, 1 failed" in out
    assert f"Written: {tmp_path / 'count.md'}" in out
    assert (tmp_path / "count.md").read_text() == (
        "**Count**\n\n| what | how many |\n|---|---|\n| runs | 2 done, 1 failed |\n\nA note.\n"
    )
    assert (tmp_path / "count.png").read_bytes().startswith(b"\x89PNG")


def test_without_a_finished_run_nothing_is_written(own_study, tmp_path, capsys):
    report_studies([card(own_study, "failed")], tmp_path)
    assert capsys.readouterr().out == ""
    assert not (tmp_path / "count.md").exists()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"_target_": "nowhere.Study"},
            "study._target_=nowhere.Study: cannot be imported (No module named 'nowhere'). "
            "Name it as package.module.Class.",
        ),
        (
            {"_target_": "gtzan_lightning.studies.study.StudyResult"},
            "study._target_=gtzan_lightning.studies.study.StudyResult: is not a subclass of "
            "gtzan_lightning.studies.study.Study.",
        ),
        (
            {"_target_": "gtzan_lightning.studies.claims.PublishedClaims", "level": "window"},
            "study._target_=gtzan_lightning.studies.claims.PublishedClaims needs study.claim, study.accuracy. "
            "Set it in the experiment.",
        ),
    ],
)
def test_a_wrong_study_is_refused(settings, message):
    with pytest.raises(GtzanError) as error:
        study_class(settings)
    assert str(error.value) == message


def test_a_study_is_found_by_its_target():
    settings = {
        "_target_": "gtzan_lightning.studies.claims.PublishedClaims",
        "claim": "a",
        "level": "clip",
        "accuracy": 0.9,
    }
    assert study_class(settings) is PublishedClaims


def test_training_seeds_of_one_split_seed_are_averaged():
    def run(split_seed, accuracy):
        return {"split": {"seed": split_seed}, "metrics": {"test": {"clip": {"accuracy": accuracy}}}}

    assert accuracies_by_seed([run(3, 0.5), run(1, 0.7), run(3, 0.6)], "clip") == {3: pytest.approx(0.55), 1: 0.7}


def test_a_study_needs_an_analysis():
    with pytest.raises(TypeError, match="abstract"):
        Study()
    assert StudyResult([TextTable("t", ("a",), [])]).figures == {}


def test_a_figure_that_cannot_be_drawn_does_not_fail_the_study(own_study, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda *_, **__: 1 / 0)
    report_studies([card(own_study)], tmp_path)
    assert (tmp_path / "count.md").is_file()
    out = capsys.readouterr().out
    assert f"{tmp_path / 'count.png'} could not be made: ZeroDivisionError: division by zero\n" in out
    assert "Picture" not in out
