"""Progress of long work: solvers report, whoever listens shows it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Progress:
    """A task at work: its name, the share done in 0…1, and its error estimate if it has one."""

    task: str
    done: float
    error_estimate: float | None = None
    tolerance: float | None = None


Listener = Callable[[Progress], None]
_listener: ContextVar[Listener | None] = ContextVar("progress listener", default=None)


def report(
    task: str, done: float, error: float | None = None, tolerance: float | None = None
) -> None:
    """Tell the listener, if there is one, how far a task has come."""
    if (listener := _listener.get()) is not None:
        listener(Progress(task, min(max(done, 0.0), 1.0), error, tolerance))


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Send progress of everything inside the block to ``listener``."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)
