"""What a study costs beside its cases: per case, of a second run, and of a large store.

python benchmarks/study_overhead.py  # about a minute
"""

import json
import sys
import tempfile
import time
from pathlib import Path

from studies import Grid, Outcome, Study, number, task

HERE = Path(__file__).resolve()
RESULT = HERE.parent / "results" / "study_overhead.json"
WARM, CASES, LARGE = 20, 1000, 10_000


@task(version=1)
def nothing(recipe):
    """No work; as many numbers as an electrode in a cell has."""
    values = {f"value_{n}": number(recipe["x"] / (n + 1), "m") for n in range(60)}
    return Outcome(values)


@task(version=1)
def second(recipe):
    """A second of work on one core."""
    until = time.process_time() + 1.0
    while time.process_time() < until:
        pass
    return Outcome({"x": number(recipe["x"])})


def study(folder, count, name="nothing"):
    task_name = f"{HERE.stem}_benchmark:{name}"
    return Study({}, Grid({"x": list(range(count))}), folder, task=task_name, modules=folder.parent)


def main():
    """Record all figures."""
    from machine import machine  # here, since workers load a copy of this file alone

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / f"{HERE.stem}_benchmark.py").write_bytes(HERE.read_bytes())
        found = {
            "command": "python benchmarks/study_overhead.py",
            "machine": machine(),
            "overhead_per_case_ms": overhead(folder),
            "second_run_of_1000_s": again(folder),
            "speedup_of_2_workers": speedup(folder),
        } | large(folder)
    RESULT.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


def overhead(folder):
    """Wall time per case that does nothing, from the moment at which the workers are warm."""
    from studies import Engine

    found = {}
    for kind, workers in (("serial", None), ("local", 1), ("local", 2)):
        made = study(folder / f"{kind} {workers}", CASES)
        store, ticks = made.store.at(made.folder), []
        with Engine(kind, workers=workers).started() as crew:
            ticks += [time.perf_counter() for _ in crew.run(made.cases(), store)]
        label = kind if workers is None else f"{kind}, {workers} workers"
        found[label] = round(1e3 * (ticks[-1] - ticks[WARM]) / (CASES - WARM - 1), 2)
    return found


def again(folder):
    """Reading the study anew, and running it, with everything stored."""
    began = time.perf_counter()
    assert study(folder / "serial None", CASES).run("local").is_complete
    return round(time.perf_counter() - began, 3)


def speedup(folder):
    """Time of one worker over that of two, from the first finished case on."""
    from studies import Engine

    seconds = []
    for workers in (1, 2):
        made = study(folder / f"speed {workers}", 4 * workers + workers, "second")
        store, ticks = made.store.at(made.folder), []
        with Engine("local", workers=workers).started() as crew:
            ticks += [time.perf_counter() for _ in crew.run(made.cases(), store)]
        seconds.append((ticks[-1] - ticks[workers - 1]) / (4 * workers))
    return round(seconds[0] / seconds[1], 2)


def large(folder):
    """Status and frame of a store of 10 000 cases."""
    made = study(folder / "large", LARGE)
    made.run("serial")
    began = time.perf_counter()
    made = study(folder / "large", LARGE)
    design = time.perf_counter() - began
    made.status()
    status = time.perf_counter() - began - design
    made.frame()
    frame = time.perf_counter() - began - design - status
    return {
        "of_10000_cases_s": {
            "cases": round(design, 3),
            "status": round(status, 3),
            "frame": round(frame, 3),
        }
    }


if __name__ == "__main__":
    sys.exit(main())
