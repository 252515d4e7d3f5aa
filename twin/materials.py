"""Material: what a phase is made of, with a source for every number. SI units."""

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, Literal, TypeAlias, get_args

from microstructures import Volume
from microstructures.errors import InvalidInputError, UnknownPhaseError
from microstructures.phases import Phase
from twin._quantities import BY_USER, NEEDS, QUANTITIES, TOGETHER, UNITS
from twin._quantities import MECHANICS as MECHANICS
from twin._quantities import TRANSPORT as TRANSPORT
from twin.swelling import SwellingTable

Role: TypeAlias = Literal["electrolyte", "active", "binder", "other"]


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
        where = f", {self.conditions}" if self.conditions else ""
        doubt = "" if self.verified else " (unverified)"
        return f"{self.value:g}{unit}{where}{doubt}"


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
        youngs_modulus: > 0 in Pa, always with ``poisson_ratio``. Without them the material
            carries no load: a liquid, or a pore.
        poisson_ratio: inside -1…0.5.
        cubic_c11: stiffness of a cubic single crystal in Pa, all three or none.
        cubic_c12: see ``cubic_c11``.
        cubic_c44: see ``cubic_c11``.
        tensile_strength: > 0 in Pa; with ``weibull_modulus`` the strength exceeded by 37 %.
        weibull_modulus: > 0, of the scatter of the tensile strength.
        fracture_toughness: K_IC > 0 in Pa m^0.5.
        yield_stress: > 0 in Pa, of von Mises.
        hardening_modulus: ≥ 0 in Pa, rise of the yield stress with plastic strain.
        creep_rate: strain rate > 0 in 1/s under the uniaxial ``creep_stress``; under another
            stress σ it is creep_rate (σ / creep_stress)^creep_exponent.
        creep_stress: > 0 in Pa.
        creep_exponent: ≥ 1.
        partial_molar_volume: of lithium, m³/mol, negative if lithium shrinks the material.
        maximum_concentration: of lithium, > 0 in mol/m³.
        solid_diffusivity: of lithium, ≥ 0 in m²/s.
        swelling: strain against lithium content; None for a material that does not swell.

    Each number is a ``Value``; a bare number counts as given by the user.

    Raises:
        InvalidInputError: a number is out of range, lacks another without which it means nothing,
            or an ion conductor is described in two ways.
    """

    name: str
    role: Role = "other"
    description: str = ""
    ionic_conductivity: Value | None = None
    relative_ionic_conductivity: Value | None = None
    nanoporosity: Value | None = None
    electronic_conductivity: Value | None = None
    concentration: Value | None = None
    youngs_modulus: Value | None = None
    poisson_ratio: Value | None = None
    cubic_c11: Value | None = None
    cubic_c12: Value | None = None
    cubic_c44: Value | None = None
    tensile_strength: Value | None = None
    weibull_modulus: Value | None = None
    fracture_toughness: Value | None = None
    yield_stress: Value | None = None
    hardening_modulus: Value | None = None
    creep_rate: Value | None = None
    creep_stress: Value | None = None
    creep_exponent: Value | None = None
    partial_molar_volume: Value | None = None
    maximum_concentration: Value | None = None
    solid_diffusivity: Value | None = None
    swelling: SwellingTable | None = None

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
        _check_groups(self)
        _check_cubic(self)
        if not isinstance(self.swelling, SwellingTable | None):
            raise InvalidInputError(
                f"swelling of {self.name} is {self.swelling!r}: give a twin.swelling.SwellingTable"
            )

    @property
    def bears_load(self) -> bool:
        """Whether elastic constants are given; a material without them is a void to mechanics."""
        return self.youngs_modulus is not None or self.cubic_c11 is not None

    def values(self, of: Collection[str] = UNITS) -> dict[str, Value]:
        """The numbers that are given, by quantity; ``of`` limits them to some quantities."""
        numbers = {quantity: getattr(self, quantity) for quantity in UNITS if quantity in of}
        return {quantity: number for quantity, number in numbers.items() if number is not None}

    def unverified(self, of: Collection[str] = (*UNITS, "swelling")) -> tuple[str, ...]:
        """Quantities, and perhaps "swelling", whose numbers were not read at their source."""
        doubtful = [quantity for quantity, v in self.values(of).items() if not v.verified]
        if "swelling" in of and self.swelling is not None and not self.swelling.verified:
            doubtful.append("swelling")
        return tuple(doubtful)

    def to_dict(self) -> dict[str, Any]:
        """The material as plain numbers and text, every number with its source."""
        numbers = {quantity: number.to_dict() for quantity, number in self.values().items()}
        about = {"name": self.name, "role": self.role, "description": self.description}
        swelling = {} if self.swelling is None else {"swelling": self.swelling.to_dict()}
        return about | {"values": numbers} | swelling

    def __str__(self) -> str:
        lines = [f"  {quantity.replace('_', ' ')}: {v}" for quantity, v in self.values().items()]
        lines += [] if self.swelling is None else [f"  swelling: {self.swelling}"]
        return "\n".join((f"{self.name}: {self.description}", *lines))


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


def _check_groups(made: Material) -> None:
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


def _check_cubic(made: Material) -> None:
    if made.cubic_c11 is None or made.cubic_c12 is None:
        return
    c11, c12 = made.cubic_c11.value, made.cubic_c12.value
    if not -c11 / 2 < c12 < c11:
        raise InvalidInputError(
            f"cubic_c12 of {made.name} is {c12:g} Pa for a cubic_c11 of {c11:g} Pa: a crystal is "
            f"stable for cubic_c12 inside {-c11 / 2:g}…{c11:g} only"
        )


def _did_you_mean(name: str, known: Mapping[str, Material]) -> str:
    lowered = {key.lower(): key for key in known}
    close = difflib.get_close_matches(str(name).lower(), lowered, n=1, cutoff=0.4)
    return f"; did you mean {lowered[close[0]]!r}? Use it," if close else ": use one of them,"
