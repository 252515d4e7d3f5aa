"""Tortuosity factor of the pores of random close packings, extrapolated to endless resolution.

    python benchmarks/packings.py

Equal spheres at a solid fraction of 0.615 in a periodic cube, on voxels at three resolutions. The
staircase costs first order in the voxel edge, so that a straight line through the three goes to
the limit at an edge of zero. Experiment: 1 mm balls at the same porosity.
"""

import json
import time
from pathlib import Path

import numpy as np
from scipy.optimize import brentq
from scipy.spatial import cKDTree

import solvers
from microstructures import Particles, Volume
from microstructures.generate import exact_fraction, level_set

RESULT = Path(__file__).parent / "results" / "packings.json"
SOLID = 0.615
RADIUS = 0.5e-3  # the balls of the experiment; nothing depends on it
SPHERES, SEEDS = 500, range(5)
RESOLUTIONS = (16, 24, 32)  # voxels per diameter, nearly: the cube holds a multiple of EVEN
EVEN = 8
SIZES, COARSE = (125, 250, 500, 1000), 16  # how much the finite cube matters
TOUCHING = 0.02  # of a radius: gap below which two balls count as touching
TOLERANCE = 1e-4
EXPERIMENT = {
    "tortuosity_factor": 1.56,
    "porosity": 0.385,
    "source": "steel balls of 1 mm, impedance; Landesfeind et al. 2018, doi:10.1149/2.0231803jes",
    "verified": False,
}


def main():
    solvers.tortuosity_factor(on_voxels(packed(20, 0).particles, 16), "pore")  # compiles
    packings = [measured(seed) for seed in SEEDS]
    limits = [packing["limit"] for packing in packings]
    record = {
        "solid_fraction": SOLID,
        "spheres": SPHERES,
        "touching": TOUCHING,
        "experiment": EXPERIMENT,
        "packings": packings,
        "limit": float(np.mean(limits)),
        "scatter": float(np.std(limits, ddof=1)),
        "order": order(*np.mean([series(packing) for packing in packings], axis=0)),
        "sizes": [of_size(count) for count in SIZES],
    }
    RESULT.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")


def measured(seed):
    """One packing at every resolution."""
    found = packed(SPHERES, seed)
    particles = found.particles
    rows = [at_resolution(particles, wanted) for wanted in RESOLUTIONS]
    return {
        "seed": seed,
        "overlap": found.report.overlap,
        "coordination": coordination(particles),
        "packing_seconds": found.report.seconds,
        "resolutions": rows,
        "limit": limit(*series({"resolutions": rows})),
    }


def packed(count, seed):
    """Spheres from random places, moved apart until none overlaps."""
    edge = RADIUS * (count * 4 / 3 * np.pi / SOLID) ** (1 / 3)
    centres = np.random.default_rng(seed).random((count, 3)) * edge
    return solvers.relax(Particles.spheres(centres, RADIUS, box=(edge,) * 3))


def coordination(particles):
    """Mean number of balls that touch a ball."""
    tree = cKDTree(particles.centres, boxsize=particles.box)
    pairs = tree.query_pairs((2 + TOUCHING) * RADIUS, output_type="ndarray")
    return 2 * len(pairs) / len(particles)


def at_resolution(particles, wanted):
    """Tortuosity factors along the three axes, on about ``wanted`` voxels a diameter."""
    edge = particles.box[0]
    voxels = EVEN * round(wanted * edge / (2 * RADIUS) / EVEN)
    started = time.perf_counter()
    values = along_axes(on_voxels(particles, voxels))
    return {
        "voxels": voxels,
        "per_diameter": voxels * 2 * RADIUS / edge,
        "along_axes": values,
        "tortuosity_factor": float(np.mean(values)),
        "seconds": time.perf_counter() - started,
    }


def on_voxels(particles, voxels):
    """A cube of so many voxels, with the solid fraction exact to a voxel."""
    spacing = particles.box[0] / voxels
    distance = level_set(particles, spacing, reach=3 * spacing).distance
    labels = exact_fraction(distance, SOLID).astype(np.uint8)
    return Volume(labels, spacing, {0: "pore", 1: "solid"})


def along_axes(volume):
    return [
        solvers.tortuosity_factor(volume, "pore", axis, tolerance=TOLERANCE).value
        for axis in range(3)
    ]


def series(packing):
    """Voxel edges in diameters, and the tortuosity factors."""
    rows = packing["resolutions"]
    return (
        np.array([1 / row["per_diameter"] for row in rows]),
        np.array([row["tortuosity_factor"] for row in rows]),
    )


def limit(edges, values):
    """Where the straight line through the values meets a voxel edge of zero."""
    return float(np.polyfit(edges, values, 1)[1])


def order(edges, values):
    """Exponent p of a + b h^p through three values."""

    def miss(p):
        a, b, c = edges**p
        return (values[0] - values[1]) * (b - c) - (values[1] - values[2]) * (a - b)

    return float(brentq(miss, 0.2, 4.0))


def of_size(count):
    """Packings of fewer or more spheres at one resolution: mean, and its standard error."""
    values = []
    for seed in SEEDS:
        particles = packed(count, seed).particles
        values.append(at_resolution(particles, COARSE)["tortuosity_factor"])
    error = np.std(values, ddof=1) / len(values) ** 0.5
    return {"spheres": count, "mean": float(np.mean(values)), "error": float(error)}


if __name__ == "__main__":
    main()
