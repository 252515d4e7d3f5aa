"""How a volume introduces itself, as text and as HTML."""

import html as escape
from typing import TYPE_CHECKING

from microstructures.colours import phase_colours
from microstructures.wording import length, lengths

if TYPE_CHECKING:
    from microstructures.volume import Volume


def text(volume: "Volume") -> str:
    """Three lines: size, fractions, orientation and identity."""
    fractions = " · ".join(f"{name} {100 * f:.2f} %" for name, f in volume.fractions().items())
    nz, ny, nx = volume.shape
    return (
        f"Volume  {nz} × {ny} × {nx} voxels of {lengths(volume.spacing)}"
        f"  ({' × '.join(length(s) for s in volume.size)})\n"
        f"        {fractions}{_outside(volume)}\n"
        f"        through-plane axis {volume.through_axis}, collector at its {volume.collector} end"
        f" · {volume.provenance.source} · sha256 {volume.sha256[:12]}"
    )


def html(volume: "Volume") -> str:
    """A small table with a colour chip per phase."""
    colours = phase_colours(volume.phases)
    rows = "".join(
        f"<tr><td><span style='display:inline-block;width:1em;height:1em;"
        f"background:{colours[label]};border:1px solid #888'></span> {escape.escape(name)}</td>"
        f"<td>{label}</td><td>{100 * volume.fraction(label):.2f} %</td></tr>"
        for label, name in volume.phases.items()
    )
    summary = "<br>".join(escape.escape(line.strip()) for line in text(volume).splitlines()[::2])
    return (
        f"<div><p>{summary}{escape.escape(_outside(volume))}</p><table><tr><th>phase</th>"
        f"<th>label</th><th>volume fraction</th></tr>{rows}</table></div>"
    )


def _outside(volume: "Volume") -> str:
    excluded = volume.labels.size - volume.inside_voxels
    return (
        f" · outside {100 * excluded / volume.labels.size:.2f} % of the voxels" if excluded else ""
    )
