"""Engine: who runs the cases of a study. All go through the same function, which stores them.

``serial`` runs them here, ``local`` on a process for each core or GPU of this machine, ``dask`` on
the workers of a scheduler that is already there; and any ``concurrent.futures.Executor`` will do.
"""

import contextlib
import itertools
import logging
import math
import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from microstructures.errors import InvalidInputError, TwinError
from studies._worker import run_case
from studies.case import Case
from studies.store import Store

if TYPE_CHECKING:
    from distributed import Client, SpecCluster

AHEAD = 2  # cases at each worker, so that none waits for the next
START_S = 60.0  # in which workers have to be there
LOCAL = "127.0.0.1"  # nobody else can reach the workers of this machine
FOREVER = 10**9  # deaths of workers that the scheduler takes: we count them ourselves
Done = tuple[str, str]


class EngineError(TwinError):
    """Workers are gone for good; what they finished is stored, and running again goes on."""


@dataclass(frozen=True, slots=True)
class Engine:
    """How cases are run.

    Args:
        kind: "serial", "local" or "dask", or an Executor.
        workers: processes of "local"; by default one for each GPU that is visible or each core.
        address: of the scheduler of "dask": "tcp://host:8786", or the path of its scheduler file.
        timeout: s that a case may take, > 0; then its worker ends itself and the case has timed
            out. None for no limit; not for "serial", whose worker is this process.
        attempts: a case whose worker dies so many times is quarantined.
        memory: bytes that a case needs, if known: no more workers than fit.
        gpus: indices of the GPUs of "local", a worker each.

    Raises:
        InvalidInputError: an argument is out of range.
    """

    kind: "str | Executor" = "local"
    workers: int | None = None
    address: str | None = None
    timeout: float | None = None
    attempts: int = 3
    memory: float | None = None
    gpus: Sequence[int] = ()

    def __post_init__(self) -> None:
        kinds = ("serial", "local", "dask")
        if not isinstance(self.kind, Executor) and self.kind not in kinds:
            raise InvalidInputError(f"engine {self.kind!r} is unknown: choose one of {kinds}")
        if (self.kind == "dask") != (self.address is not None):
            raise InvalidInputError(
                "engine 'dask' wants the address of its scheduler, and only it does: "
                "address='tcp://host:8786', or the path of a scheduler file"
            )
        if self.workers is not None and not self.workers >= 1:
            raise InvalidInputError(f"workers is {self.workers!r}: give 1 or more")
        if self.timeout is not None and not (math.isfinite(self.timeout) and self.timeout > 0):
            raise InvalidInputError(f"timeout is {self.timeout!r}: give seconds > 0")
        if self.timeout is not None and self.kind == "serial":
            raise InvalidInputError(
                "a case that takes too long ends its process, which in 'serial' is yours: choose "
                "engine='local', workers=1"
            )
        if not self.attempts >= 1:
            raise InvalidInputError(f"attempts is {self.attempts!r}: give 1 or more")

    def run(self, cases: Sequence[Case], store: Store) -> Iterator[Done]:
        """Key and status of each case, in the order in which they are finished.

        Raises:
            EngineError: no worker is left, or none came.
        """
        run = uuid.uuid4().hex
        arguments = (str(store.folder), run, self.timeout, self.attempts)
        if self.kind == "serial":
            yield from (_here(case, arguments) for case in cases)
        elif isinstance(self.kind, Executor):
            yield from _through(self.kind, cases, arguments, os.cpu_count() or 1)
        else:
            with self._client() as client:
                yield from _on(client, cases, arguments)

    @contextlib.contextmanager
    def _client(self) -> "Iterator[Client]":
        import dask
        from distributed import Client

        with dask.config.set(
            {
                "distributed.scheduler.allowed-failures": FOREVER,
                "distributed.scheduler.work-stealing": False,
                "distributed.comm.timeouts.connect": f"{START_S}s",
                "logging.distributed": "critical",
            }
        ):
            if self.kind == "dask":
                with _connected(str(self.address)) as client:
                    yield client
                return
            with self._cluster() as cluster, Client(cluster) as client:
                _wait_for(client, len(cluster.workers))
                yield client

    def _cluster(self) -> "SpecCluster":
        """A process for each core or GPU, each with one thread, started anew when it dies."""
        from distributed import Nanny, Scheduler, SpecCluster

        count = len(self.gpus) or self.workers or self._fitting()
        spec = {n: {"cls": Nanny, "options": self._options(n, count)} for n in range(count)}
        scheduler = {"cls": Scheduler, "options": {"host": LOCAL, "dashboard": False}}
        return SpecCluster(scheduler=scheduler, workers=spec, silence_logs=logging.CRITICAL)

    def _options(self, number: int, count: int) -> dict[str, Any]:
        threads = max(1, (os.cpu_count() or 1) // count)
        env = {"TI_CPU_MAX_NUM_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
        if self.gpus:
            env["CUDA_VISIBLE_DEVICES"] = str(self.gpus[number])
        return {
            "nthreads": 1,
            "env": env,
            "memory_limit": 0,
            "name": f"worker-{number}",
            "host": LOCAL,
            "dashboard": False,
            "silence_logs": logging.CRITICAL,
        }

    def _fitting(self) -> int:
        """As many workers as there are cores, and as fit into the memory."""
        import psutil

        cores = psutil.cpu_count(logical=False) or os.cpu_count() or 1
        if not self.memory:
            return cores
        return max(1, min(cores, int(psutil.virtual_memory().available / self.memory)))


def _here(case: Case, arguments: tuple[Any, ...]) -> Done:
    store, *rest = arguments
    return run_case(store, case.to_json(), *rest)


def _on(client: "Client", cases: Sequence[Case], arguments: tuple[Any, ...]) -> Iterator[Done]:
    """A few cases ahead at each worker; a case goes to another one if its worker dies."""
    from distributed import as_completed

    store, *rest = arguments
    waiting = iter(cases)
    width = AHEAD * max(1, len(client.scheduler_info(n_workers=-1)["workers"]))

    def submitted(case: Case) -> "Future[Done]":
        return client.submit(run_case, store, case.to_json(), *rest, key=case.key, pure=False)

    running = as_completed([submitted(case) for case in itertools.islice(waiting, width)])
    for future in running:
        yield _result(future)
        if (case := next(waiting, None)) is not None:
            running.add(submitted(case))


def _result(future: Any) -> Done:
    if future.status != "finished":
        return future.key, f"lost: {future.exception()!r}"
    done: Done = future.result()
    future.release()
    return done


def _through(
    executor: Executor, cases: Sequence[Case], arguments: tuple[Any, ...], width: int
) -> Iterator[Done]:
    """Any executor: a few cases ahead at each of its workers."""
    store, *rest = arguments
    waiting = iter(cases)
    submit: Callable[[Case], Future[Done]] = lambda case: executor.submit(  # noqa: E731
        run_case, store, case.to_json(), *rest
    )
    try:
        running = {submit(case) for case in itertools.islice(waiting, AHEAD * width)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            running |= {submit(case) for case in itertools.islice(waiting, len(done))}
            yield from (future.result() for future in done)
    except BrokenExecutor as error:
        raise EngineError(
            f"a worker of {type(executor).__name__} died, and it starts no other ({error}): run "
            "again, which goes on where it stopped; engine='local' starts workers anew"
        ) from error


@contextlib.contextmanager
def _connected(address: str) -> "Iterator[Client]":
    from distributed import Client

    given: dict[str, Any] = {"address": address}
    if not address.startswith(("tcp://", "tls://", "ucx://")):
        if not Path(address).exists():
            raise InvalidInputError(
                f"address {address!r} is neither tcp://host:port nor a scheduler file that exists"
            )
        given = {"scheduler_file": address}
    try:
        client = Client(**given, timeout=START_S)
    except OSError as error:
        raise EngineError(f"no scheduler answers at {address}: {error}") from error
    with client:
        client.run_on_scheduler(_never_give_up)
        _wait_for(client, 1)
        yield client


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
