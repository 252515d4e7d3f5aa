"""The machine on which figures were recorded."""

import platform
from importlib.metadata import version
from pathlib import Path

import psutil


def machine():
    """Processor, threads, Python and the versions that count."""
    cpu = next(
        line.split(":")[1].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    )
    versions = {name: version(name) for name in ("numpy", "scipy", "taichi")}
    return {
        "cpu": cpu,
        "threads": psutil.cpu_count(),
        "python": platform.python_version(),
        "versions": versions,
    }
