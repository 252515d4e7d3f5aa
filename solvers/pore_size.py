"""Local pore diameter: at each voxel of a phase, the widest sphere between walls that covers it.

Spheres have their centres on the lattice of half voxels: point (i, j, k) of its (2nz+1, 2ny+1,
2nx+1) lies at (i, j, k) times half a voxel from the low corner, so that odd numbers are centres.
"""

from collections.abc import Iterator
from itertools import product

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.phases import Phase
from solvers import memory
from solvers.checks import checked_volume
from solvers.window import inside_window

BYTES_PER_POINT, BYTES_PER_SPHERE = 30, 24  # measured peak, per point and per one in the phase
RECHECK = 40  # voxels painted, over those of the volume, before spheres are sorted out again
CHUNK = 2**20  # voxels painted at once
TIE = 1e-5  # relative: a voxel as far away as a wall is not covered, whatever the rounding

Bools = NDArray[np.bool_]
Singles = NDArray[np.float32]
Three = tuple[float, float, float]


def local_diameter(volume: Volume, phase: Phase) -> NDArray[np.float64]:
    """Diameter of the widest sphere in a phase that covers each voxel, in m.

    The walls are the faces of the voxels of all other phases. A sphere covers the voxels that are
    nearer to its centre than any voxel of a wall. Faces of the volume, and voxels outside, are no
    walls: what they cut goes on as in a mirror, as in a solve with insulated sides.

    Args:
        volume: labels of shape (nz, ny, nx); the spacing may differ between the axes.
        phase: name or id.

    Returns:
        Shape (nz, ny, nx): 0 off the phase, at least the smallest voxel edge in it, and inf if
        there is no wall at all.

    Raises:
        UnknownPhaseError: the volume has no such phase.
        MemoryBudgetError: the lattice, of eight points a voxel, would not fit.

    Accuracy: exact for slits of any whole number of voxels and for square channels of up to 5;
        wider ones keep smaller values in their corners. A sphere or cylinder drawn on voxels has
        one value throughout, below its diameter by up to √3 or √2 voxel edges (1.5 and 1 at most
        sizes), since what fits is measured within the staircase.
    Source: T. Hildebrand, P. Rüegsegger, J. Microsc. 185 (1997) 67,
        doi:10.1046/j.1365-2818.1997.1340694.x [not opened].
    """
    window = inside_window(checked_volume(volume))
    labels, label = volume.labels[window], volume.phase_id(phase)
    found = np.zeros(volume.shape)
    mask = labels == label
    wall = wall_mask(volume, label)
    if not wall.any():
        found[window][mask] = np.inf
        return found
    points = int(np.prod([2 * n + 1 for n in mask.shape]))
    required = BYTES_PER_POINT * points + 8 * BYTES_PER_SPHERE * int(np.count_nonzero(mask))
    memory.require(required, f"pore diameters on {points} half voxels")
    radius = wall_distance(mask, wall, volume.spacing)
    half = min(volume.spacing) / 2
    found[window] = np.where(mask, _covered(mask, wall, radius, ratios(volume.spacing)), 0.0)
    found *= 2 * half
    return found


def wall_mask(volume: Volume, label: int) -> Bools:
    """True where a voxel of the window inside belongs to neither a phase nor to the outside."""
    labels = volume.labels[inside_window(volume)]
    wall = labels != label
    return wall if volume.outside is None else wall & (labels != volume.outside)


def wall_distance(mask: Bools, wall: Bools, spacing: Three) -> Singles:
    """Radius of the sphere that fits around each point of the half-voxel lattice.

    Args:
        mask: the phase, shape (n0, n1, n2).
        wall: voxels that bound it, at least one.
        spacing: voxel edges.

    Returns:
        Shape (2 n0 + 1, 2 n1 + 1, 2 n2 + 1), in units of half the smallest edge: the exact
        distance to the nearest voxel of the wall; 0 at points that touch another voxel than
        the phase's.
    """
    radius = _distance(~_spread(_centred(wall)), ratios(spacing))
    radius[_spread(_centred(~(mask | wall)))] = 0.0
    return radius


def ratios(spacing: Three) -> Three:
    """Voxel edges over the smallest."""
    h0, h1, h2 = (h / min(spacing) for h in spacing)
    return h0, h1, h2


def _centred(mask: Bools) -> Bools:
    """Voxels as the points at their centres."""
    points = np.zeros([2 * n + 1 for n in mask.shape], bool)
    points[1::2, 1::2, 1::2] = mask
    return points


def _spread(points: Bools) -> Bools:
    """Centres of voxels together with the points of their faces, edges and corners."""
    for axis in range(3):
        along = np.moveaxis(points, axis, 0)
        along[:-1:2] |= along[1::2]
        along[2::2] |= along[1::2]
    return points


def _distance(free: Bools, ratio: Three) -> Singles:
    """Distance of each point to the nearest that is not free, for steps of these lengths."""
    from scipy import ndimage

    nearest = ndimage.distance_transform_edt(
        free, ratio, return_distances=False, return_indices=True
    )
    squared = np.zeros(free.shape, np.float32)
    for axis, step in enumerate(ratio):  # scipy's own distances take 24 bytes a point more
        here = np.arange(free.shape[axis], dtype=np.int32)
        nearest[axis] -= here.reshape([-1 if a == axis else 1 for a in range(3)])
        squared += np.square(nearest[axis] * np.float32(step), dtype=np.float32)
    return np.sqrt(squared, out=squared)


