"""Bed of material points: matter that is strained between a floor and a lid. SI units.

Points carry the matter of the voxels, a grid that is forgotten after every step their motion
(MLS-MPM). Each phase is elastic (Hencky strain, so that compression is right at any size) and flows
at its yield stress (von Mises, no hardening). Strains are of any size, turning included; what
touches is welded; a gap is felt only once it has closed. Inertia is scaled and damped: the result
is that of slow straining.

Source: Hu et al., ACM Trans. Graph. 37 (2018) 150, doi:10.1145/3197517.3201293 (MLS-MPM) [not
    opened: verify]; Jiang et al., ACM Trans. Graph. 34 (2015) 51, doi:10.1145/2766996 (affine
    momenta) [not opened: verify].
"""

import math
from collections.abc import Iterator, Mapping
from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.errors import ConvergenceError, InvalidInputError
from microstructures.phases import Phase
from solvers import runtime
from solvers._kernels import material_points as kernels
from solvers.stiffness import Isotropic

CFL = 0.3  # of a cell, how far a wave runs in a step
INSIDE, OPENS, CLOSES = 0.98, 0.9, 1.02  # of the space filled: bound at first; gaps open, close
DAMPING = 0.7  # of a node's force, against its motion
LOOK = 8  # steps between looks at how far points have strayed
FLAT = 0.85  # thickness of cells over their width, below which layers of cells are merged
REST = 4.0  # crossings of a wave, until what is left of the lid's motion is gone
MOST_STEPS = 200_000
SAVED = ("place", "labels", "kinds", "state", "packet", "box", "cells", "closes")
BYTES_PER_POINT, BYTES_PER_CELL = 220, 24

Floats = NDArray[np.float64]
Wrap = tuple[bool, bool, bool]


