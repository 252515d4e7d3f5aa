"""Calendering series of NMC cathodes, to be compared with published ones, and how long they take.

    python benchmarks/calendering.py          # all series, about 25 minutes on two cores
    python benchmarks/calendering.py nmc622   # one of: nrel, copy, nmc622, nmc111, compaction
    python benchmarks/calendering.py speed    # the timing alone; large is the same at 256³

The figures go to results/calendering.json. ``calendering_rows.py`` holds the published values and
compares, ``pages.py`` writes the page, ``calendering_pictures.py`` draws.
"""

import json
import math
import sys
import time
from pathlib import Path

import data
import numpy as np
from calendering_rows import compared
from mechanics import machine
from scipy.optimize import brentq

import microstructures
import solvers
import twin
from microstructures import generate
from twin.manufacturing import (
    Exponential,
    Population,
    Stress,
    fit,
    generate_electrode,
    place_binder,
)

RESULT = Path(__file__).parent / "results" / "calendering.json"
PHASES = {0: "pore", 1: "NMC", 2: "CBD"}
SPACING = 4e-7
TOLERANCE = 1e-3  # of conductivities: far below what one sample misses another by
CUBE = 128
SEEDS = (0, 1)

# the real calendered cathode, pressed further
NREL_SPACING = 398e-9
NREL_POROSITIES = (0.35, 0.30, 0.25, 0.20)
BARE_POROSITIES = (0.40, 0.30, 0.20)  # without its binder it has 50 %

# an electrode of the particles of the real one, pressed from 50 % to what the real one has
LOOSE, REAL = 0.5, {"pore": 0.4005, "NMC": 0.4995, "CBD": 0.1}
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)  # of the particles' volume, where sizes are read off

# NMC622, 96:2:2 by weight, as digested: 14 and 3 µm in diameter, 8:2, fractions at 2.3 g/cm³
NMC622 = {"NMC": 0.458, "CBD": 0.051, "density": 2.3, "sigma": 0.9}
NMC622_DENSITIES = (2.7, 3.0, 3.3, 3.6, 4.0)
SIGMA_NMC = (0.01, 0.0, 0.1)  # S/m: that of the library, and two for the doubt about it

# NMC111, 96:2:2, as digested; fractions from 2.4 g/cm³ with 4.75, and 0.95 for the porous binder
NMC111 = {"NMC": 0.485, "CBD": 0.101, "nanoporosity": 0.47, "binder diffusivity": 0.328}
NMC111_DIAMETERS = {0.1: 4.5e-6, 0.5: 8.28e-6, 0.9: 10.35e-6}  # of the volume
NMC111_POROSITIES = (0.315, 0.272)

# NMC111, 90:2:4:4: stress in Pa and porosity; the first two and the last calibrate
STRESSES = (0.0, 19.82e6, 42.71e6, 79.13e6, 159.37e6)
POROSITIES = (0.522, 0.416, 0.372, 0.295, 0.217)
DENSITIES = (2.13, 2.61, 2.80, 3.15, 3.49)
CALIBRATES = [0, 1, 4]


def measured(volume, report=None, axes=(0,)):
    """Transport, areas and contacts of a volume, pressed or not."""
    areas = solvers.interface_areas(volume)
    bare = volume.relabelled({"CBD": "pore"}, PHASES) if volume.voxels("CBD") else volume
    state = {
        "porosity": volume.fraction("pore"),
        "fractions": volume.fractions(),
        "tortuosity": [pores(volume, axis) for axis in axes],
        "skeleton_porosity": bare.fraction("pore"),
        "skeleton_tortuosity": [pores(bare, axis) for axis in axes],
        "area_per_nmc": float(solvers.specific_surface_areas(bare)["NMC"].value)
        / volume.fraction("NMC"),
        "areas": {
            f"{a}-{b}": float(areas[a, b].value)
            for a, b in (("pore", "NMC"), ("pore", "CBD"), ("NMC", "CBD"))
        },
        "coordination": contacts(volume),
    }
    if report:
        state |= {
            "flattened": report.moved["flattened_fraction"],
            "coordination_before": report.figures["coordination_before"],
            "coordination_tracked": report.figures["coordination_after"],
            "particles": report.figures["particles"],
        }
    return state


def pores(volume, axis=0):
    return float(solvers.tortuosity_factor(volume, "pore", axis, tolerance=TOLERANCE).value)


def contacts(volume):
    from solvers.instances import coordination

    return float(coordination(solvers.particle_instances(volume, "NMC")).mean())


def conductivity(volume, values, axis=0):
    return float(solvers.effective_conductivity(volume, values, axis, tolerance=TOLERANCE).value)


