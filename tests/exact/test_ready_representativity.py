"""How scatter falls with volume: uncorrelated voxels, a Boolean model, and made-up numbers."""

import math
from pathlib import Path

import numpy as np
import pytest

from microstructures import Volume
from microstructures.errors import InvalidInputError
from studies import Study, Zipped
from studies.ready import representative_size, subvolume_sweep
from studies.ready.scatter import drift, fit_scatter
from tests.exact.filled_studies import filled
from twin.manufacturing import places, sub_volume

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
EDGE = 1e-7


def fractions(volume, sizes):
    """Volume of a cube, and the fractions of phase 1 of all cubes, for each size."""
    cubes = [
        [sub_volume(volume, size=size, place=k)[0].fraction(1) for k in range(count)]
        for size in sizes
        for count in [places(volume.shape, size)]
    ]
    return [(size * volume.spacing[0]) ** 3 for size in sizes], cubes


def test_uncorrelated_voxels_scatter_by_p_times_1_minus_p_over_their_number():
    p = 0.3
    labels = (np.random.default_rng(1).random((48, 48, 48)) < p).astype(np.uint8)
    found = fit_scatter(*fractions(Volume(labels, EDGE), (6, 8, 12, 16)))
    exact = p * (1 - p) * EDGE**3
    assert abs(found.strength - exact) < 3 * found.strength_error
    assert found.strength_error / exact < 0.07
    assert found.first == 0
    assert abs(found.exponent + 0.5) < 3 * found.exponent_error
    assert found.deviation_at((12 * EDGE) ** 3) == pytest.approx(
        math.sqrt(p * (1 - p) / 12**3), rel=0.1
    )


def test_a_boolean_model_scatters_as_its_covariance_says():
    """Balls of n voxels at random: C(h) = q² (exp(λ γ(h)) − 1), γ(h) the overlap of two of them."""
    from scipy.ndimage import binary_dilation
    from scipy.signal import fftconvolve

    radius, share, size, cubes = 2, 0.5, 96, (12, 16, 24)
    z, y, x = np.indices((2 * radius + 1,) * 3) - radius
    ball = z**2 + y**2 + x**2 <= radius**2
    rate = -math.log(share) / ball.sum()
    overlap = np.rint(
        fftconvolve(ball, ball[::-1, ::-1, ::-1])
    )  # at steps −2r … 2r along each axis
    covariance = share**2 * np.expm1(rate * overlap)
    steps = np.abs(np.arange(-2 * radius, 2 * radius + 1))

    def variance(edge):
        pairs = edge - steps
        number = pairs[:, None, None] * pairs[None, :, None] * pairs[None, None, :]
        return float(np.sum(number * covariance)) / edge**6

    rng = np.random.default_rng(2)
    seeds = rng.random((size + 2 * radius,) * 3) < -math.expm1(-rate)
    inner = (slice(radius, -radius),) * 3
    free = ~binary_dilation(seeds, ball)[inner]
    found = fit_scatter(*fractions(Volume(free.astype(np.uint8), 1.0), cubes))
    exact = np.array([math.sqrt(variance(edge)) for edge in cubes])
    assert np.all(np.abs(found.deviations - exact) < 3 * found.deviation_errors)
    # faces take some of the covariance, less the larger the cube
    assert found.strength == pytest.approx(covariance.sum(), rel=0.25)


def test_cubes_smaller_than_the_correlation_are_left_out():
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(0).standard_normal((48, 48, 48))
    labels = (gaussian_filter(noise, 3.0, mode="wrap") > 0).astype(np.uint8)
    found = fit_scatter(*fractions(Volume(labels, 1.0), (6, 8, 16, 24)))
    assert found.first >= 2
    assert found.exponent > -0.4


