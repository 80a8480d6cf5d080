"""Features of augmented copies: cached beside those of the originals."""

import numpy as np
import pytest
import soundfile
import tiny

from gtzan_lightning.corpus.tracks import Corpus, Track
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.features import extraction
from gtzan_lightning.features.corpus_features import load_features
from gtzan_lightning.features.feature_request import AugmentedCopy, FeatureRequest, FrameSettings, Waveform
from gtzan_lightning.utils.content_index import key_of

LOUD = Waveform(gain_db=6, noise_snr_db=20)
FIRST = AugmentedCopy(1, 0, LOUD)


def corpus_of(root):
    paths = sorted(root.glob("*/*.wav"))
    return Corpus(
        "test", tuple(Track(path.stem, path.parent.name, path) for path in paths), ("blues",), "audio", root, "0"
    )


@pytest.fixture
def corpus(tmp_path):
    return corpus_of(tiny.write_audio(tmp_path / "music", genres=("blues",), tracks=3, seconds=1.1))


def load(corpus, tmp_path, augmented_copy=FIRST, **options):
    options = {"name": "mfcc", "window_s": 1.0, "settings": FrameSettings(), **options}
    return load_features(corpus, cache_dir=tmp_path / "cache", augmented_copy=augmented_copy, **options)


@pytest.mark.parametrize("name", ["mfcc", "stats"])
def test_a_copy_has_the_rows_of_its_original_and_other_values(corpus, tmp_path, name):
    original, first, second = (
        load(corpus, tmp_path, augmented_copy, name=name) for augmented_copy in (None, FIRST, AugmentedCopy(2, 0, LOUD))
    )
    np.testing.assert_array_equal(first.track_index, original.track_index)
    np.testing.assert_array_equal(first.start_s, original.start_s)
    assert first.columns == original.columns
    for one, other in ((original, first), (original, second), (first, second)):
        assert not np.allclose(one.values, other.values)


def test_copies_are_computed_once_and_the_originals_stay_cached(corpus, tmp_path, monkeypatch):
    monkeypatch.setattr("gtzan_lightning.utils.content_index.TOO_FRESH_S", -3600)
    original, augmented_copy = load(corpus, tmp_path, None), load(corpus, tmp_path)
    load(Corpus(**{**vars(corpus), "tracks": corpus.tracks[:1]}), tmp_path)  # of some tracks only
    monkeypatch.setattr(extraction, "extract", lambda *_: pytest.fail("computed again"))
    np.testing.assert_array_equal(load(corpus, tmp_path).values, augmented_copy.values)
    np.testing.assert_array_equal(load(corpus, tmp_path, None).values, original.values)


def test_key_contains_everything_that_changes_the_samples():
    copies = [
        None,
        FIRST,
        AugmentedCopy(2, 0, LOUD),
        AugmentedCopy(1, 1, LOUD),
        AugmentedCopy(1, 0, Waveform(gain_db=6)),
        AugmentedCopy(1, 0, Waveform(gain_db=6, noise_snr_db=10)),
        AugmentedCopy(1, 0, Waveform(gain_db=6, stretch=0.1)),
    ]
    requests = [FeatureRequest("mfcc", 3.0, FrameSettings(), augmented_copy) for augmented_copy in copies]
    assert len({key_of(request.cache_fields()) for request in requests}) == len(requests)


def test_identical_files_have_identical_copies(corpus, tmp_path):
    source = corpus.tracks[0].path
    (source.parent / "copy.wav").write_bytes(source.read_bytes())
    features = load(corpus_of(corpus.root), tmp_path)
    by_track = [features.values[features.track_index == track] for track in range(4)]
    np.testing.assert_array_equal(by_track[0], by_track[3])
    assert not np.array_equal(by_track[0], by_track[1])


def test_an_unusable_file_has_no_copy_and_a_reason(corpus, tmp_path):
    corpus.tracks[1].path.write_bytes(b"no audio")
    features = load(corpus, tmp_path, max_skipped_share=0.5)
    assert np.unique(features.track_index).tolist() == [0, 2]
    assert [note for note in features.notes if "skipped, it is not audio that can be read" in note]
    with pytest.raises(GtzanError, match="1 of 3 audio files cannot be used"):
        load(corpus, tmp_path, max_skipped_share=0.0)


def test_progress_names_the_copy(corpus, tmp_path, capsys):
    load(corpus, tmp_path)
    assert "mfcc, augmented copy 1: features of 3 files" in capsys.readouterr().err


def test_originals_are_not_augmented(corpus, monkeypatch):
    monkeypatch.setattr("gtzan_lightning.features.augmented_audio.rendered", lambda *_: pytest.fail("rendered"))
    request = FeatureRequest("mfcc", 1.0, FrameSettings())
    assert extraction.analyse_file(corpus.tracks[0].path, request).values.size
    assert soundfile.info(corpus.tracks[0].path).frames == int(1.1 * tiny.RATE_HZ)
