"""The table of a replicated study: verdicts follow from intervals over splits, pairs from common clips."""

import numpy as np
import pytest

from gtzan_lightning.evaluation.predictions import Predictions, write_predictions
from gtzan_lightning.report.tables import table_markdown
from gtzan_lightning.studies.claims import ReplicationTable, network_pairs, prediction_interval, table_rows
from gtzan_lightning.studies.study import report_studies

FIGURES = [
    {"name": "last epoch", "level": "window", "epoch": "last", "accuracy": 0.78, "sd": 0.005},
    {"name": "best test epoch", "level": "window", "epoch": "best", "accuracy": 0.80, "sd": None},
]
LAST = 0.01  # the last epoch is this much worse than the selected one
TRACKS = {"train": 70, "val": 10, "test": 4}


def card(protocol, accuracy, *, split="grouped", split_seed=0, seed=42, network="MLP", last=True, **entries):
    def part(value):
        return {"test": {level: {"accuracy": value, "n": 200} for level in ("window", "clip", "clip_vote")}}

    return {
        "seed": seed,
        "study": {"network": network, "protocol": protocol, "figures": FIGURES},
        "split": {"name": split, "seed": split_seed, "slices": TRACKS, "tracks": TRACKS},
        "metrics": part(accuracy),
        "training": {"last_epoch": part(accuracy - LAST)} if last else {},
        **entries,
    }


def replication():
    """Leaky runs near 0.79, by track near 0.67, by artist near 0.50; training seeds differ by 0.002."""
    published = [card("published", 0.79 + 0.01 * s, split="leaky", split_seed=s + 2) for s in range(-2, 3)]
    published += [card("published", 0.77 + 0.002 * n, split="leaky", seed=seed) for n, seed in ((1, 123), (2, 999))]
    fair = [
        card(protocol, mean + 0.01 * s, split_seed=s + 2)
        for protocol, mean in (("by track", 0.67), ("by artist", 0.50)) for s in range(-2, 3)
    ]  # fmt: skip
    return published + fair


def test_a_figure_is_taken_from_its_epoch_and_the_seeds_are_told_apart():
    last, best = table_rows(replication())
    assert best.measured["published"].values == pytest.approx((0.77, 0.78, 0.79, 0.80, 0.81))
    assert best.measured["published"].training_seeds == pytest.approx((0.77, 0.772, 0.774))
    assert last.measured["published"].values == pytest.approx((0.76, 0.77, 0.78, 0.79, 0.80))
    assert last.measured["by track"].values == best.measured["by track"].values  # one epoch, chosen on validation


def test_the_verdicts_follow_from_the_intervals():
    last, best = table_rows(replication())
    assert best.distance == pytest.approx((0.80 - 0.79) / np.std([0.77, 0.78, 0.79, 0.80, 0.81], ddof=1))
    assert (last.distance, last.reproduced, last.consistent_with) == (pytest.approx(0), "yes", "leaky")
    low, high = prediction_interval([0.77, 0.78, 0.79, 0.80, 0.81])
    higher, lower = "no, printed is higher", "no, printed is lower"
    for printed, verdict in ((low - 0.001, lower), (low + 0.001, "yes"), (high + 0.001, higher)):
        study = {"network": "MLP", "figures": [FIGURES[1] | {"accuracy": printed}]}
        (row,) = table_rows([each | {"study": each["study"] | study} for each in replication()])
        assert row.reproduced == verdict
    fair = [each for each in replication() if each["study"]["protocol"] != "published"]
    assert [row.consistent_with for row in table_rows(fair)] == ["none of them", "none of them"]
    assert [row.reproduced for row in table_rows(fair)] == ["not measured", "not measured"]


def test_a_grouped_protocol_is_no_leaky_split():
    cards = [each | {"split": each["split"] | {"name": "grouped"}} for each in replication()]
    assert [row.consistent_with for row in table_rows(cards)] == ["none of them", "none of them"]


def test_one_split_decides_nothing():
    (row, _) = table_rows([card("published", 0.79), card("by track", 0.67)])
    assert (row.reproduced, row.consistent_with, row.distance) == ("not measured", "not measured", None)


def test_the_table_has_three_numbers_a_row(documented_header):
    table, short = ReplicationTable().analyse(replication(), []).tables
    text = table_markdown(table)
    assert documented_header("replication") in text.splitlines()
    assert documented_header("replication-short") in table_markdown(short).splitlines()
    assert "| MLP | last epoch | 0.780 | 0.780 ± 0.016 | yes | 0.670 (" in table_markdown(short)
    assert (
        "| MLP | last epoch | 0.7800 ± 0.0050 | 0.7620 ± 0.0020, n=3 | 0.7800 ± 0.0158, n=5 | +0.0 | yes | 0.670 ("
        in text
    )
    assert (
        "| MLP | best test epoch | 0.8000 | 0.7720 ± 0.0020, n=3 | 0.7900 ± 0.0158, n=5 | +0.6 | yes | 0.670 (" in text
    )


