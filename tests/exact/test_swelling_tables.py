"""Swelling tables: strains from volumes, lattices and molar volumes; what makes one doubtful."""

import contextlib
import warnings

import numpy as np
import pytest

import twin
from twin.swelling import SwellingTable, SwellingWarning, doubts

ROUND_OFF = 1e-14
SWELLING = {name: m.swelling for name, m in twin.library().items() if m.swelling is not None}


@contextlib.contextmanager
def silence():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SwellingWarning)
        yield


def layered():
    """An oxide whose c axis grows and whose a axis shrinks when lithium leaves."""
    return SwellingTable([0.4, 0.7, 1.0], [0.018, 0.012, 0.0], [-0.016, -0.007, 0.0])


# strains from what a source gives


def test_a_change_of_volume_is_the_cube_of_the_stretch():
    table = SwellingTable.from_volume_change([0.0, 1.0], [0.0, 0.331 / 3])
    stretch = 1 + table.strain(1.0, 0.0)
    assert stretch**3 == pytest.approx(1 + 0.331 / 3, abs=ROUND_OFF)


def test_a_molar_volume_gives_a_third_of_its_volume_as_strain():
    table = SwellingTable.from_partial_molar_volume(3e-6, 30000.0)
    assert table.strain(0.5, 0.0) == pytest.approx(3e-6 * 30000 * 0.5 / 3, abs=ROUND_OFF)
    assert table.partial_molar_volume(0.3, 30000.0, 0.0) == pytest.approx(3e-6, abs=1e-20)


def test_a_negative_molar_volume_shrinks():
    assert SwellingTable.from_partial_molar_volume(-1e-6, 30000.0).strain(1.0, 0.0) < 0


def test_lattice_parameters_give_the_stretch_of_each_axis():
    table = SwellingTable.from_lattice([0.5, 1.0], [2.82, 2.87], [14.45, 14.20])
    along, across = table.axial_strains(0.5, 1.0)
    assert along == pytest.approx(14.45 / 14.20 - 1, abs=ROUND_OFF)
    assert across == pytest.approx(2.82 / 2.87 - 1, abs=ROUND_OFF)
    cell = 2.82**2 * 14.45 / (2.87**2 * 14.20)
    assert table.volume_change(0.5, 1.0) == pytest.approx(cell - 1, abs=ROUND_OFF)


def test_a_cubic_lattice_swells_alike_in_every_direction():
    table = SwellingTable.from_lattice([0.0, 1.0], [8.36, 8.37])
    assert table.is_isotropic
    assert table.volume_change(1.0, 0.0) == pytest.approx((8.37 / 8.36) ** 3 - 1, abs=ROUND_OFF)


# reference state


@pytest.mark.parametrize("reference", [0.4, 0.55, 1.0])
def test_the_reference_state_has_no_strain(reference):
    along, across = layered().axial_strains(reference, reference)
    assert (float(along), float(across)) == (0.0, 0.0)


def test_changing_the_reference_composes_stretches_not_strains():
    table = SwellingTable([0.0, 0.5, 1.0], [0.0, 0.02, 0.045])
    direct, first, then = (1 + table.strain(x, r) for x, r in ((1.0, 0.0), (0.5, 0.0), (1.0, 0.5)))
    assert direct == pytest.approx(first * then, abs=ROUND_OFF)
    assert table.strain(1.0, 0.5) == pytest.approx(1.045 / 1.02 - 1, abs=ROUND_OFF)


def test_strains_do_not_depend_on_the_state_from_which_a_source_counts():
    from_empty = SwellingTable.from_lattice([0.2, 1.0], [2.82, 2.87], [14.45, 14.20])
    stretched = np.array([2.82, 2.87]) / 2.5 - 1, np.array([14.45, 14.20]) / 14.3 - 1
    elsewhere = SwellingTable([0.2, 1.0], stretched[1], stretched[0])
    for x in (0.2, 1.0):
        assert elsewhere.strain(x, 1.0) == pytest.approx(from_empty.strain(x, 1.0), abs=ROUND_OFF)


def test_strain_is_linear_between_points_and_keeps_the_shape_of_x():
    table = SwellingTable([0.0, 1.0], [0.0, 0.03])
    x = np.linspace(0, 1, 24).reshape(2, 3, 4)
    np.testing.assert_allclose(table.strain(x, 0.0), 0.03 * x, atol=ROUND_OFF)


