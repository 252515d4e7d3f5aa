"""Polycrystals: Voronoi and Laguerre tessellations of a box. Arrays have shape (nz, ny, nx).

A voxel belongs to the grain with the smallest power |x − c|² − w, w the square of its radius. As a
distance in four dimensions, |x − c|² + (√(w_max − w))² + const, it is found with a tree.
"""

import math

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError
from microstructures.generate._inputs import (
    Flags,
    Seed,
    Shape3,
    Triple,
    checked_fraction,
    checked_generator,
    checked_length,
    checked_number,
    checked_periodic,
    checked_shape,
)
from microstructures.generate.boolean_model import box_of
from microstructures.generate.particles import Floats, Particles
from microstructures.generate.raster import Instances, exact_fraction
from microstructures.generate.sizes import Sizes
from microstructures.generate.structure import KnownValue, Phases, Structure, made_volume
from microstructures.volume import checked_spacing

# surface between the cells of a Poisson-Voronoi tessellation of density 1, each face once
POISSON_VORONOI = (256 * math.pi / 3) ** (1 / 3) * math.gamma(5 / 3) / 2

_NAMES: Phases = {0: "grain boundary", 1: "grain"}
_NEIGHBOURS = 12  # grains among which the nearest boundary of a voxel is sought
_CHUNK = 2**17  # voxels looked up at once


def polycrystal(
    shape: Shape3,
    spacing: float | Triple,
    grains: int,
    *,
    sizes: Sizes | None = None,
    boundary_width: float = 0.0,
    boundary_fraction: float | None = None,
    periodic: bool | Flags = True,
    phases: Phases | None = None,
    rng: Seed = 0,
) -> Structure:
    """Grains around random points: a Poisson-Voronoi tessellation, or a Laguerre one.

    Args:
        shape: number of voxels (nz, ny, nx).
        spacing: voxel edge in m, or (dz, dy, dx).
        grains: number of points.
        sizes: radii of a Laguerre tessellation, of whose law each grain gets one quantile; small
            grains may vanish among large ones. None for Voronoi.
        boundary_width: as in ``tessellate``.
        boundary_fraction: as in ``tessellate``.
        periodic: for each axis or all.
        phases: names of 0 and 1, by default "grain boundary" and "grain".
        rng: an integer >= 0, or the generator to draw from.

    Returns:
        As ``tessellate``; of a periodic Voronoi tessellation also known: grain_boundary_area,
        2.910 n^(1/3) for n points per volume, each face counted once.

    Raises:
        InvalidInputError: an argument is out of range.

    Source: J. L. Meijering, Philips Res. Rep. 8 (1953) 270; Okabe et al., Spatial Tessellations
        (2000), doi:10.1002/9780470317013  [not opened: verify]
    """
    shape, steps, flags = checked_shape(shape), checked_spacing(spacing), checked_periodic(periodic)
    n, box, generator = (
        checked_number(grains, "grains"),
        box_of(shape, steps),
        checked_generator(rng, "rng"),
    )
    radii = np.ones(n) * min(steps) if sizes is None else sizes.spread(n)
    centres = generator.random((n, 3)) * np.array(box)
    particles = Particles.spheres(centres, radii, box=box, periodic=flags)
    structure = tessellate(
        particles, steps, shape, boundary_width=boundary_width,
        boundary_fraction=boundary_fraction, phases=phases,
    )  # fmt: skip
    known = dict(structure.known)
    if sizes is None and all(flags):
        area = POISSON_VORONOI * (n / math.prod(box)) ** (1 / 3)
        known["grain_boundary_area"] = KnownValue(area, "m²/m³", "on average")
    call = f"polycrystal({shape=}, spacing={steps}, grains={n}, {boundary_width=:g})"
    volume = made_volume(structure.volume.labels, steps, phases or _NAMES, call, rng)
    return Structure(volume, known, particles, structure.instances)


