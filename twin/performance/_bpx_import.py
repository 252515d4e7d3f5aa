"""A cell from a BPX file: checked first, then read by PyBaMM, its electrodes as structures.

The reader of PyBaMM 26.10 derives the active fraction from area and radius, ε_AM = a R/3, and says
nothing when more than the electrode is full; a measured area in a file does that.
Source: github.com/pybamm-team/PyBaMM/issues/4265, opened; ``pybamm/parameters/bpx.py`` of 26.10.
"""

import copy
import json
import os
import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from microstructures.errors import InvalidInputError
from twin.manufacturing.composition import positive
from twin.performance._bpx import bpx
from twin.performance._bpx_export import CONTACT, WETTED, parsed
from twin.performance._pybamm import pybamm
from twin.performance.bpx_file import BpxFile, BpxWarning
from twin.performance.cell import Cell, area, capacity
from twin.performance.structure import FULL, ElectrodeStructure

if TYPE_CHECKING:
    from pybamm import ParameterValues

SIDES = ("Negative", "Positive")
CUT = "voltage cut-off [V]"
AREA = "Surface area per unit volume [m-1]"
RADIUS = "Particle radius [m]"
LAYER = "{} electrode double-layer capacity [F.m-2]"
RATE = "Reaction rate constant [mol.m-2.s-1]"
ENTROPY = "Entropic change coefficient [V.K-1]"
# numbers that BPX leaves open but PyBaMM reads: of heat only, so taken out again
HEAT = {
    "External surface area [m2]": "Cell cooling surface area [m2]",
    "Volume [m3]": "Cell volume [m3]",
}
APART = 0.1  # by which capacities of one cell may differ before a word is said


def imported(
    source: str | os.PathLike[str] | Mapping[str, Any] | BpxFile,
    active_fraction: Mapping[str, float],
) -> Cell:
    """The cell of a file or its content. Raises InvalidInputError."""
    content = _content(source)
    _check_kind(parsed(content))
    parts = content["Parameterisation"]
    given = _by_side(active_fraction)
    wetted = {side: _spheres(parts, side, given.get(side)) for side in SIDES}
    values = _read(content)
    structures = {side: _structure(values, side, wetted[side]) for side in SIDES}
    _check_capacity(values, parts)
    extra = parts.get("User-defined") or {}
    return Cell(
        values,
        positive=structures["Positive"],
        negative=structures["Negative"],
        contact_resistance=float(extra.get(CONTACT, 0.0)) * area(values),
    )


def _content(source: str | os.PathLike[str] | Mapping[str, Any] | BpxFile) -> dict[str, Any]:
    """Sections as plain numbers and text, in the layout of BPX 1."""
    if isinstance(source, BpxFile):
        source = source.content
    raw = copy.deepcopy(dict(source)) if isinstance(source, Mapping) else _file(source)
    module = bpx()
    try:
        if module.is_legacy_bpx(raw):
            warnings.warn(
                "the file is of BPX 0.x: initial state and temperatures are guessed by bpx",
                BpxWarning,
                stacklevel=5,
            )
            return module.convert_v0_to_v1(raw)
    except ValueError as error:
        raise InvalidInputError(f"this is no BPX: {error}") from error
    return raw


def _file(path: str | os.PathLike[str]) -> dict[str, Any]:
    place = Path(path)
    try:
        found = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInputError(f"{place} cannot be read as JSON: {error}") from error
    if not isinstance(found, dict):
        raise InvalidInputError(f"{place} holds no sections: BPX begins with a Header")
    return found


def _check_kind(file: Any) -> None:
    """Only cells of two electrodes of one material each, with their electrolyte."""
    schema = bpx().schema
    if not isinstance(file.parameterisation, schema.Parameterisation):
        raise InvalidInputError(
            f"the file is for model {file.header.model} and lacks electrolyte or porosities: a "
            "cell of known structure needs those of a DFN"
        )
    for side in SIDES:
        electrode = getattr(file.parameterisation, f"{side.lower()}_electrode")
        if isinstance(electrode, schema.ElectrodeBlended):
            raise InvalidInputError(
                f"the {side.lower()} electrode is a blend, which has no one radius or area: read "
                "the file with pybamm.ParameterValues.create_from_bpx"
            )


def _by_side(given: Mapping[str, float]) -> dict[str, float]:
    known = {side.lower(): side for side in SIDES}
    if not set(given) <= set(known):
        raise InvalidInputError(f"active_fraction names {list(given)}: use {list(known)}")
    return {known[name]: positive(x, "active_fraction") for name, x in given.items()}


