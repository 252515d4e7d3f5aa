"""What generators are given, checked: seeds, shapes, fractions, lengths, periodic axes."""

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from microstructures.errors import InvalidInputError

Seed: TypeAlias = int | np.random.Generator
Flags: TypeAlias = tuple[bool, bool, bool]
Triple: TypeAlias = tuple[float, float, float]
Shape3: TypeAlias = tuple[int, int, int]


def checked_generator(seed: Any, name: str = "seed") -> np.random.Generator:
    if isinstance(seed, np.random.Generator):
        return seed
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InvalidInputError(
            f"{name} {seed!r} is neither an integer >= 0 nor a numpy Generator: "
            f"pass for example {name}=0 or np.random.default_rng(0)"
        )
    return np.random.default_rng(int(seed))


def seed_name(seed: Seed) -> str:
    return type(seed.bit_generator).__name__ if isinstance(seed, np.random.Generator) else str(seed)


def checked_shape(shape: Any) -> Shape3:
    try:
        nz, ny, nx = (_checked_count(n) for n in shape)
    except (TypeError, ValueError):
        raise InvalidInputError(
            f"shape {shape!r} is not three numbers of voxels >= 1: "
            "pass (nz, ny, nx) such as (48, 48, 48)"
        ) from None
    return nz, ny, nx


def _checked_count(n: Any) -> int:
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise ValueError
    return int(n)


def checked_number(n: Any, name: str = "number") -> int:
    try:
        return _checked_count(n)
    except ValueError:
        raise InvalidInputError(f"{name} {n!r} is no integer >= 1: pass how many") from None


def is_number(value: Any) -> bool:
    whole = isinstance(value, int | float | np.integer | np.floating)
    return whole and not isinstance(value, bool) and math.isfinite(value)


def checked_fraction(fraction: Any, name: str = "fraction") -> float:
    if not is_number(fraction) or not 0 < fraction < 1:
        raise InvalidInputError(
            f"{name} {fraction!r} does not lie between 0 and 1: pass a volume fraction such as 0.4"
        )
    return float(fraction)


def checked_length(length: Any, name: str, *, or_zero: bool = False) -> float:
    if not is_number(length) or length < 0 or (length == 0 and not or_zero):
        kind = "a length >= 0" if or_zero else "a positive length"
        raise InvalidInputError(f"{name} {length!r} is not {kind}: pass metres such as 2e-6")
    return float(length)


def checked_periodic(periodic: Any) -> Flags:
    flags = tuple(periodic) if isinstance(periodic, Sequence) else (periodic,) * 3
    if len(flags) != 3 or not all(isinstance(flag, bool | np.bool_) for flag in flags):
        raise InvalidInputError(
            f"periodic {periodic!r} is no bool or three of them: pass True or (False, True, True)"
        )
    return bool(flags[0]), bool(flags[1]), bool(flags[2])
