"""Binder, thickness and swelling: answers are those that the tasks were made with."""

from pathlib import Path

import pytest

from microstructures.errors import InvalidInputError
from studies import Grid, Study, ready

TASKS = Path(__file__).resolve().parents[1] / "tasks"


def study(folder, task, recipe, levels):
    made = Study(recipe, Grid(levels), folder, task=f"ready_trial:{task}", modules=TASKS)
    made.run("serial")
    return made


def bound(folder, contents=(0.05, 0.1, 0.15, 0.2), **given):
    recipe = {
        "place_binder": {"fraction": 0.1, "preference": 0.0},
        "generate_electrode": {"rng": 0},
    }
    levels = {
        "place_binder.fraction": list(contents),
        "place_binder.preference": [0.0, 1.0],
        "generate_electrode.rng": [0, 1, 2],
    }
    return study(folder, "bound", recipe | given, levels)


def test_least_binder_is_where_the_logarithm_crosses(tmp_path):
    """ln σ is linear in the content, so that a line between contents is exact: 10 and 15 %."""
    answer = ready.least_binder(bound(tmp_path))
    film, cluster = (answer.values[f"least_binder.preference {p}"] for p in (0.0, 1.0))
    assert film["value"] == pytest.approx(0.10)
    assert cluster["value"] == pytest.approx(0.15)
    assert film["uncertainty"] == pytest.approx(0.01 / 3**0.5)
    assert "The MacMullin number of the ions then is 3, +20%" in answer.text
    assert "covers 10% of the particles" in answer.text
    assert len(answer.figures) == 2


def test_a_conductivity_may_be_asked_for(tmp_path):
    """e² times as much takes 2 % more."""
    answer = ready.least_binder(bound(tmp_path), 10 * 2.718281828**2)
    assert answer.values["least_binder.preference 0.0"]["value"] == pytest.approx(0.12)


@pytest.mark.parametrize(
    ("contents", "said"),
    [((0.02, 0.05), "do not reach"), ((0.2, 0.3), "it takes at most 20.0%")],
)
def test_a_content_beyond_the_range_is_no_number(contents, said, tmp_path):
    answer = ready.least_binder(bound(tmp_path, contents))
    assert answer.values["least_binder.preference 0.0"]["value"] is None
    assert said in answer.text


def test_electrons_that_do_not_conduct_again_count(tmp_path):
    import numpy as np

    from studies.ready.binder import _crossing

    content = np.array([1.0, 2.0, 3.0, 4.0])
    assert _crossing(content, np.array([1.0, -1.0, 1.0, 2.0])) == 2.5
    assert _crossing(content, np.array([-np.inf, -np.inf, 1.0, 2.0])) == 3.0


def discharged(folder):
    levels = {"cell.thickness": [5.0, 10.0, 20.0]}
    return study(folder, "discharged", {"cell": {"thickness": 5.0}}, levels)


def test_front_of_energy_and_power_has_the_best_electrode_at_each(tmp_path):
    """At P it is the thickest that has not failed: 10 L - L² P/1000 has its top at 5000/P."""
    answer = ready.energy_and_power(discharged(tmp_path), powers=[50.0, 100.0, 150.0, 400.0, 900.0])
    asked = (50, 100, 150, 400, 900)
    values = [answer.values[f"best_energy.{power:g}"]["value"] for power in asked]
    assert "At 50 W/L most is in 2e+07 µm: at least 160 Wh/L" in answer.text
    assert values == [
        pytest.approx(160),
        pytest.approx(160),
        pytest.approx(140),
        pytest.approx(60),
        None,
    ]
    on = answer.table[answer.table["on the front"]]
    assert sorted(zip(on["power [W/L]"], on["energy [Wh/L]"], strict=True)) == [
        (100, pytest.approx(160)),
        (200, pytest.approx(120)),
        (400, pytest.approx(60)),
    ]


def test_discharges_that_give_next_to_nothing_are_no_points(tmp_path):
    answer = ready.energy_and_power(discharged(tmp_path))
    assert answer.table["energy [Wh/L]"].isna().sum() == 1
    assert "1 of the discharges" in answer.warnings[0]


def test_contact_is_told_by_state_and_pressure(tmp_path):
    levels = {
        "mechanics.lithiation": [[0.9, 0.8], [0.9, 0.4]],
        "mechanics.pressure": [1e5, 1e7],
        "volume.seed": [0, 1],
    }
    recipe = {"mechanics": {"lithiation": [0.9, 0.9], "pressure": 0.0}, "volume": {"seed": 0}}
    made = study(tmp_path, "charged", recipe, levels)
    answer = ready.contact_loss(made)
    assert answer.values["contact.0.8.1e+07"]["value"] == pytest.approx(0.8, abs=1e-4)
    assert answer.values["contact.0.8.1e+07"]["uncertainty"] == pytest.approx(0.01)
    assert "10 MPa are enough for 50%" in answer.text
    assert "None of these pressures keeps 50%" in answer.text
    assert "von Mises stress, 95th percentile, NMC: 600 MPa at 0.4" in answer.text
    assert len(answer.table) == 4
    assert any("60% of CBD is above its yield stress" in text for text in answer.warnings)
    with pytest.raises(InvalidInputError, match="share"):
        ready.contact_loss(made, least=50)
