"""The command ``twin`` fails in one line, with an exit code, and leaves the disk as it was."""

import re
import sys

import numpy as np
import pytest

from microstructures.errors import TwinError
from studies.cli import main
from studies.commands import doctor


@pytest.fixture
def labels(tmp_path):
    """A file of two phases in a checkerboard, through which nothing percolates."""
    path = tmp_path / "labels.npy"
    np.save(path, (np.indices((4, 4, 4)).sum(axis=0) % 2).astype(np.uint8))
    return path


def failure(capsys, *tokens):
    """Exit code and what was said on stderr; nothing may be said on stdout."""
    code = main([str(token) for token in tokens])
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith("error: ")
    assert "Traceback" not in said.err
    return code, said.err


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        (["analyse"], 'Did you mean "analyze"?'),
        (["analyze", "a.tif", "-o", "x", "--thread", "2"], "Did you mean --threads?"),
        (["analyze", "a.tif", "-o", "x", "--precision", "half"], '"mixed", "double"'),
        (["analyze", "a.tif", "-o", "x", "--threads", "0"], "--threads 0: it should be greater"),
        (["analyze", "a.tif", "-o", "x", "--tolerance", "2"], "--tolerance 2.0: it should be less"),
        (["analyze", "a.tif", "-o", "x", "--tolerance", "1e-20"], "than or equal to"),
        (["analyze", "a.tif", "-o", "x", "--spacing", "-1"], "--spacing"),
        (["analyze", "a.tif", "-o", "x", "--spacing", "1,2"], "give one length or dz,dy,dx"),
        (["analyze", "a.tif", "-o", "x", "--materials", "pore=LP31"], "did you mean 'LP30'?"),
        (["analyze", "a.tif", "-o", "x", "--spacing", "398"], "in metres, 398e-9 for 398 nm"),
        (["analyze", "a.tif", "-o", "x", "--spacing", "1e-12"], "in metres, 398e-9 for 398 nm"),
        (["analyze", "a.tif", "-o", "x", "--spacing", "398 nm"], "--spacing '398 nm'"),
        (["analyze", "a.tif", "-o", "x", "--phases", "0:pore"], "write key=name,key=name"),
        (["analyze", "a.tif", "-o", "x", "--phases", "0=a,0=b"], "names a key twice"),
        (["analyze", "a.tif", "-o", "x", "--phases", "pore=0"], "--phases"),
        (["analyze", "a.tif"], "no output was given"),
        (["analyze", "-o", "x"], "no volume was given"),
        (["analyze", "a.tif", "-o", "x", "--config", "none.toml"], "none.toml is not a file"),
        (["analyze", "a.tif", "-o", "x", "--rates", "fast"], "--rates 'fast'"),
        (["analyze", "a.tif", "-o", "x", "--cell", "Chen2020", "--thickness", "-1"], "thickness"),
    ],
)
def test_wrong_usage_has_code_2_and_says_what_to_change(capsys, tokens, words):
    code, said = failure(capsys, *tokens)
    assert code == 2
    assert words in said


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("voxel_sise_nm = 398", "did you mean 'voxel_size_nm'?"),
        ("tolerence = 1e-4", "did you mean 'tolerance'?"),
        ("spacing_m = 1e-6\nvoxel_size_nm = 1000", "gives the voxel size again"),
        ("voxel_size_nm = '398'", "is no number or list of three"),
        ("tolerance = 'small'", "tolerance 'small': it should be a valid number"),
        ("mesh = 3", "mesh 3"),
        ("tolerance = ", "is no readable TOML file"),
    ],
)
def test_a_wrong_configuration_has_code_2_and_says_what_to_change(capsys, tmp_path, line, words):
    config = tmp_path / "run.toml"
    config.write_text(line)
    code, said = failure(capsys, "analyze", "a.tif", "-o", tmp_path / "x", "--config", config)
    assert code == 2
    assert words in said
    assert str(config) in said


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ([], "pass --spacing 398e-9, the edge in metres, or --spacing dz,dy,dx"),
        (["--spacing", "1e-6", "--phases", "0=pore"], "label"),
        (["--spacing", "1e-6", "--shape", "4,4,4"], "leave them out"),
        (["--spacing", "1e-6", "--materials", "phase 0=LP30"], "phase 1"),
    ],
)
def test_an_unusable_volume_has_code_1_and_leaves_no_folder(capsys, labels, more, words):
    folder = labels.parent / "out"
    code, said = failure(capsys, "analyze", labels, "-o", folder, *more)
    assert code == 1
    assert words in said
    assert list(labels.parent.iterdir()) == [labels]


def test_a_failed_run_keeps_the_results_of_the_one_before(capsys, labels, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "result.json").write_text("old")
    assert failure(capsys, "analyze", labels, "-o", folder)[0] == 1
    assert [path.name for path in folder.iterdir()] == ["result.json"]
    assert (folder / "result.json").read_text() == "old"


def test_an_output_that_is_a_file_is_refused_before_any_work(capsys, labels):
    code, said = failure(capsys, "analyze", labels, "-o", labels, "--spacing", "1e-6")
    assert code == 1
    assert "choose another with -o" in said
    assert labels.stat().st_size > 0


def test_debug_shows_where_it_failed(labels, tmp_path):
    with pytest.raises(TwinError):
        main(["analyze", str(labels), "-o", str(tmp_path / "out"), "--debug"])


def test_doctor_names_a_package_that_stands_in_front_of_ours(monkeypatch, tmp_path):
    (tmp_path / "twin").mkdir()
    (tmp_path / "twin" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "twin", raising=False)
    found = [finding for finding in doctor._packages() if finding.what == "package twin"]
    assert [finding.is_problem for finding in found] == [True]
    assert "rename or uninstall" in found[0].remedy


def test_doctor_names_a_dependency_outside_its_bounds_with_the_line_to_type(monkeypatch):
    monkeypatch.setattr(doctor.metadata, "requires", lambda name: ["numpy>=2.0", "taichi<1.8"])
    monkeypatch.setattr(doctor.metadata, "version", {"numpy": "1.26.4", "taichi": "1.7.4"}.get)
    versions, numpy = doctor._dependencies()
    assert versions.level == "ok"
    assert numpy.is_problem
    assert numpy.found == "is 1.26.4, but numpy>=2.0 is wanted"
    assert numpy.remedy == "run `pip install 'numpy>=2.0'`"


def test_doctor_shows_free_memory_and_its_limit():
    (memory,) = doctor._memory()
    assert re.match(r"[\d.]+ GiB free of the [\d.]+ GiB that may be used", memory.found)


def test_doctor_goes_on_when_a_check_breaks(monkeypatch):
    monkeypatch.setattr(doctor, "_child", lambda code: (False, "no such library"))
    found = {finding.what: finding for finding in doctor.examine()}
    assert found["a small solve"].is_problem
    assert "no such library" in found["a small solve"].found
    assert "→ run `pip install --force-reinstall taichi`" in str(found["a small solve"])


def test_doctor_says_when_a_cache_cannot_be_written(monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("TI_OFFLINE_CACHE_FILE_PATH", str(blocked / "cache"))
    (taichi, _) = doctor._caches()
    assert taichi.level == "note"
    assert "set TI_OFFLINE_CACHE_FILE_PATH" in taichi.remedy
