"""Split rules and their checks."""

from collections import Counter

import numpy as np
import pytest
import tiny
from torchaudio.datasets import gtzan

from gtzan_lightning.corpus.loading import open_corpus
from gtzan_lightning.corpus.tracks import GTZAN_GENRES
from gtzan_lightning.datamodule.assignment import SplitRule, stratified_group_parts
from gtzan_lightning.datamodule.slices import slice_table
from gtzan_lightning.datamodule.split_rules import NAMES, filtered, rule_named
from gtzan_lightning.datamodule.splits import check_parts, shared_tracks, split_slices
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.features.corpus_features import load_features
from gtzan_lightning.features.feature_request import FrameSettings

RATIOS = (0.7, 0.1, 0.2)
FILTERED = SplitRule("filtered")


def artists_of_two(tracks=20, genres=("blues", "rock")):
    return tiny.corpus(genres, tracks, artist_group=lambda genre, number: f"{genre} {number // 2}")


def slices_of(corpus, windows=10, seconds=3):
    return slice_table(tiny.features([windows] * len(corpus.tracks)), seconds=seconds)


def part_of_track(corpus, slices, parts):
    """Part of each track of a split over tracks, `(tracks,)`."""
    found = {track: set(parts[slices.track_index == track]) for track in range(len(corpus.tracks))}
    assert all(len(names) == 1 for names in found.values())
    return np.array([names.pop() for names in found.values()])


def refusal(call, *arguments, **options):
    with pytest.raises(GtzanError) as caught:
        call(*arguments, **options)
    return str(caught.value)


def test_single_items_are_assigned_in_exact_shares():
    labels = np.repeat([0, 1, 2], [100, 50, 10])
    parts = stratified_group_parts(np.arange(160), labels, RATIOS, seed=0)
    counts = {label: [int(((parts == part) & (labels == label)).sum()) for part in range(3)] for label in range(3)}
    assert counts == {0: [70, 10, 20], 1: [35, 5, 10], 2: [7, 1, 2]}


def test_equal_groups_are_assigned_in_exact_shares():
    labels = np.repeat([0, 1], 100)
    groups = np.arange(200) // 5  # twenty groups of five each label
    parts = stratified_group_parts(groups, labels, RATIOS, seed=3)
    assert [[int(((parts == p) & (labels == label)).sum()) for p in range(3)] for label in (0, 1)] == [[70, 10, 20]] * 2


@pytest.mark.parametrize("seed", range(20))
def test_unequal_groups_are_not_divided_and_deviate_by_less_than_one_group(seed):
    rng = np.random.default_rng(seed)
    groups = rng.permutation(np.repeat(np.arange(60), rng.integers(1, 12, 60)))
    labels = (groups % 4).astype(int)  # a group has one label
    parts = stratified_group_parts(groups, labels, RATIOS, seed)
    assert all(len(set(parts[groups == group])) == 1 for group in range(60))
    for label in range(4):
        here = labels == label
        largest = max(Counter(groups[here].tolist()).values())
        shares = np.bincount(parts[here], minlength=3)
        assert (np.abs(shares - np.array(RATIOS) * here.sum()) <= largest).all()


def test_the_assignment_depends_on_the_seed_alone():
    labels = np.repeat([0, 1], 50)
    parts = [stratified_group_parts(np.arange(100), labels, RATIOS, seed) for seed in (0, 0, 1)]
    np.random.seed(5)  # noqa: NPY002 - the global generator must not matter
    again = stratified_group_parts(np.arange(100), labels, RATIOS, 0)
    assert (parts[0] == parts[1]).all()
    assert (parts[0] == again).all()
    assert (parts[0] != parts[2]).any()


@pytest.mark.parametrize("ratios", [(0.7, 0.3, 0.0), (0.7, 0.1, 0.1), (1.2, -0.1, -0.1)])
def test_impossible_ratios_are_refused(ratios):
    with pytest.raises(ValueError, match="ratios must be positive and sum to 1"):
        stratified_group_parts([0, 1, 2], [0, 0, 0], ratios, 0)


