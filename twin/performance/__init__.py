"""What an electrode does in a cell: figures of merit, impedance, and cells of PyBaMM."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "calibration": ["Calibration", "calibrate"],
        "calibration_cell": ["adjustable", "adjusted_cell"],
        "calibration_data": [
            "CalibrationWarning",
            "Measured",
            "MeasuredDischarge",
            "MeasuredRates",
            "MeasuredSpectrum",
        ],
        "calibration_fit": ["Unknown"],
        "bpx_file": ["BpxFile", "BpxWarning"],
        "cell": ["Cell"],
        "discharges": ["Discharge", "discharge"],
        "gas": [
            "Fuel",
            "Gas",
            "HYDROGEN",
            "PoreGas",
            "WATER",
            "binary_diffusivity",
            "bosanquet",
            "knudsen_diffusivity",
        ],
        "impedance": ["TransmissionLine"],
        "in_cell": ["InCell", "Performance", "assess"],
        "layers": ["CellLayers", "Layer"],
        "limiting": ["Limits", "limits"],
        "merit": [
            "depletion",
            "depletion_current",
            "energy_density",
            "ionic_resistance",
            "particle_utilization",
            "specific_energy",
        ],
        "mixed_conductor": ["MixedConductor", "double_connected_area"],
        "polarisation": ["Polarisation", "polarise"],
        "separator": ["Separator"],
        "solid_oxide": ["Cermet", "Losses"],
        "spectra": ["Spectrum", "spectrum"],
        "structure": ["ElectrodeStructure", "StructureWarning"],
        "tpb_kinetics": [
            "Kinetics",
            "KineticsWarning",
            "LineKinetics",
            "NI_YSZ_BIEBERLE",
            "NI_YSZ_DE_BOER",
        ],
    },
)
