"""Checks of what every solve is given."""

from numbers import Real
from typing import Any

from microstructures import Volume
from microstructures.errors import InvalidInputError


def checked_tolerance(tolerance: Any) -> float:
    """``tolerance`` if it is a relative error in 1e-14…0.1. Raises InvalidInputError."""
    if not (isinstance(tolerance, Real) and 1e-14 <= float(tolerance) <= 0.1):
        raise InvalidInputError(
            f"tolerance {tolerance!r} is no relative error in 1e-14…0.1: the default is 1e-5"
        )
    return float(tolerance)


def checked_axes(volume: Volume, axes: Any) -> tuple[int, ...]:
    """Array axes as they are named, each once. Raises InvalidInputError."""
    try:
        checked = tuple(dict.fromkeys(volume.axis(axis) for axis in axes))
    except TypeError:
        checked = ()
    if not checked:
        raise InvalidInputError(f"axes {axes!r} names no axis: give some of (0, 1, 2)")
    return checked


def checked_volume(volume: Any) -> Volume:
    """``volume`` if it is one. Raises InvalidInputError."""
    if not isinstance(volume, Volume):
        raise InvalidInputError(
            f"a {type(volume).__name__} was given where a Volume is wanted: "
            "microstructures.Volume(labels, spacing)"
        )
    return volume
