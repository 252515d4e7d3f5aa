"""Store: a folder with one folder for each finished case, whole or not there at all.

    store/cases/ab/ab12…/record.json and arrays/*.npy     finished, by key
    store/claims/ab12….json and ab12….trace               begun, and not finished

A case is written aside, flushed to the disk and renamed. Whoever comes second drops what it has:
both are results of one key. Nothing is locked, so that it works on network file systems too.
"""

import contextlib
import errno
import io
import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic_core import from_json

from microstructures.errors import InvalidInputError, TwinError
from studies.case import DIGEST_BYTES, as_json, digest

SCHEMA = "electrode-twin/case/1"
SEAL = len(',"digest":""}') + 2 * DIGEST_BYTES
ABANDONED = 3600.0  # s after which what is written aside has no writer any more
STATUSES = (
    "ok",
    "does not percolate",
    "not converged",
    "failed",
    "out of memory",
    "timed out",
    "quarantined",
)
"""What may become of a case; the last two are told by its absence, the worker having died."""
FINE = ("ok", "does not percolate")
"""Those that are results."""
NOT_RUN, CORRUPTED = "not run", "corrupted"
"""What may be said of a case without a record; after "not run" the reason may follow."""


class CorruptedRecordError(TwinError):
    """A record or array of the store is not what was written."""


@dataclass(frozen=True, slots=True)
class Record:
    """What became of a case.

    Args:
        key: of the case.
        status: one of ``STATUSES``.
        reason: why it is not "ok", in words.
        values: numbers by name; each is {"value", "unit"} and perhaps "uncertainty".
        case: the case as JSON can hold it.
        provenance: versions, device, seconds, attempts, residuals.
        arrays: digests of stored arrays, by name.
    """

    key: str
    status: str
    reason: str = ""
    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    case: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    arrays: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """Text that ends with a digest of all before."""
        body = as_json({name: getattr(self, name) for name in self.__slots__} | {"schema": SCHEMA})
        return f'{body[:-1]},"digest":"{digest(body)}"}}'

    @classmethod
    def of_json(cls, text: str) -> "Record":
        """The record of ``to_json``. Raises CorruptedRecordError if it is not what was written."""
        body = f"{text[:-SEAL]}}}"
        if text[-SEAL:] != f',"digest":"{digest(body)}"}}':
            raise CorruptedRecordError("a record of the store is not what was written")
        written = from_json(body)  # three times as fast as json.loads
        if (schema := written.pop("schema")) != SCHEMA:
            raise CorruptedRecordError(f"a record has the schema {schema!r} instead of {SCHEMA!r}")
        return cls(**written)


