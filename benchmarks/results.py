"""Rebuilds the tables of `docs/results/`, the pages that include them, and the pictures: `make results`.

Reports what changed. The first line of each table's file is the command that makes it (variables such as $GTZAN_SHORT
are expanded), the second the hash of the code that made it, if known. The new table is the first with the same header
in the output of the command, else in the documents that its sweep has written. `PICTURES` has the commands of the
pictures.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from gtzan_lightning.config.identity import result_code

TABLE = re.compile(r"(?:^\|.*\|\n?)+", re.MULTILINE)
FROM_MAKE = {"ARGS", "MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS"}  # else a `make` below takes the ARGS of `make results`
PICTURES = {
    "ladder.png": "python benchmarks/picture.py",
    "waterfall.png": "python train.py -m experiment=ladder model=mlp,lstm",
    "ladder_features.png": "python train.py -m hydra/launcher=joblib experiment=ladder data.root=$GTZAN_SHORT "
    "data.metadata=$GTZAN_ROOT/metadata.csv data.source=audio slice=30s slice.step_s=30 features=stats,musicnn "
    "model=mlp split.train_tracks=null,200",
    **{
        f"robustness_{name}.png": "python train.py -m experiment=robustness data.root=$GTZAN_SHORT "
        f"data.metadata=$GTZAN_ROOT/metadata.csv data.source=audio slice=30s slice.step_s=30 model=mlp features={name}"
        for name in ("stats", "musicnn")
    },
    "report.png": "python benchmarks/report_pictures.py",
    "report_gap.png": "python benchmarks/report_pictures.py",
    "report_run.png": "python benchmarks/report_pictures.py",
}
"""The command that draws each file of docs/img."""
FROM_SWEEP = {
    "waterfall.png": "sweeps/ladder-model-*/ladder_window.png",
    "ladder_features.png": "sweeps/ladder-features-*/ladder_clip.png",
    "robustness_stats.png": "sweeps/robustness-*/robustness_*stats*.png",
    "robustness_musicnn.png": "sweeps/robustness-*/robustness_*musicnn*.png",
}
"""What the command writes into outputs/ instead."""
INCLUDED = re.compile(r"(<!-- begin (\S+) -->\n)(.*?)(<!-- end \2 -->)", re.DOTALL)


def table_with_header(texts: Iterator[str], header: str) -> str | None:
    """The first Markdown table with this first line; None if there is none."""
    tables = (found.strip() + "\n" for text in texts for found in TABLE.findall(text))
    return next((table for table in tables if table.partition("\n")[0] == header), None)


def run(command: str, made: Path) -> subprocess.CompletedProcess[str]:
    """Runs a command and keeps its output."""
    words = [os.path.expandvars(word) for word in shlex.split(command)]
    words = [sys.executable if word == "python" else word for word in words]
    print(f"{made}: {shlex.join(words[1:] if words[0] == sys.executable else words)}", flush=True)
    environment = {name: value for name, value in os.environ.items() if name not in FROM_MAKE}
    return subprocess.run(words, stdout=subprocess.PIPE, text=True, check=False, env=environment)


def redrawn(pictures: list[Path], outputs: Path) -> int:
    """Draws pictures, each command once, and reports which have changed; returns the number that were not drawn."""
    before = {picture: picture.read_bytes() if picture.is_file() else b"" for picture in pictures}
    failed: set[str] = set()
    for command in dict.fromkeys(PICTURES[picture.name] for picture in pictures):
        if run(command, Path("docs/img")).returncode:
            failed.add(command)
    for picture in pictures:
        found = sorted(outputs.glob(FROM_SWEEP.get(picture.name, "-")), key=lambda path: path.stat().st_mtime)
        if found and PICTURES[picture.name] not in failed:
            picture.write_bytes(found[-1].read_bytes())
        drawn = PICTURES[picture.name] not in failed and picture.is_file()
        changed = drawn and picture.read_bytes() != before[picture]
        print(f"{picture}: {'not drawn; the command failed' if not drawn else 'changed' if changed else 'unchanged'}")
    return sum(PICTURES[picture.name] in failed or not picture.is_file() for picture in pictures)


def rebuilt(file: Path, outputs: Path) -> str | None:
    """Runs the command of a file; returns its new table, None if the command made none with the same header."""
    head, _, old = file.read_text(encoding="utf-8").partition("\n\n")
    done = run(head.partition("\n")[0].removeprefix("<!-- ").removesuffix(" -->"), file)
    if done.returncode:
        return None
    written = sorted((outputs / "sweeps").glob("*/*.md"), key=lambda path: path.stat().st_mtime, reverse=True)
    texts = (text for text in (done.stdout, *(path.read_text(encoding="utf-8") for path in written)))
    return table_with_header(texts, old.partition("\n")[0])


def update(file: Path, table: str, pages: list[Path]) -> list[str]:
    """Replaces the table in its file and in every page that includes it; returns the lines that changed."""
    head, _, old = file.read_text(encoding="utf-8").partition("\n\n")
    command = head.partition("\n")[0]
    file.write_text(f"{command}\n<!-- code {result_code()} -->\n\n{table}", encoding="utf-8")
    for page in pages:
        text = page.read_text(encoding="utf-8")
        new = INCLUDED.sub(lambda found: found[1] + (table if found[2] == str(file) else found[3]) + found[4], text)
        if new != text:
            page.write_text(new, encoding="utf-8")
    lines = difflib.unified_diff(old.splitlines(), table.splitlines(), lineterm="", n=0)
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="such as models-3s or ladder.png; default: all")
    parser.add_argument("--outputs", type=Path, default=Path("outputs"), metavar="FOLDER")
    options = parser.parse_args()
    pages, failed = [Path("README.md"), *sorted(Path("docs").glob("*.md"))], 0
    for file in sorted(Path("docs/results").glob("*.md")):
        if options.names and file.stem not in options.names:
            continue
        table = rebuilt(file, options.outputs)
        if table is None:
            failed += 1
            print(f"{file}: not rebuilt; the command failed or made no table with the same header")
            continue
        changes = update(file, table, pages)
        print("\n".join([f"{file}: {len(changes)} lines changed" if changes else f"{file}: unchanged", *changes]))
    pictures = [Path("docs/img", name) for name in PICTURES if not options.names or name in options.names]
    return 1 if failed + redrawn(pictures, options.outputs) else 0


if __name__ == "__main__":
    sys.exit(main())
