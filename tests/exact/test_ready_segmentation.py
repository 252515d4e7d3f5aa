"""What numbers owe to the threshold, from numbers that owe a known amount to it."""

from pathlib import Path

import numpy as np
import pytest

from microstructures.errors import InvalidInputError
from studies import Grid, Study
from studies.ready import grey_card, imaging_artefact, segmentation_sweep
from tests.exact.filled_studies import filled

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
EDGE = 4e-7
SHIFTS = {0.2: 0.8, 0.35: 0.4, 0.5: 0.0, 0.65: -0.4, 0.8: -0.8}  # voxels, by level
THICKNESS = "calender.thickness_um"


def swept(tmp_path, values, **about):
    study = segmentation_sweep(folder=str(tmp_path / "s"), **about)

    def of(parameters):
        shift = SHIFTS[parameters["rethreshold.level"]]
        found = values(shift, parameters)
        steps = {"rethreshold.mean_shift": shift * EDGE, "rethreshold.voxel_edge": EDGE}
        return None if found is None else found | steps

    return filled(study, of)


def parabola(shift, parameters):
    """3 − 0.5 s + 0.2 s² for 18 µm, one more for 16 µm, with a standard error of 0.1."""
    more = 1.0 if parameters[THICKNESS] == 16 else 0.0
    return {"q": (3 + more - 0.5 * shift + 0.2 * shift**2, "m", 0.1)}


def test_the_slope_is_that_where_the_walls_are(tmp_path):
    answer = swept(tmp_path, parabola).answer("imaging_artefact", of=["q"])
    table = answer.table.set_index("variant").loc[f"{THICKNESS} 18"]
    assert table["value"] == pytest.approx(3.0)
    assert table["slope per voxel"] == pytest.approx(-0.5)
    assert table["standard error"] == pytest.approx(0.1)


def test_the_range_is_that_within_the_uncertainty_of_walls(tmp_path):
    study = swept(tmp_path, parabola)
    at = {s: 3 - 0.5 * s + 0.2 * s**2 for s in SHIFTS.values()}
    table = imaging_artefact(study, ["q"], 0.4).table.set_index("variant").loc[f"{THICKNESS} 18"]
    assert table["lowest"] == pytest.approx(at[0.4])
    assert table["highest"] == pytest.approx(at[-0.4])
    wider = imaging_artefact(study, ["q"], 0.6).table.set_index("variant").loc[f"{THICKNESS} 18"]
    assert wider["highest"] == pytest.approx((at[-0.4] + at[-0.8]) / 2)  # straight in between


def test_the_larger_doubt_is_told(tmp_path):
    study = swept(tmp_path, parabola)
    assert set(imaging_artefact(study, ["q"], 0.1).table["larger doubt"]) == {"sampling"}
    answer = imaging_artefact(study, ["q"], 0.5)
    assert set(answer.table["larger doubt"]) == {"imaging"}
    half = answer.table["half range"].iloc[0]
    assert f"{half / 0.1:.2g} times the standard error" in answer.text
    assert answer.values[f"q, {THICKNESS} 18: half range"]["value"] == pytest.approx(half)


@pytest.mark.parametrize(
    ("gap", "tilt", "verdict"),
    [
        (1.0, 0.0, "holds wherever the walls are"),
        (0.3, 0.0, "holds if both are segmented alike"),
        (0.3, -1.0, "does not hold"),
    ],
)
def test_a_conclusion_holds_always_or_if_segmented_alike_or_not(tmp_path, gap, tilt, verdict):
    """One falls by 0.5 per voxel, the other by gap above it and by tilt more."""

    def values(shift, parameters):
        if parameters[THICKNESS] == 18:
            return {"q": 3 - 0.5 * shift}
        return {"q": 3 + gap + (tilt - 0.5) * shift}

    answer = imaging_artefact(swept(tmp_path, values), ["q"], 0.5)
    (told,) = [text for text in answer.text.split("\n\n") if text.startswith("That q")]
    assert f"larger for {THICKNESS} 16 than for {THICKNESS} 18" in told
    assert verdict in told


def test_walls_that_do_not_move_far_enough_are_no_range(tmp_path):
    study = swept(tmp_path, parabola)
    with pytest.raises(InvalidInputError, match=r"from -0\.80 to \+0\.80 voxels only"):
        imaging_artefact(study, ["q"], 0.9)

    def values(shift, parameters):
        lost = parameters[THICKNESS] == 16 and shift < -0.5
        return None if lost else parabola(shift, parameters)

    (tmp_path / "b").mkdir()
    answer = imaging_artefact(swept(tmp_path / "b", values), ["q"], 0.5)
    assert answer.table["variant"].tolist() == [f"{THICKNESS} 18"]
    assert any("from -0.40 to +0.80 voxels only" in text for text in answer.warnings)
    assert any("1 of 10 cases have no q" in text for text in answer.warnings)


def test_a_study_of_no_threshold_is_refused(tmp_path):
    study = Study({"volume": {"generate": "sample_cathode"}}, folder=tmp_path / "s")
    with pytest.raises(InvalidInputError, match="one threshold is wanted"):
        imaging_artefact(study)
    with pytest.raises(InvalidInputError, match="above 0"):
        imaging_artefact(swept(tmp_path, parabola), uncertainty=0.0)


