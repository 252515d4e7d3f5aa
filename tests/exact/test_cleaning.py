"""Cleaning takes what may go from the folder of a study, and nothing that is finished and whole."""

import os
import platform
from pathlib import Path

import pytest

from microstructures.errors import InvalidInputError
from studies import Grid, Optimisation, Range, Study

TASKS = Path(__file__).resolve().parents[1] / "tasks"
NOBODY = 2**22 + 1  # larger than any number of a process


def study(tmp_path, points):
    return Study({}, Grid({"x": points}), tmp_path / "s", task="trial:square", modules=TASKS)


@pytest.fixture
def used(tmp_path):
    """Three cases, one with a corrupted array; rests of killed writers, old and new; claims."""
    made = study(tmp_path, [1, 2, 3])
    made.run("serial")
    broken = made.store.path(made.cases()[0].key) / "arrays" / "row.npy"
    broken.write_bytes(broken.read_bytes()[:-1] + b"\1")
    for name, is_old in ((".old", True), (".new", False)):
        left = made.store.path(made.cases()[1].key).parent / name
        left.mkdir()
        if is_old:
            os.utime(left, (0, 0))
    for number, pid in enumerate((os.getpid(), NOBODY)):
        made.store.claim(f"{number}" * 32, "run", f"{platform.node()}:{pid}")
    return made


def names(made):
    return sorted(str(p.relative_to(made.store.folder)) for p in made.store.folder.rglob("*"))


def test_what_killed_workers_left_goes_and_the_rest_stays(used):
    before = used.frame()
    found = used.clean()
    assert (found.aside, found.claims, found.corrupted, found.others) == (1, 1, 1, 0)
    assert found.bytes > 0
    assert used.status().counts == {"ok": 2, "not run": 1}
    assert used.frame()[1:].equals(before[1:])
    left = names(used)
    assert not any(".old" in name for name in left)
    assert any(".new" in name for name in left), "its writer may be at work"
    assert f"claims/{'0' * 32}.json" in left, "its worker is at work"
    assert used.clean().bytes == 0


def test_a_dry_run_removes_nothing(used):
    before = names(used)
    told = used.clean(others=True, dry=True)
    assert names(used) == before
    assert used.clean(others=True) == told


def test_cases_of_other_points_go_only_if_asked_for(tmp_path):
    study(tmp_path, [1, 2, 3]).run("serial")
    fewer = study(tmp_path, [2])
    assert fewer.clean().others == 0
    assert study(tmp_path, [1, 2, 3]).status().counts == {"ok": 3}
    assert fewer.clean(others=True).others == 2
    assert study(tmp_path, [1, 2, 3]).status().counts == {"ok": 1, "not run": 2}


def test_a_study_that_was_never_run_has_nothing_to_clean(tmp_path):
    made = study(tmp_path, [1])
    assert made.clean(others=True).bytes == 0
    assert not made.store.folder.exists()


def test_a_search_keeps_what_it_may_still_ask_for(tmp_path):
    """After one of its cases is lost, it does not know those that it asked for later."""
    spaces = {"x": Range(0, 1), "y": Range(0, 1)}
    search = Optimisation(
        {}, spaces, maximise="sum", count=12, batch=3, folder=tmp_path / "s",
        task="optimised:hill", modules=TASKS,
    )  # fmt: skip
    search.run("serial")
    search.store.remove(search.cases()[0].key)
    with pytest.raises(InvalidInputError, match="run it to its end first"):
        search.clean(others=True)
    assert len(list(search.store.finished())) == 11
    search.clean()
    assert search.run("serial").is_complete
    assert search.clean(others=True).others == 0
