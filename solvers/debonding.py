"""Debonded: which faces of an interface have come apart, by strength or by energy, and are open.

Values on faces are flat, in the order of ``InterfaceFaces``; tractions in Pa, positive in tension.
"""

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError
from solvers.face_resistance import FaceResistance
from solvers.interface_normals import InterfaceFaces
from solvers.stiffness import Isotropic
from solvers.traction import InterfaceTraction
from solvers.units import LEAST_STRENGTH, doubt

Values = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Criterion(Protocol):
    """What decides whether an interface comes apart."""

    def load(self, normal: Values, shear: Values) -> Values:
        """Load of each face; at 1 it comes apart. ``normal`` and ``shear`` tractions in Pa."""


@dataclass(frozen=True, slots=True)
class Strength:
    """Comes apart where (⟨t_n⟩ / normal)² + (t_s / shear)² ≥ 1; compression does not count.

    Args:
        normal: strength in tension, > 0 in Pa.
        shear: strength in shear, > 0 in Pa; inf if shear does no harm.

    Source: Brewer & Lagace, J. Compos. Mater. 22 (1988) 1141, doi:10.1177/002199838802201205
        (quadratic delamination criterion) [not opened: verify].
    """

    normal: float
    shear: float

    def __post_init__(self) -> None:
        _check_positive(self, "normal", "Pa")
        _check_positive(self, "shear", "Pa")
        doubt((self.normal, self.shear), LEAST_STRENGTH, "a strength")

    def load(self, normal: Values, shear: Values) -> Values:
        """The left side of the criterion."""
        total: Values = (np.maximum(normal, 0.0) / self.normal) ** 2 + (shear / self.shear) ** 2
        return total


@dataclass(frozen=True, slots=True)
class NoAdhesion:
    """Comes apart wherever it is in tension."""

    def load(self, normal: Values, shear: Values) -> Values:
        """0 without tension; with it 1 to 2, the largest tension having 2."""
        tension = np.maximum(normal, 0.0)
        largest = float(tension.max(initial=0.0)) or 1.0
        load: Values = np.where(tension > 0.0, 1.0 + tension / largest, 0.0)
        return load


@dataclass(frozen=True, slots=True)
class Toughness:
    """Comes apart where a flaw would grow: G = 4 a / (π E*) (⟨t_n⟩² + t_s² 2 / (2 - ν)) ≥ G_c.

    G is the energy that a penny-shaped flaw of radius a in uniform traction releases per area of
    growth, along its rim in the mean. The length a belongs to the interface, not to the voxels.

    Args:
        energy: G_c > 0 in J/m².
        flaw: radius a > 0 in m.
        modulus: E* > 0 in Pa, for plane strain; ``between`` makes it of two phases.
        nu: Poisson's ratio ν in shear.

    Source: Tada, Paris & Irwin, The Stress Analysis of Cracks Handbook (2000),
        doi:10.1115/1.801535 (penny in tension and in shear); Hutchinson & Suo, Adv. Appl. Mech. 29
        (1992) 63, doi:10.1016/S0065-2156(08)70164-9 (E* of two phases) [not opened: verify].
    """

    energy: float
    flaw: float
    modulus: float
    nu: float = 0.3

    def __post_init__(self) -> None:
        for name, unit in (("energy", "J/m²"), ("flaw", "m"), ("modulus", "Pa")):
            _check_positive(self, name, unit)
        if not -1.0 < self.nu < 0.5:
            raise InvalidInputError(f"Poisson's ratio {self.nu!r} is not between -1 and 0.5")

    @classmethod
    def between(
        cls, first: Isotropic, second: Isotropic, *, energy: float, flaw: float
    ) -> "Toughness":
        """The criterion with 2 / E* = (1 - ν₁²) / E₁ + (1 - ν₂²) / E₂, and the mean of ν."""
        for solid in (first, second):
            if not isinstance(solid, Isotropic):
                raise InvalidInputError(
                    f"{solid!r} is no solvers.Isotropic(E, nu): give two of them"
                )
        give = sum((1 - s.nu**2) / s.E for s in (first, second)) / 2
        return cls(energy, flaw, 1 / give, (first.nu + second.nu) / 2)

    def load(self, normal: Values, shear: Values) -> Values:
        """G / G_c."""
        square = np.maximum(normal, 0.0) ** 2 + shear**2 * 2 / (2 - self.nu)
        load: Values = 4 * self.flaw / (math.pi * self.modulus * self.energy) * square
        return load


@dataclass(frozen=True, slots=True, eq=False)
class Debonded:
    """State of an interface that has come apart in places.

    ``debonded`` is True on faces that no longer bear tension, ``is_open`` on those of them that do
    not touch. Shares are of the true area; NaN without an interface.
    """

    faces: InterfaceFaces
    debonded: Mask
    is_open: Mask

    @property
    def debonded_fraction(self) -> float:
        """Share of the interface that came apart, whether it touches or not."""
        return self._share(self.debonded)

    @property
    def contact_fraction(self) -> float:
        """Share of the interface that touches."""
        return self._share(~self.is_open)

    def face_resistance(
        self, resistance: float = math.inf, touching: float = 0.0, *, periodic: bool = False
    ) -> FaceResistance:
        """The interface as an obstacle to transport: open faces block by default.

        Args:
            resistance: of open faces, ≥ 0 in Ω m² (s/m for diffusion).
            touching: of faces that came apart but touch again.
            periodic: for transport with periodic sides, across which nothing came apart.
        """
        values = np.where(self.is_open, float(resistance), float(touching))
        apart = self.faces.by_axis(self.debonded)
        lower = [faces[mask] for faces, mask in zip(self.faces.lower, apart, strict=True)]
        kept = [v[mask] for v, mask in zip(self.faces.by_axis(values), apart, strict=True)]
        return FaceResistance(
            self.faces.shape, (lower[0], lower[1], lower[2]), (kept[0], kept[1], kept[2]), periodic
        )

    def _share(self, mask: Mask) -> float:
        area = self.faces.total_area
        return float(self.faces.area[mask].sum() / area) if area > 0.0 else math.nan


def debonded_faces(
    traction: InterfaceTraction, criterion: Criterion, before: Debonded | None = None
) -> Debonded:
    """Faces that come apart under a traction, which is not changed by it: a screening.

    What came apart before stays so, and touches wherever the traction presses.

    Args:
        traction: of the bonded interface.
        criterion: what it bears.
        before: earlier state of the same interface.
    """
    apart = criterion.load(traction.normal, traction.shear) >= 1.0
    if before is not None:
        if before.debonded.shape != apart.shape:
            raise InvalidInputError(
                f"the state before has {before.debonded.size} faces, but the interface "
                f"{apart.size}: use states of the same interface"
            )
        apart |= before.debonded
    return Debonded(traction.faces, apart, apart & (traction.normal > 0.0))


def _check_positive(criterion: Any, name: str, unit: str) -> None:
    value = getattr(criterion, name)
    if not isinstance(value, float | int | np.number) or not value > 0.0:
        raise InvalidInputError(f"{name} of {criterion} is not > 0: give {unit}")
