"""Pareto front: rows of values that no other row betters in every objective, and their volume.

Values have shape (rows, objectives).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microstructures.errors import InvalidInputError

SIGNS = {"minimise": 1.0, "maximise": -1.0}


def costs(values: ArrayLike, directions: Sequence[str]) -> NDArray[np.float64]:
    """The values with the sign at which less is better.

    Args:
        values: shape (rows, objectives).
        directions: "minimise" or "maximise", one for each objective.

    Raises:
        InvalidInputError: another direction, or not as many as objectives.
    """
    rows = np.asarray(values, dtype=float)
    if rows.ndim != 2 or rows.shape[1] != len(directions) or not len(directions):
        raise InvalidInputError(
            f"values have shape {rows.shape}, and there are {len(directions)} directions: give a "
            "column for each"
        )
    if unknown := [word for word in directions if word not in SIGNS]:
        raise InvalidInputError(f"direction {unknown[0]!r}: write 'minimise' or 'maximise'")
    return rows * [SIGNS[word] for word in directions]


def front(values: ArrayLike, directions: Sequence[str]) -> NDArray[np.bool_]:
    """Whether each row is on the front: no other is as good in all objectives and better in one.

    Args:
        values: shape (rows, objectives). A row with a NaN or an infinity is never on the front and
            betters none; equal rows are on it together.
        directions: "minimise" or "maximise", one for each objective.

    Returns:
        Shape (rows,).

    Raises:
        InvalidInputError: another direction, or not as many as objectives.
    """
    rows = costs(values, directions)
    is_on = np.zeros(len(rows), dtype=bool)
    for index in np.lexsort(rows.T[::-1]):  # whatever betters a row comes before it
        row, best = rows[index], rows[is_on]
        is_bettered = (best <= row).all(axis=1) & (best < row).any(axis=1)
        is_on[index] = np.isfinite(row).all() and not is_bettered.any()
    return is_on


def hypervolume(points: ArrayLike, reference: ArrayLike) -> float:
    """Volume of what lies between the points and the reference: bettered by one, better than it.

    All objectives are minimised: give ``costs`` of values that are maximised. Its unit is the
    product of theirs. Exact; takes of the order of n^(m-1) steps for n points in m objectives.

    Args:
        points: shape (rows, objectives); those that are not better than the reference in every
            objective add nothing.
        reference: shape (objectives,), finite.

    Raises:
        InvalidInputError: other shapes, or a reference that is not finite.

    Method: slices between the values of one objective after the other.
    """
    rows, corner = np.asarray(points, dtype=float), np.asarray(reference, dtype=float)
    if rows.ndim != 2 or corner.shape != rows.shape[1:] or not corner.size:
        raise InvalidInputError(
            f"points have shape {rows.shape} and the reference {corner.shape}: give it one number "
            "for each objective"
        )
    if not np.isfinite(corner).all():
        raise InvalidInputError(f"the reference is {corner.tolist()}: give finite numbers")
    inside = rows[np.isfinite(rows).all(axis=1) & (rows < corner).all(axis=1)]
    return _volume(inside, corner)


def _volume(points: NDArray[np.float64], corner: NDArray[np.float64]) -> float:
    """The same of points that are all inside."""
    points = points[np.argsort(points[:, 0], kind="stable")]
    widths = np.diff(points[:, 0], append=corner[0])
    if len(corner) == 1 or not len(points):
        return float(widths.sum()) if len(points) else 0.0
    if len(corner) == 2:
        return float(widths @ (corner[1] - np.minimum.accumulate(points[:, 1])))
    return sum(
        float(width) * _volume(points[:count, 1:], corner[1:])
        for count, width in enumerate(widths, start=1)
        if width > 0
    )
