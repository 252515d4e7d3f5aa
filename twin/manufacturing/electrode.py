"""Generated electrodes: packed particles of one or more phases with binder between. SI units."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from microstructures import Particles, Volume
from microstructures.errors import InvalidInputError
from microstructures.generate import exact_fraction, level_set
from solvers.packing import Relaxed, relax
from twin.manufacturing._arguments import short
from twin.manufacturing._binder_order import (
    Placement,
    check_options,
    checked_fraction,
    checked_seed,
)
from twin.manufacturing._binder_profile import Profile, relative_fractions
from twin.manufacturing._grid import Grid
from twin.manufacturing._population import Population
from twin.manufacturing.binder import place_binder
from twin.manufacturing.step import StepReport

__all__ = ["Population", "generate_electrode"]

OVERLAP = 2e-3  # of a radius, that does not count
MOST_STEPS = 5000
DENSE = 0.02  # of a radius: overlaps above this are told
FEW_VOXELS = 2.0  # across a particle, below which it is told
RESIZED = 0.05  # change of all radii that is told

PORES = ("porosity", "total_porosity")


def generate_electrode(
    shape: tuple[int, int, int],
    spacing: float | tuple[float, float, float],
    populations: Mapping[str, Population | Mapping[str, Any]],
    *,
    binder: float | Mapping[str, float] = 0.0,
    binder_phase: str = "CBD",
    preference: float = 0.5,
    placement: Placement = "film-to-cluster",
    profile: Profile | None = None,
    nanoporosity: float = 0.0,
    pore: str = "pore",
    periodic: bool | tuple[bool, bool, bool] = True,
    rng: int | np.random.Generator | None = 0,
) -> tuple[Volume, StepReport]:
    """An electrode of packed particles with binder: active material, binder and pore in one call.

    Particles of all populations are packed together by ``solvers.relax``, so that dense electrodes
    (to about 62 % for spheres) have no overlaps worth mentioning. All fractions are exact to a
    voxel: surfaces are moved by one distance for each phase.

    Args:
        shape: voxels (nz, ny, nx).
        spacing: voxel edge in m, or (dz, dy, dx).
        populations: by name of the phase, such as active material and solid electrolyte; each a
            ``Population``, or its table: ``{"fraction": 0.5, "radius": 2e-6}``.
        binder: volume fraction of binder or carbon, nanopores included; 0 for none. Several, by
            name, are placed one after the other, and each sticks to those before it.
        binder_phase: its name, where ``binder`` is a number.
        preference: of the binder, from 0 (films) to 1 (clusters), see ``place_binder``.
        placement: "film-to-cluster" or "bridges", see ``place_binder``.
        profile: of the binder from collector to surface, see ``place_binder``.
        nanoporosity: of the binder.
        pore: name of what is left.
        periodic: whether the volume repeats, for each axis or all; otherwise it has walls there.
        rng: integer ≥ 0 or generator; None draws an integer, which the report holds.

    Returns:
        The volume, and a report. Its parameters are the arguments in plain numbers, which make the
        same volume again unless ``rng`` was a generator. Its figures: ``largest_overlap`` in radii
        and ``contacts`` a particle; ``porosity`` and ``total_porosity`` (and nanopores). Known of
        the bodies of each population, its name at the end: ``particles_``; ``number_density_`` in
        1/m³; ``size_scale_``, the factor on all radii that suits a whole number of particles;
        ``specific_surface_`` in m²/m³ of the volume, contacts not subtracted. ``surface_shift_``
        is the distance in m by which surfaces were moved. Of binder those of ``place_binder``,
        with the name of the phase at the end if there are several.

    Raises:
        InvalidInputError: fractions that fill more than there is, a name that occurs twice,
            particles larger than the box or all smaller than a voxel, or an argument of the wrong
            kind.

    Accuracy: the same seed gives the same volume. Above the densest random packing overlaps remain
        and are told in a warning. Particles that were pushed apart still touch: spheres percolate
        at 33 to 39 % by volume, ten below those strewn without overlap (docs, packings).
    """
    grid = Grid.of(shape, spacing, periodic)
    given = _populations(populations)
    binders = _binders(binder, binder_phase)
    _check_names(pore, given, binders)
    _check_fractions(given, binders)
    options = _binder_options(preference, placement, profile, nanoporosity)
    seed = checked_seed(rng)
    warnings = [text for name, each in given.items() for text in _sizes(name, each, grid)]
    generator = np.random.default_rng(seed)
    packed, owner = _packed(given, grid, generator)
    labels, shifts = _labels(given, packed.particles, owner, grid)
    bare = Volume(labels, grid.spacing, {0: pore} | dict(enumerate(given, start=1)))
    volume, placed, told = _with_binders(bare, binders, options, grid, generator)
    hidden = nanoporosity * sum(volume.fraction(name) for name in binders)
    figures = {
        "largest_overlap": packed.report.overlap,
        "contacts": packed.report.contacts,
        **_known(given, packed.particles, owner, grid),
        **{f"surface_shift_{name}": shift for name, shift in shifts.items()},
        **placed,
        "porosity": volume.fraction(pore),
        "total_porosity": volume.fraction(pore) + hidden,
    }
    parameters = {
        "shape": list(grid.shape),
        "spacing": grid.given_spacing,
        "populations": {name: each.to_dict() for name, each in given.items()},
        "binder": dict(binders) if isinstance(binder, Mapping) else binder,
        "binder_phase": binder_phase,
        **options,
        "pore": pore,
        "periodic": grid.given_periodic,
        "rng": seed,
    }
    return volume, StepReport(
        "generate_electrode",
        {key: value for key, value in parameters.items() if value is not None},
        {},
        volume.fractions(),
        warnings=(*warnings, *_overlapping(packed), *told),
        figures=figures,
    )


def _populations(given: Any) -> dict[str, Population]:
    if not isinstance(given, Mapping):
        raise InvalidInputError(
            f"populations is {short(given)}: give a table of them by phase, such as "
            "{'NMC': Population(0.5, 2e-6)}"
        )
    if not given:
        raise InvalidInputError("populations is empty: name at least one phase of particles")
    return {name: Population.of(each, str(name)) for name, each in given.items()}


def _binders(binder: Any, phase: Any) -> dict[str, float]:
    """Volume fraction of each binder by name; those of none are left out."""
    if not isinstance(phase, str):
        raise InvalidInputError(f"binder_phase {short(phase)} is no name: give text such as 'CBD'")
    several = binder if isinstance(binder, Mapping) else {phase: binder}
    for share in several.values():
        is_number = isinstance(share, int | float | np.number) and not isinstance(share, bool)
        if not is_number or not 0.0 <= share < 1.0:
            raise InvalidInputError(f"binder {share!r} is no fraction in 0…1, 1 excluded")
    return {name: float(share) for name, share in several.items() if share}


def _check_names(pore: Any, given: Mapping[str, Any], binders: Mapping[str, float]) -> None:
    names = [pore, *given, *binders]
    if wrong := [name for name in names if not isinstance(name, str) or not name.strip()]:
        raise InvalidInputError(f"{wrong[0]!r} is no name of a phase: give text such as 'NMC'")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise InvalidInputError(
            f"pore, populations and binder are named {names}: {twice} occur twice, give each phase "
            "a name of its own"
        )


def _check_fractions(given: Mapping[str, Population], binders: Mapping[str, float]) -> None:
    solid = sum(binders.values()) + sum(each.fraction for each in given.values())
    if solid >= 1.0:
        raise InvalidInputError(
            f"particles and binder fill {solid:.4g} of the volume: leave room for pores"
        )


def _binder_options(
    preference: float, placement: Placement, profile: Profile | None, nanoporosity: float
) -> dict[str, Any]:
    """What ``place_binder`` is to know, checked before anything is packed."""
    check_options(preference, placement, batches=1)
    checked_fraction(0.0, None, nanoporosity)
    if profile is not None:
        relative_fractions(profile, 2)
    return {
        "preference": preference,
        "placement": placement,
        "profile": profile,
        "nanoporosity": nanoporosity,
    }


def _sizes(name: str, given: Population, grid: Grid) -> Iterator[str]:
    """Doubts about sizes; raises InvalidInputError where box or voxels do not suit them."""
    voxel, widest = float(np.cbrt(np.prod(grid.spacing))), 2.0 * float(given.sizes.radii[-1])
    if widest < voxel:
        raise InvalidInputError(
            f"particles of {name} are at most {widest:.3g} m wide, less than a voxel of "
            f"{voxel:.3g} m: radius and spacing are both in m, 2e-6 for 2 µm"
        )
    radii, scale = given.radii(grid.box), given.size_scale(grid.box)
    longest = 2.0 * float(radii.max() * given.ratios.max())
    if longest > grid.box.min():
        raise InvalidInputError(
            f"particles of {name} are {longest:.3g} m long, the box is only {grid.box.min():.3g} m "
            "wide: take a larger box, or check that radius and spacing are in m, 2e-6 for 2 µm"
        )
    narrowest = 2.0 * float(radii.min() * given.ratios.min()) * scale / voxel
    if narrowest < FEW_VOXELS:
        yield (
            f"particles of {name} are as small as {narrowest:.2g} voxels across, too few to have a "
            "shape: take finer voxels"
        )
    if abs(scale - 1.0) > RESIZED:
        yield (
            f"radii of {name} were multiplied by {scale:.3g}, since {len(radii)} particles fill "
            "the fraction only so: take a larger box"
        )


def _packed(
    given: Mapping[str, Population], grid: Grid, generator: np.random.Generator
) -> tuple[Relaxed, NDArray[np.intp]]:
    """All particles, and the number of the population of each."""
    axes = [each.semi_axes(grid.box) for each in given.values()]
    owner = np.repeat(np.arange(len(axes)), [len(a) for a in axes])
    semi_axes = np.concatenate(axes)
    centres = generator.random((len(owner), 3)) * grid.box
    turns = Rotation.random(len(owner), rng=generator).as_matrix()
    loose = Particles(centres, semi_axes, turns, box=grid.box, periodic=grid.periodic)
    return relax(loose, tolerance=OVERLAP, max_iterations=MOST_STEPS, allow_overlap=True), owner


def _labels(
    given: Mapping[str, Population], particles: Particles, owner: NDArray[np.intp], grid: Grid
) -> tuple[NDArray[np.uint8], dict[str, float]]:
    """Each phase takes the voxels nearest to its particles, as many as its fraction asks for.

    Returns:
        Labels, and how far in m the surfaces of each phase were moved for that.
    """
    labels, shifts = np.zeros(grid.shape, np.uint8), {}
    for number, (name, each) in enumerate(given.items()):
        own = _chosen(particles, owner == number)
        reach = 4 * max(grid.spacing)
        distance = level_set(own, grid.spacing, grid.shape, reach=reach).distance
        distance[labels > 0] = np.inf
        while np.count_nonzero(distance < reach) < each.fraction * distance.size:
            reach *= 2
            distance = level_set(own, grid.spacing, grid.shape, reach=reach).distance
            distance[labels > 0] = np.inf
        mine = exact_fraction(distance, each.fraction)
        labels[mine] = number + 1
        shifts[name] = float(distance[mine].max(initial=-np.inf)) if mine.any() else 0.0
    return labels, shifts


def _chosen(particles: Particles, which: NDArray[np.bool_]) -> Particles:
    return Particles(
        particles.centres[which],
        particles.semi_axes[which],
        particles.orientations[which],
        box=particles.box,
        periodic=particles.periodic,
    )


def _known(
    given: Mapping[str, Population], particles: Particles, owner: NDArray[np.intp], grid: Grid
) -> dict[str, float]:
    """What is known of the bodies of each population before they are cut into voxels."""
    whole, areas, known = float(np.prod(grid.box)), particles.surface_areas, {}
    for number, (name, each) in enumerate(given.items()):
        mine = owner == number
        known[f"particles_{name}"] = float(np.count_nonzero(mine))
        known[f"number_density_{name}"] = np.count_nonzero(mine) / whole
        known[f"size_scale_{name}"] = each.size_scale(grid.box)
        known[f"specific_surface_{name}"] = float(areas[mine].sum()) / whole
    return known


def _with_binders(
    volume: Volume,
    binders: Mapping[str, float],
    options: Mapping[str, Any],
    grid: Grid,
    generator: np.random.Generator,
) -> tuple[Volume, dict[str, float], tuple[str, ...]]:
    """Binders placed in their order; figures and warnings of ``place_binder``."""
    figures: dict[str, float] = {}
    told: tuple[str, ...] = ()
    pore = volume.phases[0]
    for name, share in binders.items():
        volume, report = place_binder(
            volume,
            fraction=share,
            phase=name,
            pore=pore,
            boundary=grid.boundary,
            rng=generator,
            **options,
        )
        end = f"_{name}" if len(binders) > 1 else ""
        figures |= {f"{k}{end}": v for k, v in report.figures.items() if k not in PORES}
        told += report.warnings
    return volume, figures, told


def _overlapping(packed: Relaxed) -> tuple[str, ...]:
    overlap = packed.report.overlap
    if overlap <= DENSE:
        return ()
    return (
        f"particles overlap by up to {overlap:.1%} of a radius: they are denser than a random "
        "packing of hard ones can be, so that contacts are wider than those of round particles",
    )
