"""Calibration of closed forms: straight lines known exactly, intervals that cover, what is said."""

import warnings

import numpy as np
import pytest
from scipy import stats

from microstructures.errors import ConvergenceError, InvalidInputError
from twin.performance import (
    CalibrationWarning,
    Measured,
    MeasuredDischarge,
    MeasuredRates,
    MeasuredSpectrum,
    TransmissionLine,
    Unknown,
    calibrate,
)

X = np.linspace(1.0, 3.0, 8)
LINE = (Unknown("a", 1.0, log=False), Unknown("b", 1.0, log=False))
NOISE = 0.1
Y = 2.0 + 0.5 * X + NOISE * np.random.default_rng(5).standard_normal(8)
FREQUENCY = np.geomspace(0.1, 1e4, 20)
TRUE = {"contact": 5e-4, "charge_transfer": 2e-3, "capacitance": 5.0}
CIRCUIT = tuple(Unknown(name, start) for name, start in zip(TRUE, (1e-3, 1e-3, 2.0), strict=True))


def straight(p):
    return p["a"] + p["b"] * X


def circuit(p):
    """A resistance and a parallel element in series, in closed form."""
    omega = 2 * np.pi * FREQUENCY
    return p["contact"] + 1 / (1 / p["charge_transfer"] + 1j * omega * p["capacitance"])


def spectrum_of(seed, share=0.02, model=circuit, true=TRUE):
    """A spectrum with noise of a share of the modulus, and that noise's size."""
    exact = model(true)
    error = share * np.abs(exact)
    noise = np.random.default_rng(seed).standard_normal((2, len(exact)))
    return MeasuredSpectrum(FREQUENCY, exact + error * (noise[0] + 1j * noise[1]), error)


def line_errors(noise):
    """Standard errors and correlation of a straight line, by its textbook formulas."""
    spread = np.sum((X - X.mean()) ** 2)
    of_b = noise / np.sqrt(spread)
    of_a = noise * np.sqrt(1 / len(X) + X.mean() ** 2 / spread)
    return of_a, of_b, -X.mean() / np.sqrt(np.mean(X**2))


# ---- straight lines


def test_a_straight_line_is_the_textbook_one():
    found = calibrate(straight, LINE, Measured(Y, NOISE))
    slope, intercept = np.polyfit(X, Y, 1)
    assert found.values == pytest.approx({"a": intercept, "b": slope}, rel=1e-7)
    of_a, of_b, correlation = line_errors(NOISE)
    assert found.standard_errors == pytest.approx({"a": of_a, "b": of_b}, rel=1e-7)
    assert found.correlation[0, 1] == pytest.approx(correlation, rel=1e-7)
    assert np.diag(found.correlation) == pytest.approx([1.0, 1.0])
    missed = (intercept + slope * X - Y) / NOISE
    assert found.residuals == pytest.approx(missed, abs=1e-6)
    assert found.reduced_chi2 == pytest.approx(missed @ missed / 6, rel=1e-7)
    assert found.identifiable == {"a": True, "b": True}
    assert found.warnings == ()


@pytest.mark.parametrize("level", [0.683, 0.95])
@pytest.mark.parametrize("error", [NOISE, None])
def test_profile_and_linear_intervals_of_a_line_are_those_of_the_quantile(level, error):
    """Normal if errors are known, Student's with 6 degrees of freedom if they are not."""
    found = calibrate(straight, LINE, Measured(Y, error))
    regression = stats.linregress(X, Y)
    if error is None:
        quantile = stats.t.ppf(0.5 + level / 2, 6)
        errors = regression.intercept_stderr, regression.stderr
    else:
        quantile, errors = stats.norm.ppf(0.5 + level / 2), line_errors(NOISE)[:2]
    for method in ("linear", "profile"):
        intervals = found.intervals(level, method)
        for name, standard in zip(("a", "b"), errors, strict=True):
            half = quantile * standard
            assert intervals[name].upper - found.values[name] == pytest.approx(half, rel=1e-6)
            assert found.values[name] - intervals[name].lower == pytest.approx(half, rel=1e-6)
            assert not intervals[name].is_open


