"""Coating: what a characterized electrode weighs and holds, by the densities of its materials.

SI units and Ah; the coating is dry: the electrolyte in its pores counts nowhere.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from microstructures.errors import InvalidInputError

if TYPE_CHECKING:
    from twin import Material, PropertyCard

SIZES = ("thickness", "areal_capacity", "loading")
"""Keys of [cell] of which one says how thick the electrode is."""


@dataclass(frozen=True, slots=True)
class Coating:
    """An electrode per volume of it.

    ``density`` in kg/m³ is NaN where a solid has none, ``capacity`` in Ah/m³ where an active
    material has no density or no specific capacity; ``total_porosity`` counts nanopores.
    """

    density: float
    total_porosity: float
    capacity: float

    @classmethod
    def of_card(cls, card: "PropertyCard") -> "Coating | None":
        """The coating of a card; None without materials, of which it is made."""
        if card.materials is None:
            return None
        shares = {name: card.volume.fraction(name) for name in card.volume.phases.values()}
        made_of = {name: card.materials[name] for name, share in shares.items() if share > 0}
        solid = {name: shares[name] * _solid(made) for name, made in made_of.items()}
        active = [name for name, made in made_of.items() if made.role == "active"]
        held = math.fsum(solid[name] * _capacity(made_of[name]) for name in active)
        return cls(
            density=math.fsum(_mass(solid[name], made) for name, made in made_of.items()),
            total_porosity=1.0 - math.fsum(solid.values()),
            capacity=held if active else math.nan,
        )

    def thickness(self, cell: Mapping[str, Any]) -> float | None:
        """Thickness in m that a table [cell] asks for; None if that is the one of the volume.

        Raises:
            InvalidInputError: it is to follow from a number that the materials do not have.
        """
        for name, per_volume, lacking in (
            ("areal_capacity", self.capacity, "density and specific_capacity of active material"),
            ("loading", self.density, "a density of every solid"),
        ):
            if name in cell:
                if not per_volume > 0:
                    raise InvalidInputError(f"{name} needs {lacking}: give thickness instead")
                return float(cell[name]) / per_volume
        return cell.get("thickness")


def check_size(cell: Mapping[str, Any]) -> None:
    """Raises InvalidInputError if a table [cell] says twice how thick it is, or not in numbers."""
    given = [name for name in SIZES if name in cell]
    if len(given) > 1:
        raise InvalidInputError(
            f"{' and '.join(map(repr, given))} of [cell] both say how thick it is: keep one"
        )
    for name in given:
        value = cell[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise InvalidInputError(f"{name} of [cell] is {value!r}: give a number > 0 in SI units")


def _solid(made: "Material") -> float:
    """Solid per volume of a phase."""
    if made.role == "electrolyte" and made.salt_diffusivity is not None:  # a liquid
        return 0.0
    return 1.0 if made.nanoporosity is None else 1.0 - made.nanoporosity.value


def _mass(solid: float, made: "Material") -> float:
    """Mass of so much solid; NaN where its density is not known."""
    if solid == 0.0:
        return 0.0
    return math.nan if made.density is None else solid * made.density.value


def _capacity(made: "Material") -> float:
    """Ah/m³ of the solid."""
    if made.density is None or made.specific_capacity is None:
        return math.nan
    return made.density.value * made.specific_capacity.value
