"""AnalysisSettings: what one analysis is asked to do. Lengths in m, axes (z, y, x)."""

import difflib
import math
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from microstructures.errors import InvalidInputError
from twin.mechanics import Mechanics
from twin.performance.in_cell import InCell

UNITS = {"m": 1, "mm": 1e3, "um": 1e6, "µm": 1e6, "nm": 1e9}
"""How many of each unit make a metre: dividing by these gives the nearest float, 398e-9."""

SMALLEST_VOXEL, LARGEST_VOXEL = 1e-11, 1e-3  # m

_LENGTH_KEY = re.compile(rf"(?:spacing|voxel_size)(?:_({'|'.join(UNITS)}))?")


def pairs(text: str) -> dict[str, str]:
    """``"0=pore,1=NMC"`` as ``{"0": "pore", "1": "NMC"}``. Raises ValueError."""
    split = [item.partition("=") for item in text.split(",") if item.strip()]
    if not split or not all(key.strip() and name.strip() for key, _, name in split):
        raise ValueError(f"{text!r} is no list of pairs: write key=name,key=name")
    found = {key.strip(): name.strip() for key, _, name in split}
    if len(found) < len(split):
        raise ValueError(f"{text!r} names a key twice: give each one name")
    return found


def numbers(text: str) -> float | list[float]:
    """``"398e-9"`` as a number, ``"50e-9,25e-9,25e-9"`` as a list of them. Raises ValueError."""
    found = [float(item) for item in text.strip("()[] ").split(",")]
    return found[0] if len(found) == 1 else found


def lithiation(text: str) -> dict[str, tuple[float, float]]:
    """``"NMC=0.93:0.35"`` as ``{"NMC": (0.93, 0.35)}``. Raises ValueError."""
    found = {}
    for phase, ends in pairs(text).items():
        reference, colon, now = ends.partition(":")
        if not colon:
            raise ValueError(
                f"{ends!r} is no pair of lithium contents: write phase=reference:now, NMC=0.93:0.35"
            )
        found[phase] = float(reference), float(now)
    return found


def two(text: str) -> tuple[str, str]:
    """``"NMC,CBD"`` as ``("NMC", "CBD")``. Raises ValueError."""
    names = [name.strip() for name in text.split(",")]
    if len(names) != 2 or not all(names):
        raise ValueError(f"{text!r} is no pair of phases: write NMC,CBD")
    return names[0], names[1]


def listed(text: str) -> list[float]:
    """``"0.2,1,2"`` as a list of numbers. Raises ValueError."""
    return [float(item) for item in text.split(",")]


TABLES: Mapping[str, Mapping[str, tuple[str, Callable[[str], Any]]]] = {
    "mechanics": {
        "lithiation": ("lithiation", lithiation),
        "pressure": ("pressure", float),
        "interface": ("interface", two),
        "strength": ("strength", numbers),
    },
    "cell": {
        "cell": ("parameters", str),
        "side": ("side", str),
        "thickness": ("thickness", float),
        "particle_radius": ("particle_radius", float),
        "rates": ("rates", listed),
    },
}
"""Tables of a file, and the options that set their keys: which one, and how its text is read."""


def lengths(value: Any) -> Any:
    """The same for voxel edges, of which there are one or three. Raises ValueError."""
    found = numbers(value) if isinstance(value, str) else value
    if isinstance(found, list | tuple) and len(found) != 3:
        raise ValueError("give one length or dz,dy,dx")
    return found


def _parsed(parse: Any) -> BeforeValidator:
    return BeforeValidator(lambda value: parse(value) if isinstance(value, str) else value)


def _voxel_edge(metres: float) -> float:
    """A length that a voxel can have, which a number in nm or µm is not. Raises ValueError."""
    if not SMALLEST_VOXEL <= metres <= LARGEST_VOXEL:
        raise ValueError(
            f"a voxel of {metres:g} m is no voxel of an electrode: give its edge in metres, "
            "398e-9 for 398 nm"
        )
    return metres


