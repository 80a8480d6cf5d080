"""What a multirun cannot be."""

import pytest


@pytest.mark.parametrize(
    "words", [["trainer=ddp"], ["trainer=cpu,ddp"], ["trainer.devices=1,2"], ["trainer.devices=2"]]
)
def test_jobs_that_share_processes_are_refused_in_a_sentence(command, tables_root, words):
    ended = command("-m", f"data.root={tables_root}", "seed=0,1", *words)
    assert ended.status == 2
    assert ended.err.strip().startswith(
        "trainer.devices=2: a multirun cannot share one job out among several processes."
    )
    assert ended.cards() == {}
