"""Parameters of PyBaMM from materials of the library; what is missing there is asked for."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from microstructures.errors import InvalidInputError
from twin.manufacturing.composition import positive as above_zero
from twin.materials import Material, material
from twin.performance._material_laws import SALT, exchange_current, potential, with_temperature
from twin.performance._pybamm import pybamm
from twin.performance.cell import Cell, stoichiometries
from twin.performance.separator import Separator
from twin.performance.structure import ElectrodeStructure

Electrode: TypeAlias = tuple[str | Material, ElectrodeStructure]
Sides: TypeAlias = Mapping[str, tuple[Material, ElectrodeStructure]]

REFERENCE = 298.15  # K
FOIL = 1e-4  # m of lithium metal, in which a metal's conductivity loses nothing
FACTOR = "thermodynamic_factor"
STILL = 1e-10  # m²/s of a salt that does not move: only lithium carries current
ACTIVE = ("open_circuit", "exchange_current_density", "solid_diffusivity")
CARRIES = ("ionic_conductivity", "transference_number")
SALTY = ("salt_diffusivity", "concentration")
HIGHEST = 10.0  # V of one pair of electrodes
SLACK = 1e-4  # of lithium content beyond the range of a potential


def made(
    positive: Electrode,
    negative: Electrode | None,
    electrolyte: str | Material,
    separator: Separator,
    limits: tuple[float, float],
    *,
    contents: tuple[float, float] | None,
    thermodynamic_factor: float | None,
    double_layer: float | None,
    contact_resistance: float,
) -> Cell:
    """The cell of ``Cell.of_materials``."""
    sides = {"Positive": _electrode(positive, "positive")}
    if negative is not None:
        sides["Negative"] = _electrode(negative, "negative")
    fluid = material(electrolyte) if isinstance(electrolyte, str) else electrolyte
    if not (isinstance(fluid, Material) and isinstance(separator, Separator)):
        raise InvalidInputError(
            f"electrolyte is {electrolyte!r} and separator {separator!r}: give a material, or its "
            "name, and a Separator"
        )
    _check_complete(sides, fluid, thermodynamic_factor)
    numbers = _whole(limits, separator) | _fluid(fluid, thermodynamic_factor)
    for side, held in zip(sides, _contents(sides, contents), strict=True):
        numbers |= _active(side, *sides[side], held, double_layer)
    numbers |= _lithium() if negative is None else {}
    cell = Cell(
        pybamm().ParameterValues(numbers),
        positive=positive[1],
        negative=None if negative is None else negative[1],
        contact_resistance=contact_resistance,
        kind="half" if negative is None else "full",
    )
    _check_range(cell, sides)
    return cell


def _electrode(given: Any, name: str) -> tuple[Material, ElectrodeStructure]:
    pair = given if isinstance(given, tuple) and len(given) == 2 else (None, None)
    active = material(pair[0]) if isinstance(pair[0], str) else pair[0]
    if not (isinstance(active, Material) and isinstance(pair[1], ElectrodeStructure)):
        raise InvalidInputError(
            f"{name} is {given!r}: give its active material and its ElectrodeStructure, as in "
            "('NMC532', structure)"
        )
    return active, pair[1]


def _check_complete(sides: Sides, fluid: Material, factor: float | None) -> None:
    missing = [(active.name, _lacking(active, ACTIVE)) for active, _ in sides.values()]
    missing += [
        (active.name, ("maximum_concentration",))
        for active, _ in sides.values()
        if active.open_circuit is not None and _most(active) is None
    ]
    moves = fluid.transference_number is None or fluid.transference_number.value < 1.0
    missing.append((fluid.name, _lacking(fluid, (*CARRIES, *(SALTY if moves else ())))))
    told = [f"{name} has no {', '.join(lacks)}" for name, lacks in missing if lacks]
    if told:
        raise InvalidInputError(
            f"a cell needs more than is known: {'; '.join(told)}. Give what is missing, as in "
            "dataclasses.replace(twin.material('LTO'), solid_diffusivity=…)"
        )
    if moves and factor is None:
        raise InvalidInputError(
            f"the salt of {fluid.name} moves: give thermodynamic_factor, 1 + d ln f/d ln c, which "
            "is 1 in an ideal solution and for which the library has no number"
        )


def _lacking(made_of: Material, wanted: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in wanted if getattr(made_of, name) is None)


def _most(active: Material) -> float | None:
    """Maximum concentration that the x of its potential counts."""
    own = None if active.open_circuit is None else active.open_circuit.maximum_concentration
    if own is not None or active.maximum_concentration is None:
        return own
    return active.maximum_concentration.value


def _contents(sides: Sides, given: tuple[float, float] | None) -> tuple[float, ...]:
    """Lithium as assembled, positive first: by default discharged, at the ends of the ranges."""
    curves = [active.open_circuit for active, _ in sides.values()]
    ends = [curve.upper if n == 0 else curve.lower for n, curve in enumerate(curves) if curve]
    found = tuple(ends if given is None else given[: len(ends)])
    if len(found) != len(ends):
        raise InvalidInputError(f"contents is {given!r}: give those of positive and negative")
    for (active, _), curve, x in zip(sides.values(), curves, found, strict=True):
        if curve is not None and not curve.lower <= x <= curve.upper:
            raise InvalidInputError(
                f"contents has {x!r} for {active.name}, whose potential is known from "
                f"{curve.lower:g} to {curve.upper:g}: stay inside"
            )
    return found


def _whole(limits: tuple[float, float], separator: Separator) -> dict[str, Any]:
    """One pair of electrodes of 1 m²."""
    if not (isinstance(limits, tuple | list) and len(limits) == 2):
        raise InvalidInputError(f"limits is {limits!r}: give lower and upper voltage, (2.5, 4.2)")
    low, high = (above_zero(limit, "limits") for limit in limits)
    if not low < high:
        raise InvalidInputError(f"limits are {limits!r}: give the lower voltage first")
    if high > HIGHEST:
        raise InvalidInputError(f"limits are {limits!r}: give volts, (2.5, 4.2); one cell has few")
    return {
        "chemistry": "lithium_ion",
        "Electrode height [m]": 1.0,
        "Electrode width [m]": 1.0,
        "Number of electrodes connected in parallel to make a cell": 1.0,
        "Number of cells connected in series to make a battery": 1.0,
        "Nominal cell capacity [A.h]": 1.0,
        "Current function [A]": 1.0,
        "Contact resistance [Ohm]": 0.0,
        "Lower voltage cut-off [V]": low,
        "Upper voltage cut-off [V]": high,
        "Open-circuit voltage at 0% SOC [V]": low,
        "Open-circuit voltage at 100% SOC [V]": high,
        "Reference temperature [K]": REFERENCE,
        "Ambient temperature [K]": REFERENCE,
        "Initial temperature [K]": REFERENCE,
        "Separator thickness [m]": separator.thickness,
        "Separator porosity": separator.porosity,
        "Separator tortuosity factor (electrolyte)": separator.macmullin * separator.porosity,
    }


def _fluid(fluid: Material, factor: float | None) -> dict[str, Any]:
    assert fluid.ionic_conductivity is not None
    assert fluid.transference_number is not None
    salt, moved = fluid.concentration, fluid.salt_diffusivity
    return {
        "Cation transference number": fluid.transference_number.value,
        "Electrolyte conductivity [S.m-1]": with_temperature(fluid.ionic_conductivity),
        "Electrolyte diffusivity [m2.s-1]": STILL if moved is None else with_temperature(moved),
        "Initial concentration in electrolyte [mol.m-3]": SALT if salt is None else salt.value,
        "Thermodynamic factor": 1.0 if factor is None else above_zero(factor, FACTOR),
    }


def _lithium() -> dict[str, Any]:
    metal = material("lithium").electronic_conductivity
    assert metal is not None
    return {
        "Negative electrode thickness [m]": FOIL,
        "Negative electrode conductivity [S.m-1]": metal.value,
    }


def _active(
    side: str,
    active: Material,
    structure: ElectrodeStructure,
    content: float,
    double_layer: float | None,
) -> dict[str, Any]:
    curve, rate, moved = (getattr(active, name) for name in ACTIVE)
    most = _most(active)
    assert most is not None
    name = f"{side} electrode"
    numbers = {
        f"Maximum concentration in {name.lower()} [mol.m-3]": most,
        f"Initial concentration in {name.lower()} [mol.m-3]": content * most,
        f"{name} OCP [V]": potential(curve),
        # not in the library: potentials stay those of their measurement
        f"{name} OCP entropic change [V.K-1]": 0.0,
        f"{name} exchange-current density [A.m-2]": exchange_current(rate),
        f"{side} particle diffusivity [m2.s-1]": with_temperature(moved),
        f"{side} particle radius [m]": structure.particle_radius,
        f"{name} thickness [m]": structure.thickness,
        f"{name} porosity": structure.porosity,
        f"{name} active material volume fraction": structure.active_fraction,
        f"{name} conductivity [S.m-1]": structure.electronic_conductivity,
        f"{name} tortuosity factor (electrolyte)": structure.tortuosity,
        f"{name} tortuosity factor (electrode)": 1.0 - structure.porosity,
    }
    if double_layer is not None:
        capacity = above_zero(double_layer, "double_layer")
        numbers[f"{name} double-layer capacity [F.m-2]"] = capacity
    return numbers


def _check_range(cell: Cell, sides: Sides) -> None:
    found = stoichiometries(cell.parameter_values(), cell.kind)
    for side, (active, _) in sides.items():
        curve, (least, most) = active.open_circuit, found[side]
        assert curve is not None
        if least < curve.lower - SLACK or most > curve.upper + SLACK:
            raise InvalidInputError(
                f"between the limits {active.name} goes from x = {least:.4g} to {most:.4g}, but "
                f"its potential is known from {curve.lower:g} to {curve.upper:g}: narrow the "
                "limits, or change the thicknesses or contents"
            )
