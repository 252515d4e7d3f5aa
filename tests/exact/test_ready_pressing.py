"""Which pressure is enough, from pressures and porosities that obey a known law."""

import math
from pathlib import Path

import numpy as np
import pytest

from microstructures.errors import InvalidInputError
from studies import Study
from studies.ready import enough_pressure, pressed_composite, pressing_sweep
from studies.ready.pressing import MIXED, PRESS
from tests.exact.filled_studies import filled

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
YIELD, INTERCEPT = 4e8, 0.9
POROSITIES = (0.34, 0.28, 0.22, 0.16)


def obeying(parameters):
    """Heckel's law under the lid, which is 0.03 denser; conductivity linear in the pressure."""
    porosity, seed = parameters["press.porosity"], parameters["generate_electrode.rng"]
    under = porosity - 0.03
    pressure = YIELD * (-math.log(under) - INTERCEPT)
    return {
        "press.largest_pressure_Pa": (pressure, ""),
        "press.porosity_under_load": (under, ""),
        "press.imbalance": (0.02, ""),
        "relative_conductivity": (1e-10 * pressure * (1 + 0.1 * seed), "1", 0.01),
        "contact_area": (1e5, "m²/m³"),
        "utilisation": 0.9 if pressure > 3e8 else 0.5,
    }


def swept(tmp_path, values=obeying, **about):
    study = pressing_sweep(POROSITIES, folder=str(tmp_path / "s"), **about)
    return filled(study, values)


def test_the_law_of_heckel_is_found_again(tmp_path):
    answer = swept(tmp_path).answer("enough_pressure")
    found = answer.values["heckel_yield_pressure"]
    assert found["value"] == pytest.approx(YIELD, rel=1e-6)
    assert found.get("uncertainty", 0.0) < 1e-4 * YIELD
    assert answer.values["heckel_intercept"]["value"] == pytest.approx(INTERCEPT)
    assert "400 ±" in answer.text
    assert len(answer.figures) == 2


def test_its_error_is_that_of_a_straight_line(tmp_path):
    """By SciPy's regression, whose slope K has an error; that of 1/K is σ/K²."""
    from scipy.stats import linregress

    rng = np.random.default_rng(0)

    def noisy(parameters):
        found = obeying(parameters)
        pressure = found["press.largest_pressure_Pa"][0] * rng.uniform(0.9, 1.1)
        return found | {"press.largest_pressure_Pa": (pressure, "")}

    study = swept(tmp_path, noisy)
    frame = study.frame()
    line = linregress(
        frame["press.largest_pressure_Pa"], -np.log(frame["press.porosity_under_load"])
    )
    found = study.answer("enough_pressure").values["heckel_yield_pressure"]
    assert found["value"] == pytest.approx(1 / line.slope, rel=1e-5)
    assert found["uncertainty"] == pytest.approx(line.stderr / line.slope**2, rel=1e-4)


def test_enough_is_where_mixtures_reach_it_on_average(tmp_path):
    """Conductivity is a line through zero: that of seed 0 ends at 1, that of seed 1 at 1.1."""
    answer = enough_pressure(swept(tmp_path), share=0.8)
    highest = YIELD * (-math.log(0.13) - INTERCEPT)
    target = 0.8 * 1e-10 * highest * 1.05
    firsts = np.array([target / 1e-10, target / 1.1e-10])
    assert answer.values["pressure"]["value"] == pytest.approx(firsts.mean())
    assert answer.values["pressure"]["uncertainty"] == pytest.approx(
        firsts.std(ddof=1) / math.sqrt(2)
    )
    assert f"{firsts.mean() / 1e6:.3g} ±" in answer.text


def test_a_value_may_be_wanted_instead_of_a_share(tmp_path):
    answer = enough_pressure(swept(tmp_path, seeds=[0]), wanted=0.03)
    assert answer.values["pressure"]["value"] == pytest.approx(3e8)


def test_what_no_pressure_reaches_is_no_number(tmp_path):
    study = swept(tmp_path)
    above = enough_pressure(study, wanted=1.0)
    assert "pressure" not in above.values
    assert "No pressure of the study" in above.text
    below = enough_pressure(study, wanted=0.001)
    assert "pressure" not in below.values
    assert "enough already" in below.text


