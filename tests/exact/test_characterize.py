"""The card of laminates, where every number is known, and of volumes with something wrong."""

import csv
import json
import math

import numpy as np
import pytest

import solvers
import twin
from microstructures import Volume
from microstructures.errors import ConvergenceError
from solvers import progress
from twin import Material, Value, _naming

SOLVE = 1e-5  # default tolerance of a solve
PHASES = {0: "pore", 1: "NMC", 2: "CBD"}
NAMED = {"pore": "LP30", "NMC": "NMC532", "CBD": "CBD"}
SIGMA, SHARE, HELD = 1.2, 0.3, 0.5
MADE = {
    "pore": Material("salt water", "electrolyte", ionic_conductivity=SIGMA),
    "NMC": Material("oxide", "active", electronic_conductivity=2.0),
    "CBD": Material(
        "glue",
        "binder",
        relative_ionic_conductivity=SHARE,
        nanoporosity=HELD,
        electronic_conductivity=100.0,
    ),
}


def laminate(phases=None, thickness=(8, 10, 2), **about):
    """Layers stacked along y, so that z and x are parallel to them."""
    phases = phases or PHASES
    layers = np.repeat(list(phases), thickness[: len(phases)]).astype(np.uint8)
    labels = np.broadcast_to(layers[None, :, None], (12, len(layers), 14))
    return Volume(labels, 100e-9, phases, **about)


@pytest.fixture(scope="module")
def card():
    return twin.characterize(laminate(), MADE)


@pytest.fixture(scope="module")
def relative():
    return twin.characterize(laminate())


def test_fractions_are_counts(card):
    assert [card.entry("volume_fraction", p).value for p in PHASES.values()] == [0.4, 0.5, 0.1]


@pytest.mark.parametrize("axis", [0, 2])
def test_ions_flow_through_parallel_layers_as_their_mean(card, axis):
    entry = card.entry("effective_ionic_conductivity", "pore + CBD", axis)
    assert entry.value == pytest.approx(SIGMA * (0.4 + 0.1 * SHARE), rel=SOLVE)
    assert entry.unit == "S/m"
    assert entry.status == "ok"


@pytest.mark.parametrize("axis", [0, 2])
def test_porosity_in_the_ionic_tortuosity_factor_counts_nanopores(card, axis):
    tau = card.entry("ionic_tortuosity_factor", axis=axis).value
    porosity = 0.4 + 0.1 * HELD
    relative = 0.4 + 0.1 * SHARE
    assert tau == pytest.approx(porosity / relative, rel=SOLVE)
    macmullin = card.entry("ionic_macmullin_number", axis=axis).value
    assert macmullin == pytest.approx(tau / porosity, rel=SOLVE)


@pytest.mark.parametrize("axis", [0, 2])
def test_electrons_flow_through_parallel_layers_as_their_mean(card, axis):
    entry = card.entry("effective_electronic_conductivity", "NMC + CBD", axis)
    assert entry.value == pytest.approx(0.5 * 2.0 + 0.1 * 100.0, rel=SOLVE)
    assert card.entry("electronic_tortuosity_factor", axis=axis).value == pytest.approx(
        1, rel=SOLVE
    )


def test_straight_pores_have_tortuosity_factor_one(card):
    assert card.entry("tortuosity_factor", "pore").value == pytest.approx(1, rel=SOLVE)
    assert card.entry("percolating_tortuosity_factor", 0).value == pytest.approx(1, rel=SOLVE)
    assert card.entry("macmullin_number", "pore").value == pytest.approx(1 / 0.4, rel=SOLVE)


def test_across_the_layers_nothing_flows_and_no_number_stands_for_it(card):
    assert card.entry("effective_ionic_conductivity", axis=1).value == 0.0
    blocked = card.entry("tortuosity_factor", "pore", 1)
    assert blocked.value == math.inf
    assert blocked.status == "does not percolate"
    assert card.entry("percolating_fraction", "NMC", 1).status == "does not percolate"


