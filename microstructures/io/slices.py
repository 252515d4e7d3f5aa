"""A folder with one image per slice, numbered. Arrays have shape (nz, ny, nx)."""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidVolumeError
from microstructures.io import _page, _png, tiff
from microstructures.io._guard import require_file
from microstructures.io._header import header_text
from microstructures.io._info import FileInfo, Layout, shape_problem, solid
from microstructures.io._sidecar import read_sidecar
from microstructures.volume import Volume

HEADER = "volume.json"
READERS = {".tif": tiff, ".tiff": tiff, ".png": _png}
LOSSY = {".jpg", ".jpeg", ".jpe", ".jp2", ".webp"}


def inspect(path: Path, layout: Layout) -> FileInfo:
    """What names and tags of the slices say; no voxel is decoded."""
    files = slice_files(path)
    kinds, notes, problems = [], [], []
    for file in files:
        kind, found, is_miniswhite = _one(file)
        kinds.append(kind)
        problems += [f"its slice {file.name} {problem}" for problem in found]
        notes += [_page.MINISWHITE_NOTE] if is_miniswhite else []
    header = read_sidecar(path, path / HEADER)
    shape = (len(files), *kinds[0].shape) if len(files) > 1 or header else kinds[0].shape
    if not problems:
        differ = _page.mixed(kinds, [file.name for file in files])
        problems = [p for p in (differ, shape_problem(shape)) if p]
    if notes and len(notes) < len(files):
        problems.append(
            "mixes MINISWHITE and MINISBLACK slices, whose labels may mean opposite phases: "
            "export all slices in one way"
        )
    return FileInfo(
        path,
        "folder of slices",
        shape,
        kinds[0].dtype,
        notes=tuple(notes[:1]),
        problems=tuple(problems),
        header=header,
    )


def load(path: Path, info: FileInfo) -> NDArray[Any]:
    """All voxels of a folder that ``inspect`` found no problem with."""
    labels = np.empty(info.shape or (), info.dtype)
    for file, layer in zip(slice_files(path), labels, strict=True):
        layer[...] = _pixels(file)
    return solid(labels)


def save(volume: Volume, path: Path) -> None:
    """A deflated TIFF per slice, and our header in volume.json."""
    import tifffile

    path.mkdir()
    digits = max(4, len(str(len(volume.labels) - 1)))
    for i, layer in enumerate(volume.labels):
        with tifffile.TiffWriter(path / f"slice_{i:0{digits}d}.tif") as tif:
            tif.write(layer, **tiff.PLAIN | {"software": None})
    (path / HEADER).write_text(header_text(volume), "ascii")


def slice_files(path: Path) -> list[Path]:
    """The slices in the order of their numbers.

    Raises InvalidVolumeError if there are none, a number is missing or occurs twice.
    """
    files = [p for p in path.iterdir() if p.suffix.lower() in READERS and p.name[0] != "."]
    suffixes = sorted({p.suffix.lower() for p in files})
    if not files:
        raise InvalidVolumeError(_no_slices(path))
    if len({READERS[suffix] for suffix in suffixes}) > 1:
        raise InvalidVolumeError(
            f"mixes {' and '.join(suffixes)} files, so that it is unclear which are the slices: "
            "keep those of one kind"
        )
    return _numbered(files) if len(files) > 1 else files


def _one(file: Path) -> tuple[_page.Kind, list[str], bool]:
    try:
        require_file(file)
        return READERS[file.suffix.lower()].slice_problems(file)
    except InvalidVolumeError as error:
        raise InvalidVolumeError(f"its slice {file.name} {error}") from error


def _pixels(file: Path) -> NDArray[Any]:
    try:
        if READERS[file.suffix.lower()] is _png:
            return _png.load(file)
        info = tiff.inspect(file, Layout())
        return tiff.load(file, info)
    except MemoryError:
        raise
    except Exception as error:  # decoders raise many kinds; the slice must be named
        raise InvalidVolumeError(
            f"its slice {file.name} cannot be decoded ({type(error).__name__}: {error}): "
            "copy or export it again"
        ) from error


def _no_slices(path: Path) -> str:
    names = sorted(p.name for p in path.iterdir())
    if any(Path(name).suffix.lower() in LOSSY for name in names):
        return (
            "holds images with lossy compression (JPEG or alike), which changes labels: "
            "export the slices as TIFF or PNG"
        )
    found = ", ".join(names[:5]) + (" …" if len(names) > 5 else "") or "nothing"
    return f"holds no slices (found {found}): give a folder of .tif or .png files, one per slice"


def _numbered(files: Sequence[Path]) -> list[Path]:
    parts = {file: re.split(r"(\d+)", file.stem) for file in files}
    frames = {tuple(part[::2]) for part in parts.values()}
    if len(frames) > 1:
        names = sorted({_example(files, parts, frame) for frame in frames})[:3]
        raise InvalidVolumeError(
            f"holds files with different kinds of names ({', '.join(names)}), so that it is "
            "unclear which are the slices: keep only slices, named alike up to their number"
        )
    groups = list(zip(*(part[1::2] for part in parts.values()), strict=True))
    varying = [i for i, group in enumerate(groups) if len({int(n) for n in group}) > 1]
    if len(varying) != 1:
        raise InvalidVolumeError(
            f"holds slices whose order is unclear ({len(varying)} numbers in their names vary, "
            f"as in {files[0].name}): let one number count the slices"
        )
    numbers = {file: int(part[2 * varying[0] + 1]) for file, part in parts.items()}
    ordered = sorted(files, key=lambda file: numbers[file])
    for before, after in pairwise(ordered):
        _refuse_gap(before, after, numbers[after] - numbers[before], numbers)
    return ordered


def _refuse_gap(before: Path, after: Path, step: int, numbers: dict[Path, int]) -> None:
    if step == 0:
        raise InvalidVolumeError(
            f"has two slices number {numbers[after]} ({before.name} and {after.name}): remove one"
        )
    if step > 1:
        missing = str(numbers[before] + 1)
        missing += f" to {numbers[after] - 1}" if step > 2 else ""
        raise InvalidVolumeError(
            f"lacks slice {missing} (between {before.name} and {after.name}; {len(numbers)} "
            "slices found): add what is missing, or number the slices 1, 2, 3, … "
            "if nothing is"
        )


def _example(files: Sequence[Path], parts: dict[Path, list[str]], frame: tuple[str, ...]) -> str:
    return min(file.name for file in files if tuple(parts[file][::2]) == frame)
