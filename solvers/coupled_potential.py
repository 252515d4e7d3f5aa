"""CoupledPotential: potentials in a network of ions and electrons, by CG and by Newton's method.

Potentials are flat with a halo, in V, 0 at the collector and ``drop`` at the separator. The energy
½ Σ c Δφ² of the conductors plus the integral of the current over the drop of each active face is
convex: Newton steps that a line search cuts back reach its minimum from anywhere.
"""

import math
import time
from dataclasses import dataclass, replace

import numpy as np

from microstructures.errors import ConvergenceError
from solvers import runtime
from solvers.butler_volmer import Field, Kinetics, Linear, Transfer
from solvers.conductor_blocks import ConductorBlocks
from solvers.linear import conjugate_gradients
from solvers.network import network
from solvers.reaction_network import ION, ReactionNetwork
from solvers.results import SolveReport

Laws = tuple[Kinetics, ...]

MOST_STEPS, MOST_CUTS = 50, 30
FORCING = 1e-4  # relative error of the energy of each Newton step
LEAST_FALL = 1e-4  # of the energy, over what the slope at the start of a step promises
ROUNDING = 1e-12  # of the energy: changes below it cannot be told from rounding
MARGIN = 3.0  # errors after a step are 0.2 to 0.5 of the square of its length, in the energy norm


@dataclass(frozen=True, slots=True, eq=False)
class CoupledPotential:
    """Potential in V, drop in V, current in A, what the active faces do, and how it was found."""

    potential: Field
    drop: float
    current: float
    transfer: Transfer
    report: SolveReport
    steps: int


@dataclass(frozen=True, slots=True, eq=False)
class Response:
    """Potential at a drop of 1 V, conductance in S, and how they were found."""

    potential: Field
    conductance: float
    report: SolveReport


def coupled_potential(
    part: ReactionNetwork,
    laws: Laws,
    *,
    current: float | None,
    drop: float | None,
    tolerance: float,
    max_iterations: int,
) -> CoupledPotential:
    """Potentials for a current in A or else a drop in V.

    Raises:
        ConvergenceError: the tolerance was not met; carries the report.
    """
    if all(isinstance(law, Linear) for law in laws):
        return _linear(part, laws, current, drop, tolerance, max_iterations)
    return _Newton(part, laws, current, drop, tolerance, max_iterations).walk()


def _linear(
    part: ReactionNetwork,
    laws: Laws,
    current: float | None,
    drop: float | None,
    tolerance: float,
    max_iterations: int,
) -> CoupledPotential:
    """One solve, scaled."""
    tangent = _Tangent(part, _slopes(part, [law.conductance for law in laws]), max_iterations)
    found = tangent.response(tolerance)
    if drop is None:
        drop = current / found.conductance  # type: ignore[operator]  # one of them is given
    potential = drop * found.potential
    transfer = part.active.through(laws, part.drops(potential))
    return CoupledPotential(
        potential, drop, drop * found.conductance, transfer, found.report, steps=0
    )


def _slopes(part: ReactionNetwork, conductances: list[float]) -> Field:
    """Conductance in S of every active face, for those of the charge transfer in S/m²."""
    g = np.array(conductances)[part.active.law]
    return part.active.area / (part.active.series + 1.0 / g)


class _Tangent:
    """The network with active faces that conduct by their slopes."""

    def __init__(self, part: ReactionNetwork, slopes: Field, max_iterations: int) -> None:
        self.part, self.slopes, self.max_iterations = part, slopes, max_iterations
        faces = part.faces(slopes)
        self.unit = float(faces.max())
        faces /= self.unit
        made = network(part.grid, part.spacing, faces)
        blocks = ConductorBlocks(made.preconditioner, part.grid, part.spacing, part.kind, faces)
        self.network = replace(made, preconditioner=blocks)

    def response(self, tolerance: float, guess: Field | None = None) -> Response:
        """Potential for a drop of 1 V; at first the conductors have no resistance."""
        part = self.part
        start = (part.kind == ION).astype(float) if guess is None else guess
        r = part.balance(start, 1.0, self.slopes * part.drops(start)) / self.unit
        x = runtime.zeros(part.grid.size, np.float64)
        report = conjugate_gradients(
            self.network.operator,
            self.network.preconditioner,
            x,
            runtime.to_device(r),
            energy=self._energy(start) / self.unit,
            rhs_norm=float(np.linalg.norm(r)) or 1.0,
            tolerance=tolerance,
            max_iterations=self.max_iterations,
            task="coupled transport",
        )
        potential = start + runtime.to_host(x)
        return Response(potential, self._energy(potential), report)

    def relaxation(self, excess: Field) -> tuple[Field, int]:
        """Potentials that carry away the currents ``excess`` in A, and iterations."""
        grid = self.part.grid
        x, report = self.network.solve(
            grid.voxels(excess / self.unit),
            tolerance=FORCING,
            max_iterations=self.max_iterations,
            task="coupled transport",
        )
        return grid.flat(x), report.iterations

    def _energy(self, potential: Field) -> float:
        drops = self.part.drops(potential)
        return sum(self.part.dissipation(potential, 1.0)) + float((self.slopes * drops**2).sum())


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """Where Newton's method stands."""

    potential: Field
    drop: float
    transfer: Transfer
    excess: Field  # current in A into each voxel that does not leave it
    missing: float  # current in A that the separator does not yet let in
    energy: float  # W, of which one half is dissipated
    power: float  # W, the scale of errors


