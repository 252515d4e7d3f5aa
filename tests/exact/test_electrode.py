"""Generated electrodes: exact fractions, no overlaps, the same from the same seed."""

import inspect
import json

import numpy as np
import pytest

import solvers
from microstructures import generate
from microstructures.errors import InvalidInputError
from twin.manufacturing import Population, generate_electrode, place_binder

SHAPE, H = (48, 48, 48), 2e-7
NMC = Population(0.5, 1.4e-6)
SMALL = {"shape": (24, 24, 24), "spacing": 4e-7, "populations": {"NMC": NMC}}


def test_three_phases_have_exact_fractions():
    volume, report = generate_electrode(
        SHAPE, H, {"NMC": NMC}, binder=0.1, nanoporosity=0.47, rng=1
    )
    voxels = np.prod(SHAPE)
    assert volume.voxels("NMC") == round(0.5 * voxels)
    assert volume.voxels("CBD") == round(0.1 * voxels)
    assert report.figures["largest_overlap"] <= 2e-3
    assert not report.warnings


def test_a_solid_state_electrode_has_two_packed_phases_and_carbon():
    small = Population(0.25, generate.lognormal_sizes(0.8e-6, 0.2), aspect=(1.0, 1.0, 0.8))
    volume, report = generate_electrode(
        SHAPE, H, {"NMC": Population(0.35, 1.4e-6), "LPS": small}, binder=0.04, binder_phase="C65"
    )
    assert list(volume.phases.values()) == ["pore", "NMC", "LPS", "C65"]
    for name, fraction in {"NMC": 0.35, "LPS": 0.25, "C65": 0.04}.items():
        assert volume.fraction(name) == pytest.approx(fraction, abs=1 / np.prod(SHAPE))
    assert report.figures["particles_LPS"] > report.figures["particles_NMC"]


@pytest.mark.parametrize("aspect", [(1.0, 1.0, 1.0), (2.0, 2.0, 2.0), (3.0, 2.0, 1.0)])
@pytest.mark.parametrize("radius", [1.4e-6, generate.lognormal_sizes(1e-6, 0.3)])
def test_particles_have_the_volume_that_their_fraction_asks_for(aspect, radius):
    """Exactly, though their number is whole; the aspect is one of shape and not of size."""
    box = H * np.array(SHAPE)
    axes = Population(0.5, radius, aspect).semi_axes(box)
    assert np.sum(4 / 3 * np.pi * axes.prod(axis=1)) / box.prod() == pytest.approx(0.5, rel=1e-12)
    assert len(axes) == len(Population(0.5, radius).semi_axes(box))
    assert axes[:, 0] / axes[:, 2] == pytest.approx(aspect[0] / aspect[2])


def test_particles_go_on_beyond_a_periodic_face():
    """First and last layer are as alike as any two layers in between."""
    labels = generate_electrode(SHAPE, H, {"NMC": NMC}, rng=2)[0].labels
    for axis in range(3):
        across = np.mean(np.take(labels, 0, axis) == np.take(labels, -1, axis))
        inside = np.mean(np.diff(labels.astype(int), axis=axis) == 0)
        assert across == pytest.approx(inside, abs=0.05)


def test_flat_particles_lie_in_all_directions():
    """Were they all to lie flat, one axis would meet half as many surfaces as another."""
    flat = Population(0.4, 1.4e-6, aspect=(1.0, 1.0, 0.4))
    labels = generate_electrode(SHAPE, H, {"graphite": flat}, rng=0)[0].labels.astype(int)
    surfaces = [np.count_nonzero(np.diff(labels, axis=axis)) for axis in range(3)]
    assert max(surfaces) < 1.3 * min(surfaces)


@pytest.mark.parametrize(
    ("periodic", "boundary"),
    [
        (True, "periodic"),
        (False, "mirrored"),
        ([False, True, True], ["mirrored", "periodic", "periodic"]),
    ],
)
def test_binder_ends_as_the_particles_do(monkeypatch, periodic, boundary):
    told = []

    def placed(volume, **options):
        told.append(options["boundary"])
        return place_binder(volume, **options)

    monkeypatch.setattr("twin.manufacturing.electrode.place_binder", placed)
    generate_electrode(SHAPE, H, {"NMC": NMC}, binder=0.05, periodic=periodic)
    assert told == [boundary]


