"""The command ``twin``: what it writes, what it says, and what it leaves alone."""

import contextlib
import csv
import json
import re
import signal
import subprocess
import sys
import time

import meshio
import numpy as np
import pytest
from rich.console import Console

import microstructures
import solvers
from microstructures.errors import ConvergenceError
from solvers import progress
from studies.cli import main
from studies.commands.output import built_aside
from studies.commands.progress_bar import PATIENCE, Listener, shown
from studies.commands.stop import Stop

PHASES = "0=pore,1=NMC,2=CBD"


@pytest.fixture(scope="module")
def cathode(tmp_path_factory):
    """A small volume of three phases, as a TIFF that does not know its voxel size."""
    volume = microstructures.generate.sample_cathode(0, shape=(16, 18, 20))
    path = tmp_path_factory.mktemp("volume") / "cathode.npy"
    np.save(path, volume.labels)
    return path


def analyze(cathode, folder, *more):
    given = ["--spacing", "398e-9", "--phases", PHASES, "--no-picture", "--tolerance", "1e-3"]
    return main(["analyze", str(cathode), "-o", str(folder), *given, *more])


@pytest.fixture(scope="module")
def run(cathode, tmp_path_factory):
    """The folder of one analysis with everything asked for."""
    folder = tmp_path_factory.mktemp("run") / "deep" / "results"
    materials = "pore=LP30,NMC=NMC532,CBD=CBD"
    assert analyze(cathode, folder, "--materials", materials, "--mesh", "--fields") == 0
    return folder


def test_analyze_writes_what_was_asked_for_and_nothing_else(run):
    names = {path.name for path in run.iterdir()}
    assert names == {"report.html", "result.csv", "result.json", "mesh.vtu", "fields.vti"}
    assert [path.name for path in run.parent.iterdir()] == ["results"]


def test_result_json_has_the_promised_keys(run):
    result = json.loads((run / "result.json").read_text())
    assert {"schema", "volume", "quantities", "warnings", "versions"} <= set(result)
    promised = {"name", "phase", "axis", "value", "unit", "uncertainty", "method", "status"}
    assert all(promised <= set(quantity) for quantity in result["quantities"])
    assert result["volume"]["spacing_m"] == [398e-9] * 3
    names = {quantity["name"] for quantity in result["quantities"]}
    assert {"tortuosity_factor", "effective_ionic_conductivity", "interface_area"} <= names


def test_result_csv_has_a_row_per_quantity(run):
    rows = list(csv.DictReader((run / "result.csv").read_text().splitlines()))
    assert len(rows) == len(json.loads((run / "result.json").read_text())["quantities"])


def test_mesh_has_a_hexahedron_per_voxel_and_fields_are_on_the_voxels(run):
    assert len(meshio.read(run / "mesh.vtu").cells[0].data) == 16 * 18 * 20
    head = (run / "fields.vti").read_bytes()[:4000]
    assert b'Name="potential"' in head
    assert b'Name="flux"' in head


def test_a_new_run_replaces_the_old_one_and_leaves_other_files_alone(cathode, tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    for stale in ("mesh.vtu", "result.json"):
        (tmp_path / stale).write_text("of an older run")
    assert analyze(cathode, tmp_path) == 0
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"report.html", "result.csv", "result.json", "notes.txt"}
    assert "older" not in (tmp_path / "result.json").read_text()
    assert str(tmp_path / "report.html") in capsys.readouterr().out


def test_quiet_says_nothing(cathode, tmp_path, capfd):
    assert analyze(cathode, tmp_path, "--quiet") == 0
    assert capfd.readouterr() == ("", "")


def test_a_cell_is_asked_for_in_a_file_and_by_flags(cathode, tmp_path, capsys):
    config = tmp_path / "run.toml"
    config.write_text('[cell]\nmodel = "SPM"\nrates = [3.0]\nparticle_radius = 4e-6\n')
    materials = "pore=LP30,NMC=NMC532,CBD=CBD"
    more = ["--config", str(config), "--rates", "0.5,1", "--thickness", "60e-6"]
    assert analyze(cathode, tmp_path / "out", "--materials", materials, *more) == 0
    found = json.loads((tmp_path / "out" / "result.json").read_text())["performance"]
    assert [run["rate_per_h"] for run in found["discharges"]] == [0.5, 1.0]
    assert found["structure"]["thickness"] == 60e-6
    assert found["asked"]["model"] == "SPM"
    assert "mAh/cm²" in capsys.readouterr().out


