"""Material: what a phase is made of, with a source for every number. SI units."""

import difflib
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal, TypeAlias, get_args

from microstructures import Volume
from microstructures.errors import InvalidInputError, UnknownPhaseError
from microstructures.phases import Phase
from twin._formula import capacity
from twin._material_checks import as_value, check
from twin._quantities import CELL as CELL
from twin._quantities import MECHANICS as MECHANICS
from twin._quantities import TRANSPORT as TRANSPORT
from twin._quantities import UNITS
from twin._value import Value as Value
from twin.open_circuit import OpenCircuitPotential
from twin.swelling import SwellingTable

Role: TypeAlias = Literal["electrolyte", "active", "binder", "other"]
TABLES = ("swelling", "open_circuit")


@dataclass(frozen=True, slots=True)
class Material:
    """What a phase is made of. Numbers that are None do not apply, or are 0.

    Args:
        name: of the material.
        role: "electrolyte", "active", "binder" or "other".
        description: in a few words.
        formula: chemical, without brackets, such as "LiNi0.8Mn0.1Co0.1O2"; "" if it has none.
        ionic_conductivity: bulk, ≥ 0 in S/m.
        relative_ionic_conductivity: of a nanoporous phase, in units of the conductivity of the
            electrolyte that fills it, 0…1.
        nanoporosity: electrolyte held by a nanoporous phase per volume of the phase, 0…1.
        electronic_conductivity: bulk, ≥ 0 in S/m.
        concentration: of the salt, mol/m³.
        density: of the material itself, > 0 in kg/m³; of a nanoporous phase, that of its solid.
        specific_capacity: in use, between the limits that its conditions name, > 0 in Ah/kg, and
            at most what the formula holds.
        lithium_sites: lithium per formula unit between x = 0 and 1, > 0; needs ``formula``.
        exchange_current_density: > 0 in A/m², at the state that its conditions name.
        transference_number: of lithium, 0…1.
        salt_diffusivity: of the salt in the electrolyte, > 0 in m²/s.
        thermal_conductivity: > 0 in W/(m K).
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
        open_circuit: potential against lithium at rest, V; None where it is not known.

    Each number is a ``Value``; a bare number counts as given by the user.

    Raises:
        InvalidInputError: a number is out of range, lacks another without which it means nothing,
            contradicts the formula, or an ion conductor is described in two ways.
    """

    name: str
    role: Role = "other"
    description: str = ""
    formula: str = ""
    ionic_conductivity: Value | None = None
    relative_ionic_conductivity: Value | None = None
    nanoporosity: Value | None = None
    electronic_conductivity: Value | None = None
    concentration: Value | None = None
    density: Value | None = None
    specific_capacity: Value | None = None
    lithium_sites: Value | None = None
    exchange_current_density: Value | None = None
    transference_number: Value | None = None
    salt_diffusivity: Value | None = None
    thermal_conductivity: Value | None = None
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
    open_circuit: OpenCircuitPotential | None = None

    def __post_init__(self) -> None:
        if self.role not in get_args(Role):
            raise InvalidInputError(
                f"role {self.role!r} of {self.name} is unknown: choose one of {get_args(Role)}"
            )
        for quantity in UNITS:
            number = as_value(getattr(self, quantity), quantity, self.name)
            object.__setattr__(self, quantity, number)
        check(self)

    @property
    def bears_load(self) -> bool:
        """Whether elastic constants are given; a material without them is a void to mechanics."""
        return self.youngs_modulus is not None or self.cubic_c11 is not None

    @property
    def theoretical_capacity(self) -> float | None:
        """Ah per kg of the formula if all its lithium sites are used; None without them."""
        if self.lithium_sites is None:
            return None
        return capacity(self.formula, self.lithium_sites.value)

    def at(self, temperature: float, *, extrapolate: bool = False) -> "Material":
        """The material at a temperature in K: every number with an activation energy moved there.

        The others stay as they are, and their notes say so; swelling and open-circuit potential
        stay as well.

        Args:
            temperature: K.
            extrapolate: go beyond the temperatures of a measurement, with a warning.

        Raises:
            InvalidInputError: an activation energy was not measured up to that temperature.

        Warns:
            TemperatureWarning: the same, if ``extrapolate`` allows it.
        """
        numbers: dict[str, Any] = {
            quantity: value.at(temperature, extrapolate=extrapolate)
            for quantity, value in self.values().items()
        }
        return replace(self, **numbers)

    def values(self, of: Collection[str] = UNITS) -> dict[str, Value]:
        """The numbers that are given, by quantity; ``of`` limits them to some quantities."""
        numbers = {quantity: getattr(self, quantity) for quantity in UNITS if quantity in of}
        return {quantity: number for quantity, number in numbers.items() if number is not None}

    def unverified(self, of: Collection[str] = (*UNITS, *TABLES)) -> tuple[str, ...]:
        """Quantities, and perhaps tables, whose numbers were not read at their source."""
        doubtful = [quantity for quantity, v in self.values(of).items() if not v.verified]
        tables = {name: getattr(self, name) for name in TABLES if name in of}
        return (*doubtful, *(n for n, t in tables.items() if t is not None and not t.verified))

    def to_dict(self) -> dict[str, Any]:
        """The material as plain numbers and text, every number with its source."""
        numbers = {quantity: number.to_dict() for quantity, number in self.values().items()}
        about = {name: getattr(self, name) for name in ("name", "role", "description", "formula")}
        tables = {name: getattr(self, name) for name in TABLES}
        given = {name: table.to_dict() for name, table in tables.items() if table is not None}
        return about | {"values": numbers} | given

    def to_toml(self, path: str | os.PathLike[str]) -> None:
        """Write the material as a file that ``read_material`` reads again.

        Raises:
            InvalidInputError: the place cannot be written to.
        """
        from twin._material_files import write

        write(self, path)

    def __str__(self) -> str:
        lines = [f"  {quantity.replace('_', ' ')}: {v}" for quantity, v in self.values().items()]
        tables = {name: getattr(self, name) for name in TABLES}
        lines += [f"  {n.replace('_', ' ')}: {t}" for n, t in tables.items() if t is not None]
        return "\n".join((f"{self.name}: {self.description}", *lines))


@cache
def library() -> Mapping[str, Material]:
    """Materials of the project and those that installed packages add, by name.

    A package adds materials by an entry point of the group "electrode_twin.materials": a mapping
    of names to ``Material``, or a function without arguments that returns one.

    Raises:
        InvalidInputError: an entry point gives something else, or a name that is taken.
    """
    from twin._library import read_library
    from twin._user_materials import installed, joined

    return joined(read_library(), installed())


def read_material(path: str | os.PathLike[str]) -> Material:
    """The material that a TOML file describes, in the form of twin/library/*.toml.

    Raises:
        InvalidInputError: no such file, or it misses or misspells something; every mistake is
            named with its place in the file.

    Warns:
        SwellingWarning: what ``twin.swelling.doubts`` says of its swelling.
    """
    from twin._material_files import read

    return read(path)


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


def _did_you_mean(name: str, known: Iterable[str]) -> str:
    lowered = {key.lower(): key for key in known}
    close = difflib.get_close_matches(str(name).lower(), lowered, n=1, cutoff=0.4)
    return f"; did you mean {lowered[close[0]]!r}? Use it," if close else ": use one of them,"
