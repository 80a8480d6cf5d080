"""Errors of the user: a few lines with the remedy, exit status 2, and no run that looks finished."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import tiny

FAST = ("debug=fast", "trainer.progress=false")
MEMBERS_OF_SPLIT = "Members of split: artist, filtered, grouped, leaky."
MEMBERS_OF_MODEL = (
    "Members of model: convlstm, forest, knn, lda, logreg, lstm, majority, mlp, published_lstm, published_mlp, "
    "reslstm, svm."
)


def spoil(root, change):
    path = root / "features_3_sec.csv"
    change(pd.read_csv(path)).to_csv(path, index=False)


def assert_refused(ended, *message):
    """Few lines, no traceback, the right status, and no run that is called done."""
    assert ended.status == 2
    assert "Traceback" not in ended.err + ended.out
    assert len(ended.err.strip().splitlines()) <= 8
    for words in message:
        assert words in ended.err
    assert all(card["status"] == "failed" for card in ended.cards().values())


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        ("modle=lstm", "modle=lstm: there is no key 'modle'. Did you mean model?"),
        ("slice=7", "slice=7: unknown. Members of slice: 2s, 3s, 6s, 9s, 30s."),
        ("slice=60s", "slice=60s: unknown. Did you mean 6s? Members of slice: 2s, 3s, 6s, 9s, 30s."),
        ("split=groupd", f"split=groupd: unknown. Did you mean grouped? {MEMBERS_OF_SPLIT}"),
        ("split=null", f"split=null: unknown. {MEMBERS_OF_SPLIT}"),
        ("model=glob(x*)", f"model=glob(x*): matches nothing. {MEMBERS_OF_MODEL}"),
        ("model=", f"model=: unknown. {MEMBERS_OF_MODEL}"),
        ("split=leaky,groupd", f"split=groupd: unknown. Did you mean grouped? {MEMBERS_OF_SPLIT}"),
        ("trainer.max_epoch=3", "there is no key 'trainer.max_epoch'. Did you mean trainer.max_epochs?"),
        ("model.hiden_size=3", "there is no key 'model.hiden_size'. Did you mean model.hidden_size?"),
        ("slice.secs=3", "there is no key 'slice.secs'."),
        ("xyzzy=1", "there is no key 'xyzzy'. --help lists the keys."),
        ("lstm", "lstm: not of the form key=value. Did you mean lstm=...?"),
        ("data.root=/my music", ""),
        ("data.root=[/x", "Quote a value with spaces, commas or special characters: \"data.root='[/x'\""),
        ("seed=abc", "seed = abc: "),
        ("seed=-1", "seed = -1: should be greater than or equal to 0 (set by seed=-1)"),
        ("trainer.max_epochs=0", "trainer.max_epochs = 0: should be greater than or equal to 1"),
        ("trainer.max_epochs=2.5", "trainer.max_epochs = 2.5: should be a valid integer"),
        ("model.dropout=1.5", "model.dropout = 1.5: should be less than 1 (set by model.dropout=1.5)"),
        ("slice.seconds=null", "slice.seconds = None: should be a valid number"),
        ("data.kind=wave", "data.kind = wave: should be 'auto', 'gtzan', 'folder', 'tracks' or 'synthetic'"),
        ("model._target_=os.system", "model._target_=os.system: cannot be imported"),
        ("split.ratios.test=0.5", "train + val + test is 1.3, and must be 1 (set by split.ratios.test=0.5)"),
        ("split.n_folds=5", "fold and n_folds go together: set both, or neither"),
        ("model.kernel_size=3", "model.kernel_size: the selected member of the group has no such key"),
        ("slice=2s", "slice.seconds=2 is shorter than the features' window of 3 s."),
        ("features=mfcc", "features=mfcc needs audio, but"),
        ("data.root=/nowhere", "data.root: there is no folder /nowhere.\nSet data.root (or GTZAN_ROOT) to a folder"),
        ("split.manifest=/nowhere.csv", "split.manifest: there is no file /nowhere.csv. Give the split.csv of a run"),
    ],
)  # fmt: skip
def test_each_mistake_is_named_with_its_remedy(command, tables_root, mistake, message):
    root = () if mistake.startswith("data.root") else (f"data.root={tables_root}",)
    assert_refused(command(*root, *FAST, mistake), message)


def test_all_mistakes_are_told_at_once(command):
    ended = command("modle=lstm", "split=groupd", "trainer.max_epoch=3")
    assert_refused(ended, "'modle'", "split=groupd", "'trainer.max_epoch'")
    assert ended.err.strip().splitlines()[0] == "The command line cannot be used:"
    assert ended.cards() == {}


def test_all_wrong_values_are_told_at_once_with_where_they_were_set(command):
    ended = command("trainer.max_epochs=0", "seed=x", "regularization.dropout=2")
    assert_refused(ended, "(set by trainer.max_epochs=0)", "(set by seed=x)", "(set by regularization.dropout=2)")
    assert ended.err.strip().splitlines()[0] == "The configuration cannot be used:"


@pytest.mark.parametrize(
    "mistake", ["modle=lstm", "slice=7", "split=groupd", "seed=x", "data.root=/nowhere", "slice=2s"]
)
def test_a_mistake_in_the_command_leaves_no_folder(command, tables_root, mistake, tmp_path):
    command(f"data.root={tables_root}", mistake)
    assert list(tmp_path.iterdir()) == []


def with_nan_rows(table):
    table.loc[[3, 4], table.columns[1:-1]] = float("nan")
    return table


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            with_nan_rows,
            [
                "2 rows have values that are not finite numbers (features_3_sec.csv, line 5",
                "correct them, or raise",
            ],
        ),
        (lambda table: table.drop(columns="tempo"), ["1 column is missing: tempo.\n", "data.source=audio"]),
        (lambda table: table.iloc[:0], ["the table has no rows. Download it again."]),
    ],
)
def test_a_bad_table_is_refused_with_the_place(command, own_tables, change, message):
    spoil(own_tables, change)
    ended = command(f"data.root={own_tables}", *FAST, "split=leaky")
    assert_refused(ended, f"{own_tables}/features_3_sec.csv: ", *message)


def test_too_little_data_is_refused(command, own_tables):
    assert_refused(command(f"data.root={own_tables}", *FAST), "The val part of the split is empty", "Use more tracks")


def test_an_unexpected_error_keeps_its_traceback(command, tables_root, monkeypatch):
    monkeypatch.setattr("gtzan_lightning.training.train.predict_all", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):  # Python prints it and exits with 1
        command(f"data.root={tables_root}", *FAST)


def test_a_full_disk_is_told_also_where_a_package_hides_the_error(command, tables_root, monkeypatch):
    def fails(*_):
        try:
            raise OSError(errno.ENOSPC, "No space left on device", "x.tmp")
        except OSError as error:
            raise RuntimeError("file write failed") from error

    monkeypatch.setattr("gtzan_lightning.training.train.predict_all", fails)
    ended = command(f"data.root={tables_root}", *FAST)
    assert_refused(
        ended, "x.tmp: No space left on device.\nThe disk is full. Free some space; then run the same command"
    )


def test_ctrl_c_is_told_in_a_sentence(command, tables_root, monkeypatch):
    import signal

    from lightning.pytorch.callbacks import Callback

    from gtzan_lightning.training import train

    class Stop(Callback):
        def on_train_start(self, trainer, pl_module):  # noqa: ARG002
            raise KeyboardInterrupt

    own = train._callbacks
    monkeypatch.setattr(train, "_callbacks", lambda *a: [*own(*a), Stop()])
    before = signal.getsignal(signal.SIGINT)
    ended = command(f"data.root={tables_root}", *FAST)
    signal.signal(signal.SIGINT, before)  # Lightning leaves it ignored
    assert ended.status == 130
    assert "Interrupted. Run the same command again to resume from the last checkpoint." in ended.err
    assert [card["status"] for card in ended.cards().values()] == ["interrupted"]


def in_a_process(checkout, *arguments):
    return subprocess.run(
        [sys.executable, str(checkout / "train.py"), *arguments], capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_a_typo_in_a_process_of_its_own(checkout, tmp_path):
    done = in_a_process(checkout, "modle=lstm", "split=groupd")
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines() == [
        "",
        "The command line cannot be used:",
        "  modle=lstm: there is no key 'modle'. Did you mean model?",
        "  split=groupd: unknown. Did you mean grouped? Members of split: artist, filtered, grouped, leaky.",
    ]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_bad_table_in_a_process_of_its_own(checkout, own_tables):
    spoil(own_tables, with_nan_rows)
    done = in_a_process(checkout, f"data.root={own_tables}", *FAST, "split=leaky")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert (
        "2 rows have values that are not finite numbers (features_3_sec.csv, line 5, features_3_sec.csv, line 6)"
        in done.stderr
    )


@pytest.mark.parametrize(
    "words",
    [
        ["features=table", "features.path=pipe"],
        ["data=tracks", "data.root=pipe"],
        ["data.root=pipe"],
        ["data.root={root}", "data.metadata=pipe"],
        ["data.root={root}", "split.manifest=pipe"],
        ["data.root={root}", "split.manifest={{train: pipe, test: pipe}}"],
        ["data.root={root}", "ckpt_path=pipe"],
    ],
)
def test_a_pipe_in_place_of_a_file_is_refused_at_once(command, tables_root, words):
    """It has no writer: a process that opened it would wait forever."""
    os.mkfifo("pipe")
    ended = command(*(word.format(root=tables_root) for word in words), *FAST)
    assert_refused(ended, "pipe: a pipe or a device, which can be read only once. Save its content as a file first.")


def test_what_stands_alone_on_the_command_line_is_explained(command, tables_root):
    command(f"data.root={tables_root}", *FAST)
    (run,) = (path.parent for path in Path("outputs/runs").glob("*/run.json"))
    Path("folder").mkdir()
    Path("table.csv").touch()
    Path("song.mp3").touch()
    of_run = f"It is a run. Its command, which resumes it: gtzan runs show {run}. To use it: gtzan predict {run} FILE."
    expected = {
        str(run): of_run,
        str(run / "run.json"): of_run,
        "folder": "For data, write data.root=folder.",
        str(tables_root / "features_3_sec.csv"): f"For the published tables, write data.root={tables_root}.",
        "table.csv": "For a table of features, write features=table features.path=table.csv; for a split, "
        "split.manifest=table.csv.",
        "song.mp3": "To classify it: gtzan predict best song.mp3",
    }
    for word, advice in expected.items():
        ended = command(word)
        assert ended.status == 2
        assert ended.err.strip().splitlines()[1:] == [f"  {word}: not of the form key=value. {advice}"]


def test_a_table_of_some_genres_beside_a_whole_one(command, tmp_path):
    own_tables = tiny.write_tables(tmp_path / "own", genres=("blues", "rock"), windows=3)
    spoil(own_tables, lambda table: table[table["label"] == "blues"])
    ended = command(f"data.root={own_tables}", *FAST)
    assert_refused(
        ended,
        f"{own_tables}/features_3_sec.csv: has no row of rock, which another table in {own_tables} has.\n"
        "Move the table that you do not use out of the folder, or complete this one.",
    )


def test_the_table_of_whole_clips_alone(command, tmp_path):
    own_tables = tiny.write_tables(tmp_path / "own", genres=("blues", "rock"), windows=3)
    (own_tables / "features_3_sec.csv").unlink()
    ended = command(f"data.root={own_tables}", *FAST)
    assert_refused(
        ended,
        f"{own_tables}/features_3_sec.csv: windows of 3 s need this table, which does not exist.\n"
        "Either use whole clips: slice=30s slice.step_s=30, or compute the features from audio with data.source=audio.",
    )
