"""Elementary effects and Sobol indices of functions for which they are known in closed form."""

import base64
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from studies import Grid, Morris, Range, Saltelli, Study, elementary_effects, sobol_indices
from studies.case import task_function
from studies.recipe import with_values
from studies.sensitivity.blocks import Blocks, blocks_of
from studies.sensitivity.morris import effects_of
from studies.sensitivity.sobol import Index, Indices, answer_of, bootstrapped
from studies.values import keys_of, values_of

TASKS = Path(__file__).resolve().parents[1] / "tasks"
BOX = {"a": Range(1, 5), "b": Range(0, 2), "c": Range(-1, 1)}
ANGLES = {name: Range(-math.pi, math.pi) for name in "xyz"}
G = (0.0, 1.0, 4.5, 9.0)


def made(tmp_path, design, task="linear", **recipe):
    folder = tmp_path / f"{task}-{len(list(tmp_path.iterdir()))}"
    return Study(recipe, design, folder, task=f"functions:{task}", modules=TASKS)


def run(tmp_path, design, task="linear", **recipe):
    study = made(tmp_path, design, task, **recipe)
    study.run("serial")
    return study


def value(answer, name):
    return answer.values[name]["value"]


def results_of(design, task, name):
    """What a task finds at all points of a design, block by block, without a study."""
    function = task_function(f"functions:{task}", str(TASKS))
    found = [function(with_values({}, p)).values[name]["value"] for p in design.points()]
    return np.array(found).reshape(-1, design.block)


def ishigami_indices():
    """First-order and total indices, and the one of x with z."""
    a, b = 7.0, 0.1
    of_x = 0.5 * (1 + b * math.pi**4 / 5) ** 2
    of_y, of_xz = a**2 / 8, b**2 * math.pi**8 * (1 / 18 - 1 / 50)
    total = of_x + of_y + of_xz
    first = np.array([of_x, of_y, 0]) / total
    return first, first + np.array([1, 0, 1]) * of_xz / total, of_xz / total


def g_indices():
    shares = np.array([1 / (3 * (1 + a) ** 2) for a in G])
    total = np.prod(1 + shares) - 1
    return shares / total, shares * np.prod(1 + shares) / (1 + shares) / total


# --- elementary effects


def test_the_effect_in_a_linear_model_is_coefficient_times_range(tmp_path):
    study = run(tmp_path, Morris(BOX, 6))
    answer = elementary_effects(study, "length")
    for name, exact in (("a", 3 * 4), ("b", -2 * 2), ("c", 0)):
        assert value(answer, f"mu.{name}") == pytest.approx(exact, abs=1e-13)
        assert value(answer, f"mu_star.{name}") == pytest.approx(abs(exact), abs=1e-13)
        assert value(answer, f"sigma.{name}") == pytest.approx(0, abs=1e-13)
    assert answer.values["mu.a"]["unit"] == "m"
    assert "c might as well be fixed" in answer.text
    assert answer.warnings == ()


def test_trajectories_that_meet_share_their_cases(tmp_path):
    study = made(tmp_path, Morris({"a": Range(1, 5), "b": Range(0, 2)}, 20))
    assert len(study.design.points()) == 60
    assert len(study.cases()) <= 16, "all points lie on a grid of 4 × 4"
    study.run("serial")
    assert value(elementary_effects(study, "length"), "mu.a") == pytest.approx(12)


def test_a_range_in_logarithms_gives_the_effect_of_its_decades(tmp_path):
    study = run(tmp_path, Morris({"a": Range(1e-3, 10, log=True), "b": Range(0, 1)}, 5))
    answer = elementary_effects(study, "decades")
    assert value(answer, "mu.a") == pytest.approx(4, rel=1e-12)
    assert value(answer, "sigma.a") == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("levels", [4, 8])
