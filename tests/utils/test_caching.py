"""The in-memory cache of recent results."""

from gtzan_lightning.utils.caching import Memo


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
