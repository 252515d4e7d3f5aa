"""Electrode tortuosity factor: pores whose currents are known by counting, and symmetries.

In a pore without loops the current through a face is the share of the wetted area behind it, so
that R = Σ r I² can be written down. Half a voxel lies before each wetted face and the separator.
"""

import json
import math

import numpy as np
import pytest

from microstructures import Volume
from microstructures.errors import ConvergenceError, InvalidInputError, UnknownPhaseError
from solvers.electrode_tortuosity import electrode_tortuosity_factor

NAMES = {0: "solid", 1: "pore", 2: "CBD"}
TIGHT = 1e-12  # what is left is rounding, of some hundred additions
ROUNDING = 1e-10


def blank(*shape):
    return np.zeros(shape, np.uint8)


def electrode(labels, spacing=1.0, **kwargs):
    return Volume(labels, spacing, NAMES, **kwargs)


def factor(labels, spacing=1.0, phase="pore", **kwargs):
    return electrode_tortuosity_factor(electrode(labels, spacing), phase, tolerance=TIGHT, **kwargs)


def counted(labels, spacing=(1.0, 1.0, 1.0), sigma=None):
    """3 R κ ε A/L of pores without loops, by counting; separator before layer 0."""
    sigma = sigma or {1: 1.0}
    cell = math.prod(spacing)
    seen, resistance, total = set(), 0.0, 0.0

    def wetted(voxel):
        """Area, and Σ depth × area, of the wetted faces of one voxel."""
        area = weighted = 0.0
        for axis, beside in neighbours(voxel):
            if labels[beside] not in sigma:
                face = cell / spacing[axis]
                area += face
                weighted += face * spacing[axis] / 2 / sigma[labels[voxel]]
        return area, weighted

    def neighbours(voxel):
        for axis in range(3):
            for step in (-1, 1):
                there = list(voxel)
                there[axis] += step
                if 0 <= there[axis] < labels.shape[axis]:
                    yield axis, tuple(there)

    def visit(voxel, came_from):
        """(area behind, Σ r area² of all that lies behind)"""
        assert voxel not in seen, "this pore has a loop"
        seen.add(voxel)
        behind, power = wetted(voxel)
        for axis, beside in neighbours(voxel):
            if labels[beside] in sigma and beside != came_from and beside[0] + voxel[0] > 0:
                area, more = visit(beside, voxel)
                r = (spacing[axis] / 2) * (1 / sigma[labels[voxel]] + 1 / sigma[labels[beside]])
                power += more + area**2 * r * spacing[axis] / cell
                behind += area
        return behind, power

    for y, x in np.argwhere(np.isin(labels[0], list(sigma))):
        area, power = visit((0, y, x), None)
        r = spacing[0] / 2 / sigma[labels[0, y, x]] * spacing[0] / cell
        resistance += power + r * area**2
        total += area
    content = sum(sigma[labels[voxel]] for voxel in seen) * cell
    length = labels.shape[0] * spacing[0]
    return 3 * resistance / total**2 * content / length**2


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("side", ["low", "high"])
@pytest.mark.parametrize("voxels", [1, 2, 7, 30])
def test_a_straight_pore_has_one_and_seven_eighths_over_the_square_of_its_voxels(
    voxels, side, axis
):
    """Ladder: 1/2 + Σ (1 - k/N)² = N/3 + 1/(6N); half voxels before 4N walls: 1/(8N)."""
    labels = blank(voxels, 3, 3)
    labels[:, 1, 1] = 1
    result = factor(np.moveaxis(labels, 0, axis), axis=axis, separator=side)
    assert result.value == pytest.approx(1 + 7 / (8 * voxels**2), rel=ROUNDING)
    assert result.percolates
    assert result.imbalance < ROUNDING


def test_a_straight_pore_goes_to_one_with_the_square_of_the_voxel():
    error = [factor(blank(n, 3, 3) + _cross()).value - 1 for n in (8, 16, 32, 64)]
    slope = np.polyfit(np.log([8, 16, 32, 64]), np.log(error), 1)[0]
    assert slope == pytest.approx(-2.0, abs=0.1)


def _cross():
    section = blank(1, 3, 3)
    section[0, 1, 1] = 1
    return section


def test_the_walls_of_a_flat_pore_cost_what_spreading_the_current_to_them_costs():
    """Slit of width w: the mean over the wall lies i w/(6 κ) above that over the section."""
    thick, w, voxels = 40, 8, 80
    labels = blank(voxels, 1, w + 2)
    labels[..., 1:-1] = 1
    h = thick / voxels
    value = electrode_tortuosity_factor(electrode(labels, h), "pore", tolerance=1e-6).value
    spread = (w * h / thick) ** 2 / 4
    inlet = (w * h / thick) ** 3  # order of what the flat separator takes off the profile
    discrete = 2 / voxels**2
    assert value == pytest.approx(1 + spread, abs=inlet + discrete)


