"""Calendering: a segmented electrode pressed to another porosity, particle by particle. SI units.

The particles are rigid. A lid comes down in small steps; after each, the particles move and turn
until their inscribed balls overlap as little as they can. What still overlaps in the end is plastic
flattening: it flows out beside the contacts, necks first. Binder goes with the particle it is
nearest to.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from microstructures import Volume
from microstructures.phases import Phase
from solvers.clumps import Clumps
from solvers.instances import NECK, coordination, particle_instances
from solvers.packing import PackingReport
from twin.manufacturing._balls import clumps_of_rigid, unpressed
from twin.manufacturing._calender_case import Case, Particles
from twin.manufacturing._lid import FINISH, pressed_by_lid, squeezed
from twin.manufacturing._redrawn import Redrawn, redrawn
from twin.manufacturing._rigid import RigidParticle, rigid_particles
from twin.manufacturing.step import StepReport

# from which on the report tells that the model is left
FLATTENED = 0.1  # share of the particles' volume
SQUASHED = 0.1  # overlap where they rest, in radii of the smaller ball
PASTE = 0.25  # share of the solids that is carried along in one phase
ELSEWHERE = 0.1  # share of a carried phase that finds no room where it was carried
CUT_ENDS = 0.1  # share of lid and floor where particles are cut
ONE_BODY = 0.5  # share of the particles' volume in one of them that reaches from lid to floor

Floats = NDArray[np.float64]


def calender(
    volume: Volume,
    *,
    porosity: float | None = None,
    thickness: float | None = None,
    total_porosity: float | None = None,
    particles: Particles = None,
    pore: Phase = "pore",
    nanoporosity: Mapping[Phase, float] | None = None,
    sides: str = "walls",
    ends: str | None = None,
    recovery: float = 0.0,
    neck: float = NECK,
    rng: Any = None,
) -> tuple[Volume, StepReport]:
    """Press a volume through its thickness to a porosity or a thickness.

    The number of layers is rounded, and the voxel edge through the thickness changed by as much
    (less than half a layer over all), so that the porosity is exact and every solid keeps its
    volume, nanopores included.

    Args:
        volume: with a pore and a phase of particles; other solids are carried along as binder.
        porosity: labelled pore fraction after pressing, at most the present one.
        thickness: m, instead of the porosity.
        total_porosity: that with the nanopores, instead of the porosity.
        particles: the phase or phases that are made of particles; by default the solid with most
            voxels.
        pore: the phase that gives way.
        nanoporosity: pore fraction within solids, {"CBD": 0.47}; it stays as it is.
        sides: "walls" if the volume ends at its sides, "periodic" if it repeats there.
        ends: "plates" if the volume lies between lid and floor, "periodic" if it is a piece of a
            thicker layer, of which more of the same lies above and below; by default a piece, if
            lid and floor cut particles as any section does.
        recovery: share of the compression that springs back when the load is gone, 0…1; the
            porosity asked for is that after it.
        neck: at which particles are told apart, see ``solvers.particle_instances``.
        rng: not used: the result is the same every time.

    Returns:
        The pressed volume, and what was done.

    Raises:
        InvalidInputError: no such phases, a porosity that is not below the present one, or voxels
            outside the electrode.

    Accuracy: of a rigid-particle model. What is not moved stays as it is to a few voxels in a
        million; what is, keeps its area to some 2 %. The report warns where the model is left:
        where particles still overlap by a tenth of a radius when they rest, a tenth of their
        volume is flattened, or what is carried along is no binder.
    """
    asked = {"porosity": porosity, "thickness": thickness, "total_porosity": total_porosity}
    edges = {"ends": ends, "sides": sides}
    case = Case.of(volume, asked, particles, pore, edges, nanoporosity, recovery)
    numbers, kinds = _numbered(case, neck)
    bodies = rigid_particles(numbers, case.spacing, case.wrap)
    start = unpressed(clumps_of_rigid(bodies, case.spacing), bodies, case.box, case.wrap)
    pressed, packing = pressed_by_lid(start, bodies, case)
    drawn = redrawn(case, numbers, kinds, bodies, pressed)
    after = volume.with_labels(
        np.ascontiguousarray(np.transpose(drawn.labels, np.argsort(case.order))),
        f"calendered to a porosity of {case.target.porosity:.4g}",
        spacing=case.target.spacing,
    )
    given = {name: value for name, value in asked.items() if value is not None}
    parameters = given | {
        "particles": [volume.phase_name(label) for label in case.particles],
        "pore": volume.phase_name(case.pore),
        "nanoporosity": {volume.phase_name(p): n for p, n in (nanoporosity or {}).items()},
        "sides": case.sides,
        "ends": case.ends,
        "recovery": recovery,
        "neck": neck,
    }
    return after, StepReport.between(
        "calender",
        volume,
        after,
        parameters,
        conserve=[volume.phase_name(label) for label in (*case.particles, *case.carried)],
        moved=_moved(case, bodies, start, pressed, drawn),
        warnings=tuple(_warnings(case, numbers, bodies, packing, drawn, ends is None)),
        figures=_figures(case, numbers, packing, drawn),
    )


def _numbered(case: Case, neck: float) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Numbers of all particles, and the phase of each."""
    upright = case.volume.transposed(*case.order)
    numbers = np.zeros(upright.shape, np.int32)
    kinds: list[int] = []
    for label in case.particles:
        found = particle_instances(upright, label, neck=neck, periodic=case.wrap)
        numbers[found > 0] = found[found > 0] + len(kinds)
        kinds += [label] * int(found.max())
    return numbers, np.array(kinds)


