"""Engine: who runs the cases of a study. All go through the same function, which stores them.

``serial`` runs them here, ``local`` on a process for each core or GPU of this machine, ``dask`` on
the workers of a scheduler that is already there; and any ``concurrent.futures.Executor`` will do.
"""

import contextlib
import itertools
import logging
import math
import multiprocessing
import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, wait
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from microstructures.errors import InvalidInputError
from microstructures.memory import available_memory
from studies._worker import Terms, run_case
from studies.case import Case
from studies.cores import usable_cores
from studies.dask_cluster import (
    AHEAD,
    GUARD,
    SETTINGS,
    Done,
    EngineError,
    Given,
    arguments_of,
    begin,
    connected,
    dashboard_of,
    heard,
    on_client,
)
from studies.store import Store

if TYPE_CHECKING:
    from distributed import Client, SpecCluster

ARCHES = ("cpu", "cuda", "vulkan", "metal")
LOCAL = "127.0.0.1"  # nobody else can reach the workers of this machine
ANY_PORT = f"{LOCAL}:0"  # several studies may run at once
THREADS = ("TI_CPU_MAX_NUM_THREADS", "OMP_NUM_THREADS")


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
                    lambda cases, store: heard(on_client(client, cases, self._given(store))),
                    dashboard_of(client),
                )

    def _here(self, cases: Sequence[Case], store: Store) -> Iterator[Done]:
        given = self._given(store)
        return (run_case(*arguments_of(case, given)) for case in cases)

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
                with connected(str(self.address)) as client:
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
            begin(client, cluster)
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


def _through(executor: Executor, cases: Sequence[Case], given: Given, width: int) -> Iterator[Done]:
    """Any executor: a few cases ahead at each of its workers."""
    waiting = iter(cases)
    submit: Callable[[Case], Any] = lambda case: executor.submit(  # noqa: E731
        run_case, *arguments_of(case, given)
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


def check_count(name: str, value: Any, least: int = 1) -> None:
    """Raises InvalidInputError for what is neither None nor a whole number of ``least`` or more."""
    if value is None:
        return
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise InvalidInputError(f"{name} is {value!r}: give a whole number, {least} or more")


def _check_positive(name: str, value: Any, unit: str) -> None:
    if value is not None and not (math.isfinite(value) and value > 0):
        raise InvalidInputError(f"{name} is {value!r}: give {unit} > 0")
