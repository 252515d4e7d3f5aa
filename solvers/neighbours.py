"""Neighbours: which spheres may touch, as one list per sphere. Lengths in m."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from microstructures.errors import InvalidInputError

Values = NDArray[np.float64]
Periodic = tuple[bool, bool, bool]


@dataclass(frozen=True, slots=True, eq=False)
class Neighbours:
    """Spheres closer than ``skin`` to each other, valid until one has moved by half of that.

    The neighbours of sphere i are ``other[first[i] : first[i + 1]]``, in ascending order.
    """

    first: NDArray[np.int32]
    other: NDArray[np.int32]
    skin: float
    places: Values

    def hold(self, places: Values) -> bool:
        """True as long as no other spheres can touch."""
        moved = np.linalg.norm(places - self.places, axis=1)
        return bool(moved.max(initial=0.0) <= self.skin / 2)


def find_neighbours(
    places: Values,
    radii: Values,
    body: NDArray[np.int32],
    box: Values,
    periodic: Periodic,
    skin: float,
) -> Neighbours:
    """Pairs of spheres of different bodies whose surfaces are nearer than ``skin``.

    Raises:
        InvalidInputError: a periodic box in which a sphere meets another one on two sides.
    """
    reach = 2 * float(radii.max()) + skin
    for axis, edge in enumerate(box):
        if periodic[axis] and edge < 2 * reach:
            raise InvalidInputError(
                f"the box is {edge:.3g} m long along axis {axis}, but particles reach "
                f"{reach:.3g} m: take a larger box, or walls along that axis"
            )
    wrapped = np.where(periodic, places % box, places)
    wrapped = np.where(np.array(periodic) & (wrapped >= box), 0.0, wrapped)  # of -1e-30 % box
    tree = cKDTree(wrapped, boxsize=np.where(periodic, box, 0.0))
    pairs = tree.query_pairs(reach, output_type="ndarray")
    i, j = pairs[:, 0], pairs[:, 1]
    apart = wrapped[i] - wrapped[j]
    apart -= np.where(periodic, box * np.round(apart / box), 0.0)
    near = np.sum(apart**2, axis=1) < (radii[i] + radii[j] + skin) ** 2
    near &= body[i] != body[j]
    return _listed(i[near], j[near], places, skin)


def _listed(i: NDArray[np.intp], j: NDArray[np.intp], places: Values, skin: float) -> Neighbours:
    one, two = np.concatenate([i, j]), np.concatenate([j, i])
    order = np.lexsort((two, one))
    first = np.zeros(len(places) + 1, np.int32)
    np.cumsum(np.bincount(one, minlength=len(places)), out=first[1:])
    return Neighbours(first, two[order].astype(np.int32), skin, places.copy())
