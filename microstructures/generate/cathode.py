"""The sample cathode. Arrays have shape (nz, ny, nx), axis 0 through the electrode, lengths in m.

Particles are flattened spheres of log-normal size, packed at random with some overlap and joined
by rounded necks; their level set is cut where the fraction of NMC is exact. Binder takes the
voids that a ball cannot enter, then a rough film on the particles, until its fraction is exact.
The numbers below are fitted to one electrode; ``docs/reference/sample-cathode.md`` compares them.
"""

import math

import numpy as np
from numpy.typing import NDArray

from microstructures.generate._inputs import checked_generator, checked_shape, seed_name
from microstructures.generate.fields import (
    distance_from_ball_centres,
    lowest,
    smooth_noise,
    smooth_union,
    two_nearest,
)
from microstructures.generate.packing import Floats, lognormal_radii, pack
from microstructures.volume import Provenance, Volume, checked_spacing

PHASES = {0: "pore", 1: "NMC", 2: "CBD"}
NMC_FRACTION, CBD_FRACTION = 0.5, 0.1

_RADIUS, _SIGMA = 3.75e-6, 0.32  # median and log-normal width of the particles
_FLATTENING = 0.765  # thickness over width: the ratio of the chord lengths through and in plane
_CLOSEST = 0.65  # two centres are no nearer than this part of the sum of their radii
_FILLING = 0.56  # summed volume of the particles over that of the box; overlaps count twice
_NECK = 1.2e-6  # width over which the joint of two particles is rounded
_BUMPS, _BUMP_LENGTH = 0.05e-6, 1.2e-6  # roughness of the particles
_BALL = 1.5e-6  # radius of the ball that keeps binder out of the open pores
_FILM = 0.6  # how much more the binder likes the surface of a particle than the middle of a neck
_MOVES, _LAST = 3, 1.0  # passes that move loose binder, and a score above all others
_GRAIN, _GRAIN_LENGTH = 0.7e-6, 0.7e-6  # roughness of the binder


def sample_cathode(
    seed: int | np.random.Generator = 0,
    *,
    shape: tuple[int, int, int] = (160, 160, 160),
    spacing: float | tuple[float, float, float] = 398e-9,
) -> Volume:
    """A volume that resembles a calendered NMC cathode: 40 % pore, 50 % NMC, 10 % CBD.

    The particles are flattened along axis 0, which runs through the thickness. Fractions are
    exact to a voxel in every volume, however small.

    Args:
        seed: an integer >= 0, or the generator to draw from. The same seed, shape and spacing give
            the same volume.
        shape: number of voxels (nz, ny, nx).
        spacing: voxel edge in m, or (dz, dy, dx). Particles keep their size in metres.

    Returns:
        A volume with the phases 0 pore, 1 NMC and 2 CBD (carbon and binder).

    Raises:
        InvalidInputError: the seed, the shape or the spacing is not usable.

    Accuracy: tortuosity factors and interface areas lie within 20 % of those of one real
        electrode at the default shape and spacing; the binder's texture is a few voxels fine, so
        its areas depend on the spacing. See docs/reference/sample-cathode.md.
    """
    rng = checked_generator(seed)
    shape = checked_shape(shape)
    steps = checked_spacing(spacing)
    source = f"generate.sample_cathode(seed={seed_name(seed)}, shape={shape}, spacing={steps})"
    return Volume(_labels(shape, steps, rng), steps, PHASES, provenance=Provenance(source=source))


def _labels(
    shape: tuple[int, int, int], spacing: tuple[float, float, float], rng: np.random.Generator
) -> NDArray[np.uint8]:
    # a rim wide enough for the ball, which may lie outside and still sweep voxels inside
    rim = [math.ceil(_BALL / h) for h in spacing]
    wide = tuple(n + 2 * r for n, r in zip(shape, rim, strict=True))
    inside = tuple(slice(r, r + n) for n, r in zip(shape, rim, strict=True))
    depth = _particles(wide, spacing, rng)
    nmc = lowest(depth[inside], round(NMC_FRACTION * math.prod(shape)))
    if nmc.any():
        depth -= depth[inside][nmc].max()  # now 0 on the surface of the NMC
    score = _binder_score(depth, spacing, rng)[inside]
    binder = _anchored(score, nmc, round(CBD_FRACTION * math.prod(shape)))
    return nmc + np.uint8(2) * binder


def _anchored(score: Floats, nmc: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
    """``count`` voxels of low score beside the NMC; pieces that touch none of it move elsewhere."""
    from scipy.ndimage import label

    score = np.where(nmc, math.inf, score)
    binder = lowest(score, count)
    for _ in range(_MOVES):
        pieces, number = label(nmc | binder)
        is_held = np.zeros(number + 1, bool)
        is_held[pieces[nmc]] = True
        score[binder & ~is_held[pieces]] += _LAST
        binder = lowest(score, count)
    return binder


def _particles(
    shape: tuple[int, ...], spacing: tuple[float, float, float], rng: np.random.Generator
) -> Floats:
    """Signed distance to the surface of the packed particles, negative inside."""
    edges = np.array(shape) * spacing * np.array([1 / _FLATTENING, 1, 1])
    margin = _RADIUS * math.exp(2 * _SIGMA)  # particles centred outside still reach inside
    box = edges + 2 * margin
    radii = lognormal_radii(_RADIUS, _SIGMA, _FILLING * float(np.prod(box)))
    spheres = pack(radii, -np.full(3, margin), edges + margin, _CLOSEST, rng)
    axes: list[Floats] = [
        (np.arange(n, dtype=np.float64) + 0.5) * h for n, h in zip(shape, spacing, strict=True)
    ]
    first, second = two_nearest(axes, spheres, _FLATTENING, reach=3e-6)
    return smooth_union(first, second, _NECK) + _BUMPS * smooth_noise(
        shape, _BUMP_LENGTH, spacing, rng
    )


def _binder_score(
    void: Floats, spacing: tuple[float, float, float], rng: np.random.Generator
) -> Floats:
    """Low in the necks, higher on open surfaces, highest in the open pores."""
    noise = _GRAIN * smooth_noise(void.shape, _GRAIN_LENGTH, spacing, rng)
    return _FILM * void - distance_from_ball_centres(void, _BALL, spacing) + noise
