"""Seeded stochastic structures: the project's own sample electrode."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submod_attrs={"cathode": ["sample_cathode"]}
)
