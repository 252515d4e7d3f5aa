"""Headerless raw voxels with a JSON sidecar. Arrays have shape (nz, ny, nx)."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError, InvalidVolumeError
from microstructures.io._guard import require_image
from microstructures.io._info import FileInfo, Layout, dtype_problem, shape_problem, solid
from microstructures.io._sidecar import read_sidecar
from microstructures.volume import Volume


def inspect(path: Path, layout: Layout) -> FileInfo:
    """What the user and the sidecar say, compared with the size of the file."""
    header = read_sidecar(path)
    shape = layout.shape or (header.shape if header else None)
    dtype = layout.dtype or (header.dtype if header else None)
    if shape is None or dtype is None:
        require_image(path)
        raise InvalidVolumeError(
            f"is raw data of {path.stat().st_size} bytes without a header: say how it is laid "
            'out, for example shape=(nz, ny, nx), dtype="uint8" (and order="F" if z runs fastest)'
        )
    if layout.order not in ("C", "F"):
        raise InvalidInputError(f"order {layout.order!r} is neither 'C' nor 'F': x or z fastest")
    shape, dtype = _whole(shape), _dtype(dtype)
    problems = (dtype_problem(dtype), shape_problem(shape), _size_problem(path, shape, dtype))
    return FileInfo(
        path,
        "raw",
        shape,
        dtype.str,
        problems=tuple(problem for problem in problems if problem),
        header=header,
        order=layout.order,
    )


def load(path: Path, info: FileInfo) -> NDArray[Any]:
    """All voxels of a file that ``inspect`` found no problem with."""
    flat = np.fromfile(path, info.dtype)
    return solid(flat.reshape(info.shape or (), order=info.order))


def save(volume: Volume, path: Path) -> None:
    """The labels, little-endian, x fastest."""
    volume.labels.astype(volume.labels.dtype.newbyteorder("<"), copy=False).tofile(path)


def _whole(shape: tuple[int, ...]) -> tuple[int, ...]:
    try:
        return tuple(int(n) for n in shape)
    except (TypeError, ValueError) as error:
        raise InvalidInputError(
            f"shape {shape!r} is no list of whole numbers: give (nz, ny, nx)"
        ) from error


def _dtype(dtype: Any) -> np.dtype[Any]:
    try:
        found = np.dtype(dtype)
    except TypeError as error:
        raise InvalidInputError(
            f"dtype {dtype!r} is no number type: give 'uint8', 'uint16', '>u2' or the like"
        ) from error
    return found.newbyteorder("<") if found.byteorder == "=" else found


def _size_problem(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any]) -> str | None:
    size, wanted = path.stat().st_size, math.prod(shape) * dtype.itemsize
    if size == wanted:
        return None
    require_image(path)
    text = " × ".join(str(n) for n in shape)
    return (
        f"has {size} bytes, but {text} voxels of {dtype.name} need {wanted}: correct shape or "
        "dtype, strip a file header if there is one, or copy the file again"
    )
