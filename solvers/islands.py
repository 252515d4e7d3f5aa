"""Islands: clusters that conduct far better than all around them, and float at their own potential.

Merging voxels by twos mixes an island with its surroundings and with its neighbours, so that
multigrid sees its potential hardly at all. What it misses is one number per island: the residual
summed over the island, over the conductance out of it. Islands of one threshold never touch, so
these numbers are independent of each other, but where only resistive faces part the islands: then
they are the solution of a small system.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse
import scipy.sparse.linalg
from numpy.typing import NDArray

from solvers import runtime
from solvers.components import component_labels, faces_reached
from solvers.cut_components import Cuts, cut_labels
from solvers.multigrid import Multigrid
from solvers.runtime import DeviceArray

if TYPE_CHECKING:
    from solvers.diffusion import Diffusion

Rise = Callable[[NDArray[Any]], NDArray[np.float64]]

CONTRAST = 30.0  # below it, multigrid alone sees the islands well enough


@dataclass(frozen=True, slots=True)
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
        sources = runtime.to_host(residual)[self.elements]
        rise = self.rise(np.bincount(self.owners, sources, minlength=self.count))
        values = runtime.to_host(solution)
        values[self.elements] += rise[self.owners].astype(values.dtype)
        if values is not solution:
            solution.from_numpy(values)


class IslandMultigrid:
    """Multigrid plus the constant correction of every island: symmetric and positive as well."""

    def __init__(self, multigrid: Multigrid, islands: tuple[Islands, ...]) -> None:
        self.multigrid, self.islands, self.dtype = multigrid, islands, multigrid.dtype

    @property
    def rhs(self) -> DeviceArray:
        """Right-hand side, to be filled before ``precondition``."""
        return self.multigrid.rhs

    @property
    def solution(self) -> DeviceArray:
        """What ``precondition`` made of the right-hand side."""
        return self.multigrid.solution

    def take(self, r: DeviceArray) -> bool:
        """Right-hand sides must be copied to ``rhs``."""
        return False

    def precondition(self) -> None:
        """``solution`` ≈ A⁻¹ ``rhs``."""
        self.multigrid.precondition()
        for islands in self.islands:
            islands.correct(self.rhs, self.solution)


def find_islands(operator: "Diffusion") -> tuple[Islands, ...]:
    """Islands above every gap of ``CONTRAST`` in the conductivities, where there are any."""
    sigma = operator.sigma
    gaps = 2 + np.flatnonzero(sigma[1:] > CONTRAST * sigma[:-1])  # class just above each gap
    cuts = operator.cuts
    lowest = list(gaps) if cuts is None else [1, *gaps]
    if not lowest:
        return ()
    classes = operator.grid.voxels(runtime.to_host(operator.classes))
    found = (_islands(operator, classes >= least, cuts) for least in lowest)
    return tuple(islands for islands in found if islands is not None)


def _islands(operator: "Diffusion", mask: NDArray[np.bool_], cuts: Cuts | None) -> Islands | None:
    labels, count = component_labels(mask) if cuts is None else cut_labels(mask, cuts)
    reached = faces_reached(labels, count)
    held = reached[0] | reached[1]  # an electrode holds the potential
    held[0] = True
    number = np.cumsum(~held) - 1
    flat = operator.grid.flat(np.where(held, -1, number).astype(np.int32)[labels] + 1)
    elements = np.flatnonzero(flat)
    if len(elements) == 0:
        return None
    owners = flat[elements] - 1
    if cuts is None:
        rise = _rise_alone(operator, elements, owners)
    else:
        rise = _rise_together(operator, flat)
    return Islands(elements, owners, int(owners.max()) + 1, rise)


def _rise_alone(
    operator: "Diffusion", elements: NDArray[np.int64], owners: NDArray[np.int32]
) -> Rise:
    """Sources over the current out of each island, with all at 1 and everything else at 0."""
    potential = np.zeros(operator.size)
    potential[elements] = 1.0
    current = runtime.zeros(operator.size, np.float64)
    operator.apply(runtime.to_device(potential), current)
    outflow = np.bincount(owners, runtime.to_host(current)[elements])
    # an island in nothing but insulators has no outflow; percolation has removed those
    inverse = np.divide(1.0, outflow, out=np.zeros_like(outflow), where=outflow > 0)
    return lambda sources: inverse * sources


def _rise_together(operator: "Diffusion", owners: NDArray[np.int32]) -> Rise:
    """Solution of the network of islands 1, 2, … with everything else, number 0, at 0."""
    faces = runtime.to_host(operator.faces(np.float64)).reshape(3, -1)
    count = int(owners.max())
    network = scipy.sparse.csr_array((count + 1, count + 1))
    for along, step in zip(faces, (*operator.grid.strides, 1), strict=True):
        p = np.flatnonzero((owners[:-step] != owners[step:]) & (along[:-step] > 0))
        ends = (owners[p], owners[p + step])
        network = network + scipy.sparse.coo_array((along[p], ends), network.shape).tocsr()
    network = (network + network.T)[1:, :]
    matrix: Any = scipy.sparse.diags_array(network.sum(axis=1)) - network[:, 1:]
    scale = 1.0 / np.sqrt(matrix.diagonal())  # a unit diagonal at any contrast of the resistances
    scaling = scipy.sparse.diags_array(scale)
    factor = scipy.sparse.linalg.splu((scaling @ matrix @ scaling).tocsc())
    return lambda sources: scale * factor.solve(scale * sources)
