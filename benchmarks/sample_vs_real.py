"""The sample cathode beside the real volume it resembles: fractions, tortuosity factors, areas.

    python benchmarks/sample_vs_real.py path/to/nmc-1-cal_generatedCBD_bridge.tif --seeds 0 1 2 3

Without a path the volume is looked for where data.py says.
"""

import argparse
import json
from itertools import combinations
from pathlib import Path

import data

import microstructures
import solvers

SPACING = 398e-9
PHASES = {0: "pore", 1: "NMC", 2: "CBD"}
RESULT = Path(__file__).parent / "results" / "sample_vs_real.json"


def measure(volume: microstructures.Volume) -> dict[str, float]:
    """Fractions, pore tortuosity factors and interface areas in 1/µm of a volume."""
    areas = solvers.interface_areas(volume)
    return {
        **{f"fraction {name}": value for name, value in volume.fractions().items()},
        **{
            f"pore tortuosity factor, axis {axis}": float(
                solvers.tortuosity_factor(volume, "pore", axis=axis).tortuosity_factor
            )
            for axis in range(3)
        },
        **{
            f"area {a}-{b}": float(areas[a, b].value) * 1e-6
            for a, b in combinations(PHASES.values(), 2)
        },
    }


def real_volume(path: Path | None) -> microstructures.Volume:
    """The real volume from ``path``, or from the folder of real volumes."""
    return microstructures.read(
        path or data.folder() / data.NREL, spacing=SPACING, phases=PHASES, through_axis=0
    )


def compare(real: microstructures.Volume, seeds: list[int]) -> dict[str, dict[str, float]]:
    """Quantities of the real volume and of one sample for each seed."""
    table = {"real": measure(real)}
    for seed in seeds:
        table[f"seed {seed}"] = measure(microstructures.generate.sample_cathode(seed))
    return table


def markdown(table: dict[str, dict[str, float]]) -> str:
    """The table as Markdown: real value, then each sample with its deviation from it."""
    columns = list(table)
    lines = ["| | " + " | ".join(columns) + " |", "|---|" + "---|" * len(columns)]
    for quantity, real in table["real"].items():
        cells = [f"{real:.4g}"]
        for column in columns[1:]:
            value = table[column][quantity]
            cells.append(f"{value:.4g} ({100 * (value / real - 1):+.0f} %)")
        lines.append(f"| {quantity} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("path", type=Path, nargs="?", help="the real volume")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3])
    arguments = parser.parse_args()
    table = compare(real_volume(arguments.path), arguments.seeds)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(table, indent=2) + "\n")
    print(markdown(table))


if __name__ == "__main__":
    main()
