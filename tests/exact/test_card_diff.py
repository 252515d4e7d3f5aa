"""The difference of two cards: what changed, by how much, and how surely."""

import math

import numpy as np
import pytest

import twin
from microstructures import Volume
from microstructures.errors import InvalidInputError

PHASES = {0: "pore", 1: "NMC"}


def card(solid, axes=(0,)):
    """Columns along axis 0, ``solid`` of 16 voxels wide."""
    labels = np.zeros((8, 16, 8), np.uint8)
    labels[:, :solid] = 1
    return twin.characterize(Volume(labels, 1e-7, PHASES), axes=list(axes))


@pytest.fixture(scope="module")
def cards():
    return card(8), card(4, axes=(0, 1))


def row(table, name, phase, axis):
    found = table[(table["name"] == name) & (table["phase"] == phase)]
    found = found[found["axis"].isna()] if axis is None else found[found["axis"] == axis]
    assert len(found) == 1
    return found.iloc[0]


def test_changes_are_those_of_the_entries(cards):
    before, after = cards
    found = row(before.diff(after), "volume_fraction", "NMC", None)
    assert (found["before"], found["after"]) == (0.5, 0.25)
    assert found["change"] == -0.25
    assert found["relative"] == -0.5
    errors = [c.entry("volume_fraction", "NMC").uncertainty for c in cards]
    assert found["uncertainty"] == pytest.approx(math.hypot(*errors))
    assert found["significance"] == pytest.approx(0.25 / math.hypot(*errors))


def test_what_only_one_card_has_is_there_without_a_change(cards):
    before, after = cards
    table = before.diff(after)
    alone = row(table, "macmullin_number", "pore", 1)
    assert math.isnan(alone["before"])
    assert alone["after"] == pytest.approx(after.entry("macmullin_number", "pore", 1).value)
    assert math.isnan(alone["change"])
    keys = {(e.name, e.phase, e.axis) for c in cards for e in c.entries}
    assert len(table) == len(keys)


def test_a_card_does_not_differ_from_itself(cards):
    table = cards[0].diff(cards[0])
    assert (table["change"] == 0.0).all()  # what is blocked is infinite in both


def test_only_cards_are_compared(cards):
    with pytest.raises(InvalidInputError, match="no property card"):
        cards[0].diff({"porosity": 0.4})
