"""Columns of a table: the fewest keys that distinguish the runs."""

from gtzan_lightning.runs.records import Record
from gtzan_lightning.runs.row_groups import columns_of, short_names
from gtzan_lightning.runs.run_folder import RunFolder


def record(settings, overrides=(), model="MLP", split="grouped", corpus="gtzan"):
    card = {
        "overrides": list(overrides), "data": {"corpus": corpus}, "features": {"name": "stats"},
        "model": {"name": model}, "split": {"name": split},
    }  # fmt: skip
    return Record(RunFolder(None), card, settings)


def varied(*records):
    return {column.key: column.values for column in columns_of(records)[0]}


def test_keys_that_follow_from_model_slice_and_split_are_left_out():
    small = {"slice.seconds": 3.0, "model._target_": "m.MLP", "model.hidden_size": 512, "split.name": "grouped"}
    large = {"slice.seconds": 6.0, "model._target_": "m.BiLSTM", "model.hidden_size": 128, "split.name": "leaky"}
    assert varied(record(small), record(large, model="BiLSTM", split="leaky")) == {
        "model": ("mlp", "lstm"), "slice": ("3 s", "6 s"), "split": ("grouped", "leaky"),
    }  # fmt: skip


def test_a_key_that_varies_within_a_model_is_a_column():
    settings = [{"model.hidden_size": 64}, {"model.hidden_size": 128}, {"model.hidden_size": 512}]
    models = ["LSTM", "LSTM", "MLP"]
    found = varied(*(record(each, model=model) for each, model in zip(settings, models, strict=True)))
    assert found["model.hidden_size"] == ("64", "128", "512")


def test_seeds_and_folds_are_no_columns():
    keys = ({"seed": seed, "split.seed": seed, "split.fold": seed} for seed in range(2))
    assert varied(*map(record, keys)) == {}


def test_options_have_the_names_of_the_command_line():
    none, strong, odd = ({"regularization.dropout": d, "regularization.mixup": m} for d, m in [(0, 0), (5, 1), (5, 2)])
    found = varied(
        record(none, ["regularization=none"]),
        record(strong, ["regularization=strong"]),
        record(none),  # the same settings by default
        record(odd, ["regularization=strong", "regularization.mixup=2"]),
    )
    assert found == {
        "regularization": ("none", "strong", "none", "strong"),
        "regularization.mixup": ("0", "1", "0", "2"),
    }


def test_common_columns_are_listed_separately():
    columns, common = columns_of([record({"slice.seconds": 3}), record({"slice.seconds": 6})])
    assert [column.key for column in columns] == ["slice"]
    assert {column.key: column.values[0] for column in common} == {
        "corpus": "gtzan", "features": "stats", "model": "mlp", "split": "grouped",
    }  # fmt: skip


def test_names_are_short_unless_ambiguous():
    columns = columns_of([record({"a.x": 1, "b.x": 1, "c.y": None}), record({"a.x": 2, "b.x": 1, "c.y": None}),
                          record({"a.x": 1, "b.x": 2, "c.y": True})])[0]  # fmt: skip
    assert [column.values for column in columns] == [("1", "2", "1"), ("1", "1", "2")]
    assert short_names(columns) == ["a.x", "b.x"]
    assert short_names(columns[:1]) == ["x"]
