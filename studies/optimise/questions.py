"""Optimum: the best cases of any study, and how they were come to. Questions to its results."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from microstructures.errors import InvalidInputError
from studies.answer import Answer
from studies.optimise.goals import Goals, Numbers, Texts
from studies.optimise.pareto import front, hypervolume
from studies.optimise.standing import Standing
from studies.tasks import number
from twin.report.wording import shown

if TYPE_CHECKING:
    from studies.study import Study

ROWS = 12  # of a table of the best cases
LATE = 0.8  # of the cases, after which there should be little left to improve
GAIN = 0.01  # of the improvement, which is little


def best_case(
    study: "Study", *, maximise: Texts = (), minimise: Texts = (), constraints: Texts = ()
) -> Answer:
    """The case with the largest or smallest value of all that satisfy the constraints.

    Says its standard error if that is known, which other cases are not told apart from it, and
    whether it lies at an end of what was tried.

    Args:
        study: any.
        maximise: name of a value or parameter.
        minimise: likewise; one of both.
        constraints: comparisons between values and parameters, see ``studies.constraints``.

    Raises:
        InvalidInputError: several objectives, a name that no case has, or no feasible case.
    """
    standing = Standing.of(study, Goals(maximise, minimise, constraints))
    if len(standing.names) > 1:
        raise InvalidInputError("several objectives have no best case: ask for pareto_front")
    best, *equals = standing.order(standing.is_front).tolist()
    (name,), (direction,) = standing.names, standing.judged.goals.directions
    word = "largest" if direction == "maximise" else "smallest"
    text = [
        f"The {word} {name} is {standing.told(best, 0)}, {standing.where(best)}.",
        f"{len(equals)} other cases have the same value." if equals else "",
        standing.counted,
        standing.rivals(),
    ]
    count = int(standing.is_rival.sum())
    noise = "The best of several noisy values tends to be better than it is: repeat some of them."
    return Answer(
        "Best case",
        "\n\n".join(filter(None, text)),
        {name: standing.number(best, 0), "not told apart": number(float(count))},
        standing.table(standing.order(standing.is_feasible)[:ROWS], "best"),
        warnings=(*standing.ends(best), *([noise] if count else [])),
    )


def pareto_front(
    study: "Study",
    *,
    maximise: Texts = (),
    minimise: Texts = (),
    constraints: Texts = (),
    reference: Mapping[str, float] | None = None,
) -> Answer:
    """The cases that no other betters in every objective, of all that satisfy the constraints.

    Their hypervolume is that of what lies between them and a reference, a product of all
    objectives: it grows when the front moves on or is filled.

    Args:
        study: any.
        maximise: names of values or parameters.
        minimise: likewise; two or more of both.
        constraints: comparisons between values and parameters, see ``studies.constraints``.
        reference: a value of each objective, by name; by default the worst of each that a
            feasible case has. Fronts are compared by the same one only.

    Raises:
        InvalidInputError: one objective only, a name that no case has, or no feasible case.
    """
    from studies.optimise.figures import front_figures

    standing = Standing.of(study, Goals(maximise, minimise, constraints))
    if len(standing.names) < 2:
        raise InvalidInputError("one objective has no front: name another, or ask for best_case")
    corner = standing.corner(reference)
    unit = "·".join(unit for unit in standing.units if unit not in ("", "1")) or "1"
    volume = hypervolume(standing.costs[standing.is_front], corner)
    order = standing.order(standing.is_front)
    text = [
        f"{len(order)} of {standing.is_feasible.sum()} feasible cases are on the front: no "
        "other is as good as one of them in every objective and better in one.",
        " ".join(_extremes(standing)),
        f"The hypervolume is {shown(volume, 0.0, unit)}, with the reference "
        f"{standing.point(corner)}.",
        standing.counted,
        standing.rivals(),
    ]
    return Answer(
        "Pareto front",
        "\n\n".join(filter(None, text)),
        {"hypervolume": number(volume, unit), "on the front": number(float(len(order)))},
        standing.table([*order, *standing.order(standing.is_rival)], "front"),
        front_figures(standing),
    )


def convergence(
    study: "Study",
    *,
    maximise: Texts = (),
    minimise: Texts = (),
    constraints: Texts = (),
    reference: Mapping[str, float] | None = None,
) -> Answer:
    """How the best value, or the hypervolume of several, has grown from case to case.

    Args:
        study: any, whose cases are in the order in which they were asked.
        maximise: names of values or parameters.
        minimise: likewise.
        constraints: comparisons between values and parameters, see ``studies.constraints``.
        reference: of the hypervolume, see ``pareto_front``.

    Raises:
        InvalidInputError: a name that no case has, or no feasible case.
    """
    from studies.optimise.figures import history_figure

    standing = Standing.of(study, Goals(maximise, minimise, constraints))
    is_run = standing.frame["status"].to_numpy() != "not run"
    count = int(np.flatnonzero(is_run)[-1]) + 1
    found = history(standing.costs, standing.corner(reference))[:count]
    steps = np.flatnonzero(np.diff(found, prepend=np.nan) != 0)
    steps = steps[np.isfinite(found[steps])]
    last, late = int(steps[-1]) + 1, _late_gain(found)
    what = "The hypervolume" if len(standing.names) > 1 else f"The best {standing.names[0]}"
    return Answer(
        "Convergence",
        f"{what} has improved {len(steps) - 1} times since the first feasible case, the last time "
        f"with case {last} of {count}. Of all that it has improved, {100 * late:.2g} % came with "
        f"the last fifth of the cases.\n\n{standing.counted}",
        {"last improvement": number(float(last)), "late gain": number(late)},
        figures=(history_figure(standing, found),),
        warnings=("It still improved in the end: more cases may find better ones.",)
        if late > GAIN
        else (),
    )


def _late_gain(found: Numbers) -> float:
    """The share of the improvement since the first feasible case that came in the last fifth."""
    known = found[np.isfinite(found)]
    before = found[int(LATE * len(found)) - 1]
    if not np.isfinite(before):
        return 1.0
    return float(abs(known[-1] - before) / (abs(known[-1] - known[0]) or 1.0))


def history(costs: Numbers, corner: Numbers) -> Numbers:
    """The least cost so far, or of several objectives the hypervolume; NaN before the first.

    Args:
        costs: shape (cases, objectives), NaN where a case is not feasible.
        corner: the reference of the hypervolume, shape (objectives,).

    Returns:
        Shape (cases,).
    """
    is_known = np.asarray(np.isfinite(costs).all(axis=1))
    if costs.shape[1] == 1:
        least = np.minimum.accumulate(np.where(is_known, costs[:, 0], np.inf))
        return np.where(np.isfinite(least), least, np.nan)
    found, best, volume = np.full(len(costs), np.nan), costs[:0], np.nan
    for place, row in enumerate(costs):
        if is_known[place] and not (best <= row).all(axis=1).any():
            best = np.vstack([best, row])
            best = best[front(best, ["minimise"] * costs.shape[1])]
            volume = hypervolume(best, corner)
        found[place] = volume
    return found


def _extremes(standing: Standing) -> list[str]:
    """The best case of each objective, in words."""
    told = []
    for column, name in enumerate(standing.names):
        place = int(standing.order(standing.is_front, column)[0])
        word = "largest" if standing.judged.goals.directions[column] == "maximise" else "smallest"
        told.append(
            f"The {word} {name} is {standing.told(place, column)}, {standing.where(place)}."
        )
    return told
