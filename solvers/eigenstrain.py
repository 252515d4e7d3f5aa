"""Eigenstrain: the strain that a phase would take on by itself, free of stress.

Fields have shape (6, nz, ny, nx) in Voigt order, shear strains doubled; linear strains, not
volumetric ones.
"""

import warnings
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError
from microstructures.phases import Phase
from solvers.voigt import IDENTITY, strain_voigt

SMALL = 0.05  # linear strain above which small-strain theory is a poor guide
LARGE = 0.3  # linear strain above which it is none, and percent may have been meant


class LargeStrainWarning(UserWarning):
    """An eigenstrain is beyond what linear, small-strain elasticity describes."""


@dataclass(frozen=True, slots=True, eq=False)
class Axial:
    """A grain's strain ``along`` its axis and ``across`` it.

    Args:
        along: linear strain along the axis; a number, or one per voxel.
        across: linear strain in all directions across it; a number, or one per voxel.
        axes: unit vectors in array-axis order, shape (3,) or (n, 3) for grains 0 … n - 1.
        grains: number of each voxel's grain, shape of the volume; None for one axis in all.
    """

    along: Any
    across: Any
    axes: ArrayLike
    grains: NDArray[np.integer[Any]] | None = None

    def field(self, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """The strain of every voxel, shape (6, nz, ny, nx)."""
        axes = np.atleast_2d(np.asarray(self.axes, dtype=float))
        lengths = np.linalg.norm(axes, axis=-1)
        if axes.shape[-1] != 3 or not np.allclose(lengths, 1.0, atol=1e-6):
            raise InvalidInputError(
                f"axes of shape {axes.shape} are not unit vectors of shape (n, 3)"
            )
        products = strain_voigt(np.moveaxis(axes[:, :, None] * axes[:, None, :], 0, -1))
        index = np.zeros(shape, np.intp) if self.grains is None else self.grains
        across, along = (np.broadcast_to(v, shape) for v in (self.across, self.along))
        return IDENTITY[:, None, None, None] * across + products[:, index] * (along - across)


Eigenstrain: TypeAlias = "float | ArrayLike | Axial"


def eigenstrain_field(
    volume: Volume,
    eigenstrain: Mapping[Phase, Any],
    dtype: type[np.floating] = np.float32,
    *,
    allow_large_strain: bool = False,
) -> NDArray[np.floating]:
    """The eigenstrain of every voxel, shape (6, nz, ny, nx); zero in phases not named.

    Args:
        volume: the segmented volume.
        eigenstrain: of each swelling phase: a linear strain; six components; a field of either,
            shape (nz, ny, nx) or (6, nz, ny, nx), which counts where the phase is; or ``Axial``.
        dtype: of the field.
        allow_large_strain: whether linear strains above 30 % are accepted.

    Raises:
        InvalidInputError: another shape, a number that is not finite, a strain below -1, or above
            30 % unless that is allowed.
        UnknownPhaseError: a phase that the volume does not have.

    Warns:
        LargeStrainWarning: a strain above 5 %, where small-strain theory is a poor guide.
    """
    if not isinstance(eigenstrain, Mapping):
        raise InvalidInputError(
            f"eigenstrain {eigenstrain!r} is no mapping: write {{'NMC': 0.01}}, linear strains"
        )
    out = np.zeros((6, *volume.shape), dtype)
    for phase, given in eigenstrain.items():
        where = volume.labels == volume.phase_id(phase)
        strain = _components(volume, phase, given)
        for c in range(6):
            component = np.broadcast_to(strain[c], volume.shape)
            out[c][where] = component[where]
    check_size(float(np.abs(out[:3]).max(initial=0.0)), allow_large_strain)
    return out


def check_size(largest: float, allow_large_strain: bool) -> None:
    """Warn of a linear strain above 5 %; raise InvalidInputError above 30 % unless allowed."""
    said = f"the largest eigenstrain is {100 * largest:.3g} %, linear: "
    if largest > LARGE and not allow_large_strain:
        raise InvalidInputError(
            f"{said}give fractions such as 0.01, not percent, and a third of a change of volume; "
            "if it is meant, as for silicon, pass allow_large_strain=True, though small-strain "
            "mechanics does not describe it"
        )
    if largest > SMALL:
        warnings.warn(
            f"{said}small-strain elasticity is good to about 5 %, beyond it take stresses as an "
            "indication only",
            LargeStrainWarning,
            stacklevel=4,
        )


def swelling_field(
    volume: Volume,
    eigenstrain: Mapping[Phase, Any],
    solids: Collection[Phase],
    dtype: type[np.floating],
    *,
    allow_large_strain: bool = False,
) -> NDArray[np.floating]:
    """The eigenstrain field of phases that must all be solid. Raises InvalidInputError."""
    if isinstance(eigenstrain, Mapping):
        check_solid(volume, eigenstrain, solids)
    return eigenstrain_field(volume, eigenstrain, dtype, allow_large_strain=allow_large_strain)


def check_solid(volume: Volume, swelling: Iterable[Phase], solids: Collection[Phase]) -> None:
    """Raise InvalidInputError if a phase is to swell that has no stiffness."""
    names = {volume.phase_name(phase) for phase in solids}
    for phase in swelling:
        if (name := volume.phase_name(phase)) not in names:
            raise InvalidInputError(
                f"{name!r} is to swell, but it has no stiffness: a void bears no stress; give it "
                f"one, or let one of {sorted(names)} swell"
            )


def _components(volume: Volume, phase: Phase, given: Any) -> NDArray[np.float64]:
    """The eigenstrain of one phase, shape (6, …) and broadcastable to the volume."""
    strain = given.field(volume.shape) if isinstance(given, Axial) else _array(given, phase)
    if strain.shape == () or strain.shape == volume.shape:
        strain = np.stack([factor * strain for factor in IDENTITY])
    if strain.shape not in ((6,), (6, *volume.shape)):
        raise InvalidInputError(
            f"the eigenstrain of {phase!r} has the shape {strain.shape}: give a number, six "
            f"components, or a field of shape {volume.shape} or {(6, *volume.shape)}"
        )
    if not np.isfinite(strain).all() or (strain[:3] <= -1.0).any():
        raise InvalidInputError(
            f"the eigenstrain of {phase!r} is not finite or shrinks it to nothing: give linear "
            "strains such as 0.01, not percent"
        )
    return strain.reshape(6, *strain.shape[1:] or (1, 1, 1))


def _array(given: Any, phase: Phase) -> NDArray[np.float64]:
    try:
        return np.asarray(given, dtype=float)
    except (TypeError, ValueError):
        raise InvalidInputError(
            f"the eigenstrain of {phase!r} is {given!r}: give a linear strain such as 0.01"
        ) from None
