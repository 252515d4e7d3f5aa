"""Grey values: an image cut into phases, and its property card. Arrays have shape (nz, ny, nx)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume, segmented
from microstructures.errors import InvalidInputError
from studies._card_values import number, of_card, provenance_of, status_of
from studies._volumes import check_keys
from studies.tasks import Outcome, task

OF_GREY = ("volume", "threshold", "materials", "characterize")
OF_IMAGE = ("file", "spacing", "through_axis", "collector")
FILES = (".npy", ".tif", ".tiff")


def check_grey(recipe: Mapping[str, Any]) -> None:
    """Raises InvalidInputError for a recipe of ``grey_card`` that cannot be run."""
    check_keys(recipe, OF_GREY, "the study")
    image, threshold = recipe.get("volume", {}), recipe.get("threshold", {})
    check_keys(image, OF_IMAGE, "[volume]")
    check_keys(threshold, ("below", "rest"), "[threshold]")
    if not {"file", "spacing"} <= set(image) or Path(str(image["file"])).suffix not in FILES:
        raise InvalidInputError(
            "[volume] wants file, a .npy or .tif of grey values, and spacing, the voxel edge"
        )
    below, rest = threshold.get("below"), threshold.get("rest")
    if not isinstance(below, Mapping) or not isinstance(rest, str):
        raise InvalidInputError(
            "[threshold] wants below = {pore = 90, CBD = 140}, from dark to bright, and rest, the "
            "name of the brightest phase"
        )
    segmented(np.zeros((1, 1, 1)), 1e-6, below, rest)


@task(version=2, check=check_grey)
def grey_card(recipe: Mapping[str, Any]) -> Outcome:
    """The property card of a grey-value image cut into phases.

    The recipe has ``volume`` (file, a .npy or .tif of shape (nz, ny, nx), and spacing),
    ``threshold`` (below and rest, see ``microstructures.segmented``), ``materials`` and
    ``characterize``. Beside the card it finds for each threshold ``darker.name``, the fraction of
    all that is darker, and ``walls.name``, the area between that and the rest in m²/m³.
    """
    import solvers
    import twin

    image = dict(recipe["volume"])
    grey, spacing = _grey(Path(image.pop("file"))), image.pop("spacing")
    volume = segmented(grey, spacing, **recipe["threshold"], **image)
    card = twin.characterize(volume, recipe.get("materials"), **recipe.get("characterize", {}))
    values = of_card(card) | {"voxel_edge": number(volume.voxel_volume ** (1 / 3), "m")}
    for label, name in enumerate(recipe["threshold"]["below"]):
        parts = Volume(volume.labels <= label, spacing, {0: "brighter", 1: "darker"})
        area = solvers.specific_surface_areas(parts)["darker"]
        values[f"darker.{name}"] = number(parts.fraction("darker"))
        values[f"walls.{name}"] = number(float(area.value), "m²/m³")
    return Outcome(values, *status_of(card), provenance=provenance_of(card, ()))


def _grey(path: Path) -> NDArray[Any]:
    if path.suffix == ".npy":
        found: NDArray[Any] = np.load(path, allow_pickle=False)
        return found
    import tifffile

    return np.asarray(tifffile.imread(path))
