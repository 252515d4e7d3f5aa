"""Six unit strains and one swelling of a porous three-phase volume, ours and an FFT solver's.

    python benchmarks/mechanics.py            # all of it, about half an hour on two cores
    python benchmarks/mechanics.py cases      # some of it: cases, large, sweep, peers, full

Each job runs in a process of its own, one after the other. All solvers have the same element and
thus the same discrete solution. Ours solves to a tolerance; compared is the time that a peer takes
until its energy is as right as ours then truly is, against a solve of ours to 1e-10.
"""

import gc
import json
import os
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import psutil
from machine import machine

HERE = Path(__file__).resolve().parent
RESULT = HERE / "results" / "mechanics.json"
PHASES = {0: "pore", 1: "active material", 2: "binder"}
MODULI = {1: (100e9, 0.25), 2: (1e9, 0.3)}  # 1 : 100, and true voids
FEATURE = 3.0  # voxels, width of the Gaussian that makes the field
ERROR = 1e-4  # relative, of the energy
TOLERANCES = (1e-2, 1e-4, 1e-6)  # at which solvers are compared
ROUNDING = 1e-7  # of an energy from displacements that are kept in float32
SWELLING = 0.01
LIMIT_S = 240
FFT_SIZES = (64, 128)
GREEN = ("green", "green-jacobi")
LARGE = 256


def labels(voxels, seed=0):
    """Half active material, 15 % binder around it, 35 % pores, from one smooth random field."""
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(seed).standard_normal((voxels,) * 3)
    field = gaussian_filter(noise, FEATURE, mode="wrap")
    low, high = np.quantile(field, [0.35, 0.5])
    return np.where(field > high, 1, np.where(field > low, 2, 0)).astype(np.uint8)


def body(voxels, element="stabilized", given=None):
    import solvers
    from microstructures import Volume
    from solvers.body import Body

    solids = {PHASES[i]: solvers.Isotropic(*m) for i, m in MODULI.items()}
    given = labels(voxels) if given is None else given
    return Body.of(Volume(given, 1e-7, PHASES), solids, element=element)


def warmed(precision):
    """Compile the kernels before the clock starts."""
    import solvers

    solvers.use(precision=precision)
    small = body(24)  # with a level between the finest and the coarsest
    own = np.zeros((6, *small.volume.shape), np.float32)
    small.mean_stress(small.respond(strain=np.eye(6)[0], eigenstrain=own, tolerance=1e-2))
    gc.collect()  # a kernel's compilation holds on to its arguments until then


class Peak:
    """Largest growth of this process' memory while the block runs, in bytes."""

    def __enter__(self):
        self.process, self.running, self.bytes = psutil.Process(), True, 0
        self.base = self.process.memory_info().rss
        self.thread = threading.Thread(target=self._watch)
        self.thread.start()
        return self

    def _watch(self):
        while self.running:
            self.bytes = max(self.bytes, self.process.memory_info().rss - self.base)
            time.sleep(0.01)

    def __exit__(self, *_):
        self.running = False
        self.thread.join()


def ours(voxels, precision):
    """Times and iterations of the seven cases."""
    warmed(precision)
    cases, given = [], labels(voxels)
    started = time.perf_counter()
    made = body(voxels, given=given)
    for c in range(6):
        found = made.respond(strain=np.eye(6)[c], tolerance=ERROR)
        stiffness = made.mean_stress(found)[c]
        cases.append([f"unit strain {c}", found.report.to_dict(), stiffness])
        del found
    own = np.zeros((6, *made.volume.shape), np.float32)
    own[:3] = SWELLING * (made.volume.labels == 1)
    found = made.respond(strain=np.zeros(6), eigenstrain=own, tolerance=ERROR)
    cases.append(["swelling", found.report.to_dict(), float(made.mean_stress(found, own)[0])])
    seconds = time.perf_counter() - started
    return {
        "voxels": voxels,
        "precision": precision,
        "seconds": seconds,
        "cases": [
            {
                "case": name,
                "iterations": report["iterations"],
                "seconds": report["seconds"],
                "error_estimate": report["error_estimate"],
                "value": value,
            }
            for name, report, value in cases
        ],
    }


def memory(voxels, precision):
    """Growth of the process per voxel during three unit strains, in bytes."""
    warmed(precision)
    given = labels(voxels)
    with Peak() as peak:
        made = body(voxels, given=given)
        for c in range(3):
            made.mean_stress(made.respond(strain=np.eye(6)[c], tolerance=1e-1))
    return peak.bytes / voxels**3


def sweep(voxels, states):
    """Seconds for the unit responses of a cell in a press, then for many of its states."""
    import solvers

    warmed("mixed")
    volume = body(voxels).volume
    solids = {PHASES[i]: solvers.Isotropic(*m) for i, m in MODULI.items()}
    started = time.perf_counter()
    responses = solvers.superpose(volume, solids, [PHASES[1]], solvers.stack_pressure(1e5))
    solved = time.perf_counter()
    sample = responses.sampled(PHASES[1])
    sampled = time.perf_counter()
    rng = np.random.default_rng(0)
    for strain, pressure in zip(
        rng.uniform(0, 0.02, states), rng.uniform(0, 1e7, states), strict=True
    ):
        state = responses.at({PHASES[1]: strain}, solvers.stack_pressure(1e3 + pressure))
        sample.percentiles(state, "von_mises")
    return {
        "voxels": voxels,
        "states": states,
        "solves": len(responses.reports),
        "solve_seconds": solved - started,
        "sample_seconds": sampled - solved,
        "state_seconds": time.perf_counter() - sampled,
    }


