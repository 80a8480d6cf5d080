"""Memory that is returned to the system."""

import ctypes
import gc
import sys
from pathlib import Path

import pytest

from gtzan_lightning.utils.memory import return_freed_memory, without_collection


def heap_kb():
    status = Path("/proc/self/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0])


@pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="reads /proc, and needs glibc"
)
def test_freed_memory_below_an_object_is_returned():
    library = ctypes.CDLL(None)
    library.malloc.restype, library.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
    library.free.argtypes = [ctypes.c_void_p]
    *many, last = [library.malloc(65_536) for _ in range(1_001)]  # on the heap: below the size that is mapped
    for block in many:
        ctypes.memset(block, 1, 65_536)
        library.free(block)
    before = heap_kb()
    return_freed_memory()
    assert before - heap_kb() > 40_000
    library.free(last)


def test_nothing_happens_elsewhere(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "CDLL", None)  # would fail
    return_freed_memory()


@pytest.mark.parametrize("before", [True, False])
def test_the_collector_is_suspended_and_left_as_it_was(monkeypatch, before):
    monkeypatch.setattr(gc, "isenabled", lambda: before)
    calls = []
    monkeypatch.setattr(gc, "disable", lambda: calls.append("disable"))
    monkeypatch.setattr(gc, "enable", lambda: calls.append("enable"))

    @without_collection()
    def work():
        calls.append("work")
        raise KeyError

    with pytest.raises(KeyError):
        work()
    assert calls == ["disable", "work", *["enable"] * before]
