"""Phase values: one number per phase, one per voxel, or a tensor per phase, as users give them."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError
from microstructures.phases import Phase

Field: TypeAlias = NDArray[np.floating]


def phase_values(volume: Volume, values: Mapping[Phase, float], what: str) -> dict[int, float]:
    """Values by label, complete for all labels that occur. Raises InvalidInputError."""
    if not isinstance(values, Mapping) or not values:
        raise InvalidInputError(
            f"{what} {values!r} names no phase: give {{phase: value}} for each of "
            f"{list(volume.phases.values())}, 0 for those that insulate"
        )
    table: dict[int, float] = {}
    for phase, value in values.items():
        label = volume.phase_id(phase)
        if label in table:
            raise InvalidInputError(
                f"{what} gives {volume.phase_name(label)!r} twice, by name and by id: give it once"
            )
        table[label] = _checked(value, phase, what)
    missing = [name for i, name in volume.phases.items() if i not in table and volume.voxels(i)]
    if missing:
        raise InvalidInputError(
            f"{what} names only {[volume.phase_name(label) for label in table]}, but the volume "
            f"also holds {missing}: give each a value, 0 if it insulates"
        )
    return table


def _checked(value: float, phase: Phase, what: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not (np.isfinite(number) and number >= 0.0):
        raise InvalidInputError(f"{what} of {phase!r} is {value!r}: give a finite number ≥ 0")
    return number


def is_field(value: Any) -> bool:
    """True for an array of values voxel by voxel."""
    return isinstance(value, np.ndarray) and value.ndim > 0


def has_fields(values: Any) -> bool:
    """True if the values of some phase, or all of them, are given voxel by voxel."""
    if isinstance(values, Mapping):
        return any(is_field(value) for value in values.values())
    return is_field(values)


def field_of(volume: Volume, values: Any, what: str) -> Field:
    """The value ≥ 0 of each voxel, shape of the volume, single precision if all of it is given so.

    Args:
        volume: the segmented volume.
        values: an array, or {phase: number or array}, arrays of the volume's shape; in a mapping
            each counts where its phase is.
        what: name of the values, for messages.

    Raises:
        InvalidInputError: an array of another shape, or values that are negative or not finite.
    """
    if not isinstance(values, Mapping):
        field = _checked_field(volume, values, "every voxel", what)
        return _refuse_bad(field, volume.labels != volume.outside, "every voxel", what)
    arrays = {phase: value for phase, value in values.items() if is_field(value)}
    plain = phase_values(volume, dict(values) | dict.fromkeys(arrays, 0.0), what)
    given = {phase: _checked_field(volume, a, repr(phase), what) for phase, a in arrays.items()}
    single = all(field.dtype == np.float32 for field in given.values())
    table = np.zeros(int(volume.labels.max()) + 1, np.float32 if single else np.float64)
    for label, number in plain.items():
        if label < len(table):
            table[label] = number
    whole = table[volume.labels]
    for phase, field in given.items():
        mask = volume.mask(phase)
        _refuse_bad(field, mask, repr(phase), what)
        np.copyto(whole, field, where=mask, casting="same_kind")
    return whole


def _checked_field(volume: Volume, array: Field, whose: str, what: str) -> Field:
    if array.shape != volume.shape or array.dtype.kind not in "fiu":
        raise InvalidInputError(
            f"{what} of {whose} has shape {array.shape} ({array.dtype}), but the volume "
            f"{volume.shape}: give one number per voxel"
        )
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)


def _refuse_bad(field: Field, where: NDArray[np.bool_], whose: str, what: str) -> Field:
    bad = where & ~(np.isfinite(field) & (field >= 0.0))
    if bad.any():
        raise InvalidInputError(
            f"{what} of {whose} is {field[bad][0]} in {np.count_nonzero(bad)} voxels: give finite "
            "numbers ≥ 0"
        )
    return field
