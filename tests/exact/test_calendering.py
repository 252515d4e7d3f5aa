"""Calendering: what must be conserved, and cases in which it is known where particles go."""

import numpy as np
import pytest

import solvers
import twin
from microstructures import Volume, generate
from microstructures.errors import InvalidInputError, UnknownPhaseError
from twin.manufacturing import Population, generate_electrode

PHASES = {0: "pore", 1: "NMC", 2: "CBD"}
H = 1e-7


def balls(centres, radius, shape):
    grid = np.indices(shape) + 0.5
    labels = np.zeros(shape, np.uint8)
    for centre in centres:
        offset = grid - np.array(centre, float)[:, None, None, None]
        labels[np.sum(offset**2, axis=0) < radius**2] = 1
    return Volume(labels, H, PHASES)


def centroid(mask):
    return np.argwhere(mask).mean(axis=0) + 0.5


@pytest.fixture(scope="module")
def cathode():
    return generate.sample_cathode(0, shape=(40, 48, 48))


@pytest.mark.parametrize("sides", ["walls", "periodic"])
@pytest.mark.parametrize("porosity", [0.37, 0.31])
def test_porosity_is_exact_and_solids_keep_their_volume(cathode, porosity, sides):
    pressed, report = twin.calender(cathode, porosity=porosity, sides=sides)
    for phase in ("NMC", "CBD"):
        before, after = (v.voxels(phase) * v.voxel_volume for v in (cathode, pressed))
        assert after / before == pytest.approx(1.0, abs=1e-3)
    assert report.largest_loss < 1e-3
    assert abs(pressed.fraction("pore") - porosity) < 5e-4
    assert report.figures["swallowed_particles"] <= 0.05 * report.figures["particles"]
    assert pressed.shape[1:] == cathode.shape[1:]
    assert pressed.spacing[1:] == cathode.spacing[1:]
    assert abs(pressed.spacing[0] / cathode.spacing[0] - 1) < 0.5 / pressed.shape[0] + 1e-12


def test_the_same_volume_presses_in_the_same_way(cathode):
    one, two = (twin.calender(cathode, porosity=0.33)[0] for _ in range(2))
    assert one.sha256 == two.sha256


def test_the_through_axis_is_the_one_that_shortens(cathode):
    turned = cathode.transposed(1, 0, 2)
    assert turned.through_axis == 1
    upright, lying = (twin.calender(v, porosity=0.35)[0] for v in (cathode, turned))
    assert np.array_equal(lying.labels, upright.labels.transpose(1, 0, 2))
    assert lying.spacing == tuple(upright.spacing[a] for a in (1, 0, 2))


def test_a_thickness_is_a_porosity(cathode):
    by_porosity, report = twin.calender(cathode, porosity=0.35)
    by_thickness, _ = twin.calender(cathode, thickness=report.figures["thickness_m"])
    assert np.array_equal(by_porosity.labels, by_thickness.labels)
    height = cathode.shape[0] * cathode.spacing[0]
    assert report.figures["thickness_m"] == pytest.approx(height * 0.6 / 0.65, rel=1e-9)


@pytest.mark.parametrize("sides", ["walls", "periodic"])
@pytest.mark.parametrize("ends", ["plates", "periodic"])
def test_what_is_not_pressed_stays_as_it_is(cathode, ends, sides):
    """Particles as long as the volume, particles that faces cut, and binder among them."""
    height = cathode.shape[0] * cathode.spacing[0]
    same, report = twin.calender(cathode, thickness=height, ends=ends, sides=sides)
    assert report.moved["mean_displacement_from_affine_m"] == 0.0
    assert report.moved["flattened_fraction"] == 0.0
    assert np.mean(same.labels != cathode.labels) < 1e-4


def test_redrawing_what_moved_keeps_its_area(nrel_volume):
    """Of real particles without their binder, rough by a voxel; squeezed by a twentieth."""
    piece = nrel_volume.cropped((90, 138), (100, 148), (100, 148)).relabelled({"CBD": "pore"})
    pressed, _ = twin.calender(piece, thickness=piece.size[0] * 0.95, ends="periodic")
    areas = [
        solvers.specific_surface_areas(v)["NMC"].value / v.fraction("NMC") for v in (piece, pressed)
    ]
    assert areas[1] == pytest.approx(areas[0], rel=0.03)


