"""One case in a worker: claimed on disk, run, and stored with whatever came of it."""

import contextlib
import dataclasses
import faulthandler
import functools
import json
import os
import platform
import time
import traceback
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from microstructures.errors import (
    ConvergenceError,
    InvalidInputError,
    NotPercolatingError,
    TwinError,
)
from studies.case import Case, as_json, task_function
from studies.peak import begin_peak, peak_memory
from studies.store import NOT_RUN, CorruptedRecordError, Record, Store
from studies.tasks import Outcome

LONGEST_REASON = 2000  # characters of a reason that is stored
Arrays = Mapping[str, Any]


@dataclasses.dataclass(frozen=True, slots=True)
class Terms:
    """How a run treats its cases: its name, see ``Engine`` for the rest."""

    run: str
    timeout: float | None
    attempts: int
    arch: str | None


def run_case(store: str, case: str, terms: Terms) -> tuple[str, str]:
    """Key and status of a case, which is stored; what has been stored before is not run again.

    Never raises for what a case or the disk does. A case whose worker died ``attempts`` times in
    this run is quarantined; one whose worker ended itself when the time was over has timed out. A
    case that cannot be run or stored here is left as it is: "not run: …" says why.
    """
    about = Case.of_json(case)
    try:
        return about.key, _come_to(Store(Path(store)), about, terms)
    except OSError as error:  # of the store; what the task raises is in its record
        return about.key, f"{NOT_RUN}: {error.strerror or error} in the store"


def _come_to(store: Store, case: Case, terms: Terms) -> str:
    if known := _known(store, case.key):
        store.release(case.key)  # whoever stored it may have died before it could
        return known
    if dead := _dead(store, case, terms):
        return _ended(store, dead, {})
    worker = f"{platform.node()}:{os.getpid()}"
    attempt = store.claim(case.key, terms.run, worker, case.parameters).attempt
    started = time.perf_counter()
    try:
        task: Any = task_function(case.task, case.modules)
        _use(terms.arch)
    except TwinError as error:
        return _left(store, case, str(error))
    if (here := task.VERSION) != case.version:
        return _left(store, case, f"its worker has version {here} of {case.task}: start it anew")
    begin_peak()
    with _watched(store.trace(case.key), terms.timeout):
        record, arrays = _run(case, task)
    seconds = time.perf_counter() - started
    how: dict[str, Any] = {"seconds": seconds, "attempts": attempt, "peak_memory": peak_memory()}
    how |= {"versions": _versions(), "host": platform.node()}
    if "device" not in record.provenance:
        how["device"] = terms.arch or "cpu"
    return _ended(store, _about(record, case, **how), arrays)


@functools.cache
def _versions() -> dict[str, str]:
    from twin.versions import versions

    return versions()


def _use(arch: str | None) -> None:
    """Choose the device of kernels, in the thread that will start it. Raises TwinError."""
    if arch is not None:
        import solvers

        solvers.use(arch=arch)


def _known(store: Store, key: str) -> str:
    """Status of a stored case, empty if there is none; a corrupted one is removed."""
    try:
        return store.read(key).status
    except KeyError:
        return ""
    except CorruptedRecordError:
        store.remove(key)
        return ""


def _dead(store: Store, case: Case, terms: Terms) -> Record | None:
    """What to note of a case whose worker died in this run; None if it is to be tried."""
    before = store.claimed(case.key)
    if before is None or before.run != terms.run:
        return None
    if stack := _stack(store.trace(case.key)):
        reason = f"it was stopped when its time was over; it was here:\n{stack}"
        return _about(Record(case.key, "timed out", reason), case, attempts=before.attempt)
    if before.attempt >= terms.attempts:
        reason = f"its worker died {before.attempt} times"
        return _about(Record(case.key, "quarantined", reason), case, attempts=before.attempt)
    return None


def _stack(trace: Path) -> str:
    """Where the case was, the innermost line first: of all threads, the one that ran it."""
    if not trace.exists():
        return ""
    threads = trace.read_text(errors="replace").strip().split("\n\n")
    ours = [thread for thread in threads if " in run_case" in thread] or threads
    return ours[0][:LONGEST_REASON]


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


def _run(case: Case, task: Any) -> tuple[Record, Arrays]:
    """What a task finds, or what it raises, as a record."""
    try:
        found = task(case.resolved())
    except KeyboardInterrupt:
        raise
    except MemoryError as error:
        return Record(case.key, "out of memory", _said(error)), {}
    except ConvergenceError as error:
        return Record(case.key, "not converged", _said(error)), {}
    except NotPercolatingError as error:
        return Record(case.key, "does not percolate", _said(error)), {}
    except BaseException as error:  # libraries exit, and raise what is no Exception
        return _failed(case, error), {}
    if not isinstance(found, Outcome):
        reason = f"the task returned {type(found).__name__} instead of studies.Outcome"
        return Record(case.key, "failed", reason), {}
    record = Record(case.key, found.status, found.reason, found.values, {}, found.provenance)
    return record, found.arrays


def _failed(case: Case, error: BaseException) -> Record:
    stack = "".join(traceback.format_exception(error))[-LONGEST_REASON:]
    return Record(case.key, "failed", _said(error), provenance={"traceback": stack})


def _said(error: BaseException) -> str:
    try:
        return f"{type(error).__name__}: {error}"[:LONGEST_REASON]
    except Exception:  # it cannot be told in words
        return type(error).__name__


def _about(record: Record, case: Case, **provenance: Any) -> Record:
    """The record with its case, and more of how it was found."""
    about = json.loads(case.to_json())
    versions = provenance.get("versions", {}) | dict(record.provenance.get("versions", {}))
    known = dict(record.provenance) | provenance | ({"versions": versions} if versions else {})
    return dataclasses.replace(record, case=about, provenance=known)


def _ended(store: Store, record: Record, arrays: Arrays) -> str:
    """The status, once the record is stored. Raises OSError if it cannot be."""
    try:
        status = store.write(record, arrays).status
    except OSError:
        raise
    except Exception as error:  # values that JSON cannot hold, names that no file can have
        reason = f"its result cannot be stored: {_said(error)}"
        failed = Record(record.key, "failed", reason, {}, record.case, _storable(record.provenance))
        status = store.write(failed).status
    store.release(record.key)
    return status


def _storable(provenance: Mapping[str, Any]) -> dict[str, Any]:
    """What of it JSON can hold."""
    found = {}
    for name, value in provenance.items():
        with contextlib.suppress(InvalidInputError):
            as_json(value)
            found[name] = value
    return found


def _left(store: Store, case: Case, why: str) -> str:
    store.release(case.key)
    return f"{NOT_RUN}: {why}"
