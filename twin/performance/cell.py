"""Cell: electrodes of known structure in a cell whose other numbers come from a parameter set.

SI units; currents and capacities per area of the electrode.
"""

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from microstructures.errors import InvalidInputError
from twin.manufacturing.composition import positive
from twin.performance import _sets
from twin.performance._parameters import number
from twin.performance._pybamm import pybamm
from twin.performance._sizes import size_parameters
from twin.performance.structure import ElectrodeStructure

if TYPE_CHECKING:
    from pybamm import ParameterValues

    from twin.materials import Material
    from twin.performance.bpx_file import BpxFile
    from twin.performance.separator import Separator

Kind: TypeAlias = Literal["full", "half"]
MODELS = ("DFN", "SPMe", "SPM")
WETTED = ("exchange-current density [A.m-2]", "double-layer capacity [F.m-2]")  # per area
HALF = {"working electrode": "positive"}
LITHIUM_EXCHANGE = 12.6  # A/m² of lithium metal at 1 mol/L  [not opened: verify]


@dataclass(frozen=True, slots=True, eq=False)
class Cell:
    """Two electrodes and a separator.

    Args:
        parameters: name of a parameter set of PyBaMM, such as "Chen2020", or its ParameterValues;
            all that no structure gives is taken from it.
        positive: structure of the positive electrode; None to take that of the set.
        negative: of the negative electrode; has no meaning in a half cell.
        separator_macmullin: κ/κ_eff of the separator, ≥ 1; None to take that of the set.
        contact_resistance: of everything outside the electrodes' volume, ≥ 0 in Ω m².
        kind: "full", or "half": the positive electrode against lithium metal.
        balance: scale the thickness of the electrode whose structure is not given, so that the
            ratio of capacities stays that of the set. Without it a thicker electrode only shifts
            the limit to the other one.

    Raises:
        InvalidInputError: an argument is out of range, or no such set.
    """

    parameters: "str | ParameterValues" = "Chen2020"
    positive: ElectrodeStructure | None = None
    negative: ElectrodeStructure | None = None
    separator_macmullin: float | None = None
    contact_resistance: float = 0.0
    kind: Kind = "full"
    balance: bool = True

    def __post_init__(self) -> None:
        if self.kind not in ("full", "half"):
            raise InvalidInputError(f"kind {self.kind!r} is unknown: choose 'full' or 'half'")
        if self.kind == "half" and self.negative is not None:
            raise InvalidInputError(
                "a half cell has lithium metal instead of a negative electrode: give the electrode "
                "that is studied as positive"
            )
        for side in (self.positive, self.negative):
            if not isinstance(side, ElectrodeStructure | None):
                raise InvalidInputError(f"{side!r} is no ElectrodeStructure: see of_card")
        given = self.separator_macmullin
        if given is not None and not positive(given, "separator_macmullin") >= 1:
            raise InvalidInputError(f"separator_macmullin is {given!r}: κ/κ_eff is at least 1")
        resistance = self.contact_resistance
        if not (isinstance(resistance, int | float) and 0 <= resistance < math.inf):
            raise InvalidInputError(f"contact_resistance is {resistance!r}: give Ω m² ≥ 0")

    @property
    def options(self) -> dict[str, Any]:
        """Options of the PyBaMM model."""
        chosen = {"transport efficiency": "tortuosity factor", "contact resistance": "true"}
        sizes = tuple(self._sizes(side) for side in (self.negative, self.positive))
        if self.kind == "half":
            return chosen | HALF | {"particle size": sizes[1]}
        return chosen | {"particle size": sizes}

    def model(self, name: str = "DFN", **more: str) -> Any:
        """A model of PyBaMM with ``options`` and more of them. Raises InvalidInputError."""
        if name not in MODELS:
            raise InvalidInputError(f"model {name!r} is unknown: choose one of {MODELS}")
        if name != "DFN" and "distribution" in str(self.options):
            raise InvalidInputError(f"model {name!r} has particles of one size: choose 'DFN'")
        return getattr(pybamm().lithium_ion, name)(self.options | more)

    def to_bpx(
        self,
        path: str | os.PathLike[str] | None = None,
        *,
        tolerance: float = 1e-3,
        title: str = "",
    ) -> "BpxFile":
        """The cell in the exchange format BPX, checked by the ``bpx`` package.

        Functions become expressions in x, or tables if BPX has no word for a part of them; those
        of temperature, activation energies. Areas become those of spheres, since readers derive
        the active fraction from them; the ratio goes into the reaction rate constant.

        Args:
            path: of a JSON file to write; None to write none.
            tolerance: > 0, largest deviation that is let through: relative, and in V for
                open-circuit potentials.
            title: of the file.

        Raises:
            InvalidInputError: a half cell, something that BPX cannot express within the
                tolerance, or a place that cannot be written to.

        Warns:
            BpxWarning: a change with temperature that is none of Arrhenius', by more than the
                tolerance between 10 and 50 °C.

        Accuracy: expressions are exact; ``deviations`` of the result tells what is not.
        """
        from twin.performance._bpx_export import exported

        file = exported(self, tolerance=positive(tolerance, "tolerance"), title=title)
        if path is not None:
            file.to_json(path)
        return file

    @classmethod
    def of_bpx(
        cls,
        source: "str | os.PathLike[str] | Mapping[str, Any] | BpxFile",
        *,
        active_fraction: "Mapping[str, float] | None" = None,
    ) -> "Cell":
        """The cell of a BPX file, with the structures of its electrodes, which may be replaced.

        Args:
            source: JSON file, its content, or a ``BpxFile``.
            active_fraction: of "positive" or "negative", if the file has a measured area instead
                of that of spheres; the area in the file then counts as wetted.

        Raises:
            InvalidInputError: no BPX, a blend, a file for single particles only, electrolyte and
                active material that fill more than an electrode, or numbers that cannot be.

        Warns:
            BpxWarning: capacities that do not belong together, or a file of BPX 0.x.
        """
        from twin.performance._bpx_import import imported

        given = {} if active_fraction is None else active_fraction
        if not isinstance(given, Mapping):
            raise InvalidInputError(
                f"active_fraction is {given!r}: say of which electrode, {{'positive': …}}"
            )
        return imported(source, given)

    @classmethod
    def of_materials(
        cls,
        positive: "tuple[str | Material, ElectrodeStructure]",
        negative: "tuple[str | Material, ElectrodeStructure] | None",
        electrolyte: "str | Material",
        separator: "Separator",
        limits: tuple[float, float],
        *,
        contents: tuple[float, float] | None = None,
        thermodynamic_factor: float | None = None,
        double_layer: float | None = None,
        contact_resistance: float = 0.0,
    ) -> "Cell":
        """A cell whose every number is from materials, structures and arguments.

        Exchange currents are taken to hold at half the lithium and 1000 mol/m³ of salt and follow
        √(c_e x (1 − x)); what has an activation energy follows it; conductivity and diffusivity
        of the electrolyte do not change with its salt, potentials not with temperature.

        Args:
            positive: active material, or its name in the library, and structure.
            negative: the same; None for lithium metal, which makes a half cell, with the exchange
                current of ``LITHIUM_EXCHANGE`` in this module.
            electrolyte: a material; one with a transference number of 1 needs nothing but its
                conductivity.
            separator: see ``Separator``.
            limits: lower and upper voltage, > 0 and at most 10 in V.
            contents: lithium x of positive and negative as assembled; by default those of a
                discharged cell without losses, the ends of the ranges of their potentials.
            thermodynamic_factor: 1 + d ln f/d ln c of the salt, > 0; needed if it moves.
            double_layer: > 0 in F/m² of wetted area; needed for spectra.
            contact_resistance: of everything outside the electrodes, ≥ 0 in Ω m².

        Raises:
            InvalidInputError: a material lacks a number, all of which are listed, or the limits
                reach beyond what is known of a potential.
        """
        from twin.performance._material_cell import made

        return made(
            positive,
            negative,
            electrolyte,
            separator,
            limits,
            contents=contents,
            thermodynamic_factor=thermodynamic_factor,
            double_layer=double_layer,
            contact_resistance=contact_resistance,
        )

    @staticmethod
    def _sizes(structure: ElectrodeStructure | None) -> str:
        return "distribution" if structure and structure.radius_deviation else "single"

    def parameter_values(self) -> "ParameterValues":
        """Parameters for PyBaMM models with ``options``; a copy, so that they may be changed.

        Porosity counts nanopores, conductivity of the solid is effective and is not reduced
        again, the wetted area enters as a factor of exchange current and double layer, since
        PyBaMM takes the area to be that of spheres; the nominal capacity is that between the
        voltage limits, where the states of charge 0 and 1 are.

        Raises:
            InvalidInputError: no such set, one that is not of such a cell, electrodes that cannot
                be balanced, or a separator whose tortuosity factor would be below 1.
        """
        values = _base(self.parameters)
        _sets.check_set(values, ("Positive", "Negative") if self.kind == "full" else ("Positive",))
        _sets.charge_at_limits(values)
        sides = {"Positive": self.positive}
        if self.kind == "full":
            sides |= {"Negative": self.negative}
        if self.kind == "full" and self.balance:
            _balance(values, self.positive, self.negative)
        for side, structure in sides.items():
            if structure is None:
                _sets.as_tortuosity(values, side)
            else:
                _inject(values, side, structure)
        _sets.separate(values, self.separator_macmullin)
        values["Contact resistance [Ohm]"] = self.contact_resistance / area(values)
        if self.kind == "half":
            _lithium(values)
        values["Nominal cell capacity [A.h]"] = capacity(values, self.kind) * area(values)
        values["Current function [A]"] = values["Nominal cell capacity [A.h]"]
        return values


