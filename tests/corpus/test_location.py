"""Location of the data by file names, choice of the source, fingerprints, and every error."""

import os
import shutil
from pathlib import Path

import pytest
import tiny

from gtzan_lightning.corpus.location import choose_source, find_source, fingerprint, locate
from gtzan_lightning.errors import GtzanError

REMEDY = "\nSet data.root (or GTZAN_ROOT) to a folder that exists, or use data=synthetic."
NO_DATA = REMEDY.replace("exists", "holds them")
AUDIO = "<genre>/<file> folders of audio (.wav .au .flac .ogg .oga .mp3 .aif .aiff .opus)"
TABLES = "features_3_sec.csv or features_30_sec.csv and no genres_original/ or genres/ with audio"


def make(root, *names):
    root.mkdir(parents=True, exist_ok=True)
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return str(root)


def refusal(call, *arguments):
    with pytest.raises(GtzanError) as caught:
        call(*arguments)
    return str(caught.value)


@pytest.mark.parametrize("kind", ["auto", "synthetic"])
def test_without_any_data_the_synthetic_corpus_is_used(kind):
    assert locate(kind, None) is None


def test_synthetic_ignores_existing_data(tmp_path, monkeypatch):
    monkeypatch.setenv("GTZAN_ROOT", "/nowhere")
    assert locate("synthetic", make(tmp_path / "data", "features_3_sec.csv")) is None


@pytest.mark.parametrize("kind", ["gtzan", "folder"])
def test_gtzan_and_folder_need_a_folder(kind):
    message = f"data={kind} needs a folder: data.root is not set and there is no data/gtzan/.{REMEDY}"
    assert refusal(locate, kind, None) == message


def test_the_root_takes_precedence_over_the_environment_and_that_over_the_default_folder(tmp_path, monkeypatch):
    named, in_environment = (make(tmp_path / name, "features_3_sec.csv") for name in ("named", "environment"))
    make(Path("data/gtzan"), "features_3_sec.csv")
    assert locate("auto", None).root == Path("data/gtzan")
    monkeypatch.setenv("GTZAN_ROOT", in_environment)
    assert locate("auto", None).root == Path(in_environment)
    assert locate("auto", named).root == Path(named)


def test_an_empty_environment_variable_is_ignored(monkeypatch):
    monkeypatch.setenv("GTZAN_ROOT", "")
    assert locate("auto", None) is None


def test_the_home_folder_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    make(tmp_path / "gtzan", "features_3_sec.csv")
    assert locate("auto", "~/gtzan").root == tmp_path / "gtzan"


@pytest.mark.parametrize("kind", ["auto", "gtzan", "folder"])
def test_a_missing_root_is_never_replaced_by_other_data(kind, monkeypatch):
    assert refusal(locate, kind, "/nowhere") == f"data.root: there is no folder /nowhere.{REMEDY}"
    monkeypatch.setenv("GTZAN_ROOT", "/nowhere")
    assert refusal(locate, kind, None) == f"GTZAN_ROOT: there is no folder /nowhere.{REMEDY}"


@pytest.mark.parametrize(
    ("kind", "expected"), [("auto", f"{TABLES}, nor {AUDIO}"), ("gtzan", TABLES), ("folder", AUDIO)]
)
def test_a_root_without_anything_usable_is_refused(tmp_path, kind, expected):
    root = make(tmp_path / "data", "notes.txt", "blues/cover.jpg")
    assert refusal(locate, kind, root) == f"data.root: {root} holds no {expected}.{REMEDY}".replace(
        "exists", "holds them"
    )


def test_a_file_is_no_root(tmp_path):
    make(tmp_path, "x.csv")
    assert "is a file, not a folder. A list" in refusal(locate, "auto", str(tmp_path / "x.csv"))


@pytest.mark.parametrize(
    ("kind", "audio"), [("auto", "genres_original"), ("gtzan", "genres_original"), ("folder", ".")]
)
def test_audio_is_looked_for_in_the_published_folders_first(tmp_path, kind, audio):
    root = make(tmp_path / "d", "genres_original/blues/a.wav", "genres/blues/a.wav", "jazz/a.wav")
    assert locate(kind, root).audio == Path(root) / audio


def test_gtzan_ignores_genre_folders_at_the_root(tmp_path):
    root = make(tmp_path / "d", "jazz/a.wav")
    assert locate("auto", root).audio == Path(root)
    assert "holds no features_3_sec.csv" in refusal(locate, "gtzan", root)


def test_a_folder_corpus_ignores_tables(tmp_path):
    root = make(tmp_path / "d", "features_3_sec.csv", "metadata.csv", "jazz/a.wav")
    location = locate("folder", root)
    assert location.tables == ()
    assert location.metadata == Path(root) / "metadata.csv"
    assert locate("auto", root).tables == (Path(root) / "features_3_sec.csv",)


@pytest.fixture
def both(tmp_path):
    return locate("auto", make(tmp_path / "both", "features_3_sec.csv", "genres/jazz/a.wav"))


@pytest.fixture
def tables(tmp_path):
    return locate("auto", make(tmp_path / "tables", "features_3_sec.csv"))


@pytest.fixture
def audio(tmp_path):
    return locate("auto", make(tmp_path / "audio", "jazz/a.wav"))


