"""Percolation: at which fraction a network begins to span, from trials that do or do not.

A finite volume spans by chance: the share of volumes that do rises with the fraction along a
logistic curve, whose middle is the threshold and whose width is that of the volume's size.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microstructures.errors import InvalidInputError

Floats = NDArray[np.float64]
MIDDLES, WIDTHS = 401, 91  # of the grid on which the curves are weighed
FINEST = 100  # widths in a step of the fractions, of the narrowest curve


@dataclass(frozen=True, slots=True)
class Threshold:
    """Middle and width of the logistic curve, each with its standard error.

    Either is a mean over all curves, weighed by how likely they make the trials.
    """

    middle: float
    error: float
    width: float
    width_error: float
    trials: int


def threshold(fractions: ArrayLike, spans: ArrayLike) -> Threshold:
    """The fraction at which half of the volumes span.

    Args:
        fractions: of each trial, shape (n,).
        spans: whether it spans, shape (n,).

    Returns:
        Mean and standard deviation of the middle m and width w of 1 / (1 + exp(−(x − m)/w)), over
        all m between the lowest and the highest fraction and all ln w between a hundredth of the
        mean step and the whole range. Where no fraction has both outcomes, m is anywhere in the
        gap and w somewhere below it, which is what the errors then say.

    Raises:
        InvalidInputError: all trials span, or none, or spanning does not rise with the fraction:
            the threshold is not among the fractions.
    """
    x, y = np.asarray(fractions, dtype=float), np.asarray(spans, dtype=bool)
    _check(x, y)
    low, high = float(x.min()), float(x.max())
    steps = len(np.unique(x)) - 1
    middles = np.linspace(low, high, MIDDLES)
    widths = np.geomspace((high - low) / steps / FINEST, high - low, WIDTHS)
    weights = _likelihood(x, y, middles, widths)
    by_middle, by_width = weights.sum(axis=1), weights.sum(axis=0)
    middle, error = _moments(middles, by_middle)
    width, width_error = _moments(widths, by_width)
    return Threshold(middle, error, width, width_error, len(x))


def _likelihood(x: Floats, y: NDArray[np.bool_], middles: Floats, widths: Floats) -> Floats:
    """Of every middle and width, their sum made 1."""
    logs = np.zeros((len(middles), len(widths)))
    for fraction in np.unique(x):
        at = (fraction - middles[:, None]) / widths[None, :]
        yes = int(np.count_nonzero(y[x == fraction]))
        no = int(np.count_nonzero(x == fraction)) - yes
        logs -= yes * np.logaddexp(0.0, -at) + no * np.logaddexp(0.0, at)
    weights: Floats = np.exp(logs - logs.max())
    return weights / weights.sum()


def _moments(values: Floats, weights: Floats) -> tuple[float, float]:
    mean = float(values @ weights)
    return mean, math.sqrt(float((values - mean) ** 2 @ weights))


def _check(x: Floats, y: NDArray[np.bool_]) -> None:
    if x.shape != y.shape or x.ndim != 1 or not np.all(np.isfinite(x)):
        raise InvalidInputError(
            f"fractions have shape {x.shape} and outcomes {y.shape}: give one outcome for each "
            "finite fraction"
        )
    if y.all() or not y.any():
        word = "all" if len(y) and y.all() else "none"
        where = "below" if word == "all" else "above"
        edge = x.min() if word == "all" else x.max()
        at = f"{where} {edge:.3g}" if len(x) else "unknown"
        raise InvalidInputError(
            f"{word} of {len(y)} volumes span: the threshold is {at}, so try fractions there"
        )
    if x[y].mean() <= x[~y].mean():
        raise InvalidInputError(
            "volumes that span have no more of the phase than those that do not: the fractions do "
            "not decide, so there is no threshold"
        )
