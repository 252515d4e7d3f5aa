"""Blocking impedance spectrum: pores with one capacitance on every wetted face, over frequency."""

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microstructures import Volume
from microstructures.errors import ConvergenceError, InvalidInputError, NotPercolatingError
from microstructures.phases import Phase
from solvers import runtime
from solvers.blocking_model import BlockingModel
from solvers.checks import checked_tolerance, checked_volume
from solvers.results import SAMPLING, SolveReport, Uncertainty
from solvers.wetted_pores import (
    BYTES_PER_VOXEL,
    WettedPores,
    conducting_phases,
    separator_side,
    wetted_pores,
)

METHOD = (
    "finite volumes, harmonic faces, separator on an outer face, capacitors on all wetted faces, "
    "collector and sides insulated; projected on solutions at real frequencies"
)
MOST_SHIFTS = 60
USUAL_SOLUTIONS = 20  # kept at once, and copied when one is added
MARGIN = 3.0  # with the power 1.5 instead of 2, for what the change of one step does not show
SLOWEST = 0.1  # below this many times 1/(R C), the limit of low frequency does


@dataclass(frozen=True, slots=True, eq=False)
class ImpedanceSpectrum:
    """Area-specific impedance of a blocking electrode, complex in Ω m², one for each frequency.

    ``frequency`` is in Hz. ``ionic_resistance`` in Ω m² is three times the real part at low
    frequency, ``capacitance`` in F/m² that of all fed faces per electrode area, and ``wetted_area``
    in m² the area of these faces. ``connected_fraction`` is the share of the conducting voxels
    that the separator feeds. ``shifts`` are the real frequencies in Hz that were solved for.
    """

    frequency: NDArray[np.float64]
    impedance: NDArray[np.complex128]
    unit: str
    method: str
    uncertainty: Uncertainty
    report: SolveReport
    axis: int
    separator: str
    ionic_resistance: float
    capacitance: float
    wetted_area: float
    connected_fraction: float
    shifts: NDArray[np.float64]

    @property
    def value(self) -> NDArray[np.complex128]:
        """The impedance."""
        return self.impedance

    @property
    def time_constant(self) -> float:
        """Ionic resistance times capacitance, in s."""
        return self.ionic_resistance * self.capacitance

    def transmission_line(self) -> NDArray[np.complex128]:
        """Impedance of the uniform line of the same ionic resistance and capacitance, in Ω m²."""
        return transmission_line(self.ionic_resistance, self.capacitance, self.frequency)

    def to_dict(self) -> dict[str, Any]:
        """The result as plain numbers and text, real and imaginary part apart."""
        names = ("axis", "separator", "ionic_resistance", "capacitance", "wetted_area")
        return {
            "frequency": self.frequency.tolist(),
            "real": self.impedance.real.tolist(),
            "imaginary": self.impedance.imag.tolist(),
            "unit": self.unit,
            "method": self.method,
            "uncertainty": None,
            "uncertainty_kind": self.uncertainty.kind,
            "report": self.report.to_dict(),
            "connected_fraction": self.connected_fraction,
        } | {name: getattr(self, name) for name in names}

    def __str__(self) -> str:
        return (
            f"{len(self.frequency)} impedances, {self.frequency.min():.3g}…"
            f"{self.frequency.max():.3g} Hz, ionic resistance {self.ionic_resistance:.4g} Ω m², "
            f"capacitance {self.capacitance:.4g} F/m²"
        )

    def _repr_html_(self) -> str:
        return f"<b>{html.escape(str(self))}</b> <small>along axis {self.axis}</small>"


