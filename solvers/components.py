"""Connected components of a phase, and which faces of the volume they reach.

Arrays have shape (nz, ny, nx). A component is a set of voxels joined through faces (6 neighbours),
faces and edges (18), or faces, edges and corners (26).
"""

import html
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError
from solvers import memory
from solvers.results import Quantity, SolveReport, Uncertainty
from solvers.sampling import block_sums, standard_error
from solvers.window import inside_window

Neighbours: TypeAlias = Literal[6, 18, 26]
Phase: TypeAlias = str | int | np.integer[Any]
Mask: TypeAlias = NDArray[np.bool_]

ISOLATED, UNKNOWN, SPANNING = 0, 1, 2  # in ascending order of use for transport
CHUNK = 2**23  # voxels counted at once


@dataclass(frozen=True, slots=True)
class Connectivity:
    """Shares of a phase by the faces its components reach; the three of them add up to 1.

    ``percolating`` spans the volume along ``axis``, ``isolated`` touches neither a face of the
    volume nor voxels outside, ``unknown`` leaves the field of view without spanning it: a larger
    volume would have to decide. All are 0 if the volume has none of the phase.

    ``uncertainty`` is that of ``percolating`` as the value of a larger volume: the variation
    between blocks and, as it may belong to either side, half of ``unknown``, in quadrature.
    """

    percolating: float
    isolated: float
    unknown: float
    low: float
    high: float
    phase: str
    axis: int
    neighbours: int
    collector: str | None
    uncertainty: Uncertainty
    method: str
    unit: str = "1"
    report: SolveReport | None = None

    @property
    def value(self) -> float:
        """The percolating fraction."""
        return self.percolating

    @property
    def percolates(self) -> bool:
        """True if the phase connects both faces along the axis."""
        return self.percolating > 0

    def connected_to(self, end: str) -> float:
        """Fraction of the phase connected to one face.

        Args:
            end: "low" or "high" face along the axis; or, along the through-plane axis,
                "collector" or "separator".

        Raises:
            InvalidInputError: another name, or a collector that does not lie on this axis.
        """
        if end in ("collector", "separator") and self.collector is not None:
            other = "low" if self.collector == "high" else "high"
            end = self.collector if end == "collector" else other
        if end not in ("low", "high"):
            raise InvalidInputError(
                f"end {end!r} does not name a face along axis {self.axis}: use 'low' or 'high', "
                "or along the through-plane axis 'collector' or 'separator'"
            )
        return self.low if end == "low" else self.high

    def quantity(self) -> Quantity:
        """The percolating fraction as a quantity."""
        return Quantity(self.percolating, self.unit, self.method, self.uncertainty)

    def to_dict(self) -> dict[str, Any]:
        """The result as plain numbers and text."""
        shares = ("isolated", "unknown", "low", "high", "phase", "axis", "neighbours")
        return self.quantity().to_dict() | {name: getattr(self, name) for name in shares}

    def _repr_html_(self) -> str:
        return f"<b>{html.escape(str(self))}</b>"

    def __str__(self) -> str:
        return (
            f"{self.phase}: {100 * self.percolating:.2f} % percolating along axis {self.axis}, "
            f"{100 * self.isolated:.2f} % isolated, {100 * self.unknown:.2f} % unknown"
        )


def connectivity(
    volume: Volume,
    phase: Phase | Sequence[Phase],
    axis: int | None = None,
    neighbours: Neighbours = 6,
) -> Connectivity:
    """Fractions of a phase that span the volume, are isolated, or cannot be told apart.

    Args:
        volume: labels of shape (nz, ny, nx).
        phase: name or id; several of them are taken as one phase.
        axis: 0, 1 or 2; by default the through-plane axis.
        neighbours: 6, 18 or 26 voxels that count as touching.

    Returns:
        Fractions of the phase's voxels, exact for these voxels.

    Raises:
        UnknownPhaseError: the volume has no such phase.
        InvalidInputError: axis or neighbours is none of those above.
        MemoryBudgetError: the component numbers would not fit.
    """
    names = _phase_names(volume, phase)
    axis = volume.axis(axis)
    window = inside_window(volume)  # a foil is no part of the field of view
    mask, outside = volume.mask(*names)[window], outside_mask(volume)
    labels, count = component_labels(mask, neighbours)
    reached = faces_reached(labels, count, None if outside is None else outside[window])
    low, high = reached[2 * axis], reached[2 * axis + 1]
    sizes = _sizes(labels, count)
    spanning = np.take(low & high, labels)
    kinds = component_classes(reached, axis)
    unknown = _share(sizes, kinds == UNKNOWN)
    sampling = standard_error(block_sums(spanning), block_sums(mask))
    return Connectivity(
        percolating=_share(sizes, kinds == SPANNING),
        isolated=_share(sizes, kinds == ISOLATED),
        unknown=unknown,
        low=_share(sizes, low),
        high=_share(sizes, high),
        phase=" + ".join(names),
        axis=axis,
        neighbours=int(neighbours),
        collector=volume.collector if axis == volume.through_axis else None,
        uncertainty=Uncertainty(math.hypot(sampling, unknown / 2)),
        method=f"components of {int(neighbours)} neighbours touching both faces along axis {axis}",
    )


