"""The page: a property card as one self-contained HTML file, without scripts or links out."""

import os
import re
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from microstructures import Volume, phase_colours
from microstructures.wording import AXES, length
from twin._card_files import write_text
from twin._stress_warnings import USED
from twin.materials import TRANSPORT, Material, Value, library
from twin.report import figures, mechanics, performance, tables
from twin.report.definitions import CONVENTIONS, ELASTICITY
from twin.report.embedded import Figure, figure
from twin.report.render import Picture, Rendering
from twin.report.wording import duration, plain

if TYPE_CHECKING:
    from jinja2 import Template

    from twin.card import PropertyCard


@dataclass(frozen=True, slots=True)
class Given:
    """A number of a material as the page shows it, or its swelling."""

    quantity: str
    number: str
    conditions: str
    source: str
    doi: str
    verified: bool
    note: str


def write(card: "PropertyCard", path: str | os.PathLike[str], picture: bool = True) -> None:
    """The card as one self-contained HTML file at ``path``, complete or not written at all.

    Args:
        card: what ``twin.characterize`` returned.
        path: the file to write; its folder is created.
        picture: add a 3-D picture where one can be drawn; elsewhere the page says why not.

    Raises:
        InvalidInputError: the place cannot be written to.
    """
    write_text(page(card, picture=picture), path)


def page(card: "PropertyCard", *, picture: bool = True) -> str:
    """The HTML of a card. The 3-D picture is drawn by a child process meanwhile."""
    with ExitStack() as stack:
        drawing = (
            stack.enter_context(Rendering(card.volume, materials=card.materials))
            if picture
            else None
        )
        content = _content(card)
        drawn = drawing.result() if drawing else Picture(None, "it was not asked for")
    content |= {"picture": _picture(card.volume, drawn), "no_picture": drawn.reason}
    return _template().render(content)


@cache
def _template() -> "Template":
    from jinja2 import Environment, StrictUndefined

    folder = files("twin.report")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"length": length, "duration": duration, "plain": plain}
    environment.globals["style"] = (folder / "report.css").read_text("utf-8")
    return environment.from_string((folder / "report.html.jinja").read_text("utf-8"))


def _content(card: "PropertyCard") -> dict[str, Any]:
    volume = card.volume
    return {
        "card": card,
        "volume": volume,
        "name": _name(volume),
        "axes": AXES,
        "order": tables.axis_order(volume.through_axis),
        "headline": tables.headline(card),
        "topics": tables.topics(card),
        "legend": tuple(_legend(volume)),
        "slices": tuple(_slices(volume)),
        "profiles": _profiles(volume),
        "maps": tuple(_maps(card)),
        "flowing": tables.flowing_phase(card),
        "blocked": tables.blocked_phase(card),
        "mechanics": mechanics.section(card),
        "no_stress": card.mechanics is None and "mechanics" in card.settings,
        "percentiles": tables.PERCENTILES,
        "performance": performance.section(card),
        "no_cell": card.performance is None and "cell" in card.settings,
        "definitions": tables.defined(card),
        "conventions": CONVENTIONS if card.mechanics is None else (*CONVENTIONS, ELASTICITY),
        "materials": tuple(_materials(card)),
        "methods": tables.methods(card),
        "solves": tables.solves(card),
        "recipe": python_lines(card),
    }


def _name(volume: Volume) -> str:
    """File name, or the function that made the volume."""
    source = volume.provenance.source
    if volume.provenance.sha256 is None:
        function = source.partition("(")[0].rpartition(".")[2].replace("_", " ").strip()
        return function[:1].upper() + function[1:] or "Volume"
    return source.replace("\\", "/").rstrip("/").rpartition("/")[2] or "volume"


def _legend(volume: Volume) -> Iterator[tuple[str, str, float]]:
    """Colour, name and fraction of every phase."""
    for label, colour in phase_colours(volume.phases).items():
        yield colour, volume.phases[label], volume.fraction(label)


def _slices(volume: Volume) -> Iterator[Figure]:
    for plane in figures.planes(volume):
        normal = AXES[plane.normal]
        depth = length((plane.index + 0.5) * volume.spacing[plane.normal])
        kind = "in-plane" if plane.normal == volume.through_axis else "cross-section"
        caption = f"{kind.capitalize()} normal to {normal}, at {normal} = {depth}"
        alt = f"{caption}. Phases: {', '.join(volume.phases.values())}."
        yield figure(figures.phases_slice(volume, plane), alt, caption)


def _profiles(volume: Volume) -> Figure:
    means = ", ".join(f"{name} {100 * f:.1f} %" for name, f in volume.fractions().items())
    return figure(
        figures.profiles(volume),
        f"Volume fraction of each phase along the through-plane axis. Means: {means}.",
        "Volume fraction of each layer through the thickness; the dashed lines are the means. "
        "A slope or a step is a gradient of the electrode, a lonely spike at an end usually a "
        "fault of the image.",
    )


def _maps(card: "PropertyCard") -> Iterator[Figure]:
    if card.fields is None:
        return
    volume, plane = card.volume, figures.planes(card.volume)[0]
    through, phase = AXES[volume.through_axis], tables.flowing_phase(card)
    where = f"Cross-section normal to {AXES[plane.normal]} through the middle, in {phase}"
    potential = figures.field_map(
        volume, plane, card.fields.potential, "potential / applied difference", colours="viridis"
    )
    yield figure(
        potential,
        f"Map of the potential. {where}.",
        f"Potential: 1 at the low end of {through}, 0 at its high end. Grey: nothing flows. "
        "Sudden steps between neighbouring pores mean that no short path connects them.",
    )
    flux = figures.field_map(
        volume, plane, card.fields.flux, "local flux / mean flux", colours="magma"
    )
    yield figure(
        flux,
        f"Map of the flux density. {where}.",
        "Size of the local flux in units of the mean flux of the whole cross-section. Bright "
        "spots are bottlenecks, dark pores dead ends. The brightest percent is cut off.",
    )


