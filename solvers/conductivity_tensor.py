"""ConductivityTensor: the effective conductivity in all directions, (3, 3) in array-axis order."""

import html
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError
from solvers import runtime, sampling
from solvers.anisotropic_state import (
    ELEMENTS,
    dissipation,
    solve_elements,
    standard_error,
)
from solvers.checks import checked_tolerance, checked_volume
from solvers.conducting_part import ConductingPart, conducting_part
from solvers.conduction import Conduction
from solvers.face_resistance import FaceResistance, checked_resistance
from solvers.potential import Iterate, iterate
from solvers.results import SolveReport
from solvers.runtime import DeviceArray
from solvers.steady_state import doubt_period, method_of, problem_of, reserve

Tensor: TypeAlias = NDArray[np.float64]
Surroundings: TypeAlias = Literal["periodic", "mirrored"]

AXES = (0, 1, 2)
MIRRORED = "finite volumes, harmonic faces, the volume and its mirror images"


@dataclass(frozen=True, slots=True, eq=False)
class ConductivityTensor:
    """Effective conductivity or diffusivity: mean flux = value · mean gradient.

    ``value`` and ``standard_errors`` (of the diagonal as the value of a larger volume, NaN beside
    it) have shape (3, 3) in array-axis order (z, y, x). ``asymmetry`` is the largest difference
    between mean fluxes that should be equal, over the largest: those of a gradient along i in
    direction j, and the reverse. ``reports`` holds one report per axis.
    """

    value: Tensor
    unit: str
    method: str
    standard_errors: Tensor
    asymmetry: float
    reports: tuple[SolveReport, SolveReport, SolveReport]
    through_axis: int

    @property
    def through_plane(self) -> float:
        """Value along the through-plane axis."""
        return float(self.value[self.through_axis, self.through_axis])

    @property
    def in_plane(self) -> float:
        """Mean of the values along the two other axes."""
        others = [self.value[a, a] for a in range(3) if a != self.through_axis]
        return float(np.mean(others))

    @property
    def principal_values(self) -> Tensor:
        """Eigenvalues in ascending order."""
        return np.asarray(np.linalg.eigvalsh(self.value), dtype=float)

    @property
    def percolates(self) -> tuple[bool, bool, bool]:
        """Along which axes anything flows."""
        z, y, x = (bool(self.value[a, a] > 0.0) for a in range(3))
        return z, y, x

    def to_dict(self) -> dict[str, Any]:
        """The result as plain numbers and text."""
        return {
            "value": self.value.tolist(),
            "unit": self.unit,
            "method": self.method,
            "standard_errors": [[e if np.isfinite(e) else None for e in row]
                                for row in self.standard_errors.tolist()],
            "asymmetry": self.asymmetry,
            "reports": [report.to_dict() for report in self.reports],
        }  # fmt: skip

    def __str__(self) -> str:
        rows = "; ".join("  ".join(f"{v:.5g}" for v in row) for row in self.value)
        return f"[{rows}] {self.unit}"

    def _repr_html_(self) -> str:
        cells = "".join(
            f"<tr>{''.join(f'<td>{v:.5g}</td>' for v in row)}</tr>" for row in self.value
        )
        return f"<table>{cells}</table><small>{html.escape(self.unit)}</small>"


def effective_conductivity_tensor(
    volume: Volume,
    conductivity: Any,
    *,
    boundary: Surroundings = "periodic",
    resistance: FaceResistance | None = None,
    tolerance: float = 1e-5,
    max_iterations: int = 2000,
) -> ConductivityTensor:
    """Effective conductivity along all axes in one call, in-plane and through-plane.

    Args:
        volume: the segmented volume.
        conductivity: as for ``effective_conductivity``.
        boundary: "periodic", a mean gradient in a volume that repeats itself, which gives all six
            components; "mirrored", for volumes cut out of something larger: the volume and its
            mirror images, which is the same as electrodes and insulated sides along each axis, and
            makes all components beside the diagonal vanish.
        resistance: of faces in Ω m²; for "periodic" made with ``periodic=True``.
        tolerance: estimated relative error of each diagonal component.
        max_iterations: of each solve, after which ConvergenceError is raised.

    Returns:
        The tensor in S/m, symmetric; a diagonal component is exactly 0.0 where nothing carries a
        current along that axis.

    Raises:
        InvalidInputError: as ``effective_conductivity``, or voxels outside in a periodic volume.
        ConvergenceError: the tolerance was not met; carries the report.
        MemoryBudgetError: the solve would not fit; nothing was allocated.

    Accuracy: as ``effective_conductivity``; components beside the diagonal to the tolerance times
        the root of the product of the two on the diagonal.
    """
    if boundary == "mirrored":
        return _mirrored(volume, conductivity, resistance, tolerance, max_iterations)
    if boundary != "periodic":
        raise InvalidInputError(
            f"boundary {boundary!r} is unknown: choose one of {get_args(Surroundings)}"
        )
    tolerance = checked_tolerance(tolerance)
    volume = checked_volume(volume)
    faces = checked_resistance(resistance, volume)
    part = conducting_part(volume, conductivity, "conductivity", AXES, None, faces)
    doubt_period(volume, part.together(), stacklevel=3)
    if part.tensors is not None:
        return _by_elements(part, tolerance, max_iterations)
    return _periodic(part, tolerance, max_iterations)


