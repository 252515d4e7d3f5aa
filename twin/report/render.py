"""The 3-D picture, drawn by a child process: a missing or broken GL library ends only the child."""

import argparse
import ctypes
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume, phase_colours
from twin._naming import named_pore, pore_like
from twin.materials import Material

LIBRARIES = {  # in order of preference: library, the VTK window that draws with it
    "libEGL.so.1": "vtkEGLRenderWindow",
    "libOSMesa.so.8": "vtkOSOpenGLRenderWindow",
    "libOSMesa.so.6": "vtkOSOpenGLRenderWindow",
}
LONGEST_EDGE = 96  # voxels; more cannot be told apart in the picture
SECONDS = 60.0
WIDTH, HEIGHT = 1200, 1000
EYE = (2.3, -3.0, 1.7)  # from the centre of the volume, in its longest edge
SMOOTHING = {"smoothing_iterations": 10, "smoothing_scale": 1.0}


@dataclass(frozen=True, slots=True)
class Picture:
    """A PNG, or the reason why there is none."""

    png: bytes | None
    reason: str = ""


def can_render() -> tuple[bool, str]:
    """Whether VTK has a library to draw with off screen, and which, or what to install."""
    import importlib.util

    if importlib.util.find_spec("pyvista") is None:
        return False, "pyvista is not installed: pip install pyvista"
    window = _window()
    if window is None:
        return False, (
            "no library for off-screen drawing was found (libEGL or libOSMesa): "
            "on Debian, apt install libegl1 libegl-mesa0 libgl1-mesa-dri"
        )
    return True, f"VTK draws off screen through {window[0]}"


class Rendering:
    """A 3-D picture under way in a child process; ``result`` waits for it, ``with`` cleans up."""

    def __init__(
        self,
        volume: Volume,
        seconds: float = SECONDS,
        materials: Mapping[str, Material] | None = None,
    ) -> None:
        self._seconds = seconds
        self._possible, self._reason = can_render()
        self._folder = tempfile.TemporaryDirectory(prefix="twin-picture-")
        self._child: subprocess.Popen[bytes] | None = None
        if self._possible:
            self._start(volume, materials)

    def __enter__(self) -> "Rendering":
        return self

    def __exit__(self, *_: object) -> None:
        if self._child is not None and self._child.poll() is None:
            self._child.kill()
            self._child.wait()
        self._folder.cleanup()

    def result(self) -> Picture:
        """The picture, or the reason why there is none. Never raises on a failed child."""
        if self._child is None:
            return Picture(None, self._reason)
        try:
            code = self._child.wait(self._seconds)
        except subprocess.TimeoutExpired:
            return Picture(None, f"drawing took longer than {self._seconds:.0f} s")
        picture = self._path("picture.png")
        if code != 0 or not picture.exists():
            return Picture(None, f"the drawing process ended with code {code}")
        return Picture(picture.read_bytes())

    def _start(self, volume: Volume, materials: Mapping[str, Material] | None) -> None:
        scene = self._path("scene.npz")
        np.savez(scene, allow_pickle=False, **_scene(volume, materials))
        self._child = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "twin.report.render",
                str(scene),
                str(self._path("picture.png")),
            ],
            cwd=self._folder.name,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _path(self, name: str) -> Path:
        return Path(self._folder.name) / name


def _window() -> tuple[str, str] | None:
    for library, window in LIBRARIES.items():
        try:
            ctypes.CDLL(library)
        except OSError:
            continue
        return library, window
    return None


def _environment() -> dict[str, str]:
    """The child finds this package wherever it lies, and the window that can draw."""
    window = _window()
    root = str(Path(__file__).resolve().parents[2])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
    made = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "PYVISTA_OFF_SCREEN": "true"}
    return made | ({"VTK_DEFAULT_OPENGL_WINDOW": window[1]} if window else {})


