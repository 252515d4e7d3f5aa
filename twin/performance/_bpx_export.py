"""A cell in the words of BPX: what is a number there, a function of x, or an activation energy.

Functions of the electrodes are of the lithium content, those of the electrolyte of mol/m³.
Source: the schema and the reader in bpx 1.1.1 and PyBaMM 26.10 (``pybamm/parameters/bpx.py``).
"""

import copy
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from microstructures.errors import InvalidInputError
from twin.performance._bpx import bpx
from twin.performance._bpx_functions import (
    WARM,
    Reals,
    Written,
    activation_energy,
    evaluated,
    written,
)
from twin.performance._parameters import number, transport_efficiency
from twin.performance._pybamm import pybamm
from twin.performance.bpx_file import BpxFile, BpxWarning
from twin.performance.cell import Cell, _base, area, stoichiometries
from twin.performance.structure import ElectrodeStructure

if TYPE_CHECKING:
    from pybamm import ParameterValues

    from twin.card import PropertyCard

CONTENT = (0.001, 0.999)  # of lithium, that tables cover
SALT = (0.01, 3.0)  # of the initial concentration, that tables cover
FINE = 1e-5  # error that tables are made to: relative, and in V
WARMER = 30.0  # K from the reference, at which an error of the entropic change is told in V
KINETIC = (np.linspace(0.05, 0.95, 19), np.linspace(0.2, 2.0, 10))  # content and salt, compared
WARM_END = f" between {WARM[0]:g} and {WARM[1]:g} K"
ROUND_OFF = 1e-9  # a deviation that is none
ALMOST = 1.0 - 1e-9  # a porosity of 1, whose logarithm PyBaMM divides by
SALT_AT_REST = "Initial concentration in electrolyte [mol.m-3]"
TRANSFERENCE = "Cation transference number"
THERMODYNAMIC = "Thermodynamic factor"
WETTED = "{} electrode wetted area per unit volume [m-1]"
CONTACT = "Contact resistance [Ohm]"
KEPT = (  # which BPX has no word for, but PyBaMM reads among what the user defines
    "Open-circuit voltage at 0% SOC [V]",
    "Open-circuit voltage at 100% SOC [V]",
    "Negative electrode double-layer capacity [F.m-2]",
    "Positive electrode double-layer capacity [F.m-2]",
)


def exported(cell: Cell, *, tolerance: float, title: str) -> BpxFile:
    """The cell as a file. Raises InvalidInputError."""
    if cell.kind != "full":
        raise InvalidInputError(
            "BPX has no cells against lithium metal: export the full cell that the electrode is for"
        )
    if any(side and side.radius_deviation for side in (cell.positive, cell.negative)):
        raise InvalidInputError(
            "BPX has particles of one size, or blends of them: set radius_deviation=0"
        )
    _check_kinds(_base(cell.parameters))
    values = cell.parameter_values()
    if number(values, "Number of cells connected in series to make a battery") != 1:
        raise InvalidInputError("BPX is of one cell, not of several in series: set their number 1")
    off: dict[str, float] = {}
    parameterisation = {
        "Cell": _cell(values),
        "Electrolyte": _electrolyte(values, off),
        "Negative electrode": _electrode(values, "Negative", off),
        "Positive electrode": _electrode(values, "Positive", off),
        "Separator": _separator(values),
        "User-defined": _user_defined(cell, values, off),
    }
    off = {name: size for name, size in off.items() if size > ROUND_OFF}
    _refuse(off, tolerance)
    content = {
        "Header": _header(cell, title, off),
        "Parameterisation": parameterisation,
        "State": _state(values),
    }
    return BpxFile(content, off, parsed(content))


def _check_kinds(values: "ParameterValues") -> None:
    if any(name.startswith("Primary: ") for name in values):
        raise InvalidInputError(
            "an electrode of the set is a blend, which has no one radius or area: choose another "
            "set, or write the file by hand"
        )
    for side in ("Negative", "Positive"):
        if f"{side} electrode OCP [V]" not in values:
            raise InvalidInputError(f"the set has no {side} electrode OCP [V], but BPX needs it")


def exported_card(
    card: "PropertyCard",
    parameters: str,
    side: str,
    numbers: dict[str, Any],
    tolerance: float,
) -> BpxFile:
    """A cell of the set with the electrode of a card. Raises InvalidInputError."""
    if side not in ("positive", "negative"):
        raise InvalidInputError(f"side is {side!r}: choose 'positive' or 'negative'")
    structure = ElectrodeStructure.of_card(card, **numbers)
    given: dict[str, Any] = {side: structure}
    return Cell(parameters, **given).to_bpx(tolerance=tolerance)


def parsed(content: dict[str, Any]) -> Any:
    """The object of the bpx package. Raises InvalidInputError with what it says."""
    from pydantic import ValidationError

    try:
        return bpx().parse_bpx_obj(copy.deepcopy(content))  # it writes into what it is given
    except (ValidationError, ValueError, KeyError, TypeError) as error:
        raise InvalidInputError(f"bpx does not take it for BPX: {error}") from error


