"""Generated electrodes: packed particles of one or more phases with binder between. SI units."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from microstructures import Particles, Volume
from microstructures.errors import InvalidInputError
from microstructures.generate import Sizes, equal_sizes, exact_fraction, level_set
from solvers.packing import Relaxed, relax
from twin.manufacturing.binder import place_binder
from twin.manufacturing.step import StepReport

OVERLAP = 2e-3  # of a radius, that does not count
MOST_STEPS = 5000
DENSE = 0.02  # of a radius: overlaps above this are told

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Population:
    """Particles of one phase.

    Args:
        fraction: of the volume, 0…1, open.
        radius: m, or a distribution such as ``generate.lognormal_sizes``; of the sphere of equal
            volume.
        aspect: ratios of the three axes, > 0; (1, 1, 1) for spheres. Directions are random.
    """

    fraction: float
    radius: float | Sizes
    aspect: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        if not 0.0 < self.fraction < 1.0:
            raise InvalidInputError(f"fraction {self.fraction!r} is not in 0…1, limits excluded")
        if len(self.aspect) != 3 or not all(a > 0.0 for a in self.aspect):
            raise InvalidInputError(f"aspect {self.aspect!r} is not three ratios > 0")

    def semi_axes(self, box: Floats) -> Floats:
        """Of as many particles as fill the fraction of a box, shape (n, 3)."""
        sizes = self.radius if isinstance(self.radius, Sizes) else equal_sizes(self.radius)
        volume = self.fraction * float(np.prod(box))
        radii = sizes.spread(sizes.number(volume))
        radii = radii * (volume / np.sum(4 / 3 * np.pi * radii**3)) ** (1 / 3)
        ratios = np.array(self.aspect) / np.prod(self.aspect) ** (1 / 3)
        axes: Floats = radii[:, None] * ratios
        return axes

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers, for a report."""
        radius = self.radius.moment(1) if isinstance(self.radius, Sizes) else self.radius
        return {"fraction": self.fraction, "mean_radius": radius, "aspect": list(self.aspect)}


def generate_electrode(
    shape: tuple[int, int, int],
    spacing: float,
    populations: Mapping[str, Population],
    *,
    binder: float = 0.0,
    binder_phase: str = "CBD",
    preference: float = 0.5,
    nanoporosity: float = 0.0,
    pore: str = "pore",
    periodic: bool = True,
    rng: int = 0,
) -> tuple[Volume, StepReport]:
    """An electrode of packed particles with binder: active material, binder and pore in one call.

    Particles of all populations are packed together by ``solvers.relax``, so that dense electrodes
    (to about 62 % for spheres) have no overlaps worth mentioning. All fractions are exact to a
    voxel: surfaces are moved by one distance for each phase.

    Args:
        shape: voxels (nz, ny, nx).
        spacing: voxel edge in m.
        populations: by name of the phase, such as active material and solid electrolyte.
        binder: volume fraction of binder or carbon, nanopores included; 0 for none.
        binder_phase: its name.
        preference: of the binder, from 0 (films) to 1 (clusters), see ``place_binder``.
        nanoporosity: of the binder.
        pore: name of what is left.
        periodic: whether the volume repeats; otherwise it has walls on all sides.
        rng: seed, an integer ≥ 0.

    Returns:
        The volume, and a report with overlaps, numbers of particles and what binder did.

    Raises:
        InvalidInputError: fractions that fill more than there is, or particles beyond the box.

    Accuracy: the same seed gives the same volume. Above the densest random packing overlaps remain
        and are told in a warning. Particles that were pushed apart still touch: spheres percolate
        at 33 to 39 % by volume, ten below those strewn without overlap (docs, packings).
    """
    if isinstance(rng, bool) or not isinstance(rng, int | np.integer) or rng < 0:
        raise InvalidInputError(f"rng {rng!r} is no seed: give an integer ≥ 0")
    _check_fractions(populations, binder)
    generator = np.random.default_rng(int(rng))
    box = np.array(shape) * float(spacing)
    packed, owner = _packed(populations, box, periodic, generator)
    labels = _labels(populations, packed.particles, owner, shape, float(spacing))
    phases = {0: pore} | dict(enumerate(populations, start=1))
    volume = Volume(labels, float(spacing), phases)
    parameters = {
        "shape": list(shape),
        "spacing": float(spacing),
        "populations": {name: given.to_dict() for name, given in populations.items()},
        "binder": binder,
        "binder_phase": binder_phase,
        "preference": preference,
        "nanoporosity": nanoporosity,
        "pore": pore,
        "periodic": periodic,
        "rng": int(rng),
    }
    figures = {"largest_overlap": packed.report.overlap, "contacts": packed.report.contacts}
    for number, name in enumerate(populations):
        figures[f"particles_{name}"] = float(np.count_nonzero(owner == number))
    warnings = _warnings(packed)
    if binder:
        named = Volume(labels, float(spacing), phases | {len(phases): binder_phase})
        volume, placed = place_binder(
            named,
            fraction=binder,
            preference=preference,
            nanoporosity=nanoporosity,
            phase=binder_phase,
            pore=pore,
            boundary="periodic" if periodic else "mirrored",
            rng=generator,
        )
        figures |= placed.figures
        warnings += placed.warnings
    return volume, StepReport(
        "generate_electrode",
        parameters,
        {},
        volume.fractions(),
        warnings=warnings,
        figures=figures,
    )


