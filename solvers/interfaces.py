"""Areas of the interfaces between phases. Directions and tables run along array axes (z, y, x)."""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError
from solvers.block_counts import DIRECTIONS, BlockGrid, pair_counts
from solvers.by_phases import ByPhases, groups
from solvers.results import Quantity, Uncertainty
from solvers.sampling import block_sums, standard_error_of_sum

AreaMethod: TypeAlias = Literal["crofton", "faces"]
Ids: TypeAlias = tuple[int, ...]
Array = NDArray[np.float64]

UNIT = "m²/m³"
TEXTS = {
    "crofton": "Crofton formula, 13 directions",
    "faces": "voxel faces (overestimates curved and oblique interfaces by up to 3/2 or √3)",
}


def interface_areas(volume: Volume, method: AreaMethod = "crofton") -> ByPhases[Quantity]:
    """Area of the interface between each pair of phases, per volume that is not outside.

    "crofton": a line in direction d crosses interfaces S_V / 2 times per length on average, so
    A/V = 2 Σ w_d n_d / (N_d |d|) over the 13 directions to neighbouring voxels. Of the N_d pairs
    of voxels one step d apart that both lie inside the volume, n_d hold the two phases; w_d is the
    part of the sphere nearest to ± d. As every n_d is divided by the pairs that could be seen, the
    estimate has no edge bias; an isolated body within an empty rim is rated by the volume
    between the outer voxel centres.

    "faces": number of voxel faces between the two phases × face area / volume, exactly.

    Faces of the volume and contacts with voxels outside are no interface.

    Args:
        volume: labels of shape (nz, ny, nx), any spacing.
        method: "crofton" or "faces".

    Returns:
        Areas in m²/m³ for every unordered pair: ``result["pore", "NMC"].value``. NaN where the
        volume has no two neighbouring voxels inside.

    Raises:
        InvalidInputError: an unknown method, or more phases than can be counted.

    Accuracy: crofton is exact to 1 % for spheres of radius ≥ 3 voxels and 3 % for typical random
        planes, 7 % low for planes along the voxel grid; faces are 50 % high for spheres and exact
        for planes along the grid. See docs/explanation/interfaces-and-tpb.md.
    Source: Legland, Kiêu, Devaux, Image Anal. Stereol. 26 (2007) 83  [from memory: verify]
    """
    estimate = _estimator(volume, method)
    areas = {pair: estimate([pair]) for pair in groups(volume.phases, 2)}
    return ByPhases(dict(volume.phases), 2, areas)


def specific_surface_areas(volume: Volume, method: AreaMethod = "crofton") -> ByPhases[Quantity]:
    """Area of each phase's interfaces with all other phases, per volume that is not outside.

    The sum of its pairs in ``interface_areas``; arguments, errors and accuracy are as there.

    Returns:
        Areas in m²/m³ for every phase: ``result["NMC"].value``.
    """
    estimate = _estimator(volume, method)
    pairs = list(groups(volume.phases, 2))
    areas: dict[Ids, Quantity] = {
        (p,): estimate([pair for pair in pairs if p in pair]) for p in volume.phases
    }
    return ByPhases(dict(volume.phases), 1, areas)


def _estimator(volume: Volume, method: AreaMethod) -> Callable[[Sequence[Ids]], Quantity]:
    """A function from pairs of phases to the total area of their interfaces."""
    if method not in TEXTS:
        raise InvalidInputError(f"method {method!r} is unknown: choose 'crofton' or 'faces'")
    grid, counts, inside = pair_counts(volume)
    if method == "faces":
        area = functools.partial(_area_by_faces, volume, grid, counts)
    else:
        area = functools.partial(_area_by_crofton, volume, grid, counts, inside.astype(float))
    met = set(_meeting_pairs(grid, counts))
    remembered = functools.cache(area)  # most pairs of many phases never meet
    return lambda pairs: remembered(tuple(pair for pair in pairs if pair in met))


def _meeting_pairs(grid: BlockGrid, counts: NDArray[Any]) -> Iterator[Ids]:
    totals = counts.sum(axis=(0, 1, 2, 3), dtype=np.int64)
    for a, b in np.argwhere(totals + totals.T):
        yield grid.present[a], grid.present[b]


def _area_by_crofton(
    volume: Volume, grid: BlockGrid, counts: NDArray[Any], seen: Array, pairs: Sequence[Ids]
) -> Quantity:
    lengths = np.linalg.norm(_steps(volume.spacing), axis=1)
    totals = seen.sum(axis=(0, 1, 2))
    weights = np.where(totals > 0, direction_weights(volume.spacing), 0.0)
    if not weights.any():
        return _area(np.nan, np.nan, "crofton")
    factors = 2 * weights / weights.sum() / lengths / np.maximum(totals, 1)
    crossings = _contacts(grid, counts, pairs)
    total = crossings.sum(axis=(0, 1, 2))
    residuals = (crossings - seen * (total / np.maximum(totals, 1))) @ factors
    return _area(float(total @ factors), standard_error_of_sum(residuals), "crofton")


def _area_by_faces(
    volume: Volume, grid: BlockGrid, counts: NDArray[Any], pairs: Sequence[Ids]
) -> Quantity:
    inside = block_sums(volume.labels != _outside(volume), blocks=grid.blocks)
    if not (voxels := inside.sum()):
        return _area(np.nan, np.nan, "faces")
    per_voxel = _contacts(grid, counts, pairs)[..., :3] @ (1 / np.array(volume.spacing))
    value = float(per_voxel.sum() / voxels)
    return _area(value, standard_error_of_sum(per_voxel - value * inside) / voxels, "faces")


def _area(value: float, error: float, method: AreaMethod) -> Quantity:
    return Quantity(value, UNIT, TEXTS[method], Uncertainty(error))


def _outside(volume: Volume) -> int:
    return -1 if volume.outside is None else volume.outside


def _contacts(grid: BlockGrid, counts: NDArray[Any], pairs: Sequence[Ids]) -> Array:
    """Neighbours of unlike phases, either way round, by block and direction."""
    found = np.zeros((*grid.table, 13))
    for pair in pairs:
        a, b = (grid.present.index(label) for label in pair)
        found += counts[..., a, b]
        found += counts[..., b, a]
    return found


def _steps(spacing: tuple[float, float, float]) -> Array:
    """Vectors in m to one of each two opposite neighbours."""
    return np.array(DIRECTIONS) * np.array(spacing)


@functools.cache
def direction_weights(spacing: tuple[float, float, float]) -> Array:
    """Share of all directions that lie nearest to each of the 13 steps or their opposites.

    Args:
        spacing: voxel edges (dz, dy, dx) in m.

    Returns:
        13 weights that add up to 1: areas of the spherical Voronoi cells, two by two.
    """
    from scipy.spatial import SphericalVoronoi

    steps = _steps(spacing)
    units = steps / np.linalg.norm(steps, axis=1, keepdims=True)
    areas = SphericalVoronoi(np.concatenate([units, -units])).calculate_areas()
    weights = (areas[:13] + areas[13:]) / areas.sum()
    weights.flags.writeable = False  # cached
    return weights
