"""Gas in pores: kinetic theory, the dusty-gas equations, and the limits of Bosanquet."""

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from microstructures.errors import InvalidInputError
from twin.performance.gas import (
    HYDROGEN,
    WATER,
    Fuel,
    PoreGas,
    binary_diffusivity,
    bosanquet,
    collision_integral,
    knudsen_diffusivity,
)

R, F = 8.31446261815324, 96485.33212
FUEL = Fuel.wet(1073.15)
GAS = PoreGas(FUEL, 0.1, 3e-7)


def test_wet_hydrogen_has_its_pressures():
    assert FUEL.hydrogen == pytest.approx(0.97 * 101325)
    assert FUEL.water == pytest.approx(0.03 * 101325)
    assert FUEL.pressure == pytest.approx(101325)
    assert FUEL.thermal_voltage == pytest.approx(R * 1073.15 / F)


def test_two_correlations_agree_within_what_is_claimed_of_both():
    """10 % each."""
    for temperature in (400.0, 800.0, 1073.15, 1273.15):
        fuller = binary_diffusivity(temperature, 101325)
        enskog = binary_diffusivity(temperature, 101325, method="chapman-enskog")
        assert fuller == pytest.approx(enskog, rel=0.2)


def test_fuller_by_hand():
    """T^1.75, 1/p, and the sum of cube roots; 2/(1/2.01588 + 1/18.01528) = 3.6261 g/mol."""
    size = (6.12 ** (1 / 3) + 13.1 ** (1 / 3)) ** 2
    one = 0.00143 * 1000**1.75 / (1.0 * math.sqrt(3.6260) * size) * 1e-4
    assert binary_diffusivity(1000.0, 1e5) == pytest.approx(one, rel=1e-4)
    assert binary_diffusivity(1000.0, 3e5) == pytest.approx(one / 3, rel=1e-4)
    swapped = binary_diffusivity(1000.0, 1e5, gases=(WATER, HYDROGEN))
    assert swapped == pytest.approx(binary_diffusivity(1000.0, 1e5), rel=1e-14)


@pytest.mark.parametrize(
    ("reduced", "tabulated"), [(1, 1.439), (2, 1.075), (5, 0.8422), (10, 0.7424)]
)
def test_the_collision_integral_is_that_of_the_tables(reduced, tabulated):
    """Of Hirschfelder, Curtiss and Bird, from memory; the fit is said to be good to 0.1 %."""
    assert collision_integral(reduced) == pytest.approx(tabulated, rel=2e-3)


def test_enskog_follows_from_kinetic_theory():
    """D = 3/16 sqrt(2 (kT)³/(π m))/(p σ² Ω/...) of hard spheres, Ω = 1, with CODATA constants."""
    k, avogadro = 1.380649e-23, 6.02214076e23
    reduced_mass = 1 / (1 / HYDROGEN.molar_mass + 1 / WATER.molar_mass) / avogadro
    diameter = (HYDROGEN.diameter + WATER.diameter) / 2
    temperature, pressure = 1000.0, 1e5
    spheres = 3 / 8 * math.sqrt(math.pi * k * temperature / (2 * reduced_mass))
    spheres *= k * temperature / (pressure * math.pi * diameter**2)
    omega = collision_integral(temperature / math.sqrt(HYDROGEN.energy * WATER.energy))
    found = binary_diffusivity(temperature, pressure, method="chapman-enskog")
    assert found == pytest.approx(spheres / omega, rel=2e-3)  # 0.00266 has three digits


def test_knudsen_is_a_third_of_diameter_times_mean_speed():
    speed = math.sqrt(8 * R * 1073.15 / (math.pi * 2.01588e-3))
    found = knudsen_diffusivity(HYDROGEN, 1073.15, 0.5e-6)
    assert found == pytest.approx(1e-6 / 3 * speed, rel=1e-12)
    ratio = found / knudsen_diffusivity(WATER, 1073.15, 0.5e-6)
    assert ratio == pytest.approx(math.sqrt(18.01528 / 2.01588), rel=1e-9)


