"""Islands: clusters that conduct far better than all around them, and float at their own potential.

Merging voxels by twos mixes an island with its surroundings and with its neighbours, so that
multigrid sees its potential hardly at all. What it misses is one number per island: the residual
summed over the island, over the conductance out of it. Islands of one threshold never touch, so
these numbers are independent of each other, but where only resistive faces part the islands: then
they are the solution of a small system.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from solvers import runtime
from solvers._kernels import vectors
from solvers.components import faces_reached
from solvers.cut_components import Cuts
from solvers.face_level import FaceMultigrid
from solvers.face_operator import FaceOperator
from solvers.medium import Medium
from solvers.periodic_components import periodic_labels
from solvers.runtime import DeviceArray

if TYPE_CHECKING:
    from solvers.diffusion import Diffusion

Rise = Callable[[NDArray[Any]], NDArray[np.float64]]

CONTRAST = 30.0  # below it, multigrid alone sees the islands well enough


@dataclass(frozen=True)
class Islands:
    """Islands of one threshold: their elements in a flat array, whose they are, and what to add.

    ``rise`` turns the sources of all islands into the potentials that these ask for.
    """

    elements: NDArray[np.int64]
    owners: NDArray[np.int32]
    count: int
    rise: Rise

    def correct(self, residual: DeviceArray, solution: DeviceArray) -> None:
        """Raise each island in ``solution`` by what its residual asks for."""
        if runtime.start().is_cpu:
            sources = np.bincount(self.owners, residual[self.elements], minlength=self.count)
            solution[self.elements] += self.rise(sources)[self.owners].astype(solution.dtype)
        else:  # no more than a number per island passes through the host
            real, sums = runtime.taichi_type(runtime.dtype_of(residual)), self._sums
            kernels = vectors.chosen(real)
            sums.fill(0.0)
            kernels.collect(residual, *self._places, sums)
            runtime.assign(sums, self.rise(runtime.to_host(sums)))
            kernels.spread(sums, *self._places, solution)

    @cached_property
    def _places(self) -> tuple[DeviceArray, DeviceArray]:
        """Elements and their owners on a device of its own."""
        return runtime.to_device(self.elements.astype(np.int32)), runtime.to_device(self.owners)

    @cached_property
    def _sums(self) -> DeviceArray:
        return runtime.zeros(self.count, np.float64)


class IslandMultigrid:
    """Multigrid plus the constant correction of every island: symmetric and positive as well."""

    def __init__(self, multigrid: FaceMultigrid, islands: tuple[Islands, ...]) -> None:
        self.multigrid, self.islands, self.dtype = multigrid, islands, multigrid.dtype

    @property
    def rhs(self) -> DeviceArray:
        """Right-hand side, to be filled before ``precondition``."""
        return self.multigrid.rhs

    @property
    def solution(self) -> DeviceArray:
        """What ``precondition`` made of the right-hand side."""
        return self.multigrid.solution

    @property
    def medium(self) -> Medium:
        """What the faces of the finest level conduct."""
        return self.multigrid.medium

    @property
    def lent(self) -> DeviceArray:
        """A vector that is free between two cycles."""
        return self.multigrid.lent

    def take(self, r: DeviceArray) -> bool:
        """Read right-hand sides from ``r`` itself, which is of this precision."""
        return self.multigrid.take(r)

    def strengthen(self) -> bool:
        """Converge faster from now on, at a price; False if there is no way."""
        return self.multigrid.strengthen()

    def precondition(self) -> None:
        """``solution`` ≈ A⁻¹ ``rhs``."""
        self.multigrid.precondition()
        for islands in self.islands:
            islands.correct(self.rhs, self.solution)
        self.medium.wrap(self.solution)


def find_islands(problem: "Diffusion") -> tuple[Islands, ...]:
    """Islands above every gap of ``CONTRAST`` in the conductivities, where there are any."""
    resistive = problem.resistive
    cuts, gaps = problem.cuts(resistive), levels(problem)
    if not gaps and cuts is None:
        return ()
    whole = [] if cuts is None else [problem.classes > 0]
    masks = chain(whole, (above(problem, gap.least) for gap in gaps))
    operator = problem.operator(np.float32)
    found = (_islands(problem, operator, mask, cuts) for mask in masks)
    return tuple(islands for islands in found if islands is not None)


@dataclass(frozen=True, slots=True)
class Gap:
    """A gap in the conductivities: the ``least`` above it, and its ``ratio`` to the one below."""

    least: float
    ratio: float


def levels(problem: "Diffusion") -> list[Gap]:
    """Every gap of ``CONTRAST`` in the conductivities, in ascending order."""
    if problem.conductivity is None:
        sigma = problem.sigma if problem.sigma.ndim == 1 else problem.sigma.max(axis=1)
        sigma = np.sort(sigma)
    else:
        sigma = _occupied(problem.conductivity[problem.classes > 0])
    return [
        Gap(float(high), float(high / low))
        for low, high in pairwise(sigma)
        if high > CONTRAST * low
    ]


def _occupied(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """The ends of every run of values closer than an eighth of a decade."""
    edges = np.arange(np.floor(8 * np.log10(values.min())), 8 * np.log10(values.max()) + 2)
    counts, _ = np.histogram(np.log10(values), edges / 8)
    places = np.flatnonzero(counts)
    return np.sort(
        np.concatenate([10 ** (edges[places] / 8), 10 ** (edges[places + 1] / 8 - 1e-9)])
    )


def above(problem: "Diffusion", least: float) -> NDArray[np.bool_]:
    """True where the conductivity is at least this."""
    if problem.conductivity is not None:
        return (problem.classes > 0) & (problem.conductivity >= least)
    sigma = problem.sigma if problem.sigma.ndim == 1 else problem.sigma.max(axis=1)
    return np.concatenate([[False], sigma >= least])[problem.classes]


def _islands(
    problem: "Diffusion", operator: FaceOperator, mask: NDArray[np.bool_], cuts: Cuts | None
) -> Islands | None:
    labels, count = periodic_labels(mask, problem.periodic, cuts)
    held = np.zeros(count + 1, bool)
    held[0] = True
    if not problem.periodic[0]:  # an electrode holds the potential
        reached = faces_reached(labels, count)
        for end in range(2):
            if problem.ends.fed != end:
                held |= reached[end]
    number = np.cumsum(~held) - 1
    flat = problem.grid.flat(np.where(held, -1, number).astype(np.int32)[labels] + 1)
    elements = np.flatnonzero(flat)
    if len(elements) == 0:
        return None
    owners = flat[elements] - 1
    if cuts is None:
        rise = _rise_alone(operator, elements, owners)
    else:
        problem.grid.repeat(flat, problem.periodic)
        rise = _rise_together(operator, flat)
    return Islands(elements, owners, int(owners.max()) + 1, rise)


def _rise_alone(
    operator: FaceOperator, elements: NDArray[np.int64], owners: NDArray[np.int32]
) -> Rise:
    """Sources over the current out of each island, with all at 1 and everything else at 0."""
    potential = np.zeros(operator.size, np.float32)
    potential[elements] = 1.0
    current = runtime.zeros(operator.size, np.float32)
    x = runtime.to_device(potential)
    operator.medium.wrap(x)
    operator.apply(x, current)
    outflow = np.bincount(owners, runtime.to_host(current)[elements])
    # an island in nothing but insulators has no outflow; percolation has removed those
    inverse = np.divide(1.0, outflow, out=np.zeros_like(outflow), where=outflow > 0)
    return lambda sources: inverse * sources


def _rise_together(operator: FaceOperator, owners: NDArray[np.int32]) -> Rise:
    """Solution of the network of islands 1, 2, … with everything else, number 0, at 0.

    Islands that touch nothing else in the end, as in a periodic volume, have one of them at 0.
    """
    grid, periodic = operator.grid, operator.medium.periodic
    faces = runtime.to_host(operator.medium.stored(np.float64).values).reshape(3, -1)
    count = int(owners.max())
    network = scipy.sparse.csr_array((count + 1, count + 1))
    own = np.zeros(grid.padded, bool)  # the halo beyond periodic axes repeats faces of its voxels
    own[tuple(slice(1, -1) if repeats else slice(None) for repeats in periodic)] = True
    faces = np.where(own.ravel(), faces, 0.0)
    for along, step in zip(faces, (*grid.strides, 1), strict=True):
        p = np.flatnonzero((owners[:-step] != owners[step:]) & (along[:-step] > 0))
        ends = (owners[p], owners[p + step])
        network = network + scipy.sparse.coo_array((along[p], ends), network.shape).tocsr()
    network = network + network.T
    total: NDArray[np.float64] = np.asarray(network.sum(axis=1))
    alone = _floating(network)  # sources add up to nothing there, and this one stays at 0
    total[alone] = np.where(total[alone] > 0.0, 2.0 * total[alone], 1.0)
    matrix: Any = scipy.sparse.diags_array(total[1:]) - network[1:, 1:]
    scale = 1.0 / np.sqrt(matrix.diagonal())  # a unit diagonal at any contrast of the resistances
    scaling = scipy.sparse.diags_array(scale)
    factor = scipy.sparse.linalg.splu((scaling @ matrix @ scaling).tocsc())
    return lambda sources: scale * factor.solve(scale * sources)


def _floating(network: Any) -> NDArray[np.int64]:
    """The first island of each part of the network that does not hang together with number 0."""
    _, part = connected_components(network, directed=False)
    _, first = np.unique(part, return_index=True)
    return first[first > 0]
