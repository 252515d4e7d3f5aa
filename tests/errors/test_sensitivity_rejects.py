"""Sensitivities and surrogates refuse what would give numbers without meaning."""

from pathlib import Path

import pytest

from microstructures.errors import InvalidInputError
from studies import (
    Grid,
    Morris,
    Range,
    Saltelli,
    Sampled,
    Study,
    Surrogate,
    elementary_effects,
    response,
    sobol_indices,
    sobol_indices_by_surrogate,
)

TASKS = Path(__file__).resolve().parents[1] / "tasks"
UNIT = {"a": Range(0, 1), "b": Range(0, 1)}


def run(tmp_path, design, task="linear", constraints=(), **recipe):
    study = Study(recipe, design, tmp_path / "s", "s", f"functions:{task}", constraints, TASKS)
    study.run("serial")
    return study


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Morris({}, 4), "at least one parameter"),
        (lambda: Morris({"a": (0, 1)}, 4), "studies.Range"),
        (lambda: Morris(UNIT, 1), "trajectories is 1"),
        (lambda: Morris(UNIT, 4.0), "trajectories is 4.0"),
        (lambda: Morris(UNIT, 4, levels=5), "even number"),
        (lambda: Morris(UNIT, 4, seed=-1), "seed is -1"),
        (lambda: Morris(UNIT, 10**6), "3000000 points"),
        (lambda: Saltelli({}, 4), "at least one parameter"),
        (lambda: Saltelli(UNIT, 100), "such as 128"),
        (lambda: Saltelli(UNIT, True), "count is True"),
        (lambda: Saltelli(UNIT, 64, second_order=1), "true or false"),
        (lambda: Saltelli(UNIT, 2**19), "points"),
    ],
)
def test_designs_that_cannot_be_are_refused(make, said):
    with pytest.raises(InvalidInputError, match=said):
        make()


def test_another_design_is_refused_with_the_one_to_use(tmp_path):
    study = run(tmp_path, Sampled(UNIT, 4))
    with pytest.raises(InvalidInputError, match=r"Sampled, and this question wants Morris"):
        elementary_effects(study, "length")
    with pytest.raises(InvalidInputError, match=r"make the study with studies.Saltelli"):
        sobol_indices(study, "length")


def test_constraints_that_leave_out_points_are_refused(tmp_path):
    study = run(tmp_path, Saltelli(UNIT, 16), constraints=("a + b < 1.5",))
    with pytest.raises(InvalidInputError, match=r"constraints leave out \d+ of the 64 points"):
        sobol_indices(study, "length")


def test_constraints_that_hold_everywhere_are_fine(tmp_path):
    study = run(tmp_path, Morris(UNIT, 4), constraints=("a + b < 3",))
    assert elementary_effects(study, "length").values["mu.b"]["value"] == pytest.approx(-2)


def test_too_few_whole_blocks_are_refused_with_what_is_missing(tmp_path):
    study = run(tmp_path, Saltelli(UNIT, 32), fails=[0.2, 1])
    with pytest.raises(InvalidInputError, match=r"of 32 blocks .*not converged.* 16 are wanted"):
        sobol_indices(study, "length")


def test_too_few_trajectories_are_refused(tmp_path):
    study = run(tmp_path, Morris(UNIT, 3))
    with pytest.raises(InvalidInputError, match=r"3 of 3 trajectories .* 4 are wanted"):
        elementary_effects(study, "length")


def test_a_study_that_was_not_run_is_told_to_be_run(tmp_path):
    study = Study({}, Morris(UNIT, 4), tmp_path / "s", task="functions:linear", modules=TASKS)
    with pytest.raises(InvalidInputError, match=r"12 not run|not run.*run the study first"):
        elementary_effects(study, "length")