def _refuse(off: dict[str, float], tolerance: float) -> None:
    """What is off at the reference temperature is an error, elsewhere a warning."""
    worst = {name: size for name, size in off.items() if size > tolerance}
    warm = {name: size for name, size in worst.items() if name.endswith(WARM_END)}
    here = {name: size for name, size in worst.items() if name not in warm}
    told = "; ".join(f"{name} is off by {size:.2g}" for name, size in (here or warm).items())
    if here:
        raise InvalidInputError(
            f"BPX cannot express this cell: {told}. Change the parameters, or pass a tolerance of "
            f"{1.01 * max(here.values()):.2g} to write the nearest that it can"
        )
    if warm:
        warnings.warn(
            f"BPX knows no other law of temperature than Arrhenius': {told}; at the reference "
            "temperature the file is right",
            BpxWarning,
            stacklevel=4,
        )


def _header(cell: Cell, title: str, off: dict[str, float]) -> dict[str, Any]:
    name = cell.parameters if isinstance(cell.parameters, str) else "parameters of the user"
    told = "; ".join(f"{what}: {size:.1e}" for what, size in off.items()) or "none"
    return {
        "BPX": bpx().__version__,
        "Title": title or f"Cell with {name}",
        "Description": f"Largest deviations from the cell that was exported: {told}. "
        "Areas are those of spheres; the wetted area is in the rate constants.",
        "Model": "DFN",
    }


def _cell(values: "ParameterValues") -> dict[str, Any]:
    pairs = round(number(values, "Number of electrodes connected in parallel to make a cell"))
    one = area(values) / pairs
    names = ("Lower voltage cut-off [V]", "Upper voltage cut-off [V]")
    return {
        "Electrode area [m2]": one,
        # PyBaMM reads no file without these two; those of the bare layers if the set has none
        "External surface area [m2]": _or(values, "Cell cooling surface area [m2]", 2 * one),
        "Volume [m3]": _or(values, "Cell volume [m3]", one * pairs * _height(values)),
        "Number of electrode pairs connected in parallel to make a cell": pairs,
        **{name: number(values, name) for name in names},
        "Nominal cell capacity [A.h]": number(values, "Nominal cell capacity [A.h]"),
        "Reference temperature [K]": number(values, "Reference temperature [K]"),
    }


def _height(values: "ParameterValues") -> float:
    layers = ("Negative electrode", "Separator", "Positive electrode")
    return sum(number(values, f"{layer} thickness [m]") for layer in layers)


def _or(values: "ParameterValues", name: str, other: float) -> float:
    return number(values, name) if name in values else other


def _electrode(values: "ParameterValues", side: str, off: dict[str, float]) -> dict[str, Any]:
    structure = ElectrodeStructure.of_parameters(values, side)
    kelvin = number(values, "Reference temperature [K]")
    lowest, highest = stoichiometries(values, "full")[side]
    name = f"{side} electrode"
    conductivity = values[f"{name} conductivity [S.m-1]"]
    if callable(conductivity):
        warm = evaluated(values, conductivity, np.array(WARM))
        here = number(values, f"{name} conductivity [S.m-1]", kelvin)
        off[f"{name}: Conductivity [S.m-1]{WARM_END}"] = _largest(warm, here)
    potential, off[f"{name}: OCP [V]"] = written(
        values, values[f"{name} OCP [V]"], CONTENT, target=FINE, absolute=True
    )
    return {
        "Thickness [m]": structure.thickness,
        "Porosity": structure.porosity,
        "Transport efficiency": 1 / structure.macmullin,
        "Conductivity [S.m-1]": structure.electronic_conductivity,
        "Minimum stoichiometry": lowest,
        "Maximum stoichiometry": highest,
        "Maximum concentration [mol.m-3]": _most(values, side),
        "Particle radius [m]": structure.particle_radius,
        # readers take 3 ε_AM/R for it and derive ε_AM: any other area would change the capacity
        "Surface area per unit volume [m-1]": structure.area,
        **_law(
            values,
            f"{side} particle diffusivity [m2.s-1]",
            ("Diffusivity [m2.s-1]", name),
            CONTENT,
            kelvin,
            off,
        ),
        "OCP [V]": potential,
        **_entropy(values, side, off),
        **_kinetics(values, side, kelvin, off),
    }


def _most(values: "ParameterValues", side: str) -> float:
    return number(values, f"Maximum concentration in {side.lower()} electrode [mol.m-3]")


def _law(
    values: "ParameterValues",
    parameter: str,
    entry: tuple[str, str],
    span: tuple[float, float],
    kelvin: float,
    off: dict[str, float],
) -> dict[str, Written]:
    """A function of x and temperature: its form at the reference, and an activation energy."""
    word, section = entry
    given = values[parameter]
    form, off[f"{section}: {word}"] = written(values, given, span, kelvin, target=FINE)
    x = np.linspace(*span, 41)
    energy, warm = activation_energy(values, given, (x,), kelvin)
    name = word.split(" [")[0] + " activation energy [J.mol-1]"
    off[f"{section}: {name}{WARM_END}"] = warm
    return {word: form} | ({name: energy} if energy else {})


