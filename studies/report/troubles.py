"""Troubles: cases that did not end well, grouped by reason, and warnings that cases gave."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from studies.store import CORRUPTED, NOT_RUN, STATUSES

if TYPE_CHECKING:
    from studies.report.columns import Column
    from studies.store import Record

NUMBER = re.compile(r"\d[\d.]*(e[-+]?\d+)?")
SHOWN = 5  # cases of a trouble that are named
ORDER = (*STATUSES, CORRUPTED, NOT_RUN)
UNTOLD = {
    NOT_RUN: "no record yet: run the study, which goes on where it stopped",
    CORRUPTED: "its record is not what was written: run the study again",
}


@dataclass(frozen=True, slots=True)
class Trouble:
    """Cases that ended alike for the same reason.

    Args:
        status: of all of them.
        reason: of the first; those of others differ in nothing but numbers.
        cases: their numbers, from 0.
        named: the first of them with their parameters, in words.
    """

    status: str
    reason: str
    cases: tuple[int, ...]
    named: tuple[tuple[int, str], ...]


def reason(status: str, record: "Record | None") -> str:
    """Why a case is not ok, in words; empty if it is."""
    if record is None:
        return UNTOLD.get(status, "")
    return record.reason.strip()


def counts(statuses: Iterable[str]) -> dict[str, int]:
    """How many cases have come to each end, the good one first."""
    found = list(statuses)
    known = [*ORDER, *(status for status in dict.fromkeys(found) if status not in ORDER)]
    return {status: found.count(status) for status in known if status in found}


def troubles(
    statuses: Sequence[str], reasons: Sequence[str], parameters: "Sequence[Column]"
) -> tuple[Trouble, ...]:
    """All cases that are not ok, by status and reason, the most frequent first."""
    groups: dict[tuple[str, str], list[int]] = {}
    for case, (status, text) in enumerate(zip(statuses, reasons, strict=True)):
        if status != "ok":
            groups.setdefault((status, NUMBER.sub("#", first_line(text))), []).append(case)
    found = [
        Trouble(
            status,
            first_line(reasons[cases[0]]),
            tuple(cases),
            tuple((case, point(parameters, case)) for case in cases[:SHOWN]),
        )
        for (status, _), cases in groups.items()
    ]
    return tuple(sorted(found, key=lambda trouble: -len(trouble.cases)))


def told_warnings(records: "Iterable[Record | None]") -> tuple[tuple[str, int], ...]:
    """Warnings of the cases and how many cases gave each; texts that differ in numbers are one."""
    texts: dict[str, str] = {}
    count: dict[str, int] = {}
    for record in records:
        given = record.provenance.get("warnings", ()) if record else ()
        for text in {NUMBER.sub("#", str(one)): str(one) for one in _listed(given)}.items():
            texts.setdefault(*text)
            count[text[0]] = count.get(text[0], 0) + 1
    found = ((texts[key], number) for key, number in count.items())
    return tuple(sorted(found, key=lambda one: -one[1]))


def point(parameters: "Sequence[Column]", case: int) -> str:
    """The parameters of a case in words; empty if there are none."""
    return ", ".join(
        f"{column.title} = {told}" + (f" {column.unit}" if column.unit else "")
        for column in parameters
        if (told := column.told(case))
    )


def first_line(text: str) -> str:
    """What is said before anything else."""
    return text.partition("\n")[0]


def _listed(given: object) -> Iterable[object]:
    return given if isinstance(given, list | tuple) else ()