def energy(voxels, tolerance, precision, element="stabilized"):
    """Twice the energy at a unit strain along axis 0, in Pa, with its seconds and iterations."""
    warmed(precision)
    started = time.perf_counter()
    made = body(voxels, element)
    found = made.respond(strain=np.eye(6)[0], tolerance=tolerance, max_iterations=1000)
    seconds = time.perf_counter() - started
    strain = made.strain(found).astype(float)
    density = np.einsum("czyx,czyx->", strain, made.moduli.stress(strain)) / voxels**3
    whole = float(density) + made.hourglass_energy(found)
    return {"energy": whole, "seconds": seconds, "iterations": found.report.iterations}


def fft(voxels, preconditioner, exact, errors):
    """Iterations and seconds of the FFT solver until its energy is right to each of ``errors``."""
    sys.path.insert(0, str(HERE))
    import fft_elasticity

    import solvers

    matrices = {i: solvers.Isotropic(*m).matrix for i, m in MODULI.items()}

    def run(steps):
        return fft_elasticity.solve(
            labels(voxels),
            matrices,
            strain=np.eye(6)[0],
            preconditioner=preconditioner,
            tolerance=min(errors) / 10,
            max_iterations=steps,
        )

    pace = run(4).clock[-1] / 4
    found = run(max(int(LIMIT_S / pace), 5))
    start = 2 * (found.energy + found.released.sum())
    passed = (start - 2 * np.cumsum(found.released)) / exact - 1
    return reached(passed, errors, found.clock + found.setup_seconds, preconditioner)


def mugrid(voxels, preconditioner, exact, errors):
    """The same of muGrid, whose element is the full one and whose wheel uses one core."""
    sys.path.insert(0, str(HERE))
    import mugrid_elasticity

    import solvers

    found = mugrid_elasticity.solve(
        labels(voxels),
        {i: solvers.Isotropic(*m).lame() for i, m in MODULI.items()},
        np.eye(6)[0],
        preconditioner=preconditioner,
        tolerance=1e-5,
        max_iterations=1500,
    )
    start = 2 * (found["energy"] + np.sum(found["released"]))
    passed = (start - 2 * np.cumsum(found["released"])) / exact - 1
    clock = np.array(found["clock"]) + found["setup_seconds"]
    return reached(passed, errors, clock, f"muGrid {found['version']}, {preconditioner}")


def reached(passed, errors, clock, name):
    """When each error was reached; the last step where it was not."""
    rows = []
    for error in errors:
        done = np.flatnonzero(passed <= error)
        step = int(done[0]) if len(done) else len(passed) - 1
        rows.append(
            {"reached": bool(len(done)), "iterations": step + 1, "seconds": float(clock[step])}
        )
    return {"name": name, "rows": rows}


def job(*arguments, **env):
    """One job in a process of its own."""
    command = [sys.executable, __file__, "job", json.dumps(arguments)]
    env = os.environ | env
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=HERE.parent, env=env
    )
    return json.loads(done.stdout.splitlines()[-1])


JOBS = {
    "ours": ours,
    "memory": memory,
    "sweep": sweep,
    "energy": energy,
    "fft": fft,
    "mugrid": mugrid,
}


def seven(voxels, precision):
    """The seven cases, and the memory they take where glibc keeps no block once it is free."""
    peak = job("memory", voxels, precision, MALLOC_MMAP_THRESHOLD_="1000000")
    return job("ours", voxels, precision) | {"bytes_per_voxel": peak}


def beside(voxels, solver, names, element):
    """Ours at each tolerance, and a peer until it is as right as ours."""
    exact = job("energy", voxels, 1e-10, "double", element)["energy"]
    ours = [job("energy", voxels, t, "mixed", element) | {"tolerance": t} for t in TOLERANCES]
    for own in ours:
        own["error"] = max(own["energy"] / exact - 1, ROUNDING)
    errors = [own["error"] for own in ours]
    theirs = [job(solver, voxels, name, exact, errors) for name in names]
    return {"voxels": voxels, "element": element, "ours": ours, "peers": theirs}


def peers():
    """Ours and the FFT solver, one unit strain, in one process order."""
    return [beside(voxels, "fft", GREEN, "stabilized") for voxels in FFT_SIZES]


def full_element():
    """Ours and muGrid, where that is installed, with the full element."""
    return [] if find_spec("muGrid") is None else [beside(64, "mugrid", GREEN, "full")]


def cases():
    """The seven cases at 128³."""
    return [seven(128, precision) for precision in ("mixed", "single")]


def large():
    """The seven cases at 256³, in single precision."""
    return [seven(LARGE, "single")]


def sweeps():
    """Thousands of states of a cell in a press, at 128³."""
    return job("sweep", 128, 2000)


PARTS = {"cases": cases, "large": large, "sweep": sweeps, "peers": peers, "full": full_element}


def main(parts):
    """Record the parts asked for, or all of them."""
    record = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    record |= {"command": "python benchmarks/mechanics.py", "machine": machine()}
    for part in parts or PARTS:
        record[part] = PARTS[part]()
        RESULT.write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    if sys.argv[1:2] == ["job"]:
        name, *arguments = json.loads(sys.argv[2])
        print(json.dumps(JOBS[name](*arguments)))
    else:
        main(sys.argv[1:])
