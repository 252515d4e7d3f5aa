"""Tasks: what a study computes for each case. A task is an importable function with a VERSION."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from numbers import Real
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError
from studies import _card_values
from studies._card_values import number as number
from studies._coating import Coating
from studies._electrode_checks import TABLES as TABLES
from studies._electrode_checks import cell_of, check_electrode, step_of
from studies._volumes import volume_of, written
from studies.case import as_json
from studies.table import TAKEN

if TYPE_CHECKING:
    from twin import PropertyCard
    from twin.manufacturing import StepReport

Values = Mapping[str, Mapping[str, Any]]
FOUND = ("ok", "does not percolate", "not converged")
KNOWN = 4  # electrodes that a worker keeps in mind for the next cases, which differ in [cell] only
Function = TypeVar("Function", bound=Callable[..., Any])


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
        for name, about in self.values.items():
            if not _is_value(about):
                raise InvalidInputError(
                    f"value {name!r} is {about!r}: write studies.number(value, unit)"
                )
            if name in TAKEN:
                raise InvalidInputError(f"{name!r} is a column of its own: rename the value")


def _is_value(about: Any) -> bool:
    """Whether it is what ``number`` makes."""
    if not isinstance(about, Mapping) or not {"value", "unit"} <= set(about):
        return False
    numbers = [0 if about["value"] is None else about["value"], about.get("uncertainty", 0)]
    return isinstance(about["unit"], str) and all(
        isinstance(one, Real) and not isinstance(one, bool) for one in numbers
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


@task(version=3, check=check_electrode)
def electrode(recipe: Mapping[str, Any]) -> Outcome:
    """An electrode made, changed, characterized and perhaps placed in a cell.

    The recipe has ``volume`` (a file to read, or something to generate), ``step`` (a list of
    manufacturing steps), ``materials``, ``characterize`` (arguments of ``twin.characterize``),
    ``mechanics`` (arguments of ``twin.mechanics.Mechanics``) and ``cell``: arguments of
    ``twin.performance.InCell``, and instead of ``thickness`` either ``areal_capacity`` (Ah/m²) or
    ``loading`` (kg/m²), which stays while the electrode is pressed; ``uncertainty`` = true tells
    what the standard error of the MacMullin number makes of each figure of the cell.

    Beside the entries of the card there are ``electrode_density`` (dry, kg/m³),
    ``total_porosity``, ``electrode_thickness``, ``loading`` and ``areal_capacity``, as far as the
    materials have what these need.
    """
    known = _characterized(
        as_json({name: about for name, about in recipe.items() if name != "cell"}),
        written(recipe.get("volume")),
    )
    card, cell = known.card, recipe.get("cell")
    if cell is not None:
        card = _in_cell(card, cell)
    thickness = card.volume.size[card.volume.through_axis]
    if card.performance is not None:
        thickness = card.performance.structure.thickness
    doubted = cell is not None and cell.get("uncertainty", False)
    values = {
        **known.values,
        **_card_values.of_coating(Coating.of_card(card), thickness),
        **_card_values.of_cell(card.performance, card, doubted),
    }
    provenance = _card_values.provenance_of(card, known.reports)
    return Outcome(values, *_card_values.status_of(card), _picture(card.volume), provenance)


@dataclass(frozen=True, slots=True)
class _Characterized:
    """What a case has in common with those that differ from it in [cell] only."""

    card: "PropertyCard"
    values: Values
    reports: "tuple[StepReport, ...]"


@lru_cache(maxsize=KNOWN)
def _characterized(recipe: str, written: int) -> _Characterized:
    """The electrode of a recipe without [cell], and of the ns when its file was written."""
    import twin
    from twin.manufacturing import Process
    from twin.mechanics import Mechanics

    given = json.loads(recipe)
    volume = volume_of(given.get("volume"))
    reports: tuple[StepReport, ...] = ()
    if steps := given.get("step"):
        made = Process([step_of(step) for step in steps]).run(volume)
        volume, reports = made.volume, made.reports
    if volume is None:
        raise InvalidInputError("there is no volume: name a file, or generate one")
    asked = dict(given.get("characterize", {}))
    load = Mechanics(**given["mechanics"]) if "mechanics" in given else None
    card = twin.characterize(volume, given.get("materials"), mechanics=load, **asked)
    values = _card_values.of_card(card) | _card_values.of_steps(reports)
    if load is not None:
        values |= _card_values.of_load(load)
    # fields of each voxel would be kept for nothing
    return _Characterized(replace(card, fields=None, mechanics=None), values, reports)


def _in_cell(card: "PropertyCard", table: Mapping[str, Any]) -> "PropertyCard":
    """The card with what the electrode does in a cell; with a warning if nothing gets through it.

    Raises:
        InvalidInputError: what lacks is not the transport, of which the status of the case tells.
    """
    from twin.performance import assess

    coating = Coating.of_card(card)
    if coating is None:
        raise InvalidInputError("a cell needs materials: write a table [materials]")
    asked = cell_of(table, coating.thickness(table))
    asked.check()
    try:
        found = assess(card, asked)
    except InvalidInputError as error:
        if _card_values.status_of(card)[0] == "ok":
            raise
        doubt = f"The electrode was placed in no cell: {error}."
        return replace(card, warnings=(*card.warnings, doubt))
    return replace(card, performance=found, warnings=(*card.warnings, *found.doubts))


def _picture(volume: Volume) -> dict[str, NDArray[Any]]:
    """The middle slice through the thickness, for reports."""
    axis = next(axis for axis in range(3) if axis != volume.through_axis)
    slice_ = np.take(volume.labels, volume.shape[axis] // 2, axis)
    return {"slice": slice_.astype(np.uint16)}
