"""The in-memory cache of recent results."""

import os

import numba
import pytest

from gtzan_lightning.utils.caching import Memo, compiled, writable_cache


def test_recent_results_are_stored_and_large_ones_are_not():
    made = []
    memo = Memo(most=2, most_bytes=10)

    def get(key, size=1):
        return memo.get(key, lambda: made.append(key) or key, lambda _: size)

    for key in ("a", "b", "a", "c", "a", "b"):  # c evicts b, which was used before a
        assert get(key) == key
    assert made == ["a", "b", "c", "b"]
    made.clear()
    assert [get("large", 11), get("large", 11)] == ["large", "large"]
    assert made == ["large", "large"]
    memo.clear()
    get("b")
    assert made[-1] == "b"


def test_the_cache_is_a_temporary_folder_where_it_cannot_be_written(tmp_path, monkeypatch):
    with writable_cache(str(tmp_path / "new" / "cache")) as folder:
        assert folder == tmp_path / "new" / "cache"
        assert folder.is_dir()
    (tmp_path / "taken").touch()
    with writable_cache(str(tmp_path / "taken")) as folder:
        (folder / "entry").touch()
    assert not folder.exists()
    files = tmp_path / "new" / "cache" / "features" / "files"  # made by another user
    files.mkdir(parents=True)
    monkeypatch.setattr(os, "access", lambda path, _: path != files)
    with writable_cache(str(tmp_path / "new" / "cache")) as folder:
        assert folder != tmp_path / "new" / "cache"


@pytest.mark.parametrize("chosen", ["here", None])
def test_the_chosen_folder_takes_precedence_over_the_environment(tmp_path, monkeypatch, chosen):
    monkeypatch.setenv("GTZAN_CACHE", str(tmp_path / "variable"))
    with writable_cache(chosen) as folder:
        assert folder.name == (chosen or "variable")


def test_a_function_is_compiled_also_where_its_code_cannot_be_stored(monkeypatch):
    """As in a container that is read-only: neither beside the module nor below HOME."""
    njit, stored = numba.njit, []

    def without_folder(*function, cache=False, **options):
        if not function:
            stored.append(cache)
        if cache:
            raise RuntimeError("cannot cache function 'double': no locator available")
        return njit(*function, **options)

    monkeypatch.setattr(numba, "njit", without_folder)

    @compiled(fastmath=True)
    def double(x):
        return 2 * x

    assert double(1.5) == 3.0
    assert double.signatures
    assert stored[:2] == [True, False]
