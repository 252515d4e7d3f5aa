"""Elementary effects: how much a value changes when one parameter goes through its range."""

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from studies.answer import Answer
from studies.sensitivity.blocks import Blocks, blocks_of
from studies.sensitivity.designs import Morris, check_whole, problem, salib
from studies.tasks import number

if TYPE_CHECKING:
    import pandas as pd

    from studies.study import Study

LEAST = 4  # trajectories; a standard deviation of fewer says nothing
RESAMPLES = 1000
LEVEL = 0.95
SMALL = 0.05  # share of the largest effect below which a parameter might as well be fixed
BY_CHANCE = float(np.sqrt(2 / np.pi))  # mean absolute value over standard deviation of a normal
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Effects:
    """Elementary effects by parameter, in the unit of the value per range.

    Args:
        names: of the parameters.
        mean: mu, their mean.
        absolute: mu*, the mean of their absolute values.
        interval: half width of the 95 % interval of mu*.
        spread: sigma, their standard deviation, 0 for a linear effect without interactions.
    """

    names: tuple[str, ...]
    mean: Numbers
    absolute: Numbers
    interval: Numbers
    spread: Numbers


def elementary_effects(study: "Study", of: str, seed: int = 0) -> Answer:
    """Which parameters matter to the value ``of``, told from a study with a ``Morris`` design.

    An elementary effect is the change of the value over the change of one parameter, which is
    counted in shares of its range, of the logarithm if the range says so. A trajectory that lacks
    a result is left out as a whole.

    Args:
        study: as far as it has been run.
        of: name of a value.
        seed: of the resampling behind the intervals.

    Returns:
        For each parameter mu, mu* with its 95 % interval, and sigma, in the unit of the value.

    Raises:
        InvalidInputError: another design, constraints that leave out points, fewer than four
            whole trajectories, one value everywhere, or no such value.

    Source: SALib.analyze.morris.
    """
    from studies.sensitivity.figures import effects_figures

    check_whole("seed", seed, 0)
    design, blocks = blocks_of(study, of, Morris, LEAST)
    effects = effects_of(design, blocks, seed)
    unit = blocks.values.unit
    values = {}
    for i, name in enumerate(effects.names):
        error = effects.interval[i] / _quantile(len(blocks.kept))
        values[f"mu_star.{name}"] = number(effects.absolute[i], unit, error)
        values[f"mu.{name}"] = number(effects.mean[i], unit)
        values[f"sigma.{name}"] = number(effects.spread[i], unit)
    return Answer(
        f"Elementary effects on {of}",
        _text(effects, blocks),
        values,
        _table(effects, unit),
        effects_figures(effects, of, unit),
        (*blocks.warnings, *_warnings(effects, blocks, design)),
    )


def effects_of(design: Morris, blocks: Blocks, seed: int) -> Effects:
    """The effects of whole trajectories."""
    shares = design.shares().reshape(-1, design.block, len(design.names))[blocks.kept]
    found = salib("SALib.analyze.morris").analyze(
        problem(design.ranges),
        shares.reshape(-1, len(design.names)),
        blocks.results.ravel(),
        num_resamples=RESAMPLES,
        conf_level=LEVEL,
        num_levels=design.levels,
        seed=seed,
    )
    mean, absolute, interval, spread = (
        np.asarray(found[key], float) for key in ("mu", "mu_star", "mu_star_conf", "sigma")
    )
    return Effects(design.names, mean, absolute, interval * widening(len(blocks.kept)), spread)


def widening(count: int) -> float:
    """By how much a bootstrap interval of a mean of so few is too narrow.

    The bootstrap divides by ``count`` instead of ``count - 1``, and takes a normal for Student's t.
    """
    from scipy.stats import norm

    normal = norm.ppf((1 + LEVEL) / 2)
    return float(_quantile(count) / normal * np.sqrt(count / (count - 1)))


def ranked(names: tuple[str, ...], sizes: Numbers, intervals: Numbers) -> list[str]:
    """Warnings for neighbours in the ranking whose order the intervals leave open."""
    order = np.argsort(-sizes, kind="stable")
    is_seen = sizes > intervals
    return [
        f"whether {names[i]} or {names[j]} matters more is open: {told(sizes[i], intervals[i])} "
        f"and {told(sizes[j], intervals[j])}"
        for i, j in pairwise(order)
        if is_seen[i] and is_seen[j] and sizes[i] - sizes[j] < np.hypot(intervals[i], intervals[j])
    ]


def told(value: float, interval: float) -> str:
    """A number with its interval, which is left out where it is that of rounding."""
    return f"{value:.3g}" + (f" ± {interval:.2g}" if interval > 1e-9 * abs(value) else "")


def _quantile(count: int) -> float:
    from scipy.stats import t

    return float(t.ppf((1 + LEVEL) / 2, count - 1))


def _text(effects: Effects, blocks: Blocks) -> str:
    unit = "" if blocks.values.unit in ("", "1") else f" {blocks.values.unit}"
    order = np.argsort(-effects.absolute, kind="stable")
    each = [
        f"{effects.names[i]} by {told(effects.absolute[i], effects.interval[i])}{unit}"
        for i in order
    ]
    small = [
        effects.names[i]
        for i in order
        if effects.absolute[i] + effects.interval[i] < SMALL * effects.absolute.max()
    ]
    bent = [effects.names[i] for i in order if effects.spread[i] > effects.absolute[i] > 0]
    parts = [
        f"From {len(blocks.kept)} trajectories: on average (mu*, with its 95 % interval) "
        f"{blocks.values.name} changes over the range of {', of '.join(each)}.",
    ]
    if bent:
        parts.append(
            f"The effect of {', '.join(bent)} differs from place to place by more than its size "
            "(sigma > mu*): it is not linear, or depends on other parameters."
        )
    if small:
        parts.append(
            f"{', '.join(small)} might as well be fixed: below {SMALL:.0%} of the largest effect."
        )
    return "\n\n".join(parts)


def _table(effects: Effects, unit: str) -> "pd.DataFrame":
    import pandas as pd

    def named(name: str) -> str:
        return name if unit in ("", "1") else f"{name} [{unit}]"

    columns: dict[str, Any] = {
        "parameter": effects.names,
        named("mu*"): effects.absolute,
        named("mu* ±"): effects.interval,
        named("mu"): effects.mean,
        named("sigma"): effects.spread,
    }
    return pd.DataFrame(columns).sort_values(named("mu*"), ascending=False, ignore_index=True)


def _warnings(effects: Effects, blocks: Blocks, design: Morris) -> list[str]:
    step = design.levels / (2 * (design.levels - 1))
    chance = BY_CHANCE * np.sqrt(2) * blocks.noise / step
    lost = [n for n, size in zip(effects.names, effects.absolute, strict=True) if size < 2 * chance]
    found = ranked(effects.names, effects.absolute, effects.interval)
    if lost:
        found.append(
            f"the cases' own standard errors alone, if independent, make effects of {chance:.2g}: "
            f"those of {', '.join(lost)} cannot be told from them"
        )
    return found