def test_several_phases_may_be_made_of_particles():
    made, _ = generate_electrode(
        (32, 32, 32), 3e-7, {"NMC": Population(0.3, 1.8e-6), "SE": Population(0.28, 1.5e-6)}, rng=1
    )
    both, report = twin.calender(made, porosity=0.3, sides="periodic", particles=("NMC", "SE"))
    alone, doubted = twin.calender(made, porosity=0.3, sides="periodic")
    assert report.parameters["particles"] == ["NMC", "SE"]
    assert doubted.parameters["particles"] == ["NMC"]
    assert any("particles=('NMC', 'SE')" in text for text in doubted.warnings)
    assert not any("paste" in text for text in report.warnings)
    for name in ("NMC", "SE"):
        assert report.conserved[name] == pytest.approx(0.0, abs=1e-3)
    grains = [
        int(solvers.particle_instances(v, "SE", periodic=(True,) * 3).max())
        for v in (made, both, alone)
    ]
    assert abs(grains[1] - grains[0]) <= 0.15 * grains[0]  # some touch more than before
    assert grains[2] < 0.7 * grains[0]  # a paste takes the shape of what is left


def test_total_porosity_holds_the_nanopores(cathode):
    nano = {"CBD": 0.5}
    pressed, report = twin.calender(cathode, total_porosity=0.40, nanoporosity=nano)
    total = pressed.fraction("pore") + 0.5 * pressed.fraction("CBD")
    assert total == pytest.approx(0.40, abs=1e-3)
    assert report.figures["total_porosity"] == pytest.approx(0.40, abs=1e-9)
    assert report.figures["porosity"] == pytest.approx(pressed.fraction("pore"), abs=1e-3)


def test_a_piece_is_known_by_what_lid_and_floor_cut(cathode):
    """The sample is cut out of something; with a layer of pores on both ends it is whole."""
    labels = np.concatenate([np.zeros((2, 48, 48)), cathode.labels, np.zeros((2, 48, 48))])
    whole = cathode.with_labels(labels.astype(np.uint8), "between pores")
    for volume, ends in ((cathode, "periodic"), (whole, "plates")):
        _, report = twin.calender(volume, porosity=0.38)
        assert report.parameters["ends"] == ends
        told = [text for text in report.warnings if "taken as a piece" in text]
        assert bool(told) == (ends == "periodic")


def test_a_foam_is_no_bed_of_particles():
    foam = generate.excursion_volume((24, 24, 24), 1e-7, 4e-7, 0.6, phases={0: "pore", 1: "NMC"})
    _, report = twin.calender(foam.volume, porosity=0.35, neck=0.05)
    assert any("one body from lid to floor" in text for text in report.warnings)


def test_a_phase_of_few_voxels_that_changes_is_told():
    labels = balls([(10, 12, 12), (40, 12, 12)], 7, (50, 24, 24)).labels.copy()
    labels[20, 12, 12] = 2
    _, report = twin.calender(Volume(labels, H, PHASES), thickness=43.6 * H)
    assert any("volume of CBD changed" in text for text in report.warnings)


@pytest.mark.slow
def test_pressing_a_little_changes_a_little(nrel_volume):
    """On the real cathode: necks stay together, so that area and tortuosity do not jump."""
    piece = nrel_volume.cropped((60, 140), (100, 180), (100, 180))
    pressed, report = twin.calender(piece, thickness=79 * piece.spacing[0])
    assert report.moved["mean_displacement_from_affine_m"] < 0.2 * piece.spacing[0]
    areas = [solvers.interface_areas(v)["pore", "NMC"].value for v in (piece, pressed)]
    assert areas[1] == pytest.approx(areas[0], rel=0.05)
    taus = [
        solvers.tortuosity_factor(v, "pore", tolerance=1e-3).tortuosity_factor
        for v in (piece, pressed)
    ]
    assert 0.98 < taus[1] / taus[0] < 1.15


def test_particles_with_room_between_them_stay_as_they_are_and_come_closer():
    volume = balls([(10, 12, 12), (40, 12, 12)], 7, (50, 24, 24))
    pressed, report = twin.calender(volume, thickness=40 * H)
    found = solvers.particle_instances(pressed, "NMC")
    places = [centroid(found == number) for number in (1, 2)]
    assert np.ptp([p[0] for p in places]) == pytest.approx(24.0, abs=0.3)  # 30 × 40/50
    assert [p[1:] for p in places] == pytest.approx(np.full((2, 2), 12.0), abs=0.1)
    for number, place in zip((1, 2), places, strict=True):
        grid = np.indices(pressed.shape) + 0.5 - place[:, None, None, None]
        ideal = np.sum(grid**2, axis=0) < 7**2
        assert np.sum((found == number) != ideal) < 0.04 * ideal.sum()
    assert abs(report.moved["flattened_fraction"]) < 1e-3


