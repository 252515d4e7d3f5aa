"""Progress bars on the terminal, for work that takes longer than a moment."""

import contextlib
import sys
from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from solvers import progress
from studies.commands import stop

PATIENCE = 2.0
"""Seconds that a task may take before it is shown."""


class ErrorColumn(ProgressColumn):
    """Estimated relative error of the result, and the tolerance at which the solve stops."""

    def render(self, task: Task) -> Text:
        """One cell, empty for tasks without an error estimate."""
        error, tolerance = task.fields.get("error"), task.fields.get("tolerance")
        if error is None:
            return Text("")
        return Text(f"error {error:.1e}" + (f" → {tolerance:.0e}" if tolerance else ""))


class PatientProgress(Progress):
    """Bars of those tasks only that have lasted for two seconds and are not finished."""

    def make_tasks_table(self, tasks: Iterable[Task]) -> Table:
        """The table of bars that rich draws four times a second."""
        return super().make_tasks_table(
            task for task in tasks if not task.finished and (task.elapsed or 0) > PATIENCE
        )


class Listener:
    """Turns progress reports into bars, or into a line per finished task where nobody watches."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self.bars = PatientProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            ErrorColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            refresh_per_second=4,
            disable=not console.is_terminal,
        )
        self._running: dict[str, Task] = {}

    def __call__(self, report: progress.Progress) -> None:
        """Note one report."""
        stop.check()
        if report.error_estimate is None:  # within the oldest task, stages follow each other
            for name in [name for name in list(self._running)[1:] if name != report.task]:
                self._ended(name)
        task = self._running.get(report.task) or self._begun(report.task)
        self.bars.update(
            task.id,
            completed=report.done,
            error=report.error_estimate,
            tolerance=report.tolerance,
        )
        if report.done >= 1:
            self._ended(report.task)

    def _begun(self, name: str) -> Task:
        key = self.bars.add_task(name, total=1.0, error=None, tolerance=None)
        self._running[name] = task = next(t for t in self.bars.tasks if t.id == key)
        return task

    def _ended(self, name: str) -> None:
        task = self._running.pop(name)
        seconds, is_stage = task.elapsed or 0.0, task.fields["error"] is None
        self.bars.remove_task(task.id)
        if is_stage and seconds > PATIENCE and not self._console.is_terminal:
            self._console.print(f"{name}: {seconds:.1f} s", highlight=False, markup=False)


@contextlib.contextmanager
def shown(quiet: bool = False) -> Iterator[None]:
    """Show the progress of everything inside the block on stderr, unless ``quiet``."""
    if quiet:
        with progress.listening(lambda _: stop.check()):
            yield
        return
    listener = Listener(Console(file=sys.stderr))
    with listener.bars, progress.listening(listener):
        yield
