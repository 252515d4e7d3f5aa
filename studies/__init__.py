"""What we want to know: the command line, and studies over many cases."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["cli"],
    submod_attrs={
        "analysis": ["Analysis", "analyze"],
        "answer": ["Answer"],
        "design": ["Grid", "Range", "Sampled", "Single", "Table", "Zipped"],
        "engine": ["Engine", "EngineError"],
        "optimize": ["Optimisation"],
        "optimum": ["best_case", "convergence", "pareto_front"],
        "pareto": ["front", "hypervolume"],
        "sensitivity": ["elementary_effects"],
        "sensitivity_designs": ["Morris", "Saltelli"],
        "settings": ["AnalysisSettings"],
        "slurm": ["SlurmError"],
        "slurm_job": ["SlurmJob"],
        "sobol": ["sobol_indices"],
        "store": ["CorruptedRecordError", "Record", "Store"],
        "study": ["Status", "Study"],
        "surrogate": ["Surrogate"],
        "surrogate_response": ["response"],
        "surrogate_sobol": ["sobol_indices_by_surrogate"],
        "tasks": ["Outcome", "number", "task"],
    },
)
