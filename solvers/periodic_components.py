"""Components of a mask in a volume that repeats itself, and how they wind around it.

A component carries a current along a periodic axis if one can walk through it and come back to the
same voxel one or more periods away: if it has a cycle whose winding number along the axis is not 0.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from solvers.components import component_labels

Mask = NDArray[np.bool_]
Labels = NDArray[np.int32]
Sides = tuple[bool, bool, bool]


def joined(labels: Labels, count: int, periodic: Sides) -> tuple[Labels, int]:
    """Component numbers with those merged that touch across a periodic side.

    Args:
        labels: numbers 1, 2, … of components inside the volume, 0 elsewhere.
        count: how many there are.
        periodic: axes along which the last voxel touches the first.
    """
    pairs, _ = _contacts(labels, periodic)
    graph = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), (count,) * 2)
    count, merged = connected_components(graph, directed=False)
    return np.concatenate([[0], merged + 1]).astype(np.int32)[labels], int(count)


def winding_mask(mask: Mask, periodic: Sides, axis: int | None = None) -> Mask:
    """True for voxels whose component winds around the volume.

    Args:
        mask: shape (n0, n1, n2).
        periodic: axes along which the last voxel touches the first.
        axis: the axis around which it must wind; None for any.
    """
    labels, count = component_labels(mask)
    if count == 0:
        return np.zeros_like(mask)
    winds = _windings(labels, count, periodic)
    carries = winds.any(axis=1) if axis is None else winds[:, axis]
    carried: Mask = np.concatenate([[False], carries])[labels]
    return carried


def _windings(labels: Labels, count: int, periodic: Sides) -> Mask:
    """Axes around which each component winds together with those it touches, shape (count, 3)."""
    pairs, steps = _contacts(labels, periodic)
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


def _contacts(labels: Labels, periodic: Sides) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of components, from 0, that touch from the last voxel to the first, and along what."""
    pairs, steps = [np.zeros((0, 2), np.int64)], [np.zeros((0, 3), np.int64)]
    for axis in range(3):
        if periodic[axis]:
            last, first = np.take(labels, -1, axis), np.take(labels, 0, axis)
            touch = (last > 0) & (first > 0)
            ends = np.stack([last[touch], first[touch]], axis=1).astype(np.int64) - 1
            found = np.unique(ends, axis=0)
            pairs.append(found)
            steps.append(np.tile(np.eye(3, dtype=np.int64)[axis], (len(found), 1)))
    return np.concatenate(pairs), np.concatenate(steps)
