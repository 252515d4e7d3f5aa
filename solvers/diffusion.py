"""Diffusion: div(sigma grad phi) = 0 by finite volumes on voxels, between electrodes or periodic.

Arrays have the flow along axis 0. Faces conduct as two half voxels in series (harmonic mean), with
an area-specific resistance between them where one is given; electrodes touch the outer faces of
the first and last layer.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers import runtime
from solvers.cut_components import Cuts
from solvers.face_level import FaceLevel, FaceMultigrid, hierarchy
from solvers.face_operator import FaceOperator
from solvers.face_resistance import FaceResistance
from solvers.graph_level import GraphMultigrid, StrongMultigrid, is_fragmented
from solvers.grid import Grid
from solvers.islands import IslandMultigrid, above, find_islands, levels
from solvers.medium import CONDUCTS, ELECTRODE, Kind, Medium, Triple
from solvers.resistive_faces import ResistiveFaces, resistive_faces
from solvers.runtime import DeviceArray
from solvers.turn import Turn
from solvers.voxel_faces import CLOSED, Sides

Classes = NDArray[np.uint8] | NDArray[np.uint16]
Real = type[np.floating]
GridPreconditioner = FaceMultigrid | IslandMultigrid | GraphMultigrid | StrongMultigrid

STRETCHED = 300.0  # conductance of faces along one axis over that along another
APART = 3e5  # contrast from which on the graph of the good conductors is worth its time


@dataclass(frozen=True, slots=True)
class Ends:
    """What lies beyond the first and the last layer along axis 0.

    ``contacts`` are resistances, in the operator's unit; ``fed`` is the end, 0 or 1, into which a
    uniform flux flows instead of an electrode being there.
    """

    contacts: tuple[float, float] = (0.0, 0.0)
    fed: int | None = None


@dataclass(frozen=True, eq=False)
class Diffusion:
    """The equations, and the operators that stand for them in single or double precision.

    Args:
        classes: class of each voxel, uint8 or uint16 of shape (n0, n1, n2); 0 insulates.
        sigma: conductivity of class 1, 2, … in ascending order, the largest about 1, shape (n,);
            or along each axis, shape (n, 3).
        spacing: voxel edges (h0, h1, h2), any unit; the smallest is 1.
        resistance: of faces between voxels, in that unit over that of sigma.
        conductivity: of each voxel instead of ``sigma``, where the class is not 0.
        ends: what lies beyond the ends; nothing does along periodic axes.
        periodic: axes along which the last voxel touches the first.
    """

    classes: Classes
    sigma: NDArray[np.float64]
    spacing: Triple
    resistance: FaceResistance | None = None
    conductivity: NDArray[np.floating] | None = None
    ends: Ends = field(default_factory=Ends)
    periodic: Sides = CLOSED

    def __post_init__(self) -> None:
        self.grid.checked()

    @property
    def grid(self) -> Grid:
        """Layout of flat arrays."""
        n0, n1, n2 = self.classes.shape
        return Grid((n0, n1, n2))

    @property
    def weights(self) -> Triple:
        """1/h² of each axis."""
        w0, w1, w2 = (1.0 / h**2 for h in self.spacing)
        return w0, w1, w2

    @property
    def shares(self) -> tuple[float, float]:
        """Share of the outermost faces' energy that belongs to the voxels of this side."""
        return (0.5, 0.5) if self.periodic[0] else (1.0, 1.0)

    def operator(self, dtype: Real) -> FaceOperator:
        """A in the given precision."""
        return FaceOperator(self.single if dtype is np.float32 else self.double)

    @cached_property
    def single(self) -> Medium:
        """The conductances in single precision, in the smallest form."""
        return self._medium(np.float32)

    @cached_property
    def double(self) -> Medium:
        """The conductances in double precision, in the smallest form."""
        return self._medium(np.float64)

    def _medium(self, dtype: Real) -> Medium:
        if self.resistance is not None:
            assert self.resistive is not None
            return self.resistive.medium.stored(dtype)
        if self.sigma.ndim == 2:
            return _directional(self, dtype)
        return _plain_medium(self, dtype)

    @cached_property
    def resistive(self) -> ResistiveFaces | None:
        """Faces with a resistance of their own; None without any."""
        if self.resistance is None:
            return None
        bare = _directional(self, np.float64) if self.sigma.ndim == 2 else None
        bare = bare or _plain_medium(self, np.float64)
        faces = runtime.to_host(bare.stored().values).reshape(3, -1)
        return resistive_faces(self.grid, self.spacing, faces, self.resistance, self.periodic)

    def cuts(self, resistive: ResistiveFaces | None) -> Cuts | None:
        """Faces whose resistance parts what they join; None if there are none."""
        if resistive is None or not any(len(cut) for cut in resistive.cuts):
            return None
        return resistive.cuts

    def preconditioner(self, dtype: Real, b: DeviceArray = None) -> GridPreconditioner:
        """Multigrid in the given precision, of the kind that the structure asks for.

        On the graph of what conducts where that is fragmented; on the grid else, with islands of
        good conductors corrected, or with the graph of those besides where they are fragmented.
        ``b`` is where right-hand sides will be, if they are of the same precision.
        """
        medium, gaps = self.operator(dtype).medium, levels(self)
        cut = self.cuts(self.resistive) is not None
        if not gaps and not cut and (self.is_fragmented or self.is_stretched):
            return GraphMultigrid(medium, self._places(self.classes > 0))
        if len(gaps) == 1 and not cut and gaps[0].ratio >= APART:
            strong = above(self, gaps[0].least)
            if is_fragmented(strong):
                finest = FaceMultigrid(hierarchy(FaceLevel(medium, self.reach)))
                return StrongMultigrid(finest, GraphMultigrid(medium, self._places(strong)))
        multigrid = FaceMultigrid(hierarchy(FaceLevel(medium, self.reach, b)), shares=True)
        return self._with_islands(multigrid)

    def turned(self, earlier: GridPreconditioner, turn: Turn) -> GridPreconditioner:
        """Multigrid from that of the same voxels before a turn: neither merged nor grouped anew."""
        if isinstance(earlier, IslandMultigrid):
            earlier = earlier.multigrid  # which islands the electrodes hold is found anew
        earlier.turn(turn, self.operator(earlier.dtype).medium)
        return self._with_islands(earlier) if isinstance(earlier, FaceMultigrid) else earlier

    def _with_islands(self, multigrid: FaceMultigrid) -> FaceMultigrid | IslandMultigrid:
        islands = find_islands(self)
        return IslandMultigrid(multigrid, islands) if islands else multigrid

    @cached_property
    def is_fragmented(self) -> bool:
        """True if what conducts hangs together by single voxels in many places."""
        return is_fragmented(self.classes > 0)

    @property
    def reach(self) -> Triple:
        """Edges as they couple: in proportion to h/√σ along each axis."""
        if self.sigma.ndim == 1:
            return self.spacing
        along = np.sqrt(self.sigma.mean(axis=0))
        h0, h1, h2 = (h / float(s) for h, s in zip(self.spacing, along, strict=True))
        return h0, h1, h2

    @property
    def is_stretched(self) -> bool:
        """True if faces along one axis conduct far less than along another."""
        along = self.sigma.max(axis=0) if self.sigma.ndim == 2 else np.full(3, self.sigma.max())
        least = self.sigma.min(axis=0) if self.sigma.ndim == 2 else np.full(3, self.sigma.max())
        strong = max(w * s for w, s in zip(self.weights, along, strict=True))
        weak = min(w * s for w, s in zip(self.weights, least, strict=True))
        return bool(strong > STRETCHED * weak)

    def _places(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.flatnonzero(self.grid.flat(mask))

    def layered_potential(self, operator: FaceOperator, axis: int = 0) -> DeviceArray:
        """The best potential that depends on depth along ``axis`` only, falling by 1, flat.

        Where the flux is given, for a total of 1.
        """
        x = runtime.zeros(operator.size, operator.dtype)
        conductance, _ = operator.layers(x, axis)
        n, open_ = self.grid.shape[axis], self.periodic[axis]
        drops = np.divide(1.0, conductance, out=np.zeros(n + 1), where=conductance > 0)
        if open_:
            drops[0] = 0.0  # the same faces as the last
        levels = 1.0 - np.cumsum(drops)[:-1] / drops.sum()
        if self.ends.fed is not None and axis == 0:
            levels *= drops.sum()
            levels = levels - drops.sum() if self.ends.fed else levels
        flat = runtime.to_host(x)
        shape = [1, 1, 1]
        shape[axis] = n
        self.grid.voxels(flat)[...] = levels.reshape(shape)
        self.hold(flat.reshape(self.grid.padded))
        runtime.assign(x, flat)
        self.wrap(operator, x, axis)
        return x

    def hold(self, padded: NDArray[np.floating]) -> None:
        """Put the electrodes' potentials, 1 and 0, where there are any."""
        if not self.periodic[0]:
            padded[0, 1:-1, 1:-1] = 1.0 if self.ends.fed is None else 0.0

    def wrap(self, operator: FaceOperator, x: DeviceArray, axis: int = 0) -> None:
        """Fill the halo beyond periodic axes, of a potential that falls by 1 along ``axis``."""
        j0, j1, j2 = (float(a == axis) for a in range(3))
        operator.medium.wrap(x, (j0, j1, j2))

    @property
    def fed_layer(self) -> int:
        """Layer of voxels, in an array without halo, into which a given flux flows."""
        return -1 if self.ends.fed else 0

    @cached_property
    def feed(self) -> NDArray[np.float64]:
        """Current into each voxel of the fed layer, of either sign, a total of 1."""
        into = (self.classes[self.fed_layer] > 0).astype(float)
        return into / into.sum() * (-1.0 if self.ends.fed else 1.0)

    def entry_loss(self) -> NDArray[np.float64]:
        """Power that the fed current loses in the half voxels it enters through."""
        layer = self.classes[self.fed_layer]
        if self.conductivity is not None:
            sigma = np.where(layer > 0, self.conductivity[self.fed_layer], 0.0)
        else:
            by_class = self.sigma if self.sigma.ndim == 1 else self.sigma[:, 0]
            sigma = np.concatenate([[0.0], by_class])[layer]
        half = 2.0 * sigma * self.weights[0]
        return np.divide(self.feed**2, half, out=np.zeros_like(self.feed), where=layer > 0)


def _plain_medium(problem: Diffusion, dtype: Real) -> Medium:
    """A medium of one number per voxel: its class, a mask, or its resistivity."""
    plain, one = problem.conductivity is None, len(problem.sigma) == 1
    if plain and one and not any(problem.ends.contacts):
        mask = problem.grid.flat((problem.classes > 0).astype(np.uint8))
        _close(problem, mask, (CONDUCTS * ELECTRODE,) * 2, 0)
        return _medium(problem, "mask", mask, dtype, scale=float(problem.sigma[0]))
    low, high = (2.0 * contact / problem.spacing[0] for contact in problem.ends.contacts)
    if plain and dtype is np.float64:  # a byte or two instead of eight
        classes, last = problem.grid.flat(problem.classes), len(problem.sigma) + 1
        _close(problem, classes, (last, last + 1), 0)
        table = np.concatenate([[np.inf], 1.0 / problem.sigma, [low, high]])
        return _medium(problem, "classes", classes, dtype, runtime.to_device(table))
    values = np.full(problem.grid.padded, np.inf, dtype)
    inner = values[1:-1, 1:-1, 1:-1]
    if problem.conductivity is None:
        inner[...] = np.concatenate([[np.inf], 1.0 / problem.sigma]).astype(dtype)[problem.classes]
    else:
        flows = problem.classes > 0
        np.divide(1.0, problem.conductivity, out=inner, where=flows, casting="same_kind")
    _close(problem, values, (low, high), np.inf)
    return _medium(problem, "resistivity", values, dtype)


def _medium(
    problem: Diffusion,
    kind: Kind,
    values: NDArray[Any],
    dtype: Real,
    table: DeviceArray = None,
    scale: float = 1.0,
) -> Medium:
    w0, w1, w2 = (w * scale for w in problem.weights)
    device = runtime.to_device(values)
    return Medium(problem.grid, kind, device, dtype, (w0, w1, w2), table, problem.periodic)


def _close(
    problem: Diffusion, values: NDArray[Any], ends: tuple[float, float], none: float
) -> None:
    """Fill the halo: electrodes beyond the ends, or nothing where the flux is given; far sides."""
    problem.grid.repeat(values, problem.periodic)
    padded = values.reshape(problem.grid.padded)
    if not problem.periodic[0]:
        for end, plane in enumerate((0, -1)):
            value = none if problem.ends.fed == end else ends[end]
            padded[plane, 1:-1, 1:-1] = value


def _directional(problem: Diffusion, dtype: Real) -> Medium:
    """Stored faces of conductivities that differ along the axes."""
    grid, out = problem.grid, []
    for axis in range(3):
        alone = Diffusion(
            problem.classes,
            problem.sigma[:, axis],
            problem.spacing,
            ends=problem.ends,
            periodic=problem.periodic,
        )
        faces = runtime.to_host(_plain_medium(alone, np.float64).stored().values)
        out.append(faces.reshape(3, -1)[axis].astype(dtype))
    values = runtime.to_device(np.stack(out))
    return Medium(grid, "stored", values, dtype, periodic=problem.periodic)


def current_norm(problem: Diffusion, operator: FaceOperator, r: DeviceArray, axis: int) -> float:
    """|b| of the currents that the electrodes or the gradient drive into voxels at potential 0.

    ``r`` is overwritten.
    """
    if problem.ends.fed is not None:
        return _norm(problem.feed)
    layer, layers = problem.grid.strides[0], problem.grid.shape[0]
    if not any(problem.periodic):
        layers = 1  # beyond the first, nothing touches the electrode at potential 1
    flat = np.zeros((layers + 2, *problem.grid.padded[1:]), operator.dtype)
    problem.hold(flat)
    x = runtime.to_device(flat)
    problem.wrap(operator, x, axis)
    operator.defect(x, r, layers)
    inner = runtime.to_host(r)[layer : layer * (layers + 1)]
    return _norm(inner) or 1.0


def _norm(vector: NDArray[np.floating]) -> float:
    """Without BLAS, whose threads would spin on while ours work."""
    return float(np.sqrt(np.square(vector, dtype=np.float64).sum()))
