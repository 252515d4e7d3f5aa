"""Anderson acceleration: x = g(x) by sweeps that learn from those before.

Vectors are flat float arrays. The next iterate is the combination of the last few for which a
linear map would change least; where g is linear this is GMRES, and where g expands it converges
all the same.
"""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import ConvergenceError, InvalidInputError
from solvers import progress

Vector: TypeAlias = NDArray[np.float64]

DEPTH, MOST_SWEEPS = 4, 40
GROWTH = 3.0  # of the residual over the smallest so far, beyond which what was learnt is forgotten
DIVERGED = 1e3  # residual over the first at which nothing will help any more
SMALLEST = 1e-10  # singular value over the largest below which two sweeps taught the same


@dataclass(frozen=True, slots=True)
class SweepReport:
    """How a fixed point was found.

    ``residuals`` are the root mean squares of g(x) - x over the scale, one per sweep; ``restarts``
    is how often all that had been learnt was dropped.
    """

    residuals: tuple[float, ...]
    restarts: int
    tolerance: float
    seconds: float

    @property
    def sweeps(self) -> int:
        """How often g was evaluated."""
        return len(self.residuals)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain numbers."""
        return {name: getattr(self, name) for name in self.__slots__} | {"sweeps": self.sweeps}


def fixed_point(
    g: Callable[[Vector], Vector],
    start: Vector,
    *,
    scale: float = 1.0,
    tolerance: float = 1e-6,
    depth: int = DEPTH,
    damping: float = 1.0,
    correction: Callable[[Vector], Vector] | None = None,
    max_sweeps: int = MOST_SWEEPS,
    task: str = "sweeps",
) -> tuple[Vector, SweepReport]:
    """The x = g(x) near ``start``, and how it was found.

    What is returned is a value of g itself: linear constraints that g respects are respected.

    Args:
        g: the map; where it returns what is not finite, smaller steps are tried.
        start: first guess.
        scale: root mean square to which residuals are relative, > 0.
        tolerance: root mean square of g(x) - x over ``scale`` at which to stop.
        depth: earlier sweeps that are combined; 0 is the plain iteration.
        damping: share of g(x) - x by which an iterate moves, in 0…1.
        correction: from g(x) - x to about how far x is from the solution; None for itself.
        max_sweeps: evaluations of g after which ConvergenceError is raised.
        task: name under which progress is reported.

    Raises:
        InvalidInputError: a depth, damping or scale out of range.
        ConvergenceError: the tolerance was not met; carries the report.

    Source: Walker, Ni, SIAM J. Numer. Anal. 49 (2011) 1715, doi:10.1137/10078356X [not opened:
        verify].
    """
    _check(scale, depth, damping)
    walk = _Walk(start, depth, damping)
    started = time.perf_counter()
    residuals: list[float] = []

    def report() -> SweepReport:
        seconds = time.perf_counter() - started
        return SweepReport(tuple(residuals), walk.restarts, tolerance, seconds)

    for _ in range(max_sweeps):
        image = g(walk.x)
        step = image - walk.x
        residuals.append(float(np.sqrt(np.mean(np.square(step)))) / scale)
        if residuals[-1] <= tolerance:
            return image, report()
        if not (residuals[-1] <= DIVERGED * residuals[0] or walk.can_restart):
            break
        walk.advance(
            step if correction is None or not math.isfinite(residuals[-1]) else correction(step),
            residuals[-1],
        )
        _tell(task, residuals, tolerance)
    raise ConvergenceError(
        f"after {len(residuals)} sweeps a sweep still changes the result by {residuals[-1]:.1e}, "
        f"wanted {tolerance:.1e}: take shorter steps, or a smaller damping",
        report(),
    )


class _Walk:
    """The iterate, and what the last sweeps taught: by how much steps changed with x."""

    def __init__(self, x: Vector, depth: int, damping: float) -> None:
        self.x, self.damping, self.depth = x, damping, depth
        self.moves: deque[tuple[Vector, Vector]] = deque(maxlen=depth)
        self.last: tuple[Vector, Vector] | None = None
        self.best: tuple[float, Vector, Vector] = (math.inf, x, x)
        self.restarts = 0

    @property
    def can_restart(self) -> bool:
        """True if there is a better iterate to go back to."""
        return self.depth > 0 and math.isfinite(self.best[0])

    def advance(self, step: Vector, residual: float) -> None:
        """Move on from an iterate that is thought to be ``step`` from the solution."""
        if self.last is not None and math.isfinite(residual):
            self.moves.append((self.x - self.last[0], step - self.last[1]))
        if residual < self.best[0]:
            self.best = (residual, self.x, step)
        # the first two sweeps of an expanding map grow before anything is known of it
        grown = len(self.moves) > 1 and residual > GROWTH * self.best[0]
        if self.depth and (grown or not math.isfinite(residual)):
            self._restart()
            return
        self.last = (self.x, step)
        self.x = self.x + self._combined(step)

    def _combined(self, step: Vector) -> Vector:
        if not self.moves:
            return self.damping * step
        shifts, changes = (np.stack(vectors) for vectors in zip(*self.moves, strict=True))
        weights = np.linalg.lstsq(changes.T, step, rcond=SMALLEST)[0]
        return self.damping * (step - weights @ changes) - weights @ shifts

    def _restart(self) -> None:
        """Back to the best iterate, from which to move half as far as before."""
        self.moves.clear()
        self.restarts += 1
        self.damping /= 2
        _, x, step = self.best
        self.last = (x, step)
        self.x = x + self.damping * step


def _check(scale: float, depth: int, damping: float) -> None:
    if isinstance(depth, bool) or int(depth) != depth or depth < 0:
        raise InvalidInputError(f"depth {depth!r} is not a whole number ≥ 0: 4 is usual")
    if not 0.0 < damping <= 1.0:
        raise InvalidInputError(f"damping {damping!r} is not in 0…1: 1 takes whole steps")
    if not (math.isfinite(scale) and scale > 0.0):
        raise InvalidInputError(f"scale {scale!r} is not > 0: give the size of the values")


def _tell(task: str, residuals: list[float], tolerance: float) -> None:
    """Progress on a logarithmic scale from the first residual to the tolerance."""
    whole = math.log(max(residuals[0] / tolerance, 1.0 + 1e-9))
    left = math.log(max(min(residuals) / tolerance, 1.0))
    progress.report(task, 1.0 - left / whole, min(residuals), tolerance)
