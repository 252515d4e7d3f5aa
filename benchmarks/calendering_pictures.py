"""Pictures of docs/images: the tutorial's electrode and what calendering.py recorded.

    python benchmarks/calendering_pictures.py            # all, about four minutes on two cores
    python benchmarks/calendering_pictures.py tutorial   # one of: tutorial, series, real

``tutorial`` runs the lines of docs/tutorials/calender-an-electrode.md. ``real`` shows a slice of
the NREL volume before and after: a plot of it, not a crop, with its name and source in it.
"""

import json
import re
import sys
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("agg")

import calendering
import matplotlib.pyplot as plt
import numpy as np

import twin
from microstructures import phase_colours
from twin.report.figures import line_colour, middle

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
LESSON = ROOT / "docs" / "tutorials" / "calender-an-electrode.md"
INK, GREY, BLUE, RED = "#26303a", "#8a949e", "#2f6fa7", "#c0392b"
REAL_POROSITY = 0.25


def tutorial():
    """Run the tutorial and keep its pictures."""
    import os

    lines = re.findall(r"```python\n(.*?)```", LESSON.read_text(encoding="utf-8"), re.DOTALL)
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        try:
            exec(compile("\n".join(lines), LESSON.name, "exec"), {"__name__": "lesson"})
        finally:
            os.chdir(here)
        for path in Path(scratch).glob("*.png"):
            (IMAGES / path.name).write_bytes(path.read_bytes())


def real():
    """The cube of the real cathode, before and after."""
    before = calendering.cube()
    after, _ = twin.calender(before, porosity=REAL_POROSITY)
    figure, axes = plt.subplots(
        1, 2, figsize=(7.2, 4.4), dpi=110, sharey=True, layout="constrained"
    )
    for ax, volume, title in zip(axes, (before, after), ("before", "after"), strict=True):
        draw_slice(ax, volume)
        ax.set_ylim(before.size[0] * 1e6, 0)  # one scale for both
        ax.set_title(
            f"{title}: {100 * volume.fraction('pore'):.0f} % pores", fontsize=10, color=INK
        )
    axes[0].set_ylabel("z, through-plane / µm")
    figure.get_layout_engine().set(rect=(0, 0.05, 1, 0.95))
    legend(figure, before)
    figure.text(
        0.005, 0.005,
        "Data: NREL, nmc-1-cal of MATBOX, © 2020 Alliance for Sustainable Energy, LLC (BSD-style); "
        "pressed by Electrode Twin",
        fontsize=6.5, color=GREY,
    )  # fmt: skip
    save(figure, "calendering-real.png")


def draw_slice(ax, volume):
    """The slice through the middle; the lid comes from the low end of axis 0."""
    plane = middle(volume, 2)
    colours = phase_colours(volume.phases)
    picture = np.zeros((*plane.of(volume.labels).shape, 3))
    for label, colour in colours.items():
        picture[plane.of(volume.labels) == label] = matplotlib.colors.to_rgb(colour)
    wide, tall = (volume.size[axis] * 1e6 for axis in (plane.columns, plane.rows))
    ax.imshow(picture, extent=(0, wide, tall, 0), interpolation="nearest")
    ax.set(xlabel="y / µm")
    ax.tick_params(labelsize=8)


def legend(figure, volume):
    from matplotlib.patches import Patch

    patches = [
        Patch(facecolor=colour, edgecolor=GREY, linewidth=0.5, label=volume.phases[label])
        for label, colour in phase_colours(volume.phases).items()
    ]
    figure.legend(handles=patches, loc="outside upper center", ncols=3, frameon=False, fontsize=9)


def series():
    """What was recorded of NMC622 and of the real cathode, with the published values."""
    record = json.loads(calendering.RESULT.read_text())
    figure, axes = plt.subplots(2, 2, figsize=(7.4, 5.6), dpi=85, layout="constrained")
    tortuosities(axes[0, 0], record)
    currents(axes[0, 1], record)
    areas(axes[1, 0], record)
    contacts(axes[1, 1], record)
    for ax in axes.flat:
        ax.grid(color="#e4e7ea", linewidth=0.7)
        ax.set_axisbelow(True)
        ax.tick_params(labelsize=8)
        ax.spines[["top", "right"]].set_visible(False)
    save(figure, "calendering-series.png")


def lines(ax, samples, x, y, **style):
    """Every sample as a thin line; only the first has a label."""
    for number, states in enumerate(samples):
        label = style.pop("label", None) if number == 0 else None
        ax.plot([x(s) for s in states], [y(s) for s in states], label=label, **style)