def test_particles_spring_back_with_the_volume():
    """With room between them they follow the lid down to 37.5 layers, and back up to 40."""
    volume = balls([(10, 12, 12), (40, 12, 12)], 7, (50, 24, 24))
    pressed, report = twin.calender(volume, thickness=40 * H, recovery=0.2)
    found = solvers.particle_instances(pressed, "NMC")
    heights = [centroid(found == number)[0] for number in (1, 2)]
    assert np.ptp(heights) == pytest.approx(24.0, abs=0.3)  # 30 × 40/50
    assert report.figures["thickness_under_load_m"] == pytest.approx(37.5 * H)
    assert report.moved["mean_displacement_from_affine_m"] < 0.1 * H


def test_only_much_flattening_is_warned_of():
    shaft = balls([(8, 8, 8), (24, 8, 8)], 7.5, (32, 16, 16))
    little, much = (twin.calender(shaft, thickness=n * H)[1] for n in (28, 18))
    assert little.moved["flattened_fraction"] < 0.1 < much.moved["flattened_fraction"]
    assert not little.warnings
    assert any("no longer rigid" in text for text in much.warnings)
    assert any("squashed into each other" in text for text in much.warnings)


def test_a_particle_that_is_hit_moves_aside():
    """The upper one sits a little to the left of the lower, and goes further that way."""
    volume = balls([(8, 20, 17), (30, 20, 23)], 7, (40, 40, 40))
    pressed, _ = twin.calender(volume, thickness=20 * H)
    found = solvers.particle_instances(pressed, "NMC")
    upper, lower = sorted((centroid(found == n) for n in (1, 2)), key=lambda place: place[2])
    assert upper[2] < 16.0
    assert lower[2] > 24.0
    assert np.linalg.norm(upper - lower) > 13.5


def test_columns_without_way_out_are_flattened_beside_their_contact():
    """Two balls in a shaft as wide as they are: they cannot but overlap, and bulge."""
    volume = balls([(8, 8, 8), (24, 8, 8)], 7.5, (32, 16, 16))
    pressed, report = twin.calender(volume, thickness=26 * H)
    # less than the 4 % of two balls in such a lens, for the walls give way as well
    assert 0.01 < report.moved["flattened_fraction"] < 0.044
    assert report.figures["largest_overlap"] > 0.1
    middle = pressed.labels[12:14] == 1
    before = volume.labels[15:17] == 1
    assert middle.mean() > before.mean() + 0.2  # the neck has filled
    assert report.largest_loss < 1e-3


def test_binder_goes_with_its_particle():
    labels = balls([(10, 12, 12), (40, 12, 12)], 7, (50, 24, 24)).labels.copy()
    labels[16:19, 10:14, 10:14] = np.where(labels[16:19, 10:14, 10:14] == 0, 2, 1)
    volume = Volume(labels, H, PHASES)
    gap = centroid(labels == 2) - (10, 12, 12)
    pressed, report = twin.calender(volume, thickness=40 * H)
    found = solvers.particle_instances(pressed, "NMC")
    upper = min((centroid(found == n) for n in (1, 2)), key=lambda place: place[0])
    assert centroid(pressed.labels == 2) - upper == pytest.approx(gap, abs=0.5)
    assert report.conserved["CBD"] == pytest.approx(0.0, abs=0.02)  # of 24 voxels


def test_what_springs_back_was_pressed_further(cathode):
    _, plain = twin.calender(cathode, porosity=0.35)
    pressed, report = twin.calender(cathode, porosity=0.35, recovery=0.1)
    height = cathode.shape[0] * cathode.spacing[0]
    low = report.figures["thickness_under_load_m"]
    assert low < plain.figures["thickness_under_load_m"]
    assert low + 0.1 * (height - low) == pytest.approx(report.figures["thickness_m"], rel=1e-9)
    assert abs(pressed.fraction("pore") - 0.35) < 5e-4