def spanning_mask(mask: Mask, axis: int, neighbours: Neighbours = 6) -> Mask:
    """True for voxels of ``mask`` whose component touches both faces along ``axis``."""
    labels, count = component_labels(mask, neighbours)
    spans = _touched(labels, count, axis, 0) & _touched(labels, count, axis, -1)
    return np.take(spans, labels)


def voxel_classes(
    mask: Mask, axis: int, outside: Mask | None = None, neighbours: Neighbours = 6
) -> NDArray[np.uint8]:
    """ISOLATED, UNKNOWN or SPANNING for every voxel of ``mask``; ISOLATED elsewhere."""
    labels, count = component_labels(mask, neighbours)
    return np.take(component_classes(faces_reached(labels, count, outside), axis), labels)


def component_labels(mask: Mask, neighbours: Neighbours = 6) -> tuple[NDArray[np.int32], int]:
    """Number 1, 2, … of the component of each voxel, 0 off the mask; and how many there are.

    Raises:
        InvalidInputError: neighbours is not 6, 18 or 26.
        MemoryBudgetError: the numbers would not fit.
    """
    from scipy import ndimage

    steps = {6: 1, 18: 2, 26: 3}.get(neighbours) if isinstance(neighbours, int) else None
    if steps is None:
        raise InvalidInputError(f"neighbours {neighbours!r} is none of 6, 18, 26: choose one")
    memory.require(6 * mask.size, f"labelling the components of {mask.size} voxels")
    labels = np.empty(mask.shape, dtype=np.int32)
    count = ndimage.label(mask, ndimage.generate_binary_structure(3, steps), output=labels)
    return labels, int(count)


def faces_reached(labels: NDArray[np.int32], count: int, outside: Mask | None = None) -> Mask:
    """Which components touch what: rows low z, high z, low y, … high x, and voxels outside.

    Column 0 stands for voxels off the mask and is False.
    """
    ends = [(axis, end) for axis in range(3) for end in (0, -1)]
    rows = [_touched(labels, count, axis, end) for axis, end in ends]
    rows.append(_beside(labels, count, outside))
    return np.stack(rows)


def component_classes(reached: Mask, axis: int) -> NDArray[np.uint8]:
    """ISOLATED, UNKNOWN or SPANNING along ``axis`` for each component."""
    kinds = np.where(reached.any(axis=0), UNKNOWN, ISOLATED).astype(np.uint8)
    kinds[reached[2 * axis] & reached[2 * axis + 1]] = SPANNING
    return kinds


def outside_mask(volume: Volume) -> Mask | None:
    """True where a voxel is outside; None if the volume has no such label."""
    return None if volume.outside is None else volume.labels == volume.outside


def _phase_names(volume: Volume, phase: Phase | Sequence[Phase]) -> tuple[str, ...]:
    several = phase if isinstance(phase, tuple | list) else (phase,)
    if not several:
        raise InvalidInputError("no phase was named: give the name or id of one or several")
    return tuple(dict.fromkeys(volume.phase_name(p) for p in several))


def _touched(labels: NDArray[np.int32], count: int, axis: int, end: int) -> Mask:
    return _found(np.take(labels, end, axis), count)


def _beside(labels: NDArray[np.int32], count: int, outside: Mask | None) -> Mask:
    found = np.zeros(count + 1, dtype=bool)
    if outside is not None:
        for side, other in _neighbouring_halves():
            found |= _found(labels[side][outside[other]], count)
    return found


def _neighbouring_halves() -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...]]]:
    """Index pairs that put every voxel beside each of its six neighbours."""
    for axis in range(3):
        lower, upper = [slice(None)] * 3, [slice(None)] * 3
        lower[axis], upper[axis] = slice(None, -1), slice(1, None)
        yield tuple(lower), tuple(upper)
        yield tuple(upper), tuple(lower)


def _found(labels: NDArray[np.int32], count: int) -> Mask:
    found = np.zeros(count + 1, dtype=bool)
    found[labels] = True
    found[0] = False
    return found


def _sizes(labels: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    """Voxels of each component; none at 0, which is no component."""
    sizes = np.zeros(count + 1, dtype=np.int64)
    flat = labels.ravel()
    for start in range(0, flat.size, CHUNK):  # bincount casts to 64 bit: not all of it at once
        sizes += np.bincount(flat[start : start + CHUNK], minlength=count + 1)
    sizes[0] = 0
    return sizes


def _share(sizes: NDArray[np.int64], chosen: Mask) -> float:
    return int(sizes[chosen].sum()) / max(int(sizes.sum()), 1)
