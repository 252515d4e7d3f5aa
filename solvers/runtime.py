"""The one place that starts Taichi: device, precision, threads and the memory budget.

Nothing starts before the first kernel. A Taichi that the user has already started is adopted as
it is and never reset. An explicitly named device that is missing is an error, never a fallback.
"""

import contextlib
import io
import os
import sys
import threading
import warnings
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import DTypeLike, NDArray

from microstructures.errors import InvalidInputError, RuntimeConflictError
from solvers import memory, threads

Arch: TypeAlias = Literal["cpu", "cuda", "vulkan", "metal"]
Precision: TypeAlias = Literal["mixed", "double", "single"]
DeviceArray: TypeAlias = Any  # numpy array on the CPU, ti.ndarray elsewhere

MAX_ELEMENTS = 2**31 - 1  # Taichi indexes with 32 bits and fails silently or fatally beyond
THREADS_VARIABLE = "TI_CPU_MAX_NUM_THREADS"  # read by Taichi itself
launch_lock = threading.RLock()


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user asked for; None leaves the choice to us."""

    arch: Arch | None = None
    precision: Precision = "mixed"
    threads: int | None = None


@dataclass(frozen=True, slots=True)
class Device:
    """What Taichi runs on. ``adopted`` is True if the user started it."""

    arch: str
    threads: int
    adopted: bool
    program: Any

    @property
    def is_cpu(self) -> bool:
        """True if arrays live in host memory."""
        return self.arch in ("cpu", "x64", "arm64")

    def __str__(self) -> str:
        return f"{self.arch} ({self.threads} threads)" if self.is_cpu else self.arch


_settings = Settings()
_device: Device | None = None
_forked = False


def use(
    arch: Arch | None = None, precision: Precision | None = None, threads: int | None = None
) -> Settings:
    """Choose the device, precision and number of CPU threads before the first solve.

    Args:
        arch: "cpu", "cuda", "vulkan" or "metal"; by default the CPU.
        precision: "mixed" (float64 solution, float32 preconditioner) or "double".
        threads: CPU threads ≥ 1; by default all that this process may use.

    Returns:
        The settings now in force.

    Raises:
        InvalidInputError: an unknown name, or threads below 1.
        RuntimeConflictError: the device is missing, or Taichi runs with another one already.
    """
    global _settings
    wanted = replace(
        _settings,
        arch=_one_of("arch", arch, Arch) if arch else _settings.arch,
        precision=_one_of("precision", precision, Precision) if precision else _settings.precision,
        threads=_thread_count(threads) if threads is not None else _settings.threads,
    )
    if arch is not None and arch != "cpu":
        _require_arch(arch)
    if (running := _running()) is not None:
        _refuse_conflict(running, arch, threads)
    _settings = wanted
    return wanted


def precision() -> Precision:
    """The precision in force."""
    return _settings.precision


def start() -> Device:
    """The running device, started now if need be.

    Raises:
        RuntimeConflictError: this process was forked from one that runs Taichi, the device asked
            for is missing, or you started Taichi in another thread and ran nothing there yet.
    """
    global _device
    with launch_lock:
        running = _running() or _launch()
        if running is not _device:
            before, _device = _device, running
            try:
                _materialise()
            except RuntimeError as error:
                _device = before
                raise RuntimeConflictError(
                    "Taichi was started in another thread, where nothing has run yet: run one "
                    "solve there first, or leave the start of Taichi to the first solve"
                ) from error
        return running


def _running() -> Device | None:
    """The device Taichi runs on, ours or the user's; None if it was not started yet."""
    impl = _taichi().lang.impl
    program = impl.get_runtime().prog
    if _forked:
        raise RuntimeConflictError(
            f"this process ({os.getpid()}) was forked from one that runs Taichi, where every "
            "kernel would hang: start workers with the 'spawn' or 'forkserver' method"
        )
    if program is None:
        return None
    if _device is not None and _device.program is program:
        return _device
    return _describe(impl.current_cfg(), program, adopted=True)


def _note_fork() -> None:
    """In the child of a fork: remember whether Taichi was alive in the parent."""
    global _forked
    taichi = sys.modules.get("taichi")
    _forked = _forked or (taichi is not None and taichi.lang.impl.get_runtime().prog is not None)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_note_fork)


def _taichi() -> Any:
    from solvers._ti import ti  # here, since importing this module must not load Taichi

    return ti


def _describe(config: Any, program: Any, adopted: bool) -> Device:
    name = str(config.arch).rsplit(".", 1)[-1]
    arch = "cpu" if name in ("x64", "arm64") else name
    return Device(arch, config.cpu_max_num_threads, adopted, program)


