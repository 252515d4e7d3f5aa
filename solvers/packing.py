"""Packing: particles move and turn until none overlaps another or a wall. SI units.

Overlaps store energy like springs of unit stiffness. The energy is lowered by FIRE, a damped
motion that is stopped whenever it runs uphill; bodies are rigid, and nothing but overlap acts.
"""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures import Particles
from microstructures.errors import ConvergenceError, InvalidInputError
from solvers import progress, runtime
from solvers._kernels import packing as kernels
from solvers.clumps import SPREAD, Clumps, clumps_of
from solvers.neighbours import Neighbours, find_neighbours

SKIN = 0.2  # of the mean radius: how far neighbours are looked for
LONGEST = 0.2  # of the smallest radius: how far a body may go in one step
PATIENCE, FASTER, SLOWER, MIXING, FORGET = 5, 1.1, 0.5, 0.1, 0.99  # FIRE, as published
FIRST_STEP, LONGEST_STEP = 0.1, 0.6  # of time; contacts have unit stiffness and bodies unit mass
DESCENT = 0.15  # of the force, for contacts of unit stiffness
JAMMED = 1e-3  # net force over contact force below which overlaps will not go away

Values = NDArray[np.float64]
Periodic = tuple[bool, bool, bool]


@dataclass(frozen=True, slots=True)
class PackingReport:
    """How a relaxation ended.

    ``overlap`` is the largest, in radii of the smaller sphere; ``contacts`` the mean number of
    bodies that a body overlaps; ``jammed`` is True if the forces balance and overlaps remain.
    """

    iterations: int
    overlap: float
    contacts: float
    jammed: bool
    tolerance: float
    seconds: float
    device: str

    def to_dict(self) -> dict[str, Any]:
        """The report as plain numbers and text."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Relaxed:
    """Particles without overlap, and how they got there."""

    particles: Particles
    report: PackingReport


def relax(
    particles: Particles,
    *,
    tolerance: float = 1e-3,
    max_iterations: int = 20_000,
    spread: float = SPREAD,
    allow_overlap: bool = False,
    task: str = "packing",
) -> Relaxed:
    """Move and turn particles until they no longer overlap.

    Spheres are themselves, ellipsoids unions of inscribed balls (see ``clumps_of``). Along axes
    that are not periodic the box has walls.

    Args:
        particles: with their box.
        tolerance: largest overlap that may remain, in radii of the smaller ball.
        max_iterations: steps after which the search ends.
        spread: distance of the balls in an ellipsoid over its smallest semi-axis.
        allow_overlap: return particles that are jammed, or still moving, with what overlaps.
        task: name under which progress is reported.

    Raises:
        InvalidInputError: no particles, or a periodic box too small for them.
        ConvergenceError: overlaps remain, as they do above the densest random packing (64 % for
            equal spheres); carries the report.

    Source: Bitzek et al., Phys. Rev. Lett. 97 (2006) 170201, doi:10.1103/PhysRevLett.97.170201
        [not opened: verify]; O'Hern et al., Phys. Rev. E 68 (2003) 011306,
        doi:10.1103/PhysRevE.68.011306 (packings by the energy of overlaps) [not opened: verify].
    """
    if not 0.0 < tolerance < 1.0:
        raise InvalidInputError(f"tolerance {tolerance!r} is not in 0…1: 1e-3 is the default")
    if not len(particles.centres):
        raise InvalidInputError("there are no particles to pack: give at least one")
    clumps, report = relax_clumps(
        clumps_of(particles, spread),
        np.array(particles.box),
        particles.periodic,
        tolerance=tolerance,
        max_iterations=max_iterations,
        task=task,
    )
    if report.overlap > tolerance and not allow_overlap:
        raise ConvergenceError(_failure(report), report)
    moved = particles.moved(centres=clumps.centres, orientations=clumps.orientations)
    return Relaxed(moved.wrapped(), report)


def relax_clumps(
    clumps: Clumps,
    box: Values,
    periodic: Periodic,
    *,
    tolerance: float,
    max_iterations: int,
    held: NDArray[np.bool_] | None = None,
    coasts: bool = True,
    task: str = "packing",
) -> tuple[Clumps, PackingReport]:
    """The same for rigid bodies of any shape; overlaps may remain.

    Bodies ``held`` along an axis, shape (n, 3), are cut by a plane across it, as by a mirror: they
    slide along it and turn about its normal only, and no wall stops them. If nothing ``coasts``
    bodies go only as far as they are pushed, which takes more steps but leaves what touched in
    touch.
    """
    started = time.perf_counter()
    if held is None:
        held = np.zeros(clumps.centres.shape, bool)
    walk = (_Fire if coasts else _Creep)(clumps, box, periodic, held)
    for iteration in range(max_iterations):
        if walk.overlap <= tolerance or walk.is_jammed:
            break
        walk.step()
        if iteration % 100 == 0:
            done = 1.0 - np.log(max(walk.overlap / tolerance, 1.0)) / np.log(max(1 / tolerance, 2))
            progress.report(task, float(np.clip(done, 0.0, 1.0)), walk.overlap, tolerance)
    else:
        iteration = max_iterations
    seconds = time.perf_counter() - started
    report = PackingReport(
        iteration,
        walk.overlap,
        walk.contacts(),
        walk.overlap > tolerance and walk.is_jammed,
        tolerance,
        seconds,
        str(runtime.start()),
    )
    return walk.clumps, report


class _Fire:
    """Bodies on their way down the energy of overlaps."""

    def __init__(
        self, clumps: Clumps, box: Values, periodic: Periodic, held: NDArray[np.bool_]
    ) -> None:
        self.clumps, self.box, self.periodic = clumps, box, periodic
        self.kernels = kernels.build()
        self.skin = SKIN * float(clumps.radii.mean())
        self.longest = LONGEST * float(clumps.radii.min())
        self.radii, self.edges = (runtime.to_device(v.astype(float)) for v in (clumps.radii, box))
        self.wraps = runtime.to_device(np.array(periodic, np.int32))
        self.held = runtime.to_device(held[clumps.body].astype(np.int32).ravel())
        # of a body cut in half, half the mass is moved
        masses = 0.5 ** held.sum(axis=1, keepdims=True)
        self.mobility = np.hstack([~held, _free_turns(held)]) / masses
        size = len(clumps.radii)
        self.force = runtime.zeros(3 * size, np.float64)
        self.energy, self.deepest = (runtime.zeros(size, np.float64) for _ in range(2))
        self.near: Neighbours | None = None
        # displacements, and turns times the radius of gyration, side by side
        self.speed = np.zeros((len(clumps.centres), 6))
        self.dt, self.mixing, self.downhill = FIRST_STEP, MIXING, 0
        self.push = self._push()

    @property
    def is_jammed(self) -> bool:
        """True where what pushes from all sides balances."""
        net = np.abs(self.push).max()
        contact = np.abs(runtime.to_host(self.deepest)).max() * float(self.clumps.radii.min())
        return bool(net <= JAMMED * contact)

    def step(self) -> None:
        """One step of time."""
        power = float(np.sum(self.push * self.speed))
        if power > 0.0:
            size = np.linalg.norm(self.speed) / max(float(np.linalg.norm(self.push)), 1e-300)
            self.speed = (1 - self.mixing) * self.speed + self.mixing * size * self.push
            self.downhill += 1
            if self.downhill > PATIENCE:
                self.dt, self.mixing = min(self.dt * FASTER, LONGEST_STEP), self.mixing * FORGET
        else:
            self.speed[:] = 0.0
            self.dt, self.mixing, self.downhill = self.dt * SLOWER, MIXING, 0
        self.speed += self.dt * self.push
        self._go(self.dt * self.speed)

    def _go(self, path: Values) -> None:
        """Move and turn the bodies, none of them too far."""
        path *= min(1.0, self.longest / max(float(np.abs(path).max()), 1e-300))
        turn = path[:, 3:] / self.clumps.gyration[:, None]
        self.clumps = self.clumps.moved(path[:, :3], turn)
        self.push = self._push()

    def contacts(self) -> float:
        """Mean number of bodies that a body overlaps."""
        places, radii = self.clumps.places, self.clumps.radii
        near = self._neighbours(places)
        i, j = near.pairs
        touch = np.linalg.norm(near.ways(places, self.box), axis=1) < radii[i] + radii[j]
        pairs = np.stack([self.clumps.body[i][touch], self.clumps.body[j][touch]])
        return len(np.unique(pairs, axis=1).T) / len(self.clumps.centres)

    def _push(self) -> Values:
        """Force on every body and torque over its lever, shape (n, 6)."""
        arms = self.clumps.arms
        places = self.clumps.centres[self.clumps.body] + arms
        near = self._neighbours(places)
        flat = runtime.to_device(places.ravel())
        lists = [runtime.to_device(v) for v in (near.first, near.other, near.shift.ravel())]
        out = (self.force, self.energy, self.deepest)
        self.kernels.push(flat, self.radii, *lists, self.edges, self.wraps, self.held, *out)
        self.overlap = float(runtime.to_host(self.deepest).max())
        force = runtime.to_host(self.force).reshape(-1, 3)
        both = np.hstack([force, np.cross(arms, force)])
        count = len(self.clumps.centres)
        total: Values = np.stack(
            [np.bincount(self.clumps.body, column, count).astype(float) for column in both.T],
            axis=1,
        )
        total[:, 3:] /= self.clumps.gyration[:, None]
        return total * self.mobility

    def _neighbours(self, places: Values) -> Neighbours:
        if self.near is None or not self.near.hold(places):
            self.near = find_neighbours(
                places, self.clumps.radii, self.clumps.body, self.box, self.periodic, self.skin
            )
        return self.near


class _Creep(_Fire):
    """The same without inertia: steepest descent."""

    def step(self) -> None:
        """One step, which hardly overshoots where a body has some ten contacts."""
        self._go(DESCENT * self.push)


def _free_turns(held: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Axes about which bodies may turn: all, or that of the one plane that holds them."""
    count = held.sum(axis=1, keepdims=True)
    return (count == 0) | ((count == 1) & held)


def _failure(report: PackingReport) -> str:
    why = "are jammed" if report.jammed else f"still move after {report.iterations} steps"
    return (
        f"the particles {why} with overlaps of up to {report.overlap:.1%} of a radius, wanted "
        f"{report.tolerance:.1%}: lower the density, take a wider size distribution, or allow more "
        "with tolerance or allow_overlap=True"
    )
