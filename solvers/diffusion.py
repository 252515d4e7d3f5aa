"""Diffusion: div(sigma grad phi) = 0 between two electrodes, by finite volumes on voxels.

Arrays have the flow along axis 0. Faces conduct as two half voxels in series (harmonic mean), with
an area-specific resistance between them where one is given; the electrodes touch the outer faces
of the first and last layer, the sides are insulated.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers import runtime
from solvers._kernels import labels as kernels
from solvers._kernels import vectors
from solvers._ti import ti
from solvers.cut_components import Cuts
from solvers.face_level import FaceLevel, hierarchy
from solvers.face_resistance import FaceResistance
from solvers.grid import Grid
from solvers.islands import IslandMultigrid, find_islands
from solvers.linear import conjugate_gradients, total
from solvers.multigrid import Multigrid
from solvers.resistive_faces import ResistiveFaces, resistive_faces
from solvers.results import SolveReport
from solvers.runtime import DeviceArray

BYTES_PER_VOXEL = {"mixed": 64, "double": 100}  # measured peak of a solve, per voxel


@dataclass(frozen=True, slots=True)
class Potential:
    """Solution: potential and dissipation per voxel (flow along axis 0), and how it was found.

    ``conductance`` is the total over ``scale``, for a unit potential drop; ``imbalance`` the
    largest relative difference between the flow through a layer and the mean. ``interfacial`` is
    the part of the dissipation in the faces' own resistances, None without any.
    """

    conductance: float
    potential: NDArray[np.float64]
    dissipation: NDArray[np.float64]
    imbalance: float
    report: SolveReport
    interfacial: NDArray[np.float64] | None = None


class Diffusion:
    """The operator A = -div(sigma grad) on flat arrays, with both electrodes at potential 0.

    Args:
        classes: class of each voxel, uint8 or uint16 of shape (n0, n1, n2); 0 insulates.
        sigma: conductivity of class 1, 2, …; the largest is 1.
        spacing: voxel edges (h0, h1, h2), any unit; the smallest is 1.
        resistance: of faces between voxels, in that unit over that of sigma.
    """

    dtype: type[np.floating] = np.float64
    direction: type[np.floating] = np.float64

    def __init__(
        self,
        classes: NDArray[np.uint8] | NDArray[np.uint16],
        sigma: NDArray[np.float64],
        spacing: tuple[float, float, float],
        resistance: FaceResistance | None = None,
    ) -> None:
        n0, n1, n2 = classes.shape
        self.grid = Grid((n0, n1, n2)).checked()
        self.spacing, self.sigma = spacing, sigma
        self.width = len(sigma) + 2
        self.size = self.grid.size
        padded = self.grid.flat(classes).reshape(self.grid.padded)
        padded[[0, -1], 1:-1, 1:-1] = self.width - 1
        self.classes = runtime.to_device(padded)
        self.table = runtime.to_device(face_table(sigma, spacing))
        inlet = np.concatenate([[0.0], sigma])[classes[0]]
        self.inlet_norm = float(np.linalg.norm(2.0 * inlet / spacing[0] ** 2))
        class_type = ti.u8 if classes.dtype == np.uint8 else ti.u16
        self.kernels = kernels.build(class_type, runtime.block())
        lo, hi, *_ = self.grid.span
        self.sums = runtime.zeros(vectors.chunks(hi - lo), np.float64)
        self.resistive: ResistiveFaces | None = None
        if resistance is not None:
            faces = runtime.to_host(self.faces(np.float64)).reshape(3, -1)
            self.resistive = resistive_faces(self.grid, spacing, faces, resistance)

    def apply(self, x: DeviceArray, out: DeviceArray) -> float:
        """Set ``out`` to A x and return x · A x; values of ``x`` in the halo count as given."""
        if self.resistive is not None:
            return self.resistive.operator.apply(x, out)
        where = (self.classes, self.table, self.sums, self.width, *self.grid.span)
        self.kernels.apply(x, out, *where)
        return total(self.sums)

    def dissipation(self, x: DeviceArray, out: DeviceArray) -> float:
        """Set ``out`` to the energy dissipated in each voxel and return the sum."""
        if self.resistive is not None:
            self.resistive.operator.dissipation(x, out)
        else:
            where = (self.classes, self.table, self.width, *self.grid.span)
            self.kernels.dissipation(x, out, *where)
        return float(self.grid.voxels(runtime.to_host(out)).sum())

    def layers(self, x: DeviceArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Conductance and flow between successive layers, electrodes included."""
        conductance, flow = (runtime.zeros(self.grid.shape[0] + 1, np.float64) for _ in range(2))
        layer, _ = self.grid.strides
        if self.resistive is not None:
            self.resistive.operator.layers(x, conductance, flow)
        else:
            self.kernels.layers(x, self.classes, self.table, conductance, flow, self.width, layer)
        return runtime.to_host(conductance), runtime.to_host(flow)

    def faces(self, dtype: type[np.floating]) -> DeviceArray:
        """Conductance of every face, for the preconditioner."""
        if self.resistive is not None:
            return self.resistive.operator.faces_in(dtype)
        faces = runtime.zeros(3 * self.size, dtype)
        fill = self.kernels.faces32 if dtype is np.float32 else self.kernels.faces64
        for axis, step in enumerate((*self.grid.strides, 1)):
            fill(self.classes, self.table, faces, axis, self.width, self.size, step)
        return faces

    def interfacial(self, x: DeviceArray) -> NDArray[np.float64] | None:
        """Dissipation in the faces' own resistances, by voxel; None if there are none."""
        if self.resistive is None:
            return None
        return self.grid.voxels(self.resistive.interfacial(runtime.to_host(x)))

    @property
    def cuts(self) -> Cuts | None:
        """Faces whose resistance parts what they join; None if there are none."""
        if self.resistive is None or not any(len(cut) for cut in self.resistive.cuts):
            return None
        return self.resistive.cuts

    def preconditioner(self) -> Multigrid | IslandMultigrid:
        """Multigrid in the precision that is in force, with the islands corrected if any."""
        dtype = np.float32 if runtime.precision() == "mixed" else np.float64
        finest = FaceLevel(self.grid, self.spacing, self.faces(dtype), dtype)
        multigrid, islands = Multigrid(hierarchy(finest)), find_islands(self)
        return IslandMultigrid(multigrid, islands) if islands else multigrid

    def layered_potential(self) -> NDArray[np.float64]:
        """The best potential that depends on depth only, flat, with the electrodes' 1 and 0."""
        conductance, _ = self.layers(runtime.zeros(self.size, np.float64))
        drops = np.cumsum(1.0 / conductance)
        levels = 1.0 - np.concatenate([[0.0], drops]) / drops[-1]
        flat = np.zeros(self.grid.padded)
        flat[:, 1:-1, 1:-1] = np.append(levels[:-1], 0.0)[:, None, None]
        return flat.ravel()


