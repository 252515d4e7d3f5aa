"""What materials and swelling tables refuse, and what they say about it."""

import pydantic
import pytest

import twin
from microstructures.errors import InvalidInputError
from twin import _library
from twin.materials import Material
from twin.swelling import SwellingTable


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"youngs_modulus": 0.0, "poisson_ratio": 0.3}, r"youngs_modulus.*0\.0.*number > 0"),
        ({"youngs_modulus": -1e9, "poisson_ratio": 0.3}, "youngs_modulus"),
        ({"youngs_modulus": 1e9, "poisson_ratio": 0.5}, r"inside -1…0\.5"),
        ({"youngs_modulus": 1e9, "poisson_ratio": -1.0}, r"inside -1…0\.5"),
        ({"youngs_modulus": 1e9}, "no poisson_ratio.*give all or none"),
        ({"poisson_ratio": 0.3}, "no youngs_modulus"),
        ({"cubic_c11": 1e9, "cubic_c44": 1e9}, "no cubic_c12"),
        ({"cubic_c11": 1e9, "cubic_c12": 1e9, "cubic_c44": 1e9}, "stable for cubic_c12"),
        ({"cubic_c11": 1e9, "cubic_c12": -5e8, "cubic_c44": 1e9}, "stable for cubic_c12"),
        ({"creep_rate": 1e-5, "creep_exponent": 5.0}, "no creep_stress"),
        ({"creep_rate": 1e-5, "creep_stress": 1e6, "creep_exponent": 0.9}, "number ≥ 1"),
        ({"weibull_modulus": 7.0}, "no tensile_strength"),
        ({"hardening_modulus": 1e8}, "no yield_stress"),
        ({"yield_stress": 1e8, "hardening_modulus": -1.0}, "hardening_modulus.*≥ 0"),
        ({"partial_molar_volume": float("nan")}, "finite number of either sign"),
        ({"maximum_concentration": 0.0}, "> 0"),
        ({"fracture_toughness": twin.Value(0.3, "MPa m^0.5", "a paper")}, "convert it to Pa m"),
        ({"swelling": 0.05}, r"swelling of mine is 0\.05.*SwellingTable"),
    ],
)
def test_impossible_mechanical_numbers_are_refused(numbers, message):
    with pytest.raises(InvalidInputError, match=message):
        Material("mine", **numbers)


def test_a_load_is_borne_only_by_materials_with_elastic_constants():
    assert not twin.material("LP30").bears_load
    assert Material("mine", youngs_modulus=1e9, poisson_ratio=0.0).bears_load
    assert Material("mine", cubic_c11=3e9, cubic_c12=1e9, cubic_c44=1e9).bears_load


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (([0.0, 0.5, 0.5], [0.0, 0.01, 0.02]), "ascend within 0…1"),
        (([1.0, 0.0], [0.0, 0.01]), "ascend within 0…1"),
        (([0.0, 1.2], [0.0, 0.01]), "ascend within 0…1"),
        (([0.0], [0.0]), "at least two"),
        (([0.0, 1.0], [0.0, float("nan")]), "along is.*finite"),
        (([0.0, 1.0], "0.01"), "along is '0.01'"),
        (([0.0, 1.0], [0.0, 0.01, 0.02]), "3 strains for 2"),
        (([0.0, 1.0], [0.0, 0.01], [0.0]), "across is"),
        (([0.0, 1.0], [0.0, 5.1]), r"strain of 5\.1.*0\.017 for 1\.7 %"),
    ],
)
def test_columns_that_are_no_table_are_refused(columns, message):
    with pytest.raises(InvalidInputError, match=message):
        SwellingTable(*columns)


def test_impossible_volumes_lengths_and_molar_volumes_are_refused():
    with pytest.raises(InvalidInputError, match=r"volume_change falls to -1\.5"):
        SwellingTable.from_volume_change([0.0, 1.0], [0.0, -1.5])
    with pytest.raises(InvalidInputError, match="a falls to 0"):
        SwellingTable.from_lattice([0.0, 1.0], [0.0, 2.8])
    with pytest.raises(InvalidInputError, match=r"maximum_concentration.*-3"):
        SwellingTable.from_partial_molar_volume(1e-6, -3.0)


@pytest.mark.parametrize(
    ("x", "reference", "message"),
    [
        (0.2, 1.0, r"x = 0\.2 is outside 0\.254…1.*NMC811"),
        ([0.5, float("nan")], 1.0, "x = nan"),
        (0.5, 1.1, r"reference = 1\.1 is outside"),
    ],
)
def test_contents_where_nothing_was_measured_are_refused(x, reference, message):
    with pytest.raises(InvalidInputError, match=message):
        twin.material("NMC811").swelling.strain(x, reference)


def test_an_axis_without_direction_is_refused():
    table = twin.material("NMC811").swelling
    for axis in ((0, 0, 0), (1, 0)):
        with pytest.raises(InvalidInputError, match="three"):
            table.eigenstrain(0.5, 1.0, axis)


@pytest.mark.parametrize("way", ["strain", "axial_strains", "eigenstrain"])
def test_silicon_is_refused_unless_asked_for(way):
    silicon = twin.material("silicon").swelling
    with pytest.raises(InvalidInputError, match=r"silicon.*57\.\d %.*allow_large_strain=True"):
        getattr(silicon, way)(0.05, 0.0)
    getattr(silicon, way)(1.0, 0.0, allow_large_strain=True)


@pytest.mark.parametrize(
    "columns", [{}, {"volume_change": [0.0, 0.1], "lattice_a": [1.0, 1.1]}, {"lattice_c": [1, 2]}]
)
def test_a_file_gives_one_kind_of_swelling(columns):
    swelling = {"stoichiometry": [0.0, 1.0], "source": "a paper", "doi": "", "verified": False}
    swelling |= {"conditions": "", "note": "", **columns}
    about = {"name": "x", "role": "active", "description": "x", "swelling": swelling}
    with pytest.raises(pydantic.ValidationError, match="give volume_change, or lattice_a"):
        _library.parsed(about)
