"""Memory that may still be used, in bytes: what the machine has free, or the container allows."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from microstructures.errors import MemoryBudgetError

CGROUP = Path("/sys/fs/cgroup")
LIMITS = (  # limit, use, name of the reclaimable file cache in memory.stat; version 2, then 1
    (CGROUP, "memory.max", "memory.current", "inactive_file"),
    (
        CGROUP / "memory",
        "memory.limit_in_bytes",
        "memory.usage_in_bytes",
        "total_inactive_file",
    ),
)


def available_memory() -> int:
    """Bytes that can be allocated without swapping or being killed."""
    import psutil

    return min([int(psutil.virtual_memory().available), *_headrooms()])


def memory_limit() -> int:
    """Bytes that could be allocated if nothing else ran: the machine's, or the container's."""
    import psutil

    return min([int(psutil.virtual_memory().total), *_allowances()])


def require_memory(needed: int, what: str) -> None:
    """Raise MemoryBudgetError if ``needed`` bytes are more than there are."""
    available = available_memory()
    if needed > available:
        raise MemoryBudgetError(
            f"{what} needs {_size(needed)} of memory, but {_size(available)} are free: "
            "crop or coarsen it elsewhere, or use a larger machine"
        )


def _headrooms() -> Iterator[int]:
    for root, limit, use, cache in LIMITS:
        for folder in _folders(root):
            try:
                allowed = int((folder / limit).read_text())
                used = int((folder / use).read_text())
                yield max(0, allowed - used + _cached(folder, cache))
            except (OSError, ValueError):  # no such group, or its limit is "max"
                continue


def _allowances() -> Iterator[int]:
    for root, limit, _, _ in LIMITS:
        for folder in _folders(root):
            with contextlib.suppress(OSError, ValueError):
                yield int((folder / limit).read_text())


def _folders(root: Path) -> list[Path]:
    return [root, *(root / group for group in _groups())]


def _groups() -> list[str]:
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    paths = [line.split(":", 2)[2].strip("/") for line in lines if line.count(":") >= 2]
    return sorted({path for path in paths if path})


def _cached(folder: Path, name: str) -> int:
    stat = dict(line.split()[:2] for line in (folder / "memory.stat").read_text().splitlines())
    return int(stat.get(name, 0))


def _size(count: int) -> str:
    for unit, scale in (("TiB", 2**40), ("GiB", 2**30), ("MiB", 2**20)):
        if count >= scale:
            return f"{count / scale:.3g} {unit}"
    return f"{count} bytes"
