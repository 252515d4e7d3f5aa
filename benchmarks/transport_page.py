"""The page of transport beside its peers, written from the recorded figures."""

import statistics

NAMES = {
    "ours": "Electrode Twin",
    "taufactor": "TauFactor",
    "porespy": "PoreSpy",
    "openimpala": "OpenImpala",
}
FLOOR = 1e-10  # to which the references are known
HEAD = """# Benchmarks of transport

Written by `python benchmarks/pages.py` from `benchmarks/results/transport.json`; recorded by

    {command}

on {threads} threads of one machine ({cpu}). Python {python}; {versions}.

"""
PEERS = """## Beside TauFactor, PoreSpy and OpenImpala

Blobs at porosity 0.4: `porespy.generators.blobs` with blobiness 1.5 and seed 42, which are wider in
voxels the larger the volume is. Each tool runs in a process of its own, warm; the tools take turns
in one order, and seconds are medians, from the array in memory to the number. The error is that of
the effective diffusivity, against *one* independent solve to 1e-10 with the electrodes of the tool
in question (`benchmarks/transport_reference.py`: float64, sine waves as the preconditioner, no
multigrid): ours and TauFactor's lie on the outer faces, PoreSpy's on the centres of the first and
last layer, so do OpenImpala's with the length of one voxel more, and those of TauFactor's solver
for several phases on centres one voxel beyond the volume.

"Times ours" divides by the fastest of our tolerances whose error is no larger than that of the row.
Memory is what the process grew by during its first solve. CPU seconds are of all threads.
"""
IMPALA = """
OpenImpala's default, AMReX's multigrid, aborts the process on these volumes; of what HYPRE offers,
only Krylov methods with its SMG converge here, the fastest of them with the volume in one box.
"Python" is the fallback that OpenImpala takes where its compiled backend cannot be loaded, which it
cannot without OpenMPI and the Fortran runtime of the system; HYPRE uses one thread.
"""
COUNTS = {
    "refined": "The same structure, refined: one Gaussian field sampled more finely",
    "enlarged": "The same features in voxels, in larger volumes",
    "threshold": "Random sites near the threshold of percolation, .3116, 100³",
    "stretched": "Voxels 5 : 1, pores of blobs at 100³, flow along the first axis",
    "contrast": "Pores and a solid that conducts as well, blobs at 100³",
    "real": "Real and published volumes, every phase and axis",
}
COUNTED = """## Iterations of ours

At the default tolerance. Work is the CPU time of the whole solve, with labelling, set-up and
statistics, over that of one application of the finest operator in float32 to as many voxels, so
that an expensive cycle cannot hide. The error is against our own solve to 1e-10, where the volume
is small enough.
"""


def page(figures, table):
    """The page as text; parts that were not recorded are left out."""
    parts = {
        "peers": lambda: PEERS + "".join(_race(figures, p, table) for p in ("porous", "contrast")),
        "start": lambda: _start(figures["start"], table),
        "counts": lambda: COUNTED + "".join(_counts(figures["counts"], table)),
        "axes": lambda: _axes(figures["axes"], table),
        "memory": lambda: _memory(figures["memory"].values(), table),
        "bandwidth": lambda: _bandwidth(figures["bandwidth"], table),
    }
    return _head(figures) + "\n".join(make() for name, make in parts.items() if name in figures)


def _head(figures):
    machine, used = figures["machine"], {}
    for sizes in figures.get("peers", {}).values():
        for rows in sizes.values():
            for row in rows:
                used |= row.get("versions") or {}
    versions = ", ".join(f"{n} {v}" for n, v in sorted((machine["versions"] | used).items()))
    given = {name: machine[name] for name in ("threads", "cpu", "python")}
    return HEAD.format(command=figures["command"], versions=versions, **given)


