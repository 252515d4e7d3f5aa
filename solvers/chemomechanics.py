"""Chemomechanics: solute and stress that drive each other, ∂c/∂t = -div J with div σ = 0.

J = -D (grad c - c grad(Ω σ_h)/(RT)), σ = C:(ε - Ω (c - c_ref)/3). Fields have shape (nz, ny, nx),
those of tensors (6, nz, ny, nx); concentrations in mol/m³ are 0 off the particles. With fixed
stress each stage is linear; the two are solved in turns, as Anderson acceleration directs.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers import runtime
from solvers.anderson import SweepReport, fixed_point
from solvers.body import Body, Deformation
from solvers.concentration_history import Acting
from solvers.implicit_stage import implicit_stage
from solvers.solute_strain import SoluteStrain
from solvers.stiffness import Moduli
from solvers.transient import (
    GAS_CONSTANT,
    STEEPEST,
    Drift,
    Field,
    TransientDiffusion,
    second_order,
)
from solvers.voigt import mean_stress

INNER = 0.1  # tolerance of what a sweep solves, over that of the sweeps
CORRECTION = 1e-3  # tolerance of the correction, which need not be exact
FINEST = {"single": 1e-9, "mixed": 1e-12, "double": 1e-15}  # relative energy within rounding


class Chemomechanics:
    """Solute and stress, advanced together."""

    both_ways = True

    def __init__(
        self,
        body: Body,
        particles: TransientDiffusion,
        swelling: SoluteStrain,
        acting: Acting,
        holds: str,
        temperature: float,
        tolerance: float,
        depth: int,
    ) -> None:
        self.body, self.particles, self.swelling = body, particles, swelling
        self.acting, self.holds, self.temperature = acting, holds, temperature
        self.tolerance, self.depth = tolerance, depth
        self.largest = 0.0  # |Ω| so far
        self.local = _local_stiffness(body.moduli)
        self.latest: Field | None = None
        self.deformation: Deformation | None = None
        self.reports: list[SweepReport] = []

    def stress(self, c: Field) -> NDArray[np.floating]:
        """Stress of every voxel under a concentration."""
        eigenstrain = self.swelling.eigenstrain(c)
        # warm, since loads differ little from sweep to sweep
        self.deformation = self.body.respond(
            eigenstrain=eigenstrain,
            tolerance=self._energy_tolerance(eigenstrain[0]),
            task="stress of the particles",
            guess=self.deformation,
        )
        return self.body.stress(self.deformation, eigenstrain)

    def _energy_tolerance(self, strain: Field) -> float:
        """Of a solve for the stress, such that Ω σ_h/(RT) is right to that of the sweeps."""
        moduli, inside = self.body.moduli, self.particles.particles
        held = (3 * moduli.lam + 2 * moduli.mu)[inside] * strain[inside] * self.largest
        potential = moduli.unit * float(np.sqrt(np.mean(np.square(held, dtype=np.float64))))
        potential /= GAS_CONSTANT * self.temperature
        floor = FINEST[runtime.precision()]
        return max((INNER * self.tolerance / max(potential, 1.0)) ** 2, floor)

    def drift(self, c: Field) -> Drift:
        """What the stress under a concentration does to the solute."""
        omega = self.swelling.molar_volume(c)
        self.largest = float(np.abs(omega).max())
        return Drift(mean_stress(self.stress(c)).astype(float), omega, self.temperature)

    def step(self, c: Field, start: float, dt: float) -> Field:
        """Concentration a time step later."""

        def solve(base: Field, tau: float, guess: Field, share: float) -> Field:
            now = self.acting.at(start + share * dt)
            stage = self._coupled if self.both_ways else self._alone
            return stage(base, tau, guess, now)

        return second_order(c, dt, solve)

    def _alone(self, base: Field, tau: float, guess: Field, now: dict[str, Any]) -> Field:
        return self.particles.sweeps(base, tau, guess, tolerance=INNER * self.tolerance, **now)[0]

    def _coupled(self, base: Field, tau: float, guess: Field, now: dict[str, Any]) -> Field:
        inside = self.particles.particles
        guess = self._tamed(guess)
        start = guess[inside]

        def sweep(values: Field) -> Field:
            c = np.zeros(inside.shape)
            c[inside] = values
            drift = self.drift(c)
            if self._is_steep(drift) and values is not start:
                return np.full_like(values, np.nan)  # an iterate gone astray
            found, _ = self.particles.stage(
                base,
                tau,
                c,
                drift=drift,
                tolerance=INNER * self.tolerance,
                **self._held(now, c, drift),
            )
            return found[inside]

        correction = self._correction(tau, guess, held="surface_concentration" in now)
        values, report = fixed_point(
            sweep,
            start,
            scale=self._typical(start, now),
            tolerance=self.tolerance,
            depth=self.depth,
            correction=correction if self.depth else None,
            task="diffusion and stress",
        )
        self.reports.append(report)
        found = np.zeros(inside.shape)
        found[inside] = values
        self.latest = found
        return found

    def _tamed(self, guess: Field) -> Field:
        """A guess at most so far from the last stage that Ω σ_h/(RT) changes by one."""
        if self.latest is None:
            return guess
        away = guess - self.latest
        theta = (self._gain(np.ones_like(guess)) - 1.0) * np.abs(away)
        farthest = float(theta[self.particles.particles].max())
        return self.latest + away / max(farthest, 1.0)

    def _is_steep(self, drift: Drift) -> bool:
        phi = drift.hydrostatic * drift.partial_molar_volume / (GAS_CONSTANT * self.temperature)
        inside = phi[self.particles.particles]
        return not float(np.abs(inside - inside.mean()).max()) <= STEEPEST

    def _held(self, now: dict[str, Any], c: Field, drift: Drift) -> dict[str, Any]:
        """What acts at the surface, as a stage without stress there understands it."""
        if (held := now.get("surface_concentration")) is None:
            return now
        if self.holds == "potential":
            phi = drift.partial_molar_volume * drift.hydrostatic / (GAS_CONSTANT * self.temperature)
            return {"surface_concentration": held * np.exp(phi)}
        # half a voxel of diffusion alone is to carry what diffusion and stress carry
        return {"surface_concentration": c + self._gain(c) * (held - c)}

    def _typical(self, c: Field, now: dict[str, Any]) -> float:
        """Root mean square of the concentration, or what is held at the surface if larger."""
        held = now.get("surface_concentration", 0.0)
        largest = float(np.max(np.abs(held)))
        return max(float(np.sqrt(np.mean(np.square(c)))), largest) or 1.0

    def surface_mean(self, c: Field, time: float) -> float:
        """Mean concentration at the surface, where stress has its share in the gradient."""
        now = self.acting.at(time)
        if self.both_ways and "flux" in now:
            now = {"flux": now["flux"] / self._gain(c)}
        return self.particles.surface_mean(c, **now)

    def _gain(self, c: Field) -> Field:
        """1 + θ c, by which diffusion is faster where stress is that of the voxel's swelling."""
        squared = np.square(self.swelling.molar_volume(c)) * np.maximum(c, 0.0)
        gain: Field = 1.0 + squared * self.local / (3 * GAS_CONSTANT * self.temperature)
        return gain

    def _correction(
        self, tau: float, c: Field, *, held: bool
    ) -> Callable[[NDArray[np.float64]], NDArray[np.float64]]:
        """Newton's step, if stress followed the concentration of its own voxel only.

        Where it does, diffusivity is D (1 + θ c), and (1 + τ L (1 + θ c))⁻¹ (1 + τ L) is wanted.
        """
        particles, inside = self.particles, self.particles.particles
        gain = self._gain(c)
        conductivity = tau * particles.diffusivities(c) * gain
        ground = inside.astype(float)
        if held:
            at = particles.surface.voxels
            ground.reshape(-1)[at] += conductivity.ravel()[at] * particles.surface.holding
        stage = implicit_stage(
            particles.grid,
            particles.spacing,
            conductivity=conductivity,
            ground=ground,
            phi=None,
            particles=inside,
            cluster=particles.cluster,
        )

        def corrected(step: NDArray[np.float64]) -> NDArray[np.float64]:
            b, now = np.zeros(inside.shape), step / gain[inside]
            b[inside] = step - now
            scale = float(np.sqrt(np.mean(np.square(step))))
            spread, _ = stage.solve(b, b, scale=scale, tolerance=CORRECTION, max_iterations=500)
            return now + spread[inside]

        return corrected


def _local_stiffness(moduli: Moduli) -> Field:
    """Hydrostatic stress over -ε* of a small region that swells alone, 12 K G/(3 K + 4 G)."""
    lam, mu = (m.astype(float) * moduli.unit for m in (moduli.lam, moduli.mu))
    whole = 3 * (lam + 2 * mu)
    out: Field = np.divide(4 * mu * (3 * lam + 2 * mu), whole, out=np.zeros_like(mu), where=mu > 0)
    return out
