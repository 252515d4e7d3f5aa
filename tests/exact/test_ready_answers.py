"""What enters an answer: cases with a result, and means over pieces and nothing else."""

import inspect

import numpy as np
import pytest
import tifffile

from microstructures.errors import InvalidInputError
from studies import Grid, Study, ready
from studies.values import values_of
from tests.exact.filled_studies import filled

SWEEPS = [getattr(ready, name) for name in dir(ready) if name.endswith("_sweep")]
LEVELS = {0.2: 0.8, 0.5: 0.0, 0.8: -0.8}  # of a threshold, and voxels by which walls move
EDGE = 4e-7


def pressed(folder, values, levels):
    """A study of pressing with other parameters besides, filled by formulas."""
    recipe = ready.pressing_sweep().recipe
    whole = {"press.porosity": [0.34, 0.28, 0.22], "generate_electrode.rng": [0, 1]} | levels
    task = "studies.ready.pressed:pressed_composite"
    return filled(Study(recipe, Grid(whole), folder, task=task), values)


def conducting(parameters):
    """Conductivity rises with pressure, and less so the slower the press is."""
    porosity = parameters["press.porosity"]
    pressure = 4e8 * (-np.log(porosity) - 0.9)
    slow = parameters.get("press.rate", 4e-3) / 4e-3
    return {
        "press.largest_pressure_Pa": (pressure, ""),
        "press.porosity_under_load": (porosity, ""),
        "relative_conductivity": 1e-9 * pressure * slow,
        "contact_area": 1e5,
        "utilisation": 0.9,
    }


def without(parameters):
    """The densest has not converged, and its number is far off."""
    found = conducting(parameters)
    if parameters["press.porosity"] == 0.22:
        found |= {"status": "not converged", "relative_conductivity": 1e3}
    return found


def test_what_did_not_converge_is_no_pressure(tmp_path):
    answer = pressed(tmp_path / "s", without, {}).answer("enough_pressure")
    best = 1e-9 * conducting({"press.porosity": 0.28})["press.largest_pressure_Pa"][0]
    assert answer.values["relative_conductivity"]["value"] == pytest.approx(0.9 * best)
    assert "2 of 6 cases have no relative_conductivity (2 not converged)" in answer.warnings[0]
    assert answer.table["porosity"].tolist() == [0.34, 0.28]


def test_what_did_not_converge_is_no_density(tmp_path):
    def curve(parameters):
        density = 4200 * (1 - parameters["calender.porosity"])
        found = {
            "electrode_density": (density, "kg/m³"),
            "cell.energy_density.1": (900 - 4e-4 * (density - 3000) ** 2, "Wh/L", 1.0),
        }
        if parameters["calender.porosity"] == 0.35:
            found |= {"cell.energy_density.1": (2000.0, "Wh/L"), "status": "not converged"}
        return found

    levels = [0.4, 0.35, 0.3, 0.25, 0.2]
    study = filled(ready.calendering_sweep(porosities=levels, folder=tmp_path / "s"), curve)
    answer = ready.best_density(study)
    assert answer.values["best_density"]["value"] == pytest.approx(3000, abs=2)
    assert any("3 not converged" in text for text in answer.warnings)


def test_a_value_called_as_a_parameter_goes_by_its_name_in_the_table(tmp_path):
    study = pressed(tmp_path / "s", lambda p: {"press.porosity": p["press.porosity"] / 2}, {})
    found = values_of(study, "press.porosity found")
    assert set(found.numbers.values()) == {0.17, 0.14, 0.11}
    with pytest.raises(InvalidInputError, match=r"is a parameter .* 'press\.porosity found'"):
        values_of(study, "press.porosity")


OPEN = {  # of each question: parameter, two of its values
    "enough_pressure": ("press.rate", [4e-3, 2e-3]),
    "representative_size": ("characterize.tolerance", [1e-3, 1e-2]),
    "percolation_window": ("mixture.solid", [0.6, 0.5]),
    "contact_loss": ("characterize.tolerance", [1e-3, 1e-2]),
}


