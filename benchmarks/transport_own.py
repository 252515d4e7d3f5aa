"""What only our own solver is asked: iterations of many volumes, memory, and its bandwidth.

Each of these jobs runs in a process of its own: ``transport.py`` starts them.
"""

import concurrent.futures
import itertools
import json
import statistics
import sys
import time

import numpy as np
import transport_volumes as volumes
from transport_jobs import forget_peak, status

from microstructures.errors import ConvergenceError

TIGHT = 1e-10
SETTINGS = {
    "mixed": {},
    "mixed, to 1e-10": {"tolerance": TIGHT},
    "double": {"precision": "double"},
}


THREE = (
    ("blobs, 100³", lambda: volumes.blobs(100), {0: 0.0, 1: 1.0}),
    ("blobs, 200³", lambda: volumes.blobs(200), {0: 0.0, 1: 1.0}),
    ("blobs in a solid that conducts 1 : 100, 100³", lambda: volumes.blobs(100), {0: 1e-2, 1: 1.0}),
    ("40 % of sites at random, 100³", lambda: volumes.sites(100, 0.4, 0), {0: 0.0, 1: 1.0}),
)


def sized(make):
    return lambda sizes: [(f"{n}³", lambda n=n: make(n), {}) for n in sizes]


def threshold(_):
    """Random sites; above some .3116 they connect both ends."""
    return [
        (f"{p:.0%} of sites, seed {seed}", lambda p=p, s=seed: volumes.sites(100, p, s), {})
        for p in (0.33, 0.35)
        for seed in range(3)
    ]


def stretched(_):
    """Voxels 5:1, along and across the flow."""
    edges = [(5, 1, 1), (1, 5, 1), (1, 1, 5), (1, 5, 5), (5, 1, 5), (5, 5, 1)]
    return [(" : ".join(map(str, e)), lambda: volumes.refined(100), {"spacing": e}) for e in edges]


def contrast(_):
    """The solid conducts too, less and more than the pores."""
    return [
        (f"1 : {solid:g}", lambda: volumes.refined(100), {"solid": solid})
        for solid in (1e-2, 1e-4, 1e-6, 1e-8, 1e2, 1e4, 1e8)
    ]


def real(_):
    """Every phase of every volume at hand, along each axis."""
    rows = []
    for name in volumes.REAL:
        labels = volumes.real(name)
        phases = [255] if "TF-500" in name else np.unique(labels).tolist()
        for phase in phases:
            for axis in range(3):
                case = f"{name.rsplit('/', 1)[-1]}, phase {phase}, axis {axis}"
                rows.append((case, lambda n=name: volumes.real(n), {"phase": phase, "axis": axis}))
    return rows


GROUPS = {
    "refined": sized(volumes.refined),
    "enlarged": sized(volumes.enlarged),
    "threshold": threshold,
    "stretched": stretched,
    "contrast": contrast,
    "real": real,
}


def solver(image, spacing=(1, 1, 1), solid=0.0, phase=1, axis=0):
    """A function of tolerance and precision that solves the case."""
    import solvers
    from microstructures import Volume

    volume = Volume(image, tuple(1e-7 * h for h in spacing))

    def solve(precision="mixed", **options):
        solvers.use(precision=precision)
        if solid:
            return solvers.effective_conductivity(volume, {0: solid, 1: 1.0}, axis, **options)
        return solvers.tortuosity_factor(volume, phase, axis, **options).diffusivity

    return solve


def counts(group, sizes, threads, exact_below):
    """Iterations, seconds, work and true error of all cases of a group, at the defaults."""
    import solvers

    solvers.use(threads=threads)
    return [_counted(*case, exact_below) for case in GROUPS[group](sizes)]


def _counted(case, make, how, exact_below):
    try:
        return _count(case, make, how, exact_below)
    except ConvergenceError as error:  # to be seen on the page, and the others go on
        return {"case": case, "percolates": True, "failed": str(error)}


def _count(case, make, how, exact_below):
    image = make()
    solver(volumes.block(), how.get("spacing", (1, 1, 1)), how.get("solid", 0.0))()
    solve = solver(image, **how)
    seconds, cpu = [], []
    while len(seconds) < (3 if sum(seconds) < 10 else 1):
        started, before = time.perf_counter(), time.process_time()
        found = solve()
        cpu.append(time.process_time() - before)
        seconds.append(time.perf_counter() - started)
    row = {
        "case": case,
        "shape": image.shape,
        "value": found.value,
        "percolates": found.percolates,
        "seconds": statistics.median(seconds),
        "cpu_seconds": statistics.median(cpu),
        "report": found.report.to_dict(),
    }
    if found.percolates:
        row["work"] = statistics.median(cpu) / applied(image.shape)
    if found.percolates and image.size <= exact_below:
        row["error"] = abs(found.value / solve(tolerance=TIGHT).value - 1)
    return row


