"""Response: a value of a study over its parameters as a surrogate sees it, and how well it does."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from studies.answer import Answer
from studies.surrogate.surrogate import Surrogate
from studies.tasks import number

if TYPE_CHECKING:
    import pandas as pd

    from studies.study import Study

PLACES, OTHERS = 25, 64  # points along a parameter, and of the others at each of them
Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Effect:
    """The mean of the function over all other parameters, along one of them.

    Args:
        path: of the parameter.
        places: its values, in its unit.
        mean: of the function there, in the unit of the value.
        deviation: its standard deviation.
        is_log: whether the range is one in logarithms.
    """

    path: str
    places: Numbers
    mean: Numbers
    deviation: Numbers
    is_log: bool

    @property
    def size(self) -> float:
        """From its least to its greatest mean."""
        return float(np.ptp(self.mean))


def response(
    study: "Study",
    of: str,
    *,
    parameters: Sequence[str] | None = None,
    log: Sequence[str] = (),
    folds: int = 10,
) -> Answer:
    """How the value ``of`` goes with each parameter, by a Gaussian process, and whether it does.

    Args:
        study: as far as it has been run, of any design.
        of: name of a value.
        parameters: see ``Surrogate.of``; log and folds as well.
        log: parameters to be taken in logarithms.
        folds: of the cross-validation.

    Returns:
        Q², RMSE and the coverage of the intervals in cross-validation; for each parameter the mean
        of the function over the others; pictures of both.

    Raises:
        InvalidInputError: what ``Surrogate.of`` refuses.
    """
    from studies.surrogate.figures import effects_figure, parity_figure

    surrogate = Surrogate.of(study, of, parameters=parameters, log=log, folds=folds)
    check, unit = surrogate.cross_validation, surrogate.unit
    effects = sorted(effects_of(surrogate), key=lambda one: -one.size)
    values = {
        "q2": number(check.q2),
        "rmse": number(check.rmse, unit),
        "noise": number(surrogate.noise, unit),
        "coverage_68": number(check.coverage(0.68)),
        "coverage_95": number(check.coverage(0.95)),
        **{f"effect.{one.path}": number(one.size, unit) for one in effects},
    }
    return Answer(
        f"Response of {of}",
        _text(surrogate, effects),
        values,
        _table(surrogate, effects),
        (effects_figure(effects, of, unit), parity_figure(check, of, unit)),
        surrogate.warnings,
    )


def effects_of(surrogate: Surrogate) -> list[Effect]:
    """The effect of each parameter, averaged over a Sobol sequence of the others."""
    from scipy.stats import qmc

    others = qmc.Sobol(len(surrogate.ranges), rng=np.random.default_rng(0)).random(OTHERS)
    found = []
    for column, (path, span) in enumerate(surrogate.ranges.items()):
        shares = np.linspace(0, 1, PLACES)
        rows = []
        for share in shares:
            points = others.copy()
            points[:, column] = share
            rows.append(surrogate.process.averaged(points))
        mean, deviation = np.array(rows).T
        places = np.array([span.at(float(share)) for share in shares])
        found.append(Effect(path, places, mean, deviation, span.log))
    return found


def _text(surrogate: Surrogate, effects: list[Effect]) -> str:
    unit = "" if surrogate.unit in ("", "1") else f" {surrogate.unit}"
    check = surrogate.cross_validation
    each = ", ".join(f"{one.path} {one.size:.3g}{unit}" for one in effects)
    if check.is_nothing:
        return (
            f"The parameters tell little or nothing about {surrogate.name}: a Gaussian process "
            f"predicts cases that it has not seen hardly better than the mean of all does, "
            f"{check}."
        )
    return (
        f"A Gaussian process through {len(surrogate.values)} cases predicts {surrogate.name} of "
        f"cases that it has not seen to {check.rmse:.3g}{unit} (RMSE): {check}.\n\n"
        f"From least to greatest, all other parameters averaged, it goes with {each}. Cases lie "
        f"about it by {surrogate.noise:.2g}{unit} (standard deviation) beyond their own errors."
    )


def _table(surrogate: Surrogate, effects: list[Effect]) -> "pd.DataFrame":
    import pandas as pd

    lengths = dict(zip(surrogate.ranges, surrogate.process.lengths, strict=True))
    label = "effect" if surrogate.unit in ("", "1") else f"effect [{surrogate.unit}]"
    return pd.DataFrame(
        {
            "parameter": [one.path for one in effects],
            label: [one.size for one in effects],
            "least at": [one.places[np.argmin(one.mean)] for one in effects],
            "greatest at": [one.places[np.argmax(one.mean)] for one in effects],
            "length scale [range]": [lengths[one.path] for one in effects],
        }
    )