def test_a_configuration_file_is_overridden_by_flags(cathode, tmp_path):
    lines = [
        f"volume = '{cathode}'",
        "output = 'from-file'",
        "voxel_size_nm = 398",
        "tolerance = 1e-3",
        "collector = 'low'",
        "picture = false",
        "phases = {0 = 'void', 1 = 'LFP', 2 = 'CBD'}",
    ]
    (tmp_path / "run.toml").write_text("\n".join(lines))
    config = str(tmp_path / "run.toml")
    assert main(["analyze", "--config", config, "--phases", PHASES, "--quiet"]) == 0
    about = json.loads((tmp_path / "from-file" / "result.json").read_text())["volume"]
    assert about["phases"] == {"0": "pore", "1": "NMC", "2": "CBD"}
    assert about["spacing_m"] == [398e-9] * 3
    assert about["collector"] == "low"


def test_a_solve_that_does_not_converge_has_code_3_and_a_report(cathode, tmp_path, monkeypatch):
    def fails(*_, **__):
        raise ConvergenceError("2000 iterations ended at 1e-3")

    monkeypatch.setattr(solvers.Conduction, "along", fails)
    assert analyze(cathode, tmp_path, "--quiet") == 3
    assert (tmp_path / "report.html").exists()
    quantities = json.loads((tmp_path / "result.json").read_text())["quantities"]
    assert {"ok", "not converged"} <= {quantity["status"] for quantity in quantities}


def test_raw_data_is_read_with_shape_and_type(cathode, tmp_path):
    np.load(cathode).tofile(tmp_path / "cathode.raw")
    layout = ["--shape", "16,18,20", "--dtype", "uint8"]
    assert analyze(tmp_path / "cathode.raw", tmp_path / "out", "--quiet", *layout) == 0


def test_info_shows_labels_and_fractions_and_what_to_look_at(tmp_path, capsys):
    labels = np.indices((6, 6, 6)).sum(axis=0) % 2
    labels[2] = 1
    np.save(tmp_path / "labels.npy", labels.astype(np.uint8))
    assert main(["info", str(tmp_path / "labels.npy"), "--phases", "0=pore,1=NMC"]) == 0
    said = capsys.readouterr().out
    assert "6 × 6 × 6" in said
    assert "pass --spacing" in said
    assert "0.416667" in said
    assert "axis 0: 1 layer is (2) of a single label" in said


def test_info_shows_the_voxel_size_that_was_given_and_the_type_by_its_name(cathode, capsys):
    assert main(["info", str(cathode), "--spacing", "398e-9"]) == 0
    said = capsys.readouterr().out
    assert "voxel:    3.98e-07 × 3.98e-07 × 3.98e-07 m" in said
    assert "type:     uint8" in said


def test_info_says_what_is_wrong_and_fails(tmp_path, capsys):
    np.save(tmp_path / "grey.npy", np.full((4, 4, 4), 0.5))
    assert main(["info", str(tmp_path / "grey.npy")]) == 1
    assert "problem:  holds floating-point values" in capsys.readouterr().out


def test_help_and_version(capsys):
    assert main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in ("analyze", "demo", "info", "doctor", "Exit codes"))
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("electrode-twin 0.")


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def bars_after(seconds):
    """What a terminal shows when a solve has been running for some seconds."""
    listener = Listener(Console(force_terminal=True, width=100, quiet=True))
    listener.bars.get_time = clock = Clock()
    listener(progress.Progress("conductivity", 0.1, 1e-2, 1e-5))
    clock.now = seconds
    listener(progress.Progress("conductivity", 0.5, 1e-3, 1e-5))
    console = Console(width=100)
    with console.capture() as captured:
        console.print(*listener.bars.get_renderables())
    return captured.get()


def test_progress_appears_after_two_seconds_with_error_and_time_left():
    assert bars_after(0.9 * PATIENCE).strip() == ""
    shown = bars_after(1.1 * PATIENCE)
    assert "conductivity" in shown
    assert "error 1.0e-03 → 1e-05" in shown
    assert "0:00:0" in shown


@pytest.mark.parametrize("quiet", [True, False])
def test_an_interruption_that_a_library_swallows_is_heeded_at_the_next_report(quiet):
    with Stop().heeded(), shown(quiet=quiet):
        with contextlib.suppress(KeyboardInterrupt):  # as a bare except does during an import
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            progress.report("solve", 0.5)


def write_while_interrupted(folder):
    with built_aside(folder) as scratch:
        (scratch / "report.html").write_text("whole")
        with contextlib.suppress(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_an_interruption_that_a_library_swallows_leaves_no_results(tmp_path):
    with Stop().heeded(), pytest.raises(KeyboardInterrupt):
        write_while_interrupted(tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_an_interrupted_run_leaves_nothing(name, code, tmp_path):
    command = [sys.executable, "-m", "studies", "demo", "-o", str(tmp_path / "demo")]
    child = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".twin-*")) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert list(tmp_path.glob(".twin-*"))
    child.send_signal(getattr(signal, name))
    said = child.communicate(timeout=60)[1]
    assert child.returncode == code, said
    assert list(tmp_path.iterdir()) == []
    assert said.splitlines()[-1] == "stopped: nothing half-written is left"
    assert "Traceback" not in said


