"""Particles of several sizes in a cell: their distribution, and what it does to a discharge."""

import dataclasses

import numpy as np
import pytest

from microstructures.errors import InvalidInputError
from twin.performance import Cell, ElectrodeStructure, discharge
from twin.performance._sizes import lognormal

pybamm = pytest.importorskip("pybamm", reason="extra cell")

RADIUS = 5e-6
ONE_SIZE = ElectrodeStructure(68e-6, 0.24, 0.69, 12.0, 2.5, 3 * 0.69 / RADIUS, RADIUS)


def half_cell(deviation):
    structure = dataclasses.replace(ONE_SIZE, radius_deviation=deviation)
    return Cell("Xu2019", structure, kind="half")


@pytest.mark.parametrize("relative", [0.05, 0.4, 1.0])
def test_its_moments_are_those_asked_for(relative):
    radii = RADIUS * np.geomspace(1e-4, 1e3, 40001)
    share = lognormal(RADIUS, relative, pybamm.Vector(radii)).evaluate().ravel()
    assert np.trapezoid(share, radii) == pytest.approx(1.0, rel=1e-6)
    assert np.trapezoid(share * radii, radii) == pytest.approx(RADIUS, rel=1e-6)
    spread = np.trapezoid(share * (radii - RADIUS) ** 2, radii) / RADIUS**2
    assert np.sqrt(spread) == pytest.approx(relative, rel=1e-4)


@pytest.mark.slow
def test_particles_of_nearly_one_size_discharge_as_those_of_one():
    one, narrow = (discharge(half_cell(d), [1.0])[0] for d in (0.0, 0.01))
    assert one.status == narrow.status == "ok"
    until = min(one.time[-1], narrow.time[-1])
    when = np.linspace(0.0, 0.95 * until, 50)
    one, narrow = (np.interp(when, run.time, run.voltage) for run in (one, narrow))
    assert np.abs(one - narrow).max() < 1e-4


@pytest.mark.slow
def test_a_wide_distribution_leaves_the_large_ones_behind():
    one, wide = (discharge(half_cell(d), [3.0])[0].capacity for d in (0.0, 0.5))
    assert wide < 0.995 * one


def test_only_the_electrode_with_several_sizes_has_them():
    wide = dataclasses.replace(ONE_SIZE, radius_deviation=0.3)
    assert Cell(positive=wide).options["particle size"] == ("single", "distribution")
    assert Cell(negative=wide).options["particle size"] == ("distribution", "single")
    values = Cell(negative=wide).parameter_values()
    assert values["Negative minimum particle radius [m]"] == pytest.approx(RADIUS * 0.01)
    assert values["Negative maximum particle radius [m]"] == pytest.approx(RADIUS * 2.5)
    assert "Positive maximum particle radius [m]" not in values


@pytest.mark.parametrize("deviation", [-0.1, 1.5, float("nan")])
def test_a_deviation_that_cannot_be_is_refused(deviation):
    with pytest.raises(InvalidInputError, match="radius_deviation"):
        dataclasses.replace(ONE_SIZE, radius_deviation=deviation)


def test_models_and_files_of_one_size_are_refused():
    cell = Cell(positive=dataclasses.replace(ONE_SIZE, radius_deviation=0.3))
    with pytest.raises(InvalidInputError, match="one size"):
        discharge(cell, [1.0], model="SPM")
    with pytest.raises(InvalidInputError, match="one size"):
        cell.to_bpx()
