"""Pages of docs/ written from the figures in benchmarks/results: run after every benchmark.

python benchmarks/pages.py
"""

import json
from pathlib import Path

HERE = Path(__file__).resolve().parent
PAGES = HERE.parent / "docs" / "explanation"
TOOLS = {"ours": "Electrode Twin", "taufactor": "TauFactor", "porespy": "PoreSpy"}
CONDITION = {"ours": "faces", "taufactor": "faces", "porespy": "centres"}


def record(name):
    return json.loads((HERE / "results" / f"{name}.json").read_text())


def table(head, rows):
    lines = ["| " + " | ".join(cells) + " |" for cells in (head, *rows)]
    lines.insert(1, "|" + "---|" * len(head))
    return "\n".join(lines)


def peers(figures):
    """The page that compares times, memory and errors with the peers."""
    machine, volume, jobs = figures["machine"], figures["volume"], figures["jobs"]
    shape = " × ".join(map(str, volume["shape"]))
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    ours = jobs["ours"]
    stages = [[name, f"{seconds:.1f}"] for name, seconds in ours["stages"].items()]
    stages.append(["process, with start-up, reading and compiling", f"{ours['wall_seconds']:.1f}"])
    return f"""# Benchmarks

Written by `python benchmarks/pages.py` from `benchmarks/results/peers_nrel.json`; recorded by

    {figures["command"]}

on {machine["threads"]} threads of one machine ({machine["cpu"]}), one tool after the other, each
in a process of its own. Python {machine["python"]}; {versions}.

## Pore transport of the NREL cathode

{shape} voxels, pores only, default settings of every tool. The error is that of the effective
diffusivity, against our solver at a tolerance of 1e-10 with the same boundary
conditions: electrodes on the outer faces of the volume for TauFactor and us, on the centres of the
first and last layer for PoreSpy.

{table(*_transport(jobs))}

CPU time, wall time and memory of the whole processes, with start-up and reading the file:

{table(*_processes(jobs))}

## The main job

All three pore directions, interface areas and triple-phase boundaries, with their uncertainties, in
one process of {ours["peak_bytes"] / 2**30:.2f} GiB at its peak:

{table(["stage", "seconds"], stages)}
"""


def _transport(jobs):
    head = ["tool", "axis", "τ", "D_eff/D0", "error", "iterations", "seconds", "times ours"]
    rows = []
    for job, name in TOOLS.items():
        for own, row in zip(jobs["ours"]["rows"], jobs[job]["rows"], strict=True):
            exact = jobs["reference"][CONDITION[job]][str(row["axis"])]
            error = abs(row["relative_diffusivity"] / exact - 1)
            rows.append(
                [
                    name,
                    str(row["axis"]),
                    f"{row['tortuosity_factor']:.4f}",
                    f"{row['relative_diffusivity']:.6f}",
                    f"{error:.0e}",
                    str(row.get("iterations", "–")),
                    f"{row['seconds']:.1f}",
                    f"{row['seconds'] / own['seconds']:.1f}",
                ]
            )
    return head, rows


def _processes(jobs):
    head = ["tool", "what it did", "CPU seconds", "wall seconds", "peak memory, GiB"]
    done = dict.fromkeys(TOOLS, "pore transport") | {"ours": "the whole main job below"}
    rows = [
        [
            name,
            done[job],
            f"{jobs[job]['cpu_seconds']:.0f}",
            f"{jobs[job]['wall_seconds']:.0f}",
            f"{jobs[job]['peak_bytes'] / 2**30:.2f}",
        ]
        for job, name in TOOLS.items()
    ]
    return head, rows


