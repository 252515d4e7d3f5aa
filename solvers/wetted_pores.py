"""WettedPores: the pores that the separator feeds, and the faces on which they store charge.

Arrays have shape (n0, n1, n2) with the separator before the first layer of axis 0. Lengths are in
units of the smallest voxel edge, conductivities in units of the largest.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError
from microstructures.phases import Phase
from solvers import runtime
from solvers.components import component_labels, faces_reached
from solvers.grid import Grid
from solvers.network import network
from solvers.phase_values import phase_values
from solvers.results import SolveReport
from solvers.turn import flow_first
from solvers.voxel_faces import beside
from solvers.window import Window, inside_window

Field = NDArray[np.float64]
Mask = NDArray[np.bool_]

BYTES_PER_VOXEL = 145  # measured peak of a solve, per voxel
LARGEST_CONTRAST = 1e8


@dataclass(frozen=True, slots=True, eq=False)
class WettedPores:
    """Conducting voxels joined to the separator, and their wetted faces.

    ``conductivity`` is 0 off these voxels. A kind of face has one ``depth``: the resistance times
    area of the half voxel behind it; ``areas`` has shape (kinds, voxels), in the order of
    ``conductivity[connected]``. ``content`` is the sum of the conductivity of these voxels and
    ``content_of_all`` that of all; ``inside`` is the number of voxels of the electrode.
    """

    conductivity: Field
    spacing: tuple[float, float, float]
    areas: Field
    depths: Field
    content: float
    content_of_all: float
    connected_fraction: float
    isolated_area: float
    inside: int
    edge: float
    largest: float
    window: Window
    axis: int
    separator: str

    @property
    def connected(self) -> Mask:
        """True for voxels that the separator feeds."""
        return self.conductivity > 0.0

    @property
    def area(self) -> float:
        """Wetted area that the separator feeds."""
        return float(self.areas.sum())

    @property
    def thickness(self) -> float:
        """Distance from the separator to the collector."""
        return self.conductivity.shape[0] * self.spacing[0]

    @property
    def cross_section(self) -> float:
        """Area of the electrode, the mean over its layers."""
        return self.inside * math.prod(self.spacing) / self.thickness

    @property
    def conducting_volume(self) -> float:
        """Volume of the pores that the separator feeds, weighted with their conductivity."""
        return self.content * math.prod(self.spacing)

    def spread(self, values: Field) -> Field:
        """Values of the connected voxels as a field that is 0 elsewhere."""
        out = np.zeros(self.conductivity.shape)
        out[self.connected] = values
        return out

    def inlet(self) -> Field:
        """Conductance of each voxel to the separator, half a voxel away."""
        out = np.zeros(self.conductivity.shape)
        h0, h1, h2 = self.spacing
        out[0] = 2.0 * self.conductivity[0] * h1 * h2 / h0
        return out

    @property
    def grid(self) -> Grid:
        """Layout of these voxels in flat arrays."""
        n0, n1, n2 = self.conductivity.shape
        return Grid((n0, n1, n2))

    def faces(self) -> Field:
        """Conductances between the voxels, and of each to the separator, as of a network."""
        runtime.check_elements(4 * self.grid.size, f"the face array of {self.grid.shape} voxels")
        out = np.zeros((4, self.grid.size))
        for axis in range(3):
            out[axis] = self.grid.flat(_conductances(self.conductivity, self.spacing, axis))
        out[3] = self.grid.flat(self.inlet())
        return out

    def steady(
        self, tolerance: float, max_iterations: int, task: str
    ) -> tuple[Field, float, SolveReport]:
        """Potential drop from the separator for a current 1 per wetted area, and its dissipation.

        That is what an alternating current does as its frequency goes to 0.
        """
        net = network(self.grid, self.spacing, self.faces())
        current = self.spread(self.areas.sum(axis=0))
        drop, report = net.solve(
            current, tolerance=tolerance, max_iterations=max_iterations, task=task
        )
        # the current is even on every face, so that half voxels behind faces simply add
        halves = float(self.areas.sum(axis=1) @ self.depths)
        return drop, net.dissipation(drop, current) + halves, report

    def back(self, values: Field, shape: tuple[int, int, int]) -> Field:
        """A field as one of the whole volume, NaN where the separator feeds nothing."""
        out = np.full(shape, np.nan)
        view = np.moveaxis(out[self.window], self.axis, 0)
        if self.separator == "high":
            view = view[::-1]
        view[self.connected] = values[self.connected]
        return out


def wetted_pores(
    volume: Volume,
    conductivity: Mapping[int, float],
    axis: int,
    separator: str,
    capacitive: Phase | Sequence[Phase] | None = None,
) -> WettedPores:
    """The pores of a volume that the separator feeds.

    Args:
        volume: the segmented volume.
        conductivity: by label, complete and checked; at least one > 0.
        axis: 0, 1 or 2: the one through the electrode.
        separator: the end of that axis at which the separator lies, "low" or "high".
        capacitive: insulating phases whose faces store charge; all of them by default. Voxels
            outside the electrode never do.
    """
    window = inside_window(volume)
    sides = _capacitive(volume, conductivity, capacitive)
    labels = _laid(volume.labels[window], axis, separator)
    runtime.reserve(labels.size * BYTES_PER_VOXEL, f"a solve on {labels.shape} voxels")
    largest = max(conductivity.values())
    table = np.zeros(int(volume.labels.max()) + 1)
    for label, value in conductivity.items():
        if label < len(table):
            table[label] = value / largest
    sigma, walls = table[labels], np.isin(labels, sides, kind="table")
    numbers, count = component_labels(sigma > 0.0)
    connected = np.take(faces_reached(numbers, count)[0], numbers)
    edge = min(volume.spacing)
    h0, h1, h2 = (h / edge for h in flow_first(axis).of(volume.spacing))
    every_area = sum(a.sum() for a in _wetted(sigma > 0.0, walls, (h0, h1, h2)))
    areas, depths = _by_kind(
        sigma[connected], _wetted(connected, walls, (h0, h1, h2)), (h0, h1, h2)
    )
    conducting = max(int(np.count_nonzero(sigma)), 1)
    content_of_all, content = float(sigma.sum()), float(sigma[connected].sum())
    sigma[~connected] = 0.0
    return WettedPores(
        conductivity=sigma,
        spacing=(h0, h1, h2),
        areas=areas,
        depths=depths,
        content=content,
        content_of_all=content_of_all,
        connected_fraction=int(np.count_nonzero(connected)) / conducting,
        isolated_area=1.0 - float(areas.sum() / every_area) if every_area else 0.0,
        inside=volume.inside_voxels,
        edge=edge,
        largest=largest,
        window=window,
        axis=axis,
        separator=separator,
    )


def separator_side(volume: Volume, axis: int, separator: Any) -> str:
    """The end of an axis at which the separator lies: opposite the collector unless named."""
    if separator is None and axis == volume.through_axis:
        return "low" if volume.collector == "high" else "high"
    if separator not in ("low", "high"):
        raise InvalidInputError(
            f"separator {separator!r} is neither 'low' nor 'high': name the end of axis {axis} at "
            f"which it lies; only along the through-plane axis {volume.through_axis} does it "
            "follow from volume.collector"
        )
    return str(separator)


def conducting_phases(volume: Volume, values: Any, what: str) -> dict[int, float]:
    """Conductivity of every label: of the phases named, 0 of the others. Raises InvalidInputError.

    A phase instead of a mapping has conductivity 1.
    """
    if not isinstance(values, Mapping):
        return {i: float(i == volume.phase_id(values)) for i in volume.phases}
    named = {volume.phase_id(phase) for phase in values}
    others = {i: 0.0 for i in volume.phases if i not in named}
    table = phase_values(volume, {**values, **others} if values else {}, what)
    positive = [value for value in table.values() if value > 0.0]
    if not positive or max(positive) > LARGEST_CONTRAST * min(positive):
        raise InvalidInputError(
            f"{what} {dict(values)!r} was given, but at least one phase must conduct, and none "
            f"{LARGEST_CONTRAST:.0e} times worse than another: give the pore a value > 0, and 0 "
            "to what insulates"
        )
    return table


def _laid(labels: NDArray[Any], axis: int, separator: str) -> NDArray[Any]:
    """Labels with the separator before the first layer of axis 0."""
    along = np.moveaxis(labels, axis, 0)
    return along if separator == "low" else along[::-1]


def _capacitive(
    volume: Volume, conductivity: Mapping[int, float], phases: Phase | Sequence[Phase] | None
) -> list[int]:
    """Labels whose faces with the pores store charge."""
    insulating = [i for i, value in conductivity.items() if value == 0.0 and i != volume.outside]
    if phases is None:
        return insulating
    several = phases if isinstance(phases, tuple | list) else (phases,)
    named = [volume.phase_id(phase) for phase in several]
    strangers = [volume.phase_name(i) for i in named if i not in insulating]
    if strangers or not named:
        raise InvalidInputError(
            f"capacitive {phases!r} must name phases that insulate, inside the electrode: choose "
            f"from {[volume.phase_name(i) for i in insulating]}"
        )
    return named


def _wetted(pores: Mask, walls: Mask, spacing: tuple[float, float, float]) -> list[Field]:
    """Area that each voxel of ``pores`` shares with ``walls``, by the axis of the faces."""
    out = []
    for axis in range(3):
        faces = np.zeros(pores.shape, np.uint8)
        low, high = beside(walls, axis)
        to_low, to_high = beside(faces, axis)
        to_high += low
        to_low += high
        out.append(faces[pores].astype(float) * (math.prod(spacing) / spacing[axis]))
    return out


def _by_kind(
    sigma: Field, wetted: list[Field], spacing: tuple[float, float, float]
) -> tuple[Field, Field]:
    """Wetted areas gathered by the resistance of the half voxels behind them."""
    kinds: dict[float, Field] = {}
    for value in np.unique(sigma):
        for h, area in zip(spacing, wetted, strict=True):
            held = kinds.setdefault(h / (2.0 * float(value)), np.zeros(len(sigma)))
            held += np.where(sigma == value, area, 0.0)
    chosen = [depth for depth, area in kinds.items() if area.any()]
    areas = np.array([kinds[depth] for depth in chosen]).reshape(len(chosen), len(sigma))
    return areas, np.array(chosen)


def _conductances(sigma: Field, spacing: tuple[float, float, float], axis: int) -> Field:
    """Conductance from each voxel to the next along an axis: two half voxels in series."""
    out = np.zeros(sigma.shape)
    below, above = beside(sigma, axis)
    both = below + above
    series = np.divide(2.0 * below * above, both, out=np.zeros(both.shape), where=both > 0.0)
    beside(out, axis)[0][...] = series * (math.prod(spacing) / spacing[axis] ** 2)
    return out
