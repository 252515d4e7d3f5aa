"""ElectrodeStructure: taken from a card of layers with known numbers, and what cannot be."""

import dataclasses
import warnings

import numpy as np
import pytest

import twin
from microstructures import Volume
from microstructures.errors import InvalidInputError
from twin.performance import ElectrodeStructure, StructureWarning

GOOD = {
    "thickness": 60e-6,
    "porosity": 0.35,
    "active_fraction": 0.55,
    "macmullin": 6.0,
    "electronic_conductivity": 5.0,
    "area": 3e5,
    "particle_radius": 5e-6,
}
PORES = 0.5  # nanoporosity of the binder below
BINDER = twin.Material(
    "CBD",
    "binder",
    relative_ionic_conductivity=0.25,
    nanoporosity=PORES,
    electronic_conductivity=100.0,
)
MADE = {
    "pore": twin.Material("E", "electrolyte", ionic_conductivity=2.0),
    "NMC": twin.Material("A", "active", electronic_conductivity=1.0),
    "CBD": BINDER,
}


@pytest.fixture(scope="module")
def card():
    """Columns along the through-plane axis: 8 voxels of pore, 3 of binder, 5 of NMC."""
    row = np.repeat([0, 2, 1], [8, 3, 5]).astype(np.uint8)
    labels = np.broadcast_to(row[:, None], (6, 16, 4)).copy()
    return twin.characterize(Volume(labels, 1e-6, {0: "pore", 1: "NMC", 2: "CBD"}), MADE, axes=[0])


def test_columns_have_the_numbers_of_their_card(card):
    found = ElectrodeStructure.of_card(card, particle_radius=9e-6)
    porosity = (8 + PORES * 3) / 16
    assert found.thickness == pytest.approx(6e-6)
    assert found.porosity == pytest.approx(porosity)
    assert found.active_fraction == pytest.approx(5 / 16)
    assert found.macmullin == pytest.approx(16 / (8 + 0.25 * 3), rel=1e-4)
    assert found.tortuosity == pytest.approx(porosity * 16 / 8.75, rel=1e-4)
    assert found.electronic_conductivity == pytest.approx((5 * 1.0 + 3 * 100.0) / 16, rel=1e-4)
    wetted = PORES * card.entry("interface_area", "NMC–CBD").value
    wetted += card.entry("interface_area", "pore–NMC").value
    assert found.area == pytest.approx(wetted)
    assert found.area_ratio == pytest.approx(wetted * 9e-6 / (3 * 5 / 16))


def test_what_is_given_is_taken_and_a_radius_is_that_of_the_surface(card):
    found = ElectrodeStructure.of_card(card, thickness=70e-6, macmullin=7.0)
    assert found.thickness == 70e-6
    assert found.macmullin == 7.0
    surface = card.entry("specific_surface_area", "NMC").value
    assert found.particle_radius == pytest.approx(3 * 5 / 16 / surface)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"porosity": 0.5}, "add up to 1.05"),
        ({"macmullin": 2.0}, "below 1: N_M is"),
        ({"area": 0.0}, "area is 0.0"),
        ({"thickness": -1.0}, "thickness is -1.0"),
        ({"particle_radius": float("nan")}, "particle_radius is nan"),
        ({"thickness": 70.0}, "thickness is 70: give it in metres"),
        ({"thickness": 70e-9}, "give it in metres"),
        ({"particle_radius": 5.0}, "particle_radius is 5: give it in metres"),
        ({"particle_radius": 5e-10}, "give it in metres"),
    ],
)
def test_what_cannot_be_is_refused(change, words):
    with pytest.raises(InvalidInputError, match=words):
        ElectrodeStructure(**GOOD | change)


def test_an_area_in_other_units_is_doubted():
    with pytest.warns(StructureWarning, match="look at the units"):
        ElectrodeStructure(**GOOD | {"area": 3e5 * 1e-2})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ElectrodeStructure(**GOOD)


def test_a_card_that_lacks_something_says_so(card):
    with pytest.raises(InvalidInputError, match=r"'colour'.*it has thickness"):
        ElectrodeStructure.of_card(card, colour=1.0)
    with pytest.raises(InvalidInputError, match="did you mean 'thickness'"):
        ElectrodeStructure.of_card(card, thicknes=1e-4)
    bare = twin.characterize(card.volume, axes=[0])
    with pytest.raises(InvalidInputError, match="has no materials"):
        ElectrodeStructure.of_card(bare)
    two = twin.characterize(card.volume, MADE | {"CBD": "NMC532"}, axes=[0])
    with pytest.raises(InvalidInputError, match="active='NMC'"):
        ElectrodeStructure.of_card(two)
    assert ElectrodeStructure.of_card(two, active="NMC", area=1e5).active_fraction == pytest.approx(
        5 / 16
    )


def test_an_electrode_that_lets_no_ions_through_is_no_part_of_a_cell():
    labels = np.repeat(np.array([0, 2, 1], np.uint8), 4)[:, None, None] * np.ones(
        (1, 4, 4), np.uint8
    )
    made = MADE | {"NMC": "NMC532"}
    card = twin.characterize(Volume(labels, 1e-6, {0: "pore", 1: "NMC", 2: "CBD"}), made, axes=[0])
    with pytest.raises(InvalidInputError, match="does not percolate"):
        ElectrodeStructure.of_card(card)


def test_a_material_of_unknown_conductivity_is_named(card):
    """Otherwise one looks for a path of electrons where a number is missing."""
    silent = twin.Material("NMC0", "active")
    bare = twin.characterize(
        card.volume,
        MADE | {"NMC": silent, "CBD": twin.Material("PVDF", "binder")},
        axes=[0],
    )
    with pytest.raises(
        InvalidInputError,
        match=r"of NMC0 and PVDF no electronic_conductivity is known.*material\('NMC0'",
    ):
        ElectrodeStructure.of_card(bare)
    poor = MADE | {"NMC": silent, "CBD": dataclasses.replace(BINDER, electronic_conductivity=1.0)}
    labels = np.repeat(np.array([0, 1, 2], np.uint8), 4)[None, :, None] * np.ones(
        (4, 1, 4), np.uint8
    )
    labels[0, labels[0] == 2] = 1
    cut = twin.characterize(Volume(labels, 1e-6, {0: "pore", 1: "NMC", 2: "CBD"}), poor, axes=[0])
    with pytest.raises(InvalidInputError, match=r"does not percolate.*of NMC0 no electronic"):
        ElectrodeStructure.of_card(cut)
