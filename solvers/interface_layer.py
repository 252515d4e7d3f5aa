"""ContactLayer: the voxels beside an interface, and how gaps of the interface strain them.

Voxels are named by their flat indices in (nz, ny, nx) order; strains are in Voigt order. While the
nodes of one side stay and the others move by a gap g, the strain at the centre of a voxel that has
nodes of both is sym(g ⊗ m), m being the gradient of the shape functions that move.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError
from solvers.interface_normals import InterfaceFaces
from solvers.voigt import PAIRS, strain_tensor

STEPS = (16, 8, 4)  # from the centre to an edge of the cube on which normals are rounded
CANCELLED = 0.3  # length of a mean of unit normals below which they contradict each other
ASTRAY = 0.2  # cosine to the gradient below which a normal is not of this interface
MOST_SHAPES = 10_000  # pairs of m and n that a layer may have, so that voxels share stiffnesses
CORNERS = np.array([[2 * (c >> s & 1) - 1 for s in (2, 1, 0)] for c in range(8)])
NEIGHBOURS = np.array([p for p in np.ndindex(3, 3, 3) if p != (1, 1, 1)]) - 1

Indices = NDArray[np.int64]
Values = NDArray[np.float64]
Mask = NDArray[np.bool_]
Periodic = tuple[bool, bool, bool]


@dataclass(frozen=True, slots=True, eq=False)
class ContactLayer:
    """Voxels of one phase that share a node with the other phase of an interface.

    ``voxels`` are their flat indices and ``place`` is the number of each face's voxel among them.
    ``gradient`` is m in 1/m and ``normal`` n, away from the other phase, both of shape (n, 3).
    ``nearness`` (voxels by faces, sparse) has the area in m² of faces that share a node with a
    voxel.
    """

    faces: InterfaceFaces
    voxels: Indices
    place: Indices
    gradient: Values
    normal: Values
    nearness: Any

    def mean(self, values: Values) -> Values:
        """Mean, by true area, of values on the faces that share a node with each voxel."""
        mean: Values = (self.nearness @ values) / self.nearness.sum(axis=1)
        return mean

    def near(self, values: Values) -> Values:
        """Mean over neighbours of values in the voxels: on a staircase single ones mean little."""
        return self.mean(values[self.place])

    def majority(self, faces: Mask) -> Mask:
        """True for voxels most of whose own faces are; most of those nearby if they have none."""
        own = np.bincount(self.place, minlength=len(self.voxels))
        share = np.bincount(self.place, faces, len(self.voxels)) / np.maximum(own, 1)
        most: Mask = np.where(own > 0, share, self.mean(faces.astype(float))) >= 0.5
        return most

    def strain(self, gap: Values) -> Values:
        """Strains sym(g ⊗ m), shape (n, 6), of gaps of shape (n, 3) in m."""
        m = self.gradient
        columns = [
            m[:, a] * gap[:, a] if a == b else m[:, a] * gap[:, b] + m[:, b] * gap[:, a]
            for a, b in PAIRS
        ]
        return np.stack(columns, axis=1)

    def gap(self, strain: Values) -> Values:
        """Normal gap in m of strains of shape (6, n), as far as they come from gaps."""
        size = np.linalg.norm(self.gradient, axis=1)
        unit = self.gradient / size[:, None]
        across = np.einsum("abn,nb->na", strain_tensor(strain), unit)
        whole = 2 * across - np.sum(across * unit, axis=1)[:, None] * unit
        gap: Values = np.sum(whole * self.normal, axis=1) / size
        return gap

    def some(self, chosen: Indices) -> "ContactLayer":
        """A part of the voxels, of which no faces are known."""
        return replace(
            self,
            voxels=self.voxels[chosen],
            place=self.place[:0],
            gradient=self.gradient[chosen],
            normal=self.normal[chosen],
            nearness=self.nearness[chosen],
        )


def contact_layer(
    labels: NDArray[Any], faces: InterfaceFaces, phase: int, periodic: Periodic
) -> ContactLayer:
    """The layer on the side of ``phase``, one of the two.

    Voxels between two parts of the other phase, one voxel thick, have no gradient of their own:
    theirs is along the normal.

    Raises:
        InvalidInputError: the phase has no side there, or the two phases do not touch.
    """
    if phase not in (faces.first, faces.second) or not faces.count:
        raise InvalidInputError(
            f"phase {phase} has no side at the interface of {faces.first} and {faces.second}, "
            f"which has {faces.count} faces: choose one of two phases that touch"
        )
    other = faces.second if phase == faces.first else faces.first
    grid = _Nodes(labels.shape, periodic)
    touched = np.zeros(grid.count, bool)
    touched[grid.corners(np.flatnonzero(labels == other))] = True
    own = np.flatnonzero(labels == phase)
    voxels = own[touched[grid.corners(own)].any(axis=1)]
    nearness = _nearness(grid, voxels, faces)
    near = np.diff(nearness.indptr) > 0  # others meet the other phase across a periodic seam
    voxels, nearness = voxels[near], nearness[near]
    held = touched[grid.corners(voxels)]
    gradient = -(held @ CORNERS) / (4.0 * np.array(faces.spacing))
    away = 1.0 if phase == faces.second else -1.0
    film = _films(labels == other, voxels, periodic) | ~gradient.any(axis=1)
    normal = _rounded(_normals(nearness, faces, gradient, away), held)
    depth = np.abs(normal) @ np.array(faces.spacing)
    gradient[film] = (normal / depth[:, None])[film]
    place = np.searchsorted(voxels, faces.voxels(phase))
    return ContactLayer(faces, voxels, place, gradient, normal, nearness)


@dataclass(frozen=True, slots=True)
class _Nodes:
    """Numbers of the corners of voxels; those on both sides of a periodic seam are one."""

    shape: tuple[int, ...]
    periodic: Periodic

    @property
    def extents(self) -> tuple[int, int, int]:
        z, y, x = (n + (not p) for n, p in zip(self.shape, self.periodic, strict=True))
        return z, y, x

    @property
    def count(self) -> int:
        return int(np.prod(self.extents))

    def corners(self, voxels: Indices) -> Indices:
        """Shape (n, 8), the last axis fastest."""
        place = np.stack(np.unravel_index(voxels, self.shape), axis=-1)
        at = (place[:, None, :] + (CORNERS + 1) // 2) % np.array(self.extents)
        return np.ravel_multi_index(tuple(np.moveaxis(at, -1, 0)), self.extents)


def _nearness(grid: _Nodes, voxels: Indices, faces: InterfaceFaces) -> Any:
    """Area of each face, in the row of every voxel that has one of the face's four corners."""
    low = CORNERS[:, faces.axis].T < 0  # the corners that the voxel above has on the face
    corners = grid.corners(faces.above)[low].reshape(-1, 4)
    of_faces = _incidence(corners, grid.count)
    shared = (_incidence(grid.corners(voxels), grid.count) @ of_faces.T).tocsr()
    shared.data = faces.area[shared.indices]
    return shared


