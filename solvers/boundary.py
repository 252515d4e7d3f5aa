"""Boundary: what holds a volume along each axis, and the named cases of cell testing.

The displacement is E·x + u: a mean strain E and a fluctuation u. Conditions say what u does on the
two faces normal to an axis, and whether the normal component of E, or the mean stress, is given.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from microstructures import Volume
from microstructures.errors import InvalidInputError
from solvers.constraint import ALL, Constraint
from solvers.units import LEAST_PRESSURE, doubt
from solvers.voigt import SHEARS


@dataclass(frozen=True, slots=True)
class Periodic:
    """The volume repeats itself.

    ``strain`` is its mean normal strain; or ``pressure``, in Pa and positive in compression, its
    mean normal stress, and the strain is a result.
    """

    strain: float = 0.0
    pressure: float | None = None


@dataclass(frozen=True, slots=True)
class Symmetry:
    """Both faces are mirrors: they stay in place and slide freely. The volume keeps its length."""


@dataclass(frozen=True, slots=True)
class Clamped:
    """Both faces are bonded to something rigid that does not move."""


@dataclass(frozen=True, slots=True)
class Free:
    """Nothing touches the two faces."""


@dataclass(frozen=True, slots=True)
class Platen:
    """Rigid plates on both faces, which stay plane and parallel.

    Give ``displacement`` (m, by which the plates move apart; negative presses) or ``pressure``
    (Pa, mean, positive in compression). The faces slide along the plates, or stick if ``bonded``.
    """

    displacement: float | None = None
    pressure: float | None = None
    bonded: bool = False


Condition: TypeAlias = Periodic | Symmetry | Clamped | Free | Platen
Sides: TypeAlias = Literal["periodic", "symmetry"]
SIDES: dict[str, Condition] = {"periodic": Periodic(), "symmetry": Symmetry()}


@dataclass(frozen=True, slots=True)
class Boundary:
    """A condition for each array axis.

    Shear strains of the mean strain are zero, except between two periodic axes that both have a
    prescribed pressure: there the mean shear stress is zero.

    Raises:
        InvalidInputError: something that is no condition, or a platen told too much or nothing.
    """

    z: Condition = Periodic()
    y: Condition = Periodic()
    x: Condition = Periodic()

    def __post_init__(self) -> None:
        for axis, condition in enumerate(self.axes):
            _check(condition, axis)

    @property
    def axes(self) -> tuple[Condition, Condition, Condition]:
        """The conditions in array-axis order."""
        return self.z, self.y, self.x

    def along(self, axis: int, condition: Condition) -> "Boundary":
        """The same boundary with another condition along one axis."""
        if isinstance(axis, bool) or axis not in (0, 1, 2):
            raise InvalidInputError(f"axis {axis!r} is none of 0, 1, 2: choose one of them")
        return replace(self, **{"zyx"[axis]: condition})

    def constraint(self, volume: Volume) -> Constraint:
        """What the solver needs to know, for a volume's shape and spacing."""
        faces = [_held(condition, axis) for axis, condition in enumerate(self.axes)]
        given = [
            _normal(condition, n * h)
            for condition, n, h in zip(self.axes, volume.shape, volume.spacing, strict=True)
        ]
        relaxed = [
            is_free and _is_periodic(c) for c, (is_free, _, _) in zip(self.axes, given, strict=True)
        ]
        shears = [relaxed[a] and relaxed[b] for a, b in SHEARS]
        z, y, x = (_is_periodic(condition) for condition in self.axes)
        return Constraint(
            (z, y, x),
            (faces[0], faces[1], faces[2]),
            (faces[0], faces[1], faces[2]),
            np.array([is_free for is_free, _, _ in given] + shears),
            np.array([strain for _, strain, _ in given] + [0.0] * 3),
            np.array([stress for _, _, stress in given] + [0.0] * 3),
        )


