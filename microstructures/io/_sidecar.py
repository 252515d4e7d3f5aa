"""The JSON file beside data that cannot carry our header: cathode.raw and cathode.raw.json."""

from pathlib import Path

from microstructures.errors import InvalidVolumeError
from microstructures.io._header import Header, parse_header

LARGEST = 2**24


def sidecar(path: Path) -> Path:
    """Path of the sidecar of a data file."""
    return path.with_name(path.name + ".json")


def read_sidecar(path: Path, name: Path | None = None) -> Header | None:
    """The header beside a data file, None if there is none of ours."""
    beside = name or sidecar(path)
    if not beside.is_file():
        return None
    if beside.stat().st_size > LARGEST:
        raise InvalidVolumeError(f"its sidecar {beside.name} is no header: remove or rename it")
    try:
        return parse_header(beside.read_text("utf-8"), ours=True)
    except UnicodeDecodeError as error:
        raise InvalidVolumeError(
            f"its sidecar {beside.name} is no text: restore it from a copy, or remove it"
        ) from error
