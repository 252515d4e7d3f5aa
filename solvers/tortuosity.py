"""Tortuosity factor = eps D0 / D_eff of one phase, and the MacMullin number = D0 / D_eff."""

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from microstructures import Volume
from microstructures.phases import Phase
from solvers import sampling
from solvers.checks import checked_axes, checked_volume
from solvers.conduction import Conduction
from solvers.conductivity import Conductivity, Fields
from solvers.electrodes import Boundary
from solvers.resolution import two_grid_error
from solvers.results import SAMPLING, Quantity, SolveReport, Uncertainty, finite
from solvers.window import inside_window


@dataclass(frozen=True, slots=True, eq=False)
class Tortuosity:
    """Tortuosity factor of a phase along one axis, and what follows from the same solve.

    ``value`` = ``tortuosity_factor`` = eps D0/D_eff with eps the phase's total volume fraction;
    ``discretisation_error`` is that of ``value`` by the size of the voxels, if it was asked for;
    ``percolating_tortuosity_factor`` takes the fraction that connects the electrodes instead.
    """

    phase: str
    axis: int
    value: float
    unit: str
    method: str
    uncertainty: Uncertainty
    report: SolveReport
    percolates: bool
    volume_fraction: float
    percolating_fraction: float
    relative_diffusivity: float
    diffusivity: Conductivity
    discretisation_error: float | None = None

    @property
    def tortuosity_factor(self) -> float:
        """Eps D0/D_eff ≥ 1; inf if the phase does not connect the electrodes."""
        return self.value

    @property
    def percolating_tortuosity_factor(self) -> float:
        """The same with the volume fraction of what connects the electrodes."""
        return (
            self.percolating_fraction / self.relative_diffusivity if self.percolates else math.inf
        )

    @property
    def macmullin_number(self) -> float:
        """D0/D_eff = tortuosity factor over volume fraction; inf if blocked."""
        return 1.0 / self.relative_diffusivity if self.percolates else math.inf

    @property
    def fields(self) -> Fields | None:
        """Potential and flux, if they were asked for."""
        return self.diffusivity.fields

    def to_dict(self) -> dict[str, Any]:
        """The result as plain numbers and text; infinities become None."""
        quantity = Quantity(self.value, self.unit, self.method, self.uncertainty, self.report)
        return quantity.to_dict() | {
            "phase": self.phase,
            "axis": self.axis,
            "percolates": self.percolates,
            "status": self.diffusivity.status,
            "percolating_tortuosity_factor": finite(self.percolating_tortuosity_factor),
            "volume_fraction": self.volume_fraction,
            "relative_diffusivity": self.relative_diffusivity,
            "macmullin_number": finite(self.macmullin_number),
            "discretisation_error": self.discretisation_error,
        }

    def __str__(self) -> str:
        if not self.percolates:
            return f"inf: {self.phase} does not connect the electrodes along axis {self.axis}"
        return str(Quantity(self.value, self.unit, self.method, self.uncertainty))

    def _repr_html_(self) -> str:
        return (
            f"<b>{html.escape(str(self))}</b> "
            f"<small>tortuosity factor of {html.escape(self.phase)} along axis {self.axis}</small>"
        )


def tortuosity_factor(
    volume: Volume,
    phase: Phase,
    axis: int | None = None,
    *,
    boundary: Boundary = "electrodes",
    start: Fields | None = None,
    tolerance: float = 1e-5,
    max_iterations: int = 2000,
    fields: bool = False,
    discretisation: bool = False,
) -> Tortuosity:
    """Tortuosity factor of a phase along ``axis``: eps D0/D_eff, diffusion in that phase alone.

    Args:
        volume: the segmented volume.
        phase: the conducting phase, by name or id; all others insulate.
        axis: 0, 1 or 2; by default the through-plane axis.
        boundary: "electrodes", "periodic" or ``solvers.Electrodes(…)``, see
            ``effective_conductivity``.
        start: fields of a similar solve on a volume of this shape to start from.
        tolerance: estimated relative error at which the solve stops.
        max_iterations: iterations after which ConvergenceError is raised.
        fields: also return the potential and flux fields.
        discretisation: also solve on voxels of twice the size, an eighth of the work, to estimate
            what the size of the voxels does to the factor: often more than the tolerance by far.

    Returns:
        The tortuosity factor (not its square root) with relative diffusivity and MacMullin
        number; inf with ``percolates=False`` if the phase does not connect the electrodes.

    Raises:
        UnknownPhaseError: the volume has no such phase.
        ConvergenceError: the tolerance was not met; carries the report.

    Accuracy: see ``effective_conductivity``.
    """
    label, axis = checked_volume(volume).phase_id(phase), volume.axis(axis)
    limits: dict[str, Any] = {"tolerance": tolerance, "max_iterations": max_iterations}
    problem = _diffusion(volume, label, (axis,), boundary=boundary, **limits)
    result = problem.along(axis, start=start, fields=fields, stacklevel=2)
    return _tortuosity(problem, label, result, discretisation)


