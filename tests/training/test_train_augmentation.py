"""Runs with augmentation: augmented copies are used for training only, and impossible settings are refused."""

import csv

import numpy as np
import pytest
from omegaconf import OmegaConf
from run_folder import checked_card

from gtzan_lightning.config import compatibility
from gtzan_lightning.config.composition import compose, conf_dir
from gtzan_lightning.config.overrides import check_overrides
from gtzan_lightning.config.schema import validate_config
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.training import results
from gtzan_lightning.training.construction import make_datamodule, make_masking
from gtzan_lightning.training.split_data import open_data
from gtzan_lightning.training.train import train

MEMBERS = sorted((conf_dir() / "augmentation").glob("[!_]*.yaml"))
FRAMES = ("features=mfcc", "features.n_mels=20", "slice=3s")


@pytest.fixture
def trained(monkeypatch, audio_root, cache_dir):
    """One epoch of one batch on generated audio, without figures."""
    monkeypatch.setattr(results, "run_figures", lambda *_: {})
    where = ("data=folder", f"data.root={audio_root}", f"cache_dir={cache_dir}", "data.n_jobs=1")

    def command(*overrides):
        return [*where, *FRAMES, *overrides, "debug=fast", "trainer.progress=false"]

    def train_with(*overrides):
        return train(compose(command(*overrides)), overrides=command(*overrides))

    train_with.config = lambda *overrides: validate_config(compose(command(*overrides)))
    return train_with


def test_every_member_has_a_comment_and_can_be_composed():
    assert {"none", "masking", "waveform", "strong_waveform", "weak_genres"} <= {path.stem for path in MEMBERS}
    assert all("_base" in OmegaConf.load(path).defaults for path in MEMBERS)  # which has every key
    for path in MEMBERS:
        assert path.read_text().startswith("# ")
        assert validate_config(compose([f"augmentation={path.stem}"])).augmentation


def test_a_run_with_augmented_copies_records_originals_only(trained):
    plain, augmented = trained(), trained("augmentation=waveform")
    assert plain.folder != augmented.folder
    card = checked_card(augmented.folder)
    assert (augmented.folder / "split.csv").read_bytes() == (plain.folder / "split.csv").read_bytes()
    with (augmented.folder / "predictions.csv").open() as file:
        tracks = [row["track_id"] for row in csv.DictReader(file)]
    assert len(tracks) == len(set(tracks)) == 36
    assert card["split"] == plain.card["split"]
    assert plain.card["training"]["augmented_slices"] == 0
    assert card["training"]["augmented_slices"] == 2 * card["split"]["slices"]["train"]
    assert {finding["check"] for finding in card["audit"].get("findings", [])} == {
        finding["check"] for finding in plain.card["audit"].get("findings", [])
    }


def test_weak_genres_get_more_augmented_copies_and_longer_masks(trained):
    strength = "augmentation.genre_strength={rock: 3, jazz: 0}"
    config = trained.config("augmentation=waveform", "augmentation.copies=1", "augmentation.time_masks=1", strength)
    data = open_data(config)
    module = make_datamodule(config, data)
    genre = np.array([track.genre for track in data.corpus.tracks])
    originals = genre[data.slices.track_index[data.parts == "train"]]
    of_copies = genre[module.training_examples.track[len(module.slices) :].numpy()]
    for name, factor in {"blues": 1, "jazz": 0, "rock": 3}.items():
        assert (of_copies == name).sum() == factor * (originals == name).sum()
    assert make_masking(config, data.corpus.genres).genre_strength == (1.0, 0.0, 3.0)


def test_augmented_copies_are_reproducible(trained):
    config = trained.config("augmentation=waveform", "augmentation.copies=1")
    one, other = (make_datamodule(config, open_data(config)).training_examples.values for _ in range(2))
    np.testing.assert_array_equal(one, other)
    reseeded = trained.config("augmentation=waveform", "augmentation.copies=1", "augmentation.copy_seed=1")
    assert not np.array_equal(make_datamodule(reseeded, open_data(reseeded)).training_examples.values, one)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["split=leaky"], "split=leaky has slices of one track in several parts"),
        (["augmentation.gain_db=-1"], "augmentation.gain_db = -1"),
        (["augmentation.genre_strength={polka: 2}"], "augmentation.genre_strength names polka"),
    ],
)
def test_impossible_augmentation_is_refused(trained, overrides, message):
    with pytest.raises(GtzanError) as caught:
        trained("augmentation=waveform", *overrides)
    assert message in str(caught.value)


def test_augmented_copies_without_a_change_are_refused(trained):
    with pytest.raises(GtzanError, match="copies=2 would be copies of their originals"):
        trained("augmentation.copies=2")


def test_augmented_copies_of_tables_are_refused_before_any_work(tables_root, monkeypatch):
    monkeypatch.setattr("gtzan_lightning.training.train.open_data", lambda *_: pytest.fail("opened"))
    command = [f"data.root={tables_root}", "augmentation=waveform"]
    with pytest.raises(
        GtzanError, match=r"(?s)augmentation.copies=2 needs audio, and the features come from tables here.*source=audio"
    ):
        train(compose(command), overrides=command)


def test_without_the_library_pitch_and_tempo_are_refused_and_the_rest_works(trained, monkeypatch):
    monkeypatch.setattr(compatibility, "find_spec", lambda _: None)
    with pytest.raises(GtzanError, match=r"pip install gtzan-lightning\[augment\]"):
        trained("augmentation=waveform")
    monkeypatch.setitem(__import__("sys").modules, "python_stretch", None)  # an import fails
    without = ("augmentation.pitch_semitones=0", "augmentation.stretch=0", "augmentation.copy_seed=7")
    assert trained("augmentation=waveform", *without).card["training"]["augmented_slices"] > 0


def test_the_strength_of_one_genre_can_be_set_on_the_command_line():
    check_overrides(["augmentation=weak_genres", "augmentation.genre_strength.reggae=3"])
    with pytest.raises(GtzanError, match=r"Did you mean augmentation\.genre_strength\.reggae"):
        check_overrides(["augmentation.genre_strength.raggae=3"])
    more = "+augmentation.genre_strength.rock=1.5"
    command = ["augmentation=weak_genres", "augmentation.genre_strength.reggae=3", more]
    factors = validate_config(compose(command)).augmentation.factors
    assert factors == {"country": 2, "disco": 2, "hiphop": 2, "reggae": 3, "rock": 1.5}
