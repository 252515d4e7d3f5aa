"""A Gaussian process learns functions that are known, and says how well."""

import math
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import binom, qmc

from studies import (
    Grid,
    Range,
    Sampled,
    Study,
    Surrogate,
    Table,
    response,
    sobol_indices_by_surrogate,
)
from studies.surrogate import gaussian_process
from studies.surrogate.gaussian_process import fitted
from studies.surrogate.response_curves import effects_of
from studies.surrogate.sobol import indices_of
from studies.surrogate.validation import CrossValidation, cross_validated

TASKS = Path(__file__).resolve().parents[1] / "tasks"
UNIT = {"a": Range(0, 1), "b": Range(0, 1)}


def run(tmp_path, design, task="noisy", **recipe):
    recipe = {"scatter": 0.0} | recipe if task == "noisy" else recipe
    folder = tmp_path / f"{task}-{len(list(tmp_path.iterdir()))}"
    study = Study(recipe, design, folder, task=f"functions:{task}", modules=TASKS)
    study.run("serial")
    return study


def smooth(shares):
    a, b = np.asarray(shares).T
    return np.sin(3 * a) + a * b**2


def points(count, seed=0, parameters=2):
    return qmc.LatinHypercube(parameters, rng=np.random.default_rng(seed)).random(count)


def sampled(count, scatter, seed=0, errors=0.0):
    """A surrogate of the smooth function with noise on it, without a study."""
    shares = points(count, seed)
    drawn = np.random.default_rng(seed + 1000).normal(size=count)
    values = smooth(shares) + scatter * drawn
    return Surrogate("y", "1", UNIT, shares, values, np.full(count, errors))


def told(answer, name):
    return answer.values[name]["value"]


# --- the process


def test_a_smooth_function_is_reproduced(tmp_path):
    surrogate = Surrogate.of(run(tmp_path, Sampled(UNIT, 40)), "y")
    shares = points(200, seed=7)
    mean, deviation = surrogate.predict([{"a": a, "b": b} for a, b in shares])
    errors = np.abs(mean - smooth(shares))
    span = np.ptp(surrogate.values)
    assert errors.max() < 0.02 * span
    assert np.sqrt(np.mean(errors**2)) < 0.004 * span
    assert np.mean(errors <= 2 * deviation) > 0.9
    at_cases, doubt = surrogate.process.predict(surrogate.shares)
    assert at_cases == pytest.approx(surrogate.values, abs=1e-3)
    assert doubt.max() < 1e-3
    assert surrogate.unit == "W/m²"


@pytest.mark.parametrize("is_stated", [True, False])
def test_predictions_are_those_of_the_formulas_of_kriging(is_stated):
    shares, rng = points(30), np.random.default_rng(5)
    errors = rng.uniform(0.02, 0.1, 30)
    values = smooth(shares) + errors * rng.normal(size=30)
    errors *= is_stated
    process = fitted(shares, values, errors)
    assert is_stated or process.noise > 0.01
    size = process.regressor.kernel_.k1.k1.constant_value

    def kernel(one, other):
        distance = math.sqrt(5) * cdist(one / process.lengths, other / process.lengths)
        return size * (1 + distance + distance**2 / 3) * np.exp(-distance)

    scale = values.std()
    noise = np.diag((errors**2 + process.noise**2) / scale**2 + gaussian_process.JITTER)
    places = points(9, seed=3)
    weights = np.linalg.solve(kernel(shares, shares) + noise, kernel(shares, places)).T
    mean = values.mean() + weights @ (values - values.mean())
    joint = kernel(places, places) - weights @ kernel(shares, places)
    found, doubt = process.predict(places)
    assert found == pytest.approx(mean, abs=1e-8)
    assert doubt == pytest.approx(scale * np.sqrt(np.diag(joint)), rel=1e-5)
    average, spread = process.averaged(places)
    assert average == pytest.approx(mean.mean(), abs=1e-8)
    assert spread == pytest.approx(scale * math.sqrt(joint.mean()), rel=1e-5)


def test_hyperparameters_are_the_most_likely_ones():
    surrogate = sampled(40, 0.05)
    fit = surrogate.process.regressor
    best = fit.log_marginal_likelihood_value_
    for step in np.vstack([np.eye(4), -np.eye(4)]) * 0.2:
        assert fit.log_marginal_likelihood(fit.kernel_.theta + step) < best + 1e-6


