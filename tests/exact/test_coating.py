"""Layers, laser channels, step reports: voxels counted by hand, nothing lost, misfits refused."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from microstructures import Volume
from microstructures.errors import InvalidInputError, UnknownPhaseError
from twin.manufacturing import StepReport, laser_channels, stack_layers
from twin.manufacturing.step import plain, relative_changes

NAMES = {0: "pore", 1: "NMC", 2: "CBD"}
H = 1e-6


def block(shape=(12, 20, 20), label=1, spacing=H, **kwargs):
    return Volume(np.full(shape, label, np.uint8), spacing, NAMES, **kwargs)


@st.composite
def layers(draw):
    """Two to four volumes with the same plane, of different thickness and phase tables."""
    axis, side = draw(st.integers(0, 2)), draw(st.sampled_from(["low", "high"]))
    plane = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    names = [{0: "pore", 1: "NMC", 2: "CBD"}, {0: "NMC", 1: "pore", 2: "LFP"}]
    made = []
    for _ in range(draw(st.integers(2, 4))):
        shape = list(plane)
        shape.insert(axis, draw(st.integers(1, 4)))
        labels = draw(npst.arrays(np.uint8, tuple(shape), elements=st.integers(0, 3)))
        table, outside = draw(st.sampled_from(names)), 3
        made.append(Volume(labels, H, table, through_axis=axis, collector=side, outside=outside))
    return made


def voxels(volumes, name):
    return sum(v.voxels(name) for v in volumes if name in v.phases.values())


# --- layers -------------------------------------------------------------------------------------


@given(layers())
def test_a_stack_holds_every_voxel_of_its_layers(volumes):
    stack, report = stack_layers(volumes)
    for name in ("pore", "NMC", "CBD", "LFP"):
        if name in stack.phases.values():
            assert stack.voxels(name) == voxels(volumes, name)
        else:
            assert voxels(volumes, name) == 0
    assert stack.inside_voxels == sum(v.inside_voxels for v in volumes)
    assert report.largest_loss < 1e-12
    assert report.before == pytest.approx(report.after, abs=1e-12)


@given(layers())
def test_layers_lie_in_order_from_the_collector(volumes):
    """Cut again at the same heights, by name, the layers are what they were."""
    stack, _ = stack_layers(volumes)
    axis = stack.through_axis
    outward = stack if stack.collector == "low" else stack.flipped(axis)
    start = 0
    for volume in volumes:
        layer = volume if volume.collector == "low" else volume.flipped(axis)
        end = start + volume.shape[axis]
        part = np.take(outward.labels, np.arange(start, end), axis=axis)
        for label, name in volume.phases.items():
            assert np.array_equal(part == outward.phase_id(name), layer.labels == label)
        start = end


def test_a_bilayer_and_its_report():
    dense, open_ = block((6, 4, 4)), block((4, 4, 4), label=0)
    stack, report = stack_layers([dense, open_])
    assert stack.shape == (10, 4, 4)
    assert stack.collector == "high"
    assert np.all(stack.labels[:4] == 0)  # the collector is at the high end
    assert report.figures["layer_1_thickness"] == pytest.approx(6e-6)
    assert report.figures["layer_2_porosity"] == 1.0
    assert report.parameters["volumes"][1] == f"volume sha256 {open_.sha256}"
    assert any("flat cut" in warning for warning in report.warnings)
    assert stack_layers([dense, open_])[0].sha256 == stack.sha256


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (block((6, 4, 5)), r"layer 2 has shape in the plane \(4, 5\), the first \(4, 4\): crop it"),
        (block((6, 4, 4), spacing=2 * H), "layer 2 has voxels of"),
        (block((6, 4, 4), collector="low"), "flip it"),
        (block((6, 4, 4), through_axis=1), "transpose it"),
        ("volume", "two volumes or more"),
    ],
)
def test_layers_that_do_not_fit_are_refused(second, message):
    with pytest.raises(InvalidInputError, match=message):
        stack_layers([block((6, 4, 4)), second])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_layers_with_other_voxels_are_stretched_if_asked_to(axis):
    """Of 6 layers of 1 µm and 3 of 1.02 µm; the stack is as thick as both, the share is exact."""
    first = [H, H, H]
    second = [1.02 * H if a == axis else H for a in range(3)]
    dense, open_ = (
        block([n if a == axis else 4 for a in range(3)], label, tuple(edges), through_axis=axis)
        for n, label, edges in ((6, 1, first), (3, 0, second))
    )
    stack, report = stack_layers([dense, open_], stretch=0.014)
    edge = (6 + 3 * 1.02) / 9
    assert stack.spacing[axis] / H == pytest.approx(edge)
    assert stack.size[axis] == pytest.approx(dense.size[axis] + open_.size[axis])
    assert [h / H for h in np.delete(stack.spacing, axis)] == [1.0, 1.0]
    assert report.conserved["NMC"] == pytest.approx(edge - 1)
    assert report.conserved["pore"] == pytest.approx(edge / 1.02 - 1)
    assert any("layer 2 most, by -1.31%" in warning for warning in report.warnings)
    with pytest.raises(InvalidInputError, match=r"layer 2 .*allow stretch=0\.014"):
        stack_layers([dense, open_], stretch=0.013)
    for wrong in (-0.1, 0.2, "0.1", True):
        with pytest.raises(InvalidInputError, match="stretch is"):
            stack_layers([dense, open_], stretch=wrong)


def test_one_volume_is_no_stack():
    for volumes in ([], [block()], block(), 5, None):
        with pytest.raises(InvalidInputError, match="two volumes or more"):
            stack_layers(volumes)


# --- laser channels -----------------------------------------------------------------------------


def cut(volume, pitch=10, width=4, depth=5, **options):
    """Channels with lengths in voxels."""
    return laser_channels(volume, pitch=pitch * H, width=width * H, depth=depth * H, **options)


@pytest.mark.parametrize(
    ("pitch", "width", "depth"), [(10, 4, 5), (10, 3, 12), (5, 2, 1), (4, 3, 2)]
)
def test_grooves_of_whole_voxels_are_exact(pitch, width, depth):
    volume, report = cut(block(), pitch, width, depth)
    assert volume.voxels("pore") == 20 // pitch * width * depth * 20
    expected = width / pitch * depth / 12
    assert report.after["pore"] == pytest.approx(expected, rel=1e-12)
    for volume_m3 in (
        report.moved["removed_NMC_m3"],
        report.figures["channel_volume_m3"],
        report.figures["ideal_channel_volume_m3"],
    ):
        assert volume_m3 / H**3 == pytest.approx(20 // pitch * width * depth * 20, rel=1e-12)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("collector", ["low", "high"])
def test_channels_start_at_the_separator(axis, collector):
    volume, _ = cut(block((20, 20, 20), through_axis=axis, collector=collector))
    profile = volume.profile("pore")
    surface, bottom = (0, -1) if collector == "high" else (-1, 0)
    assert profile[surface] == pytest.approx(0.4)
    assert profile[bottom] == 0
    assert np.count_nonzero(profile) == 5


@pytest.mark.parametrize("along", [1, 2, -1, None])
def test_lines_run_along_the_axis_asked_for(along):
    volume, _ = cut(block(), along=along)
    runs = 1 if along == 1 else 2
    surface = volume.labels[0] == 0
    assert np.all(surface.any(axis=runs - 1) == surface.all(axis=runs - 1))
    across = surface.all(axis=runs - 1)
    assert np.flatnonzero(across).tolist() == [3, 4, 5, 6, 13, 14, 15, 16]


@pytest.mark.parametrize(
    ("pattern", "profile", "share"),
    [
        ("holes", "rectangular", math.pi / 16),
        ("holes", "conical", math.pi / 48),
        ("lines", "conical", 1 / 4),
    ],
)
def test_volumes_of_cones_and_cylinders(pattern, profile, share):
    """At 20 voxels of width the stated accuracy is 4 %."""
    volume, report = cut(
        block((40, 40, 40)), pitch=40, width=20, depth=30, pattern=pattern, profile=profile
    )
    expected = share * 30 / 40
    assert volume.fraction("pore") == pytest.approx(expected, rel=0.04)
    ideal = report.figures["ideal_channel_volume_m3"] / H**3  # approx() calls all m³ equal
    assert ideal == pytest.approx(expected * 40**3, rel=1e-12)


def test_a_cone_narrows_with_depth():
    volume, _ = cut(
        block((20, 40, 40)), pitch=40, width=20, depth=20, pattern="holes", profile="conical"
    )
    profile = volume.profile("pore")
    assert np.all(np.diff(profile) <= 0)
    assert profile[0] == pytest.approx(math.pi / 16 * (39 / 40) ** 2, rel=0.04)


@given(
    npst.arrays(np.uint8, (6, 8, 8), elements=st.integers(0, 3)),
    st.floats(0.5, 1.0),
    st.floats(1.0, 6.0),
    st.sampled_from(["lines", "holes"]),
    st.sampled_from(["rectangular", "conical"]),
)
def test_what_was_removed_and_what_is_left_is_what_there_was(
    labels, share, depth, pattern, profile
):
    labels[0, 3:5, 3:5] = 1  # the narrowest channel has something to remove
    volume = Volume(labels, H, NAMES, outside=3)
    after, report = cut(volume, 8, 8 * share, depth, pattern=pattern, profile=profile)
    for name in ("NMC", "CBD"):
        gone = report.moved[f"removed_{name}_m3"] / H**3
        assert after.voxels(name) + round(gone) == volume.voxels(name)
        assert gone == pytest.approx(round(gone), abs=1e-6)
    assert set(report.moved) == {"removed_NMC_m3", "removed_CBD_m3"}
    assert report.conserved == {}  # a laser conserves nothing
    assert after.inside_voxels == volume.inside_voxels
    changed = after.labels != volume.labels
    assert np.all(after.labels[changed] == 0)


def test_lost_capacity():
    labels = np.full((12, 20, 20), 1, np.uint8)
    labels[:, :, ::2] = 2
    volume, report = cut(
        Volume(labels, H, NAMES), active="NMC", volumetric_capacity=4700 * 160, depth=6
    )
    share = 0.4 * 6 / 12
    assert report.figures["lost_capacity"] == pytest.approx(share)
    whole = 12e-6 * 0.5 * 4700 * 160  # Ah/m² of a half filled with NMC
    assert report.figures["lost_areal_capacity"] == pytest.approx(share * whole)
    assert volume.fraction("NMC") == pytest.approx(0.5 * (1 - share))


def test_warnings_tell_of_coarse_channels_and_broken_pitches():
    _, fine = cut(block((20, 20, 20)), pitch=10, width=6, depth=6)
    _, coarse = cut(block(), pitch=8, width=2, depth=6)
    assert len(fine.warnings) == 1
    assert "cut clean" in fine.warnings[0]
    assert any("only 2.0 voxels" in warning for warning in coarse.warnings)
    assert any("2.50 pitches along axis 1" in warning for warning in coarse.warnings)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"width": 11}, "channels overlap"),
        ({"depth": 13}, "would cut the collector"),
        ({"width": 0.0}, "width is 0.0"),
        ({"pitch": math.nan}, "pitch is nan"),
        ({"width": 0.1, "depth": 0.1}, "hit no voxel centre"),
        ({"profile": "round"}, "profile is 'round'"),
        ({"pattern": "dots"}, "pattern is 'dots'"),
        ({"along": 0}, "runs through the thickness"),
        ({"along": 1, "pattern": "holes"}, "holes run nowhere"),
        ({"active": "pore"}, "which is the pore"),
        ({"volumetric_capacity": 1.0}, "pass active"),
        ({"active": "NMC", "volumetric_capacity": -1.0}, "volumetric_capacity is"),
        ({"active": "NMC", "volumetric_capacity": "7e8"}, "volumetric_capacity is '7e8'"),
        ({"pattern": ["lines"]}, "pattern is"),
        ({"volume": "cathode.tif"}, "str was given"),
    ],
)
def test_impossible_channels_are_refused(options, message):
    with pytest.raises(InvalidInputError, match=message):
        cut(**({"volume": block()} | options))


def test_a_report_of_channels_has_the_arguments_that_were_given():
    volume, report = cut(block(), active="NMC")
    assert None not in report.parameters.values()
    assert laser_channels(block(), **report.parameters)[0].sha256 == volume.sha256


def test_unknown_phases_are_refused():
    with pytest.raises(UnknownPhaseError):
        cut(block(), active="LFP")
    with pytest.raises(UnknownPhaseError):
        cut(block(), pore="void")


# --- reports ------------------------------------------------------------------------------------


def test_a_report_is_plain_and_finite():
    report = StepReport(
        "press",
        {"porosity": np.float64(0.3), "sizes": (1, 2), "volume": block(), "rng": np.int64(3)},
        {"pore": 0.4},
        {"pore": 0.3},
        moved={"distance": math.nan},
        conserved={"NMC": math.inf},
        warnings=("left <its> range",),
    )
    stored = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert stored["parameters"]["porosity"] == 0.3
    assert stored["parameters"]["sizes"] == [1, 2]
    assert stored["parameters"]["rng"] == 3
    assert stored["parameters"]["volume"].startswith("volume sha256 ")
    assert stored["moved"] == {"distance": None}
    assert stored["conserved"] == {"NMC": None}
    assert "warning: left <its> range" in str(report)
    assert "left &lt;its&gt; range" in report._repr_html_()
    assert "pore: 40.00 % → 30.00 %" in str(report)


def test_conservation_is_the_relative_change_of_volume():
    """In m³: the same fraction of a volume half as thick is half of it lost."""
    before, after = block((12, 4, 4)), block((6, 4, 4))
    report = StepReport.between("halve", before, after, {}, conserve=["NMC", "CBD"])
    assert report.conserved == {"NMC": pytest.approx(-0.5), "CBD": 0.0}
    assert report.largest_loss == pytest.approx(0.5)
    assert relative_changes({"a": 0.0}, {"a": 1.0}, ["a"]) == {"a": math.inf}
    with pytest.raises(InvalidInputError, match="cannot be conserved"):
        StepReport.between("halve", before, after, {}, conserve=["SE"])


def test_what_no_recipe_can_hold_is_refused():
    with pytest.raises(InvalidInputError, match="which a recipe cannot hold"):
        plain({"f": object()})
    assert plain(np.random.default_rng(0)) == "generator PCG64"
    assert plain(np.arange(3)) == [0, 1, 2]
