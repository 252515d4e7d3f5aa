"""Grid: the voxels of an electrode to be made, and which of its faces repeat. Lengths in m."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError
from microstructures.volume import checked_spacing
from twin.manufacturing._binder_order import Boundary

Floats = NDArray[np.float64]
Flags = tuple[bool, bool, bool]
Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Grid:
    """Voxels, and which faces repeat."""

    shape: tuple[int, int, int]
    spacing: Triple
    periodic: Flags

    @classmethod
    def of(cls, shape: Any, spacing: Any, periodic: Any) -> "Grid":
        """Checks the arguments of ``generate_electrode``."""
        return cls(_checked_shape(shape), checked_spacing(spacing), _checked_flags(periodic))

    @property
    def box(self) -> Floats:
        """Edges in m."""
        return np.array(self.shape) * np.array(self.spacing)

    @property
    def boundary(self) -> Boundary | list[Boundary]:
        """The same faces, as ``place_binder`` calls them."""
        names: list[Boundary] = ["periodic" if repeats else "mirrored" for repeats in self.periodic]
        return names[0] if len(set(names)) == 1 else names

    @property
    def given_spacing(self) -> float | list[float]:
        """As one number if the voxels are cubes."""
        return self.spacing[0] if len(set(self.spacing)) == 1 else list(self.spacing)

    @property
    def given_periodic(self) -> bool | list[bool]:
        """As one word if all faces are alike."""
        return self.periodic[0] if len(set(self.periodic)) == 1 else list(self.periodic)


def _checked_shape(shape: Any) -> tuple[int, int, int]:
    several = tuple(shape) if isinstance(shape, Sequence | np.ndarray) else ()
    if len(several) != 3 or not all(_is_count(n) for n in several):
        raise InvalidInputError(
            f"shape {shape!r} is not three numbers of voxels ≥ 1: give (nz, ny, nx)"
        )
    nz, ny, nx = (int(n) for n in several)
    return nz, ny, nx


def _is_count(n: Any) -> bool:
    return isinstance(n, int | np.integer) and not isinstance(n, bool) and bool(n >= 1)


def _checked_flags(periodic: Any) -> Flags:
    several = tuple(periodic) if isinstance(periodic, list | tuple) else (periodic,) * 3
    if len(several) != 3 or not all(isinstance(flag, bool | np.bool_) for flag in several):
        raise InvalidInputError(
            f"periodic {periodic!r} is neither true or false nor three of them: give True, say"
        )
    z, y, x = (bool(flag) for flag in several)
    return z, y, x
