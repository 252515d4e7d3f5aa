"""Geometry of a card: fractions, connectivity, areas and triple-phase boundaries, in stages."""

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from microstructures import Volume
from solvers.results import EXACT, Quantity, Uncertainty
from twin.card import Entry

if TYPE_CHECKING:
    from solvers import Connectivity

Stage: TypeAlias = Callable[[], Iterable[Entry]]


def stages(volume: Volume, axes: tuple[int, ...]) -> list[Stage]:
    """What is to be done, in order: functions that return entries."""
    present = [name for label, name in volume.phases.items() if volume.voxels(label)]
    work: list[Stage] = [partial(_fractions, volume)]
    work += [partial(_connectivity, volume, name, axes) for name in present]
    if len(present) > 1:
        work.append(partial(_areas, volume, present))
    if len(present) > 2:
        work.append(partial(_boundaries, volume, present))
    return work


def _fractions(volume: Volume) -> Iterator[Entry]:
    from solvers.sampling import block_sums, standard_error

    outside = -1 if volume.outside is None else volume.outside
    inside = block_sums(volume.labels != outside)
    for label, name in volume.phases.items():
        held = block_sums(volume.labels == label)
        method = "voxels of the phase / voxels that are not outside"
        status = "ok" if volume.voxels(label) else "absent"
        error = standard_error(held, inside)
        yield Entry(
            "volume_fraction", name, None, volume.fraction(label), "1", error, method, status
        )


def _connectivity(volume: Volume, name: str, axes: tuple[int, ...]) -> Iterator[Entry]:
    import solvers

    for i, axis in enumerate(axes):
        found = solvers.connectivity(volume, name, axis)
        if i == 0:
            yield _share("isolated_fraction", found, None, found.isolated)
        yield _share("percolating_fraction", found, axis, found.percolating)
        yield _share("unknown_fraction", found, axis, found.unknown)


def _share(name: str, found: "Connectivity", axis: int | None, value: float) -> Entry:
    """An entry that carries the sampling error where it is the percolating fraction."""
    is_percolating = name == "percolating_fraction"
    error = found.uncertainty if is_percolating else Uncertainty(0.0, EXACT)
    method = {
        "isolated_fraction": f"components of {found.neighbours} neighbours that touch no face",
        "percolating_fraction": found.method,
        "unknown_fraction": f"components of {found.neighbours} neighbours that leave the volume "
        f"without spanning axis {axis}",
    }[name]
    blocked = is_percolating and not found.percolates
    status = "does not percolate" if blocked else "ok"
    return Entry(name, found.phase, axis, value, "1", error, method, status)


def _areas(volume: Volume, present: list[str]) -> Iterator[Entry]:
    import solvers

    for pair, area in solvers.interface_areas(volume).items():
        if set(pair) <= set(present):
            yield _entry("interface_area", "–".join(pair), area)
    for name, area in solvers.specific_surface_areas(volume).items():
        if name in present:
            yield _entry("specific_surface_area", name, area)


def _boundaries(volume: Volume, present: list[str]) -> Iterator[Entry]:
    import solvers

    axis = volume.through_axis
    for triple, line in solvers.triple_phase_boundaries(volume).items():
        if not set(triple) <= set(present):
            continue
        for kind in ("total", "active", "isolated", "unknown"):
            along = None if kind in ("total", "isolated") else axis
            yield _entry(f"tpb_density_{kind}", "–".join(triple), getattr(line, kind), along)


def _entry(name: str, phase: str, quantity: Quantity, axis: int | None = None) -> Entry:
    status = "ok" if math.isfinite(quantity.value) else "undefined"
    return Entry(
        name,
        phase,
        axis,
        quantity.value,
        quantity.unit,
        quantity.uncertainty,
        quantity.method,
        status,
        quantity.report,
    )
