"""Laws of materials as functions of PyBaMM's symbols: potentials, Arrhenius, exchange currents."""

from functools import partial
from typing import Any

import numpy as np

from twin._value import Value
from twin.open_circuit import OpenCircuitPotential, Sites, Table, Terms
from twin.performance._pybamm import pybamm
from twin.temperature import GAS_CONSTANT, Arrhenius

SALT = 1000.0  # mol/m³ at which exchange currents of the library hold
POINTS = 2001  # of the potential of sites, whose inverse has no formula


def potential(curve: OpenCircuitPotential) -> Any:
    """Function of the lithium content; beyond the range of the curve its law goes on."""
    law = curve.law
    if isinstance(law, Terms):
        return partial(_terms, law)
    if isinstance(law, Table):
        return partial(_table, np.array(law.stoichiometry), np.array(law.potential))
    return partial(_table, *_sampled(law))


def with_temperature(value: Value) -> Any:
    """A number, or a function of something and temperature if an activation energy is known."""
    if value.temperature is None:
        return value.value
    return partial(_moved, value.value, value.temperature)


def exchange_current(value: Value) -> Any:
    """Function of salt, lithium, maximum concentration and temperature: j₀ ∝ √(c_e x (1 − x)).

    ``value`` holds at x = 1/2 and 1000 mol/m³ of salt, as those of the library do.
    """
    return partial(_exchange, value.value, value.temperature)


def _terms(law: Terms, x: Any) -> Any:
    module = pybamm()
    total = sum(p * x**k for k, p in enumerate(law.polynomial))
    for a, b, c in law.exponentials:
        total = total + a * module.exp(b * (x - c))
    for a, b, c in law.tanhs:
        total = total + a * module.tanh(b * (x - c))
    return total


def _table(stoichiometry: Any, voltage: Any, x: Any) -> Any:
    return pybamm().Interpolant(stoichiometry, voltage, x, interpolator="pchip")


def _sampled(law: Sites) -> tuple[Any, Any]:
    # evenly in the potential, where the filled share is a formula
    low, high = law.potential_at(np.array([1.0 - 1e-4, 1e-4]))
    voltage = np.linspace(float(low), float(high), POINTS)
    return law.filled(voltage)[::-1], voltage[::-1]


def _factor(law: Arrhenius | None, temperature: Any) -> Any:
    if law is None:
        return 1.0
    inverse = 1 / law.reference - 1 / temperature
    factor = pybamm().exp(law.activation_energy / GAS_CONSTANT * inverse)
    return factor * law.reference / temperature if law.over_temperature else factor


def _moved(value: float, law: Arrhenius, _: Any, temperature: Any) -> Any:
    return value * _factor(law, temperature)


def _exchange(  # the arguments are those that PyBaMM passes
    value: float, law: Arrhenius | None, salt: Any, lithium: Any, most: Any, temperature: Any
) -> Any:
    rate = 2 * value / (SALT**0.5 * most) * _factor(law, temperature)
    return rate * salt**0.5 * lithium**0.5 * (most - lithium) ** 0.5
