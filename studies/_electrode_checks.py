"""Checks of an electrode's recipe: whatever can be known before anything is run.

They are asked for every case of a study, so that tables which were sound once are not looked at
again: a recipe whose tables are all known takes some 0.1 ms.
"""

import importlib.util
import json
from collections.abc import Mapping
from dataclasses import fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from microstructures.errors import InvalidInputError
from studies._coating import SIZES, check_size
from studies._dimensions import check_bounds
from studies._volumes import CHECKED, check_keys, foreseen
from studies.case import as_json

if TYPE_CHECKING:
    from twin.performance import InCell

TABLES = ("volume", "step", "materials", "characterize", "mechanics", "cell")
TARGETS = ("porosity", "thickness", "total_porosity")  # of pressing
SETS = (
    "Ai2020", "Chen2020", "Ecker2015", "Marquis2019", "Mohtat2020", "NCA_Kim2011", "OKane2022",
    "ORegan2022", "Prada2013", "Ramadass2004",
)  # fmt: skip
"""Sets of full cells, which need not be loaded to know that: that takes seconds."""


def check_electrode(recipe: Mapping[str, Any]) -> None:
    """Raises InvalidInputError for a recipe that cannot be run, without running anything."""
    check_keys(recipe, TABLES, "the study")
    for name in TABLES:
        if name != "step" and not isinstance(recipe.get(name, {}), Mapping):
            raise InvalidInputError(f"{name} is {recipe[name]!r}: write a table [{name}]")
    if not recipe.get("volume") and not recipe.get("step"):
        raise InvalidInputError("there is no volume: write [volume] with a file, or generate one")
    known = foreseen(recipe.get("volume"))
    phases = known.phases
    if steps := recipe.get("step"):
        _check_steps(as_json(steps), "volume" in recipe)
        phases = phases_after(steps, phases)
    if "materials" in recipe:
        _check_materials(recipe["materials"], phases)
    axes = _checked_axes(as_json(recipe.get("characterize", {})))
    if "mechanics" in recipe:
        _check_mechanics(as_json(recipe["mechanics"]), phases)
    if "cell" in recipe:
        _check_cell(as_json(recipe["cell"]), phases)
        if known.through_axis not in axes:
            raise InvalidInputError(
                f"[cell] needs transport through the thickness, axis {known.through_axis}, but "
                f"'axes' of [characterize] are {list(axes)}: add it"
            )
    if "materials" not in recipe and (lost := {"mechanics", "cell"} & recipe.keys()):
        raise InvalidInputError(f"{min(lost)!r} needs materials: write a table [materials]")


def step_of(table: Any) -> tuple[str, dict[str, Any]]:
    """Name and arguments of a table [[step]]. Raises InvalidInputError."""
    if not isinstance(table, Mapping) or not isinstance(table.get("step"), str):
        raise InvalidInputError(
            f'{table!r} is no step: write a table [[step]] for each, with step = "calender" or '
            "another name in it"
        )
    return table["step"], {key: value for key, value in table.items() if key != "step"}


def cell_of(table: Mapping[str, Any], thickness: float | None) -> "InCell":
    """What a table [cell] asks of an electrode so many m thick. Raises InvalidInputError."""
    from twin.performance import InCell

    ours = (*SIZES, "uncertainty")
    given = {"limits": False} | {k: v for k, v in table.items() if k not in ours}
    return InCell(**given, thickness=thickness)


@lru_cache(maxsize=CHECKED)
def _check_steps(text: str, begins_with_volume: bool) -> None:
    from twin.manufacturing import Process

    steps = json.loads(text)
    chain = Process([step_of(step) for step in steps])
    if chain.wants_volume != begins_with_volume:
        name = steps[0]["step"]
        raise InvalidInputError(
            f"step {name!r} wants a volume: write [volume] with a file, or generate one"
            if chain.wants_volume
            else f"step {name!r} makes the volume itself: leave out [volume]"
        )
    for step in steps:
        _check_step(step)


def _check_step(step: Mapping[str, Any]) -> None:
    """Raises InvalidInputError for numbers that no volume can make good."""
    from twin.manufacturing import Population

    name = step["step"]
    check_bounds(step, f"step {name}")
    if name == "generate_electrode":
        for phase, particles in step["populations"].items():
            Population.of(particles, phase)
    targets = [target for target in TARGETS if target in step]
    if name in ("calender", "press") and len(targets) != 1:
        given = f"both {' and '.join(targets)}" if targets else "no target"
        raise InvalidInputError(f"step {name!r} has {given}: give one of {', '.join(TARGETS)}")


