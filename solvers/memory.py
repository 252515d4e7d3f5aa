"""Memory that is still free, and the refusal of work that needs more than that."""

import shutil
import subprocess
from pathlib import Path

from microstructures.errors import MemoryBudgetError

CGROUP_FILES = (  # version 2, then version 1
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    (
        "/sys/fs/cgroup/memory/memory.limit_in_bytes",
        "/sys/fs/cgroup/memory/memory.usage_in_bytes",
    ),
)


def free_bytes(arch: str = "cpu") -> int:
    """Bytes that new arrays may take on the host, or on the GPU where that can be found out."""
    if arch == "cuda" and (gpu := _free_on_gpu()) is not None:
        return gpu
    import psutil

    free: int = psutil.virtual_memory().available
    limit = _free_in_cgroup()
    return free if limit is None else min(free, limit)


def require(required: int, what: str, arch: str = "cpu") -> None:
    """Raise MemoryBudgetError if ``required`` bytes are not free."""
    if required > (free := free_bytes(arch)):
        raise MemoryBudgetError(
            f"{what} needs about {required / 2**30:.2f} GiB, but only {free / 2**30:.2f} GiB of "
            f"{arch} memory are free: close other programs, or crop or coarsen the volume"
        )


def _free_in_cgroup() -> int | None:
    for limit_file, usage_file in CGROUP_FILES:
        limit, usage = _number(limit_file), _number(usage_file)
        if limit is not None and usage is not None:
            return max(limit - usage, 0)
    return None


def _number(path: str) -> int | None:
    """The number in a file, or None where the file is missing or says "max"."""
    try:
        return int(Path(path).read_text())
    except (OSError, ValueError):
        return None


def _free_on_gpu() -> int | None:
    if (command := shutil.which("nvidia-smi")) is None:
        return None
    query = [command, "--query-gpu=memory.free", "--format=csv,noheader,nounits"]
    done = subprocess.run(query, capture_output=True, text=True, check=False, timeout=20)
    lines = done.stdout.split()
    return int(lines[0]) * 2**20 if done.returncode == 0 and lines else None