class Bed:
    """Points in a box whose lid is the upper end of axis 0; lengths in m, stress in Pa.

    Kernels see lengths in units of the cells' first edge, and stress in units of ``unit``; the
    density of each phase is such that waves in all of them run one unit of length per time.
    """

    def __init__(
        self,
        voxels: NDArray[np.int64],
        labels: NDArray[Any],
        kinds: NDArray[np.int32],
        table: NDArray[np.float64],
        shape: tuple[int, int, int],
        spacing: tuple[float, float, float],
        order: tuple[int, int, int],
        wrap: Wrap,
        cell: int,
    ) -> None:
        self.order, self.wrap, self.split = order, wrap, 1 if cell == 2 else 2
        self.box = np.array(shape) * spacing
        self.cells = np.maximum(-(-np.array(shape) // cell), 1)
        self.edge = float(np.min(self.box / self.cells))
        self.unit = float((table[:, 0] + 4 / 3 * table[:, 1]).max())
        scaled = table / self.unit
        density = scaled[:, 0] + 4 / 3 * scaled[:, 1]
        self.table = runtime.to_device(np.column_stack([scaled, density]).astype(np.float32))
        self.bulk = scaled[:, 0]
        points, self.labels = _points(voxels, labels, self.split)
        self.kinds = np.repeat(kinds, self.split**3)
        self.place = points / np.array(shape) * self.cells  # in cells
        self.point_volume = float(np.prod(spacing)) / self.split**3 / self.edge**3
        self.state = np.zeros((len(points), kernels.STATE), np.float32)
        self.closes = INSIDE
        self.packet = np.zeros((len(points), kernels.PACKET), np.float32)
        self.packet[:, kernels.VOLUME] = self.point_volume
        self.packet[:, kernels.MASS] = density[self.kinds] * self.point_volume
        self.steps, self.merges = 0, True
        self._sort()

    @classmethod
    def of(
        cls,
        volume: Volume,
        stiffness: Mapping[Phase, Isotropic],
        yield_stress: Mapping[Phase, float],
        sides: str,
        cell: int,
    ) -> "Bed":
        """The points of a volume. Raises InvalidInputError and MemoryBudgetError."""
        if sides not in ("walls", "periodic"):
            raise InvalidInputError(f"sides {sides!r} are unknown: choose 'walls' or 'periodic'")
        if cell not in (1, 2):
            raise InvalidInputError(f"cell {cell!r} is not 1 or 2 voxels per edge of a cell")
        names, table = _table(volume, stiffness, yield_stress)
        axis = volume.through_axis
        order = (axis, *(a for a in range(3) if a != axis))
        labels = np.transpose(volume.labels, order)
        solid = np.isin(labels, list(names))
        count = int(np.count_nonzero(solid)) * (1 if cell == 2 else 8)
        if not count:
            raise InvalidInputError("no voxel has a stiffness: name a solid phase that occurs")
        needed = count * BYTES_PER_POINT + labels.size * BYTES_PER_CELL
        runtime.reserve(needed, f"{count} material points")
        index = np.zeros(max(names) + 1, np.int32)
        index[list(names)] = np.arange(len(names))
        n0, n1, n2 = labels.shape
        h0, h1, h2 = (volume.spacing[a] for a in order)
        wrap = (False, sides == "periodic", sides == "periodic")
        return cls(
            np.argwhere(solid),
            labels[solid],
            index[labels[solid]],
            table,
            (n0, n1, n2),
            (h0, h1, h2),
            (order[0], order[1], order[2]),
            wrap,
            cell,
        )

    @property
    def height(self) -> float:
        """Of the lid, in m."""
        return float(self.box[0])

    @property
    def solid_height(self) -> float:
        """That the points fill if there are no pores, in m."""
        area = float(self.box[1] * self.box[2])
        return len(self.kinds) * self.point_volume * self.edge**3 / area

    def strained(self, height: float, rate: float) -> Iterator[float]:
        """Strain the bed at a rate until the lid is at a height; the height now and then.

        Raises:
            ConvergenceError: the lid came to no end.
        """
        sign = math.copysign(1.0, rate)
        while sign * (height - self.height) > 1e-9 * height:
            if self.steps > MOST_STEPS:
                raise ConvergenceError(f"the lid came to no end in {self.steps} steps", None)
            self._run(math.log(height / self.height) / rate, rate)
            yield self.height

    def rest(self) -> None:
        """Come to rest at the height where the lid is: waves run up and down some times."""
        left = REST * self.height / self.edge
        while left > 0.0:
            left -= self._run(left, 0.0)

    def _run(self, duration: float, rate: float) -> float:
        """Some steps, no longer than a duration; the time they took."""
        spent = 0.0
        for _ in range(LOOK):
            edges = self.box / self.cells / self.edge
            dt = min(CFL * float(edges.min()), duration - spent)
            self._step(edges, dt, rate)
            self.box[0] *= math.exp(rate * dt)
            spent += dt
            if spent >= duration:
                break
        if runtime.to_host(self.far)[0]:
            self._resort()
        return spent

    def pressures(self) -> tuple[float, float]:
        """Mean pressure on the lid's plane of the lower and of the upper half, in Pa.

        Of an odd number of layers the one in the middle counts in the mean of both only.
        """
        state = runtime.to_host(self.device_state).reshape(-1, kernels.STATE)
        stress = state[:, 0] + self.bulk[self.kinds] * state[:, 6]
        layers = int(self.cells[0])
        sums = np.bincount(self.layer, stress, minlength=layers).astype(np.float64)
        sums *= -self.point_volume * self.unit / (float(np.prod(self.box)) / self.edge**3)
        half = layers // 2
        if not half:
            return float(sums.sum()), float(sums.sum())
        low, high = (float(part.sum()) * layers / half for part in (sums[:half], sums[-half:]))
        mean = float(sums.sum())
        return mean + (low - high) / 2, mean + (high - low) / 2

    def positions(self) -> Floats:
        """Of the points, in m, in array-axis order."""
        self._fetch()
        out = np.empty_like(self.place)
        out[:, list(self.order)] = self.place * (self.box / self.cells)
        return out

    def _step(self, edges: Floats, dt: float, rate: float) -> None:
        shape, wrap = (tuple(int(n) for n in numbers) for numbers in (self.cells, self.wrap))
        size = tuple(float(e) for e in edges)
        gather, move = self.kernels.gather, self.kernels.move
        gather(self.device_packet, self.first, self.node, shape, wrap, size, DAMPING)
        move(
            self.node,
            self.device_packet,
            self.device_kinds,
            self.flat,
            self.device_state,
            self.table,
            shape,
            wrap,
            size,
            dt,
            rate,
            OPENS,
            self.closes,
            self.point_volume,
            self.far,
        )
        self.steps, self.closes = self.steps + 1, CLOSES

    def saved(self) -> dict[str, Any]:
        """Where the points are and what they bear, to ``restore``."""
        self._fetch()
        return {name: copy(getattr(self, name)) for name in SAVED}

    def restore(self, saved: Mapping[str, Any]) -> None:
        """Go back to what was ``saved``; the number of steps goes on."""
        for name, value in saved.items():
            setattr(self, name, copy(value))
        self._sort()

    def _fetch(self) -> None:
        """Bring the points' state to the host."""
        self.state = runtime.to_host(self.device_state).reshape(-1, kernels.STATE).copy()
        self.packet = runtime.to_host(self.device_packet).reshape(-1, kernels.PACKET).copy()
        self.place = self.base + 0.5 + self.packet[:, :3]

    def _resort(self) -> None:
        self._fetch()
        layers = max(1, round(self.box[0] / self.edge))
        if self.merges and self.cells[0] * FLAT > layers:
            share = layers / self.cells[0]
            self.place[:, 0] *= share
            self.packet[:, 6:15:3] /= share  # changes of momentum along cells that are now thicker
            self.cells[0] = layers
        self._sort()

    def _sort(self) -> None:
        """Sort the points by cell, so that nodes find them, and bring all to the device."""
        for a in range(3):
            if self.wrap[a]:
                self.place[:, a] %= self.cells[a]
            else:
                edge = 1e-6 * self.cells[a]
                self.place[:, a] = np.clip(self.place[:, a], edge, self.cells[a] - edge)
        cells = np.minimum(self.place.astype(np.int64), self.cells - 1)
        flat = np.ravel_multi_index(tuple(cells.T), tuple(self.cells))
        order = np.argsort(flat, kind="stable")
        for name in ("place", "labels", "kinds", "state", "packet"):
            setattr(self, name, getattr(self, name)[order])
        self.base, flat = cells[order], flat[order]
        self.layer = self.base[:, 0]
        self.packet[:, :3] = self.place - self.base - 0.5
        counts = np.bincount(flat, minlength=int(np.prod(self.cells)))
        first = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
        self.first, self.flat = (runtime.to_device(a) for a in (first, flat.astype(np.int32)))
        self.device_kinds = runtime.to_device(self.kinds)
        self.device_state = runtime.to_device(self.state)
        self.device_packet = runtime.to_device(self.packet)
        self.node = runtime.zeros(kernels.NODE * len(counts), np.float32)
        self.far = runtime.zeros(1, np.int32)
        self.kernels = kernels.build()


def _points(
    voxels: NDArray[np.int64], labels: NDArray[Any], split: int
) -> tuple[Floats, NDArray[Any]]:
    """Points of voxels, in voxels from the corner: one at each centre, or eight around it."""
    centres = voxels.astype(np.float64) + 0.5
    if split == 1:
        return centres, labels
    offsets = (np.array(list(np.ndindex(2, 2, 2))) - 0.5) / 2
    return (centres[:, None, :] + offsets).reshape(-1, 3), np.repeat(labels, 8)


def _table(
    volume: Volume, stiffness: Mapping[Phase, Isotropic], yield_stress: Mapping[Phase, float]
) -> tuple[dict[int, str], Floats]:
    """Phases with stiffness by label, and their bulk and shear modulus and yield stress."""
    limits = {volume.phase_id(phase): limit for phase, limit in yield_stress.items()}
    rows = {}
    for phase, solid in stiffness.items():
        label = volume.phase_id(phase)
        if not isinstance(solid, Isotropic) or solid.is_field:
            raise InvalidInputError(
                f"the stiffness of {phase!r} is {solid!r}: give solvers.Isotropic(E, nu), numbers"
            )
        lam, mu = solid.lame()
        limit = limits.get(label, math.inf)
        if not limit > 0.0:
            raise InvalidInputError(f"the yield stress of {phase!r} is {limit!r}: give Pa > 0")
        rows[label] = (lam + 2 * mu / 3, mu, limit)
    if unknown := [volume.phase_name(label) for label in limits if label not in rows]:
        raise InvalidInputError(f"{unknown} have a yield stress but no stiffness: give both")
    if not rows:
        raise InvalidInputError("stiffness names no phase: give {phase: solvers.Isotropic(E, nu)}")
    names = {label: volume.phase_name(label) for label in rows}
    return names, np.array(list(rows.values()), dtype=float)
