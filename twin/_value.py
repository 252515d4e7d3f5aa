"""Value: a number of a material with its unit, its source and its change with temperature."""

import math
import warnings
from dataclasses import dataclass, fields, replace
from typing import Any

from microstructures.errors import InvalidInputError
from twin.temperature import Arrhenius, TemperatureWarning, checked

UNCHANGED = "Not corrected for temperature: no activation energy."


@dataclass(frozen=True, slots=True)
class Value:
    """A number with its unit and its source.

    ``verified`` is True only if the number was read at the source named; anything else is printed
    as unverified. ``conditions`` are those of the measurement. ``uncertainty`` is the absolute
    standard uncertainty in the same unit, None if nobody gave one. ``temperature`` is the law by
    which the number changes with temperature, None if none was published.
    """

    value: float
    unit: str
    source: str
    doi: str = ""
    verified: bool = False
    conditions: str = ""
    note: str = ""
    uncertainty: float | None = None
    temperature: Arrhenius | None = None

    def __post_init__(self) -> None:
        given = self.uncertainty
        if given is not None and not (_is_number(given) and 0 <= given < math.inf):
            raise InvalidInputError(
                f"uncertainty is {given!r}: give a standard uncertainty ≥ 0 in {self.unit}, the "
                "unit of the number, or None"
            )
        if not isinstance(self.temperature, Arrhenius | None):
            raise InvalidInputError(
                f"temperature is {self.temperature!r}: give a twin.temperature.Arrhenius"
            )

    def at(self, temperature: float, *, extrapolate: bool = False) -> "Value":
        """The number at a temperature in K; itself, with a note, if it has no law.

        The uncertainty stays the same fraction of the number. The result is verified only if both
        the number and its activation energy are.

        Args:
            temperature: K.
            extrapolate: go beyond the temperatures at which the law was seen to hold, with a
                warning.

        Raises:
            InvalidInputError: a temperature outside that range, or none at all.

        Warns:
            TemperatureWarning: one outside it that was asked for.
        """
        kelvin, law = checked(temperature), self.temperature
        if law is None:
            return self if UNCHANGED in self.note else replace(self, note=_with(self.note))
        if not law.covers(kelvin):
            _beyond(law, kelvin, extrapolate)
        factor = law.factor(kelvin)
        return replace(
            self,
            value=self.value * factor,
            uncertainty=None if self.uncertainty is None else self.uncertainty * factor,
            verified=self.verified and law.verified,
            conditions=_at(self.conditions, kelvin, law.reference),
            temperature=law.moved(kelvin),
        )

    def to_dict(self) -> dict[str, Any]:
        """The number and its source as plain numbers and text."""
        law = None if self.temperature is None else self.temperature.to_dict()
        plain = {field.name: getattr(self, field.name) for field in fields(self)}
        return plain | {"temperature": law}

    def __str__(self) -> str:
        unit = "" if self.unit == "1" else f" {self.unit}"
        spread = "" if self.uncertainty is None else f" ± {self.uncertainty:g}"
        where = f", {self.conditions}" if self.conditions else ""
        doubt = "" if self.verified else " (unverified)"
        law = "" if self.temperature is None else f"; {self.temperature}"
        return f"{self.value:g}{spread}{unit}{where}{doubt}{law}"


def _is_number(given: object) -> bool:
    return isinstance(given, int | float) and not isinstance(given, bool)


def _with(note: str) -> str:
    return f"{note.rstrip('.')}. {UNCHANGED}" if note else UNCHANGED


def _at(conditions: str, kelvin: float, reference: float) -> str:
    moved = f"moved from {reference:g} to {kelvin:g} K"
    return f"{conditions}; {moved}" if conditions else moved


def _beyond(law: Arrhenius, kelvin: float, allowed: bool) -> None:
    said = (
        f"the temperature {kelvin:g} K is outside {law.lower:g}…{law.upper:g} K, where the "
        "activation energy was measured"
    )
    if not allowed:
        raise InvalidInputError(
            f"{said}: stay inside, or pass extrapolate=True to go on with a warning"
        )
    warnings.warn(f"{said}: the number is a guess", TemperatureWarning, stacklevel=4)
