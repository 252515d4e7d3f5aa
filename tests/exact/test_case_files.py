"""Files count by what is in them, also where the cases of a study differ in their file."""

from pathlib import Path

import numpy as np
import pytest

from microstructures.errors import InvalidInputError
from studies import Grid, Optimisation, Study, Table

TASKS = Path(__file__).resolve().parents[1] / "tasks"


@pytest.fixture
def files(tmp_path):
    """Two files of zeros and ones."""
    for value, name in enumerate("ab"):
        np.save(tmp_path / f"{name}.npy", np.full(4, value))
    return [str(tmp_path / f"{name}.npy") for name in "ab"]


def study(tmp_path, files):
    design = Grid({"volume.file": files})
    return Study({"volume": {}}, design, tmp_path / "s", task="trial:mean", modules=TASKS)


def test_a_file_that_changes_makes_a_new_case_and_the_others_stay(tmp_path, files):
    study(tmp_path, files).run("serial")
    np.save(files[1], np.full(4, 5))
    again = study(tmp_path, files)
    assert again.status().counts == {"ok": 1, "not run": 1}
    again.run("serial")
    assert again.frame()["mean"].tolist() == [0, 5]


def test_a_file_that_changes_while_the_study_exists_is_refused(tmp_path, files):
    made = study(tmp_path, files)
    np.save(files[1], np.full(4, 5))
    with pytest.raises(InvalidInputError, match=r"b\.npy has changed"):
        made.run("serial")
    assert made.status().counts == {"not run": 2}


def test_a_file_that_is_not_there_is_refused_before_anything_is_run(tmp_path, files):
    with pytest.raises(InvalidInputError, match=r"c\.npy' cannot be read"):
        study(tmp_path, [*files, str(tmp_path / "c.npy")])


def test_two_names_of_the_same_content_are_one_case(tmp_path, files):
    np.save(files[1], np.full(4, 0))
    assert len(study(tmp_path, files).cases()) == 1


@pytest.mark.parametrize(
    "design",
    [
        '[design.parameters]\nvolume.file = ["a.npy", "b.npy"]',
        '[design]\nkind = "table"\ntable = "t.csv"',
        '[optimise]\nmaximise = "mean"\n[optimise.parameters]\nvolume.file = ["a.npy", "b.npy"]',
    ],
)
def test_files_of_a_study_file_lie_beside_it(tmp_path, files, monkeypatch, design):
    monkeypatch.chdir(TASKS)
    (tmp_path / f"{tmp_path.name}.py").write_bytes((TASKS / "trial.py").read_bytes())
    (tmp_path / "t.csv").write_text("volume.file\na.npy\nb.npy\n")
    path = tmp_path / "two.toml"
    path.write_text(f'task = "{tmp_path.name}:mean"\n{design}\n[volume]\n')
    made = Study.from_toml(path)
    made.run("serial")
    assert sorted(made.frame()["mean"]) == [0, 1]


def test_a_search_among_files_knows_what_is_in_them(tmp_path, files):
    found = Optimisation(
        {"volume": {}}, {"volume.file": files}, maximise="mean", count=2, folder=tmp_path / "s",
        task="trial:mean", modules=TASKS,
    )  # fmt: skip
    found.run("serial")
    assert found.best().values["mean"]["value"] == 1
    assert Study({"volume": {}}, Table(tuple({"volume.file": f} for f in files)), tmp_path / "s",
                 task="trial:mean", modules=TASKS).status().counts == {"ok": 2}  # fmt: skip