def test_grouped_keeps_tracks_whole_in_exact_stratified_shares():
    corpus = artists_of_two(20)
    slices = slices_of(corpus)
    parts = part_of_track(corpus, slices, split_slices(corpus, slices, SplitRule("grouped")))
    counts = Counter(zip((track.genre for track in corpus.tracks), parts.tolist(), strict=True))
    assert counts == {(genre, part): n for genre in corpus.genres for part, n in
                      (("train", 14), ("val", 2), ("test", 4))}  # fmt: skip


def test_artist_keeps_artists_whole():
    corpus = artists_of_two(20)
    slices = slices_of(corpus)
    parts = part_of_track(corpus, slices, split_slices(corpus, slices, SplitRule("artist")))
    assert (parts[::2] == parts[1::2]).all()  # tracks 2n and 2n + 1 are one artist's
    assert Counter(parts.tolist()) == {"train": 28, "val": 4, "test": 8}


def test_leaky_splits_slices_in_exact_stratified_shares():
    corpus = artists_of_two(20)
    slices = slices_of(corpus)
    parts = split_slices(corpus, slices, SplitRule("leaky"))
    genre = np.asarray(corpus.labels())[slices.track_index]
    assert Counter(zip(genre.tolist(), parts.tolist(), strict=True)) == {
        (label, part): n for label in (0, 1) for part, n in (("train", 140), ("val", 20), ("test", 40))
    }
    assert len(shared_tracks(parts, slices.track_index)) > 30


@pytest.mark.parametrize("rule", ["grouped", "artist", "filtered"])
def test_test_tracks_are_the_same_for_every_slice_length(rule):
    corpus = tiny.corpus(
        ("blues", "rock"),
        20,
        artist_group=lambda genre, number: f"{genre} {number // 2}",
        filtered_part=lambda _, number: ("train", "valid", "test", "excluded")[number % 4],
    )
    tracks = []
    for seconds in (3, 6, 9, 30):
        slices = slices_of(corpus, seconds=seconds)
        parts = split_slices(corpus, slices, SplitRule(rule))
        tracks.append(sorted(set(slices.track_index[parts == "test"].tolist())))
    assert tracks[0]
    assert tracks.count(tracks[0]) == 4


