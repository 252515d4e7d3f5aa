"""FileInfo: what a file says about itself. Shapes are (nz, ny, nx), lengths in m."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from microstructures.io._header import Header

Order = Literal["C", "F"]


@dataclass(frozen=True, slots=True)
class Layout:
    """How the voxels of a headerless file lie: what only the user can know."""

    shape: tuple[int, ...] | None = None
    dtype: Any = None
    order: Order = "C"


@dataclass(frozen=True, slots=True)
class FileInfo:
    """What a file says about itself, found without decoding its voxels.

    ``spacing`` and ``phases`` are known only for files that this project wrote; ``hints`` are
    guesses from foreign metadata; ``problems`` say why the file cannot be read, if it cannot.
    """

    path: Path
    format: str
    shape: tuple[int, ...] | None = None
    dtype: str | None = None
    hints: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    header: Header | None = field(default=None, repr=False)
    foreign_spacing: tuple[float, float, float] | None = field(default=None, repr=False)
    offset: int = field(default=0, repr=False)
    order: Order = field(default="C", repr=False)

    @property
    def spacing(self) -> tuple[float, float, float] | None:
        """Voxel size (dz, dy, dx) in m, if the file states it without doubt."""
        return self.header.spacing if self.header else None

    @property
    def phases(self) -> Mapping[int, str] | None:
        """Name of each label, if the file states them."""
        return self.header.phases if self.header else None

    @property
    def voxels(self) -> int:
        """Number of voxels that the file declares."""
        return int(np.prod(self.shape, dtype=object)) if self.shape else 0


def dtype_problem(dtype: np.dtype[Any]) -> str | None:
    """Why arrays of this dtype cannot be labels, or None if they can."""
    if dtype.kind in "bui":
        return None
    if dtype.kind == "f":
        return (
            f"holds floating-point values ({dtype}), but labels are integers: segment the image, "
            "or if every value is a whole number store it with array.astype('uint8')"
        )
    return f"holds {dtype} values, but labels are integers: store the labels as uint8 or uint16"


def shape_problem(shape: tuple[int, ...]) -> str | None:
    """Why an array of this shape is no volume, or None if it is."""
    text = " × ".join(str(n) for n in shape) or "no axis"
    if any(n < 1 for n in shape):
        return f"declares {text} voxels, which is none: export a volume that holds some"
    if len(shape) == 3:
        return None
    if len(shape) == 2:
        return (
            f"holds one two-dimensional image ({text}), but a volume has three axes "
            "(nz, ny, nx): give the whole stack, or build Volume(labels[None], spacing)"
        )
    return (
        f"holds an array of {len(shape)} axes ({text}), but a volume has three (nz, ny, nx): "
        "export one channel and one time, and drop axes of length 1"
    )


def count_problem(info: "FileInfo", expected: tuple[int, ...]) -> str | None:
    """Why the slices found are not those that the file's own header declares."""
    if info.shape is None or tuple(info.shape) == tuple(expected):
        return None
    got, wanted = (" × ".join(map(str, shape)) for shape in (info.shape, expected))
    return (
        f"is incomplete or altered: it holds {got} voxels, but its header declares {wanted}: "
        "copy or export it again"
    )


def solid(array: NDArray[Any]) -> NDArray[Any]:
    """The array, frozen, so that Volume takes it without a copy."""
    array.flags.writeable = False
    return array