def test_the_same_seed_gives_the_same_volume():
    one, two, other = (
        generate_electrode(SHAPE, H, {"NMC": NMC}, binder=0.08, rng=seed)[0] for seed in (3, 3, 4)
    )
    assert one.sha256 == two.sha256 != other.sha256


def test_dense_particles_are_told_apart_again():
    """At 60 % solid they touch, but are still as many as were packed."""
    volume, report = generate_electrode(SHAPE, H, {"NMC": Population(0.6, 1.6e-6)}, periodic=False)
    found = solvers.particle_instances(volume, "NMC")
    assert found.max() == report.figures["particles_NMC"]


def test_more_than_can_be_packed_is_told():
    _, report = generate_electrode(SHAPE, H, {"NMC": Population(0.74, 1.6e-6)})
    assert "denser than a random packing" in report.warnings[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"populations": {}}, "at least one phase"),
        ({"binder": 0.6}, "room for pores"),
        ({"binder": -0.1}, "no fraction"),
        ({"binder": "0.1"}, "no fraction"),
        ({"binder": {"CBD": 0.1, "PVDF": 0.4}}, "room for pores"),
        ({"binder_phase": ["CBD"]}, "no name"),
        ({"binder": 0.1, "preference": 2}, "preference 2"),
        ({"binder": 0.1, "placement": "films"}, "placement 'films'"),
        ({"binder": 0.1, "profile": "linear"}, "profile 'linear'"),
        ({"binder": 0.1, "nanoporosity": 1.0}, "nanoporosity 1.0"),
        ({"rng": -1}, "rng -1 is neither"),
        ({"rng": "0"}, "rng '0' is neither"),
        ({"shape": 48}, "three numbers of voxels"),
        ({"shape": (48, 48, 0.5)}, "three numbers of voxels"),
        ({"spacing": "200 nm"}, "no(t a)? voxel size"),
        ({"periodic": "yes"}, "periodic 'yes'"),
        ({"populations": [NMC]}, "a table of them by phase"),
        ({"populations": {"NMC": 0.5}}, "'NMC' is 0.5: give a Population"),
        ({"populations": {"NMC": {"fraction": 0.5, "radious": 1e-6}}}, "did you mean 'radius'"),
        ({"populations": {"NMC": {"fraction": 0.5}}}, "'NMC' lacks radius"),
        ({"populations": {"NMC": {"fraction": "0.5", "radius": 1e-6}}}, "'NMC': fraction '0.5'"),
        ({"populations": {3: NMC}}, "3 is no name"),
        ({"populations": {"NMC": Population(0.5, 6e-6)}}, "larger box"),
        ({"populations": {"NMC": Population(0.5, 1.5)}}, "2e-6 for 2 µm"),  # taken for µm
        ({"populations": {"NMC": Population(0.5, 3e-6, (1, 1, 6))}}, "larger box"),
        ({"populations": {"NMC": Population(0.5, 0.9e-7)}}, "less than a voxel of 2e-07 m"),
        ({"populations": {"NMC": Population(0.5, 1.4e-9)}}, "less than a voxel"),  # 10¹¹ of them
        ({"populations": {"pore": NMC}}, "'pore'.* occur twice"),
        ({"populations": {"CBD": NMC}, "binder": 0.1}, "'CBD'.* occur twice"),
        ({"binder": {"pore": 0.1}}, "'pore'.* occur twice"),
    ],
)
def test_mistakes_are_told_before_anything_is_packed(monkeypatch, change, words):
    monkeypatch.setattr("twin.manufacturing.electrode.relax", None)
    arguments = {"shape": SHAPE, "spacing": H, "populations": {"NMC": NMC}} | change
    with pytest.raises(InvalidInputError, match=words) as caught:
        generate_electrode(**arguments)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [
        {"fraction": 0.0},
        {"fraction": 1.2},
        {"fraction": "0.4"},
        {"fraction": True},
        {"radius": "1e-6"},
        {"radius": None},
        {"radius": {"law": "lognormal"}},
        {"aspect": (1, 0, 1)},
        {"aspect": (1, 1)},
        {"aspect": 1},
        {"aspect": "abc"},
    ],
)
def test_populations_are_checked(wrong):
    with pytest.raises(InvalidInputError):
        Population(**({"fraction": 0.5, "radius": 1e-6} | wrong))


