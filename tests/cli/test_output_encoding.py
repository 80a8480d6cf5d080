"""Names that the output cannot represent are escaped, and neither a command nor a training ends at them."""

import csv
import io
import os
import shutil
import sys
from pathlib import Path

import pytest
import tiny

from gtzan_lightning.cli import main
from gtzan_lightning.sweeps.launch import launch
from gtzan_lightning.training import results

pytestmark = pytest.mark.slow

GENRES = ("\u65e5\u672c", "Ba$$ <b>", "a_b^{c", "[bold]x")
FAST = (
    "features=mfcc",
    "slice=3s",
    "trainer.max_epochs=1",
    "trainer.progress=false",
    "model.hidden_size=8",
    "logger=none",
)


@pytest.fixture
def music(tmp_path):
    """Four genres whose names are no ASCII, formulas or markup; one file has a name that is not UTF-8."""
    root = tiny.write_audio(tmp_path / "music $_$", genres=GENRES, tracks=10, seconds=3.1)
    first = root / GENRES[0] / f"{GENRES[0]}.00000.wav"
    shutil.copy(first, os.fsdecode(os.fsencode(root / GENRES[1]) + b"/caf\xe9.wav"))
    return root


@pytest.fixture(params=["cp1252", "utf-8"])
def shown(request, monkeypatch):
    """Calls something with a strict encoding of stdout and stderr; returns its result and what it printed."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(sys, "argv", ["train.py"])

    def call(do, *arguments):
        streams = [io.TextIOWrapper(io.BytesIO(), encoding=request.param, write_through=True) for _ in range(2)]
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", streams[0])
            patch.setattr(sys, "stderr", streams[1])
            status = do(*arguments)
        out, err = (stream.buffer.getvalue().decode(request.param) for stream in streams)
        assert "Traceback" not in out + err
        return status, out, err

    call.name = GENRES[0].encode(request.param, "backslashreplace").decode(request.param)
    return call


def test_from_the_check_of_the_data_to_predictions(music, shown, main_job):
    """With all figures, which parse no name as a formula."""
    status, out, _ = shown(main, ["data", "check", f"data.root={music}", "data.n_jobs=1"])
    assert status == 0
    assert shown.name in out, out
    assert "caf\\udce9.wav: passed over, its name is not UTF-8: rename it" in out

    status, out, err = shown(launch, main_job, [f"data.root={music}", *FAST])
    assert status == 0, err
    assert "could not be made" not in out
    assert shown.name in out
    (run,) = (path.parent for path in Path("outputs/runs").glob("*/run.json"))
    assert len(list((run / "figures").glob("*.png"))) == 7

    song = os.fsdecode(os.fsencode(music / GENRES[1]) + b"/caf\xe9.wav")
    for form in ("csv", "json", "table"):
        status, out, _ = shown(main, ["predict", run.name, song, "--format", form])
        assert status == 0
        assert "caf\\udce9.wav" in out, form
    status, out, _ = shown(main, ["predict", run.name, str(music / GENRES[0]), "--format", "csv"])
    rows = list(csv.DictReader(io.StringIO(out)))
    assert (status, len(rows)) == (0, 10)
    assert f"p_{shown.name}" in rows[0]
    for words in (["runs", "ls"], ["runs", "show", run.name], ["card", run.name], ["report"], ["audit", run.name]):
        assert shown(main, words)[0] in (0, 1), words


def test_a_sweep(music, shown, main_job, monkeypatch):
    monkeypatch.setattr(results, "run_figures", lambda *_: {})
    status, out, err = shown(launch, main_job, ["-m", f"data.root={music}", *FAST, "debug=fast", "seed=0,1"])
    assert status == 0, err
    assert "2 runs, 1 configuration" in out
