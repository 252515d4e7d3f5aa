"""Manufacturing: compaction laws, recipes, and steps that press, mix and coat a volume."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "binder": ["place_binder"],
        "calendering": ["calender"],
        "capacity": ["areal_capacity", "np_ratio", "wet_thickness"],
        "coating": ["laser_channels", "stack_layers"],
        "compaction": [
            "CompactionLaw",
            "CompactionWarning",
            "Exponential",
            "Heckel",
            "PanelliFilho",
            "literature",
        ],
        "compaction_fit": ["Fit", "fit"],
        "composition": [
            "Component",
            "Recipe",
            "mass_to_volume",
            "mixture_density",
            "nanoporosity_of",
            "total_porosity",
            "volume_to_mass",
        ],
        "electrode": ["Population", "generate_electrode"],
        "imaging": ["coarsen", "places", "rethreshold", "sub_volume"],
        "loads": ["LineLoad", "Stress"],
        "mixing": ["DepthProfile", "MixingIndex", "depth_profile", "mixing_index"],
        "pressing": ["press"],
        "process": ["Process", "ProcessRun", "replay"],
        "repacking": ["repack"],
        "segmentation_check": ["SegmentationCheck", "check_segmentation"],
        "step": ["StepReport"],
        "thickness": [
            "density_at_porosity",
            "porosity_at_density",
            "porosity_at_thickness",
            "sprung_back",
            "thickness_at_porosity",
        ],
    },
)
