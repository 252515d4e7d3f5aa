"""Slurm job: what a study asks of Slurm, checked before anything is queued."""

import math
import re
from dataclasses import dataclass, fields

from microstructures.errors import InvalidInputError

NAME = re.compile(r"[A-Za-z0-9_][\w.,:+@/-]*", re.ASCII)
CONSTRAINT = re.compile(r"[\w.,:|&*()\[\]!+-]+", re.ASCII)
GPU = re.compile(r"([A-Za-z][\w.-]*:)?1", re.ASCII)
AS_LISTED = (NAME, "write it as Slurm lists it")
PATTERNS = dict.fromkeys(("partition", "account", "qos"), AS_LISTED) | {
    "constraint": (CONSTRAINT, "write it as sbatch takes it"),
    "interface": (NAME, "write it as `ip link` lists it, ib0"),
    "gpus_per_task": (GPU, 'a worker has one GPU, "1", or one of a kind, "a100:1"'),
    "python": (re.compile(r"\S.*"), "name an interpreter"),
}
TIME = re.compile(r"(?:(\d+)-)?(\d+)(?::(\d+))?(?::(\d+))?", re.ASCII)
OPTION = re.compile(r"([a-z][a-z-]*)(=\S.*)?")
OURS = (
    "job-name", "output", "open-mode", "ntasks", "nodes", "cpus-per-task", "time", "mem", "array",
    "mem-per-cpu", "partition", "account", "qos", "constraint", "gpus-per-task", "signal",
    "requeue", "no-requeue", "export", "wait", "parsable", "wrap", "test-only",
)  # fmt: skip
START_S = 60  # of its time that a job needs to get going
LONGEST_GRACE = 65535  # s that Slurm knows


