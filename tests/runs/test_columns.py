"""What varied: the fewest keys that tell runs apart."""

import pytest
from made_runs import made_run

from gtzan_lightning.runs.records import Record, read_record
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


def test_model_slice_and_split_are_told_by_name_and_what_follows_from_them_is_not():
    small = {"slice.seconds": 3.0, "model._target_": "m.MLP", "model.hidden_size": 512, "split.name": "grouped"}
    large = {"slice.seconds": 6.0, "model._target_": "m.BiLSTM", "model.hidden_size": 128, "split.name": "leaky"}
    assert varied(record(small), record(large, model="BiLSTM", split="leaky")) == {
        "model": ("MLP", "BiLSTM"), "slice": ("3 s", "6 s"), "split": ("grouped", "leaky"),
    }  # fmt: skip


def test_a_key_that_varies_inside_a_model_is_told():
    settings = [{"model.hidden_size": 64}, {"model.hidden_size": 128}, {"model.hidden_size": 512}]
    models = ["LSTM", "LSTM", "MLP"]
    found = varied(*(record(each, model=model) for each, model in zip(settings, models, strict=True)))
    assert found["model.hidden_size"] == ("64", "128", "512")


def test_seeds_and_folds_never_tell_runs_apart():
    keys = ({"seed": seed, "split.seed": seed, "split.fold": seed} for seed in range(2))
    assert varied(*map(record, keys)) == {}


def test_members_go_by_the_names_of_the_command_line():
    none, strong, odd = ({"regularization.dropout": d, "regularization.mixup": m} for d, m in [(0, 0), (5, 1), (5, 2)])
    found = varied(
        record(none, ["regularization=none"]),
        record(strong, ["regularization=strong"]),
        record(none),  # the same settings, whether they were asked for or are the default
        record(odd, ["regularization=strong", "regularization.mixup=2"]),
    )
    assert found == {
        "regularization": ("none", "strong", "none", "strong"),
        "regularization.mixup": ("0", "1", "0", "2"),
    }


def test_what_is_common_is_told_once():
    columns, common = columns_of([record({"slice.seconds": 3}), record({"slice.seconds": 6})])
    assert [column.key for column in columns] == ["slice"]
    assert {column.key: column.values[0] for column in common} == {
        "corpus": "gtzan", "features": "stats", "model": "MLP", "split": "grouped",
    }  # fmt: skip


def test_names_are_short_where_they_can_be():
    columns = columns_of([record({"a.x": 1, "b.x": 1, "c.y": None}), record({"a.x": 2, "b.x": 1, "c.y": None}),
                          record({"a.x": 1, "b.x": 2, "c.y": True})])[0]  # fmt: skip
    assert [column.values for column in columns] == [("1", "2", "1"), ("1", "1", "2")]
    assert short_names(columns) == ["a.x", "b.x"]
    assert short_names(columns[:1]) == ["x"]


@pytest.mark.parametrize("text", ["slice: [", "- 1\n- 2\n", "\x00"])
def test_a_damaged_configuration_is_a_damaged_run(tmp_path, text):
    folder = made_run(tmp_path)
    (folder / "config.yaml").write_text(text)
    read = read_record(RunFolder(folder))
    assert (read.card["status"], read.done) == ("damaged", False)
    assert "config.yaml" in read.card["error"]
