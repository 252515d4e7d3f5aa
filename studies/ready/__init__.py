"""Ready studies: functions that make one, and the questions that its results answer."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "binder": ["binder_sweep", "least_binder"],
        "calendering": ["best_density", "calendering_sweep"],
        "pieces": ["crops"],
        "representativity": ["representative_size", "subvolume_sweep"],
        "composition": ["composition_sweep", "networks", "percolation_window"],
        "grey": ["grey_card"],
        "pressed": ["pressed_composite"],
        "pressing": ["enough_pressure", "pressing_sweep"],
        "segmentation": ["imaging_artefact", "segmentation_sweep"],
        "swelling": ["contact_loss", "swelling_sweep"],
        "thickness": ["energy_and_power", "thickness_sweep"],
    },
)