def test_effects_are_those_of_the_differences_along_each_trajectory(tmp_path, levels):
    design = Morris({"a": Range(0, 1), "b": Range(0, 1), "c": Range(0, 1)}, 7, levels, seed=3)
    answer = elementary_effects(run(tmp_path, design), "product")
    effects = {name: [] for name in "abc"}
    points = design.points()
    pairs = [points[4 * i + k : 4 * i + k + 2] for i in range(7) for k in range(3)]
    for before, after in pairs:
        (changed,) = [name for name in "abc" if before[name] != after[name]]
        step = after[changed] - before[changed]
        assert abs(step) == pytest.approx(levels / (2 * (levels - 1)))
        change = after["a"] * after["b"] - before["a"] * before["b"]
        effects[changed].append(change / step)
    for name, found in effects.items():
        assert value(answer, f"mu.{name}") == pytest.approx(np.mean(found), abs=1e-12)
        assert value(answer, f"mu_star.{name}") == pytest.approx(np.mean(np.abs(found)), abs=1e-12)
        assert value(answer, f"sigma.{name}") == pytest.approx(np.std(found, ddof=1), abs=1e-12)


def test_intervals_of_few_trajectories_hold_the_effect_as_often_as_they_say():
    held = []
    for seed in range(150):
        design = Morris({"a": Range(0, 1), "b": Range(0, 1)}, 6, levels=8, seed=seed)
        effects = effects_of(design, whole(design, "linear", "product"), seed)
        held.extend(np.abs(effects.absolute - 0.5) <= effects.interval)  # the mean of the other
    # 300 of them: 0.95 less three standard deviations
    assert np.mean(held) > 0.91


def whole(design, task, name):
    results = results_of(design, task, name)
    kept, zeros = np.arange(len(results)), np.zeros_like(results)
    return Blocks(None, kept, len(results), results, zeros, "trajectories")


# --- Sobol indices


def test_points_of_a_block_differ_from_a_by_one_parameter_of_b():
    design = Saltelli(ANGLES, 8, seed=1, second_order=True)
    blocks = design.shares().reshape(8, 8, 3)
    first, last = blocks[:, 0], blocks[:, -1]
    for j in range(3):
        for base, other, row in ((first, last, 1 + j), (last, first, 4 + j)):
            expected = base.copy()
            expected[:, j] = other[:, j]
            assert np.array_equal(blocks[:, row], expected)
    assert np.array_equal(design.shares(), design.shares())
    assert not np.array_equal(design.shares(), replace(design, seed=2).shares())


def test_indices_of_the_ishigami_function_are_those_of_its_closed_form():
    design = Saltelli(ANGLES, 2048, second_order=True)
    indices = bootstrapped(design, results_of(design, "ishigami", "f"), seed=0)
    first, total, of_xz = ishigami_indices()
    # two standard errors of this number of blocks are 0.03
    assert indices.first.values == pytest.approx(first, abs=0.03)
    assert indices.total.values == pytest.approx(total, abs=0.03)
    assert indices.pairs == ("x × y", "x × z", "y × z")
    assert indices.second.values == pytest.approx([0, of_xz, 0], abs=0.04)
    assert indices.total.intervals.max() < 0.07


def test_a_study_gives_the_indices_of_its_function(tmp_path):
    design = Saltelli(ANGLES, 64, second_order=True)
    answer = sobol_indices(run(tmp_path, design, "ishigami"), "f")
    exact = bootstrapped(design, results_of(design, "ishigami", "f"), seed=0)
    for i, name in enumerate("xyz"):
        assert value(answer, f"first.{name}") == pytest.approx(exact.first.values[i])
        assert value(answer, f"total.{name}") == pytest.approx(exact.total.values[i])
        error = answer.values[f"total.{name}"]["uncertainty"]
        assert 1.96 * error == pytest.approx(exact.total.intervals[i], rel=1e-4)
    for i, pair in enumerate(exact.pairs):
        assert value(answer, f"second.{pair}") == pytest.approx(exact.second.values[i])
    assert set(answer.table["parameter"]) == {"x", "y", "z", "x × y", "x × z", "y × z"}


def test_indices_of_the_g_function_are_those_of_its_closed_form():
    design = Saltelli({f"x{i}": Range(0, 1) for i in range(4)}, 1024)
    indices = bootstrapped(design, results_of(design, "g_function", "g"), seed=0)
    first, total = g_indices()
    assert indices.first.values == pytest.approx(first, abs=0.02)
    assert indices.total.values == pytest.approx(total, abs=0.02)


