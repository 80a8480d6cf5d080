"""`gtzan data get|artists|check`: downloads the data, imports artists, and checks a data root."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gtzan_lightning.corpus.location import DEFAULT_ROOT
from gtzan_lightning.errors import GtzanError
from gtzan_lightning.utils.memory import without_collection

if TYPE_CHECKING:
    from gtzan_lightning.config.schema import Config
    from gtzan_lightning.corpus.tracks import Corpus

GET_HELP = """\
Downloads GTZAN, 1.2 GB, from the mirrors of the package, or unpacks a local archive: genres.tar.gz, or the zip of
Kaggle's "GTZAN Dataset - Music Genre Classification". An interrupted download resumes when the command is repeated.
Nothing is overwritten."""
ARTISTS_HELP = """\
Writes metadata.csv (artists, titles, recordings, fault-filtered parts) into the data root, from GTZANindex.txt or from
a CSV with the columns track_id,artist,title. An older metadata.csv is kept as metadata.csv.1.

GTZANindex.txt is B. L. Sturm's index of GTZAN. It is on the author's pages, and a copy comes with the GTZAN-Rhythm
annotations of U. Marchand and G. Peeters (2015). Cite: B. L. Sturm, "The GTZAN dataset: Its contents, its faults,
their effects on evaluation, and its future use", arXiv:1306.1461, 2013."""
BAD_LINES_SHOWN = 20