def _check_fractions(populations: Mapping[str, Population], binder: float) -> None:
    if not populations:
        raise InvalidInputError("populations is empty: name at least one phase of particles")
    if not 0.0 <= binder < 1.0:
        raise InvalidInputError(f"binder {binder!r} is no fraction in 0…1, 1 excluded")
    solid = binder + sum(given.fraction for given in populations.values())
    if solid >= 1.0:
        raise InvalidInputError(
            f"particles and binder fill {solid:.4g} of the volume: leave room for pores"
        )


def _packed(
    populations: Mapping[str, Population],
    box: Floats,
    periodic: bool,
    generator: np.random.Generator,
) -> tuple[Relaxed, NDArray[np.intp]]:
    """All particles, and the number of the population of each."""
    axes = [given.semi_axes(box) for given in populations.values()]
    owner = np.repeat(np.arange(len(axes)), [len(a) for a in axes])
    semi_axes = np.concatenate(axes)
    centres = generator.random((len(owner), 3)) * box
    turns = Rotation.random(len(owner), rng=generator).as_matrix()
    loose = Particles(centres, semi_axes, turns, box=box, periodic=periodic)
    return relax(loose, tolerance=OVERLAP, max_iterations=MOST_STEPS, allow_overlap=True), owner


def _labels(
    populations: Mapping[str, Population],
    particles: Particles,
    owner: NDArray[np.intp],
    shape: tuple[int, int, int],
    spacing: float,
) -> NDArray[np.uint8]:
    """Each phase takes the voxels nearest to its particles, as many as its fraction asks for."""
    labels = np.zeros(shape, np.uint8)
    for number, given in enumerate(populations.values()):
        mine = owner == number
        own = Particles(
            particles.centres[mine],
            particles.semi_axes[mine],
            particles.orientations[mine],
            box=particles.box,
            periodic=particles.periodic,
        )
        reach = 4 * spacing
        distance = level_set(own, spacing, shape, reach=reach).distance
        distance[labels > 0] = np.inf
        while np.count_nonzero(distance < reach) < given.fraction * distance.size:
            reach *= 2
            distance = level_set(own, spacing, shape, reach=reach).distance
            distance[labels > 0] = np.inf
        labels[exact_fraction(distance, given.fraction)] = number + 1
    return labels


def _warnings(packed: Relaxed) -> tuple[str, ...]:
    overlap = packed.report.overlap
    if overlap <= DENSE:
        return ()
    return (
        f"particles overlap by up to {overlap:.1%} of a radius: they are denser than a random "
        "packing of hard ones can be, so that contacts are wider than those of round particles",
    )
