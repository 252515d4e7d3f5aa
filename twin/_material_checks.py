"""What a material must fulfil: ranges of its numbers, and which of them go together."""

from typing import TYPE_CHECKING, Any

from microstructures.errors import InvalidInputError
from twin._formula import capacity, molar_mass
from twin._quantities import BY_USER, NEEDS, QUANTITIES, TOGETHER, UNITS
from twin._value import Value
from twin.open_circuit import OpenCircuitPotential
from twin.swelling import SwellingTable

if TYPE_CHECKING:
    from twin.materials import Material

ROUNDED = 1.001  # a theoretical capacity that was rounded up


def check(made: "Material") -> None:
    """Raises InvalidInputError if the numbers of a material contradict each other."""
    if made.relative_ionic_conductivity is not None:
        _check_nanoporous(made)
    _check_groups(made)
    _check_cubic(made)
    _check_tables(made)
    _check_capacity(made)


def as_value(number: Value | float | None, quantity: str, name: str) -> Value | None:
    if number is None:
        return None
    if not isinstance(number, Value):
        number = Value(_as_float(number, quantity, name), UNITS[quantity], BY_USER, verified=True)
    if number.unit != UNITS[quantity]:
        raise InvalidInputError(
            f"{quantity} of {name} has the unit {number.unit!r}: convert it to {UNITS[quantity]}"
        )
    if not QUANTITIES[quantity].admits(_as_float(number.value, quantity, name)):
        raise InvalidInputError(
            f"{quantity} of {name} is {number.value!r}: give a finite number "
            f"{QUANTITIES[quantity].range()}"
        )
    return number


def _as_float(number: Any, quantity: str, name: str) -> float:
    try:
        return float(number)
    except (TypeError, ValueError):
        raise InvalidInputError(
            f"{quantity} of {name} is {number!r}: give a number in {UNITS[quantity]} or a Value"
        ) from None


def _check_nanoporous(made: "Material") -> None:
    if made.ionic_conductivity is not None:
        raise InvalidInputError(
            f"{made.name} has both ionic_conductivity and relative_ionic_conductivity: give the "
            "first for an electrolyte, the second for a nanoporous phase filled with one"
        )
    if made.nanoporosity is None:
        raise InvalidInputError(
            f"{made.name} conducts ions in nanopores, but has no nanoporosity: give it, since the "
            "porosity in the tortuosity factor counts it"
        )


def _check_groups(made: "Material") -> None:
    given = made.values()
    groups = [*TOGETHER, *((number, needed) for number, needed in NEEDS.items() if number in given)]
    for group in groups:
        missing = [quantity for quantity in group if quantity not in given]
        if missing and len(missing) < len(group):
            there = " and ".join(quantity for quantity in group if quantity in given)
            raise InvalidInputError(
                f"{made.name} has {there}, but no {' and no '.join(missing)}: one means nothing "
                "without the other, so give all or none"
            )


def _check_cubic(made: "Material") -> None:
    if made.cubic_c11 is None or made.cubic_c12 is None:
        return
    c11, c12 = made.cubic_c11.value, made.cubic_c12.value
    if not -c11 / 2 < c12 < c11:
        raise InvalidInputError(
            f"cubic_c12 of {made.name} is {c12:g} Pa for a cubic_c11 of {c11:g} Pa: a crystal is "
            f"stable for cubic_c12 inside {-c11 / 2:g}…{c11:g} only"
        )


def _check_tables(made: "Material") -> None:
    if not isinstance(made.swelling, SwellingTable | None):
        raise InvalidInputError(
            f"swelling of {made.name} is {made.swelling!r}: give a twin.swelling.SwellingTable"
        )
    if not isinstance(made.open_circuit, OpenCircuitPotential | None):
        raise InvalidInputError(
            f"open_circuit of {made.name} is {made.open_circuit!r}: give a "
            "twin.open_circuit.OpenCircuitPotential"
        )


def _check_capacity(made: "Material") -> None:
    if made.formula:
        molar_mass(made.formula)
    elif made.lithium_sites is not None:
        raise InvalidInputError(
            f"{made.name} has lithium_sites, but no formula: they count lithium per formula unit"
        )
    if made.specific_capacity is None or made.lithium_sites is None:
        return
    most = capacity(made.formula, made.lithium_sites.value)
    if made.specific_capacity.value > ROUNDED * most:
        raise InvalidInputError(
            f"specific_capacity of {made.name} is {made.specific_capacity.value:g} Ah/kg, but "
            f"{made.formula} with {made.lithium_sites.value:g} Li holds {most:.4g} Ah/kg: give "
            "that of the active material itself in Ah/kg, which is mAh/g, or correct the formula"
        )
