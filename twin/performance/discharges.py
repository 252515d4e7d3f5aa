"""Discharge of a cell at constant current: curves, capacity and energy against rate.

SI units and Ah; per area of the electrode.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError
from solvers import progress
from twin.manufacturing.composition import positive
from twin.performance._parameters import number as parameter
from twin.performance._parameters import transport_efficiency
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
COLDEST, HOTTEST = 200.0, 400.0  # K, at which electrolytes of batteries are liquid

# points of a mesh that are refined together, and what they resolve
MESHES = {"electrodes": ("x_n", "x_p"), "particles": ("r_n", "r_p")}
COARSEST, FINEST = 20, 160  # points of a mesh; the first is PyBaMM's
EARLY = 0.6  # of the nominal capacity: a discharge that ends before is run again on finer meshes
EARLY_OF_SIZES = 0.3  # the same with particles of several sizes, which take ten times as long
# change of the capacity between meshes, at which the finer one is taken: the order is 2, so that a
# third of it is left, once for the electrodes and once for the particles
SETTLED = 0.0125
FEWEST = 5  # points of the finest mesh in what reacts, without which it is not even tried
AT_ONCE = (
    "below the lower voltage limit from the first moment: the rate is too high for this cell, or "
    "its thickness or contact resistance is in other units"
)

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
# a half cell has the reaction on its foil instead of one in a negative electrode
METAL = "Lithium metal interface reaction overpotential [V]"
HALF_LOSSES = LOSSES | {
    "charge transfer": (("X-averaged battery positive reaction overpotential [V]", -1),),
    "lithium metal": ((METAL, +1),),
}


@dataclass(frozen=True, slots=True, eq=False)
class Discharge:
    """One discharge from full at constant current.

    ``status`` is "ok" if it ended at the lower voltage limit, else why there is no such number:
    then the arrays end where the solution did, and capacity and energy are NaN. ``losses`` are in
    V, ≥ 0 as a rule, by cause, arrays over time; their sum is the voltage at rest less that under
    current. Those of a half cell have "lithium metal", its other electrode, among them.

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

    Accuracy: 1 % of the capacity of the equations. Meshes are those of PyBaMM; a discharge that
        gives less than 0.6 of the nominal capacity is run again on finer ones until it settles,
        which takes some times longer, and fails if the finest do not resolve what reacts. With
        particles of several sizes that is done below 0.3 only, and above it is 3 %.
    """
    hours = _hours(rates)
    chosen = cell.model(model)
    values = at_temperature(cell.parameter_values(), temperature)
    found = []
    for number, rate in enumerate(hours):
        progress.report("discharge", number / len(hours))
        found.append(run_at(chosen, values, rate))
    progress.report("discharge", 1.0)
    return tuple(found)


def _hours(rates: Sequence[float]) -> list[float]:
    if isinstance(rates, str | bytes) or not hasattr(rates, "__iter__"):
        raise InvalidInputError(f"rates is {rates!r}: give a list of them, in 1/h, such as [1.0]")
    hours = [positive(rate, "rate") for rate in rates]
    if not hours:
        raise InvalidInputError("rates is empty: give at least one, in 1/h")
    return hours


def at_temperature(values: "ParameterValues", temperature: float | None) -> "ParameterValues":
    """The same at another temperature, initial and ambient. Raises InvalidInputError."""
    if temperature is None:
        return values
    if not COLDEST < positive(temperature, "temperature") < HOTTEST:
        raise InvalidInputError(
            f"temperature is {temperature!r}: give kelvin, between {COLDEST:g} and {HOTTEST:g}"
        )
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
    """One discharge of a PyBaMM model with given parameters; it does not raise if it fails.

    A discharge that ends early may do so because little of an electrode or a particle reacts, in
    a layer that few points of a mesh cannot tell from their distance: see ``MESHES``.
    """
    blocked = _blocked(values, rate)
    if blocked:
        return _failed(rate, _current(values, rate), blocked)
    meshes: dict[str, int] = {}
    found = _run(model, values, rate, meshes)
    sizes = "distribution" in str(model.options["particle size"])
    early = (EARLY_OF_SIZES if sizes else EARLY) * _current(values, 1.0)
    for place in MESHES:
        if found.status == "ok" and found.capacity < early:
            found, meshes = _refined(model, values, found, meshes, place)
    return found


def _refined(
    model: Any, values: "ParameterValues", found: Discharge, meshes: Mapping[str, int], place: str
) -> tuple[Discharge, dict[str, int]]:
    """The same on meshes twice as fine, and so on until the capacity settles; and these meshes."""
    points, finer = COARSEST, dict(meshes)
    while points < FINEST:
        points *= 2
        finer = dict(meshes) | dict.fromkeys(MESHES[place], points)
        again = _run(model, values, found.rate, finer)
        if again.status == AT_ONCE or abs(again.capacity / found.capacity - 1) < SETTLED:
            return again, finer
        found = again if again.status == "ok" else found
    status = (
        f"what reacts is thinner than the finest mesh of the {place} resolves: at this rate next "
        "to nothing of them is used"
    )
    return _failed(found.rate, found.current, status), finer


def _blocked(values: "ParameterValues", rate: float) -> str:
    """Why no mesh can resolve how few electrons enter an electrode; empty if one might."""
    window = values["Upper voltage cut-off [V]"] - values["Lower voltage cut-off [V]"]
    for side in ("Positive", "Negative"):
        try:
            drop = _current(values, rate) * _electronic(values, side)
        except InvalidInputError:  # such as a function of place
            continue
        if drop * FEWEST > window * FINEST:
            return (
                f"electrons carry no such current: over the {side.lower()} electrode it takes "
                f"{drop:.3g} V, so that hardly a layer at the foil reacts; look at the unit of the "
                "conductivity, S/m, and at what conducts electrons"
            )
    return ""


def _electronic(values: "ParameterValues", side: str) -> float:
    """L/σ of the electrons in an electrode, Ω m²."""
    if f"{side} electrode porosity" not in values:  # lithium metal
        return 0.0
    kelvin = parameter(values, "Reference temperature [K]")
    sigma = parameter(values, f"{side} electrode conductivity [S.m-1]", kelvin)
    sigma *= transport_efficiency(values, f"{side} electrode", "electrode")
    return parameter(values, f"{side} electrode thickness [m]") / sigma


def _current(values: "ParameterValues", rate: float) -> float:
    """A/m², which over an hour are Ah/m²."""
    return float(rate * values["Nominal cell capacity [A.h]"] / area(values))


def _run(
    model: Any, values: "ParameterValues", rate: float, meshes: Mapping[str, int]
) -> Discharge:
    """On PyBaMM's meshes, but for those given: points by name."""
    module, current = pybamm(), _current(values, rate)
    simulation = module.Simulation(
        model,
        parameter_values=values,
        C_rate=rate,
        var_pts=dict(model.default_var_pts) | dict(meshes),
    )
    times = np.linspace(0.0, LONGER * SECONDS / rate, POINTS)
    try:
        solution = simulation.solve(times, initial_soc=1.0)
    except module.SolverError as error:
        return _failed(rate, current, _why(str(error)))
    status = "ok" if solution.termination == EMPTY else _ended(solution.termination)
    return _taken(solution, rate, current, status)


