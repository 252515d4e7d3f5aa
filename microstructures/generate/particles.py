"""Particles: where bodies are, how they are turned and how large they are.

Arrays have a row per particle; coordinates are (z, y, x) in m, the box runs from 0 to ``box``.
"""

from dataclasses import dataclass, replace
from typing import Any, Literal, Self, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from microstructures.errors import InvalidInputError
from microstructures.generate._inputs import Flags, Triple, checked_periodic

Floats: TypeAlias = NDArray[np.float64]
Body: TypeAlias = Literal["ellipsoid", "cylinder", "capsule"]

_ROUND_OFF = 1e-6  # by which a rotation matrix may miss R Rᵀ = 1


@dataclass(frozen=True, slots=True, eq=False)
class Particles:
    """Ellipsoids, cylinders or capsules in a box. Immutable; the arrays are read-only copies.

    Args:
        centres: (n, 3) in m. On a periodic axis any image of a particle may be given; on another
            axis a centre may lie outside the box.
        semi_axes: (n, 3) in m, > 0: half the length along each axis of the body; equal for a
            sphere. Cylinders and capsules run along their first axis and are round: (half length
            with the caps, radius, radius). A disc is a cylinder with a short first axis.
        orientations: rotation matrices (n, 3, 3) from particle to array axes: column j is the
            direction of the particle's axis j; None for particles along the array axes.
        box: edge lengths (Lz, Ly, Lx) in m, > 0.
        periodic: whether the box repeats, for each axis or for all of them.
        body: "ellipsoid", "cylinder" (flat ends) or "capsule" (round ends).

    Raises:
        InvalidInputError: a wrong shape, a size that is not positive, a matrix that is no
            rotation, or a body that its semi-axes do not describe.
    """

    centres: Floats
    semi_axes: Floats
    orientations: Floats
    box: Triple
    periodic: Flags
    body: Body

    def __init__(
        self,
        centres: ArrayLike,
        semi_axes: ArrayLike,
        orientations: ArrayLike | None = None,
        *,
        box: ArrayLike,
        periodic: bool | Flags = True,
        body: Body = "ellipsoid",
    ) -> None:
        put = object.__setattr__  # the dataclass is frozen
        put(self, "centres", _checked_array(centres, "centres", (3,)))
        n = len(self.centres)
        put(self, "semi_axes", _checked_array(semi_axes, "semi_axes", (3,), n))
        turned = np.broadcast_to(np.eye(3), (n, 3, 3)) if orientations is None else orientations
        put(self, "orientations", _checked_array(turned, "orientations", (3, 3), n))
        put(self, "box", _checked_box(box))
        put(self, "periodic", checked_periodic(periodic))
        put(self, "body", body)
        _check_rotations(self.orientations)
        _check_body(self.body, self.semi_axes)

    @classmethod
    def spheres(
        cls, centres: ArrayLike, radii: ArrayLike, *, box: ArrayLike, periodic: bool | Flags = True
    ) -> Self:
        """Spheres of the given radii (n,) in m, or of one radius."""
        at = np.asarray(centres, dtype=float)
        radius = np.broadcast_to(np.asarray(radii, dtype=float)[..., None], (len(at), 3))
        return cls(at, radius, box=box, periodic=periodic)

    def __len__(self) -> int:
        return len(self.centres)

    @property
    def are_spheres(self) -> bool:
        """Whether every particle is a sphere."""
        return self.body == "ellipsoid" and bool(np.all(self.semi_axes == self.semi_axes[:, :1]))

    @property
    def volumes(self) -> Floats:
        """Volume of each particle in m³, overlaps not subtracted."""
        a, b, c = self.semi_axes.T
        if self.body == "cylinder":
            return 2 * np.pi * a * b**2
        if self.body == "capsule":
            return 2 * np.pi * (a - b) * b**2 + 4 / 3 * np.pi * b**3
        return 4 / 3 * np.pi * a * b * c

    @property
    def surface_areas(self) -> Floats:
        """Surface of each particle in m², contacts not subtracted."""
        from scipy.special import elliprg

        a, b, c = self.semi_axes.T
        if self.body == "cylinder":
            return 2 * np.pi * b * (2 * a + b)
        if self.body == "capsule":
            return 4 * np.pi * a * b
        squares = (a / c) ** 2, (b / c) ** 2, (a * b / c**2) ** 2  # scaled: no underflow
        return np.asarray(4 * np.pi * c**2 * elliprg(*squares))

    @property
    def bounding_radii(self) -> Floats:
        """Radius of the smallest sphere around each centre that holds the particle, in m."""
        if self.body == "cylinder":
            return np.hypot(self.semi_axes[:, 0], self.semi_axes[:, 1])
        return self.semi_axes.max(axis=1, initial=0.0)

    @property
    def extents(self) -> Floats:
        """Half the length of each particle's bounding box along the array axes, (n, 3) in m."""
        if self.body == "ellipsoid":
            return np.linalg.norm(self.orientations * self.semi_axes[:, None, :], axis=2)
        half, radius = self.semi_axes[:, :1], self.semi_axes[:, 1:2]
        along = np.abs(self.orientations[:, :, 0])
        if self.body == "capsule":
            return along * (half - radius) + radius
        return along * half + np.sqrt(np.clip(1 - along**2, 0, 1)) * radius

    def moved(
        self, *, centres: ArrayLike | None = None, orientations: ArrayLike | None = None
    ) -> Self:
        """The same bodies elsewhere, or turned otherwise."""
        return self._with(
            centres=self.centres if centres is None else centres,
            orientations=self.orientations if orientations is None else orientations,
        )

    def scaled(self, factor: float) -> Self:
        """The same centres with all lengths of the bodies times ``factor`` > 0."""
        return self._with(semi_axes=self.semi_axes * factor)

    def wrapped(self) -> Self:
        """Centres brought back into the box along its periodic axes."""
        box = np.array(self.box)
        inside = self.centres % box
        inside[inside >= box] = 0.0  # a tiny negative number rounds up to the whole box
        return self._with(centres=np.where(self.periodic, inside, self.centres))

    def _with(self, **changes: Any) -> Self:
        return replace(self, **changes)


