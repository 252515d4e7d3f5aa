"""One tool in a process of its own, which solves whenever it is told to.

    python benchmarks/transport_jobs.py taufactor ANSWERS THREADS

A line of JSON on its input is a solve: {"volume": "blobs.npy", "solid": 0.01, "setting": {…}}, from
the array in memory to the number; its answer goes to the file descriptor ANSWERS. A small volume
is solved twice first whenever problem or setting are new, so that nothing is compiled while the
clock runs. Peers need nothing of ours here, so that they may have an interpreter of their own.
"""

import contextlib
import gc
import importlib.metadata
import json
import logging
import os
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

PACKAGES = {
    "ours": ("electrode-twin", "taichi", "numpy", "scipy"),
    "taufactor": ("taufactor", "torch", "numpy"),
    "porespy": ("porespy", "openpnm", "pyamg", "scipy", "numpy"),
    "openimpala": ("openimpala", "scipy", "numpy"),
}


def ours(threads):
    import solvers
    from microstructures import Volume

    solvers.use(threads=threads)

    def solve(image, solid, precision="mixed", **setting):
        solvers.use(precision=precision)
        volume = Volume(image, 1e-7)
        if solid:
            found = solvers.effective_conductivity(volume, {0: solid, 1: 1.0}, 0, **setting)
            value = found.value
        else:
            found = solvers.tortuosity_factor(volume, 1, 0, **setting)
            value = found.relative_diffusivity
        tolerance = found.report.tolerance
        return {"value": value, "iterations": found.report.iterations, "tolerance": tolerance}

    return solve


def taufactor(threads):
    import taufactor as peer
    import torch

    torch.set_num_threads(threads)

    def solve(image, solid, **setting):
        if solid:
            solver = peer.MultiPhaseSolver(image + 1, {1: solid, 2: 1.0}, device="cpu")
        else:
            solver = peer.Solver(image, device="cpu")
        solver.solve(verbose=False, **setting)
        if not solver.converged:
            raise RuntimeError(f"not converged after {solver.iter} iterations")
        return {"value": float(np.squeeze(solver.D_eff)), "iterations": int(solver.iter)}

    return solve


def porespy(threads):
    import openpnm  # noqa: F401  # PoreSpy imports it at the first solve only
    import porespy as peer

    peer.settings.tqdm["disable"] = True

    def solve(image, solid, **setting):
        if solid:
            raise ValueError("PoreSpy solves for one phase only")
        found = peer.simulations.tortuosity_fd(image > 0, axis=0, **setting)
        return {"value": 1.0 / float(found.formation_factor), "iterations": None}

    return solve


def openimpala(threads):
    import openimpala as peer
    from openimpala import _solver

    session = contextlib.ExitStack()
    session.enter_context(peer.Session())
    compiled = not peer.Session._pure_python
    results = tempfile.mkdtemp()

    def fallback(image, tol=1e-9):
        found = _solver.solve_tortuosity(image.astype(np.int32), 1, 0, tol=tol)
        if not found["solver_converged"]:
            raise RuntimeError(f"not converged after {found['iterations']} iterations")
        value = found["active_volume_fraction"] / found["tortuosity"]
        return {"value": value, "iterations": found["iterations"]}

    def solve(image, solid, *, python=False, **setting):
        if solid:
            raise ValueError("OpenImpala's Python interface solves for one phase only")
        if python:
            return fallback(image, **setting)
        if not compiled:
            raise RuntimeError("the compiled backend cannot be loaded")
        # axis 0 of the array is called z
        found = peer.tortuosity(
            image.astype(np.int32), phase=1, direction="z", results_path=results, **setting
        )
        value = found.active_volume_fraction / found.tortuosity
        return {"value": value, "iterations": found.iterations}

    return solve


TOOLS = {"ours": ours, "taufactor": taufactor, "porespy": porespy, "openimpala": openimpala}


def status(field):
    """A figure that Linux keeps of this process, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


def forget_peak():
    """Let the peak of the memory begin anew."""
    Path("/proc/self/clear_refs").write_text("5")


class Job:
    """Solves, each with its time, and what memory grew by."""

    def __init__(self, solve, block):
        self.solve, self.block, self.seen, self.base = solve, block, {}, None

    def run(self, volume, solid, setting):
        warm = self._warm(solid, setting)
        image = np.load(volume)
        gc.collect()
        forget_peak()
        self.base = min(self.base or sys.maxsize, status("VmRSS"))
        cpu, started = time.process_time(), time.perf_counter()
        found = self.solve(image, solid, **setting)
        seconds, cpu = time.perf_counter() - started, time.process_time() - cpu
        grown = (status("VmHWM") - self.base) / image.size
        return found | warm | {"seconds": seconds, "cpu_seconds": cpu, "bytes_per_voxel": grown}

    def _warm(self, solid, setting):
        """Seconds of the first and the second solve of a small volume with this setting."""
        key = json.dumps([solid, setting], sort_keys=True)
        if key not in self.seen:
            times = []
            for _ in range(2):
                started = time.perf_counter()
                with contextlib.suppress(Exception):  # what counts is the volume itself
                    self.solve(self.block, solid, **setting)
                times.append(time.perf_counter() - started)
            self.seen[key] = {"first_seconds": times[0], "again_seconds": times[1]}
        return self.seen[key]


def main(tool, answers, threads):
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    block = (np.random.default_rng(42).random((64,) * 3) < 0.7).astype(np.uint8)
    with os.fdopen(answers, "w") as out:

        def answer(found):
            out.write(json.dumps(found) + "\n")
            out.flush()

        started = time.perf_counter()
        job = Job(TOOLS[tool](threads), block)
        versions = {name: importlib.metadata.version(name) for name in PACKAGES[tool]}
        answer({"import_seconds": time.perf_counter() - started, "versions": versions})
        for line in sys.stdin:
            try:
                answer(job.run(**json.loads(line)))
            except Exception as error:  # one setting of a peer may fail, the others go on
                answer({"failed": f"{type(error).__name__}: {error}"})
    os._exit(0)  # some tools abort when they are taken down


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
