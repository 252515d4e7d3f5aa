"""At which volume fraction spheres of active material percolate, on voxels of 0.2 µm.

    python benchmarks/percolation.py

Bielefeld et al. 2019 place spheres of one size that do not overlap at random in 140 × 80 × 80 µm
and label clusters of voxels. Nothing but spheres conducts, so the electrolyte between them does
not matter, and only two ratios do: voxels per diameter, and diameters per edge of the box. Here the
voxels are theirs, and the box has a fixed number of diameters; a larger one tells what that does.
"""

import json
import time
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

import solvers
from twin.manufacturing import Population, generate_electrode

RESULT = Path(__file__).parent / "results" / "percolation.json"
VOXEL = 0.2e-6
SMALL = (28 / 3, 16 / 3, 16 / 3)  # box in diameters: that of the source at 15 µm
LARGE = (14.0, 8.0, 8.0)  # that of the source at 10 µm
CASES = (  # diameter, box in diameters, packings
    (3e-6, SMALL, 40),
    (5e-6, SMALL, 40),
    (8e-6, SMALL, 24),
    (3e-6, LARGE, 40),
    (5e-6, LARGE, 16),
)
STEP = 0.01  # of the volume
PUBLISHED = {
    "slope": 7.83,  # vol% per ln(d/µm)
    "at_1_um": 36.67,
    "source": "Bielefeld et al. 2019, doi:10.1021/acs.jpcc.8b11043",
    "verified": False,
}


def main():
    rows = [threshold(*case) for case in CASES]
    record = {"published": PUBLISHED, "voxel": VOXEL, "step": STEP, "rows": rows}
    record["slope"] = slope(rows)
    RESULT.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def published(diameter):
    """Threshold of the source as a volume fraction, at a diameter in m."""
    return (PUBLISHED["slope"] * np.log(diameter * 1e6) + PUBLISHED["at_1_um"]) / 100


def threshold(diameter, box, packings):
    """Fraction at which half of the packings percolate.

    Up and down: a packing is a step sparser than the last if that percolated, and else denser, so
    that all of them lie where they tell most.
    """
    started = time.perf_counter()
    shape = tuple(round(edge * diameter / VOXEL) for edge in box)
    fraction, trials = round(float(published(diameter)), 2), []
    for seed in range(packings):
        spans, used = spanning(shape, diameter, fraction, seed)
        trials.append((fraction, spans, used))
        fraction = round(fraction - STEP if spans else fraction + STEP, 4)
    middle, error, width = logistic(*np.array(trials, float)[:, :2].T)
    return {
        "diameter": diameter,
        "shape": shape,
        "diameters": box,
        "packings": packings,
        "threshold": middle,
        "error": error,
        "width": width,
        "connected": float(np.mean([used for _, _, used in trials])),
        "published": float(published(diameter)),
        "trials": [[p, bool(spans)] for p, spans, _ in trials],
        "seconds": time.perf_counter() - started,
    }


def spanning(shape, diameter, fraction, seed):
    """Whether spheres connect the two faces, and the share of them connected to the low one."""
    spheres = {"AM": Population(fraction, diameter / 2)}
    volume, _ = generate_electrode(shape, VOXEL, spheres, rng=seed)
    found = solvers.connectivity(volume, "AM", 0)
    return found.percolates, found.low


def logistic(fractions, spans):
    """Middle of 1 / (1 + exp(-(p - middle) / width)) of most likelihood, its error, and the width.

    The width, poorly known from few packings, is held to 0.2 to 5 steps.
    """

    def surprise(parameters):
        x = (fractions - parameters[0]) / parameters[1]
        return np.sum(np.logaddexp(0.0, np.where(spans > 0, -x, x)))

    bounds = [(0.0, 1.0), (0.2 * STEP, 5 * STEP)]
    best = minimize(surprise, [fractions.mean(), STEP], bounds=bounds, method="Nelder-Mead").x
    p = 1 / (1 + np.exp(-(fractions - best[0]) / best[1]))
    error = best[1] / np.sqrt(np.sum(p * (1 - p)))
    return float(best[0]), float(error), float(best[1])


def slope(rows):
    """Rise of the threshold in vol% per ln(d), of the boxes that hold as many diameters."""
    alike = [r for r in rows if r["diameters"] == SMALL]
    sizes, found = (np.array([r[key] for r in alike]) for key in ("diameter", "threshold"))
    return float(100 * np.polyfit(np.log(sizes), found, 1)[0])


if __name__ == "__main__":
    main()
