"""A study runs each case once, and gives the same table however it was run."""

import csv
import dataclasses
import os
import platform
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from studies import Engine, Grid, Store, Study, Zipped
from studies._worker import Terms, run_case

TASKS = Path(__file__).resolve().parents[1] / "tasks"
POINTS = Grid({"x": [3, 1, 2]})


@pytest.fixture
def study(tmp_path):
    """Three squares, whose task notes each call in the file "log"."""
    recipe = {"x": 0, "log": str(tmp_path / "log")}
    return Study(recipe, POINTS, tmp_path / "s", task="trial:square", modules=TASKS)


def calls(tmp_path):
    log = tmp_path / "log"
    return log.read_text().split() if log.exists() else []


def record_file(study, number):
    return study.store.path(study.cases()[number].key) / "record.json"


def test_each_case_is_run_once_and_a_second_run_runs_none(study, tmp_path):
    assert str(study.run("serial")) == "3 cases: 3 ok"
    assert calls(tmp_path) == ["3", "1", "2"]
    again = Study(study.recipe, POINTS, study.folder, task=study.task, modules=TASKS)
    assert again.run("serial").is_complete
    assert calls(tmp_path) == ["3", "1", "2"]
    assert list((study.store.folder / "claims").iterdir()) == []


def test_the_table_has_a_row_for_each_point_with_units(study):
    study.run("serial")
    frame = study.frame(uncertainty=True)
    assert frame["x"].tolist() == [3, 1, 2]
    assert frame["y"].tolist() == [9.0, 1.0, 4.0]
    assert frame["y ±"].tolist() == [0.5, 0.5, 0.5]
    assert frame["third"].tolist() == [3 / 3, 1 / 3, 2 / 3]
    assert frame["status"].tolist() == ["ok"] * 3
    assert frame.attrs["units"] == {"y": "m²", "y ±": "m²", "third": "1"}
    assert frame.index.tolist() == [case.key for case in study.cases()]


def test_records_say_how_the_values_were_found(study):
    study.run("serial")
    case, status, record = next(study.records())
    assert status == record.status == "ok"
    assert record.case["recipe"] == study.cases()[0].recipe
    assert record.provenance["seed"] == 1
    assert record.provenance["attempts"] == 1
    assert record.provenance["seconds"] > 0
    assert study.store.array(case.key, "row").tolist() == [0, 1, 2]


def test_a_table_can_be_had_before_the_study_is_run(study):
    assert study.status().counts == {"not run": 3}
    assert not study.status().is_complete
    assert study.frame()["status"].tolist() == ["not run"] * 3
    assert not study.store.folder.exists()


def test_collect_writes_what_the_frame_has_and_to_the_last_bit(study):
    study.run("serial")
    with study.collect()[0].open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["y [m²]"]) for row in rows] == [9.0, 1.0, 4.0]
    assert [float(row["third"]) for row in rows] == [1.0, 1 / 3, 2 / 3]
    tables = sorted(path.name for path in study.store.folder.glob("*.*"))
    assert tables == ["results.csv", "results.parquet"]


def test_a_new_version_of_the_task_is_run_again(study, tmp_path, monkeypatch):
    from studies.case import task_function

    study.run("serial")
    square = task_function("trial:square", str(TASKS))
    monkeypatch.setattr(square, "VERSION", 2)
    newer = Study(study.recipe, POINTS, study.folder, task=study.task, modules=TASKS)
    assert newer.status().counts == {"not run": 3}
    assert newer.run("serial").counts == {"ok": 3}
    assert len(calls(tmp_path)) == 6
    assert study.status().counts == {"ok": 3}, "what the old version found is still there"


def test_a_worker_with_another_version_of_the_task_leaves_a_case_alone(
    study, tmp_path, monkeypatch
):
    from studies.case import task_function

    study.cases()
    monkeypatch.setattr(task_function("trial:square", str(TASKS)), "VERSION", 2)
    (status,) = study.run("serial").counts
    assert status == "not run: its worker has version 2 of trial:square: start it anew"
    assert calls(tmp_path) == []
    assert study.status().counts == {"not run": 3}


def test_a_corrupted_record_is_seen_and_run_again(study, tmp_path):
    study.run("serial")
    path = record_file(study, 1)
    path.write_text(path.read_text().replace("m²", "m³").replace("m\\u00b2", "m\\u00b3"))
    assert study.status().counts == {"ok": 2, "corrupted": 1}
    assert not study.status().is_complete
    assert study.frame()["status"].tolist() == ["ok", "corrupted", "ok"]
    assert study.run("serial").counts == {"ok": 3}
    assert calls(tmp_path) == ["3", "1", "2", "1"]