def test_the_scale_of_errors_that_are_given_is_taken_at_its_word():
    one, ten = (calibrate(straight, LINE, Measured(Y, k * NOISE)) for k in (1, 10))
    assert ten.values == pytest.approx(one.values, rel=1e-6)
    assert ten.standard_errors["a"] == pytest.approx(10 * one.standard_errors["a"])
    assert ten.chi2 == pytest.approx(one.chi2 / 100)


def test_a_prior_is_averaged_with_the_data_by_their_weights():
    y, error, prior, uncertainty = np.array([3.0, 3.4]), 0.2, 2.5, 0.3
    unknown = Unknown("a", 1.0, log=False, prior=prior, uncertainty=uncertainty)
    found = calibrate(lambda p: np.full(2, p["a"]), unknown, Measured(y, error))
    weights = np.array([2 / error**2, 1 / uncertainty**2])
    assert found.values["a"] == pytest.approx(weights @ [3.2, 2.5] / weights.sum())
    assert found.standard_errors["a"] == pytest.approx(weights.sum() ** -0.5)
    assert len(found.residuals) == 3


def test_a_prior_on_a_log_scale_is_log_normal():
    """Data on the logarithm make that a straight line: the mean of logarithms by weights."""
    unknown = Unknown("r", 1.0, prior=2.0, uncertainty=0.4)  # 0.2 of the logarithm
    found = calibrate(lambda p: [np.log(p["r"])], unknown, Measured([1.0], 0.1))
    logarithm = (1.0 / 0.1**2 + np.log(2.0) / 0.2**2) / (1 / 0.1**2 + 1 / 0.2**2)
    assert np.log(found.values["r"]) == pytest.approx(logarithm)
    assert found.standard_errors["r"] / found.values["r"] == pytest.approx(125**-0.5)


@pytest.mark.parametrize("error", [NOISE, None])
def test_a_predicted_line_has_the_textbook_band(error):
    found = calibrate(straight, LINE, Measured(Y, error))
    at = np.array([0.0, 2.0, 5.0])
    band = found.predict(lambda p: p["a"] + p["b"] * at, model=dict)
    noise = NOISE if error else np.sqrt(found.reduced_chi2)
    quantile = stats.norm.ppf(0.975) if error else stats.t.ppf(0.975, 6)
    spread = np.sum((X - X.mean()) ** 2)
    standard = noise * np.sqrt(1 / len(X) + (at - X.mean()) ** 2 / spread)
    assert band.standard_error == pytest.approx(standard, rel=1e-6)
    assert band.upper - band.value == pytest.approx(quantile * standard, rel=1e-6)
    assert band.value - band.lower == pytest.approx(quantile * standard, rel=1e-6)


@pytest.mark.parametrize("method", ["sampling", "bootstrap"])
@pytest.mark.parametrize("error", [NOISE, None])
def test_draws_of_a_line_spread_as_its_band(method, error):
    """2000 draws: standard deviations are known to 1/√4000 = 1.6 %; four times that is allowed."""
    found = calibrate(straight, LINE, Measured(Y, error), starts=1)
    band, drawn = (
        found.predict(lambda p: p["b"], model=dict, method=m, draws=2000)
        for m in ("linear", method)
    )
    student = np.sqrt(6 / 4) if method == "sampling" and error is None else 1.0  # of Student's
    assert drawn.standard_error == pytest.approx(student * band.standard_error, rel=0.065)
    if student == 1.0:
        # an end of 95 % is known to 2.1/√2000 standard deviations of the noise
        normal = stats.norm.ppf(0.975) * band.standard_error
        allowed = 4 * 2.7 / np.sqrt(2000) * float(band.standard_error)
        assert drawn.upper - drawn.value == pytest.approx(normal, abs=allowed)
        assert drawn.value - drawn.lower == pytest.approx(normal, abs=allowed)


