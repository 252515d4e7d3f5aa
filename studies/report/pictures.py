"""Pictures of microstructures: slices that cases have stored, the ends and middle of quantities."""

import io
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from microstructures import phase_colours
from microstructures.errors import TwinError
from studies.report.columns import headline
from studies.report.troubles import point
from twin.report.embedded import Figure, figure

if TYPE_CHECKING:
    from studies.report.columns import Column
    from studies.store import Record, Store

MOST = 12
ASKED = 6  # quantities whose ends are shown
TOLD = 2  # reasons why a case is shown
FINEST = 512  # pixels of a picture along an edge; larger slices are thinned
WIDTH = 230  # pixels of the widest on the page
EMPTY = "#b4bcc4"  # of a label without a name
NAME = "slice"


@dataclass(frozen=True, slots=True)
class Picture:
    """The slice of a case.

    Args:
        case: its number, from 0.
        figure: the picture, its words, and why this case is shown.
        width: on the page, in pixels; a voxel is as large in all pictures.
        point: the parameters of the case in words.
    """

    case: int
    figure: Figure
    width: int
    point: str


@dataclass(frozen=True, slots=True)
class Gallery:
    """Pictures, and colour and name of the phases in them."""

    pictures: tuple[Picture, ...]
    legend: tuple[tuple[str, str], ...]


def gallery(
    store: "Store", records: "Sequence[Record | None]", columns: "Sequence[Column]"
) -> Gallery:
    """Up to ``MOST`` pictures: of all cases if they are few, else the ends of headline quantities.

    A slice that is not what was written is left out.
    """
    able = [i for i, record in enumerate(records) if record and NAME in record.arrays]
    chosen = _chosen(able, columns)
    slices = {case: made for case in chosen if (made := _slice(store, records[case])) is not None}
    widest = max((plane.shape[1] for plane in slices.values()), default=1)
    parameters = [column for column in columns if column.is_parameter]
    pictures = tuple(
        Picture(
            case,
            _figure(case, plane, _phases(records[case]), chosen[case]),
            max(round(plane.shape[1] * WIDTH / widest), 1),
            point(parameters, case),
        )
        for case, plane in slices.items()
    )
    return Gallery(pictures, _legend([records[case] for case in slices]))


def _chosen(able: Sequence[int], columns: "Sequence[Column]") -> dict[int, str]:
    """Cases to be shown, in their order, and why."""
    reasons: dict[int, list[str]] = {case: [] for case in able} if len(able) <= MOST else {}
    for column in headline(columns, ASKED):
        found = [case for case in able if isinstance(column.values[case], int | float)]
        ends = _ends(column, found)
        if len({*reasons, *ends}) > MOST:
            break
        for case, word in ends.items():
            reasons.setdefault(case, []).append(f"{word} {_named(column, case)}")
    if not reasons:  # nothing varies
        reasons = {case: [] for case in able[:MOST]}
    return {case: "; ".join(reasons[case][:TOLD]) for case in sorted(reasons)}


def _ends(column: "Column", cases: Sequence[int]) -> dict[int, str]:
    """The cases with the lowest, median and highest value."""
    values = {case: float(str(column.values[case])) for case in cases}
    if len(set(values.values())) < 2:
        return {}
    low, high = min(values, key=values.__getitem__), max(values, key=values.__getitem__)
    middle = statistics.median_low(values.values())
    median = next(case for case, value in values.items() if value == middle)
    return {median: "median", low: "lowest", high: "highest"}


def _named(column: "Column", case: int) -> str:
    told = f"{column.told(case)} {column.unit}".strip()
    return f"{column.title}, {told}"


def _slice(store: "Store", record: "Record | None") -> NDArray[np.uint16] | None:
    """Labels with the through-plane axis downwards, thinned if they are many."""
    try:
        plane = store.array(record.key, NAME) if record else None
    except (TwinError, KeyError):
        return None
    if record is None or plane is None or plane.ndim != 2 or plane.dtype.kind not in "iu":
        return None
    recipe = record.case.get("recipe", {})
    volume = recipe.get("volume") if isinstance(recipe, Mapping) else None
    if isinstance(volume, Mapping) and volume.get("through_axis") == 2:
        plane = plane.T
    step = -(-max(plane.shape) // FINEST)
    return plane[::step, ::step]


def _figure(case: int, plane: NDArray[np.uint16], phases: Mapping[int, str], why: str) -> Figure:
    fractions = ", ".join(
        f"{phases.get(label, f'label {label}')} {np.mean(plane == label):.0%}"
        for label in np.unique(plane).tolist()
    )
    alt = f"Slice of case {case + 1}, {plane.shape[0]} × {plane.shape[1]} voxels: {fractions}."
    return figure(_png(plane, phases), alt, why)


def _png(plane: NDArray[np.uint16], phases: Mapping[int, str]) -> bytes:
    """A pixel for each voxel, in the colours of the phases."""
    from PIL import Image

    labels, indices = np.unique(plane, return_inverse=True)
    colours = phase_colours(phases)
    palette = [_rgb(colours.get(label, EMPTY)) for label in labels.tolist()][:256]
    image = Image.fromarray(indices.reshape(plane.shape).clip(0, 255).astype(np.uint8), "P")
    image.putpalette([channel for colour in palette for channel in colour])
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue


def _phases(record: "Record | None") -> dict[int, str]:
    given: Any = record.provenance.get("phases") if record else None
    if not isinstance(given, Mapping):
        return {}
    return {int(label): str(name) for label, name in given.items() if str(label).isdigit()}


def _legend(records: "Sequence[Record | None]") -> tuple[tuple[str, str], ...]:
    found = {
        (colour, phases[label])
        for phases in map(_phases, records)
        for label, colour in phase_colours(phases).items()
    }
    return tuple(sorted(found, key=lambda one: one[1]))