def test_dead_ends_count_in_the_porosity_but_not_in_the_percolating_one():
    labels = np.ones((10, 10, 10), np.uint8)
    labels[:, :4] = 0
    labels[3:6, 6:8, 4:7] = 0  # enclosed
    card = twin.characterize(Volume(labels, 1e-6, {0: "pore", 1: "ceramic"}), axes=[0])
    enclosed = 18 / 1000
    whole = card.entry("tortuosity_factor", "pore").value
    assert whole == pytest.approx((0.4 + enclosed) / 0.4, rel=SOLVE)
    assert card.entry("percolating_tortuosity_factor", "pore").value == pytest.approx(1, rel=SOLVE)
    assert card.entry("isolated_fraction", "pore").value == pytest.approx(enclosed / 0.418)
    assert any("enclosed on all sides" in text for text in card.warnings)


def test_enclosed_nanopores_leave_the_percolating_ionic_porosity():
    labels = np.ones((10, 10, 10), np.uint8)
    labels[:, :4] = 0
    labels[:, 4] = 2
    labels[3:6, 7:9, 4:7] = 2  # 18 voxels of CBD inside an NMC particle
    card = twin.characterize(Volume(labels, 1e-6, PHASES), MADE, axes=[0])
    through = 0.4 + 0.1 * SHARE
    whole = card.entry("ionic_tortuosity_factor").value
    part = card.entry("percolating_ionic_tortuosity_factor").value
    assert whole == pytest.approx((0.4 + 0.118 * HELD) / through, rel=SOLVE)
    assert part == pytest.approx((0.4 + 0.1 * HELD) / through, rel=SOLVE)


def test_interfaces_and_their_lines_are_on_the_card(card):
    flat = 1 / (20 * 100e-9)  # one plane in the volume
    for pair in ("pore–NMC", "NMC - pore", "NMC–CBD"):
        low, edge = 0.85, 1.08  # Crofton is 7 % low on a plane along the grid; 1/19 pairs seen
        assert low * flat < card.entry("interface_area", pair).value < edge * flat
    assert card.entry("interface_area", "pore–CBD").value == 0
    assert card.entry("tpb_density_total", "CBD-pore-NMC").value == 0
    parts = [card.entry(f"tpb_density_{k}").value for k in ("active", "isolated", "unknown")]
    assert sum(parts) == 0


def test_without_materials_transport_is_relative_and_the_card_says_so(relative):
    assert relative.materials is None
    assert not [entry for entry in relative.entries if entry.unit == "S/m"]
    assert any("No materials were given" in text for text in relative.warnings)
    taus = [(e.phase, e.axis) for e in relative.entries if e.name == "tortuosity_factor"]
    assert taus == [("pore", 0), ("pore", 1), ("pore", 2), ("NMC", 0), ("CBD", 0)]


def test_phases_without_telling_names_are_all_solved_in_all_directions():
    card = twin.characterize(laminate({0: "phase 0", 1: "phase 1"}))
    taus = [(e.phase, e.axis) for e in card.entries if e.name == "tortuosity_factor"]
    assert len(taus) == len(set(taus)) == 2 * 3


def test_each_distinct_solve_is_done_once(monkeypatch):
    solved, solve = [], solvers.Conduction.along

    def counting(problem, axis, **options):
        solved.append((tuple(problem.values.items()), axis))
        return solve(problem, axis, **options)

    monkeypatch.setattr(solvers.Conduction, "along", counting)
    inert = Material("rock")
    materials = {"pore": MADE["pore"], "NMC": inert, "CBD": inert}
    card = twin.characterize(laminate(), materials)
    assert len(solved) == len(set(solved)) == 3  # ions flow in the pore alone: one solve for both
    tau, ions = (card.entry(n) for n in ("tortuosity_factor", "ionic_tortuosity_factor"))
    assert tau.value == ions.value


def test_the_card_keeps_potential_and_flux_of_the_pore_through_the_thickness(card):
    potential = card.fields.potential
    assert potential.shape == card.volume.shape
    assert np.array_equal(np.isfinite(potential), card.volume.mask("pore"))
    across = laminate(through_axis=2)
    fields = twin.characterize(across, axes=[2]).fields
    assert fields.potential[0, 0, 0] > fields.potential[0, 0, -1]


