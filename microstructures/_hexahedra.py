"""Hexahedra: nodes (n, 3) with columns (x, y, z) in m and cells (m, 8); masks are (nz, ny, nx)."""

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidMeshError
from microstructures.wording import lengths

# VTK's order of the corners: around the bottom, then around the top, as (x, y, z)
_CORNERS = np.array(
    [(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1), (1, 1, 1), (0, 1, 1)]
)
_CHUNK = 1 << 14  # hexahedra at a time: bounds the memory and stays in the cache
# part of an edge that a corner may be off: 32-bit coordinates of 4000 voxels round to 2e-4
_OFF_CORNER = 1e-3
_FAR = 1e30  # m; sums of larger coordinates overflow, in single precision too
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")


def numbered(
    mask: NDArray[np.bool_], spacing: tuple[float, float, float]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Nodes (x, y, z) in m and hexahedra of the voxels in ``mask``; unused nodes get no number."""
    grid = tuple(n + 1 for n in mask.shape)
    low_corner = np.zeros(grid, dtype=bool)
    low_corner[:-1, :-1, :-1] = mask
    first = np.flatnonzero(low_corner)
    steps = _CORNERS @ np.array([1, grid[2], grid[1] * grid[2]])
    used = np.zeros(grid, dtype=bool)
    for x, y, z in _CORNERS:
        used[z : z + mask.shape[0], y : y + mask.shape[1], x : x + mask.shape[2]] |= mask
    number = np.cumsum(used, dtype=np.int32 if used.size < 2**31 else np.int64)
    cells = np.empty((len(first), 8), dtype=np.int64)
    for start in range(0, len(first), _CHUNK):
        part = slice(start, start + _CHUNK)
        cells[part] = number[first[part, None] + steps] - 1
    return _coordinates(used, spacing), cells


def _coordinates(
    used: NDArray[np.bool_], spacing: tuple[float, float, float]
) -> NDArray[np.float64]:
    """(x, y, z) in m of the grid nodes in use, layer by layer to keep the index arrays small."""
    points = np.empty((np.count_nonzero(used), 3))
    dz, dy, dx = spacing
    end = 0
    for z, layer in enumerate(used):
        y, x = np.nonzero(layer)
        start, end = end, end + len(x)
        points[start:end, 0] = x * dx
        points[start:end, 1] = y * dy
        points[start:end, 2] = z * dz
    return points


def mean_edges(points: NDArray[np.float64], cells: NDArray[np.int64]) -> tuple[float, float, float]:
    """(dz, dy, dx): the whole extent over its number of voxels, else the mean diagonal."""
    diagonal = points[cells[:, 6]].mean(axis=0) - points[cells[:, 0]].mean(axis=0)
    if not (diagonal > 0).all():
        raise InvalidMeshError(
            f"the mean diagonal of the hexahedra is {diagonal} m: their nodes are not in the "
            "order of VTK's hexahedron, or their edges not along x, y, z"
        )
    extent = np.ptp(points, axis=0)
    edges = extent / np.maximum(np.rint(extent / diagonal), 1)
    on_grid = np.isclose(edges, diagonal, rtol=1e-6, atol=0)
    dx, dy, dz = (float(edge) for edge in np.where(on_grid, edges, diagonal))
    return dz, dy, dx


def is_printable(name: str) -> bool:
    """False if a name holds what cannot stand in XML, not even escaped."""
    return bool(str(name).strip()) and not _UNPRINTABLE.search(str(name))


def refuse_other_shapes(
    points: NDArray[np.float64], cells: NDArray[np.int64], spacing: tuple[float, float, float]
) -> None:
    edges = np.array(spacing[::-1])
    wanted, allowed = (_CORNERS * edges).ravel(), np.tile(_OFF_CORNER * edges, 8)
    for corners in _corners_in_chunks(points, cells):
        off = corners - np.tile(corners[:, :3], 8) - wanted
        if (np.abs(off).max(axis=0) > allowed).any():
            raise InvalidMeshError(
                f"some hexahedra are not boxes of {lengths(spacing)} (z, y, x) with their nodes "
                "in the order of VTK's hexahedron: give voxels of one size, edges along x, y, z"
            )


def _corners_in_chunks(
    points: NDArray[np.float64], cells: NDArray[np.int64]
) -> Iterator[NDArray[np.float64]]:
    for start in range(0, len(cells), _CHUNK):
        yield points[cells[start : start + _CHUNK]].reshape(-1, 24)


def checked_points(points: Any) -> NDArray[np.float64]:
    array = np.asarray(points)
    if array.ndim != 2 or array.shape[1] != 3 or array.dtype.kind not in "iuf":
        raise InvalidMeshError(
            f"nodes are {array.dtype} of shape {array.shape}, but real numbers of shape (n, 3) "
            "were wanted: give a row (x, y, z) in m per node"
        )
    if not (np.abs(array) < _FAR).all():
        raise InvalidMeshError(
            f"some node coordinates are NaN, infinite or beyond {_FAR:g} m: repair the mesh"
        )
    return array.astype(np.float64, copy=False)


def checked_cells(cells: Any, nodes: int) -> NDArray[np.int64]:
    array = np.asarray(cells)
    if array.ndim != 2 or array.shape[1] != 8 or array.dtype.kind not in "iu" or not array.size:
        raise InvalidMeshError(
            f"cells are {array.dtype} of shape {array.shape}, but hexahedra were wanted: "
            "give eight node numbers per cell, and at least one cell"
        )
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= nodes:
        raise InvalidMeshError(
            f"cells use the nodes {low}…{high}, but there are only 0…{nodes - 1}: "
            "number nodes from 0 and keep all that are used"
        )
    return array.astype(np.int64, copy=False)


def checked_phase_ids(phase_ids: Any, cells: int) -> NDArray[np.uint16]:
    array = np.asarray(phase_ids)
    whole = array.dtype.kind in "iu" and array.shape == (cells,)
    if not whole or array.min() < 0 or array.max() > 65535:
        raise InvalidMeshError(
            f"phase ids are {array.dtype} of shape {array.shape}, but a whole number in 0…65535 "
            f"for each of the {cells} hexahedra was wanted"
        )
    return array.astype(np.uint16, copy=False)


def checked_names(phases: Mapping[int, str], phase_ids: NDArray[np.uint16]) -> Mapping[int, str]:
    present = np.flatnonzero(np.bincount(phase_ids))
    unnamed = [int(label) for label in present if label not in phases]
    if unnamed:
        raise InvalidMeshError(
            f"the hexahedra hold the phases {unnamed}, which have no name: add them to phases"
        )
    names = list(phases.values())
    bad = [name for name in names if names.count(name) > 1 or not is_printable(name)]
    if bad:
        raise InvalidMeshError(
            f"phase names {bad} occur twice or cannot be printed: rename the phases"
        )
    return MappingProxyType({int(label): str(name) for label, name in sorted(phases.items())})
