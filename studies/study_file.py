"""Study file: TOML with tables of the recipe, of the design and of the engine."""

import difflib
import re
import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from microstructures.errors import InvalidInputError
from studies.design import Design, Grid, Range, Sampled, Single, Table, Zipped
from studies.recipe import in_si, without_units
from studies.study import ELECTRODE, Study

TOP = ("name", "task", "store", "design")
DESIGN = ("kind", "parameters", "constraints", "count", "seed", "table")
KINDS = ("grid", "zip", "latin_hypercube", "sobol", "table")
RANGE = ("from", "to", "log")
ELECTRODE_TABLES = ("volume", "step", "materials", "characterize", "mechanics", "cell")


def read(path: Path) -> Study:
    """The study of a file; its store is a folder beside it unless it names another.

    Raises:
        InvalidInputError: no TOML, an unknown key, or a value that cannot be, with its line.
    """
    try:
        text = path.read_text(encoding="utf-8")
        tables = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInputError(f"{path} is no readable TOML file: {error}") from None
    try:
        return _study(tables, path)
    except InvalidInputError as error:
        raise InvalidInputError(f"{path}{_line(text, str(error))}: {error}") from error


def _study(tables: Mapping[str, Any], path: Path) -> Study:
    task = tables.get("task", ELECTRODE)
    task = ELECTRODE if task == "electrode" else task
    if task == ELECTRODE:
        _known(tables, (*TOP, *ELECTRODE_TABLES), "the study")
    recipe = without_units({name: tables[name] for name in tables if name not in TOP})
    if isinstance(recipe.get("volume"), dict) and "file" in recipe["volume"]:
        recipe["volume"]["file"] = str(path.parent / str(recipe["volume"]["file"]))
    design = tables.get("design", {})
    if not isinstance(design, Mapping):
        raise InvalidInputError(f"design is {design!r}: write a table [design]")
    return Study(
        recipe,
        _design(design, path.parent),
        path.parent / tables.get("store", f"{path.stem}.study"),
        str(tables.get("name", path.stem)),
        task,
        tuple(design.get("constraints", ())),
    )


def _design(table: Mapping[str, Any], folder: Path) -> Design:
    _known(table, DESIGN, "[design]")
    kind = table.get("kind", "grid" if table else None)
    if kind is None:
        return Single()
    if kind not in KINDS:
        raise InvalidInputError(f"kind {kind!r} is no design{_meant(kind, KINDS)}")
    if kind == "table":
        if "table" not in table:
            raise InvalidInputError("kind 'table' wants a CSV file: write table = \"points.csv\"")
        return Table.read(folder / table["table"])
    parameters = table.get("parameters")
    if not isinstance(parameters, Mapping):
        raise InvalidInputError("the design has no parameters: write a table [design.parameters]")
    flat = dict(_flat(parameters))
    if kind in ("grid", "zip"):
        return (Grid if kind == "grid" else Zipped)(flat)
    ranges = {name: _range(name, value) for name, value in flat.items()}
    if "count" not in table:
        raise InvalidInputError(f"kind {kind!r} wants the number of points: count = 64")
    return Sampled(ranges, int(table["count"]), int(table.get("seed", 0)), kind)


def _flat(table: Mapping[str, Any], before: str = "") -> Any:
    """Paths and values: TOML reads calender.porosity without quotes as a table in a table."""
    for key, value in table.items():
        if isinstance(value, Mapping) and not set(value) <= set(RANGE):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", value


def _range(name: str, table: Any) -> Range:
    if not isinstance(table, Mapping) or not {"from", "to"} <= set(table):
        raise InvalidInputError(
            f"parameter {name!r} is {table!r}: a sampled design wants {{from = 0.2, to = 0.4}}"
        )
    _known(table, RANGE, name)
    in_si(name, 1.0)
    return Range(float(table["from"]), float(table["to"]), bool(table.get("log", False)))


def _known(table: Mapping[str, Any], known: Collection[str], where: str) -> None:
    for key in table:
        if key not in known:
            raise InvalidInputError(f"unknown key {key!r} in {where}{_meant(key, known)}")


def _meant(given: Any, known: Collection[str]) -> str:
    close = difflib.get_close_matches(str(given), known, n=1)
    return f": did you mean {close[0]!r}?" if close else f": known are {', '.join(known)}"


def _line(text: str, message: str) -> str:
    """The line of the first word in quotes that the file has, as ", line 3"."""
    for word in re.findall(r"'([^']+)'", message):
        for number, line in enumerate(text.splitlines(), start=1):
            if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", line.partition("#")[0]):
                return f", line {number}"
    return ""
