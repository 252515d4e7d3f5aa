"""Tasks: what a study computes for each case. A task is an importable function with a VERSION."""

import difflib
import inspect
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError
from microstructures.wording import AXES
from solvers.results import finite
from studies.case import canonical

if TYPE_CHECKING:
    from twin import PropertyCard
    from twin.manufacturing import StepReport

Values = Mapping[str, Mapping[str, Any]]
TABLES = ("volume", "step", "materials", "characterize", "mechanics", "cell")
OF_FILE = ("file", "spacing", "phases", "outside", "through_axis", "collector", "shape", "dtype",
           "order", "crop")  # fmt: skip
GENERATORS = (
    "sample_cathode", "excursion_volume", "hard_spheres", "overlapping_spheres",
    "plurigaussian_volume", "polycrystal", "random_fibres", "random_platelets",
)  # fmt: skip
FOUND = ("ok", "does not percolate", "not converged")
Function = TypeVar("Function", bound=Callable[..., Any])

OF_CELL = {  # column of a discharge: its name in a study, and unit
    "capacity_Ah_m2": ("capacity", "Ah/m²"),
    "energy_Wh_m2": ("energy", "Wh/m²"),
    "energy_Wh_kg": ("specific_energy", "Wh/kg"),
    "energy_Wh_L": ("energy_density", "Wh/L"),
    "power_W_kg": ("specific_power", "W/kg"),
    "power_W_L": ("power_density", "W/L"),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a task found.

    Args:
        values: by name, each {"value", "unit"} and perhaps "uncertainty"; None for no number.
        status: "ok", "does not percolate" or "not converged".
        reason: why it is not "ok".
        arrays: to be stored beside the numbers.
        provenance: residuals, seeds, warnings and whatever else tells how it was found.

    Raises:
        InvalidInputError: a value that ``number`` does not make, or another status.
    """

    values: Values
    status: str = "ok"
    reason: str = ""
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.status not in FOUND:
            raise InvalidInputError(f"status is {self.status!r}: choose one of {', '.join(FOUND)}")
        for name, value in self.values.items():
            if not isinstance(value, Mapping) or not {"value", "unit"} <= set(value):
                raise InvalidInputError(
                    f"value {name!r} is {value!r}: write studies.number(value, unit)"
                )


def task(
    *, version: int, check: Callable[[Mapping[str, Any]], None] | None = None
) -> Callable[[Function], Function]:
    """Mark a function of a module as a task: ``function(recipe) -> Outcome``.

    Args:
        version: of its physics; count it up when its results change, and no old result is taken
            for a new one.
        check: raises InvalidInputError for a recipe that cannot be run; asked for every case
            before any is run.
    """

    def marked(function: Function) -> Function:
        about: Any = function
        about.VERSION, about.check = version, check
        return function

    return marked


def number(
    value: float | None, unit: str = "1", uncertainty: float | None = None
) -> dict[str, Any]:
    """A value of an Outcome; None where it is infinite or undefined."""
    found: dict[str, Any] = {"value": finite(value), "unit": unit}
    if (error := finite(uncertainty)) is not None and error > 0:
        found["uncertainty"] = error
    return found


def check_electrode(recipe: Mapping[str, Any]) -> None:
    """Raises InvalidInputError for a recipe that cannot be run, without running anything."""
    import twin
    from twin.mechanics import Mechanics
    from twin.performance import InCell

    _known(recipe, TABLES, "the study")
    for name in TABLES:
        if name != "step" and not isinstance(recipe.get(name, {}), Mapping):
            raise InvalidInputError(f"{name} is {recipe[name]!r}: write a table [{name}]")
    if not recipe.get("volume") and not recipe.get("step"):
        raise InvalidInputError("there is no volume: write [volume] with a file, or generate one")
    _check_volume(recipe.get("volume"))
    if steps := recipe.get("step"):
        _check_steps(steps, "volume" in recipe)
    for name in (recipe.get("materials") or {}).values():
        twin.material(name)
    for name, kind in (("mechanics", Mechanics), ("cell", InCell)):
        if name in recipe:
            known = [part.name for part in fields(kind)]
            _known(recipe[name], known, f"[{name}]")
            kind(**recipe[name])
    _known(recipe.get("characterize", {}), ("axes", "tolerance"), "[characterize]")


@task(version=1, check=check_electrode)
def electrode(recipe: Mapping[str, Any]) -> Outcome:
    """An electrode made, changed, characterized and perhaps placed in a cell.

    The recipe has ``volume`` (a file to read, or something to generate), ``step`` (a list of
    manufacturing steps), ``materials``, ``characterize`` (arguments of ``twin.characterize``),
    ``mechanics`` and ``cell`` (arguments of ``twin.mechanics.Mechanics`` and
    ``twin.performance.InCell``).
    """
    import twin
    from twin.manufacturing import Process
    from twin.mechanics import Mechanics
    from twin.performance import InCell

    volume = _volume(recipe.get("volume"))
    reports: tuple[StepReport, ...] = ()
    if steps := recipe.get("step"):
        made = Process([_step(step) for step in steps]).run(volume)
        volume, reports = made.volume, made.reports
    if volume is None:
        raise InvalidInputError("there is no volume: name a file, or generate one")
    asked = dict(recipe.get("characterize", {}))
    if "mechanics" in recipe:
        asked["mechanics"] = Mechanics(**recipe["mechanics"])
    if "cell" in recipe:
        asked["cell"] = InCell(**recipe["cell"])
    card = twin.characterize(volume, recipe.get("materials"), **asked)
    status, reason = _status(card)
    values = _of_card(card) | _of_steps(reports) | _of_cell(card)
    return Outcome(values, status, reason, _picture(volume), _provenance(card, reports))


def _check_volume(about: Any) -> None:
    from microstructures import generate

    if about is None:
        return
    if ("file" in about) == ("generate" in about):
        raise InvalidInputError("[volume] wants either 'file' or 'generate'")
    if "file" in about:
        known: Collection[str] = OF_FILE
    elif about["generate"] in GENERATORS:
        taken = inspect.signature(getattr(generate, about["generate"])).parameters
        known = ["generate", "seed", *(name for name in taken if name != "rng")]
    else:
        raise InvalidInputError(
            f"generate {about['generate']!r} is no generator: one of {', '.join(GENERATORS)}"
        )
    _known(about, known, "[volume]")


def _check_steps(steps: Any, begins_with_volume: bool) -> None:
    from twin.manufacturing import Process

    chain = Process([_step(step) for step in steps])
    if chain.wants_volume != begins_with_volume:
        name = steps[0]["step"]
        raise InvalidInputError(
            f"step {name!r} wants a volume: write [volume] with a file, or generate one"
            if chain.wants_volume
            else f"step {name!r} makes the volume itself: leave out [volume]"
        )


def _known(table: Mapping[str, Any], known: Collection[str], where: str) -> None:
    for key in table:
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            meant = f"did you mean {close[0]!r}?" if close else f"known are {', '.join(known)}"
            raise InvalidInputError(f"unknown key {key!r} in {where}: {meant}")


def _volume(about: Mapping[str, Any] | None) -> Volume | None:
    if about is None:
        return None
    file = Path(str(about["file"])) if "file" in about else None
    return _made(canonical(about), file.stat().st_mtime_ns if file else 0)


@lru_cache(maxsize=2)
def _made(about: str, written: int) -> Volume:
    """The volume of a recipe, and of the ns when its file was written; mostly the same again."""
    import microstructures
    from microstructures import generate

    given = json.loads(about)
    if "phases" in given:
        given["phases"] = {int(label): name for label, name in given["phases"].items()}
    if "file" in given:
        crop = given.pop("crop", None)
        volume = microstructures.read(given.pop("file"), **given)
        return volume.cropped(*map(tuple, crop)) if crop else volume
    maker = getattr(generate, given.pop("generate"))
    seed = given.pop("seed", 0)
    if maker is generate.sample_cathode:
        return generate.sample_cathode(seed, **given)
    structure: generate.Structure = maker(**given, rng=seed)
    return structure.volume


def _step(table: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Name and arguments of a table [[step]]."""
    if not isinstance(table, Mapping) or not isinstance(table.get("step"), str):
        raise InvalidInputError(
            f'{table!r} is no step: write a table [[step]] for each, with step = "calender" or '
            "another name in it"
        )
    return table["step"], {key: value for key, value in table.items() if key != "step"}


def _status(card: "PropertyCard") -> tuple[str, str]:
    """The worst status of the transport through the thickness: of ions and electrons, if known."""
    axis = card.volume.through_axis
    wanted = ("effective_ionic", "effective_electronic") if card.materials else ("tortuosity",)
    for status in ("not converged", "does not percolate"):
        found = [e for e in card.entries if e.status == status and e.axis in (axis, None)]
        if status == "does not percolate":
            found = [e for e in found if e.name.startswith(wanted)]
        if found:
            return status, "; ".join(f"{e.name.replace('_', ' ')} {e.phase}" for e in found)
    return "ok", ""


def _of_card(card: "PropertyCard") -> dict[str, dict[str, Any]]:
    values = {}
    for entry in card.entries:
        where = [entry.phase or "", "" if entry.axis is None else AXES[entry.axis]]
        name = ".".join([entry.name, *filter(None, where)])
        values[name] = number(entry.value, entry.unit, float(entry.uncertainty))
    return values


def _of_steps(reports: "tuple[StepReport, ...]") -> dict[str, dict[str, Any]]:
    """Figures of each step; the unit is the end of their names."""
    return {
        f"{report.step}.{name}": number(float(value), "")
        for report in reports
        for name, value in (report.figures | report.moved).items()
        if isinstance(value, int | float)
    }


def _of_cell(card: "PropertyCard") -> dict[str, dict[str, Any]]:
    """Figures of each discharge, with the rate at the end of their names."""
    if card.performance is None:
        return {}
    rows = card.performance.to_frame().to_dict("records")
    return {
        f"cell.{name}.{row['rate_per_h']:g}": number(row[column], unit)
        for row in rows
        for column, (name, unit) in OF_CELL.items()
        if column in row
    }


def _picture(volume: Volume) -> dict[str, NDArray[Any]]:
    """The middle slice through the thickness, for reports."""
    axis = next(axis for axis in range(3) if axis != volume.through_axis)
    slice_ = np.take(volume.labels, volume.shape[axis] // 2, axis)
    return {"slice": slice_.astype(np.uint16)}


def _provenance(card: "PropertyCard", reports: "tuple[StepReport, ...]") -> dict[str, Any]:
    residuals = [entry.report.residual for entry in card.entries if entry.report is not None]
    return {
        "warnings": [*card.warnings, *(w for report in reports for w in report.warnings)],
        "versions": dict(card.versions),
        "device": card.settings.get("device"),
        "volume": card.volume.sha256,
        "largest_residual": max(residuals, default=None),
        "phases": {str(label): name for label, name in card.volume.phases.items()},
    }
