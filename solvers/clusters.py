"""Clusters: solids joined through faces, and those that nothing carries.

Arrays have shape (nz, ny, nx). A cluster that touches no held face is carried only by its hinges,
if at all: it moves as a rigid body at no cost. Where no face is held, as in a periodic volume, the
largest cluster is taken as the one that carries.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers.boundary import Boundary, Free, Periodic
from solvers.components import component_labels

Labels = NDArray[np.integer]
Pairs = NDArray[np.integer]


@dataclass(frozen=True, slots=True, eq=False)
class Clusters:
    """Connected solids of a body.

    ``floating`` is True in voxels of clusters that nothing carries; ``count`` is how many such
    clusters there are and ``fraction`` their share of the solid's voxels. ``spans`` says for each
    axis whether a cluster joins both faces or, where the volume repeats, its own image: without
    one, nothing carries a stress across the volume but edges and corners that voxels share.
    """

    floating: NDArray[np.bool_]
    count: int
    fraction: float
    spans: tuple[bool, bool, bool]


def clusters(solid: NDArray[np.bool_], boundary: Boundary) -> Clusters:
    """Clusters of a solid, joined across periodic faces."""
    labels, count = component_labels(solid)
    pairs = [_joints(labels, axis, boundary) for axis in range(3)]
    merged = _merged(pairs, count)
    cluster = merged[labels]
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
    share = float(np.count_nonzero(floating) / max(sizes.sum(), 1))
    wound = _wound(pairs)
    z, y, x = (
        bool(wound[axis] if isinstance(condition, Periodic) else _spans(cluster, axis))
        for axis, condition in enumerate(boundary.axes)
    )
    return Clusters(floating, loose, share, (z, y, x))


def _spans(cluster: Labels, axis: int) -> bool:
    """Whether a cluster touches both faces of an axis."""
    low, high = (np.unique(np.take(cluster, end, axis=axis)) for end in (0, -1))
    return bool(np.intersect1d(low[low > 0], high[high > 0]).size)


def _joints(labels: Labels, axis: int, boundary: Boundary) -> Pairs:
    """Components that meet across a periodic face, (n, 2): at the upper end and at the lower."""
    if not isinstance(boundary.axes[axis], Periodic):
        return np.empty((0, 2), labels.dtype)
    high, low = (np.take(labels, end, axis=axis).ravel() for end in (-1, 0))
    both = (low > 0) & (high > 0)
    return np.unique(np.stack([high[both], low[both]], axis=1), axis=0)


def _merged(pairs: list[Pairs], count: int) -> Labels:
    """New numbers of components, those that meet sharing one."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    a, b = np.concatenate(pairs).T
    if not a.size:
        return np.arange(count + 1)
    graph = coo_array((np.ones(len(a)), (a, b)), shape=(count + 1, count + 1))
    _, numbers = connected_components(graph, directed=False)
    numbers = np.where(np.arange(count + 1) == 0, -1, numbers)
    return np.unique(numbers, return_inverse=True)[1]


def _wound(pairs: list[Pairs]) -> NDArray[np.bool_]:
    """Whether some path through components comes back displaced by periods of each axis."""
    steps: dict[int, list[tuple[int, NDArray[np.int64]]]] = defaultdict(list)
    for axis, joints in enumerate(pairs):
        for high, low in joints.tolist():
            steps[high].append((low, np.eye(3, dtype=np.int64)[axis]))
            steps[low].append((high, -np.eye(3, dtype=np.int64)[axis]))
    wound = np.zeros(3, dtype=bool)
    places: dict[int, NDArray[np.int64]] = {}
    for start in steps:
        if start not in places:
            places[start] = np.zeros(3, dtype=np.int64)
            for displaced in _walk(start, steps, places):
                wound |= displaced != 0
    return wound


def _walk(
    start: int,
    steps: dict[int, list[tuple[int, NDArray[np.int64]]]],
    places: dict[int, NDArray[np.int64]],
) -> Iterator[NDArray[np.int64]]:
    """By how many periods paths from a component that meet again differ; fills ``places``."""
    waiting = [start]
    while waiting:
        here = waiting.pop()
        for there, step in steps[here]:
            if there in places:
                yield places[here] + step - places[there]
            else:
                places[there] = places[here] + step
                waiting.append(there)
