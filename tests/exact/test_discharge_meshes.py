"""Discharges of which little reacts: the mesh resolves what does, or there is no number."""

import dataclasses

import numpy as np
import pytest

from twin.performance import Cell, ElectrodeStructure, discharge
from twin.performance.cell import area

GIVEN = ElectrodeStructure(70e-6, 0.35, 0.55, 6.0, 1.0, 3 * 0.55 / 4e-6, 4e-6)
COARSE = 20  # points of PyBaMM's own meshes


@pytest.fixture(scope="module", autouse=True)
def pybamm():
    """Imported outside of the tests' time."""
    from twin.performance._pybamm import pybamm as imported

    return imported()


def on_mesh(pybamm, cell, rate, electrodes, particles):
    """Capacity in Ah/m² by PyBaMM itself, with so many points."""
    model, values = cell.model(), cell.parameter_values()
    points = {"x_n": electrodes, "x_p": electrodes, "r_n": particles, "r_p": particles}
    simulation = pybamm.Simulation(
        model,
        parameter_values=values,
        C_rate=rate,
        var_pts=dict(model.default_var_pts) | points,
    )
    solution = simulation.solve(np.linspace(0, 4680 / rate, 200), initial_soc=1.0)
    nominal = values["Nominal cell capacity [A.h]"] / area(values)
    return rate * nominal * solution.t[-1] / 3600


@pytest.mark.parametrize(
    ("change", "rate", "electrodes", "particles"),
    [
        ({"electronic_conductivity": 1e-2}, 2.0, 60, 20),
        ({"electronic_conductivity": 1e-3}, 2.0, 120, 20),
        ({"macmullin": 20.0}, 2.0, 60, 20),
        pytest.param({"macmullin": 200.0}, 1.0, 240, 40, marks=pytest.mark.slow),
        pytest.param(
            {"particle_radius": 15e-6, "area": 3 * 0.55 / 15e-6},
            2.0,
            20,
            120,
            marks=pytest.mark.slow,
        ),
    ],
)
def test_capacities_are_those_of_a_mesh_three_times_as_fine(
    pybamm, change, rate, electrodes, particles
):
    cell = Cell(positive=dataclasses.replace(GIVEN, **change))
    (run,) = discharge(cell, [rate])
    assert run.status == "ok"
    fine = on_mesh(pybamm, cell, rate, electrodes, particles)
    assert run.capacity == pytest.approx(fine, rel=0.01)


@pytest.mark.slow
def test_usual_meshes_would_have_missed_by_a_fifth(pybamm):
    cell = Cell(positive=dataclasses.replace(GIVEN, electronic_conductivity=3e-4))
    (run,) = discharge(cell, [2.0])
    usual = on_mesh(pybamm, cell, 2.0, COARSE, COARSE)
    assert run.status == "ok"
    assert usual > 1.2 * run.capacity


@pytest.mark.parametrize(
    ("sigma", "rate", "words"),
    [
        pytest.param(
            1e-4, 2.0, "thinner than the finest mesh of the electrodes", marks=pytest.mark.slow
        ),
        (1e-5, 2.0, "electrons carry no such current"),
        (9e-8, 1.0, "electrons carry no such current"),
    ],
)
def test_what_no_mesh_resolves_is_no_number(sigma, rate, words):
    cell = Cell(positive=dataclasses.replace(GIVEN, electronic_conductivity=sigma))
    (run,) = discharge(cell, [rate])
    assert words in run.status
    assert np.isnan(run.capacity)
    assert np.isnan(run.energy)
    assert run.shares() == {}


def test_the_ohmic_drop_is_told_in_volts():
    cell = Cell(positive=dataclasses.replace(GIVEN, electronic_conductivity=1e-5))
    values = cell.parameter_values()
    current = 2 * values["Nominal cell capacity [A.h]"] / area(values)
    (run,) = discharge(cell, [2.0])
    assert f"it takes {current * 70e-6 / 1e-5:.3g} V" in run.status


@pytest.mark.slow
def test_particles_too_large_for_any_mesh_are_told():
    large = dataclasses.replace(GIVEN, particle_radius=1e-4, area=3 * 0.55 / 1e-4)
    (run,) = discharge(Cell(positive=large), [1.0])
    assert "finest mesh of the particles" in run.status


def test_a_cell_that_is_used_keeps_the_usual_mesh(pybamm):
    cell = Cell(positive=GIVEN)
    (run,) = discharge(cell, [1.0])
    assert run.capacity == pytest.approx(on_mesh(pybamm, cell, 1.0, COARSE, COARSE), rel=1e-9)


@pytest.mark.parametrize(("rate", "contact"), [(1000.0, 0.0), (1.0, 2.0)])
def test_no_voltage_at_all_is_told_in_words(rate, contact):
    (run,) = discharge(Cell(positive=GIVEN, contact_resistance=contact), [rate])
    assert run.status.startswith("below the lower voltage limit from the first moment")


def test_what_the_lithium_foil_loses_is_not_charged_to_the_electrode():
    (half,) = discharge(Cell(kind="half", positive=GIVEN), [1.0])
    (full,) = discharge(Cell(positive=GIVEN), [1.0])
    lacking = half.rest_voltage - half.voltage
    assert sum(half.losses.values()) == pytest.approx(lacking, abs=1e-3)
    exchange = 12.6  # A/m² of the foil, whose reaction has two half electrons
    wanted = 2 * 8.31446 * 298.15 / 96485.33 * np.arcsinh(half.current / (2 * exchange))
    assert half.losses["lithium metal"][0] == pytest.approx(wanted, rel=0.01)
    assert "lithium metal" not in full.losses
