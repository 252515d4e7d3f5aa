"""Optimise table: the search of a study file, in place of its design."""

from collections.abc import Mapping
from typing import Any

from microstructures.errors import InvalidInputError
from studies.study_file import _flat, _known, _range, _typed

GOALS = ("maximise", "minimise", "constraints")
KEYS = (*GOALS, "cases", "batch", "sampler", "seed", "parameters")


def search_arguments(table: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of ``Optimisation`` from a table [optimise].

    Args:
        table: maximise, minimise and constraints, a text or a list; cases, batch, sampler and
            seed, if they are not to be the defaults; and a table of parameters, each a range
            {from = 0.2, to = 0.4} or a list of values.

    Raises:
        InvalidInputError: an unknown key, no parameters, or a parameter that is neither.
    """
    _known(table, KEYS, "[optimise]")
    parameters = dict(_flat(_typed(table, "parameters", dict, {})))
    if not parameters:
        raise InvalidInputError(
            "'optimise' has no parameters to vary: write a table [optimise.parameters]"
        )
    given = {key: table[key] for key in KEYS if key in table}
    return given | {"parameters": {name: _space(name, one) for name, one in parameters.items()}}


def _space(name: str, given: Any) -> Any:
    if isinstance(given, Mapping):
        return _range(name, given)
    if isinstance(given, list):
        return given
    raise InvalidInputError(
        f"parameter {name!r} is {given!r}: write a range {{from = 0.2, to = 0.4}}, or a list"
    )