def test_bootstrap_intervals_of_a_line_are_the_normal_ones():
    found = calibrate(straight, LINE, Measured(Y, NOISE), starts=1)
    drawn = found.intervals(0.683, "bootstrap", draws=1000, rng=1)["b"]
    half = stats.norm.ppf(0.8415) * found.standard_errors["b"]
    # an end of 68 % is known to 1.5/√1000 standard errors
    allowed = 4 * 1.5 / np.sqrt(1000) * found.standard_errors["b"]
    assert drawn.upper - drawn.value == pytest.approx(half, abs=allowed)
    assert drawn.value - drawn.lower == pytest.approx(half, abs=allowed)


# ---- impedance in closed form


def test_a_spectrum_without_noise_gives_back_its_numbers():
    exact = circuit(TRUE)
    found = calibrate(circuit, CIRCUIT, MeasuredSpectrum(FREQUENCY, exact, 0.01 * np.abs(exact)))
    assert found.values == pytest.approx(TRUE, rel=1e-6)
    assert found.chi2 < 1e-6


def test_a_transmission_line_is_calibrated_through_its_impedance():
    true = {"ionic": 4e-3, "charge_transfer": 2e-3, "capacitance": 5.0}

    def line(p):
        return TransmissionLine(p["ionic"], 1e-4, p["charge_transfer"], p["capacitance"])

    data = spectrum_of(3, 0.005, lambda p: line(p).impedance(FREQUENCY), true)
    unknowns = [Unknown("ionic", 1e-3), *CIRCUIT[1:]]
    found = calibrate(line, unknowns, data)
    assert all(true[name] in interval for name, interval in found.intervals(0.999).items())
    resistance = found.predict(lambda line: line.resistance, level=0.999)
    assert resistance.lower < line(true).resistance < resistance.upper
    assert resistance.standard_error < 0.01 * resistance.value


def test_modulus_weighting_without_errors_finds_the_share_of_noise():
    with_errors = spectrum_of(7)
    data = MeasuredSpectrum(FREQUENCY, with_errors.impedance)
    found = calibrate(circuit, CIRCUIT, data)
    low, high = stats.chi2.ppf([1e-4, 1 - 1e-4], 37) / 37
    assert low < found.reduced_chi2 / 0.02**2 < high


@pytest.mark.parametrize("known", [True, False])
def test_linear_intervals_cover_as_often_as_they_say(known):
    """95 % of 200 seeds, within what chance leaves with a probability of 1 - 1e-4."""
    low, high = stats.binom.ppf([5e-5, 1 - 5e-5], 200, 0.95)
    covered = dict.fromkeys(TRUE, 0)
    for seed in range(200):
        data = spectrum_of(seed)
        if not known:
            data = MeasuredSpectrum(FREQUENCY, data.impedance)
        found = calibrate(circuit, CIRCUIT, data, starts=1)
        for name, interval in found.intervals(method="linear").items():
            covered[name] += TRUE[name] in interval
    assert all(low <= count <= high for count in covered.values()), covered


def test_profile_intervals_cover_where_linear_ones_do_not():
    """y = 1/b² with noise of its size: symmetric intervals of b fail, χ² does not."""
    low, high = stats.binom.ppf([5e-5, 1 - 5e-5], 200, 0.95)
    profile = linear = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CalibrationWarning)  # some draws are 0 or below
        for seed in range(200):
            noise = 0.45 * np.random.default_rng(seed).standard_normal(1)
            unknown = Unknown("b", 1.0, bounds=(1e-3, 1e3), log=False)
            found = calibrate(
                lambda p: [p["b"] ** -2], unknown, Measured(1.0 + noise, 0.45), starts=1
            )
            profile += 1.0 in found.intervals()["b"]
            linear += 1.0 in found.intervals(method="linear")["b"]
    assert low <= profile <= high
    assert linear < profile


def test_predictions_cover_as_often_as_they_say():
    """The real part at a frequency that was not measured."""
    low, high = stats.binom.ppf([5e-5, 1 - 5e-5], 200, 0.95)

    def slow(p):
        return p["contact"] + p["charge_transfer"]

    covered = 0
    for seed in range(200):
        found = calibrate(circuit, CIRCUIT, spectrum_of(seed), starts=1)
        band = found.predict(slow, model=dict)
        covered += band.lower <= slow(TRUE) <= band.upper
    assert low <= covered <= high