@pytest.mark.parametrize("seed", [0, 7])
def test_the_better_of_two_searches_counts(seed, monkeypatch):
    def likelihood():
        return sampled(20, 0.3, seed).process.regressor.log_marginal_likelihood_value_

    best, found = likelihood(), []
    for start in gaussian_process.STARTS:
        monkeypatch.setattr(gaussian_process, "STARTS", (start,))
        found.append(likelihood())
    assert best == max(found) > min(found) + 0.1


def test_noise_and_the_doubt_at_cases_are_those_of_the_noise_put_in():
    surrogate = sampled(80, 0.1)
    _, doubt = surrogate.process.predict(surrogate.shares)
    assert surrogate.noise == pytest.approx(0.1, rel=0.25)
    assert doubt.max() < 0.1, "the mean of many is better known than one"
    assert doubt.mean() > 0.1 / math.sqrt(80)


def test_standard_errors_of_cases_say_which_to_believe():
    shares, values = points(30), smooth(points(30))
    errors = np.full(30, 1e-3)
    values[4], errors[4] = values[4] + 3, 3.0
    doubted = fitted(shares, values, errors).predict(shares)[0]
    believed = fitted(shares, values, np.full(30, 1e-3)).predict(shares)[0]
    exact = smooth(shares)
    assert np.abs(doubted - exact).max() < 0.05
    assert np.abs(believed - exact).max() > 0.5


def test_functions_drawn_have_the_mean_and_spread_of_the_process():
    surrogate = sampled(15, 0.1)
    places = points(60, seed=4)
    drawn = surrogate.process.drawn(places, 400, seed=0)
    mean, deviation = surrogate.process.predict(places)
    # standard errors of the mean and spread of 400
    assert np.all(np.abs(drawn.mean(axis=0) - mean) < 4 * deviation / 20)
    assert drawn.std(axis=0) == pytest.approx(deviation, rel=4 / math.sqrt(800))
    assert np.array_equal(drawn, surrogate.process.drawn(places, 400, seed=0))


def test_more_cases_than_hyperparameters_are_fitted_to_all_count(monkeypatch):
    monkeypatch.setattr(gaussian_process, "MOST_FITTED", 25)
    surrogate = sampled(120, 0.02)
    errors = surrogate.process.predict(points(50, seed=9))[0] - smooth(points(50, seed=9))
    assert len(surrogate.process.regressor.X_train_) == 120
    assert np.abs(errors).max() < 0.05


def test_the_same_cases_make_the_same_surrogate():
    one, other = sampled(25, 0.05), sampled(25, 0.05)
    for a, b in zip(one.process.predict(points(9)), other.process.predict(points(9)), strict=True):
        assert np.array_equal(a, b)
    assert str(one) == str(other)


# --- cross-validation


def test_what_is_predicted_of_a_case_does_not_depend_on_it():
    shares = points(24)
    values, errors = smooth(shares), np.zeros(24)
    before = cross_validated(shares, values, errors, 8)
    values = values.copy()
    values[5] += 10
    after = cross_validated(shares, values, errors, 8)
    assert before.folds == after.folds == 8
    assert after.predicted[5] == before.predicted[5]
    assert after.deviation[5] == before.deviation[5]
    assert np.mean(after.predicted != before.predicted) > 0.8, "all others have seen it"


def test_repetitions_of_a_case_are_left_out_together():
    shares = np.repeat(points(20), 3, axis=0)
    values = np.repeat(np.random.default_rng(2).normal(size=20), 3)
    found = cross_validated(shares, values, np.zeros(60), 10)
    assert found.q2 < 0.2, "each place has a value of its own, which nothing foretells"


def test_leaving_out_one_at_a_time_is_as_many_folds_as_there_are_places():
    shares = points(12)
    assert cross_validated(shares, smooth(shares), np.zeros(12), 99).folds == 12


@pytest.mark.parametrize("scatter", [0.02, 0.2])
def test_q2_is_what_cases_that_were_never_seen_say(scatter):
    surrogate = sampled(80, scatter)
    shares = points(400, seed=11)
    fresh = smooth(shares) + scatter * np.random.default_rng(12).normal(size=400)
    missed = np.mean((surrogate.process.predict(shares)[0] - fresh) ** 2)
    held_out = 1 - missed / fresh.var()
    assert surrogate.cross_validation.q2 == pytest.approx(held_out, abs=0.06)
    assert surrogate.cross_validation.rmse == pytest.approx(math.sqrt(missed), rel=0.25)


