"""Estimate: how long the rest of a study takes and how much memory, from cases that were run."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from microstructures.memory import available_memory
from studies.engine import Crew, Engine, engine_of
from studies.store import CORRUPTED, FINE, NOT_RUN, CorruptedRecordError
from twin.report.wording import duration

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from studies.store import Record
    from studies.study_file import AnyStudy

SIGMAS = 2.0  # on either side of what is expected


@dataclass(frozen=True, slots=True)
class Estimate:
    """What the rest of a study will take.

    Args:
        left: cases that have not been run.
        workers: at work at once.
        seen: cases that were run, from which this is known.
        seconds: expected until the end, and the interval in which it is with about 95 % if those
            left are like those seen; None if none was seen, NaN ends if only one was.
        memory: bytes of all workers together at the peak of the largest case seen, None if unknown.
        available: bytes that are free now.
    """

    left: int
    workers: int
    seen: int
    seconds: tuple[float, float, float] | None
    memory: float | None
    available: float

    def __str__(self) -> str:
        if not self.left:
            return "nothing is left to run"
        if self.seconds is None:
            return "time and memory are known once a case was run: first=2 runs two of them"
        told = [f"{_time(self.seconds)} for {_counted(self.left)} on {self.workers} at once"]
        if self.memory is not None:
            told.append(f"{self.memory / 1e9:.2g} GB of {self.available / 1e9:.2g} GB free memory")
        return f"{', '.join(told)}; as {_counted(self.seen)} before"


def estimated(
    study: "AnyStudy", engine: "str | Executor | Engine | Crew", options: Mapping[str, Any]
) -> Estimate:
    """See ``Study.estimate``."""
    counts = study.status().counts
    left = sum(counts.get(status, 0) for status in (NOT_RUN, CORRUPTED))
    seen = list(history(study))
    peak = largest_peak(seen)
    asked = engine_of(engine, options)
    workers = min(asked.within(peak).width(), left) if isinstance(asked, Engine) else 1
    return Estimate(
        left,
        workers or 1,
        len(seen),
        _seconds([float(record.provenance["seconds"]) for record in seen], left, workers or 1),
        None if peak is None else peak * (workers or 1),
        available_memory(),
    )


def largest_peak(records: "list[Record]") -> float | None:
    """Bytes of the largest case among some; None if that is not known of any."""
    peaks = [record.provenance.get("peak_memory") for record in records]
    return max((float(peak) for peak in peaks if peak), default=None)


def history(study: "AnyStudy") -> "Iterator[Record]":
    """What is stored of the same task, whatever its parameters."""
    for key in study.store.finished():
        try:
            record = study.store.read(key)
        except (KeyError, CorruptedRecordError):
            continue
        is_like = record.case.get("task") == study.task and record.status in FINE
        if is_like and "seconds" in record.provenance:
            yield record


def _seconds(seen: list[float], left: int, workers: int) -> tuple[float, float, float] | None:
    """Expected time and its interval: of a sum of draws whose mean is known from a few."""
    if not seen:
        return None
    expected = left * float(np.mean(seen)) / workers
    if len(seen) < 2 or not left:
        return expected, math.nan, math.nan
    deviation = left * float(np.std(seen, ddof=1)) * math.sqrt(1 / len(seen) + 1 / left) / workers
    return expected, max(0.0, expected - SIGMAS * deviation), expected + SIGMAS * deviation


def _time(seconds: tuple[float, float, float]) -> str:
    expected, low, high = seconds
    if math.isnan(low):
        return f"about {duration(expected)}"
    return f"about {duration(expected)} ({duration(low)} to {duration(high)})"


def _counted(cases: int) -> str:
    return "1 case" if cases == 1 else f"{cases} cases"