def test_several_data_are_weighed_by_their_errors():
    """The mean of two kinds of measurement of one number, by the inverse variances."""
    data = [
        Measured([2.0], 0.1, simulate=lambda p: [p["r"]]),
        Measured([9.0], 0.4, simulate=lambda p: [4 * p["r"]]),
    ]
    found = calibrate(dict, Unknown("r", 1.0, log=False), data)
    assert found.values["r"] == pytest.approx((2.0 + 2.25) / 2)
    assert found.standard_errors["r"] == pytest.approx(0.1 / np.sqrt(2))


def test_the_same_seed_gives_the_same_numbers():
    runs = [calibrate(circuit, CIRCUIT, spectrum_of(1), rng=4) for _ in range(2)]
    assert runs[0].values == runs[1].values
    assert runs[0].minima == runs[1].minima
    one, two, other = (
        run.intervals(method="bootstrap", draws=20, rng=rng)["contact"]
        for run, rng in zip([*runs, runs[0]], (1, 1, 2), strict=True)
    )
    assert one == two
    assert one != other


# ---- what the data do not determine


def in_series(p):
    return p["one"] + p["two"] + 1 / (1 / p["charge_transfer"] + 10j * np.pi * FREQUENCY)


@pytest.fixture(scope="module")
def pair():
    true = {"one": 1e-4, "two": 4e-4, "charge_transfer": 2e-3}
    unknowns = [Unknown("one", 2e-4), Unknown("two", 1e-3), CIRCUIT[1]]
    with pytest.warns(CalibrationWarning, match="determine one, two one by one"):
        return calibrate(in_series, unknowns, spectrum_of(0, 0.02, in_series, true))


def test_resistances_in_series_are_said_not_to_be_determined(pair):
    assert pair.identifiable == {"one": False, "two": False, "charge_transfer": True}
    assert pair.standard_errors["one"] == np.inf
    assert np.isnan(pair.correlation[0, 1])
    assert pair.standard_errors["charge_transfer"] < 0.05 * pair.values["charge_transfer"]
    assert "not determined" in str(pair)
    frame = pair.to_frame()
    assert list(frame["identifiable"]) == [False, False, True]
    assert frame["upper"][0] == np.inf


@pytest.mark.parametrize("method", ["linear", "profile", "bootstrap"])
def test_their_intervals_are_open(pair, method):
    with pytest.warns(CalibrationWarning, match="the interval of (one|two) is"):
        found = pair.intervals(method=method, draws=20)
    assert found["one"].lower == 0.0
    assert found["one"].is_open
    assert not found["charge_transfer"].is_open
    total = pair.values["one"] + pair.values["two"]
    if method == "profile":  # what is positive is no larger than the sum
        assert total < found["one"].upper < 1.1 * total
    else:
        assert found["one"].upper == np.inf


@pytest.mark.parametrize("method", ["linear", "sampling", "bootstrap"])
def test_what_the_data_determine_is_predicted_all_the_same(pair, method):
    total = pair.predict(lambda p: p["one"] + p["two"], model=dict, method="linear")
    assert total.lower < 5e-4 < total.upper
    assert total.standard_error < 0.05 * total.value
    with pytest.warns(CalibrationWarning, match="infinite"):
        part = pair.predict(lambda p: p["one"], model=dict, method=method, draws=20)
    assert (part.lower, part.upper) == (-np.inf, np.inf)
    assert "do not determine" in str(part)


def test_a_prior_on_one_of_them_determines_both(pair):
    unknowns = [Unknown("one", 2e-4, prior=1e-4, uncertainty=1e-5), *pair.fit.problem.unknowns[1:]]
    found = calibrate(in_series, unknowns, pair.fit.problem.data)
    assert all(found.identifiable.values())
    assert found.standard_errors["one"] == pytest.approx(1e-5, rel=0.05)


def test_an_unknown_that_the_model_does_not_use_is_said():
    with pytest.warns(CalibrationWarning, match="do not change with c"):
        found = calibrate(straight, [*LINE, Unknown("c", 1.0)], Measured(Y, NOISE))
    assert found.identifiable == {"a": True, "b": True, "c": False}
    assert found.standard_errors["a"] == pytest.approx(line_errors(NOISE)[0], rel=1e-6)


