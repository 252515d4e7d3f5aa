"""Rigid particles cut out of a volume: their shapes, and the walls that cut them.

Coordinates are (z, y, x) in m from the corner of the volume; arrays of windows are in voxels.
A particle that a wall cuts goes on behind it as in a mirror; one that a periodic face cuts goes on
at the other face.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

RIM = 4  # voxels around a particle in which its distance is known
SEAM = 2  # voxels
SMOOTHING = 0.5  # voxels; more would take roughness, and area, from what does not even move
CUT = 0.2  # of a particle's largest section, from which on a wall cuts it and not only touches it
BEHIND = 2  # voxels that are kept of it behind the wall

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Wrap = tuple[bool, bool, bool]


@dataclass(frozen=True, slots=True, eq=False)
class RigidParticle:
    """One particle.

    ``distance`` is the signed distance in m to its surface at the voxel centres of a window that
    starts at voxel ``start``, negative inside; necks reach a little into their other side.
    ``body`` is the same without that, ``centre`` the centroid of what lies in the volume, and
    ``walls`` are the places relative to it of the walls that cut it, ±inf where none does,
    shape (3, 2).
    """

    distance: NDArray[np.float32]
    body: NDArray[np.float32]
    start: Floats
    centre: Floats
    walls: Floats

    @property
    def cut(self) -> Mask:
        """Axes along which a wall cuts it, shape (3,)."""
        is_cut: Mask = np.isfinite(self.walls)
        return is_cut[:, 0] | is_cut[:, 1]

    def holds(self, points: Floats) -> Mask:
        """Which points relative to the centre, shape (3, …), lie on its side of those walls."""
        return _all(
            (low <= x) & (x <= high) for x, (low, high) in zip(points, self.walls, strict=True)
        )

    def corners(self, spacing: Floats) -> Floats:
        """The window's eight corners, relative to the centre, shape (8, 3)."""
        size = np.array(self.distance.shape)
        corners = np.array(list(np.ndindex(2, 2, 2))) * (size - 1)
        return (self.start + corners + 0.5) * spacing - self.centre

    def at(self, points: Floats, spacing: Floats) -> tuple[NDArray[np.float32], ...]:
        """Both distances at points relative to the centre, shape (3, …); far away if outside."""
        shape = (3,) + (1,) * (points.ndim - 1)
        origin = (self.start + 0.5) * spacing - self.centre
        index = (points - origin.reshape(shape)) / spacing.reshape(shape)
        far = np.float32(1e3 * spacing.max())
        return tuple(
            ndimage.map_coordinates(field, index, order=1, mode="constant", cval=far)
            for field in (self.distance, self.body)
        )


def rigid_particles(
    labels: NDArray[np.int32], spacing: Floats, periodic: Wrap
) -> list[RigidParticle]:
    """The particles 1 … n of a label field."""
    return [
        _cut_out(labels, number, window, spacing, periodic)
        for number, window in enumerate(ndimage.find_objects(labels), start=1)
        if window is not None
    ]


def _cut_out(
    labels: NDArray[np.int32],
    number: int,
    window: tuple[slice, ...],
    spacing: Floats,
    periodic: Wrap,
) -> RigidParticle:
    mask = labels[window] == number
    axes = [
        _Axis.of(mask.sum(axis=tuple(a for a in range(3) if a != axis)), window[axis], n, wraps)
        for axis, (n, wraps) in enumerate(zip(labels.shape, periodic, strict=True))
    ]
    around = labels[np.ix_(*(axis.folded for axis in axes))]
    solid = (around > 0) & _everywhere(axis.is_volume for axis in axes)
    own = (around == number) & _everywhere(axis.is_own for axis in axes)
    # a little of its neighbours is drawn along, so that a neck that stays together has no seam
    drawn = ndimage.binary_dilation(own, ndimage.generate_binary_structure(3, 2), SEAM) & solid
    first = np.array([axis.first for axis in axes])
    inside = np.argwhere(own & _everywhere(axis.is_inside for axis in axes))
    centre = (inside.mean(axis=0) + first + 0.5) * spacing
    kept = tuple(axis.kept for axis in axes)
    walls = np.array([axis.walls for axis in axes]) * spacing[:, None] - centre[:, None]
    start = (first + [part.start for part in kept]).astype(float)
    shape, body = (_distance(part, spacing)[kept] for part in (drawn, own))
    return RigidParticle(shape, body, start, centre, walls)


