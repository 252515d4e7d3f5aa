"""Figures of performance, as PNG bytes: discharge curves, Ragone, losses by cause."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from twin.report.figures import DOTS_PER_INCH, FONT, INK, chart, png, styled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from twin.performance.discharges import Discharge
    from twin.performance.in_cell import Performance

MILLI_PER_CM2 = 0.1  # of a quantity per m²
COLOURS = {  # told apart by colour-blind people, and by their order
    "ionic": "#0b4f8a",
    "electronic": "#8fb8de",
    "solid diffusion": "#c4631a",
    "charge transfer": "#f0b429",
    "contact": "#8a949e",
}
OTHER = "#6f8f2f"  # of what only some cells lose
WIDTH, HEIGHT = 5.8, 3.0


def curves(discharges: "Sequence[Discharge]") -> bytes:
    """Voltage against charge, a line for each rate; dashed is that at rest of the slowest."""
    figure, axes = chart(WIDTH, HEIGHT)
    good = [run for run in discharges if run.status == "ok"]
    for run, colour in zip(good, _shades(len(good)), strict=True):
        x = run.capacities * MILLI_PER_CM2
        axes.plot(x, run.voltage, color=colour, linewidth=1.6, label=f"{run.rate:g}/h")
    if good:
        rest = good[0]
        axes.plot(
            rest.capacities * MILLI_PER_CM2, rest.rest_voltage, color=INK, linewidth=0.9,
            linestyle=(0, (4, 3)), label="at rest",
        )  # fmt: skip
    axes.set(xlim=(0, None), ylabel="voltage / V")
    axes.set_xlabel("charge / (mAh/cm²)", color=INK)
    _named(axes)
    return png(figure)


def ragone(found: "Performance") -> bytes:
    """Energy against mean power, per kg and per litre of the cell; needs its layers."""
    from matplotlib.figure import Figure

    width, height = 7.4, 2.9
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH)
    frame = found.to_frame()
    for place, unit in enumerate(("kg", "L")):
        left = (0.62 + place * width / 2) / width
        axes = figure.add_axes((left, 0.52 / height, 2.75 / width, (height - 0.8) / height))
        power, energy = frame[f"power_W_{unit}"], frame[f"energy_Wh_{unit}"]
        axes.plot(power, energy, color=COLOURS["ionic"], linewidth=1.4, marker="o", markersize=4)
        for rate, x, y in zip(frame["rate_per_h"], power, energy, strict=True):
            if math.isfinite(x):
                axes.annotate(
                    f"{rate:g}/h", (x, y), xytext=(4, 5), textcoords="offset points",
                    fontsize=FONT - 2, color=INK,
                )  # fmt: skip
        axes.set(xscale="log", ylim=(0, 1.12 * energy.max()))
        axes.set(xlabel=f"mean power / (W/{unit})", ylabel=f"energy / (Wh/{unit})")
        axes.margins(x=0.12)
        axes.grid(color="#e4e7ea", linewidth=0.7)
        axes.set_axisbelow(True)
        _plain_ticks(axes)
        _open(axes)
    return png(figure)


def losses(discharges: "Sequence[Discharge]") -> bytes:
    """Mean loss of voltage by cause, a bar for each rate."""
    figure, axes = chart(WIDTH + 0.4, HEIGHT, names=1.75)
    good = [run for run in discharges if run.status == "ok"]
    below = np.zeros(len(good))
    for cause in good[0].shares() if good else ():
        heights = np.array([1e3 * run.shares()[cause] for run in good])
        colour = COLOURS.get(cause, OTHER)
        axes.bar(range(len(good)), heights, 0.62, bottom=below, color=colour, label=cause)
        below += heights
    axes.set_xticks(range(len(good)), [f"{run.rate:g}/h" for run in good])
    axes.set(ylabel="mean loss / mV")
    axes.set_xlabel("rate", color=INK)
    _named(axes, reverse=True)
    return png(figure)


def _shades(count: int) -> list[Any]:
    """Colours from slow to fast, dark enough on white."""
    from matplotlib import colormaps

    return [colormaps["viridis"](place) for place in np.linspace(0.0, 0.8, max(count, 1))][:count]


def _named(axes: "Axes", *, reverse: bool = False) -> None:
    axes.legend(
        loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False, fontsize=FONT,
        labelcolor=INK, reverse=reverse,
    )  # fmt: skip
    styled(axes)


def _plain_ticks(axes: "Axes") -> None:
    """Numbers instead of powers of ten, and not too many of them."""
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())


def _open(axes: "Axes") -> None:
    styled(axes)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