def test_a_resistance_too_small_to_be_seen_has_an_upper_limit_only():
    data = Measured([1.0, 1.0], 0.1)
    with pytest.warns(CalibrationWarning):
        found = calibrate(lambda p: np.full(2, 1.0 + p["r"]), Unknown("r", 0.01), data)
    assert found.identifiable == {"r": False}
    with pytest.warns(CalibrationWarning, match="open below: no end in sight"):
        interval = found.intervals()["r"]
    assert interval.lower == 0.0
    # 2 (r/0.1)² = χ² quantile
    assert interval.upper == pytest.approx(0.1 * np.sqrt(stats.chi2.ppf(0.95, 1) / 2), rel=1e-2)


def test_a_bound_that_is_hit_is_said_and_its_side_is_open():
    narrow = [Unknown("a", 1.0, bounds=(0.0, 1.5), log=False), LINE[1]]
    with pytest.warns(CalibrationWarning, match="a ended at a bound, 1.5"):
        found = calibrate(straight, narrow, Measured(Y, NOISE))
    assert found.values["a"] == pytest.approx(1.5, abs=1e-3)
    assert found.identifiable == {"a": False, "b": True}
    assert found.standard_errors["a"] == np.inf
    assert found.standard_errors["b"] == pytest.approx(NOISE / np.sqrt(X @ X), rel=1e-6)
    with pytest.warns(CalibrationWarning, match="open above: the bound is reached first"):
        assert found.intervals()["a"].upper == np.inf
    with pytest.warns(CalibrationWarning, match="infinite"):
        assert found.predict(lambda p: p["a"], model=dict).upper == np.inf
    assert np.isfinite(found.predict(lambda p: p["b"], model=dict).upper)


def test_an_interval_that_meets_a_bound_is_open_there():
    """The minimum is inside, but the bound comes before χ² has risen enough."""
    of_a = line_errors(NOISE)[0]
    best = np.polyfit(X, Y, 1)[1]
    bounded = [Unknown("a", best, bounds=(best - 9.0, best + 0.5 * of_a), log=False), LINE[1]]
    found = calibrate(straight, bounded, Measured(Y, NOISE))
    with pytest.warns(CalibrationWarning, match="open above"):
        interval = found.intervals()["a"]
    assert interval.upper == np.inf
    assert interval.lower == pytest.approx(best - stats.norm.ppf(0.975) * of_a, rel=1e-5)
    # a straight line is as steep where differences are cut short
    assert found.predict(lambda p: p["a"], model=dict).standard_error == pytest.approx(of_a)


def test_two_minima_as_good_are_said():
    unknown = Unknown("a", 1.0, bounds=(-5.0, 5.0), log=False)
    with pytest.warns(CalibrationWarning, match="different values of a"):
        found = calibrate(lambda p: [p["a"] ** 2], unknown, Measured([4.0], 0.1), starts=8)
    assert found.identifiable == {"a": False}
    assert {round(values["a"], 3) for values, _ in found.minima} == {-2.0, 2.0}


def test_the_best_of_several_starts_is_taken():
    t = np.linspace(0.0, 3.0, 40)
    data = Measured(np.sin(4.0 * t), 0.05)
    unknown = Unknown("omega", 1.0)
    with pytest.warns(CalibrationWarning, match="model lacks something"):
        alone = calibrate(lambda p: np.sin(p["omega"] * t), unknown, data, starts=1)
    assert abs(alone.values["omega"] - 4.0) > 0.5
    found = calibrate(lambda p: np.sin(p["omega"] * t), unknown, data, starts=12)
    assert found.values["omega"] == pytest.approx(4.0, rel=1e-6)
    assert len(found.minima) == 12


def test_a_profile_that_finds_a_better_minimum_tells_so():
    """A valley near 0 and, beyond a hill below the threshold, a deeper one near π."""

    def valleys(p):
        return [1.58 * np.sin(2 * p["a"]), 0.3 * (p["a"] - 3.3)]

    unknown = Unknown("a", -0.2, log=False)
    found = calibrate(valleys, unknown, Measured([0.0, 0.0], 1.0), starts=1)
    assert abs(found.values["a"]) < 0.5
    with pytest.raises(ConvergenceError, match="calibrate with more starts"):
        found.intervals()


