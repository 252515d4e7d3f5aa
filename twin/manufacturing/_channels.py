"""Channels: grooves or holes of a laser on voxels. Masks have the shape (nz, ny, nx) of labels."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError
from twin.manufacturing.composition import positive

ROUND_OFF = 1e-9  # relative
TIE = 1e-6  # voxels, by which centres are shifted: of two on opposite walls, one is inside


@dataclass(frozen=True, slots=True)
class Channels:
    pitch: float
    width: float
    depth: float
    is_conical: bool
    across: tuple[int, ...]  # in-plane axes along which channels repeat

    @classmethod
    def of(
        cls,
        volume: Volume,
        pitch: float,
        width: float,
        depth: float,
        profile: str,
        pattern: str,
        along: int | None,
    ) -> "Channels":
        _choice(profile, ("rectangular", "conical"), "profile")
        _choice(pattern, ("lines", "holes"), "pattern")
        pitch, width = positive(pitch, "pitch"), positive(width, "width")
        depth = positive(depth, "depth")
        if width > pitch:
            raise InvalidInputError(
                f"width {width:g} m is above pitch {pitch:g} m, so that channels overlap and "
                "nothing of the surface is left: make them narrower or wider apart"
            )
        thickness = volume.size[volume.through_axis]
        if depth > thickness * (1 + ROUND_OFF):
            raise InvalidInputError(
                f"depth {depth:g} m is above the thickness {thickness:g} m of the volume: the "
                "laser would cut the collector, so make the channels shallower"
            )
        across = _across(volume, pattern, along)
        return cls(pitch, width, depth, profile == "conical", across)

    def mask(self, volume: Volume) -> NDArray[np.bool_]:
        """True where the centre of a voxel lies in a channel."""
        below = _column(self._below(volume), volume.through_axis)
        radius = np.full_like(below, self.width / 2)
        if self.is_conical:
            radius *= 1 - below / self.depth
        reach = np.where(below < self.depth, radius, 0.0)
        squares = sum(_column(self._off_middle(volume, a), a) ** 2 for a in self.across)
        return np.broadcast_to(squares < reach**2, volume.shape).copy()

    def volume(self, volume: Volume) -> float:
        """Volume in m³ of channels with the same share of the surface as in the endless pattern."""
        share = self.width / self.pitch
        if len(self.across) == 2:
            share = np.pi / 4 * share**2
        if self.is_conical:
            share /= 1 + len(self.across)
        area = np.prod(np.delete(volume.size, volume.through_axis))
        return float(share * self.depth * area)

    def pitches(self, volume: Volume) -> dict[int, float]:
        """Number of pitches that the volume holds along each axis in which channels repeat."""
        return {axis: volume.size[axis] / self.pitch for axis in self.across}

    def fewest_voxels(self, volume: Volume) -> float:
        """Smallest number of voxels across a channel."""
        sideways = [self.width / volume.spacing[axis] for axis in self.across]
        return min(*sideways, self.depth / volume.spacing[volume.through_axis])

    def _below(self, volume: Volume) -> NDArray[np.float64]:
        """Depth of the voxel centres below the surface on the separator side."""
        axis = volume.through_axis
        centres = (np.arange(volume.shape[axis]) + 0.5 + TIE) * volume.spacing[axis]
        return centres if volume.collector == "high" else centres[::-1].copy()

    def _off_middle(self, volume: Volume, axis: int) -> NDArray[np.float64]:
        """Offset of the voxel centres from the middle of the nearest channel along an axis."""
        centres = (np.arange(volume.shape[axis]) + 0.5) * volume.spacing[axis]
        return centres % self.pitch - self.pitch / 2 + TIE * volume.spacing[axis]


def _across(volume: Volume, pattern: str, along: int | None) -> tuple[int, ...]:
    plane = [axis for axis in range(3) if axis != volume.through_axis]
    if pattern == "holes":
        if along is not None:
            raise InvalidInputError(f"along is {along!r}, but holes run nowhere: leave it out")
        return tuple(plane)
    line = plane[-1] if along is None else volume.axis(along)
    if line not in plane:
        raise InvalidInputError(
            f"along is {along!r}, which runs through the thickness: give one of {plane}"
        )
    return tuple(axis for axis in plane if axis != line)


def _column(values: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    return values.reshape([-1 if a == axis else 1 for a in range(3)])


def _choice(value: Any, known: tuple[str, ...], name: str) -> None:
    if not isinstance(value, str) or value not in known:
        raise InvalidInputError(f"{name} is {value!r}: give one of {known}")
