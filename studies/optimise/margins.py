"""Margins: by how much a constraint is violated, so that a search sees which way to go."""

import ast
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

from microstructures.errors import InvalidInputError
from studies.constraints import condition, parsed

Violation = Callable[[Mapping[str, Any]], float]
Value = Callable[[ast.expr], Any]
LEAST = 1e-12  # of a comparison that fails by nothing, such as 2 < 2


def violation(text: str, names: Collection[str]) -> Violation:
    """How far a point is from satisfying a constraint: 0 where it holds, more the farther.

    The distance is relative to the right side of a comparison, unless that is 0: the violations of
    constraints in different units can be added. Of several comparisons with "and" it is the
    largest, with "or" the smallest.

    Args:
        text: as in ``studies.constraints``.
        names: all that it may name.

    Returns:
        A function of a point, NaN where that is unknown: something in it is no number.

    Raises:
        InvalidInputError: a constraint that is none, or that names something else.
    """
    tree, words = parsed(text, names)
    _check_comparison(text, tree.body)
    holds = condition(text, names)
    used = {part.id for part in ast.walk(tree) if isinstance(part, ast.Name)}
    wanted = [name for name, word in words.items() if word in used]

    def violated(point: Mapping[str, Any]) -> float:
        if any(_is_unknown(point.get(name)) for name in wanted):
            return math.nan
        known = {words[name]: point[name] for name in wanted}
        filler = dict.fromkeys(names, 0.0) | dict(point)
        try:
            if holds(filler):
                return 0.0
            margin = _margin(tree.body, lambda part: _evaluated(part, known))
        except (InvalidInputError, ArithmeticError):
            return math.nan  # such as a division by zero at this point
        return margin if margin > LEAST else LEAST

    return violated


def _check_comparison(text: str, part: ast.expr) -> None:
    if isinstance(part, ast.BoolOp):
        for one in part.values:
            _check_comparison(text, one)
    elif isinstance(part, ast.UnaryOp) and isinstance(part.op, ast.Not):
        _check_comparison(text, part.operand)
    elif not isinstance(part, ast.Compare):
        raise InvalidInputError(
            f"constraint {text!r} has {ast.unparse(part)!r}, which is no comparison: write a < b"
        )


def _is_unknown(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _evaluated(part: ast.expr, known: Mapping[str, Any]) -> Any:
    """The value of what ``parsed`` has found to be harmless."""
    code = compile(ast.Expression(part), "<constraint>", "eval")
    return eval(code, {"__builtins__": {}}, dict(known))


def _margin(part: ast.expr, value: Value) -> float:
    """Above 0 by as much as it fails, and below by as much as it holds."""
    if isinstance(part, ast.BoolOp):
        worst = max if isinstance(part.op, ast.And) else min
        return worst(_margin(one, value) for one in part.values)
    if isinstance(part, ast.UnaryOp):
        return -_margin(part.operand, value)
    assert isinstance(part, ast.Compare)
    sides = [value(side) for side in (part.left, *part.comparators)]
    pairs = zip(part.ops, sides, sides[1:], strict=False)
    return max(_of_comparison(sign, left, right) for sign, left, right in pairs)


def _of_comparison(sign: ast.cmpop, left: Any, right: Any) -> float:
    if isinstance(left, str) or isinstance(right, str):
        return 1.0 if isinstance(sign, ast.Eq) == (left != right) else -1.0
    excess = (left - right) / (abs(right) or 1.0)
    if isinstance(sign, ast.Lt | ast.LtE):
        return float(excess)
    if isinstance(sign, ast.Gt | ast.GtE):
        return -float(excess)
    return float(abs(excess)) if isinstance(sign, ast.Eq) else -float(abs(excess))