# --- what is reported, and made again -----------------------------------------------------------


def again(report):
    """The electrode that the parameters of a report make, through a file."""
    return generate_electrode(**json.loads(json.dumps(report.to_dict()))["parameters"])


@pytest.mark.parametrize(
    "more",
    [
        {},
        {
            "spacing": (5e-7, 4e-7, 4e-7),
            "periodic": (False, True, True),
            "binder": {"CBD": 0.08, "C65": 0.02},
            "profile": {"linear": 1.5},
            "placement": "bridges",
            "nanoporosity": 0.4,
            "pore": "void",
            "populations": {
                "NMC": Population(0.35, generate.lognormal_sizes(1.3e-6, 0.2)),
                "LPS": Population(0.1, 1.1e-6, (1.0, 1.0, 0.7)),
            },
        },
        {"binder": 0.1, "binder_phase": "PVDF", "preference": 0.9, "rng": None},
    ],
)
def test_a_report_makes_the_same_volume_again(more):
    volume, report = generate_electrode(**(SMALL | {"rng": 5} | more))
    assert again(report)[0].sha256 == volume.sha256
    assert again(report)[1].to_dict() == report.to_dict()
    known = set(inspect.signature(generate_electrode).parameters)
    assert set(report.parameters) | {"profile"} == known  # which is left out where it is None
    assert None not in report.parameters.values()


def test_without_a_seed_one_is_drawn_and_told():
    seeds = [generate_electrode(**SMALL, rng=None)[1].parameters["rng"] for _ in range(2)]
    assert seeds[0] != seeds[1]
    assert all(isinstance(seed, int) and seed >= 0 for seed in seeds)


def test_a_generator_may_draw_but_is_not_replayed():
    drawn, report = generate_electrode(**SMALL, rng=np.random.default_rng(5))
    assert drawn.sha256 == generate_electrode(**SMALL, rng=5)[0].sha256
    with pytest.raises(InvalidInputError, match="rng 'generator PCG64'"):
        again(report)


def test_a_table_is_as_good_as_a_population():
    law = {"law": "lognormal", "median": 1.3e-6, "sigma": 0.2}
    table = {"fraction": 0.4, "radius": law, "aspect": [1, 1, 0.8]}
    given = Population(0.4, generate.lognormal_sizes(1.3e-6, 0.2), (1.0, 1.0, 0.8))
    volumes = [
        generate_electrode(**(SMALL | {"populations": {"NMC": each}}), rng=1)[0]
        for each in (given, table, Population(**table), given.to_dict())
    ]
    assert len({volume.sha256 for volume in volumes}) == 1


def test_what_is_known_of_spheres_follows_from_number_and_radius():
    """n spheres of radius s r fill f of the box, and have the surface 3 f / (s r) of it."""
    large, small = 1.4e-6, 0.9e-6
    _, report = generate_electrode(
        (32, 32, 32), 3e-7, {"NMC": Population(0.35, large), "LPS": Population(0.2, small)}
    )
    box = (32 * 3e-7) ** 3
    for name, fraction, radius in (("NMC", 0.35, large), ("LPS", 0.2, small)):
        n, density, scale, surface, shift = (
            report.figures[f"{key}_{name}"]
            for key in (
                "particles",
                "number_density",
                "size_scale",
                "specific_surface",
                "surface_shift",
            )
        )
        assert n == round(fraction * box / (4 / 3 * np.pi * radius**3))
        assert density * box == pytest.approx(n)
        assert density * 4 / 3 * np.pi * (scale * radius) ** 3 == pytest.approx(fraction)
        assert surface == pytest.approx(3 * fraction / (scale * radius))
        # what voxels and contacts do to the volume is small beside the surface
        assert abs(shift) < 0.1 * radius


