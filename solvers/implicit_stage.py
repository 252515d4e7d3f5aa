"""ImplicitStage: c - tau div(D exp(φ) grad(c exp(-φ))) = b in particles, without flux off them.

Arrays have shape (nz, ny, nx). Solved for ρ = c exp(-φ), which makes it symmetric.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import ConvergenceError
from solvers import runtime
from solvers.face_level import FaceLevel, FaceMultigrid, hierarchy
from solvers.grid import Grid
from solvers.linear import Preconditioner, conjugate_gradients
from solvers.results import SolveReport
from solvers.runtime import DeviceArray
from solvers.stored_faces import StoredFaces
from solvers.voxel_faces import beside

Field = NDArray[np.float64]

NO_SOLVE = "no solve was needed"
LOCAL = 20.0  # tau D/h² below which relaxation alone is faster than multigrid, measured at 64³


class Relaxation:
    """A preconditioner of one round of relaxation: for stages that reach but a few voxels far."""

    def __init__(self, level: FaceLevel) -> None:
        self.level, self.dtype = level, level.dtype

    @property
    def rhs(self) -> DeviceArray:
        """Right-hand side, to be filled before ``precondition``."""
        return self.level.b

    @property
    def solution(self) -> DeviceArray:
        """What ``precondition`` made of the right-hand side."""
        return self.level.x

    @property
    def lent(self) -> DeviceArray:
        """No vector is lent."""
        return None

    def take(self, r: DeviceArray) -> bool:
        """Right-hand sides must be copied to ``rhs``."""
        return False

    def precondition(self) -> None:
        """``solution`` ≈ A⁻¹ ``rhs``."""
        self.level.smooth(from_zero=True)


@dataclass(frozen=True, slots=True, eq=False)
class ImplicitStage:
    """The equations of a stage in ρ, ready to be solved for several right-hand sides.

    ``ground`` is their diagonal part and ``weight`` exp(φ), or None for 1; ``cluster`` numbers the
    connected particles, voxel by voxel of ``particles``.
    """

    operator: StoredFaces
    preconditioner: Preconditioner
    ground: Field
    weight: Field | None
    particles: NDArray[np.bool_]
    cluster: NDArray[np.int32]

    def solve(
        self, b: Field, guess: Field, *, scale: float, tolerance: float, max_iterations: int
    ) -> tuple[Field, SolveReport]:
        """Solution c, and its report with the error as root mean square over ``scale``."""
        grid, mask = self.operator.grid, self.particles
        rhs_norm = float(np.linalg.norm(b[mask]))
        if rhs_norm == 0.0:  # nothing is there and nothing comes in, so 0 is exact
            return np.zeros(grid.shape), SolveReport(0, 0.0, tolerance, 0.0, 0.0, NO_SOLVE)
        start = np.where(mask, guess if self.weight is None else guess / self.weight, 0.0)
        x, r = runtime.to_device(grid.flat(start)), runtime.zeros(grid.size, np.float64)
        self.operator.apply(x, r)
        r = runtime.to_device(grid.flat(b) - runtime.to_host(r))
        report = self._iterate(
            x,
            r,
            scale=scale,
            rhs_norm=rhs_norm,
            tolerance=tolerance,
            max_iterations=max_iterations,
        )
        found = np.zeros(grid.shape)
        found[mask] = self._completed(grid.voxels(runtime.to_host(x))[mask], b[mask])
        return found if self.weight is None else found * self.weight, report

    def _iterate(
        self,
        x: DeviceArray,
        r: DeviceArray,
        *,
        scale: float,
        rhs_norm: float,
        tolerance: float,
        max_iterations: int,
    ) -> SolveReport:
        """Conjugate gradients until the root mean square error is below ``tolerance * scale``."""
        try:
            report = conjugate_gradients(
                self.operator,
                self.preconditioner,
                x,
                r,
                energy=0.0,
                rhs_norm=rhs_norm,
                # c² of each voxel is a part of the energy, whose error bounds that of c thereby
                scale=scale**2 * len(self.cluster),
                tolerance=tolerance**2,
                max_iterations=max_iterations,
                task="time step",
            )
        except ConvergenceError as error:
            report = _as_root(error.report, tolerance)
            raise ConvergenceError(
                f"a time step ended after {report.iterations} iterations with an estimated error "
                f"of {report.error_estimate:.1e}, wanted {tolerance:.1e}: loosen the tolerance, "
                "shorten the step, or use precision='double'",
                report,
            ) from None
        return _as_root(report, tolerance)

    def _completed(self, rho: Field, b: Field) -> Field:
        """Each cluster raised by what it lacks as a whole: no solute is lost to the tolerance."""
        ground = self.ground[self.particles]
        lacks = np.bincount(self.cluster, b - ground * rho) / np.bincount(self.cluster, ground)
        raised: Field = rho + lacks[self.cluster]
        return raised


def implicit_stage(
    grid: Grid,
    spacing: tuple[float, float, float],
    *,
    conductivity: Field,
    ground: Field,
    phi: Field | None,
    particles: NDArray[np.bool_],
    cluster: NDArray[np.int32],
) -> ImplicitStage:
    """The equations for tau D = ``conductivity`` (m², 0 off the particles) and potential φ.

    ``ground`` is 1 in the particles, and more where a surface is held.
    """
    weight = None if phi is None else np.exp(phi)
    faces = np.zeros((4, *grid.padded))
    for axis, h in enumerate(spacing):
        inner = beside(faces[axis, 1:-1, 1:-1, 1:-1], axis)[0]
        inner[...] = _series(conductivity, axis) / h**2
        if phi is not None:
            inner *= _mean_weight(phi, axis)
    faces[3, 1:-1, 1:-1, 1:-1] = ground if weight is None else ground * weight
    operator = StoredFaces(grid, faces.reshape(4, -1))
    largest = float(conductivity.max()) / min(spacing) ** 2
    return ImplicitStage(
        operator,
        _preconditioner(operator, spacing, largest),
        faces[3, 1:-1, 1:-1, 1:-1],
        weight,
        particles,
        cluster,
    )


def _series(conductivity: Field, axis: int) -> Field:
    """Two half voxels in series."""
    a, b = beside(conductivity, axis)
    both: Field = np.divide(2.0 * a * b, a + b, out=np.zeros_like(a), where=(a > 0) & (b > 0))
    return both


def _mean_weight(phi: Field, axis: int) -> Field:
    """Harmonic mean of exp(φ) from voxel to voxel, with φ linear in between."""
    a, b = beside(phi, axis)
    half = np.abs(b - a) / 2
    flat = half < 1e-6
    stretch = np.divide(half, np.sinh(half), out=np.ones_like(half), where=~flat)
    weight: Field = np.exp((a + b) / 2) * stretch
    return weight


def _preconditioner(
    operator: StoredFaces, spacing: tuple[float, float, float], largest: float
) -> Preconditioner:
    dtype = np.float32 if runtime.precision() == "mixed" else np.float64
    finest = FaceLevel(operator.medium.stored(dtype), spacing)
    return Relaxation(finest) if largest < LOCAL else FaceMultigrid(hierarchy(finest))


def _as_root(report: SolveReport, tolerance: float) -> SolveReport:
    return replace(report, tolerance=tolerance, error_estimate=math.sqrt(report.error_estimate))
