"""ResistiveFaces: stored faces in series with the resistances of some of them.

Arrays are flat with a halo of one voxel; lengths and conductivities are in the operator's units.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers.cut_components import Cuts
from solvers.face_resistance import FaceResistance
from solvers.grid import Grid
from solvers.medium import Medium, stored_medium
from solvers.voxel_faces import CLOSED, Sides

WEAK = 1 / 30  # of its conductance, which a face has left where a resistance parts islands


@dataclass(frozen=True, slots=True)
class ResistiveFaces:
    """The medium, and the faces that have a resistance.

    ``lower`` and ``upper`` are the elements on both sides of them, ``owner`` the voxel that an
    upper one is or, in the halo, repeats. ``conductance`` is that of the whole face, ``share`` the
    part of its dissipation in its own resistance. ``cuts`` names those that hardly conduct any
    more, by the flat index of the voxel below.
    """

    medium: Medium
    lower: NDArray[np.int64]
    upper: NDArray[np.int64]
    owner: NDArray[np.int64]
    conductance: NDArray[np.float64]
    share: NDArray[np.float64]
    cuts: Cuts

    def interfacial(self, potential: NDArray[np.float64]) -> NDArray[np.float64]:
        """Dissipation in the resistances, half of each face's in the voxels on both sides."""
        drop = potential[self.lower] - potential[self.upper]
        half = np.tile(0.5 * self.share * self.conductance * drop**2, 2)
        sides = np.concatenate([self.lower, self.owner])
        return np.bincount(sides, half, minlength=len(potential)).astype(float)


def resistive_faces(
    grid: Grid,
    spacing: tuple[float, float, float],
    faces: NDArray[np.float64],
    resistance: FaceResistance,
    periodic: Sides = CLOSED,
) -> ResistiveFaces:
    """Faces of conductance ``faces``, shape (3, size), each in series with its resistance.

    Those above the last voxels along ``periodic`` axes are those below the first as well.
    """
    faces, steps = faces.copy(), (*grid.strides, 1)
    lower = [_elements(grid, voxels) for voxels in resistance.lower]
    upper = [p + step for p, step in zip(lower, steps, strict=True)]
    # conductances are per volume: one edge more in the denominator than per area
    ratios = [
        resistance.values[axis] * spacing[axis] * np.maximum(faces[axis, p], np.finfo(float).tiny)
        for axis, p in enumerate(lower)
    ]
    for axis, (p, ratio) in enumerate(zip(lower, ratios, strict=True)):
        faces[axis, p] /= 1.0 + ratio
        if periodic[axis]:
            layers = faces[axis].reshape(grid.padded).swapaxes(0, axis)
            layers[0] = layers[-2]
    first, second, third = (
        voxels[ratio > 1.0 / WEAK] for voxels, ratio in zip(resistance.lower, ratios, strict=True)
    )
    return ResistiveFaces(
        medium=stored_medium(grid, faces, np.float64, periodic),
        lower=np.concatenate(lower),
        upper=np.concatenate(upper),
        owner=np.concatenate([_elements(grid, _above(grid, resistance, a)) for a in range(3)]),
        conductance=np.concatenate([faces[axis, p] for axis, p in enumerate(lower)]),
        share=1.0 - 1.0 / (1.0 + np.concatenate(ratios)),
        cuts=(first, second, third),
    )


def _above(grid: Grid, resistance: FaceResistance, axis: int) -> NDArray[np.int64]:
    """Flat indices of the voxels above the faces, behind the last one the first."""
    place = list(np.unravel_index(resistance.lower[axis], grid.shape))
    place[axis] = (place[axis] + 1) % grid.shape[axis]
    return np.ravel_multi_index(tuple(place), grid.shape).astype(np.int64)


def _elements(grid: Grid, voxels: NDArray[np.int64]) -> NDArray[np.int64]:
    """Places of voxels, given by their flat index, in an array with a halo."""
    place = np.unravel_index(voxels, grid.shape)
    return np.ravel_multi_index(tuple(index + 1 for index in place), grid.padded).astype(np.int64)
