"""Interfaces on voxels: normals and areas of spheres and planes, tractions that are known."""

import numpy as np
import pytest

from microstructures import Volume
from microstructures.errors import InvalidInputError, UnknownPhaseError
from solvers.body import Body
from solvers.interface_normals import InterfaceFaces, interface_faces
from solvers.stiffness import Isotropic
from solvers.traction import interface_traction, weighted_percentiles
from tests.exact.analytic_elasticity import layered_sphere

NAMES = {0: "pore", 1: "NMC", 2: "CBD"}
H = 1e-7
CENTRES = ((0.2, -0.1, 0.33), (0.31, 0.17, -0.22), (-0.4, 0.25, 0.1))
OBLIQUE = (np.array([0.48, 0.6, 0.64]), np.array([0.2, -0.3, 0.933]), np.array([1.0, 1.0, 0.0]))


@pytest.fixture(scope="module", autouse=True)
def compiled():
    """Kernels compiled before the first test, whose time would otherwise be the compiler's."""
    volume = Volume(np.ones((4, 4, 4), np.uint8), H, NAMES)
    body = Body.of(volume, {"NMC": Isotropic(1e9, 0.3)}, "free")
    body.respond(eigenstrain=np.full((6, 4, 4, 4), 1e-3))


def distances(shape, centre):
    """Offsets from a point near the middle, and distances from it, in voxels."""
    middle = (np.array(shape) - 1) / 2 + np.array(centre)
    offset = np.indices(shape) - middle[:, None, None, None]
    return offset, np.sqrt((offset**2).sum(axis=0))


def sphere(radius, centre=CENTRES[0], outer=None):
    """NMC in CBD; beyond ``outer`` voxels there is pore."""
    n = 2 * int(np.ceil(outer or radius)) + (2 if outer else 11)
    _, r = distances((n, n, n), centre)
    labels = np.where(r < radius, 1, 2)
    return Volume(np.where(r < (outer or np.inf), labels, 0).astype(np.uint8), H, NAMES)


def places(faces, volume):
    """Middle of each face, shape (n, 3), in voxels."""
    at = np.stack(np.unravel_index(faces.below, volume.shape), axis=-1).astype(float)
    at[np.arange(len(at)), faces.axis] += 0.5
    return at


def cut(normal, spacing=(H, H, H), n=24, offset=0.31):
    """Two half spaces and the faces of their interface far from the rim."""
    normal = np.array(normal) / np.linalg.norm(normal)
    at = np.indices((n, n, n)) - (n - 1) / 2
    height = sum(c * h * x for c, h, x in zip(normal, spacing, at, strict=True))
    volume = Volume(np.where(height < offset * min(spacing), 1, 2).astype(np.uint8), spacing, NAMES)
    faces = interface_faces(volume, 1, 2)
    inside = np.all(np.abs(places(faces, volume) - (n - 1) / 2) < n / 2 - 7, axis=1)
    return volume, faces, inside, normal


def angles(normal, exact):
    return np.degrees(np.arccos(np.clip(np.sum(normal * exact, axis=1), -1, 1)))


@pytest.mark.parametrize(
    ("radius", "degrees", "area"), [(4, 2.3, 0.03), (6, 2.1, 0.015), (9, 2.1, 0.01)]
)
def test_normals_and_areas_of_spheres(radius, degrees, area):
    """The stated accuracy; voxel faces have half as much area again."""
    for centre in CENTRES:
        volume = sphere(radius, centre)
        faces = interface_faces(volume, "NMC", "CBD")
        outward = places(faces, volume) - (np.array(volume.shape) - 1) / 2 - np.array(centre)
        outward /= np.linalg.norm(outward, axis=1, keepdims=True)
        error = angles(faces.normal, outward)
        assert np.sqrt(np.mean(error**2)) < degrees
        true = 4 * np.pi * (radius * H) ** 2
        assert faces.total_area == pytest.approx(true, rel=area)
        assert faces.count * H**2 == pytest.approx(1.5 * true, rel=0.05)


