"""Components of a mask in a volume that repeats itself, and how they wind around it.

A component carries a current along a periodic axis if one can walk through it and come back to the
same voxel one or more periods away: if it has a cycle whose winding number along the axis is not 0.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from solvers.components import component_labels
from solvers.cut_components import Cuts, cut_labels
from solvers.voxel_faces import Sides

Mask = NDArray[np.bool_]
Labels = NDArray[np.int32]


def periodic_labels(mask: Mask, periodic: Sides, cuts: Cuts | None = None) -> tuple[Labels, int]:
    """Number 1, 2, … of the component of each voxel, 0 off the mask; and how many there are.

    Args:
        mask: True where a voxel belongs to a component.
        periodic: axes along which the last voxel touches the first.
        cuts: for each axis, flat indices of the voxels below the faces that join nothing.
    """
    return joined(*_inner_labels(mask, cuts), periodic, cuts)


def joined(
    labels: Labels, count: int, periodic: Sides, cuts: Cuts | None = None
) -> tuple[Labels, int]:
    """Component numbers with those merged that touch across a periodic side.

    Args:
        labels: numbers 1, 2, … of components inside the volume, 0 elsewhere.
        count: how many there are.
        periodic: axes along which the last voxel touches the first.
        cuts: faces that join nothing, as for ``periodic_labels``.
    """
    pairs, _ = _contacts(labels, periodic, cuts)
    graph = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), (count,) * 2)
    count, merged = connected_components(graph, directed=False)
    return np.concatenate([[0], merged + 1]).astype(np.int32)[labels], int(count)


def winding_components(
    mask: Mask, periodic: Sides, cuts: Cuts | None = None
) -> tuple[Labels, Mask]:
    """Component of each voxel, and the axes around which each winds, shape (components + 1, 3).

    Numbers are 1, 2, … and 0 off the mask; arguments as for ``periodic_labels``.
    """
    labels, count = _inner_labels(mask, cuts)
    winds = np.zeros((count + 1, 3), bool)
    if count:
        winds[1:] = _windings(labels, count, periodic, cuts)
    return labels, winds


def _inner_labels(mask: Mask, cuts: Cuts | None) -> tuple[Labels, int]:
    """Components inside the volume."""
    return component_labels(mask) if cuts is None else cut_labels(mask, cuts)


def _windings(labels: Labels, count: int, periodic: Sides, cuts: Cuts | None) -> Mask:
    """Axes around which each component winds together with those it touches, shape (count, 3)."""
    pairs, steps = _contacts(labels, periodic, cuts)
    graph = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), (count,) * 2)
    groups, group = connected_components(graph, directed=False)
    place = _unrolled(pairs, steps, count, group, groups)
    # around a cycle that does not wind, the steps across the sides add up to nothing
    surplus = place[pairs[:, 0]] + steps - place[pairs[:, 1]] != 0
    winds = np.zeros((groups, 3), bool)
    for axis in range(3):
        winds[group[pairs[surplus[:, axis], 0]], axis] = True
    return winds[group]


def _unrolled(
    pairs: NDArray[np.int64],
    steps: NDArray[np.int64],
    count: int,
    group: NDArray[np.int32],
    groups: int,
) -> NDArray[np.int64]:
    """Period in which each component lies, along a tree through those that touch, (count, 3)."""
    place = np.zeros((count, 3), np.int64)
    known: dict[tuple[int, int], list[int]] = {}
    for (a, b), step in zip(pairs.tolist(), steps.tolist(), strict=True):
        known.setdefault((a, b), step)
        known.setdefault((b, a), [-s for s in step])
    both = np.array(list(known), dtype=np.int64).reshape(-1, 2)
    graph = coo_array((np.ones(len(both), np.int8), (both[:, 0], both[:, 1])), (count,) * 2).tocsr()
    touching = np.unique(group[both[:, 0]])
    first = np.zeros(groups, np.int64)
    first[group[::-1]] = np.arange(count)[::-1]
    for number in touching:
        order, before = breadth_first_order(graph, int(first[number]), directed=False)
        for node in order[1:]:
            place[node] = place[before[node]] + known[(int(before[node]), int(node))]
    return place


def _contacts(
    labels: Labels, periodic: Sides, cuts: Cuts | None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of components, from 0, that touch from the last voxel to the first, and along what."""
    pairs, steps = [np.zeros((0, 2), np.int64)], [np.zeros((0, 3), np.int64)]
    for axis in range(3):
        if periodic[axis]:
            last, first = np.take(labels, -1, axis), np.take(labels, 0, axis)
            touch = (last > 0) & (first > 0)
            if cuts is not None:
                touch &= ~_cut_side(labels.shape, axis, cuts)
            ends = np.stack([last[touch], first[touch]], axis=1).astype(np.int64) - 1
            found = np.unique(ends, axis=0)
            pairs.append(found)
            steps.append(np.tile(np.eye(3, dtype=np.int64)[axis], (len(found), 1)))
    return np.concatenate(pairs), np.concatenate(steps)


def _cut_side(shape: tuple[int, ...], axis: int, cuts: Cuts) -> Mask:
    """True where the face between the last voxel along an axis and the first joins nothing."""
    cut = np.zeros([n for a, n in enumerate(shape) if a != axis], bool)
    place = np.unravel_index(cuts[axis], shape)
    last = place[axis] == shape[axis] - 1
    cut[tuple(index[last] for a, index in enumerate(place) if a != axis)] = True
    return cut