@pytest.mark.parametrize("materials", [None, MADE])
def test_a_blocked_pore_leaves_no_fields_of_another_medium(materials):
    labels = np.ones((12, 12, 12), np.uint8)  # NMC
    labels[:8, :6] = 0
    labels[:, 6] = 2
    labels[-1, 6] = 1
    card = twin.characterize(Volume(labels, 100e-9, PHASES), materials)
    assert card.entry("tortuosity_factor", "pore", 0).status == "does not percolate"
    assert [e for e in card.entries if e.axis == 0 and e.status == "ok" and e.report]
    assert card.fields is None


def test_fields_are_never_those_of_a_phase_other_than_the_pore():
    assert twin.characterize(laminate(), axes=[2]).fields is None
    failed = twin.characterize(laminate(), MADE, axes=[1])
    assert failed.fields is None


def test_phases_without_names_are_warned_of_since_nothing_can_be_checked():
    phases = {0: "phase 0", 1: "phase 1"}
    bare = twin.characterize(laminate(phases), axes=[0])
    assert any("phase 0, phase 1" in t and "no check for a missing CBD" in t for t in bare.warnings)
    made = {"phase 0": "LP30", "phase 1": "NMC532"}
    for card in (
        twin.characterize(laminate(phases), made, axes=[0]),
        twin.characterize(laminate()),
    ):
        assert not any("no check" in text for text in card.warnings)


@pytest.mark.parametrize(
    "pore", ["pore1", "Pores", "pore_phase", "pore-space", "porosity", "gas", "macropore", "void"]
)
@pytest.mark.parametrize("active", ["LiCoO2", "LNO", "LMR", "particles", "NMC811", "graphite"])
def test_electrodes_are_known_by_the_names_that_people_use(pore, active):
    volume = laminate({0: pore, 1: active})
    assert _naming.pore_like(volume, None) == pore
    assert _naming.lacks_binder(volume, None)


@pytest.mark.parametrize("name", ["solid", "porcelain", "porous carbon", "gasket", "SiO2"])
def test_other_names_are_not_taken_for_pore_or_active_material(name):
    assert not _naming.named_pore(name)
    assert not _naming.ACTIVE.match(name)


def test_an_electrode_without_carbon_and_binder_is_a_loud_warning():
    two = laminate({0: "pore", 1: "NMC"})
    for materials in (None, {"pore": "LP30", "NMC": "NMC532"}):
        first = twin.characterize(two, materials, axes=[0]).warnings[0]
        assert "CBD" in first
        assert "1.35 to 2.3 times too low" in first


@pytest.mark.parametrize(
    "phases",
    [
        {0: "pore", 1: "NMC", 2: "CBD"},
        {0: "pore", 1: "graphite", 2: "carbon black"},
        {0: "pore", 1: "Ni", 2: "YSZ"},
        {0: "phase 0", 1: "phase 1", 2: "phase 2"},
    ],
)
def test_no_such_warning_where_binder_is_there_or_it_is_no_battery_electrode(phases):
    card = twin.characterize(laminate(phases), axes=[0])
    assert not any("carbon and binder" in text for text in card.warnings)


def test_unverified_numbers_are_named_in_a_warning_and_on_the_card():
    card = twin.characterize(laminate(), NAMED, axes=[0])
    warning = next(text for text in card.warnings if "unverified" in text)
    assert "nanoporosity" in warning
    assert "CBD" in warning
    number = card.to_dict()["materials"]["CBD"]["values"]["nanoporosity"]
    assert number["verified"] is False
    assert number["source"]


def test_thin_layers_and_flat_voxels_are_warned_of():
    phases = {0: "pore", 1: "CBD", 2: "NMC"}
    labels = laminate(phases, (8, 2, 10)).labels
    flat = Volume(labels, (250e-9, 100e-9, 100e-9), phases)
    text = "\n".join(twin.characterize(flat, axes=[0]).warnings)
    assert "CBD is resolved by only" in text
    assert "2.5 times longer" in text


def test_warnings_are_sentences(card, relative):
    for text in card.warnings + relative.warnings:
        assert text[0].isupper() or text.split()[0] in PHASES.values()
        assert text.endswith(".")


