"""Elastic stiffness of phases: isotropic, cubic, transversely isotropic, grain by grain. Pa."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError
from microstructures.phases import Phase
from solvers.node_grid import NodeGrid
from solvers.units import LEAST_MODULUS, doubt
from solvers.voigt import rotated_stiffness

MOST_CLASSES = 65535


@dataclass(frozen=True, slots=True, eq=False)
class Isotropic:
    """Young's modulus E > 0 in Pa and Poisson's ratio -1 < nu < 0.5; numbers, or one per voxel.

    A field has the shape of the volume and counts where the phase is.
    """

    E: Any
    nu: Any

    def __post_init__(self) -> None:
        if isinstance(self.E, str) or isinstance(self.nu, str):
            raise InvalidInputError(
                f"Young's modulus is {self.E!r} and Poisson's ratio {self.nu!r}: give numbers"
            )
        E, nu = np.asarray(self.E, dtype=float), np.asarray(self.nu, dtype=float)
        if not (np.isfinite(E).all() and (E > 0).all()):
            raise InvalidInputError(
                f"Young's modulus {self.E!r} is not > 0: give Pa; leave a phase out to make it void"
            )
        if not ((nu > -1.0) & (nu < 0.5)).all():
            raise InvalidInputError(
                f"Poisson's ratio {self.nu!r} is not in -1…0.5, limits excluded"
            )
        doubt(E, LEAST_MODULUS, "a Young's modulus")

    @property
    def is_field(self) -> bool:
        """True if a modulus is given voxel by voxel."""
        return np.ndim(self.E) > 0 or np.ndim(self.nu) > 0

    def lame(self) -> tuple[Any, Any]:
        """Lamé's lam and mu in Pa."""
        E, nu = self.E, self.nu
        return E * nu / ((1 + nu) * (1 - 2 * nu)), E / (2 * (1 + nu))

    @property
    def matrix(self) -> NDArray[np.float64]:
        """Stiffness, shape (6, 6)."""
        lam, mu = self.lame()
        out = np.diag([2.0 * mu] * 3 + [mu] * 3)
        out[:3, :3] += lam
        return out


@dataclass(frozen=True, slots=True)
class Cubic:
    """Cubic crystal with its axes along the array's: C11 > |C12|, C11 + 2 C12 > 0, C44 > 0."""

    C11: float
    C12: float
    C44: float

    def __post_init__(self) -> None:
        _check_positive(self.matrix, self)

    @property
    def matrix(self) -> NDArray[np.float64]:
        """Stiffness, shape (6, 6)."""
        out = np.diag([self.C11 - self.C12] * 3 + [self.C44] * 3)
        out[:3, :3] += self.C12
        return out


@dataclass(frozen=True, slots=True)
class TransverselyIsotropic:
    """The same in all directions across an axis of symmetry, array axis 0 before a rotation.

    ``E_axial``, ``E_plane`` and ``G_axial`` in Pa; ``nu_axial`` is the contraction across the axis
    for a pull along it, ``nu_plane`` the one within the plane.
    """

    E_axial: float
    E_plane: float
    G_axial: float
    nu_axial: float
    nu_plane: float

    def __post_init__(self) -> None:
        _check_positive(self.matrix, self)

    @property
    def matrix(self) -> NDArray[np.float64]:
        """Stiffness, shape (6, 6)."""
        a, p = 1 / self.E_axial, 1 / self.E_plane
        compliance = np.diag(
            [a, p, p, 2 * (1 + self.nu_plane) * p, 1 / self.G_axial, 1 / self.G_axial]
        )
        compliance[0, 1:3] = compliance[1:3, 0] = -self.nu_axial * a
        compliance[1, 2] = compliance[2, 1] = -self.nu_plane * p
        return np.linalg.inv(compliance)