def area(values: "ParameterValues") -> float:
    """Area of the electrodes in m², all pairs together."""
    pairs = values["Number of electrodes connected in parallel to make a cell"]
    return float(values["Electrode height [m]"] * values["Electrode width [m]"] * pairs)


def capacity(values: "ParameterValues", kind: Kind) -> float:
    """Capacity between the voltage limits at rest, in Ah/m².

    Raises:
        InvalidInputError: the electrodes' potentials never differ by the limits.
    """
    if kind == "full":
        return _at_limits(values)["Q"] / area(values)
    parameter = pybamm().LithiumIonParameters(HALF)
    least, most = stoichiometries(values, kind)["Positive"]
    return float(values.evaluate(parameter.p.prim.Q_init)) * (most - least) / area(values)


def stoichiometries(values: "ParameterValues", kind: Kind) -> dict[str, tuple[float, float]]:
    """Lithium contents of "Negative" and "Positive" between the limits, in ascending order.

    Raises:
        InvalidInputError: the electrodes' potentials never differ by the limits.
    """
    if kind == "full":
        found = _at_limits(values)
        names = {"Negative": ("x_0", "x_100"), "Positive": ("y_100", "y_0")}
        return {side: (found[low], found[high]) for side, (low, high) in names.items()}
    module = pybamm()
    try:
        limits = module.lithium_ion.electrode_soh_half_cell.get_min_max_stoichiometries
        half = limits(values, options=HALF)
    except (ValueError, module.SolverError) as error:
        raise _no_cycle(error) from error
    least, most = float(half["x_100"]), float(half["x_0"])
    if not least < most:  # where PyBaMM extrapolates a table, for example
        raise _no_cycle(f"full at a content of {least:.4g}, empty at {most:.4g}")
    return {"Positive": (least, most)}


