"""Neighbours: which spheres may touch, as one list per sphere. Lengths in m."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from microstructures.errors import InvalidInputError

Values = NDArray[np.float64]
Whole = NDArray[np.int32]
Periodic = tuple[bool, bool, bool]


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """Spheres closer than ``skin`` to each other, valid until one has moved by half of that.

    The neighbours of sphere i are ``other[first[i] : first[i + 1]]``, in ascending order; each is
    the image ``shift`` boxes away, shape (n, 3). In a small box one sphere may be there twice.
    """

    first: Whole
    other: Whole
    shift: Whole
    skin: float
    places: Values

    @property
    def pairs(self) -> tuple[NDArray[np.intp], Whole]:
        """Numbers of neighbours, every pair from both sides."""
        return np.repeat(np.arange(len(self.places)), np.diff(self.first)), self.other

    def ways(self, places: Values, box: Values) -> Values:
        """From each neighbour to the sphere whose neighbour it is, shape (n, 3)."""
        i, j = self.pairs
        ways: Values = places[i] - places[j] - self.shift * box
        return ways

    def hold(self, places: Values) -> bool:
        """True as long as no other spheres can touch."""
        moved = np.linalg.norm(places - self.places, axis=1)
        return bool(moved.max(initial=0.0) <= self.skin / 2)


def find_neighbours(
    places: Values, radii: Values, body: Whole, box: Values, periodic: Periodic, skin: float
) -> Neighbours:
    """Pairs of spheres of different bodies whose surfaces are nearer than ``skin``.

    Raises:
        InvalidInputError: a periodic box in which a sphere meets itself.
    """
    widest = 2 * float(radii.max())
    for axis, edge in enumerate(box):
        if periodic[axis] and edge < widest:
            raise InvalidInputError(
                f"the box is {edge:.3g} m long along axis {axis}, but particles are {widest:.3g} m "
                "wide: take a larger box, or walls along that axis"
            )
    cell = np.where(periodic, np.floor(places / box), 0.0).astype(np.int32)
    inner = places - cell * box
    number, image = _images(inner, box, periodic, widest + skin)
    seen = inner[number] + image * box
    i, k = cKDTree(seen).query_pairs(widest + skin, output_type="ndarray").T
    # spheres themselves come before their images, and of two images neither asks
    asks = i < len(places)
    i, k = i[asks], k[asks]
    back = k < len(places)
    i, k = np.concatenate([i, k[back]]), np.concatenate([k, i[back]])
    j = number[k]
    near = np.linalg.norm(inner[i] - seen[k], axis=1) < radii[i] + radii[j] + skin
    near &= body[i] != body[j]
    i, j, k = i[near], j[near], k[near]
    return _listed(i, j, cell[i] - cell[j] + image[k], places, skin)


def _images(
    inner: Values, box: Values, periodic: Periodic, reach: float
) -> tuple[NDArray[np.intp], Whole]:
    """Spheres and those of their images that lie within a distance of the box.

    Returns:
        Which sphere each is, the n spheres first, and how many boxes away, shape (m, 3).
    """
    number = np.arange(len(inner))
    image = np.zeros((len(inner), 3), np.int32)
    for axis in np.flatnonzero(periodic):
        parts = [(number, image)]
        for step in range(1, int(np.ceil(reach / box[axis])) + 1):
            for sign in (-step, step):
                along = inner[number, axis] + sign * box[axis]
                seen = (along > -reach) & (along < box[axis] + reach)
                there = image[seen].copy()
                there[:, axis] += sign
                parts.append((number[seen], there))
        number, image = (np.concatenate(values) for values in zip(*parts, strict=True))
    return number, image


def _listed(
    i: NDArray[np.intp], j: NDArray[np.intp], shift: Whole, places: Values, skin: float
) -> Neighbours:
    order = np.lexsort((*shift.T, j, i))
    first = np.zeros(len(places) + 1, np.int32)
    np.cumsum(np.bincount(i, minlength=len(places)), out=first[1:])
    return Neighbours(first, j[order].astype(np.int32), shift[order], skin, places.copy())
