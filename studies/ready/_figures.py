"""Figures of ready studies: lines of means over pieces, with the pieces behind them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from twin.report.embedded import Figure, figure
from twin.report.figures import DOTS_PER_INCH, FONT, INK, chart, png, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINES = ("#0b4f8a", "#c4631a", "#3a8f5c", "#8a4b9c", "#5d6873", "#b0902e")
MARKS = ("o", "s", "^", "D", "v", "P")
WIDTH, HEIGHT, NAMES = 6.4, 3.4, 1.7  # inches, the last for the names of lines
PANEL = 2.15, 1.75  # inches of one of several
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its name; ``band`` is half the width of its error, ``points`` are of pieces."""

    name: str
    x: Values
    y: Values
    band: Values | None = None
    points: tuple[Values, Values] | None = None


def line_figure(
    lines: Sequence[Line],
    labels: tuple[str, str],
    words: tuple[str, str],
    *,
    shaded: tuple[float, float] | None = None,
    logarithmic: bool = False,
    level: tuple[float, str] | None = None,
) -> Figure:
    """Lines in one chart.

    Args:
        lines: from which to draw.
        labels: of both axes.
        words: alternative text, and caption.
        shaded: a range of x.
        logarithmic: whether the ordinate is.
        level: of y to mark, and its name.
    """
    drawn, axes = chart(WIDTH, HEIGHT, names=NAMES)
    if shaded is not None:
        axes.axvspan(*shaded, color="#dfe8f0", linewidth=0, zorder=0)
    for number, line in enumerate(lines):
        _draw(axes, line, number)
    if level is not None:
        axes.axhline(level[0], color=INK, linewidth=0.8, linestyle=(0, (5, 4)), label=level[1])
    if logarithmic:
        axes.set_yscale("log")
    axes.set(xlabel=labels[0], ylabel=labels[1])
    axes.legend(fontsize=FONT - 1.5, frameon=False, loc="upper left", bbox_to_anchor=(1.01, 1.03))
    styled(axes)
    return figure(png(drawn), *words)


def _draw(axes: "Axes", line: Line, number: int) -> None:
    colour, mark = LINES[number % len(LINES)], MARKS[number % len(MARKS)]
    few = len(line.x) < 50  # of a smooth curve there are many
    axes.plot(line.x, line.y, color=colour, linewidth=1.6, label=line.name,
              marker=mark if few else None, markersize=4)  # fmt: skip
    if line.band is not None:
        axes.fill_between(
            line.x, line.y - line.band, line.y + line.band, color=colour, alpha=0.15, linewidth=0
        )
    if line.points is not None:
        axes.plot(*line.points, mark, color=colour, markersize=3.2, alpha=0.55)


def panel_figure(
    panels: Mapping[str, Sequence[Line]], label: str, words: tuple[str, str], columns: int = 3
) -> Figure:
    """Small charts side by side, which have the abscissa in common; by what their ordinate is."""
    from matplotlib.figure import Figure as Drawing

    columns = min(columns, len(panels))
    rows = math.ceil(len(panels) / columns)
    drawn = Drawing(
        figsize=(PANEL[0] * columns + 0.2, PANEL[1] * rows + 0.2),
        dpi=DOTS_PER_INCH,
        layout="constrained",
    )
    for place, (title, lines) in enumerate(panels.items()):
        axes = drawn.add_subplot(rows, columns, place + 1)
        for number, line in enumerate(lines):
            _draw(axes, line, number)
        axes.set_title(title, fontsize=FONT - 1.5, color=INK)
        axes.grid(axis="y", color="#e4e7ea", linewidth=0.7)
        axes.set_axisbelow(True)
        if place >= len(panels) - columns:
            axes.set_xlabel(label)
        styled(axes)
        axes.tick_params(labelsize=FONT - 2)
        if len(lines) > 1 and place == 0:
            axes.legend(fontsize=FONT - 3, frameon=False)
    return figure(png(drawn), *words)
