"""Electrode tortuosity factor: ionic resistance of pores that end on a blocking electrode."""

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError
from microstructures.phases import Phase
from solvers.checks import checked_tolerance, checked_volume
from solvers.results import SAMPLING, Quantity, SolveReport, Uncertainty, finite
from solvers.wetted_pores import WettedPores, conducting_phases, separator_side, wetted_pores

METHOD = (
    "finite volumes, harmonic faces, separator on an outer face, current even over all wetted "
    "faces, collector and sides insulated"
)
PLAIN = ("phase", "axis", "separator", "percolates", "status")
NUMBERS = (
    "volume_fraction",
    "connected_fraction",
    "isolated_area_fraction",
    "total_tortuosity_factor",
    "macmullin_number",
    "thickness",
    "wetted_area",
    "imbalance",
)


@dataclass(frozen=True, slots=True, eq=False)
class ElectrodeTortuosity:
    """Electrode tortuosity factor along one axis, and what follows from the same solve.

    ``value`` = 3 R κ ε A/L with ε the volume fraction that the separator feeds, so that pores it
    does not reach have no say; ``total_tortuosity_factor`` takes all pores for ε. R is a third of
    the ionic resistance of the transmission line. Where several phases conduct, κ ε stands for the
    sum of conductivity times fraction, and a fraction of the best conductor for a fraction.

    ``connected_fraction`` is the share of the conducting voxels that the separator feeds and
    ``isolated_area_fraction`` the share of the wetted faces that it does not; ``thickness`` is in
    m, ``wetted_area`` in m² (voxel faces, fed ones). ``imbalance`` is the relative difference
    between the current through the separator and that through the wetted faces. ``potential`` is
    the drop from the separator in units of current times ionic resistance, shape (nz, ny, nx), NaN
    where nothing flows: in a straight pore it reaches 1/2 at the collector.
    """

    phase: str
    axis: int
    separator: str
    value: float
    unit: str
    method: str
    uncertainty: Uncertainty
    report: SolveReport
    percolates: bool
    volume_fraction: float
    connected_fraction: float
    isolated_area_fraction: float
    total_tortuosity_factor: float
    macmullin_number: float
    thickness: float
    wetted_area: float
    imbalance: float
    potential: NDArray[np.float64] | None = None

    @property
    def electrode_tortuosity_factor(self) -> float:
        """The value; inf if no wetted face can be reached from the separator."""
        return self.value

    @property
    def status(self) -> str:
        """Whether a current can flow: "ok" or why not."""
        if self.percolates:
            return "ok"
        return "no wetted face" if self.connected_fraction else "not connected to the separator"

    def ionic_resistance(self, conductivity: float) -> float:
        """Ionic resistance of the transmission line times electrode area, in Ω m².

        The real part of a blocking impedance goes to a third of it at low frequency.

        Args:
            conductivity: κ > 0 in S/m of the electrolyte, in the phase that conducts best.
        """
        if not (math.isfinite(conductivity) and conductivity > 0.0):
            raise InvalidInputError(
                f"conductivity {conductivity!r} is not a number > 0: give that of the electrolyte "
                "in S/m"
            )
        return self.macmullin_number * self.thickness / conductivity

    def to_dict(self) -> dict[str, Any]:
        """The result as plain numbers and text; infinities become None."""
        quantity = Quantity(self.value, self.unit, self.method, self.uncertainty, self.report)
        plain = {name: getattr(self, name) for name in PLAIN}
        return quantity.to_dict() | plain | {name: finite(getattr(self, name)) for name in NUMBERS}

    def __str__(self) -> str:
        if not self.percolates:
            return f"inf: {self.phase}, {self.status}"
        return str(Quantity(self.value, self.unit, self.method, self.uncertainty))

    def _repr_html_(self) -> str:
        return (
            f"<b>{html.escape(str(self))}</b> <small>electrode tortuosity factor of "
            f"{html.escape(self.phase)} along axis {self.axis}</small>"
        )


