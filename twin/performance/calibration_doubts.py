"""What to know before using calibrated numbers: what is not determined, and whether they fit."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from twin.performance.calibration_data import Values
from twin.performance.calibration_fit import INVOLVED, Fit

Minimum: TypeAlias = tuple[dict[str, float], float]  # values by name, and χ²
DIFFERENT = 3.0  # standard errors between two minima that are not the same
SAME = 3.84  # of χ²: minima that an interval of 95 % cannot tell apart
UNLIKELY = 1e-3  # probability of so large a χ², below which model or errors are wrong


def doubts(fit: Fit, minima: Sequence[Minimum]) -> list[str]:
    """One sentence for each, worst first."""
    names = [unknown.name for unknown in fit.problem.unknowns]
    values = fit.problem.values(fit.point)
    errors, two = fit.errors(), ambiguous(fit, minima)
    return [
        *(_together(names, way) for way in fit.analysis()[1].T),
        *(_at_bound(names[i], values[names[i]]) for i in np.flatnonzero(fit.at_bound)),
        *(_weak(names[i], errors[i]) for i in np.flatnonzero(fit.weak())),
        *(_several(names[i]) for i in np.flatnonzero(two)),
        *_misfit(fit),
    ]


def ambiguous(fit: Fit, minima: Sequence[Minimum]) -> NDArray[np.bool_]:
    """Unknowns of which another start found a different value, with a χ² as good. Shape (p,)."""
    unknowns = fit.problem.unknowns
    found = np.zeros(len(unknowns), bool)
    for values, chi2 in minima:
        if chi2 - fit.chi2 < SAME * fit.scale**2:
            other = np.array([unknown.coordinate(values[unknown.name]) for unknown in unknowns])
            noticed = np.maximum(DIFFERENT * fit.errors(), 10 * fit.problem.step)
            found |= np.abs(other - fit.point) > noticed
    return found


def _together(names: Sequence[str], way: Values) -> str:
    involved = [name for name, part in zip(names, way, strict=True) if abs(part) > INVOLVED]
    if len(involved) == 1:
        return f"the data do not change with {involved[0]}: they do not determine it"
    return (
        f"the data do not determine {', '.join(involved)} one by one, only a combination: a change "
        "of one is undone by the others; give one as known or with a prior, or measure something "
        "else"
    )


def _at_bound(name: str, value: float) -> str:
    return (
        f"{name} ended at a bound, {value:.4g}: its interval is open, and those of the others hold "
        "with it held there; widen the bounds, or give it as known"
    )


def _weak(name: str, error: float) -> str:
    return (
        f"the data say next to nothing about {name}: its standard error is {error:.2g} e-folds "
        "(or sizes of its start); measure something else, give a prior, or give it as known"
    )


def _several(name: str) -> str:
    return (
        f"starts ended in different values of {name} that describe the data as well (see minima): "
        "set bounds, or measure something else"
    )


def _misfit(fit: Fit) -> list[str]:
    from scipy import stats

    freedom = fit.degrees_of_freedom
    if not fit.has_errors or freedom < 1 or stats.chi2.sf(fit.chi2, freedom) > UNLIKELY:
        return []
    return [
        f"χ² is {fit.chi2 / freedom:.3g} per degree of freedom: the model lacks something, or the "
        "errors are larger than given; intervals mean nothing before that is settled"
    ]