@pytest.mark.parametrize("depth", [1, 3, 9])
def test_a_dead_end_counts_with_its_end_face(depth):
    voxels, faces = 10, 4 * depth + 1
    labels = blank(voxels, 3, 3)
    labels[:depth, 1, 1] = 1
    ladder = 0.5 + sum((1 - 4 * k / faces) ** 2 for k in range(1, depth))
    exact = 3 * (ladder + 0.5 / faces) * depth / voxels**2
    result = factor(labels)
    assert result.value == pytest.approx(exact, rel=ROUNDING)
    assert counted(labels) == pytest.approx(exact, rel=ROUNDING)


def test_a_layer_of_pore_before_a_flat_wall_is_a_plain_resistor():
    labels = blank(10, 4, 5)
    labels[:6] = 1
    result = factor(labels)
    assert result.ionic_resistance(2.0) == pytest.approx(3 * 6 / 2.0, rel=ROUNDING)
    assert result.value == pytest.approx(3 * 0.6 * 0.6, rel=ROUNDING)
    assert result.macmullin_number == pytest.approx(3 * 0.6, rel=ROUNDING)


def comb():
    """A trunk with teeth of different lengths on three sides."""
    labels = blank(12, 7, 7)
    labels[:, 3, 3] = 1
    labels[2, 3, 4:6] = labels[4, 1:3, 3] = labels[6, 3, 1:3] = labels[8, 3, 4] = 1
    labels[9, 2, 3] = labels[9, 2, 1:3] = 1
    return labels


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (2.0, 1.0, 0.5), (0.3, 1.7, 1.1)])
def test_a_comb_is_right_by_counting(spacing):
    result = factor(comb(), spacing)
    assert result.value == pytest.approx(counted(comb(), spacing), rel=ROUNDING)


def test_pores_side_by_side_share_the_current_by_their_faces():
    labels = blank(12, 3, 7)
    labels[:, 1, 1] = labels[:5, 1, 3] = labels[:2, 1, 5] = 1
    assert factor(labels).value == pytest.approx(counted(labels), rel=ROUNDING)


def test_conductors_in_series_are_right_by_counting():
    labels = comb()
    labels[5:, 3, 3] = 2
    labels[2, 3, 5] = 2
    result = factor(labels, phase={"pore": 3.0, "CBD": 0.6})
    exact = counted(labels, sigma={1: 1.0, 2: 0.2})
    assert result.value == pytest.approx(exact, rel=ROUNDING)
    assert result.phase == "pore + CBD"
    with_worse = factor(labels, phase={"pore": 3.0, "CBD": 3e-7})
    exact = counted(labels, sigma={1: 1.0, 2: 1e-7})
    assert with_worse.value == pytest.approx(exact, rel=1e-8)  # contrast costs digits


def test_a_straight_pore_of_a_bad_conductor_has_one_too():
    labels = blank(9, 3, 3)
    labels[:, 1, 1] = 2
    result = factor(labels, phase={"pore": 5.0, "CBD": 0.1})
    assert result.value == pytest.approx(1 + 7 / (8 * 81), rel=ROUNDING)


def test_isolated_pores_have_no_say_but_are_reported():
    labels = comb()
    before = factor(labels)
    labels[5, 5, 5] = labels[10:, 0, 0] = 1  # the last two voxels reach the collector only
    after = factor(labels)
    assert after.value == before.value
    assert after.ionic_resistance(1.0) == before.ionic_resistance(1.0)
    fed = np.count_nonzero(labels) - 3
    assert after.connected_fraction == pytest.approx(fed / (fed + 3))
    assert after.total_tortuosity_factor == pytest.approx(after.value * (fed + 3) / fed)
    # 6 faces of the first; of two in a corner: 2 sides each, and the end of the upper
    assert after.isolated_area_fraction == pytest.approx(11 / (11 + before.wetted_area))
    assert before.isolated_area_fraction == 0.0


def test_only_capacitive_phases_are_wetted():
    labels = blank(10, 4, 3)
    labels[:6] = 1
    labels[:, 0] = 2
    flat = factor(labels, capacitive="solid")
    assert flat.ionic_resistance(1.0) == pytest.approx(3 * 6 * 4 / 3, rel=ROUNDING)
    both = factor(labels, capacitive=["solid", "CBD"])
    assert both.value == factor(labels).value
    assert both.wetted_area == pytest.approx(9 + 18)


def test_axes_sides_and_lengths_do_not_matter():
    rng = np.random.default_rng(5)
    labels = rng.choice(3, (9, 8, 7), p=[0.35, 0.5, 0.15]).astype(np.uint8)
    volume = electrode(labels, (2e-6, 1e-6, 3e-6))
    first = electrode_tortuosity_factor(volume, "pore", tolerance=TIGHT)
    for other in (
        volume.transposed(2, 0, 1),
        volume.transposed(1, 2, 0),
        volume.flipped(0),
        volume.flipped(2),
        electrode(labels, (2.0, 1.0, 3.0)),
    ):
        result = electrode_tortuosity_factor(other, "pore", tolerance=TIGHT)
        assert result.value == pytest.approx(first.value, rel=1e-8)
        assert result.connected_fraction == first.connected_fraction
    flipped = electrode_tortuosity_factor(volume, "pore", separator="high", tolerance=TIGHT)
    assert flipped.value != pytest.approx(first.value, rel=1e-3)


