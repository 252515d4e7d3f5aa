"""Functions of a PyBaMM parameter set in the words of BPX: an expression in x, or a table.

Parameters are numbers or functions of x and perhaps of temperature; arrays have shape (n,).
"""

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from twin.performance._pybamm import pybamm

if TYPE_CHECKING:
    from pybamm import ParameterValues, Symbol

Reals: TypeAlias = NDArray[np.float64]
Written: TypeAlias = float | str | dict[str, list[float]]

SIGNS = {
    "Addition": "({}+{})",
    "Subtraction": "({}-{})",
    "Multiplication": "({}*{})",
    "Division": "({}/{})",
    "Power": "({}**{})",
}
# BPX knows exp, tanh and cosh only
WORDS = {
    "Exp": "exp({})",
    "Tanh": "tanh({})",
    "Cosh": "cosh({})",
    "Sinh": "((exp({0})-exp(-({0})))/2)",
    "Sqrt": "(({})**0.5)",
    "Negate": "(-({}))",
}
POINTS = 65  # with which a table begins
MOST = 4000  # with which it ends
LOOKED = (0.2, 0.5, 0.8)  # shares of an interval: in the middle alone an S would not be seen
ROUND_OFF = 1e-6  # J/mol: an activation energy that is none
TINY = 1e-300  # below any value, so that a 0 is not divided by
WARM = (283.15, 323.15)  # K between which an activation energy is compared


def evaluated(values: "ParameterValues", parameter: Any, *arguments: Any) -> Reals:
    """A parameter at arrays or numbers; arrays of one shape (n,), as is the result."""
    shape = np.broadcast_shapes(*(np.shape(a) for a in arguments))
    if not callable(parameter):
        return np.full(shape, float(parameter))
    module = pybamm()
    symbols = [
        module.Vector(np.asarray(a, float)) if np.ndim(a) else module.Scalar(float(a))
        for a in arguments
    ]
    found = parameter(*symbols)
    if isinstance(found, module.Symbol):
        found = values.process_symbol(found).evaluate()
    return np.broadcast_to(np.asarray(found, float).reshape(-1) if np.ndim(found) else found, shape)


def written(
    values: "ParameterValues",
    parameter: Any,
    span: tuple[float, float],
    *rest: float,
    target: float,
    absolute: bool = False,
) -> tuple[Written, float]:
    """A parameter as a number, as text in x, or as a table, and by how much that misses it.

    Args:
        values: the set, of which the parameter may use others.
        parameter: number, or function of x and ``rest``.
        span: of x, that a table covers.
        rest: the other arguments.
        target: error that a table should have.
        absolute: whether the error is absolute, else relative to the value.
    """
    if not callable(parameter):
        return float(parameter), 0.0
    module = pybamm()
    symbol = parameter(module.InputParameter("x"), *(module.Scalar(r) for r in rest))
    symbol = values.process_symbol(symbol) if isinstance(symbol, module.Symbol) else symbol
    if is_number(symbol):
        return number(symbol), 0.0
    text = as_text(symbol)
    if text is not None:
        return text, 0.0
    return _table(values, parameter, span, rest, knots(symbol), target, absolute)


def is_number(symbol: Any) -> bool:
    module = pybamm()
    if not isinstance(symbol, module.Symbol):
        return True
    return not any(isinstance(s, module.InputParameter) for s in symbol.pre_order())


def number(symbol: Any) -> float:
    return float(symbol.evaluate()) if isinstance(symbol, pybamm().Symbol) else float(symbol)


def as_text(symbol: "Symbol") -> str | None:
    """An expression in x; None if BPX has no word for a part of it."""
    if is_number(symbol):
        plain = repr(number(symbol))
        return f"({plain})" if plain.startswith("-") else plain
    if isinstance(symbol, pybamm().InputParameter):
        return "x"
    form = (SIGNS | WORDS).get(type(symbol).__name__)
    parts = [as_text(child) for child in symbol.children]
    if form is None or any(part is None for part in parts):
        return None
    return form.format(*parts)


def knots(symbol: "Symbol") -> Reals:
    """Points at which tables in it have corners, if they are tables in x itself."""
    module = pybamm()
    tables = [
        s.x[0]
        for s in symbol.pre_order()
        if isinstance(s, module.Interpolant)
        and isinstance(s.children[0], module.InputParameter)
        and len(s.children) == 1
    ]
    return np.concatenate([np.asarray(t, float) for t in tables]) if tables else np.zeros(0)


def _table(
    values: "ParameterValues",
    parameter: Any,
    span: tuple[float, float],
    rest: tuple[float, ...],
    corners: Reals,
    target: float,
    absolute: bool,
) -> tuple[Written, float]:
    """Halve the intervals in which a straight line misses the function."""
    inside = corners[(corners > span[0]) & (corners < span[1])]
    x = np.unique(np.concatenate([np.linspace(*span, POINTS), inside]))
    while True:
        y = evaluated(values, parameter, x, *rest)
        missed = np.max(
            [_missed(values, parameter, x, y, rest, share, absolute) for share in LOOKED], axis=0
        )
        coarse = missed > target
        if not np.any(coarse) or len(x) >= MOST:
            return {"x": x.tolist(), "y": y.tolist()}, float(missed.max())
        x = np.sort(np.concatenate([x, ((x[1:] + x[:-1]) / 2)[coarse]]))


def _missed(
    values: "ParameterValues",
    parameter: Any,
    x: Reals,
    y: Reals,
    rest: tuple[float, ...],
    share: float,
    absolute: bool,
) -> Reals:
    """Error of the chords at a share of their lengths."""
    exact = evaluated(values, parameter, x[:-1] + share * np.diff(x), *rest)
    error = np.abs(y[:-1] + share * np.diff(y) - exact)
    return error if absolute else error / np.maximum(np.abs(exact), TINY)


def activation_energy(
    values: "ParameterValues",
    parameter: Any,
    x: tuple[Any, ...],
    reference: float,
) -> tuple[float, float]:
    """Activation energy in J/mol of f(x…, T), and the largest relative error of its law.

    The law f(x, T₀) exp(E/R (1/T₀ − 1/T)) is compared between 283 and 323 K.
    """
    if not callable(parameter):
        return 0.0, 0.0
    at = evaluated(values, parameter, *x, reference)
    kelvins = np.linspace(*WARM, 9)
    inverse = 1 / reference - 1 / kelvins
    with np.errstate(all="ignore"):  # fits may fall to 0 at the ends of x
        logs = np.log([evaluated(values, parameter, *x, kelvin) / at for kelvin in kelvins])
    logs = logs[:, np.all(np.isfinite(logs), axis=0)]
    if not logs.size:
        return 0.0, np.inf
    slope = float(inverse @ logs.mean(axis=1) / (inverse @ inverse))
    error = float(np.abs(np.expm1(slope * inverse[:, None] - logs)).max())
    energy = slope * float(pybamm().constants.R.value)
    return (0.0, error) if abs(energy) < ROUND_OFF else (energy, error)
