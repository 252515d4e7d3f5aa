"""Balls that stand for a rigid particle where it meets others. Lengths in m."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from solvers.clumps import Clumps
from solvers.neighbours import find_neighbours
from twin.manufacturing._rigid import RigidParticle, Wrap

MOST_BALLS = 24
FILLED = 0.93  # of the particle's voxels, by its balls
STEPS = np.geomspace(0.1, 0.003, 24)  # of the radius, by which a ball looks for more room
CLOSE = 0.01  # by which the nearest voxel outside is further than the surface

Floats = NDArray[np.float64]


def clumps_of_rigid(particles: list[RigidParticle], spacing: Floats) -> Clumps:
    """Every particle as a clump of inscribed balls, the largest first.

    Balls of particles that a wall cuts reach behind it, as their mirror images do before it.
    """
    known = {id(particle): _balls(particle, spacing) for particle in particles}
    parts = [known[id(particle)] for particle in particles]
    counts = [len(radii) for _, radii in parts]
    return Clumps(
        np.array([particle.centre for particle in particles]),
        np.tile(np.eye(3), (len(particles), 1, 1)),
        np.repeat(np.arange(len(parts), dtype=np.int32), counts),
        np.concatenate([offsets for offsets, _ in parts]),
        np.concatenate([radii for _, radii in parts]),
        np.array([_gyration(particle, spacing) for particle in particles]),
    )


def unpressed(
    clumps: Clumps, particles: list[RigidParticle], box: Floats, periodic: Wrap
) -> Clumps:
    """The same with radii at which balls overlap neither others nor walls: nothing moves yet."""
    cut = np.array([particle.cut for particle in particles])
    near = find_neighbours(clumps.places, clumps.radii, clumps.body, box, periodic, skin=0.0)
    i, j = near.pairs
    distance = np.linalg.norm(near.ways(clumps.places, box), axis=1)
    share = np.minimum(distance / (clumps.radii[i] + clumps.radii[j]), 1.0)
    least = np.ones(len(clumps.radii))
    np.minimum.at(least, i, share)
    free = cut[clumps.body] | np.array(periodic)
    room = np.where(free, np.inf, np.minimum(clumps.places, box - clumps.places)).min(axis=1)
    radii = np.minimum(clumps.radii * least, np.maximum(room, clumps.radii.min() / 2))
    return replace(clumps, radii=radii)


def _gyration(particle: RigidParticle, spacing: Floats) -> float:
    points = np.argwhere(particle.body < 0) * spacing
    return max(float(np.sqrt(points.var(axis=0).sum())), float(spacing.min()) / 2)


def _balls(particle: RigidParticle, spacing: Floats) -> tuple[Floats, Floats]:
    """Balls that fill a particle: again and again the largest one outside the others."""
    inside = np.argwhere(particle.body < 0)
    places = (inside + particle.start + 0.5) * spacing - particle.centre
    depth = -particle.body[tuple(inside.T)].astype(float)
    held = particle.holds(places.T)
    places, depth = places[held], depth[held]
    edge = np.argwhere((particle.body >= 0) & (particle.body < 2 * spacing.max()))
    beyond = cKDTree((edge + particle.start + 0.5) * spacing - particle.centre)
    bare = np.ones(len(places), bool)
    offsets: list[Floats] = []
    radii: list[float] = []
    while len(radii) < MOST_BALLS and bare.mean() > 1.0 - FILLED:
        at, radius = _centred(
            places[np.argmax(np.where(bare, depth, -1.0))], beyond, particle.walls
        )
        offsets.append(at)
        radii.append(radius)
        # what is within half a voxel of a ball is as good as filled
        reach = max(radius, depth[bare].max()) + spacing.min() / 2
        bare &= np.sum((places - at) ** 2, axis=1) > reach**2
    return np.array(offsets), np.array(radii)


def _centred(at: Floats, beyond: cKDTree, walls: Floats) -> tuple[Floats, float]:
    """A ball moved off the grid to where it is largest: away from the nearest voxel outside.

    Voxels beside a curved surface come as close to it as one likes, so that a ball may reach up
    to the nearest of them.
    """
    found, best, near = at, 0.0, 0
    for step in STEPS:
        distance, nearest = beyond.query(at)
        if distance > best:
            found, best, near = at, float(distance), int(nearest)
        at = np.clip(found + step * (found - beyond.data[near]), *walls.T)
    return found, best * (1.0 - CLOSE)
