"""Rigid particles cut out of a volume: their shapes, the balls that stand for them, where they go.

Coordinates are (z, y, x) in m from the corner of the volume; arrays of windows are in voxels.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from solvers.clumps import Clumps

RIM = 4  # voxels around a particle in which its distance is known
SEAM = 2  # voxels
SMOOTHING = 1.0  # voxels
MOST_BALLS = 24
FILLED = 0.93  # of the particle's voxels, by its balls
STEPS = np.geomspace(0.1, 0.003, 24)  # of the radius, by which a ball looks for more room
CLOSE = 0.01  # by which the nearest voxel outside is further than the surface

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class RigidParticle:
    """One particle.

    ``distance`` is the signed distance in m to its surface at the voxel centres of a window that
    starts at voxel ``start``, negative inside; necks reach a little into their other side.
    ``body`` is the same without that, ``centre`` the centroid.
    """

    distance: NDArray[np.float32]
    body: NDArray[np.float32]
    start: Floats
    centre: Floats

    def corners(self, spacing: Floats) -> Floats:
        """The window's eight corners, relative to the centre, shape (8, 3)."""
        size = np.array(self.distance.shape)
        corners = np.array(list(np.ndindex(2, 2, 2))) * (size - 1)
        return (self.start + corners + 0.5) * spacing - self.centre

    def at(self, points: Floats, spacing: Floats) -> tuple[NDArray[np.float32], ...]:
        """Both distances at points relative to the centre, shape (3, …); far away if outside."""
        shape = (3,) + (1,) * (points.ndim - 1)
        origin = (self.start + 0.5) * spacing - self.centre
        index = (points - origin.reshape(shape)) / spacing.reshape(shape)
        far = np.float32(1e3 * spacing.max())
        return tuple(
            ndimage.map_coordinates(field, index, order=1, mode="constant", cval=far)
            for field in (self.distance, self.body)
        )


def rigid_particles(labels: NDArray[np.int32], spacing: Floats) -> list[RigidParticle]:
    """The particles 1 … n of a label field."""
    padded = np.pad(labels, RIM)
    return [
        _cut(padded, number, window, spacing)
        for number, window in enumerate(ndimage.find_objects(padded), start=1)
        if window is not None
    ]


def _cut(
    padded: NDArray[np.int32], number: int, window: tuple[slice, ...], spacing: Floats
) -> RigidParticle:
    wide = tuple(slice(s.start - RIM, s.stop + RIM) for s in window)
    solid = padded[wide] > 0
    own = padded[wide] == number
    # a little of its neighbours is drawn along, so that a neck that stays together has no seam
    drawn = ndimage.binary_dilation(own, ndimage.generate_binary_structure(3, 2), SEAM) & solid
    start = np.array([s.start - RIM for s in wide], dtype=float)  # before the rim was added
    centre = (np.argwhere(own).mean(axis=0) + start + 0.5) * spacing
    return RigidParticle(_distance(drawn, spacing), _distance(own, spacing), start, centre)


def _distance(mask: NDArray[np.bool_], spacing: Floats) -> NDArray[np.float32]:
    """Signed distance to the surface of a mask, without its steps; the volume stays the same.

    Distances to the nearest voxel centre, less half a voxel, would tie a particle to the grid.
    """
    inside = ndimage.distance_transform_edt(mask, sampling=spacing)
    beyond = ndimage.distance_transform_edt(~mask, sampling=spacing)
    half = spacing.min() / 2
    smooth = ndimage.gaussian_filter(np.where(mask, half - inside, beyond - half), SMOOTHING)
    count = int(mask.sum())
    below, above = np.partition(smooth, (count - 1, count), axis=None)[count - 1 : count + 1]
    return (smooth - (below + above) / 2).astype(np.float32)


def clumps_of_rigid(
    particles: list[RigidParticle], spacing: Floats, box: Floats, periodic: tuple[bool, bool, bool]
) -> Clumps:
    """Every particle as a clump of inscribed balls, the largest first, in a box with walls."""
    parts = [_balls(particle, spacing) for particle in particles]
    counts = [len(radii) for _, radii in parts]
    clumps = Clumps(
        np.array([particle.centre for particle in particles]),
        np.tile(np.eye(3), (len(particles), 1, 1)),
        np.repeat(np.arange(len(parts), dtype=np.int32), counts),
        np.concatenate([offsets for offsets, _ in parts]),
        np.concatenate([radii for _, radii in parts]),
        np.array([_gyration(particle, spacing) for particle in particles]),
    )
    return replace(clumps, radii=_apart(clumps, box, periodic))