def _race(figures, problem, table):
    title = {
        "porous": "Pores alone, solid insulating",
        "contrast": "Solid conducts a hundredth of the pores",
    }[problem]
    head = ["voxels", "tool", "setting", "seconds", "of runs", "CPU seconds", "iterations"]
    head += ["error", "times ours", "bytes per voxel"]
    rows, reached = [], []
    for size, problems in sorted(figures["peers"].items(), key=lambda pair: int(pair[0])):
        solves = problems.get(problem, [])
        if not solves:
            continue
        exact = figures["references"][size][problem]
        timed = [r | {"error": error(r, exact, size)} for r in solves if r["seconds"]]
        rows += [_row(size, r, timed) for r in timed]
        rows += [_failed(size, r) for r in solves if not r["seconds"]]
        reached += _at_our_error(size, timed)
    if not rows:
        return ""
    text = f"\n### {title}\n\n{table(head, rows)}\n"
    if reached:
        head = ["voxels", "our error", "our seconds", "tool", "its fastest setting", "its seconds"]
        head += ["times ours"]
        text += "\nThe other way round, what reaches the error of our default:\n\n"
        text += f"{table(head, reached)}\n"
    return text + (IMPALA if problem == "porous" else "")


def error(row, exact, size):
    """Relative error of a row against the reference with its electrodes."""
    voxels = int(size)
    if row["tool"] == "porespy":
        known = exact["centres"]["value"]
    elif row["tool"] == "openimpala":
        known = exact["centres"]["value"] * voxels / (voxels - 1)
    elif row["tool"] == "taufactor" and "beyond" in exact:
        known = exact["beyond"]["value"]
    else:
        known = exact["faces"]["value"]
    return max(abs(row["value"] / known - 1), FLOOR)


def seconds(row):
    return statistics.median(row["seconds"])


def _row(size, row, timed):
    ours = [o for o in timed if o["tool"] == "ours" and o["error"] <= row["error"]]
    ratio = "–"
    if row["tool"] != "ours" and ours:
        ratio = f"{seconds(row) / min(map(seconds, ours)):.1f}"
    return [
        f"{size}³",
        NAMES[row["tool"]],
        setting(row),
        f"{seconds(row):.2f}",
        str(len(row["seconds"])),
        f"{statistics.median(row['cpu_seconds']):.2f}",
        str(row["iterations"] or "–"),
        f"{row['error']:.0e}",
        ratio,
        f"{row['bytes_per_voxel']:.0f}",
    ]


def _failed(size, row):
    return [f"{size}³", NAMES[row["tool"]], setting(row), row["failed"], *["–"] * 6]


def setting(row):
    """A setting in words."""
    given = row["setting"]
    if row["tool"] == "ours":
        return f"{given['tolerance']:.0e}" if given else f"default, {row['tolerance']:.0e}"
    if given.get("python"):
        return f"Python, tol {given['tol']:.0e}" if "tol" in given else "Python"
    if "solver" in given:
        return f"{given['solver']}, SMG" + (", one box" if "max_grid_size" in given else "")
    return ", ".join(f"{name} {value:.0e}" for name, value in given.items()) or "default"


def _at_our_error(size, timed):
    """The fastest setting of each peer that is as right as our default."""
    own = next((r for r in timed if r["tool"] == "ours" and not r["setting"]), None)
    rows = []
    for tool in dict.fromkeys(r["tool"] for r in timed if r["tool"] != "ours") if own else ():
        able = [r for r in timed if r["tool"] == tool and r["error"] <= own["error"]]
        best = min(able, key=seconds, default=None)
        found = ["none of these", "–", "–"]
        if best:
            took = seconds(best)
            found = [setting(best), f"{took:.2f}", f"{took / seconds(own):.1f}"]
        rows.append([f"{size}³", f"{own['error']:.0e}", f"{seconds(own):.2f}", NAMES[tool], *found])
    return rows


