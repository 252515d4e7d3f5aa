"""Threads: how many this process may use, and on which CPUs those of Taichi run.

Linux often puts two threads that are woken together on one CPU and leaves the other idle for as
long as a short loop takes: at 100³ voxels a solve was a third slower for that.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


def available() -> int:
    """CPUs this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def apart(count: int) -> Iterator[None]:
    """Bind the threads that start within to one CPU each, in turn, if ``count`` are all of them.

    Fewer threads than CPUs stay free, since other processes may count on the rest.
    """
    before = _threads()
    yield
    if 1 < count == available():
        cpus = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        for turn, thread in enumerate(sorted(_threads() - before)):
            with contextlib.suppress(OSError):  # it ended, or binding is forbidden
                os.sched_setaffinity(thread, {cpus[turn % count]})


def _threads() -> set[int]:
    """Threads of this process; none where the system does not list them."""
    try:
        return {int(task.name) for task in Path("/proc/self/task").iterdir()}
    except OSError:
        return set()
