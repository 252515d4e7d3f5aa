"""The sample electrode of ``twin demo``, and what its phases are made of."""

from microstructures import Volume
from solvers import progress

MATERIALS = {"pore": "LP30", "NMC": "NMC532", "CBD": "CBD"}


def sample(seed: int) -> Volume:
    """The project's own cathode: 160³ voxels of 398 nm."""
    from microstructures import generate

    task = f"making the sample cathode, seed {seed}"
    progress.report(task, 0.0)
    volume = generate.sample_cathode(seed)
    progress.report(task, 1.0)
    return volume