def test_intervals_of_indices_hold_the_closed_form_as_often_as_they_say():
    first, total, _ = ishigami_indices()
    held = []
    for seed in range(40):
        design = Saltelli(ANGLES, 64, seed)
        found = bootstrapped(design, results_of(design, "ishigami", "f"), seed)
        held.append(np.abs(found.first.values - first) <= found.first.intervals)
        held.append(np.abs(found.total.values - total) <= found.total.intervals)
    # 240 of them, those of a seed not independent: 0.95 less three standard deviations
    assert np.mean(held) > 0.90


def test_a_range_in_logarithms_counts_as_even_in_its_logarithm(tmp_path):
    ranges = {"a": Range(1e-4, 1, log=True), "b": Range(0, 1)}
    study = run(tmp_path, Saltelli(ranges, 64))
    answer = sobol_indices(study, "decades")
    assert value(answer, "total.a") == pytest.approx(1, abs=0.05)
    assert value(answer, "total.b") == 0


# --- what is missing


def test_trajectories_with_a_case_that_failed_are_left_out_whole(tmp_path):
    design = Morris({"a": Range(0, 1), "b": Range(0, 1), "c": Range(0, 1)}, 20, levels=8)
    study = run(tmp_path, design, fails=[0.9, 2.0])
    answer = elementary_effects(study, "product")
    rows = np.array([list(p.values()) for p in design.points()]).reshape(20, 4, 3)
    kept = rows[(rows[:, :, 0] < 0.9).all(axis=1)]
    assert 4 < len(kept) < 20
    outputs = kept[:, :, 0] * kept[:, :, 1]
    sizes = {name: [] for name in "abc"}
    for points, found in zip(kept, outputs, strict=True):
        for k in range(3):
            (j,) = np.flatnonzero(points[k + 1] != points[k])
            change = (found[k + 1] - found[k]) / (points[k + 1, j] - points[k, j])
            sizes["abc"[j]].append(change)
    for name in "abc":
        assert value(answer, f"mu.{name}") == pytest.approx(np.mean(sizes[name]), abs=1e-12)
    assert f"{20 - len(kept)} of 20 trajectories are left out" in answer.warnings[0]
    assert "not converged" in answer.warnings[0]


def test_blocks_without_a_number_are_left_out_whole(tmp_path):
    from SALib.analyze import sobol

    design = Saltelli({"a": Range(0, 1), "b": Range(0, 1)}, 64)
    study = run(tmp_path, design, blank_above=0.8)
    answer = sobol_indices(study, "length")
    rows = np.array([list(p.values()) for p in design.points()]).reshape(64, 4, 2)
    kept = rows[(rows[:, :, 0] <= 0.8).all(axis=1)]
    outputs = 3 * kept[:, :, 0] - 2 * kept[:, :, 1]
    problem = {"num_vars": 2, "names": ["a", "b"], "bounds": [[0, 1]] * 2}
    exact = sobol.analyze(problem, outputs.ravel(), calc_second_order=False, seed=1)
    for i, name in enumerate("ab"):
        assert value(answer, f"first.{name}") == pytest.approx(exact["S1"][i], rel=1e-12)
        assert value(answer, f"total.{name}") == pytest.approx(exact["ST"][i], rel=1e-12)
    assert f"{64 - len(kept)} of 64 blocks are left out" in answer.warnings[0]
    assert "no number" in answer.warnings[0]


def test_a_study_half_run_answers_from_its_first_blocks_and_goes_on_from_there(tmp_path):
    design = Saltelli({"a": Range(0, 1), "b": Range(0, 1)}, 64)
    study = made(tmp_path, design)
    study.run("serial", first=32 * design.block)
    half = sobol_indices(study, "length")
    assert "32 of 64 blocks are left out" in half.warnings[0]
    assert "128 not run" in half.warnings[0]
    written = {p: p.stat().st_mtime_ns for p in study.store.folder.glob("cases/*/*/record.json")}
    study.run("serial")
    full = sobol_indices(study, "length")
    assert full.values != half.values
    again = Study({}, design, study.folder, task=study.task, modules=TASKS)
    assert again.run("serial").counts == {"ok": 256}
    now = {p: p.stat().st_mtime_ns for p in study.store.folder.glob("cases/*/*/record.json")}
    assert written.items() <= now.items(), "no case was run again"
    assert sobol_indices(again, "length").values == full.values


