"""Cores: how many of them this process may use, as machine, batch system and container allow."""

import contextlib
import math
import os
from pathlib import Path

QUOTA = Path("/sys/fs/cgroup/cpu.max")  # "200000 100000": so many µs in so many; or "max …"


def usable_cores() -> int:
    """Physical cores, or fewer if this process is bound to some or has a quota; one at least."""
    import psutil

    found = [psutil.cpu_count(logical=False) or os.cpu_count() or 1, *_quota()]
    if hasattr(os, "sched_getaffinity"):
        found.append(len(os.sched_getaffinity(0)))
    return max(1, min(found))


def _quota() -> list[int]:
    with contextlib.suppress(OSError, ValueError):
        allowed, period = QUOTA.read_text(encoding="ascii").split()[:2]
        return [math.ceil(int(allowed) / int(period))]
    return []
