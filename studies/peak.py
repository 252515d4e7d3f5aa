"""Peak: the most memory that this process has held since a moment. Bytes; Linux tells it."""

import contextlib
from pathlib import Path

RESET = "5"  # what the kernel takes as "forget the peak"


def begin_peak() -> None:
    """Forget the peak so far, where the system lets us."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text(RESET, encoding="ascii")


def peak_memory() -> int | None:
    """Bytes at the peak since ``begin_peak``, of this process and all it holds; None elsewhere."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024
    return None
