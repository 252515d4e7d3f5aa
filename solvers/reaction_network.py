"""ReactionNetwork: an ion and an electron conductor, joined by the faces at which they react.

Voxels have shape (n0, n1, n2) with the current along axis 0 and the separator at its low end;
flat arrays have a halo of one voxel (see ``Grid``).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from solvers.butler_volmer import Field, Kinetics, Transfer
from solvers.components import component_labels
from solvers.grid import Grid
from solvers.window import Window, inside_window

Elements = NDArray[np.int64]

INSULATOR, ION, ELECTRON = 0, 1, 2


@dataclass(frozen=True, slots=True, eq=False)
class ActiveFaces:
    """Faces between an ion and an electron conductor, in ascending order of axis and place.

    ``ion`` and ``electron`` are the elements on both sides, ``axis`` the axis that the face is
    normal to, ``area`` in m²; ``ion_half`` and ``electron_half`` are the resistances of the two
    half voxels, and ``law`` is the index of each face's kinetics.
    """

    ion: Elements
    electron: Elements
    axis: NDArray[np.int8]
    area: Field
    ion_half: Field
    electron_half: Field
    law: NDArray[np.int16]

    @property
    def series(self) -> Field:
        """Resistance of both half voxels in Ω m² of true area."""
        return self.ion_half + self.electron_half

    def scaled(self, factor: float) -> "ActiveFaces":
        """The same faces with ``factor`` times the area; their half voxels stay as they are."""
        return replace(
            self,
            area=self.area * factor,
            ion_half=self.ion_half * factor,
            electron_half=self.electron_half * factor,
        )

    def taken(self, chosen: NDArray[np.bool_]) -> "ActiveFaces":
        """The faces that are True."""
        return ActiveFaces(*(getattr(self, name)[chosen] for name in self.__slots__))

    def through(self, laws: tuple[Kinetics, ...], drop: Field) -> Transfer:
        """What every face does at a drop from the ion to the electron conductor."""
        parts = np.empty((4, len(drop)))
        for number, law in enumerate(laws):
            these = self.law == number
            found = law.through(drop[these], self.series[these])
            parts[:, these] = found.current, found.slope, found.overpotential, found.energy
        return Transfer(*parts)


@dataclass(frozen=True, slots=True, eq=False)
class ReactionNetwork:
    """What of a volume can carry ions from the separator and electrons to the collector.

    ``kind`` is ION, ELECTRON or INSULATOR for each element; ``bulk`` the conductance in S of each
    face within one conductor to the upper neighbour, shape (3, size). ``inlet`` and ``outlet``
    are conductances in S from the first layer's ion conductor to the separator and from the last
    layer's electron conductor to the collector. ``lost`` is the area in m² of the faces at which
    one side is not connected, and which are left out; ``cross_section`` that of the electrode.
    """

    grid: Grid
    spacing: tuple[float, float, float]
    kind: NDArray[np.uint8]
    bulk: Field
    inlet: Field
    outlet: Field
    active: ActiveFaces
    lost: float
    cross_section: float
    window: Window

    @property
    def obstacle(self) -> str | None:
        """Why no current can flow; None if it can."""
        if not self.inlet.any():
            return "no ion conductor reaches the separator"
        if not self.outlet.any():
            return "no electron conductor reaches the collector"
        if not len(self.active.ion):
            return "no active face joins what reaches the separator and the collector"
        return None

    @property
    def whole_area(self) -> float:
        """Area in m² of all active faces, lost or not."""
        return float(self.active.area.sum()) + self.lost

    @property
    def specific_area(self) -> float:
        """The same per volume of electrode, in m²/m³."""
        return self.whole_area / (self.cross_section * self.grid.shape[0] * self.spacing[0])

    @property
    def first(self) -> slice:
        """Elements of the first layer of voxels."""
        layer = self.grid.strides[0]
        return slice(layer, 2 * layer)

    @property
    def last(self) -> slice:
        """Elements of the last layer of voxels."""
        layer, end, *_ = self.grid.span
        return slice(end - layer, end)

    def faces(self, transfer: Field) -> Field:
        """All conductances in S, shape (4, size), for those of the active faces."""
        faces = np.zeros((4, self.grid.size))
        faces[:3] = self.bulk
        lower = np.minimum(self.active.ion, self.active.electron)
        faces[self.active.axis, lower] = transfer
        faces[3, self.first] = self.inlet
        faces[3, self.last] += self.outlet
        return faces

    def drops(self, potential: Field) -> Field:
        """Potential of the ion conductor minus that of the electron conductor, at active faces."""
        drops: Field = potential[self.active.ion] - potential[self.active.electron]
        return drops

    def entering(self, potential: Field, drop: float) -> float:
        """Current in A through the separator."""
        return float((self.inlet * (drop - potential[self.first])).sum())

    def balance(self, potential: Field, drop: float, currents: Field) -> Field:
        """Current in A into each element, with ``currents`` in A through the active faces."""
        size = self.grid.size
        into = np.bincount(self.active.electron, currents, minlength=size).astype(float)
        into -= np.bincount(self.active.ion, currents, minlength=size)
        for along, step in zip(self.bulk, (*self.grid.strides, 1), strict=True):
            flow = along[:-step] * (potential[:-step] - potential[step:])
            into[:-step] -= flow
            into[step:] += flow
        into[self.first] += self.inlet * (drop - potential[self.first])
        into[self.last] -= self.outlet * potential[self.last]
        return into

    def dissipation(self, potential: Field, drop: float) -> tuple[float, float]:
        """Power in W lost within the ion and within the electron conductor, without active faces.

        Half voxels at both ends are part of their conductor.
        """
        lost = [0.0, 0.0]
        for along, step in zip(self.bulk, (*self.grid.strides, 1), strict=True):
            power = along[:-step] * (potential[:-step] - potential[step:]) ** 2
            for conductor in (ION, ELECTRON):
                lost[conductor - 1] += float(power[self.kind[:-step] == conductor].sum())
        lost[0] += float((self.inlet * (drop - potential[self.first]) ** 2).sum())
        lost[1] += float((self.outlet * potential[self.last] ** 2).sum())
        return lost[0], lost[1]

    def layer_currents(self, potential: Field, drop: float, current: Field) -> Field:
        """Current in A through the separator, between successive layers, and to the collector."""
        layer = self.grid.strides[0]
        flow = self.bulk[0, :-layer] * (potential[:-layer] - potential[layer:])
        planes = np.append(flow, np.zeros(layer)).reshape(-1, layer).sum(axis=1)[:-1]
        faces = self.active
        across = faces.axis == 0
        lower = np.minimum(faces.ion, faces.electron)[across] // layer
        upward = np.where(faces.ion < faces.electron, current, -current)[across]
        planes += np.bincount(lower, upward, minlength=len(planes))
        planes[0] = self.entering(potential, drop)
        planes[-1] = (self.outlet * potential[self.last]).sum()
        return planes

    def per_voxel(self, current: Field) -> Field:
        """Current of each active face, half of it in the voxels on both sides."""
        sides = np.concatenate([self.active.ion, self.active.electron])
        half = np.tile(0.5 * current, 2)
        return np.bincount(sides, half, minlength=self.grid.size).astype(float)


def reaction_network(
    volume: Volume,
    ionic: Mapping[int, float],
    electronic: Mapping[int, float],
    pairs: Mapping[tuple[int, int], int],
    axis: int,
    separator: str,
    true_area: float | None,
) -> ReactionNetwork:
    """The network of a volume.

    Args:
        volume: the segmented volume.
        ionic: conductivity in S/m of each label that conducts ions.
        electronic: conductivity in S/m of each label that conducts electrons.
        pairs: {(ionic label, electronic label): index of its kinetics}.
        axis: along which the current flows.
        separator: "low" or "high" end of that axis.
        true_area: of all active faces together in m²; None takes that of the voxel faces.
    """
    window = inside_window(volume)
    labels = _turned(volume.labels[window], axis, separator)
    h0, h1, h2 = volume.spacing[axis], *(h for a, h in enumerate(volume.spacing) if a != axis)
    n0, n1, n2 = labels.shape
    grid = Grid((n0, n1, n2)).checked()
    kind = _looked_up(labels, {**dict.fromkeys(ionic, ION), **dict.fromkeys(electronic, ELECTRON)})
    sigma = grid.flat(_looked_up(labels, {**ionic, **electronic}))
    found = _active_faces(grid, grid.flat(kind), grid.flat(labels), sigma, (h0, h1, h2), pairs)
    whole = float(found.area.sum())
    if true_area is not None and whole:
        found = found.scaled(true_area / whole)
    connected = grid.flat(np.where(_connected(kind), kind, INSULATOR).astype(np.uint8))
    active = found.taken((connected[found.ion] > 0) & (connected[found.electron] > 0))
    inside = labels.size if volume.outside is None else volume.inside_voxels
    made = ReactionNetwork(
        grid=grid,
        spacing=(h0, h1, h2),
        kind=connected,
        bulk=_bulk(grid, connected, sigma, (h0, h1, h2)),
        inlet=np.zeros(0),
        outlet=np.zeros(0),
        active=active,
        lost=max(float(found.area.sum() - active.area.sum()), 0.0),
        cross_section=inside / n0 * h1 * h2,
        window=window,
    )
    ends = 2.0 * h1 * h2 / h0 * sigma
    inlet, outlet = (
        np.where(connected[part] == conductor, ends[part], 0.0)
        for part, conductor in ((made.first, ION), (made.last, ELECTRON))
    )
    return replace(made, inlet=inlet, outlet=outlet)


def _turned(labels: NDArray[Any], axis: int, separator: str) -> NDArray[Any]:
    """Labels with the current along axis 0, away from the separator."""
    along = np.moveaxis(labels, axis, 0)
    return along if separator == "low" else along[::-1]


def _looked_up(labels: NDArray[Any], values: Mapping[int, float]) -> NDArray[Any]:
    """A value for each label, 0 for those not named; small whole numbers if all values are."""
    whole = all(isinstance(value, int) for value in values.values())
    table = np.zeros(int(labels.max()) + 1, np.uint8 if whole else np.float64)
    for label, value in values.items():
        if label < len(table):
            table[label] = value
    return table[labels]


def _connected(kind: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """True for ion conductors joined to the separator and electron conductors to the collector."""
    connected = np.zeros(kind.shape, bool)
    for conductor, end in ((ION, 0), (ELECTRON, -1)):
        labels, count = component_labels(kind == conductor)
        reached = np.zeros(count + 1, bool)
        reached[labels[end]] = True
        reached[0] = False
        connected |= reached[labels]
    return connected


def _bulk(
    grid: Grid, kind: NDArray[np.uint8], sigma: Field, spacing: tuple[float, float, float]
) -> Field:
    """Conductances of faces within one conductor: two half voxels in series."""
    bulk = np.zeros((3, grid.size))
    for axis, step in enumerate((*grid.strides, 1)):
        p = np.flatnonzero((kind[:-step] == kind[step:]) & (kind[:-step] > 0))
        low, high = sigma[p], sigma[p + step]
        shape = math.prod(spacing) / spacing[axis] ** 2
        bulk[axis, p] = 2.0 * shape * low * (high / (low + high))
    return bulk


def _active_faces(
    grid: Grid,
    kind: NDArray[np.uint8],
    labels: NDArray[Any],
    sigma: Field,
    spacing: tuple[float, float, float],
    pairs: Mapping[tuple[int, int], int],
) -> ActiveFaces:
    """All faces of the pairs, connected or not, with the area of voxel faces."""
    laws = np.full((int(labels.max()) + 1,) * 2, -1, np.int16)
    for (a, b), law in pairs.items():
        if max(a, b) < len(laws):
            laws[a, b] = laws[b, a] = law
    parts: list[tuple[NDArray[Any], ...]] = []
    for axis, step in enumerate((*grid.strides, 1)):
        p = np.flatnonzero(kind[:-step] * kind[step:] == ION * ELECTRON)
        law = laws[labels[p], labels[p + step]]
        p, law = p[law >= 0], law[law >= 0]
        upward = kind[p] == ION
        ion, electron = np.where(upward, p, p + step), np.where(upward, p + step, p)
        halves = (0.5 * spacing[axis] / sigma[side] for side in (ion, electron))
        area = np.full(len(p), math.prod(spacing) / spacing[axis])
        parts.append((ion, electron, np.full(len(p), axis, np.int8), area, *halves, law))
    return ActiveFaces(*(np.concatenate(column) for column in zip(*parts, strict=True)))
