"""Kernels of packing: how spheres push each other and the walls apart.

Spheres are flat arrays of three coordinates each. ``first`` and ``other`` list the neighbours of
every sphere, each pair from both sides, so that a thread writes what is its own only; the image
``shift`` boxes away is meant.
"""

import functools
from types import SimpleNamespace

from solvers._ti import kernel, ti


@functools.cache
def build():
    """Kernels in float64: overlaps are small differences of large coordinates."""
    Values = ti.types.ndarray(dtype=ti.f64, ndim=1)
    Indices = ti.types.ndarray(dtype=ti.i32, ndim=1)

    @kernel
    def push(x: Values, radius: Values, first: Indices, other: Indices, shift: Indices,
             box: Values, periodic: Indices, held: Indices, force: Values, energy: Values,
             deepest: Values):  # fmt: skip
        """Force of unit stiffness on each sphere, its share of the energy, and the largest overlap

        ``held`` has three entries per sphere: walls across these axes let it through.
        Overlaps count in radii of the smaller sphere; those with walls in radii of the sphere.
        """
        for i in range(radius.shape[0]):
            own = ti.Vector([x[3 * i], x[3 * i + 1], x[3 * i + 2]])
            total = ti.Vector.zero(ti.f64, 3)
            stored, worst = ti.f64(0.0), ti.f64(0.0)
            for k in range(first[i], first[i + 1]):
                j = other[k]
                apart = own - ti.Vector([x[3 * j], x[3 * j + 1], x[3 * j + 2]])
                for a in ti.static(range(3)):
                    apart[a] -= box[a] * shift[3 * k + a]
                reach = radius[i] + radius[j]
                distance = apart.norm()
                overlap = reach - distance
                if overlap > 0:
                    # two centres at one place part along an axis, the first of them upwards
                    along = ti.Vector([ti.f64(1.0) if i < j else ti.f64(-1.0), 0.0, 0.0])
                    if distance > 1e-12 * reach:
                        along = apart / distance
                    total += overlap * along
                    stored += overlap * overlap / 4
                    worst = ti.max(worst, overlap / ti.min(radius[i], radius[j]))
            for a in ti.static(range(3)):
                if periodic[a] == 0 and held[3 * i + a] == 0:
                    low = radius[i] - own[a]
                    high = radius[i] + own[a] - box[a]
                    if low > 0:
                        total[a] += low
                        stored += low * low / 2
                        worst = ti.max(worst, low / radius[i])
                    if high > 0:
                        total[a] -= high
                        stored += high * high / 2
                        worst = ti.max(worst, high / radius[i])
            for a in ti.static(range(3)):
                force[3 * i + a] = total[a]
            energy[i] = stored
            deepest[i] = worst

    return SimpleNamespace(push=push)
