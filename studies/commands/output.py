"""Output folder: built aside and moved into place, so that it holds one whole run or none."""

import contextlib
import signal
import tempfile
import threading
from collections.abc import Collection, Iterator
from pathlib import Path

from microstructures.errors import InvalidInputError
from studies.commands import stop

ANALYSIS = ("report.html", "result.csv", "result.json", "mesh.vtu", "fields.vti")
"""What an analysis may write."""


@contextlib.contextmanager
def built_aside(folder: Path, own: Collection[str] = ANALYSIS) -> Iterator[Path]:
    """A scratch folder whose files move into ``folder`` once the block ends without an error.

    Files of a previous run are replaced one by one, each atomically, and those of ``own`` that are
    not made again are removed; other files are left alone.

    Raises:
        InvalidInputError: ``folder`` cannot be made or written into; raised before the block runs.
    """
    with _scratch(folder) as scratch:
        yield scratch
        stop.check()
        with _uninterrupted():
            _move(scratch, folder, own)


@contextlib.contextmanager
def _scratch(folder: Path) -> Iterator[Path]:
    """A hidden folder on the same disk as ``folder``, so that files can be renamed out of it."""
    base = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    try:
        scratch = tempfile.TemporaryDirectory(prefix=".twin-", dir=base)
    except OSError as error:
        raise InvalidInputError(
            f"the output folder {folder} cannot be made or written into ({error.strerror}): "
            "choose another with -o"
        ) from None
    with scratch as name:
        yield Path(name)


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Ctrl-C comes too late once the results are complete: the move takes a few milliseconds."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {name: signal.signal(name, signal.SIG_IGN) for name in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def _move(scratch: Path, folder: Path, own: Collection[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    written = sorted(scratch.iterdir())
    for path in written:
        path.replace(folder / path.name)
    for name in {*own} - {path.name for path in written}:
        (folder / name).unlink(missing_ok=True)
