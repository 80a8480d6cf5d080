"""`gtzan runs`: lists, shows, compares and removes run folders."""

import csv
import io
import json
import shutil
import subprocess
import sys

import pytest

from gtzan_lightning.cli import main
from gtzan_lightning.runs.run_folder import RunFolder


@pytest.fixture
def outputs(three_runs, tmp_path):
    """A copy that a test may change."""
    return shutil.copytree(three_runs, tmp_path / "outputs")


@pytest.fixture
def runs(outputs, monkeypatch, capsys):  # noqa: ARG001 - the default of --outputs
    """`gtzan runs ...`: its exit status, output and message."""
    monkeypatch.setenv("COLUMNS", "160")

    def run(*arguments):
        status = main(["runs", *arguments])
        return status, *capsys.readouterr()

    return run


def named(outputs, beginning):
    (folder,) = (outputs / "runs").glob(f"{beginning}*")
    return folder


def first_words(out):
    """Of the rows of a table."""
    return [line.split()[0] for line in out.splitlines() if line.startswith(" ") and line.strip()]


def listed(out):
    """Names in the first column of the list."""
    return {word.rpartition("-")[0] for word in first_words(out) if "debug" in word}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([], {"mlp-3s-grouped-fast-debug", "lstm-3s-grouped-fast-debug", "mlp-3s-leaky-fast-debug"}),
        (["split=leaky"], {"mlp-3s-leaky-fast-debug"}),
        (["model=lstm"], {"lstm-3s-grouped-fast-debug"}),
        (["model=BiLSTM"], {"lstm-3s-grouped-fast-debug"}),
        (["split.name=grouped", "model=mlp"], {"mlp-3s-grouped-fast-debug"}),
        (["seed=0", "slice.seconds=3", "status=done"], {"mlp-3s-grouped-fast-debug", "lstm-3s-grouped-fast-debug",
                                                        "mlp-3s-leaky-fast-debug"}),
        (["trainer.max_epochs=2"], set()),
    ],
)  # fmt: skip
def test_ls_lists_the_runs_that_match_all_filters(runs, filters, expected):
    status, out, _ = runs("ls", *filters)
    assert status == 0
    assert listed(out) == expected
    assert f"{len(expected)} runs, test accuracy" in out
    assert ("LEAKY SPLIT" in out) == any("leaky" in name for name in expected)


def test_ls_shows_every_status_and_both_scores(runs, outputs):
    (outputs / "runs" / "broken-00000000").mkdir()
    (outputs / "runs" / "broken-00000000" / "run.json").write_text("{")
    (named(outputs, "lstm") / "run.json").write_text(json.dumps({"status": "interrupted"}))
    score = RunFolder(named(outputs, "mlp-3s-grouped")).card()["metrics"]["test"]
    out = runs("ls")[1]
    for word in ("damaged", "interrupted", *(f"{score[level]['accuracy']:.3f}" for level in ("window", "clip"))):
        assert word in out


def test_a_run_whose_process_died_is_interrupted_despite_its_card(runs, outputs):
    (named(outputs, "lstm") / "run.json").write_text(json.dumps({"status": "running", "started": "then"}))
    assert "interrupted" in runs("ls")[1]
    assert "1 runs" in runs("ls", "status=interrupted")[1]
    assert "interrupted, started then" in runs("show", "lstm")[1]


def test_show_prints_the_result_and_its_command(runs):
    status, out, _ = runs("show", "mlp-3s-leaky")
    assert status == 0
    assert "mlp on tables0 (100 tracks), split leaky" in out
    assert "LEAKY SPLIT" in out
    assert "Command:" in out


def test_show_prints_the_reason_of_a_missing_result(runs, outputs):
    (named(outputs, "lstm") / "run.json").write_text(
        json.dumps({"status": "failed", "started": "then", "traceback": "Traceback ...\nZeroDivisionError: [x]\n"})
    )
    out = runs("show", "lstm")[1]
    assert "failed, started then" in out
    assert "ZeroDivisionError: [x]" in out