def blocking_impedance(
    volume: Volume,
    conductivity: Mapping[Phase, float],
    capacitance: float,
    frequency: ArrayLike,
    axis: int | None = None,
    *,
    separator: str | None = None,
    capacitive: Phase | Sequence[Phase] | None = None,
    area: float | str = "faces",
    tolerance: float = 1e-5,
    max_iterations: int = 2000,
) -> ImpedanceSpectrum:
    """Impedance of an electrode that only charges its double layer, seen from the separator.

    Solves div(κ grad φ) = 0 in the pores that the separator feeds, with an alternating potential
    on the outer face at the separator, κ ∂φ/∂n = iωc φ against the solid on every wetted face, and
    no current through the collector and the sides. The electrons' way is taken as free.

    Args:
        volume: the segmented volume; faces with voxels outside the electrode are insulated.
        conductivity: bulk conductivity ≥ 0 in S/m by phase. Phases that are not named insulate,
            and their faces are wetted.
        capacitance: c > 0 in F/m² of wetted surface.
        frequency: one or several > 0 in Hz, in any order.
        axis: 0, 1 or 2; by default the through-plane axis.
        separator: the end of the axis at which the separator lies, "low" or "high"; by default
            opposite ``volume.collector``. Must be named along other axes.
        capacitive: insulating phases whose faces store charge; all of them by default.
        area: "faces" counts voxel faces, up to 3/2 too many for a smooth surface; a number > 0 is
            the true wetted area in m² of the pores that the separator feeds, over which the
            capacitance is spread evenly.
        tolerance: estimated relative error of what the impedance is besides its capacitance,
            Z - 1/(iωC), at every frequency; rounding ends it at about 1e-9.
        max_iterations: iterations of a solve after which ConvergenceError is raised.

    Returns:
        The spectrum. At low frequency it goes to a third of the ionic resistance, in series with
        the capacitance; ``electrode_tortuosity_factor`` is that limit.

    Raises:
        InvalidInputError: nothing conducts, or an argument is not a number > 0.
        NotPercolatingError: no wetted face can be reached from the separator.
        ConvergenceError: the tolerance was not met; carries the report.
        MemoryBudgetError: the solve would not fit; nothing was allocated.

    Accuracy: second order in the voxel edge for flat walls, as long as the alternating current
        enters the pores deeper than a voxel: ω c below about 2κ/h.
    Source: de Levie, Electrochim. Acta 8 (1963) 751, doi:10.1016/0013-4686(63)80042-0 [not
        opened]; Nguyen et al., npj Comput. Mater. 6 (2020) 123, doi:10.1038/s41524-020-00386-4
        [abstract and figure captions opened].
    """
    if not isinstance(conductivity, Mapping):
        raise InvalidInputError(
            f"conductivity {conductivity!r} is no mapping: give {{phase: S/m}}, such as "
            "{'pore': 1.0}"
        )
    table = conducting_phases(checked_volume(volume), conductivity, "conductivity")
    tolerance, axis = checked_tolerance(tolerance), volume.axis(axis)
    per_face, omega = _positive(capacitance, "capacitance"), 2.0 * np.pi * _frequencies(frequency)
    side = separator_side(volume, axis, separator)
    true_area = None if isinstance(area, str) and area == "faces" else _positive(area, "area")
    pores = wetted_pores(volume, table, axis, side, capacitive)
    if pores.area == 0.0:
        raise NotPercolatingError(
            f"the separator at the {side} end of axis {axis} reaches no wetted face of "
            f"{[volume.phase_name(i) for i, v in table.items() if v > 0.0]}, so that no impedance "
            "is finite: name the other end or more phases, or see electrode_tortuosity_factor"
        )
    share = 1.0 if true_area is None else true_area / (pores.area * pores.edge**2)
    return _spectrum(pores, per_face * share, omega, tolerance, max_iterations)


def transmission_line(
    resistance: float, capacitance: float, frequency: ArrayLike
) -> NDArray[np.complex128]:
    """Impedance of a uniform pore with a blocking end: √(R/(iωC)) coth √(iωRC), in Ω m².

    Args:
        resistance: ionic resistance R > 0 in Ω m².
        capacitance: C > 0 in F/m² of electrode.
        frequency: one or several > 0 in Hz.

    Source: de Levie, Electrochim. Acta 8 (1963) 751, doi:10.1016/0013-4686(63)80042-0 [not
        opened].
    """
    r, c = _positive(resistance, "resistance"), _positive(capacitance, "capacitance")
    root = np.sqrt(2j * np.pi * _frequencies(frequency) * r * c)
    return np.asarray(r / (root * np.tanh(root)))