def pressed(volume, porosity, sides="walls"):
    started = time.perf_counter()
    after, report = twin.calender(volume, porosity=porosity, sides=sides)
    return after, report, time.perf_counter() - started


def real():
    return microstructures.read(data.folder() / data.NREL, spacing=NREL_SPACING, phases=PHASES)


def cube():
    whole = real()
    return whole.cropped(*[((n - CUBE) // 2, (n + CUBE) // 2) for n in whole.shape])


def nrel():
    """A cube out of the middle of the real cathode, pressed further with and without binder."""
    volume = cube()
    return {
        "states": pressed_series(volume, NREL_POROSITIES),
        "bare": pressed_series(volume.relabelled({"CBD": "pore"}, PHASES), BARE_POROSITIES),
    }


def pressed_series(volume, porosities):
    states = [measured(volume)]
    for porosity in porosities:
        after, report, seconds = pressed(volume, porosity)
        states.append(measured(after, report) | {"seconds": seconds})
    return states


def copy():
    """Particles like the real ones at random places, pressed to where the real cathode is."""
    whole = real()
    bodies = particles_of(whole)
    share = (1 - LOOSE) / (1 - REAL["pore"])
    samples = []
    for seed in SEEDS:
        nmc = Population(share * REAL["NMC"], bodies["sizes"], tuple(bodies["aspect"]))
        bare, _ = generate_electrode((CUBE,) * 3, NREL_SPACING, {"NMC": nmc}, rng=seed)
        loose, _ = place_binder(
            bare,
            fraction=share * REAL["CBD"],
            placement="bridges",
            boundary="periodic",
            rng=seed,
        )
        after, report, seconds = pressed(loose, REAL["pore"], "periodic")
        samples.append(
            {
                "before": measured(loose, axes=(0, 1, 2)),
                "after": measured(after, report, axes=(0, 1, 2)) | {"seconds": seconds},
            }
        )
    size = after.shape
    crops = [
        measured(whole.cropped(*[(i * n, (i + 1) * n) for i, n in zip(at, size, strict=True)]),
                 axes=(0, 1, 2))
        for at in np.ndindex(2, 2, 2)
    ]  # fmt: skip
    shape = {"aspect": bodies["aspect"], "radii": bodies["radii"], "particles": bodies["count"]}
    return {"bodies": shape, "samples": samples, "real": crops, "size": size}


def particles_of(volume):
    """Sizes and mean axis ratios of the particles that no face of the volume cuts."""
    labels = solvers.particle_instances(volume, "NMC")
    cut = np.unique(np.concatenate([np.take(labels, (0, -1), axis).ravel() for axis in range(3)]))
    where = np.flatnonzero(labels)
    owner = labels.ravel()[where]
    points = np.stack(np.unravel_index(where, labels.shape)).astype(float)
    count = np.bincount(owner)
    safe = np.maximum(count, 1)
    mean = [np.bincount(owner, p) / safe for p in points]
    moments = np.empty((len(count), 3, 3))
    for i in range(3):
        for j in range(3):
            moments[:, i, j] = np.bincount(owner, points[i] * points[j]) / safe - mean[i] * mean[j]
    inner = np.setdiff1d(np.arange(1, len(count)), cut)
    inner = inner[count[inner] > 100]  # voxels; less is no shape
    axes = np.sqrt(np.linalg.eigvalsh(moments[inner]))
    weights = count[inner] / count[inner].sum()
    aspect = weights @ (axes / np.cbrt(axes.prod(axis=1))[:, None])
    radii = np.cbrt(count[inner] * volume.voxel_volume * 3 / (4 * np.pi))
    order = np.argsort(radii)
    ranks = np.cumsum(weights[order]) - weights[order] / 2
    table = dict(zip(SHARES, np.interp(SHARES, ranks, radii[order]).tolist(), strict=True))
    sizes = generate.quantile_sizes(table, by="volume")
    return {"sizes": sizes, "radii": table, "aspect": aspect.tolist(), "count": len(inner)}


def nmc622():
    """Two sizes of NMC622 from 2.3 to 4.0 g/cm³; the binder's conductivity from 2.3 alone."""
    sizes = generate.bimodal_sizes(generate.equal_sizes(7e-6), generate.equal_sizes(1.5e-6), 0.8)
    samples = []
    for seed in SEEDS:
        loose, _ = generate_electrode(
            (CUBE,) * 3, SPACING, {"NMC": Population(NMC622["NMC"], sizes)},
            binder=NMC622["CBD"], rng=seed,
        )  # fmt: skip
        binders = [binder_conductivity(loose, sigma) for sigma in SIGMA_NMC]
        states = [with_currents(loose, measured(loose), binders) | {"density": 2.3}]
        for density in NMC622_DENSITIES:
            porosity = 1 - (1 - loose.fraction("pore")) * density / NMC622["density"]
            after, report, seconds = pressed(loose, porosity, "periodic")
            found = with_currents(after, measured(after, report), binders)
            states.append(found | {"density": density, "seconds": seconds})
        samples.append({"states": states, "binder_conductivity": binders})
    return {"samples": samples, "sigma_nmc": SIGMA_NMC}


def binder_conductivity(volume, sigma_nmc):
    """That with which the uncalendered electrode conducts as published."""

    def missed(log_sigma):
        values = {"pore": 0.0, "NMC": sigma_nmc, "CBD": 10**log_sigma}
        return math.log(conductivity(volume, values) / NMC622["sigma"])

    if sigma_nmc == 0.0:  # proportional
        return NMC622["sigma"] / conductivity(volume, {"pore": 0.0, "NMC": 0.0, "CBD": 1.0})
    return 10 ** brentq(missed, 0.5, 4.0, xtol=1e-3)


def with_currents(volume, state, binders):
    return state | {
        "sigma": [
            conductivity(volume, {"pore": 0.0, "NMC": sigma, "CBD": binder})
            for sigma, binder in zip(SIGMA_NMC, binders, strict=True)
        ]
    }


def nmc111():
    """NMC111 with a nanoporous binder, at the three porosities of the published series."""
    radii = {share: d / 2 for share, d in NMC111_DIAMETERS.items()}
    samples = []
    for seed in SEEDS:
        nmc = Population(NMC111["NMC"], generate.quantile_sizes(radii, by="volume"))
        loose, _ = generate_electrode(
            (CUBE,) * 3, SPACING, {"NMC": nmc},
            binder=NMC111["CBD"], nanoporosity=NMC111["nanoporosity"], rng=seed,
        )  # fmt: skip
        states = [with_ions(loose, measured(loose))]
        for porosity in NMC111_POROSITIES:
            after, report, seconds = pressed(loose, porosity, "periodic")
            states.append(with_ions(after, measured(after, report)) | {"seconds": seconds})
        samples.append({"states": states})
    return {"samples": samples}


def with_ions(volume, state):
    """Tortuosity factor of pores and nanopores, with all of them as the porosity, and without."""
    through = conductivity(volume, {"pore": 1.0, "NMC": 0.0, "CBD": NMC111["binder diffusivity"]})
    total = volume.fraction("pore") + NMC111["nanoporosity"] * volume.fraction("CBD")
    return state | {
        "total_porosity": total,
        "ionic_tortuosity": total / through,
        "ionic_tortuosity_of_labelled": volume.fraction("pore") / through,
    }


def compaction():
    """The exponential law through some points of one electrode, and what it says of the others."""
    chosen = [np.array(values)[CALIBRATES] for values in (STRESSES, POROSITIES)]
    found = fit(
        Exponential, Stress(chosen[0]), chosen[1], fixed={"initial_porosity": POROSITIES[0]}
    )
    return {
        "stresses": STRESSES,
        "porosities": POROSITIES,
        "densities": DENSITIES,
        "calibrates": CALIBRATES,
        "fit": found.to_dict(),
        "predicted": found.law.porosity(Stress(np.array(STRESSES))).tolist(),
        "by_density": twin.manufacturing.porosity_at_density(
            POROSITIES[0], DENSITIES[0], DENSITIES
        ).tolist(),
    }


def timed(voxels):
    """One electrode of some hundred particles, pressed from 50 % to 25 % porosity."""
    nmc = Population(0.42, 3e-6)
    loose, _ = generate_electrode((voxels,) * 3, SPACING, {"NMC": nmc}, binder=0.08)
    small = loose.cropped(*[(0, 32)] * 3)
    twin.calender(small, porosity=0.95 * small.fraction("pore"))  # compiles
    after, report, seconds = pressed(loose, 0.25)
    return {
        "voxels": voxels,
        "seconds": seconds,
        "particles": report.figures["particles"],
        "before": loose.fraction("pore"),
        "after": after.fraction("pore"),
        "largest_loss": report.largest_loss,
        "flattened": report.moved["flattened_fraction"],
    }


def speed():
    return timed(CUBE)


def large():
    return timed(2 * CUBE)


SERIES = {f.__name__: f for f in (compaction, nrel, nmc622, nmc111, copy)}
PARTS = SERIES | {"speed": speed, "large": large}


def main(parts):
    """Record the parts asked for, or all but the largest."""
    record = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    for part in parts or [*SERIES, "speed"]:
        record[part] = PARTS[part]()
        record |= {"machine": machine(), "rows": compared(record)}
        RESULT.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
