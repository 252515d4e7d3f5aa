"""Main effects: the mean of a quantity at each level of a parameter, over all other parameters."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studies.report.columns import Column

MOST_LEVELS = 12  # more values of a number than these are grouped
GROUPS = 6  # of as many cases each


@dataclass(frozen=True, slots=True)
class Level:
    """One value of a parameter, or a group of neighbouring ones.

    Args:
        place: the mean of a number in the group, or the rank of a text.
        label: in words.
        mean: of the quantity over the cases.
        error: standard error of that mean, from the scatter of the cases; None of a single one.
        count: of the cases.
    """

    place: float
    label: str
    mean: float
    error: float | None
    count: int


@dataclass(frozen=True, slots=True)
class Effect:
    """Levels of a parameter, and the share of the variance that lies between them.

    ``share`` is the correlation ratio η², 0…1; None where no level has two cases.
    """

    levels: tuple[Level, ...]
    share: float | None


def effect(parameter: Column, quantity: Column, counted: Sequence[bool]) -> Effect:
    """The effect of a parameter on a quantity, over the cases that count and have both."""
    rows = [
        (x, float(y))
        for x, y, counts in zip(parameter.values, quantity.values, counted, strict=True)
        if counts and x is not None and y is not None and not isinstance(y, str)
    ]
    groups = _groups(parameter, [x for x, _ in rows])
    y = np.array([value for _, value in rows])
    levels = tuple(_level(place, label, y[which]) for place, label, which in groups)
    return Effect(levels, _share([y[which] for _, _, which in groups], y))


def _groups(parameter: Column, found: Sequence[float | str]) -> list[tuple[float, str, list[int]]]:
    """Place, label and cases of each level."""
    if not parameter.is_number:
        order = list(dict.fromkeys(value for value in parameter.values if value is not None))
        return [
            (float(rank), str(value), [i for i, x in enumerate(found) if x == value])
            for rank, value in enumerate(order)
            if value in found
        ]
    x = np.array([float(value) for value in found])
    levels = np.unique(x)
    if len(levels) <= MOST_LEVELS:
        return [(float(v), f"{v:.7g}", np.flatnonzero(x == v).tolist()) for v in levels]
    parts = np.array_split(np.argsort(x, kind="stable"), GROUPS)
    return [
        (float(x[part].mean()), f"{x[part[0]]:.4g} … {x[part[-1]]:.4g}", part.tolist())
        for part in parts
    ]


def _level(place: float, label: str, values: NDArray[np.float64]) -> Level:
    count = len(values)
    error = float(values.std(ddof=1)) / math.sqrt(count) if count > 1 else None
    return Level(place, label, float(values.mean()), error, count)


def _share(
    groups: "Sequence[NDArray[np.float64]]",
    y: NDArray[np.float64],
) -> float | None:
    """Variance between groups over all variance."""
    if all(len(group) < 2 for group in groups) or not (total := float(((y - y.mean()) ** 2).sum())):
        return None
    between = sum(len(group) * (float(group.mean()) - float(y.mean())) ** 2 for group in groups)
    return min(between / total, 1.0)
