"""Kernels for graphs: nodes joined by weighted edges, stored as compressed rows.

The edges of node i are ``first[i]`` to ``first[i + 1]``; edge e leads to node ``columns[e]`` with
the conductance ``weights[e]``, and ``ground[i]`` joins i to 0. Every loop has one thread per row
and writes to that row only, so that no result depends on who ran first.
"""

import functools
from types import SimpleNamespace

from solvers._ti import kernel, ti

Indices = ti.types.ndarray(dtype=ti.i32, ndim=1)


@functools.cache
def build(real):
    """Kernels of a level in the precision ``real``."""
    Array = ti.types.ndarray(dtype=real, ndim=1)

    @ti.func
    def rest(x: ti.template(), b: ti.template(), first: ti.template(), columns: ti.template(),
             weights: ti.template(), ground: ti.template(), i):  # fmt: skip
        """(b - A x)[i], as differences, and the diagonal"""
        here, held = x[i], ground[i]
        flow, total = held * here, held
        for e in range(first[i], first[i + 1]):
            weight = weights[e]
            flow += weight * (here - x[columns[e]])
            total += weight
        return b[i] - flow, total

    @ti.func
    def inverse(total):
        """1 / total, or 0 for a node that nothing is joined to"""
        return ti.select(total > ti.cast(0, real), 1 / ti.max(total, ti.cast(1e-35, real)), 0)

    @kernel
    def start(b: Array, out: Array, weight: real, first: Indices, weights: Array, ground: Array):
        """out = weight D⁻¹ b: the first relaxation from zero"""
        for i in range(first.shape[0] - 1):
            total = ground[i]
            for e in range(first[i], first[i + 1]):
                total += weights[e]
            out[i] = weight * b[i] * inverse(total)

    @kernel
    def relax(x: Array, b: Array, out: Array, weight: real, first: Indices, columns: Indices,
              weights: Array, ground: Array):  # fmt: skip
        """out = x + weight D⁻¹ (b - A x)"""
        for i in range(first.shape[0] - 1):
            left, total = rest(x, b, first, columns, weights, ground, i)
            out[i] = x[i] + weight * left * inverse(total)

    @kernel
    def restrict(x: Array, b: Array, out: Array, owned: Indices, members: Indices, first: Indices,
                 columns: Indices, weights: Array, ground: Array):  # fmt: skip
        """out = sum of b - A x over the members of each aggregate"""
        for k in range(owned.shape[0] - 1):
            total = ti.cast(0, real)
            for m in range(owned[k], owned[k + 1]):
                left, _ = rest(x, b, first, columns, weights, ground, members[m])
                total += left
            out[k] = total

    @kernel
    def prolong(coarse: Array, x: Array, owners: Indices):
        """x += the value of the aggregate, if the node is in one"""
        for i in range(owners.shape[0]):
            if owners[i] >= 0:
                x[i] += coarse[owners[i]]

    @kernel
    def gather(source: Array, elements: Indices, out: Array):
        """out = the chosen elements"""
        for i in range(elements.shape[0]):
            out[i] = source[elements[i]]

    @kernel
    def put(x: Array, elements: Indices, out: Array):
        """the chosen elements = x"""
        for i in range(elements.shape[0]):
            out[elements[i]] = x[i]

    @kernel
    def add(x: Array, elements: Indices, out: Array):
        """the chosen elements += x"""
        for i in range(elements.shape[0]):
            out[elements[i]] += x[i]

    return SimpleNamespace(
        start=start,
        relax=relax,
        restrict=restrict,
        prolong=prolong,
        gather=gather,
        put=put,
        add=add,
    )


@functools.cache
def pairing(real):
    """Kernels that pair nodes along their strongest edges; ``mates`` is -1 for the unpaired."""
    Array = ti.types.ndarray(dtype=real, ndim=1)

    @ti.func
    def scattered(a, b):
        """A number that looks like chance"""
        h = ti.cast(a, ti.u32) * ti.u32(2654435769) ^ ti.cast(b, ti.u32) * ti.u32(2246822519)
        h = (h ^ (h >> ti.u32(16))) * ti.u32(2146121005)
        return h ^ (h >> ti.u32(15))

    @ti.func
    def strength(weight, i, j):
        """The weight, and between equals a rank at random, the same both ways"""
        rank = ti.cast(scattered(ti.min(i, j), ti.max(i, j)), ti.f64) / 4294967296.0
        return ti.cast(weight, ti.f64) * (1.0 + 1e-3 * rank)

    @ti.func
    def is_choice(mate, i, j, camps):
        """Whether i may choose j: a paired node, or an unpaired one, of the other camp if asked"""
        right = mate < 0
        if camps < 0:
            right = not right
        if camps > 0:
            sides = scattered(i, camps) ^ scattered(j, camps)
            right = right and (sides & ti.u32(1)) == 1
        return right

    @kernel
    def choose(mates: Indices, choice: Indices, first: Indices, columns: Indices, weights: Array,
               camps: ti.i32, share: real):  # fmt: skip
        """choice = strongest neighbour of each unpaired node, among those that it may choose

        Edges below ``share`` of the strongest are not followed.
        """
        for i in range(mates.shape[0]):
            best, found, most = ti.f64(0.0), -1, ti.cast(0, real)
            if mates[i] < 0:
                for e in range(first[i], first[i + 1]):
                    most = ti.max(most, weights[e])
                for e in range(first[i], first[i + 1]):
                    j = columns[e]
                    if weights[e] >= share * most and is_choice(mates[j], i, j, camps):
                        value = strength(weights[e], i, j)
                        if value > best:
                            best, found = value, j
            choice[i] = found

    @kernel
    def pair(mates: Indices, choice: Indices):
        """Pair the unpaired nodes that chose each other"""
        for i in range(mates.shape[0]):
            j = choice[i]
            if j >= 0 and choice[ti.max(j, 0)] == i:
                mates[i] = j

    return SimpleNamespace(choose=choose, pair=pair)