def test_surfaces_move_by_what_makes_the_fraction_exact(monkeypatch):
    """The outermost voxel that a sphere at a known place takes is that far from its surface."""
    fraction = 4 / 3 * np.pi * 1.5e-6**3 / (24 * 4e-7) ** 3
    kept = {}

    def seen(particles, *rest, **more):
        kept["centre"], kept["radius"] = particles.centres[0], particles.semi_axes[0, 0]
        return generate.level_set(particles, *rest, **more)

    monkeypatch.setattr("twin.manufacturing.electrode.level_set", seen)
    volume, report = generate_electrode(
        **(SMALL | {"populations": {"NMC": Population(fraction, 1.5e-6)}}), periodic=False
    )
    places = (np.argwhere(volume.mask("NMC")) + 0.5) * 4e-7
    furthest = np.linalg.norm(places - kept["centre"], axis=1).max()
    assert report.figures["particles_NMC"] == 1
    assert report.figures["size_scale_NMC"] == pytest.approx(1)
    assert report.figures["surface_shift_NMC"] / 4e-7 == pytest.approx(
        (furthest - kept["radius"]) / 4e-7, abs=1e-9
    )


def test_voxels_need_not_be_cubes():
    """A lone sphere has a variance of R²/5 along each axis, whatever the voxels."""
    radius, spacing, shape = 2.4e-6, (4e-7, 2e-7, 3e-7), (24, 48, 32)
    fraction = 4 / 3 * np.pi * radius**3 / 9.6e-6**3
    volume, report = generate_electrode(
        shape, spacing, {"NMC": Population(fraction, radius)}, periodic=False
    )
    places = np.argwhere(volume.mask("NMC")) * spacing
    assert volume.spacing == spacing
    assert report.figures["particles_NMC"] == 1
    assert report.figures["size_scale_NMC"] == pytest.approx(1)
    assert report.parameters["spacing"] == list(spacing)
    assert places.var(axis=0) / (radius**2 / 5) == pytest.approx(1, rel=0.03)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"placement": "bridges"},
        {"profile": {"exponential": 2.0}, "preference": 0.1, "nanoporosity": 0.3},
    ],
)
@pytest.mark.parametrize("binders", [{"CBD": 0.1}, {"C65": 0.03, "PVDF": 0.05}])
def test_binder_is_what_place_binder_makes_of_the_bare_electrode(options, binders):
    generator = np.random.default_rng(3)
    expected, _ = generate_electrode(**SMALL, rng=generator)
    for name, fraction in binders.items():
        expected, placed = place_binder(
            expected, fraction=fraction, phase=name, boundary="periodic", rng=generator, **options
        )
    volume, report = generate_electrode(**SMALL, binder=binders, rng=3, **options)
    assert volume.sha256 == expected.sha256
    end = "" if len(binders) == 1 else f"_{name}"
    assert report.figures[f"coverage{end}"] == placed.figures["coverage"]
    pores = volume.fraction("pore")
    hidden = options.get("nanoporosity", 0.0) * sum(map(volume.fraction, binders))
    assert report.figures["porosity"] == pores
    assert report.figures["total_porosity"] == pytest.approx(pores + hidden)


def test_sizes_that_suit_neither_box_nor_voxels_are_told():
    """Two and a half spheres are two, each too large; and 1.5 voxels are no sphere."""
    box = 9.6e-6**3
    few = Population(2.5 * 4 / 3 * np.pi * 2e-6**3 / box, 2e-6)
    tiny = Population(0.02, 3e-7)
    _, report = generate_electrode(**(SMALL | {"populations": {"NMC": few, "LPS": tiny}}))
    told = "; ".join(report.warnings)
    assert f"radii of NMC were multiplied by {1.25 ** (1 / 3):.3g}" in told
    assert "since 2 particles" in told
    assert "particles of LPS are as small as 1.5 voxels across" in told
    assert len(report.warnings) == 2
