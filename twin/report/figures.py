"""Figures of the page, as PNG bytes. Slices have shape (rows, columns), row 0 at the top."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume, phase_colours
from microstructures.wording import AXES, length
from twin.report.wording import round_length

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, FAINT, BLOCKED = "#26303a", "#8a949e", "#e9ebee"
HATCH = "#b4bcc4"
DOTS_PER_INCH = 200
SLICE_WIDTH, MAP_WIDTH = 3.3, 4.2  # inches
TALLEST, THINNEST = 1.25, 0.12  # height over width, and either over the room there is
FONT = 9.0


@dataclass(frozen=True, slots=True)
class Plane:
    """A slice normal to ``normal``: which axes run down its rows and along its columns."""

    normal: int
    index: int
    rows: int
    columns: int

    def of(self, array: NDArray[Any]) -> NDArray[Any]:
        """The slice of an array of shape (nz, ny, nx)."""
        plane = np.take(array, self.index, axis=self.normal)
        return plane if self.rows < self.columns else plane.T


def middle(volume: Volume, normal: int) -> Plane:
    """The slice through the middle; the through-plane axis is vertical where the slice has it."""
    rows, columns = (axis for axis in range(3) if axis != normal)
    if columns == volume.through_axis:
        rows, columns = columns, rows
    return Plane(normal, volume.shape[normal] // 2, rows, columns)


def planes(volume: Volume) -> tuple[Plane, Plane, Plane]:
    """The three middle slices, those that contain the through-plane axis first."""
    through = volume.through_axis
    a, b = (axis for axis in range(3) if axis != through)
    return middle(volume, b), middle(volume, a), middle(volume, through)


def phases_slice(volume: Volume, plane: Plane) -> bytes:
    """A slice in the phases' colours, with scale bar; outside is hatched."""
    labels = plane.of(volume.labels)
    figure, axes = map_axes(volume, plane)
    colours = phase_colours(volume.phases)
    axes.patch.set(hatch="/////", edgecolor=HATCH, linewidth=0)  # shows where all is transparent
    axes.imshow(_coloured(labels, colours), **placed(volume, plane))
    _scale_bar(axes, volume.size[plane.columns])
    return png(figure)


def field_map(
    volume: Volume, plane: Plane, field: NDArray[np.float32], label: str, *, colours: str
) -> bytes:
    """A field on a slice with a colour bar; grey where nothing flows."""
    from matplotlib import colormaps
    from matplotlib.colors import Normalize

    values = np.ma.masked_invalid(plane.of(field))
    figure, axes = map_axes(volume, plane, colour_bar=True)
    is_potential = colours == "viridis"
    top = 1.0 if is_potential else _bright_end(values)
    palette = colormaps[colours].with_extremes(bad=BLOCKED)
    picture = axes.imshow(values, cmap=palette, norm=Normalize(0, top), **placed(volume, plane))
    bar = figure.colorbar(
        picture, cax=figure.axes[1], extend="neither" if is_potential else "max", label=label
    )
    bar.outline.set_visible(False)
    styled(bar.ax)
    return png(figure)


def profiles(volume: Volume) -> bytes:
    """Fraction of every phase in each layer along the through-plane axis; means are dashed."""
    figure, axes = chart(5.8, 2.9)
    axis = volume.through_axis
    depth = (np.arange(volume.shape[axis]) + 0.5) * volume.spacing[axis] * 1e6
    for label, colour in phase_colours(volume.phases).items():
        percent = 100 * volume.profile(label)
        axes.plot(depth, percent, color=line_colour(colour), linewidth=1.6)
        axes.axhline(
            100 * volume.fraction(label),
            color=line_colour(colour),
            linewidth=0.9,
            linestyle=(0, (5, 4)),
        )
    thickness = volume.size[axis] * 1e6
    axes.set(xlim=(0, thickness), ylim=(0, None), ylabel="fraction of the layer / %")
    axes.set_xlabel(f"position along {AXES[axis]} (through-plane) / µm", color=INK)
    _name_lines(axes, volume)
    _name_sides(axes, volume)
    return png(figure)


def map_axes(
    volume: Volume, plane: Plane, *, colour_bar: bool = False, room: float = 0.85
) -> "tuple[Figure, Axes]":
    """Axes in µm with the slice's true aspect, and a slim axes for a colour bar beside it.

    The bar and its numbers have ``room`` inches.
    """
    from matplotlib.figure import Figure

    width = MAP_WIDTH if colour_bar else SLICE_WIDTH
    left, right, top, bottom = 0.55, room if colour_bar else 0.12, 0.28, 0.72  # inches
    between = width - left - right
    wide, tall, is_true = _fitted(volume.size[plane.columns], volume.size[plane.rows], between)
    height = tall + top + bottom
    left += (between - wide) / 2
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH)
    axes = figure.add_axes((left / width, bottom / height, wide / width, tall / height))
    if colour_bar:
        x = (left + wide + 0.16) / width
        figure.add_axes((x, bottom / height, 0.11 / width, tall / height))
    axes.set_xlabel(f"{AXES[plane.columns]} / µm{'' if is_true else ' (not to scale)'}")
    axes.set_ylabel(f"{_axis_name(volume, plane.rows)} / µm")
    styled(axes)
    if plane.rows == volume.through_axis:
        _mark_ends(axes, volume)
    return figure, axes


def _fitted(width: float, height: float, room: float) -> tuple[float, float, bool]:
    """Width and height on the page, and whether their ratio is true: slivers are widened."""
    aspect = height / width
    tall = room * min(aspect, TALLEST)
    wide = tall / aspect
    least = THINNEST * room
    return max(wide, least), max(tall, least), min(wide, tall) >= least


