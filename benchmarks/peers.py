"""Pore transport of one volume by us, TauFactor 2 and PoreSpy, one after the other on one machine.

    pip install -r benchmarks/requirements.txt
    python benchmarks/peers.py cathode.tif --spacing 398e-9 --phases "0=pore,1=NMC,2=CBD"

Every job runs in a process of its own, so that its time and peak memory are its own. Errors are
against our solver at a tolerance of 1e-10 with the boundary conditions of the tool in question:
TauFactor and we put the electrodes on the outer faces of the volume, PoreSpy on the centres of
the first and last layer of voxels.
"""

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

HERE = Path(__file__).parent
RESULTS = HERE / "results"
TIGHT = 1e-10


def read(arguments):
    import microstructures

    phases = dict(pair.split("=") for pair in arguments.phases.split(","))
    volume = microstructures.read(
        arguments.volume,
        spacing=arguments.spacing,
        phases={int(label): name for label, name in phases.items()},
    )
    n = arguments.crop
    return volume.cropped((0, n), (0, n), (0, n)) if n else volume


def ours(volume, axes, threads):
    """The whole main job: pore transport in three directions, areas and TPB, with uncertainties."""
    import solvers

    solvers.use(threads=threads)
    stages = {}

    def timed(name, job):
        started = time.perf_counter()
        result = job()
        stages[name] = time.perf_counter() - started
        return result

    rows = []
    for axis in axes:
        t = timed(
            f"pore transport, axis {axis}",
            lambda a=axis: solvers.tortuosity_factor(volume, "pore", a),
        )
        rows.append(
            {
                "axis": axis,
                "relative_diffusivity": t.relative_diffusivity,
                "tortuosity_factor": t.tortuosity_factor,
                "uncertainty": float(t.uncertainty),
                "iterations": t.report.iterations,
                "seconds": stages[f"pore transport, axis {axis}"],
            }
        )
    areas = timed("interface areas", lambda: solvers.interface_areas(volume))
    lines = timed("triple-phase boundaries", lambda: solvers.triple_phase_boundaries(volume))
    return {
        "rows": rows,
        "stages": stages,
        "areas": {" – ".join(pair): q.value for pair, q in areas.items()},
        "tpb": {" – ".join(triple): b.total.value for triple, b in lines.items()},
    }


def reference(volume, axes, threads):
    """Tightly converged relative diffusivities, for both kinds of boundary condition."""
    import solvers

    solvers.use(threads=threads)
    faces = {
        axis: solvers.tortuosity_factor(volume, "pore", axis, tolerance=TIGHT).relative_diffusivity
        for axis in axes
    }
    return {"faces": faces, "centres": {axis: on_centres(volume, axis) for axis in axes}}


def on_centres(volume, axis):
    """The same with the first and last layer of voxel centres as electrodes, as in PoreSpy."""
    from solvers import diffusion
    from solvers.components import spanning_mask

    mask = np.ascontiguousarray(np.moveaxis(spanning_mask(volume.mask("pore"), axis), axis, 0))
    operator = diffusion.Diffusion(mask[1:-1].astype(np.uint8), np.ones(1), (1.0, 1.0, 1.0))
    classes = operator.classes.reshape(operator.grid.padded)  # views: the electrodes are edited
    classes[0, 1:-1, 1:-1] = np.where(mask[0], operator.width - 1, 0)
    classes[-1, 1:-1, 1:-1] = np.where(mask[-1], operator.width - 1, 0)
    operator.table.reshape(3, operator.width, operator.width)[0] /= np.array(
        [[1, 1, 1], [1, 1, 2], [1, 2, 1]]
    )  # a whole voxel between the electrode and the next centre, not half of one
    solution = diffusion.solve(operator, TIGHT, 2000, "reference")
    layers, rows, columns = mask.shape
    return solution.conductance * (layers - 1) / (rows * columns)


def taufactor(volume, axes, threads):
    import taufactor
    import torch

    torch.set_num_threads(threads)
    rows = []
    for axis in axes:
        image = np.ascontiguousarray(np.moveaxis(volume.mask("pore"), axis, 0)).astype(np.uint8)
        started = time.perf_counter()
        solver = taufactor.Solver(image, device="cpu")
        solver.solve(verbose=False)
        rows.append(
            {
                "axis": axis,
                "relative_diffusivity": float(np.squeeze(solver.D_eff)),
                "tortuosity_factor": float(np.squeeze(solver.tau)),
                "iterations": int(solver.iter),
                "seconds": time.perf_counter() - started,
            }
        )
    return {"rows": rows}


def porespy(volume, axes, threads):
    import porespy as ps

    rows = []
    for axis in axes:
        started = time.perf_counter()
        result = ps.simulations.tortuosity_fd(im=volume.mask("pore"), axis=axis)
        rows.append(
            {
                "axis": axis,
                "relative_diffusivity": 1.0 / float(result.formation_factor),
                "tortuosity_factor": float(result.tortuosity),
                "seconds": time.perf_counter() - started,
            }
        )
    return {"rows": rows}


JOBS = {"ours": ours, "reference": reference, "taufactor": taufactor, "porespy": porespy}


def child(arguments):
    volume = read(arguments)
    result = JOBS[arguments.job](volume, arguments.axes, arguments.threads)
    Path(arguments.answer).write_text(json.dumps(result))


def measured(job, arguments, axes):
    """Run a job in a process of its own and add what the operating system says of it."""
    answer = RESULTS / f".{job}.json"
    options = [f"--axes={','.join(map(str, axes))}", f"--job={job}", f"--answer={answer}"]
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, __file__, *sys.argv[1:], *options])
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    if status:
        raise SystemExit(f"{job} failed with status {status}")
    result = json.loads(answer.read_text())
    answer.unlink()
    scale = 1 if sys.platform == "darwin" else 1024
    return result | {
        "wall_seconds": wall,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_bytes": usage.ru_maxrss * scale,
    }


def machine(threads):
    names = (
        "electrode-twin",
        "numpy",
        "scipy",
        "taichi",
        "taufactor",
        "torch",
        "porespy",
        "openpnm",
        "pyamg",
    )
    cpu = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    versions = {name: importlib.metadata.version(name) for name in names}
    return {
        "cpu": cpu,
        "threads": threads,
        "python": platform.python_version(),
        "versions": versions,
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("volume")
    parser.add_argument("--spacing", type=float, required=True)
    parser.add_argument("--phases", required=True)
    parser.add_argument("--crop", type=int, default=0, help="edge of a cube to cut out, in voxels")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--name", default="peers")
    parser.add_argument("--axes", type=lambda s: [int(a) for a in s.split(",")], default=[0, 1, 2])
    parser.add_argument("--tools", type=lambda s: s.split(","), default=["taufactor", "porespy"])
    parser.add_argument("--job", help=argparse.SUPPRESS)
    parser.add_argument("--answer", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.job:
        return child(arguments)
    volume = read(arguments)
    RESULTS.mkdir(exist_ok=True)
    jobs = {
        job: measured(job, arguments, arguments.axes)
        for job in ("ours", "reference", *arguments.tools)
    }
    record = {
        "machine": machine(arguments.threads),
        "volume": {
            "name": volume.provenance.source,
            "shape": volume.shape,
            "sha256": volume.sha256,
        },
        "command": "python benchmarks/peers.py "
        + " ".join([volume.provenance.source, *sys.argv[2:]]),
        "jobs": jobs,
    }
    (RESULTS / f"{arguments.name}.json").write_text(
        json.dumps(record, indent=1, ensure_ascii=False) + "\n"
    )


if __name__ == "__main__":
    main()
