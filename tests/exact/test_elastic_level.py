"""Levels of the multigrid of elasticity: transfers between them, and what coarse voxels hold."""

import math

import numpy as np
import pytest

import solvers
from microstructures import Volume
from solvers import runtime
from solvers.body import Body
from solvers.boundary import Boundary, Clamped, Free, Periodic, Symmetry

SHAPES = [(8, 9, 10), (7, 11, 8), (9, 9, 9)]
BOUNDARIES = {
    "periodic": Boundary(),
    "faces": Boundary(Clamped(), Symmetry(), Free()),
    "mixed": Boundary(Periodic(), Free(), Clamped()),
}


def levels_of(shape, boundary):
    labels = (np.random.default_rng(0).random(shape) < 0.7).astype(np.uint8)
    volume = Volume(labels, (1e-7, 1.2e-7, 1e-7), {0: "pore", 1: "solid"})
    body = Body.of(volume, {"solid": solvers.Isotropic(1e9, 0.3)}, boundary)
    fine, coarse = body.preconditioner.multigrid.levels[:2]
    return fine, coarse


def random_vector(level, seed):
    """A vector that obeys the boundary conditions."""
    level.set_nodes(np.random.default_rng(seed).normal(size=3 * math.prod(level.grid.nodes)))
    return runtime.to_host(level.x).copy()


@pytest.mark.parametrize("name", BOUNDARIES)
@pytest.mark.parametrize("shape", SHAPES)
def test_restriction_is_the_transpose_of_interpolation_over_the_merged_voxels(shape, name):
    fine, coarse = levels_of(shape, BOUNDARIES[name])
    force = random_vector(fine, 1)
    correction = random_vector(coarse, 2)
    runtime.assign(fine.x, np.zeros_like(force))
    fine.prolong(coarse)
    moved = fine.get_nodes(fine.x)
    fine.take(runtime.to_device(force))
    runtime.assign(fine.x, np.zeros_like(force))
    fine.restrict(coarse)  # of the residual, which is the force where nothing has moved
    work = coarse.get_nodes(coarse.b) @ coarse.get_nodes(runtime.to_device(correction))
    assert moved @ fine.get_nodes(fine.b) == pytest.approx(
        math.prod(fine.factors) * work, rel=1e-5, abs=1e-4
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_interpolation_of_a_straight_line_is_straight(shape):
    """Also in the last coarse voxel, which an odd size makes half as long."""
    fine, coarse = levels_of(shape, Boundary(Free(), Free(), Free()))
    axes = [
        np.minimum(2 * np.arange(n), size) for n, size in zip(coarse.grid.nodes, shape, strict=True)
    ]
    line = sum(np.meshgrid(*axes, indexing="ij")).astype(float)
    coarse.set_nodes(np.stack([line] * 3).ravel())
    runtime.assign(fine.x, np.zeros(fine.grid.length, fine.dtype))
    fine.prolong(coarse)
    exact = sum(np.indices(fine.grid.nodes)).astype(float)
    assert fine.get_nodes(fine.x) == pytest.approx(np.stack([exact] * 3).ravel(), abs=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_coarse_moduli_are_means_of_what_was_merged(shape):
    fine, coarse = levels_of(shape, Boundary(Free(), Free(), Free()))
    for modulus, merged in zip(fine.moduli, coarse.moduli, strict=True):
        values = fine.grid.voxels(runtime.to_host(modulus)).astype(float)
        starts = [np.arange(0, n, 2) for n in shape]
        total, count = values, np.ones(shape)
        for axis, at in enumerate(starts):
            total, count = (np.add.reduceat(part, at, axis=axis) for part in (total, count))
        found = coarse.grid.voxels(runtime.to_host(merged))
        assert found == pytest.approx(total / count, rel=1e-5, abs=1e-6)
