"""Changing voxels of a volume: windows, blocks, label tables. Arrays have shape (nz, ny, nx)."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError, InvalidVolumeError
from microstructures.phases import Phase

if TYPE_CHECKING:
    from microstructures.volume import Volume

Range: TypeAlias = slice | tuple[int, int] | None


def window(ranges: Sequence[Range], shape: tuple[int, int, int]) -> tuple[slice, slice, slice]:
    """Slices with explicit ends inside the volume, none of them empty."""
    z, y, x = (_span(r, n, axis) for axis, (r, n) in enumerate(zip(ranges, shape, strict=True)))
    return z, y, x


def _span(wanted: Range, voxels: int, axis: int) -> slice:
    chosen = _ends(wanted, axis)
    if chosen.step not in (None, 1):
        raise InvalidInputError(
            f"crop step {chosen.step} on axis {axis}: use coarsened() to thin out"
        )
    start, stop, _ = chosen.indices(voxels)
    beyond = any(end is not None and not -voxels <= end <= voxels for end in _pair(chosen))
    if start >= stop or beyond:
        raise InvalidInputError(
            f"crop {wanted!r} on axis {axis} is empty or leaves the volume: "
            f"choose within 0…{voxels}"
        )
    return slice(start, stop)


def _ends(wanted: Range, axis: int) -> slice:
    chosen = slice(None) if wanted is None else wanted
    if isinstance(chosen, tuple) and len(chosen) in (2, 3):
        chosen = slice(*chosen)
    if not isinstance(chosen, slice) or not all(map(_is_end, _pair(chosen))):
        raise InvalidInputError(
            f"crop {wanted!r} on axis {axis} is no range of voxels: give (start, stop), a slice "
            "of whole numbers, or None for all"
        )
    return chosen


def _is_end(end: Any) -> bool:
    return end is None or isinstance(end, int | np.integer)


def _pair(chosen: slice) -> tuple[Any, Any]:
    return chosen.start, chosen.stop


def describe(spans: Sequence[slice]) -> str:
    """A window as text: [0:10, 0:20, 5:25]."""
    return "[" + ", ".join(f"{s.start}:{s.stop}" for s in spans) + "]"


def permutation(axes: Sequence[Any]) -> tuple[int, int, int]:
    """Axes as a permutation of 0, 1, 2; reversed when empty."""
    order = axes[0] if len(axes) == 1 and isinstance(axes[0], Sequence) else axes or (2, 1, 0)
    if not all(map(_is_whole, order)) or sorted(order) != [0, 1, 2]:
        raise InvalidInputError(f"axes {tuple(order)} are no permutation of (0, 1, 2)")
    a, b, c = (int(axis) for axis in order)
    return a, b, c


def block_factors(factor: Any, shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """Coarsening factors per axis, at least 1 and at most the number of voxels."""
    factors = _per_axis(factor)
    whole = len(factors) == 3 and all(_is_whole(f) for f in factors)
    if not whole or any(not 1 <= f <= n for f, n in zip(factors, shape, strict=True)):
        raise InvalidInputError(
            f"coarsening factor {factor!r} does not fit a volume of {shape} voxels: "
            "give whole numbers from 1 to the size of each axis"
        )
    a, b, c = (int(f) for f in factors)
    return a, b, c


def majority(labels: NDArray[Any], factors: tuple[int, int, int]) -> NDArray[Any]:
    """Most frequent label of each block; tied labels take turns from block to block."""
    nz, ny, nx = (n // f for n, f in zip(labels.shape, factors, strict=True))
    fz, fy, fx = factors
    blocks = labels[: nz * fz, : ny * fy, : nx * fx].reshape(nz, fz, ny, fy, nx, fx)
    present = np.unique(labels)
    turn = np.add.outer(np.add.outer(np.arange(nz), np.arange(ny)), np.arange(nx))
    best = np.full((nz, ny, nx), -1, dtype=np.int64)
    winner = np.zeros((nz, ny, nx), dtype=labels.dtype)
    for rank, label in enumerate(present):
        votes = np.count_nonzero(blocks == label, axis=(1, 3, 5)) * len(present)
        votes += (turn + rank) % len(present)  # below one vote: decides ties only
        np.putmask(winner, votes > best, label)
        np.maximum(best, votes, out=best)
    return winner


def relabelling(mapping: Mapping[Phase, Phase], volume: "Volume") -> dict[int, int]:
    """Old id → new id; a new phase may be an id that does not exist yet."""
    if not mapping:
        raise InvalidInputError("the mapping is empty: give {old: new}, by name or id")
    table: dict[int, int] = {}
    for old, new in mapping.items():
        label = _any_id(old, volume)
        if label in table:
            raise InvalidInputError(
                f"the mapping names phase {label} twice, as id and by name: keep one of them"
            )
        table[label] = _new_id(new, volume)
    return table


def _any_id(phase: Phase, volume: "Volume") -> int:
    return volume.outside if _is_outside(phase, volume) else volume.phase_id(phase)  # type: ignore[return-value]


def _is_outside(phase: Phase, volume: "Volume") -> bool:
    return volume.outside is not None and phase == volume.outside


def _new_id(phase: Phase, volume: "Volume") -> int:
    if isinstance(phase, str):
        return volume.phase_id(phase)
    if (
        isinstance(phase, bool)
        or not isinstance(phase, int | np.integer)
        or not 0 <= phase <= 65535
    ):
        raise InvalidVolumeError(f"new label {phase!r} is not a whole number in 0…65535")
    return int(phase)


def moved_names(table: Mapping[int, int], volume: "Volume") -> dict[int, str]:
    """Phase names after relabelling: ids that stay keep theirs, new ids take the mover's."""
    names = {label: name for label, name in volume.phases.items() if label not in table}
    for old, new in table.items():
        if new != volume.outside and new not in names:
            names[new] = volume.phases.get(old, f"phase {new}")
    return names


def relabel(labels: NDArray[Any], table: Mapping[int, int]) -> NDArray[Any]:
    """Labels sent through a look-up table; labels not named stay."""
    lookup = np.arange(max(int(labels.max()), *table) + 1)
    lookup[list(table)] = list(table.values())
    relabelled: NDArray[Any] = lookup.astype(np.uint16 if lookup.max() > 255 else np.uint8)[labels]
    return relabelled


def pad_widths(width: Any) -> tuple[tuple[int, int], ...]:
    """Padding as ((low, high),) * 3 from a number, or three numbers or pairs."""
    pairs = tuple(
        tuple(w) if isinstance(w, Sequence | np.ndarray) else (w, w) for w in _per_axis(width)
    )
    good = len(pairs) == 3 and all(
        len(pair) == 2 and all(_is_whole(w) and w >= 0 for w in pair) for pair in pairs
    )
    if not good:
        raise InvalidInputError(
            f"padding {width!r} is not a whole number ≥ 0, three of them, or three pairs"
        )
    return tuple((int(low), int(high)) for low, high in pairs)


def _per_axis(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, Sequence | np.ndarray) else (value,) * 3


def _is_whole(value: Any) -> bool:
    is_number = isinstance(value, int | float | np.integer | np.floating)
    return is_number and float(value).is_integer()


def pad_label(phase: Phase | None, volume: "Volume") -> tuple[int, int | None]:
    """Label to pad with, and the outside label afterwards."""
    if phase is not None:
        return volume.phase_id(phase), volume.outside
    outside = volume.outside if volume.outside is not None else _unused(volume.phases)
    return outside, outside


def _unused(phases: Mapping[int, str]) -> int:
    return next(label for label in range(255, 65536) if label not in phases)
