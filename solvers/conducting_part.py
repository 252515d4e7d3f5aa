"""ConductingPart: what of a volume can carry a current along its axes, in its own axis order.

Voxels outside the electrode are cut away where they fill whole layers, and insulate elsewhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError
from solvers.anisotropic import Anisotropic, tensor_classes
from solvers.carriers import carriers, periodic_axes
from solvers.domain import Domain
from solvers.electrodes import Electrodes
from solvers.face_resistance import FaceResistance, blocked_faces
from solvers.phase_values import field_of, has_fields, is_field, phase_values
from solvers.turn import flow_first
from solvers.window import Window, inside_window

Classes = NDArray[np.uint8] | NDArray[np.uint16]

MOST_CONDUCTIVITIES = 4000  # the table of face conductances, by pairs, stays below 400 MB


@dataclass(frozen=True, slots=True, eq=False)
class ConductingPart:
    """Conductivity classes of the voxels inside ``window``, 0 where nothing flows along any axis.

    ``sigma`` is that of class 1, 2, …, ascending, shape (n,), or along each axis, shape (n, 3);
    where ``conductivity`` is given, it holds instead, voxel by voxel. ``tensors`` are those of the
    classes, shape (n, 3, 3), None if all lie along the axes. ``groups`` numbers, for each axis, the
    voxels that carry along it; if there is more than one group, ``masks`` are True for each.
    """

    volume: Volume
    electrodes: Electrodes | None
    window: Window
    classes: Classes
    sigma: NDArray[np.float64]
    groups: Mapping[int, int]
    masks: tuple[NDArray[np.bool_], ...] = ()
    resistance: FaceResistance | None = None
    conductivity: NDArray[np.floating] | None = None
    tensors: NDArray[np.float64] | None = None

    def along(self, axis: int) -> Domain:
        """What carries a current along ``axis``, which comes first. KeyError if not asked for."""
        group = self.groups[axis]
        classes = self.classes * self.masks[group] if self.masks else self.classes
        return self._laid(classes, axis, group)

    def carries(self, axis: int) -> bool:
        """True if anything carries a current along ``axis``."""
        mask = self.masks[self.groups[axis]] if self.masks else self.classes
        return bool(mask.any())

    def together(self) -> Domain:
        """What carries a current along any axis of a periodic volume, in the volume's order."""
        return self._laid(self.classes, 0, 0)

    def _laid(self, classes: Classes, axis: int, group: int) -> Domain:
        volume, turn = self.volume, flow_first(axis)
        periodic = turn.of(periodic_axes(self.electrodes, axis))
        resists = self.resistance
        return Domain(
            _first(classes, axis),
            self.sigma if self.sigma.ndim == 1 else self.sigma[:, turn.order],
            turn.of(volume.spacing),
            np.moveaxis(_inside(volume.labels[self.window], volume.outside), axis, 0),
            axis,
            self.window,
            None if resists is None else resists.within(self.window, axis, periodic),
            None if self.conductivity is None else _first(self.conductivity, axis),
            periodic,
            None if self.tensors is None else self.tensors[:, turn.order][:, :, turn.order],
            group,
        )


def conducting_part(
    volume: Volume,
    values: Any,
    what: str,
    axes: Sequence[int],
    electrodes: Electrodes | None,
    resistance: FaceResistance | None = None,
) -> ConductingPart:
    """The part of a volume that carries something along each of some axes.

    Args:
        volume: the segmented volume.
        values: per phase a number, an array or an ``Anisotropic``; or one array for all voxels.
        what: name of the values, for messages.
        axes: those asked for.
        electrodes: what bounds the volume; None if it repeats itself along all axes.
        resistance: of faces, in the volume's order.

    Raises:
        InvalidInputError: a value is missing, twice there or bad, there are too many, or they do
            not go together with the resistances or the periodic sides.
    """
    window, field, tensors = inside_window(volume), None, None
    classes: Classes
    if has_tensors(values):
        classes, sigma, tensors = _of_tensors(volume, values, window, resistance)
    elif has_fields(values):
        field = field_of(volume, values, what)[window]
        classes, sigma = (field > 0.0).astype(np.uint8), np.array([field.max()])
        if volume.outside is not None:
            classes[volume.labels[window] == volume.outside] = 0
    else:
        classes, sigma = _of_phases(volume, phase_values(volume, values, what), window)
    if any(periodic_axes(electrodes, 0)):
        _refuse_periodic(volume, window, resistance)
    # what lies across sides cuts nothing where these are closed, so that all of it may stay
    within = resistance and resistance.within(window, 0, (True, True, True))
    found = carriers(classes > 0, axes, electrodes, blocked_faces(within))
    classes *= found.union
    masks = found.masks if len(found.masks) > 1 else ()
    groups = found.which
    return ConductingPart(
        volume, electrodes, window, classes, sigma, groups, masks, resistance, field, tensors
    )


def has_tensors(values: Any) -> bool:
    """True if a phase conducts differently by direction."""
    given = values.values() if isinstance(values, Mapping) else ()
    return any(isinstance(value, Anisotropic) for value in given)


def _of_phases(
    volume: Volume, conductivity: Mapping[int, float], window: Window
) -> tuple[Classes, NDArray[np.float64]]:
    """Classes and conductivities for those by label."""
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
    return lookup[volume.labels[window]], sigma


def _of_tensors(
    volume: Volume,
    values: Mapping[Any, Any],
    window: Window,
    resistance: FaceResistance | None,
) -> tuple[NDArray[np.uint16], NDArray[np.float64], NDArray[np.float64] | None]:
    """Classes, diagonals, and the tensors if there is more to them."""
    aligned = all(v.is_aligned for v in values.values() if isinstance(v, Anisotropic))
    if resistance is not None and not aligned:
        raise InvalidInputError(
            "face resistances were given together with rotated tensors, whose elements share "
            "potentials across faces: give tensors along the axes, or leave the resistances out"
        )
    if any(is_field(value) for value in values.values()):
        raise InvalidInputError(
            "tensors of some phases and fields of others were given together: give each grain "
            "of the field a tensor with Anisotropic(…, grains, rotations), or numbers"
        )
    by_label: dict[int, Any] = {}
    for phase, value in values.items():
        label = volume.phase_id(phase)
        if label in by_label:
            raise InvalidInputError(
                f"{volume.phase_name(label)!r} is given twice, by name and by id: give it once"
            )
        by_label[label] = value
    classes, tensors = tensor_classes(volume, by_label)
    diagonals = np.diagonal(tensors, axis1=1, axis2=2).copy()
    own = np.array(classes[window], order="C")
    return own, diagonals, None if aligned else tensors


def _refuse_periodic(volume: Volume, window: Window, resistance: FaceResistance | None) -> None:
    if not _inside(volume.labels[window], volume.outside).all():
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


def _inside(labels: NDArray[np.integer], outside: int | None) -> NDArray[np.bool_]:
    if outside is None:
        return np.broadcast_to(np.True_, labels.shape)
    return labels != outside


def _first(values: NDArray[Any], axis: int) -> NDArray[Any]:
    """Values by voxel with an axis first, as a copy if that is not how they lie."""
    return np.ascontiguousarray(np.moveaxis(values, axis, 0))
