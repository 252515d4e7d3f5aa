"""The loops and arrays meant for a GPU, run on the CPU: they must give the same numbers."""

import numpy as np
import pytest

import solvers
from microstructures import Volume
from solvers import runtime

ROUNDING = 1e-9  # sums are taken in another order


@pytest.fixture
def device_arrays(monkeypatch):
    """Arrays that live in Taichi and one loop element per thread, as on a GPU."""
    monkeypatch.setattr(runtime.Device, "is_cpu", False)


def volume():
    labels = np.random.default_rng(4).integers(0, 3, (21, 18, 16), dtype=np.uint8)
    return Volume(labels, (2e-7, 1e-7, 1e-7), {0: "pore", 1: "NMC", 2: "CBD"})


CASES = {
    "moderate contrast": {"pore": 1.0, "NMC": 0.02, "CBD": 0.3},
    "islands": {"pore": 0.0, "NMC": 1e-4, "CBD": 1.0},
}


@pytest.mark.parametrize("case", CASES)
def test_transport_on_device_arrays_equals_that_on_host_arrays(case, request):
    def solve():
        return solvers.effective_conductivity(
            volume(), CASES[case], 1, tolerance=1e-11, fields=True
        )

    on_host = solve()
    request.getfixturevalue("device_arrays")
    on_device = solve()
    assert on_device.value == pytest.approx(on_host.value, rel=ROUNDING)
    assert on_device.fields.potential == pytest.approx(on_host.fields.potential, nan_ok=True)


def test_counts_on_device_arrays_equal_those_on_host_arrays(request):
    on_host = solvers.interface_areas(volume()), solvers.triple_phase_boundaries(volume())
    request.getfixturevalue("device_arrays")
    on_device = solvers.interface_areas(volume()), solvers.triple_phase_boundaries(volume())
    for host, device in zip(on_host, on_device, strict=True):
        assert host.to_dict() == device.to_dict()
