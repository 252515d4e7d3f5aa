"""Mechanics of a card: prepared before any work, solved once, and read into entries."""

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.errors import ConvergenceError, InvalidInputError
from solvers.boundary import Boundary
from solvers.resolution import resolution_error
from solvers.results import SAMPLING, Uncertainty
from solvers.stiffness import Isotropic
from solvers.stress_distribution import Measure, measured
from twin import _contact, _effective, _stress
from twin._loads import Solved, boundary_of, solved
from twin._solids import Swelling, stiffness_of, swelling_of
from twin.card import Entry
from twin.materials import Material
from twin.mechanics import MechanicalState, Mechanics

Key: TypeAlias = tuple[str, str | None, int | None]

EXACT_FOR_VOXELS = ("floating_fraction", "hourglass_share")  # they have no error by voxel size
NOT_CONVERGED = "A solve of mechanics did not converge and its numbers are missing"
NOTHING_CARRIES = (
    "No solid connects the faces on which the boundary sets a pressure, so that nothing carries it "
    "and there is no stress: use a larger volume, or a boundary that holds these faces."
)


@dataclass(slots=True)
class Stress:
    """The mechanics of a volume: everything checked, nothing solved yet.

    ``doubts`` says in sentences which numbers are probably in another unit. ``result``, and
    ``failures`` in sentences, are known once the entries were read.
    """

    volume: Volume
    materials: Mapping[str, Material]
    asked: Mechanics
    stiffness: Mapping[str, Isotropic]
    swelling: Swelling
    boundary: Boundary
    criterion: _contact.Adhesion
    pair: tuple[str, str] | None
    doubts: tuple[str, ...] = ()
    result: MechanicalState | None = None
    failures: list[str] = field(default_factory=list)

    @property
    def solids(self) -> tuple[str, ...]:
        """Phases that bear load, the stiffest first."""
        return tuple(sorted(self.stiffness, key=lambda name: -self.stiffness[name].E))

    def entries(self) -> Iterator[Entry]:
        """The numbers, with their errors; those of a solve that did not converge are NaN."""
        try:
            found = self._solved(self.volume)
            if not found.is_carried:
                self.failures.append(NOTHING_CARRIES)
                yield from self._missing("does not percolate")
                return
            interface = self._interface(found)
            numbers = list(self._numbers(found, interface))
        except ConvergenceError as error:
            self.failures.append(f"{NOT_CONVERGED}: {error}.")
            yield from self._missing("not converged")
            return
        self.result = self._state(found, interface)
        yield from self._with_resolution(numbers) if self.asked.resolution else numbers

    def _numbers(
        self, found: Solved, interface: _contact.Interface | None, errors: bool = True
    ) -> Iterator[Entry]:
        yield from _effective.entries(found, errors)
        if self.asked.stiffness:
            yield from _effective.shear_moduli(found, self.stiffness, errors)
        yield from _stress.entries(found, self.materials, self.solids, errors)
        if interface is not None:
            yield from _contact.entries(interface, self.interface_name, self.swelling, errors)

    def _with_resolution(self, numbers: list[Entry]) -> Iterator[Entry]:
        if min(self.volume.shape) < 2:  # there is no volume of half the resolution
            yield from numbers
            return
        errors = resolution_error(self._on, self.volume, values={_key(e): e.value for e in numbers})
        for entry in numbers:
            known = entry.status == "ok" and entry.name not in EXACT_FOR_VOXELS
            yield replace(entry, resolution_error=errors[_key(entry)]) if known else entry

    def _on(self, volume: Volume) -> dict[Key, float]:
        """The same numbers of another volume; none if it cannot be solved."""
        try:
            found = self._solved(volume)
            if not found.is_carried:
                return {}
            numbers = self._numbers(found, self._interface(found), False)
            return {_key(e): e.value for e in numbers if e.status == "ok"}
        except (ConvergenceError, InvalidInputError):  # it may have lost a phase
            return {}

    def _solved(self, volume: Volume) -> Solved:
        return solved(volume, self.stiffness, self.swelling, self.boundary, self.asked)

    @property
    def device(self) -> str | None:
        """Where it was solved."""
        return None if self.result is None else self.result.superposition.reports[0].device

    @property
    def interface_name(self) -> str:
        """The interface as an entry names it."""
        return "–".join(self.pair or ())

    def _interface(self, found: Solved) -> _contact.Interface | None:
        if self.pair is None:
            return None
        return _contact.interface_of(found, self.pair, self.criterion)

    def _state(self, found: Solved, interface: _contact.Interface | None) -> MechanicalState:
        curve = None
        if interface is not None and self.swelling.phases:
            curve = _contact.curve(interface, self.interface_name, self.swelling, self.asked)
        return MechanicalState(
            request=self.asked,
            boundary=found.boundary,
            solids=self.solids,
            swelling=found.strains,
            superposition=found.superposition,
            state=found.state,
            von_mises=_field(found, "von_mises"),
            hydrostatic=_field(found, "hydrostatic"),
            contact=curve,
        )

    def _missing(self, status: str) -> Iterator[Entry]:
        """What would have been there, without numbers."""
        unknown = Uncertainty(float("nan"), SAMPLING)
        for phase in self.solids:
            for measure in _stress.MEASURES:
                for level in _stress.LEVELS:
                    name = f"{measure}_stress_p{level}"
                    yield Entry(
                        name, phase, None, float("nan"), "Pa", unknown, "no solution", status
                    )


def prepared(volume: Volume, materials: Mapping[str, Material] | None, asked: Mechanics) -> Stress:
    """The mechanics of a volume, checked. Raises InvalidInputError."""
    if not isinstance(asked, Mechanics):
        raise InvalidInputError(
            f"mechanics is {asked!r}: give a twin.Mechanics(lithiation={{'NMC': (reference, now)}})"
        )
    if materials is None:
        raise InvalidInputError(
            "mechanics was asked for without materials: give one for every phase, whose elastic "
            "constants and swelling it takes, materials={'pore': 'LP30', 'NMC': 'NMC532', …}"
        )
    swelling = swelling_of(volume, materials, asked)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        stiffness = stiffness_of(volume, materials)
        boundary, criterion = boundary_of(asked, volume.through_axis), _contact.criterion_of(asked)
    made = Stress(volume, materials, asked, stiffness, swelling, boundary, criterion, None)
    made.doubts = tuple(f"Units: {warning.message}." for warning in caught)
    made.pair = _contact.pair_of(volume, materials, made.solids, asked)
    constraint = boundary.constraint(volume)
    if not (swelling.phases or constraint.stress.any() or constraint.strain.any()):
        raise InvalidInputError(
            f"mechanics {asked!r} loads nothing: give a lithiation, a pressure, or a boundary with "
            "a strain or displacement"
        )
    _contact.check_path(asked, swelling, boundary, volume.through_axis)
    return made


def _field(found: Solved, measure: Measure) -> NDArray[np.float32]:
    solid = found.superposition.body.moduli.solid
    values = np.full(solid.shape, np.nan, np.float32)
    for layer, stress in enumerate(np.moveaxis(found.stress, 1, 0)):
        values[layer] = np.where(solid[layer], measured(stress, measure), np.nan)
    return values


def _key(entry: Entry) -> Key:
    return entry.name, entry.phase, entry.axis
