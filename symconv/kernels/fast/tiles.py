"""Winograd: tiles of the output by a bilinear algorithm, its three readings from the same
transforms.

On each axis a layer of stride 1 and dilation d is cut into d interleaved ones of dilation 1, and
these into tiles of m outputs: o = d*(m*t + i) + e for tile t, place i < m, residue e < d. A tile
meets the inputs j < m + K - 1, and with the algorithm's matrices A, G, B (on several axes: their
Kronecker products)

    V = B x,  U = G w,  Z = A^T dy        y = A (U V),   dw = G^T (Z V),   dx = B^T (U Z)

where the products between channels are matrix products, one for each row of the algorithm. The
transforms are matrix products too, of a small constant matrix with tiles laid out as columns
(place in the tile, image, tiles and residues, channel): channels last, so that what is copied and
added is long runs.

The functions are copied into the emitted files, so they use NumPy and each other only.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from symconv.kernels.fast.arrays import _SMALL, Take, _blocks, _buffer, _parallel, _within
from symconv.kernels.prelude import _reach

# arrays are indexed by tuples made at run time, which NumPy's own types do not follow
Array = Any
Axes = Sequence[tuple[int, ...]]
Matrix = tuple[tuple[int, ...], ...]

__all__ = ["TILES"]

#: (tile, taps) -> A, G times its denominators, B, the denominators; an emitted file has its table
_WINOGRAD: dict[tuple[int, int], tuple[Any, Any, Any, tuple[int, ...]]] = {}

#: bytes of transformed tiles at a time
TILES = _TILES = 16 << 20

#: Kronecker products of matrices, by these and dtype
_NESTED: dict[Any, Array] = {}


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


def _nested(matrices: Sequence[Matrix], dtype: Any) -> Array:
    """The matrices of all axes as one, their Kronecker product."""
    key = (tuple(matrices), dtype)
    if key not in _NESTED:
        whole = np.ones((1, 1), int)
        for matrix in matrices:
            whole = np.kron(whole, np.array(matrix))
        _NESTED[key] = whole.astype(dtype)
    return _NESTED[key]


def _divided(a: Array, denominators: Sequence[tuple[int, ...]]) -> None:
    """The rows of the algorithm that G's fractions belong to, divided."""
    for row in np.ndindex(*a.shape[: len(denominators)]):
        whole = prod(each[q] for each, q in zip(denominators, row))
        if a.dtype.kind in "fc":
            a[row] *= 1 / whole
        elif whole != 1:
            a[row] = a[row] / whole


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


def _spread(
    a: Array, n: slice, rows: slice, matrices: Sequence[Matrix], cut: Axes, take: Take, threads: int
) -> Array:
    """The tiles of images n of ``a`` (N, channels, *H), transformed: V = B x, or Z = A^T dy.

    ``cut`` says H, p, d, m and the number of tiles on each axis; ``rows`` are the tiles of the
    first axis that are made. The result is (products, n, tiles and residues of each axis,
    channels).
    """
    begin = [rows.start] + [0] * (len(cut) - 1)
    tiles = [rows.stop - rows.start, *(T for *_, T in cut[1:])]
    inputs = [len(matrix[0]) for matrix in matrices]
    # the padded rows, channels last
    sizes = [d * (m * (T - 1) + j) for (_, _, d, m, _), T, j in zip(cut, tiles, inputs)]
    found = [
        _reach(d * m * t - p, 1, size, H) for (H, p, d, m, _), t, size in zip(cut, begin, sizes)
    ]
    images, channels = n.stop - n.start, a.shape[1]
    padded = take((images, *sizes, channels))
    inner = tuple(q for q, _ in found)
    source = a[(n, slice(None), *(h for _, h in found))]

    def turn(i: int) -> None:
        if source.shape[2:] != padded.shape[1:-1]:
            padded[i] = 0
        padded[(i, *inner)] = np.moveaxis(source[i], 0, -1)

    _parallel(turn, images, threads if padded.size > _SMALL else 1)
    # place in the tile, image, tile and residue, channel
    steps = padded.strides[1:-1]
    shape = [size for T, (_, _, d, _, _) in zip(tiles, cut) for size in (T, d)]
    strides = [size for step, (_, _, d, m, _) in zip(steps, cut) for size in (step * d * m, step)]
    view = np.lib.stride_tricks.as_strided(
        padded,
        (*inputs, images, *shape, channels),
        (
            *(step * d for step, (_, _, d, _, _) in zip(steps, cut)),
            padded.strides[0],
            *strides,
            padded.strides[-1],
        ),
    )
    columns = take(view.shape)

    def lay(j: int) -> None:
        columns[j] = view[j]

    _parallel(lay, inputs[0], threads if columns.size > _SMALL else 1)
    matrix = _nested(matrices, a.dtype)
    made = take((len(matrix), images, *shape, channels))
    np.matmul(matrix, columns.reshape(matrix.shape[1], -1), out=made.reshape(len(matrix), -1))
    return made


