"""Engine: who runs the cases of a study. All go through the same function, which stores them.

``serial`` runs them here, ``local`` on a process for each core or GPU of this machine, ``dask`` on
the workers of a scheduler that is already there; and any ``concurrent.futures.Executor`` will do.
"""

import contextlib
import importlib.util
import itertools
import logging
import math
import multiprocessing
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, wait
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from microstructures.errors import InvalidInputError, TwinError
from microstructures.memory import available_memory
from studies._worker import Terms, run_case
from studies.case import Case
from studies.cores import usable_cores
from studies.store import NOT_RUN, Store

if TYPE_CHECKING:
    from distributed import Client, SpecCluster

ARCHES = ("cpu", "cuda", "vulkan", "metal")
AHEAD = 2  # cases at each worker, so that none waits for the next
START_S = 60.0  # in which workers have to be there
LOOK_S = 5.0  # from one look at the workers to the next
STARTS = 2  # deaths of each worker, on average, before any has come
ALONE_S = 600.0  # without any worker, after which none is awaited any more
LOCAL = "127.0.0.1"  # nobody else can reach the workers of this machine
ANY_PORT = f"{LOCAL}:0"  # several studies may run at once
FOREVER = 10**9  # deaths of workers that the scheduler takes: we count them ourselves
SETTINGS = {
    "distributed.scheduler.allowed-failures": FOREVER,
    "distributed.scheduler.worker-ttl": None,  # a long kernel is silent, not dead
    "distributed.comm.timeouts.connect": f"{START_S}s",
}
THREADS = ("TI_CPU_MAX_NUM_THREADS", "OMP_NUM_THREADS")
GUARD = 'a script wants `if __name__ == "__main__":` above the line that runs the study'
Done = tuple[str, str]
Given = tuple[str, Terms]  # of run_case, beside the case: folder of the store, and terms


class EngineError(TwinError):
    """Workers are gone for good; what they finished is stored, and running again goes on."""


@dataclass(frozen=True, slots=True)
class Crew:
    """Workers that are there, see ``Engine.started``.

    Args:
        run: key and status of each case, in the order in which they are finished; raises
            EngineError if no worker is left.
        dashboard: address of the page on which Dask shows them, if there is one.
    """

    run: Callable[[Sequence[Case], Store], Iterator[Done]]
    dashboard: str = ""


