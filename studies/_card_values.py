"""Values of a case: what a property card, its steps and its cell say, as numbers by name."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from microstructures.wording import AXES
from solvers.results import finite
from studies._coating import Coating

if TYPE_CHECKING:
    import pandas as pd

    from twin import Entry, PropertyCard
    from twin.manufacturing import StepReport
    from twin.mechanics import Mechanics
    from twin.performance import Performance

OF_CELL = {  # column of a discharge: its name in a study, and unit
    "capacity_Ah_m2": ("capacity", "Ah/m²"),
    "energy_Wh_m2": ("energy", "Wh/m²"),
    "energy_Wh_kg": ("specific_energy", "Wh/kg"),
    "energy_Wh_L": ("energy_density", "Wh/L"),
    "power_W_kg": ("specific_power", "W/kg"),
    "power_W_L": ("power_density", "W/L"),
}
STEP = 0.2  # of the MacMullin number, by which it is changed at most: beyond, nothing is linear
BLOCKED = "does not percolate"
Values = dict[str, dict[str, Any]]


def number(
    value: float | None, unit: str = "1", uncertainty: float | None = None
) -> dict[str, Any]:
    """A value of an Outcome; None where it is infinite or undefined.

    An error that is zero, infinite or undefined is left out, since JSON cannot hold infinity: of a
    value without one nothing is stated, be it exact or of an error that nobody knows.
    """
    found: dict[str, Any] = {"value": finite(value), "unit": unit}
    if (error := finite(uncertainty)) is not None and error > 0:
        found["uncertainty"] = error
    return found


def of_card(card: "PropertyCard") -> Values:
    """Every entry: "name.phase.axis"."""
    values = {}
    for entry in card.entries:
        where = [entry.phase or "", "" if entry.axis is None else AXES[entry.axis]]
        name = ".".join([entry.name, *filter(None, where)])
        values[name] = number(entry.value, entry.unit, float(entry.uncertainty))
    return values


def of_steps(reports: "tuple[StepReport, ...]") -> Values:
    """Figures of each step; the unit is the end of their names."""
    return {
        f"{report.step}.{name}": number(float(value), "")
        for report in reports
        for name, value in (report.figures | report.moved).items()
        if isinstance(value, int | float)
    }


def of_coating(coating: Coating | None, thickness: float) -> Values:
    """Density and porosity, and what the electrode weighs and holds if it is so many m thick."""
    if coating is None:
        return {}
    about = {
        "electrode_density": (coating.density, "kg/m³"),
        "total_porosity": (coating.total_porosity, "1"),
        "electrode_thickness": (thickness, "m"),
        "loading": (coating.density * thickness, "kg/m²"),
        "areal_capacity": (coating.capacity * thickness, "Ah/m²"),
    }
    return {name: number(*one) for name, one in about.items() if not math.isnan(one[0])}


def of_load(asked: "Mechanics") -> Values:
    """What presses and how much lithium there is, where that is said in numbers."""
    from twin.mechanics import PRESSURE

    values = {
        f"lithium_content.{phase}": number(now) for phase, (_, now) in asked.lithiation.items()
    }
    if asked.boundary in (None, "stack_pressure"):
        values["stack_pressure"] = number(
            PRESSURE if asked.pressure is None else asked.pressure, "Pa"
        )
    return values


def of_cell(found: "Performance | None", card: "PropertyCard", doubted: bool) -> Values:
    """Figures of each discharge, with the rate at the end of their names.

    Args:
        found: what the electrode does in a cell, if it is in one.
        card: of the electrode.
        doubted: also what the standard error of the MacMullin number makes of each figure; that
            takes as many discharges again.
    """
    if found is None:
        return {}
    frame = found.to_frame()
    errors = _errors(found, card, frame) if doubted else None
    return {
        f"cell.{name}.{row.rate_per_h:g}": number(
            frame.at[i, column], unit, None if errors is None else errors.at[i, column]
        )
        for i, row in enumerate(frame.itertuples())
        for column, (name, unit) in OF_CELL.items()
        if column in frame
    }


def _errors(found: "Performance", card: "PropertyCard", frame: "pd.DataFrame") -> "pd.DataFrame":
    """By how much each figure falls if the MacMullin number is a standard error larger."""
    from twin.performance import discharge

    entry = card.entry("ionic_macmullin_number", axis=card.volume.through_axis)
    error = float(entry.uncertainty) / entry.value
    step = min(error, STEP)
    if not step > 0:
        return 0.0 * frame.select_dtypes("number")
    slower = replace(found.structure, macmullin=found.structure.macmullin * (1 + step))
    asked = found.asked
    runs = discharge(
        asked.cell(slower), asked.rates, model=asked.model, temperature=asked.temperature
    )
    other = replace(found, structure=slower, discharges=runs).to_frame()
    columns = [column for column in OF_CELL if column in frame]
    return (frame[columns] - other[columns]).abs() * (error / step)


def status_of(card: "PropertyCard") -> tuple[str, str]:
    """The worst status of the transport through the thickness, and what has it.

    With materials that of ions and of electrons counts; without, that of the pore: active material
    and binder need not span the electrode each by itself. Where no phase is named like a pore, one
    that spans is enough.
    """
    axis = card.volume.through_axis
    through = [entry for entry in card.entries if entry.axis in (axis, None)]
    if failed := [entry for entry in through if entry.status == "not converged"]:
        return "not converged", _told(failed)
    wanted = _of_materials(through) if card.materials else _of_phases(card, through)
    blocked = [entry for entry in wanted if entry.status == BLOCKED]
    return (BLOCKED, _told(blocked)) if blocked else ("ok", "")


def _of_materials(through: "list[Entry]") -> "list[Entry]":
    return [e for e in through if e.name.startswith(("effective_ionic", "effective_electronic"))]


def _of_phases(card: "PropertyCard", through: "list[Entry]") -> "list[Entry]":
    """Transport through the pore; where there is none, of all phases, or none if one spans."""
    paths = [entry for entry in through if entry.name == "tortuosity_factor"]
    if card.pore is not None and card.volume.voxels(card.pore):
        return [entry for entry in paths if entry.phase == card.pore]
    return paths if all(entry.status == BLOCKED for entry in paths) else []


def _told(entries: "Iterable[Entry]") -> str:
    return "; ".join(f"{entry.name.replace('_', ' ')} {entry.phase}" for entry in entries)


def provenance_of(card: "PropertyCard", reports: "tuple[StepReport, ...]") -> Mapping[str, Any]:
    """Residuals, warnings, versions and device, and the volume."""
    residuals = [entry.report.residual for entry in card.entries if entry.report is not None]
    return {
        "warnings": [*card.warnings, *(w for report in reports for w in report.warnings)],
        "versions": dict(card.versions),
        "device": card.settings.get("device"),
        "volume": card.volume.sha256,
        "largest_residual": max(residuals, default=None),
        "phases": {str(label): name for label, name in card.volume.phases.items()},
    }
