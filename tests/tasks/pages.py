"""Tasks and questions of the tests of the report: whatever may have to stand on a page."""

import numpy as np
import pandas as pd

from microstructures.errors import ConvergenceError, InvalidInputError, NotPercolatingError
from studies import Answer, Outcome, number, task
from twin.report.embedded import figure

HOSTILE = "<script>alert('1')</script> \"quoted\" & </script><!-- $\\frac{1$ ]]>"
PIXEL = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"


@task(version=1)
def plane(recipe):
    """2 x + 10 y, with a picture; raises what it is told to."""
    x, y = recipe["x"], recipe.get("y", 0)
    ends = {
        "raise": ValueError(f"a wrong value {x}"),
        "hostile": ValueError(HOSTILE),
        "diverge": ConvergenceError(f"residual {x}"),
        "block": NotPercolatingError("pore is blocked"),
    }
    if recipe.get("does") in ends:
        raise ends[recipe["does"]]
    values = {
        "sum": number(2 * x + 10 * y, "m²/m³", 0.25),
        "none": number(None if x == 1 else x),
        "constant": number(1.0, "S/m"),
        "ionic_tortuosity_factor.pore.z": number(3 - 0.1 * x, "1", 0.12),
    }
    labels = np.zeros((6, 4 + recipe.get("wide", 0)), np.uint16)
    labels[: 1 + int(x)] = 1
    provenance = {
        "phases": {"0": "pore", "1": "NMC"},
        "versions": {"numpy": "2.0" if x < 3 else "2.1"},
        "warnings": [f"only {x} voxels"],
        "device": "cpu",
    }
    return Outcome(values, arrays={"slice": labels}, provenance=provenance)


@task(version=1)
def hostile(recipe):
    """Names, units, phases and warnings that are HTML."""
    values = {HOSTILE: number(recipe["x"], HOSTILE), "y": number(recipe["x"])}
    provenance = {
        "phases": {"0": HOSTILE},
        "warnings": [HOSTILE],
        "versions": {HOSTILE: HOSTILE},
        HOSTILE: HOSTILE,
    }
    return Outcome(values, arrays={"slice": np.zeros((3, 3), int)}, provenance=provenance)


def asked(study, threshold=1.0):
    """A question with all that an answer may have."""
    table = pd.DataFrame({"x [m]": [1.25, np.nan], "x [m] ±": [0.5, np.nan], "ok": [True, False]})
    return Answer(
        "What was found",
        f"The first paragraph.\n\nThe second, beyond {threshold:g}.",
        {"best_value": number(12.3456, "S/m", 0.25), "lost": number(None)},
        table,
        (figure(PIXEL, "a pixel", "One pixel."),),
        ("few cases",),
    )


def hostile_answer(study):
    """HTML wherever a text may be."""
    table = pd.DataFrame({HOSTILE: [HOSTILE]}, index=pd.Index([HOSTILE], name=HOSTILE))
    picture = figure(PIXEL, HOSTILE, HOSTILE)
    return Answer(HOSTILE, HOSTILE, {HOSTILE: number(1.0, HOSTILE)}, table, (picture,), (HOSTILE,))


def refused(study):
    """A question that the results do not answer."""
    raise InvalidInputError("2 cases are too few: compute 20")


def broken(study):
    """A question with a mistake in it."""
    raise KeyError("no such column")
