"""Files that are no volumes: one exception, saying what to change, and never a part of them."""

import contextlib
import json
import struct

import imagecodecs
import numpy as np
import pytest
import tifffile

import microstructures
from microstructures import Volume, memory
from microstructures.errors import InvalidInputError, InvalidVolumeError, MemoryBudgetError
from microstructures.io import probe

SHAPE = (20, 16, 16)
PHASES = {0: "pore", 1: "NMC", 2: "CBD"}


def stack(shape=SHAPE):
    return np.random.default_rng(0).integers(0, 3, shape).astype(np.uint8)


def electrode():
    return Volume(stack(), 398e-9, PHASES)


def cut(path, keep):
    path.write_bytes(path.read_bytes()[: int(keep * path.stat().st_size)])


def text_file(text):
    return lambda path: path.write_text(text)


def tiff(array, **options):
    return lambda path: tifffile.imwrite(path, array, **options)


def truncated_tiff(**options):
    def build(path):
        tifffile.imwrite(path, stack(), **options)
        cut(path, 0.5)

    return build


def mixed_pages(path):
    with tifffile.TiffWriter(path) as tif:
        for n in (16, 16, 8):
            tif.write(stack()[0, :n], metadata=None)


def two_arrays(path):
    with tifffile.TiffWriter(path) as tif:
        tif.write(stack())
        tif.write(stack())


def fewer_pages_than_declared(path):
    with tifffile.TiffWriter(path) as tif:
        for i, layer in enumerate(stack()[:9]):
            text = "ImageJ=1.54\nimages=20\nslices=20" if i == 0 else None
            tif.write(layer, metadata=None, description=text)


def looping_chain(path):
    tifffile.imwrite(path, stack()[:2], metadata=None, compression="zlib")
    with tifffile.TiffFile(path) as tif:
        first, second = (page.offset for page in tif.pages)
    data = bytearray(path.read_bytes())
    (tags,) = struct.unpack_from("<H", data, second)
    struct.pack_into("<I", data, second + 2 + 12 * tags, first)
    path.write_bytes(data)


def sparse(path):
    tifffile.imwrite(path, stack()[:2], metadata=None, compression="zlib")
    with tifffile.TiffFile(path, mode="r+") as tif:
        tif.pages[1].tags["StripByteCounts"].overwrite(0)


