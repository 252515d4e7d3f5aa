"""Transport refuses what it cannot solve, and says what to change."""

import pickle

import numpy as np
import pytest

import solvers
from microstructures import Volume
from microstructures.errors import (
    ConvergenceError,
    InvalidInputError,
    MemoryBudgetError,
    UnknownPhaseError,
)
from solvers import steady_state


@pytest.fixture
def volume():
    labels = np.random.default_rng(0).integers(0, 3, (12, 11, 10), dtype=np.uint8)
    return Volume(labels, 1e-7, {0: "pore", 1: "NMC", 2: "CBD"})


def test_every_phase_that_occurs_needs_a_value(volume):
    with pytest.raises(InvalidInputError, match=r"also holds \['CBD'\]: give each a value"):
        solvers.effective_conductivity(volume, {"pore": 1.0, "NMC": 0.0})


@pytest.mark.parametrize("values", [{}, None, 1.0])
def test_naming_no_phase_is_refused(volume, values):
    with pytest.raises(InvalidInputError, match="names no phase"):
        solvers.effective_conductivity(volume, values)


@pytest.mark.parametrize("value", [-1.0, np.nan, np.inf, "much", None])
def test_conductivity_must_be_finite_and_not_negative(volume, value):
    with pytest.raises(InvalidInputError, match="finite number ≥ 0"):
        solvers.effective_conductivity(volume, {"pore": value, "NMC": 0, "CBD": 0})


def test_unknown_phase_is_named_with_what_there_is(volume):
    with pytest.raises(
        UnknownPhaseError, match=r"'por' is not in this volume.*did you mean 'pore'"
    ):
        solvers.tortuosity_factor(volume, "por")


@pytest.mark.parametrize("axis", [3, -4, 1.0, True, "z"])
def test_axis_must_be_one_of_three(volume, axis):
    with pytest.raises(InvalidInputError, match="not one of 0, 1, 2"):
        solvers.tortuosity_factor(volume, "pore", axis)


@pytest.mark.parametrize("tolerance", [0.0, -1e-5, 1.0, np.nan, "fine"])
def test_tolerance_must_be_a_small_relative_error(volume, tolerance):
    with pytest.raises(InvalidInputError, match="tolerance"):
        solvers.tortuosity_factor(volume, "pore", tolerance=tolerance)


def test_unconverged_solve_raises_with_its_report():
    labels = (np.random.default_rng(1).random((24, 24, 24)) < 0.4).astype(np.uint8)
    volume = Volume(labels, 1e-7)
    with pytest.raises(ConvergenceError, match="loosen the tolerance") as caught:
        solvers.tortuosity_factor(volume, 1, tolerance=1e-12, max_iterations=2)
    report = pickle.loads(pickle.dumps(caught.value)).report
    assert report.iterations == 2
    assert report.error_estimate > report.tolerance == 1e-12


def test_a_solve_that_would_not_fit_is_refused_with_the_estimate(volume, monkeypatch):
    monkeypatch.setattr(steady_state, "estimated_bytes", lambda *_, **__: 2**60)
    with pytest.raises(MemoryBudgetError, match=r"a solve on \(12, 11, 10\) voxels"):
        solvers.tortuosity_factor(volume, "pore")


def test_a_phase_given_twice_is_refused(volume):
    with pytest.raises(InvalidInputError, match="gives 'pore' twice"):
        solvers.effective_conductivity(volume, {"pore": 1.0, 0: 0.5, 1: 0, 2: 0})


def test_more_conductivities_than_can_be_told_apart_are_refused():
    labels = np.arange(4100, dtype=np.uint16).reshape(4100, 1, 1)
    sigma = {i: 1.0 + i for i in range(4100)}
    with pytest.raises(InvalidInputError, match="round the values"):
        solvers.effective_conductivity(Volume(labels, 1e-7), sigma)


@pytest.mark.parametrize("solve", [solvers.tortuosity_factor, solvers.effective_conductivity])
def test_an_array_is_no_volume(solve):
    with pytest.raises(InvalidInputError, match=r"Volume\(labels, spacing\)"):
        solve(np.zeros((3, 3, 3), np.uint8), {0: 1.0})


def test_tolerance_may_be_any_real_number(volume):
    solvers.tortuosity_factor(volume, "pore", tolerance=np.float32(1e-3))