def test_a_solve_that_does_not_converge_is_a_row_with_a_status_and_a_warning(monkeypatch):
    def fails(*_, **__):
        raise ConvergenceError("2000 iterations ended at 1e-3")

    monkeypatch.setattr(solvers.Conduction, "along", fails)
    card = twin.characterize(laminate(), MADE, axes=[0])
    entry = card.entry("tortuosity_factor", "pore")
    assert entry.status == "not converged"
    assert math.isnan(entry.value)
    assert any("did not converge" in text for text in card.warnings)
    json.dumps(card.to_dict(), allow_nan=False)


def test_json_holds_everything_and_null_where_there_is_no_number(card, tmp_path):
    path = card.to_json(tmp_path / "new" / "folder" / "card.json")
    read = json.loads(path.read_text("utf-8"))
    assert read["schema"] == "electrode-twin/result/1"
    assert read["volume"]["sha256"] == card.volume.sha256
    assert read["volume"]["spacing_m"] == [100e-9] * 3
    assert len(read["quantities"]) == len(card.entries)
    blocked = [q for q in read["quantities"] if q["status"] == "does not percolate"]
    assert any(q["value"] is None for q in blocked)
    assert read["settings"]["tolerance"] == SOLVE
    assert {"electrode-twin", "numpy", "taichi", "python"} <= set(read["versions"])
    assert [p.name for p in path.parent.iterdir()] == ["card.json"]


def test_csv_has_a_row_per_entry(card, tmp_path):
    path = card.to_csv(tmp_path / "card.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(card.entries)
    row = next(r for r in rows if r["name"] == "volume_fraction")
    assert (row["phase"], float(row["value"]), row["unit"]) == ("pore", 0.4, "1")


def test_frame_has_a_row_per_entry(card):
    frame = card.to_frame()
    assert len(frame) == len(card.entries)
    assert frame[frame["name"] == "volume_fraction"]["value"].sum() == pytest.approx(1)


def test_the_card_introduces_itself(card):
    text, html = repr(card), card._repr_html_()
    assert "effective ionic conductivity" in text
    assert "does not percolate" in text
    assert html.count("<tr>") >= len(card.entries)


def test_one_task_of_progress_covers_the_whole_card():
    seen = []
    with progress.listening(seen.append):
        twin.characterize(laminate(), MADE, axes=[0])
    shares = [p.done for p in seen if p.task == "property card"]
    assert shares == sorted(shares)
    assert (shares[0], shares[-1]) == (0.0, 1.0)
    assert len(shares) > 2
    assert seen[-1].task == "property card"
    solves = [p for p in seen if p.error_estimate is not None]
    assert all(p.task != "property card" and p.tolerance == SOLVE for p in solves)


def test_a_phase_that_no_voxel_has_is_absent_and_costs_nothing():
    card = twin.characterize(laminate(PHASES | {3: "separator"}, (8, 10, 2, 0)), axes=[0])
    assert card.entry("volume_fraction", "separator").status == "absent"
    assert {e.name for e in card.entries if "separator" in str(e.phase)} == {"volume_fraction"}


def test_voxels_outside_belong_to_nothing():
    plain, rimmed = laminate(), laminate().padded(2)
    one, other = (twin.characterize(v, MADE, axes=[0]) for v in (plain, rimmed))
    for name in ("effective_ionic_conductivity", "ionic_tortuosity_factor"):
        assert other.entry(name).value == pytest.approx(one.entry(name).value, rel=2 * SOLVE)
    assert other.entry("volume_fraction", "pore").value == 0.4


def test_a_solid_volume_has_electrons_only():
    card = twin.characterize(Volume(np.ones((6, 6, 6), np.uint8), 1e-6, {1: "NMC"}), NAMED_SOLID)
    assert {e.name for e in card.entries if e.axis == 0} == {
        "percolating_fraction",
        "unknown_fraction",
        "effective_electronic_conductivity",
        "electronic_tortuosity_factor",
    }


NAMED_SOLID = {
    "NMC": Material(
        "oxide", "active", electronic_conductivity=Value(3.0, "S/m", "a paper", verified=True)
    )
}