@dataclass(frozen=True, slots=True, eq=False)
class Oriented:
    """A crystal whose grains are turned differently.

    Args:
        crystal: stiffness in the crystal's own axes.
        grains: number of each voxel's grain, shape of the volume, 0 … len(rotations) - 1.
        rotations: proper rotations from crystal to array axes, shape (n, 3, 3).
    """

    crystal: "Cubic | TransverselyIsotropic | Isotropic"
    grains: NDArray[np.integer[Any]]
    rotations: ArrayLike

    def __post_init__(self) -> None:
        turns = np.asarray(self.rotations, dtype=float)
        if (
            turns.ndim != 3
            or turns.shape[1:] != (3, 3)
            or not np.allclose(turns @ np.swapaxes(turns, 1, 2), np.eye(3), atol=1e-6)
        ):
            raise InvalidInputError(
                f"rotations of shape {turns.shape} are not orthogonal matrices of shape (n, 3, 3): "
                "use scipy.spatial.transform.Rotation.as_matrix(), with axes in (z, y, x) order"
            )
        if self.grains.min() < 0 or self.grains.max() >= len(turns):
            raise InvalidInputError(
                f"grains are numbered {self.grains.min()}…{self.grains.max()}, but there are "
                f"{len(turns)} rotations: number them from 0"
            )

    @property
    def matrices(self) -> NDArray[np.float64]:
        """Stiffness of every grain, shape (n, 6, 6)."""
        return rotated_stiffness(self.crystal.matrix, np.asarray(self.rotations, dtype=float))


Stiffness: TypeAlias = Isotropic | Cubic | TransverselyIsotropic | Oriented


@dataclass(frozen=True, slots=True, eq=False)
class Moduli:
    """Stiffness of every voxel, shapes (nz, ny, nx); voids have none.

    ``lam`` and ``mu`` are those of the voxel or, where it is anisotropic, of the isotropic solid
    nearest to it (Voigt average). ``classes`` and ``table``, shape (n, 6, 6), hold the full
    stiffness, class 0 being void; both are None where everything is isotropic. All are multiples
    of ``unit``, in Pa.
    """

    lam: NDArray[np.float32] | NDArray[np.float64]
    mu: NDArray[np.float32] | NDArray[np.float64]
    classes: NDArray[np.uint16] | None = None
    table: NDArray[np.float64] | None = None
    unit: float = 1.0

    @property
    def solid(self) -> NDArray[np.bool_]:
        """Where there is any stiffness."""
        return self.mu > 0

    def layer(self, index: int) -> "Moduli":
        """One layer of voxels."""
        part = slice(index, index + 1)
        classes = None if self.classes is None else self.classes[part]
        return replace(self, lam=self.lam[part], mu=self.mu[part], classes=classes)

    def scaled(self) -> "Moduli":
        """The same stiffness, as multiples of its largest modulus λ + 2μ."""
        factor = float((self.lam + 2 * self.mu).max())
        table = None if self.table is None else self.table / factor
        lam, mu = (m / m.dtype.type(factor) for m in (self.lam, self.mu))
        return Moduli(lam, mu, self.classes, table, self.unit * factor)

    def padded(self, grid: NodeGrid) -> "Moduli":
        """The same, as views of what an operator on ``grid`` needs, which then takes no copy."""
        lam, mu = (grid.voxels(grid.flat(m, m.dtype)) for m in (self.lam, self.mu))
        return replace(self, lam=lam, mu=mu)

    def stress(self, strain: NDArray[np.floating]) -> NDArray[np.floating]:
        """Stress of a strain field, both of shape (6, nz, ny, nx), in Pa."""
        out = np.empty_like(strain)
        if self.table is None:
            pressure = self.lam * (strain[0] + strain[1] + strain[2])
            for c in range(6):
                np.multiply(strain[c], self.mu, out=out[c])
            for c in range(3):
                out[c] *= 2
                out[c] += pressure
            out *= self.unit
            return out
        assert self.classes is not None
        table = self.table * self.unit
        for row in range(6):
            out[row] = sum(
                table[:, row, c][self.classes].astype(strain.dtype) * strain[c] for c in range(6)
            )
        return out


def moduli(
    volume: Volume, stiffness: Mapping[Phase, Stiffness], dtype: type[np.floating] = np.float64
) -> Moduli:
    """The stiffness of every voxel; phases that are not named are voids.

    Raises:
        InvalidInputError: no solid phase, one named twice, or fields of another shape.
        UnknownPhaseError: a phase that the volume does not have.
    """
    given = _by_label(volume, stiffness)
    lam, mu = np.zeros(volume.shape, dtype), np.zeros(volume.shape, dtype)
    if all(isinstance(s, Isotropic) for s in given.values()):
        for label, solid in given.items():
            where = volume.labels == label
            for target, value in zip((lam, mu), solid.lame(), strict=True):  # type: ignore[union-attr]
                target[where] = np.broadcast_to(value, volume.shape)[where]
        return Moduli(lam, mu)
    return _anisotropic(volume, given, lam, mu)


