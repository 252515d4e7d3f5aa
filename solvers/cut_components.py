"""Connected components of a mask, some of whose faces are cut. Masks have shape (nz, ny, nx).

Only voxels beside a cut face need a graph: all others are labelled as they are without cuts, and
each component of them is one node.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from solvers.components import component_labels
from solvers.voxel_faces import beside

Mask = NDArray[np.bool_]
Cuts = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def cut_labels(mask: Mask, cuts: Cuts) -> tuple[NDArray[np.int32], int]:
    """Number 1, 2, … of the component of each voxel, 0 off the mask; and how many there are.

    Args:
        mask: True where a voxel belongs to a component.
        cuts: for each axis, flat indices of the voxels below the faces that join nothing; the
            faces above the last voxels, which join nothing inside, may be among them.
    """
    steps = (mask.shape[1] * mask.shape[2], mask.shape[2], 1)
    cuts = _inside(mask.shape, cuts, steps)
    touched = np.zeros(mask.size, bool)
    for cut, step in zip(cuts, steps, strict=True):
        touched[cut] = touched[cut + step] = True
    touched &= mask.ravel()
    labels, count = component_labels(mask & ~touched.reshape(mask.shape))
    flat = labels.reshape(-1)
    flat[touched] = np.arange(count + 1, count + 1 + np.count_nonzero(touched))
    nodes = count + int(np.count_nonzero(touched))
    a, b = _joints(mask, touched, cuts, steps)
    graph = coo_array((np.ones(len(a), np.int8), (flat[a] - 1, flat[b] - 1)), (nodes, nodes))
    count, merged = connected_components(graph, directed=False)
    return np.concatenate([[0], merged + 1]).astype(np.int32)[labels], int(count)


def _inside(shape: tuple[int, ...], cuts: Cuts, steps: tuple[int, int, int]) -> Cuts:
    """The cuts but for those above the last voxels."""
    first, second, third = (
        cut[cut // step % n < n - 1] for cut, step, n in zip(cuts, steps, shape, strict=True)
    )
    return first, second, third


def _joints(
    mask: Mask, touched: Mask, cuts: Cuts, steps: tuple[int, int, int]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Flat indices of the voxels on both sides of each uncut face of a touched voxel."""
    near, lower = touched.reshape(mask.shape), []
    for axis, cut in enumerate(cuts):
        joint = np.zeros(mask.shape, bool)
        (below, above), (near_below, near_above) = beside(mask, axis), beside(near, axis)
        beside(joint, axis)[0][...] = below & above & (near_below | near_above)
        joint.reshape(-1)[cut] = False
        lower.append(np.flatnonzero(joint))
    upper = [p + step for p, step in zip(lower, steps, strict=True)]
    return np.concatenate(lower), np.concatenate(upper)
