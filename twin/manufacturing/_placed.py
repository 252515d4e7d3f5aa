"""Rigid particles drawn where they have gone, and what goes with them. Lengths in m."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers.clumps import Clumps
from twin.manufacturing._rigid import RigidParticle, Wrap

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """Particles in their new places: distance to the nearest surface, and whose it is (0: none).

    ``body`` is the distance without what they reach into their neighbours.

    ``overlap`` is the share of the particles' volume that lies in another one, or outside.
    """

    distance: NDArray[np.float32]
    body: NDArray[np.float32]
    owner: NDArray[np.int32]
    overlap: float


def placed(
    particles: list[RigidParticle],
    clumps: Clumps,
    shape: tuple[int, int, int],
    spacing: Floats,
    new_spacing: Floats,
    periodic: Wrap,
) -> Placed:
    """Particles moved to where their clumps are, on a grid of another size."""
    far = np.float32(1e3 * spacing.max())
    distance, body = np.full(shape, far), np.full(shape, far)
    owner = np.zeros(shape, np.int32)
    counted = 0
    for number, (particle, centre, turn) in enumerate(
        zip(particles, clumps.centres, clumps.orientations, strict=True), start=1
    ):
        corners = particle.corners(spacing) @ turn.T + centre
        index = [
            _range(low, high, h, n, p)
            for low, high, h, n, p in zip(
                corners.min(axis=0), corners.max(axis=0), new_spacing, shape, periodic, strict=True
            )
        ]
        points = np.stack(np.meshgrid(*index, indexing="ij")) + 0.5
        relative = points * new_spacing.reshape(3, 1, 1, 1) - centre.reshape(3, 1, 1, 1)
        both = particle.at(np.einsum("ji,j...->i...", turn, relative), spacing)
        counted += int(np.count_nonzero((both[1] < 0) & particle.holds(relative)))
        kept = [(i >= 0) & (i < n) | p for i, n, p in zip(index, shape, periodic, strict=True)]
        drawn, own = (field[np.ix_(*kept)] for field in both)
        where = np.ix_(*(i[k] % n for i, k, n in zip(index, kept, shape, strict=True)))
        owner[where] = np.where(own < body[where], number, owner[where])
        body[where] = np.minimum(body[where], own)
        distance[where] = np.minimum(distance[where], drawn)
    union = int(np.count_nonzero(body < 0))
    return Placed(distance, body, owner, 1.0 - union / max(counted, 1))


def _range(low: float, high: float, h: float, n: int, periodic: bool) -> NDArray[np.int64]:
    """Voxels whose centres lie between two coordinates; some may lie outside the box."""
    first, last = int(np.ceil(low / h - 0.5)), int(np.floor(high / h - 0.5))
    if periodic and last - first >= n:  # nothing twice: what is left out is rim on both sides
        first += (last - first + 1 - n) // 2
        last = first + n - 1
    return np.arange(first, last + 1)


def carried(
    points: Floats,
    owners: NDArray[np.int32],
    particles: list[RigidParticle],
    clumps: Clumps,
    box: Floats,
    periodic: Wrap,
) -> Iterator[Floats]:
    """New places of points (m, shape (n, 3)) that move with their owners 1 … n."""
    for number in np.unique(owners):
        k = int(number) - 1
        relative = points[owners == number] - particles[k].centre
        relative -= np.where(periodic, box * np.round(relative / box), 0.0)
        yield relative @ clumps.orientations[k].T + clumps.centres[k]