def test_a_torn_folder_is_run_again(study, tmp_path):
    study.run("serial")
    record_file(study, 2).unlink()
    assert study.status().counts == {"ok": 2, "corrupted": 1}
    assert study.run("serial").is_complete
    assert calls(tmp_path)[3:] == ["2"]


def test_only_the_statuses_asked_for_are_run_again(tmp_path):
    points = Zipped({"x": [1, 2, 3], "does": ["nothing", "raise", "diverge"]})
    recipe = {"log": str(tmp_path / "log")}
    study = Study(recipe, points, tmp_path / "s", task="trial:square", modules=TASKS)
    first = study.run("serial")
    assert first.counts == {"ok": 1, "failed": 1, "not converged": 1}
    assert first.is_complete
    study.run("serial")
    assert calls(tmp_path) == ["1", "2", "3"]
    study.run("serial", retry="failed")
    assert calls(tmp_path) == ["1", "2", "3", "2"]
    study.run("serial", retry=["failed", "not converged"])
    assert calls(tmp_path)[4:] == ["2", "3"]


def test_more_points_of_a_study_cost_only_the_new_ones(study, tmp_path):
    study.run("serial")
    more = Grid({"x": [1, 2, 3, 4]})
    wider = Study(study.recipe, more, study.folder, task=study.task, modules=TASKS)
    assert wider.run("serial").counts == {"ok": 4}
    assert calls(tmp_path)[3:] == ["4"]


def test_points_that_are_one_case_are_one_row(study):
    design = Zipped({"x": [1, 1, 2]})
    assert len(Study({}, design, study.folder, task=study.task, modules=TASKS).cases()) == 2


def test_a_value_with_the_name_of_a_parameter_has_a_column_of_its_own(tmp_path):
    recipe, points = {"x": 3}, Grid({"y": [1.0]})
    study = Study(recipe, points, tmp_path / "s", task="trial:square", modules=TASKS)
    study.run("serial")
    frame = study.frame()
    assert (frame["y"].item(), frame["y found"].item()) == (1.0, 9.0)


def test_threads_of_an_executor_give_the_same_table(study, tmp_path):
    study.run("serial")
    other = Study(study.recipe, POINTS, tmp_path / "t", task=study.task, modules=TASKS)
    with ThreadPoolExecutor(2) as pool:
        assert other.run(pool, workers=2).is_complete
    assert other.frame().equals(study.frame())


def test_a_finished_study_needs_no_workers(study):
    study.run("serial")
    pool = ThreadPoolExecutor(1)
    pool.shutdown()
    assert study.run(pool).is_complete


def test_a_study_that_was_moved_is_still_known(study, tmp_path):
    study.run("serial")
    shutil.move(study.folder, tmp_path / "moved")
    moved = Study(study.recipe, POINTS, tmp_path / "moved", task=study.task, modules=TASKS)
    assert moved.status().counts == {"ok": 3}


def test_progress_is_reported_once_for_each_case(study):
    from solvers import progress

    told = []
    with progress.listening(told.append):
        study.run("serial")
    assert [report.done for report in told] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert len({report.task for report in told}) == 1


def test_what_a_killed_run_left_is_swept_when_it_is_resumed(study):
    study.run("serial")
    left = record_file(study, 0).parent.with_name(".torn")
    left.mkdir()
    os.utime(left, (0, 0))
    record_file(study, 0).unlink()
    study.run("serial")
    assert not left.exists()


RECIPE = {
    "volume": {"generate": "sample_cathode", "shape": [16, 16, 16], "seed": 0},
    "step": [{"step": "calender", "porosity": 0.36, "ends": "periodic"}],
    "materials": {"pore": "LP30", "NMC": "NMC532", "CBD": "CBD"},
    "characterize": {"axes": [0], "tolerance": 1e-3},
}


def test_an_electrode_is_made_and_characterized(tmp_path):
    study = Study(RECIPE, Grid({"calender.porosity": [0.35, 0.38]}), tmp_path / "s")
    assert study.run("serial").counts == {"ok": 2}
    frame = study.frame()
    assert frame["calender.porosity"].tolist() == [0.35, 0.38]
    assert frame["volume_fraction.pore"].between(0.3, 0.5).all()
    assert frame["volume_fraction.pore"].is_monotonic_increasing
    assert frame["calender.porosity found"].tolist() == pytest.approx([0.35, 0.38], abs=1e-3)
    assert (frame["tortuosity_factor.pore.z"] > 1).all()
    picture = study.store.array(study.cases()[0].key, "slice")
    assert set(np.unique(picture)) <= {0, 1, 2}