@dataclass(frozen=True, slots=True)
class Engine:
    """How cases are run.

    Args:
        kind: "serial", "local" or "dask", or an Executor, which starts no dead worker anew.
        workers: processes of "local", by default one for each GPU of ``gpus`` or each core; of an
            Executor how many it has.
        address: of the scheduler of "dask": "tcp://host:8786", or the path of its scheduler file.
        timeout: s that a case may take, > 0; then its worker ends itself and the case has timed
            out. None for no limit. For "local" and "dask" only.
        attempts: a case whose worker dies so many times is quarantined. Likewise.
        memory: bytes that a case needs, > 0: no more workers of "local" than fit. By default what
            the largest of the study's finished cases has needed, unless ``workers`` are asked for.
        gpus: indices of the GPUs of "local", a worker each; their arch is then "cuda".
        arch: device of kernels, see ``solvers.use``; by default the CPU.

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
    arch: str | None = None

    def __post_init__(self) -> None:
        kinds = ("serial", "local", "dask")
        if not isinstance(self.kind, Executor) and self.kind not in kinds:
            raise InvalidInputError(f"engine {self.kind!r} is unknown: choose one of {kinds}")
        if (self.kind == "dask") != (self.address is not None):
            raise InvalidInputError(
                "engine 'dask' wants the address of its scheduler, and only it does: "
                "address='tcp://host:8786', or the path of a scheduler file"
            )
        check_count("workers", self.workers)
        check_count("attempts", self.attempts)
        _check_positive("timeout", self.timeout, "seconds")
        _check_positive("memory", self.memory, "bytes")
        if self.arch not in (None, *ARCHES):
            raise InvalidInputError(f"arch {self.arch!r} is unknown: choose one of {ARCHES}")
        if self.timeout is not None and self.kind not in ("local", "dask"):
            raise InvalidInputError(
                "a case that takes too long ends its process, which only 'local' and 'dask' start "
                "anew: choose engine='local', workers=1"
            )

    @contextlib.contextmanager
    def started(self) -> "Iterator[Crew]":
        """Workers that stay warm for all that they run inside the block.

        Raises:
            EngineError: no worker came.
        """
        if self.kind == "serial":
            yield Crew(self._here)
        elif isinstance(self.kind, Executor):
            pool, width = self.kind, self.width()
            yield Crew(lambda cases, store: _through(pool, cases, self._given(store), width))
        else:
            with self._client() as client:
                yield Crew(
                    lambda cases, store: _heard(_on(client, cases, self._given(store))),
                    _dashboard(client),
                )

    def _here(self, cases: Sequence[Case], store: Store) -> Iterator[Done]:
        given = self._given(store)
        return (run_case(*_of(case, given)) for case in cases)

    def _given(self, store: Store) -> Given:
        """Of one run; deaths of workers are counted in it."""
        arch = self.arch or ("cuda" if self.gpus else None)
        return str(store.folder), Terms(uuid.uuid4().hex, self.timeout, self.attempts, arch)

    @contextlib.contextmanager
    def _client(self) -> "Iterator[Client]":
        import dask
        import distributed  # noqa: F401 - its settings have to be there before ours

        with dask.config.set(SETTINGS):
            if self.kind == "dask":
                with _connected(str(self.address)) as client:
                    yield client
            else:
                with self._local() as client:
                    yield client

    @contextlib.contextmanager
    def _local(self) -> "Iterator[Client]":
        """A process for each core or GPU, each with one thread, started anew when it dies."""
        from distributed import Client, Nanny

        if getattr(multiprocessing.current_process(), "_inheriting", False):
            raise EngineError(f"a worker runs the study by which it was started: {GUARD}")
        with self._cluster() as cluster, Client(cluster) as client:
            count = self.width()
            for n in range(count):
                cluster.worker_spec[n] = {"cls": Nanny, "options": self._options(n, count)}
            _begin(client, cluster)
            yield client

    def _cluster(self) -> "SpecCluster":
        """A scheduler of our own, without workers yet."""
        from distributed import Scheduler, SpecCluster

        scheduler = {"cls": Scheduler, "options": {"host": LOCAL, "dashboard_address": ANY_PORT}}
        return SpecCluster(scheduler=scheduler, silence_logs=logging.CRITICAL)

    def _options(self, number: int, count: int) -> dict[str, Any]:
        threads = str(max(1, (os.cpu_count() or 1) // count))
        env = {name: os.environ.get(name, threads) for name in THREADS}
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

    def width(self) -> int:
        """Cases at once: of "local" as asked for, and as fit into the memory, one at least.

        Of "dask" only its scheduler knows: 1.
        """
        if isinstance(self.kind, Executor):
            return self.workers or os.cpu_count() or 1
        if self.kind != "local":
            return 1
        asked = self.workers or len(self.gpus) or usable_cores()
        wanted = min(asked, len(self.gpus)) if self.gpus else asked
        return max(1, min(wanted, int(available_memory() / self.memory))) if self.memory else wanted

    def within(self, peak: float | None) -> "Engine":
        """The same, with no more workers than fit if each case takes ``peak`` bytes.

        Unless the memory of a case, or how many workers there are to be, was said.
        """
        is_open = self.kind == "local" and self.memory is None and self.workers is None
        return replace(self, memory=peak) if is_open and peak else self


def engine_of(
    engine: "str | Executor | Engine | Crew", options: Mapping[str, Any]
) -> "Engine | Crew":
    """The engine of a name and its options. Raises InvalidInputError, also for options too many."""
    if not isinstance(engine, Engine | Crew):
        try:
            return Engine(engine, **options)
        except TypeError as error:
            known = ", ".join(part.name for part in fields(Engine) if part.name != "kind")
            raise InvalidInputError(f"{error}: an engine takes {known}") from None
    if options:
        raise InvalidInputError(
            f"{', '.join(options)} belong to the engine, which is there already: give them to it"
        )
    return engine


def _of(case: Case, given: Given) -> tuple[str, str, Terms]:
    """Arguments of ``run_case``."""
    folder, terms = given
    return folder, case.to_json(), terms


def _on(client: "Client", cases: Sequence[Case], given: Given) -> Iterator[Done]:
    """A few cases ahead at each worker; a case goes to another one if its worker dies."""
    waiting = iter(cases)
    running: set[Any] = set()
    room, looked = 0, -LOOK_S
    try:
        while True:
            if time.monotonic() - looked > LOOK_S:  # workers come and go
                _revive(client.cluster)
                room, looked = AHEAD * _width(client), time.monotonic()
            for case in itertools.islice(waiting, max(0, room - len(running))):
                key = f"{case.task}-{case.key}-{given[1].run}"
                running.add(client.submit(run_case, *_of(case, given), key=key, pure=False))
            if not running:
                return
            done = _first(client, running)
            running -= done
            yield from (_result(future) for future in done)
    finally:
        client.cancel(list(running))


def _heard(ends: Iterator[Done]) -> Iterator[Done]:
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
            _revive(client.cluster)
            seen = time.monotonic() if client.nthreads() else seen
    raise EngineError(f"no worker was left for {ALONE_S:.0f} s: start some, and run again")


def _begin(client: "Client", cluster: "SpecCluster") -> None:
    """Wait for the first worker; some may die as they start, but not all of them again and again.

    Raises:
        EngineError: no worker came.
    """
    until, died = time.monotonic() + START_S, 0
    while not client.nthreads():
        died += _revive(cluster)
        if died > STARTS * len(cluster.worker_spec) or time.monotonic() > until:
            raise EngineError(f"no worker can be started, {died} have died of it: {GUARD}")
        time.sleep(0.05)


def _revive(cluster: "SpecCluster | None") -> int:
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
    if future.status != "finished":
        return future.key.split("-")[-2], f"{NOT_RUN}: {future.exception()!r}"
    done: Done = future.result()
    future.release()
    return done


def _through(executor: Executor, cases: Sequence[Case], given: Given, width: int) -> Iterator[Done]:
    """Any executor: a few cases ahead at each of its workers."""
    waiting = iter(cases)
    submit: Callable[[Case], Any] = lambda case: executor.submit(  # noqa: E731
        run_case, *_of(case, given)
    )
    running: set[Any] = set()
    try:
        running = {submit(case) for case in itertools.islice(waiting, AHEAD * width)}
        while running:
            done, running = wait(running, return_when=FIRST_COMPLETED)
            running |= {submit(case) for case in itertools.islice(waiting, len(done))}
            yield from (future.result() for future in done)
    except BrokenExecutor as error:
        raise EngineError(
            f"a worker of {type(executor).__name__} died, and it starts no other ({error}): run "
            f"again with a new one, which goes on where it stopped, or with engine='local'; {GUARD}"
        ) from error
    finally:
        for future in running:
            future.cancel()


@contextlib.contextmanager
def _connected(address: str) -> "Iterator[Client]":
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


def _dashboard(client: "Client") -> str:
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


def check_count(name: str, value: Any, least: int = 1) -> None:
    """Raises InvalidInputError for what is neither None nor a whole number of ``least`` or more."""
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InvalidInputError(f"{name} is {value!r}: give a whole number, {least} or more")


def _check_positive(name: str, value: Any, unit: str) -> None:
    if value is not None and not (math.isfinite(value) and value > 0):
        raise InvalidInputError(f"{name} is {value!r}: give {unit} > 0")