def phases_after(
    steps: list[Mapping[str, Any]], phases: tuple[str, ...] | None
) -> tuple[str, ...] | None:
    """Names of the phases of a volume after steps, None if they are not known."""
    for step in steps:
        if step["step"] == "generate_electrode":
            phases = (step.get("pore", "pore"), *step["populations"], *_binders(step))
        elif step["step"] == "place_binder" and phases is not None:
            phases = tuple(dict.fromkeys((*phases, step.get("phase", "CBD"))))
        elif step["step"] == "stack":
            phases = None
    return phases


def _binders(step: Mapping[str, Any]) -> list[str]:
    binder = step.get("binder", 0.0)
    several = binder if isinstance(binder, Mapping) else {step.get("binder_phase", "CBD"): binder}
    return [name for name, share in several.items() if share]


def _check_materials(materials: Mapping[str, Any], phases: tuple[str, ...] | None) -> None:
    import twin

    for made_of in materials.values():
        twin.material(made_of)
    _check_named(materials, phases, "[materials]")
    if missing := [name for name in phases or () if name not in materials]:
        raise InvalidInputError(
            f"[materials] has none for {', '.join(map(repr, missing))}: give every phase one"
        )


def _check_named(names: Any, phases: tuple[str, ...] | None, where: str) -> None:
    """Raises InvalidInputError for the name of a phase that the volume will not have."""
    if phases is not None:
        check_keys(dict.fromkeys(names), phases, where)


@lru_cache(maxsize=CHECKED)
def _checked_axes(characterize: str) -> tuple[int, ...]:
    """Axes along which transport is solved, of a table [characterize] as JSON."""
    from microstructures.volume import checked_axis
    from solvers.checks import checked_tolerance

    table = json.loads(characterize)
    check_keys(table, ("axes", "tolerance"), "[characterize]")
    axes = table.get("axes", [0, 1, 2])
    try:
        checked_tolerance(table.get("tolerance", 1e-5))
    except InvalidInputError as error:
        raise InvalidInputError(f"'tolerance' of [characterize]: {error}") from None
    try:
        found = tuple(checked_axis(axis) for axis in axes)
    except (InvalidInputError, TypeError):
        found = ()
    if not found:
        raise InvalidInputError(f"'axes' of [characterize] is {axes!r}: give some of [0, 1, 2]")
    return found


@lru_cache(maxsize=CHECKED)
def _check_mechanics(text: str, phases: tuple[str, ...] | None) -> None:
    from twin.mechanics import Mechanics

    table = json.loads(text)
    check_keys(table, [part.name for part in fields(Mechanics)], "[mechanics]")
    asked = Mechanics(**table)
    _check_named(asked.lithiation, phases, "'lithiation' of [mechanics]")
    _check_named(asked.interface or (), phases, "'interface' of [mechanics]")


@lru_cache(maxsize=CHECKED)
def _check_cell(text: str, phases: tuple[str, ...] | None) -> None:
    import twin
    from twin.performance import InCell

    table = json.loads(text)
    known = [part.name for part in fields(InCell)]
    check_keys(table, [*known, *SIZES, "uncertainty"], "[cell]")
    check_size(table)
    if not isinstance(table.get("uncertainty", False), bool):
        raise InvalidInputError("'uncertainty' of [cell] is true or false")
    asked = cell_of(table, table.get("thickness"))
    _check_named((asked.active,) if asked.active else (), phases, "'active' of [cell]")
    if asked.other is not None:
        twin.material(asked.other)
    _check_set(asked.parameters, asked.kind)


@lru_cache(maxsize=CHECKED)
def _check_set(parameters: str, kind: Any) -> None:
    """Raises InvalidInputError if PyBaMM is there and has no such set of such a cell."""
    from twin.performance import InCell

    is_known = kind == "full" and parameters in SETS
    if not is_known and importlib.util.find_spec("pybamm") is not None:
        try:
            InCell(parameters=parameters, kind=kind).check()
        except InvalidInputError as error:
            raise InvalidInputError(f"{parameters!r} of [cell]: {error}") from None
