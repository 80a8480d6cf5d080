"""Feature extraction on the workers of a Dask cluster: two processes on the loopback interface."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import tiny

from gtzan_lightning.cli import main
from gtzan_lightning.features import extraction

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory):
    """Address of a scheduler with two single-threaded worker processes, which run in their own folder."""
    distributed = pytest.importorskip("distributed", reason="Dask is not installed: pip install -e .[dask]")
    folder = tmp_path_factory.mktemp("workers")
    before = Path.cwd()
    os.chdir(folder)
    try:
        cluster = distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, local_directory=str(folder)
        )
    finally:
        os.chdir(before)
    with cluster:
        yield cluster.scheduler_address


def entries(cache):
    """Content of every array file of a cache, by name."""
    return {
        str(path.relative_to(cache)): path.read_bytes()
        for path in cache.rglob("*")
        if path.is_file() and path.suffix in (".npz", ".npy")
    }


@pytest.fixture
def music(tmp_path):
    return tiny.write_audio(tmp_path / "music", genres=("blues", "rock"), tracks=4, seconds=1.2)


def test_two_workers_give_the_bytes_of_the_serial_run(scheduler, music, tmp_path, monkeypatch, capsys):
    overrides = [f"data.root={music.relative_to(tmp_path)}", "data.kind=folder", "features.window_s=0.5"]
    monkeypatch.setenv("GTZAN_CACHE", "serial")
    assert main(["features", *overrides, "data.n_jobs=1", "--csv", "serial.csv"]) == 0
    monkeypatch.setenv("GTZAN_CACHE", "cluster")
    monkeypatch.setattr(
        extraction, "analyse_file", lambda *_: pytest.fail("computed in this process, not by the workers")
    )
    assert main(["features", *overrides, "data.n_jobs=1", "--csv", "cluster.csv", "--scheduler", scheduler]) == 0
    assert capsys.readouterr().err.count("8 computed, 0 repaired or cut, 0 skipped") == 2
    serial = entries(Path("serial"))
    assert len(serial) == 9  # eight files and the corpus
    assert entries(Path("cluster")) == serial
    assert Path("cluster.csv").read_bytes() == Path("serial.csv").read_bytes()
    with sys.modules["distributed"].Client(scheduler, set_as_default=False) as client:
        took_part = client.run(lambda: "gtzan_lightning.features.extraction" in sys.modules)
    assert list(took_part.values()) == [True, True]


def test_an_unreachable_scheduler_is_an_error(music, monkeypatch, capsys):
    pytest.importorskip("distributed", reason="Dask is not installed: pip install -e .[dask]")
    monkeypatch.setattr("gtzan_lightning.features.extraction.CONNECT_S", 0.5)
    assert main(["features", f"data.root={music}", "--scheduler", "tcp://127.0.0.1:9"]) == 2
    assert "--scheduler tcp://127.0.0.1:9: no Dask scheduler answers there.\nStart one" in capsys.readouterr().err


def test_missing_dask_is_an_error_that_names_the_extra(music, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "dask.distributed", None)
    assert main(["features", f"data.root={music}", "--scheduler", "tcp://127.0.0.1:9"]) == 2
    assert 'pip install "gtzan-lightning[dask]"' in capsys.readouterr().err


def test_shards_leave_nothing_to_compute_for_the_whole(music, capsys):
    command = ["features", f"data.root={music}", "features=mfcc", "cache_dir=shards", "data.n_jobs=1"]
    for shard, computed in (("1/3", 3), ("2/3", 3), ("3/3", 2)):
        assert main([*command, "--shard", shard]) == 0
        assert f"mfcc: {computed} computed" in capsys.readouterr().err
    assert main(command) == 0
    message = capsys.readouterr()
    assert "mfcc: 0 computed" in message.err
    assert "8 of 8 tracks" in message.out
    assert main([*command, "--shard", "9/9"]) == 2
    assert "--shard 9/9" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*command, "--shard", "3/2"])
    assert "3/2 is not K/N" in capsys.readouterr().err