def test_an_electrode_may_be_generated_or_read(tmp_path):
    """Half of it the first phase, in slabs across the thickness: nothing gets through."""
    labels = np.repeat(np.array([0, 1], np.uint8), 4)[:, None, None] * np.ones((8, 6, 6), np.uint8)
    np.save(tmp_path / "v.npy", labels)
    read = {"file": str(tmp_path / "v.npy"), "spacing_nm": 100, "phases": {"0": "a", "1": "b"}}
    made = {"generate": "polycrystal", "shape": [8, 8, 8], "spacing_nm": 50, "grains": 4}
    for volume, status in ((read, "does not percolate"), (made, "ok")):
        study = Study({"volume": volume, "characterize": {"axes": [0]}}, folder=tmp_path / status)
        assert study.run("serial").counts == {status: 1}
    record = next(Study({"volume": read}, folder=tmp_path / "x").records())
    assert record[0].inputs["volume"]


def test_a_volume_that_changes_while_the_study_exists_is_refused(tmp_path):
    from microstructures.errors import InvalidInputError

    file = tmp_path / "v.npy"
    np.save(file, np.zeros((4, 4, 4), np.uint8))
    recipe = {"volume": {"file": str(file), "spacing": 1e-7}}
    study = Study(recipe, folder=tmp_path / "s")
    np.save(file, np.ones((4, 4, 4), np.uint8))
    with pytest.raises(InvalidInputError, match="has changed"):
        study.run("serial")


def test_memory_and_gpus_limit_the_number_of_workers():
    from microstructures.memory import available_memory

    assert Engine(workers=4, memory=available_memory() / 2.5).width() in (2, 3)
    assert Engine(workers=4, memory=1e18).width() == 1
    assert Engine(gpus=[0, 2]).width() == 2
    options = Engine(gpus=[0, 2])._options(1, 2)
    assert options["env"]["CUDA_VISIBLE_DEVICES"] == "2"
    assert options["nthreads"] == 1


OF_CARD = {
    "volume_fraction.pore": 0.35989583333333336,
    "volume_fraction.CBD": 0.10677083333333333,
    "interface_area.pore–NMC": 85293.46248406157,
    "tortuosity_factor.pore.z": 3.15995,
    "effective_ionic_conductivity.pore + CBD.z": 0.176553,
    "effective_electronic_conductivity.NMC + CBD.z": 17.36438,
}
OF_COATING = {
    "electrode_density": 0.53333333 * 4750 + 0.10677083 * 0.53 * 1810,
    "total_porosity": 0.35989583 + 0.10677083 * 0.47,
    "electrode_thickness": 5.970971679687501e-06,
    "loading": 0.015738039917774203,
    "areal_capacity": 0.53333333 * 4750 * 165 * 5.970971679687501e-06,
}
GOLDEN = {  # by version of the task: what it found for RECIPE when that version was made
    1: OF_CARD,
    2: OF_CARD | OF_COATING,  # what the coating weighs and holds
    3: OF_CARD | OF_COATING,  # the same: another status where only the solids do not percolate
}
PRECISE = RECIPE | {"characterize": {"axes": [0], "tolerance": 1e-6}}
CELL = {
    "parameters": "Chen2020", "areal_capacity": 40.0, "particle_radius": 4e-6, "rates": [1.0],
    "model": "SPMe", "uncertainty": True,
}  # fmt: skip
LOAD = {
    "lithiation": {"NMC": [0.93, 0.5]}, "pressure": 1e6, "tolerance": 1e-4, "resolution": False,
}  # fmt: skip
IN_CELL = {  # value and standard error
    "electrode_thickness": (9.569377990430622e-05, None),
    "areal_capacity": (40.0, None),
    "volume_fraction.pore": (0.35989583, 0.38197526),
    "tortuosity_factor.pore.z": (3.1599505, 5.6638505),
    "ionic_macmullin_number.pore + CBD.z": (6.6835556, 11.218597),
    "cell.capacity.1": (49.313843, 0.20026014),
    "cell.energy.1": (173.229133, 3.5889921),
    "cell.specific_energy.1": (305.767296, 6.3349414),
    "cell.energy_density.1": (832.08706, 17.2393282),
    "cell.specific_power.1": (315.840337, 5.2635773),
    "cell.power_density.1": (859.498909, 14.3238163),
}
UNDER_LOAD = {
    "lithium_content.NMC": (0.5, None),
    "stack_pressure": (1e6, None),
    "effective_youngs_modulus.z": (32.567252e9, 44.30684e9),
    "effective_swelling_strain.z": (-4.42182e-3, 8.67303e-6),
    "back_pressure.z": (-244.72137e6, 263.4847e6),
    "von_mises_stress_p50.NMC": (571.35312e6, 171.7097e6),
    "hydrostatic_stress_p95.NMC": (586.706759e6, 207.24566e6),
    "von_mises_stress_p50.CBD": (12.500607e6, 3.501367e6),
    "volume_above_yield_stress.CBD": (0.41951220, 0.15854199),
    "contact_area_fraction.NMC–CBD": (0.068815312, 0.046429807),
    "debonded_area_fraction.NMC–CBD": (0.93611754, 0.044877627),
}
GOLDEN_OF_USE = {3: (IN_CELL, UNDER_LOAD)}  # by version, in a cell and under load