def test_the_law_of_made_up_averages_is_found():
    """s² V is K for each, whose pooled mean and χ² error are known."""
    volumes = [1.0, 8.0]
    values = [[2.0, 4.0, 6.0, 8.0], [4.0, 4.5, 5.0, 5.5, 6.0]]
    found = fit_scatter(volumes, values)
    variances = [np.var(v, ddof=1) for v in values]
    exact = (3 * variances[0] * 1 + 4 * variances[1] * 8) / 7
    assert found.strength == pytest.approx(exact)
    assert found.strength_error == pytest.approx(exact * math.sqrt(2 / 7))
    assert found.volume_for(0.1, 2)[0] == pytest.approx(exact / (2 * 0.01))
    assert found.deviation_errors[0] == pytest.approx(math.sqrt(variances[0] / 6))


def test_intervals_of_strength_and_exponent_cover_the_truth():
    rng, volumes = np.random.default_rng(4), np.array([1.0, 4.0, 16.0])
    found = [
        fit_scatter(
            volumes,
            [
                rng.normal(1.0, math.sqrt(2.0 / v), n)
                for v, n in zip(volumes, (5, 8, 40), strict=True)
            ],
        )
        for _ in range(300)
    ]
    inside = [abs(one.strength - 2.0) < 1.96 * one.strength_error for one in found]
    near = [abs(one.exponent + 0.5) < 1.96 * one.exponent_error for one in found]
    assert np.mean(inside) > 0.85  # a χ² is skew, and sizes are dropped by a test
    assert 0.9 < np.mean(near) < 0.99
    exponents = [one.exponent for one in found]
    assert np.mean(exponents) == pytest.approx(-0.5, abs=3 * np.std(exponents) / math.sqrt(300))


def test_drift_is_the_slope_in_one_over_the_edge():
    rng = np.random.default_rng(0)
    volumes = np.array([8.0, 64.0, 512.0])
    values = [3 + 2 / v ** (1 / 3) + rng.normal(0, 0.1 / math.sqrt(v), 500) for v in volumes]
    slope, error, endless = drift(fit_scatter(volumes, values))
    assert slope == pytest.approx(2.0, abs=3 * error)
    assert error < 0.02
    assert endless == pytest.approx(3.0, abs=0.01)


@pytest.mark.parametrize(
    ("volumes", "values", "message"),
    [
        ([1.0], [[1, 2, 3, 4]], "show no law"),
        ([1.0, 1.0], [[1, 2, 3, 4]] * 2, "show no law"),
        ([1.0, 2.0], [[1, 2, 3, 4], [1, 2, 3]], "3 values only"),
        ([1.0, 2.0], [[1, 2, 3, 4], [1, 1, 1, 1]], "no spread"),
    ],
)
def test_what_shows_no_spread_is_refused(volumes, values, message):
    with pytest.raises(InvalidInputError, match=message):
        fit_scatter(volumes, values)


SIZES, PLACES = (8, 16, 32), 8


def normal(parameters, drift=0.0, deviation=0.4):
    """A quantity 2 of unit m with a spread of 0.4 (V/8³)^-1/2, evenly over the places."""
    size, place = parameters["sub_volume.size"], parameters["sub_volume.place"]
    at = (place - 3.5) / math.sqrt(6.0)  # unit variance
    value = 2.0 + drift / size + deviation * (size / 8) ** -1.5 * at
    return {
        "q": (value, "m", 0.5 * (size / 8) ** -1.5),
        "sub_volume.edge": (size * 1e-6, "m"),
        "volume_fraction.pore": value / 10,
    }


def made(tmp_path, **about):
    volume = {"generate": "sample_cathode", "shape": [64, 64, 64]}
    folder = str(tmp_path / "s")
    study = subvolume_sweep(volume, sizes=SIZES, places=PLACES, folder=folder)
    return filled(study, lambda p: normal(p, **about))


