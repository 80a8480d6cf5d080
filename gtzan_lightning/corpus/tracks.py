"""Tracks and corpora, the clusters of intervals, and the normal forms of names.

Two names belong together if their normal forms are equal, in tables, metadata, split lists and audio alike. The normal
form of a track leaves out folders, the suffix of an audio file and the number of a window; that of a genre leaves out
case, blanks and hyphens.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gtzan_lightning.corpus.audio_folder import MUSIC_SUFFIXES
from gtzan_lightning.errors import GtzanError

if TYPE_CHECKING:
    from gtzan_lightning.corpus.feature_table import FeatureTable

GTZAN_GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")
SEVERAL = " | "  # between the values of a track whose rows differ, in `Corpus.columns`

GroupBy = Literal["artist", "recording", "track"]


@dataclass(frozen=True)
class Track:
    """One recording of a corpus, about 30 s."""

    track_id: str  # unique in the corpus: "blues.00007", or "<genre>/<stem>" where two genres share a name
    genre: str
    path: Path | None = None  # the audio file; None for a track of a feature table
    artist_group: str | None = None  # the same for all tracks of an artist; None where artists are unknown
    recording_group: str | None = None  # the same for all copies of a recording; None where there is no other copy
    filtered_part: str | None = None  # "train", "valid", "test" or "excluded" in the fault-filtered lists


@dataclass(frozen=True)
class Corpus:
    """The tracks of one data set and the source of their features."""

    name: str  # "gtzan", "synthetic", or the name of the folder; shown in tables, cards and figures
    tracks: tuple[Track, ...]  # sorted by track_id
    genres: tuple[str, ...]  # sorted; a label is an index into it
    source: Literal["tables", "audio"]  # whether `stats` are read from the published tables or computed
    root: Path  # the folder that holds the tables or the audio
    sha256: str  # changes when the data may have changed, see `location.fingerprint`
    notes: tuple[str, ...] = ()  # what was repaired, skipped or omitted, one sentence each
    tables: Mapping[str, FeatureTable] = field(default_factory=dict)  # the published ones by file name, or "table"
    reading: tuple[str, ...] = ()  # how the files of a table or list were read, one sentence each
    has_tracks: bool = True  # False where no column names the tracks: each row counts as a track
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # other columns: value by track, by name

    @property
    def has_artists(self) -> bool:
        """Whether tracks can be grouped by artist: see `artists_are_known`."""
        return artists_are_known(self.tracks)

    def labels(self) -> list[int]:
        """Genre of each track as an index into `genres`, `(tracks,)`."""
        position = {genre: index for index, genre in enumerate(self.genres)}
        return [position[track.genre] for track in self.tracks]

    def shard(self, number: int, count: int) -> Corpus:
        """Every `count`-th track from the `number`-th (from 1) on.

        Raises:
            GtzanError: There are fewer tracks than shards.
        """
        if count > len(self.tracks):
            raise GtzanError(f"--shard {number}/{count}: {self.root} has only {len(self.tracks)} tracks.")
        return replace(self, tracks=self.tracks[number - 1 :: count])


def known_artists(tracks: Iterable[Track]) -> list[str]:
    """The artist of each track that has a known one."""
    groups = [track.artist_group for track in tracks if track.artist_group is not None]
    return [group for group in groups if not group.startswith(UNKNOWN_ARTIST)]


def artists_are_known(tracks: Sequence[Track]) -> bool:
    """Whether at least half of the tracks have a known artist; each of the others is a group of its own."""
    grouped = bool(tracks) and all(track.artist_group is not None for track in tracks)
    return grouped and 2 * len(known_artists(tracks)) >= len(tracks)


def resampling_clusters(tracks: Sequence[Track]) -> tuple[GroupBy, list[str]]:
    """Kind of the clusters of confidence intervals, and the cluster of each track.

    Windows of a track are not independent, nor are tracks of an artist. The clusters are artists where most are known,
    else recordings where any are known, else tracks; all intervals of a run use the same clusters.
    """
    if artists_are_known(tracks):
        return "artist", [str(track.artist_group) for track in tracks]
    if any(track.recording_group is not None for track in tracks):
        return "recording", [track.recording_group or f"track:{track.track_id}" for track in tracks]
    return "track", [track.track_id for track in tracks]


_WORDS = r"(?:seg|segment|chunk|window|win|slice)"
_AFTER_SUFFIX = re.compile(
    rf"(?P<stem>.+)\.(?:{'|'.join(suffix[1:] for suffix in MUSIC_SUFFIXES)})[._-]?{_WORDS}?[._-]?(?P<window>\d+)", re.I
)
_WITH_WORD = re.compile(rf"(?P<stem>.+?)[._-]{_WORDS}[._-]?(?P<window>\d+)", re.I)
_NUMBERED = re.compile(r"(?P<genre>[^\W\d](?:[^\W\d]|[ &'-])*?)[._ -]?(?P<number>\d{5})(?:[._-](?P<window>\d{1,4}))?")
_OTHER_WINDOW = re.compile(r"(?P<stem>.+?[.]\d+)\.(?P<window>\d{1,4})")  # the published form, for any track number

PARTS = {
    "train": ("train", "training", "tr", "fit", "learn"),
    "val": ("val", "valid", "validation", "dev", "development", "va"),
    "test": ("test", "testing", "eval", "evaluation", "te", "holdout"),
    "": ("", "excluded", "exclude", "unused", "none", "nan"),
}
"""Names of each part; "" is no part."""

PART_OF_WORD = {word: part for part, words in PARTS.items() for word in words}
UNKNOWN_ARTISTS = frozenset({
    "", "unknown", "unknown artist", "n/a", "na", "nan", "none", "null", "-", "--", "?", "various", "various artists",
    "va", "anonymous", "tba", "undefined",
})  # fmt: skip
"""Normal forms that name no artist; a track of an unknown artist is a group of its own."""

UNKNOWN_ARTIST = "unknown:"  # beginning of the group of such a track

_FEATURING = re.compile(r"[\s(\[]+(?:feat|ft|featuring)\b\.?.*$")
_BRACKETED_NUMBER = re.compile(r"\s*[(\[]\d+[)\]]\s*$")


def split_track_name(name: str) -> tuple[str, int | None]:
    """Stem of a track name as written, and the number of a window in it.

    Folders and the suffixes of audio files are removed: `a/b/blues.00000.3.wav` is `blues.00000` and 3,
    `blues_00000.wav_seg1` is `blues_00000` and 1, `00012.mp3` is `00012` and None.
    """
    text = unicodedata.normalize("NFC", name).strip().replace("\\", "/").rstrip("/").rpartition("/")[2].strip()
    if match := _AFTER_SUFFIX.fullmatch(text):
        return match["stem"].strip(), int(match["window"])
    while (stem := text.rpartition(".")[0]) and text[len(stem) :].lower() in MUSIC_SUFFIXES:
        text = stem.strip()
    for pattern in (_WITH_WORD, _NUMBERED, _OTHER_WINDOW):
        if (match := pattern.fullmatch(text)) and match["window"] is not None:
            return text[: match.end("number" if pattern is _NUMBERED else "stem")], int(match["window"])
    return text, None


def track_key(name: str) -> str:
    """Normal form of a track name: the stem without case; `<genre>.<number>` for names of GTZAN's form."""
    return stem_key(split_track_name(name)[0])


