"""Material: what a phase is made of, with a source for every number. SI units."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Literal, TypeAlias, get_args

from microstructures import Volume
from microstructures.errors import InvalidInputError, UnknownPhaseError
from microstructures.phases import Phase

Role: TypeAlias = Literal["electrolyte", "active", "binder", "other"]
BY_USER = "given by the user"


@dataclass(frozen=True, slots=True)
class Value:
    """A number with its unit and its source.

    ``verified`` is True only if the number was read at the source named; anything else is printed
    as unverified. ``conditions`` are those of the measurement.
    """

    value: float
    unit: str
    source: str
    doi: str = ""
    verified: bool = False
    conditions: str = ""
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The number and its source as plain numbers and text."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def __str__(self) -> str:
        unit = "" if self.unit == "1" else f" {self.unit}"
        at = f" at {self.conditions}" if self.conditions else ""
        doubt = "" if self.verified else " (unverified)"
        return f"{self.value:g}{unit}{at}{doubt}"


@dataclass(frozen=True, slots=True)
class Material:
    """What a phase is made of. Numbers that are None do not apply, or are 0.

    Args:
        name: of the material.
        role: "electrolyte", "active", "binder" or "other".
        description: in a few words.
        ionic_conductivity: bulk, ≥ 0 in S/m.
        relative_ionic_conductivity: of a nanoporous phase, in units of the conductivity of the
            electrolyte that fills it, 0…1.
        nanoporosity: electrolyte held by a nanoporous phase per volume of the phase, 0…1.
        electronic_conductivity: bulk, ≥ 0 in S/m.
        concentration: of the salt, mol/m³.

    Each number is a ``Value``; a bare number counts as given by the user.

    Raises:
        InvalidInputError: a number is out of range, or an ion conductor is described in two ways.
    """

    name: str
    role: Role = "other"
    description: str = ""
    ionic_conductivity: Value | None = None
    relative_ionic_conductivity: Value | None = None
    nanoporosity: Value | None = None
    electronic_conductivity: Value | None = None
    concentration: Value | None = None

    def __post_init__(self) -> None:
        if self.role not in get_args(Role):
            raise InvalidInputError(
                f"role {self.role!r} of {self.name} is unknown: choose one of {get_args(Role)}"
            )
        for quantity in UNITS:
            number = _as_value(getattr(self, quantity), quantity, self.name)
            object.__setattr__(self, quantity, number)
        if self.relative_ionic_conductivity is not None:
            _check_nanoporous(self)

    def values(self) -> dict[str, Value]:
        """The numbers that are given, by quantity."""
        numbers = {quantity: getattr(self, quantity) for quantity in UNITS}
        return {quantity: number for quantity, number in numbers.items() if number is not None}

    def unverified(self) -> tuple[str, ...]:
        """Quantities whose number was not read at its source."""
        return tuple(quantity for quantity, v in self.values().items() if not v.verified)

    def to_dict(self) -> dict[str, Any]:
        """The material as plain numbers and text, every number with its source."""
        numbers = {quantity: number.to_dict() for quantity, number in self.values().items()}
        about = {"name": self.name, "role": self.role, "description": self.description}
        return about | {"values": numbers}

    def __str__(self) -> str:
        lines = (f"  {quantity.replace('_', ' ')}: {v}" for quantity, v in self.values().items())
        return "\n".join((f"{self.name}: {self.description}", *lines))


UNITS: Mapping[str, str] = {
    "ionic_conductivity": "S/m",
    "relative_ionic_conductivity": "1",
    "nanoporosity": "1",
    "electronic_conductivity": "S/m",
    "concentration": "mol/m³",
}
SHARES = ("relative_ionic_conductivity", "nanoporosity")


@cache
def library() -> Mapping[str, Material]:
    """Materials that come with the project, by name."""
    from twin._library import read_library

    return read_library()


def material(name: str) -> Material:
    """A material of the library. Raises InvalidInputError, naming those there are."""
    known = library()
    if name not in known:
        raise InvalidInputError(
            f"material {name!r} is not in the library, which has {', '.join(known)}"
            f"{_did_you_mean(name, known)} or pass a twin.Material"
        )
    return known[name]


def materials_by_phase(
    volume: Volume, materials: Mapping[Phase, str | Material]
) -> dict[str, Material]:
    """The material of every phase of a volume, by phase name.

    Raises:
        UnknownPhaseError: a key names no phase of the volume.
        InvalidInputError: a phase has no material or two, or a material is unknown.
    """
    if not isinstance(materials, Mapping):
        raise InvalidInputError(
            f"materials {materials!r} is no mapping: write {{'pore': 'LP30', 'NMC': 'NMC532'}}"
        )
    table: dict[str, Material] = {}
    for phase, made_of in materials.items():
        name = _phase_name(volume, phase, made_of)
        if name in table:
            raise InvalidInputError(f"phase {name!r} is given two materials: remove one")
        table[name] = made_of if isinstance(made_of, Material) else material(made_of)
    missing = [name for name in volume.phases.values() if name not in table]
    if missing:
        raise InvalidInputError(
            f"materials names only {list(table)}, but the volume also has {missing}: "
            "give every phase a material, or none at all for relative transport only"
        )
    return {name: table[name] for name in volume.phases.values()}


def _phase_name(volume: Volume, phase: Phase, made_of: object) -> str:
    try:
        name = volume.phase_name(phase)
    except UnknownPhaseError as error:
        raise UnknownPhaseError(f"materials: {error}") from None
    if not isinstance(made_of, str | Material):
        raise InvalidInputError(
            f"the material of {name!r} is {made_of!r}: give a name of the library "
            f"({', '.join(library())}) or a twin.Material"
        )
    return name


def _as_value(number: Value | float | None, quantity: str, name: str) -> Value | None:
    if number is None:
        return None
    if not isinstance(number, Value):
        number = Value(_as_float(number, quantity, name), UNITS[quantity], BY_USER, verified=True)
    if number.unit != UNITS[quantity]:
        raise InvalidInputError(
            f"{quantity} of {name} has the unit {number.unit!r}: convert it to {UNITS[quantity]}"
        )
    upper = 1.0 if quantity in SHARES else float("inf")
    if not (0.0 <= _as_float(number.value, quantity, name) <= upper) or number.value == upper > 1:
        raise InvalidInputError(
            f"{quantity} of {name} is {number.value!r}: give a finite number in 0…{upper:g}"
        )
    return number


def _as_float(number: Any, quantity: str, name: str) -> float:
    try:
        return float(number)
    except (TypeError, ValueError):
        raise InvalidInputError(
            f"{quantity} of {name} is {number!r}: give a number in {UNITS[quantity]} or a Value"
        ) from None


def _check_nanoporous(made: Material) -> None:
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


def _did_you_mean(name: str, known: Mapping[str, Material]) -> str:
    lowered = {key.lower(): key for key in known}
    close = difflib.get_close_matches(str(name).lower(), lowered, n=1, cutoff=0.4)
    return f"; did you mean {lowered[close[0]]!r}? Use it," if close else ": use one of them,"
