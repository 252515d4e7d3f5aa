"""Volume: what no rotation, mirror, relabelling or padding may change."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from microstructures import Volume

axes = st.sampled_from([0, 1, 2])
orders = st.permutations([0, 1, 2])


@st.composite
def volumes(draw, outside=True):
    """Small volumes of up to four phases, anisotropic, perhaps with voxels outside."""
    shape = draw(st.tuples(*[st.integers(1, 5)] * 3))
    labels = draw(npst.arrays(np.uint8, shape, elements=st.integers(0, 3)))
    edge = st.floats(1e-9, 1e-6)
    return Volume(
        labels,
        draw(st.tuples(edge, edge, edge)),
        {label: f"p{label}" for label in range(3 if outside else 4)},
        through_axis=draw(axes),
        collector=draw(st.sampled_from(["low", "high"])),
        outside=3 if outside else None,
    )


@given(volumes(), axes)
def test_two_mirrorings_restore_the_volume(volume, axis):
    assert volume.flipped(axis).flipped(axis).sha256 == volume.sha256


@given(volumes(), orders)
def test_transposing_back_restores_the_volume(volume, order):
    assert volume.transposed(*order).transposed(*np.argsort(order)).sha256 == volume.sha256


@given(volumes(), orders, axes)
def test_fractions_size_and_profiles_do_not_depend_on_orientation(volume, order, axis):
    turned = volume.transposed(*order).flipped(axis)
    assert turned.fractions() == volume.fractions()
    assert sorted(turned.size) == sorted(volume.size)
    forward = volume.profile("p0", axis=order[axis])
    assert np.array_equal(turned.profile("p0", axis=axis)[::-1], forward, equal_nan=True)


@given(volumes())
def test_fractions_of_all_phases_add_up_to_one_inside(volume):
    total = sum(volume.fractions().values())
    assert total == pytest.approx(1 if volume.inside_voxels else 0)


@given(volumes(), axes)
def test_profile_weighted_with_the_voxels_inside_gives_the_fraction(volume, axis):
    others = tuple(a for a in range(3) if a != axis)
    inside = np.count_nonzero(volume.labels != 3, axis=others)
    mean = np.nansum(volume.profile("p1", axis) * inside) / max(1, inside.sum())
    assert mean == pytest.approx(volume.fraction("p1"))


@given(volumes(outside=False), st.permutations([0, 1, 2, 3]))
def test_relabelling_back_restores_the_volume(volume, ids):
    there = volume.relabelled(dict(enumerate(ids)))
    assert there.fractions() == volume.fractions()
    assert there.relabelled({new: old for old, new in enumerate(ids)}).sha256 == volume.sha256


@given(volumes(), st.tuples(*[st.tuples(st.integers(0, 2), st.integers(0, 2))] * 3))
def test_cropping_the_rim_off_restores_a_padded_volume(volume, widths):
    padded = volume.padded(widths)
    inner = [(low, low + n) for (low, _), n in zip(widths, volume.shape, strict=True)]
    assert padded.fractions() == volume.fractions()
    assert padded.cropped(*inner).sha256 == volume.sha256


@given(volumes(), st.integers(1, 3))
def test_coarsening_undoes_a_refinement(volume, factor):
    finer = np.kron(volume.labels, np.ones((factor,) * 3, dtype=np.uint8))
    refined = volume.with_labels(finer, "refined").coarsened(factor)
    assert np.array_equal(refined.labels, volume.labels)


@given(volumes())
def test_a_pickle_is_the_same_volume(volume):
    assert pickle.loads(pickle.dumps(volume)).sha256 == volume.sha256


@given(volumes())
def test_the_parts_of_a_cut_volume_hold_all_its_voxels(volume):
    cut = volume.shape[0] // 2
    if cut:
        parts = volume.cropped(z=(0, cut)), volume.cropped(z=(cut, None))
        for phase in volume.phases:
            assert sum(part.voxels(phase) for part in parts) == volume.voxels(phase)
