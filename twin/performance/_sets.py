"""Parameter sets of PyBaMM: which of them are cells of two electrodes, and what a cell asks of one.

SI units.
"""

from typing import TYPE_CHECKING

from microstructures.errors import InvalidInputError
from twin.performance._parameters import number
from twin.performance._pybamm import pybamm

if TYPE_CHECKING:
    from pybamm import ParameterValues

# sets of PyBaMM 26 with all that a DFN needs, but for Chayambuka2022, which is of sodium and beyond
# the range of its tables; a test runs them all
FULL = (
    "Ai2020",
    "Chen2020",
    "Ecker2015",
    "Marquis2019",
    "Mohtat2020",
    "NCA_Kim2011",
    "OKane2022",
    "ORegan2022",
    "Prada2013",
    "Ramadass2004",
)
HALF = ("Ecker2015_graphite_halfcell", "OKane2022_graphite_SiOx_halfcell", "Xu2019")
WHOLE = (
    "Electrode height [m]",
    "Electrode width [m]",
    "Number of electrodes connected in parallel to make a cell",
    "Lower voltage cut-off [V]",
    "Upper voltage cut-off [V]",
    "Reference temperature [K]",
    "Electrolyte conductivity [S.m-1]",
    "Electrolyte diffusivity [m2.s-1]",
    "Cation transference number",
    "Initial concentration in electrolyte [mol.m-3]",
    "Separator thickness [m]",
    "Separator porosity",
)
OF_SIDE = (
    "{} electrode OCP [V]",
    "{} electrode exchange-current density [A.m-2]",
    "{} particle diffusivity [m2.s-1]",
    "Maximum concentration in {lower} electrode [mol.m-3]",
    "Initial concentration in {lower} electrode [mol.m-3]",
    "{} electrode thickness [m]",
    "{} electrode porosity",
    "{} electrode active material volume fraction",
    "{} electrode conductivity [S.m-1]",
    "{} particle radius [m]",
)
METAL = "Exchange-current density for lithium metal electrode [A.m-2]"
BLEND = "Primary: {} electrode OCP [V]"
LIMITS = {"0%": "Lower voltage cut-off [V]", "100%": "Upper voltage cut-off [V]"}
OURS = ("Current function [A]", "Nominal cell capacity [A.h]")  # set by the cell itself


def check_set(values: "ParameterValues", sides: tuple[str, ...]) -> None:
    """Raise InvalidInputError if a set is not of a cell with such electrodes.

    Args:
        values: the set.
        sides: "Positive", and "Negative" unless that is lithium metal.
    """
    for name, value in values.items():
        if isinstance(value, pybamm().InputParameter) and name not in OURS:
            raise InvalidInputError(f"parameter {name!r} is no number but {value!r}: give it one")
    for side in sides:
        if BLEND.format(side) in values:
            raise InvalidInputError(
                f"the {side.lower()} electrode of the set is a blend of particles, which no one "
                "structure describes: choose another set, or one of its materials"
            )
    wanted = [n.format(side, lower=side.lower()) for side in sides for n in OF_SIDE]
    missing = [name for name in (*wanted, *WHOLE) if name not in values]
    if missing:
        raise InvalidInputError(_lacking(values, missing))


def _lacking(values: "ParameterValues", missing: list[str]) -> str:
    if METAL in values and any(name.startswith("Negative electrode") for name in missing):
        return (
            "this is a half-cell set, in which the negative electrode is lithium metal: give "
            "kind='half'"
        )
    return (
        "this is no set of a lithium-ion DFN (Doyle, Fuller, Newman): it has no "
        f"{', '.join(repr(name) for name in missing[:3])}{' …' * (len(missing) > 3)}"
    )


def charge_at_limits(values: "ParameterValues") -> None:
    """Let a state of charge of 0 and 1 be at rest at the voltage limits, whatever the set says.

    Raises:
        InvalidInputError: the limits are no numbers, or not in this order.
    """
    low, high = (number(values, name) for name in LIMITS.values())
    if not low < high:
        raise InvalidInputError(
            f"the lower voltage limit is {low:g} V and the upper one {high:g} V: change "
            f"{' and '.join(repr(name) for name in LIMITS.values())}"
        )
    for share, limit in zip(LIMITS, (low, high), strict=True):
        name = f"Open-circuit voltage at {share} SOC [V]"
        values.update({name: limit}, check_already_exists=False)


def as_tortuosity(values: "ParameterValues", side: str) -> None:
    """The same transport, from Bruggeman's exponents to the factors that the option takes."""
    porosity = number(values, f"{side} electrode porosity")
    for phase, share in (("electrolyte", porosity), ("electrode", 1.0 - porosity)):
        name = f"{side} electrode tortuosity factor ({phase})"
        if name not in values:
            exponent = number(values, f"{side} electrode Bruggeman coefficient ({phase})")
            values.update({name: share ** (1.0 - exponent)}, check_already_exists=False)


def separate(values: "ParameterValues", macmullin: float | None) -> None:
    """The tortuosity factor of the separator, from its N_M if given. Raises InvalidInputError."""
    name, porosity = (
        "Separator tortuosity factor (electrolyte)",
        number(values, "Separator porosity"),
    )
    factor = None if macmullin is None else macmullin * porosity
    if factor is None and name not in values:
        exponent = number(values, "Separator Bruggeman coefficient (electrolyte)")
        factor = porosity ** (1.0 - exponent)
    if macmullin is not None and macmullin * porosity < 1.0 - 1e-6:
        raise InvalidInputError(
            f"separator_macmullin {macmullin:.4g} × porosity {porosity:.4g} of the separator is a "
            f"tortuosity factor of {macmullin * porosity:.4g}, below 1: N_M is κ/κ_eff"
        )
    if factor is not None:
        values.update({name: factor}, check_already_exists=False)