def add_to(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser("data", help="download and check the data: gtzan data check data.root=/music")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    _add_get(actions)
    _add_artists(actions)
    _add_check(actions)


def _add_get(actions: Any) -> None:
    get = _described(actions, "get", "download or unpack GTZAN", GET_HELP)
    get.add_argument("archive", nargs="?", type=Path, metavar="ARCHIVE", help="a local archive")
    get.add_argument(
        "--root", type=Path, default=DEFAULT_ROOT, metavar="FOLDER", help=f"the data root; default {DEFAULT_ROOT}"
    )
    get.add_argument("--url", action="append", default=[], help="download from this URL instead; may be repeated")
    get.add_argument("--hash", metavar="sha256:HEX", help="of the download; default: that of genres.tar.gz")
    get.set_defaults(run=_get)


def _add_artists(actions: Any) -> None:
    artists = _described(actions, "artists", "import artists and titles into metadata.csv", ARTISTS_HELP)
    artists.add_argument("file", type=Path, metavar="FILE", help="GTZANindex.txt, or a .csv")
    artists.add_argument(
        "--root", type=Path, metavar="FOLDER", help=f"the data root; default GTZAN_ROOT, else {DEFAULT_ROOT}"
    )
    artists.set_defaults(run=_artists)


def _add_check(actions: Any) -> None:
    from gtzan_lightning.cli.overrides_argument import add_overrides

    check = actions.add_parser("check", help="contents of the data root, and problems")
    add_overrides(check)
    check.add_argument(
        "--duplicates", action="store_true", help="list all groups of tracks that share a sound, by audio fingerprints "
        "or, for tables, by features",
    )  # fmt: skip
    check.add_argument("--csv", type=Path, metavar="FILE", help="also write these groups to a CSV file")
    check.set_defaults(run=_check)


def _described(actions: Any, name: str, summary: str, description: str) -> Any:
    form = argparse.RawDescriptionHelpFormatter
    return actions.add_parser(name, help=summary, description=description, formatter_class=form)


def _get(arguments: argparse.Namespace) -> None:
    from gtzan_lightning.corpus.archive import unpack
    from gtzan_lightning.corpus.download import audio_in, chosen_mirrors, get_from_mirrors
    from gtzan_lightning.report.corpus_tables import download_progress

    root = arguments.root
    if arguments.archive is None:
        mirrors = chosen_mirrors(arguments.url, arguments.hash)
        if (present := audio_in(root)) is not None:
            print(f"{present} exists already; nothing to do. Check it: gtzan data check data.root={root}")
            return
        with download_progress(mirrors.archive) as report:
            unpacked = get_from_mirrors(mirrors, root, report)
    elif arguments.url or arguments.hash:
        raise GtzanError("gtzan data get ARCHIVE downloads nothing: leave out --url and --hash, or the archive.")
    else:
        unpacked = unpack(arguments.archive, root)
    tables = f", {', '.join(unpacked.tables)}" if unpacked.tables else ""
    print(f"{root}: {unpacked.clips} clips of {unpacked.genres} genres{tables}.")
    print(f"Next: gtzan data check data.root={root}, and gtzan data artists --help")


def _artists(arguments: argparse.Namespace) -> None:
    from gtzan_lightning.corpus.metadata import read_index, write_metadata

    root = (arguments.root or Path(os.environ.get("GTZAN_ROOT") or DEFAULT_ROOT)).expanduser()
    index = read_index(arguments.file)
    kept = write_metadata(index.entries, root)
    named = sum(1 for entry in index.entries if entry.artist)
    print(f"{root / 'metadata.csv'}: {len(index.entries)} tracks, {named} with an artist.")
    if kept is not None:
        print(f"The older file is kept as {kept}.")
    if index.bad_lines:
        shown = list(index.bad_lines[:BAD_LINES_SHOWN])
        more = [f"and {len(index.bad_lines) - len(shown)} more"] if len(index.bad_lines) > len(shown) else []
        print(f"{arguments.file}: {len(index.bad_lines)} lines left out:", *shown, *more, sep="\n  ", file=sys.stderr)
    print(f"Next: gtzan data check data.root={root}")


@without_collection()
def _check(arguments: argparse.Namespace) -> None:
    from gtzan_lightning.cli.overrides_argument import configuration
    from gtzan_lightning.features.corpus_features import reading_notes
    from gtzan_lightning.features.feature_cache import features_cache
    from gtzan_lightning.report.corpus_tables import copies_note, print_corpus
    from gtzan_lightning.training.split_data import frame_settings, load_configured_corpus
    from gtzan_lightning.utils.caching import cache_dir

    config = configuration(arguments.overrides, arguments)
    corpus = load_configured_corpus(config)
    file_notes: tuple[str, ...] = ()
    if corpus.source == "audio":
        from gtzan_lightning.audit.duplicates import identical_files  # imports scikit-learn

        file_notes = reading_notes(corpus, frame_settings(config), config.data.n_jobs)
        if groups := identical_files(corpus, features_cache(cache_dir(config.cache_dir))):
            corpus = replace(corpus, notes=(*corpus.notes, copies_note(groups)))
    print_corpus(corpus, file_notes)
    if not (arguments.duplicates or arguments.csv):
        print("Copies of one sound are listed with --duplicates, and written with --csv FILE.")
    else:
        _print_duplicates(arguments, config, corpus)
    print(" ".join(["Next: gtzan train", *arguments.overrides]))


def _print_duplicates(arguments: argparse.Namespace, config: Config, corpus: Corpus) -> None:
    from gtzan_lightning.audit.duplicates import find_duplicates, groups_of
    from gtzan_lightning.report.corpus_tables import print_duplicates, write_duplicates
    from gtzan_lightning.training.split_data import load_configured_features

    if corpus.source == "audio":
        from gtzan_lightning.audit.fingerprint import sound_groups  # imports scipy.ndimage

        groups, method = sound_groups(corpus, config.data.n_jobs), "audio fingerprints"
    else:
        pairs = find_duplicates(load_configured_features(config, corpus))
        groups, method = groups_of(((pair.one, pair.other) for pair in pairs), len(corpus.tracks)), "features"
    print_duplicates(corpus, groups, method)
    if arguments.csv:
        write_duplicates(corpus, groups, arguments.csv)
        print(f"Written: {arguments.csv}")
