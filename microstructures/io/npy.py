"""NumPy's .npy with a JSON sidecar. Arrays have shape (nz, ny, nx)."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidVolumeError
from microstructures.io._guard import require_image
from microstructures.io._info import FileInfo, Layout, dtype_problem, shape_problem, solid
from microstructures.io._sidecar import read_sidecar
from microstructures.volume import Volume

MAGIC = b"\x93NUMPY"


def inspect(path: Path, layout: Layout) -> FileInfo:
    """What the .npy header and the sidecar say; no voxel is read."""
    require_image(path)
    with path.open("rb") as file:
        if file.read(len(MAGIC)) != MAGIC:
            raise InvalidVolumeError(
                "is no .npy file (it lacks the magic bytes): write it with numpy.save, or "
                "correct the file's suffix"
            )
        file.seek(0)
        shape, fortran, dtype = _array_header(file)
        start = file.tell()
    problems = [dtype_problem(dtype), shape_problem(shape)]
    if not dtype.hasobject:
        problems.append(_size_problem(path, start, math.prod(shape) * dtype.itemsize))
    return FileInfo(
        path,
        "NumPy",
        shape,
        dtype.str,
        problems=tuple(problem for problem in problems if problem),
        header=read_sidecar(path),
        order="F" if fortran else "C",
    )


def load(path: Path, info: FileInfo) -> NDArray[Any]:
    """All voxels of a file that ``inspect`` found no problem with."""
    return solid(np.load(path, allow_pickle=False))


def save(volume: Volume, path: Path) -> None:
    """The labels, little-endian."""
    with path.open("wb") as file:
        np.save(file, volume.labels, allow_pickle=False)


def _array_header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(file)
    raise InvalidVolumeError(
        f"is of .npy version {version}, but labels come as 1.0 or 2.0: save it with numpy.save"
    )


def _size_problem(path: Path, start: int, data: int) -> str | None:
    size = path.stat().st_size
    if size == start + data:
        return None
    state = "truncated" if size < start + data else "too long"
    return (
        f"is {state}: its header declares {start + data} bytes, but it has {size}: "
        "copy or save it again"
    )
