"""Counts of neighbouring labels in a table of blocks. Tables begin with the axes (bz, by, bx).

One pass over the volume gives exact counts for every block, so that totals and their sampling
errors come from the same numbers, whatever the number of threads.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations, permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from microstructures import Volume
from microstructures.errors import InvalidInputError
from solvers import progress, runtime
from solvers.sampling import BLOCKS, block_starts

Counts = NDArray[np.int32]

LARGEST_TABLE = 2**26  # counts, 256 MiB
DIRECTIONS = (  # one of each two opposite steps (z, y, x) to the 26 neighbours; along axes first
    *((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    *((0, 1, 1), (0, 1, -1), (1, 0, 1), (1, 0, -1), (1, 1, 0), (1, -1, 0)),
    *((1, 1, 1), (1, 1, -1), (1, -1, 1), (1, -1, -1)),
)


@dataclass(frozen=True, slots=True)
class BlockGrid:
    """Labels with a halo of voxels outside, as the kernels read them, and the blocks they count.

    ``labels`` are the positions of the voxels' phases in ``present``, or its length outside;
    ``bounds`` has a row (z0, z1, y0, y1, x0, x1) per block, counted with the halo.
    """

    labels: Any
    present: tuple[int, ...]
    strides: tuple[int, int]
    bounds: Counts
    table: tuple[int, int, int]
    blocks: int


def pair_counts(volume: Volume) -> tuple[BlockGrid, Counts, Counts]:
    """How often each phase neighbours each other one in the 13 directions of a voxel.

    Returns:
        The grid; counts of shape (bz, by, bx, 13, phases, phases) by voxel and neighbour; and
        counts of all neighbours inside the volume, of shape (bz, by, bx, 13).
    """
    present = _present(volume)
    grid = _grid(volume, present, 13 * len(present) ** 2, "interface areas")
    counts = runtime.zeros(_cells(grid) * 13 * len(present) ** 2, np.int32)
    inside = runtime.zeros(_cells(grid) * 13, np.int32)
    kernels, bounds = _kernels(grid), runtime.to_device(grid.bounds)
    for first, last in _slabs(grid, "interface areas"):
        kernels.pairs(grid.labels, bounds, counts, inside, first, last, len(present), *grid.strides)
    square = (len(present), len(present))
    return (
        grid,
        runtime.to_host(counts).reshape(*grid.table, 13, *square),
        runtime.to_host(inside).reshape(*grid.table, 13),
    )


def edge_counts(volume: Volume, codes: NDArray[np.uint8]) -> tuple[BlockGrid, Counts, Counts]:
    """How many voxel edges along each axis have voxels of three phases around them.

    Args:
        volume: labels of shape (nz, ny, nx).
        codes: 0, 1 or 2 for every voxel. An edge gets the lowest of its phases' highest codes.

    Returns:
        The grid; counts of shape (bz, by, bx, 3, triples, 3) by axis, triple and code, triples in
        the order of ``combinations(present, 3)``; and counts of all edges whose four voxels are
        inside, of shape (bz, by, bx, 3).
    """
    present = _present(volume)
    triples, kinds = _triple_numbers(len(present))
    grid = _grid(volume, present, 9 * kinds, "triple-phase boundaries")
    counts = runtime.zeros(_cells(grid) * 9 * kinds, np.int32)
    inside = runtime.zeros(_cells(grid) * 3, np.int32)
    kernels, bounds = _kernels(grid), runtime.to_device(grid.bounds)
    haloed, triples = runtime.to_device(np.pad(codes, 1)), runtime.to_device(triples)
    for first, last in _slabs(grid, "triple-phase boundaries"):
        kernels.edges(grid.labels, haloed, bounds, triples, counts, inside, first, last,
                      len(present), kinds, *grid.strides)  # fmt: skip
    return (
        grid,
        runtime.to_host(counts).reshape(*grid.table, 3, kinds, 3),
        runtime.to_host(inside).reshape(*grid.table, 3),
    )


def _present(volume: Volume) -> tuple[int, ...]:
    return tuple(label for label in volume.phases if volume.voxels(label))


def _grid(volume: Volume, present: tuple[int, ...], counts_per_block: int, what: str) -> BlockGrid:
    blocks = _blocks_per_axis(counts_per_block, len(present), what)
    shape = tuple(n + 2 for n in volume.shape)
    runtime.check_elements(int(np.prod(shape)), what)
    dtype = np.uint8 if len(present) < 256 else np.uint16
    cells = int(np.prod([min(blocks, n) for n in volume.shape]))
    runtime.reserve(
        3 * int(np.prod(shape)) * np.dtype(dtype).itemsize + 8 * cells * counts_per_block, what
    )
    table = np.full(65536, len(present), dtype=dtype)
    table[list(present)] = np.arange(len(present))
    haloed = np.full(shape, len(present), dtype=dtype)
    np.take(table, volume.labels, out=haloed[1:-1, 1:-1, 1:-1], mode="clip")
    bounds, cells_by_axis = _bounds(volume.shape, blocks)
    return BlockGrid(
        labels=runtime.to_device(haloed),
        present=present,
        strides=(shape[1] * shape[2], shape[2]),
        bounds=bounds,
        table=cells_by_axis,
        blocks=blocks,
    )


def _blocks_per_axis(counts_per_block: int, phases: int, what: str) -> int:
    """Blocks along an axis, fewer where many phases make each of them large."""
    if counts_per_block > LARGEST_TABLE:
        raise InvalidInputError(
            f"{what} of {phases} phases need a table of {counts_per_block} counts, more than the "
            f"{LARGEST_TABLE} there is room for: merge phases with volume.relabelled(...)"
        )
    fitting = round((LARGEST_TABLE / max(counts_per_block, 1)) ** (1 / 3) - 0.5)
    return min(max(fitting, 1), BLOCKS)


def _bounds(shape: tuple[int, int, int], blocks: int) -> tuple[Counts, tuple[int, int, int]]:
    starts = [block_starts(n, blocks) + 1 for n in shape]
    stops = [np.append(s[1:], n + 1) for s, n in zip(starts, shape, strict=True)]
    z, y, x = (len(s) for s in starts)
    index = np.indices((z, y, x)).reshape(3, -1)
    ends = [(a[i], b[i]) for a, b, i in zip(starts, stops, index, strict=True)]
    columns = [column for pair in ends for column in pair]
    return np.stack(columns, axis=1).astype(np.int32), (z, y, x)


def _cells(grid: BlockGrid) -> int:
    return len(grid.bounds)


def _slabs(grid: BlockGrid, what: str) -> Iterator[tuple[int, int]]:
    """First and last block of short launches, between which Ctrl-C is heard."""
    layers = grid.table[0]
    per_layer = _cells(grid) // layers
    for layer in range(layers):
        progress.report(what, layer / layers)
        yield layer * per_layer, (layer + 1) * per_layer
    progress.report(what, 1.0)


def _kernels(grid: BlockGrid) -> Any:
    from solvers._kernels import neighbours
    from solvers._ti import ti

    return neighbours.build(ti.u8 if len(grid.present) < 256 else ti.u16, DIRECTIONS)


def _triple_numbers(phases: int) -> tuple[Counts, int]:
    """Number of every triple of different phases at l·phases² + m·phases + n, in any order."""
    numbers = np.zeros(max(phases, 1) ** 3, dtype=np.int32)
    kinds = 0
    for kinds, triple in enumerate(combinations(range(phases), 3), start=1):
        for a, b, c in permutations(triple):
            numbers[(a * phases + b) * phases + c] = kinds - 1
    return numbers, kinds
