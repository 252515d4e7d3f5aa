"""What binder was asked for, checked against the volume. Counts are in voxels."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from microstructures import Volume
from microstructures.errors import InvalidInputError
from microstructures.phases import Phase
from twin.manufacturing._binder_growth import Counts, Periodic
from twin.manufacturing._binder_profile import Profile, layer_counts

Boundary: TypeAlias = Literal["mirrored", "periodic"]
Placement: TypeAlias = Literal["film-to-cluster", "bridges"]


@dataclass(frozen=True, slots=True)
class Order:
    """Labels of the phases that take part, the table of phases with binder, and the amount."""

    label: int
    pore: int
    solid: tuple[int, ...]
    phases: Mapping[int, str]
    periodic: Periodic
    total: int


def checked_order(
    volume: Volume,
    phases: tuple[Phase, Phase, Phase | Sequence[Phase] | None],
    fraction: float,
    boundary: Boundary | Sequence[Boundary],
    asked: str = "",
) -> Order:
    """The order for ``phases`` = (binder, pore, solid); ``asked`` says whence the fraction is.

    Raises InvalidInputError.
    """
    pore = volume.phase_id(phases[1])
    label, table = _binder(volume, phases[0])
    order = Order(
        label,
        pore,
        _solids(volume, phases[2], (pore, label)),
        table,
        _periodic(boundary),
        round(fraction * volume.inside_voxels),
    )
    there = _voxels(volume, label)
    room = there + volume.voxels(pore)
    if label == pore or not there <= order.total <= room:
        raise _no_room(volume, order, there, room, asked)
    return order


def checked_fraction(
    fraction: float | None, solid_fraction: float | None, nanoporosity: float
) -> float:
    """Fraction of the labelled binder, with its nanopores. Raises InvalidInputError."""
    if not _is_number(nanoporosity) or not 0 <= nanoporosity < 1:
        raise InvalidInputError(
            f"nanoporosity {nanoporosity!r} is no pore fraction of the binder: give 0 to below 1"
        )
    if (fraction is None) == (solid_fraction is None):
        raise InvalidInputError(
            f"fraction is {fraction!r} and solid_fraction {solid_fraction!r}: give one of them, "
            "with or without the nanopores of the binder"
        )
    if solid_fraction is None:
        return _share(fraction, "fraction")
    share = _share(solid_fraction, "solid_fraction") / (1 - nanoporosity)
    if share > 1:
        raise InvalidInputError(
            f"solid_fraction {solid_fraction!r} with nanoporosity {nanoporosity!r} is {share:.4g} "
            "of the volume with its nanopores, which is more than there is: lower one of them"
        )
    return share


def check_options(preference: Any, placement: Any, batches: Any) -> None:
    """Raises InvalidInputError if one of them is out of range."""
    if not isinstance(placement, str) or placement not in get_args(Placement):
        raise InvalidInputError(f"placement {placement!r} is none of {get_args(Placement)}")
    if not _is_number(preference) or not 0 <= preference <= 1:
        raise InvalidInputError(
            f"preference {preference!r} is outside 0…1: give 0 for a film, 1 for clusters"
        )
    if isinstance(batches, bool) or not isinstance(batches, int | np.integer) or batches < 1:
        raise InvalidInputError(f"batches {batches!r} is no whole number ≥ 1: give 100, say")


def checked_seed(rng: Any) -> int | np.random.Generator:
    """An integer or a generator; a new integer for None. Raises InvalidInputError."""
    if rng is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(rng, np.random.Generator):
        return rng
    if isinstance(rng, bool) or not isinstance(rng, int | np.integer) or rng < 0:
        raise InvalidInputError(
            f"rng {rng!r} is neither an integer ≥ 0 nor a numpy Generator: pass rng=0"
        )
    return int(rng)


def quotas(volume: Volume, order: Order, profile: Profile | None) -> Counts:
    """Voxels to place in the whole volume, or by ``profile`` in each layer of the through axis."""
    if profile is None:
        return np.array([order.total - _voxels(volume, order.label)])
    others = tuple(a for a in range(3) if a != volume.through_axis)
    there, pores = (
        np.count_nonzero(volume.labels == label, axis=others) for label in (order.label, order.pore)
    )
    inside = np.count_nonzero(volume.labels != _outside(volume), axis=others)
    counts = layer_counts(profile, order.total, inside, there + pores, collector=volume.collector)
    if np.any(counts < there):
        layer = int(np.argmax(there - counts))
        raise InvalidInputError(
            f"layer {layer} holds {there[layer]} voxels of binder, but the profile gives it "
            f"{counts[layer]}: choose a larger fraction, or relabel the binder to pore first"
        )
    return np.asarray(counts - there, dtype=np.int64)


def _binder(volume: Volume, phase: Phase) -> tuple[int, Mapping[int, str]]:
    if isinstance(phase, str) and phase not in volume.phases.values():
        taken = {*volume.phases, volume.outside}
        label = next(n for n in range(65536) if n not in taken)
        return label, {**volume.phases, label: phase}
    return volume.phase_id(phase), volume.phases


def _solids(
    volume: Volume, solid: Phase | Sequence[Phase] | None, others: tuple[int, int]
) -> tuple[int, ...]:
    if solid is None:
        return tuple(label for label in volume.phases if label not in others)
    several = solid if isinstance(solid, list | tuple) else (solid,)
    labels = tuple(dict.fromkeys(volume.phase_id(phase) for phase in several))
    if not labels or set(labels) & set(others):
        raise InvalidInputError(
            f"solid {solid!r} is nothing that binder can stick to: name phases other than the pore "
            "and the binder"
        )
    return labels


def _periodic(boundary: Boundary | Sequence[Boundary]) -> Periodic:
    each: tuple[Any, ...] = (boundary,) * 3
    if isinstance(boundary, list | tuple):
        each = tuple(boundary)
    if len(each) != 3 or any(name not in get_args(Boundary) for name in each):
        raise InvalidInputError(
            f"boundary {boundary!r}: give 'mirrored' or 'periodic', or three of them (z, y, x)"
        )
    z, y, x = (name == "periodic" for name in each)
    return z, y, x


def _share(given: Any, name: str) -> float:
    if not _is_number(given) or not 0 <= given <= 1:
        raise InvalidInputError(f"{name} {given!r} is no volume fraction: give 0 to 1")
    return float(given)


def _no_room(volume: Volume, order: Order, there: int, room: int, asked: str) -> InvalidInputError:
    if order.label == order.pore:
        return InvalidInputError(
            f"phase {order.label} is both pore and binder: name two different phases"
        )
    total = volume.inside_voxels
    return InvalidInputError(
        f"binder was to fill {100 * order.total / total:.4g} % of the volume{asked}, which has "
        f"{100 * there / total:.4g} % now and room for {100 * room / total:.4g} % with every pore "
        "filled: choose a fraction between, or relabel binder to pore first"
    )


def _voxels(volume: Volume, label: int) -> int:
    return volume.voxels(label) if label in volume.phases else 0


def _outside(volume: Volume) -> int:
    return -1 if volume.outside is None else volume.outside


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool)
