"""The store keeps what it is given bit by bit, or says that it does not have it."""

import errno
import json
import os
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from microstructures.errors import InvalidInputError
from studies import CorruptedRecordError, Record, Store, number

KEY = "ab" + "0" * 30
VALUES = {"tau": number(1 / 3, "1", 1e-17), "area": number(1e-300, "1/m"), "none": number(None)}
ARRAYS = {
    "slice": np.arange(12, dtype=np.uint16).reshape(3, 4)[:, ::2],
    "scalar": np.array(np.pi),
    "field": np.array([np.nan, -0.0, np.inf]),
}


@pytest.fixture
def store(tmp_path):
    return Store.at(tmp_path / "deep" / "store")


def record(key=KEY, **changed):
    about = {"status": "ok", "reason": "µ “quoted”\n", "values": VALUES, "case": {"x": 1}}
    return Record(key, **(about | changed))


def files(store):
    return sorted(str(p.relative_to(store.folder)) for p in store.folder.rglob("*") if p.is_file())


def test_a_case_comes_back_bit_by_bit(store):
    written = store.write(record(), ARRAYS)
    assert store.read(KEY) == written
    assert store.read(KEY).values == VALUES
    assert store.read(KEY).reason == record().reason
    for name, array in ARRAYS.items():
        back = store.array(KEY, name)
        assert back.dtype == array.dtype
        assert back.shape == array.shape
        assert back.tobytes() == array.tobytes()
    assert list(store.finished()) == [KEY]
    assert store.has(KEY)


def test_a_record_is_json_that_anybody_can_read(store):
    store.write(record())
    assert json.loads((store.path(KEY) / "record.json").read_text())["values"]["tau"]["unit"] == "1"


def test_what_is_not_there_is_no_record(store):
    assert not store.has(KEY)
    with pytest.raises(KeyError):
        store.read(KEY)
    store.write(record(), ARRAYS)
    with pytest.raises(KeyError):
        store.array(KEY, "other")
    store.remove(KEY)
    store.remove(KEY)
    assert not store.has(KEY)
    assert files(store) == []


def test_every_flipped_bit_of_a_record_is_found(store):
    store.write(record())
    path = store.path(KEY) / "record.json"
    sound = path.read_bytes()
    for place in range(len(sound)):
        path.write_bytes(
            sound[:place] + bytes([sound[place] ^ 1 << place % 8]) + sound[place + 1 :]
        )
        with pytest.raises(CorruptedRecordError):
            store.read(KEY)


def test_every_torn_record_is_found(store):
    store.write(record())
    path = store.path(KEY) / "record.json"
    sound = path.read_bytes()
    for length in range(len(sound)):
        path.write_bytes(sound[:length])
        with pytest.raises(CorruptedRecordError):
            store.read(KEY)
    path.unlink()
    with pytest.raises(CorruptedRecordError, match="missing"):
        store.read(KEY)


def test_every_flipped_byte_of_an_array_is_found(store):
    store.write(record(), ARRAYS)
    path = store.path(KEY) / "arrays" / "slice.npy"
    sound = path.read_bytes()
    for place in range(len(sound)):
        path.write_bytes(sound[:place] + bytes([sound[place] ^ 4]) + sound[place + 1 :])
        with pytest.raises(CorruptedRecordError, match="slice"):
            store.array(KEY, "slice")
    path.unlink()
    with pytest.raises(CorruptedRecordError, match="slice"):
        store.array(KEY, "slice")


def test_the_record_of_another_case_or_schema_is_no_record(store):
    other = "ab" + "1" * 30
    store.write(record())
    store.path(KEY).rename(store.path(other))
    with pytest.raises(CorruptedRecordError, match=KEY):
        store.read(other)
    with pytest.raises(CorruptedRecordError, match="schema"):
        Record.of_json(_sealed({"schema": "another/2"}))


def _sealed(body):
    from studies.case import canonical, digest

    text = canonical(body)
    return f'{text[:-1]},"digest":"{digest(text)}"}}'


def test_the_first_of_two_results_stays(store):
    store.write(record(reason="first"), ARRAYS)
    assert store.write(record(reason="second")).reason == "first"
    assert store.read(KEY).reason == "first"
    assert len(files(store)) == 1 + len(ARRAYS)


