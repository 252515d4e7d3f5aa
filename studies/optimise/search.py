"""Search: points asked batch by batch, a function of what came of those before. By Optuna.

Nothing of it is stored: who asks again and tells the same gets the same points, to the last bit.
"""

import contextlib
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

from microstructures.errors import InvalidInputError
from studies.case import canonical
from studies.design import Point, Range

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler

SAMPLERS = ("tpe", "nsga2", "random", "sobol")
VAIN = 300  # points asked in a row that are known or not admitted, after which there are no others
STARTUP = 10  # points at random before the results count, or two for each parameter
GENERATION = (8, 50)  # least and most of a population; a fifth of all cases between them
GRAIN = 1e-6  # of a range, to which points are rounded: another machine's last bit makes no case
HAS_RESULT = "has a result"  # of Optuna's trials, a constraint

Space = Range | tuple[Any, ...]
Found = Sequence["Told"]
Find = Callable[[list[Point]], "Found | None"]


@dataclass(frozen=True, slots=True)
class Told:
    """What came of a point.

    Args:
        values: of the objectives; none if the point has no result.
        violations: of the constraints, 0 where they hold; as many at every point with a result.
    """

    values: tuple[float, ...] = ()
    violations: tuple[float, ...] = ()


@dataclass(frozen=True)
class Search:
    """Where to search, for what, and for how long.

    Args:
        spaces: by path, a range or a list; a list of numbers is searched in their order.
        directions: "minimise" or "maximise", one for each objective.
        cases: different points in all.
        batch: points that are asked at once; the results of one batch tell where the next one is.
        sampler: one of ``SAMPLERS``.
        seed: of the sampler.
        admits: whether a point may be asked; others are left out, and do not count.
    """

    spaces: Mapping[str, Space]
    directions: Sequence[str]
    cases: int
    batch: int
    sampler: str
    seed: int
    admits: Callable[[Point], bool]

    def visit(self, find: Find) -> list[Point]:
        """Ask points until there have been enough, there are no more, or nothing is found of some.

        Args:
            find: what came of a batch, a ``Told`` for each of its points; None if that is not
                known of all of them.

        Returns:
            The points in the order in which they were asked.

        Raises:
            InvalidInputError: no point is admitted; or Optuna is not installed.
        """
        study = _study(self)
        told: dict[str, Told] = {}
        visited: list[Point] = []
        while batch := self._batch(study, told, self._most - len(visited)):
            visited += batch.points.values()
            if (found := find(list(batch.points.values()))) is None:
                break
            told |= zip(batch.points, found, strict=True)
            _tell(study, batch.trials, told)
        if not visited:
            raise InvalidInputError(
                f"no point of {VAIN} satisfies the constraints: loosen one, or move the ranges"
            )
        return visited

    @property
    def _most(self) -> int:
        """Points that there are, if that is fewer than are wanted."""
        counts = [len(one) for one in self.spaces.values() if not isinstance(one, Range)]
        return min(self.cases, math.prod(counts)) if len(counts) == len(self.spaces) else self.cases

    def _batch(self, study: "Study", told: Mapping[str, Told], left: int) -> "_Batch":
        """The next points, each a new one; fewer if no others turn up, or are left."""
        batch, vain = _Batch({}, []), 0
        spaces = {name: _distribution(space) for name, space in self.spaces.items()}
        with _quietly():
            while len(batch.points) < min(self.batch, left) and vain < VAIN:
                trial = study.ask(spaces)
                point = {name: _value(self.spaces[name], trial.params[name]) for name in spaces}
                key = canonical(point)
                batch.trials.append((trial, key))
                is_new = key not in told and key not in batch.points and self.admits(point)
                vain = 0 if is_new else vain + 1
                if is_new:
                    batch.points[key] = point
        return batch


@dataclass(frozen=True, slots=True)
class _Batch:
    """New points by their text, and all that were asked on the way to them."""

    points: dict[str, Point]
    trials: "list[tuple[Trial, str]]"

    def __bool__(self) -> bool:
        return bool(self.points)


def _study(search: Search) -> "Study":
    optuna = _optuna()
    with _quietly():
        directions = [word.replace("mise", "mize") for word in search.directions]
        return optuna.create_study(directions=directions, sampler=_sampler(search))


def _sampler(search: Search) -> "BaseSampler":
    samplers, seed = _optuna().samplers, search.seed
    if search.sampler == "random":
        return samplers.RandomSampler(seed=seed)
    if search.sampler == "sobol":
        return samplers.QMCSampler(seed=seed, scramble=True, warn_independent_sampling=False)
    if search.sampler == "nsga2":
        least, most = GENERATION
        population = min(max(search.cases // 5, least), most)
        return samplers.NSGAIISampler(seed=seed, population_size=population)
    startup = max(STARTUP, 2 * len(search.spaces))
    return samplers.TPESampler(seed=seed, n_startup_trials=startup, multivariate=True)


def _tell(study: "Study", trials: "list[tuple[Trial, str]]", told: Mapping[str, Told]) -> None:
    """What has come of all trials, in the order in which they were asked."""
    states = _optuna().trial.TrialState
    with _quietly():
        for trial, key in trials:
            if (found := told.get(key)) is None:  # it was not admitted
                study.tell(trial, state=states.FAIL)
            elif found.values:
                for number, margin in enumerate(found.violations):
                    trial.set_constraint(str(number), margin)
                study.tell(trial, list(found.values))
            else:  # nothing is to be found here: infeasible, and by more than any other
                trial.set_constraint(HAS_RESULT, math.inf)
                study.tell(trial, state=states.PRUNED)


def _distribution(space: Space) -> "BaseDistribution":
    distributions = _optuna().distributions
    if isinstance(space, Range):
        return distributions.FloatDistribution(space.low, space.high, log=space.log)
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in space):
        return distributions.IntDistribution(0, len(space) - 1)
    return distributions.CategoricalDistribution(range(len(space)))


def _value(space: Space, asked: Any) -> Any:
    """The value of what Optuna has asked for: a number of a range, or a place in a list."""
    if not isinstance(space, Range):
        return space[asked]
    scale = asked * math.log(space.high / space.low) if space.log else space.high - space.low
    rounded = round(asked, -math.floor(math.log10(GRAIN * scale)))
    return float(min(max(rounded, space.low), space.high))


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Without what Optuna says of itself: studies made, features that are experimental."""
    logging = _optuna().logging
    before = logging.get_verbosity()
    logging.set_verbosity(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(before)


def _optuna() -> ModuleType:
    try:
        import optuna
    except ImportError:
        raise InvalidInputError(
            "optimisation wants Optuna: pip install 'electrode-twin[optimize]'"
        ) from None
    found: ModuleType = optuna
    return found