def _mirrored(
    volume: Volume,
    conductivity: Any,
    resistance: FaceResistance | None,
    tolerance: float,
    max_iterations: int,
) -> ConductivityTensor:
    how: dict[str, Any] = {"tolerance": tolerance, "max_iterations": max_iterations}
    problem = Conduction(volume, conductivity, resistance=resistance, **how)
    along = [problem.along(axis) for axis in AXES]
    errors = np.full((3, 3), np.nan)
    np.fill_diagonal(errors, [float(one.uncertainty) for one in along])
    return ConductivityTensor(
        value=np.diag([one.value for one in along]),
        unit="S/m",
        method=MIRRORED,
        standard_errors=errors,
        asymmetry=0.0,
        reports=(along[0].report, along[1].report, along[2].report),
        through_axis=volume.through_axis,
    )


def _periodic(whole: ConductingPart, tolerance: float, max_iterations: int) -> ConductivityTensor:
    part = whole.together()
    value, fluxes, errors = np.zeros((3, 3)), np.zeros((3, 3)), np.full((3, 3), np.nan)
    none = SolveReport(0, 0.0, tolerance, 0.0, 0.0, "no solve was needed")
    method = method_of(part, None)
    reports, potentials = [none] * 3, list[DeviceArray]()
    if part.percolates:
        problem = problem_of(part, None)
        reserve(part, tolerance, problem.is_fragmented)
        it = Iterate(problem, tolerance)
        lengths = np.array(part.classes.shape) * part.spacing / min(part.spacing)
        voxels = part.classes.size
    for axis in AXES:
        if not whole.carries(axis):
            potentials.append(None)
            continue
        it.fall_along(axis)
        task = f"conductivity along axis {axis}"
        _, reports[axis] = iterate(it, tolerance, max_iterations, task)
        potentials.append(it.x)
        for other, seen in enumerate(potentials):
            if seen is not None:
                mutual = it.exact.mutual(it.x, seen) * lengths[axis] * lengths[other] / voxels
                value[axis, other] = value[other, axis] = mutual
        fluxes[axis] = _mean_fluxes(it, lengths, voxels)
        errors[axis, axis] = _standard_error(it) * value[axis, axis]
    largest = float(part.sigma.max(initial=0.0))
    peak = float(np.abs(fluxes).max())
    return ConductivityTensor(
        value=value * largest,
        unit="S/m",
        method=method if part.percolates else method + "; no conducting path",
        standard_errors=errors * largest,
        asymmetry=float(np.abs(fluxes - fluxes.T).max()) / peak if peak else 0.0,
        reports=(reports[0], reports[1], reports[2]),
        through_axis=whole.volume.through_axis,
    )


def _by_elements(
    whole: ConductingPart, tolerance: float, max_iterations: int
) -> ConductivityTensor:
    """The tensor for rotated tensors of the voxels."""
    part, tensors = whole.together(), whole.tensors
    assert tensors is not None
    method = ELEMENTS + "periodic along all axes"
    none = SolveReport(0, 0.0, tolerance, 0.0, 0.0, "no solve was needed")
    around = [axis for axis in AXES if whole.carries(axis)]
    value, errors, asymmetry, reports = np.zeros((3, 3)), np.full((3, 3), np.nan), 0.0, [none] * 3
    if around:
        found = solve_elements(part, tensors, gradients=tuple(around), tolerance=tolerance,
                               max_iterations=max_iterations)  # fmt: skip
        value[np.ix_(around, around)] = found.matrix
        fluxes = found.mean_flux[:, around]
        asymmetry = float(np.abs(fluxes - fluxes.T).max() / np.abs(fluxes).max())
        assert found.flux is not None
        for axis, flux, report in zip(around, found.flux, found.reports, strict=True):
            reports[axis] = report
            _, error = standard_error(part, dissipation(part, tensors, flux))
            errors[axis, axis] = error * value[axis, axis]
    return ConductivityTensor(
        value=value,
        unit="S/m",
        method=method if around else method + "; no conducting path",
        standard_errors=errors,
        asymmetry=asymmetry,
        reports=(reports[0], reports[1], reports[2]),
        through_axis=whole.volume.through_axis,
    )


def _mean_fluxes(it: Iterate, lengths: Tensor, voxels: int) -> Tensor:
    """Mean flux along each axis, for a unit mean gradient along that of the solve."""
    flows = [it.exact.layers(it.x, axis)[1][1:].sum() for axis in range(3)]
    steps = lengths / it.problem.grid.shape
    return np.array(flows) * steps * lengths[it.axis] / voxels


def _standard_error(it: Iterate) -> float:
    """Relative standard error of the diagonal component, from its dissipation by blocks."""
    out = runtime.zeros(it.problem.grid.size, it.exact.dtype)
    total = it.exact.dissipation(it.x, out)
    shares = sampling.block_sums(it.problem.grid.voxels(runtime.to_host(out))) / total
    voxels = sampling.block_sums(np.broadcast_to(np.True_, it.problem.grid.shape))
    return sampling.relative_standard_error(shares - voxels / voxels.sum())
