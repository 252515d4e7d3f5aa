"""Study file: TOML with the tables of a recipe, and one of the design of its parameters."""

import difflib
import re
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from microstructures.errors import InvalidInputError
from studies.design import Design, Grid, Range, Sampled, Single, Table, Zipped
from studies.recipe import without_units
from studies.sensitivity.designs import Morris, Saltelli
from studies.study import ELECTRODE, Study
from studies.tasks import TABLES

if TYPE_CHECKING:
    from studies.optimise.optimisation import Optimisation

TOP = ("name", "task", "store", "design", "optimise", "questions")
OPTIONS = {
    "grid": ("parameters",),
    "zip": ("parameters",),
    "latin_hypercube": ("parameters", "count", "seed"),
    "sobol": ("parameters", "count", "seed"),
    "table": ("table",),
    "morris": ("parameters", "trajectories", "levels", "seed"),
    "saltelli": ("parameters", "count", "seed", "second_order"),
}
"""Kinds of designs, and the keys that each has."""
DESIGN = ("kind", "constraints", *dict.fromkeys(key for keys in OPTIONS.values() for key in keys))
SIZES = {"morris": "trajectories", "saltelli": "blocks"}
"""What is counted, where it is not points."""
FILE = "volume.file"
OF_SEARCH = ("maximise", "minimise", "constraints", "count", "batch", "sampler", "seed")
WORDS = {str: "a text in quotes", dict: "a table", list: "a list", bool: "true or false"}
T = TypeVar("T")
AnyStudy: TypeAlias = "Study | Optimisation"
RANGE = ("from", "to", "log")


def read(path: Path) -> AnyStudy:
    """The study of a file; its store is a folder beside it unless it names another.

    Raises:
        InvalidInputError: no TOML, an unknown key, or a value that cannot be, with its line.
    """
    try:
        text = path.read_text(encoding="utf-8")
        tables = tomllib.loads(text)
    except OSError as error:
        raise InvalidInputError(
            f"there is no study file {path} ({error.strerror}): name a TOML file"
        ) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInputError(f"{path} is no readable TOML file: {error}") from None
    try:
        return _study(tables, path)
    except InvalidInputError as error:
        raise InvalidInputError(f"{path}{_line(text, str(error))}: {error}") from error


def _study(tables: Mapping[str, Any], path: Path) -> AnyStudy:
    named = _typed(tables, "task", str, ELECTRODE)
    task = ELECTRODE if named == "electrode" else named
    if task == ELECTRODE:
        _known(tables, (*TOP, *TABLES), "the study")
        if not isinstance(tables.get("step", []), list):
            raise InvalidInputError("'step' is one table: write [[step]] for each, in two brackets")
    recipe = without_units({name: tables[name] for name in tables if name not in TOP})
    if isinstance(recipe.get("volume"), dict) and "file" in recipe["volume"]:
        recipe["volume"]["file"] = str(path.parent / str(recipe["volume"]["file"]))
    given: dict[str, Any] = {
        "folder": path.parent / _typed(tables, "store", str, f"{path.stem}.study"),
        "name": _typed(tables, "name", str, path.stem),
        "task": task,
        "modules": path.parent,
        "questions": _questions(_typed(tables, "questions", dict, {})),
    }
    if "optimise" in tables:
        return _optimisation(recipe, tables, given)
    design = _typed(tables, "design", dict, {})
    constraints = tuple(_typed(design, "constraints", list, []))
    return Study(recipe, _design(design, path.parent), constraints=constraints, **given)


def _optimisation(
    recipe: Mapping[str, Any], tables: Mapping[str, Any], given: Mapping[str, Any]
) -> "Optimisation":
    """The search of a table [optimise], which finds its points itself."""
    from studies.optimise.optimisation import Optimisation

    if "design" in tables:
        raise InvalidInputError("'design' and 'optimise' exclude each other: leave out one of them")
    table = _typed(tables, "optimise", dict, {})
    _known(table, (*OF_SEARCH, "parameters"), "[optimise]")
    if not (parameters := _parameters(table, given["modules"])):
        raise InvalidInputError(
            "'optimise' has no parameters to vary: write a table [optimise.parameters]"
        )
    spaces = {
        name: space if isinstance(space, list) else _range(name, space)
        for name, space in parameters.items()
    }
    asked = {key: table[key] for key in OF_SEARCH if key in table}
    return Optimisation(recipe, spaces, **asked, **given)


