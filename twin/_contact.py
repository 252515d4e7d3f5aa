"""Contact of an interface: the contact-loss curve of an electrode, from its unit responses.

A state costs no solve: normal tractions are linear in the unit responses, and squares of shear
tractions are quadratic in them. Values on faces are flat, in the order of ``InterfaceFaces``.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError
from solvers.boundary import Boundary
from solvers.contact_curve import contact_loss
from solvers.debonding import Debonded, NoAdhesion, Strength, debonded_faces
from solvers.interface_normals import InterfaceFaces, interface_faces
from solvers.results import SAMPLING, Uncertainty
from solvers.sampling import BLOCKS, block_starts, standard_error
from solvers.superposition import LinearState
from solvers.traction import InterfaceTraction, interface_traction
from twin._effective import method
from twin._loads import Solved, pressure_on, under_pressure
from twin._solids import Swelling
from twin._stress import LEVELS
from twin.card import Entry
from twin.materials import Material
from twin.mechanics import ContactCurve, Mechanics, strengths

PRESSURES = (1e6, 1e7)  # Pa, of curves that are shown besides the one asked for
STEPS = 9  # states from the reference to now
UNKNOWN = float("nan")

Adhesion: TypeAlias = Strength | NoAdhesion
Values = NDArray[np.float64]
Stresses = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class Interface:
    """An interface of a solved volume, and the tractions on it in any state."""

    solved: Solved
    faces: InterfaceFaces
    criterion: Adhesion

    @cached_property
    def _unit_tractions(self) -> tuple[Values, Values]:
        """Normal tractions of unit loads, (n, faces), and products of shear, (n, n, faces)."""
        beside = np.unique(np.concatenate([self.faces.below, self.faces.above]))
        cases = [case.reshape(6, -1)[:, beside] for case in self._unit_stresses()]
        alone = [self._traction_of(case, beside) for case in cases]
        shear = np.empty((len(cases), len(cases), self.faces.count))
        for i, a in enumerate(cases):
            shear[i, i] = alone[i].shear ** 2
            for j in range(i):  # (a + b)² = a² + 2ab + b²
                both = self._traction_of(a + cases[j], beside).shear ** 2
                shear[i, j] = shear[j, i] = (both - shear[i, i] - shear[j, j]) / 2
        return np.stack([traction.normal for traction in alone]), shear

    def _unit_stresses(self) -> Iterator[Stresses]:
        source = self.solved.superposition
        nothing = dict.fromkeys(source.patterns, 0.0)
        for component in source.components:
            yield LinearState(source, nothing, np.eye(6)[component]).stress()
        for name in source.patterns:
            yield LinearState(source, nothing | {name: 1.0}, np.zeros(6)).stress()

    def _traction_of(self, stress: Stresses, voxels: NDArray[np.int64]) -> InterfaceTraction:
        """Traction of a stress that is given in the voxels beside the interface only."""
        field = np.zeros((6, self.solved.volume.labels.size), stress.dtype)
        field[:, voxels] = stress
        return interface_traction(self.faces, field.reshape(6, *self.faces.shape))

    def traction(self, state: LinearState) -> InterfaceTraction:
        """Traction in a state, as ``interface_traction`` of its stress."""
        normal, shear = self._unit_tractions
        shares = self.solved.superposition.coefficients(state.swelling, state.strain)
        square = np.einsum("i,j,ijf->f", shares, shares, shear, optimize=True)
        return InterfaceTraction(self.faces, shares @ normal, np.sqrt(np.maximum(square, 0.0)))

    def follow(
        self, swelling: Swelling
    ) -> Callable[[float, float, Debonded | None], tuple[InterfaceTraction, Debonded]]:
        """Traction and state after a share of the way, at a pressure, and after an earlier state.

        A pressure of NaN leaves the boundary as it is.
        """

        def state_at(
            share: float, pressure: float, before: Debonded | None
        ) -> tuple[InterfaceTraction, Debonded]:
            solved, boundary = self.solved, self.solved.boundary
            if not math.isnan(pressure):
                boundary = under_pressure(boundary, solved.axis, pressure) or boundary
            strains = swelling.strains(share)
            state = solved.at(boundary, {name: strains[name] for name in solved.strains})
            traction = self.traction(state)
            return traction, debonded_faces(traction, self.criterion, before)

        return state_at

    def share_error(self, inside: NDArray[np.bool_]) -> float:
        """Standard error of a share of the area."""
        area = self.faces.area
        return standard_error(self._block_sums(area * inside), self._block_sums(area))

    def _block_sums(self, values: Values) -> Values:
        starts = [block_starts(n, BLOCKS) for n in self.faces.shape]
        index = np.unravel_index(self.faces.below, self.faces.shape)
        cells = [np.searchsorted(s, i, "right") - 1 for s, i in zip(starts, index, strict=True)]
        sums = np.zeros([len(s) for s in starts])
        np.add.at(sums, tuple(cells), values)
        return sums


def interface_of(solved: Solved, pair: tuple[str, str], criterion: Adhesion) -> Interface | None:
    """The interface of two phases; None if they do not touch."""
    faces = interface_faces(solved.volume, *pair)
    return Interface(solved, faces, criterion) if faces.count else None


def criterion_of(asked: Mechanics) -> Adhesion:
    """What holds the interface together."""
    given = strengths(asked.strength)
    return Strength(*given) if given else NoAdhesion()


def pair_of(
    volume: Volume, materials: Mapping[str, Material], solids: tuple[str, ...], asked: Mechanics
) -> tuple[str, str] | None:
    """Phases whose contact is to be followed, by name. Raises InvalidInputError."""
    if asked.interface is not None:
        pair = tuple(volume.phase_name(phase) for phase in asked.interface)
        void = [name for name in pair if name not in solids]
        if void:
            raise InvalidInputError(
                f"the interface {' and '.join(pair)} is to be followed, but {' and '.join(void)} "
                f"bears no load: choose two of {list(solids)}"
            )
        return pair[0], pair[1]
    swelling = [volume.phase_name(phase) for phase in asked.lithiation]
    others = [n for n in solids if materials[n].role == "binder" and n not in swelling]
    return (swelling[0], others[0]) if swelling and others else None


def entries(
    interface: Interface, name: str, swelling: Swelling, errors: bool = True
) -> Iterator[Entry]:
    """Numbers of the interface in the state asked for."""
    solved = interface.solved
    traction = interface.traction(solved.state)
    for kind in ("normal", "shear"):
        for level, value in zip(LEVELS, traction.percentiles(kind, LEVELS), strict=True):
            below = getattr(traction, kind) <= value
            error = _level_error(interface, traction, kind, level, below) if errors else UNKNOWN
            how = f"percentile of the true area, {kind} traction; {method(solved)}"
            yield _entry(f"{kind}_traction_p{level}", name, float(value), "Pa", error, how)
    end = contact_loss(interface.follow(swelling), _steps(), [UNKNOWN]).states[-1]
    how = f"{described(interface.criterion)}; {STEPS} states from the reference; {method(solved)}"
    for key, value, inside in (
        ("contact_area_fraction", end.contact_fraction, ~end.is_open),
        ("debonded_area_fraction", end.debonded_fraction, end.debonded),
    ):
        error = interface.share_error(inside) if errors else UNKNOWN
        yield _entry(key, name, value, "1", error, f"screening, superposition; {how}")


def curve(interface: Interface, name: str, swelling: Swelling, asked: Mechanics) -> ContactCurve:
    """Contact against stoichiometry for each pressure."""
    solved, phase = interface.solved, swelling.phases[0]
    given = asked.stoichiometries
    shares = swelling.shares(given) if given else _steps()
    pressures = _pressures(solved.boundary, solved.axis, asked)
    loss = contact_loss(interface.follow(swelling), shares, pressures)
    table = len(pressures), len(shares)
    return ContactCurve(
        interface=name,
        phase=phase,
        stoichiometry=np.array([swelling.stoichiometry(phase, share) for share in shares]),
        pressure=np.array(pressures),
        contact=loss.columns["contact_fraction"].reshape(table),
        debonded=loss.columns["debonded_fraction"].reshape(table),
        error=np.reshape([interface.share_error(s.is_open) for s in loss.states], table),
        criterion=described(interface.criterion),
    )


def check_path(asked: Mechanics, swelling: Swelling, boundary: Boundary, axis: int) -> None:
    """Raise InvalidInputError if the curve would leave what is known, or cannot be pressed."""
    if asked.pressures and math.isnan(pressure_on(boundary, axis)):
        raise InvalidInputError(
            f"pressures={asked.pressures!r} are given, but boundary={asked.boundary!r} sets no "
            f"pressure along axis {axis}, where it is a result: leave one of them out"
        )
    if asked.stoichiometries:
        for share in swelling.shares(asked.stoichiometries):
            swelling.strains(share)


def described(criterion: Adhesion) -> str:
    """The criterion in words."""
    if isinstance(criterion, NoAdhesion):
        return "no adhesion: the interface opens wherever it is in tension"
    tension, shear = (
        f"{strength / 1e6:.4g} MPa" for strength in (criterion.normal, criterion.shear)
    )
    return f"comes apart where (tension / {tension})² + (shear / {shear})² reaches 1"


def _steps() -> list[float]:
    return [float(share) for share in np.linspace(0.0, 1.0, STEPS)]


def _pressures(boundary: Boundary, axis: int, asked: Mechanics) -> list[float]:
    """Pressures to show; NaN for a boundary that sets none, as it is."""
    own = pressure_on(boundary, axis)
    if asked.pressures:
        return list(asked.pressures)
    return [own] if math.isnan(own) else sorted({own, *PRESSURES})


def _level_error(
    interface: Interface, traction: InterfaceTraction, kind: str, level: int, below: Any
) -> float:
    """Standard error of a percentile, from that of the share of the area below it."""
    share = 100 * interface.share_error(below)
    if not (level - share > 0 and level + share < 100):
        return UNKNOWN
    low, high = traction.percentiles(kind, (level - share, level + share))
    return float(high - low) / 2


def _entry(name: str, phase: str, value: float, unit: str, error: float, how: str) -> Entry:
    return Entry(name, phase, None, value, unit, Uncertainty(error, SAMPLING), how)
