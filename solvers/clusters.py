"""Clusters: solids joined through faces, and those that nothing carries.

Arrays have shape (nz, ny, nx). A cluster that touches no held face is carried only by its hinges,
if at all: it moves as a rigid body at no cost. Where no face is held, as in a periodic volume, the
largest cluster is taken as the one that carries.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers.boundary import Boundary, Free, Periodic
from solvers.components import component_labels


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Connected solids of a body.

    ``floating`` is True in voxels of clusters that nothing carries; ``count`` is how many such
    clusters there are and ``fraction`` their share of the solid's voxels.
    """

    floating: NDArray[np.bool_]
    count: int
    fraction: float


def clusters(solid: NDArray[np.bool_], boundary: Boundary) -> Clusters:
    """Clusters of a solid, joined across periodic faces."""
    labels, count = component_labels(solid)
    cluster = _across(labels, count, boundary)[labels]
    sizes = np.bincount(cluster.ravel())
    sizes[0] = 0
    carried = np.zeros(len(sizes), dtype=bool)
    for axis, condition in enumerate(boundary.axes):
        if not isinstance(condition, Periodic | Free):
            carried[np.unique(np.take(cluster, (0, -1), axis=axis))] = True
    if all(isinstance(condition, Periodic | Free) for condition in boundary.axes):
        carried[int(sizes.argmax())] = True
    carried[0] = True
    floating = ~carried[cluster]
    loose = int(np.count_nonzero(sizes[~carried]))
    return Clusters(floating, loose, float(np.count_nonzero(floating) / max(sizes.sum(), 1)))


def _across(labels: NDArray[np.integer], count: int, boundary: Boundary) -> NDArray[np.integer]:
    """New numbers of components, those that meet across a periodic face sharing one."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = []
    for axis, condition in enumerate(boundary.axes):
        if isinstance(condition, Periodic):
            low, high = (np.take(labels, end, axis=axis).ravel() for end in (0, -1))
            both = (low > 0) & (high > 0)
            pairs.append(np.unique(np.stack([low[both], high[both]]), axis=1))
    if not pairs:
        return np.arange(count + 1)
    a, b = np.concatenate(pairs, axis=1)
    graph = coo_array((np.ones(len(a)), (a, b)), shape=(count + 1, count + 1))
    _, numbers = connected_components(graph, directed=False)
    numbers = np.where(np.arange(count + 1) == 0, -1, numbers)
    return np.unique(numbers, return_inverse=True)[1]
