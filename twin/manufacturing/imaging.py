"""Imaging: steps that change how an electrode was seen, and not what it is. SI units."""

import math
from typing import Any

import numpy as np

from microstructures import Volume, flat_wall_shift, rethresholded
from microstructures.errors import InvalidInputError
from solvers import specific_surface_areas
from twin.manufacturing._target import checked_volume
from twin.manufacturing.step import StepReport

ORDER = 0  # seed of the order of places, the same for everybody


def rethreshold(
    volume: Volume, *, phase: str, resolution: float, level: float = 0.5, rng: Any = None
) -> tuple[Volume, StepReport]:
    """The volume with the walls of one phase where another threshold would have put them.

    Args:
        volume: the segmented volume.
        phase: whose walls move.
        resolution: of the imaging in m, the standard deviation of its blur.
        level: 0…1, limits excluded; below 0.5 the phase grows.
        rng: not used: the result is the same every time.

    Returns:
        The volume, and a report. Its figures: ``flat_wall_shift``, how far in m a flat wall moves
        out of the phase; ``mean_shift``, how far the walls of this volume did, beyond level 0.5 on
        average over their area; ``blurred_away``, the share of voxels that are of another phase at
        level 0.5 already, being narrower than the resolution; ``voxel_edge`` in m.

    Raises:
        InvalidInputError: see ``microstructures.rethresholded``.
    """
    middle = rethresholded(checked_volume(volume), phase, resolution=resolution)
    after = rethresholded(volume, phase, resolution=resolution, level=level)
    name = middle.phase_name(phase)
    areas = [float(specific_surface_areas(one)[name].value) for one in (middle, after)]
    area, change = sum(areas) / 2, after.fraction(name) - middle.fraction(name)
    figures = {
        "flat_wall_shift": flat_wall_shift(resolution, level),
        "mean_shift": change / area if area > 0 else math.nan,
        "blurred_away": float(np.mean(middle.labels != volume.labels)),
        "voxel_edge": volume.voxel_volume ** (1 / 3),
    }
    parameters = {"phase": name, "resolution": resolution, "level": level}
    return after, StepReport.between("rethreshold", volume, after, parameters, figures=figures)


def coarsen(volume: Volume, *, factor: int = 2, rng: Any = None) -> tuple[Volume, StepReport]:
    """The volume on coarser voxels, each of the phase that most of its voxels had.

    Args:
        volume: the segmented volume.
        factor: voxels merged along each axis; 1 leaves it as it is.
        rng: not used: the result is the same every time.

    Raises:
        InvalidInputError: a factor below 1 or above the size of the volume.
    """
    after = checked_volume(volume).coarsened(factor)
    figures = {"voxel_edge": after.voxel_volume ** (1 / 3)}
    return after, StepReport.between("coarsen", volume, after, {"factor": factor}, figures=figures)


def sub_volume(
    volume: Volume, *, size: int, place: int = 0, rng: Any = None
) -> tuple[Volume, StepReport]:
    """One of the cubes that lie beside each other in a volume.

    Args:
        volume: the segmented volume.
        size: edge in voxels; along axes that are shorter the cube takes all there is.
        place: which one: 0, 1, … in an order that is shuffled, but always the same; those of one
            size share no voxel.
        rng: not used: the result is the same every time.

    Returns:
        The cube, and a report. Its figures: ``edge``, the cube root of its volume in m;
        ``places``, how many cubes there are.

    Raises:
        InvalidInputError: a size below 1 or above all edges of the volume, or a place that there
            is not.
    """
    shape = checked_volume(volume).shape
    count = places(shape, size)
    if not 0 <= place < count:
        raise InvalidInputError(
            f"place {place} is not among the {count} cubes of {size} voxels that lie beside each "
            f"other in {shape}: choose 0…{count - 1}, or a smaller size"
        )
    tiles = _tiles(shape, size)
    number = int(np.random.default_rng(ORDER).permutation(count)[place])
    corner = np.unravel_index(number, tuple(len(starts) for starts in tiles))
    edges = [min(size, length) for length in shape]
    window = [
        (int(starts[at]), int(starts[at]) + edge)
        for starts, at, edge in zip(tiles, corner, edges, strict=True)
    ]
    after = volume.cropped(*window)
    figures = {"edge": float(np.prod(after.size)) ** (1 / 3), "places": float(count)}
    parameters = {"size": size, "place": place}
    return after, StepReport.between("sub_volume", volume, after, parameters, figures=figures)


def places(shape: tuple[int, int, int], size: int) -> int:
    """How many cubes of ``size`` voxels lie beside each other in a volume of that shape.

    Raises:
        InvalidInputError: a size below 1 or above all edges of the volume.
    """
    if not 1 <= size <= max(shape):
        raise InvalidInputError(
            f"size {size} does not fit into {shape}: give an edge of 1…{max(shape)} voxels"
        )
    return math.prod(len(starts) for starts in _tiles(shape, size))


def _tiles(shape: tuple[int, int, int], size: int) -> list[Any]:
    """Where cubes begin along each axis, as far from each other as there is room."""
    found = []
    for length in shape:
        edge = min(size, length)
        count = length // edge
        free = length - edge
        spread = np.linspace(0, free, count) if count > 1 else np.array([free / 2])
        found.append(np.floor(spread).astype(int))
    return found
