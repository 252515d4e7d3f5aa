"""Data of the page for its scripts: columns, cases and main effects, as JSON inside HTML."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from studies.report.columns import Column, Value
from studies.report.effects import Effect, effect
from studies.report.figures import axes_first, colour
from studies.report.troubles import first_line
from studies.store import FINE

if TYPE_CHECKING:
    from studies.report.html import Content

DIGITS = 7  # of a number
LONGEST = 400  # letters of a reason

Effects = Mapping[tuple[str, str], Effect]


def effects(columns: Sequence[Column], statuses: Sequence[str]) -> dict[tuple[str, str], Effect]:
    """Of every parameter on every quantity, by their names, as far as both vary."""
    counted = [status in FINE for status in statuses]
    varying = [column for column in columns if column.varies]
    return {
        (parameter.name, quantity.name): effect(parameter, quantity, counted)
        for quantity in varying
        for parameter in varying
        if parameter.is_parameter and not quantity.is_parameter
    }


def as_json(content: "Content") -> str:
    """JSON that may stand in a script element: no text in it can end that."""
    columns = content.columns
    names = [column.name for column in columns]
    told = {text: rank for rank, text in enumerate(dict.fromkeys(content.reasons))}
    ends = {status: rank for rank, status in enumerate(content.counts)}
    found = {
        "columns": [_about(column) for column in columns],
        "values": [[_short(value) for value in column.values] for column in columns],
        "errors": [[_short(error) for error in column.errors] for column in columns],
        "statuses": [
            {"name": status, "colour": colour(status), "counted": status in FINE}
            for status in content.counts
        ],
        "status": [ends[status] for status in content.statuses],
        "reasons": [first_line(text)[:LONGEST] for text in told],
        "reason": [told[text] for text in content.reasons],
        "keys": [key[:8] for key in content.keys],
        "axes": [names.index(column.name) for column in axes_first(columns)],
        "headline": [names.index(column.name) for column in content.headline],
        "effects": _effects(content.effects, names),
    }
    return script_safe(
        json.dumps(found, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    )


def script_safe(text: str) -> str:
    """JSON without the letters that HTML or old scripts could take for anything else."""
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return text


def _about(column: Column) -> dict[str, Any]:
    return {
        "name": column.name,
        "title": column.title,
        "unit": column.unit,
        "parameter": column.is_parameter,
        "number": column.is_number,
        "varies": column.varies,
    }


def _short(value: Value) -> Value:
    """A number without digits that nobody can see on a page."""
    if value is None or isinstance(value, str | int):
        return value
    short = float(f"{value:.{DIGITS}g}")
    return int(short) if short.is_integer() and abs(short) < 1e15 else short


def _effects(found: Effects, names: Sequence[str]) -> dict[str, list[dict[str, Any]]]:
    """By the number of the quantity."""
    listed: dict[str, list[dict[str, Any]]] = {}
    for (parameter, quantity), one in found.items():
        levels = [
            [_short(level.place), level.label, _short(level.mean), _short(level.error), level.count]
            for level in one.levels
        ]
        share = None if one.share is None else round(one.share, 4)
        about = {"parameter": names.index(parameter), "share": share, "levels": levels}
        listed.setdefault(str(names.index(quantity)), []).append(about)
    return listed