def test_an_unknown_value_is_refused_with_what_was_meant(tmp_path):
    study = run(tmp_path, Morris(UNIT, 4))
    with pytest.raises(InvalidInputError, match="did you mean 'length'"):
        elementary_effects(study, "lenght")
    with pytest.raises(InvalidInputError, match="there are decades, length, product, same"):
        elementary_effects(study, "zzzz")


def test_a_value_that_is_always_the_same_is_refused(tmp_path):
    with pytest.raises(InvalidInputError, match="'same' is 4 in all cases"):
        elementary_effects(run(tmp_path, Morris(UNIT, 4)), "same")
    study = run(tmp_path, Sampled(UNIT, 16))
    with pytest.raises(InvalidInputError, match=r"'same' is 4 in all cases: .* nothing to learn"):
        response(study, "same")


def test_a_seed_that_is_none_is_refused(tmp_path):
    study = run(tmp_path, Morris(UNIT, 4))
    with pytest.raises(InvalidInputError, match="seed is 'a'"):
        study.answer("elementary_effects", of="length", seed="a")


# --- surrogates


def test_a_surrogate_of_categories_is_refused(tmp_path):
    design = Grid({"a": [0.1, 0.5, 0.9, 1.0, 0.3, 0.2, 0.7, 0.6], "name": ["NMC", "LFP"]})
    study = run(tmp_path, design, b=0)
    with pytest.raises(InvalidInputError, match="'name' is LFP, NMC, and a surrogate wants numb"):
        Surrogate.of(study, "length")
    assert list(Surrogate.of(study, "length", parameters=["a"]).ranges) == ["a"]


def test_too_few_cases_for_a_surrogate_are_refused(tmp_path):
    study = run(tmp_path, Sampled(UNIT, 12), fails=[0.5, 1])
    with pytest.raises(InvalidInputError, match=r"known at 6 points \(6 not converged\).*wants 8"):
        Surrogate.of(study, "length")


def test_repetitions_are_no_points_of_a_surrogate(tmp_path):
    study = run(tmp_path, Grid({"a": [0.0, 0.5, 1.0], "b": [0, 1, 2, 3]}))
    with pytest.raises(InvalidInputError, match="known at 3 points"):
        Surrogate.of(study, "length", parameters=["a"])


def test_unknown_parameters_and_folds_of_a_surrogate_are_refused(tmp_path):
    study = run(tmp_path, Sampled(UNIT, 16))
    for wrong in ({"parameters": ["c"]}, {"log": ["c"]}):
        with pytest.raises(InvalidInputError, match="'c' is no parameter of the study: there are"):
            Surrogate.of(study, "length", **wrong)
    for folds in (1, 2.5, True):
        with pytest.raises(InvalidInputError, match="folds is"):
            Surrogate.of(study, "length", folds=folds)


def test_a_surrogate_is_not_asked_outside_of_its_ranges(tmp_path):
    surrogate = Surrogate.of(run(tmp_path, Sampled(UNIT, 16)), "length")
    surrogate.predict([{"a": 0.0, "b": 1.0}])
    with pytest.raises(InvalidInputError, match=r"b is 1.1, and the surrogate knows 0…1 only"):
        surrogate.predict([{"a": 0.5, "b": 0.5}, {"a": 0.5, "b": 1.1}])
    with pytest.raises(InvalidInputError, match=r"b is None: give a number for a, b"):
        surrogate.predict([{"a": 0.5}])


def test_a_range_in_logarithms_begins_above_zero(tmp_path):
    study = run(tmp_path, Sampled(UNIT, 16))
    with pytest.raises(InvalidInputError, match="a range in logarithms begins above 0"):
        Surrogate.of(study, "length", log=["a"])


def test_a_surrogate_that_has_learnt_nothing_gives_no_indices(tmp_path):
    study = run(tmp_path, Sampled(UNIT, 30), "noisy", scatter=1.0, height=0.0)
    with pytest.raises(InvalidInputError, match=r"predicts too badly .* Q² -?0\.\d+.*Saltelli"):
        sobol_indices_by_surrogate(study, "y")
