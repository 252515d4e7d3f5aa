"""An electrode in a cell: what it weighs, what it delivers, and what the page says of it."""

import dataclasses
import math

import numpy as np
import pytest

import microstructures
import twin
from microstructures import Volume
from microstructures.errors import InvalidInputError
from twin.performance import Cell, CellLayers, Discharge, InCell, Layer, assess
from twin.performance.cell import area
from twin.report.html import page

pytest.importorskip("pybamm", reason="extra cell")

MADE_OF = {"pore": "LP30", "NMC": "NMC532", "CBD": "CBD"}
SPACING = 398e-9
QUICK = {"model": "SPMe", "rates": (0.5, 2.0), "thickness": 60e-6, "particle_radius": 4e-6}


@pytest.fixture(scope="module")
def card():
    volume = microstructures.generate.sample_cathode(seed=0, shape=(32, 32, 32))
    return twin.characterize(volume, MADE_OF, axes=[0], tolerance=1e-3)


@pytest.fixture(scope="module")
def performance(card):
    return assess(card, InCell(**QUICK))


def run(rate=1.0, current=10.0, hours=1.0, volts=4.0, status="ok"):
    """A discharge at constant voltage."""
    time = np.array([0.0, 3600.0 * hours])
    flat = np.full(2, volts)
    return Discharge(rate, current, time, flat, flat, {"ionic": 0 * flat}, 0.0, status)


def heavy(name, density):
    return twin.Material(name, density=density)


class TestLayers:
    def test_the_mass_of_each_layer_is_that_of_its_parts(self):
        values = Cell("Chen2020").parameter_values()
        values.update(
            {
                "Positive electrode thickness [m]": 100e-6,
                "Positive electrode porosity": 0.3,
                "Positive electrode active material volume fraction": 0.6,
                "Positive current collector thickness [m]": 20e-6,
                "Separator thickness [m]": 10e-6,
                "Separator porosity": 0.4,
            }
        )
        layers = CellLayers.of(
            Cell(values),
            heavy("oxide", 5000.0),
            "graphite",
            electrolyte=heavy("liquid", 1000.0),
            binder=heavy("binder", 2000.0),
            foils={"positive": heavy("foil", 3000.0), "negative": "Cu"},
            separator_density=900.0,
        ).layers
        assert layers["positive electrode"].mass == pytest.approx(
            100e-6 * (0.6 * 5000 + 0.1 * 2000 + 0.3 * 1000), rel=1e-12
        )
        assert layers["separator"].mass == pytest.approx(10e-6 * (540 + 400), rel=1e-12)
        assert layers["positive foil"].thickness == pytest.approx(10e-6, rel=1e-12)
        assert layers["positive foil"].mass == pytest.approx(10e-6 * 3000, rel=1e-12)

    def test_a_foil_coated_on_one_side_counts_whole(self):
        one, two = (
            CellLayers.of(Cell("Chen2020"), "NMC811", "graphite", coated_sides=n).layers
            for n in (1, 2)
        )
        assert one["negative foil"].mass == pytest.approx(2 * two["negative foil"].mass)
        assert one["negative electrode"] == two["negative electrode"]

    def test_each_side_weighs_its_own_material(self):
        one = CellLayers.of(Cell("Chen2020"), heavy("a", 4000.0), heavy("b", 1.0)).layers
        two = CellLayers.of(Cell("Chen2020"), heavy("b", 1.0), heavy("a", 4000.0)).layers
        assert one["positive electrode"].mass > 5 * two["positive electrode"].mass

    def test_energy_and_power_per_mass_and_volume(self):
        layers = CellLayers({"all": Layer(200e-6, 0.5)})
        (row,) = layers.to_frame([run()]).to_dict("records")
        assert row["energy_Wh_kg"] == pytest.approx(40.0 / 0.5)
        assert row["power_W_kg"] == pytest.approx(80.0)  # in one hour
        assert row["energy_Wh_L"] == pytest.approx(40.0 / 0.2)  # 200 µm of a m² are 0.2 L
        (fast,) = layers.to_frame([run(2.0, 20.0, 0.25)]).to_dict("records")  # ended early
        assert fast["energy_Wh_kg"] == pytest.approx(40.0)
        assert fast["power_W_L"] == pytest.approx(400.0)

    def test_overheads_add_to_what_the_layers_have(self):
        layers = CellLayers({"a": Layer(1e-4, 0.3), "b": Layer(1e-4, 0.2)}, 0.25, 0.1)
        assert layers.mass == pytest.approx(0.625)
        assert layers.thickness == pytest.approx(2.2e-4)

    def test_a_failed_discharge_has_no_energy(self):
        layers = CellLayers({"all": Layer(1e-4, 0.5)})
        frame = layers.to_frame([run(status="ended early"), run()])
        assert math.isnan(frame["energy_Wh_kg"][0])
        assert frame["status"].tolist() == ["ended early", "ok"]

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"coated_sides": 3}, "coated_sides"),
            ({"separator_density": 0.0}, "separator_density"),
            ({"electrolyte": twin.Material("nothing")}, "density"),
            ({"overhead_mass": -0.1}, "overhead_mass"),
        ],
    )
    def test_what_cannot_be_is_refused(self, given, words):
        with pytest.raises(InvalidInputError, match=words):
            CellLayers.of(Cell("Chen2020"), "NMC811", "graphite", **given)

    def test_a_half_cell_is_refused(self):
        with pytest.raises(InvalidInputError, match="half cell"):
            CellLayers.of(Cell("Xu2019", kind="half"), "NMC532", "graphite")


