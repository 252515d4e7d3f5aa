"""Growth of binder on surfaces, by weighted draws. Arrays have three axes; axis 0 is layered.

A pore voxel with n_B neighbours of binder and n_S of solid is drawn with a probability proportional
to w n_B + (1 - w) n_S. A draw of many without replacement is a race: the voxel of weight E finishes
after a time Exp(1) / E, and those that finish first are the draw, exactly.
"""

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError

Mask = NDArray[np.bool_]
Counts = NDArray[np.int64]
Periodic = tuple[bool, bool, bool]

_LIMIT = 1e-15  # w = 0 and w = 1 are limits: the weaker term decides where the other one is 0


def neighbour_counts(mask: Mask, periodic: Periodic) -> NDArray[np.uint8]:
    """How many of its six neighbours are in ``mask``, for every voxel.

    Beyond a face that is not periodic lies the mirror image of the volume, with the mirror in the
    middle of the last voxels: the neighbour beyond the face is the one before it.
    """
    ones = mask.view(np.uint8)
    counts = np.zeros(mask.shape, np.uint8)
    for axis in range(3):
        of, to = np.moveaxis(ones, axis, 0), np.moveaxis(counts, axis, 0)
        before, after = (-1, 0) if periodic[axis] else (min(1, len(of) - 1), max(len(of) - 2, 0))
        to[1:] += of[:-1]
        to[:-1] += of[1:]
        to[0] += of[before]
        to[-1] += of[after]
    return counts


def grow(
    pore: Mask,
    solid: Mask,
    binder: Mask,
    quotas: Counts,
    preference: float,
    batches: int,
    periodic: Periodic,
    rng: np.random.Generator,
) -> Mask:
    """Pore voxels that become binder: exactly ``quotas[k]`` of the k-th part along axis 0.

    Args:
        pore: voxels that may be drawn.
        solid: voxels that attract by 1 - w.
        binder: voxels that attract by w, as those drawn do from the next batch on.
        quotas: voxels to draw from each of equal parts along axis 0: one part, or every layer.
        preference: w, 0 to 1.
        batches: draws between which the neighbours are counted anew.
        periodic: whether each axis is.
        rng: generator of the race.

    Raises:
        InvalidInputError: a part has pores left, but none beside solid or binder.
    """
    free, binder = pore.copy(), binder.copy()
    weights = _weights(preference)
    n_solid = neighbour_counts(solid, periodic)
    taken, batch = np.zeros_like(quotas), 0
    while (taken < quotas).any():
        batch += 1
        due = quotas * min(batch, batches) // batches - taken
        state = n_solid + 7 * neighbour_counts(binder, periodic)
        candidates = np.flatnonzero(free & (state > 0))
        keys = rng.standard_exponential(len(candidates)) / weights[state.ravel()[candidates]]
        chosen, drawn = _first(candidates, keys, due, pore.size // len(quotas))
        if batch >= batches and not len(chosen):
            raise _stuck(quotas - taken)
        free.ravel()[chosen], binder.ravel()[chosen] = False, True
        taken += drawn
    return pore & ~free


def _weights(preference: float) -> NDArray[np.float64]:
    """The weights w n_B + (1 - w) n_S, at n_S + 7 n_B."""
    w = min(max(preference, _LIMIT), 1 - _LIMIT)
    n_binder, n_solid = np.divmod(np.arange(49), 7)
    return w * n_binder + (1 - w) * n_solid


def _first(
    candidates: NDArray[np.intp], keys: NDArray[np.float64], due: Counts, size: int
) -> tuple[NDArray[np.intp], Counts]:
    """The ``due[k]`` candidates of least key in each part of ``size`` voxels, or all there are."""
    bounds = np.searchsorted(candidates, np.arange(len(due) + 1) * size)
    drawn = np.minimum(due, np.diff(bounds))
    parts = [
        candidates[bounds[k] : bounds[k + 1]][lowest(keys[bounds[k] : bounds[k + 1]], drawn[k])]
        for k in np.flatnonzero(drawn)
    ]
    return np.concatenate([*parts, np.empty(0, np.intp)]), drawn


def lowest(keys: NDArray[np.float64], count: int) -> NDArray[np.intp]:
    """Where the ``count`` lowest keys are, in no order."""
    if count >= len(keys):
        return np.arange(len(keys))
    return np.argpartition(keys, count - 1)[:count]


def _stuck(missing: Counts) -> InvalidInputError:
    where = np.flatnonzero(missing)
    place = f"layers {where[0]} to {where[-1]} of the through axis" if len(missing) > 1 else "all"
    return InvalidInputError(
        f"{missing.sum()} voxels of binder are left, but no pore voxel beside solid or binder is "
        f"({place}): ask for less binder there, or crop layers that hold no solid"
    )
