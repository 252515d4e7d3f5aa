"""Generated electrodes: exact fractions, no overlaps, the same from the same seed."""

import numpy as np
import pytest

import solvers
from microstructures import generate
from microstructures.errors import InvalidInputError
from twin.manufacturing import Population, generate_electrode, place_binder

SHAPE, H = (48, 48, 48), 2e-7
NMC = Population(0.5, 1.4e-6)


def test_three_phases_have_exact_fractions():
    volume, report = generate_electrode(
        SHAPE, H, {"NMC": NMC}, binder=0.1, nanoporosity=0.47, rng=1
    )
    voxels = np.prod(SHAPE)
    assert volume.voxels("NMC") == round(0.5 * voxels)
    assert volume.voxels("CBD") == round(0.1 * voxels)
    assert report.figures["largest_overlap"] <= 2e-3
    assert not report.warnings


def test_a_solid_state_electrode_has_two_packed_phases_and_carbon():
    small = Population(0.25, generate.lognormal_sizes(0.8e-6, 0.2), aspect=(1.0, 1.0, 0.8))
    volume, report = generate_electrode(
        SHAPE, H, {"NMC": Population(0.35, 1.4e-6), "LPS": small}, binder=0.04, binder_phase="C65"
    )
    assert list(volume.phases.values()) == ["pore", "NMC", "LPS", "C65"]
    for name, fraction in {"NMC": 0.35, "LPS": 0.25, "C65": 0.04}.items():
        assert volume.fraction(name) == pytest.approx(fraction, abs=1 / np.prod(SHAPE))
    assert report.figures["particles_LPS"] > report.figures["particles_NMC"]


@pytest.mark.parametrize("aspect", [(1.0, 1.0, 1.0), (2.0, 2.0, 2.0), (3.0, 2.0, 1.0)])
@pytest.mark.parametrize("radius", [1.4e-6, generate.lognormal_sizes(1e-6, 0.3)])
def test_particles_have_the_volume_that_their_fraction_asks_for(aspect, radius):
    """Exactly, though their number is whole; the aspect is one of shape and not of size."""
    box = H * np.array(SHAPE)
    axes = Population(0.5, radius, aspect).semi_axes(box)
    assert np.sum(4 / 3 * np.pi * axes.prod(axis=1)) / box.prod() == pytest.approx(0.5, rel=1e-12)
    assert len(axes) == len(Population(0.5, radius).semi_axes(box))
    assert axes[:, 0] / axes[:, 2] == pytest.approx(aspect[0] / aspect[2])


def test_particles_go_on_beyond_a_periodic_face():
    """First and last layer are as alike as any two layers in between."""
    labels = generate_electrode(SHAPE, H, {"NMC": NMC}, rng=2)[0].labels
    for axis in range(3):
        across = np.mean(np.take(labels, 0, axis) == np.take(labels, -1, axis))
        inside = np.mean(np.diff(labels.astype(int), axis=axis) == 0)
        assert across == pytest.approx(inside, abs=0.05)


def test_flat_particles_lie_in_all_directions():
    """Were they all to lie flat, one axis would meet half as many surfaces as another."""
    flat = Population(0.4, 1.4e-6, aspect=(1.0, 1.0, 0.4))
    labels = generate_electrode(SHAPE, H, {"graphite": flat}, rng=0)[0].labels.astype(int)
    surfaces = [np.count_nonzero(np.diff(labels, axis=axis)) for axis in range(3)]
    assert max(surfaces) < 1.3 * min(surfaces)


@pytest.mark.parametrize(("periodic", "boundary"), [(True, "periodic"), (False, "mirrored")])
def test_binder_ends_as_the_particles_do(monkeypatch, periodic, boundary):
    told = []

    def placed(volume, **options):
        told.append(options["boundary"])
        return place_binder(volume, **options)

    monkeypatch.setattr("twin.manufacturing.electrode.place_binder", placed)
    generate_electrode(SHAPE, H, {"NMC": NMC}, binder=0.05, periodic=periodic)
    assert told == [boundary]


def test_the_same_seed_gives_the_same_volume():
    one, two, other = (
        generate_electrode(SHAPE, H, {"NMC": NMC}, binder=0.08, rng=seed)[0] for seed in (3, 3, 4)
    )
    assert one.sha256 == two.sha256 != other.sha256


def test_dense_particles_are_told_apart_again():
    """At 60 % solid they touch, but are still as many as were packed."""
    volume, report = generate_electrode(SHAPE, H, {"NMC": Population(0.6, 1.6e-6)}, periodic=False)
    found = solvers.particle_instances(volume, "NMC")
    assert found.max() == report.figures["particles_NMC"]


def test_more_than_can_be_packed_is_told():
    _, report = generate_electrode(SHAPE, H, {"NMC": Population(0.74, 1.6e-6)})
    assert "denser than a random packing" in report.warnings[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"populations": {}}, "at least one phase"),
        ({"binder": 0.6}, "room for pores"),
        ({"binder": -0.1}, "no fraction"),
        ({"rng": -1}, "no seed"),
        ({"populations": {"NMC": Population(0.5, 4e-6)}}, "larger box"),
    ],
)
def test_mistakes_are_told(change, words):
    arguments = {"shape": SHAPE, "spacing": H, "populations": {"NMC": NMC}} | change
    with pytest.raises(InvalidInputError, match=words):
        generate_electrode(**arguments)


@pytest.mark.parametrize("wrong", [{"fraction": 0.0}, {"fraction": 1.2}, {"aspect": (1, 0, 1)}])
def test_populations_are_checked(wrong):
    with pytest.raises(InvalidInputError):
        Population(**({"fraction": 0.5, "radius": 1e-6} | wrong))
