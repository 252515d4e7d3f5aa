"""Files of segmented volumes: TIFF stacks, folders of slices, .npy and headerless raw."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={"_read": ["probe", "read"], "_write": ["write"], "_info": ["FileInfo"]},
)