def test_the_slope_is_the_derivative_of_the_strain():
    table, step = layered(), 1e-6
    x = np.array([0.45, 0.6, 0.8, 0.95])
    rise = table.strain(x + step, 0.5) - table.strain(x - step, 0.5)
    # central differences of a linear function are exact but for cancellation in rise
    np.testing.assert_allclose(table.slope(x, 0.5), rise / (2 * step), atol=1e-9)


# tensors


def test_eigenstrain_without_an_axis_is_a_sphere_of_the_same_volume():
    table = layered()
    tensor = table.eigenstrain(np.full((2, 3), 0.4), 1.0)
    assert tensor.shape == (6, 2, 3)
    volume = np.prod(1 + tensor[:3, 0, 0])
    assert volume == pytest.approx(1 + table.volume_change(0.4, 1.0), abs=ROUND_OFF)
    assert not tensor[3:].any()


@pytest.mark.parametrize("axis", [(1, 0, 0), (0, 0, 3), (1, 2, -2), (-0.3, 0.1, 0.9)])
def test_eigenstrain_stretches_the_axis_and_all_that_is_normal_to_it(axis):
    table = layered()
    along, across = table.axial_strains(0.5, 1.0)
    e = table.eigenstrain(0.5, 1.0, axis)
    tensor = np.array([[e[0], e[5] / 2, e[4] / 2], [0, e[1], e[3] / 2], [0, 0, e[2]]])
    tensor = tensor + np.triu(tensor, 1).T
    n = np.array(axis) / np.linalg.norm(axis)
    np.testing.assert_allclose(tensor @ n, float(along) * n, atol=ROUND_OFF)
    normal = np.cross(n, (0.2, 0.5, 0.7))
    np.testing.assert_allclose(tensor @ normal, float(across) * normal, atol=ROUND_OFF)


def test_every_voxel_may_have_its_own_axis_and_content():
    table, rng = layered(), np.random.default_rng(0)
    axis, x = rng.normal(size=(3, 2, 3, 4)), rng.uniform(0.4, 1.0, (2, 3, 4))
    field = table.eigenstrain(x, 1.0, axis)
    one = table.eigenstrain(x[1, 2, 3], 1.0, axis[:, 1, 2, 3])
    np.testing.assert_allclose(field[:, 1, 2, 3], one, atol=ROUND_OFF)


# the library


def test_lithium_swells_every_material_of_the_library_but_two():
    shrinking = {
        name
        for name, table in SWELLING.items()
        if table.volume_change(table.stoichiometry[-1], table.stoichiometry[0]) < 0
    }
    assert shrinking == {"LCO", "LTO"}


def test_graphite_swells_by_a_third_of_eleven_percent_along_a_line():
    table = SWELLING["graphite"]
    assert table.volume_change(1.0, 0.0) == pytest.approx(0.109, abs=5e-4)
    # the exact root and a third differ by ΔV/V / 3 in relative terms
    assert table.strain(1.0, 0.0) == pytest.approx(0.109 / 3, rel=0.109 / 3 + 0.01)


def test_graphite_equals_the_published_polynomial():
    p = [145.907, -681.229, 1334.442, -1415.710, 873.906, -312.528, 60.641, -5.706, 0.386]
    x = np.array(SWELLING["graphite"].stoichiometry)
    published = np.polyval([*p, -4.966e-5], x)
    rounding = 1e-6
    np.testing.assert_allclose(
        (1 + np.array(SWELLING["graphite"].along)) ** 3 - 1, published, atol=rounding
    )


def test_lco_shrinks_by_its_published_molar_volume():
    made = twin.material("LCO")
    change = made.partial_molar_volume.value * made.maximum_concentration.value
    assert change == pytest.approx(-0.0364, abs=5e-5)
    exact = (1 + change) / (1 + 0.435 * change) - 1
    rounding = 1e-6
    assert made.swelling.volume_change(1.0, 0.435) == pytest.approx(exact, abs=rounding)


