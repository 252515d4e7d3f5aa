"""Tally: how far a run of a study has come, for whoever watches it."""

import platform
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from studies.store import FINE

if TYPE_CHECKING:
    from studies.store import Claim, Store

Watch = Callable[["Tally"], None]


@dataclass(frozen=True, slots=True)
class Tally:
    """How far a run has come.

    Args:
        study: its name.
        cases: of the study.
        counts: of cases by what has become of them so far.
        asked: cases of this run.
        done: of them.
        seconds: since the run began.
        dashboard: address of the page on which Dask shows its workers, if there is one.
    """

    study: str
    cases: int
    counts: Mapping[str, int]
    asked: int
    done: int = 0
    seconds: float = 0.0
    dashboard: str = ""

    @property
    def failed(self) -> int:
        """Cases without a result, whatever the reason; blocked ones have one."""
        return sum(n for status, n in self.counts.items() if status not in (*FINE, "not run"))

    @property
    def rate(self) -> float:
        """Cases per second of this run, 0 before the first one is finished."""
        return self.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Until the run is over if it goes on like this; None as long as nobody can know."""
        return (self.asked - self.done) / self.rate if self.done else None


@dataclass(frozen=True, slots=True)
class Running:
    """A case at which a worker is: its parameters, since how many s, and the worker."""

    parameters: Mapping[str, Any]
    seconds: float
    worker: str = field(compare=False)


def running(store: "Store") -> Iterator[Running]:
    """Cases of a store at which workers are, those that have lasted longest first.

    Workers of this machine that have died are left out; of those elsewhere nobody here can know.
    """
    now = time.time()
    begun = [claim for key, claim in store.begun().items() if not store.has(key)]
    for claim in sorted(begun, key=lambda claim: claim.started):
        if is_alive(claim):
            yield Running(claim.parameters, max(0.0, now - claim.started), claim.worker)


def is_alive(claim: "Claim") -> bool:
    """Whether the worker of a claim may be there: on this machine it is known."""
    import psutil

    host, _, number = claim.worker.rpartition(":")
    if host != platform.node() or not number.isdigit():
        return True
    try:
        return float(psutil.Process(int(number)).create_time()) <= claim.started + 1.0
    except psutil.Error:
        return False