def open_study(folder, question):
    """A study whose numbers differ by a parameter that the question is not about."""
    path, levels = OPEN[question]
    if question == "enough_pressure":
        return pressed(folder, conducting, {path: levels})
    made, values = {
        "representative_size": (ready.subvolume_sweep(sizes=(16, 24, 32), places=8), of_cube),
        "percolation_window": (ready.composition_sweep(size_ratios=[1.0]), spanning),
        "contact_loss": (ready.swelling_sweep(), touching),
    }[question]
    whole = Grid({**made.design.levels, path: levels})
    study = Study(made.recipe, whole, folder, task=made.task)
    return filled(study, lambda point: values(point, levels.index(point[path])))


def of_cube(point, which):
    size, at = point["sub_volume.size"], (point["sub_volume.place"] - 3.5) / 6**0.5
    value = 2.0 + 10 * which + 0.4 * (size / 16) ** -1.5 * at
    return {"tortuosity_factor.pore.z": value, "sub_volume.edge": (size * 1e-6, "m")}


def spanning(point, which):
    share = point["mixture.active_share"]
    active, ions = share > 0.35 + 0.2 * which, share < 0.75
    return {
        "active_spans": float(active),
        "electrolyte_spans": float(ions),
        "utilisation": float(active and ions),
        "largest_overlap": 0.0,
    }


def touching(point, which):
    return {
        "contact_area_fraction.NMC–CBD": 0.4 + 0.3 * which + 0.02 * point["volume.seed"],
        "stack_pressure": (point["mechanics.pressure"], "Pa"),
        "lithium_content.NMC": point["mechanics.lithiation.NMC"][1],
    }


@pytest.mark.parametrize("question", OPEN)
def test_a_mean_over_whatever_else_varies_is_refused(question, tmp_path):
    path, levels = OPEN[question]
    study = open_study(tmp_path / "s", question)
    with pytest.raises(InvalidInputError, match=rf"'{path}' has the values .*where="):
        study.answer(question)
    first, second = (study.answer(question, where={path: level}) for level in levels)
    assert first.text != second.text


def test_mixtures_are_told_by_every_parameter_that_chooses_one(tmp_path):
    """Of other crops as well, whose lists pandas cannot group by."""
    crops = [[[0, 8], [0, 8], [0, 8]], [[8, 16], [0, 8], [0, 8]]]
    tifffile.imwrite(tmp_path / "mix.tif", np.indices((16, 8, 8)).sum(axis=0).astype(np.uint8) % 3)
    recipe = dict(ready.pressing_sweep().recipe)
    phases = {0: "pore", 1: "NMC", 2: "CBD"}
    recipe["volume"] = {"file": str(tmp_path / "mix.tif"), "spacing": 4e-7, "phases": phases}
    recipe["step"] = [recipe["step"][1] | {"solids": {"NMC": "NMC811", "CBD": "LPSCl"}}]
    recipe["composite"] = {"active": "NMC", "electrolyte": "CBD"}
    design = Grid({"press.porosity": [0.34, 0.28], "volume.crop": crops})
    task = "studies.ready.pressed:pressed_composite"
    study = filled(Study(recipe, design, tmp_path / "s", task=task), conducting)
    answer = study.answer("enough_pressure")
    assert answer.table["mixtures"].tolist() == [2, 2]


def imaged(folder, values, variants, steps=()):
    study = ready.segmentation_sweep(
        levels=list(LEVELS), steps=steps, variants=variants, folder=folder
    )

    def of(point):
        shift = LEVELS[point["rethreshold.level"]]
        found = {"rethreshold.mean_shift": shift * EDGE, "rethreshold.voxel_edge": EDGE}
        return found | values(shift, point)

    return filled(study, of)