def test_a_flat_minimum_is_no_interval_of_zero_width():
    """(1 + a²)/1.3 against 0: no slope at the minimum, so that a straight line knows nothing."""
    data = Measured([0.0], 1.3)
    with pytest.warns(CalibrationWarning, match="(about|with) a"):
        found = calibrate(lambda p: [1 + p["a"] ** 2], Unknown("a", -0.5, log=False), data)
    interval = found.intervals()["a"]
    rise = stats.chi2.ppf(0.95, 1) * 1.3**2
    exact = np.sqrt(np.sqrt(1 + rise) - 1)  # (1 + a²)² = 1 + rise
    assert interval.upper == pytest.approx(exact, rel=3e-3)
    assert interval.lower == pytest.approx(-exact, rel=3e-3)


def test_a_model_that_lacks_something_is_said():
    with pytest.warns(CalibrationWarning, match="the model lacks something"):
        calibrate(straight, LINE, Measured(Y + X**3, NOISE))


# ---- runs that fail


def limited(p):
    if p["b"] > 0.4:
        raise ConvergenceError("no solution", None)
    return straight(p)


def test_a_start_that_fails_is_told_with_its_values():
    with pytest.raises(ConvergenceError, match=r"no solution, with a = 1, b = 1"):
        calibrate(limited, LINE, Measured(Y, NOISE))


@pytest.mark.parametrize("step", [None, 0.3])
def test_a_minimum_behind_runs_that_fail_is_no_result(step):
    """Seen when a difference of a short step fails, or at the end after long ones."""
    start = [LINE[0], Unknown("b", 0.1, log=False)]
    with pytest.raises(ConvergenceError, match="runs fail on the way to the minimum"):
        calibrate(limited, start, Measured(Y, NOISE), starts=1, step=step)


def test_failures_beside_the_way_do_no_harm():
    """1/x from 0.9 to 5: steps along a tangent go too far."""
    failed = []

    def inverse(p):
        if p["x"] < 0.19:
            failed.append(p["x"])
            raise ConvergenceError("no solution", None)
        return [1 / p["x"]]

    unknown = Unknown("x", 0.9, log=False)
    found = calibrate(inverse, unknown, Measured([5.0], 0.1), starts=1)
    assert failed
    assert found.values["x"] == pytest.approx(0.2, rel=1e-6)


def test_draws_that_fail_are_not_left_out_silently():
    found = calibrate(straight, LINE, Measured(Y, NOISE))

    def fails_often(p):
        if p["b"] > found.values["b"]:
            raise ConvergenceError("no solution", None)
        return p["b"]

    with pytest.raises(ConvergenceError, match="draws of the sampling failed"):
        found.predict(fails_often, model=dict, method="sampling")


def test_a_number_that_is_none_is_a_failed_run():
    with pytest.raises(ConvergenceError, match="not finite"):
        calibrate(lambda p: X * np.nan, LINE, Measured(Y, NOISE))
    found = calibrate(straight, LINE, Measured(Y, NOISE))
    with pytest.raises(ConvergenceError, match="prediction is not finite"):
        found.predict(lambda p: np.nan)


