"""The short way into compiled kernels does what the long one does."""

import numpy as np
import pytest

from solvers._ti import kernel, ti  # isort: skip  # before all else of Taichi
from taichi.lang.exception import TaichiRuntimeTypeError

from solvers._launch import Shortcut

Vector = ti.types.ndarray(dtype=ti.f32, ndim=1)


@kernel
def shifted(x: Vector, out: Vector, by: ti.f32, start: ti.i32):
    for i in range(start, x.shape[0]):
        out[i] = x[i] + by


def outcome(x, by, start):
    out = np.zeros(8, np.float32)
    shifted(x, out, by, start)
    return out.tolist()


@pytest.fixture
def short(monkeypatch):
    """Launches that took the short way."""
    taken, launch = [], Shortcut.launch

    def watched(self, *args):
        taken.append(launch(self, *args))
        return taken[-1]

    outcome(np.ones(8, np.float32), 1.0, 0)  # compiled by now
    monkeypatch.setattr(Shortcut, "launch", watched)
    return taken


@pytest.mark.parametrize("by", [2.5, 2])
def test_numbers_and_vectors_go_the_short_way(short, by):
    x = np.arange(8, dtype=np.float32)
    assert outcome(x, by, 2) == [0, 0, *(x[2:] + by)]
    assert outcome(x[:4], by, 1)[1:] == [*(x[1:4] + by), 0, 0, 0, 0]
    assert short == [True, True]


def test_numbers_of_numpy_go_the_long_way(short):
    x = np.arange(8, dtype=np.float32)
    assert outcome(x, np.float32(2.5), np.int64(2)) == [0, 0, *(x[2:] + 2.5)]
    assert short == [False]


@pytest.mark.parametrize(
    ("x", "by", "start"),
    [
        (np.ones(8), 1.0, 0),  # double precision
        (np.ones(8, np.int32), 1.0, 0),
        (np.ones((2, 4), np.float32), 1.0, 0),
        (np.ones(16, np.float32)[::2], 1.0, 0),  # not contiguous
        (np.ones(8, np.float32), 1.0, 0.5),
        (np.ones(8, np.float32), "1", 0),
        (None, 1.0, 0),
    ],
)
def test_what_does_not_fit_fails_as_ever(short, x, by, start):
    with pytest.raises((TaichiRuntimeTypeError, ValueError)):
        outcome(x, by, start)
    assert short == [False]
