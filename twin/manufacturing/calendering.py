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
from scipy.spatial import cKDTree

from microstructures import Volume
from microstructures.errors import InvalidInputError
from microstructures.phases import Phase
from solvers import progress
from solvers.clumps import Clumps
from solvers.instances import NECK, coordination, particle_instances
from solvers.packing import PackingReport, relax_clumps
from twin.manufacturing._balls import clumps_of_rigid
from twin.manufacturing._deposit import chosen, filled, smoothed, splat
from twin.manufacturing._placed import carried, placed
from twin.manufacturing._rigid import RigidParticle, Wrap, rigid_particles
from twin.manufacturing._target import Target
from twin.manufacturing.step import StepReport
from twin.manufacturing.thickness import sprung_back

STEP = 0.02  # of the thickness, by which the lid comes down at a time
SETTLE, FINISH = 150, 2000  # steps of relaxation after each, and in the end
OVERLAP = 5e-3  # of a radius, that does not count
BINDER_WIDTH = 0.5  # voxels over which binder is spread where it arrives
ENDS = 0.1  # share of lid and floor that cut particles, from which on it is told
FLATTENED = 0.1  # share of the particles' volume above which rigid particles are a poor model

Floats = NDArray[np.float64]


def calender(
    volume: Volume,
    *,
    porosity: float | None = None,
    thickness: float | None = None,
    particles: Phase | None = None,
    pore: Phase = "pore",
    sides: str = "walls",
    ends: str = "plates",
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
        sides: "walls" if the volume ends at its sides, "periodic" if it repeats there.
        ends: "plates" if the volume lies between lid and floor, "periodic" if it is a piece of a
            thicker layer, of which more of the same lies above and below.
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
    setting = _Setting.of(volume, porosity, thickness, particles, pore, (ends, sides), recovery)
    labels = np.moveaxis(volume.labels, volume.through_axis, 0)
    upright = volume.transposed(*setting.order)
    numbers = particle_instances(upright, setting.particles, neck=neck, periodic=setting.wrap)
    spacing = np.array(setting.spacing)
    bodies = rigid_particles(numbers, spacing, setting.wrap)
    before = clumps_of_rigid(bodies, spacing, setting.box, setting.wrap)
    pressed, report = _press(before, bodies, setting)
    owners, drawn, lost = _drawn(numbers, labels, bodies, pressed, setting)
    parameters = {
        "porosity": porosity,
        "thickness": thickness,
        "particles": None if particles is None else volume.phase_name(setting.particles),
        "pore": volume.phase_name(setting.pore),
        "sides": sides,
        "ends": ends,
        "recovery": recovery,
        "neck": neck,
    }
    after = volume.with_labels(
        np.ascontiguousarray(np.moveaxis(drawn, 0, volume.through_axis)),
        f"calendered to a porosity of {setting.target.porosity:.4g}",
        spacing=setting.target.spacing,
    )
    return after, _report(
        volume, after, parameters, setting, bodies, before, pressed, report, lost, (numbers, owners)
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
    order: tuple[int, ...]

    @classmethod
    def of(
        cls,
        volume: Volume,
        porosity: float | None,
        thickness: float | None,
        particles: Phase | None,
        pore: Phase,
        edges: tuple[str, str],
        recovery: float,
    ) -> "_Setting":
        """Check the arguments of ``calender``."""
        for name, edge, other in zip(("ends", "sides"), edges, ("plates", "walls"), strict=True):
            if edge not in (other, "periodic"):
                raise InvalidInputError(
                    f"{name} {edge!r} are unknown: choose {other!r} or 'periodic'"
                )
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
        order = (volume.through_axis, *(a for a in range(3) if a != volume.through_axis))
        end, side = (edge == "periodic" for edge in edges)
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
            (end, side, side),
            order,
        )

    @property
    def height(self) -> float:
        """Thickness before, in m."""
        return self.shape[0] * self.spacing[0]

    @property
    def box(self) -> Floats:
        """Edges before, in m."""
        return np.array(self.shape) * self.spacing

    @property
    def new_shape(self) -> tuple[int, int, int]:
        """Voxels after pressing."""
        return self.target.layers, self.shape[1], self.shape[2]

    @property
    def new_steps(self) -> Floats:
        """Voxel edges after pressing, in m."""
        return np.array([self.target.edge, *self.spacing[1:]])


def _press(
    start: Clumps, bodies: list[RigidParticle], setting: _Setting
) -> tuple[Clumps, PackingReport]:
    """Bring the lid down; where the particles are when the load is gone."""
    clumps, low = start, setting.lowest
    held = np.array([body.cut for body in bodies])
    count = max(1, math.ceil(math.log(setting.height / low) / -math.log1p(-STEP)))
    lids = setting.height * (low / setting.height) ** (np.arange(1, count + 1) / count)
    before = setting.height
    for number, lid in enumerate(lids, start=1):
        clumps = _squeezed(clumps, bodies, before, lid)
        clumps, report = _relaxed(clumps, held, setting, lid, FINISH if number == count else SETTLE)
        progress.report("calendering", number / count, report.overlap, OVERLAP)
        before = lid
    return _squeezed(clumps, bodies, before, setting.target.thickness), report


def _squeezed(clumps: Clumps, bodies: list[RigidParticle], before: float, lid: float) -> Clumps:
    """Particles closer together as the lid goes; what lid or floor cuts stays with it."""
    low, high = np.isfinite([body.walls[0] for body in bodies]).T
    height = clumps.centres[:, 0]
    along = np.where(low == high, height * (lid / before - 1.0), np.where(high, lid - before, 0.0))
    shift = np.zeros_like(clumps.centres)
    shift[:, 0] = along
    return clumps.moved(shift, np.zeros_like(shift))


def _at_ends(bodies: list[RigidParticle]) -> NDArray[np.bool_]:
    """Particles that lid or floor cut, shape (n,)."""
    return np.array([bool(body.cut[0]) for body in bodies])


def _relaxed(
    clumps: Clumps, held: NDArray[np.bool_], setting: _Setting, lid: float, steps: int
) -> tuple[Clumps, PackingReport]:
    return relax_clumps(
        clumps,
        np.array([lid, *setting.box[1:]]),
        setting.wrap,
        held=held,
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
    points = (np.argwhere(mask) + 0.5) * spacing
    solid = np.argwhere(numbers)
    tree = cKDTree((solid + 0.5) * spacing, boxsize=np.where(setting.wrap, setting.box, 0.0))
    owners = numbers[tuple(solid[tree.query(points)[1]].T)]
    moved = np.concatenate(
        list(carried(points, owners, bodies, pressed, setting.box, setting.wrap))
    )
    arrived = splat(moved, setting.new_shape, setting.new_steps, setting.wrap)
    score = smoothed(arrived, BINDER_WIDTH, setting.wrap)
    return chosen(score, setting.target.count(label), drawn == setting.pore)


def _report(
    before: Volume,
    after: Volume,
    parameters: dict[str, Any],
    setting: _Setting,
    bodies: list[RigidParticle],
    start: Clumps,
    pressed: Clumps,
    packing: PackingReport,
    lost: float,
    owners: tuple[NDArray[np.int32], NDArray[np.int32]],
) -> StepReport:
    affine = _squeezed(start, bodies, setting.height, setting.target.thickness)
    strayed = np.linalg.norm(pressed.centres - affine.centres, axis=1)
    turned = np.einsum("nii->n", pressed.orientations)
    angle = np.degrees(np.arccos(np.clip((turned - 1) / 2, -1.0, 1.0)))
    warnings = []
    at_ends = float(np.isin(owners[0][[0, -1]], 1 + np.flatnonzero(_at_ends(bodies))).mean())
    if at_ends > ENDS:
        warnings.append(
            f"lid and floor cut particles, in {at_ends:.0%} of their area, and what they cut "
            "cannot give way: layers there stay as open as they are. If the volume is a piece of a "
            "thicker electrode, press it with ends='periodic'"
        )
    if lost > FLATTENED:
        warnings.append(
            f"{lost:.0%} of the particles' volume was flattened at contacts: beyond about "
            f"{FLATTENED:.0%} particles are no longer rigid, and what they become is a guess"
        )
    contacts = [coordination(labels, setting.wrap) for labels in owners]
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
