"""Layers that fit on each other: the same plane, and one table of phases for all."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError

ROUND_OFF = 1e-6  # relative, by which voxel edges may differ
MOST = 0.1  # of a thickness; what differs more is another resolution


def checked_layers(volumes: Any, stretch: Any) -> tuple[Volume, ...]:
    """Two volumes or more that fit on each other, thicknesses of voxels apart by ``stretch``.

    Raises InvalidInputError.
    """
    is_number = isinstance(stretch, int | float | np.number) and not isinstance(stretch, bool)
    if not is_number or not 0 <= stretch <= MOST:
        raise InvalidInputError(f"stretch is {stretch!r}: give a share from 0 to {MOST}")
    is_several = isinstance(volumes, Iterable) and not isinstance(volumes, Volume)
    layers = tuple(volumes) if is_several else ()
    if len(layers) < 2 or not all(isinstance(layer, Volume) for layer in layers):
        raise InvalidInputError(
            f"volumes holds {len(layers)} layers: give a list of two volumes or more, the first "
            "at the collector"
        )
    for number, layer in enumerate(layers[1:], start=2):
        _check_fit(layers[0], layer, number)
    _check_edges(layers, float(stretch))
    return layers


def common_edge(layers: Sequence[Volume]) -> float:
    """Thickness in m of the voxels of a stack that is as thick as its layers together."""
    axis = layers[0].through_axis
    edges = [layer.spacing[axis] for layer in layers]
    if np.allclose(edges, edges[0], rtol=ROUND_OFF, atol=0):
        return edges[0]
    counts = [layer.shape[axis] for layer in layers]
    return float(np.average(edges, weights=counts))


def _check_fit(base: Volume, layer: Volume, number: int) -> None:
    for what, first, this, change in (
        ("through_axis", base.through_axis, layer.through_axis, "transpose it"),
        ("collector", base.collector, layer.collector, "flip it along the through axis"),
        ("shape in the plane", _in_plane(base), _in_plane(layer), "crop it"),
    ):
        if first != this:
            raise InvalidInputError(
                f"layer {number} has {what} {this!r}, the first {first!r}: {change}"
            )
    flat, other = (np.delete(each.spacing, base.through_axis) for each in (base, layer))
    if not np.allclose(flat, other, rtol=ROUND_OFF, atol=0):
        raise InvalidInputError(
            f"layer {number} has voxels of {layer.spacing} m, the first of {base.spacing} m: "
            "bring both to the same voxels, with coarsened() or when reading them"
        )


def _check_edges(layers: Sequence[Volume], stretch: float) -> None:
    axis, (worst, change) = layers[0].through_axis, most_stretched(layers)
    if abs(change) > stretch + ROUND_OFF:
        needed = math.ceil(1e3 * abs(change)) / 1e3
        raise InvalidInputError(
            f"layer {worst} has voxels of {layers[worst - 1].spacing[axis]:.6g} m through the "
            f"thickness, the stack of {common_edge(layers):.6g} m: allow stretch={needed:g}, as "
            "layers that were pressed need, or bring all to the same voxels"
        )


def most_stretched(layers: Sequence[Volume]) -> tuple[int, float]:
    """Number of the layer, from 1, whose thickness changes most in a stack, and by what share."""
    edge, axis = common_edge(layers), layers[0].through_axis
    changes = [edge / layer.spacing[axis] - 1 for layer in layers]
    worst = int(np.argmax(np.abs(changes)))
    return worst + 1, float(changes[worst])


def _in_plane(volume: Volume) -> tuple[int, ...]:
    return tuple(n for axis, n in enumerate(volume.shape) if axis != volume.through_axis)


def common_phases(
    layers: Sequence[Volume],
) -> tuple[list[NDArray[Any]], dict[int, str], int | None]:
    """Labels of every layer in one table of phases, that table, and the label outside, if any."""
    table: dict[int, str] = {}
    tables = [_joined(layer, table) for layer in layers]
    outside = _unused(table) if any(layer.outside is not None for layer in layers) else None
    for layer, ids in zip(layers, tables, strict=True):
        if layer.outside is not None and outside is not None:
            ids[layer.outside] = outside
    return [_sent(layer, ids) for layer, ids in zip(layers, tables, strict=True)], table, outside


def _joined(layer: Volume, table: dict[int, str]) -> dict[int, int]:
    """Id in the common table of every label of a layer; new names are added to the table."""
    ids = {}
    for label, name in layer.phases.items():
        known = next((number for number, there in table.items() if there == name), None)
        if known is None:
            known = label if label not in table else _unused(table)
            table[known] = name
        ids[label] = known
    return ids


def _unused(table: dict[int, str]) -> int:
    return next(label for label in range(65536) if label not in table)


def _sent(layer: Volume, ids: dict[int, int]) -> NDArray[Any]:
    lookup = np.zeros(max(ids) + 1, np.uint16)
    lookup[list(ids)] = list(ids.values())
    sent = lookup[layer.labels]
    return sent.astype(np.uint8) if max(ids.values()) < 256 else sent
