"""Generated electrodes: exact fractions, no overlaps, the same from the same seed."""

import numpy as np
import pytest

import solvers
from microstructures import generate
from microstructures.errors import InvalidInputError
from twin.manufacturing import Population, generate_electrode

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
