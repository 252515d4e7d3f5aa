"""What a volume does: transport, connectivity, interfaces, triple-phase boundaries, stress."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["progress"],
    submod_attrs={
        "body": ["Body", "Deformation"],
        "boundary": [
            "Boundary",
            "Clamped",
            "Free",
            "Periodic",
            "Platen",
            "Symmetry",
            "fixed_gap",
            "fully_free",
            "plane_stress",
            "stack_pressure",
        ],
        "by_phases": ["ByPhases"],
        "components": ["Connectivity", "connectivity"],
        "eigenstrain": ["Axial", "LargeStrainWarning", "eigenstrain_field"],
        "elastic_constants": ["EffectiveStiffness", "effective_stiffness"],
        "interfaces": ["interface_areas", "specific_surface_areas"],
        "results": ["Quantity", "SolveReport", "Uncertainty"],
        "runtime": ["Settings", "use"],
        "stiffness": ["Cubic", "Isotropic", "Oriented", "TransverselyIsotropic"],
        "stress_distribution": ["StressStatistics", "stress_statistics", "volume_above"],
        "superposition": ["LinearState", "Sample", "Superposition", "superpose"],
        "swelling": ["StressState", "swelling_stress"],
        "tortuosity": ["Tortuosity", "tortuosity_factor", "tortuosity_of"],
        "transport": ["Conductivity", "Fields", "effective_conductivity", "effective_diffusivity"],
        "triple_phase": ["TriplePhaseBoundary", "triple_phase_boundaries"],
    },
)
