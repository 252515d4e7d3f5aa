"""Domain: the part of a volume that can carry a current along one axis, laid along axis 0.

Voxels outside the electrode are cut away where they fill whole layers, and insulate elsewhere.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError
from microstructures.phases import Phase
from solvers.components import spanning_mask
from solvers.cut_components import cut_spanning_mask
from solvers.face_resistance import FaceResistance
from solvers.window import Window, inside_window

MOST_CONDUCTIVITIES = 4000  # the table of face conductances, by pairs, stays below 400 MB


@dataclass(frozen=True, slots=True)
class Domain:
    """Conductivity classes of voxels, shape (n0, n1, n2) with the flow along axis 0.

    ``classes`` is 0 where nothing flows, else 1 + the index into ``sigma`` (S/m, ascending);
    ``inside`` is False where the volume is outside; ``axis`` and ``window`` say which part of the
    volume this is, ``window`` in the volume's own axis order. ``resistance`` is that of faces of
    these voxels, in Ω m²; None if no face has any.
    """

    classes: NDArray[np.uint8] | NDArray[np.uint16]
    sigma: NDArray[np.float64]
    spacing: tuple[float, float, float]
    inside: NDArray[np.bool_]
    axis: int
    window: Window
    resistance: FaceResistance | None = None

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
) -> Domain:
    """The domain of a volume for conductivities (label → S/m) checked by ``phase_values``."""
    window = inside_window(volume)
    labels = np.moveaxis(volume.labels[window], axis, 0)
    sigma = np.unique([s for s in conductivity.values() if s > 0.0])
    if len(sigma) > MOST_CONDUCTIVITIES:
        raise InvalidInputError(
            f"{len(sigma)} different conductivities were given, but at most {MOST_CONDUCTIVITIES} "
            "can be told apart: round the values so that phases share them"
        )
    lookup = np.zeros(int(volume.labels.max()) + 1, np.uint8 if len(sigma) < 254 else np.uint16)
    for label, value in conductivity.items():
        if value > 0.0 and label < len(lookup):
            lookup[label] = 1 + np.searchsorted(sigma, value)
    classes = lookup[labels]
    part = None if resistance is None else resistance.within(window, axis)
    classes[~_spanning(classes > 0, part)] = 0
    h = volume.spacing
    order = (axis, *(a for a in range(3) if a != axis))
    spacing = (h[order[0]], h[order[1]], h[order[2]])
    inside = _inside(labels, volume.outside)
    return Domain(classes, sigma, spacing, inside, axis, window, part)


def phase_values(volume: Volume, values: Mapping[Phase, float], what: str) -> dict[int, float]:
    """Values by label, complete for all labels that occur. Raises InvalidInputError."""
    if not isinstance(values, Mapping) or not values:
        raise InvalidInputError(
            f"{what} {values!r} names no phase: give {{phase: value}} for each of "
            f"{list(volume.phases.values())}, 0 for those that insulate"
        )
    table: dict[int, float] = {}
    for phase, value in values.items():
        label = volume.phase_id(phase)
        if label in table:
            raise InvalidInputError(
                f"{what} gives {volume.phase_name(label)!r} twice, by name and by id: give it once"
            )
        table[label] = _checked(value, phase, what)
    missing = [name for i, name in volume.phases.items() if i not in table and volume.voxels(i)]
    if missing:
        raise InvalidInputError(
            f"{what} names only {[volume.phase_name(label) for label in table]}, but the volume "
            f"also holds {missing}: give each a value, 0 if it insulates"
        )
    return table


def _checked(value: float, phase: Phase, what: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = np.nan
    if not (np.isfinite(number) and number >= 0.0):
        raise InvalidInputError(f"{what} of {phase!r} is {value!r}: give a finite number ≥ 0")
    return number


def _spanning(mask: NDArray[np.bool_], resistance: FaceResistance | None) -> NDArray[np.bool_]:
    """True for voxels from which both electrodes can be reached through faces not blocked."""
    if resistance is None or not any(len(faces) for faces in resistance.blocked):
        return spanning_mask(mask, axis=0)
    return cut_spanning_mask(mask, resistance.blocked, axis=0)


def _inside(labels: NDArray[np.integer], outside: int | None) -> NDArray[np.bool_]:
    if outside is None:
        return np.broadcast_to(np.True_, labels.shape)
    return labels != outside
