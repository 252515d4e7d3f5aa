"""Recipe: the tables of a study file that its task is given, and how parameters are set in them."""

import copy
import difflib
from collections.abc import Mapping
from typing import Any

from microstructures.errors import InvalidInputError
from studies._dimensions import UNITS, check_unit

FACTORS = {unit: factor for units in UNITS.values() for unit, factor in units.items()}
"""Units that the end of a key may carry, and what they are in SI."""

Recipe = dict[str, Any]


def in_si(key: str, value: Any) -> tuple[str, Any]:
    """A key without its unit, and the value in SI: ``("thickness", 7e-5)`` of thickness_um = 70.

    Raises:
        InvalidInputError: no number, or a unit that this key cannot have, as in porosity_um.
    """
    for unit, factor in FACTORS.items():
        if key.endswith(f"_{unit}"):
            name = key.removesuffix(f"_{unit}")
            check_unit(key, name, unit)
            return name, _scaled(key, value, factor)
    return key, value


def without_units(table: Any) -> Any:
    """The same with all keys in SI, in tables and lists of them too.

    Raises:
        InvalidInputError: a key twice, as thickness and thickness_um; no number, or a wrong unit.
    """
    if isinstance(table, Mapping):
        found: Recipe = {}
        for given, value in table.items():
            key, si = in_si(str(given), value)
            if key in found:
                raise InvalidInputError(f"{str(given)!r} gives {key} again: keep one of them")
            found[key] = without_units(si)
        return found
    return [without_units(one) for one in table] if isinstance(table, list) else table


def with_values(recipe: Mapping[str, Any], point: Mapping[str, Any]) -> Recipe:
    """A recipe with the values of a point.

    Args:
        recipe: in SI.
        point: values by path: "calender.porosity" for the step of that name, "step.2.porosity"
            for the second one, "cell.thickness_um" for a key of a table, with a unit if need be,
            "count" for one of the recipe itself.

    Raises:
        InvalidInputError: a path that leads nowhere, two that lead to the same place, or a
            wrong unit.
    """
    changed = copy.deepcopy(dict(recipe))
    places = set()
    for path, value in point.items():
        *parents, last = path.split(".")
        key, si = in_si(last, value)
        table = _table(changed, parents, path)
        if not isinstance(table, dict) or not key:
            raise InvalidInputError(f"parameter {path!r} leads nowhere: {parents[-1]} is no table")
        if (id(table), key) in places:
            raise InvalidInputError(f"parameter {path!r} is given twice: keep one of them")
        places.add((id(table), key))
        table[key] = si
    return changed


def _table(recipe: Recipe, parents: list[str], path: str) -> Any:
    """The table in which the last part of a path is a key."""
    if not parents:
        return recipe
    steps = [step for step in _listed(recipe.get("step")) if isinstance(step, dict)]
    first, *rest = parents
    if first == "step" and steps:
        number, *rest = rest or [""]
        if not number.isdigit() or not 1 <= int(number) <= len(steps):
            raise InvalidInputError(
                f"parameter {path!r}: there are steps 1…{len(steps)}, write step.1.porosity"
            )
        return _inner(steps[int(number) - 1], rest, path)
    named = [step for step in steps if step.get("step") == first]
    if len(named) > 1:
        raise InvalidInputError(
            f"parameter {path!r}: {len(named)} steps are called {first!r}, write step.1 and so on"
        )
    if named:
        return _inner(named[0], rest, path)
    if first in recipe and isinstance(recipe[first], dict):
        return _inner(recipe[first], rest, path)
    known = [*(k for k in recipe if k != "step"), *(str(s.get("step", "step")) for s in steps)]
    raise InvalidInputError(f"parameter {path!r} leads nowhere{_meant(first, known)}")


def _listed(steps: Any) -> list[Any]:
    return steps if isinstance(steps, list) else []


def _inner(table: Any, rest: list[str], path: str) -> Any:
    for part in rest:
        if not isinstance(table, dict) or part not in table:
            raise InvalidInputError(f"parameter {path!r} leads nowhere: there is no {part!r} in it")
        table = table[part]
    return table


def _meant(given: str, known: list[str]) -> str:
    close = difflib.get_close_matches(given, known, n=1)
    if close:
        return f": did you mean {close[0]!r}?"
    return f": begin it with one of {', '.join(dict.fromkeys(known))}"


def _scaled(key: str, value: Any, factor: float) -> Any:
    if isinstance(value, list | tuple):
        return [_scaled(key, one, factor) for one in value]
    if isinstance(value, Mapping):
        return {name: _scaled(key, one, factor) for name, one in value.items()}
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInputError(f"{key} is {value!r}: give a number in that unit")
    # by division where that is exact: 398 nm are 398e-9 m, bit by bit
    return value / round(1 / factor) if factor < 1 else value * factor
