"""Figures of merit and the transmission line: ladders, limits, and what cannot be."""

import math

import numpy as np
import pytest

from microstructures.errors import InvalidInputError
from twin.performance import (
    TransmissionLine,
    depletion,
    depletion_current,
    energy_density,
    ionic_resistance,
    merit,
    particle_utilization,
    specific_energy,
)

LINE = {"ionic": 4e-3, "electronic": 1e-3, "charge_transfer": 2e-3, "capacitance": 5.0}


def ladder(line, frequency, rungs=4000):
    """The same of discrete resistors, solved as a tridiagonal network of potential differences."""
    admittance = 1 / line.charge_transfer + 2j * np.pi * frequency * line.capacitance
    ion, electron = line.ionic / rungs, line.electronic / rungs
    # unknown ionic currents between the rungs; electrons carry the rest of 1 A/m²
    rung = rungs / admittance  # Ω m² of one
    n = rungs - 1
    matrix = np.zeros((3, n), complex)
    matrix[1] = ion + electron + 2 * rung
    matrix[0, 1:] = matrix[2, :-1] = -rung
    right = np.full(n, electron, complex)
    right[0] += rung
    from scipy.linalg import solve_banded

    inner = solve_banded((1, 1), matrix, right)
    current = np.concatenate([[1.0], inner, [0.0]])
    # half a segment of ions before the first rung, half of electrons after the last
    drop = ion * (0.5 + inner.sum()) + rung * (current[-2] - current[-1])
    return drop + electron * 0.5


@pytest.mark.parametrize("frequency", [0.0, 1.0, 30.0, 1e3])
@pytest.mark.parametrize("electronic", [0.0, 1e-3, 4e-3, 2e-2])
def test_impedance_is_that_of_a_ladder(frequency, electronic):
    line = TransmissionLine(**LINE | {"electronic": electronic})
    assert line.impedance(frequency) == pytest.approx(ladder(line, frequency), rel=2e-4)


def test_direct_current_of_a_perfect_conductor_is_the_hyperbolic_cotangent():
    line = TransmissionLine(4e-3, 0.0, 1e-3)
    assert line.resistance == pytest.approx(2e-3 / np.tanh(2.0), rel=1e-12)
    assert line.penetration == 0.5


def test_ions_and_electrons_may_change_places():
    one, two = (TransmissionLine(*ends, 2e-3, 5.0) for ends in ((4e-3, 1e-3), (1e-3, 4e-3)))
    frequency = np.geomspace(1e-3, 1e5, 30)
    assert np.allclose(one.impedance(frequency), two.impedance(frequency), rtol=1e-12)


def test_a_blocking_electrode_has_a_third_of_its_resistances_at_low_frequency():
    line = TransmissionLine(4e-3, 1e-3, np.inf, 5.0)
    assert line.impedance(1e-4).real == pytest.approx(5e-3 / 3, rel=1e-4)
    assert line.impedance(1e-4).imag == pytest.approx(-1 / (2 * np.pi * 1e-4 * 5.0), rel=1e-4)
    assert line.low_frequency_resistance == pytest.approx(5e-3 / 3)
    assert line.impedance(1e7).real == pytest.approx(4e-3 * 1e-3 / 5e-3, rel=0.01)  # in parallel


def test_the_series_of_slow_frequencies_meets_the_formula():
    line = TransmissionLine(4e-3, 1e-3, np.inf, 5.0)
    edge = 1e-6 / (2 * np.pi * 5e-3 * 5.0)  # |ν| = 1e-3
    below, above = line.impedance([edge * (1 - 1e-9), edge * (1 + 1e-9)])
    assert below.real == pytest.approx(above.real, rel=1e-6)


def test_a_fast_interface_does_not_overflow():
    line = TransmissionLine(4e-3, 1e-3, 1e-12)
    assert line.resistance == pytest.approx(4e-3 * 1e-3 / 5e-3, rel=1e-3)
    assert np.isfinite(line.impedance(1e12))


def test_a_line_of_a_card_has_the_resistances_of_its_layer():
    line = TransmissionLine.of(50e-6, 8.0, 1.0, 10.0, 4e5, charge_transfer=2e-3, capacitance=0.1)
    assert line.ionic == pytest.approx(4e-4)
    assert line.electronic == pytest.approx(5e-6)
    assert line.charge_transfer == pytest.approx(1e-4)
    assert line.capacitance == pytest.approx(2.0)
    perfect = TransmissionLine.of(50e-6, 8.0, 1.0, np.inf, 4e5, charge_transfer=10.0)
    assert perfect.electronic == 0.0
    ohmic = perfect.resistance - perfect.charge_transfer  # what even a slow reaction costs
    assert ohmic == pytest.approx(ionic_resistance(50e-6, 8.0, 1.0), rel=1e-4)


