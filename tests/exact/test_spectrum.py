"""Impedance spectra of cells: contact, and the transmission line that an electrode is."""

import dataclasses

import numpy as np
import pytest
from scipy.optimize import brentq

from microstructures.errors import InvalidInputError
from twin.performance import Cell, ElectrodeStructure, TransmissionLine, spectrum

RADIUS = 5.22e-6
GIVEN = ElectrodeStructure(68e-6, 0.24, 0.69, 12.0, 2.5, 3 * 0.69 / RADIUS, RADIUS)
FREQUENCY = np.geomspace(0.5, 500, 10)
CONDUCTIVITY = 0.9487  # S/m of the electrolyte of Chen2020 at 1 mol/L, by its formula
DOUBLE_LAYER = 0.2  # F/m², of the set


@pytest.fixture(scope="module")
def plain():
    return spectrum(Cell(positive=GIVEN), FREQUENCY)


def test_contact_resistance_is_added_at_every_frequency(plain):
    found = spectrum(Cell(positive=GIVEN, contact_resistance=2e-3), FREQUENCY)
    assert np.allclose(found.impedance - plain.impedance, 2e-3, rtol=1e-9)


def line(macmullin, charge_transfer):
    return TransmissionLine.of(
        GIVEN.thickness,
        macmullin,
        CONDUCTIVITY,
        GIVEN.electronic_conductivity,
        GIVEN.area,
        charge_transfer=charge_transfer,
        capacitance=DOUBLE_LAYER,
    )


def test_what_a_macmullin_number_does_is_what_it_does_to_a_transmission_line(plain):
    """One number is not known, the charge transfer: the lowest frequency gives it."""
    dense = dataclasses.replace(GIVEN, macmullin=24.0)
    more = spectrum(Cell(positive=dense), FREQUENCY).impedance - plain.impedance

    def of_line(charge_transfer):
        ends = (line(n, charge_transfer).impedance(FREQUENCY) for n in (24.0, 12.0))
        return np.subtract(*ends)

    charge_transfer = brentq(lambda r: of_line(r)[0].real - more[0].real, 1e-4, 1e-1)
    wanted = of_line(charge_transfer)
    assert np.abs(more - wanted).max() < 0.05 * np.abs(wanted).max()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"frequency": []}, "give Hz"),
        ({"frequency": [1.0, -1.0]}, "give Hz"),
        ({"frequency": [1.0], "charge": 50}, "0…1"),
        ({"frequency": [1.0], "model": "P2D"}, "choose one of"),
    ],
)
def test_mistakes_are_told(plain, arguments, words):
    with pytest.raises(InvalidInputError, match=words):
        spectrum(Cell(positive=GIVEN), **arguments)