def _at_limits(values: "ParameterValues") -> dict[str, float]:
    """Charge in Ah and contents of a full cell at rest at its voltage limits."""
    module = pybamm()
    parameter = module.LithiumIonParameters({})
    try:
        found = module.lithium_ion.ElectrodeSOHSolver(values, param=parameter).solve(
            {
                "Q_n": values.evaluate(parameter.n.Q_init),
                "Q_p": values.evaluate(parameter.p.Q_init),
                "Q_Li": values.evaluate(parameter.Q_Li_particles_init),
            }
        )
    except (ValueError, module.SolverError) as error:
        raise _no_cycle(error) from error
    return {name: float(found[name]) for name in ("Q", "x_0", "x_100", "y_0", "y_100")}


def _no_cycle(error: Exception | str) -> InvalidInputError:
    return InvalidInputError(
        f"the electrodes cannot be cycled between the voltage limits ({error}): look at their "
        "thicknesses and active fractions, and whether the limits are those of such electrodes"
    )


def _base(parameters: "str | ParameterValues") -> "ParameterValues":
    """A copy of a set. Raises InvalidInputError if there is none of that name."""
    module = pybamm()
    if isinstance(parameters, module.ParameterValues):
        return parameters.copy()
    if not isinstance(parameters, str) or parameters not in module.parameter_sets:
        raise InvalidInputError(
            f"parameters {parameters!r} is no set of PyBaMM, which has {', '.join(_sets.FULL)}, "
            f"and for kind='half' alone {', '.join(_sets.HALF)}"
        )
    return module.ParameterValues(parameters)


