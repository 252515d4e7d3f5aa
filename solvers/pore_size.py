"""Local pore diameter: at each voxel of a phase, the widest sphere between walls that covers it.

Spheres have their centres on the lattice of half voxels: point (i, j, k) of its (2nz+1, 2ny+1,
2nx+1) lies at (i, j, k) times half a voxel from the low corner, so that odd numbers are centres.
"""

import math

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.phases import Phase
from solvers import runtime
from solvers._kernels import spheres
from solvers.checks import checked_volume
from solvers.runtime import DeviceArray
from solvers.window import inside_window

BYTES_PER_POINT, BYTES_PER_SPHERE = 20, 17  # measured peak, per point and per one in the phase
FIRST, GROWTH = 4.0, 1.1  # voxels in the spheres painted at once over those of the volume; by step
KEYS = 65534  # sizes that are told apart
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
        InvalidInputError: the lattice has more points than can be indexed, 2³¹.
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
    runtime.check_elements(points, "the lattice of half voxels")
    runtime.reserve(required, f"pore diameters on {points} half voxels")
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
    n0, n1, n2 = free.shape
    flat = runtime.to_device(free.astype(np.uint8))
    first, second = (runtime.empty(free.size, np.float32) for _ in range(2))
    spheres.along_rows(flat, first, n0 * n1, n2, ratio[2])
    across_rows = spheres.across_rows(runtime.block())
    across_rows(first, second, n0, n1, 1, n2, ratio[1])
    across_rows(second, first, 1, n0, n1, n2, ratio[0])
    distance: Singles = np.sqrt(runtime.to_host(first)).reshape(free.shape)
    return distance


def _covered(mask: Bools, wall: Bools, radius: Singles, ratio: Three) -> Singles:
    """Largest radius of the spheres that cover each voxel of the mask."""
    points = np.flatnonzero(radius).astype(np.int32)
    sizes = radius.ravel()[points]
    falling, ends = _falling(sizes)
    points, sizes = points[falling], sizes[falling]
    reach = _distance(~_centred(wall), ratio).ravel()[points] * np.float32(1 - TIE)
    del falling
    work = np.cumsum(np.pi / 6 * np.float64(reach) ** 3 / np.prod(ratio) + 1)[ends - 1]
    spheres_of = [runtime.to_device(array) for array in (points, sizes, reach)]
    canvas, first, done, share = _Canvas(mask), 0, 0.0, FIRST
    while first < len(points) and canvas.is_bare:
        at = min(int(np.searchsorted(work, done + share * mask.size)), len(ends) - 1)
        canvas.paint(spheres_of, first, int(ends[at]), ratio)
        first, done, share = int(ends[at]), work[at], GROWTH * share
    return canvas.sizes


def _falling(sizes: Singles) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The order in which sizes fall but for ties within 2e-5 of the largest, and where ties end."""
    steps = sizes * np.float32(KEYS / sizes.max(initial=1.0))
    key = (KEYS - steps).astype(np.uint16)  # sorted in a tenth of the time that numbers take
    order = np.argsort(key, kind="stable")
    return order, np.flatnonzero(np.diff(key[order], append=np.uint16(KEYS + 1))) + 1


class _Canvas:
    """Voxels to be painted: those still bare, by voxel and by block, and the sizes found so far."""

    def __init__(self, mask: Bools) -> None:
        self.shape = mask.shape
        self.bare = runtime.to_device(mask.astype(np.uint8))
        self.found = runtime.zeros(mask.size, np.float32)
        self.blocks = [-(-n // spheres.EDGE) for n in mask.shape]
        wide = [-(-n // spheres.EDGE) for n in self.blocks]
        self.small, self.large = (
            runtime.zeros(math.prod(shape), np.uint8) for shape in (self.blocks, wide)
        )
        self._count()

    def _count(self) -> None:
        spheres.cover(self.bare, self.found)
        spheres.gather(self.bare, self.small, *self.shape)
        spheres.gather(self.small, self.large, *self.blocks)

    @property
    def is_bare(self) -> bool:
        """True if any voxel is left."""
        return bool(runtime.to_host(self.large).any())

    @property
    def sizes(self) -> Singles:
        """Size of the largest sphere found at each voxel."""
        return runtime.to_host(self.found).reshape(self.shape)

    def paint(self, arrays: list[DeviceArray], first: int, last: int, ratio: Three) -> None:
        """Paint some spheres on what is bare, none of them larger than those before."""
        levels = (self.bare, self.small, self.large, self.found)
        spheres.paint(*arrays, first, last, *levels, *self.shape, *ratio)
        self._count()
