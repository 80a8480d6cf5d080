"""Writing and reading of split manifests."""

import hashlib
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import tiny

from gtzan_lightning.datamodule.assignment import SplitRule
from gtzan_lightning.datamodule.manifest import manifest_csv, manifest_parts, manifest_sha256, read_manifest
from gtzan_lightning.datamodule.slices import slice_table
from gtzan_lightning.errors import GtzanError

CORPUS = tiny.corpus(tracks=2)
SLICES = slice_table(tiny.features([2] * 4), seconds=3)
PARTS = np.array(["train", "train", "val", "", "test", "test", "val", "train"])
TEXT = """\
track_id,start_s,stop_s,part
blues.00000,0.0,3.0,train
blues.00000,3.0,6.0,train
blues.00001,0.0,3.0,val
rock.00000,0.0,3.0,test
rock.00000,3.0,6.0,test
rock.00001,0.0,3.0,val
rock.00001,3.0,6.0,train
"""


def read(tmp_path, text):
    path = tmp_path / "split.csv"
    path.write_text(text)
    return read_manifest(path, CORPUS, SLICES)


def test_one_row_per_slice_without_excluded_ones():
    csv = manifest_csv(CORPUS, SLICES, PARTS)
    assert csv.decode() == TEXT
    assert manifest_sha256(csv) == hashlib.sha256(TEXT.encode()).hexdigest()


def test_the_file_is_that_of_pandas():
    corpus = tiny.corpus()
    tracks = [replace(track, track_id=f"{'=' * (n % 2)}{n}, a") for n, track in enumerate(corpus.tracks)]
    features = tiny.features([4] * 20, row_s=0.1)
    slices = slice_table(features, seconds=0.2)
    parts = np.where(slices.track_index % 3 == 0, "", "train")
    kept = parts == "train"
    names = np.array([f"'{track.track_id}" if track.track_id[0] == "=" else track.track_id for track in tracks], object)
    frame = pd.DataFrame({"track_id": names[slices.track_index[kept]], "start_s": slices.start_s[kept].round(6),
                          "stop_s": slices.stop_s[kept].round(6), "part": parts[kept]})  # fmt: skip
    made = manifest_csv(replace(corpus, tracks=tuple(tracks)), slices, parts)
    assert made == frame.to_csv(index=False, lineterminator="\n").encode()


def test_a_manifest_is_read_back(tmp_path):
    assert read(tmp_path, TEXT).tolist() == PARTS.tolist()


def test_a_track_may_be_called_nan(tmp_path):
    tracks = tuple(replace(track, track_id="nan") if index == 0 else track for index, track in enumerate(CORPUS.tracks))
    corpus = replace(CORPUS, tracks=tracks)
    (tmp_path / "split.csv").write_bytes(manifest_csv(corpus, SLICES, PARTS))
    assert read_manifest(tmp_path / "split.csv", corpus, SLICES).tolist() == PARTS.tolist()


def test_a_track_may_be_called_like_a_formula(tmp_path):
    tracks = (replace(CORPUS.tracks[0], track_id="=1+1"), *CORPUS.tracks[1:])
    csv = manifest_csv(replace(CORPUS, tracks=tracks), SLICES, PARTS)
    assert csv.splitlines()[1] == b"'=1+1,0.0,3.0,train"
    (tmp_path / "split.csv").write_bytes(csv)
    read_back = read_manifest(tmp_path / "split.csv", replace(CORPUS, tracks=tracks), SLICES)
    assert read_back.tolist() == PARTS.tolist()


def test_the_order_of_rows_and_further_columns_do_not_matter(tmp_path):
    header, *rows = TEXT.splitlines()
    text = "\n".join([f"{header},remark", *(f"{row},x" for row in reversed(rows))])
    assert read(tmp_path, text).tolist() == PARTS.tolist()


