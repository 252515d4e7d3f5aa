"""What is wrong with a file before its format matters, and one exception for all of it."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from microstructures.errors import InvalidVolumeError, MemoryBudgetError, TwinError

NOT_AN_IMAGE = {
    b"version https://git-lfs.github.com": (
        "is a Git-LFS pointer, not the file it stands for: fetch the data with `git lfs pull`"
    ),
    b"<!doctype html": "is a web page, probably a failed download: download the file again",
    b"<html": "is a web page, probably a failed download: download the file again",
    b"PK\x03\x04": "is a zip archive: unpack it and read the file inside",
    b"\x1f\x8b": "is compressed with gzip: unpack it and read the file inside",
    b"\x89HDF": "is an HDF5 file: export the data set of labels as TIFF or .npy",
    b"\xff\xd8\xff": "is a JPEG, whose lossy compression changes labels: export TIFF instead",
}


@contextmanager
def faults_named(path: Path) -> Iterator[None]:
    """Let only exceptions of our tree out, each saying which file it is about."""
    try:
        yield
    except TwinError as error:
        raise type(error)(f"{path}: {error}") from error
    except MemoryError as error:
        raise MemoryBudgetError(f"{path}: too large for the memory that is free") from error
    except Exception as error:  # image libraries raise more than ten kinds on bad files
        raise InvalidVolumeError(
            f"{path}: cannot be decoded ({type(error).__name__}: {error}), so it is damaged or "
            "of an unknown variant: copy it again, or re-export it as an uncompressed TIFF"
        ) from error


def require_file(path: Path) -> None:
    """Raise InvalidVolumeError unless the path is a file with something in it."""
    if not path.exists():
        raise InvalidVolumeError(f"there is no such file{_neighbours(path)}: check the path")
    if not path.is_file():
        raise InvalidVolumeError("is neither a file nor a folder: give the path of a volume")
    if path.stat().st_size == 0:
        raise InvalidVolumeError("is empty (0 bytes): copy or export it again")


def require_image(path: Path) -> None:
    """Raise InvalidVolumeError if the file begins like something known not to be an image."""
    with path.open("rb") as file:
        start = file.read(64)
    for magic, problem in NOT_AN_IMAGE.items():
        if start.lstrip().lower().startswith(magic.lower()):
            raise InvalidVolumeError(problem)


def file_sha256(paths: Sequence[Path]) -> str:
    """sha256 of the bytes of the files, one after the other."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
    return digest.hexdigest()


def _neighbours(path: Path) -> str:
    import difflib

    if not path.parent.is_dir():
        return f", nor a folder {path.parent}"
    close = difflib.get_close_matches(path.name, [p.name for p in path.parent.iterdir()], n=1)
    return f" (did you mean {close[0]}?)" if close else ""