def face_table(
    sigma: NDArray[np.float64], spacing: tuple[float, float, float]
) -> NDArray[np.float64]:
    """Face conductance by axis and pair of classes, flat; unit: largest sigma times smallest edge.

    Class 0 insulates and the last class is an electrode, half a voxel away along axis 0.
    """
    width = len(sigma) + 2
    inner = np.concatenate([[0.0], sigma])
    pair = np.add.outer(inner, inner)
    series = np.divide(
        2 * np.multiply.outer(inner, inner), pair, out=np.zeros_like(pair), where=pair > 0
    )
    table = np.zeros((3, width, width))
    table[:, :-1, :-1] = series
    table[0, -1, :-1] = table[0, :-1, -1] = 2 * inner
    return (table / np.square(spacing)[:, None, None]).ravel()


def solve(operator: Diffusion, tolerance: float, max_iterations: int, task: str) -> Potential:
    """Potential for 1 at the low and 0 at the high electrode. Raises ConvergenceError."""
    x = runtime.to_device(operator.layered_potential())
    r = runtime.zeros(operator.size, np.float64)
    energy = operator.dissipation(x, r)
    operator.apply(x, r)
    vectors.negate(r)
    report = conjugate_gradients(
        operator,
        operator.preconditioner(),
        x,
        r,
        energy=energy,
        rhs_norm=operator.inlet_norm,
        tolerance=tolerance,
        max_iterations=max_iterations,
        task=task,
    )
    conductance = operator.dissipation(x, r)
    _, flow = operator.layers(x)
    imbalance = float(np.abs(flow / flow.mean() - 1.0).max())
    potential, dissipation = (operator.grid.voxels(runtime.to_host(v)) for v in (x, r))
    interfacial = operator.interfacial(x)
    return Potential(conductance, potential, dissipation, imbalance, report, interfacial)
