"""Pressed: a composite after pressing, what ions find in it, and what both networks reach. SI."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from microstructures.errors import InvalidInputError
from studies._card_values import number, of_steps
from studies._volumes import check_keys, check_volume, volume_of
from studies.tasks import Outcome, task

if TYPE_CHECKING:
    from twin.manufacturing import Process

TABLES = ("volume", "step", "composite", "tolerance")
ROLES = ("active", "electrolyte")


def check_pressed(recipe: Mapping[str, Any]) -> None:
    """Raises InvalidInputError for a recipe of ``pressed_composite`` that cannot be run."""
    check_keys(recipe, TABLES, "the study")
    check_volume(recipe.get("volume"))
    chain = _process(recipe)
    if chain.steps[-1][0] != "press":
        raise InvalidInputError(f"the last step is {chain.steps[-1][0]!r}: end with a step press")
    if chain.wants_volume != ("volume" in recipe):
        raise InvalidInputError(
            "either the first step makes the volume or [volume] does: write one of them"
        )
    roles = recipe.get("composite", {})
    check_keys(roles, ROLES, "[composite]")
    solids = chain.steps[-1][1]["solids"]
    if lacking := [n for n in ROLES if roles.get(n) not in solids]:
        raise InvalidInputError(
            f"[composite] wants {' and '.join(lacking)}, one of the solids {', '.join(solids)}"
        )


def _process(recipe: Mapping[str, Any]) -> "Process":
    from twin.manufacturing import Process

    steps = [dict(step) for step in recipe.get("step", [])]
    return Process([(str(step.pop("step", "")), step) for step in steps])


@task(version=1, check=check_pressed)
def pressed_composite(recipe: Mapping[str, Any]) -> Outcome:
    """A composite that is pressed, what ions then find in it, and what both networks reach.

    The recipe has ``step``, ending with a step press, perhaps ``volume`` to begin with, and
    ``composite``: which phase is ``active`` and which the ``electrolyte``. Found are the figures of
    the steps, tortuosity factor and conductivity of the electrolyte through the thickness relative
    to its bulk, that in S/m if its material is known, the area between the two and the utilisation.
    """
    import solvers

    made = _process(recipe).run(volume_of(recipe.get("volume")))
    volume, (active, electrolyte) = made.volume, (recipe["composite"][n] for n in ROLES)
    ions = solvers.tortuosity_factor(
        volume, electrolyte, tolerance=float(recipe.get("tolerance", 1e-3))
    )
    used = solvers.utilisation(volume, active, electrolyte)
    area = solvers.interface_areas(volume)[active, electrolyte]
    share, error = ions.relative_diffusivity, float(ions.diffusivity.uncertainty)
    values = of_steps(made.reports) | {
        "relative_conductivity": number(share, "1", error),
        "tortuosity_factor": number(ions.tortuosity_factor, "1", float(ions.uncertainty)),
        "contact_area": number(float(area.value), "m²/m³", float(area.uncertainty)),
        "utilisation": number(used.value),
        "active_connected": number(used.wired),
        "electrolyte_connected": number(used.electrolyte),
    }
    bulk = _bulk(_process(recipe).steps[-1][1]["solids"][electrolyte])
    if bulk is not None:
        values["ionic_conductivity"] = number(bulk * share, "S/m", bulk * error)
    provenance = {"warnings": [*made.warnings], "volume": volume.sha256}
    if not ions.percolates:
        return Outcome(values, "does not percolate", electrolyte, provenance=provenance)
    return Outcome(values, provenance=provenance)


def _bulk(solid: Any) -> float | None:
    """Ionic conductivity in S/m of a material of the library."""
    import twin

    if not isinstance(solid, str):
        return None
    known = twin.material(solid).ionic_conductivity
    return None if known is None else float(known.value)