def electrode_tortuosity_factor(
    volume: Volume,
    phase: Phase | Mapping[Phase, float],
    axis: int | None = None,
    *,
    separator: str | None = None,
    capacitive: Phase | Sequence[Phase] | None = None,
    tolerance: float = 1e-5,
    max_iterations: int = 2000,
    fields: bool = False,
) -> ElectrodeTortuosity:
    """Tortuosity factor that an electrode's blocking impedance shows: 3 R κ ε A/L.

    Solves div(κ grad φ) = 0 in the pores that the separator feeds, with φ = 0 on the outer face at
    the separator, the same current density out of every wetted face, and none through the
    collector and the sides; R is the dissipation over the square of the current. This is the
    limit of the impedance with one capacitance on every wetted face as the frequency goes to 0.
    Dead ends count; pores that the separator does not reach carry nothing. A straight pore has 1.

    Args:
        volume: the segmented volume; faces with voxels outside the electrode are insulated.
        phase: the phase that conducts, by name or id; or the conductivity ≥ 0 of several, in any
            unit. Phases that are not named insulate, and their faces are wetted.
        axis: 0, 1 or 2; by default the through-plane axis.
        separator: the end of the axis at which the separator lies, "low" or "high"; by default
            opposite ``volume.collector``. Must be named along other axes.
        capacitive: insulating phases whose faces are wetted; all of them by default.
        tolerance: estimated relative error at which the solve stops.
        max_iterations: iterations after which ConvergenceError is raised.
        fields: also return the potential.

    Returns:
        The electrode tortuosity factor with the MacMullin number and the ionic resistance; inf
        with ``percolates=False`` if the separator reaches no wetted face.

    Raises:
        UnknownPhaseError: the volume has no such phase.
        InvalidInputError: nothing conducts, or the separator is neither known nor named.
        ConvergenceError: the tolerance was not met; carries the report.
        MemoryBudgetError: the solve would not fit; nothing was allocated.

    Accuracy: second order in the voxel edge for flat walls: a straight pore one voxel wide and N
        long, between four walls, gives 1 + 7/(8 N²). Finely resolved, one of square section w
        gives about 1 + (w/L)²/8 and a slit 1 + (w/L)²/4, as the current must also spread to the
        walls. A staircase has up to 3/2 times the area of the wall it stands for.
    Source: Nguyen et al., npj Comput. Mater. 6 (2020) 123, doi:10.1038/s41524-020-00386-4
        [abstract and figure captions opened; whether ε there holds isolated pores is not known].
    """
    table = conducting_phases(checked_volume(volume), phase, "conductivity")
    tolerance, axis = checked_tolerance(tolerance), volume.axis(axis)
    side = separator_side(volume, axis, separator)
    pores = wetted_pores(volume, table, axis, side, capacitive)
    name = " + ".join(volume.phase_name(i) for i, value in table.items() if value > 0.0)
    if pores.area == 0.0:
        report = SolveReport(0, 0.0, tolerance, 0.0, 0.0, "no solve was needed")
        return _result(pores, name, math.inf, 0.0, report, None)
    task = f"electrode tortuosity along axis {axis}"
    drop, power, report = pores.steady(tolerance, max_iterations, task)
    current, resistance = pores.area, power / pores.area**2
    imbalance = abs(float((pores.inlet() * drop).sum()) / current - 1.0)
    unit = 3.0 * resistance * current
    potential = pores.back(drop / unit, volume.shape) if fields else None
    return _result(pores, name, resistance, imbalance, report, potential)


def _result(
    pores: WettedPores,
    phase: str,
    resistance: float,
    imbalance: float,
    report: SolveReport,
    potential: NDArray[np.float64] | None,
) -> ElectrodeTortuosity:
    """The result of a resistance in the units of the pores; inf if no current can flow."""
    percolates = math.isfinite(resistance)
    per_volume = 3.0 * resistance / pores.thickness**2
    whole = pores.content_of_all / max(pores.content, 1e-300)
    value = per_volume * pores.conducting_volume if percolates else math.inf
    return ElectrodeTortuosity(
        phase=phase,
        axis=pores.axis,
        separator=pores.separator,
        value=value,
        unit="1",
        method=METHOD if percolates else METHOD + "; no current can flow",
        uncertainty=Uncertainty(math.nan, SAMPLING),
        report=report,
        percolates=percolates,
        volume_fraction=pores.content_of_all / pores.inside,
        connected_fraction=pores.connected_fraction,
        isolated_area_fraction=pores.isolated_area,
        total_tortuosity_factor=value * whole if percolates else math.inf,
        macmullin_number=per_volume * pores.cross_section * pores.thickness,
        thickness=pores.thickness * pores.edge,
        wetted_area=pores.area * pores.edge**2,
        imbalance=imbalance,
        potential=potential,
    )
