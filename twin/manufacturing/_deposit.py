"""Depositing: phases drawn anew after particles have moved, each with an exact number of voxels."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

NECK = 1.5  # voxels, width of the Gaussian by which crowded places are told from open ones
ROUNDS = 12

Mask = NDArray[np.bool_]
Floats = NDArray[np.floating]


def chosen(score: Floats, count: int, among: Mask) -> Mask:
    """Exactly ``count`` voxels of the highest score; among equals the first in memory order."""
    places = np.flatnonzero(among)
    out = np.zeros(score.shape, bool)
    if count > 0:
        order = np.argsort(-score.ravel()[places], kind="stable")[:count]
        out.reshape(-1)[places[order]] = True
    return out


def filled(
    distance: Floats, count: int, wrap: tuple[bool, bool, bool], room: Mask | None = None
) -> Mask:
    """``count`` voxels of the particles whose distance is given, necks first where some lack.

    What particles lose to each other where they overlap flows out beside their contact, as in
    plastic flattening; if there is more than room for, the outermost voxels go. ``room`` is where
    they may be, by default everywhere.
    """
    room = np.ones(distance.shape, bool) if room is None else room
    solid = (distance < 0) & room
    surplus = int(np.count_nonzero(solid)) - count
    if surplus >= 0:
        return chosen(-distance, count, solid)
    for rounds_left in range(ROUNDS, 0, -1):
        missing = count - int(np.count_nonzero(solid))
        beside = dilated(solid, wrap) & ~solid & room
        take = min(-(-missing // rounds_left), int(np.count_nonzero(beside)))
        crowded = smoothed(solid, NECK, wrap)
        # ties in a neck go to what is nearest to a particle
        solid |= chosen(crowded - 1e-6 * distance / np.abs(distance).max(), take, beside)
    while (missing := count - int(np.count_nonzero(solid))) > 0:
        beside = dilated(solid, wrap) & ~solid & room
        solid |= chosen(-distance, missing, beside if beside.any() else ~solid & room)
    return solid


def dilated(mask: Mask, wrap: tuple[bool, bool, bool]) -> Mask:
    """The mask and all voxels that share a face with it."""
    out = mask.copy()
    for axis, is_periodic in enumerate(wrap):
        for step in (-1, 1):
            moved = np.roll(mask, step, axis)
            if not is_periodic:
                edge: list[slice | int] = [slice(None)] * 3
                edge[axis] = 0 if step == 1 else -1
                moved[tuple(edge)] = False
            out |= moved
    return out


def smoothed(amount: NDArray[Any], sigma: float, wrap: tuple[bool, bool, bool]) -> Floats:
    """Mean around each voxel, with Gaussian weights."""
    mode: list[Any] = ["wrap" if is_periodic else "nearest" for is_periodic in wrap]
    out: Floats = ndimage.gaussian_filter(amount.astype(np.float32), sigma, mode=mode)
    return out


def splat(
    points: NDArray[np.float64],
    shape: tuple[int, int, int],
    spacing: NDArray[np.float64],
    wrap: tuple[bool, bool, bool],
) -> NDArray[np.float64]:
    """Points (m, shape (n, 3)) shared among the eight voxels around each."""
    at = points / spacing - 0.5
    low = np.floor(at).astype(int)
    part = at - low
    out = np.zeros(shape)
    for corner in np.ndindex(2, 2, 2):
        index = low + corner
        weight = np.prod(np.where(np.array(corner) == 1, part, 1 - part), axis=1)
        places = [
            i % n if is_periodic else np.clip(i, 0, n - 1)
            for i, n, is_periodic in zip(index.T, shape, wrap, strict=True)
        ]
        np.add.at(out, tuple(places), weight)
    return out
