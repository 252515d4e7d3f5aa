"""Provenance: with what, where and how long the cases were computed, and where they differ."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twin.report.wording import duration, rounded

if TYPE_CHECKING:
    from studies.case import Case
    from studies.store import Record

EACH = ("seconds", "attempts", "warnings", "phases", "volume", "versions", "traceback")
"""What is told elsewhere, or differs from case to case as it should."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One line of provenance; ``differs`` where cases do that should not."""

    title: str
    words: str
    differs: bool = False


def facts(cases: "Sequence[Case]", records: "Sequence[Record | None]") -> tuple[Fact, ...]:
    """What is known of how the cases were computed."""
    found = [record for record in records if record is not None]
    versions = _versions(found)
    return (
        *_task(cases),
        *_inputs(cases),
        *_seconds(found),
        *_attempts(found),
        *(Fact(f"version of {name}", _tally(n), len(n) > 1) for name, n in versions.items()),
        *_others(found),
    )


def _task(cases: "Sequence[Case]") -> list[Fact]:
    kinds = Counter(f"{case.task}, version {case.version} of its physics" for case in cases)
    return [Fact("task", _tally(kinds))] if kinds else []


def _inputs(cases: "Sequence[Case]") -> list[Fact]:
    """Files by name and sha256; where they were is nobody's business."""
    named = {
        name: (Path(case.paths.get(name, name)).name, sha)
        for case in cases
        for name, sha in case.inputs.items()
    }
    return [Fact(f"input {name}", f"{file}, sha256 {sha}") for name, (file, sha) in named.items()]


def _seconds(records: "Sequence[Record]") -> list[Fact]:
    times = sorted(
        float(record.provenance["seconds"]) for record in records if "seconds" in record.provenance
    )
    if not times:
        return []
    total = f"{duration(sum(times))} of computing for {len(times)} cases"
    if len(times) == 1:
        return [Fact("time", total)]
    middle = times[len(times) // 2]
    spread = (
        f"shortest {duration(times[0])}, median {duration(middle)}, longest {duration(times[-1])}"
    )
    return [Fact("time", f"{total}; {spread}")]


def _attempts(records: "Sequence[Record]") -> list[Fact]:
    again = [record for record in records if record.provenance.get("attempts", 1) > 1]
    if not again:
        return []
    return [Fact("attempts", f"{len(again)} cases needed more than one, their worker having died")]


def _versions(records: "Sequence[Record]") -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for record in records:
        versions = record.provenance.get("versions")
        for name, version in versions.items() if isinstance(versions, dict) else ():
            found.setdefault(str(name), Counter())[str(version)] += 1
    return found


def _others(records: "Sequence[Record]") -> list[Fact]:
    """Whatever else the task noted: numbers as a range, texts as a tally."""
    given: dict[str, list[Any]] = {}
    for record in records:
        for name, value in record.provenance.items():
            if name not in EACH and value is not None and not isinstance(value, dict | list):
                given.setdefault(name, []).append(value)
    return [Fact(name.replace("_", " "), _summary(name, values)) for name, values in given.items()]


def _summary(name: str, values: Sequence[Any]) -> str:
    if any(isinstance(value, str | bool) for value in values):
        return _tally(Counter(str(value) for value in values))
    factor, unit = (1e-6, "MB") if name.endswith("memory") else (1.0, "")  # counted in bytes
    ends = (min(values) * factor, max(values) * factor)
    low, high = (str(rounded(float(end), 0.0, unit)) for end in ends)
    return low if low == high else f"{low} … {high}"


def _tally(counter: "Counter[str]", most: int = 6) -> str:
    """The only one, or all with how many cases have each."""
    if len(counter) == 1:
        return next(iter(counter))
    told = [f"{name} ({count} cases)" for name, count in counter.most_common(most)]
    return ", ".join(told) + (f" and {len(counter) - most} others" if len(counter) > most else "")
