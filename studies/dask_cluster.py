"""Dask: cases on the workers of a scheduler, which come and go.

Deaths of workers are counted by case, on the disk; the scheduler is to take as many as there are.
"""

import contextlib
import importlib.util
import itertools
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from pathlib import Path
from typing import TYPE_CHECKING, Any

from microstructures.errors import InvalidInputError, TwinError
from studies._worker import Terms, run_case
from studies.case import Case
from studies.store import NOT_RUN

if TYPE_CHECKING:
    from distributed import Client, SpecCluster

AHEAD = 2  # cases at each worker, so that none waits for the next
START_S = 60.0  # in which workers have to be there
LOOK_S = 5.0  # from one look at the workers to the next
STARTS = 2  # deaths of each worker, on average, before any has come
ALONE_S = 600.0  # without any worker, after which none is awaited any more
FOREVER = 10**9  # deaths of workers that the scheduler takes: we count them ourselves
GUARD = 'a script wants `if __name__ == "__main__":` above the line that runs the study'
SETTINGS = {
    "distributed.scheduler.allowed-failures": FOREVER,
    "distributed.scheduler.worker-ttl": None,  # a long kernel is silent, not dead
    "distributed.comm.timeouts.connect": f"{START_S}s",
}
Done = tuple[str, str]
Given = tuple[str, Terms]  # of run_case, beside the case: folder of the store, and terms


class EngineError(TwinError):
    """Workers are gone for good; what they finished is stored, and running again goes on."""


def arguments_of(case: Case, given: Given) -> tuple[str, str, Terms]:
    """Arguments of ``run_case``."""
    folder, terms = given
    return folder, case.to_json(), terms


def on_client(client: "Client", cases: Sequence[Case], given: Given) -> Iterator[Done]:
    """A few cases ahead at each worker; a case goes to another one if its worker dies."""
    waiting = iter(cases)
    running: set[Any] = set()
    room, looked = 0, -LOOK_S
    try:
        while True:
            if time.monotonic() - looked > LOOK_S:  # workers come and go
                revive(client.cluster)
                room, looked = AHEAD * _width(client), time.monotonic()
            for case in itertools.islice(waiting, max(0, room - len(running))):
                key = f"{case.task}-{case.key}-{given[1].run}"
                running.add(
                    client.submit(run_case, *arguments_of(case, given), key=key, pure=False)
                )
            if not running:
                return
            # what is lost with its worker runs again, and is known by its record then
            done = {future for future in _first(client, running) if future.status != "lost"}
            running -= done
            yield from (_result(future) for future in done)
    finally:
        client.cancel(list(running))


def heard(ends: Iterator[Done]) -> Iterator[Done]:
    """The same; says so if the scheduler is missed, whatever the call that missed it made of it."""
    try:
        yield from ends
    except (OSError, CancelledError) as error:
        raise EngineError("the scheduler has gone: start one, and run again") from error


def _first(client: "Client", running: set[Any]) -> set[Any]:
    """Those that are finished, once there is one. Raises EngineError if nobody works on them."""
    from distributed import wait

    seen = time.monotonic()
    while time.monotonic() - seen < ALONE_S:
        try:
            return set(wait(running, timeout=LOOK_S, return_when="FIRST_COMPLETED").done)
        except TimeoutError:
            revive(client.cluster)
            seen = time.monotonic() if client.nthreads() else seen
    raise EngineError(f"no worker was left for {ALONE_S:.0f} s: start some, and run again")


def begin(client: "Client", cluster: "SpecCluster") -> None:
    """Wait for the first worker; some may die as they start, but not all of them again and again.

    Raises:
        EngineError: no worker came.
    """
    until, died = time.monotonic() + START_S, 0
    while not client.nthreads():
        died += revive(cluster)
        if died > STARTS * len(cluster.worker_spec) or time.monotonic() > until:
            raise EngineError(f"no worker can be started, {died} have died of it: {GUARD}")
        time.sleep(0.05)


def revive(cluster: "SpecCluster | None") -> int:
    """Start workers of our own that are not there, or that died as they started: how many did."""
    if cluster is None:
        return 0
    ended = [n for n, nanny in cluster.workers.items() if nanny.status.name in ("closed", "failed")]
    for name in ended:
        del cluster.workers[name]
    if set(cluster.worker_spec) - set(cluster.workers):
        cluster.scale(len(cluster.worker_spec))
    return len(ended)


def _width(client: "Client") -> int:
    """How many workers there are, or will be in a moment."""
    ours = len(client.cluster.worker_spec) if client.cluster is not None else 1
    return max(ours, len(client.nthreads()))


def _result(future: Any) -> Done:
    if future.status == "error":
        return future.key.split("-")[-2], f"{NOT_RUN}: {future.exception()!r}"
    done: Done = future.result()
    future.release()
    return done


@contextlib.contextmanager
def connected(address: str) -> "Iterator[Client]":
    """A client of a scheduler that has workers, by its address or file.

    Raises:
        InvalidInputError: no such file.
        EngineError: nobody answers, no worker comes, or one has several threads.
    """
    from distributed import Client

    given: dict[str, Any] = {"address": address}
    if "://" not in address:
        if not Path(address).exists():
            raise InvalidInputError(
                f"address {address!r} is neither tcp://host:port nor a scheduler file that exists"
            )
        given = {"scheduler_file": address}
    try:
        client = Client(**given, timeout=START_S)
    except (OSError, ValueError) as error:
        raise EngineError(f"no scheduler answers at {address}: {error}") from error
    with client:
        client.run_on_scheduler(_never_give_up)
        _wait_for(client, 1)
        if any(threads > 1 for threads in client.nthreads().values()):
            raise EngineError(
                "a worker has several threads, and cases want one each: dask worker --nthreads 1"
            )
        yield client


def dashboard_of(client: "Client") -> str:
    """Where Dask shows its workers; nowhere without Bokeh, if the scheduler is ours."""
    if client.cluster is not None and importlib.util.find_spec("bokeh") is None:
        return ""
    is_there = "dashboard" in client.scheduler_info().get("services", {})
    return str(client.dashboard_link or "") if is_there else ""


def _never_give_up(dask_scheduler: Any) -> None:
    """Deaths of workers are counted by case, on the disk."""
    dask_scheduler.allowed_failures = FOREVER


def _wait_for(client: "Client", count: int) -> None:
    try:
        client.wait_for_workers(count, timeout=START_S)
    except TimeoutError as error:
        raise EngineError(
            f"{count} workers were to come, and did not in {START_S:.0f} s: look at their logs"
        ) from error
