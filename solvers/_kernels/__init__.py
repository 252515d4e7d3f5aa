"""Taichi kernels only: arrays and scalars in, arrays out; nothing allocated, nothing raised."""
