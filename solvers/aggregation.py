"""Aggregation: the graph of conducting voxels, and smaller graphs made by joining its nodes.

A node is joined along its strongest edges only, so what is not joined on the fine graph never
shares a node of a coarser one, however close together it lies: the potentials of pieces that touch
nowhere near can differ at every size.
"""

from dataclasses import dataclass
from functools import cache
from itertools import product

import numpy as np
import scipy.sparse
from numpy.typing import NDArray

from solvers import runtime
from solvers._kernels import graph as kernels
from solvers.medium import Medium

Real = NDArray[np.floating]
Indices = NDArray[np.int32]

ROUNDS = 2  # of pairing those who choose each other
MORE_ROUNDS, SINGLE = 8, 0.25  # while more than this share is single, of pairing across two camps
STRONG = 0.1  # share of a node's strongest edge below which it is not joined along an edge
PASSES = 2  # of pairing: aggregates of four nodes, and those that found no mate
CORNERS = tuple(product((0, 1), repeat=3))


@dataclass(frozen=True, slots=True, eq=False)
class Graph:
    """Nodes joined by conductances, as compressed rows with each edge stored both ways.

    The edges of node i are those from ``first[i]`` to ``first[i + 1]``, shape (nodes + 1,), to the
    nodes ``columns`` with ``weights`` > 0; ``ground`` ≥ 0 joins each node to 0.
    """

    first: Indices
    columns: Indices
    weights: Real
    ground: Real

    @property
    def size(self) -> int:
        """Number of nodes."""
        return len(self.ground)


@dataclass(frozen=True, slots=True, eq=False)
class Aggregates:
    """The aggregate 0, 1, … of each node, -1 for nodes without edges, which need none."""

    owners: Indices
    count: int

    def reordered(self, order: Indices) -> "Aggregates":
        """The same groups, of which ``order[k]`` now has the number k."""
        rank = np.append(np.empty_like(order), np.int32(-1))
        rank[order] = np.arange(self.count, dtype=np.int32)
        return Aggregates(rank[self.owners], self.count)

    def members(self) -> tuple[Indices, Indices]:
        """Where the nodes of each aggregate start, shape (count + 1,), and all of these nodes."""
        order = np.argsort(self.owners, kind="stable").astype(np.int32)
        sizes = np.bincount(self.owners + 1, minlength=self.count + 1)
        return (np.cumsum(sizes) - sizes[0]).astype(np.int32), order[sizes[0] :]


def graph_of(medium: Medium, elements: NDArray[np.integer]) -> Graph:
    """The graph of some voxels of a medium; everything else is held at 0.

    Args:
        medium: what the faces conduct.
        elements: places of the voxels in a flat array, ascending.
    """
    faces = runtime.to_host(medium.stored().values).reshape(-1, medium.grid.size)
    number = _numbers(medium, elements)
    runtime.check_elements(6 * len(elements), f"the graph of {len(elements)} voxels")
    steps = (*medium.grid.strides, 1)
    ground = faces[3][elements] if medium.grounded else np.zeros(len(elements), medium.dtype)
    columns = np.empty((len(elements), 6), np.int32)
    weights = np.empty((len(elements), 6), medium.dtype)
    for axis, step in enumerate(steps):
        for side, (place, shift) in enumerate(((elements - step, -step), (elements, step))):
            slot = axis if side == 0 else 5 - axis  # in the order of a flat array
            columns[:, slot] = number[elements + shift]
            weights[:, slot] = faces[axis][place]
    del faces, number  # their memory is needed
    outside = columns < 0
    ground = ground + weights.sum(axis=1, where=outside)
    itself = columns == np.arange(len(elements), dtype=np.int32)[:, None]  # one periodic layer
    kept = ~outside & ~itself & (weights > 0)
    first = np.zeros(len(elements) + 1, np.int32)
    np.cumsum(kept.sum(axis=1), out=first[1:])
    return Graph(first, columns[kept], weights[kept], ground)


def by_degree(graph: Graph) -> tuple[Graph, Indices]:
    """The same graph with its nodes in ascending order of their number of edges, and that order.

    Loops over the edges of one node after the other then take the same number of turns, which
    more than halves their time.
    """
    degrees = np.diff(graph.first)
    if degrees.max(initial=0) < 256:
        degrees = degrees.astype(np.uint8)  # sorted by counting
    order = np.argsort(degrees, kind="stable").astype(np.int32)
    rank = np.empty_like(order)
    rank[order] = np.arange(graph.size, dtype=np.int32)
    edges = (graph.weights, graph.columns, graph.first)
    rows = scipy.sparse.csr_array(edges, (graph.size, graph.size))[order]
    first = rows.indptr.astype(np.int32)
    weights = rows.data.astype(graph.weights.dtype, copy=False)
    return Graph(first, rank[rows.indices], weights, graph.ground[order]), order


def _numbers(medium: Medium, elements: NDArray[np.integer]) -> Indices:
    """Number of the node at each place of a flat array, -1 for none; the halo may repeat some."""
    number = np.full(medium.grid.size, -1, np.int32)
    number[elements] = np.arange(len(elements), dtype=np.int32)
    padded = number.reshape(medium.grid.padded)
    for axis, periodic in enumerate(medium.periodic):
        if periodic:
            layers = np.moveaxis(padded, axis, 0)
            layers[0], layers[-1] = layers[-2], layers[1]
    return number