@pytest.fixture
def run_folder(tmp_path):
    """Writes the predictions of a run: whether each test clip, of two windows, is classified correctly."""

    def write(right):
        folder = tmp_path / f"run-{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        tracks = np.repeat(list(right), 2)
        chosen = np.repeat([1 - int(hit) for hit in right.values()], 2)
        table = Predictions(
            track_id=tracks.astype(object),
            start_s=np.tile([0.0, 3.0], len(right)),
            part=np.full(len(tracks), "test", dtype=object),
            y_true=np.full(len(tracks), "blues", dtype=object),
            probabilities=np.eye(2, dtype=np.float32)[chosen],
            genres=("blues", "rock"),
        )
        write_predictions(table, folder / "predictions.csv")
        return str(folder)

    return write


def test_networks_are_compared_on_the_clips_that_both_classify(run_folder, documented_header):
    first = [{"a": True, "b": True, "c": True, "d": False}, {"a": True, "b": True, "c": False, "d": False}]
    second = [{"a": True, "b": False, "c": False}, {"a": True, "b": True, "c": True}]  # d has no slice
    cards = [
        card("by track", 0.0, network=name, split_seed=seed, folder=run_folder(right))
        for name, runs in (("MLP", first), ("LSTM", second)) for seed, right in enumerate(runs)
    ]  # fmt: skip
    (pair,) = network_pairs(cards)
    assert pair.differences == pytest.approx((2 / 3, -1 / 3))
    # mean 1/6, s^2 = 1/2, t(1) = 12.706: the interval of Nadeau & Bengio reaches beyond [-1, 1]
    assert (pair.interval, pair.n, pair.verdict) == ((-1.0, 1.0), 3, "not shown")
    (*_, table) = ReplicationTable().analyse(cards, []).tables
    assert documented_header("replication-pairs") in table_markdown(table).splitlines()
    assert "| MLP - LSTM | by track | 3 | +0.167 (-1.000 to +1.000) | not shown |" in table_markdown(table)


def test_networks_are_compared_with_the_first_training_seed(run_folder):
    """A further training seed of a split does not replace the first one."""
    runs = [("MLP", 42, True), ("MLP", 123, False), ("LSTM", 42, False), ("LSTM", 123, True)]
    cards = [
        card("by track", 0.0, network=name, seed=seed, folder=run_folder({"a": True, "b": hit}))
        for name, seed, hit in runs
    ]
    (pair,) = network_pairs(cards)
    assert pair.differences == (0.5,)


def test_a_difference_without_spread_is_shown(run_folder):
    cards = [
        card("by artist", 0.0, network=name, split_seed=seed, folder=run_folder({"a": True, "b": hit}))
        for name, hit in (("MLP", False), ("LSTM", True)) for seed in (0, 1)
    ]  # fmt: skip
    (pair,) = network_pairs(cards)
    assert (pair.differences, pair.verdict) == ((-0.5, -0.5), "LSTM is better")


def test_other_configurations_have_tables_of_their_own(tmp_path, capsys):
    """As of `make replicate ARGS="model.hidden_size=64,128"`: no score replaces that of another network."""

    def jobs(size, mean):
        own = {"_target_": f"{ReplicationTable.__module__}.ReplicationTable", "repetition": [0, 42]}
        return [
            each | {
                "status": "done", "study": each["study"] | own,
                "overrides": ["protocol=by_track", f"++study.repetition=[{each['split']['seed']},42]",
                              "experiment=replication_mlp_3s", f"model.hidden_size={size}"],
            }
            for each in (card("by track", mean + 0.01 * seed, split_seed=seed, last=False) for seed in range(3))
        ]  # fmt: skip

    report_studies(jobs(64, 0.6) + jobs(128, 0.7), tmp_path)
    capsys.readouterr()
    tables = (tmp_path / "replication.md").read_text().split("**Printed and reproduced test accuracy, ")[1:]
    assert [table.partition("**")[0] for table in tables] == ["hidden_size=64", "hidden_size=128"]
    for table, mean in zip(tables, ("0.610", "0.710"), strict=True):
        assert f"| {mean} (" in table
        assert ", n=3 | - |" in table
    report_studies(jobs(64, 0.6), tmp_path)
    assert "**Printed and reproduced test accuracy**" in (tmp_path / "replication.md").read_text()
