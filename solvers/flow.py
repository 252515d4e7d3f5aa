"""Flow: stress, tangent and plastic strain of every voxel, and what flows by which law.

Fields on the device are flat, in the layout of the operator, stresses in its unit.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError
from microstructures.phases import Phase
from solvers import runtime
from solvers._kernels import plasticity as kernels
from solvers.creep import PowerLawCreep
from solvers.elasticity import TYPES, Elasticity
from solvers.linear import total
from solvers.node_grid import VOIGT
from solvers.plasticity import Yield
from solvers.runtime import DeviceArray
from solvers.stiffness import Isotropic, Stiffness

Law: TypeAlias = Yield | PowerLawCreep
Inelastic: TypeAlias = "Law | Sequence[Law]"  # a phase may yield and creep
HOURGLASSES = 12
NEVER = (math.inf, 0.0, 0.0, 0.0, 0.0, 1.0, 1.0)  # a row of the table that never flows


@dataclass(frozen=True, slots=True, eq=False)
class FlowLaws:
    """What flows how.

    ``labels`` are the labels of the phases that flow, in the order of the rows of ``table`` from
    the second on; its columns are those of the kernels, stresses in Pa.
    """

    labels: tuple[int, ...]
    table: NDArray[np.float64]

    def of_voxels(self, volume: Volume) -> NDArray[np.uint16]:
        """Row of every voxel; 0 never flows."""
        rows = np.zeros(int(volume.labels.max()) + 1, np.uint16)
        for row, label in enumerate(self.labels, start=1):
            if label < len(rows):
                rows[label] = row
        return rows[volume.labels]

    def scaled(self, factor: float) -> NDArray[np.float64]:
        """The table with all stresses times a factor."""
        stresses = [kernels.YIELD, kernels.HARDENING, kernels.RISE, kernels.STRESS]
        out = self.table.copy()
        out[:, stresses] *= factor
        return out


def flow_laws(
    volume: Volume, stiffness: Mapping[Phase, Stiffness], inelastic: Mapping[Phase, Inelastic]
) -> FlowLaws:
    """The laws by which phases flow; those not named stay elastic.

    Raises:
        InvalidInputError: no phase, one without isotropic stiffness, or two laws of a kind.
        UnknownPhaseError: a phase that the volume does not have.
    """
    if not isinstance(inelastic, Mapping):
        raise InvalidInputError(
            f"inelastic {inelastic!r} is no mapping: write {{'CBD': solvers.Yield(20e6)}}"
        )
    solids = {volume.phase_id(phase): solid for phase, solid in stiffness.items()}
    rows = {volume.phase_id(phase): _row(phase, given) for phase, given in inelastic.items()}
    for phase in inelastic:
        if not isinstance(solids.get(volume.phase_id(phase)), Isotropic):
            raise InvalidInputError(
                f"{phase!r} flows, but its stiffness is {solids.get(volume.phase_id(phase))!r}: "
                "only phases with solvers.Isotropic(E, nu) can flow"
            )
    return FlowLaws(tuple(rows), np.array([NEVER, *rows.values()]))


def _row(phase: Phase, given: Inelastic) -> list[float]:
    laws = [given] if isinstance(given, Law) else list(given) if _is_list(given) else [given]
    row = list(NEVER)
    for law in laws:
        if not isinstance(law, Law):
            raise InvalidInputError(
                f"the law of {phase!r} is {law!r}: give solvers.Yield(…), "
                "solvers.PowerLawCreep(…), or both in a tuple"
            )
        first, numbers = _numbers(law)
        row[first : first + len(numbers)] = numbers
    if len({type(law) for law in laws}) < len(laws) or not laws:
        raise InvalidInputError(
            f"the laws of {phase!r} are {laws!r}: give one Yield, one PowerLawCreep, or one of each"
        )
    return row


def _is_list(given: object) -> bool:
    return isinstance(given, Sequence) and not isinstance(given, str)


def _numbers(law: Law) -> tuple[int, tuple[float, ...]]:
    """First column of a law, and its numbers."""
    if isinstance(law, Yield):
        return kernels.YIELD, (law.stress, law.hardening, law.rise, law.decay)
    return kernels.RATE, (law.rate, law.stress, law.exponent)


class FlowState:
    """Stress, tangent and plastic strain of the voxels of an elastic operator.

    Args:
        operator: the elastic one.
        laws: what flows how.
        law_of: row of the table for every voxel.
        unit: stress in Pa that is 1 to the operator.
    """

    def __init__(
        self, operator: Elasticity, laws: FlowLaws, law_of: NDArray[np.uint16], unit: float
    ) -> None:
        self.operator, self.grid = operator, operator.grid
        self.inner = operator.direction
        size = self.grid.size
        runtime.check_elements(
            (VOIGT + 1 + HOURGLASSES) * size, f"the tangents of {self.grid.shape} voxels"
        )
        types = (operator.dtype, self.inner, np.uint16)
        self.kernels = kernels.build(*map(runtime.taichi_type, types))
        self.law = runtime.to_device(self.grid.flat(law_of, np.uint16))
        self.table = runtime.to_device(laws.scaled(1.0 / unit))
        self.rigid = runtime.to_device(np.tile(NEVER, (len(laws.table), 1)))
        self.plastic = runtime.zeros(VOIGT * size, self.inner)
        self.accumulated = runtime.zeros(size, self.inner)
        self.rest = runtime.zeros(HOURGLASSES * size, self.inner)
        self.stress = runtime.zeros((VOIGT + 1) * size, operator.dtype)
        self.normal = runtime.zeros((VOIGT + 1 + HOURGLASSES) * size, self.inner)
        self.sums = runtime.zeros(2 * self.grid.shape[0] * self.grid.shape[1], np.float64)
        self.swell(None)

    def swell(self, eigenstrain: NDArray[np.floating] | None) -> None:
        """Have voxels swell by this much, shape (6, nz, ny, nx), from now on."""
        self.swells = int(eigenstrain is not None)
        if eigenstrain is None:
            self.eigenstrain = runtime.zeros(1, self.inner)
        else:
            self.eigenstrain = runtime.to_device(self.grid.flat(eigenstrain, self.inner))

    def respond(
        self, u: DeviceArray, duration: float, *, flows: bool = True
    ) -> tuple[float, float]:
        """Find stress and tangent at a displacement.

        Returns twice the elastic energy in strains, and in hourglasses.
        """
        laws = self.table if flows else self.rigid
        to = (self.stress, self.normal, self.sums)
        self.kernels.respond(u, *self._before(), self.law, laws, duration, *to, *self._where())
        self._repeat(self.stress, self.normal)
        strained, swaying = runtime.to_host(self.sums).reshape(-1, 2).sum(axis=0)
        return float(strained), float(swaying)

    def commit(self, u: DeviceArray, duration: float) -> float:
        """Start later steps from the flow at this displacement; the work that the flow took."""
        before = (u, *self._before(), self.law, self.table, duration)
        runtime.assign(self.sums, np.zeros(len(runtime.to_host(self.sums))))
        self.kernels.commit(*before, self.sums, *self._where())
        self._repeat(self.rest)
        return total(self.sums)

    def voxels(self, field: DeviceArray) -> NDArray[np.floating]:
        """A field on the host, without the halo; on the CPU a view."""
        return self.grid.voxels(runtime.to_host(field))

    def _repeat(self, *fields: DeviceArray) -> None:
        for field in fields:
            components = len(runtime.to_host(field)) // self.grid.size
            self.operator.constraint.repeat(field, self.grid, components)

    def _before(self) -> tuple[DeviceArray, ...]:
        of = self.operator
        return (
            self.plastic,
            self.accumulated,
            self.rest,
            self.eigenstrain,
            of.lam,
            of.mu,
            of.table,
            of.classes,
        )

    def _where(self) -> tuple[object, ...]:
        grid, of = self.grid, self.operator
        return (of.kind, self.swells, grid.size, *grid.shape, *grid.strides, of.element)


def flow_bytes(shape: tuple[int, ...]) -> int:
    """Memory that flow takes beside that of a linear solve, in the precision in force."""
    outer, inner = (np.dtype(kind).itemsize for kind in TYPES[runtime.precision()])
    tangents_and_states = 2 * (VOIGT + 1 + HOURGLASSES) + 4 * VOIGT  # and swelling, twice mixed
    displacements = 3 * 3
    nodes = math.prod(n + 3 for n in shape)
    return nodes * (inner * tangents_and_states + outer * (VOIGT + 1 + displacements))
