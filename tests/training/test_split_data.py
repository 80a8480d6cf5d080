"""Data are shared by jobs of one process, unless their configurations differ in the data."""

import numpy as np
import pytest

from gtzan_lightning.config.composition import compose
from gtzan_lightning.config.schema import validate_config
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.training.construction import make_datamodule
from gtzan_lightning.training.split_data import open_data

pytestmark = pytest.mark.slow


@pytest.fixture
def config(own_tables):
    def of(*words):
        return validate_config(
            compose([f"data.root={own_tables}", "split.ratios={train: 0.5, val: 0.25, test: 0.25}", *words])
        )

    return of


@pytest.mark.parametrize("words", [["seed=1"], ["model=lstm"], ["data.batch_size=8"], ["regularization=none"]])
def test_jobs_that_differ_in_training_alone_share_their_data(config, words):
    one, other = open_data(config()), open_data(config(*words))
    assert one is other
    modules = [make_datamodule(settings, one) for settings in (config(), config(*words))]
    assert modules[0].examples is modules[1].examples


@pytest.mark.parametrize("words", [["split.seed=1"], ["split=leaky"], ["slice=6s"], ["features.scaling=standard"]])
def test_jobs_that_differ_in_their_data_do_not(config, words):
    assert open_data(config()) is not open_data(config(*words))


def test_another_scaling_is_fitted_again(config):
    all_data = config("features.scaling_fitted_on=all", "features.scaling=standard")
    train_only = config("features.scaling=standard")
    means = [make_datamodule(settings, open_data(settings)).standardisation.mean for settings in (train_only, all_data)]
    assert not np.array_equal(*means)


def test_a_changed_table_is_read_again(config, own_tables):
    before = open_data(config()).features.values
    table = own_tables / "features_3_sec.csv"
    head, first, *rest = table.read_text().splitlines()
    name, length, _, *others = first.split(",")
    table.write_text("\n".join([head, ",".join([name, length, "123.0", *others]), *rest]) + "\n")
    after = open_data(config()).features.values
    assert not (before == 123).any()
    assert (after == 123).sum() == 1


def test_a_list_without_a_part_is_named(config, tmp_path):
    (tmp_path / "list.csv").write_text("file,part\nblues.00000,train\nblues.00001,val\nrock.00000,train\n")
    with pytest.raises(GtzanError) as caught:
        open_data(config(f"split.manifest={tmp_path / 'list.csv'}"))
    assert str(caught.value).startswith(
        f"split.manifest={tmp_path / 'list.csv'}: no track of rock in val; no test part ("
    )


def test_a_track_list_brings_its_own_split_and_artists(audio_root, tmp_path):
    paths = sorted(audio_root.glob("*/*.wav"))
    lines = [
        f"{path},{path.parent.name},A{number // 2},{('test', 'val', 'train', 'train')[number % 4]}"
        for number, path in enumerate(paths)
    ]
    (tmp_path / "list.csv").write_text("\n".join(["path,genre,artist,split", *lines]))
    words = ["data=tracks", f"data.root={tmp_path / 'list.csv'}", "slice=3s"]
    listed = open_data(validate_config(compose([*words, "split.manifest=column:split"])))
    part_of = dict(zip(listed.slices.track_index, listed.parts, strict=True))
    assert [part_of[number] for number in range(4)] == ["test", "val", "train", "train"]
    by_artist = open_data(validate_config(compose([*words, "split=artist"])))
    artist_of = [track.artist_group for track in by_artist.corpus.tracks]
    parts = {artist: {part for t, part in zip(by_artist.slices.track_index, by_artist.parts, strict=True)
                      if artist_of[t] == artist} for artist in artist_of}  # fmt: skip
    assert all(len(some) == 1 for some in parts.values())