def column(*layers):
    """Balls of 7 voxels along the middle of a shaft of 40 × 24 × 24, each at its own height."""
    return balls([(z, 12, 12) for z in layers], 7, (40, 24, 24))


def heights(volume, report):
    """Of the particles, in voxels, from the lowest on."""
    found = solvers.particle_instances(volume, "NMC")
    places = sorted(centroid(found == n)[0] for n in range(1, found.max() + 1))
    return np.array(places) * volume.spacing[0] / H


@pytest.mark.parametrize("end", ["floor", "lid"])
def test_what_a_plate_cuts_stays_at_it(end):
    """A ball with its middle 2 voxels inside of the plate, pressed by another one far away."""
    before = column(2, 30) if end == "floor" else column(38, 10)
    pressed, report = twin.calender(before, thickness=20 * H, ends="plates")
    face = 0 if end == "floor" else -1
    area, kept = (np.count_nonzero(v.labels[face]) for v in (before, pressed))
    assert kept == pytest.approx(area, rel=0.06)  # of 148 voxels
    low, high = heights(pressed, report)
    wanted = heights(before, report)[0] if end == "floor" else heights(before, report)[1] - 20
    assert (low if end == "floor" else high) == pytest.approx(wanted, abs=0.2)
    assert report.moved["mean_turn_degrees"] < 1.0
    assert any("press it with ends='periodic'" in text for text in report.warnings)


