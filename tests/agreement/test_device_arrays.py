"""The loops and arrays meant for a GPU, run on the CPU: they must give the same numbers."""

import functools
import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

import solvers
from microstructures import Volume
from microstructures.errors import ConvergenceError
from solvers import linear, potential, runtime, tensor_conduction
from solvers.face_operator import FaceOperator

ROUNDING = 1e-9  # sums are taken in another order
TOLERANCE = 1e-12  # of energies, whose error is the square of that of potentials


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
            volume(), CASES[case], 1, tolerance=TOLERANCE, fields=True
        )

    on_host = solve()
    request.getfixturevalue("device_arrays")
    on_device = solve()
    assert on_device.value == pytest.approx(on_host.value, rel=ROUNDING)
    assert on_device.fields.potential == pytest.approx(
        on_host.fields.potential, rel=1e-6, abs=ROUNDING, nan_ok=True
    )


ROTATED = solvers.Anisotropic(
    [1.0, 0.3, 0.6], rotations=[[[0.8, 0.6, 0], [-0.6, 0.8, 0], [0, 0, 1]]]
)
KINDS = {
    "blobs": ({1: 1.0, 0: 0.0}, "electrodes"),
    "sites": ({1: 1.0, 0: 0.0}, "electrodes"),  # fragmented: the graph of voxels
    "islands": ({1: 1.0, 0: 1e-3}, "electrodes"),
    "periodic": ({1: 1.0, 0: 0.1}, "periodic"),
    "rotated": ({1: ROTATED, 0: 0.1}, "electrodes"),
    "rotated, periodic": ({1: ROTATED, 0: 0.0}, "periodic"),
}
LOOKS = 5  # at the energy, in one run of conjugate gradients


@pytest.mark.filterwarnings("ignore::solvers.PeriodicWarning")
@pytest.mark.parametrize("kind", KINDS)
def test_steps_on_a_device_wait_for_the_host_but_a_few_times(kind, request, monkeypatch):
    rng = np.random.default_rng(1)
    field = gaussian_filter(rng.standard_normal((40, 40, 40)), 2)
    if kind == "sites":
        field = rng.random((32, 32, 32)) - 0.37
    values, boundary = KINDS[kind]
    solve = functools.partial(
        solvers.effective_conductivity,
        Volume((field < 0).astype(np.uint8), 1e-7),
        values,
        1,
        tolerance=1e-9,
        boundary=boundary,
    )
    on_host = solve()
    request.getfixturevalue("device_arrays")
    moved, looks = [], []
    before, steps, to_host = linear.conjugate_gradients, linear._Queue.steps, runtime.to_host

    def watched(*args, **kwargs):
        with monkeypatch.context() as patch:
            patch.setattr(runtime, "to_host", lambda a: moved.append(a.shape[0]) or to_host(a))
            looks.append(0)
            return before(*args, **kwargs)

    def counted(self, ahead, enough):
        looks[-1] += 1
        return steps(self, ahead, enough)

    for module in (potential, tensor_conduction):
        monkeypatch.setattr(module, "conjugate_gradients", watched)
    monkeypatch.setattr(linear._Queue, "steps", counted)
    on_device = solve()
    assert on_device.value == pytest.approx(on_host.value, rel=ROUNDING)
    assert on_device.report.iterations <= on_host.report.iterations + 2
    assert 0 < max(looks) <= LOOKS
    clusters = on_device.report.iterations if kind == "periodic" else 0  # a number for each
    assert len(moved) <= 2 + 2 * sum(looks) + clusters
    assert max(moved) < field.size / 8  # the smallest level, once, but none of the vectors


@pytest.mark.parametrize("kind", ["blobs", "sites", "islands"])
def test_axes_together_on_device_arrays_give_what_each_gives_on_host_arrays(kind, request):
    rng = np.random.default_rng(1)
    field = gaussian_filter(rng.standard_normal((24, 21, 18)), 2)
    if kind == "sites":
        field = rng.random((20, 18, 17)) - 0.42
    volume, (values, _) = Volume((field < 0).astype(np.uint8), 1e-7), KINDS[kind]
    on_host = [
        solvers.effective_conductivity(volume, values, axis, tolerance=TOLERANCE).value
        for axis in (1, 0, 2)
    ]
    request.getfixturevalue("device_arrays")
    problem = solvers.Conduction(volume, values, tolerance=TOLERANCE)
    on_device = [problem.along(axis).value for axis in (1, 0, 2)]
    assert on_device == pytest.approx(on_host, rel=ROUNDING)


def test_what_is_exact_at_once_stops_on_a_device_as_well(device_arrays):
    layers = np.repeat(np.array([0, 1, 1, 0, 1], np.uint8), 25).reshape(5, 5, 5)
    result = solvers.effective_conductivity(Volume(layers, 1e-7), {0: 1.0, 1: 0.1}, 0)
    assert result.value == pytest.approx(5 / (2 / 1.0 + 3 / 0.1), rel=1e-12)
    assert result.report.iterations == 0


def test_a_breakdown_on_a_device_is_an_error(device_arrays, monkeypatch):
    product = FaceOperator.product

    def indefinite(self, x, out):
        sums = product(self, x, out)
        sums.from_numpy(-sums.to_numpy())
        return sums

    monkeypatch.setattr(FaceOperator, "product", indefinite)
    with pytest.raises(ConvergenceError, match="broke down after 0 iterations"):
        solvers.effective_conductivity(volume(), CASES["moderate contrast"], 1)


def test_a_breakdown_after_the_tolerance_was_met_is_none(device_arrays, monkeypatch):
    steps, calls, last = linear._Queue.steps, [], [0]

    def breaking(self, ahead, enough):
        calls.append(ahead)
        found = steps(self, ahead, enough)
        return [*found, math.nan] if len(calls) == last[0] else found

    def solve():
        calls.clear()
        return solvers.effective_conductivity(volume(), CASES["moderate contrast"], 1)

    monkeypatch.setattr(linear._Queue, "steps", breaking)
    value, last[0] = solve().value, len(calls)
    assert solve().value == pytest.approx(value, rel=1e-12)
    last[0] -= 1
    with pytest.raises(ConvergenceError, match="broke down"):
        solve()


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


def test_pore_diameters_on_device_arrays_equal_those_on_host_arrays(request):
    on_host = solvers.local_diameter(volume(), "NMC")
    request.getfixturevalue("device_arrays")
    assert np.array_equal(solvers.local_diameter(volume(), "NMC"), on_host)


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