def stem_key(stem: str) -> str:
    """Normal form of a stem of `split_track_name`."""
    if stem.isdecimal():
        return str(int(stem))  # tables drop leading zeros: 000002.mp3 is track 2
    if match := _NUMBERED.fullmatch(stem):
        return f"{genre_key(match['genre'])}.{match['number']}"
    return unicodedata.normalize("NFC", stem.casefold())


def shown_stem(stem: str) -> str:
    """A stem as tables and predictions show it: GTZAN's form is normalised, other names stay as they are."""
    genre = genre_in_name(stem)
    return stem_key(stem) if genre and genre_key(genre) in GTZAN_GENRES else stem


def genre_in_name(stem: str) -> str | None:
    """Genre of a name in GTZAN's form, such as `blues.00000`; None for other names."""
    match = _NUMBERED.fullmatch(stem)
    return match["genre"] if match else None


def genre_key(name: str) -> str:
    """Normal form of a genre: `Hip-Hop`, `hip hop` and `hiphop` are equal."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    return re.sub(r"[\s_\-]+", "", folded) or folded.strip()


def genre_names(names: Iterable[str], aliases: Mapping[str, str] | None = None) -> tuple[dict[str, str], list[str]]:
    """One spelling for each genre.

    A genre of GTZAN is written as there, another one in its most frequent spelling.

    Args:
        names: Genres as the data spell them, one per row or track.
        aliases: `data.genres.aliases`: other names, in any spelling, and the genres that they stand for.

    Returns:
        The spelling of each name, and a note on each genre with several.
    """
    counts = Counter(names)
    other = {genre_key(name): genre for name, genre in (aliases or {}).items()}
    spellings: dict[str, list[str]] = {}
    for name, _ in counts.most_common():
        spellings.setdefault(genre_key(other.get(genre_key(name), name)), []).append(name)
    chosen: dict[str, str] = {}
    notes = []
    aliased = {genre_key(genre): genre for genre in other.values()}
    for key, some in spellings.items():
        shown = key if key in GTZAN_GENRES else aliased.get(key, some[0].strip())
        chosen |= dict.fromkeys(some, shown)
        if len(some) > 1:
            listed = ", ".join(f"{name!r}" for name in sorted(some))
            notes.append(f"{listed} are spellings of one genre, {shown!r}")
    return chosen, notes


def artist_key(name: str) -> str:
    """Normal form of an artist; empty if the name says that the artist is unknown.

    Unicode form, case, accents, punctuation, blanks, a leading "The" and guests ("feat.") make no difference. A number
    in brackets does: databases use it to distinguish artists of one name.
    """
    folded = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    if folded in UNKNOWN_ARTISTS:
        return ""
    number = _BRACKETED_NUMBER.search(folded)
    bare = folded[: number.start()] if number else folded
    bare = _FEATURING.sub("", bare).strip().removesuffix(", the").removeprefix("the ")
    return " ".join([normalised(bare) or folded, *([number[0].strip()] if number else [])])


def normalised(text: str) -> str:
    """Removes case, accents and punctuation: `AC/DC` and `Ac Dc` are the same artist."""
    decomposed = unicodedata.normalize("NFKD", text)
    letters = "".join(character for character in decomposed if not unicodedata.combining(character))
    return " ".join(re.sub(r"[\W_]+", " ", letters.casefold()).split())


def numbered_artists(names: Iterable[str]) -> list[str]:
    """Artists with a number in brackets whose name occurs without it too, sorted: they are not merged."""
    keys = {artist_key(name) for name in names}
    return sorted(key for key in keys if (bare := _BRACKETED_NUMBER.sub("", key)) != key and bare in keys)


def part_of(word: str) -> str | None:
    """`train`, `val`, `test`, or "" for no part; None if the word names no part."""
    return PART_OF_WORD.get(word.strip().casefold())


def examples(names: Iterable[str], most: int = 2) -> str:
    """The first names of a side that has no match, in quotes, for error messages."""
    return ", ".join(repr(name) for name, _ in zip(names, range(most), strict=False)) or "none"


def matched_tracks(names: Sequence[str], tracks: Sequence[Track], what: str) -> list[str | None]:
    """The id of the track that each name of a list names: the same id, or the same normal form; None without one.

    A folder in a name distinguishes tracks of one normal form. It is compared from the last one on; a folder that the
    data do not have, such as that of another machine, makes no difference.

    Raises:
        GtzanError: A name fits several tracks; `what` begins the message.
    """
    places = {track.track_id: _place(str(track.path or track.track_id)) for track in tracks}
    known = {place for _, folders in places.values() for place in enumerate(folders)}
    by_key: dict[str, list[str]] = {}
    for track in places:
        by_key.setdefault(track_key(track), []).append(track)
    found: list[str | None] = []
    for name in names:
        file, folders = _place(name)
        scores: dict[str, tuple[int, bool]] = {}
        for track in [name] if name in places else by_key.get(track_key(name), []):
            pairs = list(enumerate(zip(folders, places[track][1], strict=False)))
            alike = next((depth for depth, (one, other) in pairs if one != other), len(pairs))
            if alike == len(pairs) or (alike, folders[alike]) not in known:
                scores[track] = (alike, file == places[track][0])
        best = [track for track, score in scores.items() if score == max(scores.values())]
        if len(best) > 1:
            raise GtzanError(f"{what}: {name!r} can be {best[0]!r} or {best[1]!r}. Write the name as in the data.")
        found.append(best[0] if best else None)
    return found


def _place(path: str) -> tuple[str, list[str]]:
    """Normal forms of the name of a file and of its folders, the last one first."""
    *folders, file = path.strip().replace("\\", "/").split("/")
    return unicodedata.normalize("NFC", file.casefold()), [genre_key(folder) for folder in reversed(folders)]
