"""StepReport: what a manufacturing step did to a volume. Fractions by phase name, SI units."""

import html
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

import numpy as np

from microstructures import Volume
from microstructures.errors import InvalidInputError
from solvers.results import finite

Numbers = Mapping[str, float]
LOSS = 1e-3  # of a phase's volume, from which on a change of what should be conserved is told


@dataclass(frozen=True, slots=True)
class StepReport:
    """What a step did: the volume before and after, what was moved, and what was conserved.

    A step is ``step(volume, *, …, rng=None) -> (Volume, StepReport)``. In its arguments
    ``porosity`` is the labelled pore fraction, and ``total_porosity`` includes nanopores.

    Args:
        step: name of the step.
        parameters: its keyword arguments, made plain by ``plain``; the table of a recipe.
        before: volume fraction of each phase by name, of the voxels that are not outside.
        after: the same of the result.
        moved: numbers that say what was moved, each name ending in its unit where it has one.
        conserved: relative change of the volume in m³ of each phase that the step should conserve.
        warnings: sentences, each naming a limit of the model that was left.
        figures: further results, SI.

    Raises:
        InvalidInputError: a parameter has no plain form.
    """

    step: str
    parameters: Mapping[str, Any]
    before: Numbers
    after: Numbers
    moved: Numbers = field(default_factory=dict)
    conserved: Numbers = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    figures: Numbers = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "parameters", plain(dict(self.parameters)))
        for name in ("before", "after", "moved", "conserved", "figures"):
            numbers = {str(key): float(value) for key, value in getattr(self, name).items()}
            object.__setattr__(self, name, numbers)
        object.__setattr__(self, "warnings", tuple(self.warnings))

    @classmethod
    def between(
        cls,
        step: str,
        before: Volume,
        after: Volume,
        parameters: Mapping[str, Any],
        *,
        conserve: Collection[str] = (),
        **more: Any,
    ) -> Self:
        """The report of a step that made ``after`` of ``before``.

        Args:
            step: name of the step.
            before: the volume that was given.
            after: the volume that is returned.
            parameters: keyword arguments of the step.
            conserve: names of the phases whose volume the step should conserve.
            more: ``moved``, ``warnings`` and ``figures``.
        """
        kept = relative_changes(phase_volumes(before), phase_volumes(after), conserve)
        told = tuple(
            f"the volume of {name} changed by {change:+.1%}, as it has {after.voxels(name)} voxels"
            for name, change in kept.items()
            if abs(change) > LOSS
        )
        return cls(
            step,
            parameters,
            before.fractions(),
            after.fractions(),
            conserved=kept,
            warnings=(*more.pop("warnings", ()), *told),
            **more,
        )

    @property
    def largest_loss(self) -> float:
        """Largest relative change of a volume that should be conserved, without its sign."""
        return max((abs(change) for change in self.conserved.values()), default=0.0)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain numbers and text; an undefined number becomes None."""
        return {f.name: _jsonable(getattr(self, f.name)) for f in fields(self)}

    def __str__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self.parameters.items())
        lines = [f"{self.step}({given})"]
        for phase in _names(self):
            lines.append(f"  {phase}: {_share(self.before, phase)} → {_share(self.after, phase)}")
        lines += [f"  {name}: {value:.4g}" for name, value in (*self.moved.items(),)]
        lines += [f"  {phase} conserved to {value:+.2g}" for phase, value in self.conserved.items()]
        lines += [f"  {name}: {value:.4g}" for name, value in self.figures.items()]
        return "\n".join((*lines, *(f"  warning: {warning}" for warning in self.warnings)))

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{html.escape(phase)}</td><td>{_share(self.before, phase)}</td>"
            f"<td>{_share(self.after, phase)}</td><td>{_change(self.conserved, phase)}</td></tr>"
            for phase in _names(self)
        )
        numbers = {**self.moved, **self.figures}
        listed = "<br>".join(f"{html.escape(k)}: {v:.4g}" for k, v in numbers.items())
        warned = "".join(f"<p>⚠ {html.escape(text)}</p>" for text in self.warnings)
        return (
            f"<div><b>{html.escape(self.step)}</b><table><tr><th>phase</th><th>before</th>"
            f"<th>after</th><th>conserved to</th></tr>{rows}</table>"
            f"<small>{listed}</small>{warned}</div>"
        )


def phase_volumes(volume: Volume) -> dict[str, float]:
    """Volume in m³ of every phase by name."""
    return {n: volume.voxels(label) * volume.voxel_volume for label, n in volume.phases.items()}


def relative_changes(before: Numbers, after: Numbers, names: Collection[str]) -> dict[str, float]:
    """(after − before) / before of the named numbers; 0 where both are 0, inf where one appeared.

    Raises:
        InvalidInputError: a name is in neither.
    """
    unknown = [name for name in names if name not in before and name not in after]
    if unknown:
        raise InvalidInputError(
            f"{unknown} cannot be conserved, since the volumes have only "
            f"{sorted({*before, *after})}: name phases that exist"
        )
    return {name: _relative(before.get(name, 0.0), after.get(name, 0.0)) for name in names}


def _relative(before: float, after: float) -> float:
    if before == after:
        return 0.0
    return (after - before) / before if before else np.inf


def plain(value: Any) -> Any:
    """``value`` made of what JSON and TOML can hold: numbers, text, lists and tables.

    A volume becomes its sha256, a generator its kind, an object with ``to_dict`` what that gives.

    Raises:
        InvalidInputError: the value is of another kind.
    """
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic | np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, Volume):
        return f"volume sha256 {value.sha256}"
    if isinstance(value, np.random.Generator):  # its state has moved on: such a step cannot replay
        return f"generator {type(value.bit_generator).__name__}"
    if callable(getattr(value, "to_dict", None)):
        return plain(value.to_dict())
    raise InvalidInputError(
        f"parameter {value!r} is a {type(value).__name__}, which a recipe cannot hold: pass "
        "numbers, text, lists, tables or an object with to_dict()"
    )


def _jsonable(value: Any) -> Any:
    if isinstance(value, float):
        return finite(value)
    if isinstance(value, Mapping):
        return {key: _jsonable(item) for key, item in value.items()}
    return [_jsonable(item) for item in value] if isinstance(value, list | tuple) else value


def _names(report: StepReport) -> list[str]:
    return list({**report.before, **report.after})


def _share(fractions: Numbers, phase: str) -> str:
    return f"{100 * fractions[phase]:.2f} %" if phase in fractions else "–"


def _change(conserved: Numbers, phase: str) -> str:
    return f"{conserved[phase]:+.2g}" if phase in conserved else ""
