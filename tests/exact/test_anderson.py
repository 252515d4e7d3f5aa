"""Anderson acceleration: as many sweeps as a linear map has rates, and its safeguards."""

import numpy as np
import pytest

from microstructures.errors import ConvergenceError, InvalidInputError
from solvers.anderson import fixed_point

TOLERANCE = 1e-10


def linear(rates, seed=0):
    """An affine map whose matrix has the given eigenvalues, and its fixed point."""
    rng = np.random.default_rng(seed)
    turn, _ = np.linalg.qr(rng.normal(size=(len(rates), len(rates))))
    matrix, shift = turn @ np.diag(rates) @ turn.T, rng.normal(size=len(rates))
    return lambda x: matrix @ x + shift, np.linalg.solve(np.eye(len(rates)) - matrix, shift)


def test_an_affine_map_of_few_rates_needs_a_sweep_for_each():
    rates = np.repeat([-0.9, 0.5, -0.2], 10)
    g, exact = linear(rates)
    found, report = fixed_point(g, np.zeros(30), depth=3, tolerance=TOLERANCE)
    assert report.sweeps <= 3 + 2  # the first knows nothing, the last sees that all is well
    assert found == pytest.approx(exact, abs=1e-8)


def test_an_expanding_map_converges_where_the_plain_iteration_diverges():
    g, exact = linear(np.linspace(-3.0, 0.0, 30))
    found, _ = fixed_point(g, np.zeros(30), tolerance=1e-9)
    assert found == pytest.approx(exact, abs=1e-8)
    with pytest.raises(ConvergenceError, match="still changes the result") as raised:
        fixed_point(g, np.zeros(30), depth=0)
    residuals = raised.value.report.residuals
    assert residuals[-1] > 100 * residuals[0]
    assert len(residuals) < 40  # it gave up as soon as that was plain


def test_acceleration_saves_sweeps_where_the_plain_iteration_converges():
    g, _ = linear(np.linspace(-0.9, 0.9, 30))
    plain = fixed_point(g, np.zeros(30), depth=0, max_sweeps=400)[1]
    assert fixed_point(g, np.zeros(30))[1].sweeps < 0.4 * plain.sweeps


def test_damping_makes_the_plain_iteration_converge():
    g, exact = linear(np.linspace(-6.0, 0.0, 30))
    options = {"depth": 0, "damping": 0.25, "max_sweeps": 200, "tolerance": TOLERANCE}
    found, report = fixed_point(g, np.zeros(30), **options)
    assert found == pytest.approx(exact, abs=1e-8)
    assert report.residuals[-1] <= TOLERANCE < report.residuals[-2]


def test_what_comes_back_obeys_what_the_map_obeys():
    """Whatever the tolerance, the sum of what a map returns is that of what fixed_point returns."""

    def g(x):
        y = np.cos(3 * x) + np.arange(5.0)
        return y - y.mean() + 2.0

    found, _ = fixed_point(g, np.zeros(5), tolerance=1e-2)
    assert found.mean() == pytest.approx(2.0, rel=1e-14)


def test_the_exact_correction_needs_one_step():
    rates = np.linspace(-30.0, 0.5, 20)
    g, exact = linear(rates)
    matrix = np.column_stack([g(e) - g(np.zeros(20)) for e in np.eye(20)])
    inverse = np.linalg.inv(np.eye(20) - matrix)
    found, report = fixed_point(g, np.zeros(20), correction=lambda step: inverse @ step)
    assert report.sweeps == 2
    assert found == pytest.approx(exact, rel=1e-5)


def test_a_step_beyond_where_the_map_is_defined_is_taken_back():
    def g(x):
        with np.errstate(invalid="ignore"):
            return x - (np.sqrt(x) - 0.1) * 8  # the first step from 1 ends at -6.2

    found, report = fixed_point(g, np.ones(3), tolerance=1e-8)
    assert report.restarts > 0
    assert found == pytest.approx(0.01, rel=1e-6)
    with pytest.raises(ConvergenceError):
        fixed_point(g, np.ones(3), tolerance=1e-8, depth=0)


def test_residuals_are_relative_to_the_scale():
    g, _ = linear([0.5, -0.5])
    small = fixed_point(g, np.zeros(2), tolerance=1e-3)[1]
    large = fixed_point(g, np.zeros(2), tolerance=1e-6, scale=1e3)[1]
    assert np.array(small.residuals) == pytest.approx(1e3 * np.array(large.residuals))
    assert large.to_dict()["sweeps"] == large.sweeps


@pytest.mark.parametrize(
    "options", [{"depth": -1}, {"depth": 1.5}, {"damping": 0.0}, {"damping": 2.0}, {"scale": 0.0}]
)
def test_arguments_out_of_range_are_refused(options):
    with pytest.raises(InvalidInputError):
        fixed_point(np.cos, np.zeros(2), **options)