def mechanics(figures):
    """The page of times, iterations and memory of stress, beside an FFT solver and muGrid."""
    machine = figures["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["versions"].items())
    return f"""# Benchmarks of mechanics

Written by `python benchmarks/pages.py` from `benchmarks/results/mechanics.json`; recorded by

    {figures["command"]}

on {machine["threads"]} threads of one machine ({machine["cpu"]}), one job after another, each in a
process of its own. Python {machine["python"]}; {versions}. Kernels are compiled before the clock
starts.

The volume is made from a smooth random field: half active material (100 GPa), 15 % binder around it
(1 GPa), 35 % true voids; features are some 8 voxels wide. The element is the default, with a
stabilisation of 0.05; the energy is solved to an estimated relative error of 1e-4.

## Six unit strains and one swelling

{table(*_seven_cases(figures["cases"] + figures.get("large", [])))}

Memory is the growth of the process during unit strains, per voxel, with an allocator that returns
blocks once they are free (glibc keeps those below 32 MiB). Iterations are those of
each of the seven cases.
{_fft(figures)}"""


def _fft(figures):
    """The comparison with peers, where it was recorded."""
    if "peers" not in figures:
        return ""
    return f"""
## States of charge and pressure by superposition

A cell in a press at 128³: {_sweep(figures["sweep"])}

## Beside an FFT solver

One unit strain, along axis 0. The peer is `benchmarks/fft_elasticity.py`: conjugate gradients with
the Green operator of a uniform medium, in NumPy and scipy.fft on both threads, with the *same
element* and thus the same discrete solution. Ours solves to a tolerance; the peer's seconds are
those until its energy is as close to that of a solve to 1e-10 as ours is. Ours include making the
operator and the multigrid hierarchy, the peer's its Green operator. muGrid, where it is listed, has
the fully integrated element only, as ours then has, and its wheel runs on one core. FANS and
DAMASK, which solve the same problem, cannot be installed from PyPI and are not compared.

{table(*_beside(figures["peers"] + figures.get("full", [])))}
"""


def _seven_cases(jobs):
    head = ["voxels", "precision", "seconds", "bytes per voxel", "iterations"]
    rows = []
    for job in jobs:
        iterations = ", ".join(str(case["iterations"]) for case in job["cases"])
        size = f"{job['voxels']}³"
        memory = f"{job['bytes_per_voxel']:.0f}"
        rows.append([size, job["precision"], f"{job['seconds']:.0f}", memory, iterations])
    return head, rows


def _sweep(figures):
    return (
        f"its {figures['solves']} unit responses take {figures['solve_seconds']:.0f} s, drawing "
        f"20 000 voxels {figures['sample_seconds']:.1f} s, and then {figures['states']} states of "
        "charge and pressure, with percentiles of the von Mises stress of the active material in "
        f"each, {figures['state_seconds']:.1f} s."
    )


def _beside(blocks):
    head = ["voxels", "tolerance", "true error", "our iterations", "our seconds"]
    head += ["peer", "its iterations", "its seconds", "times ours"]
    rows = []
    for block in blocks:
        for peer in block["peers"]:
            for own, theirs in zip(block["ours"], peer["rows"], strict=True):
                rows.append([f"{block['voxels']}³", *_pair(own, peer["name"], theirs)])
    return head, rows


def _pair(own, name, theirs):
    more = "" if theirs["reached"] else "> "
    return [
        f"{own['tolerance']:.0e}",
        f"{own['error']:.1e}",
        str(own["iterations"]),
        f"{own['seconds']:.1f}",
        name,
        f"{more}{theirs['iterations']}",
        f"{more}{theirs['seconds']:.1f}",
        f"{more}{theirs['seconds'] / own['seconds']:.1f}",
    ]


def _number(value):
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def validation(rows, solves, real):
    """The page that holds published values against ours."""
    head = ["volume", "quantity", "published", "ours", "difference", "allowed", "source"]
    cells = [
        [
            r["volume"],
            r["quantity"],
            f"{r['published']:.10g}",
            f"{r['ours']:.8g}",
            f"{abs(r['ours'] / r['published'] - 1):.0e}",
            f"{r['allowed']:.0e}",
            r["source"],
        ]
        for r in rows
    ]
    return f"""# Validation

Published values of public volumes beside ours. Written by `python benchmarks/pages.py` from
`benchmarks/results/validation.json`, which `python benchmarks/validation.py` records. What is
allowed is the last digit published; for the tortuosity factors of `electrode.tiff`, which were
published at TauFactor's default stopping rule, the error that this rule leaves (measured in
[benchmarks](benchmarks.md)). The same comparisons are tests.

{table(head, cells)}

## Does a solve keep its tolerance?

`python benchmarks/error_estimate.py` solves random structures of two phases (voxels at random and
Gaussian fields, cubic and flat voxels, contrasts from none to 10⁸, tolerances from 10⁻³ to 10⁻⁸)
and compares each with the same solve at 10⁻¹²:

{table(["", ""], [[name, _number(value)] for name, value in solves.items()])}

{_in_cell(real)}
Exact solutions, bounds and invariances are tested too: see [transport](transport.md) and
[interfaces and triple-phase boundaries](interfaces-and-tpb.md). How the generated sample cathode
compares with a real one: [sample cathode](../reference/sample-cathode.md). Packings of spheres
against an experiment and published thresholds of percolation: [spheres](packings.md).
"""


def _in_cell(cells):
    states = cells["states"]
    head = ["labelled porosity", "with nanopores", "N_M", "σ, S/m", "thickness"]
    rates = [run["rate_per_h"] for run in states[0]["discharges"]]
    head = [*head, *(f"mAh/cm² at {rate:g}/h" for rate in rates), "Wh/kg", "Wh/L", "limited by"]
    body = []
    for found in states:
        given, runs = found["structure"], found["discharges"]
        body.append(
            [
                f"{found['labelled_porosity']:.1%}",
                f"{given['porosity']:.1%}",
                f"{given['macmullin']:.2f}",
                f"{given['electronic_conductivity']:.2g}",
                f"{1e6 * given['thickness']:.1f} µm",
                *(f"{0.1 * run['capacity_Ah_m2']:.2f}" for run in runs),
                f"{runs[0]['energy_Wh_kg']:.0f}",
                f"{runs[0]['energy_Wh_L']:.0f}",
                found["limits"]["limiting"],
            ]
        )
    imaged, pressed = (found["advice"] for found in states)
    return f"""## The real cathode in a cell

The whole public volume nmc-1-cal of MATBOX (NREL, 251 × 301 × 301 voxels), as it was imaged and
calendered further to {cells["pressed"]:.0%}, as the positive electrode of a cell of PyBaMM's set
Chen2020: a DFN with the structure of each, with particles of {1e6 * cells["radius"]:g} µm in both,
which is a guess. Nobody published what this very electrode does in such a cell, so that there is
nothing to compare with; what is checked is that the cell is the right one for the structure, by
tests: an independent DFN with the same numbers to 10⁻⁹ V, the porous electrode of Newman and
Tobias at the first moment to 10⁻³, the transmission line in spectra. Recorded by
`python benchmarks/cells.py`; energies are of all layers at the lowest rate.

{table(head, body)}

![Discharge curves of the real cathode at both porosities](../images/real-in-cell.png)

As imaged: {imaged}

Pressed: {pressed}

The real cathode is described and cited in [calendering](calendering-validation.md).
"""


def packings(figures, thresholds):
    """The page of spheres: transport between them when packed, and when they percolate."""
    experiment, limit = figures["experiment"], figures["limit"]
    count, spread = len(figures["packings"]), figures["scatter"]
    coarse = next(r for r in figures["sizes"] if r["spheres"] == figures["spheres"])
    lattice = figures["lattice"]
    published = thresholds["published"]
    return f"""# Spheres: random close packings and percolation

Written by `python benchmarks/pages.py` from `benchmarks/results/packings.json` and
`percolation.json`, which `python benchmarks/packings.py` and `python benchmarks/percolation.py`
record.

## Tortuosity of random close packings

{count} packings of {figures["spheres"]} equal spheres in a periodic cube, at a solid fraction of
{figures["solid_fraction"]}: `solvers.relax` moves them apart from random places until none
overlaps by more than 0.1 % of a radius. `solvers.tortuosity_factor` solves for the pores, along
each of the three axes; the table has the mean of the axes at each resolution, and where a
straight line through it meets a voxel edge of zero. Balls touch where their gap is below
{figures["touching"]:.0%} of a radius.

{table(*_packed(figures))}

| | tortuosity factor of the pores |
|---|---|
| limit, mean of {count} packings | **{limit:.3f}**, standard deviation {spread:.3f} |
| the same of a cube without end, see below | {figures["endless"]:.3f} |
| expected | 1.50 ± 0.04 |
| experiment ({experiment["source"]}; read in a digest, not at the source) | \
{experiment["tortuosity_factor"]} |
| at {coarse["per_diameter"]} voxels a diameter | {coarse["mean"]:.3f}: \
{coarse["mean"] / limit - 1:.0%} too high |

The voxels have an error of first order in their edge: the exponent through the means of the three
resolutions is {figures["order"]:.2f}. It sets in late, since the narrowest pores, beside the
contacts, are always below a voxel. A straight line through coarser voxels falls short: through
16, 24 and 32 voxels a diameter it ended some 0.02 lower. How well the three used here do shows a
simple cubic lattice of touching spheres, whose small cell can have far finer voxels: its limit is
{lattice["limit"]:.3f} by the same three, {lattice["fine"]:.3f} by 96 and 128.

Electrodes cut the packing flat and its sides let nothing through, which a packing without end
does not have. Larger cubes show what that does, at {coarse["per_diameter"]} voxels a diameter:

{table(*_sizes(figures))}

The difference falls with the edge of the cube; a straight line in one over the edge takes some
{1 - figures["endless"] / limit:.1%} off the limit of {figures["spheres"]} spheres, to
{figures["endless"]:.3f}. So the limit of the {count} cubes lies inside of what was expected, but
at its lower end, and that of an endless packing just below it. The experiment is higher still,
and why is not known: its porosity is good to ± 0.005, which is worth no more than ± 0.01.

## When spheres percolate

{published["source"]} (read in a digest, not at the source) place non-overlapping spheres of
active material at random in 140 × 80 × 80 µm, on voxels of 0.2 µm, and give the fraction at which
most of ten arrangements connect both ends as {published["slope"]} ln(d/µm) +
{published["at_1_um"]} vol%. Overlapping polyhedra of electrolyte fill the rest; the spheres are
not moved by them, so that they do not matter here. Assumed, since it is not told: voxels connect
through faces, and the box repeats sideways.

Ours lie in one of two ways, and no two of them overlap in either. *Pushed* are the spheres of
`generate_electrode`, pushed apart from random places, and no further than needed, so that many
are left in touch. *Shaken* are the same after a hundred random moves of each that keep them
apart, as in a fluid of hard spheres, which parts those that touched. `solvers.connectivity`
judges. Each packing is {thresholds["step"]:.0%} of the volume sparser than the last if that one
percolated, and else denser; the threshold is the middle of the logistic curve of most likelihood,
with its standard error. A finite box smears it: "width" is that of the curve.

{table(*_thresholds(thresholds))}

In boxes of {_edges(thresholds["rows"][0])} diameters the threshold rises by
**{thresholds["slopes"]["pushed"]:.1f}** (pushed) and **{thresholds["slopes"]["shaken"]:.1f}**
(shaken) vol% per ln(d), where the source has {published["slope"]}.

The sign is that of the source, the size is half to two thirds of it, and how spheres are placed
shifts the threshold by more than their size does. Shaken ones come closest to the source:
{_gaps(thresholds)} Larger boxes lower the threshold a little, so that the size of the box does
not explain what is left. The spheres of the source were moved one at a time until no overlap was
left; whether they so come to lie yet further apart than ours was not found out.
`generate_electrode` pushes: its volumes are better connected than those of the source, by 12
to 15 vol% of active material.

Why does it rise at all? A shape without a scale cannot know its size: twice the diameter on voxels
of twice the edge is the same volume, digit by digit. All that can depend on d are the voxels per
diameter and the diameters per box. Spheres that do not quite touch are joined by voxels if their
gap is below about one, so that finer voxels need more spheres. The law is thus one of d over the
voxel edge, that of a gap of about 0.2 µm across which current still passes, and not one of NMC.
"""


def _packed(figures):
    rows = figures["packings"]
    wanted = [f"{r['per_diameter']:.0f} voxels" for r in rows[0]["resolutions"]]
    head = ["packing", "touching balls", *wanted, "limit", "seconds"]
    cells = []
    for row in rows:
        values = [f"{r['tortuosity_factor']:.3f}" for r in row["resolutions"]]
        seconds = sum(r["seconds"] for r in row["resolutions"]) + row["packing_seconds"]
        name, touching = str(row["seed"]), f"{row['coordination']:.2f}"
        cells.append([name, touching, *values, f"{row['limit']:.3f}", f"{seconds:.0f}"])
    return head, cells


def _sizes(figures):
    head = ["spheres", "tortuosity factor", "standard error"]
    rows = figures["sizes"]
    return head, [[str(r["spheres"]), f"{r['mean']:.4f}", f"{r['error']:.4f}"] for r in rows]


def _thresholds(figures):
    head = [
        "placed",
        "diameter, µm",
        "box, diameters",
        "packings",
        "threshold, vol%",
        "width, vol%",
    ]
    head += ["published, vol%", "difference"]
    rows = [
        [
            r["placed"],
            f"{1e6 * r['diameter']:.0f}",
            _edges(r),
            str(r["packings"]),
            f"{100 * r['threshold']:.1f} ± {100 * r['error']:.1f}",
            f"{100 * r['width']:.1f}",
            f"{100 * r['published']:.1f}",
            f"{100 * (r['threshold'] - r['published']):+.1f}",
        ]
        for r in figures["rows"]
    ]
    return head, rows


def _gaps(figures):
    small = figures["rows"][0]["diameters"]
    rows = [r for r in figures["rows"] if r["placed"] == "shaken" and r["diameters"] == small]
    gaps = ", ".join(
        f"{100 * (r['threshold'] - r['published']):+.1f} vol% at {1e6 * r['diameter']:.0f} µm"
        for r in rows
    )
    return f"{gaps}."


def _edges(row):
    return " × ".join(f"{edge:.3g}" for edge in row["diameters"])


def main():
    import calendering_page  # here, since tests load this file alone
    import studies_page
    import transport_page

    (PAGES / "benchmarks.md").write_text(peers(record("peers_nrel")))
    (PAGES / "mechanics-benchmarks.md").write_text(mechanics(record("mechanics")))
    (PAGES / "validation.md").write_text(
        validation(record("validation"), record("error_estimate"), record("cells"))
    )
    (PAGES / "packings.md").write_text(packings(record("packings"), record("percolation")))
    (PAGES / "calendering-validation.md").write_text(
        calendering_page.page(record("calendering"), table)
    )
    (PAGES / "studies.md").write_text(
        studies_page.page(record("kills"), record("study_overhead"), table)
    )
    (PAGES / "transport-benchmarks.md").write_text(transport_page.page(record("transport"), table))


if __name__ == "__main__":
    main()
