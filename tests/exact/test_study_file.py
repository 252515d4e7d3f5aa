"""A study file says what the same study in Python says."""

import numpy as np
import pytest

from studies import Grid, Range, Sampled, Single, Study, Table, Zipped
from studies.study_file import read

RECIPE = """
[volume]
generate = "sample_cathode"
shape = [16, 16, 16]
[materials]
pore = "LP30"
NMC = "NMC532"
CBD = "CBD"
[cell]
parameters = "Chen2020"
thickness_um = 70
particle_radius_um = 4
"""
IN_PYTHON = {
    "volume": {"generate": "sample_cathode", "shape": [16, 16, 16]},
    "materials": {"pore": "LP30", "NMC": "NMC532", "CBD": "CBD"},
    "cell": {"parameters": "Chen2020", "thickness": 70e-6, "particle_radius": 4e-6},
}


def study(tmp_path, text, name="calendering.toml"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return read(path)


def test_a_file_and_python_give_the_same_cases(tmp_path):
    design = "[design.parameters]\nvolume.seed = [0, 1]\ncell.thickness_um = [50, 70]"
    there = study(tmp_path, RECIPE + design)
    here = Study(IN_PYTHON, Grid({"volume.seed": [0, 1], "cell.thickness_um": [50, 70]}))
    assert [case.key for case in there.cases()] == [case.key for case in here.cases()]
    assert there.cases()[2].recipe["cell"]["thickness"] == 50e-6
    assert there.cases()[2].parameters == {"volume.seed": 1, "cell.thickness_um": 50}


def test_names_are_those_of_the_file_unless_it_says_others(tmp_path):
    plain = study(tmp_path, RECIPE)
    assert plain.name == "calendering"
    assert plain.store.folder == tmp_path / "calendering.study"
    assert plain.design == Single()
    named = study(tmp_path, 'name = "my study"\nstore = "deep/x"\n' + RECIPE)
    assert named.name == "my study"
    assert named.store.folder == tmp_path / "deep" / "x"


def test_nothing_is_written_by_looking(tmp_path):
    assert study(tmp_path, RECIPE).status().counts == {"not run": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["calendering.toml"]


@pytest.mark.parametrize(
    ("text", "design"),
    [
        ('kind = "grid"\nparameters = {volume.seed = [0, 1]}', Grid({"volume.seed": [0, 1]})),
        (
            'kind = "zip"\n[design.parameters.volume]\nseed = [0, 1]\npad = [2, 3]',
            Zipped({"volume.seed": [0, 1], "volume.pad": [2, 3]}),
        ),
        (
            'kind = "sobol"\ncount = 4\nseed = 7\n[design.parameters]\n'
            "cell.thickness_um = {from = 50, to = 90, log = true}",
            Sampled({"cell.thickness_um": Range(50, 90, log=True)}, 4, 7, "sobol"),
        ),
        (
            'kind = "latin_hypercube"\ncount = 3\n[design.parameters]\n'
            "cell.thickness_um = {from = 50, to = 90}",
            Sampled({"cell.thickness_um": Range(50, 90)}, 3),
        ),
        ('kind = "table"\ntable = "p.csv"', Table(({"volume.seed": 1}, {"volume.seed": 2}))),
    ],
)
def test_designs_of_a_file(tmp_path, text, design):
    (tmp_path / "p.csv").write_text("volume.seed\n1\n2\n")
    task = f'task = "{tmp_path.name}:square"\n'
    (tmp_path / f"{tmp_path.name}.py").write_text(TASK)
    assert study(tmp_path, f"{task}{RECIPE}\n[design]\n{text}").design == design


TASK = """
from studies import Outcome, task

@task(version=1)
def square(recipe):
    return Outcome({})
"""


def test_constraints_of_a_file(tmp_path):
    design = '[design]\nconstraints = ["volume.seed > 1"]\nparameters = {volume.seed = [0, 1, 2]}'
    cases = study(tmp_path, RECIPE + design).cases()
    assert [case.parameters for case in cases] == [{"volume.seed": 2}]


def test_a_volume_counts_by_its_content_and_not_by_its_place(tmp_path):
    text = RECIPE.replace('generate = "sample_cathode"', 'file = "v.npy"')
    text = text.replace("shape = [16, 16, 16]", "spacing_nm = 398")
    keys = []
    for folder, labels in (("a", [0, 1]), ("b", [0, 1]), ("c", [1, 0])):
        (tmp_path / folder).mkdir()
        np.save(tmp_path / folder / "v.npy", np.array([[labels]], np.uint8))
        cases = study(tmp_path / folder, text).cases()
        assert cases[0].resolved()["volume"]["file"] == str(tmp_path / folder / "v.npy")
        keys.append(cases[0].key)
    assert keys[0] == keys[1] != keys[2]


def test_a_task_of_ones_own_is_found_beside_the_file(tmp_path):
    (tmp_path / "beside_the_file.py").write_text(TASK)
    made = study(
        tmp_path, 'task = "beside_the_file:square"\nx = 0\n[design.parameters]\nx = [1, 2]'
    )
    assert [case.recipe for case in made.cases()] == [{"x": 1}, {"x": 2}]
    assert made.run("serial").counts == {"ok": 2}