def test_a_cut_ball_is_pressed_like_one_half_of_a_whole_one():
    """The plate is a mirror: half of a shaft is pressed like half of the shaft and its image."""
    half = balls([(0, 17, 15), (17, 21, 19), (38, 15, 16)], 9, (48, 36, 36))
    whole = half.with_labels(np.concatenate([half.labels[::-1], half.labels]), "and its image")
    heights = (28 * H, 56 * H)
    one, two = (
        twin.calender(v, thickness=height, ends="plates")[0]
        for v, height in zip((half, whole), heights, strict=True)
    )
    upper = two.labels[two.shape[0] // 2 :]
    assert upper.shape == one.shape
    assert np.mean(upper != one.labels) < 0.02
    assert np.mean(half.labels[: len(one.labels)] != one.labels) > 0.1  # it did move


def cathode_in(axis, by):
    """Balls in a periodic box, and the same seen from elsewhere along an axis."""
    given, _ = generate_electrode((32, 32, 32), 3e-7, {"NMC": Population(0.45, 1.8e-6)}, rng=1)
    return given, given.with_labels(np.roll(given.labels, by, axis), "rolled")


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_where_periodic_faces_lie_does_not_matter(axis):
    given, rolled = cathode_in(axis, 13)
    results = [
        twin.calender(v, porosity=0.45, sides="periodic", ends="periodic") for v in (given, rolled)
    ]
    (one, first), (two, second) = results
    for name in ("particles", "coordination_before"):
        assert first.figures[name] == second.figures[name]
    assert first.figures["coordination_after"] == pytest.approx(
        second.figures["coordination_after"], rel=0.1
    )
    assert not first.warnings
    if axis:
        assert np.mean(np.roll(one.labels, 13, axis) != two.labels) < 0.05


@pytest.mark.slow
def test_a_piece_of_a_thicker_electrode_is_as_dense_at_its_ends_as_within():
    """Between plates the layers at the ends stay open, as what they cut cannot give way."""
    given, _ = generate_electrode((48, 48, 48), 3e-7, {"NMC": Population(0.45, 1.8e-6)}, rng=0)
    open_by = {}
    for ends in ("plates", "periodic"):
        pressed, report = twin.calender(given, porosity=0.33, sides="periodic", ends=ends)
        profile = pressed.profile("pore")
        outer = np.r_[profile[:3], profile[-3:]].mean()
        open_by[ends] = outer - profile[3:-3].mean()
        assert bool(report.warnings) == (ends == "plates")
    assert open_by["plates"] > 0.05
    assert abs(open_by["periodic"]) < 0.04


def test_balls_that_a_periodic_side_cuts_press_like_whole_ones():
    """One lies nearly above the other, and has to move aside."""
    whole = balls([(8, 8, 8), (24, 8, 9)], 7, (32, 18, 18))
    paths = [
        twin.calender(v, thickness=26 * H, sides="periodic")[1].moved[
            "mean_displacement_from_affine_m"
        ]
        for v in (whole, whole.with_labels(np.roll(whole.labels, 9, 2), "rolled"))
    ]
    assert paths[0] > H
    assert paths[1] == pytest.approx(paths[0], rel=0.02)


@pytest.mark.parametrize(("sides", "contacts"), [("walls", 0.0), ("periodic", 1.0)])
def test_contacts_through_periodic_sides_count(sides, contacts):
    """Two balls that touch there, and nowhere else."""
    volume = balls([(10, 10, 6), (10, 10, 20)], 6.4, (20, 20, 26))
    _, report = twin.calender(volume, thickness=20 * H, sides=sides)
    assert report.figures["coordination_before"] == contacts
    assert report.figures["coordination_after"] == contacts


def test_binder_goes_with_its_particle_through_a_periodic_face():
    """It lies above the face that its ball, 43 ± 7 of 50 layers, touches from below."""
    labels = balls([(43, 12, 12), (23, 12, 12)], 7, (50, 24, 24)).labels.copy()
    labels[:2, 10:14, 10:14] = 2
    pressed, _ = twin.calender(Volume(labels, H, PHASES), thickness=40 * H, ends="periodic")
    wanted = (43 * 0.8 + 8) % 40
    assert centroid(pressed.labels == 2) == pytest.approx([wanted, 12.0, 12.0], abs=0.5)


def test_binder_goes_with_its_particle_on_unequal_voxels_whatever_axis_is_pressed():
    """Beside a ball of 7 on voxels twice as wide along axis 1."""
    fine = balls([(10, 12, 12), (40, 12, 12)], 7, (50, 24, 24)).labels
    labels = fine[:, ::2].copy()
    labels[8:12, 10:12, 10:14] = 2
    volume = Volume(labels, (H, 2 * H, H), PHASES)
    pressed, _ = twin.calender(volume, thickness=40 * H)
    assert centroid(pressed.labels == 2) == pytest.approx([10 * 0.8, 11.0, 12.0], abs=0.5)
    lying, _ = twin.calender(volume.transposed(1, 0, 2), thickness=40 * H)
    assert np.array_equal(lying.labels, pressed.labels.transpose(1, 0, 2))


def test_contacts_grow_and_conduction_improves(cathode):
    values = []
    for porosity in (0.38, 0.28):
        pressed, report = twin.calender(cathode, porosity=porosity)
        sigma = {"pore": 0.0, "NMC": 1.0, "CBD": 100.0}
        electrons = solvers.effective_conductivity(pressed, sigma, tolerance=1e-3).value
        pores = solvers.tortuosity_factor(pressed, "pore", tolerance=1e-3).tortuosity_factor
        values.append((report.figures["coordination_after"], electrons, pores))
    assert values[1][0] > values[0][0]
    assert values[1][1] > values[0][1]
    assert values[1][2] > values[0][2]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "give one of them"),
        ({"porosity": 0.3, "thickness": 1e-5}, "give one of them"),
        ({"porosity": 0.5}, "only lowers it"),
        ({"porosity": 0.0}, "only lowers it"),
        ({"thickness": 1e-9}, "the solids need"),
        ({"porosity": 0.3, "sides": "mirror"}, "'walls' or 'periodic'"),
        ({"porosity": 0.3, "ends": "walls"}, "'plates' or 'periodic'"),
        ({"porosity": "0.3"}, "give a number"),
        ({"porosity": 0.3, "recovery": "a"}, "give a number"),
        ({"porosity": 0.3, "particles": "pore"}, "is the pore"),
        ({"porosity": 0.3, "particles": ()}, "particles is empty"),
        ({"total_porosity": 0.3, "nanoporosity": {"pore": 0.5}}, "give a solid"),
        ({"total_porosity": 0.01, "nanoporosity": {"CBD": 0.5}}, "total_porosity 0.01 is not in"),
        ({"porosity": 0.05, "recovery": 0.9}, "under the load"),
        ({"porosity": 0.3, "recovery": 2.0}, "no share"),
    ],
)
def test_mistakes_are_told(cathode, arguments, words):
    with pytest.raises(InvalidInputError, match=words):
        twin.calender(cathode, **arguments)


def test_phases_are_found_or_named(cathode):
    with pytest.raises(UnknownPhaseError, match="LCO"):
        twin.calender(cathode, porosity=0.3, particles="LCO")
    with pytest.raises(InvalidInputError, match="crop it"):
        twin.calender(cathode.padded(1), porosity=0.3)
