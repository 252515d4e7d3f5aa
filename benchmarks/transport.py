"""Effective transport beside TauFactor 2, PoreSpy and OpenImpala, and what ours takes by itself.

    pip install -r benchmarks/requirements.txt
    python benchmarks/transport.py                                  # all of it
    python benchmarks/transport.py --only peers --sizes 100 --tools openimpala
    python benchmarks/transport.py --only counts --groups real

Parts are recorded one by one, so that each can be run again alone: references, peers, start,
counts, memory, bandwidth. Every tool runs in a process of its own, warm, on the same threads; the
tools take turns, so that what else the machine does falls on all of them. Peers may live in
another interpreter (--python), which needs nothing of ours.

The compiled backend of OpenImpala's wheel needs OpenMPI 4 and the Fortran runtime of the system:
on Debian 12, ``apt-get install libopenmpi3 openmpi-bin libgfortran5``. Without them its Python
fallback alone is measured. MPI ranks gain nothing over one here, and HYPRE uses one thread.
"""

import argparse
import json
import os
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import transport_reference
import transport_volumes as volumes
from machine import machine
from transport_own import GROUPS, SETTINGS

HERE = Path(__file__).resolve().parent
RESULT = HERE / "results" / "transport.json"
PROBLEMS = {"porous": 0.0, "contrast": 0.01}  # conductivity of the solid, over that of the pores
ENDS = {"porous": ("faces", "centres"), "contrast": ("faces", "beyond")}
BOX = 1024  # voxels, so that the volume is one box
OURS = [{}, *({"tolerance": t} for t in (1e-2, 1e-3, 1e-4, 1e-6, 1e-8))]
PEERS = {  # settings, and the most voxels along an edge at which one is still run
    "porous": {
        "ours": [(setting, 1000) for setting in OURS],
        "taufactor": [({}, 1000), ({"conv_crit": 1e-4}, 1000)],
        "porespy": [({}, 300), ({"ftol": 1e-6}, 200), ({"ftol": 1e-8}, 300)],
        "openimpala": [
            ({}, 100),
            ({"solver": "pcg"}, 100),
            ({"solver": "pcg", "max_grid_size": BOX}, 200),
            ({"python": True}, 100),
            ({"python": True, "tol": 1e-6}, 100),
            ({"python": True, "tol": 1e-5}, 200),
        ],
    },
    "contrast": {
        "ours": [(setting, 1000) for setting in OURS],
        "taufactor": [({}, 1000), ({"conv_crit": 1e-3}, 1000), ({"conv_crit": 1e-4}, 100)],
    },
}
REPEATS = ((20.0, 5), (60.0, 3))  # seconds of a solve up to which it is repeated so often; else 1
PAUSE_S = 0.3  # for threads of other tools to fall asleep
START_S = 300
GROUP_SIZES = {"refined": (100, 200, 300, 400), "enlarged": (200, 300, 400)}


