"""Mechanics: what characterize is asked about stress, and what it found. SI units.

Stress is positive in tension, ``pressure`` positive in compression.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError
from microstructures.phases import Phase

if TYPE_CHECKING:
    from solvers.boundary import Boundary
    from solvers.superposition import LinearState, Superposition

PRESSURE = 1e5  # Pa, of a light stack
ELEMENTS = ("stabilized", "full", "bbar")


@dataclass(frozen=True, slots=True)
class Mechanics:
    """Load of an electrode: how its phases swell, what presses on it and what holds it.

    Args:
        lithiation: (reference, now) of each swelling phase: its lithium content x where the
            electrode is free of stress, and the one it has now.
        pressure: of the stack, Pa along the through-plane axis; 0.1 MPa by default.
        boundary: what holds the faces: a case of cell testing, "stack_pressure" (the default: the
            pressure is constant, no mean strain across it), "fixed_gap" (the plates do not move),
            "plane_stress" or "fully_free"; a ``solvers.Boundary``, or a name that it knows.
        interface: two solid phases whose contact is followed; by default the first swelling phase
            and the one made of a binder, if there are such.
        strength: of that interface in Pa, in tension and shear; or (tension, shear). None for an
            interface without adhesion, which opens wherever it would be in tension.
        pressures: for the contact-loss curve, Pa; by default the pressure, 1 MPa and 10 MPa.
        stoichiometries: for the curve, of the first swelling phase, in the order in which they are
            passed; the other phases keep pace. By default nine from the reference to now.
        stiffness: also the shear moduli, which cost six more solves.
        resolution: also the error by the voxel size, from a volume of half the resolution.
        tolerance: estimated relative error of the stress of each solve, in the energy norm.
        element: "stabilized", "full" or "bbar".
        allow_large_strain: whether materials that change a length by more than 30 % are accepted.

    Raises:
        InvalidInputError: a number is out of range, or both pressure and boundary say what presses.
    """

    lithiation: Mapping[Phase, tuple[float, float]] = field(default_factory=dict)
    pressure: float | None = None
    boundary: Any = None
    interface: tuple[Phase, Phase] | None = None
    strength: float | tuple[float, float] | None = None
    pressures: Sequence[float] = ()
    stoichiometries: Sequence[float] = ()
    stiffness: bool = False
    resolution: bool = True
    tolerance: float = 1e-3
    element: str = "stabilized"
    allow_large_strain: bool = False

    def __post_init__(self) -> None:
        _check_lithiation(self.lithiation)
        for name in ("pressures", "stoichiometries"):
            object.__setattr__(self, name, _numbers(getattr(self, name), name))
        _check_pressure(self)
        _check_interface(self)
        if not 1e-7 <= _number(self.tolerance, "tolerance") <= 0.1:
            raise InvalidInputError(
                f"tolerance {self.tolerance!r} is not in 1e-7…0.1: the default is 1e-3"
            )
        if self.element not in ELEMENTS:
            raise InvalidInputError(f"element {self.element!r} is unknown: choose from {ELEMENTS}")
        if self.stoichiometries and not self.lithiation:
            raise InvalidInputError(
                "stoichiometries are given, but no phase swells: name it, "
                "lithiation={'NMC': (reference, now)}"
            )

    def to_dict(self) -> dict[str, Any]:
        """What was asked, as plain numbers and text."""
        plain = {f.name: _plain(getattr(self, f.name)) for f in fields(self)}
        return plain | {"boundary": None if self.boundary is None else str(self.boundary)}

    def __repr__(self) -> str:
        changed = (f for f in fields(self) if getattr(self, f.name) != _default(f.name))
        given = ", ".join(f"{f.name}={_plain(getattr(self, f.name))!r}" for f in changed)
        return f"Mechanics({given})"


@dataclass(frozen=True, slots=True, eq=False)
class ContactCurve:
    """Contact of an interface while lithium comes and goes, for each pressure.

    Shares of the true area of the interface, shape (pressures, stoichiometries): ``contact`` that
    which touches, ``error`` its standard error by sampling, ``debonded`` that which came apart,
    whether it touches or not. A ``pressure`` is NaN where the boundary sets none.

    It is a screening: tractions are those of the bonded interface, so past the first debonding
    nothing of what the open faces shed onto their neighbours is in it. See ``solvers.contact``.
    """

    interface: str
    phase: str
    stoichiometry: NDArray[np.float64]
    pressure: NDArray[np.float64]
    contact: NDArray[np.float64]
    debonded: NDArray[np.float64]
    error: NDArray[np.float64]
    criterion: str

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and text; NaN becomes None."""
        numbers = ("stoichiometry", "pressure", "contact", "debonded", "error")
        about = {"interface": self.interface, "phase": self.phase, "criterion": self.criterion}
        return about | {name: _listed(getattr(self, name)) for name in numbers}


