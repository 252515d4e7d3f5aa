"""Workers and drivers of a study killed at random moments: nothing finished may be lost.

python benchmarks/kills.py  # about five minutes on two cores
"""

import hashlib
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from machine import machine

from studies import Grid, Outcome, Study, number, task

HERE = Path(__file__).resolve()
RESULT = HERE.parent / "results" / "kills.json"
CASES, KILLS = 300, 200
DRIVERS = 0.2  # share of kills that hit the driver
PAUSE = (0.1, 1.2)  # s between kills
SECONDS = 0.3  # of a case


@task(version=1)
def small(recipe):
    """Numbers that any mistake would change, after a while."""
    time.sleep(SECONDS)
    row = np.random.default_rng(recipe["x"]).random(1000)
    about = hashlib.sha256(row.tobytes()).hexdigest()
    values = {"sum": number(float(row.sum()), "m"), "hash": number(int(about[:12], 16))}
    return Outcome(values, arrays={"row": row})


def study(folder):
    points = Grid({"x": list(range(CASES))})
    return Study({}, points, folder, task="kills:small", modules=HERE.parent)


def main():
    """Kill until it is enough, and compare the table with that of a run in peace."""
    with tempfile.TemporaryDirectory() as name:
        calm = study(Path(name) / "calm")
        began = time.monotonic()
        calm.run("local", workers=2)
        in_peace = time.monotonic() - began
        table = calm.collect()[0].read_bytes()
        arrays = {case.key: calm.store.array(case.key, "row").tobytes() for case in calm.cases()}
        rounds = []
        while sum(r["workers_killed"] + r["drivers_killed"] for r in rounds) < KILLS:
            disturbed = study(Path(name) / f"round {len(rounds)}")
            left = KILLS - sum(r["workers_killed"] + r["drivers_killed"] for r in rounds)
            rounds.append(disturb(disturbed, left) | compared(disturbed, table, arrays))
            print(rounds[-1], flush=True)
    found = {
        "command": "python benchmarks/kills.py",
        "machine": machine(),
        "cases": CASES,
        "seconds_in_peace": round(in_peace, 1),
        "rounds": rounds,
    }
    RESULT.write_text(json.dumps(found, indent=1) + "\n")


def disturb(disturbed, kills):
    """Run a study to its end, killing at random on the way; what is lost on the way counts."""
    luck, hit, lost, failed = random.Random(kills), {"worker": 0, "driver": 0}, 0, 0
    began, known, driver = time.monotonic(), {}, None
    while True:
        if driver is None or driver.poll() is not None:
            if driver is not None and driver.returncode == 0:
                break
            failed += driver is not None and driver.returncode > 0
            command = [sys.executable, HERE, "drive", disturbed.folder]
            driver = subprocess.Popen(command)
        time.sleep(luck.uniform(*PAUSE))
        if sum(hit.values()) < kills and (victim := chosen(driver, luck)) is not None:
            hit["driver" if victim.pid == driver.pid else "worker"] += 1
            victim.kill()
            if victim.pid == driver.pid:
                driver.wait()
        now = finished(disturbed)
        lost += sum(now.get(path) != stamp for path, stamp in known.items())
        known = now
    seconds = round(time.monotonic() - began, 1)
    return {
        "workers_killed": hit["worker"],
        "drivers_killed": hit["driver"],
        "seconds": seconds,
        "lost_or_changed": lost,
        "drivers_that_gave_up": failed,
    }


def chosen(driver, luck):
    """The driver, or one of its workers once there are some."""
    try:
        family = psutil.Process(driver.pid)
        workers = [p for p in family.children() if "--multiprocessing-fork" in p.cmdline()]
    except psutil.Error:
        return None
    if not workers:
        return None
    return family if luck.random() < DRIVERS else luck.choice(workers)


def finished(disturbed):
    records = Path(disturbed.folder).glob("cases/??/*/record.json")
    return {str(path): path.stat().st_mtime_ns for path in records if path.parent.name[0] != "."}


def compared(disturbed, table, arrays):
    """Whether the study is what it would have been in peace, to the last bit."""
    read = disturbed.store
    return {
        "status": dict(disturbed.status().counts),
        "table_equal": disturbed.collect()[0].read_bytes() == table,
        "arrays_equal": all(read.array(k, "row").tobytes() == v for k, v in arrays.items()),
        "records": len(list(read.finished())),
        "claims_left": len(list((read.folder / "claims").glob("*.json"))),
    }


if __name__ == "__main__":
    if sys.argv[1:2] == ["drive"]:
        study(sys.argv[2]).run("local", workers=2, attempts=1000)
    else:
        main()
