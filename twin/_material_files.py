"""Files of materials: read with every mistake named, written so that they read back the same."""

import difflib
import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from microstructures.errors import InvalidInputError
from twin._card_files import write_text
from twin._library import (
    AboutEntry,
    Entry,
    OpenCircuitEntry,
    SwellingEntry,
    TemperatureEntry,
    ValueEntry,
    parsed,
)
from twin._quantities import UNITS
from twin._value import Value
from twin.materials import Material
from twin.open_circuit import OpenCircuitPotential, Sites, Table
from twin.swelling import SwellingTable

WANTED = {
    "float_type": "a number is wanted, without quotes",
    "string_type": "text in quotes is wanted",
    "bool_type": "true or false is wanted, without quotes",
    "list_type": "a list of numbers in [ ] is wanted",
    "model_type": "a table is wanted, such as [density] with value, unit, source and so on",
    "string_too_short": "it must not be empty",
}


def read(path: str | os.PathLike[str]) -> Material:
    try:
        table = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(
            f"{path} cannot be read, {error}: give the path of a TOML file of one material"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise InvalidInputError(
            f"{path} is no TOML, {error}: compare it with the files of twin/library"
        ) from None
    return _checked(table, str(path), trusted=False)


def write(made: Material, path: str | os.PathLike[str]) -> None:
    text = toml(made)
    _checked(tomllib.loads(text), f"the file of {made.name}", trusted=True)
    write_text(text, path)


def toml(made: Material) -> str:
    """The text of the file of a material."""
    about = {name: getattr(made, name) for name in ("name", "role", "description", "formula")}
    parts = ["".join(_lines(about))]
    for quantity, value in made.values().items():
        parts += _number(quantity, value)
    if made.swelling is not None:
        parts.append(_section("swelling", _swelling(made.swelling)))
    if made.open_circuit is not None:
        parts.append(_section("open_circuit", _open_circuit(made.open_circuit)))
    return "\n".join(parts)


def _number(quantity: str, value: Value) -> Iterator[str]:
    given = value.to_dict()
    law = given.pop("temperature")
    yield _section(quantity, given)
    if law is not None:
        yield _section(f"{quantity}.temperature", law)


def _swelling(table: SwellingTable) -> dict[str, Any]:
    columns = {
        "stoichiometry": table.stoichiometry,
        "strain_along": table.along,
        "strain_across": table.across,
    }
    return columns | _origin(table)


def _open_circuit(curve: OpenCircuitPotential) -> dict[str, Any]:
    law = curve.law
    if isinstance(law, Table):
        given: dict[str, Any] = {"stoichiometry": law.stoichiometry, "potential": law.potential}
    elif isinstance(law, Sites):
        given = {
            "site_potentials": law.potentials,
            "site_fractions": law.fractions,
            "site_idealities": law.idealities,
            "site_temperature": law.temperature,
        }
    else:
        given = {
            "polynomial": law.polynomial,
            "exponentials": law.exponentials,
            "tanhs": law.tanhs,
        }
    limits = {name: getattr(curve, name) for name in ("lower", "upper", "maximum_concentration")}
    return limits | given | _origin(curve)


def _origin(table: SwellingTable | OpenCircuitPotential) -> dict[str, Any]:
    names = ("source", "doi", "verified", "conditions", "note")
    return {name: getattr(table, name) for name in names}


def _section(name: str, given: Mapping[str, Any]) -> str:
    return f"[{name}]\n" + "".join(_lines(given))


def _lines(given: Mapping[str, Any]) -> Iterator[str]:
    for key, value in given.items():
        if value is not None:
            yield f"{key} = {_literal(value)}\n"


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, tuple | list):
        return f"[{', '.join(_literal(item) for item in value)}]"
    return repr(float(value))


def _checked(table: Mapping[str, Any], path: str, *, trusted: bool) -> Material:
    try:
        return parsed(table, trusted=trusted)
    except ValidationError as error:
        said = "; ".join(_mistake(e["loc"], e["type"], e) for e in error.errors())
        raise InvalidInputError(f"{path}: {said}") from None
    except InvalidInputError as error:
        raise InvalidInputError(f"{path}: {error}") from None


def _mistake(place: tuple[int | str, ...], kind: str, error: Mapping[str, Any]) -> str:
    *inside, last = [str(part) for part in place] or [""]
    where = f"[{'.'.join(inside)}]" if inside else "the file"
    if kind == "missing":
        return f"{where} lacks {last!r}: add it, empty text if it does not apply"
    if kind == "extra_forbidden":
        return f"{where} has an unknown key {last!r}{_nearest(inside, last)}"
    if kind == "value_error":
        return f"[{'.'.join(map(str, place))}]: {error['ctx']['error']}"
    wanted = WANTED.get(kind, error["msg"][0].lower() + error["msg"][1:])
    received = error["input"] if not isinstance(error["input"], dict) else "a table"
    return f"{last!r} of {where} is {received!r}: {wanted}"


def _nearest(inside: list[str], key: str) -> str:
    tables: dict[str, type[Entry]] = {"swelling": SwellingEntry, "open_circuit": OpenCircuitEntry}
    if not inside:
        known = [*AboutEntry.model_fields, *UNITS]
    elif inside[-1] == "temperature":
        known = list(TemperatureEntry.model_fields)
    else:
        known = list(tables.get(inside[0], ValueEntry).model_fields)
    close = difflib.get_close_matches(key.lower(), known, n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else f": known are {', '.join(known)}"
