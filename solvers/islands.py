"""Islands: clusters that conduct far better than all around them, and float at their own potential.

Merging voxels by twos mixes an island with its surroundings and with its neighbours, so that
multigrid sees its potential hardly at all. What it misses is one number per island: the residual
summed over the island, over the conductance out of it. Islands of one threshold never touch, so
these numbers are independent of each other.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from solvers import runtime
from solvers.components import component_labels, faces_reached
from solvers.multigrid import Multigrid
from solvers.runtime import DeviceArray

if TYPE_CHECKING:
    from solvers.diffusion import Diffusion

CONTRAST = 30.0  # below it, multigrid alone sees the islands well enough


@dataclass(frozen=True, slots=True)
class Islands:
    """Islands of one threshold: their elements in a flat array, whose they are, and 1/out-flow."""

    elements: NDArray[np.int64]
    owners: NDArray[np.int32]
    inverse: NDArray[np.float64]

    def correct(self, residual: DeviceArray, solution: DeviceArray) -> None:
        """Raise each island in ``solution`` by what its residual asks for."""
        sources = runtime.to_host(residual)[self.elements]
        rise = self.inverse * np.bincount(self.owners, sources, minlength=len(self.inverse))
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

    def precondition(self) -> None:
        """``solution`` ≈ A⁻¹ ``rhs``."""
        self.multigrid.precondition()
        for islands in self.islands:
            islands.correct(self.rhs, self.solution)


def find_islands(operator: "Diffusion") -> tuple[Islands, ...]:
    """Islands above every gap of ``CONTRAST`` in the conductivities, where there are any."""
    sigma = operator.sigma
    gaps = 2 + np.flatnonzero(sigma[1:] > CONTRAST * sigma[:-1])  # class just above each gap
    if len(gaps) == 0:
        return ()
    classes = operator.grid.voxels(runtime.to_host(operator.classes))
    found = (_above(operator, classes >= lowest) for lowest in gaps)
    return tuple(islands for islands in found if islands is not None)


def _above(operator: "Diffusion", mask: NDArray[np.bool_]) -> Islands | None:
    labels, count = component_labels(mask)
    reached = faces_reached(labels, count)
    held = reached[0] | reached[1]  # an electrode holds the potential
    held[0] = True
    number = np.cumsum(~held) - 1
    flat = operator.grid.flat(np.where(held, -1, number).astype(np.int32)[labels] + 1)
    elements = np.flatnonzero(flat)
    if len(elements) == 0:
        return None
    owners = flat[elements] - 1
    outflow = np.bincount(owners, _outflow(operator, elements))
    # an island in nothing but insulators has no outflow; percolation has removed those
    inverse = np.divide(1.0, outflow, out=np.zeros_like(outflow), where=outflow > 0)
    return Islands(elements, owners, inverse)


def _outflow(operator: "Diffusion", elements: NDArray[np.int64]) -> NDArray[np.float64]:
    """Current out of each element if all islands are at 1 and everything else at 0."""
    potential = np.zeros(operator.size)
    potential[elements] = 1.0
    current = runtime.zeros(operator.size, np.float64)
    operator.apply(runtime.to_device(potential), current)
    outflow: NDArray[np.float64] = runtime.to_host(current)[elements]
    return outflow
