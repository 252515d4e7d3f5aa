"""Where the real volumes are: $ELECTRODE_TWIN_DATA, or shared/data beside the checkout."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NREL = "nrel_nmc/nmc-1-cal_generatedCBD_bridge.tif"


def folder() -> Path:
    """The folder, whether it exists or not."""
    named = os.environ.get("ELECTRODE_TWIN_DATA")
    return Path(named) if named else ROOT.parent / "shared" / "data"
