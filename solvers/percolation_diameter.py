"""Critical pore diameter: the widest sphere that can pass through a phase from face to face.

Spheres have their centres on the lattice of half voxels of ``pore_size``.
"""

import html
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.phases import Phase
from solvers import runtime
from solvers.checks import checked_volume
from solvers.pore_size import wall_distance, wall_mask
from solvers.results import Quantity, SolveReport, Uncertainty, finite
from solvers.window import inside_window

METHOD = "widest sphere that passes, centre on half voxels"
BYTES_PER_POINT = 25  # measured peak, per point of the lattice


@dataclass(frozen=True, slots=True)
class PercolationThreshold:
    """Diameter in m of the widest sphere that can pass through a phase along an axis.

    Erode the phase by spheres of growing diameter: at ``value`` what is left, the places that a
    sphere's centre can take, just spans. ``phase_fraction`` is the share of the phase that is
    left then and ``volume_fraction`` that of the volume. The value is 0 with ``percolates=False``
    if the phase does not span as it is, inf if the phase meets no wall.
    """

    value: float
    phase: str
    axis: int
    percolates: bool
    phase_fraction: float
    volume_fraction: float
    unit: str = "m"
    method: str = METHOD
    uncertainty: Uncertainty = Uncertainty(math.nan)  # noqa: RUF009  (immutable)
    report: SolveReport | None = None

    @property
    def diameter(self) -> float:
        """The critical pore diameter in m."""
        return self.value

    @property
    def status(self) -> str:
        """Whether there is a path: "ok" or "does not percolate"."""
        return "ok" if self.percolates else "does not percolate"

    def to_dict(self) -> dict[str, Any]:
        """The result as plain numbers and text; infinite and undefined ones become None."""
        quantity = Quantity(self.value, self.unit, self.method, self.uncertainty, self.report)
        return quantity.to_dict() | {
            "phase": self.phase,
            "axis": self.axis,
            "percolates": self.percolates,
            "status": self.status,
            "phase_fraction": finite(self.phase_fraction),
            "volume_fraction": finite(self.volume_fraction),
        }

    def __str__(self) -> str:
        if not self.percolates:
            return f"0 m: {self.phase} does not span along axis {self.axis}"
        return (
            f"{self.value:.4g} m, at which {100 * self.phase_fraction:.2g} % of {self.phase} "
            f"still spans along axis {self.axis}"
        )

    def _repr_html_(self) -> str:
        return f"<b>{html.escape(str(self))}</b>"


def percolation_threshold(
    volume: Volume, phase: Phase, axis: int | None = None
) -> PercolationThreshold:
    """The widest sphere that can pass through a phase along ``axis``: its critical pore diameter.

    A sphere fits where no voxel of another phase is nearer than its radius. It moves in steps of
    half a voxel along the axes between places where it fits; 6-connected voxels are thus the limit
    of a sphere without size. Side faces, and voxels outside, are no walls: what they cut goes on as
    in a mirror.

    Args:
        volume: labels of shape (nz, ny, nx); the spacing may differ between the axes.
        phase: name or id.
        axis: 0, 1 or 2; by default the through-plane axis.

    Raises:
        UnknownPhaseError: the volume has no such phase.
        InvalidInputError: the lattice has more points than can be indexed, 2³¹.
        MemoryBudgetError: the lattice, of eight points a voxel, would not fit.

    Accuracy: exact for channels and necks with the sides of a box. A round neck drawn on voxels is
        low by up to √2 voxel edges, and between its places a sphere may be squeezed by up to a
        quarter of one. ``uncertainty`` is unknown: another volume has another widest path.
    Source: the length of A. J. Katz, A. H. Thompson, Phys. Rev. B 34 (1986) 8179,
        doi:10.1103/PhysRevB.34.8179 [not opened].
    """
    axis = checked_volume(volume).axis(axis)
    label = volume.phase_id(phase)
    name, mask = volume.phase_name(label), volume.labels[inside_window(volume)] == label
    wall = wall_mask(volume, label)
    if not mask.any():
        return PercolationThreshold(0.0, name, axis, False, math.nan, math.nan)
    if not wall.any():
        return _without_walls(volume, mask, name, axis)
    points = int(np.prod([2 * n + 1 for n in mask.shape]))
    runtime.check_elements(points, "the lattice of half voxels")
    runtime.reserve(BYTES_PER_POINT * points, f"the widest path on {points} half voxels")
    radius = wall_distance(mask, wall, volume.spacing)
    widest = _widest(radius, axis)
    if widest == 0.0:
        return PercolationThreshold(0.0, name, axis, False, math.nan, math.nan)
    left = _voxels(radius >= widest)
    phase_fraction = left / int(np.count_nonzero(mask))
    volume_fraction = left / volume.inside_voxels
    value = float(widest) * min(volume.spacing)
    return PercolationThreshold(value, name, axis, True, phase_fraction, volume_fraction)


def _without_walls(
    volume: Volume, mask: NDArray[np.bool_], name: str, axis: int
) -> PercolationThreshold:
    from solvers.components import spanning_mask

    if not spanning_mask(mask, axis).any():  # voxels outside part it
        return PercolationThreshold(0.0, name, axis, False, math.nan, math.nan)
    return PercolationThreshold(math.inf, name, axis, True, 1.0, volume.fraction(name))


def _widest(radius: NDArray[np.float32], axis: int) -> float:
    """Largest radius at which the points that have at least that much still span; 0 if none does.

    Bisection over the radii that occur.
    """
    ends = np.moveaxis(radius, axis, 0)
    most = min(ends[0].max(), ends[-1].max())
    radii = np.unique(radius[(radius > 0) & (radius <= most)])
    if not len(radii) or not _spans(radius >= radii[0], axis):
        return 0.0
    spanning, blocked = 0, len(radii)
    while blocked - spanning > 1:
        middle = (spanning + blocked) // 2
        if _spans(radius >= radii[middle], axis):
            spanning = middle
        else:
            blocked = middle
    return float(radii[spanning])


def _spans(mask: NDArray[np.bool_], axis: int) -> bool:
    from scipy import ndimage

    labels, _ = ndimage.label(mask)  # 6 neighbours
    ends = np.moveaxis(labels, axis, 0)
    low, high = np.unique(ends[0]), np.unique(ends[-1])
    return bool(np.intersect1d(low, high).any())


def _voxels(points: NDArray[np.bool_]) -> float:
    """Volume in voxels of points of the lattice: an eighth each, less on the outer faces."""
    share = points.astype(np.float32)
    for axis in range(3):
        ends = np.moveaxis(share, axis, 0)
        ends[[0, -1]] *= 0.5
    return float(share.sum(dtype=np.float64)) / 8
