"""Cleaning: what may go from a store, and nothing else."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from studies.store import CorruptedRecordError
from studies.tally import is_alive

if TYPE_CHECKING:
    from studies.study import Study


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What was removed from a store, or would be.

    Args:
        aside: folders that killed writers left.
        claims: notes of workers that have died.
        corrupted: records or arrays that are not what was written.
        others: finished cases that are none of the study's: of other points, or older versions.
        bytes: of all of them.
    """

    aside: int
    claims: int
    corrupted: int
    others: int
    bytes: int

    def __str__(self) -> str:
        told = (
            f"{self.others} finished cases that are none of the study's",
            f"{self.corrupted} corrupted records",
            f"{self.claims} notes of workers that died",
            f"{self.aside} things left by killed writers",
        )
        return f"{', '.join(told)}: {self.bytes / 1e6:.1f} MB"


def cleaned(study: "Study", *, others: bool, dry: bool) -> Cleaned:
    """See ``Study.clean``."""
    store = study.store
    aside, corrupted = list(store.left_aside()), list(_corrupted(study))
    known = {case.key for case in study.cases()}
    strangers = (
        [k for k in store.finished() if k not in known and k not in corrupted] if others else []
    )
    dead = [key for key, claim in store.begun().items() if not is_alive(claim) or store.has(key)]
    paths = [*aside, *(store.path(key) for key in (*corrupted, *strangers))]
    size = sum(_size(path) for path in paths)
    if not dry:
        for key in (*corrupted, *strangers):
            store.remove(key)
        for key in dead:
            store.release(key)
        store.sweep()
    return Cleaned(len(aside), len(dead), len(corrupted), len(strangers), size)


def _corrupted(study: "Study") -> Iterator[str]:
    """Finished cases whose record or arrays are not what was written."""
    for key in study.store.finished():
        try:
            for name in study.store.read(key).arrays:
                study.store.array(key, name)
        except CorruptedRecordError:
            yield key
        except KeyError:
            continue


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