def _entropy(values: "ParameterValues", side: str, off: dict[str, float]) -> dict[str, Written]:
    given = values[f"{side} electrode OCP entropic change [V.K-1]"]
    form, error = written(values, given, CONTENT, target=FINE / WARMER, absolute=True)
    off[f"{side} electrode: Entropic change coefficient [V.K-1]"] = error * WARMER
    return {"Entropic change coefficient [V.K-1]": form}


def _kinetics(
    values: "ParameterValues", side: str, kelvin: float, off: dict[str, float]
) -> dict[str, float]:
    """Rate constant k of j₀ = F k √(c_e/c_e₀ x (1 − x)), which is the only form of BPX."""
    name = f"{side} electrode"
    given = values[f"{name} exchange-current density [A.m-2]"]
    most, rest = _most(values, side), number(values, SALT_AT_REST)
    x, salt = (grid.ravel() for grid in np.meshgrid(*KINETIC))
    arguments = (salt * rest, x * most, np.full(x.shape, most))
    shape = float(pybamm().constants.F.value) * np.sqrt(salt * x * (1 - x))
    rates = evaluated(values, given, *arguments, kelvin) / shape
    rate = (rates.max() + rates.min()) / 2  # misses both ends by the same share
    off[f"{name}: Reaction rate constant [mol.m-2.s-1]"] = float(np.ptp(rates) / rate / 2)
    energy, warm = activation_energy(values, given, arguments, kelvin)
    word = "Reaction rate constant activation energy [J.mol-1]"
    off[f"{name}: {word}{WARM_END}"] = warm
    found = {"Reaction rate constant [mol.m-2.s-1]": float(rate)}
    return found | ({word: energy} if energy else {})


def _electrolyte(values: "ParameterValues", off: dict[str, float]) -> dict[str, Any]:
    kelvin, rest = number(values, "Reference temperature [K]"), number(values, SALT_AT_REST)
    span = (SALT[0] * rest, SALT[1] * rest)
    laws: dict[str, Any] = {}
    for word in ("Diffusivity [m2.s-1]", "Conductivity [S.m-1]"):
        parameter = "Electrolyte " + word[0].lower() + word[1:]
        laws |= _law(values, parameter, (word, "Electrolyte"), span, kelvin, off)
    return {"Cation transference number": _constant(values, TRANSFERENCE, off)} | laws


def _constant(values: "ParameterValues", name: str, off: dict[str, float]) -> float:
    """What may change with salt and temperature, at rest; how much it does is noted."""
    kelvin, rest = number(values, "Reference temperature [K]"), number(values, SALT_AT_REST)
    here = number(values, name, rest, kelvin)
    salty = evaluated(values, values[name], KINETIC[1] * rest, kelvin)
    warm = evaluated(values, values[name], rest, np.array(WARM))
    off[f"Electrolyte: {name}"] = _largest(salty, here)
    off[f"Electrolyte: {name}{WARM_END}"] = _largest(warm, here)
    return here


def _largest(found: Reals, wanted: float) -> float:
    return float(np.abs(found / wanted - 1).max())


def _separator(values: "ParameterValues") -> dict[str, float]:
    efficiency = transport_efficiency(values, "Separator", "electrolyte")
    return {
        "Thickness [m]": number(values, "Separator thickness [m]"),
        "Porosity": min(number(values, "Separator porosity"), ALMOST),
        "Transport efficiency": min(efficiency, ALMOST),
    }


def _user_defined(cell: Cell, values: "ParameterValues", off: dict[str, float]) -> dict[str, float]:
    kelvin = number(values, "Reference temperature [K]")
    found = {name: number(values, name, kelvin) for name in KEPT if name in values}
    resistance, factor = number(values, CONTACT), _constant(values, THERMODYNAMIC, off)
    found |= {CONTACT: resistance} if resistance else {}
    found |= {THERMODYNAMIC: factor} if factor != 1.0 else {}
    sides = {"Negative": cell.negative, "Positive": cell.positive}
    areas = {WETTED.format(s): x.area for s, x in sides.items() if x is not None}
    return found | areas


def _state(values: "ParameterValues") -> dict[str, Any]:
    kelvin = number(values, "Reference temperature [K]")
    return {
        "Initial conditions": {
            "Initial state-of-charge": 1.0,
            "Initial temperature [K]": _or(values, "Initial temperature [K]", kelvin),
            "Initial electrolyte concentration [mol.m-3]": number(values, SALT_AT_REST),
        },
        "Thermal environment": {
            "Ambient temperature [K]": _or(values, "Ambient temperature [K]", kelvin)
        },
    }