class _Newton:
    """Newton's method for one current or drop."""

    def __init__(
        self,
        part: ReactionNetwork,
        laws: Laws,
        current: float | None,
        drop: float | None,
        tolerance: float,
        max_iterations: int,
    ) -> None:
        self.part, self.laws, self.current, self.drop = part, laws, current, drop
        self.tolerance, self.max_iterations = tolerance, max_iterations
        self.started, self.iterations, self.steps = time.perf_counter(), 0, 0
        self.unit: Field | None = None  # response to a drop of 1 V, last seen
        self.error = math.inf

    def walk(self) -> CoupledPotential:
        """Steps until the last was short enough."""
        state = self._first()
        for _ in range(MOST_STEPS):
            state = self._advanced(state, self._tangent(state))
            if self.error <= self.tolerance:
                return self._result(state)
        raise ConvergenceError(
            f"Newton's method stopped after {MOST_STEPS} steps with an estimated error of "
            f"{self.error:.1e}, wanted {self.tolerance:.1e}: give a smaller current or drop",
            self._report(state),
        )

    def _first(self) -> _State:
        """Potentials of the linear problem whose charge transfer suits the mean current."""
        part, total = self.part, float(self.part.active.area.sum())
        current = self.current
        if current is None:
            rest = self._response(_slopes(part, [law.conductance for law in self.laws]))
            current = self.drop * rest.conductance  # type: ignore[operator]
        found = self._response(_slopes(part, [law.secant(current / total) for law in self.laws]))
        drop = current / found.conductance if self.drop is None else self.drop
        return self._at(drop * found.potential, drop)

    def _response(self, slopes: Field) -> Response:
        return self._respond(_Tangent(self.part, slopes, self.max_iterations))

    def _respond(self, tangent: _Tangent) -> Response:
        found = tangent.response(FORCING, self.unit)
        self.unit, self.iterations = found.potential, self.iterations + found.report.iterations
        return found

    def _tangent(self, state: _State) -> _Tangent:
        slopes = self.part.active.area * state.transfer.slope
        return _Tangent(self.part, slopes, self.max_iterations)

    def _at(self, potential: Field, drop: float) -> _State:
        part, area = self.part, self.part.active.area
        drops = part.drops(potential)
        transfer = part.active.through(self.laws, drops)
        currents = area * transfer.current
        ohmic = sum(part.dissipation(potential, drop))
        energy = 0.5 * ohmic + float((area * transfer.energy).sum())
        missing = 0.0
        if self.current is not None:
            energy -= self.current * drop
            missing = self.current - part.entering(potential, drop)
        power = ohmic + float((currents * drops).sum())
        excess = part.balance(potential, drop, currents)
        return _State(potential, drop, transfer, excess, missing, energy, power)

    def _advanced(self, state: _State, tangent: _Tangent) -> _State:
        """The state after one Newton step, cut back until the energy falls."""
        direction, iterations = tangent.relaxation(state.excess)
        self.iterations, self.steps = self.iterations + iterations, self.steps + 1
        fall, rise = float((state.excess * direction).sum()), 0.0
        if self.current is not None:
            unit = self._respond(tangent)
            # what still has to enter once the excess is carried away
            lacking = state.missing + float((unit.potential * state.excess).sum())
            rise = lacking / unit.conductance
            direction = direction + rise * unit.potential
            fall += lacking * rise
        self.error = MARGIN * max(fall, 0.0) / state.power
        return self._searched(state, direction, rise, fall)

    def _searched(self, state: _State, direction: Field, rise: float, fall: float) -> _State:
        length, slack = 1.0, ROUNDING * (abs(state.energy) + state.power)
        for _ in range(MOST_CUTS):
            new = self._at(state.potential + length * direction, state.drop + length * rise)
            if new.energy <= state.energy - LEAST_FALL * length * fall + slack:
                return new
            length *= 0.5
        raise ConvergenceError(
            "Newton's method found no step along which the energy falls: give a smaller current "
            "or drop",
            self._report(state),
        )

    def _result(self, state: _State) -> CoupledPotential:
        current = self.current
        if current is None:
            unit = self._respond(self._tangent(state))
            # to first order free of what the potentials still lack
            current = self.part.entering(state.potential, state.drop)
            current -= float((unit.potential * state.excess).sum())
        return CoupledPotential(
            state.potential, state.drop, current, state.transfer, self._report(state), self.steps
        )

    def _report(self, state: _State) -> SolveReport:
        currents = self.part.active.area * state.transfer.current
        return SolveReport(
            self.iterations,
            float(np.linalg.norm(state.excess) / (np.linalg.norm(currents) or 1.0)),
            self.tolerance,
            self.error,
            time.perf_counter() - self.started,
            str(runtime.start()),
        )
