"""Calendering: a segmented electrode pressed to another porosity, particle by particle. SI units.

The particles of the active material are rigid. A lid comes down in small steps; after each, the
particles move and turn until their inscribed balls overlap as little as they can. What still
overlaps in the end is plastic flattening: it flows out beside the contacts, necks first. Binder
goes with the particle it is nearest to.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from microstructures import Volume
from microstructures.errors import InvalidInputError
from microstructures.phases import Phase
from solvers import progress
from solvers.clumps import Clumps
from solvers.instances import NECK, coordination, particle_instances
from solvers.packing import PackingReport, relax_clumps
from twin.manufacturing._deposit import chosen, filled, smoothed, splat
from twin.manufacturing._rigid import (
    RigidParticle,
    carried,
    clumps_of_rigid,
    placed,
    rigid_particles,
)
from twin.manufacturing._target import Target
from twin.manufacturing.step import StepReport
from twin.manufacturing.thickness import sprung_back

STEP = 0.02  # of the thickness, by which the lid comes down at a time
SETTLE, FINISH = 150, 2000  # steps of relaxation after each, and in the end
OVERLAP = 5e-3  # of a radius, that does not count
BINDER_WIDTH = 0.5  # voxels over which binder is spread where it arrives
FLATTENED = 0.1  # share of the particles' volume above which rigid particles are a poor model

Floats = NDArray[np.float64]
Wrap = tuple[bool, bool, bool]


def calender(
    volume: Volume,
    *,
    porosity: float | None = None,
    thickness: float | None = None,
    particles: Phase | None = None,
    pore: Phase = "pore",
    sides: str = "walls",
    recovery: float = 0.0,
    neck: float = NECK,
    rng: Any = None,
) -> tuple[Volume, StepReport]:
    """Press a volume through its thickness to a porosity or a thickness.

    The number of layers is rounded, and the voxel edge through the thickness changed by as much
    (less than half a layer over all), so that the porosity is exact and every solid keeps its
    volume.

    Args:
        volume: with a pore and a phase of particles; other solids are carried along as binder.
        porosity: labelled pore fraction after pressing, below the present one.
        thickness: m, instead of the porosity.
        particles: the phase that is made of particles; by default the solid with most voxels.
        pore: the phase that gives way.
        sides: "walls" if the volume ends at its sides, "periodic" if it repeats there; a particle
            that a periodic side cuts then counts as two.
        recovery: share of the compression that springs back when the load is gone, 0…1; the
            porosity asked for is that after it.
        neck: at which particles are told apart, see ``solvers.particle_instances``.
        rng: not used: the result is the same every time.

    Returns:
        The pressed volume, and what was done.

    Raises:
        InvalidInputError: no such phases, a porosity that is not below the present one, or voxels
            outside the electrode.

    Accuracy: of a rigid-particle model: good while little is flattened. The report warns above
        10 % of the particles' volume, as it happens below about 25 % porosity for round particles.
    """
    setting = _Setting.of(volume, porosity, thickness, particles, pore, sides, recovery)
    labels = np.moveaxis(volume.labels, volume.through_axis, 0)
    numbers = np.moveaxis(
        particle_instances(volume, setting.particles, neck=neck), volume.through_axis, 0
    )
    numbers = np.ascontiguousarray(numbers)
    spacing = np.array(setting.spacing)
    bodies = rigid_particles(numbers, spacing)
    box = spacing * setting.shape
    before = clumps_of_rigid(bodies, spacing, box, setting.wrap)
    pressed, report = _press(before, setting)
    owners, drawn, lost = _drawn(numbers, labels, bodies, pressed, setting)
    parameters = {
        "porosity": porosity,
        "thickness": thickness,
        "particles": None if particles is None else volume.phase_name(setting.particles),
        "pore": volume.phase_name(setting.pore),
        "sides": sides,
        "recovery": recovery,
        "neck": neck,
    }
    after = volume.with_labels(
        np.ascontiguousarray(np.moveaxis(drawn, 0, volume.through_axis)),
        f"calendered to a porosity of {setting.target.porosity:.4g}",
        spacing=setting.target.spacing,
    )
    return after, _report(
        volume, after, parameters, setting, before, pressed, report, lost, (numbers, owners)
    )


@dataclass(frozen=True, slots=True)
class _Setting:
    """What is wanted, with the thickness along axis 0."""

    particles: int
    pore: int
    carried: tuple[int, ...]
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    target: Target
    lowest: float
    wrap: Wrap

    @classmethod
    def of(
        cls,
        volume: Volume,
        porosity: float | None,
        thickness: float | None,
        particles: Phase | None,
        pore: Phase,
        sides: str,
        recovery: float,
    ) -> "_Setting":
        """Check the arguments of ``calender``."""
        if sides not in ("walls", "periodic"):
            raise InvalidInputError(f"sides {sides!r} are unknown: choose 'walls' or 'periodic'")
        void = volume.phase_id(pore)
        counts = {label: volume.voxels(label) for label in volume.phases if label != void}
        solids = [label for label, count in counts.items() if count]
        if not solids:
            raise InvalidInputError("the volume is all pore: there is nothing to press")
        main = max(solids, key=counts.__getitem__)
        if particles is not None:
            main = volume.phase_id(particles)
        if main not in solids:
            raise InvalidInputError(f"{particles!r} has no voxel: name a solid phase that occurs")
        target = Target.of(volume, void, porosity, thickness)
        sprung_back(1.0, 1.0, recovery)  # checks the share
        height = volume.size[volume.through_axis]
        lowest = 0.0
        if recovery < 1.0:
            lowest = (target.thickness - recovery * height) / (1.0 - recovery)
        if lowest <= target.solid:
            raise InvalidInputError(
                f"a recovery of {recovery!r} wants a thickness of {lowest:.4g} m under the load, "
                "less than the solids need: lower it, or press less"
            )
        order = [volume.through_axis, *(a for a in range(3) if a != volume.through_axis)]
        n0, n1, n2 = (volume.shape[a] for a in order)
        h0, h1, h2 = (volume.spacing[a] for a in order)
        return cls(
            main,
            void,
            tuple(label for label in solids if label != main),
            (n0, n1, n2),
            (h0, h1, h2),
            target,
            lowest,
            (False, sides == "periodic", sides == "periodic"),
        )

    @property
    def height(self) -> float:
        """Thickness before, in m."""
        return self.shape[0] * self.spacing[0]

    @property
    def new_shape(self) -> tuple[int, int, int]:
        """Voxels after pressing."""
        return self.target.layers, self.shape[1], self.shape[2]

    @property
    def new_steps(self) -> Floats:
        """Voxel edges after pressing, in m."""
        return np.array([self.target.edge, *self.spacing[1:]])


def _press(start: Clumps, setting: _Setting) -> tuple[Clumps, PackingReport]:
    """Bring the lid down; where the particles are when the load is gone."""
    clumps, low = start, setting.lowest
    count = max(1, math.ceil(math.log(setting.height / low) / -math.log1p(-STEP)))
    lids = setting.height * (low / setting.height) ** (np.arange(1, count + 1) / count)
    before = setting.height
    for number, lid in enumerate(lids, start=1):
        squeezed = clumps.centres * np.array([lid / before, 1.0, 1.0])
        clumps = clumps.moved(squeezed - clumps.centres, np.zeros_like(squeezed))
        clumps, report = _relaxed(clumps, setting, lid, FINISH if number == count else SETTLE)
        progress.report("calendering", number / count, report.overlap, OVERLAP)
        before = lid
    back = clumps.centres * np.array([setting.target.thickness / before, 1.0, 1.0])
    return clumps.moved(back - clumps.centres, np.zeros_like(back)), report


def _relaxed(
    clumps: Clumps, setting: _Setting, lid: float, steps: int
) -> tuple[Clumps, PackingReport]:
    box = np.array(
        [lid, *(n * h for n, h in zip(setting.shape[1:], setting.spacing[1:], strict=True))]
    )
    return relax_clumps(
        clumps,
        box,
        setting.wrap,
        tolerance=OVERLAP,
        max_iterations=steps,
        coasts=False,
        task="calendering",
    )


def _drawn(
    numbers: NDArray[np.int32],
    labels: NDArray[Any],
    bodies: list[RigidParticle],
    pressed: Clumps,
    setting: _Setting,
) -> tuple[NDArray[np.int32], NDArray[Any], float]:
    """Number of each voxel's particle, labels, and the share of the particles that overlaps."""
    steps = setting.new_steps
    where = placed(
        bodies, pressed, setting.new_shape, np.array(setting.spacing), steps, setting.wrap
    )
    solid = filled(where.distance, setting.target.count(setting.particles), setting.wrap)
    out = np.full(setting.new_shape, setting.pore, labels.dtype)
    out[solid] = setting.particles
    for label in setting.carried:
        out[_binder(numbers, labels == label, bodies, pressed, setting, label, out)] = label
    owners = np.where(solid, np.maximum(where.owner, 1), 0)
    _restore(owners, solid, pressed.centres / steps)
    return owners, out, where.overlap