def _anisotropic(
    volume: Volume, given: dict[int, Stiffness], lam: NDArray[Any], mu: NDArray[Any]
) -> Moduli:
    classes = np.zeros(volume.shape, np.uint16)
    matrices = [np.zeros((1, 6, 6))]
    for label, solid in given.items():
        where = volume.labels == label
        if isinstance(solid, Isotropic) and solid.is_field:
            raise InvalidInputError(
                f"phase {volume.phase_name(label)!r} has a modulus per voxel, but another phase is "
                "anisotropic: give grains their own Oriented stiffness, or both phases numbers"
            )
        first = sum(map(len, matrices))
        own = solid.matrices if isinstance(solid, Oriented) else solid.matrix[None]
        classes[where] = first + (solid.grains[where] if isinstance(solid, Oriented) else 0)
        matrices.append(own)
    table = np.concatenate(matrices)
    if len(table) > MOST_CLASSES:
        raise InvalidInputError(
            f"{len(table)} different stiffnesses, but {MOST_CLASSES} can be told apart: crop the "
            "volume, or let grains share orientations"
        )
    bulk, shear = voigt_averages(table)
    lam[:], mu[:] = (bulk - 2 * shear / 3)[classes], shear[classes]
    return Moduli(lam, mu, classes, table)


def voigt_averages(table: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bulk and shear modulus of the isotropic solid nearest to each stiffness, shape (n, 6, 6).

    Source: Hill, Proc. Phys. Soc. A 65 (1952) 349, doi:10.1088/0370-1298/65/5/307 [not opened].
    """
    normal = table[:, 0, 0] + table[:, 1, 1] + table[:, 2, 2]
    between = table[:, 0, 1] + table[:, 0, 2] + table[:, 1, 2]
    shears = table[:, 3, 3] + table[:, 4, 4] + table[:, 5, 5]
    return (normal + 2 * between) / 9, (normal - between + 3 * shears) / 15


def _by_label(volume: Volume, stiffness: Mapping[Phase, Stiffness]) -> dict[int, Stiffness]:
    if not isinstance(stiffness, Mapping) or not stiffness:
        raise InvalidInputError(
            f"stiffness {stiffness!r} names no phase: give {{phase: solvers.Isotropic(E, nu)}} for "
            "the solid ones, phases left out are voids"
        )
    table: dict[int, Stiffness] = {}
    for phase, solid in stiffness.items():
        label = volume.phase_id(phase)
        if label in table:
            raise InvalidInputError(
                f"stiffness gives {volume.phase_name(label)!r} twice, by name and id: give it once"
            )
        if not isinstance(solid, Stiffness):
            raise InvalidInputError(
                f"the stiffness of {phase!r} is {solid!r}: give solvers.Isotropic(E, nu), Cubic, "
                "TransverselyIsotropic or Oriented"
            )
        _check_shape(volume, phase, solid)
        table[label] = solid
    if not any(volume.voxels(label) for label in table):
        raise InvalidInputError(
            f"stiffness names only {[volume.phase_name(i) for i in table]}, of which the volume "
            "has no voxel: name a solid phase that occurs"
        )
    return table


def _check_shape(volume: Volume, phase: Phase, solid: Stiffness) -> None:
    fields = (solid.E, solid.nu) if isinstance(solid, Isotropic) else ()
    if isinstance(solid, Oriented):
        fields = (solid.grains,)  # type: ignore[assignment]
    for field in fields:
        if np.ndim(field) > 0 and np.shape(field) != volume.shape:
            raise InvalidInputError(
                f"a field of {phase!r} has the shape {np.shape(field)}, but the volume "
                f"{volume.shape}: give one value per voxel"
            )


def _check_positive(matrix: NDArray[np.float64], solid: object) -> None:
    if not np.isfinite(matrix).all() or np.linalg.eigvalsh(matrix)[0] <= 0.0:
        raise InvalidInputError(f"{solid} stores no positive energy for every strain: check signs")
    doubt(matrix.diagonal(), LEAST_MODULUS, "an elastic constant")
