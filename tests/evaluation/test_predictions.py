import os
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from gtzan_lightning.errors import GtzanError
from gtzan_lightning.evaluation import predictions
from gtzan_lightning.evaluation.predictions import PARTS, Predictions, read_predictions, stored_table, write_predictions

GENRES = ("blues", "jazz", "rock")


def random_table(tracks=20, windows=4, seed=0):
    rng = np.random.default_rng(seed)
    rows = tracks * windows
    probabilities = rng.dirichlet(np.ones(3), rows).astype(np.float32)
    track = np.repeat(np.arange(tracks), windows)
    return Predictions(
        track_id=[f"t{index}" for index in track],
        start_s=np.tile(np.arange(windows) * 0.1, tracks),
        part=[("train", "val", "test")[index % 3] for index in track],
        y_true=[GENRES[index % 3] for index in track],
        probabilities=probabilities,
        genres=GENRES,
    )


def small(probabilities, track_id=None, part=None, y_true=None):
    rows = len(probabilities)
    return Predictions(
        track_id or ["a"] * rows,
        np.arange(rows),
        part or ["test"] * rows,
        y_true or ["blues"] * rows,
        np.array(probabilities),
        GENRES,
    )


def test_a_file_round_trip_is_exact(tmp_path):
    table = random_table()
    write_predictions(table, tmp_path / "predictions.csv")
    again = read_predictions(tmp_path / "predictions.csv")
    for name in ("track_id", "start_s", "part", "y_true", "probabilities"):
        np.testing.assert_array_equal(getattr(again, name), getattr(table, name))
    assert again.genres == table.genres
    assert again.probabilities.dtype == np.float32
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "predictions.csv",
        "predictions.npz",
    ]  # no temporary one


def read_as_text(path):
    """The table without its binary copy."""
    alone = path.with_name("alone.csv")
    alone.write_bytes(path.read_bytes())
    return read_predictions(alone)


def test_the_file_is_that_of_pandas(tmp_path):
    rng = np.random.default_rng(0)
    names = ["plain", "a, b", 'say "x"', "=1", "two\nlines", "", "ü"]
    probabilities = np.vstack([rng.dirichlet(np.ones(3), 5), [[1, 0, 0], [1e-30, 1, 1e-7]]])
    table = small(probabilities, track_id=names)
    write_predictions(table, tmp_path / "p.csv")
    frame = pd.DataFrame({"track_id": ["'=1" if name == "=1" else name for name in names]})
    frame["start_s"], frame["part"], frame["y_true"] = [f"{start}.0" for start in range(7)], "test", "blues"
    frame = frame.join(pd.DataFrame(table.probabilities.astype(float), columns=[f"p_{genre}" for genre in GENRES]))
    expected = frame.to_csv(index=False, float_format="%.9g", lineterminator="\n")
    assert (tmp_path / "p.csv").read_bytes().decode() == expected
    for read in (read_predictions(tmp_path / "p.csv"), read_as_text(tmp_path / "p.csv")):
        assert read.track_id.tolist() == names
        np.testing.assert_array_equal(read.probabilities, table.probabilities)


def test_the_binary_copy_is_read_instead_of_the_text(tmp_path, monkeypatch):
    table = random_table()
    write_predictions(table, tmp_path / "p.csv")
    assert [stored_table(tmp_path / "p.csv").rows(part) for part in PARTS] == [28, 28, 24]
    monkeypatch.setattr(pd, "read_csv", None)
    np.testing.assert_array_equal(read_predictions(tmp_path / "p.csv").probabilities, table.probabilities)


def test_an_edited_file_is_read_itself(tmp_path):
    path = tmp_path / "p.csv"
    write_predictions(small([[0.25, 0.25, 0.5]]), path)
    path.write_text(path.read_text().replace("0.25,0.25,0.5", "0.5,0.25,0.25"))  # of the same size
    assert stored_table(path) is None
    assert read_predictions(path).probabilities.tolist() == [[0.5, 0.25, 0.25]]


def test_a_copied_folder_keeps_its_binary_copy_and_a_damaged_one_is_ignored(tmp_path):
    path, table = tmp_path / "p.csv", random_table()
    write_predictions(table, path)
    os.utime(path, (1, 1))  # as after a copy
    assert stored_table(path) is not None
    path.with_suffix(".npz").write_bytes(b"cut off")
    assert stored_table(path) is None
    np.testing.assert_array_equal(read_predictions(path).probabilities, table.probabilities)


def test_the_file_has_the_documented_columns(tmp_path):
    write_predictions(small([[0.1, 0.2, 0.7]], track_id=["jazz, take 2"]), tmp_path / "p.csv")
    assert (tmp_path / "p.csv").read_text() == (
        "track_id,start_s,part,y_true,p_blues,p_jazz,p_rock\n"
        '"jazz, take 2",0.0,test,blues,0.100000001,0.200000003,0.699999988\n'
    )


def test_names_that_a_spreadsheet_takes_for_formulas_are_read_back(tmp_path):
    names = ["=1+1", "-dash", "+7", "'=quoted"]
    table = Predictions(
        names, np.zeros(4), ["test"] * 4, ["@home", "rock"] * 2, np.eye(2)[[0, 1, 0, 1]], ("@home", "rock")
    )
    write_predictions(table, tmp_path / "p.csv")
    lines = (tmp_path / "p.csv").read_text().splitlines()[1:]
    assert [line.split(",")[0] for line in lines] == ["'=1+1", "'-dash", "+7", "''=quoted"]
    again = read_predictions(tmp_path / "p.csv")
    assert again.track_id.tolist() == names
    assert again.y_true.tolist() == table.y_true.tolist()


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "p.csv"
    path.write_text("old")

    def fail(_):
        yield b"track_id,"
        raise OSError("disk full")

    monkeypatch.setattr(predictions, "_csv_lines", fail)
    with pytest.raises(OSError, match="disk full"):
        write_predictions(random_table(), path)
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == ["p.csv"]


