"""Volumes of recipes: the table [volume] of a study, checked, and read or generated."""

import difflib
import inspect
import json
import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from microstructures import Volume
from microstructures.errors import InvalidInputError
from studies._dimensions import DIMENSION, check_bounds
from studies.case import as_json

if TYPE_CHECKING:
    from microstructures import FileInfo

OF_FILE = ("file", "spacing", "phases", "outside", "through_axis", "collector", "shape", "dtype",
           "order", "crop")  # fmt: skip
OF_RAW = ("shape", "dtype", "order")  # what only raw files leave open
PORE_SOLID = ("pore", "solid")
GENERATORS: Mapping[str, tuple[str, ...] | None] = {
    "sample_cathode": ("pore", "NMC", "CBD"),
    "excursion_volume": PORE_SOLID,
    "hard_spheres": PORE_SOLID,
    "overlapping_spheres": PORE_SOLID,
    "plurigaussian_volume": None,
    "polycrystal": ("grain boundary", "grain"),
    "random_fibres": ("pore", "fibre"),
    "random_platelets": ("pore", "platelet"),
}
"""What may be generated, and the names of its phases unless the recipe says others."""
T = TypeVar("T")
CHECKED = 1024  # tables that are kept in mind, of which most studies have a few


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What is known of a volume before it is made; ``phases`` are None where they are not."""

    phases: tuple[str, ...] | None = None
    through_axis: int = 0


def check_volume(about: Any) -> None:
    """Raises InvalidInputError for a table of which no volume can be made."""
    foreseen(about)


def foreseen(about: Any) -> Foreseen:
    """What a table says of its volume; of a file no more is read than its header.

    Raises:
        InvalidInputError: no volume can be made of it.
    """
    if about is None:
        return Foreseen()
    if ("file" in about) == ("generate" in about):
        raise InvalidInputError("[volume] wants either 'file' or 'generate'")
    try:
        changed = written(about)
    except OSError as error:
        raise _of_this_file(
            about["file"], f"cannot be read ({error.strerror}): look at the path"
        ) from None
    return _foreseen(as_json(about), changed)


@lru_cache(maxsize=CHECKED)
def _foreseen(text: str, written: int) -> Foreseen:
    """The same of a table as JSON, and of the ns when its file was written."""
    from microstructures.volume import checked_spacing

    about = json.loads(text)
    check_keys(about, OF_FILE if "file" in about else _arguments(about), "[volume]")
    check_bounds(about, "[volume]")
    for name in DIMENSION.keys() & about.keys() - {"spacing"}:
        if isinstance(about[name], str | bool):
            raise InvalidInputError(f"{name!r} of [volume] is {about[name]!r}: give a number")
    if "spacing" in about:
        _of("spacing", checked_spacing, about["spacing"])
    if "shape" in about:
        _check_shape(about["shape"])
    phases = _phases(about)
    return _of_file(about, phases) if "file" in about else _of_generator(about, phases)


def _arguments(about: Mapping[str, Any]) -> list[str]:
    """Keys that a generator knows. Raises InvalidInputError if it lacks one, or there is none."""
    from microstructures import generate

    name = about["generate"]
    if name not in tuple(GENERATORS):
        raise InvalidInputError(
            f"generate {name!r} is no generator: one of {', '.join(GENERATORS)}"
        )
    taken = inspect.signature(getattr(generate, name)).parameters
    if lacking := [k for k, p in taken.items() if p.default is p.empty and k not in about]:
        raise InvalidInputError(f"generate {name!r} lacks {' and '.join(lacking)} in [volume]")
    return ["generate", "seed", *(name for name in taken if name != "rng")]


def _of_generator(about: Mapping[str, Any], phases: Mapping[int, str] | None) -> Foreseen:
    seed = about.get("seed", 0)
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise InvalidInputError(f"'seed' of [volume] is {seed!r}: give a whole number ≥ 0")
    return Foreseen(tuple(phases.values()) if phases else GENERATORS[about["generate"]])


def _of_file(about: Mapping[str, Any], phases: Mapping[int, str] | None) -> Foreseen:
    from microstructures.volume import checked_axis

    info = _header(about)
    shape, stated = about.get("shape"), info.header if info else None
    if "spacing" not in about and (info is None or info.spacing is None):
        raise _of_this_file(
            about["file"], "does not say how large a voxel is: write spacing_nm = 398"
        )
    if about.get("collector", "high") not in ("low", "high"):
        raise InvalidInputError(f"'collector' of [volume] is {about['collector']!r}: low or high")
    if "crop" in about:
        _check_crop(about["crop"], info.shape if info else shape)
    if phases is None and stated is not None:
        phases = stated.phases
    through = about.get("through_axis", stated.through_axis if stated else 0)
    axis: int = _of("through_axis", checked_axis, through)
    return Foreseen(None if phases is None else tuple(phases.values()), axis)


def _header(about: Mapping[str, Any]) -> "FileInfo | None":
    """What the file of a table says about itself; None if the table says it instead.

    Raises:
        InvalidInputError: the file is none, or not as large as the table says.
    """
    from microstructures import probe

    path = Path(str(about["file"]))
    if path.suffix.lower() == ".raw" and "shape" in about and "dtype" in about:
        _check_size(path, about)
        return None
    info = probe(path)
    if info.problems:
        raise _of_this_file(path, info.problems[0])
    if info.format != "raw" and (given := [name for name in OF_RAW if name in about]):
        raise InvalidInputError(
            f"{given[0]!r} of [volume] is for raw files: leave it out, {path.name!r} says it"
        )
    return info


def _check_size(path: Path, about: Mapping[str, Any]) -> None:
    """Raises InvalidInputError if a raw file has not as many bytes as its table says."""
    import numpy as np

    dtype = _of("dtype", np.dtype, about["dtype"])
    wanted, size = math.prod(about["shape"]) * dtype.itemsize, path.stat().st_size
    if size != wanted:
        said = f"has {size} bytes, and shape and dtype want {wanted}: correct one of them"
        raise _of_this_file(path, said)


def _check_shape(shape: Any) -> None:
    whole = isinstance(shape, list) and all(isinstance(n, int) and n > 0 for n in shape)
    if not whole or len(shape) != 3:
        raise InvalidInputError(
            f"'shape' of [volume] is {shape!r}: give three numbers of voxels, such as [96, 96, 96]"
        )


def _check_crop(crop: Any, shape: Any) -> None:
    """Raises InvalidInputError for what is no part of a volume of a shape."""
    pairs = crop if isinstance(crop, list) else []
    if not 1 <= len(pairs) <= 3 or not all(map(_is_span, pairs, shape)):
        raise InvalidInputError(
            f"'crop' of [volume] is {crop!r}: give three pairs of voxels within {list(shape)}, "
            "such as [[0, 64], [0, 64], [0, 64]]"
        )


def _is_span(pair: Any, voxels: int) -> bool:
    """Whether it is (start, stop) of some of so many voxels; negative ones count from the end."""
    if not isinstance(pair, list) or [type(n) for n in pair] != [int, int]:
        return False
    inside = all(-voxels <= n <= voxels for n in pair)
    return inside and len(range(*slice(*pair).indices(voxels))) > 0


def _phases(about: Mapping[str, Any]) -> dict[int, str] | None:
    """Names that the table gives to labels. Raises InvalidInputError for what can be none."""
    from microstructures.phases import phase_table

    given = about.get("phases")
    if given is None:
        return None
    if not isinstance(given, Mapping) or not all(map(str.isdecimal, given)):
        raise InvalidInputError(
            f"'phases' of [volume] is {given!r}: name labels, 0 = 'pore', 1 = 'NMC', 2 = 'CBD'"
        )
    named = {int(label): name for label, name in given.items()}
    outside = about.get("outside")
    return dict(_of("phases", lambda table: phase_table(table, {}, outside), named))


def _of(name: str, checked: Callable[[Any], T], value: Any) -> T:
    """What a check makes of a value. Raises InvalidInputError, with its name in quotes."""
    try:
        return checked(value)
    except (InvalidInputError, TypeError) as error:
        raise InvalidInputError(f"{name!r} of [volume]: {error}") from None


def _of_this_file(path: Any, why: str) -> InvalidInputError:
    return InvalidInputError(f"volume.file {Path(str(path)).name!r} {why}")


def check_keys(table: Mapping[str, Any], known: Collection[str], where: str) -> None:
    """Raises InvalidInputError for a key that is not known."""
    for key in table:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            meant = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
            raise InvalidInputError(f"unknown key {key!r} in {where}: {meant}")


def volume_of(about: Mapping[str, Any] | None) -> Volume | None:
    """The volume of a table; None without one."""
    return None if about is None else _made(as_json(about), written(about))


def written(about: Mapping[str, Any] | None) -> int:
    """When the file of a volume was written, ns since 1970; 0 if there is none."""
    return Path(str(about["file"])).stat().st_mtime_ns if about and "file" in about else 0


@lru_cache(maxsize=2)
def _made(about: str, written: int) -> Volume:
    """The volume of a recipe, and of the ns when its file was written; mostly the same again."""
    import microstructures
    from microstructures import generate

    given = json.loads(about)
    if "phases" in given:
        given["phases"] = {int(label): name for label, name in given["phases"].items()}
    if "file" in given:
        crop = given.pop("crop", None)
        volume = microstructures.read(given.pop("file"), **given)
        return volume.cropped(*map(tuple, crop)) if crop else volume
    maker = getattr(generate, given.pop("generate"))
    seed = given.pop("seed", 0)
    if maker is generate.sample_cathode:
        return generate.sample_cathode(seed, **given)
    structure: generate.Structure = maker(**given, rng=seed)
    return structure.volume
