"""When a solve believes that its energy is right."""

import numpy as np
import pytest

import solvers
from microstructures import Volume
from solvers.linear import ALONE, FASTEST, MARGIN, _Energy


def track(drops, start=10.0, **how):
    """An energy that has fallen by these amounts."""
    energy = _Energy(start, [], [], **how)
    for drop in drops:
        energy.fall(drop)
    return energy


def test_two_steps_say_nothing_about_the_rate():
    assert track([1.0, 1e-6]).error() > 1e-5


def test_the_first_estimate_with_a_rate_stands_alone_and_counts_tenfold():
    tail = MARGIN * 1e-6 / (9.0 - 1e-3 - 1e-6) * FASTEST / (1 - FASTEST)
    assert track([1.0, 1e-3, 1e-6]).error() == pytest.approx(ALONE * tail)


def test_later_the_worse_of_two_estimates_counts():
    slower = track([1.0, 1e-3, 1e-6, 9e-7])
    assert slower.error() == slower.errors[-1] > slower.errors[-2]
    faster = track([1.0, 1e-2, 1e-3, 1e-5])
    assert faster.error() == faster.errors[-2] > faster.errors[-1]


def test_rate_is_that_of_the_second_half():
    assert track([1.0, 1e-3, 8e-4, 4e-4, 2e-4]).rate() == pytest.approx(0.5)
    assert track([1.0]).rate() == 0.0


def test_a_rate_known_from_before_is_not_forgotten():
    steps = [1.0, 1e-3, 1e-6]
    assert track(steps, fastest=0.8).error() == pytest.approx(12 * track(steps).error())


def test_a_solve_that_is_refined_remembers_how_slow_it_was():
    """Strong sites below their threshold in flat voxels: a restart seems fast at first."""
    field = np.random.default_rng(0).standard_normal((36, 32, 34))
    volume = Volume((field < np.quantile(field, 0.2)).astype(np.uint8), (4e-7, 1e-7, 1.5e-7))
    exact = solvers.effective_conductivity(volume, {0: 1e-8, 1: 1.0}, 0, tolerance=1e-10)
    found = solvers.effective_conductivity(volume, {0: 1e-8, 1: 1.0}, 0, tolerance=1e-3)
    assert found.value == pytest.approx(exact.value, rel=1e-3)
