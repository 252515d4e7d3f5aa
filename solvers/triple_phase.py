"""Triple-phase boundaries: lines along which three phases meet. Arrays have shape (nz, ny, nx)."""

import html
import math
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from solvers.block_counts import BlockGrid, edge_counts
from solvers.by_phases import ByPhases, groups
from solvers.components import (
    ISOLATED,
    SPANNING,
    UNKNOWN,
    Neighbours,
    outside_mask,
    voxel_classes,
)
from solvers.results import Quantity, Uncertainty
from solvers.sampling import standard_error_of_sum
from solvers.window import inside_window

UNIT = "m/m³"
METHOD = "voxel edges × 2/3"


@dataclass(frozen=True, slots=True)
class TriplePhaseBoundary:
    """Length of a triple-phase boundary per volume, by what its phases connect to.

    ``active``: each of the three phases has at the line a voxel of a component that spans the
    volume. ``isolated``: one of them has only voxels of components that touch neither a face of
    the volume nor voxels outside. ``unknown``: all others; a larger volume would have to decide.
    ``total`` is the sum of the three.

    Uncertainties come from the variation between blocks. As the unknown part may belong to either
    side, half of it is added in quadrature to that of the active and of the isolated part.
    """

    total: Quantity
    active: Quantity
    isolated: Quantity
    unknown: Quantity

    def to_dict(self) -> dict[str, Any]:
        """The lengths as plain numbers and text."""
        return {name: getattr(self, name).to_dict() for name in self.__slots__}

    def _repr_html_(self) -> str:
        return f"<b>{html.escape(str(self))}</b>"

    def __str__(self) -> str:
        return f"{self.total}, of which active {self.active}"


def triple_phase_boundaries(
    volume: Volume, axis: int | None = None, neighbours: Neighbours = 6
) -> ByPhases[TriplePhaseBoundary]:
    """Length of the lines where three phases meet, per volume that is not outside.

    A plane meets lines of length L_V per volume L_V / 2 times per area, on average over its
    orientations. Voxel edges along axis a pass through planes normal to it: of the N_a edges
    whose four voxels are all inside, n_a have all three phases around them, n_a / (N_a h_b h_c)
    per area. Averaged over the three axes, L_V = 2/3 Σ n_a / (N_a h_b h_c): two thirds of the
    length of the voxel edges, whatever the spacing, without edge bias.

    Args:
        volume: labels of shape (nz, ny, nx), any spacing.
        axis: through which phases must span the volume for a line to be active; by default the
            through-plane axis.
        neighbours: 6, 18 or 26 voxels that count as touching.

    Returns:
        ``result["pore", "NMC", "CBD"].total``, ``.active``, ``.isolated``, ``.unknown`` in m/m³
        for every unordered triple. An edge around which four phases meet counts for each of their
        triples. NaN where no four voxels around an edge are inside.

    Raises:
        InvalidInputError: axis or neighbours is none of those above, or more phases than can be
            counted.

    Accuracy: exact on average for lines of all orientations where phases meet at right or blunt
        angles; 10 to 20 % high for random structures, up to 40 % where a phase ends in a sharp
        wedge. See docs/explanation/interfaces-and-tpb.md.
    """
    axis = volume.axis(axis)
    grid, counts, inside = edge_counts(volume, _codes(volume, axis, neighbours))
    seen = inside.astype(float)
    lines = {}
    for triple in groups(volume.phases, 3):
        found = _triple_counts(grid, counts, triple)
        lines[triple] = _boundary(volume.spacing, found, seen)
    return ByPhases(dict(volume.phases), 3, lines)


def _codes(volume: Volume, axis: int, neighbours: Neighbours) -> NDArray[np.uint8]:
    """Class of every voxel's component within its own phase."""
    codes = np.zeros(volume.shape, dtype=np.uint8)
    window = inside_window(volume)  # a foil is no part of the field of view
    labels, outside = volume.labels[window], outside_mask(volume)
    beside = None if outside is None else outside[window]
    for label in volume.phases:
        if volume.voxels(label):
            codes[window] += voxel_classes(labels == label, axis, beside, neighbours)
    return codes


def _triple_counts(grid: BlockGrid, counts: NDArray[Any], triple: tuple[int, ...]) -> NDArray[Any]:
    """Edges of a triple by block, axis and class."""
    kinds = list(combinations(grid.present, 3))
    if triple not in kinds:
        return np.zeros((*grid.table, 3, 3))
    return counts[..., kinds.index(triple), :].astype(float)


def _boundary(spacing: Any, found: NDArray[Any], seen: NDArray[Any]) -> TriplePhaseBoundary:
    active, isolated, unknown = (
        _length(spacing, found[..., code], seen) for code in (SPANNING, ISOLATED, UNKNOWN)
    )
    whole = _length(spacing, found.sum(axis=-1), seen)
    total = active.value + isolated.value + unknown.value  # equal to the sum to the last bit
    return TriplePhaseBoundary(
        total=replace(whole, value=total),
        active=_undecided(active, unknown),
        isolated=_undecided(isolated, unknown),
        unknown=unknown,
    )


def _undecided(part: Quantity, unknown: Quantity) -> Quantity:
    error = math.hypot(part.uncertainty, unknown.value / 2)
    return replace(part, uncertainty=Uncertainty(error))


def _length(spacing: Any, edges: NDArray[Any], seen: NDArray[Any]) -> Quantity:
    """Length per volume from edges found and seen, of shape (bz, by, bx, 3)."""
    totals = seen.sum(axis=(0, 1, 2))
    families = np.count_nonzero(totals)
    if families == 0:
        return Quantity(np.nan, UNIT, METHOD, Uncertainty(np.nan))
    face_areas = np.prod(spacing) / np.array(spacing)
    factors = 2 / families / face_areas / np.maximum(totals, 1)
    total = edges.sum(axis=(0, 1, 2))
    residuals = (edges - seen * (total / np.maximum(totals, 1))) @ factors
    value = float(total @ factors)
    return Quantity(value, UNIT, METHOD, Uncertainty(standard_error_of_sum(residuals)))