@pytest.mark.parametrize("seconds", [2, 3, 4.5])
def test_times_of_frames_are_read_back(tmp_path, seconds):
    features = tiny.features([800], row_s=512 / 22_050, name="mfcc")
    slices = slice_table(features, seconds=seconds, step_s=512 / 22_050, hop_s=512 / 22_050 * 7)
    parts = np.array(["train", "val", "test"])[np.arange(len(slices)) % 3]
    path = tmp_path / "split.csv"
    corpus = tiny.corpus(("blues",), 1)
    path.write_bytes(manifest_csv(corpus, slices, parts))
    assert (read_manifest(path, corpus, slices) == parts).all()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "blues.00001,0.0,3.0,val",
            "blues.00001,0.0,6.0,val",
            "split.manifest=MANIFEST, line 4: blues.00001 from 0 to 6 s is no slice here.\n"
            "Use the manifest with the data root, features and slice that it was made for.",
        ),
        (
            "blues.00001,",
            "blues.00009,",
            "split.manifest=MANIFEST, line 4: there is no track 'blues.00009'; the data have 'blues.00000', "
            "'blues.00001'.\nUse the manifest with the data root that it was made for, or write the names as in the "
            "data.",
        ),
        (
            "rock.00000,3.0,6.0",
            "rock.00000,0.0,3.0",
            "split.manifest=MANIFEST, line 6: rock.00000 at 0 s is named twice. Delete one row.",
        ),
        (
            "3.0,val",
            "3.0,valid",
            "split.manifest=MANIFEST, line 4: part 'valid'; allowed: train, val, test.",
        ),
        ("start_s", "begin", "split.manifest=MANIFEST: no column start_s. Give the split.csv of a run."),
    ],
)
def test_each_wrong_row_is_refused_with_its_line(tmp_path, old, new, message):
    with pytest.raises(GtzanError) as caught:
        read(tmp_path, TEXT.replace(old, new, 1))
    assert str(caught.value).replace(str(tmp_path / "split.csv"), "MANIFEST") == message


def test_a_repeated_slice_is_refused(tmp_path):
    with pytest.raises(GtzanError, match=r"line 9: rock.00001 at 3 s is named twice"):
        read(tmp_path, TEXT + TEXT.splitlines()[-1] + "\n")


@pytest.mark.parametrize("text", ["", 'a,"b\n', TEXT.replace("0.0", "soon", 1), "\0\1\2"])
def test_other_files_are_refused(tmp_path, text):
    with pytest.raises(GtzanError, match=r"^split.manifest=.*Give the split.csv of a run.$"):
        read(tmp_path, text)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(GtzanError) as caught:
        read_manifest(tmp_path / "x.csv", CORPUS, SLICES)
    assert str(caught.value) == f"split.manifest: there is no file {tmp_path}/x.csv. Give the split.csv of a run."


def parts_by_track(manifest, corpus, slices, rule=None):
    parts, notes = manifest_parts(manifest, corpus, slices, rule or SplitRule("grouped"))
    return dict(
        zip([corpus.tracks[index].track_id for index in slices.track_index], parts.tolist(), strict=True)
    ), notes


@pytest.fixture
def tracks():
    corpus = tiny.corpus(tracks=6)
    return corpus, slice_table(tiny.features([1] * 12), seconds=3)


def test_a_track_list_of_any_dialect(tracks, tmp_path):
    corpus, slices = tracks
    words = ("Training", "Validation", "Test")
    lines = [f"{each.genre}_{each.track_id[-5:]}.wav;{words[n % 3]}" for n, each in enumerate(corpus.tracks)]
    (tmp_path / "list.csv").write_text("File;Set\n" + "\n".join([*lines, "jazz.00000.wav;Test"]))
    parts, notes = parts_by_track(str(tmp_path / "list.csv"), corpus, slices)
    assert list(parts.values()) == ["train", "val", "test"] * 4
    assert notes == ["split.manifest: 1 track of the list not in the data: 'jazz.00000.wav'"]


def test_a_file_for_each_part_and_fold_without_header(tracks, tmp_path):
    corpus, slices = tracks
    for part, numbers in (("train", (0, 1, 2, 3, 4)), ("test", (5,))):
        lines = [f"./{genre}_{number:05d}.wav\t{genre}" for genre in ("blues", "rock") for number in numbers]
        (tmp_path / f"fold2_{part}.txt").write_text("\n".join(lines))
    manifest = {part: f"{tmp_path}/fold{{fold}}_{part}.txt" for part in ("train", "test")}
    parts, notes = parts_by_track(manifest, corpus, slices, SplitRule("grouped", fold=2))
    assert [track for track, part in parts.items() if part == "test"] == ["blues.00005", "rock.00005"]
    assert list(parts.values()).count("val") == 2
    assert notes == [
        "the list has no validation part: 2 of its 10 training tracks were assigned to it, whole tracks, "
        "with split.seed=0"
    ]


