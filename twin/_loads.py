"""Loads: what holds and presses an electrode, and the unit responses that give its states."""

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from solvers.boundary import (
    Boundary,
    Clamped,
    Free,
    Periodic,
    Platen,
    checked_boundary,
    fixed_gap,
    fully_free,
    plane_stress,
    stack_pressure,
)
from solvers.eigenstrain import LargeStrainWarning
from solvers.stiffness import Isotropic
from solvers.superposition import LinearState, Superposition, superpose
from twin._solids import Swelling
from twin.mechanics import PRESSURE, Mechanics


@dataclass(frozen=True, eq=False)
class Solved:
    """Unit responses of a volume, and the state that was asked for.

    ``strains`` are the linear strains of the swelling phases, ``axis`` is the through-plane one.
    """

    volume: Volume
    superposition: Superposition
    boundary: Boundary
    strains: Mapping[str, float]
    element: str

    @property
    def axis(self) -> int:
        """The through-plane axis."""
        return self.volume.through_axis

    @cached_property
    def state(self) -> LinearState:
        """The state asked for."""
        return self.at(self.boundary, self.strains)

    @cached_property
    def stress(self) -> NDArray[np.floating]:
        """Stress of every voxel, shape (6, nz, ny, nx), Pa."""
        return self.state.stress()

    @cached_property
    def carrying(self) -> tuple[int, ...]:
        """Components of the mean strain that some solid resists through the whole volume."""
        return self.superposition.carrying

    @property
    def is_carried(self) -> bool:
        """Whether something carries every pressure that the boundary sets."""
        free = np.flatnonzero(self.boundary.constraint(self.volume).free)
        return set(free) & set(self.superposition.components) <= set(self.carrying)

    def at(self, boundary: Boundary, strains: Mapping[str, float]) -> LinearState:
        """Another state."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", LargeStrainWarning)  # it is among the doubts
            return self.superposition.at(strains, boundary, allow_large_strain=True)


def solved(
    volume: Volume,
    stiffness: Mapping[str, Isotropic],
    swelling: Swelling,
    boundary: Boundary,
    asked: Mechanics,
) -> Solved:
    """The unit responses of a volume. Raises ConvergenceError and MemoryBudgetError."""
    responses = superpose(
        volume,
        {name: solid for name, solid in stiffness.items() if volume.voxels(name)},
        [name for name in swelling.phases if volume.voxels(name)],
        boundary,
        tolerance=asked.tolerance**2,  # of the energy
        element=asked.element,
    )
    strains = {n: e for n, e in swelling.strains().items() if n in responses.patterns}
    return Solved(volume, responses, boundary, strains, asked.element)


def boundary_of(asked: Mechanics, axis: int) -> Boundary:
    """What holds the faces, the through-plane axis being ``axis``. Raises InvalidInputError."""
    cases: dict[Any, Boundary] = {
        "fixed_gap": fixed_gap(axis),
        "plane_stress": plane_stress(axis),
        "fully_free": fully_free(),
    }
    if asked.boundary is None or asked.boundary == "stack_pressure":
        return stack_pressure(PRESSURE if asked.pressure is None else asked.pressure, axis)
    if isinstance(asked.boundary, str) and asked.boundary in cases:
        return cases[asked.boundary]
    return checked_boundary(asked.boundary)


def pressure_on(boundary: Boundary, axis: int) -> float:
    """Pressure that a boundary sets along an axis; NaN if it sets none."""
    pressure = getattr(boundary.axes[axis], "pressure", None)
    return math.nan if pressure is None else float(pressure)


def under_pressure(boundary: Boundary, axis: int, pressure: float) -> Boundary | None:
    """The same faces under another pressure along an axis; None if it cannot be set there."""
    condition = boundary.axes[axis]
    if isinstance(condition, Platen):
        return boundary.along(axis, replace(condition, displacement=None, pressure=pressure))
    if isinstance(condition, Periodic):
        return boundary.along(axis, replace(condition, pressure=pressure))
    return None


def at_fixed_gap(boundary: Boundary, axis: int) -> Boundary | None:
    """The same with a length along an axis that does not change; None if the axis is free."""
    condition = boundary.axes[axis]
    if isinstance(condition, Platen):
        return boundary.along(axis, replace(condition, displacement=0.0, pressure=None))
    if isinstance(condition, Periodic):
        return boundary.along(axis, replace(condition, strain=0.0, pressure=None))
    return None if isinstance(condition, Free) else boundary


def slides(boundary: Boundary) -> bool:
    """Whether no face holds the material fast or leaves it free: then moduli are those of it."""
    return not any(
        isinstance(condition, Free | Clamped) or getattr(condition, "bonded", False)
        for condition in boundary.axes
    )
