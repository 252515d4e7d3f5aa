"""Tasks of the tests: functions whose optimum or front is known in closed form."""

import math
import os
import signal
import time
from pathlib import Path

from microstructures.errors import ConvergenceError, InvalidInputError, NotPercolatingError
from studies import Outcome, number, task

FAILS = {
    "failed": ValueError("a wrong value"),
    "not converged": ConvergenceError("residual 1e-2"),
    "does not percolate": NotPercolatingError("pore is blocked"),
}


def check(recipe):
    """Refuses points beyond ``refuses_above``."""
    if recipe.get("x", 0) > recipe.get("refuses_above", math.inf):
        raise InvalidInputError(f"x is {recipe['x']!r}: the task takes no more")


@task(version=1, check=check)
def branin(recipe):
    """Branin's function, least 0.397887 at (π, 2.275), (-π, 12.275) and (9.42478, 2.475)."""
    begun(recipe)
    x, y = recipe["x"], recipe["y"]
    bend = y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6
    return Outcome({"f": number(bend**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10, "J")})


@task(version=1, check=check)
def hill(recipe):
    """x + y in J, and x² + y² in J²; with a standard error if ``error`` says so."""
    begun(recipe)
    x, y = recipe["x"], recipe["y"]
    norm = number(x * x + y * y, "J²")
    if x < recipe.get("blocked_below", 0):  # one of its numbers is still known
        return Outcome({"sum": number(None, "J"), "cell.norm.1": norm}, "does not percolate", "CBD")
    if x < recipe.get("omitted_below", 0):  # another result, without the sum
        return Outcome({"cell.norm.1": norm})
    status = ("not converged", "residual 1e-2") if x > recipe.get("doubtful_above", 1) else ("ok",)
    found = {"sum": number(x + y, "J", recipe.get("error")), "cell.norm.1": norm}
    return Outcome(found, *status)


@task(version=1)
def schaffer(recipe):
    """x² in m² and (x - 2)² in s: the front is √a + √b = 2."""
    begun(recipe)
    x = recipe["x"]
    values = {"a": number(x * x, "m²", recipe.get("error")), "b": number((x - 2) ** 2, "s")}
    return Outcome(values)


@task(version=1)
def table(recipe):
    """A number for each kind, and for each count its distance from 5; no number for "none"."""
    begun(recipe)
    kind, count = recipe["kind"], recipe["count"]
    heights = {"CMC": 1.0, "PVDF": 3.0, "PTFE": 2.0, "none": None}
    height = heights[kind]
    return Outcome({"g": number(None if height is None else height - (count - 5) ** 2)})


def begun(recipe):
    """Note the call, then do what the recipe says happens at this point."""
    if "log" in recipe:
        with Path(recipe["log"]).open("a") as file:
            file.write(f"{recipe.get('x', recipe.get('kind'))!r}\n")
    if "seconds" in recipe:  # the first ones take longest, so that they end last
        time.sleep(recipe["seconds"] * (1 + math.cos(50 * recipe["x"])))
    low, high = recipe.get("fails", (0, 0))
    if low <= recipe.get("x", math.nan) < high:
        raise FAILS[recipe["status"]]
    if "dies_at" in recipe and len(Path(recipe["log"]).read_text().split()) == recipe["dies_at"]:
        os.kill(os.getpid(), signal.SIGKILL)
