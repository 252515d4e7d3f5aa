"""Carriers: the conducting voxels through which a current can flow along an axis.

Clusters of touching voxels are found once for all axes. In most volumes one large cluster carries
the current along every axis, and no other carries any.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers.components import component_labels, faces_reached
from solvers.cut_components import Cuts, cut_labels
from solvers.electrodes import Electrodes
from solvers.periodic_components import periodic_labels, winding_components
from solvers.voxel_faces import CLOSED, Sides

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Carriers:
    """``masks`` are True for voxels that carry, and ``which`` tells the mask of each axis."""

    masks: tuple[Mask, ...]
    which: Mapping[int, int]

    @property
    def union(self) -> Mask:
        """True for voxels that carry along any of the axes."""
        first, *others = self.masks
        for other in others:
            first = first | other
        return first


def carriers(
    mask: Mask, axes: Sequence[int], electrodes: Electrodes | None, cuts: Cuts | None
) -> Carriers:
    """What of the voxels of ``mask`` carries a current along each of some axes.

    Args:
        mask: True where a voxel conducts, shape (nz, ny, nx).
        axes: those asked for.
        electrodes: what bounds the volume; None if it repeats itself along all axes.
        cuts: for each axis, flat indices of the voxels below the faces that nothing passes.
    """
    if electrodes is not None and electrodes.sides == "periodic":
        found = [_between(*periodic_labels(mask, periodic_axes(electrodes, axis), cuts), axis)
                 for axis in axes]  # fmt: skip
        return Carriers(tuple(found), {axis: number for number, axis in enumerate(axes)})
    if electrodes is None:
        labels, winds = winding_components(mask, (True, True, True), cuts)
        rows = [winds[:, axis] for axis in axes]
    else:
        labels, count = component_labels(mask) if cuts is None else cut_labels(mask, cuts)
        reached = faces_reached(labels, count)
        rows = [reached[2 * axis] & reached[2 * axis + 1] for axis in axes]
    known = {row.tobytes(): row for row in rows}
    order = list(known)
    masks = tuple(np.take(row, labels) for row in known.values())
    return Carriers(masks, {a: order.index(r.tobytes()) for a, r in zip(axes, rows, strict=True)})


def periodic_axes(electrodes: Electrodes | None, axis: int) -> Sides:
    """Axes along which a volume repeats itself that carries a current along ``axis``."""
    if electrodes is None:
        return True, True, True
    return (axis != 0, axis != 1, axis != 2) if electrodes.sides == "periodic" else CLOSED


def _between(labels: NDArray[np.int32], count: int, axis: int) -> Mask:
    reached = faces_reached(labels, count)
    carried: Mask = np.take(reached[2 * axis] & reached[2 * axis + 1], labels)
    return carried
