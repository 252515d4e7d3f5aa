"""Temperature: how a number that was measured at one temperature changes with it. K and J/mol."""

import math
from dataclasses import dataclass, fields, replace
from typing import Any

from microstructures.errors import InvalidInputError

__all__ = ["GAS_CONSTANT", "Arrhenius", "TemperatureWarning"]

GAS_CONSTANT = 8.31446261815324  # J/(mol K), exact since 2019
ROUND_OFF = 1e-6  # K by which a temperature may miss the ends of a range


class TemperatureWarning(UserWarning):
    """A number was carried beyond the temperatures at which it was measured."""


@dataclass(frozen=True, slots=True)
class Arrhenius:
    """y(T) = y(T₀) exp(−E/R (1/T − 1/T₀)), or the same for y·T if ``over_temperature``.

    Args:
        activation_energy: E in J/mol, finite, of either sign.
        reference: T₀ in K, at which the number itself holds.
        lower: K, from which on the law was seen to hold, at most the reference.
        upper: K, up to which it was, at least the reference.
        over_temperature: the law is that of y·T, as in plots of σT against 1/T, so that
            y(T) = y(T₀) (T₀/T) exp(−E/R (1/T − 1/T₀)).
        source: where E and the range are from, not empty.
        doi: of the source.
        verified: whether E was read there.
        note: what else to know.

    Raises:
        InvalidInputError: a number is out of range, or the source is missing.
    """

    activation_energy: float
    reference: float
    lower: float
    upper: float
    over_temperature: bool = False
    source: str = "given by the user"
    doi: str = ""
    verified: bool = False
    note: str = ""

    def __post_init__(self) -> None:
        if not math.isfinite(self.activation_energy):
            raise InvalidInputError(
                f"activation_energy is {self.activation_energy!r}: give a finite number in J/mol"
            )
        if not 0 < self.lower <= self.reference <= self.upper < math.inf:
            raise InvalidInputError(
                f"the temperatures are lower {self.lower!r}, reference {self.reference!r} and "
                f"upper {self.upper!r} K: give three in this order, above 0 K, not in °C"
            )
        if not self.source:
            raise InvalidInputError(
                "source of the activation energy is empty: say where it is from"
            )

    def factor(self, temperature: float) -> float:
        """y(T) over y(T₀)."""
        inverse = 1 / temperature - 1 / self.reference
        exponential = math.exp(-self.activation_energy / GAS_CONSTANT * inverse)
        return exponential * self.reference / temperature if self.over_temperature else exponential

    def covers(self, temperature: float) -> bool:
        """Whether the law was seen to hold there."""
        return self.lower - ROUND_OFF <= temperature <= self.upper + ROUND_OFF

    def moved(self, temperature: float) -> "Arrhenius":
        """The same law for a number that holds at T; the range grows to include it."""
        low, high = min(self.lower, temperature), max(self.upper, temperature)
        return replace(self, reference=temperature, lower=low, upper=high)

    def to_dict(self) -> dict[str, Any]:
        """The law and its source as plain numbers and text."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __str__(self) -> str:
        of = " of its product with T" if self.over_temperature else ""
        doubt = "" if self.verified else " (unverified)"
        return (
            f"activation energy{of} {self.activation_energy / 1e3:g} kJ/mol, "
            f"{self.lower:g}…{self.upper:g} K{doubt}"
        )


def checked(temperature: float) -> float:
    """A temperature in K. Raises InvalidInputError."""
    try:
        kelvin = float(temperature)
    except (TypeError, ValueError):
        kelvin = math.nan
    if not 0 < kelvin < math.inf:
        raise InvalidInputError(
            f"temperature is {temperature!r}: give one in K above 0, 298.15 for 25 °C"
        )
    return kelvin
