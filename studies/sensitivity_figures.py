"""Figures of sensitivities: bars with their intervals, and effects against their spread."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from twin.report.embedded import Figure, figure
from twin.report.figures import DOTS_PER_INCH, FAINT, FONT, INK, chart, png, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

    from studies.sensitivity import Effects
    from studies.sobol import Indices

DARK, LIGHT = "#0b4f8a", "#8fb8de"
WIDTH = 5.8  # inches
NAME = 0.072  # inches of a letter
LONGEST = 34  # letters of a name
MOST = 30  # bars of a figure; more are in the table
Numbers = NDArray[np.float64]


def effects_figures(effects: "Effects", of: str, unit: str) -> tuple[Figure, ...]:
    """Bars of mu*, and mu* against sigma."""
    label = with_unit("effect over the range", unit)
    order = _largest(effects.absolute)
    names = [effects.names[i] for i in order]
    drawing, axes = _rows(names, 1)
    _bars(axes, effects.absolute[order], effects.interval[order], colour=DARK)
    axes.set_xlabel(f"mu*, mean absolute {label}")
    bars = figure(
        png(drawing),
        f"Bars of the mean absolute effect of {len(names)} parameters on {of}",
        f"Mean absolute elementary effect mu* of each parameter on {of}, with 95 % intervals.",
    )
    return bars, figure(
        _scatter(effects, order, label),
        f"Mean absolute effect against spread of the effects on {of}",
        f"Effects on {of}: above the line they differ from place to place by more than their size "
        "(sigma > mu*), because they are not linear or depend on other parameters.",
    )


def indices_figure(indices: "Indices", of: str) -> Figure:
    """Bars of first order and total, the largest on top."""
    order = _largest(indices.total.values)
    names = [indices.names[i] for i in order]
    drawing, axes = _rows(names, 2)
    for index, colour, place, label in (
        (indices.total, DARK, -0.19, "with interactions (total)"),
        (indices.first, LIGHT, 0.19, "alone (first order)"),
    ):
        _bars(axes, index.values[order], index.intervals[order], colour, place, label)
    axes.axvline(0, color=FAINT, linewidth=0.6)
    axes.set_xlabel("share of the variance")
    axes.legend(
        loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False, fontsize=FONT - 1,
        labelcolor=INK,
    )  # fmt: skip
    return figure(
        png(drawing),
        f"Bars of first-order and total Sobol indices of {len(names)} parameters",
        f"Share of the variance of {of} that each parameter has, with 95 % intervals.",
    )


def with_unit(label: str, unit: str) -> str:
    """The label of an axis."""
    if unit in ("", "1"):
        return label
    return f"{label} / ({unit})" if "/" in unit else f"{label} / {unit}"


def shortened_path(name: str) -> str:
    """The end of a path that is too long, which tells more than its beginning."""
    return name if len(name) <= LONGEST else f"…{name[1 - LONGEST :]}"


def _largest(sizes: Numbers) -> NDArray[np.intp]:
    return np.argsort(-sizes, kind="stable")[:MOST]


def _rows(names: list[str], bars: int) -> "tuple[Drawing, Axes]":
    """Axes with a row for each name, the first on top."""
    from matplotlib.figure import Figure as Drawing

    shown = [shortened_path(name) for name in names]
    left = 0.25 + NAME * max(map(len, shown))
    top = 0.35 if bars > 1 else 0.1  # room for a legend
    height = 0.5 + top + len(names) * (0.22 + 0.16 * bars)
    drawing = Drawing(figsize=(WIDTH, height), dpi=DOTS_PER_INCH)
    box = (left / WIDTH, 0.5 / height, (WIDTH - left - 0.15) / WIDTH, (height - 0.5 - top) / height)
    axes = drawing.add_axes(box)
    axes.set_yticks(range(len(names)), shown, parse_math=False)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.grid(axis="x", color="#e4e7ea", linewidth=0.7)
    axes.set_axisbelow(True)
    styled(axes)
    axes.tick_params(axis="y", length=0)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    return drawing, axes


def _bars(
    axes: "Axes",
    sizes: Numbers,
    intervals: Numbers,
    colour: str,
    place: float = 0.0,
    label: str | None = None,
) -> None:
    rows = np.arange(len(sizes)) + place
    height = 0.36 if label else 0.55
    axes.barh(
        rows, sizes, height=height, color=colour, label=label, xerr=intervals,
        error_kw={"ecolor": INK, "elinewidth": 1.0, "capsize": 2.5},
    )  # fmt: skip


def _scatter(effects: "Effects", order: NDArray[np.intp], label: str) -> bytes:
    """Names stand on the right, in the order of the points."""
    names = 0.3 + NAME * max(len(shortened_path(effects.names[i])) for i in order)
    drawing, axes = chart(WIDTH, max(3.0, 0.9 + 0.2 * len(order)), names=names)
    x, y = effects.absolute[order], effects.spread[order]
    axes.errorbar(
        x, y, xerr=effects.interval[order], fmt="o", color=DARK, markersize=5, ecolor=FAINT,
        elinewidth=0.8, capsize=2,
    )  # fmt: skip
    top = 1.12 * max((effects.absolute + effects.interval).max(), 1e-300)
    tall = max(1.15 * y.max(), 0.3 * top)
    axes.plot([0, min(top, tall)], [0, min(top, tall)], color=FAINT, linewidth=0.8, linestyle="--")
    axes.set(xlim=(0, top), ylim=(-0.03 * tall, tall))
    axes.set(xlabel=f"mu*, mean absolute {label}", ylabel="sigma, their spread")
    place, least = -np.inf, 0.16 / (drawing.get_figheight() - 0.86)
    for i in np.argsort(y, kind="stable"):
        place = max((y[i] + 0.03 * tall) / (1.03 * tall), place + least)
        axes.annotate(
            shortened_path(effects.names[order[i]]), (x[i], y[i]), xytext=(1.03, place),
            textcoords="axes fraction", va="center", fontsize=FONT - 1, color=INK,
            parse_math=False, annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": FAINT, "linewidth": 0.5, "shrinkB": 4},
        )  # fmt: skip
    return png(drawing)
