"""Memory of stress solves: the estimate of it is right, and nothing outlives a solve."""

import tracemalloc

import numpy as np
import pytest

import solvers
from microstructures import Volume
from solvers import runtime
from solvers.body import Body, estimated_bytes

FIXED = 96 * 2**20  # of the estimate, for what does not grow with the volume


@pytest.mark.parametrize("precision", ["single", "mixed", "double"])
def test_estimated_memory_is_what_a_solve_really_takes(precision, monkeypatch):
    """Peaks of all arrays that Python allocates; the second solve takes no more than the first."""
    monkeypatch.setattr(runtime, "_settings", runtime.Settings(precision=precision))
    solve(body_of(8))  # compiled
    tracemalloc.start()
    body = body_of(64)
    peaks = []
    for _ in range(2):
        solve(body)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.reset_peak()
    tracemalloc.stop()
    each = estimated_bytes(body.volume.shape) - FIXED
    assert 0.97 * each < peaks[0] < each + FIXED / 10
    assert peaks[1] < 1.01 * peaks[0]


def body_of(voxels):
    labels = (np.random.default_rng(0).random((voxels,) * 3) < 0.8).astype(np.uint8)
    volume = Volume(labels, 1e-7, {0: "pore", 1: "solid"})
    return Body.of(volume, {"solid": solvers.Isotropic(1e9, 0.3)})


def solve(body):
    body.respond(strain=np.eye(6)[0], tolerance=1e-1)
