"""Quantities of a cell by name, so that they can be unknowns of a calibration. SI units."""

import dataclasses
import difflib
import math
from collections.abc import Mapping
from typing import Any

from microstructures.errors import InvalidInputError
from twin.performance.cell import Cell, _base, scaled
from twin.performance.structure import ElectrodeStructure

OF_CELL = {
    "contact_resistance": "of everything outside the electrodes' volume, Ω m²",
    "separator_macmullin": "κ/κ_eff of the separator",
}
OF_STRUCTURE = {
    "thickness": "m",
    "porosity": "electrolyte per volume",
    "active_fraction": "active material per volume",
    "macmullin": "κ/κ_eff of the electrolyte",
    "tortuosity": "tortuosity factor, κ/κ_eff times the porosity",
    "electronic_conductivity": "effective, S/m",
    "area": "wetted, m²/m³; as exchange_current_factor it only scales the charge transfer",
    "particle_radius": "m",
}
# quantities of the parameter set, with what PyBaMM calls them and how a value enters
OF_SET = {
    "exchange_current_factor": "{} electrode exchange-current density [A.m-2]",
    "diffusivity_factor": "{} particle diffusivity [m2.s-1]",
    "diffusivity": "{} particle diffusivity [m2.s-1]",
    "double_layer": "{} electrode double-layer capacity [F.m-2]",
}
MEANING = {
    "exchange_current_factor": "on that of the parameter set",
    "diffusivity_factor": "on that of lithium in the particles of the parameter set",
    "diffusivity": "of lithium in the particles, the same at all contents, m²/s",
    "double_layer": "per area of interface, F/m²",
}
OF_ELECTROLYTE = {
    "electrolyte.conductivity_factor": "Electrolyte conductivity [S.m-1]",
    "electrolyte.diffusivity_factor": "Electrolyte diffusivity [m2.s-1]",
}


def adjustable(cell: Cell) -> dict[str, str]:
    """What of a cell may be an unknown: names, with their meaning and unit.

    Numbers of a structure are there only if the cell has that structure.
    """
    found = dict(OF_CELL)
    for side in _sides(cell):
        if getattr(cell, side) is not None:
            found |= {f"{side}.{name}": text for name, text in OF_STRUCTURE.items()}
        found |= {f"{side}.{name}": MEANING[name] for name in OF_SET}
    return found | dict.fromkeys(OF_ELECTROLYTE, "on that of the parameter set")


def adjusted_cell(cell: Cell, values: Mapping[str, float]) -> Cell:
    """The same cell with other values of some of its quantities.

    Args:
        cell: see ``Cell``; it is not changed.
        values: by name, in SI units; ``adjustable(cell)`` has the names. A factor multiplies what
            the parameter set has, whether that is a number or a function of concentrations.

    Raises:
        InvalidInputError: the cell has no such quantity, or cannot have such a value.
    """
    check_names(cell, values)
    changed: dict[str, Any] = {name: float(values[name]) for name in OF_CELL if name in values}
    changed |= {side: _structure(cell, side, values) for side in _sides(cell)}
    return dataclasses.replace(cell, parameters=_parameters(cell, values), **changed)


def check_names(cell: Cell, names: Mapping[str, Any]) -> None:
    """Raises InvalidInputError for a name that is not among ``adjustable(cell)``."""
    known = adjustable(cell)
    for name in names:
        if name not in known:
            raise InvalidInputError(f"this cell has no {name!r}{_hint(cell, str(name), known)}")


def _hint(cell: Cell, name: str, known: Mapping[str, str]) -> str:
    side, _, quantity = name.partition(".")
    if side in _sides(cell) and quantity in OF_STRUCTURE:
        return f": its {side} electrode has no structure, so give Cell(…, {side}=…) one"
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return f": did you mean {close[0]!r}?" if close else f": choose one of {', '.join(known)}"


def _sides(cell: Cell) -> tuple[str, ...]:
    return ("positive",) if cell.kind == "half" else ("positive", "negative")


def _structure(cell: Cell, side: str, values: Mapping[str, float]) -> ElectrodeStructure | None:
    given = {
        name: float(values[f"{side}.{name}"]) for name in OF_STRUCTURE if f"{side}.{name}" in values
    }
    structure: ElectrodeStructure | None = getattr(cell, side)
    if structure is None or not given:
        return structure
    if "tortuosity" in given:
        if "macmullin" in given:
            raise InvalidInputError(
                f"{side}.macmullin and {side}.tortuosity say the same: give one of them"
            )
        porosity = given.get("porosity", structure.porosity)
        given["macmullin"] = given.pop("tortuosity") / porosity
    return dataclasses.replace(structure, **given)


def _parameters(cell: Cell, values: Mapping[str, float]) -> Any:
    """The parameter set, changed only if one of its quantities is."""
    wanted = {
        name.format(side.capitalize()): (quantity, values[f"{side}.{quantity}"])
        for side in _sides(cell)
        for quantity, name in OF_SET.items()
        if f"{side}.{quantity}" in values
    }
    if len(wanted) < sum(f"{s}.{q}" in values for s in _sides(cell) for q in OF_SET):
        raise InvalidInputError("diffusivity and diffusivity_factor say the same: give one of them")
    wanted |= {name: (q, values[q]) for q, name in OF_ELECTROLYTE.items() if q in values}
    if not wanted:
        return cell.parameters
    changed = _base(cell.parameters)
    for name, (quantity, value) in wanted.items():
        if not (math.isfinite(value) and value > 0):
            raise InvalidInputError(f"{quantity} is {value!r}: give a finite number > 0")
        if name not in changed:
            raise InvalidInputError(f"the parameter set has no {name!r}: choose another unknown")
        is_factor = quantity.endswith("_factor")
        changed[name] = scaled(changed[name], value) if is_factor else float(value)
    return changed
