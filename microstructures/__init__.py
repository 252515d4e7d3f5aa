"""Where a volume comes from: segmented volumes, files, generators and voxel meshes."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["errors", "generate", "phases"],
    submod_attrs={
        "volume": ["Provenance", "Volume"],
        "io": ["FileInfo", "probe", "read", "write"],
        "voxel_mesh": ["VoxelMesh", "write_vti"],
        "colours": ["phase_colours"],
        "generate": ["Particles"],
        "resegment": ["flat_wall_shift", "rethresholded", "segmented"],
    },
)