def _mark_ends(axes: "Axes", volume: Volume) -> None:
    """Which end of a vertical through-plane axis lies at the collector."""
    at_top = volume.collector == "low"
    for is_top in (True, False):
        is_collector = is_top == at_top
        axes.spines["top" if is_top else "bottom"].set(
            visible=True, linewidth=3.0 if is_collector else 0.6, color=INK
        )
        axes.annotate(
            "current collector" if is_collector else "separator side",
            (0.5, 1.0 if is_top else 0.0),
            xytext=(0, 5 if is_top else -34),
            textcoords="offset points",
            xycoords="axes fraction",
            ha="center",
            va="bottom" if is_top else "top",
            fontsize=FONT - 1,
            color=INK if is_collector else FAINT,
        )


def placed(volume: Volume, plane: Plane) -> dict[str, Any]:
    """How a slice is drawn on its axes."""
    wide, tall = (volume.size[axis] * 1e6 for axis in (plane.columns, plane.rows))
    return {"extent": (0, wide, tall, 0), "interpolation": "nearest", "aspect": "auto"}


def _coloured(labels: NDArray[Any], colours: Mapping[int, str]) -> NDArray[np.uint8]:
    """RGBA of a slice of labels; those without a colour are transparent."""
    table = np.zeros((max(int(labels.max()), *colours) + 1, 4), np.uint8)
    for label, colour in colours.items():
        table[label] = (*_rgb(colour), 255)
    return table[labels]


def _scale_bar(axes: "Axes", width: float) -> None:
    """A bar of round length in the lower left corner."""
    from matplotlib.offsetbox import AnchoredOffsetbox, AuxTransformBox, TextArea, VPacker
    from matplotlib.patches import Rectangle

    bar = round_length(0.3 * width)
    box = AuxTransformBox(axes.get_xaxis_transform())
    box.add_artist(Rectangle((0, 0), bar * 1e6, 0.012, color=INK, linewidth=0))
    text = TextArea(length(bar), textprops={"fontsize": FONT - 1, "color": INK})
    packed = VPacker(children=[box, text], align="center", pad=0, sep=2)
    anchored = AnchoredOffsetbox("lower left", child=packed, pad=0.35, borderpad=0.6)
    anchored.patch.set(facecolor="white", alpha=0.88, edgecolor="none", boxstyle="round,pad=0.1")
    axes.add_artist(anchored)


def chart(width: float, height: float, *, names: float = 1.33) -> "tuple[Figure, Axes]":
    """Axes for lines, all in inches, with room on the right for their names."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH)
    box = (0.62 / width, 0.52 / height, (width - 0.62 - names) / width, (height - 0.86) / height)
    axes = figure.add_axes(box)
    axes.grid(axis="y", color="#e4e7ea", linewidth=0.7)
    axes.set_axisbelow(True)
    styled(axes)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes


def _name_lines(axes: "Axes", volume: Volume) -> None:
    """Phase names at the right end of their mean lines, moved apart where they would overlap."""
    low, high = axes.get_ylim()
    least = 0.085 * (high - low)
    place = -np.inf
    for name, fraction in sorted(volume.fractions().items(), key=lambda item: item[1]):
        place = max(100 * fraction, place + least)
        colour = line_colour(phase_colours(volume.phases)[volume.phase_id(name)])
        axes.annotate(
            f"{shortened(name)} {100 * fraction:.1f} %",
            (1.0, place),
            xytext=(6, 0),
            textcoords="offset points",
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=FONT,
            color=colour,
            parse_math=False,
        )


def _name_sides(axes: "Axes", volume: Volume) -> None:
    ends = ("current collector", "separator side")
    left, right = ends if volume.collector == "low" else ends[::-1]
    for text, place, align in ((left, 0.0, "left"), (right, 1.0, "right")):
        axes.annotate(
            f"← {text}" if align == "left" else f"{text} →",
            (place, 1.0),
            xytext=(0, 8),
            textcoords="offset points",
            xycoords="axes fraction",
            ha=align,
            fontsize=FONT - 1,
            color=FAINT,
        )


def styled(axes: "Axes") -> None:
    """Ticks, labels and spines as on all figures."""
    axes.tick_params(labelsize=FONT - 1, colors=INK, width=0.6, length=3)
    for item in (axes.xaxis.label, axes.yaxis.label):
        item.set(fontsize=FONT, color=INK)
    for spine in axes.spines.values():
        spine.set(linewidth=0.6, color=FAINT)


def _bright_end(values: "np.ma.MaskedArray[Any, Any]") -> float:
    """Top of the colour scale: a round number that all but the largest percent stay below."""
    flowing = values.compressed()
    top = float(np.percentile(flowing, 99)) if flowing.size else 1.0
    return top if top > 0 else 1.0


def line_colour(colour: str) -> tuple[float, float, float]:
    """The phase's colour, dark enough for a line or text on white."""
    import colorsys

    red, green, blue = (channel / 255 for channel in _rgb(colour))
    hue, lightness, saturation = colorsys.rgb_to_hls(red, green, blue)
    return colorsys.hls_to_rgb(hue, min(lightness, 0.5), saturation)


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue


def _axis_name(volume: Volume, axis: int) -> str:
    return f"{AXES[axis]} (through-plane)" if axis == volume.through_axis else AXES[axis]


def shortened(name: str, limit: int = 10) -> str:
    """A name that fits beside a line."""
    return name if len(name) <= limit else name[: limit - 1] + "…"


def png(figure: "Figure") -> bytes:
    """The figure as a file."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
