"""Winograd: tiles of the output by a bilinear algorithm, its three readings from the same
transforms.

On each axis a layer of stride 1 and dilation d is cut into d interleaved ones of dilation 1, and
these into tiles of m outputs: o = d*(m*t + i) + e for tile t, place i < m, residue e < d. A tile
meets the inputs j < m + K - 1, and with the algorithm's matrices A, G, B (applied along every axis)

    V = B x,  U = G w,  Z = A^T dy        y = A (U V),   dw = G^T (Z V),   dx = B^T (U Z)

where the products between channels are matrix products, one for each row of the algorithm. Arrays
of tiles have the channels last, (products, n, tiles and residues, channels): transforms are then
sums of long runs.

The functions are copied into the emitted files, so they use NumPy and each other only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from symconv.kernels.fast.arrays import _SMALL, Take, _blocks, _buffer, _parallel, _room, _within
from symconv.kernels.fast.linear import _apply, _passes
from symconv.kernels.prelude import _reach

# arrays are indexed by tuples made at run time, which NumPy's own types do not follow
Array = Any
Axes = Sequence[tuple[int, ...]]
Matrix = tuple[tuple[int, ...], ...]

__all__ = ["TILES"]

#: (tile, taps) -> A, G times its denominators, B, the denominators; an emitted file has its table
_WINOGRAD: dict[tuple[int, int], tuple[Any, Any, Any, tuple[int, ...]]] = {}


#: bytes of transformed arrays at a time
TILES = _TILES = 8 << 20


def _tile(taps: int, places: int) -> int:
    """The tile of an axis: the largest that there is an algorithm for, unless a smaller one needs
    fewer products.
    """
    found = sorted(m for m, K in _WINOGRAD if taps == K)
    return min(found, key=lambda m: (-(-places // m) * (m + taps - 1), m))


def _algorithms(axes: Axes) -> tuple[list[int], list[list[Matrix]], list[tuple[int, ...]]]:
    """For each axis the tile m; A, G and B as lists of matrices; G's denominators."""
    tiles = [_tile(K, -(-O // d)) for _, K, O, _, d, _ in axes]
    A, G, B, whole = (
        list(each) for each in zip(*(_WINOGRAD[m, K] for m, (_, K, *_) in zip(tiles, axes)))
    )
    return tiles, [A, G, B], whole


def _transposed(matrices: Sequence[Matrix]) -> list[Matrix]:
    return [tuple(zip(*matrix)) for matrix in matrices]


def _applied(matrix: Matrix, values: Sequence[Array], out: Any, take: Take) -> None:
    """out[i] = row i of the matrix times ``values``."""
    passes = _passes(matrix)
    _apply(passes, values, out, take((1 + sum(row is None for row, _ in passes), *values[0].shape)))


def _spread(
    a: Array, n: int, rows: slice, matrices: Sequence[Matrix], cut: Axes, out: Array, take: Take
) -> None:
    """The tiles of image n of ``a`` (N, channels, *H), transformed: V = B x, or Z = A^T dy.

    ``cut`` says H, p, d, m and the number of tiles on each axis; ``rows`` are the tiles of the
    first axis that are made. ``out`` is (*products, tiles and residues of each axis, channels). The
    axes are transformed from the last to the first.
    """
    count, (start, stop, _) = len(cut), rows.indices(cut[0][4])
    begin = [start] + [0] * (count - 1)
    tiles = [stop - start, *(T for *_, T in cut[1:])]
    beyond = [-((m - len(matrix[0])) // m) for matrix, (_, _, _, m, _) in zip(matrices, cut)]
    long = [T + more for T, more in zip(tiles, beyond)]
    # the padded rows, channels last; on the last axis (place in tile, tile, residue), so that what
    # is added is long runs
    (_, _, d, m, _) = cut[-1]
    shape = [T * axis[3] * axis[2] for T, axis in zip(long[:-1], cut)]
    padded = take((*shape, m, long[-1], d, a.shape[1]))
    padded[...] = 0
    lead = [
        _reach(axis[2] * axis[3] * t - axis[1], 1, size, axis[0])
        for axis, t, size in zip(cut, begin, shape)
    ]
    for i, e in np.ndindex(m, d):
        last = _reach(d * (m * begin[-1] + i) + e - cut[-1][1], d * m, long[-1], cut[-1][0])
        source = (n, slice(None), *(h for _, h in lead), last[1])
        padded[(*(q for q, _ in lead), i, last[0], e)] = np.moveaxis(a[source], 0, -1)
    values = [
        padded[..., j % m, j // m : j // m + tiles[-1], :, :] for j in range(len(matrices[-1][0]))
    ]
    for axis in reversed(range(count)):
        matrix = matrices[axis]
        made = out if axis == 0 else take((len(matrix), *values[0].shape))
        _applied(matrix, values, made, take)
        if axis:  # the next axis stands in place count - 1, whichever it is
            (_, _, d, m, _) = cut[axis - 1]
            apart = made.reshape(
                *made.shape[: count - 1], long[axis - 1], m, d, *made.shape[count:]
            )
            every = (slice(None),) * (count - 1)
            values = [
                apart[(*every, slice(j // m, j // m + tiles[axis - 1]), j % m)]
                for j in range(len(matrices[axis - 1][0]))
            ]


def _collect(
    a: Array, first: int, rows: slice, matrices: Sequence[Matrix], cut: Axes, b: Any, take: Take
) -> Array:
    """Tiles transformed back and laid where they belong, overlapping ones added: y = A M, or dx =
    B^T P.

    ``a`` is (*products, tiles and residues of each axis, channels) with the tiles from ``first`` on
    on the first axis; the result is (*places, channels) for the tiles ``rows`` of the first axis,
    with ``b`` added.
    """
    count = len(cut)
    for axis, (matrix, (_, _, d, m, T)) in enumerate(zip(matrices, cut)):
        beyond = -((m - len(matrix)) // m)
        start, stop, begin = (rows.start, rows.stop, first) if axis == 0 else (0, T + beyond, 0)
        # the tiles that reach into these rows stand in place count - 1 - axis, after what is left
        # of the products
        tiles = slice(max(0, start - beyond - begin), stop - begin)
        every = (slice(None),) * (count - 1)
        values = [each[(*every, tiles)] for each in a]
        made = take((len(matrix), *values[0].shape))
        _applied(matrix, values, made, take)
        there = range(begin + tiles.start, begin + tiles.start + values[0].shape[count - 1])
        laid = take((*made.shape[1:count], stop - start, m, *made.shape[count + 1 :]))
        if beyond:
            laid[...] = 0
        for j, each in enumerate(made):
            reached = range(max(start, there.start + j // m), min(stop, there.stop + j // m))
            if not reached:
                continue
            place = laid[(*every, slice(reached.start - start, reached.stop - start), j % m)]
            from_tile = reached.start - j // m - there.start
            part = each[(*every, slice(from_tile, from_tile + len(reached)))]
            if beyond:
                place += part
            elif b is not None and axis == count - 1:
                np.add(part, b, out=place)
            else:
                place[...] = part
        a = laid.reshape(*laid.shape[: count - 1], (stop - start) * m * d, *laid.shape[count + 2 :])
    return a


def _put(made: Array, target: Array, cut: Axes, rows: slice, add: bool) -> None:
    """What :func:`_collect` made, channels first, into one image of y or dx (channels, *H): cropped
    to the rows there are. Rows that no tile reaches are left as they were.
    """
    (H, p, d, m, _), *others = cut
    size = d * m
    begin = size * rows.start - p
    start, stop = max(0, begin), min(H, size * rows.stop - p)
    inner: Any = [slice(p, p + H) for H, p, _, _, _ in others]
    reached: Any = [slice(min(H, n - p)) for n, (H, p, _, _, _) in zip(made.shape[1:], others)]
    # a few rows at a time, which stay in the caches while they are turned
    few = max(1, 512 // max(1, prod(H for H, *_ in others)))
    for i in range(start, stop, few):
        end = min(i + few, stop)
        part = np.moveaxis(made[(slice(i - begin, end - begin), *inner)], -1, 0)
        place = target[(slice(None), slice(i, end), *reached)]
        if add:
            place += part
        else:
            place[...] = part


def _along(matrices: Sequence[Matrix], a: Array, out: Array, take: Take) -> None:
    """``out`` = the matrices applied along the first axes of ``a``."""
    count = len(matrices)
    for axis in reversed(range(count)):
        # what is transformed goes first, so that the next axis stands in place count - 1, whichever
        # it is
        values = [a[(slice(None),) * (count - 1) + (j,)] for j in range(a.shape[count - 1])]
        made = out if axis == 0 else take((len(matrices[axis]), *values[0].shape))
        _applied(matrices[axis], values, made, take)
        a = made


def _divided(a: Array, denominators: Sequence[tuple[int, ...]]) -> None:
    """The rows of the algorithm that G's fractions belong to, divided."""
    for row in np.ndindex(*a.shape[: len(denominators)]):
        whole = prod(each[q] for each, q in zip(denominators, row))
        if a.dtype.kind in "fc":
            a[row] *= 1 / whole
        elif whole != 1:
            a[row] = a[row] / whole


def _shared(
    count: int, workspace: int, threads: int, dtype: Any, task: Callable[[int, Take], None]
) -> None:
    """task(i, take) for i in range(count), each thread with a room of its own to take from."""
    _parallel(lambda i: task(i, _within(_room(workspace, threads), dtype)), count, threads)


def _weights(
    w: Array,
    G: Sequence[Matrix],
    denominators: Sequence[tuple[int, ...]],
    take: Take,
    workspace: int,
    threads: int,
) -> Array:
    """U = G w (*products, g, c, f)."""
    groups, F, C, *taps = w.shape
    U = take((*map(len, G), groups, C, F))
    few = max(1, workspace // 8 // threads // (8 * prod(map(len, G)) * F * w.itemsize))
    parts = [(g, slice(c, min(c + few, C))) for g in range(groups) for c in range(0, C, few)]

    def make(i: int, room: Take) -> None:
        g, c = parts[i]
        # taps first, so that the sums are long runs
        a = room((*taps, c.stop - c.start, F))
        np.copyto(a, np.moveaxis(w[g, :, c], (0, 1), (-1, -2)))
        _along(G, a, U[(*[slice(None)] * len(G), g, c)], room)

    _shared(len(parts), workspace, threads if U.size > _SMALL else 1, w.dtype, make)
    _divided(U, denominators)
    return U


def _cut(axes: Axes, tiles: Sequence[int], offset: bool) -> list[tuple[int, ...]]:
    """H, p, d, m and the number of tiles on each axis: of x, or (without offset) of y."""
    return [
        (H if offset else O, p if offset else 0, d, m, -(-O // (d * m)))
        for (H, _, O, _, d, p), m in zip(axes, tiles)
    ]


def _tile_blocks(
    axes: Axes, tiles: Sequence[int], images: int, numbers: int, itemsize: int, workspace: int
) -> Any:
    """(images, tile rows of the first axis) of blocks whose transformed arrays, so many numbers a
    place, stay bounded.
    """
    cut = _cut(axes, tiles, False)
    places = prod(T * d for _, _, d, _, T in cut)
    return _blocks(images, cut[0][4], places * numbers * itemsize, min(_TILES, workspace // 4))


def _make_tiles(
    a: Array,
    n: slice,
    rows: slice,
    matrices: Sequence[Matrix],
    cut: Axes,
    take: Take,
    workspace: int,
    threads: int,
) -> Array:
    """:func:`_spread` for the images and tile rows of a block, on all threads: (*products, n,
    tiles and residues, channels).
    """
    space = [
        size
        for T, d in zip([rows.stop - rows.start, *(T for *_, T in cut[1:])], (c[2] for c in cut))
        for size in (T, d)
    ]
    V = take((*map(len, matrices), n.stop - n.start, *space, a.shape[1]))
    # so many tile rows at a time that a thread's room holds them, and the caches
    each = (
        4
        * prod(T * d * m for _, _, d, m, T in cut[1:])
        * cut[0][2]
        * len(matrices[0][0])
        * a.shape[1]
        * a.itemsize
    )
    few = max(
        1,
        min(
            workspace // 8 // threads // max(1, each),
            -(-(rows.stop - rows.start) * (n.stop - n.start) // threads),
        ),
    )
    parts = [
        (i, slice(t, min(t + few, rows.stop)))
        for i in range(n.start, n.stop)
        for t in range(rows.start, rows.stop, few)
    ]
    every = (slice(None),) * len(matrices)

    def make(i: int, own: Take) -> None:
        image, t = parts[i]
        part = V[(*every, image - n.start, slice(t.start - rows.start, t.stop - rows.start))]
        _spread(a, image, t, matrices, cut, part, own)

    _shared(len(parts), workspace, threads if V.size > _SMALL else 1, a.dtype, make)
    return V


def _lay_tiles(
    M: Array,
    n: slice,
    rows: slice,
    matrices: Sequence[Matrix],
    cut: Axes,
    b: Any,
    target: Array,
    workspace: int,
    threads: int,
) -> None:
    """:func:`_collect` and :func:`_put` for the images and tile rows of a block, on all threads."""
    (_, _, d, m, T), count = cut[0], len(matrices)
    beyond = -((m - len(matrices[0])) // m)
    whole = rows.stop - rows.start == T
    stop = rows.stop + beyond
    each = (
        4
        * prod(T * d * m for _, _, d, m, T in cut[1:])
        * d
        * len(matrices[0])
        * M.shape[-1]
        * M.itemsize
    )
    few = max(
        1,
        min(
            workspace // 8 // threads // max(1, each),
            -(-(stop - rows.start) * (n.stop - n.start) // threads),
        ),
    )
    parts = [
        (i, slice(t, min(t + few, stop)))
        for i in range(n.start, n.stop)
        for t in range(rows.start, stop, few)
    ]

    def lay(i: int, own: Take) -> None:
        image, t = parts[i]
        tiles = M[(*[slice(None)] * count, image - n.start)]
        made = _collect(tiles, rows.start, t, matrices, cut, b, own)
        _put(made, target[image], cut, t, add=bool(beyond) and not whole)

    _shared(len(parts), workspace, threads if M.size > _SMALL else 1, M.dtype, lay)


def _products(a: Array, b: Array, groups: int, take: Take, over: str) -> Array:
    """The matrix products between channels, one for each row of the algorithm and group.

    ``a`` is (*products, n, tiles and residues, groups and channels). ``over`` says what is summed:
    "c", channels of the group, with weights b (*products, g, c, f) to an array of a's kind; or
    "places", with b of a's kind, to weights.
    """
    count = b.ndim - 3 if over == "c" else (a.ndim - 2) // 3
    rows = prod(a.shape[:count])

    def grouped(tiles: Array) -> Array:  # (products, groups, places, channels of a group)
        return tiles.reshape(rows, -1, groups, tiles.shape[-1] // groups).swapaxes(1, 2)

    if over == "c":
        made = take((*a.shape[:-1], groups * b.shape[-1]))
        np.matmul(grouped(a), b.reshape(rows, groups, *b.shape[-2:]), out=grouped(made))
        return made
    return np.matmul(
        grouped(a).swapaxes(2, 3),
        grouped(b),
        out=take((rows, groups, a.shape[-1] // groups, b.shape[-1] // groups)),
    )


def _halves(groups: int, channels: int) -> list[tuple[slice, slice]]:
    """(groups, channels) in two parts, which are computed one after the other."""
    g, c = (groups, 1) if groups > 1 else (1, channels)
    cut = (g if groups > 1 else c) // 2
    whole = slice(None)
    return [
        (part, whole) if groups > 1 else (whole, part) for part in (slice(0, cut), slice(cut, None))
    ]


def _winograd_y(
    x: Array, w: Array, b: Any, y: Array, axes: Axes, workspace: int, threads: int
) -> None:
    """y = A (U V): tiles of x and the weights transformed, a matrix product for each row of the
    algorithm, and back.
    """
    tiles, (A, G, B), denominators = _algorithms(axes)
    groups, F, C = w.shape[:3]
    products = prod(map(len, G))
    used = products * w[..., *[0] * len(axes)].nbytes + 64
    if (
        used > workspace // 2 and groups * F > 1
    ):  # the transformed weights take too much: fewer filters at a time
        for g, f in _halves(groups, F):
            bias = None if b is None else b[g, f]
            _winograd_y(x[:, g], w[g, f], bias, y[:, g, f], axes, workspace, threads)
        return
    kept = _buffer(workspace)
    U = _weights(w, G, denominators, _within(kept[:used], x.dtype), workspace, threads)
    a = x.reshape(len(x), groups * C, *x.shape[3:])
    target = y.reshape(len(y), groups * F, *y.shape[3:])
    for n, rows in _tile_blocks(
        axes, tiles, len(x), products * groups * (C + F), x.itemsize, workspace
    ):
        take = _within(kept[used:], x.dtype)
        V = _make_tiles(a, n, rows, B, _cut(axes, tiles, True), take, workspace, threads)
        M = _products(V, U, groups, take, "c")
        _lay_tiles(
            M,
            n,
            rows,
            A,
            _cut(axes, tiles, False),
            None if b is None else b.reshape(-1),
            target,
            workspace,
            threads,
        )


def _winograd_backward(
    dy: Array, x: Array, w: Array, dx: Any, dw: Any, axes: Axes, workspace: int, threads: int
) -> None:
    """dx = B^T (U Z) and dw = G^T (Z V), whichever is not None: the other two readings of the
    same products.
    """
    tiles, (A, G, B), denominators = _algorithms(axes)
    groups, F, C = w.shape[:3]
    products, count = prod(map(len, G)), len(axes)
    size = products * w[..., *[0] * count].nbytes + 64
    if size > workspace // 4 and groups * C > 1:  # fewer channels of x at a time
        for g, c in _halves(groups, C):
            part = None if dx is None else dx[:, g, c], None if dw is None else dw[g, :, c]
            a = None if dw is None else x[:, g, c]
            _winograd_backward(dy[:, g], a, w[g, :, c], *part, axes, workspace, threads)
        return
    kept = _buffer(workspace)
    weights = _within(kept[: 2 * size], dy.dtype)
    U = (
        None
        if dx is None
        else np.swapaxes(_weights(w, G, denominators, weights, workspace, threads), -1, -2)
    )
    total = weights((products, groups, C, F))
    total[...] = 0
    inputs, outputs = _cut(axes, tiles, True), _cut(axes, tiles, False)
    slopes = dy.reshape(len(dy), groups * F, *dy.shape[3:])
    a = None if dw is None else x.reshape(len(x), groups * C, *x.shape[3:])
    target: Any = None if dx is None else dx.reshape(len(dx), groups * C, *dx.shape[3:])
    if dx is not None and any(H > O + d * (K - 1) - p for H, K, O, _, d, p in axes):
        dx[...] = 0  # rows that no window reaches
    for n, rows in _tile_blocks(
        axes, tiles, len(dy), products * groups * (C + F), dy.itemsize, workspace
    ):
        take = _within(kept[2 * size :], dy.dtype)
        Z = _make_tiles(slopes, n, rows, _transposed(A), outputs, take, workspace, threads)
        if dw is not None:
            V = _make_tiles(a, n, rows, B, inputs, take, workspace, threads)
            total += _products(V, Z, groups, take, "places")
        if U is not None:
            if rows.start == 0 and rows.stop < outputs[0][4]:
                target[n] = 0  # tiles of the next block reach into the rows of this one
            P = _products(Z, U, groups, take, "c")
            _lay_tiles(P, n, rows, _transposed(B), inputs, None, target, workspace, threads)
    if dw is not None:
        sums = total.reshape(*map(len, G), groups, C, F)
        _divided(sums, denominators)
        found = np.empty((*dw.shape[3:], groups, C, F), dw.dtype)
        _along(_transposed(G), sums, found, _within(kept[2 * size :], dw.dtype))
        dw[...] = found.transpose(count, count + 2, count + 1, *range(count))
