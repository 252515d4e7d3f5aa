"""One case in a worker: claimed on disk, run, and stored with whatever came of it."""

import contextlib
import dataclasses
import faulthandler
import json
import os
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from microstructures.errors import ConvergenceError, NotPercolatingError
from studies.case import Case, task_function
from studies.store import Claim, CorruptedRecordError, Record, Store

OUT_OF_MEMORY = "out of memory"
LONGEST_REASON = 2000  # characters of a reason that is stored


def run_case(
    store: str, case: str, run: str, timeout: float | None, attempts: int, cached: bool = True
) -> tuple[str, str]:
    """Key and status of a case, which is stored; what has been stored before is not run again.

    Never raises for what a case does. A case whose worker died ``attempts`` times in this run is
    quarantined; one whose worker ended itself when the time was over has timed out.
    """
    place, about = Store(Path(store)), Case.of_json(case)
    if cached and (known := _known(place, about.key)):
        return about.key, known
    before = place.claimed(about.key)
    if before is not None and before.run == run and (dead := _dead(place, about, before, attempts)):
        status = _stored(place, dead)
        place.release(about.key)
        return about.key, status
    try:
        claim = place.claim(about.key, run, f"process {os.getpid()}")
    except OSError as error:
        return about.key, f"not stored: {error.strerror}"
    started = time.perf_counter()
    with _watched(place.trace(about.key), timeout):
        record, arrays = _run(about)
    record = _with(record, about, seconds=time.perf_counter() - started, attempts=claim.attempt)
    status = _stored(place, record, arrays)
    place.release(about.key)
    return about.key, status


def _known(store: Store, key: str) -> str:
    """Status of a stored case, empty if there is none; a corrupted one is removed."""
    try:
        return store.read(key).status
    except KeyError:
        return ""
    except CorruptedRecordError:
        store.remove(key)
        return ""


def _dead(store: Store, case: Case, claim: Claim, attempts: int) -> Record | None:
    """What to note of a case whose worker died; None if it is to be tried again."""
    trace = store.trace(case.key)
    stack = trace.read_text(errors="replace") if trace.exists() else ""
    if stack.strip():
        reason = f"stopped after {claim.attempt} attempt; it was here:\n{stack}"
        return _with(
            Record(case.key, "timed out", reason[:LONGEST_REASON]), case, attempts=claim.attempt
        )
    if claim.attempt >= attempts:
        reason = f"its worker died {claim.attempt} times"
        return _with(Record(case.key, "quarantined", reason), case, attempts=claim.attempt)
    return None


@contextlib.contextmanager
def _watched(trace: Path, timeout: float | None) -> Iterator[None]:
    """End this process with its stack in a file when the time is over, kernels or not."""
    if timeout is None:
        yield
        return
    with trace.open("w") as file:
        faulthandler.dump_traceback_later(timeout, exit=True, file=file)
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()


def _run(case: Case) -> tuple[Record, dict[str, Any]]:
    """What a task finds, or what it raises, as a record."""
    try:
        found = task_function(case.task)(case.resolved())
    except MemoryError as error:
        return Record(case.key, OUT_OF_MEMORY, _said(error)), {}
    except ConvergenceError as error:
        return Record(case.key, "not converged", _said(error)), {}
    except NotPercolatingError as error:
        return Record(case.key, "does not percolate", _said(error)), {}
    except Exception as error:
        return _failed(case, error), {}
    values = {name: dict(value) for name, value in found.values.items()}
    record = Record(case.key, found.status, found.reason, values, provenance=dict(found.provenance))
    return record, dict(found.arrays)


def _failed(case: Case, error: Exception) -> Record:
    stack = "".join(traceback.format_exception(error))[-LONGEST_REASON:]
    return Record(case.key, "failed", _said(error), provenance={"traceback": stack})


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:LONGEST_REASON]


def _with(record: Record, case: Case, **provenance: Any) -> Record:

    about = json.loads(case.to_json())
    return dataclasses.replace(record, case=about, provenance=dict(record.provenance) | provenance)


def _stored(store: Store, record: Record, arrays: dict[str, Any] | None = None) -> str:
    """The status, once it is stored; "not stored" with the reason if it cannot be."""
    try:
        store.write(record, arrays)
    except OSError as error:
        return f"not stored: {error.strerror}"
    except Exception as error:  # values that JSON cannot hold, names that no file can have
        failed = Record(
            record.key, "failed", f"its result cannot be stored: {_said(error)}", case=record.case
        )
        store.write(failed)
        return failed.status
    return record.status