def _in_library(materials: dict[str, str]) -> dict[str, str]:
    """The same, every material known. Raises InvalidInputError, which is a ValueError."""
    import twin

    for name in materials.values():
        twin.material(name)
    return materials


def _made(kind: type, table: Any, how: str) -> Any:
    """What a table describes. Raises InvalidInputError, which is a ValueError."""
    if table is None or isinstance(table, kind):
        return table
    if not isinstance(table, Mapping):
        raise ValueError(f"it is no table: write {how} below it")
    known = [field.name for field in fields(kind)]
    for key in table:
        if key not in known:
            raise ValueError(f"unknown key {key!r}{_suggestion(key, known)}")
    return kind(**table)


def _load(table: Any) -> Any:
    return _made(Mechanics, table, "[mechanics], with lithiation and pressure")


def _cell(table: Any) -> Any:
    return _made(InCell, table, "[cell], with parameters and thickness")


Length = Annotated[float, Field(gt=0, allow_inf_nan=False), AfterValidator(_voxel_edge)]
Count = Annotated[int, Field(ge=1)]
Label = Annotated[int, Field(ge=0, le=65535)]
Materials = Annotated[dict[str, str], AfterValidator(_in_library)]


class AnalysisSettings(BaseModel):
    """One analysis: the volume, what its labels mean, how to compute, and what to write.

    Args:
        volume: file or folder that ``microstructures.read`` understands.
        output: folder that receives the results.
        spacing: voxel edge in m, or (dz, dy, dx); None if the file states it.
        phases: name of each label.
        materials: material of each phase; None for geometry and relative transport only.
        outside: label that is not electrode.
        through_axis: axis through the thickness; None for what the file says, or 0.
        collector: end of that axis with the current collector.
        shape: (nz, ny, nx) of headerless raw data.
        dtype: number type of raw data.
        order: "C" if x runs fastest in raw data, "F" if z does.
        tolerance: estimated relative error at which solves stop.
        threads: CPU threads; by default all.
        precision: "mixed" or "double".
        arch: "cpu", "cuda", "vulkan" or "metal".
        mesh: also write mesh.vtu.
        fields: also write fields.vti.
        picture: add a 3-D picture to the report where rendering is possible.
        mechanics: load of the electrode, or a table of its arguments; None for no stress.
        cell: in which the electrode is judged, or a table of its arguments; None for none.

    Raises:
        pydantic.ValidationError: a value is out of range. ``load_settings`` says it in words.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    volume: Path
    output: Path
    spacing: Annotated[Length | tuple[Length, Length, Length] | None, BeforeValidator(lengths)] = (
        None
    )
    phases: Annotated[dict[Label, str] | None, _parsed(pairs)] = None
    materials: Annotated[Materials | None, _parsed(pairs)] = None
    outside: Label | None = None
    through_axis: Annotated[int, Field(ge=0, le=2)] | None = None
    collector: Literal["low", "high"] | None = None
    shape: Annotated[tuple[Count, Count, Count] | None, _parsed(numbers)] = None
    dtype: str | None = None
    order: Literal["C", "F"] = "C"
    tolerance: Annotated[float, Field(ge=1e-14, le=0.1)] = 1e-5
    threads: Count | None = None
    precision: Literal["mixed", "double"] | None = None
    arch: Literal["cpu", "cuda", "vulkan", "metal"] | None = None
    mesh: bool = False
    fields: bool = False
    picture: bool = True
    mechanics: Annotated[Mechanics | None, BeforeValidator(_load)] = None
    cell: Annotated[InCell | None, BeforeValidator(_cell)] = None


def load_settings(config: Path | None, flags: Mapping[str, Any]) -> AnalysisSettings:
    """Settings from a TOML file, overridden by every flag that is not None.

    Relative paths in the file are relative to its folder. A voxel size may carry its unit in the
    key: ``spacing_m``, ``voxel_size_nm``, … Flags of ``TABLES`` override keys of those tables.

    Raises:
        InvalidInputError: the file is no TOML, a key is unknown, or a value is out of range.
    """
    from_file = {} if config is None else _read_toml(config)
    given = {name: value for name, value in flags.items() if value is not None}
    options = {table: _options(table, given) for table in TABLES}
    for table, read in options.items():
        before = from_file.get(table, {})
        if read:
            from_file[table] = before | read if isinstance(before, dict) else read
    for name in ("volume", "output"):
        if name not in from_file | given:
            raise InvalidInputError(f"no {name} was given: {_HOW_TO_GIVE[name]}")
    try:
        return AnalysisSettings(**(from_file | given))
    except ValidationError as error:
        raise InvalidInputError(_in_words(error, given, _typed(flags), config)) from None


def _options(table: str, given: dict[str, Any]) -> dict[str, Any]:
    """Keys of a table from the flags that set them, which are taken out of ``given``."""
    known = {flag: how for flag, how in TABLES[table].items() if flag in given}
    return {key: _read(flag, parse, given.pop(flag)) for flag, (key, parse) in known.items()}


def _read(flag: str, parse: Callable[[str], Any], text: Any) -> Any:
    try:
        return parse(text)
    except ValueError as error:
        raise InvalidInputError(f"{_dashed(flag)} {text!r}: {error}") from None


def _typed(flags: Mapping[str, Any]) -> dict[str, str]:
    """The options that set keys of a table, by table, as they were typed."""
    given = {
        table: [f for f in known if flags.get(f) is not None] for table, known in TABLES.items()
    }
    return {table: " ".join(map(_dashed, names)) for table, names in given.items() if names}


def _dashed(flag: str) -> str:
    return f"--{flag.replace('_', '-')}"


_HOW_TO_GIVE = {
    "volume": "name the file after the command, twin analyze cathode.tif",
    "output": "name the folder for the results, -o results",
}


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InvalidInputError(f"{path} is not a file: check --config") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidInputError(f"{path} is no readable TOML file: {error}") from None
    settings = _without_units(table, path)
    for name in ("volume", "output"):
        if isinstance(settings.get(name), str):
            settings[name] = path.parent / settings[name]
    return settings


def _without_units(table: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The table with lengths in metres under the key "spacing"; every key is known."""
    settings: dict[str, Any] = {}
    for key, value in table.items():
        if match := _LENGTH_KEY.fullmatch(key):
            if "spacing" in settings:
                raise InvalidInputError(f"{path}: {key} gives the voxel size again: keep one")
            settings["spacing"] = _metres(key, value, match[1] or "m", path)
        elif key in AnalysisSettings.model_fields:
            settings[key] = value
        else:
            known = [*AnalysisSettings.model_fields, "voxel_size_nm", "spacing_m"]
            raise InvalidInputError(f"{path}: unknown key {key!r}{_suggestion(key, known)}")
    return settings


def _metres(key: str, value: Any, unit: str, path: Path) -> Any:
    lengths = value if isinstance(value, list) else [value]
    if not all(isinstance(x, int | float) and math.isfinite(x) for x in lengths):
        raise InvalidInputError(f"{path}: {key} = {value!r} is no number or list of three")
    metres = [x / UNITS[unit] for x in lengths]
    return metres if isinstance(value, list) else metres[0]


def _suggestion(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f": did you mean {close[0]!r}?" if close else f": known are {', '.join(known)}"


def _in_words(
    error: ValidationError, flags: Iterable[str], typed: Mapping[str, str], config: Path | None
) -> str:
    """The first problem of each setting, and where that setting came from."""
    said: dict[str, str] = {}
    for problem in error.errors(include_url=False):
        name = str(problem["loc"][0])
        origin = typed.get(name) or (_dashed(name) if name in flags else f"{config}: {name}")
        reason = problem["msg"].removeprefix("Value error, ").replace("Input should", "it should")
        said.setdefault(name, f"{origin} {problem['input']!r}: {reason}")
    return "; ".join(said.values())