def test_intervals_hold_as_many_values_as_they_say():
    found = [sampled(40, 0.1, seed).cross_validation for seed in range(8)]
    residuals = np.concatenate([one.residuals for one in found])
    for level in (0.68, 0.95):
        inside = round(sum(one.coverage(level) for one in found) * 40)
        low, high = binom.interval(0.998, len(residuals), level)
        assert low <= inside <= high
    assert residuals.std() == pytest.approx(1, abs=0.12)
    assert not any(one.is_too_sure for one in found)


@pytest.mark.slow
def test_intervals_of_the_function_itself_hold_it():
    held = []
    for seed in range(20):
        places = points(100, seed + 500)
        mean, deviation = sampled(40, 0.1, seed).process.predict(places)
        held.append(np.mean(np.abs(mean - smooth(places)) <= 1.96 * deviation))
    # one function is one trial: errors at places near each other are alike
    assert 0.95 - 3 * np.std(held, ddof=1) / math.sqrt(20) <= np.mean(held)


def test_numbers_of_a_cross_validation_are_those_of_their_definitions():
    found = CrossValidation(
        np.array([1.0, 2.0, 3.0, 6.0]), np.array([1.0, 2.5, 2.0, 6.0]), np.full(4, 0.5), 4
    )
    assert found.rmse == pytest.approx(math.sqrt(1.25 / 4))
    assert found.q2 == pytest.approx(1 - 1.25 / 14)
    assert found.residuals.tolist() == [0, -1, 2, 0]
    assert (found.coverage(0.68), found.coverage(0.95)) == (0.5, 0.75)
    sure = CrossValidation(np.arange(30.0), np.arange(30.0) + 1, np.full(30, 0.4), 10)
    assert sure.is_too_sure
    assert not sure.is_too_unsure
    assert not sure.is_nothing
    unsure = CrossValidation(np.arange(30.0), np.arange(30.0) + 1, np.full(30, 1.4), 10)
    assert unsure.is_too_unsure
    assert not unsure.is_too_sure


def test_noise_without_a_function_is_told_as_such(tmp_path):
    study = run(tmp_path, Sampled(UNIT, 40), scatter=1.0, height=0.0)
    answer = response(study, "y", folds=5)
    assert -0.5 < told(answer, "q2") < 0.2
    assert "tell little or nothing about y" in answer.text
    assert "learnt nothing" in answer.warnings[0]


# --- a surrogate of a study


def test_parameters_in_logarithms_are_learnt_in_logarithms(tmp_path):
    design = Sampled({"a": Range(1e-4, 1, log=True), "b": Range(0, 1)}, 12)
    surrogate = Surrogate.of(run(tmp_path, design, "linear"), "decades")
    mean, _ = surrogate.predict([{"a": 10.0**-k, "b": 0.5} for k in range(5)])
    assert mean == pytest.approx([0, -1, -2, -3, -4], abs=0.05)
    rows = tuple(design.points())
    asked = Surrogate.of(run(tmp_path, Table(rows), "linear"), "decades", log=["a"])
    assert asked.ranges["a"].log
    least, most = min(row["a"] for row in rows), max(row["a"] for row in rows)
    mean, _ = asked.predict([{"a": math.sqrt(least * most), "b": 0.5}])
    assert mean == pytest.approx([0.5 * math.log10(least * most)], abs=0.05)


def test_parameters_that_do_not_vary_are_left_out(tmp_path):
    study = run(tmp_path, Grid({"a": np.linspace(0, 1, 9).tolist(), "b": [0.3]}))
    surrogate = Surrogate.of(study, "y")
    assert list(surrogate.ranges) == ["a"]
    assert surrogate.predict([{"a": 0.55}])[0] == pytest.approx(
        [math.sin(3 * 0.55) + 0.55 * 0.09], abs=5e-3
    )


def test_cases_that_differ_by_their_seed_are_repetitions(tmp_path):
    design = Grid({"a": np.linspace(0, 1, 9).tolist(), "seed": list(range(6))})
    study = run(tmp_path, design, b=0.0, scatter=0.2)
    surrogate = Surrogate.of(study, "y", parameters=["a"])
    assert surrogate.noise == pytest.approx(0.2, rel=0.25)
    assert surrogate.cross_validation.folds == 9


def test_cases_without_a_value_are_left_out_and_told(tmp_path):
    study = run(tmp_path, Sampled(UNIT, 30), fails=[0.8, 1.0])
    surrogate = Surrogate.of(study, "y", folds=5)
    assert len(surrogate.values) == 24
    assert surrogate.warnings == ("cases without y are left out: 6 not converged",)


