"""The same solves on a GPU, in a process of their own since a process starts Taichi only once."""

import subprocess
import sys

import pytest

SCRIPT = """
import sys, solvers
from microstructures import generate
solvers.use(arch=sys.argv[1])
volume = generate.sample_cathode(0, shape=(64, 60, 56))
values = {"pore": 0.0, "NMC": 1e-4, "CBD": 1.0}
print(solvers.tortuosity_factor(volume, "pore", tolerance=1e-10).value)
print(solvers.effective_conductivity(volume, values, tolerance=1e-10).value)
print(solvers.interface_areas(volume)["pore", "NMC"].value)
print(solvers.triple_phase_boundaries(volume)["pore", "NMC", "CBD"].total.value)
solids = {"NMC": solvers.Isotropic(140e9, 0.25), "CBD": solvers.Isotropic(1e9, 0.35)}
print(solvers.effective_stiffness(volume, solids, tolerance=1e-10).value[0, 0])
"""
SAME = 1e-8  # both are solved to 1e-10


def numbers(arch):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, arch], capture_output=True, text=True, check=True
    )
    return [float(line) for line in done.stdout.split()]


@pytest.mark.gpu
@pytest.mark.slow
def test_gpu_and_cpu_give_the_same_numbers():
    assert numbers("cuda") == pytest.approx(numbers("cpu"), rel=SAME)