def applied(shape):
    """CPU seconds of one application of the finest operator in float32 to this many voxels."""
    x, out, steps = operators(shape)
    apply = steps["A x and x · A x"][1]
    apply(x, out)
    started = time.process_time()
    for _ in range(10):
        apply(x, out)
    return (time.process_time() - started) / 10


def operators(shape):
    """Potential, a vector for the result, and the finest operator with bytes that it must move.

    Half of the voxels conduct; what is conducted does not change what is done.
    """
    from solvers import runtime
    from solvers.diffusion import Diffusion

    rng = np.random.default_rng(0)
    classes = (rng.random(shape, np.float32) < 0.5).astype(np.uint8)
    operator = Diffusion(classes, np.ones(1), (1.0, 1.0, 1.0)).operator(np.float32)
    x = runtime.to_device(rng.random(operator.size, np.float32))
    out = runtime.zeros(operator.size, np.float32)
    b, medium = runtime.to_device(rng.random(operator.size, np.float32)), operator.medium

    def residual(x, out):
        medium.kernels.residual(x, b, out, *medium.where)

    steps = {"A x and x · A x": (9, operator.apply), "- A x": (9, operator.defect)}
    return x, out, steps | {"b - A x": (13, residual)}


def best(job, repeats):
    """Least seconds of a few runs, after one that is not counted."""
    times = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        job()
        times.append(time.perf_counter() - started)
    return min(times[1:])


def bandwidth(voxels, threads):
    """Bytes per second of copies and of the finest operator, float32, least time of ten."""
    import solvers

    solvers.use(threads=threads)
    x, out, steps = operators((voxels,) * 3)
    rows = [{"what": "copy, NumPy on all threads", "bytes": 8, "run": _copied(x, out, threads)}]
    rows.append({"what": "copy, Taichi in blocks", "bytes": 8, "run": _taichi_copy(x, out)})
    for name, (moved, apply) in steps.items():
        rows.append({"what": name, "bytes": moved, "run": lambda a=apply: a(x, out)})
    for row in rows:
        row["seconds"] = best(row.pop("run"), 10)
        row["rate"] = row["bytes"] * x.size / row["seconds"]
    return {"voxels": voxels, "rows": rows}


def _copied(x, out, threads):
    pool = concurrent.futures.ThreadPoolExecutor(threads)
    edges = np.linspace(0, x.size, threads + 1).astype(int)
    parts = [slice(a, b) for a, b in itertools.pairwise(edges)]
    return lambda: list(pool.map(lambda part: np.copyto(out[part], x[part]), parts))


def _taichi_copy(x, out):
    from transport_copy import copy

    return lambda: copy(x, out, x.size)


def axes(threads):
    """Seconds of three axes one by one and together, medians of five in turns."""
    import solvers
    from microstructures import Volume

    solvers.use(threads=threads)
    rows = []
    for case, make, values in THREE:
        volume = Volume(make(), 1.0)

        def one_by_one(volume=volume, values=values):
            return [solvers.effective_conductivity(volume, values, axis) for axis in range(3)]

        def together(volume=volume, values=values):
            problem = solvers.Conduction(volume, values)
            return [problem.along(axis) for axis in range(3)]

        ways = {"one by one": one_by_one, "together": together}
        found = {name: run() for name, run in ways.items()}
        seconds = {name: [] for name in ways}
        for _ in range(5):
            for name, run in ways.items():
                started = time.perf_counter()
                run()
                seconds[name].append(time.perf_counter() - started)
        row = {"case": case, "shape": volume.shape}
        for name, results in found.items():
            row[name] = {
                "seconds": statistics.median(seconds[name]),
                "values": [result.value for result in results],
                "iterations": [result.report.iterations for result in results],
            }
        rows.append(row)
    return rows


def memory(voxels, setting, threads):
    """Growth of the process per voxel during a solve, its estimate, and how the solve ended."""
    import solvers
    from solvers import runtime

    solvers.use(threads=threads)
    options = SETTINGS[setting]
    solver(volumes.block())(**options)
    image = volumes.refined(voxels)
    solve = solver(image)
    del image
    estimates, reserve = [], runtime.reserve

    def noted(required, *what):
        estimates.append(required)
        return reserve(required, *what)

    runtime.reserve = noted  # what the solve says before it starts
    started = time.perf_counter()
    forget_peak()
    base = status("VmRSS")
    found = solve(**options)
    return {
        "setting": setting,
        "voxels": voxels,
        "precision": runtime.precision(),
        "bytes_per_voxel": (status("VmHWM") - base) / voxels**3,
        "estimated": max(estimates) / voxels**3,
        "seconds": time.perf_counter() - started,
        "report": found.report.to_dict(),
    }


JOBS = {"counts": counts, "axes": axes, "memory": memory, "bandwidth": bandwidth}

if __name__ == "__main__":
    name, *arguments = json.loads(sys.argv[1])
    print(json.dumps(JOBS[name](*arguments)))