def _covered(mask: Bools, wall: Bools, radius: Singles, ratio: Three) -> Singles:
    """Largest radius of the spheres that cover each voxel of the mask."""
    shape, order = radius.shape, np.flatnonzero(radius)
    order = order.astype(np.int32 if radius.size < 2**31 else np.int64)
    reach = _distance(~_centred(wall), ratio).ravel()[order] * np.float32(1 - TIE)
    sizes = radius.ravel()[order]
    falling = np.argsort(-sizes, kind="stable")
    order, reach, sizes = order[falling], reach[falling], sizes[falling]
    rim = _rim(mask.shape, float(reach.max(initial=0.0)), ratio)
    out = np.zeros([n + 2 * w for n, w in zip(mask.shape, rim, strict=True)], np.float32)
    inner = out[tuple(slice(w, -w) for w in rim)]
    while len(order):
        useful = _still_useful(mask & (inner == 0), order, shape, reach, ratio)
        order, reach, sizes = order[useful], reach[useful], sizes[useful]
        next_ones = reach[: RECHECK * mask.size // 8]
        work = np.cumsum(np.pi / 6 * np.float64(next_ones) ** 3 / np.prod(ratio) + 8)
        last = max(int(np.searchsorted(work, RECHECK * mask.size)), 1)
        centres = np.stack(np.unravel_index(order[:last], shape), axis=1)
        _paint(out, rim, centres, sizes[:last], reach[:last], ratio)
        order, reach, sizes = order[last:], reach[last:], sizes[last:]
    return inner


def _rim(shape: tuple[int, ...], reach: float, ratio: Three) -> tuple[int, ...]:
    """Voxels beyond each face that a sphere may cover, as far as they matter."""
    return tuple(min(int(reach / r / 2), n) + 1 for n, r in zip(shape, ratio, strict=True))


def _still_useful(
    bare: Bools, order: NDArray[np.integer], shape: tuple[int, ...], reach: Singles, ratio: Three
) -> Bools:
    """Whether a sphere can cover a voxel that none of the wider ones does."""
    useful = np.zeros(len(order), bool)
    if not bare.any():
        return useful
    distance = 2 * _distance(~bare, ratio)  # of the voxel that holds the point, in half voxels
    for start in range(0, len(order), CHUNK):
        some = slice(start, start + CHUNK)
        voxel, away = [], np.float32(0)
        for i, n, step in zip(np.unravel_index(order[some], shape), bare.shape, ratio, strict=True):
            voxel.append(np.minimum(i // 2, n - 1))
            away = away + np.square((2 * voxel[-1] + 1 - i) * np.float32(step))
        useful[some] = distance[tuple(voxel)] - np.sqrt(away) < reach[some]
    return useful


def _paint(
    out: Singles,
    rim: tuple[int, ...],
    centres: NDArray[np.intp],
    sizes: Singles,
    reach: Singles,
    ratio: Three,
) -> None:
    """Raise ``out``, which has a rim, to the size of each sphere at the voxels that it covers."""
    flat = out.reshape(-1)
    voxel = np.ravel_multi_index(tuple((centres // 2 + rim).T), out.shape)
    for parity in product((0, 1), repeat=3):
        mine = np.flatnonzero((centres % 2 == parity).all(axis=1))
        for part in _chunks(mine, reach, ratio):
            steps, away = _steps(parity, float(reach[part].max()), rim, out.shape, ratio)
            near = away < reach[part, None]
            at = (voxel[part, None] + steps)[near]
            size = np.broadcast_to(sizes[part, None], near.shape)[near]
            larger = size > flat[at]
            np.maximum.at(flat, at[larger], size[larger])


def _chunks(mine: NDArray[np.intp], reach: Singles, ratio: Three) -> Iterator[NDArray[np.intp]]:
    """Spheres of similar reach, few enough for their voxels to be held at once."""
    mine = mine[np.argsort(-reach[mine], kind="stable")]
    while len(mine):
        box = np.prod([float(reach[mine[0]]) / r + 2 for r in ratio])
        count = max(int(CHUNK / box), 1)
        yield mine[:count]
        mine = mine[count:]


def _steps(
    parity: tuple[int, ...],
    reach: float,
    rim: tuple[int, ...],
    shape: tuple[int, ...],
    ratio: Three,
) -> tuple[NDArray[np.intp], Singles]:
    """Steps in a flat array to the voxels within reach of a point, and how far these are.

    They are counted from the voxel at the point or just above it.
    """
    widths = [min(int(reach / r / 2) + 1, w) for r, w in zip(ratio, rim, strict=True)]
    grid = np.ogrid[
        tuple(slice(-w, w + 1 - (w == most)) for w, most in zip(widths, rim, strict=True))
    ]
    away = sum(((2 * g + 1 - p) * r) ** 2 for g, p, r in zip(grid, parity, ratio, strict=True))
    distance = np.sqrt(away).astype(np.float32)
    steps = (grid[0] * shape[1] + grid[1]) * shape[2] + grid[2]
    kept = distance < reach
    return steps[kept], distance[kept]
