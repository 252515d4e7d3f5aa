"""Processes: chains of steps that run, are stored and replay bit for bit."""

import json

import numpy as np
import pytest

from microstructures import Volume, generate
from microstructures.errors import InvalidInputError
from twin.manufacturing import (
    Population,
    Process,
    StepReport,
    generate_electrode,
    laser_channels,
    place_binder,
    process,
    replay,
    stack_layers,
)

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
        (["calender"], "'calender' is no step: give .name, arguments."),
        ({"calender": {"porosity": 0.3}}, "give a list of .name, arguments."),
        ("calender", "give a list of"),
        ([("calender",)], "is no step"),
        ([(3, {})], "step 3 is unknown"),
        ([(["calender"], {})], "is unknown"),
        ([("calender", 0.3)], "arguments of calender are 0.3: give a table"),
        ([("calender", {"porosity": "0.3"})], "porosity is '0.3', which is text: give a number"),
        ([("calender", {"porosity": [0.3]})], "which is a list: give a number"),
        ([("calender", {"porosity": True})], "which is true or false: give a number"),
        ([("place_binder", {"batches": 2.5})], "give a whole number"),
        ([("place_binder", {"placement": "film"})], "give 'film-to-cluster' or 'bridges'"),
        ([("place_binder", {"boundary": ["mirrored", 1]})], r"boundary\[1\] is 1, .* 'periodic'"),
        ([("place_binder", {"profile": 2.0})], "give a table or a list"),
        ([("place_binder", {"solid": ["NMC", 0.5]})], r"solid\[1\] is 0.5, .* whole number"),
        ([("laser_channels", {"pitch": 1e-4})], "laser_channels lacks width and depth"),
        ([("generate_electrode", {"shape": [8, 8], "spacing": 1.0, "populations": {}})], "shape"),
        ([("place_binder", {"rng": np.random.default_rng(0)})], "rng of place_binder is a gener"),
        (
            [("generate_electrode", {"shape": [8, 8, 0.5], "spacing": 1e-7, "populations": {}})],
            r"shape\[2\] is 0.5, which is a number: give a whole number",
        ),
        (
            [("press", {"solids": {"SE": ["LPS"]}})],
            r"solids\['SE'\] is \['LPS'\], which is a list: give text or a table",
        ),
        ([("stack_layers", {})], "write 'stack', or call it from Python"),
        ([("stack", {"layers": 3})], "give a list"),
        ([("stack", {"layers": [[{"step": "calendar"}]]})], "layer 1 of stack: .*'calender'"),
        ([("stack", {"layers": [[{"porosity": 0.3}]]})], "layer 1 of stack: .*lacks its name"),
        (
            [("stack", {"layers": [[], [{"step": "repack", "rng": np.random.default_rng(0)}]]})],
            "layers of stack is a generator",
        ),
    ],
)
def test_mistakes_are_told_before_anything_runs(steps, words):
    with pytest.raises(InvalidInputError, match=words) as caught:
        Process(steps)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "arguments",
    [
        {"fraction": 1, "boundary": ("periodic", "mirrored", "mirrored"), "solid": [0, "NMC"]},
        {"fraction": np.float32(0.5), "profile": np.array([1.0, 2.0]), "phase": np.int64(3)},
        {"profile": {"linear": 2}, "preference": 0, "batches": np.int16(3), "rng": None},
    ],
)
def test_arguments_of_other_types_that_mean_the_same_are_taken(arguments):
    assert set(Process([("place_binder", arguments)]).steps[0][1]) <= set(arguments)


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


# --- files --------------------------------------------------------------------------------------

CHANNELS = {"pitch": 6e-6, "width": 2e-6, "depth": 2e-6}


@pytest.fixture
def stored(particles, tmp_path):
    """A run in a file, and what the file holds."""
    path = Process([("laser_channels", CHANNELS)]).run(particles).to_json(tmp_path / "run.json")
    return path, json.loads(path.read_text())


def rewritten(stored, **changes):
    path, content = stored
    path.write_text(json.dumps(content | changes))
    return path


def test_a_file_that_was_changed_is_told_before_it_runs(monkeypatch, particles, stored):
    monkeypatch.setattr(Process, "run", None)
    stored[1]["steps"][0]["parameters"]["depth"] = 3e-6
    with pytest.raises(InvalidInputError, match="was changed after it was written"):
        replay(rewritten(stored), particles)


def test_a_file_for_another_volume_cannot_be_made_by_changing_it(particles, stored):
    other = particles.flipped(1)
    with pytest.raises(InvalidInputError, match="was changed"):
        replay(rewritten(stored, given=other.sha256), other)


