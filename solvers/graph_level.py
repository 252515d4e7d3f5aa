"""GraphLevel: a multigrid level on a graph, and preconditioners for fragmented structures.

Where voxels of a phase touch at random, merging them by twos mixes pieces that are far apart on
any path of current. Here the nodes of a coarser level are groups of connected voxels instead.

With the coarse edges at the share s = ``SCALE`` of what lies between the groups, a correction
overshoots by at most 1/s, and so does each cycle: eigenvalues of the preconditioned operator lie
in (0, 1/s]. Two visits of a coarser level turn λ into λ (2 - λ), which is positive and at most 1
if s > 1/2, so that the W-cycle is positive definite whatever the graph.
"""

from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import scipy.sparse
import scipy.sparse.csgraph
from numpy.typing import NDArray

from solvers import runtime
from solvers._kernels import graph as kernels
from solvers.aggregation import Graph, aggregates, by_degree, collapsed, fragmentation, graph_of
from solvers.face_operator import FaceOperator
from solvers.medium import Medium
from solvers.multigrid import Level, Multigrid, chebyshev_weights
from solvers.runtime import DeviceArray
from solvers.small_system import DeviceSolver, Solver, lower_upper, on_device, pseudo_inverse
from solvers.turn import Turn

if TYPE_CHECKING:
    from solvers.face_level import FaceMultigrid

Sparse: TypeAlias = Any  # scipy's arrays are not typed

DIRECT_NODES = 700  # solved exactly from here down
DEGREE, LOWEST = 6, 0.1  # damps the upper part of the spectrum of D⁻¹A, which ends at 2
SCALE = 0.55  # of coarse edges: potentials vary less within a group than groups of constants say
WORTH = 1.8  # fraction times voxels in a piece, from which on merging by twos is faster
BYTES_PER_NODE = {np.float32: 100, np.float64: 150}  # all levels; 60 and 90 near a threshold
SETUP_BYTES = (16, 200)  # per voxel of the grid and per node: the peak while it is made, at most


class GraphLevel(Level):
    """Right-hand side, solution and edges of one level, as device arrays with one node a row."""

    def __init__(self, graph: Graph) -> None:
        self.graph, self.size = graph, graph.size
        self.dtype = graph.weights.dtype.type
        self.b, self.x, self.spare = (runtime.zeros(self.size, self.dtype) for _ in range(3))
        self.first = runtime.to_device(graph.first)
        self.edges = tuple(map(runtime.to_device, (graph.columns, graph.weights, graph.ground)))
        self.kernels = kernels.build(runtime.taichi_type(self.dtype))
        self.weights = chebyshev_weights(DEGREE, LOWEST, 2.0)
        self.owners: DeviceArray = None
        self.members: tuple[DeviceArray, ...] = ()
        self.direct: Solver | None = None

    @cached_property
    def inverse(self) -> DeviceSolver:
        """The exact solve on a device of its own."""
        assert self.direct is not None
        return on_device(self.direct, np.arange(self.size))

    def smooth(self, from_zero: bool) -> None:
        """Chebyshev relaxation; the same polynomial before and after keeps the cycle symmetric."""
        if from_zero:
            _, *weights_and_ground = self.edges
            self.kernels.start(self.b, self.x, self.weights[0], self.first, *weights_and_ground)
        for weight in self.weights[from_zero:]:
            self.kernels.relax(self.x, self.b, self.spare, weight, self.first, *self.edges)
            self.x, self.spare = self.spare, self.x

    def restrict(self, coarse: "GraphLevel") -> None:
        """Sum the residual of each aggregate into the right-hand side of ``coarse``."""
        self.kernels.restrict(self.x, self.b, coarse.b, *self.members, self.first, *self.edges)

    def prolong(self, coarse: "GraphLevel") -> None:
        """Add the correction of each aggregate to its nodes."""
        self.kernels.prolong(coarse.x, self.x, self.owners)

    def solve(self) -> None:
        """Solve exactly, on the host if there is no other device or nothing joins the nodes."""
        if self.direct is None:
            self.direct = _factorised(self.graph)
        if not runtime.start().is_cpu and self.size <= DIRECT_NODES:
            self.inverse(self.b, self.x)
        else:
            solution = self.direct(runtime.to_host(self.b).astype(np.float64))
            runtime.assign(self.x, solution.astype(self.dtype))

    def hold(self, ground: NDArray[np.floating]) -> None:
        """Join the nodes to 0 by other conductances, shape (nodes,)."""
        self.graph = replace(self.graph, ground=ground)
        self.edges = (*self.edges[:2], runtime.to_device(ground))
        self.direct = None
        vars(self).pop("inverse", None)

    def merged(self, values: NDArray[np.floating], coarse: "GraphLevel") -> NDArray[np.floating]:
        """Sums over the aggregates of a value per node."""
        owners = runtime.to_host(self.owners)
        kept = owners >= 0
        sums = np.bincount(owners[kept], values[kept], minlength=coarse.size)
        return sums.astype(self.dtype)

    def coarser(self) -> "GraphLevel":
        """The next level."""
        groups = aggregates(self.graph)
        graph, order = by_degree(collapsed(self.graph, groups, SCALE))
        groups = groups.reordered(order)
        self.owners = runtime.to_device(groups.owners)
        self.members = tuple(map(runtime.to_device, groups.members()))
        return GraphLevel(graph)


