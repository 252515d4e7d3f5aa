"""Studies on a cluster with Slurm."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "job": ["SlurmJob"],
        "submission": ["SlurmError", "script", "submit", "written"],
    },
)
