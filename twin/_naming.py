"""What a phase probably is, judged by its name or its material."""

import re
from collections.abc import Mapping

from microstructures import Volume
from twin.materials import Material

PORE = re.compile(
    r"(macro)?por(e|es|osity)(?![a-z])|pore(space|phase)|void|gas(?![a-z])|electrolyte|elyte|liquid",
    re.I,
)
ACTIVE = re.compile(
    r"nmc|ncm|nca|lfp|lmfp|lco|lmo|lmr|lno|lnmo|lto|li(co|ni|mn|fe)|am\b|active|particles?(?![a-z])|"
    r"graphite|gr\b|si\b|silicon|cathode|anode",
    re.I,
)
BINDER = re.compile(r"cbd|cb\b|carbon|binder|pvdf|cmc|conductive|additive", re.I)
UNNAMED = re.compile(r"phase \d+")  # the default names of a volume


def pore_like(volume: Volume, materials: Mapping[str, Material] | None) -> str | None:
    """The phase that holds the electrolyte: the best ion conductor, or one named like a pore."""
    if materials is not None:
        bulk = {name: _bulk(made) for name, made in materials.items()}
        best = max(bulk, key=lambda name: bulk[name])
        return best if bulk[best] > 0 else None
    return next(filter(named_pore, volume.phases.values()), None)


def named_pore(name: str) -> bool:
    """Whether a phase is named like a pore."""
    return PORE.match(name.strip()) is not None


def unnamed(volume: Volume, materials: Mapping[str, Material] | None) -> list[str]:
    """Phases that may be carbon and binder, since neither name nor material says what they are."""
    present = [name for label, name in volume.phases.items() if volume.voxels(label)]
    if materials is not None or any(BINDER.search(name) for name in present):
        return []
    return [name for name in present if UNNAMED.fullmatch(name)]


def lacks_binder(volume: Volume, materials: Mapping[str, Material] | None) -> bool:
    """True for what looks like a battery electrode in which no voxel is carbon and binder."""
    present = [name for label, name in volume.phases.items() if volume.voxels(label)]
    if materials is not None:
        roles = {materials[name].role for name in present}
        if "binder" in roles:
            return False
        is_active = "active" in roles or any(ACTIVE.match(name) for name in present)
    else:
        is_active = any(ACTIVE.match(name.strip()) for name in present)
    has_pore = pore_like(volume, materials) in present
    return is_active and has_pore and not any(BINDER.search(name) for name in present)


def _bulk(made: Material) -> float:
    return made.ionic_conductivity.value if made.ionic_conductivity is not None else 0.0
