"""The best density of a study is the one that its curves were made with."""

from pathlib import Path

import numpy as np
import pytest

from microstructures.errors import InvalidInputError
from studies import Grid, Study, ready
from studies.ready._density_answer import _place, _values
from studies.ready._optimum import Curve, highest
from studies.ready.pieces import Results

TASKS = Path(__file__).resolve().parents[1] / "tasks"
LEVELS = [0.4, 0.35, 0.3, 0.25, 0.2]
BEST = 3000.0


def study(folder, seeds=5, levels=None, **given):
    recipe = {"volume": {"seed": 0}, "calender": {"porosity": 0.3}} | given
    design = Grid({"calender.porosity": levels or LEVELS, "volume.seed": list(range(seeds))})
    made = Study(recipe, design, folder, task="ready_trial:pressed", modules=TASKS)
    made.run("serial")
    return made


def curves(rng, pieces, spread=80.0, noise=2.0, x=None):
    """Parabolas whose tops are spread about 3200; their errors tell of that spread."""
    x = np.linspace(2500.0, 3800.0, 6) if x is None else x
    tops = 3200 + spread * rng.normal(size=pieces)
    error = 4e-4 * ((x - 3200 - spread) ** 2 - (x - 3200) ** 2)
    return [
        Curve(x, 900 - 4e-4 * (x - top) ** 2 + noise * rng.normal(size=len(x)), error)
        for top in tops
    ]


def test_top_of_a_parabola_is_found_exactly():
    x = np.array([1.0, 2.0, 4.0])
    best = highest([Curve(x, 5 - (x - 2.7) ** 2, np.zeros(3))])
    assert best.place == pytest.approx(2.7, abs=3 / 1000)
    assert best.value == pytest.approx(5, abs=1e-5)
    assert best.order == 2
    assert not best.is_checked


def test_a_lopsided_curve_takes_a_higher_order():
    x = np.linspace(0.0, 3.0, 7)
    best = highest([Curve(x, 3 * x - x**3 / 3, np.zeros(7))])
    assert best.order >= 3
    assert best.place == pytest.approx(3**0.5, abs=3 / 1000)


def test_scatter_is_not_taken_for_a_shape():
    """Higher orders follow noise more closely, and foretell what they were not given no better."""
    x = np.linspace(2500.0, 3800.0, 8)
    orders = [
        highest(curves(np.random.default_rng(n), 3, noise=20.0, x=x)).order for n in range(20)
    ]
    assert orders.count(2) >= 12


def test_columns_of_active_material_and_electrolyte_come_first():
    import pandas as pd

    columns = ["area.CBD–pore", "area.NMC–CBD", "area.pore–NMC", "stress.CBD", "stress.NMC"]
    rows = pd.DataFrame([[1.0] * 7], columns=[*columns, "k.NMC.y", "k.NMC.z"])
    found = Results(rows, {}, (), (), ("pore", "NMC"))
    assert [found.named(name) for name in ("area", "stress", "k", "other")] == [
        "area.pore–NMC", "stress.NMC", "k.NMC.z", None
    ]  # fmt: skip


@pytest.mark.parametrize("pieces", [1, 3, pytest.param(5, marks=pytest.mark.slow)])
def test_interval_covers_the_optimum_as_often_as_it_says(pieces):
    """Of 300 studies 95 % are 285 ± 3.8; four standard errors less, and no interval is endless."""
    found = [highest(curves(np.random.default_rng(seed), pieces)) for seed in range(300)]
    covered = sum(best.low <= 3200 <= best.high for best in found)
    assert covered >= 0.95 * 300 - 4 * (300 * 0.95 * 0.05) ** 0.5
    widths = [best.high - best.low for best in found]
    assert np.median(widths) < 700


def test_scatter_between_pieces_widens_the_interval():
    rng = np.random.default_rng
    calm, wild = (highest(curves(rng(1), 4, spread)) for spread in (10.0, 80.0))
    assert wild.high - wild.low > 3 * (calm.high - calm.low)


def test_error_of_one_piece_is_the_spread_of_its_optimum():
    """One whose slope may be off by that of a parabola 80 further on: ± 1.96 × 80."""
    best = highest(curves(np.random.default_rng(0), 1, 0.0, 0.0))
    assert best.high == best.low == best.place
    x = np.linspace(2500.0, 3800.0, 6)
    error = 4e-4 * ((x - 3280) ** 2 - (x - 3200) ** 2)
    best = highest([Curve(x, 900 - 4e-4 * (x - 3200) ** 2, error)])
    assert (best.high - best.low) / 2 == pytest.approx(1.96 * 80, abs=4)