def tessellate(
    particles: Particles,
    spacing: float | Triple,
    shape: Shape3 | None = None,
    *,
    boundary_width: float = 0.0,
    boundary_fraction: float | None = None,
    phases: Phases | None = None,
) -> Structure:
    """The Laguerre tessellation of spheres: no gaps, planes where two spheres of power are equal.

    Of particles that are not spheres, only the volume counts. Equal radii give Voronoi cells;
    a dense packing gives grains of about the size of its particles.

    Args:
        particles: at least one, inside the box along axes that are not periodic.
        spacing: voxel edge in m, or (dz, dy, dx).
        shape: number of voxels, which fill the box; by default as many as do.
        boundary_width: thickness in m of the phase between grains, 0 for none.
        boundary_fraction: its volume fraction, 0…1, open, exact to a voxel; instead of a width.
        phases: names of 0 and 1, by default "grain boundary" and "grain".

    Returns:
        The volume, 1 in grains and 0 between them; instances: grains i + 1 and 0 between them;
        known: grains (points given; some may have no voxel), mean_grain_volume in m³.

    Raises:
        InvalidInputError: no particle, voxels that do not fill the box, or both a width and
            a fraction.

    Accuracy: boundaries are exact to the voxel; their width is that between planes, each voxel
        looking at the 12 nearest grains.
    """
    steps = checked_spacing(spacing)
    counts = checked_shape(
        tuple(round(e / h) for e, h in zip(particles.box, steps, strict=True))
        if shape is None else shape
    )  # fmt: skip
    _check(particles, counts, steps, boundary_width, boundary_fraction)
    width = checked_length(boundary_width, "boundary_width", or_zero=True)
    grains, depth = _cells(particles, counts, steps, width > 0 or boundary_fraction is not None)
    is_boundary = depth < width / 2
    if boundary_fraction is not None:
        is_boundary = exact_fraction(
            depth, checked_fraction(boundary_fraction, "boundary_fraction")
        )
    grains[is_boundary] = 0
    known = {
        "grains": KnownValue(float(len(particles)), "1", "exactly"),
        "mean_grain_volume": KnownValue(math.prod(particles.box) / len(particles), "m³", "exactly"),
    }
    call = f"tessellate({len(particles)} particles, spacing={steps}, boundary_width={width:g})"
    labels = (grains > 0).astype(np.uint8)
    return Structure(
        made_volume(labels, steps, phases or _NAMES, call, None), known, particles, grains
    )


def _cells(
    particles: Particles, shape: Shape3, spacing: Triple, with_depth: bool
) -> tuple[Instances, Floats]:
    """Grain of each voxel, i + 1, and its distance in m to the nearest boundary of that grain."""
    from scipy.spatial import cKDTree

    box, n = np.array(particles.box), len(particles)
    centres = particles.wrapped().centres
    weights = np.cbrt(3 / (4 * np.pi) * particles.volumes) ** 2
    lifted = np.column_stack([centres, np.sqrt(weights.max() - weights)])
    sides = np.append(np.where(particles.periodic, box, 0.0), 0.0)
    tree = cKDTree(lifted, boxsize=sides)
    k = min(n, _NEIGHBOURS) if with_depth else 1
    grains, depth = np.empty(math.prod(shape), np.int32), np.full(math.prod(shape), math.inf)
    for start in range(0, len(grains), _CHUNK):
        at = _voxel_centres(np.arange(start, min(start + _CHUNK, len(grains))), shape, spacing)
        query = tree.query(np.column_stack([at, np.zeros(len(at))]), k=np.arange(1, k + 1))
        found, near = (np.asarray(part) for part in query)
        grains[start : start + len(at)] = near[:, 0] + 1
        if k > 1:
            offsets = centres[near] - at[:, None]
            offsets -= np.where(particles.periodic, box * np.round(offsets / box), 0.0)
            depth[start : start + len(at)] = _depth(offsets, found)
    return grains.reshape(shape), depth.reshape(shape)


def _depth(offsets: Floats, lifted: Floats) -> Floats:
    """Distance to the nearest of the planes in which the power of another grain is the same."""
    gap = lifted[:, 1:] ** 2 - lifted[:, :1] ** 2
    between = np.linalg.norm(offsets[:, 1:] - offsets[:, :1], axis=2)
    planes = np.divide(gap, 2 * between, out=np.full(gap.shape, math.inf), where=between > 0)
    return planes.min(axis=1)


def _voxel_centres(index: NDArray[np.int64], shape: Shape3, spacing: Triple) -> Floats:
    at = np.stack(np.unravel_index(index, shape), axis=1)
    return (at + 0.5) * np.array(spacing)


def _check(
    particles: Particles, shape: Shape3, spacing: Triple, width: float, fraction: float | None
) -> None:
    if not len(particles):
        raise InvalidInputError("there is no particle to make grains of: pass at least one")
    if not np.allclose(box_of(shape, spacing), particles.box, rtol=1e-6, atol=0):
        raise InvalidInputError(
            f"the box of {particles.box} m is not filled by {shape} voxels of {spacing} m: make "
            "the spacing box / number of voxels"
        )
    if fraction is not None and width:
        raise InvalidInputError("pass boundary_width or boundary_fraction, not both")
