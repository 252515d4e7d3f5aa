"""Effective conductivity and diffusivity of a volume between electrodes on two opposite faces."""

import html
import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError
from microstructures.phases import Phase
from solvers import diffusion, runtime, sampling
from solvers.domain import Domain, domain, phase_values
from solvers.face_resistance import FaceResistance, checked_resistance
from solvers.results import SAMPLING, Quantity, SolveReport, Uncertainty, finite

METHOD = "finite volumes, harmonic faces, electrodes on the outer faces, insulated sides"
RESISTIVE = ", resistive faces"


@dataclass(frozen=True, slots=True, eq=False)
class Fields:
    """Fields of a solve, shape (nz, ny, nx) in the volume's axis order; NaN where nothing flows.

    ``potential`` is 1 at the low and 0 at the high electrode; ``flux`` is the size of the current
    density relative to that of the homogeneous block, from the dissipation.
    """

    potential: NDArray[np.float32]
    flux: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Conductivity:
    """Effective conductivity or diffusivity along one axis.

    ``imbalance`` is the largest relative difference between the current through any layer of
    voxels and the mean current, ``conducting_fraction`` the share of voxels that carry any;
    ``shares`` is the share of each block in the dissipation, shape (b0, b1, b2), flow first.
    """

    value: float
    unit: str
    method: str
    uncertainty: Uncertainty
    report: SolveReport
    axis: int
    percolates: bool
    imbalance: float
    conducting_fraction: float
    shares: NDArray[np.float64]
    fields: Fields | None = None

    @property
    def status(self) -> str:
        """Whether there is a path: "ok" or "does not percolate"."""
        return "ok" if self.percolates else "does not percolate"

    def to_dict(self) -> dict[str, Any]:
        """The result as plain numbers and text."""
        quantity = Quantity(self.value, self.unit, self.method, self.uncertainty, self.report)
        return quantity.to_dict() | {
            "axis": self.axis,
            "percolates": self.percolates,
            "status": self.status,
            "imbalance": finite(self.imbalance),
        }

    def __str__(self) -> str:
        return str(Quantity(self.value, self.unit, self.method, self.uncertainty))

    def _repr_html_(self) -> str:
        return f"<b>{html.escape(str(self))}</b> <small>along axis {self.axis}</small>"


def effective_conductivity(
    volume: Volume,
    conductivity: Mapping[Phase, float],
    axis: int | None = None,
    *,
    resistance: FaceResistance | None = None,
    tolerance: float = 1e-5,
    max_iterations: int = 2000,
    fields: bool = False,
) -> Conductivity:
    """Conductivity of the homogeneous block that carries the same current along ``axis``.

    Solves div(sigma grad phi) = 0 with a potential drop between electrodes on the two outer faces
    normal to ``axis`` and no flux through the sides; a face between voxels conducts as two half
    voxels in series, with its own resistance R between them: 1/(h/2σ₁ + R + h/2σ₂) per area.
    Voxels outside the electrode carry nothing, and the block has their shape.

    Args:
        volume: the segmented volume.
        conductivity: bulk conductivity ≥ 0 in S/m of every phase, by name or id; 0 insulates.
        axis: 0, 1 or 2; by default the through-plane axis.
        resistance: of faces between voxels in Ω m², such as contacts lost; np.inf blocks a face.
        tolerance: estimated relative error of the value at which the solve stops.
        max_iterations: iterations after which ConvergenceError is raised.
        fields: also return the potential and flux fields.

    Returns:
        Effective conductivity in S/m; exactly 0.0 with ``percolates=False`` where no phase
        conducts from one electrode to the other.

    Raises:
        InvalidInputError: a value or a phase is missing, negative or not finite, or the
            resistances are those of another volume.
        ConvergenceError: the tolerance was not met; carries the report.
        MemoryBudgetError: the solve would not fit; nothing was allocated.

    Accuracy: exact for laminates; a staircase interface costs O(h), several percent at 20 voxels
        a particle diameter.
    Source: Cooper et al., SoftwareX 5 (2016) 203, doi:10.1016/j.softx.2016.09.002 [not opened].
    """
    return solve(
        volume,
        conductivity,
        axis,
        resistance=resistance,
        what="conductivity",
        unit="S/m",
        tolerance=tolerance,
        max_iterations=max_iterations,
        fields=fields,
    )


def effective_diffusivity(
    volume: Volume,
    diffusivity: Mapping[Phase, float],
    axis: int | None = None,
    *,
    resistance: FaceResistance | None = None,
    tolerance: float = 1e-5,
    max_iterations: int = 2000,
    fields: bool = False,
) -> Conductivity:
    """Diffusivity of the homogeneous block that passes the same flux along ``axis``, in m²/s.

    The equation, arguments, errors and accuracy are those of ``effective_conductivity``, with
    bulk diffusivities ≥ 0 in m²/s for conductivities and resistances in s/m. A phase's
    solubility is taken as equal.
    """
    return solve(
        volume,
        diffusivity,
        axis,
        resistance=resistance,
        what="diffusivity",
        unit="m²/s",
        tolerance=tolerance,
        max_iterations=max_iterations,
        fields=fields,
    )


