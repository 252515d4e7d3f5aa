"""Fronts by their definition, and hypervolumes by closed forms and three other ways."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from microstructures.errors import InvalidInputError
from studies import Grid, Study, Zipped, best_case, convergence, front, hypervolume, pareto_front
from studies.optimise.questions import history
from tests.exact.filled_studies import filled

TASKS = Path(__file__).resolve().parents[1] / "tasks"
MINIMISE = "minimise"


def is_bettered(row, rows):
    """By the definition, one row after the other."""
    return any((other <= row).all() and (other < row).any() for other in rows)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_front_is_what_no_row_betters(count):
    """Small whole numbers, so that there are ties and equal rows."""
    rows = np.random.default_rng(count).integers(0, 5, (60, count)).astype(float)
    wanted = [not is_bettered(row, rows) for row in rows]
    assert front(rows, [MINIMISE] * count).tolist() == wanted
    assert front(-rows, ["maximise"] * count).tolist() == wanted
    mixed = rows * ([-1.0] + [1.0] * (count - 1))
    assert front(mixed, ["maximise"] + [MINIMISE] * (count - 1)).tolist() == wanted


def test_rows_without_numbers_are_never_on_the_front_and_better_none():
    rows = [[np.nan, -9.0], [1.0, 2.0], [-np.inf, 0.0], [2.0, 1.0], [2.0, 1.0], [3.0, 3.0]]
    assert front(rows, [MINIMISE] * 2).tolist() == [False, True, False, True, True, False]
    assert front(np.full((3, 2), np.nan), [MINIMISE] * 2).tolist() == [False] * 3
    assert front(np.zeros((0, 2)), [MINIMISE] * 2).tolist() == []


def test_hypervolume_of_one_point_is_a_box():
    for count in (1, 2, 3, 4, 5):
        sides = np.arange(1.0, count + 1)
        assert hypervolume([10 - sides], [10.0] * count) == pytest.approx(np.prod(sides))


def test_hypervolume_of_stairs_is_their_area():
    """n corners on x + y = 1: half of the square and half a step for each."""
    for n in (1, 2, 7, 100):
        x = np.arange(n) / n
        stairs = np.column_stack([x, 1 - x - 1 / n])
        assert hypervolume(stairs, [1.0, 1.0]) == pytest.approx(0.5 + 0.5 / n)


def test_hypervolume_of_a_corner_of_the_simplex():
    """Cells of a cube on whole numbers above x + y + z = n: counted one by one."""
    n = 6
    points = [p for p in itertools.product(range(n), repeat=3) if sum(p) == n]
    cells = sum(sum(p) >= n for p in itertools.product(range(n), repeat=3))
    assert hypervolume(points, [n] * 3) == pytest.approx(cells)


def by_inclusion_and_exclusion(points, reference):
    total = 0.0
    for size in range(1, len(points) + 1):
        for chosen in itertools.combinations(points, size):
            total -= (-1) ** size * np.prod(np.maximum(reference - np.max(chosen, axis=0), 0))
    return total


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_hypervolume_equals_inclusion_and_exclusion(count):
    rng = np.random.default_rng(count)
    for size in (1, 2, 5, 8):
        points, reference = rng.random((size, count)), np.full(count, 0.8)
        wanted = by_inclusion_and_exclusion(points[(points < 0.8).all(axis=1)], reference)
        assert hypervolume(points, reference) == pytest.approx(wanted, rel=1e-12, abs=1e-15)


@pytest.mark.parametrize("count", [2, 3, 4])
def test_hypervolume_equals_that_of_optuna(count):
    from optuna._hypervolume import compute_hypervolume

    points = np.random.default_rng(count).random((40, count))
    wanted = compute_hypervolume(points, np.ones(count))
    assert hypervolume(points, np.ones(count)) == pytest.approx(wanted, rel=1e-12)


def test_hypervolume_equals_a_share_of_random_points():
    rng = np.random.default_rng(0)
    points, drawn = rng.random((25, 3)), rng.random((100_000, 3))
    share = np.mean([(points <= one).all(axis=1).any() for one in drawn])
    deviation = np.sqrt(share * (1 - share) / len(drawn))
    assert hypervolume(points, np.ones(3)) == pytest.approx(share, abs=4 * deviation)


def test_hypervolume_needs_the_front_only_in_any_order():
    points = np.random.default_rng(3).random((50, 3))
    is_on = front(points, [MINIMISE] * 3)
    whole = hypervolume(points, np.ones(3))
    assert hypervolume(points[is_on], np.ones(3)) == pytest.approx(whole, rel=1e-14)
    assert hypervolume(points[::-1, [2, 0, 1]], np.ones(3)) == pytest.approx(whole, rel=1e-12)


def test_what_is_not_better_than_the_reference_adds_nothing():
    inside = [[0.5, 0.5]]
    outside = [[0.0, 1.0], [2.0, -5.0], [np.nan, 0.0], [-np.inf, 0.0], [0.5, 0.5]]
    assert hypervolume(inside + outside, [1.0, 1.0]) == 0.25
    assert hypervolume(outside[:2], [1.0, 1.0]) == 0.0
    assert hypervolume(np.zeros((0, 2)), [1.0, 1.0]) == 0.0


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: front([1.0, 2.0], [MINIMISE]), "a column for each"),
        (lambda: front([[1.0, 2.0]], [MINIMISE]), "a column for each"),
        (lambda: front([[]], []), "a column for each"),
        (lambda: front([[1.0]], ["minimize"]), "'minimise' or 'maximise'"),
        (lambda: hypervolume([[1.0, 2.0]], [3.0]), "one number for each objective"),
        (lambda: hypervolume([1.0], [3.0]), "one number for each objective"),
        (lambda: hypervolume([[1.0]], [np.inf]), "finite"),
    ],
)
def test_other_shapes_are_refused(call, words):
    with pytest.raises(InvalidInputError, match=words):
        call()


@pytest.fixture
def schaffer(tmp_path):
    """x² and (x - 2)² at five points: those between 0 and 2 are the front."""
    points = Grid({"x": [-1.0, 0.0, 1.0, 2.0, 3.0]})
    study = Study({}, points, tmp_path / "s", task="optimised:schaffer", modules=TASKS)
    study.run("serial")
    return study


def test_front_of_any_study_with_its_hypervolume(schaffer):
    """Corners (0, 4), (1, 1) and (4, 0) below (9, 9): 9·5 + 8·3 + 5·1."""
    found = pareto_front(schaffer, minimise=["a", "b"])
    assert found.values["hypervolume"] == {"value": 9 * 5 + 8 * 3 + 5 * 1, "unit": "m²·s"}
    assert found.values["on the front"]["value"] == 3
    assert found.table["x"].tolist() == [0.0, 1.0, 2.0]
    assert found.table["a [m²]"].tolist() == [0.0, 1.0, 4.0]
    assert found.table.index.tolist() == [2, 3, 4]
    assert len(found.figures) == 1
    assert "a = 9.000 m², b = 9.000 s" in found.text
    assert "5 of 5 cases have a result" in found.text


def test_front_of_what_is_maximised(schaffer):
    """Larger a and larger b: the ends, (1, 9) and (9, 1); above (0, 0): 9 + 9 - 1."""
    zero = {"a": 0.0, "b": 0.0}
    found = pareto_front(schaffer, maximise=["a", "b"], reference=zero)
    assert found.table["x"].tolist() == [3.0, -1.0]
    assert found.values["hypervolume"]["value"] == 17
    mixed = pareto_front(schaffer, maximise="a", minimise="b", reference={"a": 0.0, "b": 9.5})
    assert mixed.table["x"].tolist() == [3.0, 2.0]
    assert mixed.values["hypervolume"]["value"] == 9 * 8.5 + 4 * 1


def test_constraints_move_the_front(schaffer):
    found = pareto_front(schaffer, minimise=["a", "b"], constraints="x + a > 0.5")
    assert found.table["x"].tolist() == [1.0, 2.0]
    assert "4 of 5 cases satisfy the constraints, 1 do not" not in found.text
    assert "3 of 5 cases satisfy the constraints, 2 do not." in found.text


def test_a_parameter_may_be_an_objective(schaffer):
    found = pareto_front(schaffer, maximise="x", minimise="a")
    assert found.table["x"].tolist() == [3.0, 2.0, 1.0, 0.0]
    assert found.table.columns.tolist() == ["x", "a [m²]", "standing"]


def test_best_case_of_any_study(schaffer):
    found = best_case(schaffer, minimise="a", constraints="b < 3.5")
    assert found.values["a"] == {"value": 1.0, "unit": "m²"}
    assert "The smallest a is 1.000 m², of case 3: x = 1." in found.text
    assert found.table["x"].tolist() == [1.0, 2.0, 3.0]
    assert found.table["standing"].tolist() == ["best", "worse", "worse"]
    assert found.warnings == ()


def test_best_case_at_an_end_is_warned_of(schaffer):
    (warning,) = best_case(schaffer, maximise="a").warnings
    assert warning == "x is at the largest value that was tried: better ones may lie beyond."
    (warning,) = best_case(schaffer, maximise="b").warnings
    assert "smallest value" in warning


def test_equal_cases_are_best_together(tmp_path):
    study = Study(
        {}, Grid({"x": [-1.0, 1.0, 2.0]}), tmp_path / "s", task="optimised:schaffer", modules=TASKS
    )
    study.run("serial")
    found = best_case(study, minimise="a")
    assert "1 other cases have the same value" in found.text
    assert found.table["standing"].tolist() == ["best", "best", "worse"]


def noisy(tmp_path, x):
    """Standard error 0.5 of a = x²."""
    study = Study(
        {"error": 0.5}, Zipped({"x": x}), tmp_path / "s", task="optimised:schaffer", modules=TASKS
    )
    study.run("serial")
    return study


def test_cases_within_the_error_are_not_told_apart(tmp_path):
    """2 · √2 · 0.5 = √2: values of 1.4 are within it of 0, of 1.43 are not."""
    study = noisy(tmp_path, [0.0, 1.4**0.5, 1.43**0.5, 3.0])
    found = best_case(study, minimise="a")
    assert found.table["standing"].tolist() == ["best", "not told apart", "worse", "worse"]
    assert found.values["a"] == {"value": 0.0, "unit": "m²", "uncertainty": 0.5}
    assert found.values["not told apart"]["value"] == 1
    assert "One other case is not told apart" in found.text
    assert "several noisy values" in found.warnings[-1]


def test_a_bettered_case_within_the_error_is_near_the_front(tmp_path):
    """x = 0 betters -0.5 and -2 in a = x² by 0.25 and by 4, which has an error; b has none."""
    found = pareto_front(noisy(tmp_path, [0.0, 2.0, -0.5, -2.0]), minimise=["a", "b"])
    assert found.table["x"].tolist() == [0.0, 2.0, -0.5]
    assert found.table["standing"].tolist() == ["front", "front", "not told apart"]
    assert found.table["a [m²] ±"].tolist() == [0.5] * 3


def stated(tmp_path, cases):
    """Values of a with the errors that some cases state."""
    study = Study(
        {}, Zipped({"x": list(range(len(cases)))}), tmp_path, task="optimised:schaffer",
        modules=TASKS,
    )  # fmt: skip
    return filled(study, lambda point: {"a": cases[point["x"]]})


def test_an_error_that_is_not_known_is_not_none(tmp_path):
    """10 and 11 are far from 0 ± 0.5; but 10 says nothing of its own error."""
    study = stated(tmp_path / "s", [(0.0, "m", 0.5), (10.0, "m"), (11.0, "m", 0.5)])
    found = best_case(study, minimise="a")
    assert "All other cases" not in found.text
    assert "Whether one other case is told apart is not known" in found.text
    assert found.table["standing"].tolist() == ["best", "worse, error unknown", "worse"]
    assert found.values["not told apart"]["value"] == 0
    known = best_case(stated(tmp_path / "t", [(0.0, "m", 0.5), (9.0, "m", 0.5)]), minimise="a")
    assert "All other cases are worse by more than twice" in known.text


def test_nobody_is_told_apart_from_a_best_case_without_an_error(tmp_path):
    study = stated(tmp_path / "s", [(0.0, "m"), (0.1, "m", 0.5), (9.0, "m", 0.5)])
    found = best_case(study, minimise="a")
    assert "One other case is not told apart" in found.text, "its own error is enough for that"
    assert "Whether one other case is told apart is not known" in found.text
    words = ["best", "not told apart", "worse, error unknown"]
    assert found.table["standing"].tolist() == words


def test_a_parameter_is_exact_and_tells_cases_apart(tmp_path):
    """x = 2 is worse than 0 in a by 4 ± 0.7, and in x by 2 without any error."""
    found = pareto_front(noisy(tmp_path, [0.0, 2.0]), minimise=["a", "x"])
    assert "All other cases are worse by more than twice" in found.text
    alone = best_case(noisy(tmp_path, [0.0, 2.0]), minimise="x")
    assert "No standard errors are known, so that every difference counts." in alone.text
    assert "uncertainty" not in alone.values["x"]


def test_history_grows_as_the_front_does():
    costs = np.array([[3.0, 3.0], [np.nan, np.nan], [2.0, 2.0], [3.0, 1.0], [1.0, 3.0], [1.5, 3.5]])
    found = history(costs, np.array([4.0, 4.0]))
    assert found.tolist() == [1.0, 1.0, 4.0, 5.0, 6.0, 6.0]
    single = history(costs[:, :1], np.array([4.0]))
    assert single.tolist() == [3.0, 3.0, 2.0, 2.0, 1.0, 1.0]
    assert np.isnan(history(costs[1:2], np.array([4.0, 4.0]))).all()


def test_convergence_names_the_last_improvement(schaffer):
    found = convergence(schaffer, minimise="a")
    assert found.values["last improvement"]["value"] == 2
    assert "improved 1 times" in found.text
    assert found.warnings == ()
    late = convergence(schaffer, minimise="b")
    assert late.values["last improvement"]["value"] == 4
    assert late.values["late gain"]["value"] == 0
    last = convergence(schaffer, maximise="a")
    assert last.values["last improvement"]["value"] == 5
    assert last.values["late gain"]["value"] == (9 - 4) / (9 - 1)
    assert "still improved" in last.warnings[0]
    both = convergence(schaffer, minimise=["a", "b"])
    assert both.values["last improvement"]["value"] == 4
    assert "improved 3 times" in both.text, "from 0 to 45, 69 and 74 m²·s"
    assert len(both.figures) == 1


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda s: best_case(s), "nothing to optimise"),
        (lambda s: best_case(s, maximise=3), "give a text"),
        (lambda s: best_case(s, maximise="a", minimise="a"), "twice"),
        (lambda s: best_case(s, maximise=["a", "b"]), "pareto_front"),
        (lambda s: pareto_front(s, maximise="a"), "best_case"),
        (lambda s: best_case(s, maximise="aa"), "did you mean 'a'"),
        (lambda s: best_case(s, maximise="status"), "value of no case"),
        (lambda s: best_case(s, maximise="a", constraints="c < 1"), "cannot be read"),
        (lambda s: best_case(s, maximise="a", constraints="a + 1"), "no comparison"),
        (lambda s: best_case(s, maximise="a", constraints="a < -1"), "0 of 5 cases satisfy"),
        (lambda s: pareto_front(s, minimise=["a", "b"], reference={"a": 1}), "each objective"),
    ],
)
def test_questions_that_have_no_answer_are_refused(schaffer, ask, words):
    with pytest.raises(InvalidInputError, match=words):
        ask(schaffer)


def test_a_study_that_was_not_run_has_no_best_case(tmp_path):
    study = Study({}, Grid({"x": [1.0]}), tmp_path, task="optimised:schaffer", modules=TASKS)
    with pytest.raises(InvalidInputError, match="1 not run"):
        best_case(study, minimise="a")


def test_cases_without_a_result_are_counted_with_their_reason(tmp_path):
    recipe = {"fails": [0.5, 1.5], "status": "not converged"}
    points = Grid({"x": [0.0, 1.0, 2.0]})
    study = Study(recipe, points, tmp_path / "s", task="optimised:schaffer", modules=TASKS)
    study.run("serial")
    found = pareto_front(study, minimise=["a", "b"])
    assert "2 of 3 cases have a result, 1 not converged." in found.text
    assert found.table["x"].tolist() == [0.0, 2.0]