@dataclass(frozen=True, slots=True)
class _Axis:
    """The window of a particle along one axis of ``n`` voxels, from voxel ``first`` on.

    The particle lies from ``low`` to ``high``, with its mirror images; ``cut`` by which wall.
    """

    n: int
    low: int
    high: int
    cut: tuple[bool, bool]
    periodic: bool

    @classmethod
    def of(cls, sections: NDArray[np.int64], span: slice, n: int, periodic: bool) -> "_Axis":
        """From the number of its voxels in each layer of its span."""
        whole = span.start == 0 and span.stop == n
        if periodic:
            low, high = _unwrapped(sections) if whole else (span.start, span.stop)
            return cls(n, low, high, (False, False), True)
        low_end, high_end = sections[[0, -1]] >= CUT * sections.max()
        cut = bool(span.start == 0 and low_end), bool(span.stop == n and high_end)
        low = -span.stop if cut[0] else span.start
        high = 2 * n - span.start if cut[1] else span.stop
        return cls(n, low, high, cut, False)

    @property
    def first(self) -> int:
        """The first voxel of the window."""
        return self.low - RIM

    @property
    def index(self) -> NDArray[np.int64]:
        """Voxels of the window, some of them beyond the volume."""
        return np.arange(self.first, self.high + RIM)

    @property
    def folded(self) -> NDArray[np.int64]:
        """The voxels of the volume whose images they are."""
        if self.periodic:
            return self.index % self.n
        index = self.index % (2 * self.n)
        return np.minimum(index, 2 * self.n - 1 - index)

    @property
    def is_own(self) -> Mask:
        """True from the particle's first layer to its last."""
        return (self.low <= self.index) & (self.index < self.high)

    @property
    def is_inside(self) -> Mask:
        """True in the volume, and everywhere along a periodic axis."""
        return self.periodic | ((self.index >= 0) & (self.index < self.n))

    @property
    def is_volume(self) -> Mask:
        """True in the volume and in its mirror images behind the walls that cut the particle."""
        low = -self.n if self.cut[0] else 0
        high = 2 * self.n if self.cut[1] else self.n
        return self.periodic | ((self.index >= low) & (self.index < high))

    @property
    def kept(self) -> slice:
        """The part of the window that is kept: images end a little behind their wall."""
        low = -BEHIND - self.first if self.cut[0] else 0
        high = self.n + BEHIND - self.first if self.cut[1] else len(self.index)
        return slice(low, high)

    @property
    def walls(self) -> tuple[float, float]:
        """Where the walls are that cut the particle, in voxels."""
        return (0.0 if self.cut[0] else -np.inf), (float(self.n) if self.cut[1] else np.inf)


def _unwrapped(sections: NDArray[np.int64]) -> tuple[int, int]:
    """First layer and the one after the last, counted through the periodic face.

    What has voxels in every layer closes on itself, and is taken as it lies.
    """
    empty = ndimage.find_objects(ndimage.label(sections == 0)[0])
    if not empty:
        return 0, len(sections)
    (gap,) = max(empty, key=lambda part: part[0].stop - part[0].start)
    return gap.stop - len(sections), gap.start


def _everywhere(masks: Iterator[Mask]) -> Mask:
    """True where the masks along all three axes are."""
    one, two, three = masks
    return _all((one[:, None, None], two[:, None], three))


def _all(masks: Iterable[Mask]) -> Mask:
    """True where all three masks are."""
    one, two, three = masks
    return one & two & three


def _distance(mask: NDArray[np.bool_], spacing: Floats) -> NDArray[np.float32]:
    """Signed distance to the surface of a mask, without its steps; the volume stays the same.

    Distances to the nearest voxel centre, less half a voxel, would tie a particle to the grid.
    """
    inside = ndimage.distance_transform_edt(mask, sampling=spacing)
    beyond = ndimage.distance_transform_edt(~mask, sampling=spacing)
    half = spacing.min() / 2
    smooth = ndimage.gaussian_filter(np.where(mask, half - inside, beyond - half), SMOOTHING)
    count = int(mask.sum())
    below, above = np.partition(smooth, (count - 1, count), axis=None)[count - 1 : count + 1]
    return (smooth - (below + above) / 2).astype(np.float32)
