"""Constraints: comparisons between parameters, which hold at a point of a design or do not."""

import ast
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from microstructures.errors import InvalidInputError

Holds = Callable[[Mapping[str, Any]], bool]
ALLOWED = (
    ast.Expression, ast.Compare, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.Name, ast.Load,
    ast.Constant, ast.cmpop, ast.boolop, ast.unaryop, ast.operator,
)  # fmt: skip
"""What a constraint may be made of: no calls, attributes or subscripts, hence no side effects."""


def constrained(
    points: Sequence[Mapping[str, Any]], constraints: Sequence[str]
) -> list[dict[str, Any]]:
    """The points at which all constraints hold.

    Args:
        points: of a design, all with the same names.
        constraints: comparisons such as "calender.porosity + binder.fraction < 0.6", in the units
            of the names; + - * / ** and or not, and parentheses.

    Raises:
        InvalidInputError: a constraint that is none, or that names another parameter; or no point
            is left.
    """
    tests = [condition(text, list(points[0])) for text in constraints]
    left = [dict(point) for point in points if all(test(point) for test in tests)]
    if not left:
        raise InvalidInputError(
            f"no point of the design satisfies {list(constraints)}: loosen one, or move the ranges"
        )
    return left


def parsed(text: str, names: Collection[str]) -> tuple[ast.Expression, dict[str, str]]:
    """A constraint as a tree, and the words that stand in it for names, which may have dots.

    Raises:
        InvalidInputError: it is more than comparisons and sums, or has another name.
    """
    words = {name: f"p{number}_" for number, name in enumerate(names)}
    worded = str(text)
    for name in sorted(names, key=len, reverse=True):
        worded = re.sub(rf"(?<![\w.]){re.escape(name)}(?![\w.])", words[name], worded)
    try:
        tree = ast.parse(worded.strip(), mode="eval")
    except (SyntaxError, ValueError) as error:
        raise _refused(text, names, str(error)) from None
    for part in ast.walk(tree):
        if not isinstance(part, ALLOWED) or (
            isinstance(part, ast.Name) and part.id not in words.values()
        ):
            said = ast.unparse(part)
            for name, word in words.items():
                said = said.replace(word, name)
            raise _refused(text, names, f"what is {said!r}?")
    return tree, words


def condition(text: str, names: Collection[str]) -> Holds:
    """A constraint as a function of a point, which raises InvalidInputError where it is none."""
    tree, words = parsed(text, names)
    code = compile(tree, "<constraint>", "eval")

    def holds(point: Mapping[str, Any]) -> bool:
        try:
            found = eval(code, {"__builtins__": {}}, {words[name]: point[name] for name in names})
        except (TypeError, ArithmeticError) as error:
            raise _refused(text, names, f"{error} at {dict(point)}") from None
        if not isinstance(found, bool):
            raise _refused(text, names, f"it is {found!r} and no comparison")
        return found

    return holds


def _refused(text: str, names: Collection[str], why: str) -> InvalidInputError:
    known = ", ".join(names) or "none: the design has no parameters"
    return InvalidInputError(
        f"constraint {text!r} cannot be read, {why}: write a comparison of parameters, which are "
        f"{known}"
    )
