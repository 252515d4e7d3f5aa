"""SeamLevel: where multigrid goes over from merging voxels by twos to a graph of what conducts.

Merged by twos, voxels of paths that pass close by each other end up in one, and what the current
does differently in them cannot be seen from there on. The graph keeps them apart; from the third
level on it has so few nodes that it costs little.
"""

import numpy as np
from numpy.typing import NDArray

from solvers import runtime
from solvers.aggregation import by_degree, graph_of
from solvers.graph_level import GraphLevel, graph_hierarchy
from solvers.medium import Medium
from solvers.multigrid import Level


class SeamLevel(Level):
    """A level whose right-hand side and solution lie on the grid, and whose work on a graph.

    Args:
        medium: what the faces of the grid conduct.
    """

    def __init__(self, medium: Medium) -> None:
        self.grid, self.dtype = medium.grid, medium.dtype
        elements = conducting(medium)
        graph, order = by_degree(graph_of(medium, elements))
        self.nodes = GraphLevel(graph)
        self.kernels = self.nodes.kernels
        self.elements = runtime.to_device(elements.astype(np.int32)[order])
        self.b, self.x = (runtime.zeros(self.grid.size, self.dtype) for _ in range(2))

    def descend(self, coarse: GraphLevel, from_zero: bool) -> None:
        """Smooth, and hand the residual to ``coarse``."""
        self._gather()
        super().descend(coarse, from_zero)

    def ascend(self, coarse: GraphLevel) -> None:
        """Take the correction from ``coarse``, and smooth."""
        super().ascend(coarse)
        self._put()

    def smooth(self, from_zero: bool) -> None:
        """Chebyshev relaxation of the nodes."""
        self.nodes.smooth(from_zero)

    def restrict(self, coarse: GraphLevel) -> None:
        """Sum the residual of each aggregate into the right-hand side of ``coarse``."""
        self.nodes.restrict(coarse)

    def prolong(self, coarse: GraphLevel) -> None:
        """Add the correction of each aggregate to its nodes."""
        self.nodes.prolong(coarse)

    def solve(self) -> None:
        """Solve exactly."""
        self._gather()
        self.nodes.solve()
        self._put()

    def _gather(self) -> None:
        self.kernels.gather(self.b, self.elements, self.nodes.b)

    def _put(self) -> None:
        self.kernels.put(self.nodes.x, self.elements, self.x)


def seam(medium: Medium) -> list[Level]:
    """All levels from that of ``medium`` down to one that is solved exactly."""
    first = SeamLevel(medium)
    return [first, *graph_hierarchy(first.nodes)[1:]]


def conducting(medium: Medium) -> NDArray[np.int64]:
    """Places in a flat array of the voxels that anything is joined to, ascending."""
    grid = medium.grid
    faces = runtime.to_host(medium.stored().values).reshape(-1, grid.size) > 0
    joined = np.logical_or.reduce(faces)  # by an upper face, or to 0
    for upper, step in zip(faces, (*grid.strides, 1), strict=False):
        joined[step:] |= upper[:-step]
    return np.flatnonzero(grid.flat(grid.voxels(joined)))
