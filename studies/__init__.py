"""What we want to know: the command line, and studies over many cases."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["cli", "ready"],
    submod_attrs={
        "commands.analysis": ["Analysis", "analyze"],
        "answer": ["Answer"],
        "design": ["Grid", "Range", "Sampled", "Single", "Table", "Zipped"],
        "dask_cluster": ["EngineError"],
        "engine": ["Engine"],
        "optimise.optimisation": ["Optimisation"],
        "optimise.questions": ["best_case", "convergence", "pareto_front"],
        "optimise.pareto": ["front", "hypervolume"],
        "sensitivity.morris": ["elementary_effects"],
        "sensitivity.designs": ["Morris", "Saltelli"],
        "commands.settings": ["AnalysisSettings"],
        "slurm.submission": ["SlurmError"],
        "slurm.job": ["SlurmJob"],
        "sensitivity.sobol": ["sobol_indices"],
        "store": ["CorruptedRecordError", "Record", "Store"],
        "study": ["Status", "Study"],
        "surrogate.surrogate": ["Surrogate"],
        "surrogate.response_curves": ["response"],
        "surrogate.sobol": ["sobol_indices_by_surrogate"],
        "tasks": ["Outcome", "number", "task"],
    },
)