def _spectrum(
    pores: WettedPores,
    per_face: float,
    omega: NDArray[np.float64],
    tolerance: float,
    max_iterations: int,
) -> ImpedanceSpectrum:
    """The spectrum, from ``per_face`` farads per m² of voxel faces."""
    fed = int(np.count_nonzero(pores.connected))
    needed = BYTES_PER_VOXEL * pores.conductivity.size + 2 * 8 * USUAL_SOLUTIONS * fed
    runtime.reserve(needed, f"an impedance of {pores.conductivity.shape} voxels")
    scale = per_face * pores.edge / pores.largest  # s: from angular frequency to p of the model
    model = BlockingModel(pores, tolerance, max_iterations)
    shifts, error = _refined(model, omega * scale, tolerance)
    resistance = pores.cross_section * pores.edge / pores.largest  # Ω m²: unit of the impedance
    of_line = 3.0 * float(model.resistance(0.0)[0].real)
    p = np.asarray(1j * omega * scale, complex)
    return ImpedanceSpectrum(
        frequency=omega / (2.0 * np.pi),
        impedance=np.asarray(resistance * (1.0 / (p * pores.area) + model.resistance(p))),
        unit="Ω m²",
        method=METHOD,
        uncertainty=Uncertainty(math.nan, SAMPLING),
        report=_report(model, tolerance, error),
        axis=pores.axis,
        separator=pores.separator,
        ionic_resistance=resistance * of_line,
        capacitance=per_face * pores.area / pores.cross_section,
        wetted_area=pores.area * pores.edge**2,
        connected_fraction=pores.connected_fraction,
        shifts=np.array(shifts) / (2.0 * np.pi * scale),
    )


def _refined(
    model: BlockingModel, p: NDArray[np.float64], tolerance: float
) -> tuple[list[float], float]:
    """Solve at real frequencies until the spectrum at i p is right; these, and its error.

    One between two others squares the error there, as the solutions see halved gaps in log p.
    """
    at = np.asarray(1j * p, complex)
    slow = float(1.0 / (model.resistance(0.0)[0].real * model.pores.area))
    high = float(p.max())
    low = min(max(float(p.min()), SLOWEST * slow), high / 4.0)
    shifts = [low, high]
    for shift in shifts:
        model.solve_at(shift, tolerance)
    gaps = [(math.inf, low, high)]
    while (worst := max(gaps))[0] > tolerance:
        if len(shifts) >= MOST_SHIFTS:
            report = _report(model, tolerance, min(worst[0], 1.0))
            raise ConvergenceError(_failure(len(shifts), report), report)
        gaps.remove(worst)
        middle, before = math.sqrt(worst[1] * worst[2]), model.resistance(at)
        model.solve_at(middle, tolerance)
        shifts.append(middle)
        after = model.resistance(at)
        change = float((np.abs(after - before) / np.abs(after)).max())
        left = min(change, MARGIN * change**1.5)
        gaps += [(left, worst[1], middle), (left, middle, worst[2])]
    return shifts, worst[0]


def _report(model: BlockingModel, tolerance: float, error: float) -> SolveReport:
    """All solves as one: the iterations and seconds of all, the worst residual."""
    last = model.reports[-1]
    return SolveReport(
        iterations=sum(report.iterations for report in model.reports),
        residual=max(report.residual for report in model.reports),
        tolerance=tolerance,
        error_estimate=error,
        seconds=sum(report.seconds for report in model.reports),
        device=last.device,
    )


def _failure(count: int, report: SolveReport) -> str:
    return (
        f"the impedance still changed by {report.error_estimate:.1e} after {count} solves, wanted "
        f"{report.tolerance:.1e}: loosen the tolerance, or ask for fewer decades of frequency"
    )


def _positive(value: Any, what: str) -> float:
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number) and number > 0.0):
        other = ", or 'faces'" if what == "area" else ""
        raise InvalidInputError(f"{what} {value!r} is no number > 0: give one in SI units{other}")
    return number


def _frequencies(frequency: ArrayLike) -> NDArray[np.float64]:
    try:
        given = np.atleast_1d(np.asarray(frequency, dtype=float))
    except (TypeError, ValueError):
        given = np.array([])
    if given.ndim != 1 or not given.size or not (np.isfinite(given) & (given > 0.0)).all():
        raise InvalidInputError(
            f"frequency {frequency!r} is not one or several numbers > 0: give Hz, and take "
            "electrode_tortuosity_factor for the limit 0"
        )
    return given
