"""Tortuosity factor of the pores of random close packings, extrapolated to endless resolution.

    python benchmarks/packings.py

Equal spheres at a solid fraction of 0.615 in a periodic cube, on voxels at three resolutions. The
staircase costs first order in the voxel edge from some 32 voxels a diameter on, so that a straight
line through the three goes to the limit at an edge of zero; a simple cubic lattice, whose cell is
small enough for far finer voxels, tells how well. Experiment: 1 mm balls at the same porosity.
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
SPHERES, SEEDS = 250, range(5)
RESOLUTIONS, FINE = (32, 48, 64), (96, 128)  # voxels per diameter, nearly: a cube has whole ones
SIZES, COARSE = (125, 250, 500, 1000), 20  # how much the finite cube matters
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
        "lattice": lattice(),
        "sizes": [of_size(count) for count in SIZES],
    }
    record["endless"] = record["limit"] * endless(record["sizes"])
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
    voxels = 2 * round(wanted * edge / (4 * RADIUS))
    started = time.perf_counter()
    values = along_axes(on_voxels(particles, voxels))
    return {
        "voxels": voxels,
        "per_diameter": voxels * 2 * RADIUS / edge,
        "along_axes": values,
        "tortuosity_factor": float(np.mean(values)),
        "seconds": time.perf_counter() - started,
    }


def on_voxels(particles, voxels, solid=SOLID):
    """A cube of so many voxels, with the solid fraction exact to a voxel."""
    spacing = particles.box[0] / voxels
    distance = level_set(particles, spacing, reach=3 * spacing).distance
    labels = exact_fraction(distance, solid).astype(np.uint8)
    return Volume(labels, spacing, {0: "pore", 1: "solid"})


def along_axes(volume, axes=range(3)):
    return [
        solvers.tortuosity_factor(volume, "pore", axis, tolerance=TOLERANCE).value for axis in axes
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


def lattice():
    """The limit of a simple cubic lattice of touching spheres, and that of far finer voxels."""
    edge = 2 * RADIUS
    cell = Particles.spheres([[RADIUS] * 3], RADIUS, box=(edge,) * 3)

    def limit_of(resolutions):
        volumes = (on_voxels(cell, voxels, np.pi / 6) for voxels in resolutions)
        return limit(1 / np.array(resolutions), [along_axes(v, [0])[0] for v in volumes])

    return {"limit": limit_of(RESOLUTIONS), "fine": limit_of(FINE)}


def of_size(count):
    """Packings of fewer or more spheres at one resolution: mean, and its standard error."""
    values = []
    for seed in SEEDS:
        particles = packed(count, seed).particles
        values.append(at_resolution(particles, COARSE)["tortuosity_factor"])
    error = np.std(values, ddof=1) / len(values) ** 0.5
    return {
        "spheres": count,
        "per_diameter": COARSE,
        "mean": float(np.mean(values)),
        "error": float(error),
    }


def endless(rows):
    """Tortuosity factor of a cube without end over that of one of SPHERES spheres.

    What faces do falls with the edge of the cube: a straight line in one over it.
    """
    counts, means, errors = (
        np.array([r[key] for r in rows]) for key in ("spheres", "mean", "error")
    )
    line = np.polyfit(counts ** (-1 / 3), means, 1, w=1 / errors)
    return float(line[1] / np.polyval(line, SPHERES ** (-1 / 3)))


if __name__ == "__main__":
    main()