def test_the_salt_is_used_up_at_the_depletion_current():
    """Steady diffusion against an evenly falling current, integrated by hand on 10 000 points."""
    length, macmullin, diffusivity, transference = 80e-6, 6.0, 3e-10, 0.3
    current = depletion_current(1000.0, length, macmullin, diffusivity, transference)
    x = (np.arange(10_000) + 0.5) / 10_000
    slope = (1 - transference) * current * (1 - x) / merit.FARADAY / (diffusivity / macmullin)
    assert slope.mean() * length == pytest.approx(1000.0, rel=1e-6)
    given = depletion(-current, length, macmullin, diffusivity, transference)
    assert given == pytest.approx(-1000.0)
    assert depletion_current(1000.0, length, macmullin, diffusivity, 1.0) == np.inf


def filled_until_full(time, cells=400):
    """Finite volumes of a sphere with R = D = 1, until its surface is full."""
    edges = np.linspace(0, 1, cells + 1)
    volumes = np.diff(edges**3) / 3
    couplings = edges[1:-1] ** 2 * cells
    matrix = np.zeros((3, cells))
    matrix[1, :-1] -= couplings / volumes[:-1]
    matrix[1, 1:] -= couplings / volumes[1:]
    matrix[0, 1:] = couplings / volumes[:-1]
    matrix[2, :-1] = couplings / volumes[1:]
    step = time / 2000
    left = -step * matrix
    left[1] += 1
    from scipy.linalg import solve_banded

    content, surface, passed = np.zeros(cells), 0.0, 0.0
    flux = 1 / (3 * time)
    while surface < 1:
        before = surface, passed
        right = content.copy()
        right[-1] += step * flux / volumes[-1]
        content = solve_banded((1, 1), left, right)
        surface, passed = content[-1] + flux / (2 * cells), passed + step
    share = (1 - before[0]) / (surface - before[0])
    return (before[1] + share * (passed - before[1])) / time


@pytest.mark.parametrize("time", [0.02, 0.1, 0.5, 3.0])
def test_particles_take_up_what_diffusion_allows(time):
    radius, diffusivity = 5e-6, 1e-14
    found = particle_utilization(time * radius**2 / diffusivity, radius, diffusivity)
    assert found == pytest.approx(filled_until_full(time), rel=4e-3)
    if time >= 0.5:
        assert found == pytest.approx(1 - 1 / (15 * time), rel=1e-4)


def test_energies_of_a_layer():
    assert energy_density(40.0, 3.8, 60e-6) == pytest.approx(40 * 3.8 / 0.06)
    assert specific_energy(40.0, 3.8, 0.2) == pytest.approx(760.0)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ionic_resistance(0.0, 5.0, 1.0), "thickness is 0.0"),
        (lambda: ionic_resistance(5e-5, 0.2, 1.0), "at least 1"),
        (lambda: depletion(1.0, 5e-5, 5.0, 3e-10, 1.2), "give t₊"),
        (lambda: TransmissionLine(1.0, 1.0, np.inf), "give a capacitance"),
        (lambda: TransmissionLine(1.0, -1.0, 1.0), "electronic is -1.0"),
        (lambda: TransmissionLine(1.0, 1.0, 0.0), "or inf"),
        (lambda: TransmissionLine(1.0, 1.0, 1.0).impedance(-1.0), "Hz ≥ 0"),
        (
            lambda: TransmissionLine.of(1e-4, 5.0, 1.0, 0.0, 1e5, charge_transfer=1.0),
            "has to conduct",
        ),
        (lambda: particle_utilization(3600.0, -1e-6, 1e-14), "radius is -1e-06"),
    ],
)
def test_mistakes_are_told(call, words):
    with pytest.raises(InvalidInputError, match=words):
        call()


@pytest.mark.parametrize("diffusivity", [1e-22, 1e-19])
def test_hardly_anything_enters_a_particle_that_hardly_conducts(diffusivity):
    """A plane surface is full after (3 √π t/2)² of R²/D, t being the time in R²/D."""
    time = diffusivity * 3600 / 4e-6**2
    found = particle_utilization(3600.0, 4e-6, diffusivity)
    assert found == pytest.approx(9 * math.pi * time / 4, rel=10 * time + 1e-9)


def test_brief_and_long_discharges_meet():
    """From a formula to a series, at a hundredth of R²/D."""
    before, after = (particle_utilization(1.0, 1.0, x) for x in (0.01 * (1 - 1e-9), 0.01))
    assert before == pytest.approx(after, rel=1e-8)