TIFF_FAULTS = {
    "empty": (lambda path: path.touch(), "empty .* copy"),
    "missing": (lambda path: None, "no such file"),
    "git lfs pointer": (
        text_file("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
        "git lfs pull",
    ),
    "web page": (text_file("<!DOCTYPE html><html></html>"), "download"),
    "zip": (lambda path: path.write_bytes(b"PK\x03\x04" + bytes(60)), "unpack"),
    "text": (text_file("0 1 2 0 1 2"), "no TIFF"),
    "header only": (lambda path: path.write_bytes(b"II*\0\0\0\0\0"), "without any image"),
    "two bytes": (lambda path: path.write_bytes(b"II"), "no TIFF"),
    "truncated": (truncated_tiff(), "truncated|incomplete"),
    "truncated deflate": (truncated_tiff(compression="zlib"), r"truncated.*\d+ of 20 slices"),
    "truncated imagej": (truncated_tiff(imagej=True), "truncated|incomplete"),
    "truncated big": (truncated_tiff(compression="zlib", bigtiff=True), "truncated"),
    "mixed sizes": (mixed_pages, "page 0 to page 1 16 × 16 uint8; page 2 8 × 16 uint8"),
    "several arrays": (two_arrays, "several arrays|declares"),
    "fewer than declared": (fewer_pages_than_declared, "9 slices, but ImageJ declares 20"),
    "loop": (looping_chain, "points back"),
    "sparse": (sparse, "0 of 1 blocks"),
    "rgb": (tiff(stack((4, 16, 16, 3)), photometric="rgb"), "colour"),
    "rgba": (tiff(stack((4, 16, 16, 4)), photometric="rgb"), "colour"),
    "planar": (
        tiff(stack((4, 3, 16, 16)), photometric="rgb", planarconfig="separate"),
        "colour",
    ),
    "palette": (
        tiff(stack(), photometric="palette", colormap=np.zeros((3, 256), np.uint16)),
        "palette",
    ),
    "float": (tiff(stack().astype(np.float32)), "astype"),
    "nan": (tiff(np.full(SHAPE, np.nan)), "floating-point"),
    "complex": (tiff(stack().astype(complex)), "complex"),
    "jpeg": (tiff(stack(), compression="jpeg"), "JPEG, which can change labels"),
    "jpeg 2000": (tiff(stack(), compression="jpeg2000"), "can change labels"),
    "negative": (tiff(stack().astype(np.int8) - 1), "from -1"),
    "large": (tiff(stack().astype(np.int32) + 70000), "65535"),
    "two-dimensional": (tiff(stack()[0]), "two-dimensional .* whole stack"),
    "four-dimensional": (tiff(stack((2, 3, 16, 16)), photometric="minisblack"), "4 axes"),
    "time series": (tiff(stack((2, 3, 16, 16)), imagej=True), "4 axes"),
    "grey": (tiff(np.arange(1000, dtype=np.uint16).reshape(10, 10, 10)), "grey-scale"),
    "volumetric": (tiff(stack((16, 16, 16)), volumetric=True, tile=(16, 16, 16)), "tiles"),
}


@pytest.mark.parametrize("fault", TIFF_FAULTS)
def test_a_tiff_that_is_no_volume_is_refused_with_a_remedy(tmp_path, fault):
    build, says = TIFF_FAULTS[fault]
    path = tmp_path / "fault.tif"
    build(path)
    with pytest.raises(InvalidVolumeError, match=says) as caught:
        microstructures.read(path, spacing=1e-9)
    assert str(path) in str(caught.value)


def npy(array, **options):
    return lambda path: np.save(path, array, **options)


def truncated_npy(path):
    np.save(path, stack())
    cut(path, 0.9)


NPY_FAULTS = {
    "empty": (lambda path: path.touch(), "empty"),
    "text": (text_file("0 1 2"), "no .npy"),
    "git lfs pointer": (text_file("version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"),
    "truncated": (truncated_npy, "truncated"),
    "float": (npy(stack().astype(float)), "astype"),
    "nan": (npy(np.full(SHAPE, np.nan)), "floating-point"),
    "objects": (npy(stack().astype(object), allow_pickle=True), "object values"),
    "text values": (npy(stack().astype(str)), "<U"),
    "two axes": (npy(stack()[0]), "two-dimensional"),
    "four axes": (npy(stack((2, 2, 2, 2))), "4 axes"),
    "no axis": (npy(np.uint8(3)), "no axis"),
    "no voxel": (npy(stack((0, 3, 3))), "none"),
    "negative": (npy(stack().astype(int) - 1), "from -1"),
    "grey": (npy(np.arange(1000).reshape(10, 10, 10)), "grey-scale"),
}


@pytest.mark.parametrize("fault", NPY_FAULTS)
def test_a_npy_that_is_no_volume_is_refused_with_a_remedy(tmp_path, fault):
    build, says = NPY_FAULTS[fault]
    build(tmp_path / "fault.npy")
    with pytest.raises(InvalidVolumeError, match=says):
        microstructures.read(tmp_path / "fault.npy", spacing=1e-9)


RAW_FAULTS = {
    "nothing said": ({}, "5120 bytes .* shape="),
    "no dtype": ({"shape": SHAPE}, "dtype="),
    "too small": ({"shape": (21, 16, 16), "dtype": "uint8"}, "has 5120 bytes, but .* need 5376"),
    "too large": ({"shape": (19, 16, 16), "dtype": "uint8"}, "has 5120 bytes, but .* need 4864"),
    "wrong dtype": ({"shape": SHAPE, "dtype": "uint16"}, "need 10240"),
    "float": ({"shape": (20, 16, 4), "dtype": "float32"}, "floating-point"),
    "two axes": ({"shape": (20, 256), "dtype": "uint8"}, "two-dimensional"),
}


@pytest.mark.parametrize("fault", RAW_FAULTS)
def test_raw_data_of_the_wrong_size_are_refused_with_both_sizes(tmp_path, fault):
    layout, says = RAW_FAULTS[fault]
    stack().tofile(tmp_path / "fault.raw")
    with pytest.raises(InvalidVolumeError, match=says):
        microstructures.read(tmp_path / "fault.raw", spacing=1e-9, **layout)


@pytest.mark.parametrize(
    "layout",
    [{"dtype": "labels"}, {"shape": "big"}, {"shape": 5120}, {"order": "Z"}],
)
def test_a_layout_that_makes_no_sense_is_refused(tmp_path, layout):
    stack().tofile(tmp_path / "a.raw")
    with pytest.raises(InvalidInputError):
        microstructures.read(
            tmp_path / "a.raw", spacing=1e-9, **{"shape": SHAPE, "dtype": "uint8"} | layout
        )


def test_a_layout_for_a_format_that_knows_its_own_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", stack())
    with pytest.raises(InvalidInputError, match="leave them out"):
        microstructures.read(tmp_path / "a.npy", spacing=1e-9, shape=SHAPE, dtype="uint8")


@pytest.mark.parametrize("given", [None, stack(), b"a.tif", 3])
@pytest.mark.parametrize("call", [microstructures.read, probe])
def test_what_is_no_path_is_refused_and_the_way_for_arrays_named(call, given):
    with pytest.raises(InvalidInputError, match=r"Volume\(labels, spacing\) takes arrays"):
        call(given)


def folder(path, numbers=range(20), name="slice_{}.tif"):
    path.mkdir()
    for i, layer in zip(numbers, stack(), strict=False):
        tifffile.imwrite(path / name.format(i), layer)
    return path


def png(path, array):
    path.write_bytes(imagecodecs.png_encode(array))


def one_slice_of(array):
    def build(path):
        tifffile.imwrite(folder(path) / "slice_7.tif", array, photometric="minisblack")

    return build


def truncated_slice(path):
    cut(folder(path) / "slice_7.tif", 0.5)


def truncated_png(path):
    path.mkdir()
    for i in range(3):
        png(path / f"{i}.png", stack()[i])
    cut(path / "1.png", 0.9)


def coloured_png(path):
    path.mkdir()
    for i in range(3):
        png(path / f"{i}.png", stack((16, 16, 3)))


def jpegs(path):
    path.mkdir()
    for i in range(3):
        (path / f"{i}.jpg").write_bytes(imagecodecs.jpeg8_encode(stack()[i]))


def two_kinds(path):
    png(folder(path) / "slice_20.png", stack()[0])


def opposite_polarity(path):
    tifffile.imwrite(folder(path) / "slice_7.tif", stack()[7], photometric="miniswhite")


FOLDER_FAULTS = {
    "empty": (lambda path: path.mkdir(), "no slices .found nothing"),
    "missing slice": (
        lambda path: folder(path, [*range(7), *range(8, 20)]),
        "lacks slice 7 .between slice_6.tif and slice_8.tif",
    ),
    "missing slices": (lambda path: folder(path, [1, 2, 6]), "lacks slice 3 to 5"),
    "same number twice": (
        lambda path: tifffile.imwrite(folder(path) / "slice_007.tif", stack()[7]),
        "two slices number 7",
    ),
    "strangers": (
        lambda path: tifffile.imwrite(folder(path) / "overview.tif", stack()[0]),
        "overview.tif, slice_",
    ),
    "two counters": (
        lambda path: [
            tifffile.imwrite(p, stack()[0])
            for p in (path.mkdir() or path / "a1_b2.tif", path / "a2_b1.tif")
        ],
        "order is unclear",
    ),
    "one slice": (lambda path: folder(path, [0]), "two-dimensional"),
    "jpeg": (jpegs, "lossy"),
    "two kinds of file": (two_kinds, r"mixes \.png and \.tif"),
    "mixed sizes": (one_slice_of(stack()[0, :8]), r"slice_7.tif 8 × 16 uint8"),
    "mixed types": (one_slice_of(stack()[0].astype(np.uint16)), r"slice_7.tif 16 × 16 uint16"),
    "float slice": (one_slice_of(stack()[0].astype(float)), "slice_7.tif holds floating-point"),
    "stack as slice": (one_slice_of(stack()[:3]), "slice_7.tif holds 3 × 16 × 16"),
    "truncated slice": (truncated_slice, "slice_7.tif is truncated"),
    "empty slice": (
        lambda path: (folder(path) / "slice_7.tif").write_bytes(b""),
        "slice_7.tif is empty",
    ),
    "truncated png": (truncated_png, "1.png is truncated"),
    "coloured png": (coloured_png, "colour type 2"),
    "polarity": (opposite_polarity, "MINISWHITE and MINISBLACK"),
}


@pytest.mark.parametrize("fault", FOLDER_FAULTS)
def test_a_folder_that_is_no_volume_is_refused_and_the_slice_named(tmp_path, fault):
    build, says = FOLDER_FAULTS[fault]
    build(tmp_path / "slices")
    with pytest.raises(InvalidVolumeError, match=says):
        microstructures.read(tmp_path / "slices", spacing=1e-9)


def test_an_unknown_suffix_is_refused_and_the_known_ones_are_listed(tmp_path):
    (tmp_path / "a.h5").write_bytes(b"x")
    with pytest.raises(InvalidVolumeError, match=r"\.tif, \.tiff, \.npy, \.raw"):
        microstructures.read(tmp_path / "a.h5", spacing=1e-9)
    with pytest.raises(InvalidInputError, match=r"\.tif, \.tiff, \.npy, \.raw"):
        microstructures.write(electrode(), tmp_path / "a.h5")


def test_a_mistyped_name_brings_the_file_that_was_meant(tmp_path):
    tifffile.imwrite(tmp_path / "cathode.tif", stack())
    with pytest.raises(InvalidVolumeError, match=r"did you mean cathode\.tif"):
        microstructures.read(tmp_path / "catode.tif", spacing=1e-9)


def test_without_a_voxel_size_nothing_is_read_and_the_remedy_is_named(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", stack(), resolution=(72, 72), resolutionunit="INCH")
    with pytest.raises(InvalidVolumeError, match="spacing=398e-9"):
        microstructures.read(tmp_path / "a.tif")


@pytest.mark.parametrize("unit", ["inch", "pixel", "m", ""])
def test_sizes_that_are_no_voxel_sizes_are_not_offered(tmp_path, unit):
    tifffile.imwrite(
        tmp_path / "a.tif",
        stack(),
        imagej=True,
        resolution=(72, 72),
        metadata={"spacing": 1.0, "unit": unit},
    )
    assert probe(tmp_path / "a.tif").hints == ()


def test_a_voxel_size_that_contradicts_imagej_is_refused(tmp_path):
    tifffile.imwrite(
        tmp_path / "a.tif",
        stack(),
        imagej=True,
        resolution=(40, 40),
        metadata={"spacing": 0.025, "unit": "um"},
    )
    with pytest.raises(InvalidVolumeError, match="without calibration"):
        microstructures.read(tmp_path / "a.tif", spacing=25e-6)


@pytest.mark.parametrize("name", ["a.tif", "a.npy", "a.raw", "a"])
@pytest.mark.parametrize(
    "given",
    [
        {"spacing": 399e-9},
        {"phases": {0: "NMC", 1: "pore", 2: "CBD"}},
        {"through_axis": 1},
        {"collector": "low"},
        {"outside": 2},
    ],
)
def test_what_contradicts_the_files_own_header_is_refused(tmp_path, name, given):
    path = microstructures.write(electrode(), tmp_path / name)
    with pytest.raises(InvalidVolumeError, match="was given"):
        microstructures.read(path, **given)


def test_raw_data_are_not_reshaped_against_their_sidecar(tmp_path):
    path = microstructures.write(electrode(), tmp_path / "a.raw")
    with pytest.raises(InvalidVolumeError, match="header declares 20 × 16 × 16"):
        microstructures.read(path, shape=(16, 20, 16))


@pytest.mark.parametrize("name", ["a.npy", "a.raw"])
def test_a_sidecar_of_other_data_is_noticed(tmp_path, name):
    path = microstructures.write(electrode(), tmp_path / name)
    other = microstructures.write(Volume(2 - stack(), 398e-9, PHASES), tmp_path / f"b{name}")
    path.write_bytes(other.read_bytes())
    with pytest.raises(InvalidVolumeError, match="sha256 differs"):
        microstructures.read(path)


@pytest.mark.parametrize("text", ["", "{}", "[1]", "null", "not json", '{"electrode-twin": 9}'])
def test_a_sidecar_that_is_no_header_is_refused(tmp_path, text):
    path = microstructures.write(electrode(), tmp_path / "a.npy")
    (tmp_path / "a.npy.json").write_text(text)
    with pytest.raises(InvalidVolumeError, match="header"):
        microstructures.read(path, spacing=398e-9)


def test_a_header_of_a_later_version_asks_for_an_upgrade(tmp_path):
    path = microstructures.write(electrode(), tmp_path / "a.npy")
    fields = json.loads((tmp_path / "a.npy.json").read_text())
    (tmp_path / "a.npy.json").write_text(json.dumps(fields | {"electrode-twin": 2}))
    with pytest.raises(InvalidVolumeError, match="upgrade"):
        microstructures.read(path)


def test_a_stack_larger_than_memory_is_refused_before_it_is_decoded(tmp_path, monkeypatch):
    bomb = np.zeros((64, 256, 256), np.uint8)
    tifffile.imwrite(tmp_path / "bomb.tif", bomb, compression="zlib")
    monkeypatch.setattr(memory, "available_memory", lambda: bomb.nbytes - 1)
    monkeypatch.setattr(tifffile.TiffPage, "asarray", lambda *_: pytest.fail("decoded"))
    with pytest.raises(MemoryBudgetError, match="4 MiB of memory"):
        microstructures.read(tmp_path / "bomb.tif", spacing=1e-9)


def test_a_tiny_tiff_that_declares_exbibytes_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "bomb.tif", stack(), bigtiff=True, compression="zlib")
    with tifffile.TiffFile(tmp_path / "bomb.tif", mode="r+") as tif:
        for name in ("ImageWidth", "ImageLength", "RowsPerStrip"):
            tif.pages[0].tags[name].overwrite(2**31 - 1)
    with pytest.raises((InvalidVolumeError, MemoryBudgetError)):
        microstructures.read(tmp_path / "bomb.tif", spacing=1e-9)


def test_the_memory_that_is_free_is_positive_and_at_most_what_the_machine_has():
    import psutil

    assert 0 < memory.available_memory() <= psutil.virtual_memory().total


def test_a_container_limit_counts_without_its_file_cache(tmp_path, monkeypatch):
    for name, text in {
        "memory.max": "1000\n",
        "memory.current": "900\n",
        "memory.stat": "anon 500\ninactive_file 400\n",
    }.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(memory, "LIMITS", ((tmp_path, *memory.LIMITS[0][1:]),))
    assert memory.available_memory() == 500
    assert memory.memory_limit() == 1000


@pytest.mark.parametrize("name", ["a.tif", "a.npy", "a.raw", "a"])
@pytest.mark.parametrize("interruption", [KeyboardInterrupt, OSError(28, "No space left")])
def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(
    tmp_path, monkeypatch, name, interruption
):
    if name != "a":
        microstructures.write(electrode(), tmp_path / name)
    before = {p.name: p.read_bytes() for p in tmp_path.iterdir()}

    def stop(*_):
        raise interruption

    monkeypatch.setattr("microstructures.io._write._flush", stop)
    with pytest.raises((KeyboardInterrupt, InvalidInputError)):
        microstructures.write(Volume(stack(), 1e-9, PHASES), tmp_path / name)
    assert {p.name: p.read_bytes() for p in tmp_path.iterdir()} == before


@pytest.mark.parametrize(
    ("target", "says"),
    [("nowhere/a.tif", "create it"), ("full", "already"), ("dir.tif", "already")],
)
def test_a_place_that_cannot_be_written_to_is_refused(tmp_path, target, says):
    folder(tmp_path / "full")
    (tmp_path / "dir.tif").mkdir()
    with pytest.raises(InvalidInputError, match=says):
        microstructures.write(electrode(), tmp_path / target)


def test_only_volumes_are_written(tmp_path):
    with pytest.raises(InvalidInputError, match=r"Volume\(labels, spacing\)"):
        microstructures.write(stack(), tmp_path / "a.tif")


def test_probe_lists_problems_instead_of_raising(tmp_path):
    truncated_tiff(compression="zlib")(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "b.tif", stack().astype(float))
    assert "truncated" in probe(tmp_path / "a.tif").problems[0]
    info = probe(tmp_path / "b.tif")
    assert (info.shape, info.dtype) == (SHAPE, "float64")
    assert "floating-point" in info.problems[0]


def outcome(path, **kwargs):
    """The labels read, or None if our exception came."""
    try:
        return microstructures.read(path, **kwargs).labels
    except (InvalidVolumeError, MemoryBudgetError):
        return None


@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "packbits"])
def test_no_truncation_of_a_foreign_tiff_yields_other_labels(tmp_path, compression):
    tifffile.imwrite(tmp_path / "a.tif", stack(), compression=compression, rowsperstrip=5)
    whole = (tmp_path / "a.tif").read_bytes()
    lengths = np.random.default_rng(0).integers(0, len(whole), 60)
    for length in (*lengths, len(whole) - 1):
        (tmp_path / "b.tif").write_bytes(whole[:length])
        labels = outcome(tmp_path / "b.tif", spacing=1e-9)
        assert labels is None or np.array_equal(labels, stack())


