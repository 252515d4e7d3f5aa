"""A pressed volume drawn from where its particles have gone. Lengths in m, thickness first."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from solvers.clumps import Clumps
from twin.manufacturing._calender_case import Case
from twin.manufacturing._deposit import chosen, filled, smoothed, splat
from twin.manufacturing._placed import Placed, carried, placed
from twin.manufacturing._rigid import RigidParticle

BINDER_WIDTH = 0.5  # voxels over which binder is spread where it arrives

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Redrawn:
    """Labels, and the number of each voxel's particle.

    ``overlap`` is the share of the particles' volume that lay in others, ``elsewhere`` by label the
    share of a carried phase that found no room where it was carried, ``swallowed`` how many
    particles had no voxel of their own left, and got one.
    """

    labels: NDArray[Any]
    owners: NDArray[np.int32]
    overlap: float
    elsewhere: dict[int, float]
    swallowed: int


def redrawn(
    case: Case,
    numbers: NDArray[np.int32],
    kinds: NDArray[np.int64],
    bodies: list[RigidParticle],
    pressed: Clumps,
) -> Redrawn:
    """Each phase in its exact number of voxels; ``kinds`` are the labels of particles 1 … n."""
    steps, wrap = case.new_steps, case.wrap
    where = placed(bodies, pressed, case.new_shape, case.spacing, steps, wrap)
    out = np.full(case.new_shape, case.pore, case.volume.labels.dtype)
    owners = np.zeros(case.new_shape, np.int32)
    for label, own in _by_phase(case, kinds, bodies, pressed, where).items():
        room = (out == case.pore) & ((where.body >= 0) | (kinds[where.owner - 1] == label))
        solid = filled(own.distance, case.target.count(label), wrap, room)
        out[solid] = label
        members = 1 + np.flatnonzero(kinds == label)
        owners[solid] = members[np.maximum(own.owner[solid], 1) - 1]
    swallowed = _restore(owners, kinds, out, pressed.centres / steps)
    elsewhere = {}
    for label in case.carried:
        arrived = _arrived(case, numbers, label, bodies, pressed)
        score = smoothed(arrived, BINDER_WIDTH, wrap)
        taken = chosen(score, case.target.count(label), out == case.pore)
        out[taken] = label
        total = max(float(arrived.sum()), 1.0)
        elsewhere[label] = 1.0 - float(np.minimum(arrived, 1.0)[taken].sum()) / total
    return Redrawn(out, owners, where.overlap, elsewhere, swallowed)


def _by_phase(
    case: Case,
    kinds: NDArray[np.int64],
    bodies: list[RigidParticle],
    pressed: Clumps,
    where: Placed,
) -> dict[int, Placed]:
    """The particles of each phase alone."""
    if len(case.particles) == 1:
        return {case.particles[0]: where}
    return {
        label: placed(
            [body for body, kind in zip(bodies, kinds, strict=True) if kind == label],
            pressed.only(kinds == label),
            case.new_shape,
            case.spacing,
            case.new_steps,
            case.wrap,
        )
        for label in case.particles
    }


def _restore(
    owners: NDArray[np.int32], kinds: NDArray[np.int64], labels: NDArray[Any], centres: Floats
) -> int:
    """Give particles that larger ones have swallowed the nearest voxel; how many there were."""
    lost = np.setdiff1d(np.arange(1, len(centres) + 1), owners)
    for number in lost:
        places = np.argwhere(labels == kinds[number - 1])
        of = owners[tuple(places.T)]
        common = np.bincount(of)[of] > 1
        apart = np.sum((places + 0.5 - centres[number - 1]) ** 2, axis=1)
        owners[tuple(places[np.argmin(np.where(common, apart, np.inf))])] = number
    return len(lost)


def _arrived(
    case: Case,
    numbers: NDArray[np.int32],
    label: int,
    bodies: list[RigidParticle],
    pressed: Clumps,
) -> Floats:
    """Voxels of a phase that went with the nearest particles, shared among those around each."""
    spacing, box, wrap = case.spacing, case.box, case.wrap
    points = (np.argwhere(case.labels == label) + 0.5) * spacing
    solid = np.argwhere(numbers)
    tree = cKDTree((solid + 0.5) * spacing, boxsize=np.where(wrap, box, 0.0))
    owners = numbers[tuple(solid[tree.query(points)[1]].T)]
    moved = np.concatenate(list(carried(points, owners, bodies, pressed, box, wrap)))
    return splat(moved, case.new_shape, case.new_steps, wrap)
