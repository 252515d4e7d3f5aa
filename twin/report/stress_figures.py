"""Figures of mechanics, as PNG bytes: stress maps, distributions by phase, contact-loss curve."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume, phase_colours
from twin.report.figures import (
    BLOCKED,
    DOTS_PER_INCH,
    FAINT,
    FONT,
    INK,
    Plane,
    line_colour,
    map_axes,
    placed,
    png,
    shortened,
    styled,
)
from twin.report.wording import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from twin.mechanics import ContactCurve, MechanicalState

MEGA = 1e-6
LEVELS = (5, 50, 95)
TITLES = {"von_mises": "von Mises stress", "hydrostatic": "hydrostatic stress"}
PALETTES = {"von_mises": "cividis", "hydrostatic": "RdBu_r"}  # told apart by colour-blind people
CUT = 1.0  # percent at each end that is drawn in the last colour, or left out
BINS = 60
LINES = ("#0b4f8a", "#c4631a", "#3a8f5c", "#8a4b9c", "#5d6873")
MARKS = ("o", "s", "^", "D", "v")


def stress_map(
    volume: Volume, plane: Plane, stress: NDArray[np.float32], measure: str, phase: str
) -> bytes:
    """A measure of stress (Pa) in one phase on a slice; other solids are grey, voids blank."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap, Normalize

    own = plane.of(volume.labels) == volume.phase_id(phase)
    values = plane.of(stress) * MEGA
    low, high = limits(stress[volume.labels == volume.phase_id(phase)] * MEGA, measure)
    figure, axes = map_axes(volume, plane, colour_bar=True, room=1.0)
    where = placed(volume, plane)
    solid = np.ma.masked_where(np.isnan(values), np.zeros(values.shape))
    axes.imshow(solid, cmap=ListedColormap([BLOCKED]), **where)
    palette = colormaps[PALETTES[measure]].with_extremes(bad=(1, 1, 1, 0))
    shown = np.ma.masked_where(~own, values)
    picture = axes.imshow(shown, cmap=palette, norm=Normalize(low, high), **where)
    extend = "both" if measure == "hydrostatic" else "max"
    label = f"{TITLES[measure]} in {shortened(phase, 20)} / MPa"
    bar = figure.colorbar(picture, cax=figure.axes[1], extend=extend)
    bar.set_label(label, parse_math=False)
    bar.outline.set_visible(False)
    styled(bar.ax)
    return png(figure)


def limits(values: NDArray[Any], measure: str) -> tuple[float, float]:
    """Ends of the colour scale: zero in the middle for signed stress, at the bottom for others."""
    if measure == "hydrostatic":
        ends = np.percentile(values, (CUT, 100 - CUT)) if values.size else (0.0, 0.0)
        top = float(np.abs(ends).max()) or 1.0
        return -top, top
    top = float(np.percentile(values, 100 - CUT)) if values.size else 0.0
    return 0.0, top or 1.0


def distributions(volume: Volume, state: "MechanicalState") -> bytes:
    """Histograms of stress by phase, von Mises on the left and hydrostatic on the right."""
    from matplotlib.figure import Figure

    solids = [name for name in state.solids if volume.voxels(name)]
    width, row = 7.4, 1.75
    figure = Figure(figsize=(width, row * len(solids) + 0.25), dpi=DOTS_PER_INCH)
    grid = figure.subplots(len(solids), len(TITLES), squeeze=False)
    colours = phase_colours(volume.phases)
    for name, line in zip(solids, grid, strict=True):
        label = volume.phase_id(name)
        where = volume.labels == label
        for measure, axes in zip(TITLES, line, strict=True):
            values = getattr(state, measure)[where] * MEGA
            _histogram(axes, values, line_colour(colours[label]))
            axes.set_xlabel(f"{TITLES[measure]} in {shortened(name, 20)} / MPa", parse_math=False)
            styled(axes)
    figure.subplots_adjust(
        left=0.02, right=0.98, top=1 - 0.3 / (row * len(solids)), bottom=0.28 / len(solids),
        hspace=0.85, wspace=0.08,
    )  # fmt: skip
    return png(figure)


def _histogram(axes: "Axes", values: NDArray[np.float32], colour: Any) -> None:
    """Share of the volume by stress, the outer percents left out, with percentiles marked."""
    low, high = np.percentile(values, (CUT, 100 - CUT))
    if not high > low:
        low, high = low - 1.0, high + 1.0
    counts, edges = np.histogram(values, BINS, (low, high))
    axes.stairs(counts, edges, fill=True, color=colour, alpha=0.35)
    axes.stairs(counts, edges, color=colour, linewidth=1.0)
    axes.set(ylim=(0, 1.05 * max(counts.max(), 1)), xlim=(low, high), yticks=[])
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    for level, value in zip(LEVELS, np.percentile(values, LEVELS), strict=True):
        axes.axvline(value, color=INK, linewidth=0.9, linestyle=(0, (4, 3)))
        axes.annotate(
            f"{level} %\n{_rounded(value)}",
            (value, 1.0),
            xytext=(0, 2),
            textcoords="offset points",
            xycoords=("data", "axes fraction"),
            ha="center",
            va="bottom",
            fontsize=FONT - 2,
            color=INK,
        )


def _rounded(value: float) -> str:
    return plain(float(f"{value:.3g}")).replace("-", "−")


def contact_curve(curve: "ContactCurve", *, ends: bool = True) -> bytes:
    """Share of the interface in contact against stoichiometry, a line for each pressure.

    ``ends`` says whether it leads from the state free of stress to the one now.
    """
    from matplotlib.figure import Figure

    width, height = 5.8, 3.1
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH)
    axes = figure.add_axes((0.62 / width, 0.52 / height, 3.75 / width, (height - 0.8) / height))
    axes.grid(color="#e4e7ea", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.margins(x=0)
    x = curve.stoichiometry
    for i, (pressure, contact, error) in enumerate(
        zip(curve.pressure, curve.contact, curve.error, strict=True)
    ):
        colour, known = LINES[i % len(LINES)], np.nan_to_num(error)
        low, high = (100 * np.clip(contact + s * known, 0, 1) for s in (-1, 1))
        axes.fill_between(x, low, high, color=colour, alpha=0.13, linewidth=0)
        axes.plot(
            x, 100 * contact, color=colour, linewidth=1.5, marker=MARKS[i % len(MARKS)],
            markersize=3.5, label=pressure_name(pressure),
        )  # fmt: skip
    axes.set(ylim=(0, 102), ylabel="interface in contact / %")
    if len(x) > 1 and x[1] < x[0]:  # lithium leaves as the reader reads
        axes.invert_xaxis()
    axes.set_xlabel(f"lithium content x of {shortened(curve.phase, 20)}", parse_math=False)
    marks = (("← free of stress", 0.0, "left"), ("now →", 1.0, "right")) if ends else ()
    for text, place, align in marks:
        axes.annotate(
            text, (place, 1.0), xytext=(0, 6), textcoords="offset points",
            xycoords="axes fraction", ha=align, fontsize=FONT - 1, color=FAINT,
        )  # fmt: skip
    axes.legend(
        loc="center left", bbox_to_anchor=(1.02, 0.5), frameon=False, fontsize=FONT,
        labelcolor=INK,
    )  # fmt: skip
    styled(axes)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return png(figure)


def pressure_name(pressure: float) -> str:
    """A pressure on a line; NaN where the boundary sets none."""
    return "as held" if np.isnan(pressure) else f"{plain(float(f'{pressure * MEGA:.3g}'))} MPa"