def test_versions_that_differ_are_named(particles, stored):
    versions = stored[1]["versions"]
    assert set(versions) == {"electrode-twin", "numpy", "scipy", "taichi", "python"}
    assert versions["numpy"] == np.__version__
    old = rewritten(stored, result="0" * 64, versions=versions | {"numpy": "1.0.1"})
    with pytest.raises(InvalidInputError, match="ended with 000") as caught:
        replay(old, particles)
    assert f"numpy was 1.0.1, is {np.__version__}" in str(caught.value)
    assert "scipy" not in str(caught.value)
    with pytest.raises(InvalidInputError, match="with the same versions"):
        replay(rewritten(stored, result="0" * 64), particles)
    with pytest.raises(InvalidInputError, match="not written there"):
        replay(rewritten(stored, result="0" * 64, versions={}), particles)


def test_reports_of_a_process_hold_no_none(particles):
    run = Process([("laser_channels", CHANNELS), ("place_binder", {"fraction": 0.1})]).run(
        particles
    )
    for report in run.reports:
        assert None not in report.parameters.values()


# --- processes that make their volume -----------------------------------------------------------

MADE = """
[[step]]
step = "generate_electrode"
shape = [16, 16, 16]
spacing = 4e-7
binder = 0.05
nanoporosity = 0.5

[step.populations.NMC]
fraction = 0.4
radius = { law = "lognormal", median = 1e-6, sigma = 0.1 }

[[step]]
step = "laser_channels"
pitch = 6.4e-6
width = 1.6e-6
depth = 1.6e-6
"""
NMC = {"fraction": 0.4, "radius": 1e-6}
NEW = {"shape": [16, 16, 16], "spacing": 4e-7, "populations": {"NMC": NMC}}


def test_a_process_may_begin_by_making_the_volume(tmp_path):
    (tmp_path / "steps.toml").write_text(MADE)
    run = Process.from_toml(tmp_path / "steps.toml").run()
    law = generate.lognormal_sizes(1e-6, 0.1)
    made, report = generate_electrode(
        (16, 16, 16), 4e-7, {"NMC": Population(0.4, law)}, binder=0.05, nanoporosity=0.5
    )
    cut, _ = laser_channels(made, pitch=6.4e-6, width=1.6e-6, depth=1.6e-6)
    assert run.volume.sha256 == cut.sha256
    assert run.reports[0].to_dict() == report.to_dict()
    assert run.given is None
    again = replay(run.to_json(tmp_path / "run.json"))
    assert (again.sha, again.volume.sha256) == (run.sha, run.volume.sha256)


def test_a_volume_is_given_where_one_is_wanted_and_only_there(particles, tmp_path):
    making, changing = Process([("generate_electrode", NEW)]), Process([("repack", {})])
    with pytest.raises(InvalidInputError, match="begins with repack, which changes a volume"):
        changing.run()
    with pytest.raises(InvalidInputError, match="begins with generate_electrode, which makes"):
        making.run(particles)
    with pytest.raises(InvalidInputError, match="str was given"):
        changing.run("cathode.tif")
    path = making.run().to_json(tmp_path / "run.json")
    with pytest.raises(InvalidInputError, match="which makes a volume"):
        replay(path, particles)
    run = Process([("laser_channels", CHANNELS)]).run(particles)
    with pytest.raises(InvalidInputError, match="which changes a volume"):
        replay(run.to_json(path))


@pytest.mark.parametrize(
    "second",
    [
        ("generate_electrode", NEW),
        ("stack", {"layers": [[{"step": "generate_electrode", **NEW}]] * 2}),
    ],
)
def test_a_volume_is_not_made_and_dropped(second):
    with pytest.raises(InvalidInputError, match=f"step 2, {second[0]}, makes a volume"):
        Process([("repack", {}), second])


def test_the_order_of_phases_is_part_of_a_process_and_that_of_arguments_is_not():
    """Phases are labelled and drawn one after the other; arguments are not."""
    both = {"NMC": NMC, "LPS": NMC | {"fraction": 0.1}}
    turned = dict([*both.items()][::-1])
    one, same, other = (
        Process([("generate_electrode", given)])
        for given in (
            NEW | {"populations": both},
            dict([*(NEW | {"populations": both}).items()][::-1]),
            NEW | {"populations": turned},
        )
    )
    assert one.sha == same.sha != other.sha


# --- stacks -------------------------------------------------------------------------------------


