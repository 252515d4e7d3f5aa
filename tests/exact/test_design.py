"""Designs visit the points that they promise, and the same ones again."""

import itertools
import math

import pytest

from studies import Grid, Range, Sampled, Single, Table, Zipped
from studies.constraints import constrained

RANGES = {"a.x": Range(0.2, 0.4), "b": Range(1e-9, 1e-3, log=True)}


def test_a_grid_is_every_combination_with_the_last_running_fastest():
    grid = Grid({"a": [1, 2], "b": ["x", "y", "z"]})
    assert [tuple(p.values()) for p in grid.points()] == list(itertools.product([1, 2], "xyz"))
    assert grid.names == ("a", "b")


def test_zipped_lists_go_together():
    assert Zipped({"a": [1, 1], "b": [3, 4]}).points() == [{"a": 1, "b": 3}, {"a": 1, "b": 4}]


def test_a_single_point_has_no_parameters():
    assert Single().points() == [{}]
    assert Single().names == ()


@pytest.mark.parametrize("method", ["latin_hypercube", "sobol"])
@pytest.mark.parametrize("count", [1, 16, 64])
def test_sampled_points_have_one_in_each_slice_of_each_range(method, count):
    points = Sampled(RANGES, count, 3, method).points()
    shares = [(p["a.x"] - 0.2) / 0.2 for p in points]
    logs = [math.log(p["b"] / 1e-9) / math.log(1e6) for p in points]
    for column in (shares, logs):
        assert sorted(int(share * count) for share in column) == list(range(count))


def test_a_sequence_of_sobol_is_balanced_in_every_elementary_box():
    points = Sampled({"a": Range(0, 1), "b": Range(0, 1)}, 64, 1, "sobol").points()
    for wide in (1, 2, 4, 8, 16, 32, 64):
        boxes = {(int(p["a"] * wide), int(p["b"] * 64 // wide)) for p in points}
        assert len(boxes) == 64


@pytest.mark.parametrize("method", ["latin_hypercube", "sobol"])
def test_a_seed_gives_the_same_points_and_another_gives_others(method):
    points = Sampled(RANGES, 8, 5, method).points()
    assert points == Sampled(RANGES, 8, 5, method).points()
    assert points != Sampled(RANGES, 8, 6, method).points()


def test_points_of_a_table_are_its_rows(tmp_path):
    path = tmp_path / "points.csv"
    path.write_text("\ufeffcell.thickness_um, generate\n70,sphere\n1e2,ball\n\n", encoding="utf-8")
    assert Table.read(path).points() == [
        {"cell.thickness_um": 70, "generate": "sphere"},
        {"cell.thickness_um": 100.0, "generate": "ball"},
    ]
    assert Table.read(path).names == ("cell.thickness_um", "generate")


@pytest.mark.parametrize(
    ("constraint", "left"),
    [
        ("calender.porosity < 0.35", [0.3, 0.32]),
        ("0.31 < calender.porosity <= 0.4", [0.32, 0.4]),
        ("2 * calender.porosity + step.1.porosity > 1.0", [0.4]),
        ("not calender.porosity < 0.35 or step.1.porosity == 0.3", [0.3, 0.32, 0.4]),
        ("porosity == 'low'", [0.3]),
        ("(calender.porosity - 0.3) ** 2 > 0", [0.32, 0.4]),
    ],
)
def test_constraints_keep_the_points_at_which_they_hold(constraint, left):
    rows = [(0.3, "low"), (0.32, "high"), (0.4, "high")]
    points = [
        {"calender.porosity": p, "porosity": name, "step.1.porosity": 0.3} for p, name in rows
    ]
    assert [p["calender.porosity"] for p in constrained(points, [constraint])] == left


def test_all_constraints_hold_at_once():
    points = Grid({"a": [1, 2, 3], "b": [1, 2, 3]}).points()
    assert constrained(points, ["a < b", "a * b == 6"]) == [{"a": 2, "b": 3}]
    assert constrained(points, []) == points
