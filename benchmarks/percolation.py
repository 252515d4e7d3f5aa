"""At which volume fraction spheres of active material percolate, on voxels of 0.2 µm.

    python benchmarks/percolation.py

Bielefeld et al. 2019 place spheres of one size that do not overlap at random in 140 × 80 × 80 µm
and label clusters of voxels. Nothing but spheres conducts, so the electrolyte between them does
not matter, and only two ratios do: voxels per diameter, and diameters per edge of the box. Here the
voxels are theirs, and the box has a fixed number of diameters; a larger one tells what that does.

How spheres come to lie without overlap matters more than either. "Pushed" are those of
``generate_electrode``: pushed apart from random places until they no longer overlap, which leaves
many in touch. "Shaken" are the same after random moves that keep them apart: a fluid of hard
spheres, in which those that touched come apart.
"""

import json
import time
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

import solvers
from microstructures import Particles, Volume
from microstructures.generate import exact_fraction, level_set
from twin.manufacturing import Population, generate_electrode

RESULT = Path(__file__).parent / "results" / "percolation.json"
VOXEL = 0.2e-6
SMALL = (28 / 3, 16 / 3, 16 / 3)  # box in diameters: that of the source at 15 µm
LARGE = (14.0, 8.0, 8.0)  # that of the source at 10 µm
CASES = (  # how placed, diameter, box in diameters, packings, where to begin
    ("pushed", 3e-6, SMALL, 40, 0.37),
    ("pushed", 5e-6, SMALL, 40, 0.40),
    ("pushed", 10e-6, SMALL, 24, 0.43),
    ("shaken", 3e-6, SMALL, 40, 0.45),
    ("shaken", 5e-6, SMALL, 40, 0.48),
    ("shaken", 10e-6, SMALL, 24, 0.50),
    ("shaken", 3e-6, LARGE, 24, 0.45),
    ("shaken", 5e-6, LARGE, 16, 0.48),
)
STEP = 0.01  # of the volume
SWEEPS, REACH = 100, 0.1  # random moves of each sphere, up to so many diameters along each axis
OVERLAP = 2e-3  # of a radius, that pushing leaves
PUBLISHED = {
    "slope": 7.83,  # vol% per ln(d/µm)
    "at_1_um": 36.67,
    "source": "Bielefeld et al. 2019, doi:10.1021/acs.jpcc.8b11043",
    "verified": False,
}


def main():
    rows = [threshold(*case) for case in CASES]
    record = {"published": PUBLISHED, "voxel": VOXEL, "step": STEP, "rows": rows}
    record["slopes"] = {how: slope(rows, how) for how in ("pushed", "shaken")}
    RESULT.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def published(diameter):
    """Threshold of the source as a volume fraction, at a diameter in m."""
    return (PUBLISHED["slope"] * np.log(diameter * 1e6) + PUBLISHED["at_1_um"]) / 100


def threshold(how, diameter, box, packings, begin):
    """Fraction at which half of the packings percolate.

    Up and down: a packing is a step sparser than the last if that percolated, and else denser, so
    that all of them lie where they tell most.
    """
    started = time.perf_counter()
    shape = tuple(round(edge * diameter / VOXEL) for edge in box)
    fraction, trials = begin, []
    for seed in range(packings):
        volume = {"pushed": pushed, "shaken": shaken}[how](shape, diameter, fraction, seed)
        spans = solvers.connectivity(volume, "AM", 0).percolates
        trials.append((fraction, spans))
        fraction = round(fraction - STEP if spans else fraction + STEP, 4)
    middle, error, width = logistic(*np.array(trials, float).T)
    return {
        "placed": how,
        "diameter": diameter,
        "shape": shape,
        "diameters": box,
        "packings": packings,
        "threshold": middle,
        "error": error,
        "width": width,
        "published": float(published(diameter)),
        "trials": [[p, bool(spans)] for p, spans in trials],
        "seconds": time.perf_counter() - started,
    }


def pushed(shape, diameter, fraction, seed):
    """Spheres pushed apart from random places."""
    return generate_electrode(shape, VOXEL, {"AM": Population(fraction, diameter / 2)}, rng=seed)[0]


def shaken(shape, diameter, fraction, seed):
    """The same spheres after random moves of each in turn, none of which makes two overlap."""
    rng, box = np.random.default_rng(seed), np.array(shape) * VOXEL
    count = round(fraction * np.prod(box) / (np.pi / 6 * diameter**3))
    radius = (fraction * np.prod(box) / count * 3 / (4 * np.pi)) ** (1 / 3)
    loose = Particles.spheres(rng.random((count, 3)) * box, radius, box=box)
    centres = solvers.relax(loose, tolerance=OVERLAP).particles.centres.copy()
    least = (2 * radius - OVERLAP * radius) ** 2
    for _ in range(SWEEPS):
        moves = rng.uniform(-REACH, REACH, (count, 3)) * diameter
        for i, move in enumerate(moves):
            there = centres[i] + move
            apart = centres - there
            apart -= box * np.round(apart / box)
            squares = np.einsum("ij,ij->i", apart, apart)
            squares[i] = np.inf
            if squares.min() >= least:
                centres[i] = there
    particles = Particles.spheres(centres, radius, box=box).wrapped()
    distance = level_set(particles, VOXEL, shape, reach=3 * VOXEL).distance
    return Volume(exact_fraction(distance, fraction).astype(np.uint8), VOXEL, {0: "pore", 1: "AM"})


def logistic(fractions, spans):
    """Middle of 1 / (1 + exp(-(p - middle) / width)) of most likelihood, its error, and the width.

    The width, poorly known from few packings, is held to 0.2 to 5 steps.
    """

    def surprise(parameters):
        x = (fractions - parameters[0]) / parameters[1]
        return np.sum(np.logaddexp(0.0, np.where(spans > 0, -x, x)))

    bounds = [(fractions.min(), fractions.max()), (0.2 * STEP, 5 * STEP)]
    best = minimize(surprise, [fractions.mean(), STEP], bounds=bounds, method="Nelder-Mead").x
    p = 1 / (1 + np.exp(-(fractions - best[0]) / best[1]))
    error = best[1] / np.sqrt(np.sum(p * (1 - p)))
    return float(best[0]), float(error), float(best[1])


def slope(rows, how):
    """Rise of the threshold in vol% per ln(d), in boxes that hold as many diameters."""
    alike = [r for r in rows if r["placed"] == how and tuple(r["diameters"]) == SMALL]
    sizes, found = (np.array([r[key] for r in alike]) for key in ("diameter", "threshold"))
    return float(100 * np.polyfit(np.log(sizes), found, 1)[0])


if __name__ == "__main__":
    main()
