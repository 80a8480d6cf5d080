"""Valid combinations of groups leave a complete run folder; others are refused before any work."""

from functools import partial
from importlib.util import find_spec

import pytest
from run_folder import checked_card

from gtzan_lightning.config.composition import compose
from gtzan_lightning.corpus import loading
from gtzan_lightning.corpus.synthetic_corpus import synthetic_corpus
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.training import results
from gtzan_lightning.training.train import train

MODELS = {"mlp": "MLP", "lstm": "BiLSTM", "reslstm": "ResLSTM", "convlstm": "ConvLSTM"}
SPLITS = ("leaky", "grouped", "artist", "filtered")
STEPS = {"3s": 1, "6s": 2, "9s": 3, "30s": 10}
FEATURES = {
    "stats": (1, 55),
    "mfcc": (129, 13),
    "logmel": (129, 128),
    "musicnn": (1, 200),
}  # shapes of 3 s; 22,050 Hz / 512 = 43.07 frames a s


NARROW = dict.fromkeys(MODELS, "model.hidden_size=16") | {"convlstm": "model.hidden_size=2"}
"""Predicting takes longer than the one step of training; ConvLSTM has these units for each feature."""

OPTIONS = {"musicnn": ("features.nets=[msd]",)}  # of its two networks, one is enough


@pytest.fixture
def trained(monkeypatch):
    """One epoch of one batch, without figures: they do not depend on the combination, and take the longest."""
    monkeypatch.setattr(results, "run_figures", lambda *_: {})

    def train_with(*overrides):
        command = [*overrides, "debug=fast", "trainer.progress=false"]
        return train(compose(command), overrides=command)

    return train_with


@pytest.fixture
def small_synthetic(monkeypatch, cache_dir):
    """The embedded corpus, shortened: three tracks a genre of two windows each, rendered once for all tests."""
    monkeypatch.setattr(loading, "synthetic_corpus", partial(synthetic_corpus, tracks_per_genre=3, duration_s=6.5))
    return (
        "data=synthetic",
        "data.n_jobs=1",
        f"cache_dir={cache_dir}",
        "split.ratios={train: 0.34, val: 0.33, test: 0.33}",
    )


def refusal(trained, *overrides):
    with pytest.raises(GtzanError) as caught:
        trained(*overrides)
    return str(caught.value)


@pytest.mark.gtzan
@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("slice_", STEPS)
@pytest.mark.parametrize("model", MODELS)
def test_on_the_real_tables(trained, gtzan_root, model, slice_, split):
    run = trained(f"data.root={gtzan_root}", f"model={model}", f"slice={slice_}", f"split={split}", NARROW[model])
    card = checked_card(run.folder)
    assert card["data"]["corpus"] == "gtzan"
    assert card["model"]["name"] == MODELS[model]
    assert card["features"]["shape"] == [STEPS[slice_], 55]
    assert card["split"]["name"] == split
    shares_tracks = card["split"]["tracks_in_train_and_test"] > 0
    assert shares_tracks == (split == "leaky" and slice_ != "30s")  # a track has one slice of 30 s
    assert (card["split"]["artists_in_train_and_test"] == 0) == (split in ("artist", "filtered"))
    assert card["metrics"]["test"]["window"]["cluster"] == "artist"


@pytest.mark.gtzan
@pytest.mark.parametrize("model", MODELS)
def test_whole_clips_in_one_step_come_from_the_thirty_second_table(trained, gtzan_root, model):
    run = trained(f"data.root={gtzan_root}", f"model={model}", "slice=30s", "slice.step_s=30")
    card = checked_card(run.folder)
    assert card["features"]["shape"] == [1, 55]
    assert sum(card["split"]["slices"].values()) == 1000
    assert card["data"]["tracks_without_slice"] == []


@pytest.mark.gtzan
def test_clips_with_a_missing_window_are_named(trained, gtzan_root):
    card = trained(f"data.root={gtzan_root}", "slice=30s").card
    assert sum(card["split"]["slices"].values()) == 938
    assert len(card["data"]["tracks_without_slice"]) == 62


@pytest.mark.gtzan
@pytest.mark.parametrize(("model", "regularization"), [("mlp", "none"), *((model, "strong") for model in MODELS)])
def test_regularization_on_the_real_tables(trained, gtzan_root, model, regularization):
    run = trained(f"data.root={gtzan_root}", f"model={model}", f"regularization={regularization}", "slice=9s")
    checked_card(run.folder)


@pytest.mark.parametrize("features", FEATURES)
@pytest.mark.parametrize("model", MODELS)
def test_on_the_synthetic_corpus(trained, small_synthetic, model, features):
    if features == "musicnn" and not find_spec("musicnn"):
        pytest.skip("the package musicnn is not installed; `make` installs it")
    run = trained(*small_synthetic, f"model={model}", f"features={features}", NARROW[model], *OPTIONS.get(features, ()))
    card = checked_card(run.folder)
    assert card["data"]["corpus"] == "synthetic"
    assert (card["features"]["name"], card["features"]["shape"]) == (features, list(FEATURES[features]))
    assert card["model"]["name"] == MODELS[model]
    assert sum(card["split"]["slices"].values()) == 60