def aggregates(graph: Graph) -> Aggregates:
    """Connected groups of about six nodes each, joined along the strongest edges.

    Pairs are found twice over; a node that nobody chose joins the pair of its strongest neighbour.

    Source: Notay, Electron. Trans. Numer. Anal. 37 (2010) 123 (double pairwise aggregation)
        [not opened].
    """
    owners = np.arange(graph.size, dtype=np.int32)
    joined = graph
    for step in range(PASSES):
        pairs = _pairs(joined)
        owners = pairs.owners[owners]
        if step + 1 < PASSES:
            joined = collapsed(joined, pairs)
    lone = np.diff(graph.first) == 0
    return _numbered(np.where(lone, -1, owners))


def collapsed(graph: Graph, groups: Aggregates, scale: float = 1.0) -> Graph:
    """The graph of the aggregates: conductances between two of them add up, as to the ground.

    Args:
        graph: the fine graph.
        groups: its aggregates.
        scale: factor on the edges between aggregates, which are longer than the fine ones.
    """
    owners, count, dtype = groups.owners, groups.count, graph.weights.dtype
    rows = np.repeat(owners, np.diff(graph.first))
    columns = owners[graph.columns]
    # summed one way and copied the other, so that both ways agree to the last bit
    upper = np.flatnonzero((rows < columns) & (rows >= 0))
    ends = (rows[upper], columns[upper])
    half = scipy.sparse.coo_array((graph.weights[upper], ends), (count, count)).tocsr()
    whole = (half + half.T).tocsr()
    kept = owners >= 0
    ground = np.bincount(owners[kept], graph.ground[kept], minlength=count).astype(dtype)
    weights = (scale * whole.data).astype(dtype)
    return Graph(whole.indptr.astype(np.int32), whole.indices.astype(np.int32), weights, ground)


def _pairs(graph: Graph) -> Aggregates:
    """Pairs of nodes that are each other's strongest neighbour, and those who join them."""
    find = kernels.pairing(runtime.taichi_type(graph.weights.dtype))
    edges = (graph.first, graph.columns, graph.weights)
    mates, choice = (np.full(graph.size, -1, np.int32) for _ in range(2))
    for camps in range(ROUNDS + MORE_ROUNDS):
        if camps >= ROUNDS and np.count_nonzero(mates < 0) < SINGLE * graph.size:
            break
        # on a slope everybody chooses upwards, and nobody is chosen back: two camps at random help
        find.choose(mates, choice, *edges, max(camps - ROUNDS + 1, 0), STRONG)
        find.pair(mates, choice)
    find.choose(mates, choice, *edges, -1, STRONG)
    nodes = np.arange(graph.size, dtype=np.int32)
    roots = np.where(mates >= 0, np.minimum(nodes, mates), nodes)
    return _numbered(np.where(choice >= 0, roots[choice], roots))


def _numbered(roots: Indices) -> Aggregates:
    """Groups of equal roots, counted without gaps in the order of the roots; -1 stays."""
    used = np.zeros(int(roots.max(initial=-1)) + 1, np.int32)
    used[roots[roots >= 0]] = 1
    number = np.append(np.cumsum(used, dtype=np.int32) - 1, np.int32(-1))
    return Aggregates(number[roots], int(used.sum()))


def fragmentation(mask: NDArray[np.bool_]) -> tuple[float, float]:
    """Pieces in a block of 2 × 2 × 2 voxels that holds any, and voxels in a piece, on average.

    A piece is joined through faces inside its block. Compact phases come close to (1, 7), random
    voxels at their percolation threshold to (1.2, 2.2).

    Args:
        mask: True for the voxels that count, shape (n0, n1, n2).
    """
    padded = np.pad(mask, [(0, n % 2) for n in mask.shape])
    pattern = np.zeros([n // 2 for n in padded.shape], np.uint8)
    for bit, (z, y, x) in enumerate(CORNERS):
        pattern |= padded[z::2, y::2, x::2].view(np.uint8) << np.uint8(bit)
    times = np.bincount(pattern.ravel(), minlength=256)
    pieces = int(times @ _pieces())
    blocks, voxels = int(times[1:].sum()), int(np.count_nonzero(mask))
    return pieces / max(blocks, 1), voxels / max(pieces, 1)


@cache
def _pieces() -> NDArray[np.int64]:
    """Number of pieces of each of the 256 patterns of a block."""
    faces = [(a, a | 1 << bit) for bit in range(3) for a in range(8) if not a >> bit & 1]
    counts = np.zeros(256, np.int64)
    for pattern in range(256):
        labels = list(range(8))
        for _ in range(8):
            for a, b in faces:
                if pattern >> a & 1 and pattern >> b & 1:
                    labels[a] = labels[b] = min(labels[a], labels[b])
        counts[pattern] = len({labels[a] for a in range(8) if pattern >> a & 1})
    return counts
