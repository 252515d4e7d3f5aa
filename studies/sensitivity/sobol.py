"""Sobol indices: which share of the variance of a value is due to which parameters.

The parameters are independent, and as likely everywhere in their ranges, in that of the logarithm
if the range says so.
"""

from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from studies.answer import Answer
from studies.sensitivity.blocks import Blocks, blocks_of
from studies.sensitivity.designs import Saltelli, check_whole, problem, salib
from studies.sensitivity.morris import LEVEL, RESAMPLES, ranked
from studies.tasks import number

if TYPE_CHECKING:
    import pandas as pd

    from studies.study import Study

LEAST = 16  # blocks
NORMAL = 1.959963984540054  # half width of a 95 % interval over the standard error
WIDE = 0.1  # half width of an interval that calls for more blocks
NOISY = 0.05  # share of the variance that stated errors may have
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Index:
    """Indices of one kind, and half the widths of their 95 % intervals."""

    values: Numbers
    intervals: Numbers


@dataclass(frozen=True)
class Indices:
    """Sobol indices by parameter.

    Args:
        names: of the parameters.
        first: share of each alone.
        total: share of each with all its interactions.
        first_sum: of all parameters alone.
        second: of each pair of parameters, in the order of ``pairs``, what only both together do;
            none without a design of second order.
    """

    names: tuple[str, ...]
    first: Index
    total: Index
    first_sum: Index
    second: Index = field(default_factory=lambda: Index(np.zeros(0), np.zeros(0)))

    @property
    def pairs(self) -> tuple[str, ...]:
        """Names of the pairs that have an index of second order."""
        pairs = tuple(f"{a} × {b}" for a, b in combinations(self.names, 2))
        return pairs[: len(self.second.values)]


def sobol_indices(study: "Study", of: str, seed: int = 0) -> Answer:
    """Which share of the variance of ``of`` each parameter has, from a ``Saltelli`` design.

    A block that lacks a result is left out as a whole.

    Args:
        study: as far as it has been run.
        of: name of a value.
        seed: of the resampling behind the intervals.

    Returns:
        For each parameter its index of first order and its total one, with 95 % intervals by
        bootstrap over the blocks; for each pair that of second order if the design has it.

    Raises:
        InvalidInputError: another design, constraints that leave out points, fewer than 16 whole
            blocks, one value everywhere, or no such value.

    Source: SALib.analyze.sobol.
    """
    check_whole("seed", seed, 0)
    design, blocks = blocks_of(study, of, Saltelli, LEAST)
    indices = bootstrapped(design, blocks.results, seed)
    begin = f"From {len(blocks.kept)} blocks of {design.block} points"
    warnings = (*blocks.warnings, *_noise(blocks), *_wide(indices, blocks))
    return answer_of(indices, of, begin, warnings)


def bootstrapped(design: Saltelli, results: Numbers, seed: int) -> Indices:
    """Indices of whole blocks of results, of shape (blocks, points of a block)."""
    found = resampled(design, results, seed, RESAMPLES)
    totals = found["S1_conf_all"].sum(axis=1)
    first_sum = Index(np.array([found["S1"].sum()]), NORMAL * np.array([totals.std(ddof=1)]))
    first, total = (Index(found[key], found[f"{key}_conf"]) for key in ("S1", "ST"))
    if not design.second_order:
        return Indices(design.names, first, total, first_sum)
    upper = np.triu_indices(len(design.names), 1)
    second = Index(found["S2"][upper], found["S2_conf"][upper])
    return Indices(design.names, first, total, first_sum, second)


def resampled(design: Saltelli, results: Numbers, seed: int, count: int) -> dict[str, Any]:
    """What SALib makes of whole blocks, with all its resamples of the indices."""
    found: dict[str, Any] = salib("SALib.analyze.sobol").analyze(
        problem(design.ranges),
        results.ravel(),
        calc_second_order=design.second_order,
        num_resamples=count,
        conf_level=LEVEL,
        keep_resamples=True,
        seed=seed + 1,  # a seed of 0 means none to it
    )
    return found


