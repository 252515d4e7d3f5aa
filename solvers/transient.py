"""TransientDiffusion: ∂c/∂t = div(D grad c - D Ω c/(RT) grad σ_h) inside particles, in time steps.

Arrays have shape (nz, ny, nx); concentrations in mol/m³ are 0 off the particles. Faces conduct as
two half voxels in series. With φ = Ω σ_h/(RT) and ρ = c exp(-φ) the flux is -D exp(φ) grad ρ: the
equations of a step are symmetric in ρ, whatever the stress, and hold c ∝ exp(φ) at equilibrium.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError
from microstructures.phases import Phase
from solvers import runtime
from solvers.components import component_labels
from solvers.grid import Grid
from solvers.implicit_stage import ImplicitStage, implicit_stage
from solvers.particle_surface import AreaRule, particle_surface
from solvers.results import SolveReport

Field: TypeAlias = NDArray[np.float64]
Diffusivity: TypeAlias = float | Callable[[Field], Field]
Stage: TypeAlias = Callable[[Field, float, Field, float], Field]

GAS_CONSTANT = 8.31446261815324  # J/(mol K), exact
GAMMA = 1.0 - 1.0 / math.sqrt(2.0)  # share of a step over which each of its two stages is implicit
STEEPEST = 60.0  # |Ω σ_h/(RT)| beyond which exp overwhelms any concentration
BYTES_PER_VOXEL = 220


@dataclass(frozen=True, slots=True, eq=False)
class Drift:
    """What draws a solute towards tension: the stress part -Ω σ_h of its chemical potential.

    Args:
        hydrostatic: mean stress σ_h in Pa, positive in tension, shape (nz, ny, nx).
        partial_molar_volume: Ω in m³/mol, a number or one per voxel.
        temperature: T > 0 in K.
    """

    hydrostatic: Field
    partial_molar_volume: float | Field
    temperature: float = 298.15


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """Concentration in mol/m³ at the end of a step, and the reports of its solves."""

    concentration: Field
    reports: tuple[SolveReport, ...]


class TransientDiffusion:
    """Diffusion in the particles of a volume: the geometry once, then any number of steps.

    Args:
        volume: the segmented volume; its outer faces are insulated.
        diffusivity: of each particle phase in m²/s, a number > 0 or a function from an array of
            concentrations to one of diffusivities. Concentrations are continuous where phases meet.
        surface: phases that exchange with the particles through their common faces; all others
            insulate.
        area: "normals" gives every surface face its share of the smooth surface, "faces" counts
            the staircase, 3/2 times too large for a sphere; a number is the true area in m². See
            ``particle_surface``.

    Raises:
        InvalidInputError: a diffusivity that is not > 0, or particles without such a surface.
        MemoryBudgetError: a step would not fit; nothing was allocated.

    Accuracy: second order in time, exactly conservative; O(h²) across flat surfaces, O(h) at
        staircases.
    """

    def __init__(
        self,
        volume: Volume,
        diffusivity: Mapping[Phase, Diffusivity],
        surface: Phase | Sequence[Phase],
        *,
        area: AreaRule | float = "normals",
    ) -> None:
        self.diffusivity = _checked_diffusivities(volume, diffusivity)
        self.grid, self.spacing, self.cell = Grid(volume.shape), volume.spacing, volume.voxel_volume
        runtime.check_elements(4 * self.grid.size, f"the face array of {volume.shape} voxels")
        runtime.reserve(self.grid.size * BYTES_PER_VOXEL, f"a time step on {volume.shape} voxels")
        labels, around = volume.labels, volume.mask(*_phases(surface))
        self.particles = np.isin(labels, list(self.diffusivity), kind="table")
        self.owner = labels[self.particles]  # phase of each particle voxel
        self.surface = particle_surface(
            self.particles, around & ~self.particles, volume.spacing, area
        )
        clusters, _ = component_labels(self.particles)
        self.cluster = clusters[self.particles] - 1
        self._last: tuple[tuple[str, bool], ImplicitStage] | None = None

    @property
    def volume(self) -> float:
        """Volume of the particles in m³."""
        return len(self.owner) * self.cell

    @property
    def is_linear(self) -> bool:
        """True if no diffusivity depends on the concentration."""
        return not any(callable(d) for d in self.diffusivity.values())

    def field(self, concentration: float | Field) -> Field:
        """A concentration, one number or one per voxel, in the particles and 0 elsewhere.

        Raises:
            InvalidInputError: not numbers, of another shape, not finite, or < 0.
        """
        try:
            given = np.asarray(concentration, dtype=float)
        except (TypeError, ValueError):
            raise InvalidInputError(
                f"the concentration is {concentration!r}: give mol/m³, a number or one per voxel"
            ) from None
        if given.ndim == 0:
            given = np.full(self.grid.shape, float(given))
        field = np.where(self.particles, self._checked(given, "concentration"), 0.0)
        if (field < 0.0).any():
            raise InvalidInputError(
                f"the concentration goes down to {field.min():.4g} mol/m³: give numbers ≥ 0"
            )
        return field

    def mean(self, c: Field) -> float:
        """Mean concentration of the particles."""
        return float(c[self.particles].mean())

    def flux_for(self, rate: float) -> float:
        """Uniform flux in mol/(m² s) at which the mean changes by ``rate`` in mol/(m³ s)."""
        return rate * self.volume / self.surface.area

    def flux_at_c_rate(self, c_rate: float, capacity: float) -> float:
        """Uniform flux that changes the mean by ``capacity`` in mol/m³ within 1/c_rate hours."""
        return self.flux_for(c_rate * capacity / 3600.0)

    def surface_mean(
        self,
        c: Field,
        flux: float | Field = 0.0,
        surface_concentration: float | Field | None = None,
    ) -> float:
        """Mean concentration at the surface, half a voxel beyond the outermost centres."""
        if surface_concentration is not None:
            held = self._at_surface(surface_concentration, "surface concentration")
            return float(held @ self.surface.specific / self.surface.specific.sum())
        at, inner = self.surface.voxels, c.ravel()[self.surface.voxels]
        rise = self._at_surface(flux, "flux") * self.surface.lift
        rise /= self.diffusivities(c).ravel()[at]
        return float((inner @ self.surface.specific + rise.sum()) / self.surface.specific.sum())

    def step(
        self,
        c: Field,
        dt: float,
        *,
        flux: float | Field = 0.0,
        surface_concentration: float | Field | None = None,
        drift: Drift | None = None,
        tolerance: float = 1e-6,
        max_iterations: int = 500,
    ) -> Step:
        """Concentration after ``dt`` seconds, by two implicit stages.

        Args:
            c: concentration at the start in mol/m³, shape (nz, ny, nx).
            dt: length of the step in s; any length is stable.
            flux: into the particles through the true area of their surface, in mol/(m² s); one
                number, or one per voxel of which those at the surface count.
            surface_concentration: of the surface in mol/m³, likewise; ``flux`` is then ignored.
            drift: stress that moves the solute; taken as constant over the step.
            tolerance: estimated error of each solve, as root mean square over that of c.
            max_iterations: of each solve, after which ConvergenceError is raised.

        Raises:
            InvalidInputError: fields of another shape, or numbers that are not finite.
            ConvergenceError: the tolerance was not met; carries the report.
        """
        reports: list[SolveReport] = []

        def solve(base: Field, tau: float, guess: Field, _: float) -> Field:
            found, new = self.sweeps(
                base,
                tau,
                guess,
                flux=flux,
                surface_concentration=surface_concentration,
                drift=drift,
                tolerance=tolerance,
                max_iterations=max_iterations,
            )
            reports.extend(new)
            return found

        return Step(second_order(self.field(c), dt, solve), tuple(reports))

    def sweeps(
        self, base: Field, tau: float, guess: Field, **acting: Any
    ) -> tuple[Field, list[SolveReport]]:
        """A stage, and once more with its own diffusivities where these depend on c.

        A single one would make a step of first order; arguments are those of ``stage``.
        """
        reports = []
        for _ in range(1 if self.is_linear else 2):
            guess, report = self.stage(base, tau, guess, **acting)
            reports.append(report)
        return guess, reports

    def stage(
        self,
        base: Field,
        tau: float,
        guess: Field,
        *,
        flux: float | Field = 0.0,
        surface_concentration: float | Field | None = None,
        drift: Drift | None = None,
        tolerance: float = 1e-6,
        max_iterations: int = 500,
    ) -> tuple[Field, SolveReport]:
        """Solution c of c = base + tau ∂c/∂t(c), with diffusivities at ``guess``.

        Any implicit scheme is made of these; arguments and errors are those of ``step``.
        """
        b, at = np.where(self.particles, base, 0.0), self.surface.voxels
        if surface_concentration is None:
            rate = self._at_surface(flux, "flux") * self.surface.specific
            typical = abs(float(tau * rate.sum() + b.sum()) / len(self.owner))
        else:
            held = self._at_surface(surface_concentration, "surface concentration")
            rate = held * self.diffusivities(guess).ravel()[at] * self.surface.holding
            typical = float(np.abs(held).max())
        b.reshape(-1)[at] += tau * rate
        system = self._system(tau, surface_concentration is not None, guess, drift)
        return system.solve(
            b,
            guess,
            scale=max(_rms(base[self.particles]), typical),
            tolerance=tolerance,
            max_iterations=max_iterations,
        )

    def _system(self, tau: float, held: bool, guess: Field, drift: Drift | None) -> ImplicitStage:
        """The equations of a stage; the last ones are kept as long as they stay the same."""
        key = (f"{tau:.12e}", held)  # equal steps differ by rounding
        kept = self.is_linear and drift is None
        if kept and self._last is not None and self._last[0] == key:
            return self._last[1]
        diffusivity = self.diffusivities(guess)
        ground = np.zeros(self.grid.shape)
        ground[self.particles] = 1.0
        if held:
            at = self.surface.voxels
            ground.reshape(-1)[at] += tau * diffusivity.ravel()[at] * self.surface.holding
        phi = None if drift is None else self._potential(drift)
        system = implicit_stage(
            self.grid,
            self.spacing,
            conductivity=tau * diffusivity,
            ground=ground,
            phi=phi,
            particles=self.particles,
            cluster=self.cluster,
        )
        self._last = (key, system) if kept else None
        return system

    def diffusivities(self, c: Field) -> Field:
        """D of every voxel, 0 off the particles. Raises InvalidInputError."""
        inside, values = c[self.particles], np.empty(len(self.owner))
        for label, given in self.diffusivity.items():
            mine = self.owner == label
            values[mine] = given(inside[mine]) if callable(given) else given
        if not (np.isfinite(values).all() and (values > 0.0).all()):
            bad = values[~(np.isfinite(values) & (values > 0.0))][0]
            raise InvalidInputError(
                f"the diffusivity is {bad} m²/s for one of the concentrations "
                f"{inside.min():.4g} to {inside.max():.4g} mol/m³: keep it finite and > 0 there"
            )
        field = np.zeros(self.grid.shape)
        field[self.particles] = values
        return field

    def _potential(self, drift: Drift) -> Field:
        """Ω σ_h/(RT) less its mean over the particles. Raises InvalidInputError."""
        if not (np.isfinite(drift.temperature) and drift.temperature > 0.0):
            raise InvalidInputError(
                f"temperature {drift.temperature!r} is no temperature in K: give a number > 0"
            )
        omega = drift.partial_molar_volume
        if np.ndim(omega) > 0:
            omega = self._checked(omega, "partial molar volume")
        work = (self._checked(drift.hydrostatic, "hydrostatic stress") * omega)[self.particles]
        phi = np.zeros(self.grid.shape)
        phi[self.particles] = (work - work.mean()) / (GAS_CONSTANT * drift.temperature)
        if not (largest := float(np.abs(phi).max())) <= STEEPEST:
            raise InvalidInputError(
                f"Ω σ_h/(RT) varies by {largest:.3g}, where a few units are already much: give σ_h "
                "in Pa and Ω in m³/mol"
            )
        return phi

    def _at_surface(self, given: float | Field, what: str) -> Field:
        """One value per surface voxel."""
        if np.ndim(given) == 0:
            values = np.full(len(self.surface.voxels), float(given))
        else:
            values = self._checked(given, what).ravel()[self.surface.voxels]
        if not np.isfinite(values).all():
            raise InvalidInputError(f"the {what} is not finite everywhere: give finite numbers")
        return values

    def _checked(self, field: Any, what: str) -> Field:
        values = np.asarray(field, dtype=float)
        if values.shape != self.grid.shape:
            raise InvalidInputError(
                f"the {what} has shape {values.shape}, but the volume {self.grid.shape}: give one "
                "number per voxel"
            )
        if not np.isfinite(values[self.particles]).all():
            raise InvalidInputError(f"the {what} is not finite in every particle voxel")
        return values


def second_order(c: Field, dt: float, solve: Stage) -> Field:
    """One step of the L-stable two-stage scheme of second order.

    ``solve(base, tau, guess, share)`` returns the solution x of x = base + tau ∂c/∂t(x), with what
    acts from outside at the given share of the step.

    Source: Alexander, SIAM J. Numer. Anal. 14 (1977) 1006, doi:10.1137/0714068
        [not opened: verify].
    """
    if not (math.isfinite(dt) and dt > 0.0):
        raise InvalidInputError(f"a step of {dt!r} s was asked for: give a number > 0")
    first = solve(c, GAMMA * dt, c, GAMMA)
    slope = (first - c) / GAMMA
    return solve(c + (1.0 - GAMMA) * slope, GAMMA * dt, c + slope, 1.0)


def _rms(values: Field) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def _phases(surface: Phase | Sequence[Phase]) -> tuple[Phase, ...]:
    return (surface,) if isinstance(surface, str | int | np.integer) else tuple(surface)


def _checked_diffusivities(volume: Volume, diffusivity: Any) -> dict[int, Diffusivity]:
    if not isinstance(diffusivity, Mapping) or not diffusivity:
        raise InvalidInputError(
            f"diffusivity {diffusivity!r} names no particle phase: give {{phase: m²/s}}"
        )
    table = {volume.phase_id(phase): value for phase, value in diffusivity.items()}
    if not any(volume.voxels(label) for label in table):
        raise InvalidInputError(
            f"the volume holds no voxel of {list(diffusivity)}: name the phase of the particles"
        )
    return {label: value if callable(value) else _number(value) for label, value in table.items()}


def _number(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number) and number > 0.0):
        raise InvalidInputError(
            f"diffusivity {value!r} was given: give a number > 0 in m²/s, or a function"
        )
    return number