class TestInCell:
    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"side": "left"}, "side"),
            ({"model": "P2D"}, "model"),
            ({"rates": 1.0}, "rates"),
            ({"rates": ()}, "rates"),
            ({"rates": (1.0, 0.0)}, "rate"),
            ({"thickness": -1e-6}, "thickness"),
            ({"thickness": 70.0}, "in metres"),
            ({"particle_radius": 4.0}, "in metres"),
            ({"temperature": 25.0}, "in kelvin"),
            ({"radius_deviation": 5.0}, "radius_deviation"),
        ],
    )
    def test_what_cannot_be_is_refused(self, given, words):
        with pytest.raises(InvalidInputError, match=words):
            InCell(**given)

    def test_it_prints_as_what_makes_it(self):
        asked = InCell(side="negative", rates=[2, 1], thickness=5e-5)
        assert eval(repr(asked)) == asked
        assert asked.rates == (1.0, 2.0)


class TestPerformance:
    def test_it_is_that_of_a_cell_with_the_structure_of_the_card(self, performance):
        from twin.performance import discharge

        cell = Cell("Chen2020", positive=performance.structure)
        (alone,) = discharge(cell, [2.0], model="SPMe")
        assert performance.discharges[1].capacity == pytest.approx(alone.capacity, rel=1e-9)
        assert performance.structure.thickness == 60e-6

    def test_losses_of_what_limits_add_up_to_the_distance_from_rest(self, performance):
        found = performance.limits
        run = found.discharge
        lost = np.trapezoid(run.rest_voltage - run.voltage, run.time) / run.time[-1]
        assert sum(found.losses.values()) == pytest.approx(lost, rel=0.01)

    def test_the_negative_side_is_the_negative_electrode(self, card):
        found = assess(
            card, InCell(**QUICK | {"side": "negative", "rates": (0.5,), "model": "SPM"})
        )
        layers = found.layers.layers
        assert layers["negative electrode"].thickness == pytest.approx(60e-6)
        assert layers["positive electrode"].thickness != pytest.approx(60e-6)
        # the card's NMC in the negative electrode weighs more than graphite would
        solid = layers["negative electrode"].mass / 60e-6
        given = found.structure
        binder = 1 - given.porosity - given.active_fraction
        rest = 1810 * binder + 1300 * given.porosity
        assert solid == pytest.approx(4750 * given.active_fraction + rest, rel=1e-6)

    def test_the_frame_has_a_row_for_each_rate(self, performance):
        frame = performance.to_frame()
        assert frame["rate_per_h"].tolist() == [0.5, 2.0]
        np.testing.assert_allclose(
            frame["energy_Wh_kg"] * performance.layers.mass, frame["energy_Wh_m2"], rtol=1e-12
        )

    def test_a_material_without_density_leaves_energy_per_mass_out(self, card):
        light = dataclasses.replace(card.materials["NMC"], density=None)
        changed = dataclasses.replace(card, materials=card.materials | {"NMC": light})
        found = assess(changed, InCell(**QUICK | {"rates": (0.5,), "model": "SPM"}))
        assert found.layers is None
        assert "density" in found.unweighed
        assert "energy_Wh_kg" not in found.to_frame()

    def test_the_paragraph_names_what_limits(self, performance):
        text = str(performance)
        assert "At 0.5/h the electrode gives" in text
        assert str(performance.limits) in text

    @pytest.mark.slow
    def test_it_is_asked_for_limits_where_capacity_fades(self, card):
        thick = assess(card, InCell(**QUICK | {"thickness": 200e-6, "rates": (0.2, 3.0, 4.0)}))
        first = thick.discharges[0].capacity
        faded = [d.rate for d in thick.discharges if d.status == "ok" and d.capacity < 0.8 * first]
        assert faded
        assert thick.limits.discharge.rate == faded[0]

    @pytest.mark.slow
    def test_failed_rates_are_told(self, card):
        found = assess(card, InCell(**QUICK | {"rates": (0.5, 2000.0)}))
        assert "At 2000/h there is no discharge" in str(found)
        assert "% of it" not in str(found)

    def test_a_limit_rate_that_cannot_be_is_told(self, card):
        asked = InCell(**QUICK | {"rates": (0.5,), "limit_rate": 2000.0})
        found = assess(card, asked)
        assert found.limits is None
        assert "What limits it is not known" in str(found)

    @pytest.mark.parametrize(
        ("materials", "more", "words"),
        [
            ({"NMC": "graphite"}, {}, "look at side and parameters"),
            ({}, {"side": "negative"}, "look at side and parameters"),
            ({"pore": "LPSCl"}, {}, "lithium alone moves"),
            ({"CBD": "silicon"}, {"active": "NMC"}, "CBD stores lithium too"),
        ],
    )
    def test_a_cell_of_other_materials_is_doubted(self, card, materials, more, words):
        changed = {phase: twin.material(name) for phase, name in materials.items()}
        other = dataclasses.replace(card, materials=dict(card.materials) | changed)
        asked = InCell(**QUICK | {"model": "SPM", "rates": (0.5,)} | more)
        assert any(words in doubt for doubt in assess(other, asked).doubts)

    def test_the_right_cell_is_not_doubted(self, performance):
        assert performance.doubts == ()


