"""What characterize and a card refuse, and what they say about it."""

import numpy as np
import pytest

import twin
from microstructures import Volume
from microstructures.errors import InvalidInputError, InvalidVolumeError, UnknownPhaseError

PHASES = {0: "pore", 1: "NMC", 2: "CBD"}
NAMED = {"pore": "LP30", "NMC": "NMC532", "CBD": "CBD"}


def electrode():
    return Volume(np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5) % 3, 1e-7, PHASES)


@pytest.fixture(scope="module")
def card():
    return twin.characterize(electrode(), axes=[0])


@pytest.mark.parametrize(
    ("materials", "error", "message"),
    [
        (
            NAMED | {"CBD": "CDB"},
            InvalidInputError,
            r"'CDB'.*LP30.*did you mean 'CBD'\? Use it, or",
        ),
        (NAMED | {"CBD": "unobtainium"}, InvalidInputError, "not in the library"),
        ({"pore": "LP30"}, InvalidInputError, r"\['NMC', 'CBD'\].*every phase"),
        ({}, InvalidInputError, "every phase"),
        (NAMED | {"poer": "LP30"}, UnknownPhaseError, "did you mean 'pore'"),
        (NAMED | {0: "LP30"}, InvalidInputError, "'pore' is given two"),
        (NAMED | {"CBD": 0.3}, InvalidInputError, "twin.Material"),
        (["LP30", "NMC532", "CBD"], InvalidInputError, "no mapping"),
        (dict.fromkeys(PHASES, "CBD"), InvalidInputError, "no phase is an electrolyte"),
    ],
)
def test_unusable_materials_are_refused_before_any_work(materials, error, message):
    with pytest.raises(error, match=message):
        twin.characterize(electrode(), materials)


@pytest.mark.parametrize("axes", [(), (3,), 0, ("z",), (0.5,), None])
def test_axes_that_are_none_are_refused(axes):
    with pytest.raises(InvalidInputError, match="ax"):
        twin.characterize(electrode(), axes=axes)


@pytest.mark.parametrize("tolerance", [0, -1, 2, float("nan"), "tight", None])
def test_a_tolerance_that_is_none_is_refused(tolerance):
    with pytest.raises(InvalidInputError, match="tolerance"):
        twin.characterize(electrode(), tolerance=tolerance)


def test_an_array_is_no_volume():
    with pytest.raises(InvalidInputError, match=r"ndarray.*Volume\(labels"):
        twin.characterize(np.zeros((4, 4, 4), np.uint8))


def test_a_volume_that_is_all_outside_is_refused():
    empty = Volume(np.zeros((4, 4, 4), np.uint8), 1e-6, {1: "pore"}, outside=0)
    with pytest.raises(InvalidVolumeError, match="outside"):
        twin.characterize(empty)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("tortuosity",), "did you mean '.*tortuosity_factor'\\? It has volume_fraction"),
        (("xyz",), r"no 'xyz'\. It has volume_fraction"),
        (("volume_fraction",), "occurs 3 times"),
        (("volume_fraction", "sponge"), "'pore', axis None"),
        (("tortuosity_factor", "pore", 1), "not on this card"),
        (("interface_area", 7), "phase 7 is not in this volume"),
        (("tortuosity_factor", "pore", 9), "axis 9"),
    ],
)
def test_an_entry_that_is_not_there_is_answered_with_those_that_are(card, asked, message):
    with pytest.raises(InvalidInputError, match=message):
        card.entry(*asked)


@pytest.mark.parametrize("method", ["to_json", "to_csv"])
def test_a_place_that_cannot_be_written_is_refused_and_nothing_left(card, tmp_path, method):
    (tmp_path / "file").write_text("mine")
    for place in (tmp_path, tmp_path / "file" / "card"):
        with pytest.raises(InvalidInputError, match=r"folder|cannot be written"):
            getattr(card, method)(place)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_an_interrupted_write_leaves_the_old_file_and_no_part(card, tmp_path, monkeypatch):
    from pathlib import Path

    place = card.to_json(tmp_path / "card.json")
    before = place.read_bytes()

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        card.to_json(place)
    assert place.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["card.json"]