def solve(
    volume: Volume,
    values: Mapping[Phase, float],
    axis: int | None,
    *,
    what: str,
    unit: str,
    tolerance: float,
    max_iterations: int,
    fields: bool,
    resistance: FaceResistance | None = None,
) -> Conductivity:
    """Effective value of ``what`` along an axis, in the unit of the phase values."""
    tolerance, axis = checked_tolerance(tolerance), checked_volume(volume).axis(axis)
    resistance = checked_resistance(resistance, volume)
    part = domain(volume, phase_values(volume, values, what), axis, resistance)
    if not part.percolates:
        return _blocked(axis, unit, tolerance)
    task = f"{what} along axis {axis}"
    solution = _solve(part, tolerance, max_iterations, task)
    value = _normalised(part, solution, tolerance, max_iterations)
    shares = sampling.block_sums(solution.dissipation) / solution.conductance
    voxels = sampling.block_sums(part.inside)
    # the value is the mean dissipation at unit mean gradient: it scatters as block means do
    error = value * sampling.relative_standard_error(shares - voxels / voxels.sum())
    return Conductivity(
        value=value * float(part.sigma.max()),
        unit=unit,
        method=METHOD if part.resistance is None else METHOD + RESISTIVE,
        uncertainty=Uncertainty(error * float(part.sigma.max()), SAMPLING),
        report=solution.report,
        axis=axis,
        percolates=True,
        imbalance=solution.imbalance,
        conducting_fraction=int(np.count_nonzero(part.classes)) / volume.inside_voxels,
        shares=shares,
        fields=_fields(volume, part, solution) if fields else None,
    )


def _solve(part: Domain, tolerance: float, max_iterations: int, task: str) -> diffusion.Potential:
    """Potential of a domain, with the largest conductivity and the smallest edge as units."""
    resistive_faces = part.resistance.count if part.resistance else 0
    required = estimated_bytes(part.classes.shape, len(part.sigma), resistive_faces)
    runtime.reserve(required, f"a solve on {part.classes.shape} voxels")
    smallest = min(part.spacing)
    h0, h1, h2 = (h / smallest for h in part.spacing)
    largest = float(part.sigma.max())
    resistance = part.resistance and part.resistance.scaled(largest / smallest)
    operator = diffusion.Diffusion(part.classes, part.sigma / largest, (h0, h1, h2), resistance)
    return diffusion.solve(operator, tolerance, max_iterations, task)


def _normalised(
    part: Domain, solution: diffusion.Potential, tolerance: float, max_iterations: int
) -> float:
    """Effective over largest phase conductivity."""
    if part.is_prism:
        length = part.classes.shape[0]
        cross_section = int(np.count_nonzero(part.inside[0]))
        stretch = part.spacing[0] / min(part.spacing)
        return solution.conductance * length / cross_section * stretch**2
    uniform = _solve(part.filled(), tolerance, max_iterations, "reference of the same shape")
    return solution.conductance / uniform.conductance


def _fields(volume: Volume, part: Domain, solution: diffusion.Potential) -> Fields:
    flowing = part.classes > 0
    sigma = np.concatenate([[np.inf], part.sigma / part.sigma.max()])[part.classes]
    mean = solution.conductance / solution.dissipation.size
    lost = 0.0 if solution.interfacial is None else solution.interfacial
    # within voxels it is |flux|²/sigma; at unit gradient the homogeneous block has flux = sigma_eff
    within = np.maximum(solution.dissipation - lost, 0.0)
    flux = np.sqrt(within * np.where(flowing, sigma, 0.0)) / mean
    scale = part.classes.shape[0] * part.spacing[0] / min(part.spacing)
    whole = [np.full(volume.shape, np.nan, np.float32) for _ in range(2)]
    for target, values in zip(whole, (solution.potential, flux / scale), strict=True):
        view = np.moveaxis(target[part.window], part.axis, 0)
        view[flowing] = values[flowing]
    return Fields(*whole)


def _blocked(axis: int, unit: str, tolerance: float) -> Conductivity:
    return Conductivity(
        value=0.0,
        unit=unit,
        method=METHOD + "; no conducting path between the electrodes",
        uncertainty=Uncertainty(np.nan, SAMPLING),
        report=SolveReport(0, 0.0, tolerance, 0.0, 0.0, "no solve was needed"),
        axis=axis,
        percolates=False,
        imbalance=0.0,
        conducting_fraction=0.0,
        shares=np.zeros((1, 1, 1)),
    )


def estimated_bytes(
    shape: tuple[int, ...], conductivities: int = 1, resistive_faces: int = 0
) -> int:
    """Memory that a solve of this many voxels takes at its peak, in the precision in force."""
    voxels = math.prod(n + 2 for n in shape)
    table = 72 * (conductivities + 2) ** 2  # three axes, twice while it is made, and sums of pairs
    each = diffusion.BYTES_PER_VOXEL[runtime.precision()]
    if resistive_faces:  # all faces are stored then
        each += 24
    return 64 * 2**20 + voxels * each + table + 180 * resistive_faces


def checked_tolerance(tolerance: Any) -> float:
    """``tolerance`` if it is a relative error in 1e-14…0.1. Raises InvalidInputError."""
    if not (isinstance(tolerance, Real) and 1e-14 <= float(tolerance) <= 0.1):
        raise InvalidInputError(
            f"tolerance {tolerance!r} is no relative error in 1e-14…0.1: the default is 1e-5"
        )
    return float(tolerance)


def checked_volume(volume: Any) -> Volume:
    """``volume`` if it is one. Raises InvalidInputError."""
    if not isinstance(volume, Volume):
        raise InvalidInputError(
            f"a {type(volume).__name__} was given where a Volume is wanted: "
            "microstructures.Volume(labels, spacing)"
        )
    return volume
