"""The commands behind the numbers of the README: on generated tables, compared with scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from gtzan_lightning.config.composition import compose
from gtzan_lightning.config.schema import validate_config
from gtzan_lightning.training.split_data import open_data

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def _importable(monkeypatch, checkout):
    monkeypatch.syspath_prepend(str(checkout / "benchmarks"))


def entry(accuracy, low=0.0, high=1.0):
    return {"window": {"accuracy": accuracy, "accuracy_ci95": [low, high]}}


def test_only_grouped_has_folds():
    from table import Cell, cells

    assert cells(["3s"], ["leaky", "grouped"], 2) == [
        Cell("3s", "leaky"),
        Cell("3s", "grouped", 0, 2),
        Cell("3s", "grouped", 1, 2),
    ]
    assert Cell("3s", "grouped", 1, 2).overrides() == ["slice=3s", "split=grouped", "split.fold=1", "split.n_folds=2"]


def test_folds_show_standard_deviation_and_a_single_split_its_interval():
    from table import shown

    assert shown([entry(0.5), entry(0.7)], "window") == "0.600 ± 0.141"  # sqrt(2 * 0.1**2 / 1)
    assert shown([entry(0.5, 0.25, 0.75)], "window") == "0.500 [0.25, 0.75]"
    assert shown([], "window") == "none"


def test_the_svm_of_a_run_equals_scikit_learn(tables_root):
    from table import trained

    overrides = ["model=svm", "slice=3s", "split=grouped", f"data.root={tables_root}", "features.scaling=standard"]
    run = trained(overrides)
    data = open_data(validate_config(compose(overrides)))
    table = pd.read_csv(tables_root / "features_3_sec.csv")
    names = [
        f"{data.corpus.tracks[track].track_id}.{start // 3:.0f}.wav"
        for track, start in zip(data.slices.track_index, data.slices.start_s, strict=True)
    ]
    table = table.set_index("filename").loc[names]
    x, y = table[list(data.features.columns)].to_numpy(np.float32), table["label"].to_numpy()
    train, test = data.parts == "train", data.parts == "test"
    by_hand = (
        make_pipeline(StandardScaler(), SVC(C=10, break_ties=True)).fit(x[train], y[train]).score(x[test], y[test])
    )
    assert run.corpus == data.corpus.name
    assert run.scores["window"]["accuracy"] == by_hand
    assert run.scores["clip"]["n"] == test.sum() / 10


def test_a_run_is_trained_once_and_then_read_from_its_folder(tables_root):
    from table import trained

    overrides = [f"data.root={tables_root}", "debug=fast"]
    first, second = trained(overrides), trained(overrides)
    assert (first.reused, second.reused) == (False, True)
    assert second.scores == first.scores
    assert second.corpus == tables_root.name


def test_a_refusal_is_raised_as_text_that_can_be_pickled():
    from table import trained

    with pytest.raises(RuntimeError, match="there is no folder /nowhere"):
        trained(["data.root=/nowhere"])


@pytest.mark.parametrize("name", ["models", "models-3s"])
def test_the_documented_tables_have_this_header(documented_header, name):
    from table import NETWORKS, SPLITS, markdown

    assert next(markdown({}, NETWORKS, ["3s"], SPLITS)) == documented_header(name)


def test_the_table_in_markdown():
    from table import markdown

    rows = {
        ("mlp", "3s", "leaky"): [entry(0.9, 0.8, 1.0)],
        ("mlp", "3s", "grouped"): [{**entry(0.5), "clip": entry(0.6)["window"]}] * 2,
    }
    assert list(markdown(rows, ["mlp"], ["3s"], ["leaky", "grouped", "artist"])) == [
        "| | leaky window | grouped window | grouped clip | artist window |",
        "|---|---|---|---|---|",
        "| mlp, 3 s | 0.900 [0.80, 1.00] | 0.500 ± 0.000 | 0.600 ± 0.000 | none |",
    ]
