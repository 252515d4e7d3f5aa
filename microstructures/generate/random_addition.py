"""Random sequential addition: hard ellipsoids, each at a random free place, never moved again.

Coordinates are (z, y, x) in m. Free places are found with a list of cells, so that the cost of a
try does not grow with the number of particles.
"""

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError
from microstructures.generate._inputs import Flags
from microstructures.generate.particles import Floats

Indices: TypeAlias = NDArray[np.int64]

TRIES = 50_000  # random places tried for each particle before giving up
_BATCH = 512
_SECTIONS = 24  # golden sections: λ to 1e-5


def added_at_random(
    semi_axes: Floats,
    orientations: Floats,
    box: Floats,
    periodic: Flags,
    rng: np.random.Generator,
    tries: int = TRIES,
) -> Floats:
    """Centres (n, 3) at which ellipsoids added one after the other do not overlap.

    Args:
        semi_axes: (n, 3) in m, best largest first.
        orientations: rotation matrices (n, 3, 3) from particle to array axes.
        box: edge lengths (3,) in m; along axes that are not periodic particles stay inside.
        periodic: for each axis.
        rng: drawn from.
        tries: random places tried for each particle.

    Raises:
        InvalidInputError: a particle found no place, or is too large for the box.

    Accuracy: spheres never overlap. Two ellipsoids are told apart if a separating
        λ of their contact function is found, so that none overlap, and some that do not, but
        nearly touch (to 1e-5), are refused.
    Source: contact function: Perram and Wertheim, J. Comput. Phys. 58 (1985) 409,
        doi:10.1016/0021-9991(85)90171-8  [not opened: verify]
    """
    extents = np.linalg.norm(orientations * semi_axes[:, None, :], axis=2)
    _check_room(semi_axes, extents, box, periodic)
    cells = _Cells(semi_axes, orientations, box, np.array(periodic))
    for i in range(len(semi_axes)):
        low = np.where(periodic, 0.0, extents[i])
        for size in _batches(tries):
            places = low + rng.random((size, 3)) * (box - 2 * low)
            is_free = cells.are_free(places, i)
            if is_free.any():
                cells.put(i, places[int(np.argmax(is_free))])
                break
        else:
            raise InvalidInputError(_no_place(semi_axes, i, box, tries))
    return cells.centres


def _batches(tries: int) -> list[int]:
    """Small batches first, for most particles find a place soon."""
    sizes: list[int] = []
    size = 8
    while (left := tries - sum(sizes)) > 0:
        sizes.append(min(size, left))
        size = min(2 * size, _BATCH)
    return sizes


