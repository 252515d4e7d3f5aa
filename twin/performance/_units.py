"""Units of electrodes: lengths and temperatures that only another unit can explain are refused."""

from dataclasses import dataclass
from typing import Any

from microstructures.errors import InvalidInputError
from twin.manufacturing.composition import positive

HOT = 473.0  # K, below which no solid-oxide electrode works


@dataclass(frozen=True, slots=True)
class Length:
    """Between which lengths in m something of a cell lies, and how one of them is written."""

    least: float
    most: float
    write: str

    def __call__(self, value: Any, name: str) -> float:
        """The number. Raises InvalidInputError if it is none, or outside."""
        metres = positive(value, name)
        if not self.least <= metres <= self.most:
            raise InvalidInputError(
                f"{name} is {metres:.4g}: give it in metres, {self.write}; it is between "
                f"{self.least:g} and {self.most:g} m"
            )
        return metres


THICKNESS = Length(1e-7, 1e-2, "70e-6 for 70 µm")
RADIUS = Length(1e-9, 1e-3, "5e-6 for 5 µm")


def hot(value: Any) -> float:
    """A temperature of a solid-oxide electrode in K. Raises InvalidInputError."""
    kelvin = positive(value, "temperature")
    if kelvin < HOT:
        raise InvalidInputError(
            f"temperature is {value!r}: give kelvin, 1073.15 for 800 °C; below {HOT:g} K no "
            "solid oxide conducts"
        )
    return kelvin
