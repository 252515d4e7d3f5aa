"""Islands of conduction with tensors: clusters that conduct far better than all around them.

Merging voxels by twos mixes an island with its neighbours, so that multigrid hardly sees that it
floats at a potential of its own. What it misses is one number per island, and these are the
solution of a small system: the operator on potentials that are constant on islands and 0 elsewhere.
An island is made of voxels that share corners, so islands of one threshold share no node.
"""

from collections.abc import Iterator
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import scipy.ndimage
import scipy.sparse
import scipy.sparse.linalg
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from solvers.hexahedron import Spacing
from solvers.islands import CONTRAST, Islands
from solvers.multigrid import Multigrid
from solvers.node_grid import NodeGrid
from solvers.runtime import DeviceArray
from solvers.tensor_level import element_matrices, node_values, seal

SINGULAR = 1e-6  # added to the unit diagonal: islands that leave no node between them float freely


class TensorMultigrid:
    """Multigrid plus the constants of islands: symmetric and positive as well."""

    def __init__(self, multigrid: Multigrid, grid: NodeGrid, islands: tuple[Islands, ...]) -> None:
        self.multigrid, self.grid, self.islands = multigrid, grid, islands
        self.dtype = multigrid.dtype

    @property
    def rhs(self) -> DeviceArray:
        """Right-hand side, to be filled before ``precondition``."""
        return self.multigrid.rhs

    @property
    def solution(self) -> DeviceArray:
        """What ``precondition`` made of the right-hand side."""
        return self.multigrid.solution

    @property
    def lent(self) -> DeviceArray:
        """No vector is lent."""
        return None

    def take(self, r: DeviceArray) -> bool:
        """Right-hand sides must be copied to ``rhs``."""
        return self.multigrid.take(r)

    def precondition(self) -> None:
        """``solution`` ≈ A⁻¹ ``rhs``."""
        self.multigrid.precondition()
        for islands in self.islands:
            islands.correct(self.rhs, self.solution)
        if self.islands:
            seal(self.solution, self.grid)


def find_islands(
    classes: NDArray[np.uint16], matrices: NDArray[np.float64], spacing: Spacing, grid: NodeGrid
) -> tuple[Islands, ...]:
    """Islands above every gap of ``CONTRAST`` in the mean conductivities of the classes."""
    sizes = np.einsum("naa->n", matrices) / 3.0
    present = np.unique(classes)
    levels = np.sort(sizes[present[present > 0].astype(int) - 1])
    found = []
    for least in levels[1:][levels[1:] > CONTRAST * levels[:-1]]:
        owners = _owners(np.append(False, sizes >= least)[classes], grid)
        if (islands := _islands(owners, classes, matrices, spacing, grid)) is not None:
            found.append(islands)
    return tuple(found)


def _owners(mask: NDArray[np.bool_], grid: NodeGrid) -> NDArray[np.int32]:
    """Island 1, 2, … of every node, shape of the grid's nodes; 0 for none or one that is held."""
    found, count = scipy.ndimage.label(mask, np.ones((3, 3, 3)))
    around = list(_around(found.astype(np.int64), grid))
    owners = np.max(around, axis=0)
    links = [owners[own] * (count + 1) + other[own]
             for other in around for own in [(other > 0) & (other != owners)]]  # fmt: skip
    pairs = np.unique(np.concatenate(links))
    shape = (count + 1, count + 1)
    graph = scipy.sparse.coo_array((np.ones(len(pairs)), np.divmod(pairs, count + 1)), shape)
    _, whole = connected_components(graph, directed=False)
    owners = np.where(owners > 0, whole[owners], -1)
    if not grid.periodic[0]:  # an electrode holds the potential
        owners[np.isin(owners, owners[[0, -1]])] = -1
    _, owners = np.unique(np.append(-1, owners), return_inverse=True)  # 0 is no island
    numbered: NDArray[np.int32] = owners[1:].reshape(grid.nodes).astype(np.int32)
    return numbered


def _around(labels: NDArray[np.int64], grid: NodeGrid) -> Iterator[NDArray[np.int64]]:
    """Label of each of the eight voxels around every node, 0 outside."""
    periodic = grid.periodic[0]
    padded = np.pad(labels, 1, mode="wrap") if periodic else np.pad(labels, 1)
    z, y, x = grid.nodes
    for i, j, k in np.ndindex(2, 2, 2):
        yield padded[i : i + z, j : j + y, k : k + x]


def _islands(
    owners: NDArray[np.int32],
    classes: NDArray[np.uint16],
    matrices: NDArray[np.float64],
    spacing: Spacing,
    grid: NodeGrid,
) -> Islands | None:
    count = int(owners.max())
    network = _network(owners, classes, element_matrices(matrices, spacing), count)
    diagonal = network.diagonal()[1:]
    floating = np.flatnonzero(diagonal > 0.0)  # what nothing but insulators surrounds does not
    if len(floating) == 0:
        return None
    scale = 1.0 / np.sqrt(diagonal[floating])
    scaling = scipy.sparse.diags_array(scale)
    matrix: Any = scaling @ network.tocsr()[floating + 1][:, floating + 1] @ scaling
    matrix = matrix + SINGULAR * scipy.sparse.eye_array(len(floating))
    factor = scipy.sparse.linalg.splu(matrix.tocsc())
    number = np.full(count + 1, -1)
    number[floating + 1] = np.arange(len(floating))
    flat = np.full(grid.size, -1)
    node_values(flat, grid)[:] = number[owners]
    elements = np.flatnonzero(flat >= 0)
    islands = flat[elements].astype(np.int32)
    return Islands(
        elements, islands, len(floating), lambda sources: scale * factor.solve(scale * sources)
    )


def _network(
    owners: NDArray[np.int32],
    classes: NDArray[np.uint16],
    elements: NDArray[np.float64],
    count: int,
) -> Any:
    """Conductance between islands 1, 2, … and everything else, number 0; shape (count + 1,) * 2."""
    corners = [_corner(owners, classes.shape, np.array(step)) for step in np.ndindex(2, 2, 2)]
    low, high = np.min(corners, axis=0), np.max(corners, axis=0)
    between = np.flatnonzero((low != high) & (classes > 0))
    of = classes.ravel()[between].astype(int) - 1
    held = [corner.ravel()[between] for corner in corners]
    network = scipy.sparse.csr_array((count + 1, count + 1))
    for a, b in combinations_with_replacement(range(8), 2):
        value = elements[of, a, b] * (0.5 if a == b else 1.0)
        network = (
            network + scipy.sparse.coo_array((value, (held[a], held[b])), network.shape).tocsr()
        )
    return network + network.T


def _corner(
    owners: NDArray[np.int32], shape: tuple[int, ...], step: NDArray[np.intp]
) -> NDArray[np.int32]:
    """Owner of one corner of every voxel."""
    places = [(np.arange(n) + s) % m for n, s, m in zip(shape, step, owners.shape, strict=True)]
    return owners[np.ix_(*places)]