def _picture(volume: Volume, drawn: Picture) -> Figure | None:
    if drawn.png is None:
        return None
    size = " × ".join(length(edge) for edge in volume.size)
    return figure(
        drawn.png,
        f"Perspective picture of the solid phases, {size}.",
        f"The solid phases of the whole volume, {size}, one corner cut away, current collector "
        "below. Voxels are merged and surfaces smoothed for this picture only.",
    )


def _materials(card: "PropertyCard") -> Iterator[tuple[str, Material, tuple[Given, ...]]]:
    """Phase, material, and those of its numbers that the card uses."""
    used = (*TRANSPORT, *USED) if "mechanics" in card.settings else tuple(TRANSPORT)
    for phase, material in (card.materials or {}).items():
        rows = [_given(quantity, value) for quantity, value in material.values(used).items()]
        if "swelling" in used and (table := material.swelling) is not None:
            about = (table.conditions, table.source, table.doi, table.verified, table.note)
            rows.append(Given("swelling", str(table).removesuffix(" (unverified)"), *about))
        yield phase, material, tuple(rows)


def _given(quantity: str, value: Value) -> Given:
    number = plain(value.value) + (f" {value.unit}" if value.unit != "1" else "")
    return Given(
        quantity.replace("_", " "),
        number,
        value.conditions,
        value.source,
        value.doi,
        value.verified,
        value.note,
    )


def python_lines(card: "PropertyCard") -> str:
    """The Python lines that give this card again."""
    volume = card.volume
    spacing = volume.spacing[0] if len(set(volume.spacing)) == 1 else volume.spacing
    given = [f"spacing={spacing!r}", f"phases={dict(volume.phases)!r}"]
    if volume.through_axis != 0:
        given.append(f"through_axis={volume.through_axis}")
    if volume.collector != "high":
        given.append(f"collector={volume.collector!r}")
    if volume.outside is not None:
        given.append(f"outside={volume.outside}")
    lines = [*_imports(card), "", *_opening(volume, given)]
    lines += ["# then: " + _one_line(step) for step in volume.provenance.history]
    lines += [*_own_materials(card), _characterize(card), 'card.to_html("report.html")']
    return "\n".join(lines)


def _imports(card: "PropertyCard") -> Iterator[str]:
    precision = card.settings.get("precision", "mixed")
    has_boundary = "solvers." in _mechanics_again(card)
    plain_runtime = precision == "mixed"
    yield f"import microstructures, {'' if plain_runtime and not has_boundary else 'solvers, '}twin"
    if "cell" in card.settings:
        yield "from twin.performance import InCell"
    if not plain_runtime:
        yield ""
        yield f"solvers.use(precision={precision!r})"


def _opening(volume: Volume, given: list[str]) -> Iterator[str]:
    source = volume.provenance.source
    if volume.provenance.sha256 is None:
        yield f"# labels made by: {_one_line(source)}"
        yield _call("volume = microstructures.Volume", ["labels", *given])
        return
    if source.lower().endswith(".raw"):
        yield "# raw data: add shape=(nz, ny, nx), dtype and order, unless a file beside says them"
    yield _call("volume = microstructures.read", [repr(source), *given])


def _own_materials(card: "PropertyCard") -> Iterator[str]:
    """Places for the materials that are not those of the library."""
    given = (card.materials or {}).items()
    own = {phase: made for phase, made in given if not _in_library(made)}
    if own:
        yield "# define your own materials first, with the numbers on this page"
    for phase, made in own.items():
        yield f"# {_variable(phase)} = twin.Material({made.name!r}, ...)"


def _characterize(card: "PropertyCard") -> str:
    made_of = (
        f"{phase!r}: {made.name!r}" if _in_library(made) else f"{phase!r}: {_variable(phase)}"
        for phase, made in (card.materials or {}).items()
    )
    named = ", ".join(made_of)
    given = ["volume", *([f"materials={{{named}}}"] if named else [])]
    for setting in ("tolerance", "axes"):
        if setting in card.settings:
            given.append(f"{setting}={card.settings[setting]!r}")
    if load := _mechanics_again(card):
        given.append(f"mechanics={load}")
    if cell := card.settings.get("cell"):
        given.append(f"cell={cell}")
    return _call("card = twin.characterize", given)


def _mechanics_again(card: "PropertyCard") -> str:
    """The load that was asked for, as a call; empty if there was none."""
    conditions = r"\b(Boundary|Periodic|Symmetry|Clamped|Free|Platen)\("
    load = re.sub(conditions, r"solvers.\1(", str(card.settings.get("mechanics", "")))
    return f"twin.{load}" if load else ""


def _in_library(made: Material) -> bool:
    return library().get(made.name) == made


def _variable(phase: str) -> str:
    return "my_" + re.sub(r"\W+", "_", phase.lower()).strip("_")


def _one_line(text: str) -> str:
    return " ".join(text.splitlines())


def _call(function: str, arguments: list[str]) -> str:
    return f"{function}(\n" + "".join(f"    {argument},\n" for argument in arguments) + ")"
