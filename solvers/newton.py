"""Newton: balance of a body whose stress depends on strain and history, by Newton and CG.

The energy of a step of implicit Euler is convex in the displacement if flow never softens, so that
Newton steps cut back by a line search reach its minimum from anywhere. Distance from it is
measured as energy: r·A⁻¹r of the forces r that are out of balance, A being the tangent.
"""

import math
import time
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from microstructures.errors import ConvergenceError
from solvers import runtime
from solvers._kernels import vectors
from solvers.elasticity import Elasticity, ElasticMultigrid
from solvers.linear import conjugate_gradients, total
from solvers.runtime import DeviceArray

LOOSEST, FIRST = 0.3, 0.1  # relative errors of a linear solve, at most and in the first
GROWTH = 0.9  # of the forcing term, over the square of the last improvement
FLAT = 0.3  # slope of the energy at the end of a step, over that at its start
MOST_LENGTHS, CLOSEST = 8, 0.1  # tries, and how close one may be to those before
LINEAR = 1e-2  # tolerance of linear solves, whose scale is chosen to fit
SMALLEST = 1e-4  # energy that errors refer to where stress all but vanishes, of that if held
ROUNDING = 1e-12  # relative residual at which a solve that breaks down has merely arrived


class System(Protocol):
    """Forces that depend on the displacement."""

    operator: Elasticity
    preconditioner: ElasticMultigrid

    def respond(self, x: DeviceArray, out: DeviceArray, *, flows: bool = True) -> float:
        """Set ``out`` to the forces out of balance at x, and the operator to the tangent there.

        Without flow both are those of an elastic step. Returns twice the energy that is stored.
        """

    def move(self, x: DeviceArray, direction: DeviceArray, length: float) -> None:
        """Move x by a length along a direction."""


