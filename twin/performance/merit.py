"""Figures of merit: what an electrode can do, in closed form. SI units, per area of the electrode.

Reaction is taken to be uniform through the thickness, which holds where the penetration depth of
``impedance.TransmissionLine`` exceeds it; MacMullin number N_M = κ/κ_eff.
"""

import functools
import math

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from microstructures.errors import InvalidInputError
from twin.manufacturing.composition import positive

FARADAY = 96485.33212  # C/mol, exact since 2019
LITRES_PER_CUBIC_METRE = 1000.0
MODES = 400  # of diffusion in a sphere; the last has decayed at a millionth of R²/D
BRIEF = 0.01  # of R²/D: what is filled in less time is a shell that knows nothing of the centre


def ionic_resistance(thickness: float, macmullin: float, conductivity: float) -> float:
    """Area-specific ohmic resistance of the ions in an electrode, L N_M / (3 κ), in Ω m².

    A third of that of the electrolyte alone, since the current of the ions falls evenly from the
    separator to the collector.

    Args:
        thickness: L, m.
        macmullin: N_M of the electrolyte in the electrode, at least 1.
        conductivity: κ of the free electrolyte, S/m.

    Raises:
        InvalidInputError: an argument is out of range.
    """
    length = positive(thickness, "thickness")
    return length * _macmullin(macmullin) / (3 * positive(conductivity, "conductivity"))


def depletion(
    current: float, thickness: float, macmullin: float, diffusivity: float, transference: float
) -> float:
    """By how much the salt concentration falls from separator to collector, in mol/m³.

    The steady state of a uniform reaction, i (1 - t₊) L N_M / (2 F D).

    Args:
        current: i per area of the electrode, A/m², of either sign.
        thickness: L, m.
        macmullin: N_M, at least 1.
        diffusivity: D of the salt in the free electrolyte, m²/s.
        transference: t₊ of lithium, 0…1.

    Raises:
        InvalidInputError: an argument is out of range.
    """
    length = positive(thickness, "thickness") * _macmullin(macmullin)
    moved = current * (1 - _transference(transference)) / FARADAY
    return moved * length / (2 * positive(diffusivity, "diffusivity"))


def depletion_current(
    concentration: float,
    thickness: float,
    macmullin: float,
    diffusivity: float,
    transference: float,
) -> float:
    """Current per area at which the salt at the collector is used up, in A/m².

    An estimate from the electrode alone: the concentration at the separator is held at
    ``concentration`` (mol/m³), and the reaction is uniform. Other arguments as in ``depletion``;
    inf if the transference number is 1.

    Raises:
        InvalidInputError: an argument is out of range.
    """
    held = positive(concentration, "concentration")
    per_current = depletion(1.0, thickness, macmullin, diffusivity, transference)
    return held / per_current if per_current else float("inf")


def particle_utilization(discharge_time: float, radius: float, diffusivity: float) -> float:
    """Share of its capacity that a sphere takes up until its surface is full, 0…1.

    A constant flux that would fill it in ``discharge_time`` if diffusion were instantaneous.

    Args:
        discharge_time: s, > 0; 3600 over the C-rate.
        radius: of the particle, m.
        diffusivity: of lithium in it, m²/s, taken as constant.

    Raises:
        InvalidInputError: an argument is out of range.

    Accuracy: 1e-6; slow discharge gives 1 - R²/(15 D t).
    Source: J. Crank, The Mathematics of Diffusion, 2nd ed. (1975), eq. 6.45 [not opened: verify];
        the series is derived and tested against ``solvers.diffuse``.
    """
    time = positive(diffusivity, "diffusivity") * positive(discharge_time, "discharge_time")
    time /= positive(radius, "radius") ** 2
    if time < BRIEF:
        return _shell(time) / time
    squares = _eigenvalues() ** 2

    def missing(filled: float) -> float:
        decaying = 2 * np.sum(np.exp(-squares * filled) / squares)
        return float(filled + (0.2 - decaying) / 3 - time)

    return float(brentq(missing, 0.0, time, xtol=1e-15, rtol=1e-12) / time)


def _shell(time: float) -> float:
    """What a flux that would fill a sphere in ``time`` fills until its surface is full, of R²/D.

    The surface is at [exp(x²)(1 + erf x) - 1]/(3 time), x² being what is asked: the Laplace
    transform of the series without what is reflected at the centre, exp(-1/x²) of it.
    """

    def missing(x: float) -> float:
        return math.expm1(x * x) + math.exp(x * x) * math.erf(x) - 3 * time

    return float(brentq(missing, 0.0, 3 * time, xtol=1e-300, rtol=1e-12)) ** 2


def specific_energy(areal_capacity: float, voltage: float, areal_mass: float) -> float:
    """Energy per mass in Wh/kg of whatever weighs ``areal_mass`` (kg/m²).

    Args:
        areal_capacity: Ah/m².
        voltage: mean of the discharge, V.
        areal_mass: of the layer, or of the cell with what is inactive, kg/m².

    Raises:
        InvalidInputError: an argument is out of range.
    """
    energy = positive(areal_capacity, "areal_capacity") * positive(voltage, "voltage")
    return energy / positive(areal_mass, "areal_mass")


def energy_density(areal_capacity: float, voltage: float, thickness: float) -> float:
    """Energy per volume in Wh/L of whatever is ``thickness`` (m) thick; else as above.

    Raises:
        InvalidInputError: an argument is out of range.
    """
    energy = positive(areal_capacity, "areal_capacity") * positive(voltage, "voltage")
    return energy / positive(thickness, "thickness") / LITRES_PER_CUBIC_METRE


@functools.cache
def _eigenvalues() -> NDArray[np.float64]:
    """Roots of tan λ = λ, those of a sphere with a given flux."""
    return np.array(
        [
            brentq(lambda x: math.sin(x) - x * math.cos(x), n * math.pi, (n + 0.5) * math.pi)
            for n in range(1, MODES + 1)
        ]
    )


def _macmullin(value: float) -> float:
    if positive(value, "macmullin") < 1.0:
        raise InvalidInputError(f"macmullin is {value!r}: κ/κ_eff is at least 1")
    return float(value)


def _transference(value: float) -> float:
    if not 0.0 <= value <= 1.0:
        raise InvalidInputError(f"transference is {value!r}: give t₊ of lithium, 0…1")
    return float(value)