@pytest.mark.parametrize(
    ("features", "wanted", "source"),
    [
        ("stats", None, "tables"),
        ("stats", "tables", "tables"),
        ("stats", "audio", "audio"),
        ("mfcc", None, "audio"),
        ("logmel", "audio", "audio"),
    ],
)
def test_stats_use_the_tables_unless_audio_is_requested(both, features, wanted, source):
    assert choose_source(both, wanted, features) == source


def test_stats_without_tables_use_the_audio(audio):
    assert choose_source(audio, None, "stats") == "audio"


@pytest.mark.parametrize("features", ["mfcc", "logmel"])
def test_tables_have_no_frame_features(both, features):
    assert refusal(choose_source, both, "tables", features) == (
        f"data.source=tables: the tables hold `stats`, not {features}. Use data.source=audio or features=stats."
    )


def test_missing_tables_are_refused(audio):
    assert refusal(choose_source, audio, "tables", "stats") == (
        f"data.source=tables: {audio.root} has no features_3_sec.csv or features_30_sec.csv. Use data.source=audio."
    )


@pytest.mark.parametrize(
    ("wanted", "features", "requested"), [(None, "mfcc", "features=mfcc"), ("audio", "stats", "data.source=audio")]
)
def test_missing_audio_is_refused(tables, wanted, features, requested):
    assert refusal(choose_source, tables, wanted, features) == (
        f"{requested} needs audio, but {tables.root} has only feature tables.\n"
        f"Put the clips into {tables.root}/genres_original/<genre>/, or train on the tables: features=stats."
    )


def later(path):
    """Increases the modification time of a file by a second."""
    stat = path.stat()
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 10**9))


def test_the_fingerprint_of_tables_depends_on_their_content_only(tmp_path):
    here, there = (tiny.write_tables(tmp_path / name, genres=("a", "b"), tracks=2, windows=2) for name in "xy")
    first = fingerprint(locate("auto", str(here)), "tables")
    later(here / "features_3_sec.csv")
    assert fingerprint(locate("auto", str(here)), "tables") == first
    assert fingerprint(locate("auto", str(there)), "tables") == first
    (here / "metadata.csv").write_text("track_id\n")
    assert fingerprint(locate("auto", str(here)), "tables") != first


@pytest.mark.parametrize("name", ["features_3_sec.csv", "features_30_sec.csv"])
def test_a_changed_table_changes_the_fingerprint(own_tables, name):
    first = fingerprint(locate("auto", str(own_tables)), "tables")
    content = (own_tables / name).read_text()
    (own_tables / name).write_text(content.replace("5", "6", 1))
    later(own_tables / name)
    assert fingerprint(locate("auto", str(own_tables)), "tables") != first


def test_the_fingerprint_of_audio_depends_on_names_and_contents_only(tmp_path):
    root = Path(make(tmp_path / "d", "jazz/a.wav", "rock/b.wav"))
    prints = [fingerprint(locate("auto", str(root)), "audio")]

    def remember():
        prints.append(fingerprint(locate("auto", str(root)), "audio"))

    (root / "jazz/notes.txt").write_text("no audio, no change")
    remember()
    assert prints[0] == prints[1]
    later(root / "jazz/a.wav")
    remember()
    assert prints[2] == prints[0]
    assert fingerprint(locate("auto", str(shutil.copytree(root, tmp_path / "moved"))), "audio") == prints[0]
    size, content = (root / "jazz/a.wav").stat().st_size, (root / "jazz/a.wav").read_bytes()
    (root / "jazz/a.wav").write_bytes(bytes(size) if content != bytes(size) else b"1" * size)
    remember()
    (root / "jazz/a.wav").rename(root / "jazz/c.wav")
    remember()
    make(root, "rock/d.wav")
    remember()
    assert len(set(prints)) == 4


def test_the_fingerprint_of_audio_does_not_need_a_cache(tmp_path):
    root = Path(make(tmp_path / "d", "jazz/a.wav", "rock/b.wav"))
    cached = fingerprint(locate("auto", str(root)), "audio")
    (tmp_path / "file").touch()
    assert fingerprint(locate("auto", str(root)), "audio", tmp_path / "file") == cached


def test_tables_and_audio_of_one_root_differ(both):
    assert fingerprint(both, "tables") != fingerprint(both, "audio")


@pytest.mark.parametrize("given", ["up", "twice", "up/Data/genres_original/blues"])
def test_data_in_another_level_of_folders_are_named(tmp_path, given):
    tiny.write_tables(tmp_path / "up" / "Data", genres=("blues", "rock"), tracks=2)
    tiny.write_tables(tmp_path / "twice" / "Data" / "Data", genres=("blues", "rock"), tracks=2)
    tiny.write_audio(tmp_path / "up" / "Data" / "genres_original", genres=("blues",), tracks=1, seconds=0.1)
    with pytest.raises(GtzanError) as caught:
        find_source("gtzan", str(tmp_path / given), None, "stats")
    if given.endswith("blues"):
        assert "that holds them" in str(caught.value)
    else:
        folder = tmp_path / {"up": "up/Data", "twice": "twice/Data/Data"}[given]
        assert str(caught.value).endswith(f"The data are in {folder}: set data.root={folder}.")


def test_the_refusal_of_a_root_names_a_table_of_another_name(tmp_path):
    make(tmp_path / "other", "features_3_sec.csv.gz")
    path = tmp_path / "other" / "features_3_sec.csv.gz"
    assert refusal(locate, "auto", str(tmp_path / "other")).endswith(f"features=table features.path={path}.")
