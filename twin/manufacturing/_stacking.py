"""Layers that fit on each other: the same plane, and one table of phases for all."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError

ROUND_OFF = 1e-6  # relative, by which voxel edges may differ


def checked_layers(volumes: Sequence[Volume]) -> tuple[Volume, ...]:
    """Two volumes or more that fit on each other. Raises InvalidInputError."""
    layers = () if isinstance(volumes, Volume) else tuple(volumes)
    if len(layers) < 2 or not all(isinstance(layer, Volume) for layer in layers):
        raise InvalidInputError(
            f"volumes holds {len(layers)} layers: give a list of two volumes or more, the first "
            "at the collector"
        )
    for number, layer in enumerate(layers[1:], start=2):
        _check_fit(layers[0], layer, number)
    return layers


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
    if not np.allclose(base.spacing, layer.spacing, rtol=ROUND_OFF, atol=0):
        raise InvalidInputError(
            f"layer {number} has voxels of {layer.spacing} m, the first of {base.spacing} m: "
            "bring both to the same voxels, with coarsened() or when reading them"
        )


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
