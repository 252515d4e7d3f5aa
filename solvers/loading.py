"""Loading: what happens to a body that yields and creeps, step by step. SI units.

Fields of tensors have shape (6, nz, ny, nx) in Voigt order, shear strains doubled; stress is
positive in tension, pressure in compression.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microstructures import Volume
from microstructures.errors import ConvergenceError, InvalidInputError
from microstructures.phases import Phase
from solvers import runtime
from solvers.body import Body, checked_strain
from solvers.boundary import checked_boundary
from solvers.constraint import Constraint
from solvers.eigenstrain import swelling_field
from solvers.elasticity import Elasticity
from solvers.flow import FlowLaws, FlowState, Inelastic, flow_bytes, flow_laws
from solvers.hexahedron import STABILISATION
from solvers.newton import NewtonReport, balance
from solvers.runtime import DeviceArray
from solvers.stiffness import Stiffness

MOST_HALVINGS = 6


@dataclass(frozen=True, slots=True, eq=False)
class LoadStep:
    """What the loads come to, in a straight line from where they were.

    Args:
        strain: mean strain at the end of the step, six components, all of which are then given.
            None leaves the mean strain to the boundary.
        eigenstrain: by phase, at the end of the step, see ``eigenstrain_field``. None keeps it.
        boundary: strains and pressures at the end of the step; its faces must be held as those of
            the first boundary. None keeps them.
        duration: s, ≥ 0, for creep.
        parts: equal parts in which the step is taken; creep is right to first order in their
            duration, and plasticity to first order in how far the direction of flow turns in one.
        fields: whether the result shall hold the fields of stress and strain.
        allow_large_strain: whether linear eigenstrains above 30 % are accepted.
    """

    strain: ArrayLike | None = None
    eigenstrain: Mapping[Phase, Any] | None = None
    boundary: Any = None
    duration: float = 0.0
    parts: int = 1
    fields: bool = False
    allow_large_strain: bool = False

    def __post_init__(self) -> None:
        seconds = isinstance(self.duration, float | int | np.number)
        if not (seconds and math.isfinite(self.duration) and self.duration >= 0.0):
            raise InvalidInputError(f"a load step lasts {self.duration!r}: give seconds ≥ 0")
        if not _is_whole(self.parts) or self.parts < 1:
            raise InvalidInputError(
                f"a load step has {self.parts!r} parts: give a whole number ≥ 1"
            )
        if self.strain is not None and self.boundary is not None:
            raise InvalidInputError(
                "a load step gives the mean strain twice, as strain and by a boundary: give one"
            )
        if self.strain is not None:
            checked_strain(self.strain)


@dataclass(frozen=True, slots=True, eq=False)
class FlowFields:
    """Fields at the end of a load step.

    ``stress`` (Pa) and ``plastic_strain``, the strain that flow has left, creep included, have
    shape (6, nz, ny, nx); ``accumulated`` is its equivalent summed along the path.
    """

    stress: NDArray[np.floating]
    plastic_strain: NDArray[np.floating]
    accumulated: NDArray[np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class StepResult:
    """State of a body at the end of a load step.

    ``time`` in s; ``strain`` and ``stress`` (Pa) are means over the volume, voids included.
    ``flowed`` is the share of the voxels of each phase that have flowed since the start,
    ``accumulated`` the mean of their accumulated plastic strain. ``stored`` is the elastic energy
    and ``dissipated`` the work of flow since the start, J per m³ of the volume. ``hourglass`` is
    the share of the stored energy in hourglasses: above a tenth, refine the volume. ``reports`` has
    an entry for each part of the step.
    """

    time: float
    strain: NDArray[np.float64]
    stress: NDArray[np.float64]
    flowed: dict[str, float]
    accumulated: dict[str, float]
    stored: float
    dissipated: float
    hourglass: float
    reports: tuple[NewtonReport, ...]
    fields: FlowFields | None = None

    @property
    def pressures(self) -> NDArray[np.float64]:
        """Mean pressure along each axis, Pa, positive in compression."""
        return -self.stress[:3]

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and text; no fields."""
        plain = {name: getattr(self, name) for name in self.__slots__ if name != "fields"}
        means = {name: plain[name].tolist() for name in ("strain", "stress")}
        return plain | means | {"reports": [report.to_dict() for report in self.reports]}


