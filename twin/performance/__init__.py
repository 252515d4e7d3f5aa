"""What an electrode does in a cell: figures of merit, impedance, and cells of PyBaMM."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "impedance": ["TransmissionLine"],
        "merit": [
            "depletion",
            "depletion_current",
            "energy_density",
            "ionic_resistance",
            "particle_utilization",
            "specific_energy",
        ],
        "structure": ["ElectrodeStructure", "StructureWarning"],
    },
)
