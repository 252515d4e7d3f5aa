"""Discharge of a cell at constant current: curves, capacity and energy against rate.

SI units and Ah; per area of the electrode.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError
from solvers import progress
from twin.manufacturing.composition import positive
from twin.performance._pybamm import pybamm
from twin.performance.cell import Cell, area

if TYPE_CHECKING:
    import pandas as pd
    from pybamm import ParameterValues, Solution

Values = NDArray[np.float64]
SECONDS = 3600.0
LONGER = 1.3  # than the nominal time: how long a discharge may take
POINTS = 200  # of a curve
EMPTY = "event: Minimum voltage [V]"

# what PyBaMM calls the losses whose sum is the distance from the voltage at rest, and their sign
LOSSES = {
    "ionic": (
        ("X-averaged battery electrolyte ohmic losses [V]", -1),
        ("X-averaged battery concentration overpotential [V]", -1),
    ),
    "electronic": (("X-averaged battery solid phase ohmic losses [V]", -1),),
    "solid diffusion": (
        ("Battery positive particle concentration overpotential [V]", -1),
        ("Battery negative particle concentration overpotential [V]", +1),
    ),
    "charge transfer": (
        ("X-averaged battery positive reaction overpotential [V]", -1),
        ("X-averaged battery negative reaction overpotential [V]", +1),
    ),
    "contact": (("Contact overpotential [V]", +1),),
}


@dataclass(frozen=True, slots=True, eq=False)
class Discharge:
    """One discharge from full at constant current.

    ``status`` is "ok" if it ended at the lower voltage limit, else why there is no such number:
    then the arrays end where the solution did, and capacity and energy are NaN. ``losses`` are in
    V, ≥ 0 as a rule, by cause, arrays over time; their sum is the voltage at rest less that under
    current.

    Args:
        rate: in 1/h, of the nominal capacity.
        current: A/m².
        time: s, shape (n,).
        voltage: V, shape (n,).
        rest_voltage: V, of the mean contents of the electrodes, shape (n,).
        losses: in V by cause, each of shape (n,).
        heat: of the losses until the end, J/m²; that of entropy is not in it.
    """

    rate: float
    current: float
    time: Values
    voltage: Values
    rest_voltage: Values
    losses: dict[str, Values]
    heat: float
    status: str = "ok"

    @property
    def capacities(self) -> Values:
        """Charge per area so far, Ah/m², shape (n,)."""
        return self.current * self.time / SECONDS

    @property
    def capacity(self) -> float:
        """Charge per area, Ah/m²; 10 are 1 mAh/cm². NaN if the discharge failed."""
        return float(self.capacities[-1]) if self.status == "ok" else math.nan

    @property
    def energy(self) -> float:
        """Energy per area, Wh/m²; NaN if the discharge failed."""
        if self.status != "ok":
            return math.nan
        return float(np.trapezoid(self.voltage, self.capacities))

    @property
    def power(self) -> float:
        """Mean power per area, W/m²."""
        return self.energy / float(self.time[-1]) * SECONDS if self.status == "ok" else math.nan

    def shares(self) -> dict[str, float]:
        """Mean loss over the discharge by cause, in V; empty if the discharge failed."""
        if self.status != "ok":
            return {}
        span = float(self.time[-1])
        return {n: float(np.trapezoid(v, self.time)) / span for n, v in self.losses.items()}


def discharge(
    cell: Cell,
    rates: Sequence[float] = (0.2, 1.0, 2.0, 3.0),
    *,
    model: str = "DFN",
    temperature: float | None = None,
) -> tuple[Discharge, ...]:
    """Discharges of a full cell to its lower voltage limit, isothermal.

    Args:
        cell: see ``Cell``.
        rates: in 1/h, > 0; 2 empties the nominal capacity in half an hour.
        model: "DFN" (Doyle, Fuller, Newman), "SPMe" or "SPM".
        temperature: K; by default that of the parameter set.

    Returns:
        One for each rate, in the given order. One that fails is among them, with the reason in
        ``status``.

    Raises:
        InvalidInputError: a rate or temperature that cannot be, an unknown model, or a cell that
            cannot be cycled; nothing was run.

    Accuracy: of PyBaMM with its usual meshes, some 1e-3 of the capacity.
    """
    hours = [positive(rate, "rate") for rate in rates]
    if not hours:
        raise InvalidInputError("rates is empty: give at least one, in 1/h")
    chosen = cell.model(model)
    values = at_temperature(cell.parameter_values(), temperature)
    found = []
    for number, rate in enumerate(hours):
        progress.report("discharge", number / len(hours))
        found.append(run_at(chosen, values, rate))
    progress.report("discharge", 1.0)
    return tuple(found)


def at_temperature(values: "ParameterValues", temperature: float | None) -> "ParameterValues":
    """The same at another temperature, initial and ambient. Raises InvalidInputError."""
    if temperature is None:
        return values
    if not positive(temperature, "temperature") > 200.0:
        raise InvalidInputError(f"temperature is {temperature!r}: give kelvin")
    for name in ("Ambient temperature [K]", "Initial temperature [K]"):
        values[name] = float(temperature)
    return values


def to_frame(discharges: Sequence[Discharge]) -> "pd.DataFrame":
    """Rate, current, capacity, energy, power and status, one row for each discharge."""
    import pandas as pd

    rows = [
        {
            "rate_per_h": d.rate,
            "current_A_m2": d.current,
            "capacity_Ah_m2": d.capacity,
            "energy_Wh_m2": d.energy,
            "power_W_m2": d.power,
            "heat_J_m2": d.heat if d.status == "ok" else math.nan,
            "status": d.status,
        }
        for d in discharges
    ]
    return pd.DataFrame(rows)


def run_at(model: Any, values: "ParameterValues", rate: float) -> Discharge:
    """One discharge of a PyBaMM model with given parameters; it does not raise if it fails."""
    module = pybamm()
    current = rate * values["Nominal cell capacity [A.h]"] / area(values)
    simulation = module.Simulation(model, parameter_values=values, C_rate=rate)
    times = np.linspace(0.0, LONGER * SECONDS / rate, POINTS)
    try:
        solution = simulation.solve(times, initial_soc=1.0)
    except module.SolverError as error:
        return _failed(rate, current, f"no solution: {' '.join(str(error).split())[:200]}")
    status = "ok" if solution.termination == EMPTY else f"ended by {solution.termination}"
    return _taken(solution, rate, current, status)


def _taken(solution: "Solution", rate: float, current: float, status: str) -> Discharge:
    voltage = np.array(solution["Voltage [V]"].entries)
    rest = np.array(solution["Battery open-circuit voltage [V]"].entries)
    known = solution.all_models[0].variables
    losses = {
        cause: sum(
            (sign * np.array(solution[n].entries) for n, sign in terms if n in known),
            start=np.zeros_like(voltage),
        )
        for cause, terms in LOSSES.items()
    }
    heat = float(np.trapezoid(current * (rest - voltage), solution.t))
    return Discharge(rate, current, np.array(solution.t), voltage, rest, losses, heat, status)


def _failed(rate: float, current: float, status: str) -> Discharge:
    none = np.zeros(0)
    return Discharge(rate, current, none, none, none, dict.fromkeys(LOSSES, none), math.nan, status)
