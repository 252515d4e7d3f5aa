"""Figures of sensitivities: bars with their intervals, and effects against their spread."""

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from twin.report.embedded import Figure, figure
from twin.report.figures import DOTS_PER_INCH, FAINT, FONT, INK, chart, png, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure as Drawing

    from studies.sensitivity.morris import Effects
    from studies.sensitivity.sobol import Indices

DARK, LIGHT = "#0b4f8a", "#8fb8de"
WIDTH = 5.8  # inches
NAME = 0.068  # inches of a letter
LONGEST = 34  # letters of a name
MOST = 30  # bars of a figure; more are in the table
RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
Numbers = NDArray[np.float64]


def effects_figures(effects: "Effects", of: str, unit: str) -> tuple[Figure, ...]:
    """Bars of mu*, and mu* against sigma."""
    order = _largest(effects.absolute)
    scale, unit = scaled(effects.absolute + effects.interval, unit)
    label = with_unit("effect over the range", unit)
    absolute, interval = effects.absolute[order] / scale, effects.interval[order] / scale
    names = [effects.names[i] for i in order]
    drawing, axes = _rows(names, 1)
    _bars(axes, absolute, interval, colour=DARK)
    axes.set_xlabel(f"mu*, mean absolute {label}")
    bars = figure(
        png(drawing),
        f"Bars of the mean absolute effect of {len(names)} parameters on {of}",
        f"Mean absolute elementary effect mu* of each parameter on {of}, with 95 % intervals.",
    )
    return bars, figure(
        _scatter(names, absolute, interval, effects.spread[order] / scale, label),
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
    return f"{label} / ({unit})" if "/" in unit or " " in unit else f"{label} / {unit}"


def scaled(values: Numbers, unit: str) -> tuple[float, str]:
    """By what to divide values so that ticks are short, and the unit that is left."""
    largest = float(np.abs(values).max())
    power = 0 if largest == 0 else math.floor(math.log10(largest))
    if -3 < power < 4:
        return 1.0, unit
    left = "" if unit in ("", "1") else f" {unit}"
    return 10.0**power, f"10{str(power).translate(RAISED)}{left}"


def shortened_path(name: str, longest: int = LONGEST) -> str:
    """The end of a path that is too long, which tells more than its beginning."""
    return name if len(name) <= longest else f"…{name[1 - longest :]}"


def plain_ticks(*axes: "Axis") -> None:
    """Numbers with their powers of ten, which have no other place on these figures."""
    from matplotlib.ticker import MaxNLocator

    for axis in axes:
        axis.set_major_formatter("{x:.3g}")
        axis.set_major_locator(MaxNLocator(6))


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
    plain_ticks(axes.xaxis)
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


def _scatter(
    names: list[str], sizes: Numbers, intervals: Numbers, spread: Numbers, label: str
) -> bytes:
    """Names stand on the right, in the order of the points."""
    shown = [shortened_path(name) for name in names]
    room = 0.3 + NAME * max(map(len, shown))
    drawing, axes = chart(4.2 + room, max(3.0, 0.9 + 0.2 * len(names)), names=room)
    axes.errorbar(
        sizes, spread, xerr=intervals, fmt="o", color=DARK, markersize=5, ecolor=FAINT,
        elinewidth=0.8, capsize=2,
    )  # fmt: skip
    top = 1.12 * (sizes + intervals).max()
    tall = max(1.15 * spread.max(), 0.3 * top)
    axes.plot([0, min(top, tall)], [0, min(top, tall)], color=FAINT, linewidth=0.8, linestyle="--")
    axes.set(xlim=(-0.02 * top, top), ylim=(-0.03 * tall, tall))
    axes.set(xlabel=f"mu*, mean absolute {label}", ylabel="sigma, their spread")
    plain_ticks(axes.xaxis, axes.yaxis)
    place, least = -np.inf, 0.16 / (drawing.get_figheight() - 0.86)
    for i in np.argsort(spread, kind="stable"):
        place = max((spread[i] + 0.03 * tall) / (1.03 * tall), place + least)
        axes.annotate(
            shown[i], (sizes[i], spread[i]), xytext=(1.03, place), textcoords="axes fraction",
            va="center", fontsize=FONT - 1, color=INK, parse_math=False, annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": FAINT, "linewidth": 0.5, "shrinkB": 4},
        )  # fmt: skip
    return png(drawing)
