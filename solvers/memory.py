"""Memory that a device still has free, and the refusal of work that needs more than that."""

import shutil
import subprocess

from microstructures.errors import MemoryBudgetError
from microstructures.memory import available_memory, require_memory


def free_bytes(arch: str = "cpu") -> int:
    """Bytes that new arrays may take: on a CUDA device where that can be found out, else here."""
    on_gpu = _free_on_gpu() if arch == "cuda" else None
    return available_memory() if on_gpu is None else on_gpu


def require(required: int, what: str, arch: str = "cpu") -> None:
    """Raise MemoryBudgetError if ``required`` bytes are not free on the device."""
    on_gpu = _free_on_gpu() if arch == "cuda" else None
    if on_gpu is None:
        require_memory(required, what)
    elif required > on_gpu:
        raise MemoryBudgetError(
            f"{what} needs {required / 2**30:.2f} GiB on the GPU, but {on_gpu / 2**30:.2f} GiB are "
            "free: close other programs there, use arch='cpu', or crop or coarsen the volume"
        )


def _free_on_gpu() -> int | None:
    if (command := shutil.which("nvidia-smi")) is None:
        return None
    query = [command, "--query-gpu=memory.free", "--format=csv,noheader,nounits"]
    done = subprocess.run(query, capture_output=True, text=True, check=False, timeout=20)
    lines = done.stdout.split()
    return int(lines[0]) * 2**20 if done.returncode == 0 and lines else None
