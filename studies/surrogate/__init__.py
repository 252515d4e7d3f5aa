"""A smooth function through the results of a study, with its doubt, and what it tells."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "response_curves": ["response"],
        "sobol": ["sobol_indices_by_surrogate"],
        "surrogate": ["Surrogate"],
    },
)
