"""Impedance spectrum of a cell at rest. SI units, per area of the electrode."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import ConvergenceError, InvalidInputError
from twin.performance._pybamm import pybamm
from twin.performance.cell import Cell, area
from twin.performance.discharges import at_temperature

if TYPE_CHECKING:
    from pybamm import ParameterValues


@dataclass(frozen=True, slots=True, eq=False)
class Spectrum:
    """Impedance in Ω m², complex, at frequencies in Hz, both of shape (n,)."""

    frequency: NDArray[np.float64]
    impedance: NDArray[np.complex128]


def spectrum(
    cell: Cell,
    frequency: Sequence[float] | NDArray[np.float64],
    *,
    charge: float = 0.5,
    model: str = "DFN",
    temperature: float | None = None,
) -> Spectrum:
    """Impedance of small signals, with the double layers of the parameter set.

    Args:
        cell: see ``Cell``.
        frequency: Hz, > 0, shape (n,).
        charge: state of charge at which the cell rests, 0…1.
        model: see ``discharge``.
        temperature: K; by default that of the parameter set.

    Raises:
        InvalidInputError: an argument is out of range, or an electrode has no double layer.
        ConvergenceError: PyBaMM found no state of rest.

    Accuracy: of PyBaMM with its usual meshes: within a per cent of the real part of a blocking
        line below the frequency at which the penetration depth is a cell of the mesh.
    """
    module = pybamm()
    hertz = np.asarray(frequency, dtype=float)
    if hertz.ndim != 1 or not hertz.size or not np.all(np.isfinite(hertz) & (hertz > 0)):
        raise InvalidInputError(f"frequency {frequency!r} is no list of numbers > 0: give Hz")
    if not 0.0 <= charge <= 1.0:
        raise InvalidInputError(f"charge is {charge!r}: give a state of charge, 0…1")
    chosen = cell.model(model, **{"surface form": "differential"})
    values = at_temperature(cell.parameter_values(), temperature)
    _check_layers(cell, values)
    try:
        found = module.EISSimulation(chosen, parameter_values=values).solve(
            hertz, initial_soc=float(charge)
        )
    except module.SolverError as error:
        raise ConvergenceError(f"the cell found no state of rest: {error}", None) from error
    return Spectrum(hertz, np.asarray(found.impedance, np.complex128) * area(values))


def _check_layers(cell: Cell, values: "ParameterValues") -> None:
    sides = ("Positive", "Negative") if cell.kind == "full" else ("Positive",)
    names = [f"{side} electrode double-layer capacity [F.m-2]" for side in sides]
    missing = [name for name in names if name not in values]
    if missing:
        raise InvalidInputError(
            f"a spectrum needs {' and '.join(repr(name) for name in missing)}, which the "
            "parameter set does not have: give a ParameterValues, after "
            "values.update({…: 0.2}, check_already_exists=False) for example, as parameters; or "
            "double_layer of Cell.of_materials"
        )
