"""How many voxels of binder each layer gets. Arrays have one entry for each layer, in array order.

A profile runs from the layer at the current collector to that at the free surface.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError
from twin.manufacturing._binder_growth import Counts

Profile: TypeAlias = Mapping[str, float] | Sequence[float] | NDArray[np.float64]
Floats = NDArray[np.float64]

_SHAPES = "{'linear': 2.0}, {'exponential': 2.0} or a sequence of numbers from collector to surface"


def layer_counts(
    profile: Profile, total: int, inside: Counts, available: Counts, *, collector: str
) -> Counts:
    """Voxels of binder for each layer: ``total`` in proportion to the profile, exactly.

    Local fractions follow the profile; what is left after rounding down goes to the layers of the
    largest remainder, one voxel to each.

    Args:
        profile: relative fractions, see ``place_binder``.
        total: voxels of binder in all layers.
        inside: voxels of the electrode in each layer; layers of none get none.
        available: the most that each layer can hold.
        collector: the end at which the profile begins.

    Raises:
        InvalidInputError: the profile is none, or asks a layer for more than it can hold.
    """
    holds = np.flatnonzero(inside)
    weights = np.zeros(len(inside))
    shape = relative_fractions(profile, int(holds[-1] - holds[0] + 1))
    weights[holds[0] : holds[-1] + 1] = shape if collector == "low" else shape[::-1]
    if not np.any(weights * inside):
        raise InvalidInputError(f"profile {profile!r} is 0 at every layer: give more numbers")
    counts = largest_remainder(weights * inside, total)
    if np.any(counts > available):
        raise _too_much(counts, available, inside)
    return counts


def relative_fractions(profile: Profile, layers: int) -> Floats:
    """The profile at each of so many layers, from collector to surface, in any unit."""
    depth = np.arange(layers) / max(layers - 1, 1)
    if isinstance(profile, Mapping):
        kind, ratio = _law(profile)
        return 1 + (ratio - 1) * depth if kind == "linear" else ratio**depth
    values = _numbers(profile)
    return np.interp(depth, np.arange(len(values)) / (len(values) - 1), values)


def largest_remainder(weights: Floats, total: int) -> Counts:
    """Whole numbers that add up to ``total``, each within one of its share by weight."""
    shares = weights * (total / weights.sum())
    counts = np.floor(shares).astype(np.int64)
    missing = total - int(counts.sum())
    # the largest remainders gain a voxel; should rounding have given one too many, the least loses
    order = np.argsort(counts - shares, kind="stable")
    counts[order[:missing] if missing >= 0 else order[missing:]] += np.sign(missing)
    return counts


def _law(profile: Mapping[str, float]) -> tuple[str, float]:
    if len(profile) == 1:
        ((kind, ratio),) = profile.items()
        if kind in ("linear", "exponential") and _is_positive(ratio):
            return kind, float(ratio)
    raise InvalidInputError(
        f"profile {profile!r} is none: pass {_SHAPES}. The number is the ratio of the fractions at "
        "surface and collector, above 0; below 1 there is more binder at the collector"
    )


def _is_positive(value: Any) -> bool:
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return is_number and 0 < float(value) < np.inf


def _numbers(profile: Any) -> Floats:
    try:
        values = np.array(profile, dtype=float)
    except (TypeError, ValueError):
        values = np.array(np.nan)
    if values.ndim != 1 or len(values) < 2 or not np.all(np.isfinite(values) & (values >= 0)):
        raise InvalidInputError(
            f"profile {profile!r} is none: pass {_SHAPES}, two finite numbers ≥ 0 or more"
        )
    return values


def _too_much(counts: Counts, available: Counts, inside: Counts) -> InvalidInputError:
    over = np.flatnonzero(counts > available)
    worst = over[np.argmax((counts - available)[over] / inside[over])]
    asked, room = (100 * c[worst] / inside[worst] for c in (counts, available))
    return InvalidInputError(
        f"the profile asks layer {worst} for {asked:.4g} % of binder, but it has room for "
        f"{room:.4g} %, and {len(over)} layers in all ask for too much: choose a smaller fraction "
        "or a flatter profile"
    )
