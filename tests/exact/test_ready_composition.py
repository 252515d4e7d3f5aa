"""Percolation thresholds from trials with a known curve, and the window between two of them."""

from pathlib import Path

import numpy as np
import pytest

from microstructures.errors import InvalidInputError
from studies import Study
from studies.ready import composition_sweep, percolation_window
from studies.ready.composition import networks
from studies.ready.percolation import threshold
from tests.exact.filled_studies import filled

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def logistic(x, middle, width):
    return 1 / (1 + np.exp(-(x - middle) / width))


def test_many_trials_give_the_logistic_regression_of_another_library():
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(0)
    x = np.repeat(np.linspace(0.2, 0.6, 21), 100)
    y = rng.random(len(x)) < logistic(x, 0.41, 0.04)
    found = threshold(x, y)
    other = LogisticRegression(C=1e10, tol=1e-10, max_iter=1000).fit(100 * x[:, None], y)
    middle = -other.intercept_[0] / other.coef_[0, 0] / 100
    width = 1 / other.coef_[0, 0] / 100
    assert found.middle == pytest.approx(middle, abs=2e-4)
    assert found.width == pytest.approx(width, rel=0.02)
    assert found.error == pytest.approx(fisher_error(x, middle, width), rel=0.05)


def fisher_error(x, middle, width):
    """Standard error of the middle by the information of all trials."""
    p = logistic(x, middle, width)
    at = (x - middle) / width
    weights = p * (1 - p) / width**2
    information = np.array([[1.0, 0.0], [0.0, 0.0]]) * weights.sum()
    information[0, 1] = information[1, 0] = np.sum(weights * at)
    information[1, 1] = np.sum(weights * at**2)
    return np.sqrt(np.linalg.inv(information)[0, 0])


@pytest.mark.parametrize("width", [0.005, 0.03, 0.08])
def test_its_error_covers_the_truth(width):
    rng, inside = np.random.default_rng(1), 0
    x = np.repeat(np.arange(0.2, 0.81, 0.1), 6)
    for _ in range(100):
        middle = rng.uniform(0.35, 0.65)
        found = threshold(x, rng.random(len(x)) < logistic(x, middle, width))
        inside += abs(found.middle - middle) < 2 * found.error
    assert inside >= 88


def test_where_no_fraction_has_both_outcomes_it_is_somewhere_in_the_gap():
    found = threshold([0.2, 0.3, 0.4, 0.5] * 50, [False, False, True, True] * 50)
    assert found.middle == pytest.approx(0.35, abs=1e-3)
    assert found.error == pytest.approx(0.1 / np.sqrt(12), rel=0.3)


@pytest.mark.parametrize(
    ("spans", "message"),
    [
        ([True] * 4, "all of 4 volumes span: the threshold is below 0.2"),
        ([False] * 4, "none of 4 volumes span: the threshold is above 0.5"),
        ([True, True, False, False], "there is no threshold"),
        ([True] * 3, "one outcome for each"),
    ],
)
def test_a_threshold_that_is_not_seen_is_no_number(spans, message):
    with pytest.raises(InvalidInputError, match=message):
        threshold([0.2, 0.3, 0.4, 0.5], spans)


def ideal(parameters):
    """Active spans above 0.3 + 0.05 (ratio − 1), electrolyte up to 0.75."""
    share, ratio = parameters["mixture.active_share"], parameters["mixture.size_ratio"]
    active, ions = share > 0.25 + 0.1 * ratio - 1e-9, share < 0.75
    return {
        "active_spans": float(active),
        "electrolyte_spans": float(ions),
        "utilisation": float(active and ions),
        "largest_overlap": 0.0,
    }


def swept(tmp_path, **about):
    return composition_sweep(folder=str(tmp_path / "s"), **about)


