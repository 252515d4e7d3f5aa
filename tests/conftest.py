"""What tests share: one Taichi thread per worker, the real data, a limit of five seconds."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Taichi reads these once, when a solve first starts it
os.environ.setdefault("TI_CPU_MAX_NUM_THREADS", "1")
os.environ.setdefault("TI_OFFLINE_CACHE_FILE_PATH", str(ROOT / ".cache" / "taichi"))
os.environ.setdefault("MPLBACKEND", "agg")

import hypothesis  # noqa: E402
import pytest  # noqa: E402

LIMIT_S, SLOW_LIMIT_S = 5.0, 600
BUSY = 2.0  # a core that is shared computes half as fast: a test fails at that many times its limit
WAITING = 4.0  # a test may wait for other processes this many times longer than it computes
SECONDS = pytest.StashKey[float]()

# deterministic, and no deadline, since the first example may compile kernels
hypothesis.settings.register_profile(
    "repeatable", derandomize=True, deadline=None, database=None, print_blob=False
)
hypothesis.settings.load_profile("repeatable")


def pytest_collection_modifyitems(items):
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(SLOW_LIMIT_S))


def _processor_seconds():
    """Time this process and its finished children have computed: fair on a busy machine too."""
    return sum(os.times()[:4])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    started = _processor_seconds()
    result = yield
    item.stash[SECONDS] = _processor_seconds() - started
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if call.when != "call" or not report.passed or item.get_closest_marker("slow"):
        return report
    seconds = max(item.stash[SECONDS], call.duration / WAITING)
    if seconds > BUSY * LIMIT_S:
        report.outcome = "failed"
        report.longrepr = (
            f"{item.nodeid} took {seconds:.1f} s, but tests that are not marked slow have "
            f"{LIMIT_S:.0f} s: make it smaller, or mark it @pytest.mark.slow"
        )
    return report


TRANSPORT = """
import numpy as np, solvers
from microstructures import Volume
from solvers import face_level, potential
volume = Volume(np.random.default_rng(0).integers(0, 2, (20, 20, 20)), 1e-7)
for potential.LARGE, face_level.SMALL in ((potential.LARGE, face_level.SMALL), (0, 0)):
    solvers.tortuosity_factor(volume, 0)
    solvers.effective_conductivity(volume, {0: 1, 1: 2}, 0)
solvers.use(precision="double")
solvers.tortuosity_factor(volume, 0)
"""  # as small volumes are solved, and as large ones


@pytest.fixture(scope="session", autouse=True)
def compiled_kernels(worker_id):
    """Kernels compiled before the first test, whose time would otherwise be the compiler's.

    Those of transport by a process of its own as well, which the first worker starts, for tests
    that start others: Taichi writes kernels to disk when a process ends.
    """
    import numpy as np

    import solvers
    from microstructures import Volume

    if worker_id in ("master", "gw0"):
        subprocess.run([sys.executable, "-c", TRANSPORT], check=True)
    volume = Volume(np.random.default_rng(0).integers(0, 3, (12, 12, 12)), 1e-7)
    solvers.tortuosity_factor(volume, 0)
    solvers.interface_areas(volume)
    solvers.triple_phase_boundaries(volume)
    compile_mechanics(Volume(np.random.default_rng(0).integers(0, 3, (9, 9, 9)), 1e-7))


def compile_mechanics(volume):
    """The kernels of stress in both precisions, by small solves."""
    import numpy as np

    import solvers
    from solvers.compaction import compact

    solid = {label: solvers.Isotropic(1e9, 0.3) for label in (1, 2)}
    pulled = [solvers.LoadStep(strain=[1e-2, 0, 0, 0, 0, 0], duration=1.0)]
    before = solvers.use().precision
    for precision in ("double", "mixed"):
        solvers.use(precision=precision)
        solvers.swelling_stress(volume, solid, {1: 0.01}, solvers.Periodic(pressure=0.0))
        solvers.swelling_stress(volume, solid, {1: 0.01}, solvers.stack_pressure(1e6))
        crystal = {label: solvers.Cubic(2e9, 1e9, 1e9) for label in (1, 2)}
        solvers.superpose(volume, crystal, [1]).at({1: 0.01}).stress()
        for law in (solvers.Yield(1e6), solvers.PowerLawCreep(1e-3, 1e6, 3.0)):
            solvers.load_path(volume, solid, {1: law}, pulled)
    solvers.use(precision=before)
    compact(volume, solid, {1: 1e7}, 0.99 * volume.size[0], release=False)
    solvers.diffuse(volume, {1: 1e-14}, 0, np.array([0.0, 1.0]), initial=1.0, flux=1e-6)


@pytest.fixture(scope="session")
def root():
    """The checkout."""
    return ROOT


def benchmark(name):
    """A module of benchmarks/, which is no package."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "benchmarks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def benchmark_pages():
    """The module that writes pages of docs/ from recorded figures."""
    return benchmark("pages")


@pytest.fixture(scope="session")
def data_folder():
    """The folder of real volumes: $ELECTRODE_TWIN_DATA, or shared/data beside the checkout."""
    folder = benchmark("data").folder()
    if folder.is_dir():
        return folder
    reason = f"no real volumes in {folder}: set ELECTRODE_TWIN_DATA to the folder that holds them"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def nrel_volume(data_folder):
    """The real calendered NMC cathode, 251 × 301 × 301 voxels of 398 nm."""
    import microstructures

    phases = {0: "pore", 1: "NMC", 2: "CBD"}
    return microstructures.read(data_folder / benchmark("data").NREL, spacing=398e-9, phases=phases)