@dataclass(frozen=True, slots=True, eq=False)
class MechanicalState:
    """Stress of an electrode under the load asked for, and the means to get any other.

    ``solids`` are the phases that bear load, the stiffest first; ``swelling`` is the linear strain
    of each swelling phase; ``von_mises`` and ``hydrostatic`` are the stress of every voxel in Pa,
    NaN in voids. ``superposition.at({phase: strain}, boundary)``
    gives other states without a solve.
    """

    request: Mechanics
    boundary: "Boundary"
    solids: tuple[str, ...]
    swelling: Mapping[str, float]
    superposition: "Superposition"
    state: "LinearState"
    von_mises: NDArray[np.float32]
    hydrostatic: NDArray[np.float32]
    contact: ContactCurve | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and text; no fields."""
        return {
            "request": self.request.to_dict(),
            "boundary": repr(self.boundary),
            "solids": list(self.solids),
            "swelling": dict(self.swelling),
            "mean_strain": self.state.strain.tolist(),
            "mean_stress": self.state.mean_stress.tolist(),
            "stiffness": self.superposition.stiffness.tolist(),
            "back_stress": {n: s.tolist() for n, s in self.superposition.back_stress.items()},
            "reports": [report.to_dict() for report in self.superposition.reports],
            "contact": None if self.contact is None else self.contact.to_dict(),
        }


def _check_lithiation(lithiation: Any) -> None:
    if not isinstance(lithiation, Mapping):
        raise InvalidInputError(
            f"lithiation {lithiation!r} is no mapping: write {{'NMC': (reference, now)}}"
        )
    for phase, pair in lithiation.items():
        if not isinstance(pair, Sequence) or isinstance(pair, str) or len(pair) != 2:
            raise InvalidInputError(
                f"the lithiation of {phase!r} is {pair!r}: give two lithium contents, (reference, "
                "now), at the first of which the electrode is free of stress"
            )
        for x in pair:
            _number(x, f"lithiation of {phase!r}")


def _check_pressure(asked: Mechanics) -> None:
    if asked.pressure is None:
        return
    _number(asked.pressure, "pressure")
    if not (asked.boundary is None or asked.boundary == "stack_pressure"):
        raise InvalidInputError(
            f"both pressure={asked.pressure!r} and boundary={asked.boundary!r} say what presses: "
            "give one of them"
        )


def _check_interface(asked: Mechanics) -> None:
    if asked.interface is not None and (
        isinstance(asked.interface, str)
        or len(asked.interface) != 2
        or asked.interface[0] == asked.interface[1]
    ):
        raise InvalidInputError(
            f"interface {asked.interface!r} is no pair: give two phases, ('NMC', 'CBD')"
        )
    for strength in strengths(asked.strength):
        if math.isnan(strength) or not strength > 0:
            raise InvalidInputError(
                f"strength {asked.strength!r} is not > 0: give Pa, or None for no adhesion"
            )


def strengths(strength: float | tuple[float, float] | None) -> tuple[float, ...]:
    """Strength in tension and in shear; empty where there is no adhesion."""
    if strength is None:
        return ()
    pair = strength if isinstance(strength, Sequence) else (strength, strength)
    try:
        tension, shear = (float(number) for number in pair)
    except (TypeError, ValueError):
        raise InvalidInputError(
            f"strength {strength!r} is no number and no pair: give Pa, or (tension, shear)"
        ) from None
    return tension, shear


def _number(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise InvalidInputError(f"{name} is {value!r}: give a number")
    if not math.isfinite(value):
        raise InvalidInputError(f"{name} is {value!r}: give a finite number")
    return float(value)


def _numbers(values: Any, name: str) -> tuple[float, ...]:
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise InvalidInputError(f"{name} is {values!r}: give some numbers, [1e5, 1e6]")
    return tuple(_number(value, name) for value in values)


def _default(name: str) -> Any:
    return {} if name == "lithiation" else getattr(_DEFAULTS, name)


def _plain(value: Any) -> Any:
    """The value made of dicts, tuples, numbers and text."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | np.ndarray):
        return tuple(_plain(item) for item in value)
    return value.item() if isinstance(value, np.generic) else value


def _listed(numbers: NDArray[np.float64]) -> Any:
    """Nested lists, with None for what is not finite."""
    if numbers.ndim:
        return [_listed(row) for row in numbers]
    return float(numbers) if np.isfinite(numbers) else None


_DEFAULTS = Mechanics()