@pytest.mark.parametrize("call", ["fsync", "rename", "write"])
@pytest.mark.parametrize("which", [1, 2, 3, 4])
def test_a_full_disk_leaves_nothing_behind(store, monkeypatch, call, which):
    calls = []

    def full(original):
        def called(*arguments, **named):
            calls.append(call)
            if len(calls) == which or call == "rename":
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return original(*arguments, **named)

        return called

    import pathlib

    import studies.store as module

    place, name = {
        "fsync": (os, "fsync"),
        "rename": (pathlib.Path, "rename"),
        "write": (module, "_flush"),
    }[call]
    monkeypatch.setattr(place, name, full(getattr(place, name)))
    with pytest.raises(OSError, match="No space left"):
        store.write(record(), ARRAYS)
    assert files(store) == []
    assert list((store.folder / "cases" / KEY[:2]).iterdir()) == []
    monkeypatch.undo()
    store.write(record(), ARRAYS)
    assert store.read(KEY).status == "ok"


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"../x": np.zeros(1)}, "no word"),
        ({"a b": np.zeros(1)}, "no word"),
        ({"a": np.array([{}], dtype=object)}, "pickle"),
    ],
)
def test_arrays_that_no_file_should_have_are_refused(store, arrays, words):
    with pytest.raises(ValueError, match=words):
        store.write(record(), arrays)
    assert files(store) == []


def test_what_json_cannot_hold_is_refused(store):
    with pytest.raises(InvalidInputError, match="JSON"):
        store.write(record(values={"y": {"value": float("nan"), "unit": "1"}}))
    assert files(store) == []


def test_writers_at_the_same_time_leave_one_whole_record_each(store):
    keys = [f"{n:032x}" for n in range(16)]

    def write(number):
        for key in keys:
            store.write(record(key, reason=str(number)), ARRAYS)
            assert store.read(key).reason in "0123"

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert sorted(store.finished()) == keys
    assert len(files(store)) == len(keys) * (1 + len(ARRAYS))
    assert len({store.read(key).arrays["slice"] for key in keys}) == 1


def test_what_killed_writers_left_is_seen_by_nobody_and_swept_later(store):
    store.write(record(), ARRAYS)
    whole = files(store)
    left = store.path(KEY).with_name(f".{KEY}-1")
    left.mkdir()
    (left / "record.json").write_text("{")
    claim = store.folder / "claims" / ".x.json-1"
    claim.touch()
    assert list(store.finished()) == [KEY]
    assert store.sweep() == 0
    long_ago = time.time() - 2 * 3600
    for path in (left, claim, store.path(KEY)):
        os.utime(path, (long_ago, long_ago))
    assert store.sweep() == 2
    assert files(store) == whole


def test_a_store_that_cannot_be_made_says_so(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InvalidInputError, match="choose another folder"):
        Store.at(tmp_path / "file" / "store")


def test_claims_count_the_deaths_of_workers_in_one_run(store):
    assert store.claimed(KEY) is None
    assert [store.claim(KEY, "run 1", "me").attempt for _ in range(3)] == [1, 2, 3]
    assert store.claimed(KEY).worker == "me"
    assert store.claim(KEY, "run 2", "me").attempt == 1
    store.release(KEY)
    store.release(KEY)
    assert store.claimed(KEY) is None
    assert files(store) == []


def test_a_claim_forgets_the_stack_of_an_earlier_attempt(store):
    store.trace(KEY).write_text("Timeout")
    store.claim(KEY, "run", "me")
    assert not store.trace(KEY).exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"run": "r"}', "\xff"])
def test_a_torn_claim_is_none(store, text):
    store.claim(KEY, "run", "me")
    (store.folder / "claims" / f"{KEY}.json").write_bytes(text.encode("latin-1"))
    assert store.claimed(KEY) is None


def test_a_record_that_was_corrupted_gives_way_to_a_whole_one(store):
    store.write(record(), ARRAYS)
    path = store.path(KEY) / "record.json"
    path.write_text("{")
    assert store.write(record(reason="anew"), ARRAYS).reason == "anew"
    assert store.read(KEY).reason == "anew"
