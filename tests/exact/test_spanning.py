"""What carries: solids that join two faces, and those that do not or only by edges and corners."""

import numpy as np
import pytest

import solvers
from microstructures import Volume
from microstructures.errors import NotPercolatingError
from solvers.body import Body
from solvers.boundary import Boundary, Periodic, Symmetry

N = 8
HARD = {"hard": solvers.Isotropic(100e9, 0.0)}
FREE = Periodic(pressure=0.0)


def volume(fill):
    labels = np.zeros((N, N, N), np.uint8)
    fill(labels)
    return Volume(labels, 1e-7, {0: "pore", 1: "hard"})


def island(labels):
    labels[2:5, 2:6, 2:6] = 1


def column(labels):
    labels[:, 2:4, 2:6] = 1


def plates(labels):
    labels[:3] = labels[5:] = 1


def edges(labels):
    """Two bars along axis 2 that share an edge."""
    labels[:4, :4] = labels[4:, 4:] = 1


def corners(labels):
    labels[:4, :4, :4] = labels[4:, 4:, 4:] = 1


def stairs(labels):
    """A band that climbs one voxel in each step, and comes back displaced along axes 0 and 1."""
    i = np.arange(N)
    labels[i, i] = labels[i, (i + 1) % N] = 1


@pytest.mark.parametrize(
    ("fill", "spans"),
    [
        (island, (False, False, False)),
        (column, (True, False, False)),
        (plates, (False, True, True)),
        (edges, (False, False, True)),
        (corners, (False, False, False)),
    ],
)
@pytest.mark.parametrize("boundary", ["periodic", pytest.param("symmetry", marks=pytest.mark.slow)])
def test_only_what_joins_both_faces_is_stiff(fill, spans, boundary):
    found = solvers.effective_stiffness(volume(fill), HARD, boundary)
    assert found.spans == spans
    moduli = [found.youngs_modulus(axis) for axis in range(3)]
    assert [modulus > 0 for modulus in moduli] == list(spans)
    assert [float(c) > 0 for c in found.value.diagonal()[:3]] == list(spans)
    for c, (a, b) in enumerate(((1, 2), (0, 2), (0, 1)), start=3):
        assert (found.value[c, c] > 0) == (spans[a] and spans[b])
    if not all(spans):
        with pytest.raises(NotPercolatingError, match="span the axes"):
            _ = found.compliance


@pytest.mark.parametrize("precision", ["single", "mixed", "double"])
def test_a_column_bears_its_share_of_the_area_and_nothing_across(precision):
    before = solvers.use().precision
    solvers.use(precision=precision)
    found = solvers.effective_stiffness(volume(column), HARD)
    state = solvers.swelling_stress(volume(column), HARD, {"hard": 0.01}, FREE)
    solvers.use(precision=before)
    assert found.youngs_modulus(0) == pytest.approx(100e9 * 8 / N**2, rel=1e-4)
    assert state.strain == pytest.approx([0.01, 0, 0, 0, 0, 0], rel=1e-4, abs=1e-6)


def test_a_band_that_winds_around_two_axes_is_stiff_along_both_but_gives_way_aside():
    found = solvers.effective_stiffness(volume(stairs), HARD, tolerance=1e-10)
    assert found.spans == (True, True, True)
    assert found.value[0, 0] > 1e9
    assert found.youngs_modulus(0) < 1e-6 * found.value[0, 0]  # the stairs turn
    band = solvers.superpose(volume(stairs), HARD, ["hard"], FREE)
    with pytest.raises(NotPercolatingError, match="mechanism"):
        band.effective_swelling("hard")


def test_a_path_that_closes_after_two_periods_spans():
    labels = np.zeros((N, N, N), np.uint8)
    labels[:5, 1, 1] = labels[4, 1:6, 1] = labels[4:, 5, 1] = 1  # enters and leaves elsewhere
    once = Volume(labels.copy(), 1e-7, {0: "pore", 1: "hard"})
    assert Body.of(once, HARD).clusters.spans == (False, False, False)
    labels[:2, 5, 1] = labels[1, 5, 1:5] = labels[1, 1:6, 4] = labels[1:7, 1, 4] = 1
    labels[6, 1, 1:5] = labels[6:, 1, 1] = 1  # and back to where the first one began
    assert solvers.components.component_labels(labels > 0)[1] == 2
    twice = Volume(labels, 1e-7, {0: "pore", 1: "hard"})
    assert Body.of(twice, HARD).clusters.spans == (True, False, False)


@pytest.mark.parametrize("fill", [island, plates, edges, corners])
def test_a_pressure_that_nothing_carries_is_refused(fill):
    pressed = solvers.stack_pressure(1e5)
    with pytest.raises(NotPercolatingError, match=r"axes \[0\]"):
        solvers.swelling_stress(volume(fill), HARD, {"hard": 0.01}, pressed)
    with pytest.raises(NotPercolatingError, match=r"axes \[0\]"):
        solvers.load_path(volume(fill), HARD, {"hard": solvers.Yield(1e8)}, [], pressed)
    responses = solvers.superpose(volume(fill), HARD, ["hard"], pressed)
    with pytest.raises(NotPercolatingError, match=r"axes \[0\]"):
        responses.at({"hard": 0.01})
    held = responses.at({"hard": 0.01}, solvers.fixed_gap())
    assert np.isfinite(held.stress()).all()


def test_a_pressure_is_met_by_what_is_far_softer_than_the_sides():
    """Layers along axis 0 as stiff as steel and as soft as nothing: nothing is left out."""
    layers = np.repeat([1, 2], N // 2)[:, None, None] * np.ones((N, N, N), int)
    soft = Volume(layers.astype(np.uint8), 1e-7, {1: "hard", 2: "soft"})
    with pytest.warns(solvers.UnitWarning):
        solids = HARD | {"soft": solvers.Isotropic(1e4, 0.0)}
    before = solvers.use().precision
    solvers.use(precision="double")  # float32 displacements lose what a hard layer strains
    state = solvers.superpose(soft, solids, (), solvers.stack_pressure(1e3), tolerance=1e-10).at()
    solvers.use(precision=before)
    assert state.pressures[0] == pytest.approx(1e3, rel=1e-3)
    assert state.strain[0] == pytest.approx(-1e3 * 0.5 / 1e4, rel=1e-3)


def test_what_hangs_on_nothing_swells_without_stress_or_strain():
    response = solvers.superpose(volume(island), HARD, ["hard"], FREE)
    state = response.at({"hard": 0.01})
    assert not state.strain.any()
    assert np.abs(state.stress()).max() < 1e-3 * 100e9 * 0.01
    with pytest.raises(NotPercolatingError, match="swell apart"):
        response.effective_swelling("hard")


def test_plates_that_touch_nothing_between_them_do_not_span():
    boundary = Boundary(Symmetry(), Periodic(), Periodic())
    assert Body.of(volume(plates), HARD, boundary).clusters.spans == (False, True, True)
    assert Body.of(volume(plates), HARD).clusters.spans == (False, True, True)