def test_results_of_the_electrode_change_only_with_its_version():
    """If this fails, count the version of ``studies.tasks.electrode`` up and add its results."""
    from studies.tasks import electrode

    found = electrode(PRECISE).values
    for name, value in GOLDEN[electrode.VERSION].items():
        assert found[name]["value"] == pytest.approx(value, rel=1e-5), name


@pytest.mark.parametrize(("use", "number"), [({"cell": CELL}, 0), ({"mechanics": LOAD}, 1)])
def test_results_in_a_cell_and_under_load_change_only_with_the_version(use, number):
    """The same, with standard errors; those of a cell are differences of two discharges."""
    from studies.tasks import electrode

    found = electrode(PRECISE | use)
    assert found.status == "ok"
    for name, (value, error) in GOLDEN_OF_USE[electrode.VERSION][number].items():
        assert found.values[name]["value"] == pytest.approx(value, rel=1e-4), name
        stated = found.values[name].get("uncertainty")
        assert stated == (None if error is None else pytest.approx(error, rel=1e-2)), name


def test_workers_choose_the_device_before_a_case_runs(study):
    """A device that is not there leaves the case as it is: elsewhere it can be run."""
    (status,) = study.run("local", workers=1, arch="metal").counts
    assert status.startswith("not run: ")
    assert "metal" in status
    assert study.run("local", workers=1, arch="cpu").counts == {"ok": 3}


def test_workers_with_gpus_run_kernels_on_them():
    store = Store(Path("s"))
    assert Engine(gpus=[0])._given(store)[1].arch == "cuda"
    assert Engine(gpus=[0], arch="vulkan")._given(store)[1].arch == "vulkan"
    assert Engine()._given(store)[1].arch is None


def test_whole_numbers_are_the_same_with_and_without_a_point(study):
    study.run("serial")
    points = Grid({"x": [3.0, 1.0, 2.0]})
    again = Study(study.recipe, points, study.folder, task=study.task, modules=TASKS)
    assert again.status().counts == {"ok": 3}
    assert again.diff(study).common == 3


def test_a_value_in_another_unit_has_a_column_of_its_own(study):
    study.run("serial")
    case, _, record = list(study.records())[1]
    study.store.remove(case.key)
    values = {**record.values, "y": {"value": 5.0, "unit": "mm²"}}
    study.store.write(dataclasses.replace(record, values=values))
    frame = study.frame()
    assert frame["y"].isna().tolist() == [False, True, False]
    assert frame["y in mm²"].tolist()[1] == 5.0
    assert (frame.attrs["units"]["y"], frame.attrs["units"]["y in mm²"]) == ("m²", "mm²")


def test_records_say_with_what_and_where_a_case_was_run(study):
    study.run("serial")
    provenance = next(study.records())[2].provenance
    assert {"python", "numpy", "taichi", "electrode-twin"} <= set(provenance["versions"])
    assert provenance["host"] == platform.node()
    assert provenance["device"] == "cpu"


def test_local_workers_are_no_more_than_the_cores_that_this_process_may_use():
    allowed = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(allowed)})
        assert Engine().width() == 1
    finally:
        os.sched_setaffinity(0, allowed)


def test_a_quota_of_a_container_counts(tmp_path, monkeypatch):
    from studies import cores

    for text, wanted in (("50000 100000", 1), ("max 100000", cores.usable_cores())):
        (tmp_path / "cpu.max").write_text(text)
        monkeypatch.setattr(cores, "QUOTA", tmp_path / "cpu.max")
        assert cores.usable_cores() == wanted


def test_claims_of_cases_that_were_stored_by_a_dying_worker_are_released(study):
    study.run("serial")
    case = study.cases()[0]
    study.store.claim(case.key, "run", "elsewhere:1", case.parameters)
    study.run("serial")
    assert study.store.begun() == {}
    store, text = str(study.store.folder), case.to_json()
    study.store.claim(case.key, "run", "elsewhere:1", case.parameters)
    assert run_case(store, text, Terms("run", None, 3, None)) == (case.key, "ok")
    assert study.store.begun() == {}