def test_what_still_rises_at_the_end_is_doubted(tmp_path):
    answer = enough_pressure(swept(tmp_path))
    assert any("still rises" in text for text in answer.warnings)
    steady = enough_pressure(swept(tmp_path), "utilisation")
    assert not any("still rises" in text for text in steady.warnings)


def test_points_of_no_law_are_told(tmp_path):
    def loosening(parameters):
        found = obeying(parameters)
        under = 0.5 - found["press.porosity_under_load"][0]
        return found | {"press.porosity_under_load": (under, "")}

    answer = enough_pressure(swept(tmp_path, loosening))
    assert "heckel_yield_pressure" not in answer.values
    assert any("no law of Heckel" in text for text in answer.warnings)
    assert len(answer.figures) == 1


def test_one_porosity_is_not_enough(tmp_path):
    study = filled(pressing_sweep([0.3], folder=str(tmp_path / "s")), obeying)
    with pytest.raises(InvalidInputError, match="one porosity only"):
        enough_pressure(study)
    with pytest.raises(InvalidInputError, match="inside 0…1"):
        enough_pressure(swept(tmp_path / "b"), share=1.5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"composite": {"active": "NMC", "electrolyte": "LPS"}}, r"wants electrolyte.*NMC, SE"),
        ({"composite": {"active": "NMC"}}, "wants electrolyte"),
        ({"step": [MIXED]}, "end with a step press"),
        ({"volume": {"generate": "sample_cathode"}}, "one of them"),
        ({"tolerances": 1e-3}, "did you mean 'tolerance'"),
    ],
)
def test_recipes_that_cannot_be_run_are_refused(change, message):
    recipe = dict(pressing_sweep().cases()[0].recipe)
    with pytest.raises(InvalidInputError, match=message):
        pressed_composite.check(recipe | change)


def test_the_file_is_the_study_of_the_function():
    read = Study.from_toml(EXAMPLES / "pressing.toml")
    assert [c.key for c in read.cases()] == [c.key for c in pressing_sweep().cases()]
    assert list(read.questions) == ["enough_pressure"]


SOLIDS = {
    "NMC": {"youngs_modulus": 140e9, "poisson_ratio": 0.25},
    "SE": {"youngs_modulus": 20e9, "poisson_ratio": 0.35, "yield_stress": 2e8},
}
SMALL = {
    "step": [
        {**MIXED, "shape": [12, 12, 12], "spacing": 6e-7},
        {**PRESS, "solids": SOLIDS, "porosity": 0.37, "rate": 0.01},
    ],
    "composite": {"active": "NMC", "electrolyte": "SE"},
    "tolerance": 1e-6,
}
GOLDEN = {  # by version of the task: what it found for SMALL when that version was made
    1: {
        "press.largest_pressure_Pa": 1031403917.9664094,
        "press.porosity_under_load": 0.3036684627263484,
        "relative_conductivity": 0.0874643228152981,
        "tortuosity_factor": 3.6017571780725257,
        "contact_area": 122208.66354444719,
        "utilisation": 0.9599198396793587,
        "electrolyte_connected": 0.9799599198396793,
    }
}


@pytest.mark.slow
def test_results_of_pressing_change_only_with_their_version():
    """If this fails, count the version of ``pressed_composite`` up and add its results."""
    found = pressed_composite(SMALL).values
    for name, value in GOLDEN[pressed_composite.VERSION].items():
        assert found[name]["value"] == pytest.approx(value, rel=1e-3), name
    assert "ionic_conductivity" not in found
    assert found["press.porosity"]["value"] == pytest.approx(0.37, abs=1e-3)


def test_the_conductivity_of_a_known_material_is_that_of_its_bulk_times_the_share():
    import twin
    from studies.ready.pressed import _bulk

    assert _bulk("LPSCl") == twin.material("LPSCl").ionic_conductivity.value
    assert _bulk("NMC811") is None
    assert _bulk(SOLIDS["SE"]) is None
