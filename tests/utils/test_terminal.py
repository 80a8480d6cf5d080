"""Printing that cannot fail, and what importing the package does not do."""

import io
import shlex
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
from rich.console import Console

from gtzan_lightning.utils.terminal import NOTEBOOK, is_live, quiet_workers, tolerant_output, visible


def test_live_lines_are_for_terminals_only(monkeypatch):
    monkeypatch.delenv(NOTEBOOK, raising=False)
    terminal = Console(file=io.StringIO(), force_terminal=True)
    assert is_live(terminal)
    assert not is_live(Console(file=io.StringIO()))
    assert not is_live(Console(file=io.StringIO(), force_terminal=True, force_jupyter=True))
    monkeypatch.setenv(NOTEBOOK, "1")  # a process that a notebook has started
    assert not is_live(terminal)


def test_the_notice_of_replaced_workers_is_hidden_and_no_other():
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        with quiet_workers():
            warnings.warn(
                "A worker stopped while some jobs were given to the executor. This can be caused by a too short worker "
                "timeout or by a memory leak.",
                UserWarning,
                stacklevel=1,
            )
            warnings.warn("another", UserWarning, stacklevel=1)
    assert [str(each.message) for each in shown] == ["another"]


def test_text_that_the_encoding_lacks_is_escaped(monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="cp1252"))
    with tolerant_output():
        print("Bj\u00f6rk \u4e2d \udcff")
        sys.stdout.flush()
    assert written.getvalue() == b"Bj\xf6rk \\u4e2d \\udcff\n"


def test_control_characters_are_visible():
    assert visible("a\x1b[31mb\tc\n\x9b") == "a\\x1b[31mb\tc\n\\x9b"


def test_a_reader_that_goes_away_does_not_stop_the_program(checkout):
    code = (
        "from gtzan_lightning.utils.terminal import tolerant_output\n"
        "with tolerant_output():\n"
        "    for number in range(100000): print('line', number)\n"
        "    open('finished', 'w').close()\n"
    )
    command = f"PYTHONPATH={shlex.quote(str(checkout))} {shlex.quote(sys.executable)} -c {shlex.quote(code)} | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("line 0\n", "")
    assert Path("finished").exists()


@pytest.mark.slow
def test_nothing_is_contacted_or_written_below_home_by_importing(tmp_path, checkout):
    home = tmp_path / "home"
    home.mkdir()
    code = (
        "import socket\n"
        "def refused(*_, **__): raise AssertionError('a connection')\n"
        "socket.socket.connect = socket.getaddrinfo = refused\n"
        "import gtzan_lightning.training.train, gtzan_lightning.inference.file_inference, os\n"
        "print(os.environ['ORT_DISABLE_TELEMETRY'])\n"
    )
    caches = {"MPLCONFIGDIR": str(tmp_path), "NUMBA_CACHE_DIR": str(tmp_path)}
    own = {"HOME": str(home), "PATH": "", "PYTHONPATH": str(checkout), **caches}
    done = subprocess.run([sys.executable, "-c", code], env=own, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "1"), done.stderr
    assert list(home.rglob("*")) == []
