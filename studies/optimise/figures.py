"""Figures of optima: objectives against each other with the front, and the way to it."""

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

from studies.optimise.goals import Numbers
from studies.optimise.standing import Mask, Standing
from twin.report.embedded import Figure, figure
from twin.report.figures import FONT, INK, chart, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FRONT, RIVAL, WORSE, BLOCKED = "#0b4f8a", "#8fb8de", "#b4bcc4", "#c4631a"
GRID = "#e4e7ea"
MARGIN = 0.06  # of a figure
WIDTH, HEIGHT, NAMES = 6.4, 3.8, 1.75  # inches; the last for the legend


def front_figures(standing: Standing) -> tuple[Figure, ...]:
    """Each pair of objectives."""
    pairs = itertools.combinations(range(len(standing.names)), 2)
    return tuple(_pair(standing, x, y) for x, y in pairs)


def history_figure(standing: Standing, found: Numbers) -> Figure:
    """The best so far over the cases, in the order in which they were asked.

    Args:
        standing: of the cases.
        found: see ``studies.optimise.questions.history``.
    """
    drawing, axes = chart(WIDTH, HEIGHT, names=NAMES)
    cases, last = np.arange(1, len(found) + 1), found[-1]
    if len(standing.names) > 1:
        label = "hypervolume / share of the last"
        best = found / last if last > 0 else found
    else:
        best = found if standing.judged.goals.directions[0] == "minimise" else -found
        label = _label(standing, 0)
        values = standing.judged.values[: len(found), 0]
        for mask, style in _groups(standing):
            axes.plot(cases[mask[: len(found)]], values[mask[: len(found)]], **style)
    axes.step(cases, best, where="post", color=FRONT, linewidth=1.6, label="best so far")
    _finish(axes, "case", label)
    return figure(
        png(drawing),
        f"Best so far over {len(found)} cases",
        "The best so far over the cases, in the order in which they were asked.",
    )


def _pair(standing: Standing, x: int, y: int) -> Figure:
    drawing, axes = chart(WIDTH, HEIGHT, names=NAMES)
    axes.grid(color=GRID, linewidth=0.7)
    values, errors = standing.judged.values, np.nan_to_num(standing.judged.errors)
    for mask, style in _groups(standing):
        axes.errorbar(
            values[mask, x],
            values[mask, y],
            xerr=errors[mask, x] if errors[mask, x].any() else None,
            yerr=errors[mask, y] if errors[mask, y].any() else None,
            elinewidth=0.8,
            ecolor=RIVAL,
            **style,
        )
    if len(standing.names) == 2:
        _staircase(axes, standing)
    known = values[standing.judged.has_result][:, [x, y]]
    lows, highs = _window(known, values[standing.is_front][:, [x, y]])
    axes.set(xlim=(lows[0], highs[0]), ylim=(lows[1], highs[1]))
    outside = int(((known < lows) | (known > highs)).any(axis=1).sum())
    _finish(axes, _label(standing, x), _label(standing, y))
    names = f"{standing.names[x]} and {standing.names[y]}"
    bars = " Bars are standard errors." if errors[standing.is_feasible][:, [x, y]].any() else ""
    line = " Beyond the line no case has come." if len(standing.names) == 2 else ""
    away = f" {outside} cases lie outside." if outside else ""
    return figure(
        png(drawing),
        f"Cases by {names}, with the front",
        f"{names} of the cases, and those which no other betters.{line}{bars}{away}",
    )


def _window(known: Numbers, best: Numbers) -> tuple[Numbers, Numbers]:
    """Lower and upper limits which show all, or as much as leaves the front a third of the room."""
    lows, highs = known.min(axis=0), known.max(axis=0)
    if len(best) > 1:
        room = np.ptp(best, axis=0)
        lows = np.maximum(lows, best.min(axis=0) - room)
        highs = np.minimum(highs, best.max(axis=0) + room)
    rim = MARGIN * (highs - lows)
    rim[rim == 0] = MARGIN
    return lows - rim, highs + rim


def _groups(standing: Standing) -> list[tuple[Mask, dict[str, Any]]]:
    """Cases that look alike, the best on top, and how they are drawn."""
    is_front, is_rival, feasible = standing.is_front, standing.is_rival, standing.is_feasible
    best = "front" if len(standing.names) > 1 else "best"
    style: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": 3.5}
    groups: list[tuple[Mask, str, str, dict[str, Any]]] = [
        (~feasible & standing.judged.has_result, "not feasible", BLOCKED, {"marker": "x"}),
        (feasible & ~is_front & ~is_rival, "worse", WORSE, {}),
        (is_rival, "not told apart", RIVAL, {}),
        (is_front, best, FRONT, {"markersize": 5}),
    ]
    return [
        (mask, style | {"color": colour, "label": label, "zorder": 2 + number} | more)
        for number, (mask, label, colour, more) in enumerate(groups)
        if mask.any()
    ]


def _staircase(axes: "Axes", standing: Standing) -> None:
    """The border of what the front of two objectives betters."""
    signs = np.where(np.array(standing.judged.goals.directions) == "minimise", 1.0, -1.0)
    points = standing.costs[standing.order(standing.is_front)] * signs
    axes.step(points[:, 0], points[:, 1], where="post", color=FRONT, linewidth=1.0, zorder=1.5)


def _finish(axes: "Axes", x: str, y: str) -> None:
    axes.set_xlabel(x, color=INK, fontsize=FONT)
    axes.set_ylabel(y, color=INK, fontsize=FONT)
    axes.legend(
        loc="upper left", bbox_to_anchor=(1.02, 1), frameon=False, fontsize=FONT - 1, labelcolor=INK
    )


def _label(standing: Standing, column: int) -> str:
    name, unit = standing.names[column], standing.units[column]
    if unit in ("", "1"):
        return name
    return f"{name} / ({unit})" if "/" in unit else f"{name} / {unit}"
