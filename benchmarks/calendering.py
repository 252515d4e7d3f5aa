"""Calendering series of NMC cathodes, to be compared with published ones, and how long they take.

    python benchmarks/calendering.py          # all series, about 25 minutes on two cores
    python benchmarks/calendering.py nmc622   # or another function of SERIES
    python benchmarks/calendering.py speed    # the timing; large at 256³; rows compares anew

``calendering_rows.py`` holds the published values and compares, ``pages.py`` writes the page.
"""

import json
import math
import sys
import time
import warnings
from pathlib import Path

import data
import numpy as np
from calendering_rows import compared
from machine import machine
from scipy.optimize import brentq

import microstructures
import solvers
import twin
from microstructures import generate
from twin.manufacturing import (
    CompactionWarning,
    Exponential,
    Population,
    Stress,
    fit,
    generate_electrode,
    place_binder,
    repack,
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
SHARE = (1 - LOOSE) / (1 - REAL["pore"])  # of the solid before, over that after
OUTGROWTH = (0.0, 0.3)  # where the share of the binder beyond the narrowest places is looked for

# NMC622, 96:2:2 by weight, as digested: 14 and 3 µm in diameter, 8:2, fractions at 2.3 g/cm³
NMC622 = {"NMC": 0.458, "CBD": 0.051, "density": 2.3, "sigma": 0.9}
NMC622_CUBE = 128
NMC622_DENSITIES = (2.7, 3.0, 3.3, 3.6, 4.0)
RESOLUTIONS, RESOLVED_EDGE = (64, 96, 128), 30.72e-6  # voxels along a cube of that many m
SIGMA_BINDER = (760.0, 250.0, 76.0)  # S/m: that of the library, and two for the doubt about it

# NMC111, 96:2:2, as digested; fractions from 2.4 g/cm³ with 4.75, and 0.95 for the porous binder
NMC111 = {"NMC": 0.485, "CBD": 0.099, "nanoporosity": 0.47, "binder diffusivity": 0.328}
NMC111_DIAMETERS = {0.1: 4.5e-6, 0.5: 8.28e-6, 0.9: 10.35e-6}  # guessed from its six classes
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


def pressed(volume, porosity, sides="walls", ends="periodic"):
    """All volumes here are pieces of thicker layers, so that lid and floor cut nothing off."""
    started = time.perf_counter()
    after, report = twin.calender(volume, porosity=porosity, sides=sides, ends=ends)
    seconds = time.perf_counter() - started
    print(f"pressed {volume.fraction('pore'):.3f} to {porosity:.3f} in {seconds:.0f} s", flush=True)
    return after, report, seconds


def bridged(volume, fraction, seed):
    """With binder in the narrowest places, where it conducts; films of one voxel do not connect."""
    return place_binder(
        volume, fraction=fraction, placement="bridges", boundary="periodic", rng=seed
    )[0]


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
    """The particles of the real cathode at random places, pressed to where the real cathode is."""
    whole = real()
    share = outgrowth()
    samples = []
    for seed in SEEDS:
        bare, repacking = repack(
            whole.cropped((20, 230), (45, 255), (45, 255)),
            shape=(CUBE,) * 3,
            fraction=SHARE * REAL["NMC"],
            rng=seed,
        )
        loose = grown(bare, SHARE * REAL["CBD"], share["share"], "periodic", seed)
        after, report, seconds = pressed(loose, REAL["pore"], "periodic")
        before, after = (measured(volume, axes=(0, 1, 2)) for volume in (loose, after))
        turn = report.moved["mean_turn_degrees"]
        bodies = repacking.figures["whole_particles"]
        samples.append({"before": before, "after": after | {"seconds": seconds, "turn": turn}})
    size = (107, CUBE, CUBE)
    crops = [
        measured(
            whole.cropped(*[(i * n, (i + 1) * n) for i, n in zip(at, size, strict=True)]),
            axes=(0, 1, 2),
        )
        for at in np.ndindex(2, 2, 2)
    ]
    return {"bodies": bodies, "size": size, "outgrowth": share, "samples": samples, "real": crops}


def grown(volume, fraction, share, boundary, seed):
    """Binder in the narrowest places, and a share of it that grows on from there."""
    narrow, _ = place_binder(
        volume, fraction=(1 - share) * fraction, placement="bridges", boundary=boundary, rng=seed
    )
    return place_binder(narrow, fraction=fraction, boundary=boundary, rng=seed)[0]


def outgrowth():
    """That share with which binder on the NMC of the real cathode meets the pores as there."""
    volume = cube()
    bare = volume.relabelled({"CBD": "pore"}, PHASES)
    wanted = measured(volume)

    def areas(share):
        return measured(grown(bare, volume.fraction("CBD"), share, "mirrored", 0))

    share = brentq(
        lambda x: areas(x)["areas"]["pore-CBD"] / wanted["areas"]["pore-CBD"] - 1,
        *OUTGROWTH,
        xtol=2e-3,
    )
    return {"share": share, "ours": areas(share), "real": wanted}


def nmc622_sizes():
    return generate.bimodal_sizes(generate.equal_sizes(7e-6), generate.equal_sizes(1.5e-6), 0.8)


def nmc622():
    """Two sizes of NMC622 from 2.3 to 4.0 g/cm³; the conductivity of NMC from 2.3 alone."""
    samples = []
    for seed in SEEDS:
        nmc = Population(NMC622["NMC"], nmc622_sizes())
        bare, _ = generate_electrode((NMC622_CUBE,) * 3, SPACING, {"NMC": nmc}, rng=seed)
        loose = bridged(bare, NMC622["CBD"], seed)
        bulk = [nmc_conductivity(loose, binder) for binder in SIGMA_BINDER]
        states = [measured(loose) | {"density": NMC622["density"], "sigma": currents(loose, bulk)}]
        for density in NMC622_DENSITIES:
            porosity = 1 - (1 - loose.fraction("pore")) * density / NMC622["density"]
            after, report, seconds = pressed(loose, porosity, "periodic")
            found = measured(after, report) | {"sigma": currents(after, bulk)}
            states.append(found | {"density": density, "seconds": seconds})
        samples.append({"states": states, "nmc_conductivity": bulk})
    return {"samples": samples, "binder_conductivity": SIGMA_BINDER}


def resolution():
    """The same particles on voxels of several sizes, pressed to 3.6 g/cm³: what a voxel costs."""
    rows = []
    for voxels in RESOLUTIONS:
        nmc = Population(NMC622["NMC"], nmc622_sizes())
        spacing = RESOLVED_EDGE / voxels
        bare, _ = generate_electrode((voxels,) * 3, spacing, {"NMC": nmc}, rng=0)
        loose = bridged(bare, NMC622["CBD"], 0)
        bulk = [nmc_conductivity(loose, SIGMA_BINDER[0])]
        porosity = 1 - (1 - loose.fraction("pore")) * 3.6 / NMC622["density"]
        after, report, _ = pressed(loose, porosity, "periodic")
        rows.append(
            {
                "spacing": spacing,
                "before": measured(loose) | {"sigma": currents(loose, bulk)},
                "after": measured(after, report) | {"sigma": currents(after, bulk)},
            }
        )
    return rows


def packing():
    """Particles pressed to a porosity, and packed at once at the same: what do lid and floor do?"""
    edge, spacing = CUBE, SPACING
    loose, dense = (
        generate_electrode(
            (edge,) * 3, spacing, {"NMC": Population(fraction, nmc622_sizes())}, rng=0
        )[0]
        for fraction in (NMC622["NMC"], 0.717)
    )
    plates, piece = (
        pressed(loose, dense.fraction("pore"), "periodic", ends)[0]
        for ends in ("plates", "periodic")
    )
    taken = {"between plates": plates, "piece of a layer": piece, "packed": dense}
    return {
        name: {
            "porosity": v.fraction("pore"),
            "tau": [pores(v, axis) for axis in range(3)],
            "profile": v.profile("pore").tolist(),
        }
        for name, v in taken.items()
    }


def nmc_conductivity(volume, binder):
    """That with which the uncalendered electrode conducts as published, in S/m."""

    def missed(log_sigma):
        values = {"pore": 0.0, "NMC": 10**log_sigma, "CBD": binder}
        return math.log(conductivity(volume, values) / NMC622["sigma"])

    return 10 ** brentq(missed, -3.0, 1.0, xtol=5e-3)


def currents(volume, bulk):
    return [
        conductivity(volume, {"pore": 0.0, "NMC": sigma, "CBD": binder})
        for sigma, binder in zip(bulk, SIGMA_BINDER, strict=False)
    ]


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
        "left_out": [left_out(index) for index in range(1, len(STRESSES))],
        "by_density": twin.manufacturing.porosity_at_density(
            POROSITIES[0], DENSITIES[0], DENSITIES
        ).tolist(),
    }


def left_out(index):
    """Porosity at one stress from a fit to all the other points, ε₀ held."""
    others = [i for i in range(len(STRESSES)) if i != index]
    loads, porosities = (np.array(values)[others] for values in (STRESSES, POROSITIES))
    found = fit(Exponential, Stress(loads), porosities, fixed={"initial_porosity": POROSITIES[0]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CompactionWarning)  # the last point lies outside the rest
        return float(found.law.porosity(Stress(STRESSES[index])))


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


SERIES = {f.__name__: f for f in (compaction, nrel, nmc622, resolution, packing, nmc111, copy)}
PARTS = SERIES | {"speed": speed, "large": large}


def main(parts):
    """Record the parts asked for, or all but the largest."""
    record = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    for part in parts or [*SERIES, "speed"]:
        if part != "rows":
            record |= {part: PARTS[part](), "machine": machine()}
        record["rows"] = compared(record)
        RESULT.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
