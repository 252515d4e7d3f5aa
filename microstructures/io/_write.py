"""write: a volume to a file, complete or not at all."""

import os
import shutil
import uuid
from pathlib import Path

from microstructures.errors import InvalidInputError
from microstructures.io._header import header_text
from microstructures.io._sidecar import sidecar
from microstructures.volume import Volume

KNOWN = ".tif, .tiff, .npy, .raw, or a path without suffix for a folder of slices"


def write(volume: Volume, path: str | os.PathLike[str]) -> Path:
    """The path written, from which ``read`` restores the same volume without being told more.

    The suffix picks the format: .tif or .tiff (deflated, one page per slice), .npy or .raw (each
    with a .json sidecar), or none for a folder of slices. An existing file is replaced in one
    step, an existing folder is not; after a failure or an interruption nothing has changed.

    Raises:
        InvalidInputError: the suffix is unknown, or the place cannot be written to.
    """
    target = Path(path)
    if not isinstance(volume, Volume):
        raise InvalidInputError(
            f"write was given a {type(volume).__name__}, but wants a Volume: "
            "write(Volume(labels, spacing), path)"
        )
    _refuse_target(target)
    try:
        _write_aside(volume, target)
    except OSError as error:
        raise InvalidInputError(
            f"{target} cannot be written ({error.strerror or error}): choose another place, or "
            "free some space"
        ) from error
    return target


def _refuse_target(target: Path) -> None:
    suffix = target.suffix.lower()
    if suffix not in ("", ".tif", ".tiff", ".npy", ".raw"):
        raise InvalidInputError(f"{target} has the unknown suffix {suffix!r}: use {KNOWN}")
    if not target.parent.is_dir():
        raise InvalidInputError(f"there is no folder {target.parent}: create it first")
    if target.is_dir() and (suffix or any(target.iterdir())):
        raise InvalidInputError(f"{target} is a folder already: choose another name or remove it")


def _write_aside(volume: Volume, target: Path) -> None:
    """Everything under temporary names first, then renamed; the sidecar goes first."""
    aside = target.with_name(f".{target.name}.{uuid.uuid4().hex[:12]}.part")
    parts = [(aside, target)]
    try:
        _save(volume, aside, target.suffix.lower())
        if target.suffix.lower() in (".npy", ".raw"):
            parts.insert(0, (sidecar(aside), sidecar(target)))
            sidecar(aside).write_text(header_text(volume), "ascii")
        for part, final in parts:
            _flush(part)
            part.replace(final)
    finally:
        for part, _ in parts:
            shutil.rmtree(part, ignore_errors=True) if part.is_dir() else part.unlink(True)


def _save(volume: Volume, path: Path, suffix: str) -> None:
    from microstructures.io import npy, raw, slices, tiff

    module = {"": slices, ".npy": npy, ".raw": raw}.get(suffix, tiff)
    module.save(volume, path)


def _flush(path: Path) -> None:
    """To the disk before the name changes, so that a crash cannot leave an empty file."""
    for file in path.iterdir() if path.is_dir() else [path]:
        with file.open("rb") as handle:
            os.fsync(handle.fileno())
