"""characterize: a volume in, a PropertyCard out. Lengths in m, conductivities in S/m."""

import platform
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from microstructures import Volume
from microstructures.errors import InvalidInputError, InvalidVolumeError
from microstructures.phases import Phase
from twin import _geometry, _warnings
from twin._media import electrons, ions, one_phase
from twin._naming import pore_like
from twin._transport import Solver, Transport
from twin.card import Entry, PropertyCard
from twin.materials import Material, materials_by_phase
from twin.versions import versions

if TYPE_CHECKING:
    from twin._mechanics import Stress
    from twin.mechanics import Mechanics
    from twin.performance.in_cell import InCell

TASK = "property card"  # its name in progress reports


def characterize(
    volume: Volume,
    materials: Mapping[Phase, str | Material] | None = None,
    *,
    tolerance: float = 1e-5,
    axes: Sequence[int] = (0, 1, 2),
    mechanics: "Mechanics | None" = None,
    cell: "InCell | None" = None,
) -> PropertyCard:
    """The property card of a volume: geometry, connectivity, transport, and stress if asked for.

    Without materials, transport is relative: tortuosity factor, relative diffusivity and MacMullin
    number of the pore along ``axes`` and of every other phase along the through-plane axis; where
    no phase is named like a pore, of every phase along ``axes``. With materials, effective ionic
    and electronic conductivities along ``axes``, and the same relative numbers of the pore alone.
    One solve serves every number that follows from it. With ``mechanics``, also effective moduli,
    swelling and back-pressure, the distribution of stress in each solid phase, and the contact that
    an interface loses as lithium comes and goes. With ``cell``, also what the electrode does in a
    cell.

    Args:
        volume: the segmented volume.
        materials: a library name or a Material for every phase, by name or id; None for relative
            transport only.
        tolerance: estimated relative error of each solve.
        axes: array axes along which to solve.
        mechanics: how the phases swell, what presses on them and what holds them; needs materials.
        cell: the cell in which the electrode is judged, see ``twin.performance.InCell``; needs
            materials, the through-plane axis among ``axes``, and the extra ``cell``.

    Returns:
        The card, its warnings first to be read. A solve that does not converge is an entry with
        the status "not converged" and a warning.

    Raises:
        InvalidInputError: materials are incomplete or unknown, or an axis is; or mechanics lacks
            an elastic constant or a swelling, or asks for a strain that it cannot describe; or no
            such cell. An electrode that is no part of a cell is a warning.
        InvalidVolumeError: every voxel is outside.
        MemoryBudgetError: a solve would not fit; nothing was allocated.

    Accuracy: see ``solvers.effective_conductivity`` and ``solvers.superpose``.
    """
    from solvers.checks import checked_axes, checked_tolerance

    started = time.perf_counter()
    if not isinstance(volume, Volume):
        raise InvalidInputError(
            f"characterize was given a {type(volume).__name__}, but wants a Volume: "
            "microstructures.read(path, spacing=…) or microstructures.Volume(labels, spacing)"
        )
    if volume.inside_voxels == 0:
        raise InvalidVolumeError("every voxel is outside: give a volume that holds some electrode")
    table = None if materials is None else materials_by_phase(volume, materials)
    checked = (
        tuple(sorted(checked_axes(volume, axes))),
        Solver(volume, checked_tolerance(tolerance)),
    )
    job = _Job(volume, table, *checked, _stress(volume, table, mechanics))
    _check_cell(job, cell)
    entries = tuple(_entries(job))
    card = PropertyCard(
        volume=volume,
        materials=table,
        entries=entries,
        warnings=tuple(_warnings.warnings(volume, table, entries, job.solver.failures, job.stress)),
        settings=_settings(job) | ({} if cell is None else {"cell": repr(cell)}),
        versions=versions() | {"platform": platform.platform()},
        seconds=time.perf_counter() - started,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        fields=job.solver.fields,
        mechanics=None if job.stress is None else job.stress.result,
    )
    return card if cell is None else _in_cell(card, cell, started)


@dataclass(frozen=True, slots=True)
class _Job:
    volume: Volume
    materials: Mapping[str, Material] | None
    axes: tuple[int, ...]
    solver: Solver
    stress: "Stress | None"


def _stress(
    volume: Volume, materials: Mapping[str, Material] | None, mechanics: "Mechanics | None"
) -> "Stress | None":
    """The mechanics to do, checked; None if none was asked for."""
    if mechanics is None:
        return None
    from twin import _mechanics

    return _mechanics.prepared(volume, materials, mechanics)


def _check_cell(job: _Job, cell: "InCell | None") -> None:
    """Raises InvalidInputError where a cell is asked for that cannot be run, before any solve."""
    if cell is None:
        return
    if job.materials is None:
        raise InvalidInputError("a cell needs materials: characterize(volume, materials={…}, …)")
    if job.volume.through_axis not in job.axes:
        raise InvalidInputError(
            f"a cell needs the through-plane axis {job.volume.through_axis} among axes {job.axes}"
        )
    cell.check()
    if cell.active is not None:
        job.volume.phase_id(cell.active)


def _in_cell(card: PropertyCard, cell: "InCell", started: float) -> PropertyCard:
    """The card with what the electrode does in a cell, or with the reason why it does nothing."""
    from twin.performance.in_cell import assess

    try:
        found = assess(card, cell)
        card = replace(card, performance=found, warnings=(*card.warnings, *found.doubts))
    except InvalidInputError as error:
        doubt = f"The electrode was placed in no cell: {error}."
        card = replace(card, warnings=(*card.warnings, doubt))
    return replace(card, seconds=time.perf_counter() - started)


def _entries(job: _Job) -> Iterator[Entry]:
    """Entries of one stage after another; a single task of progress covers them all."""
    from solvers import progress

    stages, plan = _geometry.stages(job.volume, job.axes), _plan(job)
    job.solver.expect(plan)
    stages += [partial(job.solver.entries, task) for task in plan]
    stages += [] if job.stress is None else [job.stress.entries]
    for i, entries in enumerate(stages):
        progress.report(TASK, i / len(stages))
        yield from entries()
    progress.report(TASK, 1.0)


def _plan(job: _Job) -> list[Transport]:
    """Solves to do, the pore along the through-plane axis first, since its fields are kept."""
    plan = _relative_plan(job)
    if job.materials is not None:
        for medium in (ions(job.volume, job.materials), electrons(job.volume, job.materials)):
            plan += [Transport(medium, axis) for axis in job.axes if medium is not None]
    return plan


def _relative_plan(job: _Job) -> list[Transport]:
    volume = job.volume
    present = [name for label, name in volume.phases.items() if volume.voxels(label)]
    pore = pore_like(volume, job.materials)
    first = sorted(job.axes, key=lambda axis: axis != volume.through_axis)
    if pore is not None and pore in present:
        plan = [Transport(one_phase(pore), axis) for axis in first]
        if job.materials is not None:
            return plan
        others = [name for name in present if name != pore]
        return plan + [Transport(one_phase(name), volume.through_axis) for name in others]
    if job.materials is not None:
        return []
    return [Transport(one_phase(name), axis) for name in present for axis in first]


def _settings(job: _Job) -> dict[str, Any]:
    from solvers import runtime

    device = job.solver.device or (job.stress and job.stress.device)
    settings = {
        "tolerance": job.solver.tolerance,
        "precision": runtime.precision(),
        "device": device or "no solve was needed",
        "axes": list(job.axes),
    }
    return settings if job.stress is None else settings | {"mechanics": repr(job.stress.asked)}
