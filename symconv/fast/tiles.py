"""Winograd: tiles of the output by a bilinear algorithm, and the gradients from the same matrices.

On each axis a layer of stride 1 and dilation d is cut into d interleaved ones of dilation 1, and
these into tiles of m outputs: o = d*(m*t + i) + e for tile t, place i < m, residue e < d. A tile
meets the inputs j < m + K - 1, and with the algorithm's matrices A, G, B on each axis

    V = B x,  U = G w,  Z = A^T dy        y = A (U V),   dw = G^T (Z V)

where the products between channels are matrix products, one for each row of the algorithm; dx is y
of dy by the phases. Channels lie last, so that every transform is a small constant matrix times
long runs, and so is every step of an axis: residues and all later axes are in the runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

from symconv.fast import interpolation, limits
from symconv.fast.memory import Take, _buffer, _part, _units, _within
from symconv.fast.threads import _enough, _parallel, _share_out
from symconv.fast.windows import _view
from symconv.kernels.helpers import _reach

# arrays are indexed by tuples made at run time, which NumPy's own types do not follow
Array = Any
Axes = Sequence[tuple[int, ...]]
Matrix = tuple[tuple[int, ...], ...]

__all__: list[str] = []


def _tile(taps: int, places: int) -> int:
    """The tile of an axis: the largest that there is an algorithm for, unless a smaller one needs
    fewer products.
    """
    result = sorted(m for m, K in interpolation.WINOGRAD_SIZES if taps == K)
    return min(result, key=lambda m: (-(-places // m) * (m + taps - 1), m))


def _algorithms(axes: Axes) -> tuple[list[int], list[list[Matrix]], list[tuple[int, ...]]]:
    """For each axis the tile m; A, G and B as lists of matrices; G's denominators."""
    tiles = [_tile(K, -(-O // d)) for _, K, O, _, d, _ in axes]
    A, G, B, whole = (list(each) for each in zip(*(interpolation.table(m, K) for m, (_, K, *_) in zip(tiles, axes))))
    return tiles, [A, G, B], whole


def _transposed(matrices: Sequence[Matrix]) -> list[Matrix]:
    return [tuple(zip(*matrix)) for matrix in matrices]


def _ones(matrix: Matrix) -> tuple[int, ...]:
    return (1,) * len(matrix)


@lru_cache(maxsize=512)
def _as_array(matrix: Matrix, whole: tuple[int, ...], dtype: Any) -> Array:
    """The matrix with each row divided by its number of ``whole``: floats, or exact fractions. Not to be written to."""
    rows = [[Fraction(entry, n) for entry in row] for row, n in zip(matrix, whole)]
    array = np.array(rows, object).astype(dtype)
    array.flags.writeable = False
    return array


def _along(matrix: Array, a: Array, out: Array) -> None:
    """out[..., q, i] = sum over k of matrix[q, k] * a[..., k, i], in runs that one thread makes."""
    run = _part(a.shape[-1], limits.PRODUCT // matrix.size)
    if run < a.shape[-1]:
        a, out = (each.reshape(*each.shape[:-1], -1, run).swapaxes(-3, -2) for each in (a, out))
    np.matmul(matrix, a, out=out)


def _cut(axes: Axes, tiles: Sequence[int], offset: bool) -> list[tuple[int, ...]]:
    """H, p, d, m and the number of tiles on each axis: of x, or (without offset) of y."""
    return [
        (H if offset else O, p if offset else 0, d, m, -(-O // (d * m))) for (H, _, O, _, d, p), m in zip(axes, tiles)
    ]


def _spread(a: Array, n: slice, rows: slice, matrices: Sequence[Matrix], cut: Axes, take: Take) -> Array:
    """The tiles of images n of ``a`` (N, channels, *H), transformed: V = B x, or Z = A^T dy.

    ``cut`` says H, p, d, m and the number of tiles on each axis; ``rows`` are the tiles of the
    first axis that are made. The result is (products, n and tiles and residues of each axis,
    channels).
    """
    begin = [rows.start] + [0] * (len(cut) - 1)
    tiles = [rows.stop - rows.start, *(T for *_, T in cut[1:])]
    inputs = [len(matrix[0]) for matrix in matrices]
    sizes = [d * (m * (T - 1) + j) for (_, _, d, m, _), T, j in zip(cut, tiles, inputs)]
    found = [_reach(d * m * t - p, 1, size, H) for (H, p, d, m, _), t, size in zip(cut, begin, sizes)]
    images, channels = n.stop - n.start, a.shape[1]
    rest = take((images, *sizes, channels))  # the padded rows, channels last
    source = a[(n, slice(None), *(h for _, h in found))]
    if source.shape[2:] != rest.shape[1:-1]:
        rest[...] = 0
    if source.strides[1] % 1024 == 0 and source.strides[1] > 0:
        # channels that lie a power of two apart share their place in the caches: apart first
        count = prod(source.shape[2:])
        apart = take((images, channels, count + 16))[..., :count].reshape(source.shape)
        apart[...] = source
        source = apart
    rest[(slice(None), *(q for q, _ in found))] = np.moveaxis(source, 1, -1)
    products, places = 1, images
    for matrix, T, (_, _, d, m, _), size in zip(matrices, tiles, cut, sizes):
        whole = rest.reshape(products, places, size, -1)
        *steps, row, one = whole.strides
        run = d * whole.shape[-1]  # residues, later axes and channels
        view = _view(
            whole,
            (products, places, T, len(matrix[0]), run),
            (*steps, d * m * row, d * row, one),
        )
        made = take((products, len(matrix), places, T, run))
        _along(_as_array(matrix, _ones(matrix), a.dtype), view, made.transpose(0, 2, 3, 1, 4))
        rest, products, places = made, products * len(matrix), places * T * d
    return rest.reshape(products, places, channels)


def _collect(
    a: Array,
    n: slice,
    rows: slice,
    matrices: Sequence[Matrix],
    cut: Axes,
    b: Any,
    target: Array,
    take: Take,
) -> None:
    """Tiles transformed back and laid where they belong, y = A M + b.

    ``a`` is (products, n and tiles and residues of each axis, channels); the result goes to images
    n of ``target`` (N, channels, *O), to the rows of the tiles ``rows`` of the first axis.
    """
    images, channels = n.stop - n.start, a.shape[-1]
    tiles = [rows.stop - rows.start, *(T for *_, T in cut[1:])]
    # a row of channels that begins a little after a power of two is turned without conflicts
    laid = take((images, *(T * m * d for T, (_, _, d, m, _) in zip(tiles, cut)), channels + 16))
    laid, run = laid[..., :channels], channels
    for axis in reversed(range(len(cut))):
        matrix = _as_array(matrices[axis], _ones(matrices[axis]), a.dtype)
        m, T, d = len(matrix), tiles[axis], cut[axis][2]
        before = images * prod(T * d for T, (_, _, d, _, _) in zip(tiles[:axis], cut))
        run *= d
        parts = a.reshape(-1, len(matrix[0]), before, T, run)
        if axis:
            made = take((len(parts), before, T, m, run))
            _along(matrix, parts.transpose(0, 2, 3, 1, 4), made)
            a, run = made, run * T * m
        else:
            shape = (len(parts), len(matrix[0]), before, T, run // channels, channels)
            out = laid.reshape(len(parts), before, T, m, run // channels, channels)
            parts = parts.reshape(shape).transpose(0, 2, 3, 4, 1, 5)
            np.matmul(matrix, parts, out=out.transpose(0, 1, 2, 4, 3, 5))
    (O, _, d, m, _), *others = cut
    start, stop = d * m * rows.start, min(O, d * m * rows.stop)
    inner = (slice(stop - start), *(slice(O) for O, *_ in others))
    part = np.moveaxis(laid[(slice(None), *inner)], -1, 1)
    place = target[n, :, start:stop]
    if b is None:
        place[...] = part
    else:
        np.add(part, b, out=place)


def _weights(w: Array, G: Sequence[Matrix], denominators: Sequence[tuple[int, ...]], take: Take) -> Array:
    """U = G w (products, g, c, f)."""
    groups, F, C, *taps = w.shape
    rest = take((*taps, groups, C, F))
    rest[...] = w.transpose(*range(3, w.ndim), 0, 2, 1)
    products = 1
    for matrix, whole, K in zip(G, denominators, taps):
        a = rest.reshape(products, K, -1)
        rest = take((products, len(matrix), a.shape[-1]))
        _along(_as_array(matrix, whole, w.dtype), a, rest)
        products *= len(matrix)
    return rest.reshape(products, groups, C, F)


def _size(transformed: int, cut: Axes) -> int:
    """Bytes that one row of tiles of an image needs, ``transformed`` of them for each place."""
    return 3 * transformed * cut[0][2] * prod(T * d for _, _, d, _, T in cut[1:])


def _halves(groups: int, channels: int) -> list[tuple[slice, slice]]:
    """(groups, channels) in two parts, which are computed one after the other."""
    g, c = (groups, 1) if groups > 1 else (1, channels)
    cut = (g if groups > 1 else c) // 2
    whole = slice(None)
    return [(part, whole) if groups > 1 else (whole, part) for part in (slice(0, cut), slice(cut, None))]


def _winograd_y(x: Array, w: Array, b: Any, y: Array, axes: Axes, workspace: int, threads: int) -> None:
    """y = A (U V): tiles of x and the weights transformed, a matrix product for each row of the
    algorithm, and back.
    """
    tiles, (A, G, B), denominators = _algorithms(axes)
    groups, F, C = w.shape[:3]
    products, sums = prod(map(len, G)), w[(..., *[0] * len(axes))]
    inputs, outputs = _cut(axes, tiles, True), _cut(axes, tiles, False)
    size = _size(products * groups * (C + F) * x.itemsize, outputs)
    places = len(x) * prod(T * d for _, _, d, _, T in outputs)
    work = products * groups * places
    threads = _enough(threads, work * (C + F) * x.itemsize, work * C * F)
    used = 3 * (products * sums.nbytes + 256) + w.nbytes
    if used > workspace // 2 and groups * F > 1:  # fewer filters at a time
        for g, f in _halves(groups, F):
            bias = None if b is None else b[g, f]
            _winograd_y(x[:, g], w[g, f], bias, y[:, g, f], axes, workspace, threads)
        return
    used += -used % 64
    kept = _buffer(workspace)
    cuts = [slice(f, min(f + limits.TILE, F)) for f in range(0, F, limits.TILE)]
    U: list[Any] = [None] * len(cuts)
    a = x.reshape(len(x), groups * C, *x.shape[3:])
    target = y.reshape(len(y), groups * F, *y.shape[3:])
    bias = None if b is None else b.reshape(-1, *[1] * len(axes))

    def transform(i: int) -> None:
        piece = used // len(cuts)
        take = _within(kept[piece * i : piece * (i + 1)], x.dtype)
        U[i] = _weights(w[:, cuts[i]], G, denominators, take)

    def make(unit: tuple[slice, slice], memory: Array, worker: int) -> None:
        n, rows = unit
        take = _within(memory, x.dtype)
        V = _spread(a, n, rows, B, inputs, take)
        M = take((*V.shape[:2], groups * F))
        few = _part(V.shape[1], limits.PRODUCT // (C * min(F, limits.TILE)))
        images = V.reshape(products, -1, few, groups, C).transpose(0, 3, 1, 2, 4)
        sums = M.reshape(products, -1, few, groups, F).transpose(0, 3, 1, 2, 4)
        for f, weights in zip(cuts, U):
            np.matmul(images, weights[:, :, None], out=sums[..., f])
        _collect(M, n, rows, A, outputs, bias, target, take)

    _parallel(transform, len(cuts), threads)
    units = _units(len(x), outputs[0][4], size, min(limits.TILES, workspace // 2 // threads), threads)
    _share_out(make, units, kept[used:], threads)


def _winograd_dw(dy: Array, x: Array, dw: Array, axes: Axes, workspace: int, threads: int) -> None:
    """dw = G^T (Z V): the other reading of the same products, summed over images and tiles."""
    tiles, (A, G, B), denominators = _algorithms(axes)
    groups, F, C = dw.shape[:3]
    products, count = prod(map(len, G)), len(axes)
    inputs, outputs = _cut(axes, tiles, True), _cut(axes, tiles, False)
    size = _size(products * groups * (C + F) * dy.itemsize, outputs)
    places = len(dy) * prod(T * d for _, _, d, _, T in outputs)
    work = products * groups * places
    threads = _enough(threads, work * (C + F) * dy.itemsize, work * C * F)
    sums = products * dw[(..., *[0] * count)].nbytes
    used = (threads + 2) * (sums + 256)
    if used > workspace // 2 and groups * C > 1:  # fewer channels of x at a time
        for g, c in _halves(groups, C):
            _winograd_dw(dy[:, g], x[:, g, c], dw[g, :, c], axes, workspace, threads)
        return
    used += -used % 64
    kept = _buffer(workspace)
    take = _within(kept[:used], dy.dtype)
    totals = take((threads, products, groups, F, C))
    begun = [False] * threads
    a = x.reshape(len(x), groups * C, *x.shape[3:])
    slopes = dy.reshape(len(dy), groups * F, *dy.shape[3:])

    def make(unit: tuple[slice, slice], memory: Array, worker: int) -> None:
        take = _within(memory, dy.dtype)
        V = _spread(a, *unit, B, inputs, take)
        Z = _spread(slopes, *unit, _transposed(A), outputs, take)
        few = _part(V.shape[1], limits.PRODUCT // (min(C, limits.TILE) * min(F, limits.TILE)))
        images = V.reshape(products, -1, few, groups, C).transpose(0, 3, 1, 2, 4)
        back = Z.reshape(products, -1, few, groups, F).transpose(0, 3, 1, 4, 2)
        part = take((products, groups, images.shape[2], min(F, limits.TILE), min(C, limits.TILE)))
        for f in range(0, F, limits.TILE):
            for c in range(0, C, limits.TILE):
                left, right = back[:, :, :, f : f + limits.TILE], images[..., c : c + limits.TILE]
                place = totals[worker, :, :, f : f + limits.TILE, c : c + limits.TILE]
                if not begun[worker] and left.shape[2] == 1:
                    np.matmul(left[:, :, 0], right[:, :, 0], out=place)
                    continue
                made = part[..., : left.shape[3], : right.shape[4]]
                np.matmul(left, right, out=made)
                if begun[worker]:
                    place += made.sum(axis=2, dtype=dy.dtype)
                else:
                    np.add.reduce(made, axis=2, dtype=dy.dtype, out=place)
        begun[worker] = True

    units = _units(len(dy), outputs[0][4], size, min(limits.TILES, workspace // 2 // threads), threads)
    _share_out(make, units, kept[used:], threads)
    if not begun[0]:  # no images
        totals[0] = 0
    for worker in range(1, threads):
        if begun[worker]:
            totals[0] += totals[worker]
    found = _back_to_taps(totals[0], G, denominators, take).reshape(*dw.shape[3:], groups, F, C)
    dw[...] = found.transpose(count, count + 1, count + 2, *range(count))


def _back_to_taps(total: Array, G: Sequence[Matrix], denominators: Sequence[tuple[int, ...]], take: Take) -> Array:
    """G^T along every axis of (products, g, f, c); the fractions belong to the rows of G, which are summed over here."""
    rest, done = total, 1
    for matrix, whole in zip(G, denominators):
        fractions = np.swapaxes(_as_array(matrix, whole, total.dtype), 0, 1)
        a = rest.reshape(done, len(matrix), -1)
        rest = take((done, len(fractions), a.shape[-1]))
        _along(fractions, a, rest)
        done *= len(fractions)
    return rest