@pytest.mark.parametrize("normal", OBLIQUE)
@pytest.mark.parametrize("spacing", [(H, H, H), (2 * H, H, 1.5 * H)])
def test_normals_of_oblique_planes(normal, spacing):
    _, faces, inside, exact = cut(normal, spacing)
    error = angles(faces.normal[inside], exact)
    assert np.sqrt(np.mean(error**2)) < 2.0
    projected = np.prod(spacing) / np.array(spacing)  # area of a face normal to each axis
    axis = faces.axis[inside]
    true = np.sum(projected[axis] * np.abs(exact)[axis])
    assert faces.area[inside].sum() == pytest.approx(true, rel=0.01)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_planes_along_the_grid_are_exact(axis):
    spacing = (3e-7, 1e-7, 2e-7)
    labels = np.ones((6, 7, 8), np.uint8)
    np.moveaxis(labels, axis, 0)[3:] = 2
    faces = interface_faces(Volume(labels, spacing, NAMES), "NMC", "CBD")
    across = np.delete(np.array(labels.shape) * spacing, axis)
    assert faces.normal == pytest.approx(np.tile(np.eye(3)[axis], (faces.count, 1)), abs=1e-6)
    assert faces.total_area == pytest.approx(across.prod(), rel=1e-6)
    assert [len(found) for found in faces.lower] == [
        faces.count if a == axis else 0 for a in range(3)
    ]


def test_normals_point_from_the_first_phase_to_the_second():
    volume = sphere(4)
    there, back = (interface_faces(volume, *pair) for pair in (("NMC", 2), ("CBD", 1)))
    assert np.array_equal(there.below, back.below)
    assert there.normal == pytest.approx(-back.normal)
    labels = volume.labels.ravel()
    assert np.all(labels[there.voxels(1)] == 1)
    assert np.all(labels[there.voxels(2)] == 2)
    assert np.array_equal(there.voxels(1), back.voxels(1))


def test_a_neck_in_a_pore_has_the_normal_of_its_contact():
    """Both phases end at the pore around them, which must not tilt the normals of their contact."""
    labels = np.zeros((8, 7, 7), np.uint8)
    labels[:4, 2:5, 2:5], labels[4:, 2:5, 2:5] = 1, 2
    faces = interface_faces(Volume(labels, H, NAMES), "NMC", "CBD")
    assert faces.count == 9
    assert faces.normal == pytest.approx(np.tile([1.0, 0, 0], (9, 1)), abs=1e-6)


def test_a_film_has_a_normal_on_each_side():
    """Details finer than the smoothing keep the normals of their faces."""
    labels = np.ones((9, 5, 5), np.uint8)
    labels[4] = 2
    labels[4, 2, 2] = 1
    faces = interface_faces(Volume(labels, H, NAMES), "NMC", "CBD")
    rising = faces.normal[np.arange(faces.count), faces.axis] > 0
    assert np.array_equal(rising, faces.rises)


def test_only_faces_between_the_two_phases_count():
    labels = np.random.default_rng(0).integers(0, 3, (7, 6, 5)).astype(np.uint8)
    faces = interface_faces(Volume(labels, H, NAMES), "CBD", "pore")
    count = 0
    for axis in range(3):
        a = np.moveaxis(labels, axis, 0)
        count += np.sum((a[1:] * a[:-1] == 0) & (a[1:] + a[:-1] == 2))
    assert faces.count == count


def test_every_stress_is_resolved_exactly_on_a_plane_along_the_grid():
    labels = np.ones((6, 5, 5), np.uint8)
    labels[3:] = 2
    volume = Volume(labels, H, NAMES)
    uniform = np.array([3e6, 1e6, -2e6, 5e6, 4e6, -3e6])  # 00 11 22 12 02 01
    stress = np.broadcast_to(uniform[:, None, None, None], (6, *volume.shape))
    for smoothing in (0.0, 1.5):
        traction = interface_traction(
            interface_faces(volume, "NMC", "CBD"), stress, smoothing=smoothing
        )
        assert traction.normal == pytest.approx(3e6, rel=1e-6)
        assert traction.shear == pytest.approx(5e6, rel=1e-6)  # hypot(4, 3)


def test_the_stress_of_a_face_is_the_mean_of_its_two_voxels():
    labels = np.ones((6, 3, 3), np.uint8)
    labels[3:] = 2
    volume = Volume(labels, H, NAMES)
    stress = np.zeros((6, *volume.shape))
    stress[0, 2], stress[0, 3] = 1e6, 4e6
    faces = interface_faces(volume, "NMC", "CBD")
    assert interface_traction(faces, stress).mean_normal == pytest.approx(2.5e6)