def _moved(
    case: Case, bodies: list[RigidParticle], start: Clumps, pressed: Clumps, drawn: Redrawn
) -> dict[str, float]:
    affine = squeezed(start, bodies, case.height, case.target.thickness)
    strayed = np.linalg.norm(pressed.centres - affine.centres, axis=1)
    return {
        "mean_displacement_from_affine_m": float(strayed.mean()),
        "mean_turn_degrees": float(pressed.turned_from(start).mean()),
        "flattened_fraction": drawn.overlap,
        **{
            f"{case.volume.phase_name(label)}_found_no_room_fraction": share
            for label, share in drawn.elsewhere.items()
        },
    }


def _figures(
    case: Case, numbers: NDArray[np.int32], packing: PackingReport, drawn: Redrawn
) -> dict[str, float]:
    before, after = (coordination(n, case.wrap).mean() for n in (numbers, drawn.owners))
    return {
        "thickness_m": case.target.thickness,
        "thickness_under_load_m": case.lowest,
        "porosity": case.target.porosity,
        **({"total_porosity": case.target.total_porosity} if case.target.nanopores else {}),
        "particles": float(numbers.max()),
        "swallowed_particles": float(drawn.swallowed),
        "coordination_before": float(before),
        "coordination_after": float(after),
        "largest_overlap": packing.overlap,
    }


def _warnings(
    case: Case,
    numbers: NDArray[np.int32],
    bodies: list[RigidParticle],
    packing: PackingReport,
    drawn: Redrawn,
    chose_ends: bool,
) -> Iterator[str]:
    """Where the model is left, and what was taken for granted."""
    yield from _of_ends(case, numbers, bodies, chose_ends)
    yield from _of_carried(case, drawn)
    spans = [w[0] == slice(0, numbers.shape[0]) for w in ndimage.find_objects(numbers)]
    sizes = np.bincount(numbers.ravel())[1:]
    if np.any(spans & (sizes > ONE_BODY * sizes.sum())):
        yield (
            "most of the particles' phase is one body from lid to floor, which cannot be pressed "
            "without breaking: particles were not told apart (raise neck), or it is a foam"
        )
    if packing.overlap > SQUASHED:
        still = " and still moved" if packing.iterations >= FINISH else ""
        yield (
            f"particles overlap by up to {packing.overlap:.0%} of a radius where they rest{still}: "
            "there they are squashed into each other, which rigid particles cannot be"
        )
    if drawn.overlap > FLATTENED:
        yield (
            f"{drawn.overlap:.0%} of the particles' volume was flattened: beyond about "
            f"{FLATTENED:.0%} particles are no longer rigid, and what they become is a guess"
        )


def _of_ends(
    case: Case, numbers: NDArray[np.int32], bodies: list[RigidParticle], chose_ends: bool
) -> Iterator[str]:
    cut = 1 + np.flatnonzero([bool(body.cut[0]) for body in bodies])
    share = float(np.isin(numbers[[0, -1]], cut).mean())
    if share > CUT_ENDS:
        yield (
            f"lid and floor cut particles, in {share:.0%} of their area, and what they cut cannot "
            "give way: layers there stay as open as they are. If the volume is a piece of a "
            "thicker electrode, press it with ends='periodic'"
        )
    if chose_ends and case.ends == "periodic":
        yield (
            "lid and floor would cut particles as any section does, so that the volume was taken "
            "as a piece of a thicker electrode: say ends='periodic', or 'plates' if it is not"
        )


def _of_carried(case: Case, drawn: Redrawn) -> Iterator[str]:
    solids = sum(map(case.volume.voxels, (*case.particles, *case.carried)))
    for label, elsewhere in drawn.elsewhere.items():
        name, share = case.volume.phase_name(label), case.volume.voxels(label) / solids
        if share > PASTE:
            grains = ", ".join(repr(case.volume.phase_name(n)) for n in (*case.particles, label))
            yield (
                f"{name} is {share:.0%} of the solids and was carried along like a paste: if it is "
                f"made of particles too, press with particles=({grains})"
            )
        if elsewhere > ELSEWHERE:
            yield (
                f"{elsewhere:.0%} of {name} found no room where its particles carried it, and went "
                "to the nearest room: where it is in the result is a guess"
            )
