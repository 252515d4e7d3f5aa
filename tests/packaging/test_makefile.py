"""What ``make`` says on a machine where something is missing."""

import shutil
import subprocess

import pytest

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


OF_AN_OUTER_MAKE = ("MAKEFLAGS", "MFLAGS", "MAKEOVERRIDES", "PYTHON", "VOLUME", "SPACING", "OUTPUT")


@pytest.fixture
def make(monkeypatch, root, tmp_path):
    """Runs make in a folder that holds only the Makefile and what it depends on."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(root / name, tmp_path)

    for name in OF_AN_OUTER_MAKE:
        monkeypatch.delenv(name, raising=False)

    def call(*arguments):
        done = subprocess.run(
            ["make", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert not (tmp_path / ".venv").exists()
        return done

    return call


def test_make_alone_lists_what_there_is(make):
    said = make().stdout
    assert all(f"make {target}" in said for target in ("demo", "test", "slow", "lint", "clean"))


@pytest.mark.parametrize("volume", ["cathode.tif", "my cathode.tif"])
def test_a_volume_without_spacing_stops_with_the_line_to_type(make, volume):
    done = make("demo", f"VOLUME={volume}")
    shown = f'"{volume}"' if " " in volume else volume
    line = f'make demo VOLUME={shown} SPACING=398e-9 PHASES="0=pore,1=NMC,2=CBD"'
    assert done.returncode != 0
    assert line in done.stderr.splitlines()


def test_variables_may_come_from_the_environment(make, monkeypatch):
    monkeypatch.setenv("VOLUME", "my cathode.tif")
    monkeypatch.delenv("SPACING", raising=False)
    assert "How large is a voxel?" in make("demo").stderr
    monkeypatch.setenv("SPACING", "398e-9")
    monkeypatch.setenv("PYTHON", "/nowhere/python3.12")
    assert "looked for: /nowhere/python3.12" in make("demo").stderr


def test_a_missing_python_is_named_with_the_remedy(make):
    done = make("demo", "PYTHON=/nowhere/python3.12")
    assert done.returncode != 0
    assert "There is no Python 3.11, 3.12 or 3.13 here" in done.stderr
    assert "apt install python3 python3-venv" in done.stderr