def _incidence(nodes: Indices, count: int) -> Any:
    rows = np.repeat(np.arange(len(nodes)), nodes.shape[1])
    ones = np.ones(nodes.size)
    return scipy.sparse.csr_array((ones, (rows, nodes.ravel())), shape=(len(nodes), count))


def _normals(nearness: Any, faces: InterfaceFaces, gradient: Values, away: float) -> Values:
    """Mean normal of the faces nearby; where they cancel, as around a film, their common axis."""
    total = away * (nearness @ faces.normal)
    products = np.einsum("fi,fj->fij", faces.normal, faces.normal).reshape(-1, 9)
    axis = np.linalg.eigh((nearness @ products).reshape(-1, 3, 3))[1][..., -1]
    agree = np.linalg.norm(total, axis=1) > CANCELLED * nearness.sum(axis=1)
    normal = np.where(agree[:, None], total, axis)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    size = np.linalg.norm(gradient, axis=1)
    unit = gradient / np.where(size > 0.0, size, 1.0)[:, None]
    along = np.sum(normal * unit, axis=1)
    normal *= np.where(~agree & (along < 0.0), -1.0, 1.0)[:, None]
    astray = (size > 0.0) & (np.sum(normal * unit, axis=1) < ASTRAY)
    return np.where(astray[:, None], unit, normal)


def _rounded(normal: Values, held: Mask) -> Values:
    """Nearest of few directions, those of the grid among them."""
    shape = held @ (1 << np.arange(8))
    largest = np.abs(normal).max(axis=1, keepdims=True)
    for steps in STEPS:
        scaled = np.round(normal / largest * steps) + 0.0  # no negative zeros
        if len(np.unique(np.column_stack([shape, scaled]), axis=0)) <= MOST_SHAPES:
            break
    unit: Values = scaled / np.linalg.norm(scaled, axis=1, keepdims=True)
    return unit


def _films(other: Mask, voxels: Indices, periodic: Periodic) -> Mask:
    """True for voxels around which the other phase has parts that do not touch through faces."""
    around = _surroundings(other, voxels, periodic)
    numbers = np.where(around, np.arange(1, 27), 0)
    joined = [np.flatnonzero(np.abs(NEIGHBOURS - p).sum(axis=1) == 1) for p in NEIGHBOURS]
    before = np.zeros_like(numbers)
    while not np.array_equal(before, numbers):  # spread the largest number through each part
        before = numbers.copy()
        for column, near in enumerate(joined):
            best = np.maximum(numbers[:, column], numbers[:, near].max(axis=1))
            numbers[:, column] = np.where(around[:, column], best, 0)
    lowest = np.where(around, numbers, 27).min(axis=1)
    apart: Mask = lowest < numbers.max(axis=1)
    return apart


def _surroundings(mask: Mask, voxels: Indices, periodic: Periodic) -> Mask:
    """The mask in the 26 neighbours of each voxel, shape (n, 26); False outside."""
    place = np.stack(np.unravel_index(voxels, mask.shape), axis=-1)
    around = np.empty((len(voxels), 26), bool)
    for column, step in enumerate(NEIGHBOURS):
        at = place + step
        inside = np.all(((at >= 0) & (at < mask.shape)) | np.array(periodic), axis=1)
        around[:, column] = inside & mask[tuple((at % mask.shape).T)]
    return around