def _restore(owners: NDArray[np.int32], solid: NDArray[np.bool_], centres: Floats) -> None:
    """Give particles that larger ones have swallowed the nearest voxel: none disappears."""
    lost = np.setdiff1d(np.arange(1, len(centres) + 1), owners)
    if not len(lost):
        return
    places = np.argwhere(solid)
    for number in lost:
        apart = np.sum((places + 0.5 - centres[number - 1]) ** 2, axis=1)
        common = np.bincount(owners[solid])[owners[solid]] > 1
        owners[tuple(places[np.argmin(np.where(common, apart, np.inf))])] = number


def _binder(
    numbers: NDArray[np.int32],
    mask: NDArray[np.bool_],
    bodies: list[RigidParticle],
    pressed: Clumps,
    setting: _Setting,
    label: int,
    drawn: NDArray[Any],
) -> NDArray[np.bool_]:
    """Voxels of a phase that went with the nearest particles."""
    spacing = np.array(setting.spacing)
    nearest = ndimage.distance_transform_edt(
        numbers == 0, sampling=spacing, return_distances=False, return_indices=True
    )
    owners = numbers[tuple(nearest)][mask]
    points = (np.argwhere(mask) + 0.5) * spacing
    moved = np.concatenate(list(carried(points, owners, bodies, pressed)))
    arrived = splat(moved, setting.new_shape, setting.new_steps, setting.wrap)
    score = smoothed(arrived, BINDER_WIDTH, setting.wrap)
    return chosen(score, setting.target.count(label), drawn == setting.pore)