def test_diff_lists_only_keys_and_scores_that_differ(runs, outputs):
    status, out, _ = runs("diff", "mlp-3s-grouped", "lstm-3s-grouped")
    assert status == 0
    keys = set(first_words(out))
    assert {"model._target_", "model.bidirectional"} <= keys
    assert not keys & {"seed", "split.name", "slice.seconds", "data.root", "regularization.dropout"}
    accuracy = RunFolder(named(outputs, "lstm")).card()["metrics"]["test"]["window"]["accuracy"]
    assert f"{accuracy:.4g}" in out


def test_diff_needs_two_runs(runs):
    assert runs("diff", "mlp-3s-grouped") == (2, "", "gtzan runs diff mlp-3s-grouped: give two or more runs.\n")


def test_rm_removes_only_the_named_runs(runs, outputs):
    folder = named(outputs, "lstm")
    status, out, _ = runs("rm", "lstm")
    assert (status, folder.exists()) == (0, False)
    assert f"Removed outputs/runs/{folder.name}" in out
    assert len(list((outputs / "runs").glob("*/run.json"))) == 2


def test_rm_removes_nothing_unless_every_name_is_unique(runs, outputs):
    for names in (["lstm", "mlp"], ["lstm", "nowhere"]):
        status, _, message = runs("rm", *names)
        assert status == 2
        assert "`gtzan runs ls` lists them" in message
    assert len(list((outputs / "runs").glob("*/run.json"))) == 3


def test_rm_refuses_a_run_in_use(runs, outputs):
    run = RunFolder(named(outputs, "lstm"))
    with run.locked():
        status, _, message = runs("rm", "lstm")
    assert status == 2
    assert "another process is on it" in message
    assert run.path.is_dir()


def test_a_prefix_takes_precedence_over_a_substring_and_a_full_name_over_both(runs, outputs):
    short = shutil.copytree(named(outputs, "lstm"), outputs / "runs" / "a-lstm")
    assert runs("rm", "lstm")[0] == 0  # one run begins with it, another has it in the middle
    assert short.is_dir()
    shutil.copytree(short, outputs / "runs" / "a-lstm.1")
    assert runs("rm", "a-lstm")[0] == 0
    assert not short.exists()
    assert (outputs / "runs" / "a-lstm.1").is_dir()


def test_ls_is_quick_to_import(checkout, outputs):
    code = (
        f"import sys; from gtzan_lightning.cli import main; main(['runs', 'ls', '--outputs', {str(outputs)!r}]); "
        "print(sorted(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=checkout)
    heavy = (
        "torch",
        "lightning",
        "pandas",
        "numpy",
        "scipy",
        "sklearn",
        "hydra",
        "omegaconf",
        "pydantic",
        "matplotlib",
    )
    assert [name for name in heavy if f"'{name}'" in done.stdout] == []


def test_ls_prints_every_column_and_sorts(runs):
    out = runs("ls")[1]
    row = next(line for line in out.splitlines() if "mlp-3s-leaky" in line).split()
    assert row[1:5] == ["mlp", "leaky", "done", "tables0"]
    assert "Next: gtzan runs show RUN" in out
    table = list(csv.DictReader(io.StringIO(runs("ls", "--format", "csv", "--sort", "clip")[1])))
    assert [row["clip"] for row in table] == sorted((row["clip"] for row in table), key=float, reverse=True)
    assert set(table[0]) == {
        "run", "model", "split", "status", "corpus", "date", "duration_s", "window", "clip"
    }  # fmt: skip
    assert {row["model"] for row in json.loads(runs("ls", "--format", "json")[1])} == {"mlp", "lstm"}
    assert "--sort score: unknown. Columns: run, model" in runs("ls", "--sort", "score")[2]


def test_ls_refuses_a_key_that_no_run_has(runs):
    status, _, message = runs("ls", "mdel=lstm")
    assert status == 2
    assert "mdel=lstm: no run has the key 'mdel'. Did you mean model?" in message


def test_ls_lists_the_values_where_no_run_matches(runs):
    status, out, _ = runs("ls", "split=groupd", "status=done")
    assert status == 0
    assert "Values of split in 3 runs: grouped, leaky\nValues of status in 3 runs: done\n" in out


@pytest.mark.parametrize("width", ["40", "60", "80"])
def test_ls_keeps_names_whole_on_a_narrow_terminal(runs, outputs, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", width)
    out = runs("ls")[1]
    assert all(folder.name in out for folder in (outputs / "runs").iterdir() if folder.is_dir())
    assert "…" not in out