@pytest.mark.parametrize("features", ["mfcc", "logmel"])
def test_two_seconds_of_frames_with_masks(trained, small_synthetic, features):
    run = trained(*small_synthetic, f"features={features}", "slice=2s", "augmentation=masking", "model=reslstm")
    assert checked_card(run.folder)["features"]["shape"][0] == 86


@pytest.mark.parametrize("split", ["leaky", "grouped", "artist"])
def test_splits_of_any_folder_with_artists(trained, tables_root, split):
    ratios = "split.ratios={train: 0.6, val: 0.2, test: 0.2}"  # five artists a genre
    assert checked_card(trained(f"data.root={tables_root}", f"split={split}", ratios).folder)["split"]["name"] == split


@pytest.mark.parametrize("features", ["mfcc", "logmel"])
def test_a_folder_of_any_audio(trained, audio_root, features, cache_dir):
    where = ("data=folder", f"data.root={audio_root}", f"cache_dir={cache_dir}", "data.n_jobs=1")
    run = trained(*where, f"features={features}", "model=lstm")
    card = checked_card(run.folder)
    assert card["data"]["corpus"] == audio_root.name
    assert card["data"]["genres"] == ["blues", "jazz", "rock"]
    assert card["split"]["artists_in_train_and_test"] is None
    assert card["metrics"]["test"]["window"]["cluster"] == "track"


NO_TABLE_WINDOW = "slice.seconds=2 is shorter than the features' window of 3 s"


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["slice=2s"], NO_TABLE_WINDOW),
        (["slice.seconds=7"], "slice.seconds=7 is not a whole number of slice.step_s (3 s). Take 6 or 9."),
        (["slice=6s", "slice.step_s=4"], "slice.step_s=4 is not a whole number of the features' window (3 s)"),
        (["slice.hop_s=1"], "slice.hop_s=1 is not a whole number of the features' window (3 s)"),
        (["slice=6s", "slice.step_s=30"], "slice.seconds=6 is shorter than the features' window of 30 s"),
        (["features=mfcc"], "features=mfcc needs audio, but"),
        (["features=logmel", "slice=2s"], "features=logmel needs audio, but"),
        (["data.source=audio"], "data.source=audio needs audio, but"),
        (["features=mfcc", "data.source=tables"], "data.source=tables: the tables hold `stats`, not mfcc"),
        (["data=folder"], "holds no <genre>/<file> folders of audio"),
        (["split=filtered", "split.fold=0", "split.n_folds=5"], "split=filtered has its published parts and no folds"),
        (["split.fold=0"], "fold and n_folds go together"),
        (["split.fold=5", "split.n_folds=5"], "fold=5: folds are numbered 0 ... 4"),
        (["features.n_mfcc=200"], "n_mfcc=200 needs at least as many mel bands"),
        (["features=musicnn"], "features=musicnn needs audio, but"),
        (
            ["features=musicnn", "features.sample_rate_hz=22050"],
            "musicnn was trained with sample_rate_hz=16000, not 22050",
        ),
        (["features=musicnn", "features.nets=[msd,msd]"], "nets=['msd', 'msd']: name each network once"),
        (["model.kernel_size=3"], "model.kernel_size: MLP has no such argument"),
        (["model=convlstm", "model.kernel_size=4"], "model: gtzan_lightning.models.ConvLSTM cannot be built"),
        (["trainer=gpu"], "Use trainer=cpu."),
    ],
)
def test_impossible_combinations_are_refused_before_training(trained, tables_root, monkeypatch, overrides, message):
    if overrides == ["trainer=gpu"]:
        monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("lightning.Trainer.fit", lambda *_, **__: pytest.fail("trained"))
    overrides = [f"+{word}" if word == "model.kernel_size=3" else word for word in overrides]
    assert message in refusal(trained, f"data.root={tables_root}", *overrides)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["data.source=tables"], "data.source=tables: the synthetic corpus is audio and has no tables"),
        (["split=filtered"], "split=filtered is a list of GTZAN's tracks, and the synthetic corpus has none of them"),
        (["slice.seconds=60"], "slice.seconds=60: no track has 20 contiguous rows of 3 s"),
        (["features=mfcc", "slice=2s", "slice.step_s=3"], "slice.step_s=3 is longer than slice.seconds=2"),
    ],
)
def test_combinations_that_the_synthetic_corpus_lacks_are_refused(trained, small_synthetic, overrides, message):
    assert message in refusal(trained, *small_synthetic, *overrides)
