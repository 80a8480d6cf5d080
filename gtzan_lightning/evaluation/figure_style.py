"""What all pictures share: colours, the caption that says where the numbers come from, and the stamp.

The colours are those of Okabe & Ito (2008), which colour-blind readers can tell apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gtzan_lightning.evaluation.metrics import Level

BLUE, GREEN, VERMILION, GREY = "#0072B2", "#009E73", "#D55E00", "#5A5A5A"
LEVEL_NAMES: dict[Level, str] = {
    "window": "windows",
    "clip": "clips, mean probability",
    "clip_vote": "clips, majority vote",
}
LETTER_INCHES = 0.068  # mean width of a letter at 9 points, for breaking lines


@dataclass(frozen=True)
class Caption:
    """What every picture says about where its numbers come from."""

    corpus: str  # "gtzan", "synthetic", or a folder's name
    split: str  # "leaky", "grouped", "artist", "filtered", or what a manifest calls itself
    part: str = "test"
    stamp: str | None = None  # a warning that cannot be overlooked, such as "LEAKY SPLIT: ..."

    def line(self, entry: Mapping[str, Any], level: Level) -> str:
        """Corpus, split, part, level, n and accuracy with interval; `entry` is one level of `card.evaluate`."""
        low, high = entry["accuracy_ci95"]
        return (
            f"{self.corpus} · {self.split} split · {self.part} · {LEVEL_NAMES[level]}, n = {entry['n']:,} · "
            f"accuracy {entry['accuracy']:.3f} [{low:.3f}, {high:.3f}] (95 %, by {entry['cluster']})"
        )


def quiet(axes: Axes, grid_axis: Any) -> None:
    """A light grid behind the data and no box around it."""
    axes.set_axisbelow(True)
    axes.grid(axis=grid_axis, color="#E3E3E3")
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(length=0)


def add_head(figure: Figure, title: str, line: str, stamp: str | None) -> None:
    """Write the stamp in a box, the title and the line that says where the numbers come from; the figure grows."""
    width, height = figure.get_size_inches()
    texts = [(title, {"fontsize": 13, "fontweight": "bold"}, 0.30)]
    whole = line.replace(" ", "\N{NO-BREAK SPACE}").replace("\N{NO-BREAK SPACE}·\N{NO-BREAK SPACE}", " · ")
    lines = [
        part.replace("\N{NO-BREAK SPACE}", " ").removesuffix(" ·") for part in wrap(whole, int(width / LETTER_INCHES))
    ]
    texts += [(part, {"fontsize": 9, "color": GREY}, 0.19) for part in lines]  # broken at the dots only
    if stamp is not None:
        box = {"facecolor": VERMILION, "edgecolor": "none", "boxstyle": "square,pad=0.35"}
        style = {"fontsize": 10.5, "fontweight": "bold", "color": "white", "bbox": box}
        rows = wrap(stamp, int(width / LETTER_INCHES / 1.3))
        texts.insert(0, ("\n".join(rows), style, 0.40 + 0.18 * (len(rows) - 1)))
    head = 0.12 + sum(inches for _, _, inches in texts)
    total = height + head
    figure.set_size_inches(width, total)
    figure.set_facecolor("white")
    engine = figure.get_layout_engine()
    assert engine is not None  # every figure here is made with layout="constrained"
    engine.set(rect=(0.01, 0.01, 0.98, 0.99 - head / total))  # type: ignore[call-arg]
    top = total - 0.12
    for text, style, inches in texts:
        figure.text(0.15 / width, top / total, text, va="top", **style)  # type: ignore[arg-type]
        top -= inches