def stack_pressure(pressure: float, axis: int = 0, sides: Sides = "symmetry") -> Boundary:
    """A cell in a press: constant ``pressure`` ≥ 0 (Pa) along ``axis``, no mean strain across it.

    Raises:
        InvalidInputError: an axis or sides that do not exist, or a pressure < 0: a press does not
            pull; for bonded plates that do, give a ``Platen`` with a negative pressure.
    """
    if isinstance(pressure, float | int | np.number) and pressure < 0.0:
        raise InvalidInputError(
            f"stack pressure {pressure!r} is not ≥ 0, and a press does not pull: pressure is "
            "positive in compression; for bonded plates give a Boundary with Platen(pressure=…)"
        )
    return _sides(sides).along(axis, Platen(pressure=pressure))


def fixed_gap(axis: int = 0, displacement: float = 0.0, sides: Sides = "symmetry") -> Boundary:
    """A cell between plates that do not move: the pressure is a result."""
    return _sides(sides).along(axis, Platen(displacement=displacement))


def fully_free() -> Boundary:
    """Nothing touches the volume."""
    return Boundary(Free(), Free(), Free())


def plane_stress(axis: int = 0, sides: Sides = "periodic") -> Boundary:
    """A film: nothing touches the faces normal to ``axis``, no mean strain across it."""
    return _sides(sides).along(axis, Free())


def checked_boundary(boundary: Any) -> Boundary:
    """``boundary`` as a Boundary: one, a condition for all axes, three of them, or a name."""
    if isinstance(boundary, Boundary):
        return boundary
    if isinstance(boundary, str):
        named: dict[str, Condition] = {
            **SIDES,
            "clamped": Clamped(),
            "free": Free(),
        }
        if boundary not in named:
            raise InvalidInputError(
                f"boundary {boundary!r} is unknown: choose one of {sorted(named)}, or give a "
                "solvers.Boundary with a condition for each axis"
            )
        boundary = named[boundary]
    if isinstance(boundary, Sequence) and len(boundary) == 3:
        return Boundary(*boundary)
    return Boundary(boundary, boundary, boundary)


def _sides(sides: Sides) -> Boundary:
    if sides not in SIDES:
        raise InvalidInputError(f"sides {sides!r} are unknown: choose one of {sorted(SIDES)}")
    return Boundary(*[SIDES[sides]] * 3)


def _is_periodic(condition: Condition) -> bool:
    return isinstance(condition, Periodic)


def _held(condition: Condition, axis: int) -> int:
    """Bits of the components that are zero on the faces."""
    if isinstance(condition, Clamped) or (isinstance(condition, Platen) and condition.bonded):
        return ALL
    return 1 << axis if isinstance(condition, Symmetry | Platen) else 0


def _normal(condition: Condition, length: float) -> tuple[bool, float, float]:
    """Whether the normal mean strain is free, its value, and the mean stress it is to reach."""
    pressure = getattr(condition, "pressure", None)
    if pressure is not None:
        return True, 0.0, -float(pressure)
    if isinstance(condition, Platen):
        return False, float(condition.displacement or 0.0) / length, 0.0
    return False, float(getattr(condition, "strain", 0.0)), 0.0


def _check(condition: Condition, axis: int) -> None:
    if not isinstance(condition, Condition):
        raise InvalidInputError(
            f"the condition along axis {axis} is {condition!r}: give solvers.Periodic(), "
            "Symmetry(), Clamped(), Free() or Platen(displacement=… or pressure=…)"
        )
    if isinstance(condition, Platen) and (condition.displacement is None) == (
        condition.pressure is None
    ):
        raise InvalidInputError(
            f"the platen along axis {axis} is {condition!r}: give either displacement (m) or "
            "pressure (Pa)"
        )
    numbers = [getattr(condition, name, None) for name in ("strain", "pressure", "displacement")]
    given = [number for number in numbers if number is not None]
    if not all(isinstance(n, float | int | np.number) and math.isfinite(n) for n in given):
        raise InvalidInputError(
            f"the condition along axis {axis} is {condition!r}: give finite numbers"
        )
    doubt(getattr(condition, "pressure", None) or 0.0, LEAST_PRESSURE, "a pressure")