def load_path(
    volume: Volume,
    stiffness: Mapping[Phase, Stiffness],
    inelastic: Mapping[Phase, Inelastic],
    steps: Sequence[LoadStep],
    boundary: Any = "periodic",
    *,
    tolerance: float = 1e-3,
    max_iterations: int = 1000,
    element: str = "stabilized",
    stabilisation: float = STABILISATION,
) -> tuple[StepResult, ...]:
    """States of a body that is strained, pressed, left to creep and released, step by step.

    Solves div stress = 0 with stress = C:(E + grad u - eigenstrain - plastic strain), flow by
    implicit Euler along the deviator of the stress, one stress point per voxel. Starts free of
    stress; a step that does not converge is halved. Phases without stiffness are true voids.

    Args:
        volume: the segmented volume.
        stiffness: of each solid phase.
        inelastic: of each phase that flows: ``Yield``, ``PowerLawCreep``, or both in a tuple.
        steps: the loads, one after the other.
        boundary: what holds the faces, and the loads before the first step names others.
        tolerance: estimated relative error of the stress in the energy norm, in each part.
        max_iterations: iterations of a linear solve after which the part is halved.
        element: "stabilized", "full" or "bbar".
        stabilisation: share of full integration in the stabilized element, 0…1.

    Returns:
        The state at the end of each step.

    Raises:
        InvalidInputError: a phase that flows without isotropic stiffness, bad laws or loads.
        NotPercolatingError: no solid connects two faces on which a boundary presses.
        ConvergenceError: a step failed even in 64 parts, as beyond a limit load.
        MemoryBudgetError: the solve would not fit; nothing was allocated.

    Warns:
        LargeStrainWarning: an eigenstrain above 5 %, where small-strain theory is a poor guide.

    Accuracy: exact for uniform stress; a staircase interface costs O(h): 4 % in the pressure on a
        core of 5 voxels' radius that swells in a plastic shell, 2 % at 11. Hourglasses yield and
        creep with their voxel, so that they do not lend it a strength that it does not have.
    Source: Simo, Taylor, Comput. Methods Appl. Mech. Eng. 48 (1985) 101,
        doi:10.1016/0045-7825(85)90070-2 [not opened: verify]: the consistent tangent.
    """
    if not (isinstance(tolerance, float | int) and 1e-7 <= tolerance <= 0.1):
        raise InvalidInputError(f"tolerance {tolerance!r} is not in 1e-7…0.1: the default is 1e-3")
    if isinstance(steps, LoadStep):
        steps = (steps,)
    if wrong := [step for step in steps if not isinstance(step, LoadStep)]:
        raise InvalidInputError(
            f"the step {wrong[0]!r} is no solvers.LoadStep: give a list of them"
        )
    laws = flow_laws(volume, stiffness, inelastic)
    body = Body.of(volume, stiffness, boundary, element=element, stabilisation=stabilisation)
    runtime.reserve(flow_bytes(volume.shape), f"a load path on {volume.shape} voxels")
    history = _History(body, laws, tolerance, max_iterations)
    return tuple(history.go(step, number) for number, step in enumerate(steps, start=1))


def _is_whole(number: Any) -> bool:
    return isinstance(number, int | np.integer) and not isinstance(number, bool)


