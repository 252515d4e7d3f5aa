"""Fitting a compaction law to measured porosities. Loads and porosities have shape (n,)."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from microstructures.errors import ConvergenceError, InvalidInputError
from twin.manufacturing.compaction import CompactionLaw, Exponential, Heckel, PanelliFilho
from twin.manufacturing.loads import LineLoad, Load, Reals, Stress, checked_load

LAWS = (Exponential, Heckel, PanelliFilho)


@dataclass(frozen=True, slots=True)
class Fit:
    """A fitted law and how well it fits.

    ``standard_errors`` are those of the parameters (0 for those held fixed), from the scatter of
    the points about the curve. ``r_squared`` is that of the ordinate in which the law was fitted,
    ε or ln(1/ε): compare laws by ``porosity_rms``, the root of the mean squared miss in porosity.
    """

    law: CompactionLaw
    standard_errors: Mapping[str, float]
    r_squared: float
    porosity_rms: float
    points: int

    def to_dict(self) -> dict[str, Any]:
        """The fit as plain numbers and text."""
        return {
            "law": self.law.to_dict(),
            "standard_errors": dict(self.standard_errors),
            "r_squared": self.r_squared,
            "porosity_rms": self.porosity_rms,
            "points": self.points,
        }

    def __str__(self) -> str:
        numbers = ", ".join(
            f"{name} {value:.4g} ± {self.standard_errors[name]:.2g}"
            for name, value in self.law.parameters().items()
        )
        return (
            f"{type(self.law).__name__}: {numbers}; R² {self.r_squared:.3f}, misses "
            f"{self.porosity_rms:.3f} in porosity over {self.points} points"
        )


def fit(
    law: type[CompactionLaw],
    loads: Load,
    porosities: ArrayLike,
    *,
    fixed: Mapping[str, float] | None = None,
    **about: Any,
) -> Fit:
    """The law of a class that comes nearest to measured porosities, by least squares.

    Misses are squared in the ordinate of the law: ε for ``Exponential``, ln(1/ε) for ``Heckel``
    and ``PanelliFilho``, which are straight lines there. The range of the loads becomes ``valid``
    of the law. Leave out what a law does not describe, the first point for ``Heckel``.

    Args:
        law: ``Exponential``, ``Heckel`` or ``PanelliFilho``.
        loads: a ``Stress`` or ``LineLoad`` of n values; the fitted law takes the same kind.
        porosities: n values inside 0…1.
        fixed: parameters that are not fitted, by name: ``{"initial_porosity": 0.52}``.
        about: ``material``, ``source``, ``doi``, ``verified`` and ``note`` of the law.

    Raises:
        InvalidInputError: too few points, or points that no law of this class describes.
        ConvergenceError: the iteration found no minimum.

    Accuracy: standard errors are those of a linearised fit with equal, independent errors; a
        handful of points gives no better than a rough idea of them.
    """
    held = _checked_fixed(fixed or {}, law)
    pressure, porosity = _points(loads, porosities, len(law.PARAMETERS) - len(held))
    start = {name: v for name, v in _start(law, pressure, porosity).items() if name not in held}

    def curve(at: Reals, *free: float) -> Reals:
        numbers = held | dict(zip(start, free, strict=True))
        return law.curve(at, *(numbers[name] for name in law.PARAMETERS))

    y = law.ordinate(porosity)
    best, covariance = _least_squares(curve, pressure, y, list(start.values()))
    numbers = held | dict(zip(start, map(float, best), strict=True))
    fitted = _built(law, numbers, (float(pressure.min()), float(pressure.max())), loads, about)
    missed = y - curve(pressure, *best)
    missed_porosity = porosity - law.from_ordinate(curve(pressure, *best))
    errors = dict.fromkeys(held, 0.0) | dict(
        zip(start, map(float, np.sqrt(np.diag(covariance))), strict=True)
    )
    return Fit(
        fitted,
        {name: errors[name] for name in law.PARAMETERS},
        float(1 - missed @ missed / np.sum((y - y.mean()) ** 2)),
        float(np.sqrt(np.mean(missed_porosity**2))),
        len(y),
    )


def _least_squares(
    curve: Any, pressure: Reals, ordinate: Reals, start: list[float]
) -> tuple[Reals, Reals]:
    from scipy.optimize import OptimizeWarning, curve_fit

    with warnings.catch_warnings():
        warnings.simplefilter("error", OptimizeWarning)
        try:
            best, covariance = curve_fit(curve, pressure, ordinate, p0=start, xtol=1e-12)
        except (RuntimeError, OptimizeWarning) as error:
            raise ConvergenceError(
                f"the fit found no minimum ({error}): give more points, hold a parameter fixed, "
                "or choose a law with fewer"
            ) from None
    return best, covariance


def _start(law: type[CompactionLaw], pressure: Reals, porosity: Reals) -> dict[str, float]:
    """Parameters from which the fit begins; the straight lines need no good ones."""
    if law is Exponential:
        low, high = float(porosity.min()), float(porosity.max())
        numbers = (high, low - 0.2 * (high - low), float(np.ptp(pressure)) / 2)
    else:
        y = law.ordinate(porosity)
        reach = law.curve(pressure, 1.0, 0.0)
        numbers = (float(np.ptp(y) / np.ptp(reach)), float(y.min()), 0.0)
    return dict(zip(law.PARAMETERS, numbers, strict=False))


def _points(loads: Load, porosities: ArrayLike, free: int) -> tuple[Reals, Reals]:
    kind = LineLoad if isinstance(loads, LineLoad) else Stress
    pressure = np.atleast_1d(checked_load(loads, kind, "the fit"))
    porosity = np.atleast_1d(np.asarray(porosities, dtype=float))
    if pressure.ndim != 1 or pressure.shape != porosity.shape:
        raise InvalidInputError(
            f"loads have shape {pressure.shape} and porosities {porosity.shape}: give one "
            "porosity for each load"
        )
    if not np.all((porosity > 0) & (porosity < 1)):
        raise InvalidInputError(
            f"porosities run from {porosity.min():.4g} to {porosity.max():.4g}: give finite "
            "fractions inside 0…1"
        )
    _check_enough(pressure, porosity, free)
    return pressure, porosity


def _check_enough(pressure: Reals, porosity: Reals, free: int) -> None:
    if len(pressure) <= free or len(np.unique(pressure)) < max(free, 2):
        raise InvalidInputError(
            f"{len(pressure)} points at {len(np.unique(pressure))} different loads cannot "
            f"determine {free} parameters and their errors: give at least {free + 1} points"
        )
    if np.ptp(porosity) == 0:
        raise InvalidInputError(
            f"all porosities are {porosity[0]:.4g}: nothing was compacted, so there is no law"
        )


def _checked_fixed(fixed: Mapping[str, float], law: type[CompactionLaw]) -> dict[str, float]:
    if law not in LAWS:
        raise InvalidInputError(
            f"{law!r} is no law: give one of {[kind.__name__ for kind in LAWS]}"
        )
    unknown = set(fixed) - set(law.PARAMETERS)
    if unknown or len(fixed) == len(law.PARAMETERS):
        raise InvalidInputError(
            f"fixed names {sorted(fixed)}, but {law.__name__} has {law.PARAMETERS}: hold some of "
            "these, and leave at least one free"
        )
    return {name: float(value) for name, value in fixed.items()}


def _built(
    law: type[CompactionLaw],
    numbers: Mapping[str, float],
    valid: tuple[float, float],
    loads: Load,
    about: Mapping[str, Any],
) -> CompactionLaw:
    try:
        return law(**{**numbers, **about, "valid": valid, "takes": type(loads)})
    except InvalidInputError as error:
        raise InvalidInputError(
            f"the points are not those of such a law, whose best fit is impossible: {error}; or "
            "choose another law, or more points at high load"
        ) from None
