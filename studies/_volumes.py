"""Volumes of recipes: the table [volume] of a study, checked, and read or generated."""

import difflib
import inspect
import json
from collections.abc import Collection, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from microstructures import Volume
from microstructures.errors import InvalidInputError
from studies.case import canonical

OF_FILE = ("file", "spacing", "phases", "outside", "through_axis", "collector", "shape", "dtype",
           "order", "crop")  # fmt: skip
GENERATORS = (
    "sample_cathode", "excursion_volume", "hard_spheres", "overlapping_spheres",
    "plurigaussian_volume", "polycrystal", "random_fibres", "random_platelets",
)  # fmt: skip


def check_volume(about: Any) -> None:
    """Raises InvalidInputError for a table of which no volume can be made."""
    from microstructures import generate

    if about is None:
        return
    if ("file" in about) == ("generate" in about):
        raise InvalidInputError("[volume] wants either 'file' or 'generate'")
    if "file" in about:
        known: Collection[str] = OF_FILE
    elif about["generate"] in GENERATORS:
        taken = inspect.signature(getattr(generate, about["generate"])).parameters
        known = ["generate", "seed", *(name for name in taken if name != "rng")]
    else:
        raise InvalidInputError(
            f"generate {about['generate']!r} is no generator: one of {', '.join(GENERATORS)}"
        )
    check_keys(about, known, "[volume]")


def check_keys(table: Mapping[str, Any], known: Collection[str], where: str) -> None:
    """Raises InvalidInputError for a key that is not known."""
    for key in table:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            meant = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
            raise InvalidInputError(f"unknown key {key!r} in {where}: {meant}")


def volume_of(about: Mapping[str, Any] | None) -> Volume | None:
    """The volume of a table; None without one."""
    return None if about is None else _made(canonical(about), written(about))


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