@dataclass(frozen=True, slots=True)
class NewtonReport:
    """How Newton's iteration ended.

    ``errors`` are the estimated relative errors of the stress, in the energy norm, at the start
    and after each iteration; ``linear`` the iterations of each linear solve; ``cuts`` how often a
    step was cut back.
    """

    errors: tuple[float, ...]
    linear: tuple[int, ...]
    cuts: int
    tolerance: float
    seconds: float
    device: str

    @property
    def iterations(self) -> int:
        """Number of linear solves."""
        return len(self.linear)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain numbers and text."""
        return {name: getattr(self, name) for name in self.__slots__}


def balance(
    system: System,
    x: DeviceArray,
    *,
    reference: float,
    tolerance: float,
    max_iterations: int = 25,
    max_linear: int = 500,
    task: str = "balance",
) -> NewtonReport:
    """Improve ``x`` in place until the forces are in balance.

    Args:
        system: the forces.
        x: first guess; holds the solution afterwards.
        reference: energy that errors are relative to, where it exceeds what is stored.
        tolerance: estimated relative error of the stress in the energy norm at which to stop.
        max_iterations: linear solves after which ConvergenceError is raised.
        max_linear: iterations of one linear solve after which it is.
        task: name under which progress is reported.

    Raises:
        ConvergenceError: the tolerance was not met; carries the report.

    Source: Eisenstat, Walker, SIAM J. Sci. Comput. 17 (1996) 16, doi:10.1137/0917003 [not opened:
        verify]: how exactly the linear systems are solved.
    """
    walk = _Walk(system, x, reference, tolerance**2)
    walk.predict(max_linear, task)
    for _ in range(max_iterations):
        if walk.is_balanced():
            return walk.report()
        walk.solve(max_linear, task)
        walk.advance()
    if walk.is_balanced():
        return walk.report()
    report = walk.report()
    raise ConvergenceError(
        f"Newton's iteration stopped after {max_iterations} steps with an estimated error of "
        f"{report.errors[-1]:.1e}, wanted {tolerance:.1e}: load in smaller steps",
        report,
    )


class _Walk:
    """The vectors of the iteration, and what it has seen."""

    def __init__(self, system: System, x: DeviceArray, reference: float, target: float) -> None:
        self.started = time.perf_counter()
        self.system, self.x, self.target = system, x, target
        operator = system.operator
        self.size = operator.size
        self.r, self.d = (runtime.zeros(self.size, operator.dtype) for _ in range(2))
        types = (operator.dtype, system.preconditioner.dtype, operator.direction)
        self.kernels = vectors.build(*map(runtime.taichi_type, types), runtime.block())
        count = vectors.chunks(self.size, runtime.block())
        self.sums = [runtime.zeros(count, np.float64) for _ in range(2)]
        self.least, self.stored = reference, 0.0
        self.reach = 1.0  # of the true distance, over that in the preconditioner's norm
        self.distance = 0.0
        self.errors: list[float] = []
        self.linear: list[int] = []
        self.forcing, self.cuts = FIRST, 0

    @property
    def reference(self) -> float:
        """Energy that errors are relative to."""
        return max(self.least, self.stored)

    def predict(self, max_iterations: int, task: str) -> None:
        """Take an elastic step, from which flow and its reversal are told apart."""
        rigid = self.system.respond(self.x, self.r)  # nothing gives way but by flow
        self.least = max(self.least, SMALLEST * rigid)
        self.system.respond(self.x, self.r, flows=False)
        self.distance = self._preconditioned()
        if self.distance > FIRST**2 * self.target * self.reference:
            self._find(FIRST**2 * self.distance, max_iterations, task)
            self.system.move(self.x, self.d, 1.0)
        self.stored = self.system.respond(self.x, self.r)

    def is_balanced(self) -> bool:
        """Whether the estimated energy error has come down to the target."""
        self.distance = self._preconditioned()
        error = 0.0 if self.distance == 0.0 else self.reach * self.distance / self.reference
        self.errors.append(error)
        return error <= self.target

    def solve(self, max_iterations: int, task: str) -> None:
        """Find a direction: the solution for the tangent, as exactly as pays."""
        if len(self.errors) > 1:
            self.forcing = _forcing(self.forcing, self.errors[-1] / self.errors[-2])
        wanted = max(self.forcing**2 * self.errors[-1], 0.1 * self.target)
        self._find(wanted * self.reference, max_iterations, task)

    def _find(self, error: float, max_iterations: int, task: str) -> None:
        """Solve for the direction, up to an error of its energy."""
        runtime.assign(self.d, np.zeros(self.size, self.system.operator.dtype))
        try:
            solved = conjugate_gradients(
                self.system.operator,
                self.system.preconditioner,
                self.d,
                self.r,
                energy=0.0,
                rhs_norm=math.sqrt(self._dot(self.r)) or 1.0,
                scale=error / LINEAR,
                tolerance=LINEAR,
                max_iterations=max_iterations,
                task=task,
            )
        except ConvergenceError as failure:
            if failure.report.residual > ROUNDING:
                raise
            solved = failure.report
        self.linear.append(solved.iterations)

    def advance(self) -> None:
        """Walk along the direction to about where the energy is lowest."""
        slope = self.system.operator.apply(self.d, self.r)
        self.reach = max(slope / self.distance, 1.0)
        here, length = 0.0, 1.0
        low, high = (0.0, 1.0), (1.0, 0.0)  # lengths between which the energy is lowest, and slopes
        for _ in range(MOST_LENGTHS):
            self._step(length - here)
            here, left = length, self._dot(self.d) / slope
            if abs(left) <= FLAT or (left > 0.0 and length == 1.0):
                return
            low, high = ((here, left), high) if left > 0.0 else (low, (here, left))
            share = min(max(low[1] / (low[1] - high[1]), CLOSEST), 1.0 - CLOSEST)
            length = low[0] + share * (high[0] - low[0])
            self.cuts += 1

    def _step(self, length: float) -> None:
        self.system.move(self.x, self.d, length)
        self.stored = self.system.respond(self.x, self.r)

    def report(self) -> NewtonReport:
        """What happened so far."""
        return NewtonReport(
            tuple(math.sqrt(error) for error in self.errors),
            tuple(self.linear),
            self.cuts,
            math.sqrt(self.target),
            time.perf_counter() - self.started,
            str(runtime.start()),
        )

    def _preconditioned(self) -> float:
        """The product of r with M⁻¹ r."""
        pre = self.system.preconditioner
        pre.take(self.r)
        pre.precondition()
        self.kernels.dots(pre.solution, self.r, self.r, *self.sums, self.size)
        return total(self.sums[0])

    def _dot(self, other: DeviceArray) -> float:
        self.kernels.dot(other, self.r, self.sums[0], self.size)
        return total(self.sums[0])


def _forcing(before: float, fall: float) -> float:
    """Relative error of the next linear solve, from by how much the energy error fell."""
    wanted = GROWTH * fall
    guarded = GROWTH * before**2
    if guarded > 0.1:
        wanted = max(wanted, guarded)
    return min(wanted, LOOSEST)