def test_a_track_named_like_a_missing_value_stays_text(tmp_path):
    table = small([[1, 0, 0]] * 3, track_id=["NA", "00007", "nan"])
    write_predictions(table, tmp_path / "p.csv")
    assert list(read_predictions(tmp_path / "p.csv").track_id) == ["NA", "00007", "nan"]


def test_only_keeps_one_part():
    table = random_table()
    assert set(table.only("val").part) == {"val"}
    assert sum(len(table.only(part)) for part in ("train", "val", "test")) == len(table)
    with pytest.raises(ValueError, match="valid"):
        table.only("valid")


@pytest.mark.parametrize(("parts", "copied"), [(["val", "train", "train"], False), (["train", "val", "train"], True)])
def test_a_part_whose_rows_lie_together_is_not_copied(parts, copied):
    table = small([[1, 0, 0], [0, 1, 0], [0, 0, 1]], part=parts)
    train = table.only("train")
    assert train.start_s.tolist() == table.start_s[[part == "train" for part in parts]].tolist()
    assert np.shares_memory(train.probabilities, table.probabilities) is not copied


def test_clips_average_like_a_pandas_groupby():
    table = random_table()
    frame = pd.DataFrame(table.probabilities.astype(float), columns=list(GENRES))
    expected = frame.groupby([table.part, table.track_id]).mean()
    clips = table.clips()
    assert len(clips) == 20
    for row in range(20):
        reference = expected.loc[(clips.part[row], clips.track_id[row])].to_numpy()
        np.testing.assert_allclose(clips.probabilities[row], reference, rtol=1e-6)


def test_clip_votes_like_a_counter():
    table = random_table(windows=5)
    clips = table.clips()
    decisions = table.probabilities.argmax(axis=1)
    for row, vote in enumerate(table.clip_votes()):
        mine = np.flatnonzero(table.track_id == clips.track_id[row])
        count = Counter(decisions[mine])
        most = max(count.values())
        tied = [genre for genre in sorted(count) if count[genre] == most]
        assert vote == max(tied, key=lambda genre: table.probabilities[mine, genre].mean())


def test_votes_and_mean_probability_can_disagree():
    table = small([[0.5, 0.4, 0.1], [0.5, 0.4, 0.1], [0.0, 1.0, 0.0]])
    assert table.clip_votes().tolist() == [0]
    assert table.clips().decisions().tolist() == [1]


def test_a_tied_vote_goes_to_the_higher_mean_probability():
    table = small([[0.4, 0.3, 0.3], [0.1, 0.0, 0.9]])
    assert table.clip_votes().tolist() == [2]


def test_a_tie_is_never_won_by_a_genre_with_fewer_votes():
    table = small([[0.45, 0.1, 0.45], [0.1, 0.45, 0.45]])  # rock has the highest mean and no vote
    assert table.clip_votes().tolist() == [0]


def test_a_track_in_two_parts_has_a_clip_in_each():
    table = small([[1, 0, 0], [0, 1, 0]], part=["train", "test"])
    clips = table.clips()
    assert clips.part.tolist() == ["train", "test"]
    assert clips.decisions().tolist() == [0, 1]


def test_an_empty_table_is_allowed():
    empty = random_table().rows(np.zeros(80, dtype=bool))
    assert (len(empty), len(empty.clips()), len(empty.clip_votes()), len(empty.decisions())) == (0, 0, 0, 0)


def test_a_diverged_model_is_an_error():
    with pytest.raises(GtzanError, match=r"a at 1 s.*diverged"):
        small([[1, 0, 0], [np.nan, 0, 0]])


@pytest.mark.parametrize(
    ("change", "message"),
    [({"part": ["valid"]}, "part"), ({"y_true": ["polka"]}, "y_true"), ({"track_id": ["a", "b"]}, "not")],
)
def test_invalid_columns_are_an_error(change, message):
    with pytest.raises(ValueError, match=message):
        small([[1, 0, 0]], **change)


def test_a_track_with_two_genres_is_an_error():
    with pytest.raises(ValueError, match="track a has two genres"):
        small([[1, 0, 0]] * 2, y_true=["blues", "jazz"]).clips()


HEADER = "track_id,start_s,part,y_true,p_blues,p_jazz\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "cannot be read"),
        ("track_id,start_s,y_true,p_a,p_b\n", "no column part"),
        ("track_id,start_s,part,y_true,p_a\n", "at least two"),
        (HEADER + "a,0,test,blues,1,0\na,0,tset,blues,1,0\n", "line 3, column part: 'tset'"),
        (HEADER + "a,0,test,polka,1,0\n", "line 2, column y_true: 'polka'"),
        (HEADER + "a,x,test,blues,1,0\n", "line 2, column start_s: 'x'"),
        (HEADER + "a,0,test,blues,1,0\na,0,test,blues,,0\n", "line 3, column p_blues: ''"),
        (HEADER + "a,0,test,blues,3.2,-2.2\n", "line 2: the probabilities"),
        (HEADER + "a,0,test,blues,0.5,0.4\n", "line 2: the probabilities"),
    ],
)
def test_an_invalid_file_is_reported_by_line(tmp_path, text, message):
    path = tmp_path / "predictions.csv"
    path.write_text(text)
    with pytest.raises(GtzanError, match=message) as caught:
        read_predictions(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(GtzanError, match="cannot be read"):
        read_predictions(tmp_path / "none.csv")
