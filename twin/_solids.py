"""Solids: stiffness and swelling of the phases of an electrode, from their materials. Pa."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from microstructures import Volume
from microstructures.errors import InvalidInputError
from solvers.stiffness import Isotropic
from twin.materials import Material
from twin.mechanics import Mechanics
from twin.swelling import SwellingTable, SwellingWarning, doubts


def stiffness_of(volume: Volume, materials: Mapping[str, Material]) -> dict[str, Isotropic]:
    """Stiffness of each solid phase that occurs; electrolytes without constants are voids.

    Raises:
        InvalidInputError: no solid, or a phase that is neither a solid nor an electrolyte.
    """
    present = {n: m for n, m in materials.items() if volume.voxels(n)}
    unknown = [n for n, m in present.items() if not m.bears_load and m.role != "electrolyte"]
    if unknown:
        made_of = ", ".join(f"{name} ({present[name].name})" for name in unknown)
        raise InvalidInputError(
            f"mechanics was asked for, but {made_of} has no elastic constants: give its material "
            "youngs_modulus and poisson_ratio, or the role 'electrolyte' if it is a liquid or a gas"
        )
    solids = {name: isotropic(m) for name, m in present.items() if m.bears_load}
    if not solids:
        raise InvalidInputError(
            f"mechanics was asked for, but no phase of {list(present)} bears load: give a material "
            "youngs_modulus and poisson_ratio"
        )
    return solids


def isotropic(made: Material) -> Isotropic:
    """Young's modulus and Poisson's ratio, or those of many grains of a cubic crystal.

    Source: Hill, Proc. Phys. Soc. A 65 (1952) 349, doi:10.1088/0370-1298/65/5/307 (mean of the
        bounds of Voigt and Reuss) [not opened: verify].
    """
    if made.youngs_modulus is not None and made.poisson_ratio is not None:
        return Isotropic(made.youngs_modulus.value, made.poisson_ratio.value)
    constants = made.cubic_c11, made.cubic_c12, made.cubic_c44
    c11, c12, c44 = (0.0 if number is None else number.value for number in constants)
    bulk, anisotropy = (c11 + 2 * c12) / 3, c11 - c12
    voigt = (anisotropy + 3 * c44) / 5
    reuss = 5 * anisotropy * c44 / (4 * c44 + 3 * anisotropy)
    shear = (voigt + reuss) / 2
    total = 3 * bulk + shear
    return Isotropic(9 * bulk * shear / total, (3 * bulk - 2 * shear) / (2 * total))


@dataclass(frozen=True, slots=True)
class Swelling:
    """Path of the swelling phases from their reference to now, all in step.

    ``doubts`` says what is probably wrong with it, in sentences.
    """

    tables: Mapping[str, SwellingTable]
    lithiation: Mapping[str, tuple[float, float]]
    allow_large_strain: bool
    doubts: tuple[str, ...] = ()

    @property
    def phases(self) -> tuple[str, ...]:
        """The swelling phases, in the order in which they were given."""
        return tuple(self.tables)

    def stoichiometry(self, phase: str, share: float) -> float:
        """Lithium content of a phase after a share of the way from its reference to now."""
        reference, now = self.lithiation[phase]
        return reference + share * (now - reference)

    def shares(self, stoichiometries: Sequence[float]) -> list[float]:
        """Shares of the way at which the first phase has those lithium contents."""
        reference, now = self.lithiation[self.phases[0]]
        if reference == now:
            raise InvalidInputError(
                f"stoichiometries are given, but {self.phases[0]} is at its reference, x = {now:g}:"
                " give a lithiation that differs from it"
            )
        return [(x - reference) / (now - reference) for x in stoichiometries]

    def strains(self, share: float = 1.0) -> dict[str, float]:
        """Linear strain of each phase after a share of the way."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SwellingWarning)  # they are among the doubts
            return {phase: self._strain(phase, share) for phase in self.tables}

    def _strain(self, phase: str, share: float) -> float:
        return float(
            self.tables[phase].strain(
                self.stoichiometry(phase, share),
                self.lithiation[phase][0],
                allow_large_strain=self.allow_large_strain,
            )
        )


def swelling_of(volume: Volume, materials: Mapping[str, Material], asked: Mechanics) -> Swelling:
    """How the phases swell.

    Raises:
        UnknownPhaseError: a phase that the volume does not have.
        InvalidInputError: a phase that does not swell, bears no load or has no voxel, a lithium
            content outside its table, or a huge strain.
    """
    lithiation = {
        volume.phase_name(p): (float(a), float(b)) for p, (a, b) in asked.lithiation.items()
    }
    tables = {name: _table(volume, name, materials[name]) for name in lithiation}
    made = Swelling(tables, lithiation, asked.allow_large_strain)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for phase in tables:
            made._strain(phase, 1.0)
    said = [str(w.message) for w in caught]
    for phase, table in tables.items():
        said += doubts(table, materials[phase].name)
    texts = tuple(dict.fromkeys(f"Swelling: {text}." for text in said))
    return Swelling(tables, lithiation, asked.allow_large_strain, texts)


def _table(volume: Volume, name: str, made: Material) -> SwellingTable:
    if not volume.voxels(name):
        raise InvalidInputError(f"{name} swells, but has no voxel: take it out of lithiation")
    if made.swelling is None:
        raise InvalidInputError(
            f"{name} is to swell, but its material {made.name} has no swelling: give it a "
            "twin.SwellingTable, or take it out of lithiation"
        )
    if not made.bears_load:
        raise InvalidInputError(
            f"{name} is to swell, but its material {made.name} bears no load: give it "
            "youngs_modulus and poisson_ratio, or take it out of lithiation"
        )
    return made.swelling
