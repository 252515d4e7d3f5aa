"""The page of docs/explanation that compares calendering with published values."""


def page(figures, table):
    """The page's text; ``table`` turns a head and rows into Markdown."""
    rows = figures["rows"]
    return f"""# Calendering against published values

Written by `python benchmarks/pages.py` from `benchmarks/results/calendering.json`, which
`python benchmarks/calendering.py` records; pictures by `benchmarks/calendering_pictures.py`.

{_verdict(rows)}

So the aim of seven in ten verified rows is {_aim(rows)}. Why is told below; the page is not tuned.

Every parameter that is not measured is fixed at one density, in a row called *calibration*, and
then left alone; such rows do not count. The bands were set before anything was computed, and have
not been moved: the source's own where it gives one; ten per cent of a number that was read off a
figure, or of each of two that should agree; two standard deviations between crops of the real
cathode; one point of a porosity read off a figure, a twentieth of one measured. A row without a
band asks for the direction only. Ours is the mean of {len(figures["nmc622"]["samples"])} samples ±
half their range, where there is more than one.

What the loose electrodes are made of, and how they are pressed, was changed after a look at first
results: binder of NMC622 went to the narrowest places, where it conducts at all, and its
conductivity became that of the library; pieces of a thicker layer are pressed as such (`ends`) and
no more between plates; beside the real cathode stand its own particles, where ellipsoids stood, and
the share of its binder that grows beyond the narrowest places is calibrated on its area towards the
pores. Four rows were added, which are only quoted: the exponent with binder, and the NMC111 with
labelled pores.

*Verified* means that the number was read at its source, with the words below. Everything else is
quoted from a digest of the paper and may be wrong.

{_series(rows, table)}
## What misses, and why

{_misses(rows)}

## The series

![Tortuosity factor, conductivity, areas and contacts against porosity or density]\
(../images/calendering-series.png)

A cube of 128 voxels out of the middle of the real cathode, with and without its binder:

{table(*_pressed_states(figures["nrel"]["states"] + figures["nrel"]["bare"]))}

NMC622, means of the samples. Binder conducts {figures["nmc622"]["binder_conductivity"][0]:g} S/m as
in the library (unverified), NMC {_bulk(figures["nmc622"]["samples"])} S/m, which is calibrated at
2.3 g/cm³. The uncertainty of the growth of the conductivity holds binders of a third and a tenth of
that conductivity, each with its own calibration:

{table(*_nmc622_states(figures["nmc622"]["samples"]))}

The real cathode is `nmc-1-cal_generatedCBD_bridge.tif` of the MATBOX repository; cite F. L. E.
Usseglio-Viretta et al., SoftwareX 17 (2022) 100915, doi:10.1016/j.softx.2021.100915. A section of
it before and after pressing is drawn by `python benchmarks/calendering_pictures.py real` where the
volume is at hand; no part of it is in this project.

## What was read at the source

{_verified(rows)}

## How long it takes

{_times(figures, table)}
"""


def _verdict(rows):
    counted = [r for r in rows if r["role"] == "validation"]
    verified = [r for r in counted if r["verified"] and r["inside"] is not None]
    quoted = [r for r in counted if not r["verified"] and r["inside"] is not None]
    asked = [r for r in counted if r["sign_right"] is not None]
    return (
        f"Of {len(verified)} rows verified at their source, {sum(r['inside'] for r in verified)} "
        f"lie inside the published band; of {len(quoted)} that are only quoted, "
        f"{sum(r['inside'] for r in quoted)}. The direction of the change is right in "
        f"{sum(r['sign_right'] for r in asked)} of {len(asked)} rows that have one."
    )


def _aim(rows):
    judged = [r["inside"] for r in rows if r["verified"] and r["inside"] is not None]
    return "met" if sum(judged) >= 0.7 * len(judged) else "**missed**"