def _spheres(parts: dict[str, Any], side: str, fraction: float | None) -> float:
    """Wetted area of an electrode; ``parts`` then has that of spheres, and a rate to match."""
    electrode = parts[f"{side} electrode"]
    stated, radius = electrode[AREA], electrode[RADIUS]
    derived = stated * radius / 3
    filled = electrode["Porosity"] + (derived if fraction is None else fraction)
    if filled > FULL:
        raise InvalidInputError(
            f"{side} electrode: porosity {electrode['Porosity']:.4g} and active material "
            f"{filled - electrode['Porosity']:.4g} add up to {filled:.4g}. BPX takes the active "
            f"material to be area × radius/3, with an area of {stated:.4g} 1/m: if that was "
            f"measured, pass active_fraction={{'{side.lower()}': …}} and it counts as wetted area"
        )
    extra = parts.get("User-defined") or {}
    recorded = extra.get(WETTED.format(side))
    wetted = float(stated if recorded is None or fraction is not None else recorded)
    electrode[RATE] *= stated / wetted  # the structure brings it back as its ratio of areas
    layer = extra.get(LAYER.format(side))
    if isinstance(layer, int | float):
        extra[LAYER.format(side)] = layer * stated / wetted
    electrode[AREA] = 3 * (derived if fraction is None else fraction) / radius
    return wetted


def _read(content: dict[str, Any]) -> "ParameterValues":
    cell = content["Parameterisation"]["Cell"]
    if "Reference temperature [K]" not in cell:
        raise InvalidInputError(
            "section Cell has no 'Reference temperature [K]': add it, PyBaMM cannot do without"
        )
    absent = [name for name in HEAT if name not in cell]
    cell |= dict.fromkeys(absent, 1.0)
    for side in SIDES:  # may be left out in BPX, but not in PyBaMM
        content["Parameterisation"][f"{side} electrode"].setdefault(ENTROPY, 0.0)
    extra = content["Parameterisation"].setdefault("User-defined", {})
    for share, limit in (("0%", "Lower"), ("100%", "Upper")):
        extra.setdefault(f"Open-circuit voltage at {share} SOC [V]", cell[f"{limit} {CUT}"])
    module = pybamm()
    try:
        with warnings.catch_warnings():  # PyBaMM 26.10 uses names that pydantic will give up
            warnings.simplefilter("ignore", DeprecationWarning)
            values = module.ParameterValues.create_from_bpx_obj(content)
    except (ValueError, ArithmeticError, module.SolverError) as error:
        raise InvalidInputError(
            f"PyBaMM cannot make a cell of the file ({error}): look at porosities, "
            "stoichiometries and voltage limits"
        ) from error
    unknown = {HEAT[name] for name in absent} | set(absent) | {"description"}
    return module.ParameterValues({k: v for k, v in values.items() if k not in unknown})


def _structure(values: "ParameterValues", side: str, wetted: float) -> ElectrodeStructure:
    try:
        return replace(ElectrodeStructure.of_parameters(values, side), area=wetted)
    except InvalidInputError as error:
        raise InvalidInputError(f"{side} electrode: {error}") from error


def _check_capacity(values: "ParameterValues", parts: dict[str, Any]) -> None:
    """Nominal capacity, and what each electrode holds in its range, against the limits."""
    held = capacity(values, "full") * area(values)
    nominal = float(parts["Cell"]["Nominal cell capacity [A.h]"])
    _doubt("the nominal capacity", nominal, held)
    faraday = float(pybamm().constants.F.value)
    for side in SIDES:
        electrode = parts[f"{side} electrode"]
        window = electrode["Maximum stoichiometry"] - electrode["Minimum stoichiometry"]
        most = electrode["Maximum concentration [mol.m-3]"]
        share = electrode[AREA] * electrode[RADIUS] / 3
        volume = electrode["Thickness [m]"] * area(values)
        moved = window * most * share * volume * faraday / 3600
        _doubt(f"what the {side.lower()} electrode holds in its range of lithium", moved, held)


def _doubt(what: str, said: float, held: float) -> None:
    if abs(said / held - 1) > APART:
        warnings.warn(
            f"{what} is {said:.4g} Ah, but the cell holds {held:.4g} Ah between its voltage "
            "limits, which is what rates refer to here: look at thicknesses, areas and limits",
            BpxWarning,
            stacklevel=6,
        )