def graph_hierarchy(finest: GraphLevel) -> list[GraphLevel]:
    """All levels from ``finest`` down to one that is solved exactly."""
    levels = [finest]
    while levels[-1].size > DIRECT_NODES and len(levels[-1].graph.columns):
        levels.append(levels[-1].coarser())
    return levels


class GraphMultigrid(Multigrid):
    """A preconditioner for vectors on a grid, which acts on some of its voxels only.

    Args:
        medium: what the faces conduct.
        elements: places of these voxels in a flat array, ascending; all others are held at 0.
    """

    def __init__(self, medium: Medium, elements: NDArray[np.integer]) -> None:
        graph, order = by_degree(graph_of(medium, elements))
        self.graphs = graph_hierarchy(GraphLevel(graph))  # all levels
        super().__init__(self.graphs)
        self.medium, self.size = medium, medium.grid.size
        self.elements = runtime.to_device(elements.astype(np.int32)[order])
        self.kernels = kernels.build(runtime.taichi_type(self.dtype))
        self.source: DeviceArray = None
        self.answer: DeviceArray = None

    @property
    def rhs(self) -> DeviceArray:
        """Right-hand side on the grid."""
        if self.source is None:
            self.source = runtime.zeros(self.size, self.dtype)
        return self.source

    @property
    def solution(self) -> DeviceArray:
        """What ``precondition`` made of the right-hand side, 0 where there is no node."""
        if self.answer is None:
            self.answer = runtime.zeros(self.size, self.dtype)
        return self.answer

    def take(self, r: DeviceArray) -> bool:
        """Read right-hand sides from ``r`` itself, if it is of this precision."""
        if runtime.dtype_of(r) != self.dtype:
            return False
        self.source = r
        return True

    def turn(self, turn: Turn, medium: Medium) -> None:
        """Go on with ``medium``, the faces of the same voxels with another axis first."""
        places = turn.places(runtime.to_host(self.elements), self.medium.grid)
        self.medium, self.elements = medium, runtime.to_device(places)
        ground = self._ground()
        self.graphs[0].hold(ground)
        for fine, coarse in pairwise(self.graphs):
            ground = fine.merged(ground, coarse)
            coarse.hold(ground)
        for vector in (self.source, self.answer):  # nothing may be left where no node is any more
            if vector is not None:
                vector.fill(0)

    def _ground(self) -> NDArray[np.floating]:
        """What joins each node to everything else, by the currents out of all of them at 1."""
        finest = self.graphs[0]
        ones, currents = (runtime.zeros(self.size, self.dtype) for _ in range(2))
        finest.x.fill(1)
        self.kernels.put(finest.x, self.elements, ones)
        self.medium.wrap(ones)
        FaceOperator(self.medium).product(ones, currents)
        self.kernels.gather(currents, self.elements, finest.b)
        return np.array(runtime.to_host(finest.b))

    def precondition(self) -> None:
        """``solution`` ≈ A⁻¹ ``rhs``."""
        self.cycle(self.rhs)
        self.kernels.put(self.levels[0].x, self.elements, self.solution)
        self.medium.wrap(self.solution)

    def cycle(self, residual: DeviceArray) -> None:
        """Leave the answer to a right-hand side on the grid in ``x`` of the finest level."""
        self.kernels.gather(residual, self.elements, self.levels[0].b)
        super().precondition()

    def raise_by(self, solution: DeviceArray) -> None:
        """Add that answer to a vector on the grid."""
        self.kernels.add(self.levels[0].x, self.elements, solution)