def test_voxels_outside_are_no_walls():
    labels = comb()
    inside = electrode_tortuosity_factor(electrode(labels), "pore", tolerance=TIGHT)
    padded = electrode(labels).padded(((2, 3), (1, 1), (2, 0)))
    result = electrode_tortuosity_factor(padded, "pore", tolerance=TIGHT)
    assert result.value == pytest.approx(inside.value, rel=ROUNDING)
    assert result.thickness == 12.0
    assert result.macmullin_number == pytest.approx(inside.macmullin_number, rel=ROUNDING)


def test_the_potential_of_a_straight_pore_is_the_parabola_of_the_line():
    voxels = 50
    labels = blank(voxels, 3, 3) + _cross()
    result = factor(labels, separator="high", fields=True)
    depth = 1 - (np.arange(voxels) + 0.5) / voxels
    assert np.isnan(result.potential[labels == 0]).all()
    error = np.abs(result.potential[:, 1, 1] - (depth - depth**2 / 2)).max()
    assert error < 2 / voxels**2  # the discretisation: h²/8 φ″ and 7/8 h² of the unit
    assert factor(labels).potential is None


def test_blocked_pores_have_no_number():
    labels = blank(6, 3, 3)
    labels[2:, 1, 1] = 1
    result = factor(labels)
    assert math.isinf(result.value)
    assert not result.percolates
    assert (result.connected_fraction, result.isolated_area_fraction) == (0.0, 1.0)
    assert math.isinf(result.ionic_resistance(1.0))
    assert result.status == "not connected to the separator"
    assert result.to_dict()["value"] is None
    assert "inf: pore, not connected" in str(result)


def test_pores_that_no_wall_ends_have_no_number_either():
    result = factor(blank(4, 3, 3) + 1)
    assert math.isinf(result.value)
    assert result.status == "no wetted face"
    assert result.connected_fraction == 1.0


def test_the_result_can_be_written_down():
    result = factor(comb())
    written = json.loads(json.dumps(result.to_dict()))
    assert written["value"] == result.value == result.electrode_tortuosity_factor
    assert written["unit"] == "1"
    assert (written["axis"], written["separator"], written["status"]) == (0, "low", "ok")
    assert str(result).startswith(f"{result.value:.4g}")
    assert "electrode tortuosity factor of pore" in result._repr_html_()


def test_the_published_dead_end_of_taufactor_is_met():
    """tests of TauFactor 1.x, 100² pixels: 0.601 at its frequency; 0.600 by the line."""
    labels = blank(100, 1, 100)
    labels[:75, :, 45:55] = 1
    line = (160**3 - 10**3) / (6 * 160**2) * 3 / 100 * 0.75  # the end face as 10 of 160
    spread = (10 / 75) ** 2 / 4
    value = electrode_tortuosity_factor(electrode(labels), "pore").value
    assert value == pytest.approx(0.601, abs=2e-3)
    assert line < value < line * (1 + spread)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"phase": {}}, "names no phase"),
        ({"phase": {"pore": 0.0}}, "at least one phase must conduct"),
        ({"phase": {"pore": 1.0, "CBD": 1e-9}}, "times worse"),
        ({"phase": {"pore": -1.0}}, "finite number"),
        ({"phase": "pore", "separator": "top"}, "neither 'low' nor 'high'"),
        ({"phase": "pore", "axis": 1}, "name the end of axis 1"),
        ({"phase": "pore", "capacitive": "pore"}, "must name phases that insulate"),
        ({"phase": "pore", "capacitive": []}, "must name phases that insulate"),
        ({"phase": "pore", "tolerance": 2.0}, "relative error"),
    ],
)
def test_bad_arguments_say_what_to_change(arguments, message):
    with pytest.raises(InvalidInputError, match=message):
        electrode_tortuosity_factor(electrode(comb()), **arguments)


def test_strangers_are_refused():
    with pytest.raises(UnknownPhaseError):
        electrode_tortuosity_factor(electrode(comb()), "NMC")
    with pytest.raises(InvalidInputError, match="Volume"):
        electrode_tortuosity_factor(comb(), "pore")
    with pytest.raises(InvalidInputError, match="not a number > 0"):
        factor(comb()).ionic_resistance(0.0)


def test_a_solve_that_runs_out_of_iterations_raises():
    rng = np.random.default_rng(1)
    labels = rng.choice(2, (16, 16, 16), p=[0.4, 0.6]).astype(np.uint8)
    with pytest.raises(ConvergenceError) as caught:
        electrode_tortuosity_factor(electrode(labels), "pore", max_iterations=1)
    assert caught.value.report.iterations == 1
