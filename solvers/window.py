"""Window: the smallest box that holds every voxel of the electrode."""

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume

Window = tuple[slice, slice, slice]


def inside_window(volume: Volume) -> Window:
    """Slices that cut away whole layers outside, such as a foil; all if no voxel is inside."""
    if volume.outside is None or volume.inside_voxels == 0:
        return slice(None), slice(None), slice(None)
    inside = volume.labels != volume.outside
    z, y, x = (_extent(inside.any(axis=tuple(b for b in range(3) if b != a))) for a in range(3))
    return z, y, x


def _extent(present: NDArray[np.bool_]) -> slice:
    where = np.flatnonzero(present)
    return slice(int(where[0]), int(where[-1]) + 1)