def _why(told: str) -> str:
    # at very high currents PyBaMM finds a voltage that is no number, and names any event
    if "non-positive at initial conditions" in told:
        return AT_ONCE
    return f"no solution: {' '.join(told.split())[:200]}"


def _ended(termination: str) -> str:
    if termination == "final time":
        return f"not empty after {LONGER:g} times the time that the nominal capacity takes"
    return f"ended by {termination}"


def _taken(solution: "Solution", rate: float, current: float, status: str) -> Discharge:
    voltage = np.array(solution["Voltage [V]"].entries)
    rest = np.array(solution["Battery open-circuit voltage [V]"].entries)
    known = solution.all_models[0].variables
    causes = HALF_LOSSES if METAL in known else LOSSES
    losses = {
        cause: sum(
            (sign * np.array(solution[n].entries) for n, sign in terms if n in known),
            start=np.zeros_like(voltage),
        )
        for cause, terms in causes.items()
    }
    heat = float(np.trapezoid(current * (rest - voltage), solution.t))
    return Discharge(rate, current, np.array(solution.t), voltage, rest, losses, heat, status)


def _failed(rate: float, current: float, status: str) -> Discharge:
    none = np.zeros(0)
    return Discharge(rate, current, none, none, none, dict.fromkeys(LOSSES, none), math.nan, status)