def _start(rows, table):
    head = ["tool", "import, s", "first solve of 64³, s", "second, s", "compiling, s"]
    cells = []
    for row in rows:
        if "first_seconds" not in row:
            continue
        name = NAMES[row["tool"]] + ("" if row["cache"] else ", kernels never compiled before")
        first, again = row["first_seconds"], row["again_seconds"]
        times = (row["import_seconds"], first, again, max(first - again, 0.0))
        cells.append([name, *(f"{t:.2f}" for t in times)])
    return f"""## Start and compilation

What the figures above leave out. Kernels once compiled on a machine are read from its disk.

{table(head, cells)}
"""


def _counts(groups, table):
    head = ["case", "iterations", "work", "seconds", "CPU seconds", "error", "value"]
    for group, rows in groups.items():
        cells = [_counted(row) for row in rows if row["percolates"]]
        blocked = [row["case"] for row in rows if not row["percolates"]]
        most = max((row["report"]["iterations"] for row in rows if "report" in row), default=0)
        text = f"\n### {COUNTS[group]}\n\n{table(head, cells)}\n\nMost iterations: {most}."
        if blocked:
            text += f" No path, so that nothing is solved: {'; '.join(blocked)}."
        yield text + "\n"


def _counted(row):
    if "failed" in row:
        return [row["case"], row["failed"], *["–"] * 5]
    return [
        row["case"],
        str(row["report"]["iterations"]),
        f"{row['work']:.0f}",
        f"{row['seconds']:.2f}",
        f"{row['cpu_seconds']:.2f}",
        f"{max(row['error'], FLOOR):.0e}" if "error" in row else "–",
        f"{row['value']:.6g}",
    ]


def _axes(rows, table):
    head = ["volume", "one by one, s", "together, s", "saved", "iterations", "largest difference"]
    cells = []
    for row in rows:
        ways = [row[name] for name in ("one by one", "together")]
        alone, together = (way["seconds"] for way in ways)
        pairs = zip(*(way["values"] for way in ways), strict=True)
        cells.append([
            row["case"],
            f"{alone:.2f}",
            f"{together:.2f}",
            f"{1 - together / alone:.0%}",
            " ".join(map(str, ways[1]["iterations"])),
            f"{max(abs(b / a - 1) for a, b in pairs):.0e}",
        ])  # fmt: skip
    return f"""## Three axes of one volume

`solvers.Conduction` searches once for what connects the faces, and turns its multigrid hierarchy
from axis to axis instead of making it anew. Medians of five, in turns; the difference is that
between the values, for a tolerance of 1e-5.

{table(head, cells)}
"""


def _memory(rows, table):
    head = ["voxels", "setting", "bytes per voxel", "estimated before", "iterations", "seconds"]
    cells = [
        [
            f"{row['voxels']}³",
            row["setting"],
            f"{row['bytes_per_voxel']:.1f}",
            f"{row['estimated']:.1f}",
            str(row["report"]["iterations"]),
            f"{row['seconds']:.1f}",
        ]
        for row in rows
    ]
    return f"""## Memory of ours

Growth of the process at its peak, all levels included, without the labels themselves; the
estimate is the one that a solve makes before it allocates anything.

{table(head, cells)}
"""


def _bandwidth(figures, table):
    rows = figures["rows"]
    copy = max(row["rate"] for row in rows if row["what"].startswith("copy"))
    head = ["what", "bytes per voxel", "milliseconds", "GB/s", "of the best copy"]
    cells = [
        [
            row["what"],
            str(row["bytes"]),
            f"{1e3 * row['seconds']:.0f}",
            f"{row['rate'] / 1e9:.1f}",
            f"{row['rate'] / copy:.0%}",
        ]
        for row in rows
    ]
    return f"""## Bandwidth of the finest operator

At {figures["voxels"]}³ in float32, least time of ten. Counted are the bytes that must be moved: a
potential read, a result written, a right-hand side read if there is one, and one byte that says
what conducts. The last row is what relaxation does most of the time.

{table(head, cells)}
"""
