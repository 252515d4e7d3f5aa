"""Faces between voxels: what lies on both sides of them, and which sides of a volume touch."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Sides: TypeAlias = tuple[bool, bool, bool]  # along which axes the last voxel touches the first

CLOSED: Sides = (False, False, False)


def beside(
    field: NDArray[Any], axis: int, periodic: bool = False
) -> tuple[NDArray[Any], NDArray[Any]]:
    """A field below and above every face normal to ``axis``, as views of it.

    If ``periodic``, the last faces are those between the last voxels and the first, and the field
    above them is a copy.
    """
    if periodic:
        return field, np.roll(field, -1, axis)
    along = np.moveaxis(field, axis, 0)
    return np.moveaxis(along[:-1], 0, axis), np.moveaxis(along[1:], 0, axis)