def test_the_size_follows_from_the_spread(tmp_path):
    study = made(tmp_path)
    answer = study.answer("representative_size", of="q", relative_error=0.01)
    strength = 0.4**2 * 8**3 * 1e-18
    assert answer.values["strength"]["value"] == pytest.approx(strength, rel=1e-6, abs=0)
    assert answer.values["mean"]["value"] == pytest.approx(2.0)
    edge = (strength / 0.02**2) ** (1 / 3)
    assert answer.values["edge"]["value"] == pytest.approx(edge)
    assert answer.values["exponent"]["value"] == pytest.approx(-0.5)
    assert f"{1e6 * edge:.3g} ±" in answer.text
    assert answer.table["card over seen"].tolist() == pytest.approx([1.25] * 3)
    assert len(answer.figures) == 2
    several = representative_size(study, "q", 0.01, samples=8)
    assert several.values["edge"]["value"] == pytest.approx(edge / 2)
    assert "each of 8 cubes" in several.text


def test_a_fraction_has_an_integral_range(tmp_path):
    answer = representative_size(made(tmp_path), "volume_fraction.pore")
    exact = 0.04**2 * 8**3 * 1e-18 / (0.2 * 0.8)
    assert answer.values["integral_range"]["value"] == pytest.approx(exact, rel=1e-6, abs=0)


def test_drift_is_told_apart_from_scatter(tmp_path):
    still = representative_size(made(tmp_path / "still"), "q")
    assert "no drift" in still.text
    moved = representative_size(made(tmp_path / "moved", drift=8.0, deviation=0.1), "q")
    assert "the mean drifts with size" in moved.text
    assert moved.values["endless"]["value"] == pytest.approx(2.0)
    assert moved.values["bias_of_largest"]["value"] == pytest.approx(0.25)


def test_what_is_far_from_what_was_seen_is_doubted(tmp_path):
    answer = representative_size(made(tmp_path), "q", 0.001)
    assert any("times the largest edge" in text for text in answer.warnings)


def test_cases_without_a_number_are_left_out_and_told(tmp_path):
    study = subvolume_sweep(
        {"generate": "sample_cathode"}, sizes=SIZES, places=PLACES, folder=str(tmp_path / "s")
    )
    blocked = {(8, 0), (8, 1), (16, 3)}

    def values(parameters):
        if (parameters["sub_volume.size"], parameters["sub_volume.place"]) in blocked:
            return None
        return normal(parameters)

    answer = representative_size(filled(study, values), "q")
    assert answer.table["cubes"].tolist() == [6, 7, 8]
    assert "3 of 24 cases have no q (3 does not percolate)" in answer.warnings[0]


def test_questions_that_cannot_be_answered_are_refused(tmp_path):
    study = made(tmp_path)
    with pytest.raises(InvalidInputError, match=r"did you mean 'volume_fraction\.pore'"):
        representative_size(study, "volume_fraction.pores")
    with pytest.raises(InvalidInputError, match="ask for nothing"):
        representative_size(study, "q", 0.0)
    volume = {"generate": "sample_cathode"}
    empty = subvolume_sweep(volume, folder=str(tmp_path / "empty"))
    with pytest.raises(InvalidInputError, match="32 not run"):
        representative_size(empty, "q")
    few = filled(
        subvolume_sweep(volume, sizes=SIZES, places=3, folder=str(tmp_path / "few")), normal
    )
    with pytest.raises(InvalidInputError, match="0 sizes have 4 values"):
        representative_size(few, "q")
    other = Study({"volume": volume}, Zipped({"volume.seed": [0]}), tmp_path / "other")
    with pytest.raises(InvalidInputError, match=r"does not vary 'sub_volume\.size'"):
        representative_size(other, "q")


def test_the_file_is_the_study_of_the_function():
    read = Study.from_toml(EXAMPLES / "representativity.toml")
    assert [c.key for c in read.cases()] == [c.key for c in subvolume_sweep().cases()]
    assert list(read.questions) == ["representative_size"]


@pytest.mark.slow
def test_the_example_runs_and_is_answered(tmp_path):
    study = subvolume_sweep(folder=str(tmp_path / "s"), sizes=(16, 24), places=6)
    assert study.run("serial").is_complete
    answer = study.answer("representative_size", of="volume_fraction.NMC")
    assert answer.values["integral_range"]["value"] > 0
    seen, stated = (answer.table.iloc[:, i].to_numpy() for i in (4, 7))
    assert np.all(stated / seen < 4)