def _collect(
    a: Array,
    n: slice,
    rows: slice,
    matrices: Sequence[Matrix],
    cut: Axes,
    b: Any,
    target: Array,
    take: Take,
    threads: int,
) -> None:
    """Tiles transformed back and laid where they belong, overlapping ones added: y = A M + b, or
    dx = B^T P.

    ``a`` is (products, n, tiles and residues of each axis, channels); the result goes to images n
    of ``target`` (N, channels, *H), to the rows that the tiles ``rows`` of the first axis reach.
    """
    matrix = _nested(matrices, a.dtype)
    columns = take((len(matrix), *a.shape[1:]))
    np.matmul(matrix, a.reshape(len(a), -1), out=columns.reshape(len(matrix), -1))
    places = [len(each) for each in matrices]
    parts = columns.reshape(*places, *a.shape[1:])
    tiles = [rows.stop - rows.start, *(T for *_, T in cut[1:])]
    overlap = any(j > m for j, (_, _, _, m, _) in zip(places, cut))
    # so many more tiles as the last ones reach beyond themselves
    long = [T - (m - j) // m for T, j, (_, _, _, m, _) in zip(tiles, places, cut)]
    apart = [size for T, (_, _, d, m, _) in zip(long, cut) for size in (T, m, d)]
    laid = take((n.stop - n.start, *apart, a.shape[-1]))
    whole = rows.stop - rows.start == cut[0][4]
    reached = slice(rows.start, rows.start + long[0])

    def lay(i: int) -> None:
        if overlap:
            laid[i] = 0
        for j in np.ndindex(*places):
            at = [
                index
                for k, T, (_, _, _, m, _) in zip(j, tiles, cut)
                for index in (slice(k // m, k // m + T), k % m, slice(None))
            ]
            if overlap:
                laid[(i, *at)] += parts[(*j, i)]
            elif b is None:
                laid[(i, *at)] = parts[(*j, i)]
            else:
                np.add(parts[(*j, i)], b, out=laid[(i, *at)])
        shape = [T * m * d for T, (_, _, d, m, _) in zip(long, cut)]
        _put(laid[i].reshape(*shape, -1), target[n][i], cut, reached, overlap and not whole)

    _parallel(lay, n.stop - n.start, threads if laid.size > _SMALL else 1)


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


def _weights(
    w: Array, G: Sequence[Matrix], denominators: Sequence[tuple[int, ...]], take: Take
) -> Array:
    """U = G w (products, g, c, f)."""
    groups, F, C, *taps = w.shape
    a = take((*taps, groups, C, F))
    a[...] = w.transpose(*range(3, w.ndim), 0, 2, 1)
    matrix = _nested(G, w.dtype)
    U = take((len(matrix), groups, C, F))
    np.matmul(matrix, a.reshape(matrix.shape[1], -1), out=U.reshape(len(matrix), -1))
    _divided(U.reshape(*map(len, G), groups, C, F), denominators)
    return U


def _products(a: Array, b: Array, groups: int, take: Take, over: str) -> Array:
    """The matrix products between channels, one for each row of the algorithm and group.

    ``a`` is (products, n, tiles and residues, groups and channels). ``over`` says what is summed:
    "c", channels of the group, with weights b (products, g, c, f) to an array of a's kind; or
    "places", with b of a's kind, to weights.
    """

    def grouped(tiles: Array) -> Array:  # (products, groups, places, channels of a group)
        shape = (len(tiles), -1, groups, tiles.shape[-1] // groups)
        return tiles.reshape(shape).swapaxes(1, 2)

    if over == "c":
        made = take((*a.shape[:-1], groups * b.shape[-1]))
        np.matmul(grouped(a), b, out=grouped(made))
        return made
    shape = (len(a), groups, a.shape[-1] // groups, b.shape[-1] // groups)
    return np.matmul(grouped(a).swapaxes(2, 3), grouped(b), out=take(shape))


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
    used = products * w[(..., *[0] * len(axes))].nbytes + w.nbytes + 128
    if used > workspace // 2 and groups * F > 1:  # fewer filters at a time
        for g, f in _halves(groups, F):
            bias = None if b is None else b[g, f]
            _winograd_y(x[:, g], w[g, f], bias, y[:, g, f], axes, workspace, threads)
        return
    kept = _buffer(workspace)
    U = _weights(w, G, denominators, _within(kept[:used], x.dtype))
    a = x.reshape(len(x), groups * C, *x.shape[3:])
    target = y.reshape(len(y), groups * F, *y.shape[3:])
    bias = None if b is None else b.reshape(-1)
    inputs, outputs = _cut(axes, tiles, True), _cut(axes, tiles, False)
    numbers = 2 * products * groups * (C + F)
    for n, rows in _tile_blocks(axes, tiles, len(x), numbers, x.itemsize, workspace):
        take = _within(kept[used:], x.dtype)
        V = _spread(a, n, rows, B, inputs, take, threads)
        M = _products(V, U, groups, take, "c")
        _collect(M, n, rows, A, outputs, bias, target, take, threads)


def _winograd_backward(
    dy: Array, x: Array, w: Array, dx: Any, dw: Any, axes: Axes, workspace: int, threads: int
) -> None:
    """dx = B^T (U Z) and dw = G^T (Z V), whichever is not None: the other two readings of the same
    products.
    """
    tiles, (A, G, B), denominators = _algorithms(axes)
    groups, F, C = w.shape[:3]
    products, count = prod(map(len, G)), len(axes)
    used = 2 * products * w[(..., *[0] * count)].nbytes + w.nbytes + 192
    if used > workspace // 2 and groups * C > 1:  # fewer channels of x at a time
        for g, c in _halves(groups, C):
            part = None if dx is None else dx[:, g, c], None if dw is None else dw[g, :, c]
            a = None if dw is None else x[:, g, c]
            _winograd_backward(dy[:, g], a, w[g, :, c], *part, axes, workspace, threads)
        return
    kept = _buffer(workspace)
    weights = _within(kept[:used], dy.dtype)
    U = None if dx is None else np.swapaxes(_weights(w, G, denominators, weights), -1, -2)
    total = weights((products, groups, C, F))
    total[...] = 0
    inputs, outputs = _cut(axes, tiles, True), _cut(axes, tiles, False)
    slopes = dy.reshape(len(dy), groups * F, *dy.shape[3:])
    a = None if dw is None else x.reshape(len(x), groups * C, *x.shape[3:])
    target: Any = None if dx is None else dx.reshape(len(dx), groups * C, *dx.shape[3:])
    if dx is not None and any(O + d * (K - 1) - p < H for H, K, O, _, d, p in axes):
        dx[...] = 0  # rows that no window reaches
    numbers = 3 * products * groups * (C + F)
    for n, rows in _tile_blocks(axes, tiles, len(dy), numbers, dy.itemsize, workspace):
        take = _within(kept[used:], dy.dtype)
        Z = _spread(slopes, n, rows, _transposed(A), outputs, take, threads)
        if dw is not None:
            V = _spread(a, n, rows, B, inputs, take, threads)
            total += _products(V, Z, groups, take, "places")
        if U is not None:
            if rows.start == 0 and rows.stop < outputs[0][4]:
                target[n] = 0  # tiles of the next block reach into the rows of this one
            P = _products(Z, U, groups, take, "c")
            _collect(P, n, rows, _transposed(B), inputs, None, target, take, threads)
    if dw is not None:
        _divided(total.reshape(*map(len, G), groups, C, F), denominators)
        back = _nested(_transposed(G), dw.dtype)
        sums = (back @ total.reshape(products, -1)).reshape(*dw.shape[3:], groups, C, F)
        dw[...] = sums.transpose(count, count + 2, count + 1, *range(count))