def _inject(values: "ParameterValues", side: str, structure: ElectrodeStructure) -> None:
    wetted = [f"{side} electrode {name}" for name in WETTED]
    values.update(
        {
            f"{side} electrode thickness [m]": structure.thickness,
            f"{side} electrode porosity": structure.porosity,
            f"{side} electrode active material volume fraction": structure.active_fraction,
            f"{side} particle radius [m]": structure.particle_radius,
            f"{side} electrode conductivity [S.m-1]": structure.electronic_conductivity,
            f"{side} electrode tortuosity factor (electrolyte)": structure.tortuosity,
            # PyBaMM multiplies by (1 - porosity) over this: effective already, so by 1
            f"{side} electrode tortuosity factor (electrode)": 1.0 - structure.porosity,
            **{n: scaled(values[n], structure.area_ratio) for n in wetted if n in values},
            **size_parameters(side, structure),
        },
        check_already_exists=False,
    )


def scaled(value: Any, factor: float) -> Any:
    """A number or a function of whatever, times a factor."""
    if callable(value):
        return partial(_times, value, factor)
    return value * factor


def _times(function: Callable[..., Any], factor: float, *arguments: Any) -> Any:
    return factor * function(*arguments)


def _balance(
    values: "ParameterValues",
    positive_structure: ElectrodeStructure | None,
    negative_structure: ElectrodeStructure | None,
) -> None:
    """Thickness of the electrode without a structure, in proportion to that of the other."""
    given = {"Positive": positive_structure, "Negative": negative_structure}
    known = [side for side, structure in given.items() if structure is not None]
    if len(known) != 1:
        return
    (side,) = known
    structure = given[side]
    assert structure is not None
    before = number(values, f"{side} electrode thickness [m]")
    before *= number(values, f"{side} electrode active material volume fraction")
    factor = structure.thickness * structure.active_fraction / before
    other = "Negative" if side == "Positive" else "Positive"
    values[f"{other} electrode thickness [m]"] = positive(
        factor * number(values, f"{other} electrode thickness [m]"),
        f"thickness of the {other} electrode",
    )


def _lithium(values: "ParameterValues") -> None:
    name = "Exchange-current density for lithium metal electrode [A.m-2]"
    if name not in values:
        values.update({name: LITHIUM_EXCHANGE}, check_already_exists=False)
