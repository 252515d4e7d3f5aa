"""Values: one number of every case of a study, or why there is none."""

import difflib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError
from studies.case import canonical
from studies.constraints import constrained
from studies.design import Point, Table
from studies.store import FINE

if TYPE_CHECKING:
    from studies.study import Study

NO_NUMBER = "no number"


@dataclass(frozen=True)
class Values:
    """One number of the cases of a study.

    Args:
        name: of the number.
        unit: its own.
        parameters: of each case that has the number, in the order of the design.
        numbers: of those cases, by key.
        errors: their standard errors where a case states one, by key.
        missing: what has become of each case that has no number, by key: its status, or
            "no number".
    """

    name: str
    unit: str
    parameters: tuple[Point, ...]
    numbers: Mapping[str, float]
    errors: Mapping[str, float]
    missing: Mapping[str, str]

    def at(self, keys: Sequence[str]) -> NDArray[np.float64]:
        """The number of each of these cases, NaN where there is none."""
        return np.array([self.numbers.get(key, math.nan) for key in keys])

    def error(self, keys: Sequence[str]) -> NDArray[np.float64]:
        """The standard error of each of these cases, 0 where none is stated."""
        return np.array([self.errors.get(key, 0.0) for key in keys])

    @property
    def told(self) -> str:
        """How many cases lack the number, and why: "3 failed, 1 no number"; empty if none."""
        counts = Counter(self.missing.values()).most_common()
        return ", ".join(f"{count} {reason}" for reason, count in counts)


def values_of(study: "Study", of: str) -> Values:
    """The number ``of`` of all cases; only those whose end is a result have one.

    Raises:
        InvalidInputError: no case has such a number.
    """
    numbers, errors, missing = {}, {}, {}
    parameters, units = [], []
    known: set[str] = set()
    for case, status, record in study.records():
        found = record.values if record is not None and status in FINE else {}
        known.update(found)
        if (number := _number(found.get(of))) is None:
            missing[case.key] = NO_NUMBER if status in FINE else status
            continue
        numbers[case.key] = number
        units.append(found[of]["unit"])
        parameters.append(dict(case.parameters))
        if (error := found[of].get("uncertainty")) is not None:
            errors[case.key] = float(error)
    if not numbers:
        raise _unknown(study, of, sorted(known), missing)
    if len(set(units)) > 1:
        raise InvalidInputError(f"{of!r} has several units: {sorted(set(units))}")
    return Values(of, units[0], tuple(parameters), numbers, errors, missing)


def keys_of(study: "Study") -> list[str]:
    """The key of the case of each point of the design; points of one and the same case share it.

    Raises:
        InvalidInputError: constraints have left out points.
    """
    points = study.design.points()
    left = len(constrained(points, study.constraints))
    if left < len(points):
        raise InvalidInputError(
            f"constraints leave out {len(points) - left} of the {len(points)} points, and "
            "sensitivities want all of them: choose ranges in which all constraints hold, or a "
            "latin_hypercube design and sobol_indices_by_surrogate"
        )
    known = {canonical(case.parameters): case.key for case in study.cases()}
    for point in points:
        if (text := canonical(point)) not in known:  # another point has made the same case
            known[text] = _key(study, point)
    return [known[canonical(point)] for point in points]


def _key(study: "Study", point: Point) -> str:
    alone = replace(study, design=Table((point,)), questions={})
    return alone.cases()[0].key


def _number(about: Mapping[str, Any] | None) -> float | None:
    value = None if about is None else about["value"]
    return None if value is None or not math.isfinite(value) else float(value)


def _unknown(
    study: "Study", of: str, known: Sequence[str], missing: Mapping[str, str]
) -> InvalidInputError:
    if of in known:
        return InvalidInputError(f"{of!r} is a number in none of the {len(missing)} cases")
    if not known:
        return InvalidInputError(f"no case has a result, {study.status()}: run the study first")
    close = difflib.get_close_matches(of, known, n=1)
    meant = f"did you mean {close[0]!r}?" if close else f"there are {', '.join(known)}"
    return InvalidInputError(f"of is {of!r}, which no case has: {meant}")