@pytest.mark.parametrize(
    ("name", "charged", "percent"), [("NMC811", 0.254, 5.1), ("NMC111", 0.456, 1.2)]
)
def test_layered_oxides_lose_the_measured_volume_on_charging(name, charged, percent):
    loss = -100 * SWELLING[name].volume_change(charged, 1.0)
    assert loss == pytest.approx(percent, abs=0.05)  # as printed


@pytest.mark.parametrize("name", ["NMC811", "NMC111"])
def test_layers_move_apart_while_they_shrink_when_lithium_leaves(name):
    along, across = SWELLING[name].axial_strains(0.5, 1.0)
    assert along > 0.015 > 0 > -0.01 > across


def test_layers_of_nmc811_collapse_below_half_of_the_lithium():
    along, _ = SWELLING["NMC811"].axial_strains([0.254, 0.5, 1.0], 1.0)
    assert along[0] < along[2] < along[1]
    assert (1 + along[0]) / (1 + along[1]) == pytest.approx(14.030 / 14.467, abs=ROUND_OFF)


def test_only_silicon_of_the_library_is_beyond_small_strain():
    assert {name for name, table in SWELLING.items() if any(doubts(table))} == {"silicon"}


# doubts


def test_the_molar_volume_in_wide_use_for_nmc811_warns():
    omega, c_max = 1.25e-5, 63104.0  # PyBaMM's OKane2022
    assert omega * c_max == pytest.approx(0.79, abs=0.005)
    with pytest.warns(SwellingWarning, match=r"volume by about 78\.9 %.*Check sign and unit of Ω"):
        table = SwellingTable.from_partial_molar_volume(omega, c_max)
    against = list(doubts(table, "NMC811"))
    assert any(r"+5.36 % in the library" in text for text in against)


def test_a_table_under_the_name_of_a_material_is_compared_at_once():
    with pytest.warns(SwellingWarning, match="LCO.*would swell with lithium where it shrinks"):
        SwellingTable.from_partial_molar_volume(7.28e-7, 49943.0, material="LCO")
    with pytest.warns(SwellingWarning, match="would shrink with lithium where it swells"):
        SwellingTable.from_volume_change([0.0, 1.0], [0.0, -0.068], material="LFP")


@pytest.mark.parametrize("name", ["graphite", "LFP", "NMC811", "NMC111", "NMC532", "LCO"])
def test_volume_given_as_length_and_the_reverse_are_recognised(name):
    known = SWELLING[name]
    x, low = np.array(known.stoichiometry), known.stoichiometry[0]
    volume, length = known.volume_change(x, low), known.strain(x, low)
    with silence():
        threefold = SwellingTable(x, volume)
        third = SwellingTable.from_volume_change(x, length)
        right = SwellingTable.from_volume_change(x, volume)
    assert any("a change of volume had been given" in text for text in doubts(threefold, name))
    assert any("a linear strain had been given" in text for text in doubts(third, name))
    assert not list(doubts(right, name))


def test_a_moderate_difference_between_measurements_is_no_doubt():
    # 4.3 against 5.1 % over the same range, as samples and cells differ
    table = SwellingTable.from_volume_change([0.254, 1.0], [0.0, 0.043])
    assert not list(doubts(table, "NMC811"))


def test_any_other_factor_above_two_is_told():
    table = SwellingTable.from_volume_change([0.0, 1.0], [0.0, 0.005])
    assert any("Check the numbers" in text for text in doubts(table, "LFP"))


def test_small_strains_under_a_name_of_no_library_are_silent():
    SwellingTable([0.0, 1.0], [0.0, 0.049], material="my oxide")


def test_strains_above_five_percent_warn_from_the_state_where_they_are_reached():
    with silence():
        table = SwellingTable([0.0, 1.0], [0.0, 0.08])
    assert table.strain(0.5, 0.0) == pytest.approx(0.04)
    with pytest.warns(SwellingWarning, match=r"swells by 8 % along a line from x = 0"):
        table.strain([0.1, 1.0], 0.0)
    assert table.strain(1.0, 0.0, allow_large_strain=True) == pytest.approx(0.08)


def test_a_table_and_its_source_can_be_stored():
    table = layered()
    assert SwellingTable(**table.to_dict()) == table
    assert table.verified, "given by the user"
    assert "unverified" in str(SwellingTable([0, 1], [0, 0.01], source="a paper"))
