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


def test_periodic_tensor_on_device_arrays_equals_that_on_host_arrays(request):
    def solve():
        return solvers.effective_conductivity_tensor(
            volume(), CASES["moderate contrast"], tolerance=1e-10
        )

    on_host = solve()
    request.getfixturevalue("device_arrays")
    on_device = solve()
    assert on_device.value == pytest.approx(on_host.value, abs=ROUNDING)


def test_given_flux_and_contacts_on_device_arrays_equal_those_on_host_arrays(request):
    ends = solvers.Electrodes(uniform_flux="low", contact_high=1e-7)

    def solve():
        field = np.where(volume().labels == 1, 0.02, 1.0).astype(np.float32)
        return solvers.effective_conductivity(volume(), field, 2, boundary=ends, tolerance=1e-10)

    on_host = solve()
    request.getfixturevalue("device_arrays")
    assert solve().value == pytest.approx(on_host.value, rel=ROUNDING)


def test_counts_on_device_arrays_equal_those_on_host_arrays(request):
    on_host = solvers.interface_areas(volume()), solvers.triple_phase_boundaries(volume())
    request.getfixturevalue("device_arrays")
    on_device = solvers.interface_areas(volume()), solvers.triple_phase_boundaries(volume())
    for host, device in zip(on_host, on_device, strict=True):
        assert host.to_dict() == device.to_dict()


def small_volume():
    labels = np.random.default_rng(4).integers(0, 3, (9, 12, 10), dtype=np.uint8)
    return Volume(labels, (2e-7, 1e-7, 1e-7), {0: "pore", 1: "NMC", 2: "CBD"})


SOLIDS = {"NMC": solvers.Isotropic(100e9, 0.25), "CBD": solvers.Isotropic(1e9, 0.35)}


@pytest.mark.slow
@pytest.mark.parametrize("boundary", ["periodic", "pressure", "rollers"])
def test_stress_on_device_arrays_equals_that_on_host_arrays(boundary, request):
    free = solvers.Periodic(pressure=1e6)
    boundaries = {
        "periodic": "periodic",
        "pressure": solvers.Boundary(free, free, free),
        "rollers": solvers.stack_pressure(1e6),
    }

    def solve():
        return solvers.swelling_stress(
            small_volume(), SOLIDS, {"NMC": 0.01}, boundaries[boundary], tolerance=1e-6
        )

    on_host = solve()
    request.getfixturevalue("device_arrays")
    on_device = solve()
    # single-precision preconditioners round differently, within the tolerance of both solves
    scale = np.abs(on_host.stress).max()
    assert on_device.stress == pytest.approx(on_host.stress, abs=1e-5 * scale)
    assert on_device.mean_stress == pytest.approx(on_host.mean_stress, abs=1e-5 * scale)


@pytest.mark.slow
def test_stiffness_of_crystals_on_device_arrays_equals_that_on_host_arrays(request):
    solids = SOLIDS | {"NMC": solvers.Cubic(250e9, 100e9, 80e9)}

    def solve():
        return solvers.effective_stiffness(small_volume(), solids, tolerance=1e-10).value

    on_host = solve()
    request.getfixturevalue("device_arrays")
    assert solve() == pytest.approx(on_host, abs=1e-6 * on_host.max())