def test_layers_of_a_stack_are_made_of_the_same_volume(particles):
    """From the collector: as it is, with binder, with another seed of it and channels."""
    binder = {"step": "place_binder", "fraction": 0.1, "rng": 1}
    layers = [[], [binder], [binder | {"rng": 2}, {"step": "laser_channels", **CHANNELS}]]
    run = Process([("stack", {"layers": layers})]).run(particles)
    second, report = place_binder(particles, fraction=0.1, rng=1)
    third, _ = laser_channels(place_binder(particles, fraction=0.1, rng=2)[0], **CHANNELS)
    expected, whole = stack_layers([particles, second, third])
    assert run.volume.sha256 == expected.sha256
    assert run.volume.shape == (96, 32, 32)
    (told,) = run.reports
    assert told.figures["layer_1_porosity"] == whole.figures["layer_1_porosity"]
    assert told.figures["layer_2_step_1_coverage"] == report.figures["coverage"]
    assert any(text.startswith("layer_3_step_2, laser_channels: ") for text in told.warnings)
    assert told.before == particles.fractions()
    assert told.conserved == dict.fromkeys(("pore", "NMC", "CBD"), 0.0)


def test_a_stack_replays_with_the_seeds_that_were_drawn(particles, tmp_path):
    layers = [[{"step": "place_binder", "fraction": 0.1}]] * 2
    run = Process([("stack", {"layers": layers})]).run(particles)
    (bottom,), (top,) = run.reports[0].parameters["layers"]
    assert bottom["rng"] != top["rng"]
    again = replay(run.to_json(tmp_path / "run.json"), particles)
    assert again.volume.sha256 == run.volume.sha256
    assert again.sha == run.sha


def test_layers_may_be_made_anew():
    """On a volume that is given, or all of them without any."""
    top = {"step": "generate_electrode", **NEW, "rng": 7}
    bottom = [("generate_electrode", NEW)]
    below, above = (generate_electrode(**NEW, rng=seed)[0] for seed in (0, 7))
    expected, _ = stack_layers([below, above])
    on_it = Process([*bottom, ("stack", {"layers": [[], [top]]})]).run()
    alone = Process([("stack", {"layers": [[top | {"rng": 0}], [top]]})]).run()
    assert on_it.volume.sha256 == alone.volume.sha256 == expected.sha256
    assert alone.given is None
    assert alone.reports[0].before == {}


def test_a_stack_tells_the_largest_loss_of_any_step(monkeypatch, particles):
    """A step that turns NMC to pore and says so, in one of two layers."""

    def worn(volume):
        labels = volume.labels.copy()
        labels[:16][labels[:16] == 1] = 0
        after = volume.with_labels(labels, "worn")
        return after, StepReport.between("repack", volume, after, {}, conserve=["NMC"])

    monkeypatch.setitem(process.STEPS, "repack", worn)
    run = Process([("stack", {"layers": [[], [{"step": "repack"}]]})]).run(particles)
    kept = np.count_nonzero(particles.labels[16:] == 1) / particles.voxels("NMC")
    assert run.reports[0].conserved["NMC"] == pytest.approx(kept - 1)
    assert run.reports[0].conserved["CBD"] == 0.0


def test_a_gradient_of_layers_that_were_pressed_differently(particles):
    """Their voxels differ in thickness by less than half a layer."""
    piece = particles.cropped(y=(0, 16), x=(0, 16))
    wanted = [piece.fraction("pore") - 0.1, piece.fraction("pore") - 0.05]
    layers = [[{"step": "calender", "porosity": porosity}] for porosity in wanted]
    run = Process([("stack", {"layers": layers, "stretch": 0.02})]).run(piece)
    solid = piece.size[0] * piece.fraction("NMC")
    thickness = [solid / (1 - porosity) for porosity in wanted]
    assert run.volume.size[0] / sum(thickness) == pytest.approx(1)
    for number, porosity in enumerate(wanted, start=1):
        assert run.reports[0].figures[f"layer_{number}_porosity"] == pytest.approx(
            porosity, abs=5e-4
        )
    assert run.reports[0].largest_loss < 0.02


def test_a_layer_that_fails_says_which_it_was(particles):
    layers = [[], [{"step": "place_binder", "fraction": 0.99}]]
    with pytest.raises(InvalidInputError, match="step 1, stack: layer 2: step 1, place_binder: "):
        Process([("stack", {"layers": layers})]).run(particles)
    with pytest.raises(InvalidInputError, match="two volumes or more"):
        Process([("stack", {"layers": [[]]})]).run(particles)