def test_bosanquet_is_the_smaller_of_both_where_they_are_far_apart():
    assert bosanquet(1e-4, 1e-4) == pytest.approx(5e-5)
    free = binary_diffusivity(1073.15, FUEL.pressure)
    wide, narrow = (PoreGas(FUEL, 0.1, r).effective(WATER) / 0.1 for r in (1.0, 1e-12))
    assert wide == pytest.approx(free, rel=1e-5)
    assert narrow == pytest.approx(knudsen_diffusivity(WATER, 1073.15, 1e-12), rel=1e-5)
    assert PoreGas(FUEL, 0.1).effective(HYDROGEN) == pytest.approx(0.1 * free, rel=1e-12)


def test_profiles_are_those_of_the_dusty_gas():
    """Both gases through the dusty-gas equations without viscous flow, integrated numerically."""
    current, length = 1e4, 500e-6
    flux = current / (2 * F)  # of hydrogen inwards, of water outwards
    free = 0.1 * binary_diffusivity(1073.15, FUEL.pressure) * FUEL.pressure  # D p, constant
    walls = [0.1 * knudsen_diffusivity(gas, 1073.15, 3e-7) for gas in (HYDROGEN, WATER)]

    def slopes(_, p):
        # -dp_i/dx/(RT) = N_i/D_iK + (x_j N_i - x_i N_j)/D, D held at the pressure of the channel
        x = p / p.sum()
        fluxes = np.array([flux, -flux])
        ordinary = (x[::-1] * fluxes - x * fluxes[::-1]) / (free / FUEL.pressure)
        return -R * 1073.15 * (fluxes / walls + ordinary)

    ends = solve_ivp(slopes, (0, length), [FUEL.hydrogen, FUEL.water], rtol=1e-11, atol=1e-6).y[
        :, -1
    ]
    found = GAS.pressures(current * length)
    assert np.array(found) == pytest.approx(ends, rel=1e-8)
    nernst = R * 1073.15 / (2 * F) * math.log(ends[1] * FUEL.hydrogen / (ends[0] * FUEL.water))
    assert float(GAS.overpotential(current, length)) == pytest.approx(nernst, rel=1e-8)


def test_the_resistance_is_the_slope_of_the_overpotential():
    length, step = 500e-6, 0.1
    slope = GAS.overpotential(step, length) - GAS.overpotential(-step, length)
    assert float(slope) / (2 * step) == pytest.approx(GAS.resistance(length), rel=1e-6)


def test_the_limiting_currents_use_up_each_gas():
    cathodic, anodic = GAS.limiting_currents(1e-3)
    assert float(GAS.pressures(anodic * 1e-3)[0]) == pytest.approx(0.0, abs=1e-6 * FUEL.hydrogen)
    assert float(GAS.pressures(cathodic * 1e-3)[1]) == pytest.approx(0.0, abs=1e-6 * FUEL.water)
    assert cathodic < 0 < anodic
    beyond = GAS.overpotential([1.01 * anodic, 1.01 * cathodic], 1e-3)
    assert np.isnan(beyond).all()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: Fuel(1073.0, 0.0, 1.0), "hydrogen is 0.0"),
        (lambda: Fuel.wet(400.0), "give kelvin"),
        (lambda: Fuel.wet(1073.0, 1.0), "inside 0…1"),
        (lambda: PoreGas(FUEL, 1.2), "at most 1"),
        (lambda: PoreGas(FUEL, 0.1, 0.0), "radius is 0.0"),
        (lambda: binary_diffusivity(1073.0, 1e5, method="guess"), "'guess' is unknown"),
        (lambda: GAS.resistance(0.0), "length is 0.0"),
    ],
)
def test_mistakes_are_told(call, words):
    with pytest.raises(InvalidInputError, match=words):
        call()
