"""Sobol indices of a surrogate: for designs of any kind, with the surrogate's own doubt."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from microstructures.errors import InvalidInputError
from studies.answer import Answer
from studies.sensitivity.designs import Saltelli, check_whole
from studies.sensitivity.sobol import NORMAL, Index, Indices, answer_of, resampled
from studies.surrogate.surrogate import Surrogate

if TYPE_CHECKING:
    from studies.study import Study

POINTS = 16384  # at which each function is asked
MOST_BLOCKS = 2048
DRAWS, RESAMPLES = 48, 20  # functions that may be; bootstraps over the points of each
LEAST_Q2 = 0.7
Numbers = NDArray[np.float64]


def sobol_indices_by_surrogate(
    study: "Study",
    of: str,
    *,
    parameters: Sequence[str] | None = None,
    log: Sequence[str] = (),
    least_q2: float = LEAST_Q2,
    seed: int = 0,
) -> Answer:
    """Which share of the variance of ``of`` each parameter has, by a surrogate of a few cases.

    Functions that agree with the cases are drawn from the Gaussian process, and the indices of
    each computed; their 95 % intervals hold both what the cases leave open and the error of the
    sampling. They are shares of the variance of the function: what varies without the parameters
    is not in them. That the hyperparameters are uncertain too is not counted.

    Args:
        study: as far as it has been run, of any design that spreads its points.
        of: name of a value.
        parameters: see ``Surrogate.of``; log as well.
        log: parameters to be taken in logarithms.
        least_q2: Q² of the cross-validation below which there is no answer.
        seed: of the functions drawn.

    Raises:
        InvalidInputError: what ``Surrogate.of`` refuses, or a surrogate that predicts too badly.

    Source: SALib.analyze.sobol on functions drawn from sklearn.gaussian_process.
    """
    check_whole("seed", seed, 0)
    surrogate = Surrogate.of(study, of, parameters=parameters, log=log)
    check = surrogate.cross_validation
    if check.q2 < least_q2:
        raise InvalidInputError(
            f"the surrogate of {of!r} predicts too badly for its indices, {check}, and Q² is to be "
            f"{least_q2:g}: run more cases, name what else varies, or make a Saltelli design"
        )
    begin = (
        f"From a Gaussian process through {len(surrogate.values)} cases (Q² {check.q2:.3f} in "
        f"cross-validation, {DRAWS} functions drawn)"
    )
    return answer_of(indices_of(surrogate, seed), of, begin, _warnings(surrogate))


def indices_of(surrogate: Surrogate, seed: int) -> Indices:
    """Indices of functions drawn from the process: their mean, and intervals by their spread."""
    count = min(MOST_BLOCKS, 1 << (POINTS // (len(surrogate.ranges) + 2)).bit_length() - 1)
    design = Saltelli(surrogate.ranges, count, seed)
    functions = surrogate.process.drawn(design.shares(), DRAWS, seed)
    blocks = functions.reshape(DRAWS, count, design.block)
    found = [resampled(design, one, seed, RESAMPLES) for one in blocks]
    first, total = (_of_all(found, key) for key in ("S1", "ST"))
    sums = first[0].sum(axis=1, keepdims=True), first[1].sum(axis=1, keepdims=True)
    return Indices(design.names, _index(*first), _index(*total), _index(*sums))


def _of_all(found: list[dict[str, Any]], key: str) -> tuple[Numbers, Numbers]:
    """The indices of each function, and all their resamples."""
    resamples = np.vstack([one[f"{key}_conf_all"] for one in found])
    return np.array([one[key] for one in found]), resamples


def _index(means: Numbers, resamples: Numbers) -> Index:
    return Index(means.mean(axis=0), NORMAL * resamples.std(axis=0, ddof=1))


def _warnings(surrogate: Surrogate) -> tuple[str, ...]:
    found = list(surrogate.warnings)
    share = surrogate.noise**2 / float(surrogate.values.var())
    if share > 0.05:
        found.append(
            f"{share:.0%} of the variance of the cases is noise to the surrogate, which the "
            "indices leave out"
        )
    return tuple(found)
