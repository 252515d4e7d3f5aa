"""Stop: Ctrl-C, or the SIGTERM of a batch system, heeded even where a library swallows it."""

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Any, NoReturn

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}
"""Exit code after each signal, as shells count them."""

_current: "Stop | None" = None


class Stop:
    """Leaves by way of every ``finally``; ``code`` is the exit code once a signal has come."""

    code = 0

    def __call__(self, number: int, frame: object) -> NoReturn:
        """Note the signal and raise KeyboardInterrupt."""
        self.code = CODES[signal.Signals(number)]
        raise KeyboardInterrupt

    @contextlib.contextmanager
    def heeded(self) -> Iterator[None]:
        """Listen to signals inside the block, as far as the caller has not switched them off."""
        global _current
        names = tuple(CODES) if threading.current_thread() is threading.main_thread() else ()
        before = {n: signal.getsignal(n) for n in names if signal.getsignal(n) != signal.SIG_IGN}
        outer, _current = _current, self
        told, sys.unraisablehook = sys.unraisablehook, self._unraisable
        try:
            for name in before:
                signal.signal(name, self)
            yield
        finally:
            _current = outer
            sys.unraisablehook = told
            for name, handler in before.items():
                signal.signal(name, handler)

    def _unraisable(self, what: Any) -> None:
        """Say nothing of an interruption in a finaliser: ``check`` raises it again."""
        if not (self.code and issubclass(what.exc_type, KeyboardInterrupt)):
            sys.__unraisablehook__(what)


def check() -> None:
    """Raise KeyboardInterrupt if a signal has come whose exception a library has swallowed."""
    if _current is not None and _current.code:
        raise KeyboardInterrupt
