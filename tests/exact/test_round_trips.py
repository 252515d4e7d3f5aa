"""What is written is what is read, and foreign files are read as they are."""

import json

import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

import microstructures
from microstructures import Provenance, Volume
from microstructures.io import probe

NAMES = ["cathode.tif", "cathode.TIFF", "cathode.npy", "cathode.raw", "cathode"]
PHASES = {0: "pore", 1: "NMC", 2: "CBD"}


def stack(shape=(5, 6, 7), top=3, dtype=np.uint8):
    return np.random.default_rng(0).integers(0, top, shape).astype(dtype)


def electrode(**changes):
    given = {"spacing": (3e-9, 1 / 3e9, 1e-9), "phases": {0: "pore", 1: "NMC µ-size", 2: "CBD"}}
    return Volume(changes.pop("labels", stack()), **(given | changes))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("top", [3, 300])
def test_a_written_volume_comes_back_with_everything_it_means(tmp_path, name, top):
    phases = {label: f"p{label}" for label in range(top)}
    original = Volume(
        stack(top=top, dtype=np.uint16), 1e-7, phases, through_axis=2, collector="low", outside=999
    )
    path = microstructures.write(original, tmp_path / name)
    back = microstructures.read(path)
    assert back.sha256 == original.sha256
    assert back.labels.dtype == original.labels.dtype
    assert (back.through_axis, back.collector, back.outside) == (2, "low", 999)
    assert not back.labels.flags.writeable


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    labels=npst.arrays(
        st.sampled_from([np.uint8, np.uint16]),
        st.tuples(*[st.integers(1, 5)] * 3),
        elements=st.integers(0, 2),
    ),
    spacing=st.tuples(*[st.floats(1e-12, 1.0)] * 3),
    name=st.sampled_from(NAMES),
)
def test_every_shape_and_spacing_survives(tmp_path_factory, labels, spacing, name):
    original = Volume(labels, spacing, PHASES)
    path = tmp_path_factory.mktemp("trip") / name
    assert microstructures.read(microstructures.write(original, path)).sha256 == original.sha256


@pytest.mark.parametrize("name", NAMES)
def test_provenance_names_the_file_its_sha256_and_the_way_so_far(tmp_path, name):
    source = Provenance("scan.tif", "ab" * 32, ("cropped",))
    path = microstructures.write(electrode(provenance=source), tmp_path / name)
    provenance = microstructures.read(path).provenance
    assert provenance.source == name
    assert len(provenance.sha256) == 64
    assert provenance.history == ("from scan.tif (sha256 abababababab)", "cropped")


@pytest.mark.parametrize("name", NAMES)
def test_what_agrees_with_the_file_may_be_said_again(tmp_path, name):
    original = electrode()
    path = microstructures.write(original, tmp_path / name)
    again = microstructures.read(
        path, spacing=original.spacing, phases=dict(original.phases), through_axis=0
    )
    assert again.sha256 == original.sha256


@pytest.mark.parametrize("name", NAMES)
def test_writing_leaves_no_other_file_and_replaces_an_older_one(tmp_path, name):
    for seed in range(2 if "." in name else 1):
        latest = electrode(spacing=1e-9 * (seed + 1))
        path = microstructures.write(latest, tmp_path / name)
    assert microstructures.read(path).sha256 == latest.sha256
    assert {p.name for p in tmp_path.iterdir()} <= {name, f"{name}.json"}


@pytest.mark.parametrize("name", NAMES)
def test_probe_tells_shape_spacing_and_phases_without_reading_voxels(tmp_path, name):
    info = probe(microstructures.write(electrode(), tmp_path / name))
    assert info.shape == (5, 6, 7)
    assert info.spacing == electrode().spacing
    assert dict(info.phases) == dict(electrode().phases)
    assert info.problems == ()


def test_two_writings_of_one_volume_are_the_same_bytes(tmp_path):
    a, b = (microstructures.write(electrode(), tmp_path / n) for n in ("a.tif", "b.tif"))
    assert a.read_bytes() == b.read_bytes()


@pytest.mark.parametrize("dtype", ["u1", "i1", ">u2", "<u2", ">i2", "<i4", ">u4", "<i8", "<u8"])
@pytest.mark.parametrize("suffix", [".tif", ".npy", ".raw"])
def test_small_labels_of_any_integer_type_are_read(tmp_path, dtype, suffix):
    path, kwargs = tmp_path / f"foreign{suffix}", {}
    array = stack().astype(dtype)
    if suffix == ".tif":
        tifffile.imwrite(path, array, byteorder=">" if ">" in dtype else "<")
    elif suffix == ".npy":
        np.save(path, array)
    else:
        array.tofile(path)
        kwargs = {"shape": array.shape, "dtype": dtype}
    volume = microstructures.read(path, spacing=398e-9, phases=PHASES, **kwargs)
    assert np.array_equal(volume.labels, stack())
    assert volume.spacing == (398e-9,) * 3


@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "packbits", "zstd", "lzma"])
@pytest.mark.parametrize("layout", [{}, {"rowsperstrip": 2}, {"tile": (16, 16)}, {"bigtiff": True}])
def test_lossless_tiff_of_every_layout_is_read(tmp_path, compression, layout):
    path = tmp_path / "foreign.tif"
    array = stack((4, 33, 20))
    with tifffile.TiffWriter(path, bigtiff=layout.pop("bigtiff", False)) as tif:
        tif.write(array, compression=compression, photometric="minisblack", **layout)
    assert np.array_equal(microstructures.read(path, spacing=1e-9).labels, array)


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_one_bit_tiff_keeps_the_stored_bits_and_says_so_if_they_are_shown_inverted(
    tmp_path, photometric
):
    path = tmp_path / "bits.tif"
    bits = stack(top=2).astype(bool)
    tifffile.imwrite(path, bits, photometric=photometric)
    volume = microstructures.read(path, spacing=1e-9)
    assert np.array_equal(volume.labels, bits)
    assert ("MINISWHITE" in "".join(volume.provenance.history)) == (photometric == "miniswhite")