@pytest.mark.parametrize("smoothing", [0.0, 1.5])
def test_pressure_acts_along_every_normal(smoothing):
    """A hydrostatic stress has no shear, whatever the normals."""
    volume = sphere(5)
    stress = np.zeros((6, *volume.shape))
    stress[:3] = -7e6
    traction = interface_traction(
        interface_faces(volume, "NMC", "CBD"), stress, smoothing=smoothing
    )
    assert traction.normal == pytest.approx(-7e6, rel=1e-9)
    assert traction.shear == pytest.approx(0.0, abs=1.0)
    assert traction.fraction_above() == 0.0


@pytest.mark.parametrize("normal", OBLIQUE)
def test_uniform_stress_on_oblique_planes(normal):
    volume, faces, inside, exact = cut(normal)
    tensor = np.array([[3.0, 1.0, -0.5], [1.0, -2.0, 0.7], [-0.5, 0.7, 1.0]]) * 1e6
    voigt = [tensor[a, b] for a, b in ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))]
    stress = np.broadcast_to(np.array(voigt)[:, None, None, None], (6, *volume.shape))
    traction = interface_traction(faces, stress)
    vector = tensor @ exact
    along = np.linalg.norm(vector - exact * (exact @ vector))
    size = 0.05 * np.linalg.norm(tensor)  # normals err by 2 degrees
    assert traction.normal[inside] == pytest.approx(exact @ vector, abs=size)
    assert traction.shear[inside] == pytest.approx(along, abs=size)


def test_shear_through_a_thin_film_is_not_smoothed_away():
    """Its two sides have opposite normals and opposite shear tractions of the same stress."""
    labels = np.ones((9, 6, 6), np.uint8)
    labels[4] = 2
    stress = np.zeros((6, 9, 6, 6))
    stress[4] = 2e6
    faces = interface_faces(Volume(labels, H, NAMES), "NMC", "CBD")
    assert interface_traction(faces, stress).shear == pytest.approx(2e6, rel=1e-6)


RADIUS, OUTER = 6, 11


def swollen(ratio, eigenstrain=0.01):
    """Faces of a sphere that swells in a shell, its stress, and the true normal traction."""
    volume = sphere(RADIUS, outer=OUTER)
    core, shell = Isotropic(ratio * 1e9, 0.3), Isotropic(1e9, 0.3)
    body = Body.of(volume, {"NMC": core, "CBD": shell}, "free")
    strain = np.zeros((6, *volume.shape))
    strain[:3] = eigenstrain * (volume.labels == 1)
    stress = body.stress(body.respond(eigenstrain=strain, tolerance=1e-5), strain)
    solution = layered_sphere(
        np.array([0, RADIUS, OUTER]) * H, [ratio * 1e9, 1e9], [0.3, 0.3], [eigenstrain, 0]
    )
    true = float(solution(np.array([RADIUS * H * 0.999]))[1][0])
    return interface_faces(volume, "NMC", "CBD"), stress, true


@pytest.mark.parametrize("ratio", [0.1, 1.0, 10.0])
def test_a_swelling_sphere_presses_evenly_on_its_shell(ratio):
    """The stated accuracy; the first term of the error is the half voxel between the two sides."""
    faces, stress, true = swollen(ratio)
    traction = interface_traction(faces, stress)
    assert 0.89 < traction.mean_normal / true < 1.03
    spread = traction.percentiles(q=(5, 95)) / true
    assert abs(spread[0] - spread[1]) < 0.2
    assert traction.mean_shear < 0.05 * abs(true)
    raw = interface_traction(faces, stress, smoothing=0)
    assert np.std(raw.normal) > 2 * np.std(traction.normal)
    assert raw.mean_shear > 2 * traction.mean_shear


@pytest.mark.parametrize("ratio", [1.0, 10.0])
def test_the_mean_of_both_sides_errs_less_than_either(ratio):
    """Errors of the sides of a staircase are opposite and do not fall with the voxels."""
    faces, stress, true = swollen(ratio)
    sides = []
    for phase in (1, 2):
        one = np.zeros_like(stress).reshape(6, -1)
        one[:, faces.below] = one[:, faces.above] = 0.0
        tensor = stress.reshape(6, -1)[:, faces.voxels(phase)]
        n = faces.normal.T
        pairs = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
        normal = sum(
            t * n[a] * n[b] * (1 if a == b else 2) for t, (a, b) in zip(tensor, pairs, strict=True)
        )
        sides.append(normal @ faces.area / faces.total_area / true)
    both = interface_traction(faces, stress, smoothing=0).mean_normal / true
    assert both == pytest.approx(sum(sides) / 2)
    assert abs(both - 1) < 0.1
    assert min(abs(side - 1) for side in sides) > 0.2


