"""Values: numbers of the cases of a study that ended with a result, or why there are none."""

import difflib
import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
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
    import pandas as pd

    from studies.study import Study

OF_PIECE = ("volume.crop", "volume.file", "sub_volume.place")
OF_CHANCE = ("seed", "rng")
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
        return counted(self.missing)


def values_of(study: "Study", of: str) -> Values:
    """The number ``of`` of all cases; only those whose end is a result have one.

    Args:
        study: as far as it has been run.
        of: a column of ``Study.frame``: a value that is called as a parameter is "… found".

    Raises:
        InvalidInputError: no case has such a number.
    """
    rows, missing = rows_with(study, (of,))
    parameters = {case.key: dict(case.parameters) for case in study.cases()}
    stated = rows[f"{of} ±"].dropna() if f"{of} ±" in rows else {}
    return Values(
        of,
        str(rows.attrs["units"][of]),
        tuple(parameters[key] for key in rows.index),
        {str(key): float(value) for key, value in rows[of].items()},
        {str(key): float(value) for key, value in stated.items()},
        missing,
    )


def rows_with(
    study: "Study", columns: Sequence[str], where: Mapping[str, Any] | None = None
) -> "tuple[pd.DataFrame, dict[str, str]]":
    """Rows of the frame of the cases that ended with a result and have certain numbers.

    Args:
        study: as far as it has been run.
        columns: values that a row must have, as columns of ``Study.frame``.
        where: values of parameters to look at, by name.

    Returns:
        The rows by key, with standard errors and ``attrs["units"]``; and what has become of each
        other case, by key: its status, or "no number".

    Raises:
        InvalidInputError: no such parameter or value, or no case is left.
    """
    frame = study.frame(uncertainty=True)
    known_parameters(study, where or ())
    for name, value in (where or {}).items():
        frame = frame[[canonical(given) == canonical(value) for given in frame[name]]]
    if frame.empty:
        raise InvalidInputError(f"no case has {dict(where or {})}: take values of the design")
    usable = frame["status"].isin(FINE).to_numpy()
    if not usable.any():
        raise InvalidInputError(
            f"no case has a result ({_told(frame['status'])}): run the study first"
        )
    for column in columns:
        usable = usable & _finite(study, frame, column)
        if not usable.any():
            raise InvalidInputError(f"{column!r} is a number in none of the {len(frame)} cases")
    left = frame.loc[~usable, "status"].replace("ok", NO_NUMBER)
    return frame[usable], {str(key): str(status) for key, status in left.items()}


def left_out(columns: Sequence[str], missing: Mapping[str, str], cases: int) -> tuple[str, ...]:
    """A warning of the cases without a number; a mean of the others is not that of all."""
    if not missing:
        return ()
    lacked = " and ".join(columns) or "result"
    return (
        f"{len(missing)} of {cases} cases have no {lacked} ({counted(missing)}) and are left out: "
        "what is said holds for the others",
    )


def counted(missing: Mapping[str, str]) -> str:
    """How many cases have come to which end, the most frequent first."""
    return _told(missing.values())


def known_parameters(study: "Study", names: Collection[str]) -> None:
    """Raises InvalidInputError if a parameter does not vary in the study."""
    for name in names:
        if name not in study.design.names:
            known = ", ".join(study.design.names) or "none"
            raise InvalidInputError(f"the study does not vary {name!r}: its parameters are {known}")


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


def _told(statuses: "Collection[str] | pd.Series") -> str:
    return ", ".join(f"{count} {status}" for status, count in Counter(statuses).most_common())


def _finite(study: "Study", frame: "pd.DataFrame", column: str) -> NDArray[np.bool_]:
    """Which rows have a finite number there. Raises InvalidInputError if it is no value."""
    if column in frame.attrs["units"]:
        return np.isfinite(frame[column].to_numpy(dtype=float))
    known = sorted(name for name in frame.attrs["units"] if not name.endswith(" ±"))
    close = difflib.get_close_matches(column, known, n=3, cutoff=0.4)
    meant = (
        f"did you mean {' or '.join(map(repr, close))}?"
        if close
        else f"there are {', '.join(known)}"
    )
    if column in study.design.names:
        raise InvalidInputError(f"{column!r} is a parameter and no value of the cases: {meant}")
    raise InvalidInputError(f"no case has a number for {column!r}: {meant}")


def is_of_piece(parameter: str) -> bool:
    """Whether it chooses a piece of one and the same electrode: a repetition, and no variant."""
    return parameter in OF_PIECE or parameter.rpartition(".")[2] in OF_CHANCE