def test_points_that_make_one_case_by_rounding_have_its_key(tmp_path):
    low = next(x for x in np.linspace(1, 2, 99) if x / 1e6 == np.nextafter(x, 9) / 1e6)
    design = Morris({"a_um": Range(low, np.nextafter(low, 9))}, 4)
    study = made(tmp_path, design, b=0)
    assert len({point["a_um"] for point in design.points()}) == 2
    assert len(study.cases()) == 1
    assert keys_of(study) == [study.cases()[0].key] * 8


# --- what is said of it


def test_effects_no_larger_than_the_errors_of_the_cases_are_told(tmp_path):
    study = run(tmp_path, Morris(BOX, 6), error=2.0)
    (warning,) = elementary_effects(study, "length").warnings
    # mean absolute difference of two such errors, over a step of 2/3
    assert f"make effects of {2.0 * 2 / math.sqrt(math.pi) * 1.5:.2g}" in warning
    assert "those of b, c cannot be told" in warning


def test_errors_of_the_cases_that_enter_the_total_indices_are_told(tmp_path):
    study = run(tmp_path, Saltelli({"a": Range(0, 1), "b": Range(0, 1)}, 64), error=0.5)
    (warning,) = [w for w in sobol_indices(study, "length").warnings if "standard errors" in w]
    share = 0.5**2 / (13 / 12)
    assert abs(float(warning.split("make ")[1].split("%")[0]) / 100 - share) < 0.04


def test_wide_intervals_say_how_many_blocks_would_do(tmp_path):
    study = run(tmp_path, Saltelli(ANGLES, 16), "ishigami")
    answer = sobol_indices(study, "f")
    (wide,) = [w for w in answer.warnings if "widest" in w]
    widest = max(1.96 * about.get("uncertainty", 0) for about in answer.values.values())
    wanted = int(wide.split("about ")[1].split(" ")[0])
    assert wanted / 2 < 16 * (widest / 0.1) ** 2 <= wanted
    assert any("matters more is open" in w for w in answer.warnings)


def test_indices_that_cannot_be_are_told():
    def index(*values):
        return Index(np.array(values), np.full(len(values), 0.05))

    indices = Indices(("a", "b"), index(0.9, 0.4), index(0.7, 0.45), index(1.3))
    told = " ".join(answer_of(indices, "f", "By hand", ()).warnings)
    assert "sum up to 1.30" in told
    assert "a has more alone than in total" in told
    indices = Indices(("a", "b"), index(0.9, -0.2), index(0.9, 0.2), index(0.7))
    told = answer_of(indices, "f", "By hand", ()).warnings
    assert len(told) == 1
    assert "index of b is negative" in told[0]
    fine = Indices(("a", "b"), index(0.7, 0.25), index(0.75, 0.3), index(0.95))
    assert answer_of(fine, "f", "By hand", ()).warnings == ()


def test_answers_have_pictures_that_can_be_read(tmp_path):
    study = run(tmp_path, Morris(BOX, 4))
    figures = study.answer("elementary_effects", of="length").figures
    assert len(figures) == 2
    for figure in figures:
        head, data = figure.source.split(",")
        assert head == "data:image/png;base64"
        assert base64.b64decode(data).startswith(b"\x89PNG")
        assert "length" in figure.alt


def test_values_are_those_of_cases_that_have_a_result(tmp_path):
    ends = {"fails": [2, 2], "blank_above": 2.5, "diverges_above": 3.5}
    study = run(tmp_path, Grid({"a": [1, 2, 3, 4], "b": [0]}), error=0.1, **ends)
    values = values_of(study, "length")
    keys = [case.key for case in study.cases()]
    assert values.at(keys)[0] == 3
    assert np.isnan(values.at(keys)[1:]).all()
    assert values.error(keys).tolist() == [0.1, 0, 0, 0]
    assert list(values.missing.values()) == ["not converged", "no number", "not converged"]
    assert list(values_of(study, "same").numbers) == keys[::2], "what did not converge is none"
    assert values.parameters == ({"a": 1, "b": 0},)


def test_the_design_of_a_study_is_the_one_that_is_analysed(tmp_path):
    design, blocks = blocks_of(run(tmp_path, Morris(BOX, 5)), "length", Morris, 4)
    points = np.array([list(point.values()) for point in design.points()]).reshape(5, 4, 3)
    assert blocks.results == pytest.approx(3 * points[:, :, 0] - 2 * points[:, :, 1])