def test_no_truncation_of_a_foreign_npy_is_read(tmp_path):
    np.save(tmp_path / "a.npy", stack())
    whole = (tmp_path / "a.npy").read_bytes()
    for length in np.random.default_rng(0).integers(0, len(whole), 100):
        (tmp_path / "b.npy").write_bytes(whole[:length])
        assert outcome(tmp_path / "b.npy", spacing=1e-9) is None


@pytest.mark.parametrize("name", ["a.tif", "a.npy", "a.raw", "a"])
def test_a_flipped_bit_in_our_own_file_never_changes_the_volume(tmp_path, name):
    original = electrode()
    path = microstructures.write(original, tmp_path / name)
    files = sorted(p for p in tmp_path.rglob("*") if p.is_file())
    rng = np.random.default_rng(0)
    for i in range(200):
        file = files[i % len(files)]
        whole = file.read_bytes()
        damaged = bytearray(whole)
        damaged[rng.integers(len(whole))] ^= 1 << rng.integers(8)
        file.write_bytes(damaged)
        with contextlib.suppress(InvalidVolumeError, MemoryBudgetError):
            assert microstructures.read(path).sha256 == original.sha256
        file.write_bytes(whole)


def test_scrambled_foreign_tiffs_raise_nothing_but_our_exceptions(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", stack(), compression="zlib")
    whole = (tmp_path / "a.tif").read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(150):
        damaged = np.frombuffer(whole, np.uint8).copy()
        start = rng.integers(len(whole))
        damaged[start : start + 8] = rng.integers(0, 256, len(damaged[start : start + 8]))
        (tmp_path / "b.tif").write_bytes(damaged.tobytes())
        outcome(tmp_path / "b.tif", spacing=1e-9)
        probe(tmp_path / "b.tif")
