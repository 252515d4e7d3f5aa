"""The real cathode in a cell, as imaged and pressed further, recorded for the validation page.

python benchmarks/cells.py          # about six minutes on two cores
python benchmarks/cells.py picture  # draws what was recorded
"""

import json
import sys
from pathlib import Path

import data
from machine import machine

import microstructures
import twin
from twin.performance import InCell, assess

RESULT = Path(__file__).parent / "results" / "cells.json"
PICTURE = Path(__file__).resolve().parent.parent / "docs" / "images" / "real-in-cell.png"
SPACING = 398e-9
PHASES = {0: "pore", 1: "NMC", 2: "CBD"}
MADE_OF = {"pore": "LP30", "NMC": "NMC532", "CBD": "CBD"}
PRESSED = 0.30
RATES = (0.2, 0.5, 1.0, 2.0, 3.0)
RADIUS = 4e-6  # m; a guess, the same for both
TOLERANCE = 1e-4


def main():
    """Record both states."""
    volume = microstructures.read(data.folder() / data.NREL, spacing=SPACING, phases=PHASES)
    pressed, _ = twin.calender(volume, porosity=PRESSED, ends="periodic")
    states = [state(volume), state(pressed)]
    record = {"states": states, "pressed": PRESSED, "radius": RADIUS, "machine": machine()}
    RESULT.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    picture()


def state(volume):
    """What a volume does in a cell of the set Chen2020, with all its curves."""
    card = twin.characterize(volume, MADE_OF, axes=[volume.through_axis], tolerance=TOLERANCE)
    found = assess(card, InCell("Chen2020", particle_radius=RADIUS, rates=RATES))
    curves = [
        {
            "rate": run.rate,
            "charge": run.capacities[::4].tolist(),
            "voltage": run.voltage[::4].tolist(),
        }
        for run in found.discharges
    ]
    label = volume.fraction("pore")
    return found.to_dict() | {"labelled_porosity": label, "advice": str(found), "curves": curves}


def picture():
    """Voltage against charge of both states."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    states = json.loads(RESULT.read_text())["states"]
    figure, axes = plt.subplots(figsize=(6.4, 3.4), dpi=110, layout="constrained")
    for found, line in zip(states, ("-", "--"), strict=True):
        for number, curve in enumerate(found["curves"]):
            label = f"{found['labelled_porosity']:.0%}, {curve['rate']:g}/h"
            charge = [0.1 * q for q in curve["charge"]]
            axes.plot(charge, curve["voltage"], line, color=f"C{number}", label=label)
    axes.set(xlabel="charge / (mAh/cm²)", ylabel="voltage / V", xlim=(0, None))
    axes.legend(fontsize=7, ncols=2)
    figure.savefig(PICTURE)


if __name__ == "__main__":
    picture() if sys.argv[1:] == ["picture"] else main()