def test_the_file_is_the_study_of_the_function():
    read = Study.from_toml(EXAMPLES / "segmentation.toml")
    assert [c.key for c in read.cases()] == [c.key for c in segmentation_sweep().cases()]
    assert list(read.questions) == ["imaging_artefact"]


def ball(radius, size, blur):
    """Grey values of a bright ball, 100 at its wall and a slope of 100/blur per voxel."""
    z, y, x = np.indices((size,) * 3) - (size - 1) / 2
    return 100 + (radius - np.sqrt(z**2 + y**2 + x**2)) * 100 / blur


def grey_study(tmp_path, limits, **about):
    np.save(tmp_path / "grey.npy", ball(7.0, 20, 2.0))
    recipe = {
        "volume": {"file": str(tmp_path / "grey.npy"), "spacing_nm": 100},
        "threshold": {"below": {"pore": 100}, "rest": "solid"},
        "characterize": {"axes": [0], "tolerance": 1e-3},
    }
    task = "studies.ready.grey:grey_card"
    design = Grid({"threshold.below.pore": limits})
    return Study(recipe, design, tmp_path / "g", task=task, **about)


def test_thresholds_of_a_grey_image_move_walls_by_its_slope(tmp_path):
    """50 grey values are a voxel here; a ball that is a voxel larger or smaller."""
    study = grey_study(tmp_path, [50, 100, 150])
    study.run("serial")
    answer = study.answer("imaging_artefact", of=["volume_fraction.pore"])
    frame = study.frame()
    assert frame["volume_fraction.pore"].is_monotonic_increasing
    radii = (3 * (1 - frame["volume_fraction.pore"]) * 20**3 / (4 * np.pi)) ** (1 / 3)
    assert radii.tolist() == pytest.approx([8.0, 7.0, 6.0], abs=0.1)  # balls on voxels
    slope = answer.values["volume_fraction.pore: slope per voxel"]["value"]
    # areas are those of a structure that goes on beyond the faces: more for a lone ball in 20³
    assert slope == pytest.approx(4 * np.pi * 7.0**2 / 20**3 * 20 / 19, rel=0.1)


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        ({"volume": {"file": "a.png", "spacing": 1e-7}}, "a .npy or .tif"),
        ({"volume": {"file": "grey.npy"}}, "spacing"),
        ({"threshold": {"below": {"a": 2, "b": 1}, "rest": "c"}}, "do not rise"),
        ({"threshold": {"below": {"a": 2}}}, "brightest"),
        ({"thresholds": {}}, "did you mean 'threshold'"),
    ],
)
def test_grey_recipes_that_cannot_be_run_are_refused(recipe, message):
    good = {
        "volume": {"file": "grey.npy", "spacing": 1e-7},
        "threshold": {"below": {"pore": 100}, "rest": "solid"},
    }
    with pytest.raises(InvalidInputError, match=message):
        grey_card.check(good | recipe)


GOLDEN = {  # by version of the task: what it found for the ball when that version was made
    1: {
        "volume_fraction.pore": 0.6805555555555556,
        "specific_surface_area.pore": 2253991.145666008,
        "tortuosity_factor.pore.z": 1.2463146879425246,
        "walls.pore": 2253991.145666008,
        "voxel_edge": 1e-7,
    }
}
GOLDEN[2] = GOLDEN[1]  # only the status of volumes without materials is another


def test_results_of_the_grey_card_change_only_with_its_version(tmp_path):
    """If this fails, count the version of ``grey_card`` up and add its results."""
    np.save(tmp_path / "grey.npy", ball(5.0, 12, 2.0))
    recipe = {
        "volume": {"file": str(tmp_path / "grey.npy"), "spacing": 1e-7},
        "threshold": {"below": {"pore": 100.0}, "rest": "solid"},
        "characterize": {"axes": [0], "tolerance": 1e-6},
    }
    found = grey_card(recipe).values
    for name, value in GOLDEN[grey_card.VERSION].items():
        assert found[name]["value"] == pytest.approx(value, rel=1e-5), name


def test_a_tiff_of_grey_values_is_read_too(tmp_path):
    import tifffile

    image = ball(4.0, 10, 2.0).astype(np.float32)
    tifffile.imwrite(tmp_path / "grey.tif", image)
    recipe = {
        "volume": {"file": str(tmp_path / "grey.tif"), "spacing": 1e-7},
        "threshold": {"below": {"pore": 100.0}, "rest": "solid"},
        "characterize": {"axes": [0], "tolerance": 1e-3},
    }
    found = grey_card(recipe).values
    assert found["darker.pore"]["value"] == pytest.approx(float(np.mean(image < 100)))
    assert found["volume_fraction.pore"]["value"] == found["darker.pore"]["value"]


@pytest.mark.slow
def test_the_example_runs_and_is_answered(tmp_path):
    volume = {"generate": "sample_cathode", "shape": [32, 32, 32], "seed": 0}
    study = segmentation_sweep(
        volume,
        steps=[{"step": "coarsen", "factor": 1}],
        variants={"coarsen.factor": [1, 2]},
        folder=str(tmp_path / "s"),
    )
    assert study.run("serial").is_complete
    answer = study.answer("imaging_artefact")
    rows = answer.table.set_index(["quantity", "variant"])
    fine, coarse = (
        rows.loc[("volume_fraction.pore", f"coarsen.factor {n}"), "slope per voxel"] for n in (1, 2)
    )
    assert fine > 0
    assert coarse == pytest.approx(fine, rel=0.1)
