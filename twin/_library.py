"""Schema of a material's file, one material a file: every number complete, no unknown key."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from twin._quantities import UNITS
from twin._swelling_doubts import TRUSTED
from twin._value import Value
from twin.materials import Material, Role
from twin.open_circuit import OpenCircuitPotential, Sites, Table, Terms
from twin.swelling import SwellingTable
from twin.temperature import Arrhenius

ORIGIN = {"source", "doi", "verified", "conditions", "note"}


class Entry(BaseModel):
    """A part of a file: no unknown key, no text for a number."""

    model_config = ConfigDict(extra="forbid", strict=True)


class TemperatureEntry(Entry):
    """How a number changes with temperature, as a file must give it."""

    activation_energy: float
    reference: float
    lower: float
    upper: float
    over_temperature: bool
    source: str = Field(min_length=1)
    doi: str
    verified: bool
    note: str


class ValueEntry(Entry):
    """One number as a file must give it: nothing may be left out but text that does not apply."""

    value: float
    unit: str = Field(min_length=1)
    source: str = Field(min_length=1)
    doi: str
    verified: bool
    conditions: str
    note: str
    uncertainty: float | None = None
    temperature: TemperatureEntry | None = None

    def number(self) -> Value:
        about = self.model_dump(exclude={"temperature"})
        law = self.temperature
        return Value(**about, temperature=None if law is None else Arrhenius(**law.model_dump()))


class OriginEntry(Entry):
    """Where a table is from."""

    source: str = Field(min_length=1)
    doi: str
    verified: bool
    conditions: str
    note: str

    def about(self) -> dict[str, Any]:
        return self.model_dump(include=ORIGIN)


class SwellingEntry(OriginEntry):
    """A swelling table in lattice parameters, as a change of volume, or in linear strains."""

    stoichiometry: list[float]
    volume_change: list[float] | None = None
    lattice_a: list[float] | None = None
    lattice_c: list[float] | None = None
    strain_along: list[float] | None = None
    strain_across: list[float] | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> "SwellingEntry":
        kinds = (self.volume_change, self.lattice_a, self.strain_along)
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueError(
                "give volume_change, or lattice_a with or without lattice_c, or strain_along with "
                "or without strain_across"
            )
        return self

    def table(self, material: str) -> SwellingTable:
        about = self.about() | {"material": material}
        if self.volume_change is not None:
            return SwellingTable.from_volume_change(self.stoichiometry, self.volume_change, **about)
        if self.lattice_a is not None:
            return SwellingTable.from_lattice(
                self.stoichiometry, self.lattice_a, self.lattice_c, **about
            )
        across = None if self.strain_across is None else tuple(self.strain_across)
        along = tuple(self.strain_along or ())
        return SwellingTable(tuple(self.stoichiometry), along, across, **about)


class OpenCircuitEntry(OriginEntry):
    """An open-circuit potential as a table, as terms of a formula, or as sites."""

    lower: float
    upper: float
    stoichiometry: list[float] | None = None
    potential: list[float] | None = None
    polynomial: list[float] = []
    exponentials: list[list[float]] = []
    tanhs: list[list[float]] = []
    site_potentials: list[float] | None = None
    site_fractions: list[float] | None = None
    site_idealities: list[float] | None = None
    site_temperature: float = 298.15
    maximum_concentration: float | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> "OpenCircuitEntry":
        table = self.stoichiometry is not None and self.potential is not None
        sites = (self.site_potentials, self.site_fractions, self.site_idealities)
        terms = bool(self.polynomial or self.exponentials or self.tanhs)
        half = (self.stoichiometry is None) != (self.potential is None)
        if half or len({s is None for s in sites}) == 2:
            raise ValueError("stoichiometry and potential, or the three of sites, go together")
        if table + terms + (sites[0] is not None) != 1:
            raise ValueError(
                "give one of stoichiometry with potential; polynomial, exponentials and tanhs; or "
                "site_potentials with site_fractions and site_idealities"
            )
        return self

    def curve(self) -> OpenCircuitPotential:
        limits = (self.lower, self.upper, self.maximum_concentration)
        return OpenCircuitPotential(self._law(), *limits, **self.about())

    def _law(self) -> Table | Terms | Sites:
        if self.stoichiometry is not None:
            return Table(tuple(self.stoichiometry), tuple(self.potential or ()))
        if self.site_potentials is not None:
            return Sites(
                tuple(self.site_potentials),
                tuple(self.site_fractions or ()),
                tuple(self.site_idealities or ()),
                self.site_temperature,
            )
        exponentials = tuple(tuple(term) for term in self.exponentials)
        tanhs = tuple(tuple(term) for term in self.tanhs)
        return Terms(tuple(self.polynomial), exponentials, tanhs)


class AboutEntry(Entry):
    """What a file says of the material besides its numbers."""

    name: str = Field(min_length=1)
    role: Role
    description: str
    formula: str = ""
    swelling: SwellingEntry | None = None
    open_circuit: OpenCircuitEntry | None = None


_NUMBERS: dict[str, Any] = dict.fromkeys(UNITS, (ValueEntry | None, None))
MaterialEntry = create_model(
    "MaterialEntry", __base__=AboutEntry, __doc__="One file of the library.", **_NUMBERS
)


def read_library() -> Mapping[str, Material]:
    """All materials of the library by name, in alphabetical order."""
    folder = files("twin") / "library"
    texts = [f.read_text("utf-8") for f in folder.iterdir() if f.name.endswith(".toml")]
    made = [parsed(tomllib.loads(text)) for text in texts]
    in_order = sorted(made, key=lambda m: m.name.lower())
    return MappingProxyType({m.name: m for m in in_order})


def parsed(table: Mapping[str, Any], *, trusted: bool = True) -> Material:
    """The material that a parsed file describes; ``trusted`` swelling is not doubted.

    Raises pydantic.ValidationError, and InvalidInputError for numbers that cannot be.
    """
    entry = MaterialEntry.model_validate(table)
    trust = TRUSTED.set(trusted)
    try:
        swelling = None if entry.swelling is None else entry.swelling.table(entry.name)
    finally:
        TRUSTED.reset(trust)
    entries = {quantity: getattr(entry, quantity) for quantity in UNITS}
    values = {quantity: e.number() for quantity, e in entries.items() if e is not None}
    curve = None if entry.open_circuit is None else entry.open_circuit.curve()
    about = (entry.name, entry.role, entry.description, entry.formula)
    return Material(*about, **values, swelling=swelling, open_circuit=curve)
