"""Which particles electrons and ions reach, in volumes where it can be seen."""

import numpy as np
import pytest

import solvers
from microstructures import Volume
from microstructures.errors import InvalidInputError

PHASES = {0: "pore", 1: "active", 2: "electrolyte", 3: "carbon"}
EDGE = 1e-7


def blank():
    return np.zeros((24, 24, 24), np.uint8)


def of(labels, **about):
    volume = Volume(labels, EDGE, PHASES, **about)
    return solvers.utilisation(volume, "active", "electrolyte")


def four_particles():
    """Blocks of 6³ in four columns: electrolyte from above or not, wired from below or not."""
    labels = blank()
    for y, x, has_ions, is_wired in ((2, 2, 1, 1), (2, 14, 1, 0), (14, 2, 0, 1), (14, 14, 0, 0)):
        labels[9:15, y : y + 6, x : x + 6] = 1
        if is_wired:
            labels[15:, y + 1 : y + 5, x + 1 : x + 5] = 3
        if has_ions:
            labels[:9, y + 1 : y + 5, x + 1 : x + 5] = 2
    return labels


def test_a_particle_is_in_use_if_both_reach_it():
    volume = Volume(four_particles(), EDGE, PHASES, collector="high")
    used = solvers.utilisation(volume, "active", "electrolyte", conductors=["carbon"])
    assert used.particles == 4
    assert (used.wired, used.touched, used.value) == (0.5, 0.5, 0.25)
    assert used.electrolyte == 1.0


def test_electrons_come_from_the_collector_and_ions_from_the_other_end():
    volume = Volume(four_particles(), EDGE, PHASES, collector="low")
    used = solvers.utilisation(volume, "active", "electrolyte", conductors=["carbon"])
    assert (used.wired, used.touched, used.value) == (0.0, 0.0, 0.0)
    assert used.electrolyte == 0.0


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_every_axis_may_be_that_through_the_thickness(axis):
    labels = np.moveaxis(four_particles(), 0, axis)
    volume = Volume(labels, EDGE, PHASES, through_axis=axis)
    used = solvers.utilisation(volume, "active", "electrolyte", conductors=["carbon"])
    assert (used.wired, used.touched, used.value) == (0.5, 0.5, 0.25)


def test_carbon_wires_only_if_it_is_named():
    assert of(four_particles()).wired == 0.0


def test_particles_count_by_their_volume():
    """One column of active material through all, and a lone block eight times as small."""
    labels = blank()
    labels[:, 2:10, 2:10] = 1
    labels[:4, 12:14, 2:10] = 2
    labels[:4, 10:12, 2:10] = 2
    labels[10:14, 16:20, 16:20] = 1
    used = of(labels)
    column, lone = 24 * 64, 64
    assert used.value == pytest.approx(column / (column + lone))


def test_electrolyte_that_is_cut_off_touches_nothing():
    labels = blank()
    labels[4:, 2:10, 2:10] = 1
    labels[6:10, 10:14, 2:10] = 2
    labels[:2, 16:20, 16:20] = 2
    used = of(labels)
    assert (used.touched, used.value, used.wired) == (0.0, 0.0, 1.0)
    assert used.electrolyte == pytest.approx(32 / (32 + 128))


def test_touching_by_an_edge_is_no_contact():
    labels = blank()
    labels[:, 4:12, 4:12] = 1
    labels[:, 12:16, 12:16] = 2
    assert of(labels).touched == 0.0
    labels[:, 12:16, 11:16] = 2
    assert of(labels).touched == 1.0


def test_a_phase_that_is_absent_has_no_share():
    labels = blank()
    labels[:, :4, :4] = 2
    used = of(labels)
    assert (used.value, used.wired, used.touched, used.particles) == (0.0, 0.0, 0.0, 0)
    assert used.electrolyte == 1.0


def test_a_phase_in_two_roles_is_refused():
    volume = Volume(four_particles(), EDGE, PHASES)
    with pytest.raises(InvalidInputError, match="name a phase twice"):
        solvers.utilisation(volume, "active", 1)
