"""Medium: which phases carry a current and how well, relative to the best of them."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from microstructures import Volume
from microstructures.errors import InvalidInputError
from twin.materials import Material, Value

Carrier: TypeAlias = Literal["", "ionic", "electronic"]


@dataclass(frozen=True, slots=True)
class Medium:
    """Conductivity of phases relative to ``bulk`` (S/m), 0…1, by phase name.

    ``content`` is the share of conducting medium in a phase, of which eps is made: 1 for a pore,
    the nanoporosity for a nanoporous phase, the relative conductivity for electrons.
    """

    carrier: Carrier
    relative: Mapping[str, float]
    content: Mapping[str, float]
    bulk: float

    @property
    def phases(self) -> str:
        """The conducting phases, as an entry names them."""
        return " + ".join(self.relative)

    def eps(self) -> str:
        """What eps is the sum of, in words."""
        terms = (
            f"fraction of {name}" + ("" if share == 1 else f" × {share:.3g}")
            for name, share in self.content.items()
        )
        return " + ".join(terms)

    def sigma(self) -> str:
        """The conductivities of the phases, in words."""
        terms = (f"{name} {share * self.bulk:.4g} S/m" for name, share in self.relative.items())
        return "bulk: " + ", ".join(terms)


def one_phase(phase: str) -> Medium:
    """Diffusion in one phase, all others blocking."""
    return Medium("", {phase: 1.0}, {phase: 1.0}, math.nan)


def ions(volume: Volume, materials: Mapping[str, Material]) -> Medium | None:
    """Ions in electrolytes and nanoporous phases; None if no voxel conducts ions.

    Raises:
        InvalidInputError: a nanoporous phase, but no electrolyte to fill it.
    """
    free = {name: number(m.ionic_conductivity) for name, m in materials.items()}
    filled = {name: number(m.relative_ionic_conductivity) for name, m in materials.items()}
    bulk = max(free.values())
    if bulk == 0 and any(filled.values()):
        names = ", ".join(name for name, share in filled.items() if share)
        raise InvalidInputError(
            f"{names} conducts ions relative to the electrolyte that fills it, but no phase is an "
            "electrolyte: give one of them an ionic_conductivity, for example 'LP30'"
        )
    order = sorted(materials, key=lambda name: free[name] == 0)  # electrolytes first
    relative = {name: free[name] / bulk if free[name] else filled[name] for name in order}
    conducting = {name: share for name, share in relative.items() if share and volume.voxels(name)}
    content = {n: 1.0 if free[n] else number(materials[n].nanoporosity) for n in conducting}
    return Medium("ionic", conducting, content, bulk) if conducting else None


def electrons(volume: Volume, materials: Mapping[str, Material]) -> Medium | None:
    """Electrons in every phase that conducts them; None if no voxel does."""
    sigma = {name: number(m.electronic_conductivity) for name, m in materials.items()}
    present = {name: s for name, s in sigma.items() if s > 0 and volume.voxels(name)}
    if not present:
        return None
    bulk = max(present.values())
    relative = {name: s / bulk for name, s in present.items()}
    return Medium("electronic", relative, relative, bulk)


def unknown_electrons(volume: Volume, materials: Mapping[str, Material]) -> list[str]:
    """Materials of solids in a volume of which nothing is known about electrons, by their names."""
    return [
        made.name
        for name, made in materials.items()
        if made.electronic_conductivity is None
        and made.ionic_conductivity is None
        and volume.voxels(name)
    ]


def number(value: Value | None) -> float:
    """The number, 0 where there is none."""
    return value.value if value is not None else 0.0