def _series(rows, table):
    head = ["quantity", "ours", "published", "band", "inside", "direction", "", "verified", "from"]
    parts = []
    for series in dict.fromkeys(r["series"] for r in rows):
        cells = [_cells(r) for r in rows if r["series"] == series]
        parts.append(f"## {series[0].upper()}{series[1:]}\n\n{table(head, cells)}\n")
    return "\n".join(parts)


def _cells(r):
    spread = f" ± {r['uncertainty']:.2g}" if r["uncertainty"] else ""
    yes = {True: "yes", False: "**no**", None: "–"}
    right = {True: "right", False: "**wrong**", None: "–"}
    return [
        r["quantity"],
        f"{r['ours']:.4g}{spread}",
        r["published"],
        "–" if r["band"] is None else f"{r['band'][0]:.4g} to {r['band'][1]:.4g}",
        yes[r["inside"]],
        right[r["sign_right"]],
        r["role"],
        yes[r["verified"]].strip("*"),
        f"{r['source'].split(',')[0]}, {r['where']}",
    ]


def _misses(rows):
    lines = [
        f"- **{r['quantity']}** ({r['series']}): {r['explanation']}"
        for r in rows
        if r["inside"] is False or r["sign_right"] is False
    ]
    return "\n".join(lines) or "Nothing."


def _verified(rows):
    lines = [
        f"- {source}, {where}: “{words}”"
        for source, where, words in dict.fromkeys(
            (r["source"], r["where"], r["words"]) for r in rows if r["verified"]
        )
    ]
    quoted = dict.fromkeys(r["source"] for r in rows if not r["verified"])
    return "\n".join(lines) + "\n\nQuoted from digests, not opened: " + "; ".join(quoted) + "."


def _pressed_states(states):
    head = ["porosity", "binder", "τ of the pores", "area NMC–all per NMC, 1/m", "neighbours"]
    head += ["flattened"]
    rows = [
        [
            f"{100 * s['porosity']:.1f} %",
            f"{100 * s['fractions'].get('CBD', 0.0):.1f} %",
            f"{s['tortuosity'][0]:.2f}",
            f"{s['area_per_nmc']:.3g}",
            f"{s.get('coordination_tracked', s['coordination']):.1f}",
            f"{100 * s['flattened']:.1f} %" if "flattened" in s else "–",
        ]
        for s in states
    ]
    return head, rows


def _nmc622_states(samples):
    head = ["density, g/cm³", "porosity", "τ of the pores", "σ, S/m", "area NMC–CBD, 1/m"]
    head += ["neighbours", "flattened"]
    rows = []
    for group in zip(*(sample["states"] for sample in samples), strict=True):
        rows.append(
            [
                f"{group[0]['density']:.1f}",
                f"{100 * _mean(s['porosity'] for s in group):.1f} %",
                f"{_mean(s['tortuosity'][0] for s in group):.2f}",
                f"{_mean(s['sigma'][0] for s in group):.2f}",
                f"{_mean(s['areas']['NMC-CBD'] for s in group):.3g}",
                f"{_mean(s.get('coordination_tracked', s['coordination']) for s in group):.1f}",
                f"{100 * _mean(s.get('flattened', 0.0) for s in group):.1f} %",
            ]
        )
    return head, rows


def _bulk(samples):
    return " and ".join(f"{sample['nmc_conductivity'][0]:.3g}" for sample in samples)


def _mean(values):
    found = list(values)
    return sum(found) / len(found)


def _times(figures, table):
    jobs = [figures[name] for name in ("speed", "large") if name in figures]
    head = ["voxels", "particles", "porosity", "seconds", "largest loss of a solid", "flattened"]
    cells = [
        [
            f"{job['voxels']}³",
            f"{job['particles']:.0f}",
            f"{100 * job['before']:.0f} → {100 * job['after']:.0f} %",
            f"{job['seconds']:.0f}",
            f"{job['largest_loss']:.0e}",
            f"{100 * job['flattened']:.0f} %",
        ]
        for job in jobs
    ]
    machine = figures["machine"]
    return f"On {machine['threads']} threads ({machine['cpu']}):\n\n{table(head, cells)}"