def test_a_column_of_the_data_with_folds(tracks):
    corpus, slices = tracks
    folds = {track.track_id: str(int(track.track_id[-1]) % 3) for track in corpus.tracks}
    corpus = replace(corpus, columns={"Fold": folds})
    parts, _ = parts_by_track("column:fold", corpus, slices, SplitRule("grouped", fold=1))
    tested = [track for track, part in parts.items() if part == "test"]
    assert tested == ["blues.00001", "blues.00004", "rock.00001", "rock.00004"]
    with pytest.raises(GtzanError, match=r"split\.fold chooses the one that is tested"):
        parts_by_track("column:fold", corpus, slices)


def test_a_list_of_other_tracks_is_refused_with_examples(tracks, tmp_path):
    (tmp_path / "list.csv").write_text("track_id,part\na.wav,train\nb.wav,test\n")
    with pytest.raises(GtzanError, match=r"names none of the 12 tracks\. It has .*; the data have 'blues"):
        parts_by_track(str(tmp_path / "list.csv"), *tracks)


def test_a_track_in_two_parts_is_refused(tracks, tmp_path):
    (tmp_path / "list.csv").write_text("track_id,part\nblues.00000.wav,train\nblues_00000,test\n")
    with pytest.raises(GtzanError, match=r"blues_00000 is in train and in test\."):
        parts_by_track(str(tmp_path / "list.csv"), *tracks)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        (
            ["train", "tset", "test"],
            "line 3: column part has 'tset'; allowed: train, val, test and their usual names. Did you mean test?",
        ),
        (["1", "2", "x"], "line 4: column part has 'x'; allowed: the numbers of folds."),
        (["1", "", "2"], "line 3: column part has ''; allowed: the numbers of folds."),
    ],
)
def test_a_misspelt_part_is_named_with_its_line(tracks, tmp_path, cells, message):
    path = tmp_path / "list.csv"
    rows = [f"blues.0000{number}.wav,,{cell}" for number, cell in enumerate(cells)]
    path.write_text("\n".join(["file,remark,part", *rows]))
    with pytest.raises(GtzanError) as caught:
        parts_by_track(str(path), *tracks)
    assert str(caught.value) == f"split.manifest: {path}, {message}"


def test_a_list_without_parts_is_refused_with_its_columns(tracks, tmp_path):
    (tmp_path / "list.csv").write_text("file,remark,part\nblues.00000.wav,,one\nblues.00001.wav,,train\n")
    with pytest.raises(GtzanError, match=r"no column has train, .* \(columns: file, remark, part\)\.\nName one file"):
        parts_by_track(str(tmp_path / "list.csv"), *tracks)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            "test | train",
            "split.manifest=column:split: the rows of rock.00003 are in several parts: 'test', 'train'. "
            "Give all rows of a track the same part.",
        ),
        (
            "tset",
            "split.manifest: column split, track rock.00003 has 'tset'; allowed: train, val, test and their usual "
            "names. Did you mean test?",
        ),
    ],
)
def test_a_track_of_a_column_without_one_part_is_named(tracks, value, message):
    corpus, slices = tracks
    parts = dict.fromkeys([track.track_id for track in corpus.tracks], "train | Training")
    parts |= {"rock.00000": "test", "rock.00002": "val"}
    found, _ = parts_by_track("column:split", replace(corpus, columns={"split": parts}), slices)
    assert (found["rock.00000"], found["rock.00001"]) == ("test", "train")
    with pytest.raises(GtzanError) as caught:
        parts_by_track("column:split", replace(corpus, columns={"split": parts | {"rock.00003": value}}), slices)
    assert str(caught.value) == message


def test_a_part_of_one_folder_is_not_that_of_another(tracks, tmp_path):
    corpus, slices = tracks
    songs = [replace(track, track_id=f"{track.genre}/{track.track_id[-1]}.wav") for track in corpus.tracks]
    (tmp_path / "list.csv").write_text(
        "file,part\n" + "".join(f"x/{song.track_id},{part_of_song(song)}\n" for song in songs)
    )
    parts, _ = parts_by_track(str(tmp_path / "list.csv"), replace(corpus, tracks=tuple(songs)), slices)
    assert parts == {song.track_id: part_of_song(song) for song in songs}


def part_of_song(song):
    return "train" if song.genre == "rock" else "val" if song.track_id < "blues/3" else "test"


def test_an_unknown_track_is_named_as_such(tmp_path):
    with pytest.raises(
        GtzanError, match=r"line 2: there is no track 'song'; the data have 'blues\.00000', 'blues\.00001'"
    ):
        read(tmp_path, TEXT.replace("blues.00000,0.0", "song,0.0"))