@pytest.mark.parametrize("rule", ["leaky", "grouped", "artist"])
@pytest.mark.parametrize("n_folds", [2, 5, 10])
def test_every_slice_is_in_one_test_fold_and_genres_are_balanced(rule, n_folds):
    corpus = artists_of_two(40)
    slices = slices_of(corpus)
    genre = np.asarray(corpus.labels())[slices.track_index]
    tested = np.zeros(len(slices), int)
    for fold in range(n_folds):
        parts = split_slices(corpus, slices, SplitRule(rule, fold=fold, n_folds=n_folds))
        tested += parts == "test"
        assert np.bincount(genre[parts == "test"]).tolist() == [400 // n_folds] * 2
        rest = parts != "test"
        assert (parts[rest] == "val").sum() == pytest.approx(0.1 * rest.sum(), abs=40)
    assert (tested == 1).all()


def test_the_split_seed_determines_the_folds():
    corpus = artists_of_two(20)
    slices = slices_of(corpus)
    parts = [split_slices(corpus, slices, SplitRule("grouped", seed=s, fold=0, n_folds=5)) for s in (0, 0, 1)]
    assert (parts[0] == parts[1]).all()
    assert (parts[0] != parts[2]).any()


def test_filtered_takes_the_parts_of_the_metadata():
    names = ("train", "valid", "test", "excluded", None)
    corpus = tiny.corpus(tracks=10, filtered_part=lambda _, number: names[number % 5])
    assert filtered.track_parts(corpus, FILTERED).tolist() == ["train", "val", "test", "", ""] * 4


def test_filtered_without_metadata_takes_the_lists_that_torchaudio_ships():
    corpus = tiny.corpus(GTZAN_GENRES, 100)
    parts = filtered.track_parts(corpus, FILTERED)
    of_part = {
        part: {track.track_id for track, here in zip(corpus.tracks, parts, strict=True) if here == part}
        for part in ("train", "val", "test", "")
    }
    assert of_part["train"] == set(gtzan.filtered_train)
    assert of_part["val"] == set(gtzan.filtered_valid)
    assert of_part["test"] == set(gtzan.filtered_test)
    assert {part: len(tracks) for part, tracks in of_part.items()} == {"train": 443, "val": 197, "test": 290, "": 70}


def test_gtzan_metadata_and_torchaudio_agree(gtzan_root, cache_dir):
    corpus = open_corpus("auto", str(gtzan_root), cache_dir=cache_dir)
    assert (
        filtered.track_parts(corpus, FILTERED).tolist()
        == filtered.track_parts(tiny.corpus(GTZAN_GENRES, 100), FILTERED).tolist()
    )


def test_gtzan_artists_are_in_one_part_of_the_artist_split(gtzan_root, cache_dir):
    corpus = open_corpus("auto", str(gtzan_root), cache_dir=cache_dir)
    features = load_features(corpus, name="stats", window_s=3.0, settings=FrameSettings(), cache_dir=cache_dir)
    slices = slice_table(features, seconds=3)
    artist = np.unique([track.artist_group for track in corpus.tracks], return_inverse=True)[1][slices.track_index]
    parts = split_slices(corpus, slices, SplitRule("artist"))
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        assert not len(shared_tracks(parts, artist, one, other))
    for part, share in zip(("train", "val", "test"), RATIOS, strict=True):
        assert (parts == part).mean() == pytest.approx(share, abs=0.02)


def test_filtered_is_for_gtzan_alone():
    assert refusal(filtered.track_parts, tiny.corpus(("tango", "zydeco")), FILTERED) == (
        "split=filtered is a list of GTZAN's tracks, and the corpus 'made-up' has none of them.\n"
        "Use split=grouped or split=artist, or set data.root to GTZAN."
    )


def test_artist_without_artists_is_refused():
    corpus = tiny.corpus(tracks=20)
    assert refusal(split_slices, corpus, slices_of(corpus), SplitRule("artist")) == (
        "split=artist needs the artists of at least half of the tracks, and those of 0 of 40 are known in the corpus "
        "'made-up'.\n"
        "Put a metadata.csv with the columns track_id and artist into nowhere, or use split=grouped."
    )


def test_too_few_tracks_of_a_genre_are_refused():
    corpus = tiny.corpus(tracks=2)
    message = refusal(split_slices, corpus, slices_of(corpus), SplitRule("grouped"))
    assert message == (
        "The val part of the split is empty (made-up has 4 tracks of 2 genres).\n"
        "Use more tracks, fewer folds or other split.ratios."
    )


def parts_and_tracks(*parts):
    """One slice a track; tracks 0, 1, 2 ... are blues and then rock."""
    return np.array(parts), np.arange(len(parts), dtype=np.int32), tiny.corpus(tracks=len(parts) // 2)


def test_a_genre_that_a_part_lacks_is_named():
    arguments = parts_and_tracks("train", "val", "test", "train", "val", "train")
    assert refusal(check_parts, *arguments, may_share_tracks=False) == (
        "The test part of the split has no slice of rock (made-up has 6 tracks of 2 genres).\n"
        "Use more tracks a genre, fewer folds, other split.ratios, or another split.seed."
    )


@pytest.mark.parametrize("empty", ["train", "val", "test"])
def test_an_empty_part_is_named(empty):
    names = [part for part in ("train", "val", "test", "") if part != empty]
    arguments = parts_and_tracks(*names, *names)
    assert refusal(check_parts, *arguments, may_share_tracks=True).startswith(
        f"The {empty} part of the split is empty "
    )


@pytest.mark.parametrize(
    ("parts", "lacking"),
    [
        (("train", "val", "test", "train", "val", "train"), "no track of rock in test"),
        (("train", "train", "", "train", "val", ""), "no track of blues in val; no test part"),
    ],
)
def test_a_list_that_lacks_parts_is_named_with_all_that_it_lacks(parts, lacking):
    assert refusal(check_parts, *parts_and_tracks(*parts), may_share_tracks=False, manifest="list.csv") == (
        f"split.manifest=list.csv: {lacking} (made-up has 6 tracks of 2 genres).\n"
        "Complete it: train, val, test need tracks of each genre."
    )


def test_a_track_in_two_parts_is_refused_unless_allowed():
    parts, _, corpus = parts_and_tracks("train", "val", "test", "train", "val", "test")
    track_index = np.array([0, 1, 0, 3, 4, 3], np.int32)
    check_parts(parts, track_index, corpus, may_share_tracks=True)
    assert refusal(check_parts, parts, track_index, corpus, may_share_tracks=False) == (
        "The split must keep tracks whole, but 2 tracks are in both train and test: blues.00000, rock.00000.\n"
        "Assign each track to one part, or use split=leaky."
    )


@pytest.mark.parametrize(
    ("track_index", "pair"),
    [
        ([0, 0, 0, 3, 4, 3], "2 tracks are in both train and test: blues.00000, rock.00000"),
        ([0, 1, 1, 3, 3, 5], "1 tracks are in both val and test: blues.00001"),
        ([0, 0, 2, 3, 3, 5], "2 tracks are in both train and val: blues.00000, rock.00000"),
    ],
)
def test_the_pair_of_parts_that_matters_most_is_named(track_index, pair):
    parts, _, corpus = parts_and_tracks("train", "val", "test", "train", "val", "test")
    assert pair in refusal(check_parts, parts, np.array(track_index, np.int32), corpus, may_share_tracks=False)


@pytest.mark.parametrize("name", ["leaky", "grouped"])
def test_train_tracks_excludes_training_examples_alone(name):
    corpus = tiny.corpus(GTZAN_GENRES, 20)
    slices = slices_of(corpus)
    full = split_slices(corpus, slices, SplitRule(name, seed=3))
    limited = split_slices(corpus, slices, SplitRule(name, seed=3, train_tracks=80))
    assert ((limited == full) | ((full == "train") & (limited == ""))).all()
    per_track = len(slices) // len(corpus.tracks)
    assert (limited == "train").sum() == 80 * per_track
    labels = np.asarray(corpus.labels())[slices.track_index]
    assert set(np.bincount(labels[limited == "train"])) == {8 * per_track}
    if name == "grouped":
        assert len(np.unique(slices.track_index[limited == "train"])) == 80


def test_train_tracks_beyond_the_training_part_is_refused():
    corpus = tiny.corpus(GTZAN_GENRES, 20)
    with pytest.raises(GtzanError, match=r"split\.train_tracks=999: the training part holds 140 tracks' worth only"):
        split_slices(corpus, slices_of(corpus), SplitRule("grouped", train_tracks=999))


def test_a_rule_is_a_module_and_a_config():
    from gtzan_lightning.config.composition import conf_dir

    assert list(NAMES) == sorted(path.stem for path in (conf_dir() / "split").glob("[!_]*.yaml"))
    for name in NAMES:
        rule = rule_named(name)
        assert hasattr(rule, "track_parts") == ("track" in rule.KEEPS)
        assert hasattr(rule, "slice_parts") == ("track" not in rule.KEEPS)
    with pytest.raises(KeyError, match="no split rule 'groupd'; there are artist, filtered, grouped, leaky"):
        rule_named("groupd")


@pytest.mark.parametrize("name", ["leaky", "grouped", "artist"])
def test_without_a_share_for_validation_there_are_two_parts(name):
    corpus = artists_of_two()
    parts = split_slices(corpus, slices_of(corpus), SplitRule(name, seed=1, ratios=(0.8, 0.0, 0.2)))
    assert Counter(parts.tolist()) == {"train": 320, "test": 80}


@pytest.mark.parametrize("fold", [0, 3])
def test_the_validation_part_of_folds_keeps_artists_whole_and_follows_the_split_seed(fold):
    corpus = artists_of_two(40)
    slices = slices_of(corpus)
    found = {}
    for seed in (0, 1, 2):
        rule = SplitRule("artist", seed=seed, fold=fold, n_folds=5)
        parts = found[seed] = part_of_track(corpus, slices, split_slices(corpus, slices, rule))
        assert (parts[::2] == parts[1::2]).all()
        assert Counter(parts.tolist()) == {"train": 56, "val": 8, "test": 16}
    artists, labels = np.array([track.artist_group for track in corpus.tracks]), np.array(corpus.labels())
    for seed, parts in found.items():
        rest = parts != "test"
        drawn = stratified_group_parts(artists[rest], labels[rest], (0.9, 0.1), seed)
        assert (parts[rest] == np.array(["train", "val"])[drawn]).all()
