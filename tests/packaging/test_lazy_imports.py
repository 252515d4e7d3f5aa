"""Importing a package, or asking for help, loads none of the heavy libraries."""

import subprocess
import sys

import pytest

HEAVY = ("taichi", "pandas", "pyvista", "porespy", "matplotlib", "vtkmodules", "scipy")

IMPORT = "import {package}"
HELP = "from studies.cli import main; assert main(['--help']) == 0"
ASK = "\nimport sys; print('loaded:', *[name for name in {heavy} if name in sys.modules])"


def loaded_by(code):
    command = [sys.executable, "-c", code + ASK.format(heavy=HEAVY)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()[-1].split()[1:]


@pytest.mark.parametrize("package", ["microstructures", "solvers", "twin", "studies"])
def test_importing_a_package_is_light(package):
    assert loaded_by(IMPORT.format(package=package)) == []


def test_help_is_light():
    assert loaded_by(HELP) == []
