"""Tasks of the tests: a square, and all that may happen on the way to it."""

import os
import resource
import signal
import sys
import time
from pathlib import Path

import numpy as np

from microstructures.errors import ConvergenceError, NotPercolatingError
from studies import Outcome, number, task


@task(version=1)
def square(recipe):
    """x²; notes each call in a file, and does what it is told to before."""
    if "log" in recipe:
        with Path(recipe["log"]).open("a") as file:
            file.write(f"{recipe['x']}\n")
    if "seconds" in recipe:
        time.sleep(recipe["seconds"])
    DOES.get(recipe.get("does"), lambda _: None)(recipe)
    values = {"y": number(recipe["x"] ** 2, "m²", 0.5), "third": number(recipe["x"] / 3)}
    return Outcome(values, arrays={"row": np.arange(recipe["x"])}, provenance={"seed": 1})


@task(version=1)
def told(recipe):
    """Something that is no Outcome, or that cannot be stored."""
    return {
        "none": None,
        "infinite": Outcome({"y": {"value": float("inf"), "unit": "1"}}),
        "object": Outcome({}, arrays={"a": np.array([{}], dtype=object)}),
        "path": Outcome({}, arrays={"../../a": np.zeros(1)}),
    }[recipe["what"]]


def no_version(recipe):
    """Lacks the mark of a task."""


def _once(recipe, number):
    """Send a signal to this process, but only the first time."""
    mark = Path(recipe["marks"]) / str(recipe["x"])
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), number)
        time.sleep(10)


def _exhaust(recipe):
    """Ask for more memory than a limit of the system lets us have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (4 * 2**30, hard))
    try:
        np.ones(2**33)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _raise(error):
    raise error


class Untold(Exception):
    """Cannot say what it is."""

    def __str__(self):
        raise RuntimeError("no words")


DOES = {
    "raise": lambda _: _raise(ValueError("a wrong value")),
    "untold": lambda _: _raise(Untold()),
    "exit": lambda _: sys.exit("a library left"),
    "diverge": lambda _: _raise(ConvergenceError("residual 1e-2")),
    "block": lambda _: _raise(NotPercolatingError("pore is blocked")),
    "exhaust": _exhaust,
    "poison": lambda _: os.kill(os.getpid(), signal.SIGKILL),
    "kill once": lambda recipe: _once(recipe, signal.SIGKILL),
    "terminate once": lambda recipe: _once(recipe, signal.SIGTERM),
    "hang": lambda _: time.sleep(100),
}


@task(version=1)
def mean(recipe):
    """Mean of the file of a volume."""
    return Outcome({"mean": number(float(np.load(recipe["volume"]["file"]).mean()))})