@dataclass(slots=True)
class _Cells:
    """Particles placed so far, by cells at least as wide as the largest of them."""

    semi_axes: Floats
    orientations: Floats
    box: Floats
    periodic: NDArray[np.bool_]
    centres: Floats = field(init=False)
    counts: Indices = field(init=False)  # cells along each axis
    members: Indices = field(init=False)  # (cells, most members), -1 for none
    filled: Indices = field(init=False)
    squares: Floats = field(init=False)  # R diag(s²) Rᵀ of each particle

    def __post_init__(self) -> None:
        n = len(self.semi_axes)
        widest = 2 * float(self.semi_axes.max())
        self.counts = np.clip(self.box / widest, 1, max(3.0, n ** (1 / 3))).astype(np.int64)
        self.centres = np.empty((n, 3))
        self.members = np.full((int(np.prod(self.counts)), 8), -1, dtype=np.int64)
        self.filled = np.zeros(len(self.members), dtype=np.int64)
        scaled = self.orientations * self.semi_axes[:, None, :]
        self.squares = scaled @ scaled.transpose(0, 2, 1)

    def put(self, i: int, centre: Floats) -> None:
        self.centres[i] = centre
        cell = int(self._index(self._cell(centre)))
        if self.filled[cell] == self.members.shape[1]:
            self.members = np.pad(self.members, ((0, 0), (0, 8)), constant_values=-1)
        self.members[cell, self.filled[cell]] = i
        self.filled[cell] += 1

    def are_free(self, places: Floats, i: int) -> NDArray[np.bool_]:
        """Whether particle i overlaps no other at each of the places (m, 3)."""
        row, other = self._neighbours(places)
        offset = places[row] - self.centres[other]
        offset -= self.periodic * self.box * np.round(offset / self.box)
        square = np.einsum("ij,ij->i", offset, offset)
        s, t = self.semi_axes[i], self.semi_axes[other]
        overlaps = square < (s.min() + t.min(axis=1)) ** 2
        unsure = ~overlaps & (square < (s.max() + t.max(axis=1)) ** 2)
        if unsure.any():
            pairs = offset[unsure], self.squares[i], self.squares[other[unsure]]
            overlaps[unsure] = ~are_separate(*pairs)
        is_free = np.ones(len(places), bool)
        is_free[row[overlaps]] = False
        return is_free

    def _neighbours(self, places: Floats) -> tuple[Indices, Indices]:
        """Pairs (place, particle) in the same or a neighbouring cell."""
        steps = np.array(np.meshgrid(*[[-1, 0, 1]] * 3, indexing="ij")).reshape(3, -1).T
        around = self._index((self._cell(places)[:, None, :] + steps) % self.counts)
        found = self.members[around].reshape(len(places), -1)
        row, column = np.nonzero(found >= 0)
        return row, found[row, column]

    def _cell(self, places: Floats) -> Indices:
        return np.minimum((places / self.box * self.counts).astype(np.int64), self.counts - 1)

    def _index(self, cell: Indices) -> Indices:
        return (cell[..., 0] * self.counts[1] + cell[..., 1]) * self.counts[2] + cell[..., 2]


def are_separate(offset: Floats, first: Floats, second: Floats) -> NDArray[np.bool_]:
    """Whether ellipsoids do not overlap: max over λ of λ(1−λ) r·[(1−λ)A + λB]⁻¹r is at least 1.

    Args:
        offset: r between the centres, (m, 3).
        first: A = R diag(s²) Rᵀ, (3, 3) or (m, 3, 3).
        second: B, (m, 3, 3).
    """

    def contact(x: Floats) -> Floats:
        k = x[:, None, None]
        inverse = np.linalg.solve((1 - k) * first + k * second, offset[..., None])[..., 0]
        return x * (1 - x) * np.einsum("ij,ij->i", offset, inverse)

    golden = (np.sqrt(5) - 1) / 2
    low, high = np.zeros(len(offset)), np.ones(len(offset))
    is_separate = np.zeros(len(offset), bool)
    for _ in range(_SECTIONS):
        left, right = high - golden * (high - low), low + golden * (high - low)
        f, g = contact(left), contact(right)
        is_separate |= np.maximum(f, g) >= 1.0  # any λ that separates is a proof
        low, high = np.where(f < g, left, low), np.where(f < g, high, right)
    return is_separate


def _check_room(semi_axes: Floats, extents: Floats, box: Floats, periodic: Flags) -> None:
    # an ellipsoid wider than a quarter of the box may touch an image that is not the nearest
    are_spheres = bool(np.all(semi_axes == semi_axes[:, :1]))
    least = (2 if are_spheres else 4) * float(semi_axes.max())
    needed = np.where(periodic, least, 2 * extents.max(axis=0))
    if np.any(box < needed):
        raise InvalidInputError(
            f"the box of {tuple(box)} m is too small for particles of {2 * semi_axes.max():g} m: "
            f"it must measure at least {tuple(needed)} m, so take more voxels or smaller particles"
        )


def _no_place(semi_axes: Floats, i: int, box: Floats, tries: int) -> str:
    volumes = 4 / 3 * np.pi * np.prod(semi_axes, axis=1) / np.prod(box)
    return (
        f"particle {i + 1} of {len(semi_axes)} found no free place in {tries} tries, at a solid "
        f"fraction of {volumes[:i].sum():.3f} of the {volumes.sum():.3f} wanted: random addition "
        "of equal spheres ends at 0.384; ask for less, or use solvers.relax on overlapping ones"
    )
