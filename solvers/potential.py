"""Potential: the solution of a diffusion problem, in single precision or refined in double.

Arrays have the flow along axis 0.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import ConvergenceError
from solvers import runtime
from solvers._kernels import vectors
from solvers.diffusion import Diffusion, Real, current_norm
from solvers.face_operator import FaceOperator
from solvers.face_resistance import blocked_faces
from solvers.islands import Islands
from solvers.linear import FASTEST, MARGIN, SLOWEST, Projection, conjugate_gradients
from solvers.periodic_components import periodic_labels
from solvers.results import SolveReport
from solvers.runtime import DeviceArray
from solvers.turn import Turn

SINGLE_ENOUGH = 1e-7  # tolerance from which on the potential itself is kept in double precision
LOOSE = 1e-4  # from which on a double potential is not worth its time
GAIN = 1e-6  # by which one solve in single precision can lower an error of the energy
LARGE = 2_000_000  # elements above which a double potential is worth avoiding
STRETCHED_MARGIN = 300.0  # on estimated errors: weak faces relax late, after seeming convergence
ROUNDING = 1e-12  # of energies summed in double precision
ROUNDS = 12  # of refinement; two or three do


@dataclass(frozen=True, slots=True)
class Potential:
    """Solution: potential and dissipation per voxel (flow along axis 0), and how it was found.

    ``conductance`` is the total over ``scale``, for a unit potential drop; ``imbalance`` the
    largest relative difference between the flow through a layer and the mean. ``interfacial`` is
    the part of the dissipation in the faces' own resistances, None without any.
    """

    conductance: float
    potential: NDArray[np.floating]
    dissipation: NDArray[np.floating]
    imbalance: float
    report: SolveReport
    interfacial: NDArray[np.float64] | None = None


def is_refined(elements: int, tolerance: float) -> bool:
    """True if the potential is kept in double precision, whatever finds its corrections."""
    return tolerance < SINGLE_ENOUGH or (elements < LARGE and tolerance < LOOSE)


class Iterate:
    """A potential under way: its vectors, the operator for it, and that for its corrections."""

    def __init__(self, problem: Diffusion, tolerance: float, axis: int = 0) -> None:
        self.problem, self.axis = problem, axis
        self.inner: Real = np.float32 if runtime.precision() == "mixed" else np.float64
        outer = np.float64 if is_refined(problem.grid.size, tolerance) else self.inner
        self.r = runtime.zeros(problem.grid.size, self.inner)
        self.preconditioner = problem.preconditioner(self.inner, self.r)
        self.operator = FaceOperator(self.preconditioner.medium)
        self.project = zero_means(problem) if all(problem.periodic) else None
        self.begin(outer)

    def fall_along(self, axis: int) -> None:
        """Start anew with a drop along another axis of a periodic problem."""
        self.axis = axis
        self.begin(self.exact.dtype)

    def turn(self, problem: Diffusion, turn: Turn) -> None:
        """Start anew with the problem of the same voxels that has another axis first."""
        outer, self.problem = self.exact.dtype, problem
        del self.x, self.exact  # they make room
        self.r.fill(0)
        self.preconditioner = problem.turned(self.preconditioner, turn)
        self.operator = FaceOperator(self.preconditioner.medium)
        self.project = zero_means(problem) if all(problem.periodic) else None
        self.begin(outer)

    def begin(self, outer: Real) -> None:
        """Start from the best potential that depends on depth only."""
        same = outer is self.inner
        self.exact = self.operator if same else self.problem.operator(outer)
        self.norm = current_norm(self.problem, self.operator, self.r, self.axis)
        self.x = self.problem.layered_potential(self.exact, self.axis)

    def resume(self, potential: NDArray[np.floating]) -> None:
        """Start from a given potential, shape (n0, n1, n2); NaN keeps what is there."""
        host = runtime.to_host(self.x)
        inner = self.problem.grid.voxels(host)
        np.copyto(inner, potential, where=np.isfinite(potential), casting="same_kind")
        runtime.assign(self.x, host)
        self.problem.wrap(self.exact, self.x, self.axis)

    @property
    def is_fed(self) -> bool:
        """True if the current is given at one end, not the potential."""
        return self.problem.ends.fed is not None

    @property
    def refines(self) -> bool:
        """True if corrections are found in a lower precision than the potential."""
        return self.exact is not self.operator

    def energy(self) -> float:
        """Power that the potential dissipates, x · A x, less twice the power of given currents."""
        total = self.exact.mutual(self.x, self.x) + self._lower_end()
        return total - 2.0 * self._power()

    def _lower_end(self) -> float:
        """Energy of the faces below the first layer, which are no voxel's upper faces."""
        if self.problem.periodic[0]:
            return 0.0
        return self.exact.end_energy(self.x)

    def _power(self) -> float:
        """Of a given current, without what it loses on entry."""
        if not self.is_fed:
            return 0.0
        layer = self.problem.grid.voxels(runtime.to_host(self.x))[self.problem.fed_layer]
        return float((layer * self.problem.feed).sum())

    def promote(self) -> None:
        """Keep the potential in double precision from now on."""
        self.exact = self.problem.operator(np.float64)
        self.x = runtime.to_device(runtime.to_host(self.x).astype(np.float64))

    def defect(self) -> None:
        """Set ``r`` to b - A x."""
        self.exact.defect(self.x, self.r)
        if self.is_fed:
            host = runtime.to_host(self.r)
            self.problem.grid.voxels(host)[self.problem.fed_layer] += self.problem.feed
            runtime.assign(self.r, host)

    def improve(self, energy: float, tolerance: float, **limits: Any) -> SolveReport:
        """One run of conjugate gradients from here on."""
        self.defect()
        d = runtime.zeros(self.problem.grid.size, self.inner) if self.refines else self.x
        report = conjugate_gradients(
            self.operator,
            self.preconditioner,
            d,
            self.r,
            energy=energy,
            rhs_norm=self.norm,
            growing=self.is_fed,
            project=self.project,
            strengthen=self.preconditioner.strengthen,
            margin=STRETCHED_MARGIN if self.problem.is_stretched else MARGIN,
            tolerance=tolerance,
            **limits,
        )
        if self.refines:
            vectors.add(self.x, d)
        return report


