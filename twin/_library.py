"""Schema of twin/library/*.toml, one material a file: every number complete, no unknown key."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, create_model, model_validator

from twin._quantities import UNITS
from twin._swelling_doubts import TRUSTED
from twin.materials import Material, Role, Value
from twin.swelling import SwellingTable


class ValueEntry(BaseModel):
    """One number as a file must give it: nothing may be left out but text that does not apply."""

    model_config = ConfigDict(extra="forbid", strict=True)

    value: float
    unit: str = Field(min_length=1)
    source: str = Field(min_length=1)
    doi: str
    verified: bool
    conditions: str
    note: str


class SwellingEntry(BaseModel):
    """A swelling table as a file must give it: in lattice parameters, or as a change of volume."""

    model_config = ConfigDict(extra="forbid", strict=True)

    stoichiometry: list[float]
    volume_change: list[float] | None = None
    lattice_a: list[float] | None = None
    lattice_c: list[float] | None = None
    source: str = Field(min_length=1)
    doi: str
    verified: bool
    conditions: str
    note: str

    @model_validator(mode="after")
    def _one_kind(self) -> "SwellingEntry":
        if (self.volume_change is None) == (self.lattice_a is None):
            raise ValueError("give volume_change, or lattice_a with or without lattice_c")
        return self

    def table(self, material: str) -> SwellingTable:
        about = self.model_dump(include={"source", "doi", "verified", "conditions", "note"})
        about["material"] = material
        if self.volume_change is not None:
            return SwellingTable.from_volume_change(self.stoichiometry, self.volume_change, **about)
        return SwellingTable.from_lattice(
            self.stoichiometry, self.lattice_a or [], self.lattice_c, **about
        )


class AboutEntry(BaseModel):
    """What a file says of the material besides its numbers."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(min_length=1)
    role: Role
    description: str = Field(min_length=1)
    swelling: SwellingEntry | None = None


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


def parsed(table: Mapping[str, Any]) -> Material:
    """The material that a parsed file describes. Raises pydantic.ValidationError."""
    entry = MaterialEntry.model_validate(table)
    trust = TRUSTED.set(True)
    try:
        swelling = None if entry.swelling is None else entry.swelling.table(entry.name)
    finally:
        TRUSTED.reset(trust)
    numbers = entry.model_dump(include=set(UNITS), exclude_none=True)
    values = {quantity: Value(**number) for quantity, number in numbers.items()}
    return Material(entry.name, entry.role, entry.description, **values, swelling=swelling)
