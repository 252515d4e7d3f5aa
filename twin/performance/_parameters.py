"""Numbers of a PyBaMM parameter set, whatever form they have there. SI units."""

from numbers import Real
from typing import TYPE_CHECKING

from microstructures.errors import InvalidInputError
from twin.performance._bpx_functions import evaluated

if TYPE_CHECKING:
    from pybamm import ParameterValues

MISSING = object()


def number(values: "ParameterValues", name: str, *at: float) -> float:
    """A parameter as a number; one that is a function, at given arguments.

    Raises:
        InvalidInputError: it is missing, is no number, or changes with more than ``at``.
    """
    given = values.get(name, MISSING)
    if given is MISSING or not (callable(given) or isinstance(given, Real)):
        found = "missing" if given is MISSING else f"no number but {given!r}"
        raise InvalidInputError(f"parameter {name!r} is {found}: give it a number")
    if callable(given) and not at:
        raise InvalidInputError(
            f"parameter {name!r} is a function of place or time, but a number is wanted here: "
            "give its mean"
        )
    try:
        return float(evaluated(values, given, *at))
    except TypeError as error:
        raise InvalidInputError(
            f"parameter {name!r} is a function of something else than is known here ({error}): "
            "give a number"
        ) from error


def transport_efficiency(values: "ParameterValues", domain: str, phase: str) -> float:
    """Effective over bulk conductivity of "electrolyte" or "electrode", 1/N_M.

    From a tortuosity factor if there is one, as of ``Cell``, else from Bruggeman's exponent.
    """
    porosity = number(values, f"{domain} porosity")
    share = porosity if phase == "electrolyte" else 1.0 - porosity
    factor = f"{domain} tortuosity factor ({phase})"
    if factor in values:
        return share / number(values, factor)
    return share ** number(values, f"{domain} Bruggeman coefficient ({phase})")
