"""What was asked: the recipe as text, and the design in words."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from studies.case import canonical
from studies.design import Grid, Sampled, Single, Table, Zipped
from studies.recipe import with_values, without_units
from twin.report.wording import plain

if TYPE_CHECKING:
    from studies.design import Design
    from studies.report.columns import Column
    from studies.study import Study

VARIED = "  # varied by the design"
MOST_LISTED = 12  # values of a parameter
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Varied:
    """A parameter of the design, and the values it takes in words."""

    name: str
    unit: str
    values: str


def design_words(design: "Design") -> str:
    """What kind of design it is."""
    match design:
        case Single():
            return "a single case, without parameters"
        case Grid():
            return "every combination of the values below"
        case Zipped():
            return "the first values of all parameters, the second ones, and so on"
        case Sampled(count=count, seed=seed, method=method):
            kind = "a Sobol sequence" if method == "sobol" else "a Latin hypercube"
            return f"{kind} of {count} points in the ranges below, seed {seed}"
        case Table(source=source) if source.startswith("a search"):
            return source
        case Table(rows=rows):
            return f"a table of {len(rows)} points"
    return f"{type(design).__name__}, whose points are given"


def varied(design: "Design", columns: "Sequence[Column]") -> tuple[Varied, ...]:
    """Ranges or levels of each parameter."""
    ranges = design.ranges if isinstance(design, Sampled) else {}
    return tuple(
        Varied(column.name, column.unit, _range(ranges[column.name]))
        if column.name in ranges
        else Varied(column.name, column.unit, _levels(column))
        for column in columns
    )


def recipe_text(study: "Study") -> str:
    """The recipe in SI units, as TOML; keys that the design sets are marked."""
    base = _without_folder(without_units(study.recipe))
    points = [case.parameters for case in study.cases()]
    marks = {path for name in study.design.names for path in _places(base, name, points)}
    recipe = with_values(base, points[0]) if points else base
    return "\n".join(_toml(recipe, marks)).strip()


def _without_folder(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """The recipe with the name of its file alone: where that was is nobody's business."""
    volume = recipe.get("volume")
    if not isinstance(volume, Mapping) or "file" not in volume:
        return dict(recipe)
    return dict(recipe) | {"volume": dict(volume) | {"file": PurePath(str(volume["file"])).name}}


def _range(span: Any) -> str:
    logarithms = ", evenly in logarithms" if span.log else ""
    return f"{plain(span.low)} … {plain(span.high)}{logarithms}"


def _levels(column: "Column") -> str:
    found = list(dict.fromkeys(value for value in column.values if value is not None))
    words = [value if isinstance(value, str) else plain(value) for value in found]
    if len(found) <= MOST_LISTED:
        return ", ".join(words)
    numbers = [value for value in found if not isinstance(value, str)]
    if len(numbers) == len(found):
        return f"{_short(min(numbers))} … {_short(max(numbers))}, {len(found)} values"
    return f"{', '.join(words[:MOST_LISTED])}, … ({len(found)} values)"


def _short(value: float) -> str:
    return plain(float(f"{value:.4g}"))


def _places(base: Mapping[str, Any], name: str, points: Sequence[Mapping[str, Any]]) -> set[Path]:
    """Where a parameter is in the recipe: what differs between two of its values."""
    values = {canonical(point[name]): point[name] for point in points if name in point}
    if not values:
        return set()
    one, *others = list(values.values())[:2]
    other = with_values(base, {name: others[0]}) if others else base
    return set(_differences(with_values(base, {name: one}), other))


def _differences(one: Any, other: Any, path: Path = ()) -> Iterator[Path]:
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in one:
            yield from _differences(one[key], other.get(key), (*path, str(key)))
    elif isinstance(one, list) and isinstance(other, list) and _tables(one):
        for number, (a, b) in enumerate(zip(one, other, strict=False)):
            yield from _differences(a, b, (*path, number))
    elif one != other:
        yield path


def _toml(table: Mapping[str, Any], marks: set[Path], path: Path = ()) -> Iterator[str]:
    """Lines of a table: its own keys first, then the tables in it."""
    for key, value in table.items():
        if not isinstance(value, Mapping) and not _tables(value):
            mark = VARIED if (*path, str(key)) in marks else ""
            yield f"{_key(key)} = {_inline(value)}{mark}"
    for key, value in table.items():
        here = (*path, str(key))
        title = ".".join(_key(part) for part in here if isinstance(part, str))
        if isinstance(value, Mapping):
            yield from ("", f"[{title}]{VARIED if here in marks else ''}")
            yield from _toml(value, marks, here)
        elif _tables(value):
            for number, one in enumerate(value):
                yield from ("", f"[[{title}]]")
                yield from _toml(one, marks, (*here, number))


def _tables(value: Any) -> bool:
    """Whether it is a list of tables, such as steps."""
    return isinstance(value, list) and bool(value) and all(isinstance(v, Mapping) for v in value)


def _key(key: Any) -> str:
    text = str(key)
    is_bare = text.replace("_", "").replace("-", "").isalnum() and text.isascii()
    return text if is_bare else json.dumps(text, ensure_ascii=False)


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_key(k)} = {_inline(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_inline, value)) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None:
        return '""  # none'
    return json.dumps(value, ensure_ascii=False, default=str)
