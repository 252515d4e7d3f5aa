"""Seeded stochastic structures: the sample electrode, particles, fields, grains and fibres."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "cathode": ["sample_cathode"],
        "fibres": ["random_fibres", "random_platelets"],
        "orientation": ["AngularGaussian", "Watson", "orientation_tensor"],
        "particles": ["Particles"],
        "polycrystals": ["polycrystal", "tessellate"],
        "random_fields": [
            "Correlation",
            "excursion_surface",
            "excursion_two_point",
            "excursion_volume",
            "field_correlation",
            "gaussian_field",
            "plurigaussian_volume",
        ],
        "raster": ["LevelSet", "exact_fraction", "level_set", "rasterise"],
        "roughness": ["rough_particles"],
        "sizes": [
            "Sizes",
            "bimodal_sizes",
            "equal_sizes",
            "lognormal_sizes",
            "normal_sizes",
            "quantile_sizes",
        ],
        "spheres": ["hard_spheres", "overlapping_spheres"],
        "structure": ["KnownValue", "Structure"],
    },
)