def test_best_density_of_a_study_is_that_of_its_task(tmp_path):
    answer = ready.best_density(study(tmp_path, seeds=8))
    values = {name: value["value"] for name, value in answer.values.items()}
    assert values["best_density_low"] <= BEST <= values["best_density_high"]
    assert values["best_density_high"] - values["best_density_low"] < 200
    assert values["best_density"] == pytest.approx(BEST, abs=100)
    assert answer.table["pieces"].tolist() == [8] * 5
    assert answer.table["density [kg/m³]"].tolist() == pytest.approx(
        [4200 * (1 - porosity) for porosity in LEVELS]
    )
    assert len(answer.figures) == 2
    assert answer.warnings == ()


@pytest.mark.parametrize(("best", "said"), [(4000.0, "at_least"), (2000.0, "at_most")])
def test_best_at_an_end_is_a_bound_and_no_optimum(best, said, tmp_path):
    answer = ready.best_density(study(tmp_path, best=best))
    assert "best_density" not in answer.values
    edge = answer.values[f"best_density_{said}"]["value"]
    assert edge == pytest.approx(3360 if best > 3000 else 2520)
    assert said.replace("_", " ") in answer.text


def test_cases_without_results_are_dropped_and_told(tmp_path):
    answer = ready.best_density(study(tmp_path, blocked=0.22))
    assert answer.table["calender.porosity"].tolist() == LEVELS[:4]
    assert "5 of 25 cases" in answer.warnings[0]
    assert "does not percolate" in answer.warnings[0]


def test_few_pieces_and_few_levels_are_doubted(tmp_path):
    answer = ready.best_density(study(tmp_path, seeds=1, levels=[0.4, 0.3, 0.2]))
    assert any("1 piece of the electrode" in text for text in answer.warnings)
    assert any("as many levels" in text.lower() for text in answer.warnings)


def test_questions_that_results_cannot_answer_are_refused(tmp_path):
    made = study(tmp_path, seeds=1, levels=[0.4, 0.3])
    with pytest.raises(InvalidInputError, match="three results"):
        ready.best_density(made)
    with pytest.raises(InvalidInputError, match=r"cell\.energy_density\.7"):
        ready.best_density(made, rate=7)
    with pytest.raises(InvalidInputError, match="confidence"):
        ready.best_density(study(tmp_path), confidence=95)
    with pytest.raises(InvalidInputError, match="no parameter"):
        ready.best_density(study(tmp_path), along="press.porosity")


def test_other_parameters_have_to_be_chosen(tmp_path):
    recipe = {"volume": {"seed": 0}, "calender": {"porosity": 0.3}, "best": 0.0}
    design = Grid({"calender.porosity": LEVELS, "best": [2800.0, 3100.0]})
    made = Study(recipe, design, tmp_path, task="ready_trial:pressed", modules=TASKS)
    made.run("serial")
    with pytest.raises(InvalidInputError, match="'best' has the values"):
        ready.best_density(made)
    low, high = (ready.best_density(made, where={"best": best}) for best in (2800.0, 3100.0))
    step = high.values["best_density"]["value"] - low.values["best_density"]["value"]
    assert step == pytest.approx(300, abs=2)


def test_pieces_do_not_overlap_and_lie_within():
    made = ready.crops((50, 64, 70), 20, 8)
    taken = np.zeros((50, 64, 70), int)
    for crop in made:
        part = tuple(slice(*ends) for ends in crop)
        assert taken[part].shape == (20, 20, 20)
        taken[part] += 1
    assert taken.max() == 1
    with pytest.raises(InvalidInputError, match="18 do"):
        ready.crops((50, 64, 70), 20, 19)


def test_results_that_exclude_nothing_give_no_bound():
    """Of two pieces one gets better with density, the other one worse, but less so."""
    x = np.linspace(2500.0, 3300.0, 5)
    curves = [Curve(x, 700 + slope * (x - 2500), 0 * x) for slope in (0.2, -0.1)]
    best = highest(curves)
    assert (best.end, best.open_ends) == ("highest", ("lowest", "highest"))
    assert "These results do not tell" in _place(best, 0.95)
    assert set(_values(best, "energy_density", "Wh/L", 0.95)) == {
        "best_energy_density",
        "confidence",
    }
