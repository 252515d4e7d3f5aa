"""Kernels for a seven-point operator on flat arrays with a halo of one voxel.

What happens at one voxel is written in ``seven_point``, what happens along a stretch of them in
``stretches``; on a GPU each voxel has a thread. Loops run over segments: chunks of the flat array,
in which the halo insulates, or rows where some axis is periodic and the halo repeats the other
side.
"""

import functools
from types import SimpleNamespace

from solvers._kernels import seven_point, stretches
from solvers._ti import kernel, ti

SEGMENT = 128  # elements; a thread takes 512 segments at least, so small levels need short ones


@functools.cache
def build(real, block, kind="stored", value_type=None, grounded=False, rows=False):
    """Kernels in the precision ``real``, for values of ``value_type`` (by default ``real``)."""
    Array = ti.types.ndarray(dtype=real, ndim=1)
    Values = ti.types.ndarray(dtype=value_type or real, ndim=1)
    Sums = ti.types.ndarray(dtype=ti.f64, ndim=1)
    Single = ti.types.ndarray(dtype=ti.f32, ndim=1)
    half = max(block // 2, 1)
    at = seven_point.build(real, kind, grounded)
    along = stretches.build(real, block, kind, value_type, grounded, inlined=block == 1)
    face, started, relaxed, product = at.face, at.started, at.relaxed, at.product
    dissipated, shared, ground = at.dissipated, at.shared, at.ground

    @ti.func
    def first(s, lo, sz, sy, ny):
        """First element of segment s"""
        p = lo + s * SEGMENT
        if ti.static(rows):
            p = (s // ny + 1) * sz + (s % ny + 1) * sy + 1
        return p

    @ti.func
    def length(s, lo, hi, nx):
        n = ti.min(SEGMENT, hi - lo - s * SEGMENT)
        if ti.static(rows):
            n = nx
        return n

    @ti.func
    def elements(segments, lo, hi, nx):
        """Number of all elements, for loops of one thread each"""
        n = hi - lo
        if ti.static(rows):
            n = segments * nx
        return n

    @ti.func
    def place(e, lo, sz, sy, ny, nx):
        p = lo + e
        if ti.static(rows):
            p = (e // (ny * nx) + 1) * sz + (e // nx % ny + 1) * sy + e % nx + 1
        return p

    @kernel
    def start(b: Array, out: Array, weight: real, values: Values, table: Array, size: ti.i32,
             w0: real, w1: real, w2: real, segments: ti.i32, lo: ti.i32, hi: ti.i32, sz: ti.i32,
             sy: ti.i32, ny: ti.i32, nx: ti.i32):  # fmt: skip
        """out = weight D⁻¹ b: the first relaxation from zero"""
        if ti.static(block == 1):
            for e in range(elements(segments, lo, hi, nx)):
                p = place(e, lo, sz, sy, ny, nx)
                out[p] = started(b, weight, values, table, size, w0, w1, w2, p, sz, sy)
        else:
            for s in range(segments):
                begin, count = first(s, lo, sz, sy, ny), length(s, lo, hi, nx)
                along.start(b, out, weight, values, table, size, w0, w1, w2, begin, count, sz, sy)

    @kernel
    def relax(x: Array, b: Array, out: Array, weight: real, values: Values, table: Array,
             size: ti.i32, w0: real, w1: real, w2: real, segments: ti.i32, lo: ti.i32, hi: ti.i32,
             sz: ti.i32, sy: ti.i32, ny: ti.i32, nx: ti.i32):  # fmt: skip
        """out = x + weight D⁻¹ (b - A x)"""
        if ti.static(block == 1):
            for e in range(elements(segments, lo, hi, nx)):
                p = place(e, lo, sz, sy, ny, nx)
                out[p] = relaxed(x, b, weight, values, table, size, w0, w1, w2, p, sz, sy)
        else:
            for s in range(segments):
                begin, count = first(s, lo, sz, sy, ny), length(s, lo, hi, nx)
                along.relax(
                    x, b, out, weight, values, table, size, w0, w1, w2, begin, count, sz, sy
                )

    @kernel
    def residual(x: Array, b: Array, out: Array, values: Values, table: Array, size: ti.i32,
             w0: real, w1: real, w2: real, segments: ti.i32, lo: ti.i32, hi: ti.i32, sz: ti.i32,
             sy: ti.i32, ny: ti.i32, nx: ti.i32):  # fmt: skip
        """out = b - A x"""
        if ti.static(block == 1):
            for e in range(elements(segments, lo, hi, nx)):
                p = place(e, lo, sz, sy, ny, nx)
                out[p] = b[p] - product(x, values, table, size, w0, w1, w2, p, sz, sy)
        else:
            for s in range(segments):
                begin, count = first(s, lo, sz, sy, ny), length(s, lo, hi, nx)
                along.residual(x, b, out, values, table, size, w0, w1, w2, begin, count, sz, sy)

    def defect(Out, out_type):
        defect_along = along.defect(Out, out_type)

        @kernel
        def run(x: Array, out: Out, values: Values, table: Array, size: ti.i32, w0: real,
                w1: real, w2: real, segments: ti.i32, lo: ti.i32, hi: ti.i32, sz: ti.i32,
                sy: ti.i32, ny: ti.i32, nx: ti.i32):  # fmt: skip
            """out = -A x"""
            for s in range(segments):
                begin, count = first(s, lo, sz, sy, ny), length(s, lo, hi, nx)
                defect_along(x, out, values, table, size, w0, w1, w2, begin, count, sz, sy)

        return run

    @kernel
    def apply(x: Array, out: Array, sums: Sums, values: Values, table: Array, size: ti.i32,
             w0: real, w1: real, w2: real, segments: ti.i32, lo: ti.i32, hi: ti.i32, sz: ti.i32,
             sy: ti.i32, ny: ti.i32, nx: ti.i32):  # fmt: skip
        """out = A x; the sums add up to x · A x"""
        if ti.static(block == 1):
            total = ti.f64(0.0)
            for e in range(elements(segments, lo, hi, nx)):
                p = place(e, lo, sz, sy, ny, nx)
                value = product(x, values, table, size, w0, w1, w2, p, sz, sy)
                total += ti.cast(value, ti.f64) * x[p]
                out[p] = value
            sums[0] = total
        else:
            for s in range(segments):
                begin, count = first(s, lo, sz, sy, ny), length(s, lo, hi, nx)
                sums[s] = along.apply(x, out, values, table, size, w0, w1, w2, begin, count, sz, sy)

    @kernel
    def dissipation(x: Array, out: Array, low: real, high: real, sums: Sums, values: Values,
             table: Array, size: ti.i32, w0: real, w1: real, w2: real, segments: ti.i32, lo: ti.i32,
             hi: ti.i32, sz: ti.i32, sy: ti.i32, ny: ti.i32, nx: ti.i32):  # fmt: skip
        """out[p] = energy of voxel p; the sums add up to all of it"""
        if ti.static(block == 1):
            total = ti.f64(0.0)
            for e in range(elements(segments, lo, hi, nx)):
                p = place(e, lo, sz, sy, ny, nx)
                value = dissipated(x, low, high, values, table, size, w0, w1, w2, lo, hi, p, sz, sy)
                total += value
                out[p] = ti.cast(value, real)
            sums[0] = total
        else:
            for s in range(segments):
                begin, count = first(s, lo, sz, sy, ny), length(s, lo, hi, nx)
                lanes = ti.Vector.zero(ti.f64, half)
                for q in range((count + half - 1) // half):
                    p0 = begin + q * half
                    m = ti.min(half, begin + count - p0)
                    new = ti.Vector.zero(ti.f64, half)
                    for u in range(m):
                        p = p0 + u
                        new[u] = dissipated(
                            x, low, high, values, table, size, w0, w1, w2, lo, hi, p, sz, sy
                        )
                    for u in range(m):
                        lanes[u] += new[u]
                    for u in range(m):
                        out[p0 + u] = ti.cast(new[u], real)
                sums[s] = lanes.sum()

    @kernel
    def mutual(x: Array, y: Array, sums: Sums, values: Values, table: Array, size: ti.i32, w0: real,
             w1: real, w2: real, segments: ti.i32, lo: ti.i32, hi: ti.i32, sz: ti.i32, sy: ti.i32,
             ny: ti.i32, nx: ti.i32):  # fmt: skip
        """The sums add up to Σ g (drop of x) (drop of y) over the upper faces of all voxels"""
        if ti.static(block == 1):
            total = ti.f64(0.0)
            for e in range(elements(segments, lo, hi, nx)):
                p = place(e, lo, sz, sy, ny, nx)
                total += shared(x, y, values, table, size, w0, w1, w2, p, sz, sy)
            sums[0] = total
        else:
            for s in range(segments):
                begin, count = first(s, lo, sz, sy, ny), length(s, lo, hi, nx)
                lanes = ti.Vector.zero(ti.f64, half)
                for q in range((count + half - 1) // half):
                    p0 = begin + q * half
                    for u in range(ti.min(half, begin + count - p0)):
                        p = p0 + u
                        lanes[u] += shared(x, y, values, table, size, w0, w1, w2, p, sz, sy)
                sums[s] = lanes.sum()

    @kernel
    def end_energy(x: Array, sums: Sums, values: Values, table: Array, size: ti.i32, weight: real,
                   sz: ti.i32, sy: ti.i32, nx: ti.i32):  # fmt: skip
        """sums[j] = Σ g (drop of x)² over the faces of row j below the first layer"""
        for j in range(sums.shape[0]):
            total = ti.f64(0.0)
            for p in range(j * sy + 1, j * sy + nx + 1):
                g = ti.cast(face(values, table, size, weight, 0, p, p + sz), ti.f64)
                total += g * (ti.cast(x[p], ti.f64) - x[p + sz]) ** 2
            sums[j] = total

    @kernel
    def layers(x: Array, conductance: Sums, flow: Sums, axis: ti.i32, values: Values,
               table: Array, size: ti.i32, weight: real, step: ti.i32, stride_1: ti.i32,
               stride_2: ti.i32, n_1: ti.i32, n_2: ti.i32):  # fmt: skip
        """Conductance and flow from each row of n_2 voxels to the next layer, n_1 rows a layer"""
        for row in range(flow.shape[0]):
            start = row // n_1 * step + (row % n_1 + 1) * stride_1
            total, through = ti.f64(0.0), ti.f64(0.0)
            for k in range(1, n_2 + 1):
                p = start + k * stride_2
                g = ti.cast(face(values, table, size, weight, axis, p, p + step), ti.f64)
                total += g
                through += g * (ti.cast(x[p], ti.f64) - x[p + step])
            conductance[row] = total
            flow[row] = through

    @kernel
    def store(out: Array, axis: ti.i32, step: ti.i32, weight: real, values: Values,
              table: Array, size: ti.i32, elements: ti.i32):  # fmt: skip
        """out[axis * elements + p] = conductance to the upper neighbour ``step`` elements on"""
        for p in range(elements - step):
            out[axis * elements + p] = face(values, table, size, weight, axis, p, p + step)

    @kernel
    def coarsen(coarse: Array, axis: ti.i32, weight: real, values: Values, table: Array,
                size: ti.i32, coarse_size: ti.i32, layers: ti.i32, every: ti.i32, n: ti.i32,
                nz: ti.i32, ny: ti.i32, nx: ti.i32, fz: ti.i32, fy: ti.i32, fx: ti.i32, mz: ti.i32,
                my: ti.i32, mx: ti.i32, sz: ti.i32, sy: ti.i32, cz: ti.i32,
                cy: ti.i32):  # fmt: skip
        """Coarse faces normal to ``axis``: the fine ones in parallel, over twice the distance

        (nz, ny, nx) voxels are coarse, (mz, my, mx) fine, n of them along the axis. Of the layers
        of faces along axis 0, it is ``layers`` ones, ``every`` so many. Axis 3 stands for the
        faces to 0, which are added up.
        """
        below_z, below_y, below_x = int(axis == 0), int(axis == 1), int(axis == 2)
        step = ti.select(axis == 0, sz, ti.select(axis == 1, sy, 1))
        across = ti.select(axis == 0, fz, ti.select(axis == 1, fy, ti.select(axis == 2, fx, 1)))
        for row in range(layers * (ny + below_y)):
            i = row // (ny + below_y) * every + 1 - below_z
            j = row % (ny + below_y) + 1 - below_y
            for k in range(1 - below_x, nx + 1):
                total = ti.cast(0, real)
                for dz in range(ti.select(axis == 0, 1, fz)):
                    for dy in range(ti.select(axis == 1, 1, fy)):
                        for dx in range(ti.select(axis == 2, 1, fx)):
                            # an odd last layer stands alone
                            z = ti.select(axis == 0, ti.min(fz * i, n), fz * (i - 1) + dz + 1)
                            y = ti.select(axis == 1, ti.min(fy * j, n), fy * (j - 1) + dy + 1)
                            x = ti.select(axis == 2, ti.min(fx * k, n), fx * (k - 1) + dx + 1)
                            if z <= mz and y <= my and x <= mx:  # the halo may repeat a side
                                p = z * sz + y * sy + x
                                if axis == 3:
                                    total += ground(values, size, p)
                                else:
                                    total += face(values, table, size, weight, axis, p, p + step)
                coarse[axis * coarse_size + i * cz + j * cy + k] = total / across

    return SimpleNamespace(
        start=start,
        relax=relax,
        residual=residual,
        defect32=defect(Single, ti.f32),
        defect64=defect(Sums, ti.f64),
        apply=apply,
        dissipation=dissipation,
        mutual=mutual,
        end_energy=end_energy,
        layers=layers,
        store=store,
        coarsen=coarsen,
    )
