"""The best cases: searches for them, and what any study knows of them."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "optimisation": ["Optimisation"],
        "pareto": ["front", "hypervolume"],
        "questions": ["best_case", "convergence", "pareto_front"],
    },
)