def _checked_array(
    values: ArrayLike, name: str, row: tuple[int, ...], n: int | None = None
) -> Floats:
    try:
        array = np.array(values, dtype=np.float64, order="C")
    except (TypeError, ValueError):
        array = np.array(np.nan)
    if array.shape[1:] != row or array.ndim != len(row) + 1 or n not in (None, len(array)):
        wanted = ", ".join(map(str, ("n" if n is None else n, *row)))
        raise InvalidInputError(
            f"{name} have shape {array.shape}, but must have ({wanted}): one row per particle"
        )
    if not np.isfinite(array).all():
        raise InvalidInputError(f"{name} are not all finite numbers: remove NaN and inf")
    array.flags.writeable = False
    return array


def _checked_box(box: ArrayLike) -> Triple:
    edges = np.asarray(box, dtype=float)
    if edges.shape != (3,) or not np.all(np.isfinite(edges) & (edges > 0)):
        raise InvalidInputError(
            f"box {box!r} is not three edge lengths > 0: pass (Lz, Ly, Lx) in metres"
        )
    return float(edges[0]), float(edges[1]), float(edges[2])


def _check_rotations(matrices: Floats) -> None:
    squared = matrices @ matrices.transpose(0, 2, 1) - np.eye(3)
    is_wrong = np.abs(squared).max(axis=(1, 2), initial=0.0) > _ROUND_OFF
    is_wrong |= np.linalg.det(matrices) < 0
    if is_wrong.any():
        i = int(np.argmax(is_wrong))
        raise InvalidInputError(
            f"orientations[{i}] is no rotation (R Rᵀ = 1, det R = 1): "
            "normalise it, and flip one column of a mirror image"
        )


def _check_body(body: str, semi_axes: Floats) -> None:
    if body not in get_args(Body):
        raise InvalidInputError(f"body {body!r} is unknown: choose one of {get_args(Body)}")
    if not np.all(semi_axes > 0):
        raise InvalidInputError(f"semi_axes fall to {semi_axes.min():g} m: all must be > 0")
    if body == "ellipsoid":
        return
    if not np.array_equal(semi_axes[:, 1], semi_axes[:, 2]):
        raise InvalidInputError(
            f"a {body} is round: give semi_axes as (half length, radius, radius)"
        )
    if body == "capsule" and np.any(semi_axes[:, 0] < semi_axes[:, 1]):
        raise InvalidInputError(
            "a capsule is shorter than its caps: its half length holds the cap, so make "
            "semi_axes[:, 0] at least the radius"
        )