@dataclass(frozen=True, slots=True, eq=False)
class _Loads:
    """Loads at one time."""

    constraint: Constraint
    eigenstrain: NDArray[np.floating] | None

    def then(self, step: LoadStep, body: Body) -> "_Loads":
        """The loads at the end of a step."""
        constraint, field = self.constraint, self.eigenstrain
        if step.boundary is not None:
            constraint = _same_faces(body, step.boundary)
        if step.strain is not None:
            given = checked_strain(step.strain)
            nothing = np.zeros(6, dtype=bool)
            constraint = replace(constraint, free=nothing, strain=given, stress=np.zeros(6))
        if step.eigenstrain is not None:
            field = swelling_field(
                body.volume,
                step.eigenstrain,
                body.solids,
                body.moduli.lam.dtype.type,
                allow_large_strain=step.allow_large_strain,
            )
        return _Loads(body.definite(constraint), field)

    def towards(self, end: "_Loads", share: float) -> "_Loads":
        """The loads at a share of the way to others."""
        if share == 1.0:
            return end
        a, b = self.constraint, end.constraint
        strain = (1.0 - share) * a.strain + share * b.strain
        stress = (1.0 - share) * a.stress + share * b.stress
        return _Loads(replace(b, strain=strain, stress=stress), self._swelling(end, share))

    def _swelling(self, end: "_Loads", share: float) -> NDArray[np.floating] | None:
        if end.eigenstrain is None or self.eigenstrain is end.eigenstrain:
            return end.eigenstrain
        kind = end.eigenstrain.dtype.type
        before = kind(0.0) if self.eigenstrain is None else kind(1.0 - share) * self.eigenstrain
        return before + kind(share) * end.eigenstrain


def _same_faces(body: Body, boundary: Any) -> Constraint:
    """The constraint of a boundary whose faces are held as the body's are."""
    held, given = body.constraint, checked_boundary(boundary).constraint(body.volume)
    for name in ("periodic", "low", "high"):
        if getattr(held, name) != getattr(given, name):
            raise InvalidInputError(
                f"a load step has the boundary {boundary!r}, whose faces are not held as those of "
                f"{body.boundary!r}: change strains, displacements and pressures only"
            )
    return replace(given, ratios=held.ratios)


class _LoadedBody:
    """The forces of a body under given loads that act for some time."""

    def __init__(self, body: Body, flow: FlowState, loads: _Loads, duration: float) -> None:
        self.flow, self.duration = flow, duration
        self.constraint = loads.constraint
        scaled = replace(loads.constraint, stress=loads.constraint.stress / body.unit)
        self.elastic = flow.operator.under(scaled)
        self.operator: Elasticity = self.elastic
        self.preconditioner = body.preconditioner.with_ends(self.elastic)
        voxels = math.prod(flow.grid.shape)
        self.load = runtime.to_device(np.where(scaled.free, voxels * scaled.stress, 0.0))
        flow.swell(loads.eigenstrain)

    def strain(self, x: DeviceArray) -> None:
        """Set the components of the mean strain that are given."""
        free, given = self.constraint.free, self.constraint.strain
        self.elastic.set_end(x, np.where(free, self.elastic.end(x), given))

    def respond(self, x: DeviceArray, out: DeviceArray, *, flows: bool = True) -> float:
        """Forces out of balance at x; twice the energy that is stored."""
        stored = self.flow.respond(x, self.duration, flows=flows)
        self.elastic.given(self.flow.stress, self.flow.rest).apply(x, out)
        self.flow.kernels.unbalanced(out, self.load, self.flow.grid.size)
        self.operator = self.elastic.softened(self.flow.normal) if flows else self.elastic
        return sum(stored)

    def move(self, x: DeviceArray, direction: DeviceArray, length: float) -> None:
        """Move x by a length along a direction."""
        self.flow.kernels.move(x, direction, length, self.elastic.size)


