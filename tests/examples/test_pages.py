"""Pages of figures are exactly what the recorded figures say."""

import importlib.util

import pytest


@pytest.fixture(scope="module")
def calendering_page(root):
    return benchmark(root, "calendering_page")


def benchmark(root, name):
    """A module of benchmarks/, which is no package."""
    spec = importlib.util.spec_from_file_location(name, root / "benchmarks" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_benchmark_page_is_written_from_its_record(benchmark_pages, root):
    page = (root / "docs/explanation/benchmarks.md").read_text()
    assert page == benchmark_pages.peers(benchmark_pages.record("peers_nrel"))


def test_transport_page_is_written_from_its_record(benchmark_pages, root):
    page = (root / "docs/explanation/transport-benchmarks.md").read_text()
    record = benchmark_pages.record("transport")
    assert page == benchmark(root, "transport_page").page(record, benchmark_pages.table)


def test_validation_page_is_written_from_its_record(benchmark_pages, root):
    names = ("validation", "error_estimate", "cells")
    records = [benchmark_pages.record(name) for name in names]
    page = (root / "docs/explanation/validation.md").read_text()
    assert page == benchmark_pages.validation(*records)


def test_every_published_value_is_met(benchmark_pages):
    for row in benchmark_pages.record("validation"):
        assert abs(row["ours"] / row["published"] - 1) <= row["allowed"], row["quantity"]


def test_main_job_on_the_real_cathode_keeps_its_promise(benchmark_pages):
    ours = benchmark_pages.record("peers_nrel")["jobs"]["ours"]
    assert ours["wall_seconds"] < 180
    assert ours["peak_bytes"] < 4 * 2**30


def test_no_recorded_solve_missed_its_tolerance(benchmark_pages):
    for name in ("error_estimate", "elastic_error_estimate"):
        assert benchmark_pages.record(name)["true error above tolerance"] == 0


def test_mechanics_page_is_written_from_its_record(benchmark_pages, root):
    page = (root / "docs/explanation/mechanics-benchmarks.md").read_text()
    assert page == benchmark_pages.mechanics(benchmark_pages.record("mechanics"))


def test_stress_of_a_porous_volume_keeps_its_promise(benchmark_pages):
    figures = benchmark_pages.record("mechanics")
    for job in figures["cases"] + figures.get("large", []):
        assert max(case["iterations"] for case in job["cases"]) <= 40
        assert job["bytes_per_voxel"] <= {"single": 100, "mixed": 140}[job["precision"]]
    assert figures["cases"][0]["voxels"] == 128
    assert figures["cases"][0]["seconds"] < 600
    for block in figures.get("peers", []) + figures.get("full", []):
        assert all(own["error"] <= own["tolerance"] for own in block["ours"])
        middle = [own["tolerance"] for own in block["ours"]].index(1e-4)
        for peer in block["peers"]:
            assert peer["rows"][middle]["seconds"] >= 5 * block["ours"][middle]["seconds"]


def test_calendering_page_is_written_from_its_record(benchmark_pages, calendering_page, root):
    page = (root / "docs/explanation/calendering-validation.md").read_text()
    figures = benchmark_pages.record("calendering")
    assert page == calendering_page.page(figures, benchmark_pages.table)


def test_rows_of_calendering_are_what_the_recorded_series_say(benchmark_pages, root):
    figures = benchmark_pages.record("calendering")
    assert benchmark(root, "calendering_rows").compared(figures) == figures["rows"]


def test_no_calendered_cathode_changes_the_wrong_way(benchmark_pages):
    rows = benchmark_pages.record("calendering")["rows"]
    assert [row["quantity"] for row in rows if row["sign_right"] is False] == []


def test_what_calibrates_is_no_validation_and_misses_are_explained(benchmark_pages):
    rows = benchmark_pages.record("calendering")["rows"]
    sets = {
        role: {(row["series"], row["quantity"]) for row in rows if row["role"] == role}
        for role in ("calibration", "validation")
    }
    assert all(sets.values())
    assert not sets["calibration"] & sets["validation"]
    for row in rows:
        assert not row["verified"] or row["words"], row["quantity"]
        if row["role"] == "validation" and row["inside"] is False:
            assert row["explanation"], row["quantity"]


def test_pressing_128_cubed_keeps_its_promise(benchmark_pages):
    speed = benchmark_pages.record("calendering")["speed"]
    assert speed["voxels"] == 128
    assert speed["particles"] >= 100
    assert (speed["before"], speed["after"]) == pytest.approx((0.5, 0.25), abs=0.003)
    assert speed["seconds"] < 300
    assert speed["largest_loss"] < 1e-3


def test_page_of_spheres_is_written_from_its_records(benchmark_pages, root):
    figures, thresholds = (benchmark_pages.record(name) for name in ("packings", "percolation"))
    page = (root / "docs/explanation/packings.md").read_text()
    assert page == benchmark_pages.packings(figures, thresholds)


def test_random_close_packings_have_the_tortuosity_that_was_promised(benchmark_pages):
    figures = benchmark_pages.record("packings")
    assert len(figures["packings"]) == 5
    limits = [packing["limit"] for packing in figures["packings"]]
    assert figures["limit"] == pytest.approx(sum(limits) / 5, rel=1e-12)
    assert figures["limit"] == pytest.approx(1.50, abs=0.04)
    assert figures["order"] == pytest.approx(1.0, abs=0.15)
    lattice = figures["lattice"]
    assert lattice["limit"] == pytest.approx(lattice["fine"], rel=0.01)


def test_percolation_thresholds_rise_with_the_diameter_as_published(benchmark_pages):
    """In sign, and to a factor of three; the spheres lie otherwise than the published ones."""
    figures = benchmark_pages.record("percolation")
    published = figures["published"]["slope"]
    assert all(published / 3 < slope < published for slope in figures["slopes"].values())
    for row in figures["rows"]:
        assert row["threshold"] < row["published"] + 2 * row["error"]


def test_page_of_studies_is_written_from_its_records(benchmark_pages, root):
    kills, overhead = (benchmark_pages.record(name) for name in ("kills", "study_overhead"))
    page = (root / "docs/explanation/studies.md").read_text()
    assert page == benchmark(root, "studies_page").page(kills, overhead, benchmark_pages.table)


def test_two_hundred_kills_lost_and_changed_nothing(benchmark_pages):
    found = benchmark_pages.record("kills")
    rounds = found["rounds"]
    assert sum(r["workers_killed"] + r["drivers_killed"] for r in rounds) >= 200
    assert found["cases"] == 300
    for disturbed in rounds:
        assert disturbed["status"] == {"ok": 300}
        assert disturbed["table_equal"]
        assert disturbed["arrays_equal"]
        assert disturbed["records"] == 300
        assert disturbed["lost_or_changed"] == disturbed["claims_left"] == 0


def test_studies_cost_as_little_beside_their_cases_as_was_promised(benchmark_pages):
    found = benchmark_pages.record("study_overhead")
    assert max(found["overhead_per_case_ms"].values()) <= 10
    assert found["second_run_of_1000_s"] < 1
    assert found["speedup_of_2_workers"] >= 1.8
    large = found["of_10000_cases_s"]
    assert large["status"] + large["frame"] < 2
