"""What an electrode is: materials, its load, the property card of a volume, and its report."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["manufacturing", "performance", "report"],
    submod_attrs={
        "card": ["Entry", "PropertyCard"],
        "manufacturing.calendering": ["calender"],
        "manufacturing.pressing": ["press"],
        "materials": ["Material", "Value", "library", "material"],
        "mechanics": ["Mechanics"],
        "properties": ["characterize"],
        "swelling": ["SwellingTable", "SwellingWarning"],
    },
)