class _History:
    """A body, what has happened to it so far, and how it goes on."""

    def __init__(self, body: Body, laws: FlowLaws, tolerance: float, max_iterations: int) -> None:
        self.body, self.labels = body, laws.labels
        self.tolerance, self.max_iterations = tolerance, max_iterations
        self.flow = FlowState(body.operator, laws, laws.of_voxels(body.volume), body.unit)
        self.x = runtime.zeros(body.operator.size, body.operator.dtype)
        self.loads = _Loads(body.definite(body.constraint), None)
        self.time = self.reference = self.dissipated = 0.0
        self.stored = (0.0, 0.0)

    def go(self, step: LoadStep, number: int) -> StepResult:
        """The state after a step."""
        end = self.loads.then(step, self.body)
        now = self._now(end)
        reports: list[NewtonReport] = []
        for part in range(step.parts):
            start, stop = (now.towards(end, p / step.parts) for p in (part, part + 1))
            try:
                reports += self._part(start, stop, step.duration / step.parts, MOST_HALVINGS)
            except ConvergenceError as error:
                raise ConvergenceError(
                    f"load step {number} failed even in {2**MOST_HALVINGS} parts: it may ask for "
                    f"more than the volume can carry, or last too long; {error}",
                    error.report,
                ) from error
        self.loads = end
        return self._result(step, tuple(reports))

    def _now(self, end: _Loads) -> _Loads:
        """Mean strain and stress as they are, from which those that are given start."""
        strain = self.body.operator.end(self.x)
        held = replace(end.constraint, strain=strain, stress=self._mean_stress())
        return _Loads(held, self.loads.eigenstrain)

    def _part(
        self, before: _Loads, after: _Loads, duration: float, halvings: int
    ) -> list[NewtonReport]:
        """Go to other loads at once, or if that fails in two halves."""
        kept = runtime.to_host(self.x).copy()
        try:
            return [self._solve(after, duration)]
        except ConvergenceError:
            if halvings == 0:
                raise
        runtime.assign(self.x, kept)
        middle = before.towards(after, 0.5)
        reports = self._part(before, middle, duration / 2, halvings - 1)
        return reports + self._part(middle, after, duration / 2, halvings - 1)

    def _solve(self, loads: _Loads, duration: float) -> NewtonReport:
        system = _LoadedBody(self.body, self.flow, loads, duration)
        system.strain(self.x)
        report = balance(
            system,
            self.x,
            reference=self.reference,
            tolerance=self.tolerance,
            max_linear=self.max_iterations,
            task="load path",
        )
        self.stored = self.flow.respond(self.x, duration)
        self.reference = max(self.reference, sum(self.stored))
        self.dissipated += self.flow.commit(self.x, duration)
        self.time += duration
        return report

    def _mean_stress(self) -> NDArray[np.float64]:
        forces = self.body.operator.given(self.flow.stress, self.flow.rest)
        return forces.mean_stress(self.x) * self.body.unit

    def _result(self, step: LoadStep, reports: tuple[NewtonReport, ...]) -> StepResult:
        volume = self.body.volume
        accumulated = self.flow.voxels(self.flow.accumulated)
        parts = {volume.phase_name(p): accumulated[volume.labels == p] for p in self.labels}
        density = self.body.unit / math.prod(volume.shape)
        stored = sum(self.stored)
        return StepResult(
            time=self.time,
            strain=self.body.operator.end(self.x),
            stress=self._mean_stress(),
            flowed={name: float(np.mean(part > 0)) for name, part in parts.items() if part.size},
            accumulated={
                name: float(part.mean(dtype=float)) for name, part in parts.items() if part.size
            },
            stored=stored * density / 2,
            dissipated=self.dissipated * density,
            hourglass=self.stored[1] / max(stored, 1e-300),
            reports=reports,
            fields=self._fields() if step.fields else None,
        )

    def _fields(self) -> FlowFields:
        voxels, flow = self.flow.voxels, self.flow
        stress = voxels(flow.stress)[:6] * self.body.unit
        return FlowFields(stress, voxels(flow.plastic).copy(), voxels(flow.accumulated).copy())
