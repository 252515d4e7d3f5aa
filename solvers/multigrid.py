"""Geometric multigrid W-cycle: a preconditioner for any operator that can be coarsened.

A level knows its operator; this module knows only the order of events. The second visit of each
coarser level starts from the answer of the first, with that level's own residual: with a coarse
operator half as stiff, repeating the correction on the finer level instead would undo it.
"""

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from solvers.runtime import DeviceArray


class Level(Protocol):
    """One grid: a right-hand side ``b``, an approximate solution ``x``, and its neighbours.

    Levels inherit ``descend`` and ``ascend``, unless they can do better than step by step.
    """

    b: DeviceArray
    x: DeviceArray
    dtype: type[np.floating]

    def smooth(self, from_zero: bool) -> None:
        """Improve ``x``, or replace it by what smoothing makes of zero."""

    def restrict(self, coarse: Any) -> None:
        """Set the right-hand side of ``coarse`` to the restricted residual."""

    def prolong(self, coarse: Any) -> None:
        """Add the solution of ``coarse`` to ``x``."""

    def solve(self) -> None:
        """Set ``x`` to the exact solution; asked of the coarsest level only."""

    def descend(self, coarse: Any, from_zero: bool) -> None:
        """Smooth, and hand the residual to ``coarse``."""
        self.smooth(from_zero)
        self.restrict(coarse)

    def ascend(self, coarse: Any) -> None:
        """Take the correction from ``coarse``, and smooth."""
        self.prolong(coarse)
        self.smooth(from_zero=False)


class Multigrid:
    """A symmetric preconditioner made of one cycle over ``levels``, finest first.

    Each coarser level is visited ``visits`` times: 1 is a V-cycle, 2 a W-cycle.
    """

    def __init__(self, levels: Sequence[Level], visits: int = 2) -> None:
        self.levels, self.visits = tuple(levels), visits
        self.dtype = levels[0].dtype

    @property
    def rhs(self) -> DeviceArray:
        """Right-hand side, to be filled before ``precondition``."""
        return self.levels[0].b

    @property
    def solution(self) -> DeviceArray:
        """What ``precondition`` made of the right-hand side."""
        return self.levels[0].x

    @property
    def lent(self) -> DeviceArray:
        """No vector is lent."""
        return None

    def take(self, r: DeviceArray) -> bool:
        """Right-hand sides must be copied to ``rhs``."""
        return False

    def strengthen(self) -> bool:
        """Converge faster from now on, at a price; False if there is no way."""
        return False

    def precondition(self) -> None:
        """``solution`` ≈ A⁻¹ ``rhs``."""
        self._cycle(0, from_zero=True)

    def visits_of(self, depth: int) -> int:
        """How often a cycle visits a coarser level; the coarsest, being exact, once."""
        return self.visits if depth + 1 < len(self.levels) else 1

    def _cycle(self, depth: int, from_zero: bool) -> None:
        level = self.levels[depth]
        if depth == len(self.levels) - 1:
            level.solve()
            return
        coarse = self.levels[depth + 1]
        level.descend(coarse, from_zero)
        for visit in range(self.visits_of(depth + 1)):
            self._cycle(depth + 1, from_zero=visit == 0)
        level.ascend(coarse)


def chebyshev_weights(degree: int, low: float, high: float) -> tuple[float, ...]:
    """Relaxation weights that damp all eigenvalues in [low, high] of D⁻¹A most evenly.

    Source: Saad, Iterative Methods for Sparse Linear Systems (2003), section 12.3.
    """
    middle, half = (high + low) / 2, (high - low) / 2
    roots = [math.cos(math.pi * (2 * j + 1) / (2 * degree)) for j in range(degree)]
    return tuple(1.0 / (middle + half * root) for root in roots)
