"""Figures of a surrogate: predictions against values, and the effect of each parameter."""

import math
from typing import TYPE_CHECKING

import numpy as np

from studies.sensitivity.figures import DARK, LIGHT, plain_ticks, scaled, shortened_path, with_unit
from twin.report.embedded import Figure, figure
from twin.report.figures import DOTS_PER_INCH, FAINT, chart, png, styled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from studies.surrogate.response_curves import Effect
    from studies.surrogate.validation import CrossValidation

NORMAL = 1.96  # half width of a 95 % interval over the standard deviation
COLUMNS, MOST = 3, 12  # curves beside each other, and in all
WIDE, TALL = 2.35, 2.1  # inches of one
NAME = 26  # letters below one


def parity_figure(check: "CrossValidation", of: str, unit: str) -> Figure:
    """Values predicted without their own case against computed ones."""
    drawing, axes = chart(4.2, 3.9, names=0.2)
    scale, unit = scaled(check.values, unit)
    values = check.values / scale
    axes.errorbar(
        values, check.predicted / scale, yerr=NORMAL * check.deviation / scale, fmt="o",
        color=DARK, ecolor=LIGHT, elinewidth=0.8, markersize=3.2,
    )  # fmt: skip
    ends = [values.min(), values.max()]
    axes.axline((ends[0], ends[0]), (ends[1], ends[1]), color=FAINT, linewidth=0.9, zorder=1)
    axes.set(xlabel=with_unit("computed", unit), ylabel=with_unit("predicted", unit))
    plain_ticks(axes.xaxis, axes.yaxis)
    return figure(
        png(drawing),
        f"Predicted against computed {of}",
        f"{of} of each case predicted by a process fitted without it, with 95 % intervals, against "
        f"what was computed. Q² {check.q2:.3f}.",
    )


def effects_figure(effects: "Sequence[Effect]", of: str, unit: str) -> Figure:
    """A curve with its band for each parameter, the largest effects first, on one scale."""
    from matplotlib.figure import Figure as Drawing

    shown = effects[:MOST]
    scale, unit = scaled(np.concatenate([one.mean for one in shown]), unit)
    columns = min(COLUMNS, len(shown))
    rows = math.ceil(len(shown) / columns)
    drawing = Drawing(figsize=(0.35 + WIDE * columns, TALL * rows), dpi=DOTS_PER_INCH)
    panels = drawing.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    for axes, effect in zip(panels, shown, strict=False):
        _curve(axes, effect, scale)
    for number, axes in enumerate(panels):
        axes.set_visible(number < len(shown))
        if number % columns == 0:
            axes.set_ylabel(with_unit("mean", unit))
    drawing.tight_layout(pad=0.6)
    left = "" if len(shown) == len(effects) else f", the {MOST} largest"
    return figure(
        png(drawing),
        f"Mean of {of} along each parameter",
        f"Mean of {of} over all other parameters along each one{left}; bands hold 95 %.",
    )


def _curve(axes: "Axes", effect: "Effect", scale: float) -> None:
    mean, half = effect.mean / scale, NORMAL * effect.deviation / scale
    axes.fill_between(effect.places, mean - half, mean + half, color=LIGHT, alpha=0.6, linewidth=0)
    axes.plot(effect.places, mean, color=DARK, linewidth=1.5)
    axes.set_xscale("log" if effect.is_log else "linear")
    axes.set_xlabel(shortened_path(effect.path, NAME), parse_math=False)
    axes.margins(x=0)
    axes.grid(color="#e4e7ea", linewidth=0.7)
    axes.set_axisbelow(True)
    plain_ticks(axes.yaxis)
    if not effect.is_log:
        plain_ticks(axes.xaxis)
        axes.locator_params(axis="x", nbins=4)
    styled(axes)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
