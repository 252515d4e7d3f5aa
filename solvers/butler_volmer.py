"""Charge transfer at an interface: linear, or by the equation of Butler and Volmer.

``drop`` is the potential of the ion conductor minus that of the electron conductor, in V, at the
centres of the two voxels of a face; ``series`` the resistance of their two halves, in Ω m². The
current density, in A/m², is counted from the ion conductor to the electron conductor.
"""

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import constants

from microstructures.errors import InvalidInputError

Field = NDArray[np.float64]

MOST_STEPS = 100
SERIES = 0.05  # argument below which exp(x) - 1 - x is summed as a series
DIGITS = 4e-16


@dataclass(frozen=True, slots=True)
class Transfer:
    """What faces do at a given drop.

    ``current`` in A/m²; ``slope`` its derivative by the drop in S/m²; ``overpotential`` the part of
    the drop that is left for the charge transfer, in V; ``energy`` the integral of the current
    over the drop in W/m², a convex function of it.
    """

    current: Field
    slope: Field
    overpotential: Field
    energy: Field


class Kinetics(Protocol):
    """A law of charge transfer."""

    @property
    def conductance(self) -> float:
        """Current density per overpotential while both are small, in S/m²."""

    def secant(self, current: float) -> float:
        """Roughly the current density per overpotential at a current density, in S/m²."""

    def through(self, drop: Field, series: Field) -> Transfer:
        """Current through faces whose two halves resist in series."""


@dataclass(frozen=True, slots=True)
class Linear:
    """Current density = conductance × overpotential; conductance > 0 in S/m²."""

    conductance: float

    def __post_init__(self) -> None:
        _positive(self.conductance, "the exchange conductance", "S/m²")

    def secant(self, current: float) -> float:
        """The conductance, whatever the current."""
        return self.conductance

    def through(self, drop: Field, series: Field) -> Transfer:
        """Ohm's law for both halves and the charge transfer in series."""
        slope = 1.0 / (series + 1.0 / self.conductance)
        current = slope * drop
        return Transfer(current, slope, current / self.conductance, 0.5 * current * drop)


@dataclass(frozen=True, slots=True)
class ButlerVolmer:
    """Charge transfer i = i₀ [exp(α f η) - exp(-(1-α) f η)], f = F/RT, at an interface.

    i > 0 is anodic, from the electrode into the electrolyte, and η the potential of the electrode
    minus that of the electrolyte and minus the equilibrium potential.

    Args:
        exchange_current_density: i₀ > 0 in A/m² of interface.
        transfer_coefficient: α of the anodic direction, between 0 and 1.
        temperature: in K.

    Raises:
        InvalidInputError: a value is out of range.
    """

    exchange_current_density: float
    transfer_coefficient: float = 0.5
    temperature: float = 298.15

    def __post_init__(self) -> None:
        _positive(self.exchange_current_density, "the exchange current density", "A/m²")
        _positive(self.temperature, "the temperature", "K")
        _positive(self.transfer_coefficient, "the transfer coefficient", "no unit, below 1")
        if not self.transfer_coefficient < 1.0:
            raise InvalidInputError(
                f"the transfer coefficient is {self.transfer_coefficient!r}: give the anodic one, "
                "between 0 and 1"
            )

    @property
    def conductance(self) -> float:
        """i₀ f in S/m², the slope at rest."""
        return self.exchange_current_density * sum(self._rates)

    @property
    def _rates(self) -> tuple[float, float]:
        """Exponents per volt of the current from the ion to the electron conductor, and back."""
        f = constants.e / (constants.k * self.temperature)  # = F/RT
        return (1.0 - self.transfer_coefficient) * f, self.transfer_coefficient * f

    def secant(self, current: float) -> float:
        """Roughly the current density per overpotential at a current density, in S/m²."""
        rate = self._rates[current < 0.0]
        # right for small currents if α = 1/2, and for large ones
        eta = math.asinh(0.5 * abs(current) / self.exchange_current_density) / rate
        return abs(current) / eta if eta else self.conductance

    def through(self, drop: Field, series: Field) -> Transfer:
        """Current through faces: η + series × current = drop is solved for η at each of them."""
        ahead, back = self._rates
        eta = self._overpotential(drop, series)
        current = self._current(eta)
        rise = self.exchange_current_density * (
            ahead * np.exp(ahead * eta) + back * np.exp(-back * eta)
        )
        stored = _excess(ahead * eta) / ahead + _excess(-back * eta) / back
        return Transfer(
            current=current,
            slope=rise / (1.0 + series * rise),
            overpotential=eta,
            energy=0.5 * series * current**2 + self.exchange_current_density * stored,
        )

    def _current(self, eta: Field) -> Field:
        ahead, back = self._rates
        wave: Field = np.expm1(ahead * eta) - np.expm1(-back * eta)
        return self.exchange_current_density * wave

    def _overpotential(self, drop: Field, series: Field) -> Field:
        """Root of η + series × current(η) = drop, by Newton steps kept in a bracket."""
        scale = series * self.exchange_current_density
        ahead, back = (np.where(drop >= 0.0, *pair) for pair in (self._rates, self._rates[::-1]))
        size = np.abs(drop)
        low, high = np.zeros_like(size), np.minimum(size, np.log1p(size / scale) / ahead)
        eta = high.copy()
        for _ in range(MOST_STEPS):
            grown, shrunk = np.expm1(ahead * eta), np.expm1(-back * eta)
            excess = eta + scale * (grown - shrunk) - size
            high, low = np.where(excess > 0.0, eta, high), np.where(excess > 0.0, low, eta)
            slope = 1.0 + scale * (ahead * (1.0 + grown) + back * (1.0 + shrunk))
            new = eta - excess / slope
            new = np.where((new < low) | (new > high), 0.5 * (low + high), new)
            moved, eta = np.abs(new - eta), new
            if (moved <= DIGITS * size).all():
                break
        return np.copysign(eta, drop)


def _excess(x: Field) -> Field:
    """exp(x) - 1 - x without cancellation."""
    small = np.where(np.abs(x) < SERIES, x, 0.0)
    # Horner's scheme for x²/2! + x³/3! + … + x⁹/9!
    series = np.ones_like(x)
    for k in range(9, 2, -1):
        series = 1.0 + small / k * series
    whole: Field = np.where(np.abs(x) < SERIES, 0.5 * small**2 * series, np.expm1(x) - x)
    return whole


def _positive(value: float, what: str, unit: str) -> None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not (np.isfinite(number) and number > 0.0):
        raise InvalidInputError(f"{what} is {value!r}: give a finite number > 0 ({unit})")