# ---- mistakes


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: MeasuredSpectrum([1.0, 2.0], [1 - 1j]), "2 points and impedance 1"),
        (lambda: MeasuredSpectrum([1.0, -2.0], [1 - 1j] * 2), "-2.0 at position 1"),
        (lambda: MeasuredSpectrum([1.0], [complex(np.nan, 0)]), "position 0"),
        (lambda: MeasuredSpectrum([1.0], [1 - 1j], -0.1), "error has -0.1"),
        (lambda: MeasuredSpectrum([1.0], [1 - 1j], [0.1, 0.1]), "each of 1 points"),
        (lambda: MeasuredRates([10.0], [np.inf]), "capacity has inf"),
        (lambda: MeasuredRates([10.0], [0.0]), "capacity has 0.0"),
        (lambda: MeasuredRates([[10.0]], [1.0]), "shape"),
        (lambda: MeasuredDischarge(0.0, [1.0], [4.0]), "current has 0.0"),
        (lambda: MeasuredDischarge(1.0, [2.0, 1.0], [4.0, 3.9]), "does not rise"),
        (lambda: Measured(["x"]), "no list of numbers"),
        (lambda: Measured([]), "give a list"),
        (lambda: Unknown("", 1.0), "give the name"),
        (lambda: Unknown("r", -1.0), "starts at -1.0"),
        (lambda: Unknown("r", 3.0, bounds=(1.0, 2.0)), "between its bounds, 1 and 2"),
        (lambda: Unknown("r", 1.5, bounds=(2.0, 1.0)), "the lower one first"),
        (lambda: Unknown("r", 1.5, bounds=(-1.0, 2.0)), "or log=False"),
        (lambda: Unknown("r", 1.0, prior=1.0), "both a prior and its uncertainty"),
        (lambda: Unknown("r", 1.0, prior=1.0, uncertainty=0.0), "give > 0"),
        (lambda: Unknown("r", 1.0, prior=-1.0, uncertainty=1.0), "or log=False"),
        (lambda: calibrate(straight, [], Measured(Y)), "at least one"),
        (lambda: calibrate(straight, [LINE[0], LINE[0]], Measured(Y)), "each once"),
        (lambda: calibrate(straight, LINE[:1], Measured(Y)), "the model asks for 'b'"),
        (lambda: calibrate(straight, LINE, []), "give measurements"),
        (lambda: calibrate(straight, LINE, Y), "give measurements"),
        (lambda: calibrate(3.0, LINE, Measured(Y)), "neither a Cell nor a function"),
        (lambda: calibrate(straight, LINE, Measured(Y[:3])), r"shape \(8,\)"),
        (lambda: calibrate(lambda p: 1j * X, LINE, Measured(Y)), "gives complex numbers"),
        (lambda: calibrate(lambda p: "x", LINE, Measured(Y)), "say with simulate"),
        (lambda: calibrate(straight, LINE, Measured(Y), starts=0), "starts is 0"),
        (lambda: calibrate(straight, LINE, Measured(Y), step=0.0), "step is 0.0"),
        (
            lambda: calibrate(lambda p: p["a"] + p["b"], LINE, Measured([1.0, 2.0][:1])),
            "at least 3",
        ),
        (lambda: calibrate(straight, LINE, [Measured(Y), Measured(Y, 1.0)]), "cannot be weighed"),
        (
            lambda: calibrate(
                straight,
                [LINE[1], Unknown("a", 1.0, prior=1.0, uncertainty=0.1)],
                Measured(Y),
            ),
            "or a prior: give errors",
        ),
    ],
)
def test_mistakes_are_told(call, words):
    with pytest.raises(InvalidInputError, match=words):
        call()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda found: found.intervals(1.0), "level is 1.0"),
        (lambda found: found.intervals(method="exact"), "'profile', 'bootstrap' or"),
        (lambda found: found.intervals(method="bootstrap", draws=3), "draws is 3"),
        (lambda found: found.predict(np.sum, method="magic"), "choose one of"),
        (lambda found: found.predict(np.sum, method="sampling", draws=1.5), "draws is 1.5"),
        (lambda found: found.predict(lambda y: 1j * y), "complex"),
    ],
)
def test_mistakes_with_a_calibration_are_told(call, words):
    found = calibrate(straight, LINE, Measured(Y, NOISE), starts=1)
    with pytest.raises(InvalidInputError, match=words):
        call(found)


def test_exact_data_without_errors_have_no_profile():
    found = calibrate(straight, LINE, Measured(2.0 + 0.5 * X))
    assert found.values == pytest.approx({"a": 2.0, "b": 0.5}, rel=1e-6)
    with pytest.raises(InvalidInputError, match="give errors"):
        found.intervals()


def test_an_impedance_with_the_wrong_sign_is_doubted():
    with pytest.warns(CalibrationWarning, match="change the sign"):
        MeasuredSpectrum([1.0, 10.0], [1 + 1j, 1 + 0.1j])
