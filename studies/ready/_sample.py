"""Sample: the electrode that ready studies are of by default, and its materials."""

from collections.abc import Mapping
from typing import Any

SAMPLE: Mapping[str, Any] = {"generate": "sample_cathode", "shape": [48, 48, 48]}
MATERIALS: Mapping[str, str] = {"pore": "LP30", "NMC": "NMC532", "CBD": "CBD"}
