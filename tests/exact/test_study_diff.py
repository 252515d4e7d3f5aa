"""Two studies are compared case by case, and told apart as far as their errors allow."""

import dataclasses
import math
from pathlib import Path

import pytest

from microstructures.errors import InvalidInputError
from studies import Grid, Study, Zipped
from studies.store import Record, Store

TASKS = Path(__file__).resolve().parents[1] / "tasks"


def study(tmp_path, name, values, error=None, points=None):
    """A study of which the values are given, None for a failed case."""
    design = Grid({"x": points or list(range(len(values)))})
    made = Study({"of": name}, design, tmp_path / name, name, "trial:square", modules=TASKS)
    store = Store.at(made.folder)
    for case, value in zip(made.cases(), values, strict=True):
        about = {"value": value, "unit": "m"} | ({} if error is None else {"uncertainty": error})
        found = {} if value is None else {"y": about}
        store.write(Record(case.key, "ok" if found else "failed", values=found))
    return made


def test_equal_studies_differ_in_nothing(tmp_path):
    one, two = (study(tmp_path, name, [1.0, 2.0], 0.1) for name in "ab")
    found = one.diff(two)
    assert (found.common, found.only_before, found.only_after) == (2, (), ())
    assert found.changed.empty
    assert found.statuses.empty


def test_a_change_is_measured_in_standard_errors_of_both(tmp_path):
    found = study(tmp_path, "a", [1.0, 2.0], 0.3).diff(study(tmp_path, "b", [1.2, 4.0], 0.4))
    rows = found.table.set_index(found.table["parameters"].map(lambda p: p["x"]))
    assert rows["uncertainty"].tolist() == pytest.approx([0.5, 0.5])
    assert rows["significance"].tolist() == pytest.approx([0.4, 4.0])
    assert rows["relative"].tolist() == pytest.approx([0.2, 1.0])
    assert found.changed["parameters"].tolist() == [{"x": 1}]
    assert "y at x = 1: 2 → 4 m (+100.00%), 4 standard errors" in str(found)


def test_without_errors_every_change_counts_the_largest_first(tmp_path):
    found = study(tmp_path, "a", [1.0, 1.0, 1.0]).diff(study(tmp_path, "b", [1.1, 1.0, 2.0]))
    assert found.changed["after"].tolist() == [2.0, 1.1]
    assert found.changed["significance"].isna().all()


def test_ends_that_differ_and_numbers_that_came_or_went(tmp_path):
    found = study(tmp_path, "a", [1.0, None]).diff(study(tmp_path, "b", [None, 1.0]))
    assert found.statuses["before"].tolist() == ["ok", "failed"]
    assert found.statuses["after"].tolist() == ["failed", "ok"]
    assert len(found.changed) == 2
    assert math.isnan(found.table["after"][0])


def test_cases_are_matched_by_parameters_whatever_their_order(tmp_path):
    one = study(tmp_path, "a", [10.0, 20.0, 30.0], points=[1, 2, 3])
    two = study(tmp_path, "b", [30.0, 20.0, 40.0], points=[3, 2, 4])
    found = one.diff(two)
    assert found.common == 2
    assert found.changed.empty
    assert (found.only_before, found.only_after) == (({"x": 1},), ({"x": 4},))


def test_studies_with_nothing_in_common_are_refused(tmp_path):
    one = study(tmp_path, "a", [1.0], points=[1])
    with pytest.raises(InvalidInputError, match="no case with the same"):
        one.diff(study(tmp_path, "b", [1.0], points=[2]))


def test_points_may_be_lists_and_text(tmp_path):
    design = Zipped({"kind": ["a", "b"], "size": [[1, 2], [3, 4]]})
    one, two = (
        Study({"x": n}, design, tmp_path / str(n), task="trial:square", modules=TASKS)
        for n in (1, 2)
    )
    one.run("serial")
    two.run("serial")
    assert one.diff(two).common == 2


@pytest.mark.parametrize(("volumes", "told"), [(("a", "a"), 1), (("a", "b"), 0)])
def test_what_changes_of_one_and_the_same_volume_is_told_whatever_the_sampling(
    tmp_path, volumes, told
):
    """Its error is that of the volume being one of many, which both have in common."""
    made = []
    for name, volume, value in zip("xy", volumes, (1.0, 2.0), strict=True):
        one = study(tmp_path, name, [value], 0.5)
        ((case, _, record),) = one.records()
        one.store.remove(case.key)
        one.store.write(dataclasses.replace(record, provenance={"volume": volume}))
        made.append(one)
    assert len(made[0].diff(made[1]).changed) == told


def test_the_last_digits_do_not_count(tmp_path):
    one, two = (study(tmp_path, str(n), [1.0 + n * 1e-7]) for n in range(2))
    assert one.diff(two).changed.empty


def test_what_differs_between_the_recipes_is_said(tmp_path):
    one, two = study(tmp_path, "a", [1.0]), study(tmp_path, "b", [1.0])
    assert one.diff(two).recipe == ("of: a → b",)
    assert "recipe: of: a → b" in str(one.diff(two))


def test_cases_that_only_one_study_has_run_have_no_numbers_to_compare(tmp_path):
    one = study(tmp_path, "a", [1.0, 2.0])
    two = study(tmp_path, "b", [1.0, 2.0])
    two.store.remove(two.cases()[1].key)
    found = one.diff(two)
    assert len(found.table) == 1
    assert found.statuses["after"].tolist() == ["not run"]