def test_boolean_npy_and_fortran_order_are_read(tmp_path):
    np.save(tmp_path / "bits.npy", np.asfortranarray(stack(top=2).astype(bool)))
    assert np.array_equal(
        microstructures.read(tmp_path / "bits.npy", spacing=1e-9).labels, stack(top=2)
    )


def test_raw_data_with_z_fastest_are_read_in_fortran_order(tmp_path):
    (tmp_path / "z.raw").write_bytes(stack().tobytes(order="F"))
    volume = microstructures.read(
        tmp_path / "z.raw", spacing=1e-9, shape=(5, 6, 7), dtype="uint8", order="F"
    )
    assert np.array_equal(volume.labels, stack())


def test_labels_0_85_170_keep_their_numbers(tmp_path):
    tifffile.imwrite(tmp_path / "grey.tif", stack() * 85)
    volume = microstructures.read(
        tmp_path / "grey.tif", spacing=1e-9, phases={0: "pore", 85: "NMC", 170: "CBD"}
    )
    assert volume.phase_id("CBD") == 170


def test_pages_written_one_by_one_make_one_stack(tmp_path):
    with tifffile.TiffWriter(tmp_path / "pages.tif") as tif:
        for layer in stack():
            tif.write(layer)
    assert np.array_equal(
        microstructures.read(tmp_path / "pages.tif", spacing=1e-9).labels, stack()
    )


def test_a_stack_behind_a_single_directory_is_read_whole(tmp_path):
    tifffile.imwrite(tmp_path / "single.tif", stack(dtype=np.uint16), truncate=True)
    assert np.array_equal(
        microstructures.read(tmp_path / "single.tif", spacing=1e-9).labels, stack()
    )


def test_imagej_and_ome_sizes_are_offered_as_a_hint_and_accepted_if_they_agree(tmp_path):
    size = {"spacing": 0.05, "unit": "um"}
    tifffile.imwrite(tmp_path / "ij.tif", stack(), imagej=True, resolution=(40, 40), metadata=size)
    tifffile.imwrite(
        tmp_path / "ome.tif",
        stack(),
        ome=True,
        metadata={f"PhysicalSize{a}": h for a, h in zip("ZYX", (0.05, 0.025, 0.025), strict=True)},
    )
    for name in ("ij.tif", "ome.tif"):
        with pytest.raises(microstructures.errors.InvalidVolumeError, match=r"5e-08, 2\.5e-08"):
            microstructures.read(tmp_path / name)
        volume = microstructures.read(tmp_path / name, spacing=(50e-9, 25e-9, 25e-9))
        assert np.array_equal(volume.labels, stack())


@pytest.mark.parametrize("suffix", [".tif", ".png"])
def test_a_folder_is_read_in_the_order_of_its_numbers(tmp_path, suffix):
    import imagecodecs

    labels = stack((12, 6, 7))
    for i, layer in enumerate(labels):
        path = tmp_path / f"run7_slice_{i + 1}{suffix}"
        if suffix == ".png":
            path.write_bytes(imagecodecs.png_encode(layer))
        else:
            tifffile.imwrite(path, layer)
    (tmp_path / "notes.txt").write_text("not a slice")
    (tmp_path / "._run7_slice_1.tif").write_text("not a slice either")
    assert np.array_equal(microstructures.read(tmp_path, spacing=1e-9).labels, labels)


def test_more_than_64_labels_are_read_if_they_are_named(tmp_path):
    labels = np.arange(100).reshape(4, 5, 5)
    np.save(tmp_path / "grains.npy", labels)
    phases = {i: f"grain {i}" for i in range(100)}
    assert np.array_equal(
        microstructures.read(tmp_path / "grains.npy", spacing=1e-9, phases=phases).labels, labels
    )


def test_the_header_in_a_tiff_is_plain_ascii_json(tmp_path):
    path = microstructures.write(electrode(), tmp_path / "a.tif")
    with tifffile.TiffFile(path) as tif:
        header = json.loads(tif.pages[0].description)
    assert header["spacing"] == list(electrode().spacing)
    assert header["phases"]["1"] == "NMC µ-size"


@pytest.mark.parametrize(
    ("name", "shape", "fractions"),
    [
        (
            "nrel_nmc/nmc-1-cal_generatedCBD_bridge.tif",
            (251, 301, 301),
            {0: 0.4005, 1: 0.4995, 2: 0.1000},
        ),
        ("superres/SOFC_lr_input.tif", (62, 62, 62), {0: 0.3545, 1: 0.3408, 2: 0.3046}),
        ("superres/NMC_lr_input.tif", (128, 128, 128), {0: 0.5797, 1: 0.4203}),
        ("taufactor/electrode.tiff", (256, 256, 256), {0: 0.44992, 85: 0.40047, 170: 0.14962}),
        ("openimpala/SampleData_2Phase_stack_3d_1bit.tif", (100,) * 3, {0: 0.602, 1: 0.398}),
    ],
)
def test_real_volumes_have_their_published_fractions(data_folder, name, shape, fractions):
    volume = microstructures.read(data_folder / name, spacing=398e-9)
    assert volume.shape == shape
    for label, fraction in fractions.items():
        assert volume.fraction(label) == pytest.approx(fraction, abs=5e-4)