def _scene(
    volume: Volume, materials: Mapping[str, Material] | None = None
) -> dict[str, NDArray[Any]]:
    """What the child draws: coarse labels, voxel size, and a colour per label (pores have none)."""
    factors = tuple(max(1, -(-n // LONGEST_EDGE)) for n in volume.shape)
    coarse = volume.coarsened(factors) if max(factors) > 1 else volume
    colours = phase_colours(volume.phases)
    pore = pore_like(volume, materials)
    solid = [i for i, name in volume.phases.items() if name != pore and not named_pore(name)]
    solid = [label for label in solid if np.any(coarse.labels == label)]
    return {
        "labels": coarse.labels.astype(np.uint16),
        "spacing": np.array(coarse.spacing) / max(coarse.size),
        "solid": np.array(solid, dtype=np.int64),
        "colours": np.array([colours[label] for label in solid], dtype="U7"),
        "through": np.array(volume.through_axis),
        "flip": np.array(volume.collector == "high"),
    }


def draw(scene: Path, picture: Path) -> None:
    """Draw the smoothed surface of the solid phases, with one corner cut away. Child only."""
    import pyvista

    with np.load(scene, allow_pickle=False) as data:
        labels, spacing = _upright(data["labels"], data["spacing"], data["through"], data["flip"])
        solid, colours = data["solid"].tolist(), data["colours"].tolist()
    plotter = pyvista.Plotter(off_screen=True, window_size=[WIDTH, HEIGHT], lighting="none")
    plotter.set_background("white")
    _add_solid(plotter, _padded_grid(pyvista, _ranked(labels, solid), spacing), colours)
    _lit_and_framed(plotter, pyvista, np.multiply(labels.shape, spacing))
    pixels = plotter.screenshot(return_img=True)
    plotter.close()
    _write_trimmed(pixels, picture)


def _upright(
    labels: NDArray[Any], spacing: NDArray[Any], through: NDArray[Any], flip: NDArray[Any]
) -> tuple[NDArray[Any], list[float]]:
    """Labels in the order (x, y, up), with the collector below."""
    rest = [axis for axis in (2, 1, 0) if axis != int(through)]
    order = [*rest, int(through)]
    turned = np.transpose(labels, order)
    return (turned[:, :, ::-1] if flip else turned), [float(spacing[a]) for a in order]


def _ranked(labels: NDArray[Any], solid: list[int]) -> NDArray[np.uint8]:
    """1, 2, … for the solid phases and 0 for the rest; the corner nearest to the eye is 0."""
    ranked = np.zeros(labels.shape, np.uint8)
    for rank, label in enumerate(solid, 1):
        ranked[labels == label] = rank
    nx, ny, nz = labels.shape
    ranked[nx - nx // 2 :, : ny // 2, nz - int(0.45 * nz) :] = 0
    return ranked


def _padded_grid(pyvista: Any, ranked: NDArray[np.uint8], spacing: list[float]) -> Any:
    """Voxels as points of a grid with an empty rim, so that surfaces close at the faces."""
    padded = np.pad(ranked, 1)
    origin = [-0.5 * h for h in spacing]
    grid = pyvista.ImageData(dimensions=padded.shape, spacing=spacing, origin=origin)
    grid.point_data["phase"] = padded.ravel(order="F")
    return grid


def _add_solid(plotter: Any, grid: Any, colours: list[str]) -> None:
    """Outer surface of all solid phases, each in its colour."""
    if not grid.point_data["phase"].any():
        return
    surface = grid.contour_labels("external", scalars="phase", **SMOOTHING)
    phase = np.asarray(surface.cell_data["boundary_labels"])
    phase = phase if phase.ndim == 1 else phase.max(axis=1)
    table = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in ["#ffffff", *colours]])
    surface.cell_data["colour"] = table[phase.astype(int)].astype(np.uint8)
    plotter.add_mesh(surface, scalars="colour", rgb=True, ambient=0.3, diffuse=0.85, specular=0.1)


def _lit_and_framed(plotter: Any, pyvista: Any, size: NDArray[Any]) -> None:
    box = pyvista.Box(bounds=[bound for edge in size for bound in (0, edge)])
    plotter.add_mesh(box, style="wireframe", color="#8a949e", line_width=1.5)
    for position, intensity in (((2, -1, 3), 0.72), ((-1, -3, 1), 0.5), ((4, 1, 0.5), 0.28)):
        light = pyvista.Light(position=position, intensity=intensity, light_type="scene light")
        plotter.add_light(light)
    centre = size / 2
    plotter.camera_position = [centre + np.array(EYE), centre, (0, 0, 1)]
    plotter.enable_parallel_projection()
    plotter.reset_camera(bounds=[bound for edge in size for bound in (0, edge)])
    plotter.camera.zoom(1.2)
    plotter.enable_ssao(radius=0.08, bias=0.004, kernel_size=32)
    plotter.enable_anti_aliasing("ssaa")


def _write_trimmed(pixels: NDArray[np.uint8], picture: Path) -> None:
    """A PNG without the white margin, in 256 colours, which halves its size unseen."""
    from PIL import Image

    drawn = np.any(pixels < 250, axis=2)
    rows, columns = (np.flatnonzero(drawn.any(axis=axis)) for axis in (1, 0))
    trimmed = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    Image.fromarray(trimmed).quantize(256).save(picture, format="PNG", optimize=True)


def _main() -> int:
    parser = argparse.ArgumentParser(description="Draw the 3-D picture of a report.")
    parser.add_argument("scene", type=Path)
    parser.add_argument("picture", type=Path)
    given = parser.parse_args()
    draw(given.scene, given.picture)
    return 0


if __name__ == "__main__":
    sys.exit(_main())
