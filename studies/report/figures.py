"""Figures that stand on the page where scripts do not run, as PNG inside it."""

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from studies.report.columns import Column, headline
from twin.report.embedded import Figure, figure
from twin.report.figures import FAINT, FONT, INK, png, shortened, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from studies.report.effects import Effect

COLOURS = {
    "ok": "#2f5d86", "does not percolate": "#b86e00", "not converged": "#7b4fa3",
    "failed": "#c0392b", "out of memory": "#8a2d5c", "timed out": "#567a28",
    "quarantined": "#26303a", "corrupted": "#857300", "not run": "#8a949e",
}  # fmt: skip
"""Of the statuses; each is told in words too."""
QUANTITIES, PARAMETERS, AXES = 2, 4, 8  # at most, on these figures
PANEL = (1.9, 1.7)  # inches
LONGEST = 34  # letters of a label
OTHER = "#5d6873"
DOTS_PER_INCH = 130  # scripts draw sharper ones
SHADES = 64  # of a picture: thousands of thin lines compress badly in more
MOST_LINES = 400


@dataclass(frozen=True, slots=True)
class Room:
    """Inches around and between panels, for ticks and names."""

    left: float = 0.75
    right: float = 0.15
    top: float = 0.15
    bottom: float = 0.55
    between: float = 0.3


def colour(status: str) -> str:
    """The colour of a status."""
    return COLOURS.get(status, OTHER)


def effects(columns: Sequence[Column], found: "Mapping[tuple[str, str], Effect]") -> Figure | None:
    """Means and points of the first quantities over the first parameters; None without any."""
    rows = headline(columns, QUANTITIES)
    across = [c for c in columns if c.is_parameter and c.varies][:PARAMETERS]
    if not rows or not across:
        return None
    drawing, panels = _panels(len(rows), len(across))
    for quantity, line in zip(rows, panels, strict=True):
        for parameter, axes in zip(across, line, strict=True):
            _effect(axes, parameter, quantity, found[parameter.name, quantity.name])
        _name(line[0], "y", quantity.label)
    for parameter, axes in zip(across, panels[-1], strict=True):
        _name(axes, "x", parameter.label)
    names = ", ".join(quantity.title for quantity in rows)
    return figure(
        _small(drawing),
        f"Main effects of {', '.join(c.title for c in across)} on {names}.",
        "Points: cases. Line: means at each value of the parameter with their standard errors.",
    )