def test_shear_on_a_sphere_in_a_sheared_matrix():
    """Eshelby: the stress within is uniform, so the traction on each face follows from its normal.

    Images of the sphere, 6 % of the volume, and half a voxel are worth some percent. Smoothing
    takes exp(-3 s² / R²) off what varies as the normal squared: a second harmonic.
    """
    volume = sphere(5)
    inner, outer, nu, pull = 3e9, 1e9, 0.3, 1e-3
    body = Body.of(volume, {"NMC": Isotropic(inner, nu), "CBD": Isotropic(outer, nu)})
    strain = [pull, -pull, 0, 0, 0, 0]
    stress = body.stress(body.respond(strain=strain, tolerance=1e-5))
    beta = 2 * (4 - 5 * nu) / (15 * (1 - nu))
    concentration = 1 / (1 + beta * (inner / outer - 1))
    share = np.mean(volume.labels == 1)
    within = inner / (1 + nu) * pull * concentration / (1 - share + share * concentration)
    faces = interface_faces(volume, "NMC", "CBD")
    n0, n1, _ = faces.normal.T
    normal = within * (n0**2 - n1**2)
    shear = np.sqrt(np.maximum(within**2 * (n0**2 + n1**2) - normal**2, 0))
    slopes = {}
    for smoothing in (0.0, 1.0):
        traction = interface_traction(faces, stress, smoothing=smoothing)
        for of, true in (("normal", normal), ("shear", shear)):
            found = getattr(traction, of)
            slopes[of, smoothing] = np.sum(found * true * faces.area) / np.sum(true**2 * faces.area)
            assert np.corrcoef(found, true)[0, 1] > (0.99 if smoothing else 0.97)
    assert slopes["normal", 0.0] == pytest.approx(1.0, abs=0.1)
    assert slopes["shear", 0.0] == pytest.approx(1.0, abs=0.05)
    blunting = slopes["normal", 1.0] / slopes["normal", 0.0]
    assert blunting == pytest.approx(np.exp(-3 / 5**2), abs=0.05)
    assert slopes["shear", 1.0] > 0.75


def test_shares_and_percentiles_are_of_the_true_area():
    faces = interface_faces(sphere(4), "NMC", "CBD")
    stress = np.zeros((6, *faces.shape))
    stress[0, : faces.shape[0] // 2] = 1e6  # half of the sphere is pulled along axis 0
    traction = interface_traction(faces, stress, smoothing=0)
    pulled = faces.area[traction.normal > 1e5].sum() / faces.total_area
    assert traction.fraction_above(1e5) == pytest.approx(pulled)
    assert 0.3 < pulled < 0.5
    assert weighted_percentiles(np.array([3.0, 1.0]), np.array([1.0, 3.0]), (50,)) == 1.5
    plain = traction.to_dict()
    assert plain["area"] == faces.total_area
    assert plain["normal_p95"] == traction.percentiles("normal", (95,))[0]
    assert plain["shear_mean"] == traction.mean_shear
    assert not any("max" in name for name in plain)


def test_an_interface_that_is_none_has_no_mean():
    faces = interface_faces(Volume(np.ones((4, 4, 4), np.uint8), H, NAMES), "NMC", "CBD")
    traction = interface_traction(faces, np.zeros((6, 4, 4, 4)))
    assert (faces.count, faces.total_area) == (0, 0.0)
    assert np.isnan(traction.mean_normal)
    assert np.isnan(traction.percentiles()).all()


def test_what_is_no_interface_is_refused():
    volume = sphere(3)
    with pytest.raises(InvalidInputError, match="given twice"):
        interface_faces(volume, "NMC", 1)
    with pytest.raises(UnknownPhaseError):
        interface_faces(volume, "NMC", "LPS")
    with pytest.raises(InvalidInputError, match="width"):
        interface_faces(volume, 1, 2, width=0.0)
    faces = interface_faces(volume, 1, 2)
    assert isinstance(faces, InterfaceFaces)
    with pytest.raises(InvalidInputError, match="six components"):
        interface_traction(faces, np.zeros((6, 2, 2, 2)))
    stress = np.zeros((6, *volume.shape))
    with pytest.raises(InvalidInputError, match="smoothing"):
        interface_traction(faces, stress, smoothing=-1)
    with pytest.raises(InvalidInputError, match="unknown"):
        interface_traction(faces, stress).percentiles("hoop")
