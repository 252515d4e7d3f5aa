"""A copy in the shape of our kernels: blocks that are filled, then stored."""

from solvers._ti import kernel, ti

BLOCK = 64
Array = ti.types.ndarray(dtype=ti.f32, ndim=1)


@kernel
def copy(x: Array, out: Array, size: ti.i32):
    for q in range((size + BLOCK - 1) // BLOCK):
        p0 = q * BLOCK
        m = ti.min(BLOCK, size - p0)
        new = ti.Vector.zero(ti.f32, BLOCK)
        for u in range(m):
            new[u] = x[p0 + u]
        for u in range(m):
            out[p0 + u] = new[u]