def parallel(columns: Sequence[Column], statuses: Sequence[str]) -> Figure | None:
    """A line for each case through parameters and first quantities; None without two axes."""
    axes_of = axes_first(columns)
    if len(axes_of) < 2:
        return None
    drawing, [[axes]] = _panels(1, 1, (max(0.8 * len(axes_of), 3.0), 1.9), Room(1.0, 0.4, 0.1, 0.9))
    places = np.array([_unit_places(column) for column in axes_of])
    every = -(-len(statuses) // MOST_LINES)
    for status in dict.fromkeys(statuses):
        drawn = [i for i in range(0, len(statuses), every) if statuses[i] == status]
        if drawn:
            axes.plot(places[:, drawn], color=colour(status), alpha=0.5, linewidth=0.8)
    for rank, column in enumerate(axes_of):
        axes.axvline(rank, color=FAINT, linewidth=0.6)
        for end, text in zip((0, 1), _ends(column), strict=True):
            axes.annotate(
                shortened(text, 16), (rank, end), xytext=(0, 9 * (2 * end - 1)), fontsize=FONT - 2,
                textcoords="offset points", ha="center", va="center", parse_math=False,
            )  # fmt: skip
    axes.set(ylim=(-0.12, 1.12), xticks=range(len(axes_of)), yticks=[])
    names = [shortened(column.label, LONGEST) for column in axes_of]
    axes.set_xticklabels(names, rotation=18, ha="right", parse_math=False)
    for side in ("left", "bottom", "top", "right"):
        axes.spines[side].set_visible(False)
    words = ", ".join(column.title for column in axes_of)
    return figure(
        _small(drawing),
        f"Parallel coordinates of {len(statuses)} cases: {words}.",
        "A line for each case, in the colour of its status; it breaks where there is no number."
        + (f" Of {len(statuses)} cases only every {every}th is shown." if every > 1 else ""),
    )


def surface(columns: Sequence[Column]) -> Figure | None:
    """Cases in the plane of two parameters, coloured by the first quantity; None without these."""
    plane = [c for c in columns if c.is_parameter and c.is_number and c.varies][:2]
    first = headline(columns, 1)
    if len(plane) < 2 or not first:
        return None
    drawing, [[axes]] = _panels(1, 1, (3.6, 2.6), Room(right=0.3))
    x, y, z = (np.array(column.values, dtype=float) for column in (*plane, *first))
    known = ~np.isnan(z)
    axes.scatter(x[~known], y[~known], marker="x", color=FAINT, s=18)
    drawn = axes.scatter(x[known], y[known], c=z[known], cmap="viridis", s=26, linewidths=0)
    bar = drawing.colorbar(drawn, ax=axes)
    bar.set_label(shortened(first[0].label, LONGEST), fontsize=FONT, parse_math=False)
    styled(bar.ax)
    _name(axes, "x", plane[0].label)
    _name(axes, "y", plane[1].label)
    return figure(
        _small(drawing),
        f"{first[0].title} over {plane[0].title} and {plane[1].title}.",
        f"{first[0].title} of each case; crosses have no number.",
    )


def axes_first(columns: Sequence[Column]) -> list[Column]:
    """Parameters and quantities with which parallel coordinates begin."""
    found = [column for column in columns if column.is_parameter and column.varies][: AXES - 2]
    return found + headline(columns, AXES - len(found))


def _panels(
    rows: int, columns: int, size: tuple[float, float] = PANEL, room: Room = Room()
) -> "tuple[Drawing, list[list[Axes]]]":
    """A drawing with panels of a size in inches, and room around and between them."""
    from matplotlib.figure import Figure as Made

    wide = room.left + room.right + columns * size[0] + (columns - 1) * room.between
    tall = room.top + room.bottom + rows * size[1] + (rows - 1) * room.between
    drawing = Made(figsize=(wide, tall), dpi=DOTS_PER_INCH)
    around = {"left": room.left / wide, "right": 1 - room.right / wide,
              "bottom": room.bottom / tall, "top": 1 - room.top / tall,
              "wspace": room.between / size[0], "hspace": room.between / size[1]}  # fmt: skip
    panels = drawing.subplots(rows, columns, squeeze=False, sharey="row", gridspec_kw=around)
    for axes in panels.flat:
        styled(axes)
        axes.locator_params(nbins=4)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
    return drawing, panels.tolist()


def _effect(axes: "Axes", parameter: Column, quantity: Column, found: "Effect") -> None:
    order = {level.label: level.place for level in found.levels}
    x = [order.get(value) if isinstance(value, str) else value for value in parameter.values]
    known = [(a, b) for a, b in zip(x, quantity.values, strict=True) if None not in (a, b)]
    axes.plot(*np.array(known, dtype=float).T, "o", color="#9fb3c6", markersize=3)
    places = [level.place for level in found.levels]
    axes.errorbar(
        places,
        [level.mean for level in found.levels],
        [level.error or 0.0 for level in found.levels],
        color=COLOURS["ok"], marker="s", markersize=3.5, linewidth=1.3, capsize=2.5,
        linestyle="-" if parameter.is_number else "none",
    )  # fmt: skip
    if not parameter.is_number:
        axes.set_xticks(places)
        axes.set_xticklabels([shortened(label) for label in order], parse_math=False)


def _small(drawing: "Drawing") -> bytes:
    """The figure as a PNG of few colours."""
    from PIL import Image

    buffer = io.BytesIO()
    image = Image.open(io.BytesIO(png(drawing))).convert("RGB")
    image.quantize(SHADES).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _name(axes: "Axes", which: str, text: str) -> None:
    """Label of an axis, without taking $ for a formula."""
    label = axes.xaxis.label if which == "x" else axes.yaxis.label
    label.set(text=shortened(text, LONGEST), parse_math=False, color=INK, fontsize=FONT - 1)


def _unit_places(column: Column) -> list[float]:
    """Values between 0 at the lowest and 1 at the highest; NaN where there is none."""
    places = _ranks(column) if not column.is_number else column.values
    known = [float(value) for value in places if isinstance(value, int | float)]
    low, span = min(known, default=0.0), max(known, default=0.0) - min(known, default=0.0)
    return [
        math.nan if not isinstance(value, int | float) else (value - low) / span if span else 0.5
        for value in places
    ]


def _ranks(column: Column) -> "Iterable[int | None]":
    order = list(dict.fromkeys(value for value in column.values if value is not None))
    return [None if value is None else order.index(value) for value in column.values]


def _ends(column: Column) -> tuple[str, str]:
    """What stands at the low and at the high end of an axis."""
    if not column.is_number:
        order = [str(value) for value in dict.fromkeys(column.values) if value is not None]
        return order[0], order[-1]
    known = [float(value) for value in column.values if value is not None]
    return f"{min(known):.4g}", f"{max(known):.4g}"
