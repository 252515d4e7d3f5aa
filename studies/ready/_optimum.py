"""Optimum: where the mean of several curves is highest, and where it might be."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import Polynomial
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError

ORDERS = (2, 3, 4)  # of polynomials: the one that best foretells points which it was not given
POINTS = 1001  # of the range that are looked at
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """What was found of one piece: ``y`` at ``x``, shape (n,).

    ``error`` is the standard error of y by the piece being one of many: what it adds at one x it
    adds at all of them.
    """

    x: Values
    y: Values
    error: Values


@dataclass(frozen=True, slots=True)
class Optimum:
    """The highest place of the mean curve.

    Args:
        place: x at which the mean of the curves is highest, of those that were tried.
        low: lower end of where it may be, at the confidence that was asked for.
        high: upper end.
        value: of the mean there.
        error: standard error of it.
        range: of x in which every curve has points.
        order: of the polynomials.
        is_checked: whether there were more points than coefficients.
        grid: x, shape (m,).
        mean: of the curves on the grid.
        mean_error: standard error of that.
    """

    place: float
    low: float
    high: float
    value: float
    error: float
    range: tuple[float, float]
    order: int
    is_checked: bool
    grid: Values
    mean: Values
    mean_error: Values

    @property
    def end(self) -> str:
        """At which end of the range the mean is best, "lowest" or "highest"; else empty."""
        if self.place <= self.range[0]:
            return "lowest"
        return "highest" if self.place >= self.range[1] else ""

    @property
    def open_ends(self) -> tuple[str, ...]:
        """Which of "lowest" and "highest" it may as well lie beyond."""
        ends = (("lowest", self.low <= self.range[0]), ("highest", self.high >= self.range[1]))
        return tuple(name for name, is_reached in ends if is_reached)


def highest(curves: Sequence[Curve], confidence: float = 0.95) -> Optimum:
    """Where the mean of curves is highest, and all places that cannot be told from that.

    A polynomial goes through each curve. The optimum may be wherever the mean of their slopes
    differs from zero by no more than its error allows: Student's t times the scatter of the slopes
    between pieces over √n, or the errors of the pieces themselves and of the fit if these are
    larger. Both tell of the same thing, how little a few pieces are; so they are not added.

    Args:
        curves: of several pieces, or one; three points each at least.
        confidence: of the ends, 0…1.

    Raises:
        InvalidInputError: too few points, curves without a common range, or a confidence that
            cannot be.

    Accuracy: with pieces whose slopes are spread normally, and curves that the polynomial can
        follow, the interval covers the optimum of the mean as often as ``confidence`` says, or
        more often. One piece without errors of its own knows only of what the fit leaves.
    """
    if not 0.0 < confidence < 1.0:
        raise InvalidInputError(f"confidence is {confidence!r}: give a share such as 0.95")
    used = [curve for curve in curves if len(np.unique(curve.x)) > ORDERS[0]]
    if not used:
        raise InvalidInputError(
            "no piece has three results or more: an optimum needs at least three levels, such as "
            "three porosities, better five"
        )
    low = max(float(curve.x.min()) for curve in used)
    high = min(float(curve.x.max()) for curve in used)
    if not low < high:
        raise InvalidInputError("the pieces have no range in common: give them the same levels")
    fits, grid = _Fits.of(used, (low, high)), np.linspace(low, high, POINTS)
    mean, error = fits.mean(grid, 0), fits.standard_error(grid, 0)
    best = int(np.argmax(mean))
    flat = np.abs(fits.mean(grid, 1)) <= fits.half_width(grid, 1, confidence)
    first, last = _around(flat, best)
    return Optimum(
        place=float(grid[best]),
        low=float(grid[first]),
        high=float(grid[last]),
        value=float(mean[best]),
        error=float(error[best]),
        range=(low, high),
        order=fits.order,
        is_checked=all(len(curve.x) > fits.order + 1 for curve in used),
        grid=grid,
        mean=mean,
        mean_error=error,
    )


def _around(flat: NDArray[np.bool_], best: int) -> tuple[int, int]:
    """First and last index of the run of true values around one, which is in it anyway."""
    first = last = best
    while first > 0 and flat[first - 1]:
        first -= 1
    while last < len(flat) - 1 and flat[last + 1]:
        last += 1
    return first, last


@dataclass(frozen=True, slots=True)
class _Fits:
    """A polynomial for each curve, and one for its errors."""

    curves: Sequence[Curve]
    order: int
    range: tuple[float, float]

    @classmethod
    def of(cls, curves: Sequence[Curve], span: tuple[float, float]) -> "_Fits":
        fewest = min(len(np.unique(curve.x)) for curve in curves)
        orders = [n for n in ORDERS if n <= max(ORDERS[0], fewest - 2)]
        made = [cls(curves, order, span) for order in orders]
        return min(made, key=lambda fits: fits._missed()) if len(made) > 1 else made[0]

    def mean(self, x: Values, slope: int) -> Values:
        """Of all curves, or of their slopes with ``slope`` = 1."""
        return np.mean(self._each(x, slope, [curve.y for curve in self.curves]), axis=0)

    def half_width(self, x: Values, slope: int, confidence: float) -> Values:
        """Within which of the mean the true one is."""
        from scipy.stats import norm, t

        count, left, level = len(self.curves), self._left(), (1 + confidence) / 2
        normal = float(norm.ppf(level))
        # what one fit leaves is known by few points; that of several adds to their scatter
        of_fit = float(t.ppf(level, left)) if count == 1 and left else normal
        half = np.hypot(normal * self._own(x, slope), of_fit * self._of_fit(x, slope))
        if count > 1:
            half = np.maximum(half, t.ppf(level, count - 1) * self._spread(x, slope))
        return np.asarray(half)

    def standard_error(self, x: Values, slope: int) -> Values:
        """Of the mean."""
        told = np.hypot(self._own(x, slope), self._of_fit(x, slope))
        return np.maximum(told, self._spread(x, slope)) if len(self.curves) > 1 else told

    def _spread(self, x: Values, slope: int) -> Values:
        """Standard error of the mean by the scatter between curves."""
        each = self._each(x, slope, [curve.y for curve in self.curves])
        spread: Values = np.std(each, axis=0, ddof=1) / math.sqrt(len(self.curves))
        return spread

    def _own(self, x: Values, slope: int) -> Values:
        """Standard error of the mean by the errors of the curves themselves."""
        each = self._each(x, slope, [curve.error for curve in self.curves])
        return np.asarray(np.sqrt(np.sum(each**2, axis=0)) / len(self.curves))

    def _of_fit(self, x: Values, slope: int) -> Values:
        """What all curves leave in common does not shrink with their number: it is the shape."""
        if not (left := self._left()):
            return np.zeros(len(x))
        leavings = [
            curve.y - self._basis(curve.x, 0) @ np.linalg.pinv(self._basis(curve.x, 0)) @ curve.y
            for curve in self.curves
        ]
        if len({len(one) for one in leavings}) == 1:
            variance = float(np.sum(np.mean(leavings, axis=0) ** 2)) / left
        else:
            variance = max(float(np.sum(one**2)) for one in leavings) / left
        shares = [self._basis(x, slope) @ np.linalg.pinv(self._basis(c.x, 0)) for c in self.curves]
        return np.sqrt(variance * np.mean([np.sum(one**2, axis=1) for one in shares], axis=0))

    def _left(self) -> int:
        """Points more than coefficients, of the curve with the fewest."""
        return max(0, min(len(curve.x) for curve in self.curves) - self.order - 1)

    def _missed(self) -> float:
        """Squared misses of each point by the fit to the others."""
        total = 0.0
        for curve in self.curves:
            hat = self._basis(curve.x, 0) @ np.linalg.pinv(self._basis(curve.x, 0))
            own = np.clip(1 - np.diag(hat), 1e-9, None)
            total += float(np.sum(((curve.y - hat @ curve.y) / own) ** 2))
        return total

    def _each(self, x: Values, slope: int, values: Sequence[Values]) -> Values:
        """Shape (curves, len(x))."""
        return np.array(
            [
                self._basis(x, slope) @ np.linalg.pinv(self._basis(curve.x, 0)) @ one
                for curve, one in zip(self.curves, values, strict=True)
            ]
        )

    def _basis(self, x: Values, slope: int) -> Values:
        """Powers of the place in the range, or their derivatives by x; shape (len(x), order+1)."""
        powers = [
            Polynomial.basis(n, domain=self.range, window=(-1, 1)) for n in range(self.order + 1)
        ]
        return np.stack([(p.deriv(slope) if slope else p)(x) for p in powers], axis=1)
