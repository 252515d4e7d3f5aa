"""Scalars of conjugate gradients that stay on a device: the same formulas as on the host."""

import math

import numpy as np
import pytest

from solvers import linear, runtime, small_system
from solvers._kernels import vectors
from solvers.islands import Islands
from solvers.linear import COLLAPSE


def start():
    return np.zeros(vectors.SCALARS)


def after_a_step(zr=3.0, p_ap=2.0):
    scalars, drops = start(), np.zeros(2)
    vectors.aim(np.array([zr]), np.zeros(1), scalars, 0, COLLAPSE, 0.0)
    vectors.weigh(np.array([p_ap]), scalars, drops, 1)
    return scalars, drops


def test_first_step_goes_along_the_preconditioned_residual():
    scalars, drops = after_a_step()
    assert scalars[vectors.BETA] == 0.0
    assert scalars[vectors.ALPHA] == pytest.approx(1.5, rel=1e-15)
    assert drops == pytest.approx([0.0, 4.5], rel=1e-15)


def test_next_direction_is_conjugate_to_the_last():
    scalars, _ = after_a_step(p_ap=2.0)
    vectors.aim(np.array([0.5]), np.array([-0.3]), scalars, 0, COLLAPSE, 0.0)
    assert scalars[vectors.BETA] == pytest.approx(0.15, rel=1e-15)


def test_next_direction_by_the_ratio_of_residuals_where_a_p_is_overwritten():
    scalars, _ = after_a_step(zr=-3.0)
    vectors.aim(np.array([0.6]), np.array([-0.3]), scalars, 1, COLLAPSE, 0.0)
    assert scalars[vectors.BETA] == pytest.approx(0.2, rel=1e-15)


@pytest.mark.parametrize(
    ("zr", "enough", "exact"),
    [(0.0, 0.0, True), (1e-10, 1.0, True), (1e-10, 1e-11, False), (1e-6, 1.0, False)],
)
def test_steps_end_where_the_residual_has_collapsed(zr, enough, exact):
    scalars, drops = after_a_step(zr=3.0)
    vectors.aim(np.array([zr]), np.zeros(1), scalars, 0, COLLAPSE, enough)
    vectors.weigh(np.array([2.0]), scalars, drops, 0)
    assert (scalars[vectors.ALPHA] == 0.0) == exact
    assert (drops[0] == -math.inf) == exact


@pytest.mark.parametrize("p_ap", [0.0, -1.0, math.nan])
def test_a_direction_without_energy_is_no_step(p_ap):
    scalars, drops = after_a_step(p_ap=p_ap)
    assert scalars[vectors.ALPHA] == 0.0
    assert math.isnan(drops[1])


def test_a_queue_forgets_its_directions(monkeypatch):
    queue = linear._Queue.__new__(linear._Queue)
    queue.scalars = np.arange(1.0, 6.0)
    queue.restart()
    assert not queue.scalars.any()


def test_steps_ahead_are_those_that_the_rate_asks_for():
    def ahead(drops, tolerance):
        track = linear._Energy(1.0, [], [])
        for drop in drops:
            track.fall(drop)
        return track.ahead(tolerance)

    assert [ahead([0.1] * n, 1e-6) for n in range(3)] == [2, 1, 1]
    drops = [1e-1, 1e-2, 1e-3]  # a tenth each; the estimate of the third is ten times as careful
    assert ahead(drops, 1e-2) == 1
    few, many = ahead(drops, 1e-5), ahead(drops, 1e-7)
    assert few >= 2
    assert many == few + 2
    assert ahead(drops, 1e-30) == linear.MOST_AHEAD
    assert ahead([1e-3, 1e-3, 1e-3], 1e-9) == 1  # no rate to go by


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exact_solve_on_a_device_is_that_on_the_host(dtype):
    rng = np.random.default_rng(0)
    root = rng.random((30, 30))
    matrix = root @ root.T + 0.1 * np.eye(30)
    matrix /= np.sqrt(np.outer(matrix.diagonal(), matrix.diagonal()))
    solve = small_system.lower_upper(matrix)
    places = rng.permutation(50)[:30]
    rhs, solution = rng.random(50).astype(dtype), np.full(50, 7.0, dtype)
    small_system.on_device(solve, places)(runtime.to_device(rhs), solution)
    expected = solve(rhs[places].astype(float))
    assert solution[places] == pytest.approx(expected, rel=1e-6 if dtype == np.float32 else 1e-9)
    assert np.all(np.delete(solution, places) == 7.0)


def test_islands_are_raised_alike_on_a_device(monkeypatch):
    rng = np.random.default_rng(0)
    elements = rng.permutation(40)[:25]
    owners = rng.integers(0, 4, 25).astype(np.int32)
    found = Islands(elements, owners, 4, lambda sources: 2.0 * sources[::-1])
    residual, first = rng.random(40).astype(np.float32), rng.random(40).astype(np.float32)
    second = first.copy()
    found.correct(residual, first)
    monkeypatch.setattr(runtime.Device, "is_cpu", False)
    on_device = [runtime.to_device(vector) for vector in (residual, second)]
    found.correct(*on_device)
    assert on_device[1].to_numpy() == pytest.approx(first, rel=1e-6)
    assert not np.allclose(first, second)
