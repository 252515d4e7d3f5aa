"""FaceResistance: area-specific resistance of chosen faces between the voxels of a volume.

A face is named by its axis and by the flat index, in (nz, ny, nx) order, of the voxel below it;
faces that are not named have no resistance of their own. In a volume that repeats itself, the face
above the last voxel is the one between it and the first.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError
from microstructures.phases import Phase
from solvers.turn import flow_first
from solvers.voxel_faces import CLOSED, Sides, beside
from solvers.window import Window

Indices = NDArray[np.int64]
Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class FaceResistance:
    """Resistance ≥ 0 of faces between voxels, in Ω m² (in s/m for diffusion); inf blocks a face.

    Args:
        shape: (nz, ny, nx) of the volume.
        lower: for each axis the flat index of the voxel below each face, every face once.
        values: for each axis the resistance of each of these faces.
        periodic: faces between the last voxels and the first are among them; they count where the
            sides of a solve are periodic, and only there.

    Raises:
        InvalidInputError: a face that the volume does not have, a face named twice, or a
            resistance that is negative or not a number.
    """

    shape: tuple[int, int, int]
    lower: tuple[Indices, Indices, Indices]
    values: tuple[Values, Values, Values]
    periodic: bool = False

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or len(self.lower) != 3 or len(self.values) != 3:
            raise InvalidInputError(
                f"a shape of {len(self.shape)} axes with {len(self.lower)} arrays of faces and "
                f"{len(self.values)} of resistances was given: each wants one per axis, three"
            )
        pairs = [
            _checked(self.shape, axis, faces, values, self.periodic)
            for axis, (faces, values) in enumerate(zip(self.lower, self.values, strict=True))
        ]
        object.__setattr__(self, "lower", tuple(faces for faces, _ in pairs))
        object.__setattr__(self, "values", tuple(values for _, values in pairs))

    @classmethod
    def from_masks(
        cls,
        masks: Sequence[ArrayLike],
        resistance: float | Sequence[ArrayLike],
        *,
        periodic: bool = False,
    ) -> "FaceResistance":
        """Faces that are True in one mask per axis.

        Args:
            masks: booleans of shape (nz-1, ny, nx), (nz, ny-1, nx) and (nz, ny, nx-1); all of
                (nz, ny, nx) if ``periodic``.
            resistance: of all these faces, or one array per axis in the shape of its mask.
            periodic: the last element of a mask is the face between the last voxel and the first.
        """
        arrays = [np.asarray(mask) for mask in masks]
        shape = _volume_shape(arrays, periodic)
        each = list(resistance) if isinstance(resistance, Sequence) else [resistance] * 3
        if len(each) != 3:
            raise InvalidInputError(
                f"{len(each)} arrays of resistances were given: one per axis is wanted, three"
            )
        lower, values = [], []
        for axis, (mask, value) in enumerate(zip(arrays, each, strict=True)):
            where = np.nonzero(mask)
            lower.append(np.ravel_multi_index(where, shape).astype(np.int64))
            values.append(_spread(value, mask.shape, axis)[where])
        return cls(shape, _three(lower), _three(values), periodic)

    @classmethod
    def of_pairs(
        cls,
        volume: Volume,
        resistance: Mapping[tuple[Phase, Phase], float],
        *,
        periodic: bool = False,
    ) -> "FaceResistance":
        """All faces between two phases.

        Args:
            volume: labels of shape (nz, ny, nx).
            resistance: {(phase, phase): resistance}, phases by name or id in either order.
            periodic: faces between the last voxels and the first too, for periodic sides.
        """
        rows, table = _pair_table(volume, resistance)
        lower: list[Indices] = []
        values: list[Values] = []
        for axis in range(3):
            faces, numbers = _pair_faces(volume.labels, rows, table, axis, periodic)
            lower.append(faces)
            values.append(numbers)
        return cls(volume.shape, _three(lower), _three(values), periodic)

    @classmethod
    def of_instances(
        cls,
        instances: ArrayLike,
        resistance: float | Mapping[tuple[int, int], float],
        *,
        periodic: bool = False,
    ) -> "FaceResistance":
        """All faces where one instance touches another: grain boundaries, particle contacts.

        Args:
            instances: number of each voxel's grain or particle, shape (nz, ny, nx), 0 for none;
                faces to 0 have no resistance here.
            resistance: of all these faces, or {(number, number): resistance} of chosen pairs.
            periodic: faces between the last voxels and the first too, for periodic sides; a grain
                that goes on beyond a side must have one number on both.
        """
        numbers = np.asarray(instances)
        if numbers.ndim != 3 or numbers.dtype.kind not in "iu" or numbers.min(initial=0) < 0:
            raise InvalidInputError(
                f"instances of shape {numbers.shape} ({numbers.dtype}) were given: give a whole "
                "number ≥ 0 per voxel, 0 for none"
            )
        pairs = resistance if isinstance(resistance, Mapping) else None
        every = None if pairs is not None else _checked_number(resistance, "all instances")
        lower, values = [], []
        for axis in range(3):
            faces, found = _instance_faces(numbers, pairs, every, axis, periodic)
            lower.append(faces)
            values.append(found)
        nz, ny, nx = numbers.shape
        return cls((nz, ny, nx), _three(lower), _three(values), periodic)

    def __add__(self, other: "FaceResistance") -> "FaceResistance":
        """Both in series: where they name the same face, its resistances add up."""
        if other.shape != self.shape:
            raise InvalidInputError(
                f"resistances of volumes of {self.shape} and {other.shape} voxels cannot be "
                "added: make both for the same volume"
            )
        if other.periodic != self.periodic:
            raise InvalidInputError(
                "resistances with faces across periodic sides and others without them cannot be "
                "added: make both with periodic=True, or both without"
            )
        lower, values = [], []
        for a, b, r, s in zip(self.lower, other.lower, self.values, other.values, strict=True):
            faces, place = np.unique(np.concatenate([a, b]), return_inverse=True)
            total = np.zeros(len(faces))
            np.add.at(total, place, np.concatenate([r, s]))
            lower.append(faces)
            values.append(total)
        return FaceResistance(self.shape, _three(lower), _three(values), self.periodic)

    @property
    def count(self) -> int:
        """Number of faces with a resistance above 0."""
        return sum(int(np.count_nonzero(values)) for values in self.values)

    @property
    def blocked(self) -> tuple[Indices, Indices, Indices]:
        """For each axis the faces that nothing passes."""
        return self.above(math.inf)

    def above(self, least: float) -> tuple[Indices, Indices, Indices]:
        """For each axis the faces with at least this resistance."""
        pairs = zip(self.lower, self.values, strict=True)
        return _three([faces[values >= least] for faces, values in pairs])

    def scaled(self, factor: float) -> "FaceResistance":
        """All resistances times a factor > 0."""
        first, second, third = (values * factor for values in self.values)
        return FaceResistance(self.shape, self.lower, (first, second, third), self.periodic)

    def within(self, window: Window, axis: int, periodic: Sides = CLOSED) -> "FaceResistance":
        """The same faces in a part of the volume that is turned so that ``axis`` comes first.

        Those across the sides are kept where, after turning, the part is ``periodic``.
        """
        ends = [part.indices(n) for part, n in zip(window, self.shape, strict=True)]
        order = flow_first(axis).order
        shape = tuple(ends[a][1] - ends[a][0] for a in order)
        lower, values = [], []
        for a, across in zip(order, periodic, strict=True):
            place = np.unravel_index(self.lower[a], self.shape)
            inside = np.ones(len(self.lower[a]), bool)
            for b, (start, stop, _) in enumerate(ends):
                inside &= (place[b] >= start) & (place[b] < stop - (a == b and not across))
            moved = tuple(place[b][inside] - ends[b][0] for b in order)
            lower.append(np.ravel_multi_index(moved, shape).astype(np.int64))
            values.append(self.values[a][inside])
        nz, ny, nx = shape
        return FaceResistance((nz, ny, nx), _three(lower), _three(values), self.periodic)


def checked_resistance(resistance: Any, volume: Volume) -> FaceResistance | None:
    """``resistance`` if it belongs to the volume; None if no face resists."""
    if resistance is None:
        return None
    if not isinstance(resistance, FaceResistance):
        raise InvalidInputError(
            f"a {type(resistance).__name__} was given where a FaceResistance is wanted: "
            "FaceResistance.of_pairs(volume, {(phase, phase): resistance})"
        )
    if resistance.shape != volume.shape:
        raise InvalidInputError(
            f"the resistances are those of {resistance.shape} voxels, but the volume has "
            f"{volume.shape}: make them for this volume"
        )
    return resistance if resistance.count else None


def blocked_faces(
    resistance: FaceResistance | None,
) -> tuple[Indices, Indices, Indices] | None:
    """For each axis the faces that nothing passes; None if there are none."""
    blocked = None if resistance is None else resistance.blocked
    return blocked if blocked and any(len(faces) for faces in blocked) else None


def _checked(
    shape: tuple[int, ...], axis: int, faces: Any, values: Any, periodic: bool
) -> tuple[Indices, Values]:
    faces, values = np.asarray(faces), np.asarray(values, dtype=float)
    if faces.ndim != 1 or faces.shape != values.shape or faces.dtype.kind not in "iu":
        raise InvalidInputError(
            f"axis {axis} has faces of shape {faces.shape} ({faces.dtype}) and resistances of "
            f"shape {values.shape}: give one whole number and one resistance per face"
        )
    faces = faces.astype(np.int64)
    _refuse_strangers(shape, axis, faces, periodic)
    if not (values >= 0.0).all():
        worst = values[~(values >= 0.0)][0]
        raise InvalidInputError(
            f"a face normal to axis {axis} has a resistance of {worst}: give numbers ≥ 0, "
            "np.inf for a blocked face"
        )
    return faces, values


def _refuse_strangers(shape: tuple[int, ...], axis: int, faces: Indices, periodic: bool) -> None:
    step = math.prod(shape[axis + 1 :])
    known = (faces >= 0) & (faces < math.prod(shape))
    known &= faces // step % shape[axis] < shape[axis] - (not periodic)
    if not known.all():
        raise InvalidInputError(
            f"no face normal to axis {axis} lies above voxel {faces[~known][0]} of {shape} voxels: "
            "name each face by the flat index of the voxel below it (periodic=True: the last voxel "
            "is below the first)"
        )
    if len(np.unique(faces)) < len(faces):
        raise InvalidInputError(
            f"a face normal to axis {axis} is named twice: add two FaceResistances instead"
        )


def _volume_shape(masks: list[NDArray[Any]], periodic: bool) -> tuple[int, int, int]:
    """Shape of the volume whose faces the masks are."""
    given = [mask.shape for mask in masks]
    if len(masks) == 3 and all(mask.ndim == 3 and mask.dtype == bool for mask in masks):
        n0, n1, n2 = masks[0].shape
        shape = (n0 + (not periodic), n1, n2)
        if given == [shape if periodic else _faces_shape(shape, axis) for axis in range(3)]:
            return shape
    wanted = (
        "(nz, ny, nx) each" if periodic else "(nz-1, ny, nx), (nz, ny-1, nx) and (nz, ny, nx-1)"
    )
    raise InvalidInputError(
        f"masks of shapes {given} and types {[str(mask.dtype) for mask in masks]} were given: for "
        f"(nz, ny, nx) voxels give booleans of {wanted}"
    )


def _faces_shape(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return tuple(n - (a == axis) for a, n in enumerate(shape))


def _spread(value: Any, shape: tuple[int, ...], axis: int) -> Values:
    number = np.asarray(value, dtype=float)
    if number.shape not in ((), shape):
        raise InvalidInputError(
            f"resistances of shape {number.shape} were given for the faces normal to axis {axis}, "
            f"whose mask has shape {shape}: give one number, or an array of that shape"
        )
    return np.broadcast_to(number, shape)


def _pair_table(volume: Volume, resistance: Any) -> tuple[NDArray[np.intp], Values]:
    """Row of each label, and resistance by two rows; NaN for pairs that are not named."""
    if not isinstance(resistance, Mapping) or not resistance:
        raise InvalidInputError(
            f"resistance {resistance!r} names no pair: give {{(phase, phase): resistance}}"
        )
    named = {pair: _checked_pair(volume, pair) for pair in resistance}
    labels = sorted({label for pair in named.values() for label in pair})
    rows = np.full(max(int(volume.labels.max()), labels[-1]) + 1, len(labels))
    rows[labels] = np.arange(len(labels))
    table = np.full((len(labels) + 1,) * 2, np.nan)
    for pair, (a, b) in named.items():
        if not np.isnan(table[rows[a], rows[b]]):
            raise InvalidInputError(f"the pair {pair!r} is given twice: give it once")
        table[rows[a], rows[b]] = table[rows[b], rows[a]] = _checked_number(resistance[pair], pair)
    return rows, table


def _checked_number(value: Any, pair: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not number >= 0.0:
        raise InvalidInputError(
            f"the resistance of {pair!r} is {value!r}: give a number ≥ 0, np.inf to block it"
        )
    return number


def _checked_pair(volume: Volume, pair: Any) -> tuple[int, int]:
    if isinstance(pair, tuple) and len(pair) == 2:
        a, b = (volume.phase_id(phase) for phase in pair)
        if a != b:
            return a, b
    raise InvalidInputError(f"{pair!r} is no pair of two different phases: give (phase, phase)")


def _pair_faces(
    labels: NDArray[Any], rows: NDArray[np.intp], table: Values, axis: int, periodic: bool
) -> tuple[Indices, Values]:
    below, above = beside(labels, axis, periodic)
    where = np.nonzero(below != above)
    values = table[rows[below[where]], rows[above[where]]]
    named = ~np.isnan(values)
    place = tuple(index[named] for index in where)
    return np.ravel_multi_index(place, labels.shape).astype(np.int64), values[named]


def _instance_faces(
    numbers: NDArray[Any],
    pairs: Mapping[Any, float] | None,
    every: float | None,
    axis: int,
    periodic: bool,
) -> tuple[Indices, Values]:
    """Faces between two instances, of the pairs named if any are."""
    below, above = beside(numbers, axis, periodic)
    where = np.nonzero((below != above) & (below > 0) & (above > 0))
    place = np.ravel_multi_index(where, numbers.shape).astype(np.int64)
    if pairs is None:
        return place, np.full(len(place), every, dtype=float)
    low, high = np.sort([below[where], above[where]], axis=0).astype(np.int64)
    values = np.full(len(place), np.nan)
    for pair, value in pairs.items():
        a, b = _instance_pair(pair)
        values[(low == a) & (high == b)] = _checked_number(value, pair)
    named = ~np.isnan(values)
    return place[named], values[named]


def _instance_pair(pair: Any) -> tuple[int, int]:
    whole = isinstance(pair, tuple) and all(isinstance(n, int | np.integer) for n in pair)
    if whole and len(pair) == 2 and 0 < min(pair) < max(pair):
        return min(pair), max(pair)
    raise InvalidInputError(f"{pair!r} is no pair of instances: give two different numbers > 0")


def _three(arrays: list[Any]) -> tuple[Any, Any, Any]:
    first, second, third = arrays
    return first, second, third
