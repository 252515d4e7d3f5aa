"""Carriers: the conducting voxels through which a current can flow along an axis.

Clusters of touching voxels are found once for all axes; across periodic sides they are joined axis
by axis. In most volumes one large cluster carries the current along every axis, no other any.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers.components import component_labels, faces_reached
from solvers.cut_components import Cuts, cut_labels
from solvers.electrodes import Electrodes
from solvers.periodic_components import joined, winding_components
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
    if electrodes is None:
        labels, winds = winding_components(mask, (True, True, True), cuts)
        rows = [winds[:, axis] for axis in axes]
        return _grouped(labels, rows, axes)
    labels, count = component_labels(mask) if cuts is None else cut_labels(mask, cuts)
    if electrodes.sides == "periodic":
        found = []
        for axis in axes:
            merged = joined(labels, count, periodic_axes(electrodes, axis), cuts)
            found.append(np.take(_spans(*merged, axis), merged[0]))
        return Carriers(tuple(found), {axis: number for number, axis in enumerate(axes)})
    return _grouped(labels, [_spans(labels, count, axis) for axis in axes], axes)


def _grouped(labels: NDArray[np.int32], rows: list[Mask], axes: Sequence[int]) -> Carriers:
    """Carriers by component, with one mask for all axes that share one."""
    known = {row.tobytes(): row for row in rows}
    order = list(known)
    masks = tuple(np.take(row, labels) for row in known.values())
    return Carriers(masks, {a: order.index(r.tobytes()) for a, r in zip(axes, rows, strict=True)})


def periodic_axes(electrodes: Electrodes | None, axis: int) -> Sides:
    """Axes along which a volume repeats itself that carries a current along ``axis``."""
    if electrodes is None:
        return True, True, True
    return (axis != 0, axis != 1, axis != 2) if electrodes.sides == "periodic" else CLOSED


def _spans(labels: NDArray[np.int32], count: int, axis: int) -> Mask:
    """Which components touch both faces along an axis; not 0, which is none."""
    reached = faces_reached(labels, count)
    spans: Mask = reached[2 * axis] & reached[2 * axis + 1]
    return spans
