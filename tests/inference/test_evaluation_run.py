"""A trained run on another corpus: matched genres, scores, intervals, the record, and the last step of the ladder."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import tiny

from gtzan_lightning import evaluate, load_run
from gtzan_lightning.cli import main
from gtzan_lightning.config.composition import ConfigSources, compose
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.features.feature_request import Features
from gtzan_lightning.inference import evaluation_run
from gtzan_lightning.inference.evaluation_run import CorpusLadder, _check_features, _shared_artists
from gtzan_lightning.report.report_folder import write_report
from gtzan_lightning.runs.records import read_record
from gtzan_lightning.runs.run_folder import RunFolder
from gtzan_lightning.studies.ladder import OTHER
from gtzan_lightning.training import results
from gtzan_lightning.training.train import train

pytestmark = pytest.mark.slow

KNOWN = ("blues", "jazz", "rock")


@pytest.fixture(scope="module")
def run(tables_root, tmp_path_factory):
    """The folder of an MLP on the made-up tables."""
    outputs = tmp_path_factory.mktemp("evaluated") / "outputs"
    command = [f"data.root={tables_root}", f"outputs={outputs}", "trainer.max_epochs=2", "trainer.progress=false"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "run_figures", lambda *_: {})
        return train(compose([*command, "logger=none"]), overrides=command).folder


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """Other tracks: three known genres and an unknown one, with artists."""
    root = tiny.write_tables(tmp_path_factory.mktemp("other") / "my music", genres=(*KNOWN, "polka"), tracks=6, seed=3)
    (root / "features_30_sec.csv").unlink()
    return root


def test_captions_of_figures_describe_the_run(run):
    trained = load_run(run)
    assert trained.description == f"mlp · slices of 3 s · stats · seed 0 · {run.name}"


def test_scores_are_those_of_the_model_on_the_other_table(run, other):
    found = evaluate(run, [f"data.root={other}"])
    table = pd.read_csv(other / "features_3_sec.csv")
    table = table[table["label"] != "polka"]
    trained = load_run(run)
    expected = trained.probabilities(table[list(trained.columns)].to_numpy(np.float32)[:, None], calibrated=False)
    written = pd.read_csv(found.folder / "predictions.csv")
    np.testing.assert_allclose(written.filter(like="p_"), expected, atol=1e-6)
    right = np.array(trained.genres)[expected.argmax(axis=1)] == table["label"]
    assert found.card["metrics"]["window"]["accuracy"] == pytest.approx(right.mean())
    assert found.card["metrics"]["clip"]["n"] == 18
    assert found.card["data"] | {"sha256": "", "reading": "", "notes": ""} == {
        "corpus": "my music", "source": "tables", "tracks": 24, "sha256": "", "left_out_genres": {"polka": 6},
        "spelled_as": {}, "tracks_without_slice": [], "reading": "", "notes": "",
    }  # fmt: skip


def test_everything_of_the_corpus_is_recorded(run, other):
    found = evaluate(run, [f"data.root={other}"])
    assert found.folder.parent == run / "evaluations"
    assert found.folder.name.startswith("my-music-")
    assert json.loads((found.folder / "evaluation.json").read_text()) == found.card == RunFolder(run).evaluations()[0]
    card = found.card
    assert card["intervals"] == {"stratified_by_genre": True, "cluster": "artist"}
    assert card["metrics"]["clip"]["n_clusters"] == 9  # artists of the other corpus
    assert card["shared_artists"] == 9  # made-up names are the same in both
    assert sum(map(sum, card["confusion"]["clip"])) == 18
    assert {genre: row["n"] for genre, row in card["genres"]["clip"].items() if row["n"]} == dict.fromkeys(KNOWN, 6)
    assert set(card["calibration"]["before"]) == {"ece", "brier", "nll"}
    assert card["ood"]["tracks"] == 18
    assert sorted(path.name for path in (found.folder / "figures").iterdir()) == [
        "confusion_clip.png", "confusion_window.png",
    ]  # fmt: skip


def test_the_share_out_of_distribution_counts_tracks_whose_median_exceeds_the_limit(run, other):
    table = pd.read_csv(other / "features_3_sec.csv")
    table = table[table["label"] != "polka"]
    trained = load_run(run)
    x = table[list(trained.columns)].to_numpy(np.float32)[:, None]
    distances = pd.Series(trained.ood.distances(trained.representations(x)))
    medians = distances.groupby(table["filename"].str.rsplit(".", n=2).str[0].to_numpy()).median().sort_values()
    limit = float(medians.iloc[4:6].mean())  # five tracks are below
    found = evaluate(replace(trained, ood=replace(trained.ood, limit=limit)), [f"data.root={other}"])
    assert found.card["ood"] == {"share": 13 / 18, "tracks": 18, "limit": limit}


def test_genres_have_the_spelling_of_the_run(run, other):
    trained = load_run(run)
    found = evaluate(replace(trained, genres=tuple(map(str.title, trained.genres))), [f"data.root={other}"])
    assert found.card["data"]["spelled_as"] == {"blues": "Blues", "jazz": "Jazz", "rock": "Rock"}
    assert set(found.predictions.y_true) == {"Blues", "Jazz", "Rock"}
    assert found.card["confusion"] == evaluate(run, [f"data.root={other}"]).card["confusion"]


def test_calibration_is_measured_before_and_after_the_temperature(run, other):
    found = evaluate(replace(load_run(run), temperature=2.0), [f"data.root={other}"])
    calibration = found.card["calibration"]
    assert calibration["temperature"] == 2.0
    softer = np.sqrt(found.predictions.probabilities.astype(np.float64))  # softmax of half of the logits
    softer /= softer.sum(axis=1, keepdims=True)
    for key, p in (("before", found.predictions.probabilities), ("after", softer)):
        nll = -np.log(p[np.arange(len(p)), found.predictions.labels()]).mean()
        assert calibration[key]["nll"] == pytest.approx(nll, rel=1e-5)


def test_other_ways_of_reading_a_corpus_have_other_folders(run, other):
    words = [f"data.root={other}"]
    folders = [evaluate(run, [*words, *more]).folder for more in ([], [], ["data.genres.aliases={polka: rock}"])]
    assert folders[0] == folders[1] != folders[2]


def test_unknown_artists_are_not_shared(run, monkeypatch):
    known = {"blues.00000": "one", "blues.00001": "unknown:blues.00001", "rock.00000": "two"}
    monkeypatch.setattr(evaluation_run, "read_clusters", lambda _: known)
    others = {"blues.00001": "unknown:blues.00001", "jazz.00000": "one"}
    assert _shared_artists(load_run(run), "artist", others) == 1
    assert _shared_artists(load_run(run), "recording", others) is None


def test_a_figure_that_cannot_be_drawn_is_a_note(run, other, monkeypatch):
    monkeypatch.setattr(evaluation_run, "confusion_figure", lambda *_: 1 / 0)
    found = evaluate(run, [f"data.root={other}"])
    assert found.card["data"]["notes"][-1] == "The figures could not be made: ZeroDivisionError: division by zero"
    assert json.loads((found.folder / "evaluation.json").read_text()) == found.card


def test_intervals_are_not_stratified_where_genres_differ_in_size(run, other, tmp_path):
    table = pd.read_csv(other / "features_3_sec.csv")
    table[~table["filename"].str.startswith(("rock.00003", "rock.00004"))].to_csv(tmp_path / "few.csv", index=False)
    found = evaluate(run, ["features=table", f"features.path={tmp_path / 'few.csv'}"])
    assert found.card["intervals"]["stratified_by_genre"] is False
    assert found.card["data"]["corpus"] == "few"


def test_a_table_of_any_name_gives_the_same_predictions(run, other, tmp_path):
    table = pd.read_csv(other / "features_3_sec.csv")
    table.drop(columns="length").assign(length=66149, label=table["label"].str.title()).to_csv(
        tmp_path / "mine.tsv", sep="\t", index=False
    )
    one, same = (
        evaluate(run, words)
        for words in ([f"data.root={other}"], ["features=table", f"features.path={tmp_path / 'mine.tsv'}"])
    )
    np.testing.assert_array_equal(one.predictions.probabilities, same.predictions.probabilities)
    assert same.card["data"]["left_out_genres"] == {"Polka": 6}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["model=lstm"], "model=lstm: belongs to the training"),
        (["split=leaky", "data.root=x"], "split=leaky: belongs to the training"),
        ([], "gtzan evaluate needs a corpus"),
    ],
)
def test_only_the_corpus_can_be_chosen(run, words, message):
    with pytest.raises(GtzanError, match=message):
        evaluate(run, words)


def test_the_corpus_of_the_training_is_refused(run, tables_root):
    with pytest.raises(GtzanError, match=r"is the corpus that .* was trained on"):
        evaluate(run, [f"data.root={tables_root}"])


def test_a_corpus_without_a_common_genre_is_refused_with_both_lists(run, tmp_path):
    root = tiny.write_tables(tmp_path / "folk", genres=("polka", "waltz"), tracks=2)
    with pytest.raises(GtzanError, match=r"none of its genres \(polka, waltz\) is one of the run's \(blues, classical"):
        evaluate(run, [f"data.root={root}"])
    found = evaluate(run, [f"data.root={root}", "data.genres.aliases={polka: rock}"])
    assert found.card["data"]["left_out_genres"] == {"waltz": 2}
    assert found.card["metrics"]["clip"]["n"] == 2


def test_rows_of_another_length_and_missing_columns_are_refused(run, other, tmp_path):
    table = pd.read_csv(other / "features_3_sec.csv")
    table.assign(length=220_500).to_csv(tmp_path / "long.csv", index=False)
    with pytest.raises(GtzanError, match="trained on one row every 3 s, and the corpus has one row every 10 s"):
        evaluate(run, ["features=table", f"features.path={tmp_path / 'long.csv'}"])
    table.drop(columns="tempo").to_csv(tmp_path / "less.csv", index=False)
    with pytest.raises(GtzanError, match=r"1 column is missing: tempo.\nThe run was trained on 55 features"):
        evaluate(run, ["features=table", f"features.path={tmp_path / 'less.csv'}"])


@pytest.mark.parametrize(
    ("trained", "row_s", "whole_clips", "fits"),
    [
        ({"row_s": 30.0, "whole_clips": False}, 28.0, True, True),  # published 30-s table, and one row a track
        ({"row_s": 3.0, "whole_clips": False}, 3.0, False, True),
        ({"row_s": 3.0, "whole_clips": False}, 30.0, True, False),
        ({"row_s": 3.0, "whole_clips": True}, 3.0, False, False),
        ({}, 3.0, False, True),  # the card of an older run
    ],
)
def test_rows_must_have_the_length_of_those_of_the_training(run, trained, row_s, whole_clips, fits):
    loaded = load_run(run)
    values = np.zeros((1, len(loaded.columns)), np.float32)
    features = Features(
        "table", loaded.columns, values, np.zeros(1, np.int32), np.zeros(1), row_s, whole_clips=whole_clips
    )
    if fits:
        _check_features(loaded, {"features": trained}, features)
    else:
        with pytest.raises(GtzanError, match="was trained on"):
            _check_features(loaded, {"features": trained}, features)


def test_the_command_and_the_report_show_both_corpora(run, other, tmp_path, capsys):
    assert main(["evaluate", str(run), f"data.root={other}"]) == 0
    shown = capsys.readouterr().out
    assert "own test (tables" in shown
    assert "my music" in shown
    assert "6 of 24 tracks have a genre that the run does not know: polka (6)." in shown
    assert "Intervals: 9 artists of this corpus, stratified by genre." in shown
    write_report([read_record(RunFolder(run))], tmp_path, progress=False)
    assert "| my music |" in (tmp_path / "report.md").read_text()
    assert '"corpus":"my music"' in (tmp_path / "report.html").read_text()


def test_the_last_step_of_the_ladder_is_the_other_corpus(run, other):
    card = RunFolder(run).card()
    settings = {"outputs": str(run.parents[1]), "other_corpus": str(other)}
    done = [card | {"study": settings}]
    with ConfigSources().loader():  # as at the end of a sweep
        window = CorpusLadder().analyse(done, []).tables[0]
    accuracy = evaluate(run, [f"data.root={other}"]).card["metrics"]["window"]["accuracy"]
    assert [row[0] for row in window.rows] == ["grouped", OTHER]
    assert window.rows[1][3].startswith(f"{accuracy:.3f}\n")
    table = [card | {"study": settings | {"other_corpus": str(other / "features_3_sec.csv")}}]
    assert CorpusLadder().analyse(table, []).tables[0].rows == window.rows
    without = [card | {"study": settings | {"other_corpus": None}}]
    assert [row[0] for row in CorpusLadder().analyse(without, []).tables[0].rows] == ["grouped"]
