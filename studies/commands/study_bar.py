"""What a run of a study shows: a bar, counts, and what the workers do; in a file, lines."""

import contextlib
import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from solvers import progress
from studies.commands import stop
from studies.tally import Running, Tally, Watch, running
from twin.report.wording import duration

if TYPE_CHECKING:
    from studies.study_file import AnyStudy

EVERY = 60.0  # s between lines where nobody watches
SHARE = 0.1  # of the cases, which is told at once
AT_MOST = 8  # running cases that are shown
LONGEST = 60  # characters of the parameters of one


def line(tally: Tally) -> str:
    """All of it in a line."""
    told = [f"{tally.done} of {tally.asked} done"]
    if tally.failed:
        told.append(f"{tally.failed} without a result")
    if tally.done:
        told.append(f"{_rate(tally.rate)}")
    if tally.seconds_left:
        told.append(f"about {duration(tally.seconds_left)} left")
    return f"{tally.study}: {', '.join(told)}"


def described(parameters: Mapping[str, Any]) -> str:
    """Parameters of a case, shortened."""
    text = ", ".join(f"{name} = {_short(value)}" for name, value in parameters.items())
    text = text or "the case"
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _rate(per_second: float) -> str:
    for unit, seconds in (("s", 1.0), ("min", 60.0), ("h", 3600.0)):
        if (rate := per_second * seconds) >= 1.0 or unit == "h":
            return f"{rate:.3g} cases/{unit}"
    raise AssertionError


class Screen:
    """On a terminal: drawn anew several times a second, from the latest tally and the claims."""

    def __init__(self, study: "AnyStudy") -> None:
        self._study = study
        self._tally: Tally | None = None

    def __call__(self, tally: Tally) -> None:
        """Note a tally."""
        self._tally = tally

    def __rich__(self) -> Group:
        """The bar, the counts, and the cases at which workers are."""
        if (tally := self._tally) is None:
            return Group(Text(f"{self._study.name}: starting workers"))
        bar = Table.grid(padding=(0, 1))
        bar.add_row(ProgressBar(tally.asked, tally.done, width=24), Text(line(tally)))
        at = list(running(self._study.store))
        rows: list[Any] = [bar, *(Text(row(one), "dim") for one in at[:AT_MOST])]
        if len(at) > AT_MOST:
            rows.append(Text(f"  and {len(at) - AT_MOST} more", style="dim"))
        if tally.dashboard:
            rows.append(Text(f"  workers: {tally.dashboard}", style="dim"))
        return Group(*rows)


def row(one: Running) -> str:
    """What a worker does."""
    return f"  {one.worker}: {described(one.parameters)}, for {duration(one.seconds)}"


class Lines:
    """In a file or a log: a line at the beginning and the end, and sometimes in between."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._told, self._done = -EVERY, 0

    def __call__(self, tally: Tally) -> None:
        """Write a line if it is time for one."""
        is_far = tally.done - self._done >= SHARE * tally.asked
        if tally.done in (0, tally.asked) or is_far or tally.seconds - self._told >= EVERY:
            self._told, self._done = tally.seconds, tally.done
            where = f"; workers: {tally.dashboard}" if tally.dashboard and not tally.done else ""
            self._console.print(line(tally) + where, highlight=False, markup=False, soft_wrap=True)


@contextlib.contextmanager
def watched(study: "AnyStudy", quiet: bool = False) -> Iterator[Watch | None]:
    """Show on stderr how far the study is that is run inside the block, unless ``quiet``."""
    console = Console(file=sys.stderr)
    with progress.listening(lambda _: stop.check()):
        if quiet:
            yield None
        elif not console.is_terminal:
            yield Lines(console)
        else:
            screen = Screen(study)
            with Live(screen, console=console, transient=True, refresh_per_second=4):
                yield screen