def _questions(tables: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {name: _typed(tables, name, dict, {}) for name in tables}


def _design(table: Mapping[str, Any], folder: Path) -> Design:
    _known(table, DESIGN, "[design]")
    if not table:
        return Single()
    kind = _typed(table, "kind", str, "grid")
    if kind not in OPTIONS:
        raise InvalidInputError(f"kind {kind!r} is no design{_meant(kind, OPTIONS)}")
    _known(table, ("kind", "constraints", *OPTIONS[kind]), f"[design], whose kind is {kind!r}")
    if kind == "table":
        if "table" not in table:
            raise InvalidInputError("kind 'table' wants a CSV file: write table = \"points.csv\"")
        found = Table.read(folder / _typed(table, "table", str, ""))
        return Table(tuple(_located(row, folder) for row in found.rows), found.source)
    if not (parameters := _parameters(table, folder)):
        raise InvalidInputError("the design has no parameters: write a table [design.parameters]")
    if kind in ("grid", "zip"):
        return (Grid if kind == "grid" else Zipped)(parameters)
    counted = "trajectories" if kind == "morris" else "count"
    if counted not in table:
        what = SIZES.get(kind, "points")
        raise InvalidInputError(f"kind {kind!r} wants the number of {what}: {counted} = 64")
    given = {key: table[key] for key in OPTIONS[kind] if key in table and key != "parameters"}
    ranges = {name: _range(name, value) for name, value in parameters.items()}
    if kind in ("morris", "saltelli"):
        return (Morris if kind == "morris" else Saltelli)(ranges, **given)
    return Sampled(ranges, **given, method=kind)


def _parameters(table: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Values by path."""
    return _located(dict(_flat(_typed(table, "parameters", dict, {}))), folder)


def _located(values: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The same, with files beside the study file."""
    found = dict(values)
    if isinstance(names := found.get(FILE), list):
        found[FILE] = [str(folder / str(name)) for name in names]
    elif FILE in found:
        found[FILE] = str(folder / str(names))
    return found


def _typed(table: Mapping[str, Any], key: str, kind: type[T], default: T) -> T:
    value = table.get(key, default)
    if not isinstance(value, kind):
        raise InvalidInputError(f"{key!r} is {value!r}: write {WORDS[kind]}")
    return value


def _flat(table: Mapping[str, Any], before: str = "") -> Any:
    """Paths and values: TOML reads calender.porosity without quotes as a table in a table."""
    for key, value in table.items():
        if isinstance(value, Mapping) and not {"from", "to"} & set(value):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


def _range(name: str, table: Any) -> Range:
    if not isinstance(table, Mapping) or not {"from", "to"} <= set(table):
        raise InvalidInputError(
            f"parameter {name!r} is {table!r}: write a range {{from = 0.2, to = 0.4}}"
        )
    _known(table, RANGE, name)
    try:
        return Range(table["from"], table["to"], _typed(table, "log", bool, False))
    except InvalidInputError as error:
        raise InvalidInputError(f"parameter {name!r}: {error}") from None


def _known(table: Mapping[str, Any], known: Collection[str], where: str) -> None:
    for key in table:
        if key not in known:
            raise InvalidInputError(f"unknown key {key!r} in {where}{_meant(key, known)}")


def _meant(given: Any, known: Collection[str]) -> str:
    close = difflib.get_close_matches(str(given), known, n=1)
    return f": did you mean {close[0]!r}?" if close else f": known are {', '.join(known)}"


def _line(text: str, message: str) -> str:
    """The line of the first word in quotes that the file has, as ", line 3"."""
    words = [Path(word).name for word in re.findall(r"'([^']+)'", message)]
    lines = [line.partition("#")[0] for line in text.splitlines()]
    for end in (r"(?!\w)", ""):  # a key whose unit was taken from its end is known by its beginning
        for word in words:
            for number, line in enumerate(lines, start=1):
                if re.search(rf"(?<!\w){re.escape(word)}{end}", line):
                    return f", line {number}"
    return ""