def _report(
    before: Volume,
    after: Volume,
    parameters: dict[str, Any],
    setting: _Setting,
    start: Clumps,
    pressed: Clumps,
    packing: PackingReport,
    lost: float,
    owners: tuple[NDArray[np.int32], NDArray[np.int32]],
) -> StepReport:
    affine = start.centres * np.array([setting.target.thickness / setting.height, 1.0, 1.0])
    strayed = np.linalg.norm(pressed.centres - affine, axis=1)
    turned = np.einsum("nii->n", pressed.orientations)
    angle = np.degrees(np.arccos(np.clip((turned - 1) / 2, -1.0, 1.0)))
    warnings = []
    if lost > FLATTENED:
        warnings.append(
            f"{lost:.0%} of the particles' volume was flattened at contacts: beyond about "
            f"{FLATTENED:.0%} particles are no longer rigid, and what they become is a guess"
        )
    contacts = [coordination(labels) for labels in owners]
    return StepReport.between(
        "calender",
        before,
        after,
        parameters,
        conserve=[before.phase_name(label) for label in (setting.particles, *setting.carried)],
        moved={
            "mean_displacement_from_affine_m": float(strayed.mean()),
            "mean_turn_degrees": float(angle.mean()),
            "flattened_fraction": lost,
        },
        warnings=tuple(warnings),
        figures={
            "thickness_m": setting.target.thickness,
            "thickness_under_load_m": setting.lowest,
            "porosity": setting.target.porosity,
            "particles": float(len(start.centres)),
            "particles_left": float(len(np.unique(owners[1][owners[1] > 0]))),
            "coordination_before": float(contacts[0].mean()),
            "coordination_after": float(contacts[1].mean()),
            "largest_overlap": packing.overlap,
        },
    )
