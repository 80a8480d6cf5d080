"""`gtzan report`: choice of runs and output folder."""

import json

import pytest
from made_runs import changed, made_run

from gtzan_lightning.cli import main
from gtzan_lightning.report.report_folder import report_sweep

pytestmark = pytest.mark.slow


@pytest.fixture
def runs(tmp_path, monkeypatch):
    """Three runs in the default folder; one of them has failed."""
    monkeypatch.setenv("COLUMNS", "160")
    outputs = tmp_path / "outputs"
    folders = [made_run(outputs), made_run(outputs, split="leaky"), made_run(outputs, model="BiLSTM")]
    changed(folders[2], status="failed", error="why")
    return folders


def test_all_runs_are_the_default(runs, capsys):  # noqa: ARG001
    assert main(["report"]) == 0
    out = capsys.readouterr().out
    for words in ("2 runs, 2 configurations", "LEAKY SPLIT", "Missing: ", "why", "outputs/reports/report.html"):
        assert words in out


@pytest.mark.parametrize(
    ("words", "configurations"),
    [(["split=grouped", "status=done"], 1), (["mlp-3s-leaky"], 1), (["mlp-3s-leaky", "mlp-3s-grouped"], 2)],
)
def test_runs_are_chosen_by_name_or_filter(runs, capsys, tmp_path, words, configurations):  # noqa: ARG001
    assert main(["report", *words, "--output", str(tmp_path / "there")]) == 0
    assert f"{configurations} run" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == ["report.html", "report.md", "scores.csv"]


def test_a_sweep_is_reported_in_its_folder_with_its_overrides_and_missing_jobs(runs, capsys, tmp_path):
    jobs = tmp_path / "outputs" / "sweeps" / "0123abcd" / "jobs-0"
    jobs.mkdir(parents=True)
    requested = {"00000": (runs[0], "seed=0"), "00001.json": (tmp_path / "never", "seed=1")}
    for name, (folder, word) in requested.items():
        (jobs / name).write_text(json.dumps({"folder": str(folder), "overrides": [word]}))
    (jobs / "00000.log").write_text("what the job printed")
    assert main(["report", str(jobs.parent)]) == 0
    out = capsys.readouterr().out
    assert "1 run, 1 configuration" in out
    assert "Missing: seed=1: missing, never started" in out
    assert (jobs.parent / "report.html").is_file()


@pytest.mark.parametrize(
    ("words", "message"), [(["split=artist"], "no run found"), (["nowhere"], "no run has it in its name")]
)
def test_mistakes_are_reported(runs, capsys, words, message):  # noqa: ARG001
    assert main(["report", *words]) == 2
    assert message in capsys.readouterr().err


def test_the_end_of_a_sweep_writes_a_report_with_its_overrides(runs, capsys, tmp_path):
    never = {"status": "not started", "overrides": ["seed=9"]}
    done = json.loads((runs[0] / "run.json").read_text()) | {"overrides": ["seed=0"]}
    report_sweep([(runs[0], done), (tmp_path / "never", never)], tmp_path / "sweep")
    assert "Report: " in capsys.readouterr().out
    text = (tmp_path / "sweep" / "report.md").read_text(encoding="utf-8")
    assert "# 1 run, 1 configuration" in text
    assert "**Missing**: seed=9: not started" in text


def test_a_sweep_without_a_finished_job_or_a_writable_folder_does_not_raise(runs, capsys, tmp_path):
    report_sweep([(runs[2], {"status": "failed", "overrides": []})], tmp_path / "sweep")
    assert not (tmp_path / "sweep").exists()
    (tmp_path / "file").write_text("")
    report_sweep([(runs[0], {"status": "done", "overrides": []})], tmp_path / "file")
    assert "No report: " in capsys.readouterr().out


def test_damaged_runs_are_rows_with_the_reason_in_every_listing(runs, capsys):
    good, leaky, other = runs
    changed(other, status="done")
    lines = (leaky / "predictions.csv").read_text().splitlines(keepends=True)
    (leaky / "predictions.csv").write_text("".join(line for line in lines if ",test," not in line))
    (good.parent / "bare").mkdir()
    (good.parent / "bare" / "run.json").write_text('{"status": "done"}')
    (other / "config.yaml").unlink()
    assert main(["report"]) == 0
    out = capsys.readouterr().out
    assert "predictions.csv: 0 of 120 rows of the part test." in out
    assert "bare/run.json: no data.corpus, data.sha256" in out
    assert main(["runs", "ls"]) == 0
    assert "bare/run.json: no data.corpus" in capsys.readouterr().out
    for command in (["runs", "show", "bare"], ["audit", "bare"], ["audit", other.name], ["card", leaky.name]):
        assert main(command) == 2
        assert "Repeat" in capsys.readouterr().err
    lost = [line for number, line in enumerate(lines) if number % 3 or ",test," not in line]
    (leaky / "predictions.csv").write_text("".join(lost))
    assert main(["compare", good.name, leaky.name]) == 2
    assert "of 120 rows of the part test. Repeat" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ('{"metrics": {}}', "evaluation.json: no data.corpus, data.left_out_genres"),
        ("[]", "evaluation.json: no data.corpus, data.left_out_genres"),
        ('{"metrics": {', "evaluation.json: damaged ("),
    ],
)
def test_a_damaged_evaluation_is_a_row_with_the_reason(runs, capsys, content, reason):
    good, _, other = runs
    changed(other, status="done")
    (good / "evaluations" / "x").mkdir(parents=True)
    (good / "evaluations" / "x" / "evaluation.json").write_text(content)
    assert main(["report"]) == 0
    out = capsys.readouterr().out
    assert "2 runs, 2 configurations" in out
    assert reason in out
    assert main(["runs", "show", good.name]) == 2
    err = capsys.readouterr().err
    assert reason in err
    assert "Delete it, and repeat gtzan evaluate." in err


@pytest.mark.parametrize("content", ["", "a,b\n1,2\n", 'track_id,cluster\n"x'])
def test_damaged_clusters_are_named(runs, capsys, content):
    good, _, other = runs
    changed(other, status="done")
    (good / "clusters.csv").write_text(content)
    for command in (["compare", good.name, other.name], ["card", good.name]):
        assert main(command) == 2
        assert "clusters.csv: damaged (" in capsys.readouterr().err
    assert main(["report"]) == 0


def test_a_card_that_lacks_an_entry_is_named(runs, capsys):
    changed(runs[0], training={})
    assert main(["runs", "show", runs[0].name]) == 2
    assert capsys.readouterr().err == (
        f"outputs/runs/{runs[0].name}/run.json: no 'best_epoch'. Repeat the run with rerun=true; the folder is kept.\n"
    )
