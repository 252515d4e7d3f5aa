"""Which CPUs the threads of Taichi run on."""

import os
import threading

import pytest

from solvers import threads

needs_affinity = pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="the system does not bind threads to CPUs"
)


def bound(monkeypatch, count):
    """CPUs that each of three threads was bound to, in the order of their start."""
    calls, ended = {}, threading.Event()
    monkeypatch.setattr(os, "sched_getaffinity", lambda of: {7, 3})
    monkeypatch.setattr(os, "sched_setaffinity", calls.__setitem__)
    started = [threading.Thread(target=ended.wait) for _ in range(3)]
    try:
        with threads.apart(count):
            for thread in started:
                thread.start()
    finally:
        ended.set()
    for thread in started:
        thread.join()
    assert set(calls) <= {thread.native_id for thread in started}
    return [calls[tid] for tid in sorted(calls)]


@needs_affinity
def test_as_many_threads_as_cpus_take_turns_on_them(monkeypatch):
    assert bound(monkeypatch, 2) == [{3}, {7}, {3}]


@needs_affinity
@pytest.mark.parametrize("count", [0, 1, 3])
def test_threads_stay_free_where_they_are_not_as_many_as_cpus(monkeypatch, count):
    assert bound(monkeypatch, count) == []
