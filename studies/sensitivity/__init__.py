"""Which parameters of a study matter: designs made for it, and what they tell."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "designs": ["Morris", "Saltelli"],
        "morris": ["elementary_effects"],
        "sobol": ["sobol_indices"],
    },
)