def _apart(clumps: Clumps, box: Floats, periodic: tuple[bool, bool, bool]) -> Floats:
    """Radii with which balls overlap neither others nor walls yet: nothing moves unpressed."""
    tree = cKDTree(clumps.places)
    i, j = tree.query_pairs(2 * clumps.radii.max(), output_type="ndarray").T
    both = clumps.body[i] != clumps.body[j]
    i, j = i[both], j[both]
    distance = np.linalg.norm(clumps.places[i] - clumps.places[j], axis=1)
    share = np.minimum(distance / (clumps.radii[i] + clumps.radii[j]), 1.0)
    least = np.ones(len(clumps.radii))
    for ends in (i, j):
        np.minimum.at(least, ends, share)
    room = np.where(periodic, np.inf, np.minimum(clumps.places, box - clumps.places)).min(axis=1)
    return np.minimum(clumps.radii * least, np.maximum(room, clumps.radii.min() / 2))


def _gyration(particle: RigidParticle, spacing: Floats) -> float:
    points = np.argwhere(particle.body < 0) * spacing
    return max(float(np.sqrt(points.var(axis=0).sum())), float(spacing.min()) / 2)


def _balls(particle: RigidParticle, spacing: Floats) -> tuple[Floats, Floats]:
    """Balls that fill a particle: again and again the largest one outside the others."""
    inside = np.argwhere(particle.body < 0)
    places = (inside + particle.start + 0.5) * spacing - particle.centre
    depth = -particle.body[tuple(inside.T)].astype(float)
    edge = np.argwhere((particle.body >= 0) & (particle.body < 2 * spacing.max()))
    beyond = cKDTree((edge + particle.start + 0.5) * spacing - particle.centre)
    bare = np.ones(len(places), bool)
    offsets: list[Floats] = []
    radii: list[float] = []
    while len(radii) < MOST_BALLS and bare.mean() > 1.0 - FILLED:
        at, radius = _centred(places[np.argmax(np.where(bare, depth, -1.0))], beyond)
        offsets.append(at)
        radii.append(radius)
        # what is within half a voxel of a ball is as good as filled
        reach = max(radius, depth[bare].max()) + spacing.min() / 2
        bare &= np.sum((places - at) ** 2, axis=1) > reach**2
    return np.array(offsets), np.array(radii)


def _centred(at: Floats, beyond: cKDTree) -> tuple[Floats, float]:
    """A ball moved off the grid to where it is largest: away from the nearest voxel outside.

    Voxels beside a curved surface come as close to it as one likes, so that a ball may reach up
    to the nearest of them.
    """
    found, best, near = at, 0.0, 0
    for step in STEPS:
        distance, nearest = beyond.query(at)
        if distance > best:
            found, best, near = at, float(distance), int(nearest)
        at = found + step * (found - beyond.data[near])
    return found, best * (1.0 - CLOSE)


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """Particles in their new places: distance to the nearest surface, and whose it is (0: none).

    ``overlap`` is the share of the particles' volume that lies in another one, or outside.
    """

    distance: NDArray[np.float32]
    owner: NDArray[np.int32]
    overlap: float


def placed(
    particles: list[RigidParticle],
    clumps: Clumps,
    shape: tuple[int, int, int],
    spacing: Floats,
    new_spacing: Floats,
    periodic: tuple[bool, bool, bool],
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
        counted += int(np.count_nonzero(both[1] < 0))
        kept = [(i >= 0) & (i < n) | p for i, n, p in zip(index, shape, periodic, strict=True)]
        drawn, own = (field[np.ix_(*kept)] for field in both)
        where = np.ix_(*(i[k] % n for i, k, n in zip(index, kept, shape, strict=True)))
        owner[where] = np.where(own < body[where], number, owner[where])
        body[where] = np.minimum(body[where], own)
        distance[where] = np.minimum(distance[where], drawn)
    union = int(np.count_nonzero(body < 0))
    return Placed(distance, owner, 1.0 - union / max(counted, 1))


def _range(low: float, high: float, h: float, n: int, periodic: bool) -> NDArray[np.int64]:
    """Voxels whose centres lie between two coordinates; some may lie outside the box."""
    first, last = int(np.ceil(low / h - 0.5)), int(np.floor(high / h - 0.5))
    return np.arange(first, (min(last, first + n - 1) if periodic else last) + 1)


def carried(
    points: Floats, owners: NDArray[np.int32], particles: list[RigidParticle], clumps: Clumps
) -> Iterator[Floats]:
    """New places of points (m, shape (n, 3)) that move with their owners 1 … n."""
    for number in np.unique(owners):
        k = int(number) - 1
        relative = points[owners == number] - particles[k].centre
        yield relative @ clumps.orientations[k].T + clumps.centres[k]