@pytest.mark.slow
def test_demo_writes_a_report_of_the_sample_cathode(tmp_path):
    assert main(["demo", "-o", str(tmp_path / "demo"), "--quiet"]) == 0
    assert (tmp_path / "demo" / "report.html").stat().st_size > 10_000


@pytest.mark.slow
def test_doctor_finds_no_problem_here(capsys):
    assert main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert said.count("ours") == 4
    assert "a small solve: works on" in said


@pytest.mark.slow
def test_the_real_cathode_goes_through_the_main_job(data_folder, tmp_path):
    path = data_folder / "nrel_nmc" / "nmc-1-cal_generatedCBD_bridge.tif"
    given = ["--spacing", "398e-9", "--phases", PHASES, "--quiet"]
    assert main(["analyze", str(path), "-o", str(tmp_path), *given]) == 0
    quantities = json.loads((tmp_path / "result.json").read_text())["quantities"]
    pore = {q["name"]: q["value"] for q in quantities if q["phase"] == "pore" and q["axis"] is None}
    assert pore["volume_fraction"] == pytest.approx(0.4005, abs=1e-4)


STEPS = """
[[step]]
step = "place_binder"
fraction = 0.12
preference = 0.3

[[step]]
step = "calender"
porosity = 0.33
"""


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A TIFF of particles without binder, and a file of steps beside it."""
    given = microstructures.generate.sample_cathode(0, shape=(20, 20, 20))
    folder = tmp_path_factory.mktemp("make")
    volume = given.relabelled({"CBD": "pore"}, {0: "pore", 1: "NMC", 2: "CBD"})
    microstructures.write(volume, folder / "bare.tif")
    (folder / "steps.toml").write_text(STEPS)
    return folder


def make(bare, steps, output):
    return main(["make", str(steps), str(bare / "bare.tif"), "-o", str(output)])


def test_make_writes_a_volume_that_needs_no_words_and_replays_bit_for_bit(bare, tmp_path, capsys):
    assert make(bare, bare / "steps.toml", tmp_path / "made") == 0
    said = capsys.readouterr().out
    assert "calender(porosity=0.33" in said
    assert f"written: {tmp_path / 'made' / 'volume.tif'}" in said
    assert sorted(p.name for p in (tmp_path / "made").iterdir()) == ["process.json", "volume.tif"]
    made = microstructures.read(tmp_path / "made" / "volume.tif")
    assert made.fraction("pore") == pytest.approx(0.33, abs=1e-3)
    assert set(made.phases.values()) == {"pore", "NMC", "CBD"}
    assert make(bare, tmp_path / "made" / "process.json", tmp_path / "again") == 0
    assert microstructures.read(tmp_path / "again" / "volume.tif").sha256 == made.sha256


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ('[[step]]\nstep = "calendar"\nporosity = 0.3', "did you mean 'calender'"),
        ('[[step]]\nstep = "calender"\nporosity = 0.9', "step 1, calender: .*only lowers it"),
        ("step = 3", r"write a table \[\[step\]\]"),
        (None, "no readable TOML file"),
    ],
)
def test_steps_that_cannot_be_taken_leave_nothing(bare, tmp_path, capsys, steps, words):
    path = tmp_path / "steps.toml"
    if steps is not None:
        path.write_text(steps)
    assert make(bare, path, tmp_path / "made") == 1
    found = capsys.readouterr().err
    assert re.search(words, found)
    assert not (tmp_path / "made").exists()


def test_a_process_that_begins_with_particles_needs_no_volume(tmp_path):
    (tmp_path / "steps.toml").write_text(
        '[[step]]\nstep = "generate_electrode"\nshape = [16, 16, 16]\nspacing = 3e-7\n'
        "populations = {NMC = {fraction = 0.4, radius = 1e-6}}\n"
    )
    assert main(["make", str(tmp_path / "steps.toml"), "-o", str(tmp_path / "made")]) == 0
    made = microstructures.read(tmp_path / "made" / "volume.tif")
    assert made.fraction("NMC") == pytest.approx(0.4, abs=1e-3)
    replayed = ["make", str(tmp_path / "made" / "process.json"), "-o", str(tmp_path / "again")]
    assert main(replayed) == 0


def test_make_leaves_the_report_of_an_analysis_alone(bare, tmp_path):
    (tmp_path / "report.html").write_text("of an analysis")
    assert make(bare, bare / "steps.toml", tmp_path) == 0
    assert (tmp_path / "report.html").read_text() == "of an analysis"