def test_stated_errors_are_not_taken_for_noise_again(tmp_path):
    study = run(tmp_path, Sampled(UNIT, 60), scatter=0.1, is_told=True)
    surrogate = Surrogate.of(study, "y", folds=5)
    assert surrogate.errors.tolist() == [0.1] * 60
    assert surrogate.noise < 0.05
    assert not surrogate.cross_validation.is_too_sure


def test_stated_errors_larger_than_the_scatter_are_told():
    surrogate = sampled(30, 0.01, errors=0.2)
    (warning,) = surrogate.warnings
    assert "scatter less than the standard errors which they state" in warning
    assert sampled(30, 0.1, errors=0.1).warnings == ()


def test_effects_are_means_over_the_other_parameters():
    found = {one.path: one for one in effects_of(sampled(60, 0.0))}
    a = found["a"].places
    assert found["a"].mean == pytest.approx(np.sin(3 * a) + a / 3, abs=0.01)
    b = found["b"].places
    assert found["b"].mean == pytest.approx((1 - math.cos(3)) / 3 + b**2 / 2, abs=0.01)
    assert found["b"].size == pytest.approx(0.5, abs=0.01)


def test_the_answer_has_numbers_with_units_and_two_pictures(tmp_path):
    study = run(tmp_path, Sampled(UNIT, 30), scatter=0.05)
    answer = study.answer("response", of="y", folds=5)
    assert answer.values["rmse"]["unit"] == "W/m²"
    assert told(answer, "q2") > 0.9
    assert answer.table["parameter"].tolist() == ["a", "b"]
    assert [figure.source[:14] for figure in answer.figures] == ["data:image/png"] * 2
    assert "Q² 0.9" in answer.text


# --- Sobol indices of a surrogate


def test_indices_of_a_linear_function_are_those_of_its_slopes(tmp_path):
    study = run(tmp_path, Sampled(UNIT, 16), "linear")
    answer = sobol_indices_by_surrogate(study, "length")
    for kind in ("first", "total"):
        for name, exact in (("a", 9 / 13), ("b", 4 / 13)):
            found = answer.values[f"{kind}.{name}"]
            assert found["value"] == pytest.approx(exact, abs=0.02)
            assert abs(found["value"] - exact) < 2 * found["uncertainty"]


def test_indices_leave_out_noise_and_say_so(tmp_path):
    study = run(tmp_path, Sampled(UNIT, 64), scatter=0.2)
    answer = sobol_indices_by_surrogate(study, "y", least_q2=0.5)
    (warning,) = [text for text in answer.warnings if "noise to the surrogate" in text]
    assert 0.1 < float(warning.split("%")[0]) / 100 < 0.5
    assert told(answer, "first.a") + told(answer, "first.b") > 0.8


def test_fewer_cases_leave_indices_more_open():
    few, many = (indices_of(sampled(count, 0.2), seed=0) for count in (20, 150))
    assert few.total.intervals.max() > 1.5 * many.total.intervals.max()
    assert many.total.intervals.max() < 0.2


def test_intervals_of_indices_hold_those_of_the_function():
    a, b = np.linspace(0.0005, 0.9995, 1000), 1 / 3
    of_a = np.var(np.sin(3 * a) + a * b)
    everything = np.var(smooth(np.stack(np.meshgrid(a, a), axis=-1).reshape(-1, 2)))
    held = []
    for seed in range(6):
        found = indices_of(sampled(30, 0.1, seed), seed)
        held.append(abs(found.first.values[0] - of_a / everything) <= found.first.intervals[0])
    assert sum(held) >= 5, "a probability of 0.03 for fewer of six"


@pytest.mark.slow
def test_indices_of_the_ishigami_function_need_a_quarter_of_the_cases(tmp_path):
    span = Range(-math.pi, math.pi)
    study = run(tmp_path, Sampled(dict.fromkeys("xyz", span), 256, method="sobol"), "ishigami")
    answer = sobol_indices_by_surrogate(study, "f")
    first, total = (0.3139, 0.4424, 0.0), (0.5576, 0.4424, 0.2437)
    for i, name in enumerate("xyz"):
        assert told(answer, f"first.{name}") == pytest.approx(first[i], abs=0.04)
        assert told(answer, f"total.{name}") == pytest.approx(total[i], abs=0.04)
