"""InterfaceFaces: voxel faces between two phases, their normals and true areas.

Arrays have shape (nz, ny, nx). A face is named by its axis and by the flat index of the voxel below
it; values on faces are flat, the faces of axis 0 first. A staircase has the normals of the grid, so
those of the interface come from a smoothed indicator of the phases.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from microstructures import Volume
from microstructures.errors import InvalidInputError
from microstructures.phases import Phase
from solvers.voxel_faces import beside

WIDTH = 1.5  # voxels; normals of spheres err by 2 degrees, areas by 1 %

Indices = NDArray[np.int64]
Values = NDArray[np.float64]
Lower = tuple[Indices, Indices, Indices]


@dataclass(frozen=True, slots=True, eq=False)
class InterfaceFaces:
    """Faces between phases ``first`` and ``second`` (ids) of a volume.

    Args:
        shape: (nz, ny, nx) of the volume.
        spacing: voxel edges in m.
        lower: for each axis the flat index of the voxel below each face.
        rises: True where the voxel below is of the first phase.
        normal: unit vectors from the first to the second phase, shape (n, 3).
        area: true area in m² that each face stands for, the voxel face times |normal along axis|.
    """

    first: int
    second: int
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    lower: Lower
    rises: NDArray[np.bool_]
    normal: Values
    area: Values

    @property
    def count(self) -> int:
        """Number of faces."""
        return len(self.area)

    @property
    def total_area(self) -> float:
        """True area of the interface in m²."""
        return float(self.area.sum())

    @property
    def axis(self) -> NDArray[np.int8]:
        """Axis that each face is normal to."""
        return np.repeat(np.arange(3, dtype=np.int8), [len(faces) for faces in self.lower])

    @property
    def below(self) -> Indices:
        """Flat index of the voxel below each face."""
        return np.concatenate(self.lower)

    @property
    def above(self) -> Indices:
        """Flat index of the voxel above each face."""
        steps = [math.prod(self.shape[axis + 1 :]) for axis in range(3)]
        return np.concatenate([f + step for f, step in zip(self.lower, steps, strict=True)])

    def voxels(self, phase: int) -> Indices:
        """Flat index of the voxel of ``phase``, the first or the second, at each face."""
        return np.where(self.rises == (phase == self.first), self.below, self.above)

    def by_axis(self, values: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Values on the faces, one array per axis."""
        counts = np.cumsum([len(faces) for faces in self.lower])[:2]
        z, y, x = np.split(values, counts)
        return z, y, x


def interface_faces(
    volume: Volume, first: Phase, second: Phase, *, width: float = WIDTH
) -> InterfaceFaces:
    """Faces between two phases, their normals and true areas.

    The normal is the gradient of (second - first), each 1 in its phase and 0 elsewhere, smoothed
    by a Gaussian. Where that gradient points against the face, in details finer than the
    Gaussian, the normal is that of the face. Faces of different axes sample an interface as often
    as the normal has components along them, so the areas add up to the true one.

    Args:
        volume: labels of shape (nz, ny, nx), any spacing.
        first: phase, by name or id, that normals point away from.
        second: the other phase.
        width: standard deviation of the Gaussian in the largest voxel edge.

    Raises:
        InvalidInputError: the same phase twice, or a width that is not positive.
        UnknownPhaseError: a phase that the volume does not have.

    Accuracy: root mean square error of normals 2.5° for spheres of radius 3, 1.8° from radius 6
        on, 1.7° for random planes (4° with width 1); areas of spheres right to 3 % at radius 3 and
        1 % from 6 on, where voxel faces have 1.5 times the area.
    """
    pair = (volume.phase_id(first), volume.phase_id(second))
    _check(pair, width)
    lower, rises = _faces(volume.labels, *pair)
    steps = [math.prod(volume.shape[axis + 1 :]) for axis in range(3)]
    sides = [
        np.concatenate(lower),
        np.concatenate([f + step for f, step in zip(lower, steps, strict=True)]),
    ]
    axis = np.repeat(np.arange(3), [len(faces) for faces in lower])
    normal = _directed(_gradients(volume, pair, width, sides), axis, rises)
    faces = np.array([math.prod(volume.spacing) / h for h in volume.spacing])
    area = faces[axis] * np.abs(np.take_along_axis(normal, axis[:, None], axis=1)[:, 0])
    return InterfaceFaces(*pair, volume.shape, volume.spacing, lower, rises, normal, area)


def _check(pair: tuple[int, int], width: float) -> None:
    if pair[0] == pair[1]:
        raise InvalidInputError(f"phase {pair[0]} was given twice: an interface wants two phases")
    if not (math.isfinite(width) and width > 0.0):
        raise InvalidInputError(
            f"the width of the smoothing is {width!r} voxels: give a number > 0, 1.5 is usual"
        )


def _faces(labels: NDArray[Any], first: int, second: int) -> tuple[Lower, NDArray[np.bool_]]:
    """Voxels below the faces of each axis, and whether these voxels are of the first phase."""
    found, rises = [], []
    for axis in range(3):
        mark = np.zeros(labels.shape, np.int8)
        below, above = beside(labels, axis)
        inner = beside(mark, axis)[0]
        inner[(below == first) & (above == second)] = 1
        inner[(below == second) & (above == first)] = -1
        flat = mark.ravel()
        found.append(np.flatnonzero(flat))
        rises.append(flat[found[-1]] > 0)
    z, y, x = found
    return (z, y, x), np.concatenate(rises)


def _gradients(volume: Volume, pair: tuple[int, int], width: float, sides: list[Indices]) -> Values:
    """Gradient of the smoothed indicator at each face, shape (n, 3), with the faces' voxels."""
    first, second = pair
    indicator = (volume.labels == second).astype(np.float32)
    indicator -= volume.labels == first
    sigma = [width * max(volume.spacing) / h for h in volume.spacing]
    out = np.empty((len(sides[0]), 3))
    for axis, h in enumerate(volume.spacing):
        order = [int(axis == a) for a in range(3)]
        slope = ndimage.gaussian_filter(indicator, sigma, order=order, mode="nearest").ravel()
        out[:, axis] = (slope[sides[0]] + slope[sides[1]]) / (2.0 * h)
    return out


def _directed(gradient: Values, axis: NDArray[Any], rises: NDArray[np.bool_]) -> Values:
    """Unit vectors along the gradients, or along the face where the gradient contradicts it."""
    face = np.eye(3)[axis] * np.where(rises, 1.0, -1.0)[:, None]
    agrees = np.sum(gradient * face, axis=1) > 0.0
    normal = np.where(agrees[:, None], gradient, face)
    unit: Values = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    return unit
