"""Processes: chains of steps that run, are stored and replay bit for bit."""

import json

import numpy as np
import pytest

from microstructures import Volume, generate
from microstructures.errors import InvalidInputError
from twin.manufacturing import Process, place_binder, replay

TOML = """
[[step]]
step = "place_binder"
fraction = 0.12
preference = 0.3

[[step]]
step = "calender"
porosity = 0.3
"""


@pytest.fixture(scope="module")
def particles():
    return generate.sample_cathode(0, shape=(32, 32, 32)).relabelled(
        {"CBD": "pore"}, {0: "pore", 1: "NMC", 2: "CBD"}
    )


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "process.toml"
    path.write_text(TOML)
    return path


def test_steps_follow_each_other(particles, file):
    run = Process.from_toml(file).run(particles)
    placed, report = place_binder(
        particles, fraction=0.12, preference=0.3, rng=run.reports[0].parameters["rng"]
    )
    assert [r.step for r in run.reports] == ["place_binder", "calender"]
    assert report.after == run.reports[0].after == run.reports[1].before
    assert placed.fraction("CBD") == pytest.approx(0.12, abs=1 / 32**3)
    assert run.volume.fraction("pore") == pytest.approx(0.3, abs=5e-4)


def test_a_stored_run_replays_bit_for_bit(particles, file, tmp_path):
    run = Process.from_toml(file).run(particles)  # whose seed was drawn
    again = replay(run.to_json(tmp_path / "run.json"), particles)
    assert np.array_equal(again.volume.labels, run.volume.labels)
    assert (again.sha, again.volume.sha256) == (run.sha, run.volume.sha256)


def test_hashes_tell_processes_and_volumes_apart(particles, file):
    process = Process.from_toml(file)
    other = Process(
        [
            ("place_binder", {"fraction": 0.12, "preference": 0.3, "rng": 1}),
            ("calender", {"porosity": 0.3}),
        ]
    )
    assert process.sha == Process.from_toml(file).sha
    assert process.sha != other.sha
    assert (
        process.sha
        == Process(
            [
                (name, {**a, "solid": None} if name == "place_binder" else a)
                for name, a in process.steps
            ]
        ).sha
    )
    runs = [other.run(v) for v in (particles, particles.flipped(1))]
    assert runs[0].process.sha == runs[1].process.sha
    assert runs[0].sha != runs[1].sha


def test_arguments_may_be_given_in_any_order():
    given = {"porosity": 0.3, "recovery": 0.1, "sides": "periodic"}
    one, two = (
        Process([("calender", dict(items))]) for items in (given.items(), [*given.items()][::-1])
    )
    assert one.sha == two.sha


def test_warnings_say_which_step_they_are_of(particles):
    width = particles.size[1]
    channels = {"pitch": width, "width": width / 4, "depth": width / 4}
    run = Process([("laser_channels", channels)]).run(particles)
    assert run.warnings == tuple(f"laser_channels: {text}" for text in run.reports[0].warnings)
    assert run.warnings


def test_a_replay_that_ends_elsewhere_is_refused(particles, file, tmp_path):
    path = Process.from_toml(file).run(particles).to_json(tmp_path / "run.json")
    with pytest.raises(InvalidInputError, match="began with"):
        replay(path, particles.flipped(0))
    stored = json.loads(path.read_text())
    stored["steps"][0]["parameters"]["rng"] += 1
    path.write_text(json.dumps(stored))
    with pytest.raises(InvalidInputError, match="versions have changed"):
        replay(path, particles)
    path.write_text("{}")
    with pytest.raises(InvalidInputError, match="no stored run"):
        replay(path, particles)


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([], "at least one step"),
        ([("calendar", {})], "did you mean 'calender'"),
        ([("calender", {"porosty": 0.3})], "did you mean 'porosity'"),
        ([("calender", {"volume": 1})], "takes no 'volume'"),
    ],
)
def test_mistakes_are_told(steps, words):
    with pytest.raises(InvalidInputError, match=words):
        Process(steps)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("porosity = 0.3", r"\[\[step\]\]"),
        ("[[step]]\nporosity = 0.3", "lacks its name"),
        ("[[step]\n", "no readable TOML"),
    ],
)
def test_files_that_are_no_process_are_told(tmp_path, text, words):
    path = tmp_path / "process.toml"
    path.write_text(text)
    with pytest.raises(InvalidInputError, match=words):
        Process.from_toml(path)


def test_a_step_that_fails_says_which_it_was(particles):
    process = Process(
        [("place_binder", {"fraction": 0.1, "rng": 0}), ("calender", {"porosity": 0.9})]
    )
    with pytest.raises(InvalidInputError, match="step 2, calender"):
        process.run(particles)


def test_an_empty_volume_is_refused_by_its_step():
    empty = Volume(np.zeros((8, 8, 8), np.uint8), 1e-7, {0: "pore", 1: "NMC"})
    with pytest.raises(InvalidInputError, match="step 1, calender"):
        Process([("calender", {"porosity": 0.3})]).run(empty)
