"""Network: voxels joined by one conductance per face, some of them joined to 0, fed with currents.

Arrays are flat with a halo of one voxel (see ``Grid``); any unit, as long as it is the same.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers import runtime
from solvers.face_level import FaceLevel, FaceMultigrid, hierarchy
from solvers.grid import Grid
from solvers.linear import Preconditioner, conjugate_gradients
from solvers.results import SolveReport
from solvers.stored_faces import StoredFaces

Field = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """The equations Σ g (x - neighbour) + ground x = b, ready for several right-hand sides."""

    operator: StoredFaces
    preconditioner: Preconditioner

    def solve(
        self,
        b: Field,
        guess: Field | None = None,
        *,
        tolerance: float = 1e-5,
        max_iterations: int = 2000,
        task: str = "network",
    ) -> tuple[Field, SolveReport]:
        """Potentials of the voxels for the currents ``b`` into them.

        Args:
            b: current into each voxel, shape (n0, n1, n2); 0 where nothing conducts.
            guess: first guess of the potentials, likewise.
            tolerance: estimated relative error of ``dissipation``.
            max_iterations: iterations after which ConvergenceError is raised.
            task: name under which progress is reported.

        Raises:
            ConvergenceError: the tolerance was not met; carries the report.
        """
        grid = self.operator.grid
        start = np.zeros(grid.shape) if guess is None else guess
        x, r = runtime.to_device(grid.flat(start)), runtime.zeros(grid.size, np.float64)
        energy = self.operator.apply(x, r)
        held = runtime.to_host(r)
        energy -= 2.0 * float((start * b).sum())
        r = runtime.to_device(grid.flat(b) - held)
        report = conjugate_gradients(
            self.operator,
            self.preconditioner,
            x,
            r,
            energy=energy,
            rhs_norm=float(np.linalg.norm(b)) or 1.0,
            growing=True,
            tolerance=tolerance,
            max_iterations=max_iterations,
            task=task,
        )
        return np.array(grid.voxels(runtime.to_host(x))), report

    def dissipation(self, x: Field, b: Field) -> float:
        """2 x · b - x · A x: the power of the currents, with an error of second order in x."""
        flat = self.operator.grid.flat(x)
        out = runtime.zeros(self.operator.size, np.float64)
        return 2.0 * float((x * b).sum()) - self.operator.apply(runtime.to_device(flat), out)


def network(grid: Grid, spacing: tuple[float, float, float], faces: Field) -> Network:
    """A network with its multigrid preconditioner.

    Args:
        grid: layout of the arrays.
        spacing: voxel edges, any unit: which axes couple strongly.
        faces: conductance ≥ 0 from each element to the next along each axis, and to 0, shape
            (4, size). Every cluster of joined voxels needs a way to 0.
    """
    operator = StoredFaces(grid, faces)
    dtype = np.float32 if runtime.precision() == "mixed" else np.float64
    finest = FaceLevel(operator.medium.stored(dtype), spacing)
    return Network(operator, FaceMultigrid(hierarchy(finest)))
