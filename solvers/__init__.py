"""What a volume does: transport, connectivity, interfaces and triple-phase boundaries."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["progress"],
    submod_attrs={
        "by_phases": ["ByPhases"],
        "components": ["Connectivity", "connectivity"],
        "interfaces": ["interface_areas", "specific_surface_areas"],
        "results": ["Quantity", "SolveReport", "Uncertainty"],
        "runtime": ["Settings", "use"],
        "tortuosity": ["Tortuosity", "tortuosity_factor", "tortuosity_of"],
        "transport": ["Conductivity", "Fields", "effective_conductivity", "effective_diffusivity"],
        "triple_phase": ["TriplePhaseBoundary", "triple_phase_boundaries"],
    },
)
