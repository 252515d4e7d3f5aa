"""BlockingModel: the impedance of wetted pores, projected on a few solutions at real frequencies.

With p = iωC in the units of the pores, the potential x of a voxel obeys (A + D(p)) x = b where the
separator is at 1: A are the pores, b their conductances to the separator, and D the wetted faces,
each a half voxel and a capacitor in series: area p/(1 + p depth). On the span of solutions at real
p > 0, each one SPD solve, the whole spectrum is a small dense problem. Projecting a symmetric
problem makes the error of the impedance quadratic in that of x.

Source: Druskin, Lieberman, Zaslavsky, SIAM J. Sci. Comput. 32 (2010) 2485,
    doi:10.1137/090774082 (rational Krylov subspaces with real shifts) [not opened].
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers import runtime
from solvers.network import Network, network
from solvers.results import SolveReport
from solvers.stored_faces import StoredFaces
from solvers.wetted_pores import WettedPores

Field = NDArray[np.float64]
Complex = NDArray[np.complex128]

NEGLIGIBLE = 1e-9  # part of a solution that rounding alone may add to the span


class BlockingModel:
    """The projected problem; every new solution makes it more exact.

    It starts from the constant and from the limit p = 0, so that it has the right capacitance and
    the right resistance at low frequency from the beginning.
    """

    def __init__(self, pores: WettedPores, tolerance: float, max_iterations: int) -> None:
        self.pores, self.max_iterations = pores, max_iterations
        self.faces = pores.faces()
        self.operator = StoredFaces(pores.grid, self.faces)
        self.inlet = pores.inlet()[pores.connected]
        self.basis = np.zeros((0, len(self.inlet)))
        self.reports: list[SolveReport] = []
        self.stiffness = np.zeros((0, 0))  # A on the basis
        self.wetted = np.zeros((len(pores.depths), 0, 0))  # areas by kind on the basis
        self.rhs, self.loads = np.zeros(0), np.zeros((len(pores.depths), 0))
        self._extend(np.ones(len(self.inlet)))
        drop, _, report = pores.steady(0.1 * tolerance, max_iterations, "impedance at 0 Hz")
        self.reports.append(report)
        self._extend(drop[pores.connected])

    def resistance(self, p: complex | Complex) -> Complex:
        """Impedance less 1/(p area); at p = 0 its limit."""
        power, stored = self._powers(np.atleast_1d(np.asarray(p, complex)))
        return power / (self.pores.area * stored)

    def solve_at(self, p: float, tolerance: float) -> None:
        """Add the solution at a real frequency p > 0, of which the impedance has ``tolerance``."""
        factors = p / (1.0 + p * self.pores.depths)
        ground = factors @ self.pores.areas
        x, drop = self._solutions(p)
        stored = float(self._powers(np.array([p + 0j]))[1].real[0])
        low, high = self.pores.area / stored, float(self.inlet.sum()) / (p * stored)
        # of two right-hand sides with the same solution, the one that cancels less
        source, guess = (ground / p, drop) if low <= high else (self.inlet, x)
        solution, report = self._network(ground).solve(
            self.pores.spread(source),
            self.pores.spread(guess),
            tolerance=float(np.clip(0.1 * tolerance / min(low, high), 1e-13, 1e-2)),
            max_iterations=self.max_iterations,
            task="impedance",
        )
        self.reports.append(report)
        self._extend(solution[self.pores.connected])

    def _network(self, ground: Field) -> Network:
        """The pores with conductances of the connected voxels to 0 besides the separator."""
        faces = self.faces.copy()
        faces[3] += self.pores.grid.flat(self.pores.spread(ground))
        return network(self.pores.grid, self.pores.spacing, faces)

    def _solutions(self, p: float) -> tuple[Field, Field]:
        """Potential x and drop (1 - x)/p of the connected voxels, as the model has them."""
        x, drop, _ = self._projected(np.array([p]))
        return x[0] @ self.basis, drop[0] @ self.basis

    def _powers(self, p: Complex) -> tuple[Complex, Complex]:
        """What the drop dissipates, and the charge stored per p, for a unit voltage.

        With the drop d = (1 - x)/p, neither cancels at any p.
        """
        x, drop, loads = self._projected(p)
        factors = 1.0 / (1.0 + p[:, None] * self.pores.depths)
        halves = factors @ (self.pores.depths * self.pores.areas.sum(axis=1))
        return halves + (loads * drop).sum(axis=1), (loads * x).sum(axis=1)

    def _projected(self, p: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Coefficients of x and of the drop on the basis for each p, and what loads the drop."""
        factors = 1.0 / (1.0 + p[:, None] * self.pores.depths)
        matrix = self.stiffness + p[:, None, None] * np.tensordot(factors, self.wetted, 1)
        loads = factors @ self.loads
        rhs = np.stack([np.broadcast_to(self.rhs, loads.shape), loads], axis=-1)
        both = np.linalg.solve(matrix, rhs)
        return both[..., 0], both[..., 1], loads

    def _extend(self, x: Field) -> None:
        """Add what is new in ``x`` to the basis, which is orthonormal in A."""
        ax = self._applied(x)
        size = x @ ax
        for _ in range(2):  # twice is enough against rounding
            x = x - (self.basis @ ax) @ self.basis
            ax = self._applied(x)
        if x @ ax <= NEGLIGIBLE**2 * size:
            return
        norm = float(np.sqrt(x @ ax))
        self.basis = np.concatenate([self.basis, x[None] / norm])
        last = self.basis[-1]
        self.rhs = np.append(self.rhs, self.inlet @ last)
        self.loads = np.column_stack([self.loads, self.pores.areas @ last])
        self.stiffness = _bordered(self.stiffness, self.basis @ ax / norm)
        rows = [self.basis @ (area * last) for area in self.pores.areas]
        pairs = zip(self.wetted, rows, strict=True)
        self.wetted = np.array([_bordered(old, row) for old, row in pairs])

    def _applied(self, x: Field) -> Field:
        """A x on the connected voxels."""
        flat = runtime.to_device(self.pores.grid.flat(self.pores.spread(x)))
        out = runtime.zeros(self.operator.size, np.float64)
        self.operator.apply(flat, out)
        return self.pores.grid.voxels(runtime.to_host(out))[self.pores.connected]


def _bordered(matrix: Field, row: Field) -> Field:
    """A symmetric matrix with one more row and column."""
    out = np.empty((len(row), len(row)))
    out[:-1, :-1] = matrix
    out[-1], out[:, -1] = row, row
    return out