def tortuosity_factors(
    volume: Volume,
    phase: Phase,
    axes: Sequence[int] = (0, 1, 2),
    *,
    boundary: Boundary = "electrodes",
    tolerance: float = 1e-5,
    max_iterations: int = 2000,
    fields: bool = False,
    discretisation: bool = False,
) -> tuple[Tortuosity, ...]:
    """Tortuosity factors of a phase along several axes, in-plane and through-plane in one call.

    As ``tortuosity_factor`` along one axis after the other, in less time: what connects the faces
    is searched for once, and the multigrid hierarchy is shared (see ``Conduction``). Returns a
    result for each axis, in the order of ``axes``; raises InvalidInputError if these are none, and
    else what ``tortuosity_factor`` raises.
    """
    label = checked_volume(volume).phase_id(phase)
    limits: dict[str, Any] = {"tolerance": tolerance, "max_iterations": max_iterations}
    axes = checked_axes(volume, axes)
    problem = _diffusion(volume, label, axes, boundary=boundary, **limits)
    found = []
    for axis in axes:
        result = problem.along(axis, fields=fields, stacklevel=2)
        found.append(_tortuosity(problem, label, result, discretisation))
    return tuple(found)


def _diffusion(volume: Volume, label: int, axes: Sequence[int], **how: Any) -> Conduction:
    ones = {other: 1.0 if other == label else 0.0 for other in volume.phases}
    return Conduction(volume, ones, axes=axes, what="relative diffusivity", unit="1", **how)


def _tortuosity(
    problem: Conduction, label: int, result: Conductivity, discretisation: bool
) -> Tortuosity:
    volume = problem.volume
    value, error = tortuosity_of(volume, result, {label: 1.0})

    def again(coarse: Volume) -> float:
        how: dict[str, Any] = {"boundary": problem.boundary, "tolerance": problem.tolerance}
        return tortuosity_factor(coarse, label, result.axis, **how).value

    return Tortuosity(
        phase=volume.phase_name(label),
        axis=result.axis,
        value=value,
        unit="1",
        method=result.method,
        uncertainty=error,
        report=result.report,
        percolates=result.percolates,
        volume_fraction=volume.fraction(label),
        percolating_fraction=result.conducting_fraction,
        relative_diffusivity=result.value,
        diffusivity=result,
        discretisation_error=two_grid_error(again, volume, value) if discretisation else None,
    )


def tortuosity_of(
    volume: Volume, result: Conductivity, content: Mapping[Phase, float]
) -> tuple[float, Uncertainty]:
    """Tortuosity factor of a solve already done, and its standard error.

    Args:
        volume: the volume that was solved.
        result: effective over bulk conductivity of the conducting medium (unit 1).
        content: share of the conducting medium in each conducting phase: 1 for a pore, the
            nanoporosity for a nanoporous binder. eps is the sum of fraction times content.

    Returns:
        eps over ``result.value``, inf if nothing percolates.
    """
    fraction = sum(volume.fraction(phase) * share for phase, share in content.items())
    if not result.percolates:
        return math.inf, Uncertainty(math.nan, SAMPLING)
    labels = np.moveaxis(volume.labels[inside_window(volume)], result.axis, 0)
    held = np.zeros_like(result.shares)
    for phase, share in content.items():
        held += share * sampling.block_sums(labels == volume.phase_id(phase))
    value = fraction / result.value
    # the fraction and the dissipation scatter together, so their ratio scatters less
    error = value * sampling.relative_standard_error(held / held.sum() - result.shares)
    return value, Uncertainty(error, SAMPLING)
