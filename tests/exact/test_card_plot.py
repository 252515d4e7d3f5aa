"""The figure of a property card: bars as high as the numbers, and words where there is none."""

import numpy as np
import pytest

import microstructures
import twin
from microstructures import Volume
from microstructures.errors import InvalidInputError


@pytest.fixture(scope="module")
def card():
    volume = microstructures.generate.sample_cathode(seed=0, shape=(24, 24, 24))
    return twin.characterize(volume, axes=[0], tolerance=1e-2)


@pytest.fixture(scope="module")
def blocked():
    labels = np.zeros((8, 8, 8), np.uint8)
    labels[4] = 1  # across the way through
    return twin.characterize(Volume(labels, 1e-6, {0: "pore", 1: "NMC"}), axes=[0])


def panels(figure):
    return {axes.get_title(): axes for axes in figure.axes if axes.get_visible()}


def heights(axes, number=0):
    return [patch.get_height() for patch in axes.containers[2 * number + 1]]


def test_bars_are_as_high_as_the_numbers(card):
    axes = panels(card.plot())["Volume fraction"]
    fractions = [100 * fraction for fraction in card.volume.fractions().values()]
    assert heights(axes) == pytest.approx(fractions)
    assert [tick.get_text() for tick in axes.get_xticklabels()] == list(card.volume.phases.values())
    assert axes.get_ylabel() == "%"


def test_error_bars_are_standard_errors(card):
    axes = panels(card.plot(quantities="interface_area"))["Interfaces: between two phases"]
    entries = [entry for entry in card.entries if entry.name == "interface_area"]
    (bars,) = (c for c in axes.containers if hasattr(c, "has_yerr"))
    (lines,) = bars.lines[2]
    spans = [np.ptp(segment[:, 1]) / 2 for segment in lines.get_segments()]
    assert spans == pytest.approx([1e-6 * float(entry.uncertainty) for entry in entries])
    assert heights(axes) == pytest.approx([1e-6 * entry.value for entry in entries])


def test_cards_stand_beside_each_other(card, blocked):
    axes = panels(card.plot({"slab": blocked}, quantities=["volume_fraction"], name="cathode"))
    (panel,) = axes.values()
    assert heights(panel, 1)[:2] == pytest.approx([100 * 7 / 8, 100 / 8])
    left, right = (panel.containers[2 * n + 1][0] for n in (0, 1))
    assert left.get_x() + left.get_width() == pytest.approx(right.get_x())
    assert "not known" in [text.get_text() for text in panel.texts]  # the slab has no CBD


def test_what_does_not_exist_is_said(blocked):
    (panel,) = panels(blocked.plot(quantities=["tortuosity_factor"])).values()
    assert "does not percolate" in [text.get_text() for text in panel.texts]
    assert heights(panel)[0] == 0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"quantities": ["tau"]}, "'tau'"),
        ({"quantities": []}, "empty"),
        ({"name": "same", "beside": True}, "called 'same'"),
    ],
)
def test_mistakes_are_told(card, given, words):
    if "beside" in given:
        given = given | {"beside": {"same": card}}
    with pytest.raises(InvalidInputError, match=words):
        card.plot(**given)


def test_it_is_written_to_a_file(card, tmp_path):
    card.plot().savefig(tmp_path / "card.png")
    assert (tmp_path / "card.png").read_bytes()[:4] == b"\x89PNG"
