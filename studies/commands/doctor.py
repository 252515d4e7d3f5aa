"""Findings about an installation, each with a remedy where something is wrong."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal
from urllib.parse import unquote, urlparse

DISTRIBUTION = "electrode-twin"
PACKAGES = ("microstructures", "solvers", "twin", "studies")
SMALL_MEMORY = 4 * 2**30

_SOLVE = """
import numpy as np, solvers
from microstructures import Volume
volume = Volume(np.zeros((4, 4, 4), dtype=np.uint8), 1e-6)
result = solvers.effective_conductivity(volume, {0: 1.0})
assert abs(result.value - 1) < 1e-6, result
print(result.report.device)
"""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the check: what was looked at, what was found, and what to do about it."""

    what: str
    found: str
    remedy: str = ""
    level: Literal["ok", "note", "problem"] = "ok"

    @property
    def is_problem(self) -> bool:
        """True if work will fail because of it."""
        return self.level == "problem"

    def __str__(self) -> str:
        remedy = f"\n{'':10}→ {self.remedy}" if self.remedy else ""
        return f"{self.level:10}{self.what}: {self.found}{remedy}"


def examine() -> Iterator[Finding]:
    """All findings, quick ones first."""
    for check in (_python, _packages, _dependencies, _memory, _caches, _rendering, _cpu, _gpu):
        try:
            yield from check()
        except Exception as error:  # a broken installation breaks checks too; go on to the next
            said = f"the check failed: {type(error).__name__}: {error}"
            yield Finding(check.__name__.strip("_"), said, "install again", "problem")


def _python() -> Iterator[Finding]:
    found = f"{sys.version.split()[0]} at {sys.executable}"
    if (3, 11) <= sys.version_info[:2] <= (3, 13):
        yield Finding("Python", found)
    else:
        yield Finding("Python", found, "install Python 3.11, 3.12 or 3.13", "problem")


def _packages() -> Iterator[Finding]:
    try:
        home = _home()
    except metadata.PackageNotFoundError:
        yield Finding(
            DISTRIBUTION, "not installed", "run `pip install .` in the checkout", "problem"
        )
        return
    yield Finding(DISTRIBUTION, f"{metadata.version(DISTRIBUTION)} in {home}")
    for name in PACKAGES:
        yield _package(name, home)


def _home() -> Path:
    """The folder in which the distribution put its packages, or the checkout it links to."""
    distribution = metadata.distribution(DISTRIBUTION)
    origin = json.loads(distribution.read_text("direct_url.json") or "{}")
    if origin.get("dir_info", {}).get("editable"):
        return Path(unquote(urlparse(origin["url"]).path)).resolve()
    return Path(str(distribution.locate_file(""))).resolve()


def _package(name: str, home: Path) -> Finding:
    spec = importlib.util.find_spec(name)
    place = Path(spec.origin).resolve().parent if spec and spec.origin else None
    if place == home / name:
        return Finding(f"package {name}", "ours")
    return Finding(
        f"package {name}",
        f"comes from {place}" if place else "not found",
        f"another {name!r} stands in front of ours: rename or uninstall it, or start from "
        "another folder",
        "problem",
    )


def _dependencies() -> Iterator[Finding]:
    try:
        required = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return
    core = [line for line in required if "extra ==" not in line]
    versions = {line: _installed(_name(line)) for line in sorted(core)}
    yield Finding("versions", ", ".join(f"{_name(n)} {v}" for n, v in versions.items() if v))
    for line, version in versions.items():
        remedy = f"run `pip install '{line}'`"
        if version is None:
            yield Finding(_name(line), "not installed", remedy, "problem")
        elif not _fits(line, version):
            yield Finding(_name(line), f"is {version}, but {line} is wanted", remedy, "problem")


def _name(requirement: str) -> str:
    """The project name at the start of a requirement such as "numpy>=2.0"."""
    end = next((i for i, c in enumerate(requirement) if not (c.isalnum() or c in "-_.")), None)
    return requirement[:end]


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _fits(requirement: str, version: str) -> bool:
    try:
        from packaging.requirements import Requirement
    except ImportError:  # it comes with matplotlib, and only its absence is told then
        return True
    return Requirement(requirement).specifier.contains(version, prereleases=True)


def _memory() -> Iterator[Finding]:
    from microstructures import memory

    free, limit = memory.available_memory(), memory.memory_limit()
    found = f"{free / 2**30:.1f} GiB free of the {limit / 2**30:.1f} GiB that may be used"
    if free >= SMALL_MEMORY:
        yield Finding("memory", found)
        return
    remedy = "large volumes will be refused: close programs, raise the container's limit, or crop"
    yield Finding("memory", found, remedy, "note")


def _caches() -> Iterator[Finding]:
    for what, variable in (
        ("taichi", "TI_OFFLINE_CACHE_FILE_PATH"),
        ("matplotlib", "MPLCONFIGDIR"),
    ):
        named = os.environ.get(variable)
        folder = Path(named) if named else Path.home() / ".cache" / what
        there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        if there.is_dir() and os.access(there, os.W_OK):
            yield Finding(f"cache of {what}", str(folder))
            continue
        remedy = f"set {variable} to a folder you may write into; until then every start is slow"
        yield Finding(f"cache of {what}", f"{folder} is not writeable", remedy, "note")


def _rendering() -> Iterator[Finding]:
    from twin import report

    can, reason = report.can_render()
    if can:
        yield Finding("rendering", reason)
        return
    what, _, remedy = reason.partition(": ")
    yield Finding("rendering", f"{what}; reports have no 3-D picture", remedy, "note")


def _cpu() -> Iterator[Finding]:
    """A small solve in a child process, which may crash without taking us along."""
    works, said = _child(_SOLVE)
    if works:
        yield Finding("a small solve", f"works on {said}")
        return
    remedy = "run `pip install --force-reinstall taichi`; its wheels need x86-64 or Apple silicon"
    yield Finding("a small solve", f"fails: {said}", remedy, "problem")


def _gpu() -> Iterator[Finding]:
    if shutil.which("nvidia-smi") is None:
        yield Finding("GPU", "no NVIDIA driver found; the CPU is used", level="note")
        return
    works, said = _child("import solvers; solvers.use(arch='cuda')\n" + _SOLVE)
    if works:
        yield Finding("GPU", "works with --arch cuda")
    else:
        yield Finding("GPU", f"cannot be used: {said}", "update the NVIDIA driver", "note")


def _child(code: str) -> tuple[bool, str]:
    """Whether some Python runs in a process of its own, and the last line that it said."""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=300
    )
    said = (done.stdout if done.returncode == 0 else done.stderr).strip().splitlines()
    return done.returncode == 0, said[-1] if said else f"exit code {done.returncode}"