def _launch() -> Device:
    ti = _taichi()
    if _settings.arch not in (None, "cpu"):
        _require_arch(str(_settings.arch))
    options: dict[str, Any] = {"log_level": ti.ERROR, "default_fp": ti.f64, "fast_math": False}
    if _settings.threads is not None:
        os.environ.pop(THREADS_VARIABLE, None)  # Taichi would complain of being told twice
    count = 0
    if THREADS_VARIABLE not in os.environ:
        count = options["cpu_max_num_threads"] = _settings.threads or threads.available()
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings(), threads.apart(count):
        warnings.simplefilter("ignore")  # Taichi prints a banner and calls deprecated functions
        ti.init(arch=getattr(ti, _settings.arch or "cpu"), **options)
    impl = ti.lang.impl
    return _describe(impl.current_cfg(), impl.get_runtime().prog, adopted=False)


def _materialise() -> None:
    """Run one kernel in the thread that started Taichi; other threads may launch after that."""
    from solvers._kernels import vectors

    vectors.wake(np.zeros(1))


def _require_arch(arch: str) -> None:
    ti = _taichi()
    if not ti.lang.misc.is_arch_supported(getattr(ti, arch)):
        raise RuntimeConflictError(
            f"arch {arch!r} was asked for, but Taichi finds no such device here: "
            "install its driver, or use arch='cpu'"
        )


def _refuse_conflict(running: Device, arch: str | None, threads: int | None) -> None:
    started = "by you" if running.adopted else "by an earlier solve"
    if arch is not None and arch != running.arch:
        raise RuntimeConflictError(
            f"arch {arch!r} was asked for, but Taichi was started {started} on {running.arch!r}: "
            "call solvers.use() before the first solve, in a new process"
        )
    if threads is not None and running.is_cpu and threads != running.threads:
        raise RuntimeConflictError(
            f"threads={threads} was asked for, but Taichi was started {started} with "
            f"{running.threads}: call solvers.use() before the first solve, in a new process"
        )


def _one_of(what: str, value: Any, names: Any) -> Any:
    if value not in get_args(names):
        raise InvalidInputError(f"{what} {value!r} is unknown: choose one of {get_args(names)}")
    return value


def _thread_count(threads: Any) -> int:
    if isinstance(threads, bool) or not isinstance(threads, int | np.integer) or threads < 1:
        raise InvalidInputError(f"threads {threads!r} is not a whole number of at least 1")
    return int(threads)


def block() -> int:
    """Elements a CPU loop buffers before it stores them, so that it vectorises; 1 on a GPU."""
    return 64 if start().is_cpu else 1


def check_elements(count: int, what: str) -> None:
    """Refuse an array that Taichi could not index. Raises InvalidInputError."""
    if count > MAX_ELEMENTS:
        raise InvalidInputError(
            f"{what} has {count} elements, more than the {MAX_ELEMENTS} that can be indexed: "
            "crop or coarsen the volume"
        )


def zeros(count: int, dtype: DTypeLike) -> DeviceArray:
    """A zeroed vector on the device."""
    device = start()
    if device.is_cpu:
        return np.zeros(count, dtype)
    array = _taichi().ndarray(dtype=taichi_type(dtype), shape=(count,))
    array.fill(0)
    return array


def empty(count: int, dtype: DTypeLike) -> DeviceArray:
    """A vector on the device with anything in it."""
    return np.empty(count, dtype) if start().is_cpu else zeros(count, dtype)


def to_device(array: NDArray[Any]) -> DeviceArray:
    """A flat host array on the device; on the CPU the array itself."""
    flat = np.ascontiguousarray(array).ravel()
    if start().is_cpu:
        return flat
    moved = zeros(flat.size, flat.dtype)
    moved.from_numpy(flat)
    return moved


def to_host(array: DeviceArray) -> NDArray[Any]:
    """A device array as a numpy array; on the CPU the array itself."""
    return array if isinstance(array, np.ndarray) else array.to_numpy()


def taichi_type(dtype: DTypeLike) -> Any:
    """The Taichi type of a numpy one."""
    ti = _taichi()
    return {
        "float32": ti.f32,
        "float64": ti.f64,
        "uint8": ti.u8,
        "uint16": ti.u16,
        "int32": ti.i32,
    }[np.dtype(dtype).name]


def dtype_of(array: DeviceArray) -> np.dtype[Any]:
    """The numpy type of a device array's elements."""
    if isinstance(array, np.ndarray):
        return array.dtype
    ti = _taichi()
    names = {ti.f32: "f4", ti.f64: "f8", ti.u8: "u1", ti.u16: "u2", ti.i32: "i4"}
    return np.dtype(names[array.dtype])


def assign(array: DeviceArray, values: NDArray[Any]) -> None:
    """Replace the elements of a device array."""
    if isinstance(array, np.ndarray):
        if values is not array:
            array[:] = values
    else:
        array.from_numpy(np.ascontiguousarray(values))


def reserve(required: int, what: str) -> None:
    """Refuse work that would not fit into the device's memory. Raises MemoryBudgetError."""
    memory.require(required, what, start().arch)
