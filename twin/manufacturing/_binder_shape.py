"""What placed binder looks like: area, loose pieces. Arrays have shape (nz, ny, nx), SI units."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from twin.manufacturing._binder_growth import Mask, Periodic


def contact_area(first: Mask, second: Mask, spacing: Sequence[float], periodic: Periodic) -> float:
    """Area in m² of the voxel faces between two masks, across periodic faces too."""
    total = 0.0
    for axis in range(3):
        a, b = np.moveaxis(first, axis, 0), np.moveaxis(second, axis, 0)
        faces = np.count_nonzero(a[1:] & b[:-1]) + np.count_nonzero(b[1:] & a[:-1])
        if periodic[axis]:
            faces += np.count_nonzero(a[0] & b[-1]) + np.count_nonzero(b[0] & a[-1])
        total += faces * math.prod(spacing) / spacing[axis]
    return total


def floating_share(binder: Mask, solid: Mask, periodic: Periodic) -> float:
    """Share of the binder in pieces that no chain of touching voxels joins to solid."""
    from scipy.ndimage import label

    if not binder.any():
        return 0.0
    pieces = np.empty(binder.shape, np.int32)
    count = int(label(binder | solid, output=pieces))
    owner = _joined(pieces, count, periodic)
    is_held = np.zeros(count + 1, bool)
    is_held[owner[pieces[solid]]] = True
    return float(np.mean(~is_held[owner[pieces[binder]]]))


def _joined(pieces: NDArray[np.int32], count: int, periodic: Periodic) -> NDArray[np.int32]:
    """A number for each piece, the same for pieces that meet across periodic faces."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    meet = [np.empty((2, 0), np.int32)]
    axes = [axis for axis in range(3) if periodic[axis]]
    meet += [np.take(pieces, (0, -1), a).swapaxes(0, a).reshape(2, -1) for a in axes]
    low, high = (ends := np.concatenate(meet, axis=1))[:, (ends > 0).all(axis=0)]
    graph = coo_array((np.ones(len(low), bool), (low, high)), (count + 1, count + 1))
    return np.asarray(connected_components(graph, directed=False)[1])