def test_seeds_are_repetitions_whose_mean_and_scatter_are_told(tmp_path):
    def values(shift, point):
        return {"q": (3 - 0.5 * shift + 0.3 * point["volume.seed"], "m", 0.01)}

    study = imaged(tmp_path / "s", values, {"volume.seed": [0, 1, 2]})
    answer = study.answer("imaging_artefact", of=["q"])
    assert len(answer.table) == 1
    assert answer.table["value"].tolist() == pytest.approx([3.3])
    assert answer.table["pieces"].tolist() == [3]
    assert answer.table["standard error"].tolist() == pytest.approx([0.3 / 3**0.5])
    assert "larger for" not in answer.text


def test_stated_errors_count_where_pieces_scatter_less(tmp_path):
    study = imaged(tmp_path / "s", lambda s, p: {"q": (3 - s, "m", 0.2)}, {"volume.seed": [0, 1]})
    answer = study.answer("imaging_artefact", of="q")
    assert answer.table["standard error"].tolist() == pytest.approx([0.2 / 2**0.5])


def test_thresholds_that_a_piece_lacks_are_left_out_of_the_mean(tmp_path):
    def values(shift, point):
        lost = point["volume.seed"] == 1 and shift == 0.0
        return {"q": None if lost else 3 - shift + point["volume.seed"]}

    study = imaged(tmp_path / "s", values, {"volume.seed": [0, 1]})
    answer = study.answer("imaging_artefact", of=["q"])
    assert answer.table["value"].tolist() == pytest.approx([3.5])
    assert any("at 1 thresholds, which are left out" in text for text in answer.warnings)

    def never(shift, point):
        lost = (point["volume.seed"] == 1) == (shift == 0.0)
        return {"q": None if lost else 3 - shift}

    study = imaged(tmp_path / "t", never, {"volume.seed": [0, 1]})
    with pytest.raises(InvalidInputError, match="walls moved from nowhere"):
        study.answer("imaging_artefact", of=["q"])


VARIANTS = {
    "text": ("calender.ends", ["periodic", "mirror"]),
    "list": ("volume.shape", [[48, 48, 48], [48, 48, 32]]),
}


@pytest.mark.parametrize("kind", VARIANTS)
def test_variants_may_be_texts_and_lists(kind, tmp_path):
    path, levels = VARIANTS[kind]
    steps = [{"step": "calender", "porosity": 0.3, "ends": "periodic"}]

    def values(shift, point):
        return {"q": 3 - shift + 5 * levels.index(point[path])}

    study = imaged(tmp_path / "s", values, {path: levels}, steps)
    answer = study.answer("imaging_artefact", of=["q"])
    assert answer.table["variant"].tolist() == [f"{path} {level}" for level in levels]
    assert f"larger for {path} {levels[1]} than for {path} {levels[0]}" in answer.text


def test_what_did_not_converge_is_no_threshold(tmp_path):
    def values(shift, point):
        found = {"q": 3 - shift}
        return found | ({"q": 50.0, "status": "not converged"} if shift == 0.0 else {})

    answer = imaged(tmp_path / "s", values, {}).answer("imaging_artefact", of=["q"])
    assert answer.table["value"].tolist() == pytest.approx([3.0])
    assert any("1 of 3 cases have no q (1 not converged)" in text for text in answer.warnings)


@pytest.mark.parametrize("sweep", SWEEPS, ids=lambda sweep: sweep.__name__)
def test_every_sweep_takes_further_arguments_of_a_study(sweep, tmp_path):
    made = sweep(folder=tmp_path / "s", name="mine", questions={})
    assert (made.name, dict(made.questions)) == ("mine", {})
    given = inspect.signature(sweep).parameters
    if "seeds" in given:
        fewer = sweep(folder=tmp_path / "s", seeds=[3, 5])
        of_seed = [name for name in made.design.names if name.endswith(("seed", "rng"))]
        assert {case.parameters[of_seed[0]] for case in fewer.cases()} == {3, 5}


def test_there_are_eight_sweeps():
    assert len(SWEEPS) == 8


@pytest.mark.parametrize("sweep", [ready.pressing_sweep, ready.composition_sweep])
def test_a_count_of_seeds_is_refused(sweep):
    with pytest.raises(InvalidInputError, match="is 4: give a list of values"):
        sweep(seeds=4)