@dataclass(frozen=True, slots=True)
class Claim:
    """A case that a worker has begun: how often in this run, when (s since 1970), who, and what."""

    run: str
    attempt: int
    started: float
    worker: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Store:
    """Finished cases of a folder, which need not be there yet."""

    folder: Path

    @classmethod
    def at(cls, folder: str | os.PathLike[str]) -> "Store":
        """The store of a folder, made if need be. Raises InvalidInputError if it cannot be."""
        store = cls(Path(folder).absolute())
        try:
            for part in ("cases", "claims"):
                (store.folder / part).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if not (store.folder / "cases").is_dir():
                raise InvalidInputError(
                    f"the store {folder} cannot be made ({error.strerror}): choose another folder"
                ) from None
        return store

    def path(self, key: str) -> Path:
        """Folder of a case, whether it is there or not."""
        return self.folder / "cases" / key[:2] / key

    def has(self, key: str) -> bool:
        """Whether the case is finished, with whatever status; its record is not looked into."""
        return (self.path(key) / "record.json").exists()

    def finished(self) -> Iterator[str]:
        """Keys of all finished cases, in no order."""
        for path in (self.folder / "cases").glob("??/*"):
            if not path.name.startswith("."):
                yield path.name

    def read(self, key: str) -> Record:
        """What became of a case.

        Raises:
            KeyError: it is not finished.
            CorruptedRecordError: its record is not what was written.
        """
        try:
            with open(f"{self.folder}/cases/{key[:2]}/{key}/record.json", "rb") as file:  # noqa: PTH123 - quickly
                text = file.read().decode()
        except FileNotFoundError:
            if self.path(key).exists():
                raise CorruptedRecordError(f"the record of {key} is missing") from None
            raise KeyError(key) from None
        except (OSError, UnicodeDecodeError) as error:
            raise CorruptedRecordError(f"the record of {key} cannot be read: {error}") from None
        record = Record.of_json(text)
        if record.key != key:
            raise CorruptedRecordError(f"the record of {key} is that of {record.key}")
        return record

    def end(self, key: str) -> tuple[str, Record | None]:
        """What has become of a case, and its record; none if it was not run or is corrupted."""
        try:
            record = self.read(key)
        except KeyError:
            return NOT_RUN, None
        except CorruptedRecordError:
            return CORRUPTED, None
        return record.status, record

    def array(self, key: str, name: str) -> NDArray[Any]:
        """A stored array.

        Raises:
            KeyError: no such case or array.
            CorruptedRecordError: it is not what was written.
        """
        expected = self.read(key).arrays[name]
        try:
            data = (self.path(key) / "arrays" / f"{name}.npy").read_bytes()
        except OSError as error:
            raise CorruptedRecordError(f"array {name!r} of {key} cannot be read: {error}") from None
        if digest(data) != expected:
            raise CorruptedRecordError(f"array {name!r} of {key} is not what was written")
        found: NDArray[Any] = np.load(io.BytesIO(data), allow_pickle=False)
        return found

    def write(self, record: Record, arrays: Mapping[str, NDArray[Any]] | None = None) -> Record:
        """Store a case, whole or not at all; one that is there already stays as it is.

        Returns:
            The record that is there now, with the digests of its arrays.

        Raises:
            OSError: the disk is full or cannot be written to; nothing is left behind.
            InvalidInputError: values that JSON cannot hold, or a name that is no word.
        """
        final = self.path(record.key)
        final.parent.mkdir(parents=True, exist_ok=True)
        aside = final.parent / f".{record.key}-{uuid.uuid4().hex}"
        try:
            aside.mkdir()
            digests = {name: _save(aside, name, array) for name, array in (arrays or {}).items()}
            whole = replace(record, arrays=digests)
            _flush(aside / "record.json", whole.to_json().encode())
            is_first = _rename(aside, final)
            if not is_first and self.end(record.key)[1] is None:  # who came first was corrupted
                self.remove(record.key)
                is_first = _rename(aside, final)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        return whole if is_first else self.read(record.key)

    def remove(self, key: str) -> None:
        """Forget a case, at once as others see it."""
        aside = self.path(key).parent / f".{key}-{uuid.uuid4().hex}"
        try:
            self.path(key).rename(aside)
        except FileNotFoundError:
            return
        shutil.rmtree(aside, ignore_errors=True)

    def claim(
        self, key: str, run: str, worker: str, parameters: Mapping[str, Any] | None = None
    ) -> Claim:
        """Note that a worker begins a case; attempts count the deaths of workers in this run."""
        before = self.claimed(key)
        attempt = before.attempt + 1 if before and before.run == run else 1
        claim = Claim(run, attempt, time.time(), worker, parameters or {})
        text = as_json({name: getattr(claim, name) for name in claim.__slots__})
        self.trace(key).unlink(missing_ok=True)  # of an earlier attempt
        _replace(self._claim(key), text.encode())
        return claim

    def claimed(self, key: str) -> Claim | None:
        """Who has begun a case without finishing it."""
        try:
            return Claim(**json.loads(self._claim(key).read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def begun(self) -> dict[str, Claim]:
        """Who has begun which cases without finishing them, by key; the dead among them."""
        keys = [path.stem for path in (self.folder / "claims").glob("*.json")]
        found = {key: self.claimed(key) for key in keys if not key.startswith(".")}
        return {key: claim for key, claim in found.items() if claim is not None}

    def release(self, key: str) -> None:
        """The case is finished: nobody has begun it any more."""
        self._claim(key).unlink(missing_ok=True)
        self.trace(key).unlink(missing_ok=True)

    def settle(self) -> None:
        """Release finished cases whose worker died between storing them and saying so."""
        for key in self.begun():
            if self.has(key):
                with contextlib.suppress(OSError):  # a store that is only read has nothing to say
                    self.release(key)

    def trace(self, key: str) -> Path:
        """Where the stack of a case that hangs is written when its time is over."""
        return self.folder / "claims" / f"{key}.trace"

    def left_aside(self, older: float = ABANDONED) -> list[Path]:
        """What killed writers left, not written to for so many s."""
        aside = [*self.folder.glob("cases/??/.*"), *self.folder.glob("claims/.*")]
        return [path for path in aside if _age(path) > older]

    def sweep(self) -> int:
        """Remove what killed writers left aside; how many things it was."""
        for path in (left := self.left_aside()):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)
        return len(left)

    def _claim(self, key: str) -> Path:
        return self.folder / "claims" / f"{key}.json"


def _age(path: Path) -> float:
    """Seconds since it was written to; none if it has gone."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0


def _save(aside: Path, name: str, array: NDArray[Any]) -> str:
    """Write an array into a folder aside; its digest."""
    if not name.isidentifier():
        raise InvalidInputError(f"array {name!r} is no word: call it field or field_2")
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(array, order="C"), allow_pickle=False)
    (aside / "arrays").mkdir(exist_ok=True)
    _flush(aside / "arrays" / f"{name}.npy", buffer.getvalue())
    return digest(buffer.getvalue())


def _flush(path: Path, data: bytes) -> None:
    """Write a file so that it is on the disk before anything else happens."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _replace(path: Path, data: bytes) -> None:
    """A small file, old or new at any moment."""
    aside = path.with_name(f".{path.name}-{uuid.uuid4().hex}")
    try:
        aside.write_bytes(data)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def _rename(aside: Path, final: Path) -> bool:
    """Move a finished case into place, unless another has been first."""
    try:
        aside.rename(final)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        return False
    _sync(final.parent)
    return True


def _sync(folder: Path) -> None:
    """Have the names in a folder on the disk, where the system can."""
    with contextlib.suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)
