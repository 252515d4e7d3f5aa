"""Schema of twin/library/*.toml, one material a file: every number complete, no unknown key."""

import tomllib
from collections.abc import Mapping
from importlib.resources import files
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from twin.materials import Material, Role, Value


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


class MaterialEntry(BaseModel):
    """One file of the library."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(min_length=1)
    role: Role
    description: str = Field(min_length=1)
    ionic_conductivity: ValueEntry | None = None
    relative_ionic_conductivity: ValueEntry | None = None
    nanoporosity: ValueEntry | None = None
    electronic_conductivity: ValueEntry | None = None
    concentration: ValueEntry | None = None


def read_library() -> Mapping[str, Material]:
    """All materials of the library by name, in alphabetical order."""
    folder = files("twin") / "library"
    texts = [f.read_text("utf-8") for f in folder.iterdir() if f.name.endswith(".toml")]
    made = (parsed(tomllib.loads(text)) for text in texts)
    return MappingProxyType({m.name: m for m in sorted(made, key=lambda m: m.name)})


def parsed(table: Mapping[str, Any]) -> Material:
    """The material that a parsed file describes. Raises pydantic.ValidationError."""
    entry = MaterialEntry.model_validate(table)
    about = {"name", "role", "description"}
    numbers = entry.model_dump(exclude=about, exclude_none=True)
    values = {quantity: Value(**number) for quantity, number in numbers.items()}
    return Material(entry.name, entry.role, entry.description, **values)