def answer_of(indices: Indices, of: str, begin: str, warnings: tuple[str, ...]) -> Answer:
    """The indices in words, numbers, a table and bars; ``begin`` says what they are from."""
    from studies.sensitivity.figures import indices_figure

    return Answer(
        f"Sobol indices of {of}",
        _text(indices, of, begin),
        _numbers(indices),
        _table(indices),
        (indices_figure(indices, of),),
        (*warnings, *_warnings(indices)),
    )


def _text(indices: Indices, of: str, begin: str) -> str:
    order = np.argsort(-indices.total.values, kind="stable")
    told = [
        f"{indices.names[i]} alone {_percent(indices.first, i)}, and {_percent(indices.total, i)} "
        "with all that it does together with others"
        for i in order
    ]
    rest = 1 - indices.first_sum.values[0]
    return (
        f"{begin}: of the variance of {of} over these ranges, all as likely, {'; '.join(told)}. "
        "The ± are 95 % intervals.\n\n"
        f"All parameters alone explain {_percent(indices.first_sum, 0)}; the rest, "
        f"{max(rest, 0):.0%}, is due to parameters together."
    )


def _percent(index: Index, i: int) -> str:
    return f"{100 * index.values[i]:.0f} ± {max(100 * index.intervals[i], 0.1):.2g} %"


def _numbers(indices: Indices) -> dict[str, dict[str, Any]]:
    kinds = {
        "first": (indices.names, indices.first),
        "total": (indices.names, indices.total),
        "second": (indices.pairs, indices.second),
    }
    return {
        f"{kind}.{name}": number(value, "1", interval / NORMAL)
        for kind, (names, index) in kinds.items()
        for name, value, interval in zip(names, index.values, index.intervals, strict=True)
    }


def _table(indices: Indices) -> "pd.DataFrame":
    import pandas as pd

    first, total, second = indices.first, indices.total, indices.second
    table = pd.DataFrame(
        {
            "parameter": indices.names,
            "first order": first.values,
            "first order ±": first.intervals,
            "total": total.values,
            "total ±": total.intervals,
        }
    ).sort_values("total", ascending=False)
    if not indices.pairs:
        return table.reset_index(drop=True)
    columns = {"second order": second.values, "second order ±": second.intervals}
    pairs = pd.DataFrame({"parameter": indices.pairs, **columns})
    pairs = pairs.sort_values("second order", ascending=False)
    return pd.concat([table, pairs], ignore_index=True)


def _warnings(indices: Indices) -> list[str]:
    """What the indices say that cannot be, or do not say."""
    found = ranked(indices.names, indices.total.values, indices.total.intervals)
    first, total = indices.first, indices.total
    excess, margin = indices.first_sum.values[0] - 1, indices.first_sum.intervals[0]
    if excess > margin:
        found.append(
            f"the indices of first order sum up to {1 + excess:.2f} ± {margin:.2g}, more than 1: "
            "they are not to be trusted, take more blocks"
        )
    for i, name in enumerate(indices.names):
        if first.values[i] < -first.intervals[i]:
            found.append(f"the index of {name} is negative, which cannot be: take more blocks")
        if first.values[i] - total.values[i] > np.hypot(first.intervals[i], total.intervals[i]):
            found.append(f"{name} has more alone than in total, which cannot be: take more blocks")
    return found


def _wide(indices: Indices, blocks: Blocks) -> list[str]:
    """That more blocks are wanted."""
    widest = max(indices.first.intervals.max(), indices.total.intervals.max())
    if widest <= WIDE:
        return []
    wanted = 1 << int(np.ceil(np.log2(len(blocks.kept) * (widest / WIDE) ** 2)))
    return [
        f"the widest interval is ± {widest:.2g}: about {wanted} blocks would bring it to ± {WIDE:g}"
    ]


def _noise(blocks: Blocks) -> list[str]:
    share = blocks.noise**2 / blocks.results.var()
    if share <= NOISY:
        return []
    return [
        f"the cases' own standard errors make {share:.0%} of the variance, which every total index "
        "has too: make the cases more exact, or take sobol_indices_by_surrogate"
    ]