@dataclass(frozen=True, slots=True, kw_only=True)
class SlurmJob:
    """What a study asks of Slurm: so many workers, for so long.

    Args:
        tasks: workers, each of which runs one case at a time.
        time: as Slurm writes it: minutes, h:m:s, days-h or days-h:m:s. At its end the job goes
            back to the queue if cases are left.
        nodes: nodes on which they are; as Slurm sees fit by default.
        cpus_per_task: cores of each worker.
        memory: bytes of each worker; what Slurm gives by default.
        gpus_per_task: "1", or with its kind "a100:1"; none by default.
        partition: queue.
        account: who is charged.
        qos: quality of service.
        constraint: features that the nodes must have.
        interface: network between the nodes, such as ib0; the usual one by default.
        options: further options of sbatch, each without its dashes: "exclude=node7".
        setup: lines of bash before all else: "module load python".
        timeout: seconds that a case may take; no limit by default.
        attempts: after so many deaths of its worker a case is quarantined.
        retry: statuses whose cases are run again, "timed out,failed".
        grace: seconds before the end at which the job stops its work and goes back to the queue.
        restarts: the job goes back to the queue so many times at most.
        start: seconds in which a first worker has to be there.
        encrypted: workers take orders only from this study; wants openssl on the nodes.
        python: interpreter that has electrode-twin on all nodes; the one in use by default.

    Raises:
        InvalidInputError: an argument is out of range, or no script could hold it.
    """

    tasks: int = 1
    time: str = "01:00:00"
    nodes: int | None = None
    cpus_per_task: int = 1
    memory: float | None = None
    gpus_per_task: str | None = None
    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    constraint: str | None = None
    interface: str | None = None
    options: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()
    timeout: float | None = None
    attempts: int = 3
    retry: str = ""
    grace: int = 120
    restarts: int = 50
    start: int = 600
    encrypted: bool = True
    python: str | None = None

    def __post_init__(self) -> None:
        for name in ("tasks", "cpus_per_task", "attempts", "grace", "start"):
            _check_count(name, getattr(self, name), 1)
        _check_count("restarts", self.restarts, 0)
        _check_positive("memory", self.memory, "bytes")
        _check_positive("timeout", self.timeout, "seconds")
        for known in fields(self):
            _check_line(known.name, getattr(self, known.name))
        self._check_nodes()
        self._check_time()
        self._check_names()
        for option in self.options:
            _check_option(option)

    @property
    def seconds(self) -> int:
        """Length of ``time`` in s. Raises InvalidInputError if Slurm could not read it."""
        found = TIME.fullmatch(self.time)
        if found is None or (found[1] is None and found[2] is None):
            raise InvalidInputError(
                f'time is {self.time!r}: write "04:00:00", "90" for minutes, or "1-12" for a day '
                "and a half"
            )
        days, first, second, third = (int(part or 0) for part in found.groups())
        if found[1] is not None:  # days-hours:minutes:seconds
            return ((24 * days + first) * 60 + second) * 60 + third
        if found[4] is not None:  # hours:minutes:seconds
            return (60 * first + second) * 60 + third
        return 60 * first + second

    @property
    def again(self) -> tuple[str, ...]:
        """The statuses of ``retry``."""
        return tuple(status.strip() for status in self.retry.split(",") if status.strip())

    def lines(self) -> list[str]:
        """Its options as sbatch has them, without those that are the same for every job."""
        each = None if self.memory is None else self.memory / self.cpus_per_task / 2**20
        given = {
            "ntasks": self.tasks,
            "nodes": self.nodes,
            "cpus-per-task": self.cpus_per_task,
            "time": self.time,
            "mem-per-cpu": None if each is None else f"{math.ceil(each)}M",
            "gpus-per-task": self.gpus_per_task,
            "partition": self.partition,
            "account": self.account,
            "qos": self.qos,
            "constraint": self.constraint,
            "signal": f"B:USR1@{self.grace}",
        }
        return [f"--{name}={value}" for name, value in given.items() if value is not None]

    def _check_nodes(self) -> None:
        if self.nodes is not None:
            _check_count("nodes", self.nodes, 1)
            if self.nodes > self.tasks:
                raise InvalidInputError(
                    f"nodes is {self.nodes}, tasks only {self.tasks}: ask for a worker on each"
                )

    def _check_time(self) -> None:
        if self.grace > LONGEST_GRACE or self.seconds < self.grace + START_S:
            raise InvalidInputError(
                f"time {self.time!r} is {self.seconds} s, of which the last {self.grace} are for "
                "the way back to the queue: give more time, or less grace"
            )

    def _check_names(self) -> None:
        for name, (pattern, wanted) in PATTERNS.items():
            value = getattr(self, name)
            if value is not None and not pattern.fullmatch(value):
                raise InvalidInputError(f"{name} is {value!r}: {wanted}")
        from studies.store import STATUSES

        for status in self.again:
            if status not in STATUSES:
                raise InvalidInputError(
                    f"retry {status!r} is no status: choose from {', '.join(STATUSES)}"
                )


def _check_count(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise InvalidInputError(f"{name} is {value!r}: give a whole number, {least} or more")


def _check_positive(name: str, value: float | None, unit: str) -> None:
    if value is not None and not (math.isfinite(value) and value > 0):
        raise InvalidInputError(f"{name} is {value!r}: give {unit} > 0")


def _check_line(name: str, value: object) -> None:
    """No text that would be two lines of a script, or that ends it."""
    texts = value if isinstance(value, tuple) else (value,)
    for text in texts:
        if isinstance(text, str) and not text.isprintable():
            raise InvalidInputError(
                f"{name} {text!r} has a character that is not printed: write one line for each"
            )


def _check_option(option: str) -> None:
    found = OPTION.fullmatch(option)
    if found is None:
        raise InvalidInputError(
            f'option {option!r} is none of sbatch: write it in full, "exclude=node7"'
        )
    if found[1] in OURS:
        raise InvalidInputError(
            f"option {option!r} is set by the script itself: leave it out, or use the argument "
            "that means it"
        )