def test_the_window_lies_between_the_two_thresholds(tmp_path):
    study = filled(swept(tmp_path, size_ratios=[1.0, 2.0]), ideal)
    answer = study.answer("percolation_window")
    table = answer.table.set_index("size ratio")
    assert table["wired from"].tolist() == pytest.approx([0.35, 0.45], abs=5e-3)
    assert table["electrolyte until"].tolist() == pytest.approx([0.75, 0.75], abs=5e-3)
    assert table["best share"].tolist() == [0.7, 0.7]
    assert table["in use"].tolist() == pytest.approx([0.7, 0.7])
    assert answer.values["from, size ratio 1"]["value"] == pytest.approx(0.35, abs=5e-3)
    assert "the window is 40 ±" in answer.text
    assert len(answer.figures) == 2


def test_ends_that_are_not_seen_are_told_and_are_no_numbers(tmp_path):
    study = swept(tmp_path, shares=[0.5, 0.6, 0.7, 0.8], size_ratios=[1.0, 4.0])
    answer = percolation_window(filled(study, ideal))
    assert "to, size ratio 1" in answer.values
    assert "from, size ratio 1" not in answer.values
    assert "from, size ratio 4" in answer.values
    assert any("size ratio 1, active: all of 24" in text for text in answer.warnings)
    alone = swept(tmp_path, shares=[0.5, 0.6, 0.7, 0.8], size_ratios=[1.0])
    with pytest.raises(InvalidInputError, match=r"no window is seen: .*threshold is below 0\.5"):
        percolation_window(alone)


def test_few_seeds_and_overlaps_are_doubted(tmp_path):
    study = swept(tmp_path, seeds=[0, 1], size_ratios=[1.0])
    answer = percolation_window(filled(study, lambda p: ideal(p) | {"largest_overlap": 0.1}))
    assert any("2 seeds" in text for text in answer.warnings)
    assert any("overlap by up to 10%" in text for text in answer.warnings)


@pytest.mark.parametrize(
    ("mixture", "message"),
    [
        ({"solid": 1.2}, "inside 0…1"),
        ({"active_radius": 0.0}, "above 0"),
        ({"radius": 1e-6}, "unknown key 'radius'"),
    ],
)
def test_mixtures_that_cannot_be_are_refused_before_anything_runs(tmp_path, mixture, message):
    with pytest.raises(InvalidInputError, match=message):
        swept(tmp_path, mixture=mixture)


def test_the_file_is_the_study_of_the_function():
    read = Study.from_toml(EXAMPLES / "composition.toml")
    assert [c.key for c in read.cases()] == [c.key for c in composition_sweep().cases()]
    assert list(read.questions) == ["percolation_window"]


SMALL = {"shape": [24, 24, 24], "spacing": 5e-7, "active_radius": 2e-6, "active_share": 0.4,
         "size_ratio": 1.25, "solid": 0.55, "seed": 0}  # fmt: skip
GOLDEN = {  # by version of the task: what it found for SMALL when that version was made
    1: {
        "active_spans": 0.0,
        "electrolyte_spans": 1.0,
        "active_connected": 0.17769002961500494,
        "electrolyte_connected": 0.8621218763700131,
        "utilisation": 0.17769002961500494,
        "contact_area": 36301.82766047647,
    }
}


def test_results_of_the_networks_change_only_with_their_version():
    """If this fails, count the version of ``networks`` up and add its results."""
    found = networks({"mixture": SMALL}).values
    for name, value in GOLDEN[networks.VERSION].items():
        assert found[name]["value"] == pytest.approx(value, rel=1e-5), name


@pytest.mark.slow
def test_equal_spheres_span_where_site_percolation_of_close_packings_does(tmp_path):
    """About 0.31 of the spheres, which are alike but for their phase; either phase."""
    study = composition_sweep(
        [0.2, 0.25, 0.3, 0.35, 0.4, 0.6, 0.65, 0.7, 0.75, 0.8],
        size_ratios=[1.0],
        seeds=range(6),
        mixture={"shape": [48, 40, 40]},
        folder=str(tmp_path / "s"),
    )
    assert study.run("serial").is_complete
    row = study.answer("percolation_window").table.iloc[0]
    for end, own in (("from", row["wired from"]), ("until", 1 - row["electrolyte until"])):
        assert own == pytest.approx(0.31, abs=2 * row[f"± {end}"] + 0.02)
