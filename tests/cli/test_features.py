"""`gtzan features` on a folder with all kinds of unusable files: one outcome per file, without stopping the others."""

import os
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import tiny

from gtzan_lightning.cli import main
from gtzan_lightning.config.composition import compose
from gtzan_lightning.config.schema import validate_config
from gtzan_lightning.features import audio_reading as reading
from gtzan_lightning.features import extraction
from gtzan_lightning.training.split_data import load_configured_corpus, load_configured_features

pytestmark = pytest.mark.slow

R = tiny.RATE_HZ
Y = np.round(0.3 * np.sin(2 * np.pi * 330 * np.arange(R) / R) * 32768) / 32768
NOT_AUDIO = "skipped, it is not audio that can be read"
SILENT = "skipped, silent: every sample has the same value"


def sound(y=Y, rate_hz=R, **options) -> Callable[[Path], None]:
    return lambda path: soundfile.write(os.fsencode(path), y, rate_hz, **options)


def changed(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """One second of sound whose bytes are then changed."""

    def make(path):
        sound()(path)
        path.write_bytes(change(path.read_bytes()))

    return make


def with_numbers_that_are_none(path):
    y = Y.copy()
    y[:2] = np.nan, np.inf
    sound(y, subtype="FLOAT")(path)


def of_other_format(path):
    soundfile.write(path, Y, R, format="OGG")


USED: dict[str, Callable[[Path], None]] = {
    "one second.wav": sound(),
    "clipped.wav": sound(np.clip(9 * Y, -1, 1)),
    "8 kHz.wav": sound(rate_hz=8000),
    "192 kHz.wav": sound(np.tile(Y, 8), 192_000),
    "six channels.wav": sound(np.stack([Y] * 6, axis=1)),
    "8 bit.wav": sound(subtype="PCM_U8"),
    "float64.wav": sound(subtype="DOUBLE"),
    "an ogg.wav": of_other_format,
    "tonart ä 音.wav": sound(),
    "new\nline.wav": sound(),
    "[red].wav": sound(),
    "blues.00000.wav": sound(),  # rock has one of this name too
}
NOTED: dict[str, tuple[Callable[[Path], None], str]] = {
    "ten minutes.wav": (sound(np.tile(Y, 600)), "longer than 120 s: the first 120 s are used"),
    "truncated.wav": (
        changed(lambda data: data[:20044]),
        "the header promises 44100 bytes of sound, 20000 are there and used",
    ),
    "liar.wav": (
        changed(lambda data: data[:40] + struct.pack("<I", 0xFFFFFF00) + data[44:]),
        "the header promises 4294967040 bytes of sound, 44100 are there and used",
    ),
    "not numbers.wav": (with_numbers_that_are_none, "2 samples that are not numbers were set to 0"),
    "empty.wav": (Path.touch, "skipped, the file is empty"),
    "text.wav": (lambda path: path.write_text("no sound\n" * 50), NOT_AUDIO),
    "header.wav": (changed(lambda data: data[:20]), NOT_AUDIO),
    "silence.wav": (sound(0 * Y), SILENT),
    "dc.wav": (sound(0 * Y + 0.5), SILENT),
    "one sample.wav": (sound(Y[5:6]), SILENT),
    "short.wav": (sound(Y[:900]), "skipped, too short: 0.04 s, and 0.09 s are needed"),
    "secret.wav": (sound(), "skipped, no permission to read it"),
    "folder.wav": (Path.mkdir, "passed over, it is a folder"),
    "dangling.wav": (lambda path: path.symlink_to("nowhere.wav"), "passed over, the link points to nothing"),
    "pipe.wav": (os.mkfifo, "passed over, it is a pipe or a device"),
    "notes.txt": (Path.touch, "passed over, its suffix is none of"),
    "not\udcff.wav": (sound(), "passed over, its name is not UTF-8: rename it"),
}
SILENTLY_IGNORED = (".hidden.wav", ".DS_Store", "__MACOSX")


@pytest.fixture
def zoo(tmp_path, monkeypatch):
    """`blues` with all of the above, `rock` with two good files, `jazz` without any."""
    root = tiny.write_audio(tmp_path / "zoo", genres=("rock",), tracks=1, seconds=1)
    for name in ("blues", "jazz", "__MACOSX"):
        (root / name).mkdir()
    for name, make in [*USED.items(), *((name, make) for name, (make, _) in NOTED.items())]:
        make(root / "blues" / name)
    for name in SILENTLY_IGNORED:
        (root / "blues" / name).write_bytes(b"x")
    sound()(root / "rock" / "blues.00000.wav")
    (root / "blues" / "secret.wav").chmod(0)
    deny_root_too(monkeypatch)
    return root


def deny_root_too(monkeypatch):
    """Denies access also to root, who may read anything."""

    def denying(function):
        def guarded(path, *arguments):
            if "secret" in os.fspath(path if isinstance(path, str | Path) else os.fsdecode(path)):
                raise PermissionError(13, "denied")
            return function(path, *arguments)

        return guarded

    access = os.access
    monkeypatch.setattr(extraction, "content_hash", denying(extraction.content_hash))
    monkeypatch.setattr(reading.soundfile, "SoundFile", denying(soundfile.SoundFile))
    monkeypatch.setattr(reading.os, "access", lambda path, mode: "secret" not in str(path) and access(path, mode))


def test_every_file_has_one_outcome_and_the_others_are_processed(zoo, capsys):
    command = ["features", f"data.root={zoo}", "features=mfcc", "data.n_jobs=1", "data.max_skipped_share=0.5"]
    assert main([*command, "--csv", "mfcc.csv"]) == 0
    out = capsys.readouterr().out
    message = dict(line.removeprefix("Note: ").split(": ", 1) for line in out.splitlines() if line.startswith("Note: "))
    expected = {f"blues/{name}": note for name, (_, note) in NOTED.items()} | {
        "jazz/": "holds no usable audio file; the genre is left out",
        "genres of fewer than 3 tracks (data.min_tracks)": "",
    }
    expected["blues/not\\udcff.wav"] = expected.pop("blues/not\udcff.wav")
    assert message.keys() == expected.keys()
    assert {name: note for name, note in message.items() if not note.startswith(expected[name])} == {}
    assert "\n14 read as they are, 4 repaired or cut, 8 skipped, 5 passed over\n" in out
    used = set(pd.read_csv("mfcc.csv").track_id)
    assert used == {
        *(name.removesuffix(".wav") for name in USED if name != "blues.00000.wav"),
        *(
            "ten minutes",
            "truncated",
            "liar",
            "not numbers",
            "rock.00000",
            "blues/blues.00000.wav",
            "rock/blues.00000.wav",
        ),
    }


def test_too_many_skipped_files_raise_with_the_list_and_the_key(zoo, capsys):
    assert main(["features", f"data.root={zoo}", "features=mfcc", "data.n_jobs=1"]) == 2
    message = capsys.readouterr().err
    assert "8 of 26 audio files cannot be used, more than the allowed 5%:\n" in message
    for name, (_, note) in NOTED.items():
        assert (f"\n  blues/{name}: {note.removeprefix('skipped, ')}" in message) == note.startswith("skipped")
    assert message.endswith("raise data.max_skipped_share.\n")


def test_an_unreadable_folder_does_not_stop_the_others(audio_root, monkeypatch, capsys):
    iterdir = Path.iterdir

    def denying(path):
        if path.name == "jazz":
            raise PermissionError(13, "denied")
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", denying)
    assert main(["features", f"data.root={audio_root}", "data.n_jobs=1"]) == 0
    out = capsys.readouterr().out
    assert "24 of 24 tracks" in out
    assert "Note: jazz/: holds no usable audio file; the genre is left out" in out


def test_progress_has_a_rate_and_the_remaining_time_on_a_terminal(audio_root, monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    assert main(["features", f"data.root={audio_root}", "features=mfcc", "data.n_jobs=1", "cache_dir=fresh"]) == 0
    err = capsys.readouterr().err
    assert "36/36" in err
    assert " files/s" in err
    assert "0:00:00" in err
    assert "36 computed, 0 repaired or cut, 0 skipped" in err


def test_a_file_without_a_terminal_gets_two_lines(audio_root, capsys):
    assert main(["features", f"data.root={audio_root}", "features=mfcc", "data.n_jobs=1", "cache_dir=fresh"]) == 0
    first, last = capsys.readouterr().err.splitlines()
    assert first == "mfcc: features of 36 files"
    assert last.startswith("mfcc: 36 computed, 0 repaired or cut, 0 skipped, ")


def test_the_written_table_is_read_back(audio_root, capsys):
    assert main(["features", f"data.root={audio_root}", "--csv", "made.csv"]) == 0
    capsys.readouterr()
    config = validate_config(compose([f"data.root={audio_root}"]))
    computed = load_configured_features(config, load_configured_corpus(config))
    config = validate_config(compose(["features=table", "features.path=made.csv"]))
    corpus = load_configured_corpus(config)
    read = load_configured_features(config, corpus)
    places = [read.columns.index(name) for name in computed.columns]
    np.testing.assert_allclose(read.values[:, places], computed.values, rtol=1e-6)
    assert (len(corpus.tracks), corpus.genres) == (36, ("blues", "jazz", "rock"))