def zero_means(problem: Diffusion) -> Projection:
    """A projection of residuals: of each cluster of voxels, which nothing holds, the mean is 0."""
    flows = problem.classes > 0
    labels, count = periodic_labels(flows, problem.periodic, blocked_faces(problem.resistance))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)[1:]
    if not runtime.start().is_cpu:
        flat = problem.grid.flat(labels)
        elements = np.flatnonzero(flat)
        clusters = Islands(elements, flat[elements] - 1, count, lambda sums: -sums / sizes)
        return lambda r: clusters.correct(r, r)

    def project(r: DeviceArray) -> None:
        inner = problem.grid.voxels(r)
        if count == 1:
            mean = inner.dtype.type(inner.sum(dtype=np.float64) / sizes[0])
            np.subtract(inner, mean, out=inner, where=flows)
        else:
            sums = np.bincount(labels.ravel(), inner.ravel(), minlength=count + 1)[1:]
            inner -= np.concatenate([[0.0], sums / sizes]).astype(inner.dtype)[labels]

    return project


def iterate(
    it: Iterate, tolerance: float, max_iterations: int, task: str
) -> tuple[float, SolveReport]:
    """Bring the energy to the tolerance, and check it anew. Raises ConvergenceError."""
    energy, done, seconds = it.energy(), 0, 0.0
    reach, fastest = 1.0, FASTEST
    for _ in range(ROUNDS):
        reach = max(tolerance, GAIN * reach) if it.refines else tolerance
        limits: dict[str, Any] = {"wanted": tolerance, "max_iterations": max_iterations - done}
        report = it.improve(energy, reach, fastest=fastest, task=task, **limits)
        done, seconds = done + report.iterations, seconds + report.seconds
        expected, energy = energy - report.fallen, it.energy()
        off = abs(energy - expected) / max(abs(energy), 1e-300)
        error = report.error_estimate + off
        report = replace(report, iterations=done, seconds=seconds, error_estimate=error)
        # a new start does not know how slow this one became
        fastest = max(fastest, min(report.rate, SLOWEST))
        if reach <= tolerance and (off <= ROUNDING or error <= tolerance):
            return energy, report
        if reach <= tolerance and not it.refines and it.inner is np.float32:
            it.promote()  # rounding has the better of single precision
            reach = max(off, tolerance)
    raise ConvergenceError(
        f"the solve stalls: its energy is off by {off:.1e} after {ROUNDS} refinements, wanted "
        f"{tolerance:.1e}: loosen the tolerance, or use precision='double'",
        report,
    )


def solve(
    it: Iterate,
    tolerance: float,
    max_iterations: int,
    task: str,
    start: NDArray[np.floating] | None = None,
    *,
    last: bool = True,
) -> Potential:
    """Potential for a drop of 1 along axis 0. Raises ConvergenceError.

    ``start`` is what to start from. ``it`` is of no more use afterwards if this is its last solve;
    otherwise the potential is, as soon as the next one has begun.
    """
    if start is not None:
        it.resume(start)
    energy, report = iterate(it, tolerance, max_iterations, task)
    if last:
        del it.preconditioner  # its vectors make room
    return _finished(it, energy, report)


def _finished(it: Iterate, energy: float, report: SolveReport) -> Potential:
    problem, x = it.problem, it.x
    out = it.r if not it.refines else runtime.empty(problem.grid.size, it.exact.dtype)
    it.exact.dissipation(x, out, problem.shares)
    _, flow = it.exact.layers(x)
    resistive = problem.resistive
    interfacial = None if resistive is None else resistive.interfacial(runtime.to_host(x))
    potential, dissipation = (problem.grid.voxels(runtime.to_host(v)) for v in (x, out))
    conductance = energy
    if it.is_fed:  # a current of 1 so far
        lost = problem.entry_loss()
        conductance = 1.0 / (float(lost.sum()) - energy)
        flow = flow[1:] if problem.ends.fed == 0 else flow[:-1]
        dissipation[problem.fed_layer] += lost
        potential *= conductance
        dissipation *= conductance**2
    return Potential(
        conductance=conductance,
        potential=potential,
        dissipation=dissipation,
        imbalance=float(np.abs(flow / flow.mean() - 1.0).max()),
        report=report,
        interfacial=None if interfacial is None else problem.grid.voxels(interfacial),
    )
