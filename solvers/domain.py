"""Domain: the part of a volume that can carry a current along one axis, laid along axis 0.

Voxels outside the electrode are cut away where they fill whole layers, and insulate elsewhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError
from solvers.components import faces_reached, spanning_mask
from solvers.cut_components import cut_spanning_mask
from solvers.electrodes import Electrodes
from solvers.face_resistance import FaceResistance, blocked_faces
from solvers.periodic_components import periodic_labels, winding_mask
from solvers.voxel_faces import CLOSED, Sides
from solvers.window import Window, inside_window

PLAIN = Electrodes()
MOST_CONDUCTIVITIES = 4000  # the table of face conductances, by pairs, stays below 400 MB


@dataclass(frozen=True, slots=True)
class Domain:
    """Conductivity classes of voxels, shape (n0, n1, n2) with the flow along axis 0.

    ``classes`` is 0 where nothing flows, else 1 + the index into ``sigma`` (S/m, ascending, shape
    (n,), or along each axis with the flow first, shape (n, 3)); where ``conductivity`` is given,
    it holds instead, voxel by voxel, and ``sigma`` is the largest of it alone. ``inside`` is False
    where the volume is outside; ``axis`` and ``window`` say which part of the volume this is,
    ``window`` in the volume's own axis order. ``resistance`` is that of faces of these voxels, in
    Ω m²; None if no face has any. ``periodic`` tells along which axes the volume repeats itself.
    """

    classes: NDArray[np.uint8] | NDArray[np.uint16]
    sigma: NDArray[np.float64]
    spacing: tuple[float, float, float]
    inside: NDArray[np.bool_]
    axis: int
    window: Window
    resistance: FaceResistance | None = None
    conductivity: NDArray[np.floating] | None = None
    periodic: Sides = CLOSED

    @property
    def percolates(self) -> bool:
        """True if anything conducts from one electrode to the other."""
        return bool(self.classes.any())

    @property
    def is_prism(self) -> bool:
        """True if every line along the axis is wholly inside or wholly outside."""
        return bool(np.array_equal(self.inside.all(axis=0), self.inside.any(axis=0)))

    def filled(self) -> "Domain":
        """The same domain with every inside voxel at conductivity 1 and no resistances."""
        mask = spanning_mask(self.inside, axis=0).astype(np.uint8)
        return Domain(mask, np.ones(1), self.spacing, self.inside, self.axis, self.window)


def domain(
    volume: Volume,
    conductivity: Mapping[int, float],
    axis: int,
    resistance: FaceResistance | None = None,
    electrodes: Electrodes | None = PLAIN,
    winding: int | None = 0,
) -> Domain:
    """The domain of a volume for conductivities (label → S/m) checked by ``phase_values``.

    ``electrodes`` is None for a volume that repeats itself along all axes; what winds around it
    along the axis ``winding``, flow first, or along any if that is None, is kept then.
    """
    window = inside_window(volume)
    labels = np.moveaxis(volume.labels[window], axis, 0)
    sigma = np.unique([s for s in conductivity.values() if s > 0.0])
    if len(sigma) > MOST_CONDUCTIVITIES:
        raise InvalidInputError(
            f"{len(sigma)} different conductivities were given, but at most {MOST_CONDUCTIVITIES} "
            "can be told apart: round the values so that phases share them"
        )
    lookup = np.zeros(int(volume.labels.max()) + 1, np.uint8 if len(sigma) < 253 else np.uint16)
    for label, value in conductivity.items():
        if value > 0.0 and label < len(lookup):
            lookup[label] = 1 + np.searchsorted(sigma, value)
    part = None if resistance is None else resistance.within(window, axis, _periodic(electrodes))
    return _domain(volume, lookup[labels], sigma, axis, part, electrodes, winding)


def field_domain(
    volume: Volume,
    conductivity: NDArray[np.floating],
    axis: int,
    resistance: FaceResistance | None = None,
    electrodes: Electrodes | None = PLAIN,
    winding: int | None = 0,
) -> Domain:
    """The domain of a volume for a conductivity ≥ 0 of each voxel, shape of the volume."""
    window = inside_window(volume)
    own = np.ascontiguousarray(np.moveaxis(conductivity[window], axis, 0))
    classes = (own > 0.0).astype(np.uint8)
    if volume.outside is not None:
        classes[np.moveaxis(volume.labels[window], axis, 0) == volume.outside] = 0
    part = None if resistance is None else resistance.within(window, axis, _periodic(electrodes))
    sigma = np.array([own.max()])
    return _domain(volume, classes, sigma, axis, part, electrodes, winding, own)


def class_domain(
    volume: Volume,
    classes: NDArray[np.uint16],
    sigma: NDArray[np.float64],
    axis: int,
    electrodes: Electrodes | None = PLAIN,
    resistance: FaceResistance | None = None,
    winding: int | None = 0,
) -> Domain:
    """The domain of a volume for given classes, shape of the volume, and their conductivities."""
    window = inside_window(volume)
    own = np.array(np.moveaxis(classes[window], axis, 0), order="C")
    part = None if resistance is None else resistance.within(window, axis, _periodic(electrodes))
    return _domain(volume, own, sigma, axis, part, electrodes, winding)


def _domain(
    volume: Volume,
    classes: NDArray[Any],
    sigma: NDArray[np.float64],
    axis: int,
    part: FaceResistance | None,
    electrodes: Electrodes | None,
    winding: int | None,
    conductivity: NDArray[np.floating] | None = None,
) -> Domain:
    """What of the classes carries anything, with its surroundings."""
    window = inside_window(volume)
    inside = _inside(np.moveaxis(volume.labels[window], axis, 0), volume.outside)
    periodic = _periodic(electrodes)
    if any(periodic):
        _refuse_periodic(volume, inside, part)
    classes *= _carrying(classes > 0, part, periodic, winding)
    h0, h1, h2 = flow_first(volume.spacing, axis)
    return Domain(classes, sigma, (h0, h1, h2), inside, axis, window, part, conductivity, periodic)


def flow_first(values: Sequence[Any], axis: int) -> tuple[Any, ...]:
    """Values by axis with that of the flow first, the others in their order."""
    return (values[axis], *(values[a] for a in range(3) if a != axis))


def _periodic(electrodes: Electrodes | None) -> Sides:
    if electrodes is None:
        return True, True, True
    sides = electrodes.sides == "periodic"
    return False, sides, sides


def _refuse_periodic(
    volume: Volume, inside: NDArray[np.bool_], resistance: FaceResistance | None
) -> None:
    if not inside.all():
        raise InvalidInputError(
            "the volume has voxels outside, so that it cannot repeat itself: crop it to a box "
            "without them, or use insulated sides"
        )
    if resistance is not None and not resistance.periodic:
        raise InvalidInputError(
            "the face resistances leave out the faces between the last voxels and the first, which "
            "touch across periodic sides: make them with periodic=True, or use insulated sides (of "
            "tensors boundary='mirrored')"
        )


def _carrying(
    mask: NDArray[np.bool_],
    resistance: FaceResistance | None,
    periodic: Sides,
    winding: int | None,
) -> NDArray[np.bool_]:
    """True for voxels through which anything can flow along axis 0, or around any axis."""
    cuts = blocked_faces(resistance)
    if periodic[0]:
        return winding_mask(mask, periodic, winding, cuts)
    if any(periodic):
        labels, count = periodic_labels(mask, periodic, cuts)
        reached = faces_reached(labels, count)
        return np.take(reached[0] & reached[1], labels)
    return spanning_mask(mask, axis=0) if cuts is None else cut_spanning_mask(mask, cuts, axis=0)


def _inside(labels: NDArray[np.integer], outside: int | None) -> NDArray[np.bool_]:
    if outside is None:
        return np.broadcast_to(np.True_, labels.shape)
    return labels != outside