class StrongMultigrid:
    """Multigrid on all voxels, before and after it multigrid on the graph of those that conduct.

    Where they are fragmented and what lies between conducts a little, the one does not see how the
    strong voxels hang together, and the other sees nothing else. Islands are seen, too.

    Args:
        multigrid: for all voxels; its right-hand sides live here from now on.
        strong: for the strong voxels of the same medium.
    """

    def __init__(self, multigrid: "FaceMultigrid", strong: GraphMultigrid) -> None:
        self.multigrid, self.strong = multigrid, strong
        self.medium, self.dtype = multigrid.medium, multigrid.dtype
        self.source: DeviceArray = multigrid.rhs
        self.residual = runtime.zeros(self.medium.grid.size, self.dtype)
        self.first = runtime.zeros(strong.levels[0].x.shape[0], self.dtype)
        multigrid.levels[0].b = self.residual

    @property
    def rhs(self) -> DeviceArray:
        """Right-hand side, to be filled before ``precondition``."""
        return self.source

    @property
    def solution(self) -> DeviceArray:
        """What ``precondition`` made of the right-hand side."""
        return self.multigrid.solution

    @property
    def lent(self) -> DeviceArray:
        """A vector that is free between two cycles."""
        return self.multigrid.lent

    def take(self, r: DeviceArray) -> bool:
        """Read right-hand sides from ``r`` itself, if it is of this precision."""
        if runtime.dtype_of(r) != self.dtype:
            return False
        self.source = r
        return True

    def turn(self, turn: Turn, medium: Medium) -> None:
        """Go on with ``medium``, the faces of the same voxels with another axis first."""
        self.medium = medium
        self.multigrid.turn(turn, medium)
        self.strong.turn(turn, medium)
        self.source.fill(0)

    def strengthen(self) -> bool:
        """There is nothing stronger."""
        return False

    def precondition(self) -> None:
        """``solution`` ≈ A⁻¹ ``rhs``."""
        strong, kernels_ = self.strong, self.strong.kernels
        strong.cycle(self.rhs)
        finest = strong.levels[0]
        self.solution.fill(0)
        kernels_.put(finest.x, strong.elements, self.solution)
        self._defect()
        finest.x, self.first = self.first, finest.x
        self.multigrid.precondition()
        kernels_.add(self.first, strong.elements, self.solution)
        self._defect()
        strong.cycle(self.residual)
        strong.raise_by(self.solution)
        self.medium.wrap(self.solution)

    def _defect(self) -> None:
        """Set ``residual`` to what ``solution`` leaves of the right-hand side."""
        self.medium.wrap(self.solution)
        where = self.medium.where
        self.medium.kernels.residual(self.solution, self.rhs, self.residual, *where)


def is_fragmented(mask: NDArray[np.bool_]) -> bool:
    """True if multigrid on the graph of these voxels is likely to beat merging them by twos.

    The work on the graph goes with the number of nodes, that on the grid with all voxels times
    iterations, and these are many where pieces are small. The fraction of True voxels times the
    mean size of a piece (see ``fragmentation``) is .37 to .87 for random voxels at .32 to .4 and
    .28 for a carbon-binder domain, where the graph is 2 to 10 times faster; 1 to 1.3 for a coarsely
    imaged anode, 1.7 for slices of a cathode; 2.1 to 4 for blobs and most real phases, where both
    are as fast and the grid takes less memory.
    """
    _, voxels = fragmentation(mask)
    return bool(voxels * np.count_nonzero(mask) < WORTH * mask.size)


def _factorised(graph: Graph) -> Solver:
    """Exact solve of a small graph; what nothing holds keeps a mean of zero."""
    if not len(graph.columns):
        held = graph.ground.astype(np.float64)
        inverse = np.divide(1.0, held, out=np.zeros_like(held), where=held > 0)
        return lambda rhs: inverse * rhs
    links = _links(graph)
    diagonal = links.sum(axis=1, dtype=np.float64) + graph.ground
    scale = 1.0 / np.sqrt(diagonal.clip(1e-300))  # a unit diagonal at any contrast
    scaling = scipy.sparse.diags_array(scale)
    matrix = scaling @ (scipy.sparse.diags_array(diagonal) - links) @ scaling
    inner = pseudo_inverse(matrix.toarray()) if _floats(graph, links) else lower_upper(matrix)
    return lambda rhs: scale * inner(scale * rhs)


def _floats(graph: Graph, links: Sparse) -> bool:
    """True if nothing holds some connected part."""
    count, parts = scipy.sparse.csgraph.connected_components(links, directed=False)
    return bool((np.bincount(parts, graph.ground, minlength=count) == 0).any())


def _links(graph: Graph) -> Sparse:
    edges = (graph.weights.astype(np.float64), graph.columns, graph.first)
    return scipy.sparse.csr_array(edges, (graph.size, graph.size))