def nmc622_of(record):
    return [sample["states"] for sample in record["nmc622"]["samples"]]


def tortuosities(ax, record):
    def percent(state):
        return 100 * state["porosity"]

    def tau(state):
        return state["tortuosity"][0]

    lines(
        ax, nmc622_of(record), percent, tau, color=BLUE, marker="o", ms=3, label="NMC622, generated"
    )
    nrel = record["nrel"]
    lines(ax, [nrel["states"]], percent, tau, color=INK, marker="s", ms=3, label="real cathode")
    lines(ax, [nrel["bare"]], percent, tau, color=GREY, marker="s", ms=3, ls="--",
          label="real, without binder")  # fmt: skip
    ax.plot([21.8], [2.6], "*", color=RED, ms=9, label="NMC622, really pressed (Lim 2025)")
    ax.plot([40], [1.75], "d", color=RED, ms=5, label="NMC, NCA without binder (Landesfeind 2018)")
    ax.set(xlabel="porosity / %", ylabel="tortuosity factor of the pores", yscale="log")
    ax.set_ylim(1.4, 500)
    ax.set_yticks([2, 5, 10, 20, 50, 100], ["2", "5", "10", "20", "50", "100"])
    ax.minorticks_off()
    ax.invert_xaxis()
    ax.legend(fontsize=6.5, frameon=False)


def currents(ax, record):
    def density(state):
        return state["density"]

    for case, (binder, style) in enumerate(
        zip(record["nmc622"]["binder_conductivity"], ("-", "--", ":"), strict=True)
    ):
        lines(ax, nmc622_of(record), density, lambda s, case=case: s["sigma"][case], color=BLUE,
              ls=style, marker="o", ms=3, label=f"binder {binder:g} S/m")  # fmt: skip
    ax.plot([2.3], [0.9], "o", mfc="none", color=RED, ms=8, label="calibration")
    ax.plot([3.6, 4.0], [1.85, 2.2], "*", color=RED, ms=9, label="Lim 2025")
    ax.set(xlabel="density / g cm⁻³", ylabel="electronic conductivity / S m⁻¹")
    ax.legend(fontsize=6.5, frameon=False)


def areas(ax, record):
    def density(state):
        return state["density"]

    lines(ax, nmc622_of(record), density, lambda s: s["area_per_nmc"] * 1e-5, color=BLUE,
          marker="o", ms=3, label="NMC to all else, per volume of NMC")  # fmt: skip
    lines(ax, nmc622_of(record), density, lambda s: s["areas"]["NMC-CBD"] * 1e-5,
          color=line_colour("#e08a2e"), marker="o", ms=3, label="NMC–CBD, per volume")  # fmt: skip
    ax.plot([3.6], [7.0], "*", color=RED, ms=9, label="Lim 2025")
    ax.set(xlabel="density / g cm⁻³", ylabel="area / 10⁵ m⁻¹", ylim=(0, None))
    ax.legend(fontsize=6.5, frameon=False)


def contacts(ax, record):
    def percent(state):
        return 100 * state["porosity"]

    nrel = record["nrel"]
    pressed = [s for s in nrel["states"] if "flattened" in s]
    ax.plot([percent(s) for s in pressed], [s["coordination_tracked"] for s in pressed], color=INK,
            marker="s", ms=3, label="neighbours of a particle")  # fmt: skip
    ax.plot([percent(nrel["states"][0])], [pressed[0]["coordination_before"]], "s", color=INK, ms=3)
    ax.set(xlabel="porosity / %", ylabel="neighbours", ylim=(0, None))
    other = ax.twinx()
    other.plot([percent(s) for s in pressed], [100 * s["flattened"] for s in pressed],
               color=RED, marker="o", ms=3, label="flattened")  # fmt: skip
    other.axhline(10, color=RED, lw=0.8, ls=":")
    other.set(ylim=(0, None))
    other.set_ylabel("flattened share of the NMC / %", color=RED)
    other.tick_params(labelsize=8, colors=RED)
    other.spines[["top"]].set_visible(False)
    ax.invert_xaxis()
    ax.set_title("real cathode", fontsize=8, color=INK)


def save(figure, name):
    IMAGES.mkdir(exist_ok=True)
    figure.savefig(IMAGES / name, metadata={"Software": None})


if __name__ == "__main__":
    wanted = sys.argv[1:] or ["tutorial", "series"]
    for name in wanted:
        {"tutorial": tutorial, "series": series, "real": real}[name]()
