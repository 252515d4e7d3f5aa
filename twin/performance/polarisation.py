"""Polarisation: a cermet at a current of any size, ions, electrons and gas together. SI units.

With U the potential of the metal against that of the electrolyte, at open circuit 0:

    d i_ion/dx = -λ i_TPB(U - c, p),   dU/dx = i_e/σ_e - i_ion/σ_i,   i_ion + i_e = i

i_ion is i at the electrolyte and 0 at the collector. Pressures follow from ∫ i_e dx, since hydrogen
moves as electrons do, and c is their Nernst potential against the channel.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import ConvergenceError, InvalidInputError
from twin.performance.gas import PoreGas
from twin.performance.solid_oxide import Cermet, Losses

if TYPE_CHECKING:
    from scipy.interpolate import PPoly

Array: TypeAlias = NDArray[np.float64]
Solved: TypeAlias = "tuple[_Problem, PPoly]"
STEP = 3.0  # by which the current grows from one solve to the next
NODES = 5000  # that a solve may use
FLOOR = 1e-9  # of the pressure in the channel, below which a gas counts as used up
GAUSS = np.polynomial.legendre.leggauss(6)


@dataclass(frozen=True, eq=False)
class Polarisation:
    """A cermet under current. Arrays have shape (n,), from the electrolyte to the collector.

    ``current`` is i in A/m², anodic positive, and ``overpotential`` what it costs in V;
    ``depth`` in m; ``ionic_current`` in A/m²; ``reaction`` in A/m³; ``local_overpotential`` drives
    the reaction, V; ``hydrogen`` and ``water`` are local pressures, Pa. ``losses`` say where the
    overpotential arises, in V: their sum is the overpotential to a millionth.
    """

    current: float
    overpotential: float
    losses: Losses
    depth: Array
    ionic_current: Array
    reaction: Array
    local_overpotential: Array
    hydrogen: Array
    water: Array

    @property
    def resistance(self) -> float:
        """Overpotential over current, Ω m²."""
        return self.overpotential / self.current


def polarise(cermet: Cermet, current: float, *, tolerance: float = 1e-6) -> Polarisation:
    """A cermet at a current density.

    Collocation of fourth order on a mesh that adapts itself; the current is raised in steps from
    where the closed form holds.

    Args:
        cermet: the electrode.
        current: i in A/m², not 0; positive consumes hydrogen.
        tolerance: of the relative residual of the equations.

    Raises:
        InvalidInputError: the current is 0 or not finite.
        ConvergenceError: a gas is used up, since the current is above the limit, or the
            tolerance was not met.

    Accuracy: a hundredth of the tolerance in overpotential, measured. As the current vanishes it
        is that of ``Cermet.resistance``: without gas and with equal transfer coefficients they
        differ by the square of the current, else in proportion to it.
    """
    if not (np.isfinite(current) and current != 0):
        raise InvalidInputError(f"current is {current!r}: give A/m² of either sign, not 0")
    first, *others = _steps(cermet, current)
    solved = _Problem(cermet, first).solved(None, tolerance)
    for step in others:
        solved = _Problem(cermet, step).solved(solved, tolerance)
    return _result(*solved)


def _steps(cermet: Cermet, current: float) -> Iterator[float]:
    """Currents from one that costs about RT/F, where the closed form is close, up to the last."""
    easy = cermet.fuel.thermal_voltage / cermet.resistance
    count = max(0, int(np.ceil(np.log(abs(current) / easy) / np.log(STEP))))
    for i in range(count, -1, -1):
        yield current / STEP**i


@dataclass(frozen=True)
class _Problem:
    """State: share of the current in ions, U over i R, and ∫ i_e dx over i L from a depth to L."""

    cermet: Cermet
    current: float

    def solved(self, start: "Solved | None", tolerance: float) -> "Solved":
        from scipy.integrate import solve_bvp

        mesh = _mesh(self.cermet.line.penetration) if start is None else start[1].x
        guess = self._linear(mesh) if start is None else self._raised(*start)
        found: Any = solve_bvp(
            self._slopes, self._ends, mesh, guess, tol=tolerance, max_nodes=NODES
        )
        short = self._exhausted(found.y[2])
        if short or found.status != 0:
            why = f"{' or '.join(short)} is used up" if short else found.message
            raise ConvergenceError(
                f"no solution at {self.current:.4g} A/m²: {why}; lower the current, or look at "
                "thickness, pores and conductivities"
            )
        return self, found.sol

    def _raised(self, before: "_Problem", solution: "PPoly") -> Array:
        """The state at a lower current with the same U, which grows but slowly, as a guess."""
        return solution(solution.x) * np.array([[1.0], [before.current / self.current], [1.0]])

    def _linear(self, z: Array) -> Array:
        """The closed form on a mesh, as a guess."""
        cermet = self.cermet
        ions = cermet.ionic_current(z * cermet.thickness)
        local = cermet.reaction(z * cermet.thickness) * cermet.thickness
        fine = np.diff(z) * (1 - (ions[1:] + ions[:-1]) / 2)
        moved = np.append(np.cumsum(fine[::-1])[::-1], 0.0)
        drive = local * cermet.resistances.charge_transfer + moved * cermet.resistances.gas
        return np.stack([ions, drive / cermet.resistance, moved])

    def _slopes(self, _: Array, state: Array) -> Array:
        cermet, alone = self.cermet, self.cermet.resistances
        ions, electrons = state[0], 1 - state[0]
        reaction, _, _ = self.reaction(state)
        drop = alone.electronic * electrons - alone.ionic * ions
        return np.stack(
            [
                -reaction * cermet.thickness / self.current,
                drop / cermet.resistance,
                -electrons,
            ]
        )

    def _ends(self, low: Array, high: Array) -> Array:
        return np.array([low[0] - 1, high[0], high[2]])

    def reaction(self, state: Array) -> tuple[Array, Array, Array]:
        """Local reaction in A/m³, overpotential that drives it, and Nernst potential, in V."""
        fuel = self.cermet.fuel
        hydrogen, water = self.pressures(state[2])
        shift = np.zeros_like(hydrogen)
        if self.cermet.gas is not None:
            shift = self.cermet.gas.shift(hydrogen, water)
        drive = state[1] * self.current * self.cermet.resistance - shift
        rate = self.cermet.kinetics.current(drive, fuel.temperature, hydrogen, water)
        return self.cermet.tpb_density * rate, drive, shift

    def pressures(self, moved: Array) -> tuple[Array, Array]:
        """Pressures of hydrogen and water, kept above the floor while iterating."""
        fuel = self.cermet.fuel
        hydrogen, water = self._free(self.cermet.gas, moved)
        return np.maximum(hydrogen, FLOOR * fuel.hydrogen), np.maximum(water, FLOOR * fuel.water)

    def _free(self, gas: PoreGas | None, moved: Array) -> tuple[Array, Array]:
        if gas is None:
            full = np.ones_like(moved)
            return self.cermet.fuel.hydrogen * full, self.cermet.fuel.water * full
        return gas.pressures(moved * self.current * self.cermet.thickness)

    def _exhausted(self, moved: Array) -> list[str]:
        fuel = self.cermet.fuel
        hydrogen, water = self._free(self.cermet.gas, moved)
        gone = {
            "hydrogen": hydrogen.min() <= FLOOR * fuel.hydrogen,
            "water": water.min() <= FLOOR * fuel.water,
        }
        return [name for name, is_gone in gone.items() if is_gone]


def _mesh(penetration: float) -> Array:
    """Nodes in 0…1, finer at both ends, where the reaction may be."""
    finest = min(0.1, penetration / 10)
    grown = np.append(0.0, np.geomspace(finest, 0.5, max(12, int(8 * np.log(0.5 / finest)))))
    return np.concatenate([grown, 1 - grown[-2::-1]])


def _result(problem: _Problem, solution: "PPoly") -> Polarisation:
    cermet, z = problem.cermet, solution.x
    state = solution(z)
    reaction, drive, _ = problem.reaction(state)
    hydrogen, water = problem.pressures(state[2])
    per_current = cermet.resistance * state[1, 0] + cermet.resistances.electronic * state[2, 0]
    return Polarisation(
        current=problem.current,
        overpotential=float(per_current) * problem.current,
        losses=_losses(problem, solution),
        depth=z * cermet.thickness,
        ionic_current=state[0] * problem.current,
        reaction=reaction,
        local_overpotential=drive,
        hydrogen=hydrogen,
        water=water,
    )


def _losses(problem: _Problem, solution: "PPoly") -> Losses:
    """Power turned into heat by each, over the current: Gauss quadrature between the nodes."""
    cermet, edges = problem.cermet, solution.x
    nodes, weights = GAUSS
    z = (edges[:-1, None] + np.diff(edges)[:, None] * (nodes + 1) / 2).ravel()
    weight = (np.diff(edges)[:, None] * weights / 2).ravel()
    state = solution(z)
    reaction, drive, shift = problem.reaction(state)
    rate = reaction * cermet.thickness / problem.current
    alone, ions = cermet.resistances, state[0]
    return Losses(
        ionic=float(weight @ ions**2) * alone.ionic * problem.current,
        electronic=float(weight @ (1 - ions) ** 2) * alone.electronic * problem.current,
        charge_transfer=float(weight @ (rate * drive)),
        gas=float(weight @ (rate * shift)),
    )
