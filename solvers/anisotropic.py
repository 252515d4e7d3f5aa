"""Anisotropic conductivity or diffusivity of crystals, whole or grain by grain, and voxel classes.

Tensors are symmetric, of shape (3, 3) in the order of the array axes (z, y, x).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError

MOST_CLASSES = 65535
SYMMETRIC = 1e-6  # of the largest entry: as exact as published tensors and rotations are
POSITIVE = 1e-12  # of the largest eigenvalue: what is below is rounding
ALIGNED = 1e-12  # of the largest entry, for off-diagonal ones


@dataclass(frozen=True, slots=True, eq=False)
class Anisotropic:
    """Conductivity (S/m) or diffusivity (m²/s) of a crystal that depends on direction.

    Args:
        matrix: in the crystal's own axes, which are the array's (z, y, x) before a rotation: three
            numbers > 0 along them, or a symmetric positive definite matrix of shape (3, 3).
        grains: number of each voxel's grain, shape of the volume, 0 … n - 1; it counts where the
            phase is.
        rotations: proper rotations from crystal to array axes, shape (n, 3, 3), one per grain;
            without grains one, of shape (3, 3), turns the whole phase.

    Raises:
        InvalidInputError: the matrix is not symmetric or not positive definite, the rotations are
            none, or grains and rotations do not fit each other.
    """

    matrix: ArrayLike
    grains: NDArray[np.integer[Any]] | None = None
    rotations: ArrayLike | None = None

    def __post_init__(self) -> None:
        def put(name: str, value: Any) -> None:  # the dataclass is frozen
            object.__setattr__(self, name, value)

        put("matrix", _checked_matrix(self.matrix))
        turns = None if self.rotations is None else _checked_rotations(self.rotations)
        put("rotations", turns)
        put("grains", _checked_grains(self.grains, turns))

    @property
    def matrices(self) -> NDArray[np.float64]:
        """Tensor of every grain in array axes, shape (n, 3, 3); of the phase, with n = 1."""
        own = cast(NDArray[np.float64], self.matrix)
        if self.rotations is None:
            return own[None]
        turns = cast(NDArray[np.float64], self.rotations)
        turned = turns @ own @ np.swapaxes(turns, 1, 2)
        return (turned + np.swapaxes(turned, 1, 2)) / 2.0

    @property
    def is_aligned(self) -> bool:
        """True if all tensors are diagonal to rounding, so that voxel faces need nothing more."""
        matrices = np.abs(self.matrices)
        mixed = matrices * (1.0 - np.eye(3))
        return bool((mixed.max(axis=(1, 2)) <= ALIGNED * matrices.max(axis=(1, 2))).all())


def tensor_classes(
    volume: Volume, values: Mapping[int, "float | Anisotropic"]
) -> tuple[NDArray[np.uint16], NDArray[np.float64]]:
    """Class of every voxel and the tensor of every class but 0, which insulates.

    Args:
        volume: the segmented volume.
        values: by label a number ≥ 0 or an ``Anisotropic``; voxels outside need none.

    Returns:
        Classes of the volume's shape, and tensors of shape (n, 3, 3) for class 1 … n, in the
        unit of the values; grains that do not occur have no class.

    Raises:
        InvalidInputError: a value is missing, negative or not finite, grains have another shape
            than the volume, or there are more tensors than can be told apart.
    """
    classes, tensors, count = np.zeros(volume.shape, np.uint16), [np.empty((0, 3, 3))], 0
    for label in np.unique(volume.labels).tolist():
        value = _value(volume, values, label)
        where = volume.labels == label
        if isinstance(value, Anisotropic):
            own, of = _grains(volume, label, value, where)
        elif value > 0.0:
            own, of = value * np.eye(3)[None], 0
        else:
            continue
        if count + len(own) > MOST_CLASSES:
            raise InvalidInputError(
                f"{count + len(own)} or more different tensors, but {MOST_CLASSES} can be told "
                "apart: crop the volume, or let grains share orientations"
            )
        classes[where] = count + 1 + of
        tensors.append(own)
        count += len(own)
    return classes, np.concatenate(tensors)


def _value(volume: Volume, values: Mapping[int, Any], label: int) -> "float | Anisotropic":
    value = values.get(label, 0.0 if label == volume.outside else None)
    if isinstance(value, Anisotropic):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not (np.isfinite(number) and number >= 0.0):
        raise InvalidInputError(
            f"the value of {volume.phase_name(label)!r} is {value!r}: give a finite number ≥ 0 or "
            "solvers.Anisotropic(...)"
        )
    return number


def _grains(
    volume: Volume, label: int, value: Anisotropic, where: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], "NDArray[np.integer[Any]] | int"]:
    """Tensors of the grains that occur in a phase, and which of them each of its voxels has."""
    if value.grains is None:
        return value.matrices, 0
    if value.grains.shape != volume.shape:
        raise InvalidInputError(
            f"the grains of {volume.phase_name(label)!r} have the shape {value.grains.shape}, but "
            f"the volume {volume.shape}: give one grain number per voxel"
        )
    own, matrices = value.grains[where], value.matrices
    occur = np.bincount(own, minlength=len(matrices)) > 0
    return matrices[occur], (np.cumsum(occur) - 1)[own]


def _checked_matrix(matrix: Any) -> NDArray[np.float64]:
    given = _numbers(matrix, "matrix")
    if given.shape == (3,):
        given = np.diag(given)
    if given.shape != (3, 3):
        raise InvalidInputError(
            f"matrix has the shape {given.shape}: give three numbers along the array axes z, y, x, "
            "or a symmetric matrix of shape (3, 3)"
        )
    tilt = float(np.abs(given - given.T).max())
    if not tilt <= SYMMETRIC * float(np.abs(given).max()):
        raise InvalidInputError(
            f"matrix {given.tolist()} is not symmetric: entries differ by {tilt:.3g} from their "
            "mirror images, give the symmetric part"
        )
    own = (given + given.T) / 2.0
    values = np.linalg.eigvalsh(own)
    if not values[0] > POSITIVE * values[-1]:
        raise InvalidInputError(
            f"matrix {given.tolist()} is not positive definite: its smallest eigenvalue is "
            f"{values[0]:.3g}, give a conductivity > 0 in every direction"
        )
    return own


def _checked_rotations(rotations: Any) -> NDArray[np.float64]:
    turns = _numbers(rotations, "rotations")
    if turns.shape == (3, 3):
        turns = turns[None]
    fits = turns.ndim == 3 and turns.shape[1:] == (3, 3) and len(turns) > 0
    if (
        not fits
        or not np.allclose(turns @ np.swapaxes(turns, 1, 2), np.eye(3), atol=1e-6)
        or not (np.linalg.det(turns) > 0.0).all()
    ):
        raise InvalidInputError(
            f"rotations of shape {turns.shape} are not proper rotations of shape (n, 3, 3): use "
            "scipy.spatial.transform.Rotation.as_matrix(), with axes in (z, y, x) order"
        )
    return turns


def _checked_grains(grains: Any, turns: NDArray[np.float64] | None) -> Any:
    count = 0 if turns is None else len(turns)
    if grains is None:
        if count > 1:
            raise InvalidInputError(
                f"{count} rotations were given without grains: say which grain each voxel is in"
            )
        return None
    numbers = np.asarray(grains)
    if numbers.dtype.kind not in "iu" or numbers.size == 0:
        raise InvalidInputError(
            f"grains of shape {numbers.shape} ({numbers.dtype}) are no integers: number them from 0"
        )
    if turns is None or numbers.min() < 0 or numbers.max() >= count:
        raise InvalidInputError(
            f"grains are numbered {numbers.min()}…{numbers.max()}, but there are {count} "
            "rotations: number them from 0, with one rotation for each"
        )
    return numbers


def _numbers(values: Any, what: str) -> NDArray[np.float64]:
    try:
        numbers = np.array(values, dtype=float)
    except (TypeError, ValueError):
        numbers = np.array(np.nan)
    if not np.isfinite(numbers).all():
        raise InvalidInputError(f"{what} {values!r} are no finite numbers: give an array of them")
    return numbers
