"""Repacking: a new electrode of the very particles of a segmented one. SI units."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError
from microstructures.phases import Phase
from solvers.clumps import Clumps
from solvers.instances import NECK, particle_instances
from solvers.packing import PackingReport, relax_clumps
from twin.manufacturing._balls import clumps_of_rigid
from twin.manufacturing._deposit import filled
from twin.manufacturing._placed import placed
from twin.manufacturing._rigid import RigidParticle, rigid_particles
from twin.manufacturing.step import StepReport

OVERLAP, MOST_STEPS = 5e-3, 5000  # of a radius, that does not count; steps of the packing
DENSE = 0.1  # of a radius: overlaps above this are told
FEW = 20  # whole particles, below which the new electrode repeats itself
LEAST = 8  # voxels of a particle; less has no shape
WALLS, WRAP = (False, False, False), (True, True, True)

Floats = NDArray[np.float64]


def repack(
    volume: Volume,
    *,
    shape: Sequence[int] | None = None,
    fraction: float | None = None,
    particles: Phase | None = None,
    pore: Phase = "pore",
    neck: float = NECK,
    rng: int = 0,
) -> tuple[Volume, StepReport]:
    """Particles drawn from a volume, at random places, packed until they no longer overlap.

    Only particles that no face cuts are drawn, and the more often the less likely the faces would
    have left them whole, so that large ones are as many as they were. Each keeps its shape and its
    direction to the thickness, and is turned about that by a random angle. Binder is left out: see
    ``place_binder``.

    Args:
        volume: whose particles are taken.
        shape: voxels of the new volume, which repeats in all directions; by default the same.
        fraction: of the particles in it, 0…1, open; by default the same.
        particles: the phase that is made of particles; by default the solid with most voxels.
        pore: the phase of all that is left.
        neck: at which particles are told apart, see ``solvers.particle_instances``.
        rng: seed, an integer ≥ 0.

    Returns:
        The new volume with the phases of the old one, and what was done.

    Raises:
        InvalidInputError: no whole particle, or an argument that is out of range.

    Accuracy: the fraction is exact to a voxel, the same seed gives the same volume. Surfaces lose
        roughness of a voxel.
    Source: correction for the faces: R. E. Miles, in Stereology (1978) 115  [not opened: verify].
    """
    label = _particles(volume, particles, pore)
    size, share = _size(volume, shape), _fraction(volume, label, fraction)
    if isinstance(rng, bool) or not isinstance(rng, int | np.integer) or rng < 0:
        raise InvalidInputError(f"rng {rng!r} is no seed: give an integer ≥ 0")
    generator = np.random.default_rng(int(rng))
    whole, chances = _whole(volume, label, neck)
    spacing = np.array(volume.spacing)
    count = round(share * float(np.prod(size)))
    drawn = _drawn(whole, chances, count, generator)
    bodies = [whole[k] for k in drawn]
    box = spacing * size
    loose = _strewn(clumps_of_rigid(bodies, spacing), box, volume.through_axis, generator)
    packed, report = relax_clumps(
        loose, box, WRAP, tolerance=OVERLAP, max_iterations=MOST_STEPS, task="repacking"
    )
    where = placed(bodies, packed, size, spacing, spacing, WRAP)
    solid = filled(where.distance, count, WRAP)
    labels = np.where(solid, label, volume.phase_id(pore)).astype(volume.labels.dtype)
    after = volume.with_labels(labels, f"{len(bodies)} of its particles repacked")
    parameters = {
        "shape": list(size),
        "fraction": share,
        "particles": volume.phase_name(label),
        "pore": volume.phase_name(pore),
        "neck": neck,
        "rng": int(rng),
    }
    return after, StepReport.between(
        "repack",
        volume,
        after,
        parameters,
        moved={
            "mean_turn_degrees": float(packed.turned_from(loose).mean()),
            "flattened_fraction": where.overlap,
        },
        warnings=_warnings(report, len(whole)),
        figures={
            "whole_particles": float(len(whole)),
            "particles": float(len(bodies)),
            "largest_overlap": report.overlap,
            "contacts": report.contacts,
        },
    )


def _particles(volume: Volume, particles: Phase | None, pore: Phase) -> int:
    void = volume.phase_id(pore)
    counts = {label: volume.voxels(label) for label in volume.phases if label != void}
    label = max(counts, key=counts.__getitem__) if particles is None else volume.phase_id(particles)
    if not counts.get(label):
        raise InvalidInputError(f"{particles!r} has no voxel: name a solid phase that occurs")
    return label


def _size(volume: Volume, shape: Sequence[int] | None) -> tuple[int, int, int]:
    given = volume.shape if shape is None else tuple(shape)
    if len(given) != 3 or not all(isinstance(n, int | np.integer) and n > 0 for n in given):
        raise InvalidInputError(f"shape {shape!r} is not three numbers of voxels (nz, ny, nx)")
    nz, ny, nx = (int(n) for n in given)
    return nz, ny, nx


def _fraction(volume: Volume, label: int, fraction: float | None) -> float:
    share = volume.fraction(label) if fraction is None else float(fraction)
    if not 0.0 < share < 1.0:
        raise InvalidInputError(f"fraction {fraction!r} is not in 0…1, limits excluded")
    return share


def _whole(volume: Volume, label: int, neck: float) -> tuple[list[RigidParticle], Floats]:
    """Particles that no face cuts, and how likely a face would have cut none of them."""
    labels = particle_instances(volume, label, neck=neck)
    touched = [np.take(labels, (0, -1), axis) for axis in range(3)]
    cut = np.unique(np.concatenate([face.ravel() for face in touched]))
    sizes = np.bincount(labels.ravel())
    inner = np.setdiff1d(np.flatnonzero(sizes >= LEAST), [0, *cut])
    if not len(inner):
        raise InvalidInputError(
            "no particle lies wholly inside: take a larger volume, or a larger neck to tell more "
            "of them apart"
        )
    renumbered = np.searchsorted(inner, labels) + 1
    labels = np.where(np.isin(labels, inner), renumbered, 0).astype(np.int32)
    bodies = rigid_particles(labels, np.array(volume.spacing), WALLS)
    return bodies, np.array([_chance(body, volume.shape) for body in bodies])


def _chance(body: RigidParticle, shape: tuple[int, int, int]) -> float:
    """Share of the places of a particle in a volume at which no face cuts it."""
    inside = np.argwhere(body.body < 0)
    extent = np.ptp(inside, axis=0) + 1
    return float(np.prod(np.maximum(np.array(shape) - extent + 1, 1) / np.array(shape)))


def _drawn(
    whole: list[RigidParticle], chances: Floats, count: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """Which particles, so many that they have ``count`` voxels, or just more."""
    sizes = np.array([np.count_nonzero(body.body < 0) for body in whole])
    weights = 1 / chances / np.sum(1 / chances)
    most = 10 + int(4 * count / np.sum(weights * sizes))
    drawn = generator.choice(len(whole), size=most, p=weights)
    return drawn[: 1 + np.searchsorted(np.cumsum(sizes[drawn]), count)]


def _strewn(clumps: Clumps, box: Floats, axis: int, generator: np.random.Generator) -> Clumps:
    """Bodies at random places, turned about the thickness by random angles."""
    number = len(clumps.centres)
    turn = np.zeros((number, 3))
    turn[:, axis] = generator.uniform(0.0, 2 * np.pi, number)
    turned = clumps.moved(np.zeros((number, 3)), turn)
    return replace(turned, centres=generator.random((number, 3)) * box)


def _warnings(report: PackingReport, whole: int) -> tuple[str, ...]:
    found = []
    if whole < FEW:
        found.append(
            f"only {whole} particles lie wholly inside the volume: the new one repeats them, so "
            "take a larger one"
        )
    if report.overlap > DENSE:
        found.append(
            f"particles overlap by up to {report.overlap:.0%} of a radius: they are denser than "
            "such shapes pack at random; take a lower fraction and press it"
        )
    return tuple(found)
