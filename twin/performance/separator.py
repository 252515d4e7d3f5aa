"""Separator: what a cell model asks of the layer between the electrodes. SI units."""

from dataclasses import dataclass, fields

from microstructures.errors import InvalidInputError
from twin.manufacturing.composition import positive
from twin.performance._units import THICKNESS


@dataclass(frozen=True, slots=True)
class Separator:
    """The layer between the electrodes; one of solid electrolyte has porosity 1 and N_M 1.

    Args:
        thickness: 1e-7…1e-2 m.
        porosity: electrolyte per volume, > 0 and at most 1.
        macmullin: N_M = κ/κ_eff, at least 1/porosity.

    Raises:
        InvalidInputError: a number is out of range.
    """

    thickness: float
    porosity: float
    macmullin: float

    def __post_init__(self) -> None:
        for field in fields(self):
            positive(getattr(self, field.name), field.name)
        THICKNESS(self.thickness, "thickness of the separator")
        if self.porosity > 1.0 or self.macmullin * self.porosity < 1.0 - 1e-6:
            raise InvalidInputError(
                f"porosity {self.porosity:.4g} and macmullin {self.macmullin:.4g}: the first is at "
                "most 1, and their product, a tortuosity factor, at least 1"
            )