class TestOnTheCard:
    def test_the_card_has_it_and_the_page_shows_it(self, card):
        asked = InCell(**QUICK | {"model": "SPM"})
        made = twin.characterize(card.volume, MADE_OF, axes=[0], tolerance=1e-3, cell=asked)
        found = made.performance
        assert found.discharges[0].status == "ok"
        assert made.to_dict()["performance"]["limits"]["limiting"] == found.limits.limiting
        html = page(made, picture=False)
        assert 'id="performance"' in html
        assert found.limits.limiting in html
        fast = found.discharges[1]
        cells = (2.0, 0.1 * fast.current, 0.1 * fast.capacity, fast.energy)
        assert "".join(f'<td class="num">{cell:.3g}</td>' for cell in cells) in html
        assert "from twin.performance import InCell" in html
        assert "cell=InCell(thickness=6e-05" in html

    def test_cards_differ_in_what_their_discharges_gave(self, card, performance):
        with_cell = dataclasses.replace(card, performance=performance)
        rows = card.diff(with_cell).set_index(["name", "phase"])
        capacity = rows.loc["discharge_capacity", "2/h"]
        assert math.isnan(capacity["before"])
        assert capacity["after"] == performance.discharges[1].capacity
        same = with_cell.diff(with_cell).set_index(["name", "phase"])
        assert same.loc["discharge_loss", "0.5/h"]["change"] == 0.0
        lost = sum(performance.discharges[0].shares().values())
        assert same.loc["discharge_loss", "0.5/h"]["after"] == pytest.approx(lost)

    def test_a_card_without_a_cell_has_no_chapter(self, card):
        assert card.performance is None
        assert 'id="performance"' not in page(card, picture=False)

    def test_what_does_not_percolate_is_a_warning(self):
        labels = np.ones((12, 12, 12), np.uint8)
        labels[:4], labels[8:] = 0, 0  # a slab of NMC across the way of the ions
        volume = Volume(labels, SPACING, {0: "pore", 1: "NMC"})
        made = twin.characterize(
            volume, {"pore": "LP30", "NMC": "NMC532"}, axes=[0], cell=InCell(**QUICK)
        )
        assert made.performance is None
        assert any("placed in no cell" in warning for warning in made.warnings)
        assert "see the warnings" in page(made, picture=False)

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"materials": None}, "materials"),
            ({"axes": [1]}, "through-plane"),
            ({"cell": InCell(parameters="Chen2021")}, "Chen2021"),
        ],
    )
    def test_a_cell_that_cannot_be_run_is_refused_before_any_solve(self, card, given, words):
        asked = {"materials": MADE_OF, "axes": [0], "cell": InCell()} | given
        with pytest.raises(InvalidInputError, match=words):
            twin.characterize(card.volume, **asked)


def test_currents_are_per_area_of_all_electrodes(performance):
    values = performance.asked.cell(performance.structure).parameter_values()
    nominal = values["Nominal cell capacity [A.h]"] / area(values)
    assert performance.discharges[1].current == pytest.approx(2.0 * nominal)