class Tool:
    """A tool in a process of its own, started when it is first asked, and again if it died."""

    def __init__(self, name, python, threads, **env):
        self.name, self.python, self.threads, self.env = name, python, threads, env
        self.process, self.started = None, None

    def ask(self, question, limit):
        """The answer, or {"failed": why}."""
        if self.process is None or self.process.poll() is not None:
            self._start()
        self.process.stdin.write((json.dumps(question) + "\n").encode())
        self.process.stdin.flush()
        return self._answer(limit)

    def _start(self):
        threads = {f"{name}_NUM_THREADS": str(self.threads) for name in ("OMP", "MKL", "OPENBLAS")}
        self.answers, end = os.pipe()
        self.process = subprocess.Popen(
            [self.python, HERE / "transport_jobs.py", self.name, str(end), str(self.threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(end,),
            env=os.environ | threads | self.env,
        )
        os.close(end)
        self.buffer = b""
        self.started = self._answer(START_S)

    def _answer(self, limit):
        deadline = time.monotonic() + limit
        while b"\n" not in self.buffer:
            ready, _, _ = select.select([self.answers], [], [], max(deadline - time.monotonic(), 0))
            if not ready:
                self.stop()
                return {"failed": f"no answer within {limit:.0f} s"}
            read = os.read(self.answers, 1 << 16)
            if not read:
                self.process.wait()
                code = self.process.returncode
                self.stop()
                return {"failed": f"the process ended with status {code}"}
            self.buffer += read
        line, self.buffer = self.buffer.split(b"\n", 1)
        return json.loads(line)

    def stop(self):
        """End the process, if there is one."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process.stdin.close()
            os.close(self.answers)
            self.process = None


def interpreter(tool, options):
    return sys.executable if tool == "ours" else options.python


def race(volume, voxels, problem, options):
    """Rows of all tools and settings, which take turns; medians are left to the reader."""
    wanted = {t: s for t, s in PEERS[problem].items() if t in options.tools}
    tools = {t: Tool(t, interpreter(t, options), options.threads) for t in wanted}
    rows = [
        {"tool": tool, "setting": setting, "seconds": [], "cpu_seconds": [], "load": []}
        for tool, settings in wanted.items()
        for setting, most in settings
        if voxels <= most
    ]
    for turn in range(options.repeats):
        for row in rows:
            if "failed" not in row and turn < turns(row, options.repeats):
                question = {"volume": str(volume), "solid": PROBLEMS[problem]}
                _run(tools[row["tool"]], question, row, options.limit)
    for tool in tools.values():
        tool.stop()
    return rows


def turns(row, most):
    """How often this is repeated: less if it takes long."""
    first = row["seconds"][0] if row["seconds"] else 0.0
    return min(most, next((count for limit, count in REPEATS if first <= limit), 1))


def _run(tool, question, row, limit):
    time.sleep(PAUSE_S)
    load = os.getloadavg()[0]
    found = tool.ask(question | {"setting": row["setting"]}, limit)
    row["versions"] = (tool.started or {}).get("versions")
    if "failed" in found:
        row["failed"] = found["failed"]
    else:
        row["load"].append(round(load, 2))
        for name in ("seconds", "cpu_seconds"):
            row[name].append(found.pop(name))
        row |= {name: value for name, value in found.items() if name not in row}
    shown = row.get("failed") or f"{row['seconds'][-1]:.2f} s, {row['value']:.8f}"
    print(f"  {row['tool']} {row['setting']}: {shown}", flush=True)


def references(record, options):
    """Independent values to 1e-10 for the electrodes of every tool."""
    for size in options.sizes:
        image = volumes.blobs(size)
        found = record.setdefault("references", {}).setdefault(str(size), {})
        for problem in options.problems:
            solid = PROBLEMS[problem]
            found[problem] = {
                ends: transport_reference.effective(image, solid, ends, options.threads)
                for ends in ENDS[problem]
                if ends in (options.ends or ENDS[problem])
            }
            yield f"references {size} {problem}: {found[problem]}"


def peers(record, options):
    """All tools on blobs of each size; tools that are not asked for keep what was recorded."""
    for size in options.sizes:
        with tempfile.TemporaryDirectory() as folder:
            volume = Path(folder) / "blobs.npy"
            np.save(volume, volumes.blobs(size))
            for problem in options.problems:
                print(f"peers {size} {problem}", flush=True)
                found = record.setdefault("peers", {}).setdefault(str(size), {})
                rows = race(volume, size, problem, options)
                kept = [r for r in found.get(problem, []) if r["tool"] not in options.tools]
                found[problem] = sorted(
                    kept + rows, key=lambda r: list(PEERS[problem]).index(r["tool"])
                )
                yield f"peers {size} {problem}"


def start(record, options):
    """Import, first and second solve of a small volume: ours also with an empty kernel cache."""
    with tempfile.TemporaryDirectory() as folder:
        volume = Path(folder) / "block.npy"
        np.save(volume, volumes.block())
        cases = [(tool, {}) for tool in options.tools]
        cases += [("ours", {"TI_OFFLINE_CACHE": "0"})] if "ours" in options.tools else []
        found = record.setdefault("start", [])
        for name, env in cases:
            tool = Tool(name, interpreter(name, options), options.threads, **env)
            setting = {"solver": "pcg"} if name == "openimpala" else {}
            answer = tool.ask({"volume": str(volume), "solid": 0.0, "setting": setting}, START_S)
            row = {"tool": name, "cache": not env} | (tool.started or {}) | answer
            tool.stop()
            found[:] = [r for r in found if (r["tool"], r["cache"]) != (name, not env)] + [row]
    yield f"start: {found}"


def counts(record, options):
    """Iterations, work and seconds of ours, group by group."""
    for group in options.groups:
        sizes = options.group_sizes or GROUP_SIZES.get(group, ())
        found = own("counts", group, sizes, options.threads, options.exact_below)
        record.setdefault("counts", {})[group] = found
        iterations = {r["case"]: r.get("report", {}).get("iterations") for r in found}
        yield f"counts {group}: {iterations}"


def axes(record, options):
    """Three axes of one volume, one by one and together."""
    record["axes"] = own("axes", options.threads)
    yield f"axes: {[(r['case'], r['one by one'], r['together']) for r in record['axes']]}"


def memory(record, options):
    """Bytes per voxel of ours, each setting in a process of its own."""
    for setting in SETTINGS:
        row = own("memory", options.memory_size, setting, options.threads)
        record.setdefault("memory", {})[setting] = row
        yield f"memory {setting}: {row['bytes_per_voxel']:.1f} bytes per voxel"


def bandwidth(record, options):
    """The finest operator beside copies."""
    record["bandwidth"] = own("bandwidth", options.copy_size, options.threads)
    yield f"bandwidth: {record['bandwidth']}"


def own(*job):
    """A job of ``transport_own.py`` in a process of its own."""
    command = [sys.executable, HERE / "transport_own.py", json.dumps(job)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, cwd=HERE.parent)
    return json.loads(done.stdout.splitlines()[-1])


PARTS = {
    "references": references,
    "peers": peers,
    "start": start,
    "counts": counts,
    "axes": axes,
    "memory": memory,
    "bandwidth": bandwidth,
}


def arguments():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    add = parser.add_argument
    add("--only", nargs="+", choices=PARTS, default=list(PARTS))
    add("--sizes", nargs="+", type=int, default=[100, 200, 300], help="of the blobs, in voxels")
    add("--problems", nargs="+", choices=PROBLEMS, default=list(PROBLEMS))
    add("--tools", nargs="+", choices=PEERS["porous"], default=list(PEERS["porous"]))
    add("--groups", nargs="+", choices=GROUPS, default=list(GROUPS), help="of counts")
    add("--group-sizes", nargs="+", type=int, help="of the groups refined and enlarged")
    add("--exact-below", type=int, default=8_000_000, help="voxels up to which errors are found")
    add("--memory-size", type=int, default=400)
    add("--copy-size", type=int, default=512)
    add("--ends", nargs="*", help="electrodes of references: faces, centres, beyond")
    add("--python", default=sys.executable, help="interpreter of the peers")
    add("--threads", type=int, default=2)
    add("--repeats", type=int, default=5)
    add("--limit", type=float, default=1200, help="seconds after which a solve is given up")
    add("--result", type=Path, default=RESULT)
    return parser.parse_args()


def main():
    options = arguments()
    record = json.loads(options.result.read_text()) if options.result.exists() else {}
    record |= {"command": "python benchmarks/transport.py", "machine": machine()}
    for part in options.only:
        for done in PARTS[part](record, options):
            print(done, flush=True)
            options.result.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
