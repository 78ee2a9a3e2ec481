"""Schedules that end in matrix products, with windows gathered, shifted or viewed.

Each function makes one array of the layer; all have the same arguments. x is (N, G, C, *H), w (G,
F, C, *K), dy and y (N, G, F, *O); ``axes`` says H, K, O, s, d, p for each axis, and m = s*o + d*k -
p is the row of x that tap k of output o meets (p may be negative).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from math import gcd, prod
from typing import Any

import numpy as np

from symconv.fast import limits
from symconv.fast.memory import Take, _blocks, _buffer, _within
from symconv.fast.windows import _outputs, _padded, _planes, _tap, _windows
from symconv.kernels.helpers import _reach

# arrays are indexed by tuples made at run time, which NumPy's own types do not follow
Array = Any
Axes = Sequence[tuple[int, ...]]

__all__: list[str] = []


def _columns_of(x: Array, axes: Axes, workspace: int, extra: int) -> Iterator[tuple[slice, slice, Axes, Array, Take]]:
    """Block after block, the windows of x as columns: cols[g, (c, k), (n, o)] = x[n, g, c, s*o +
    d*k - p].

    Gives the images and the first-axis rows of the block, its axes, the columns, and the rest of
    the working memory, of which the caller takes at most ``extra`` numbers for each column.
    """
    N, G, C = x.shape[:3]
    taps, places = [K for _, K, _, _, _, _ in axes], prod(O for _, _, O, _, _, _ in axes)
    reach = prod(s * (O + d * (K - 1) // s) for _, K, O, s, d, _ in axes)
    numbers = G * (C * (prod(taps) * places + reach) + extra * places)
    for n, o in _blocks(N, axes[0][2], numbers * x.itemsize, min(workspace, limits.BLOCK)):
        part = _outputs(axes, o)
        take = _within(_buffer(workspace), x.dtype)
        shape = [axis[2] for axis in part]
        images = n.stop - n.start
        cols = take((G, C, *taps, images, *shape))
        if cols.size < limits.SMALL:  # one copy of a view; not in long runs, but in one call
            windows = _windows(_padded(x[n], part, take), part)
            count = len(part)
            order = [1, 2, *range(3 + count, 3 + 2 * count), 0, *range(3, 3 + count)]
            cols[...] = windows.transpose(order)
        else:
            _gather(_planes(x[n], part, take), part, cols)
        yield n, o, part, cols.reshape(G, C * prod(taps), images * prod(shape)), take


def _gather(planes: Array, axes: Axes, cols: Array) -> None:
    """cols[g, c, k, n, o] = x[n, g, c, s*o + d*k - p], tap by tap."""
    every = (slice(None), slice(None))
    moved = planes.transpose(1, 2, 0, *range(3, planes.ndim))
    for k in np.ndindex(*(K for _, K, _, _, _, _ in axes)):
        cols[(*every, *k)] = moved[(*every, slice(None), *_tap(k, axes))]


def _block_of(a: Array, n: slice, o: slice, take: Take) -> Array:
    """a[n, g, f, o] of a block as a matrix (G, F, places); a view where memory allows."""
    part = a[n, :, :, o]
    if len(part) == 1 and a.flags.c_contiguous:
        return a[n.start].reshape(*a.shape[1:3], a.shape[3], -1)[:, :, o].reshape(*a.shape[1:3], -1)
    matrix = take((*a.shape[1:3], len(part), *part.shape[3:]))
    np.copyto(matrix, part.transpose(1, 2, 0, *range(3, part.ndim)))
    return matrix.reshape(*a.shape[1:3], -1)


def _blocked_y(x: Array, w: Array, b: Any, y: Array, axes: Axes, workspace: int, threads: int) -> None:
    """y[n, g, f, o] = sum over (c, k) of w[g, f, (c, k)] * cols[g, (c, k), (n, o)]: a block's
    columns, then one product.
    """
    G, F = w.shape[:2]
    weights = w.reshape(G, F, -1)
    for n, o, _, cols, take in _columns_of(x, axes, workspace, F):
        if n.stop - n.start == 1 and y.flags.c_contiguous:
            # the block's part of y is a matrix where it lies
            product = y[n.start].reshape(G, F, y.shape[3], -1)[:, :, o].reshape(G, F, -1)
            np.matmul(weights, cols, out=product)
            if b is not None:
                product += b
            continue
        product = np.matmul(weights, cols, out=take((G, F, cols.shape[2])))
        if b is not None:
            product += b
        place = y[n, :, :, o]
        parts = product.reshape(G, F, len(place), *place.shape[3:])
        place[...] = np.moveaxis(parts, 2, 0)


def _blocked_dw(dy: Array, x: Array, dw: Array, axes: Axes, workspace: int, threads: int) -> None:
    """dw[g, f, (c, k)] = sum over (n, o) of cols[g, (c, k), (n, o)] * dy[g, f, (n, o)], block
    after block.
    """
    G, F = dw.shape[:2]
    made = dw.reshape(G, F, -1)  # a view, or a copy where dw's entries do not lie together
    made[...] = 0
    first = True
    for n, o, _, cols, take in _columns_of(x, axes, workspace, F):
        slopes = _block_of(dy, n, o, take)
        if first:
            np.matmul(slopes, cols.swapaxes(1, 2), out=made)
        else:
            made += slopes @ cols.swapaxes(1, 2)
        first = False
    if made.base is not dw and not np.shares_memory(made, dw):
        dw[...] = made.reshape(dw.shape)


def _scatter_dx(dy: Array, w: Array, dx: Array, axes: Axes, workspace: int, threads: int) -> None:
    """cols[g, (c, k), (n, o)] = sum over f of w[g, f, (c, k)] * dy[g, f, (n, o)], and each is added
    where it was read.

    The adjoint of gathering windows. Fewer numbers move than by phases where few channels of x meet
    many filters.
    """
    N, G, C = dx.shape[:3]
    F, taps = w.shape[1], w.shape[3:]
    weights = w.reshape(G, F, -1).swapaxes(1, 2)
    dx[...] = 0
    numbers = G * (C * prod(taps) + F) * prod(dy.shape[3:])
    for n, o in _blocks(N, dy.shape[3], numbers * dx.itemsize, min(workspace, limits.BLOCK)):
        take = _within(_buffer(workspace), dx.dtype)
        slopes = _block_of(dy, n, o, take)
        cols = np.matmul(weights, slopes, out=take((G, C * prod(taps), slopes.shape[2])))
        parts = cols.reshape(G, C, *taps, n.stop - n.start, o.stop - o.start, *dy.shape[4:])
        _add_back(parts, dx[n], axes, o.start)


def _add_back(cols: Array, dx: Array, axes: Axes, start: int) -> None:
    """dx[n, g, c, s*o + d*k - p] += cols[g, c, k, n, o], the first axis's o counted from
    ``start``.
    """
    starts = [start] + [0] * (len(axes) - 1)
    moved = dx.transpose(1, 2, 0, *range(3, dx.ndim))
    every = (slice(None), slice(None))
    for k in np.ndindex(*(K for _, K, _, _, _, _ in axes)):
        found = [
            _reach(d * j + s * first - p, s, size, H)
            for j, (H, _, _, s, d, p), size, first in zip(k, axes, cols.shape[-len(axes) :], starts)
        ]
        place = (*every, slice(None), *(m for _, m in found))
        moved[place] += cols[(*every, *k, slice(None), *(q for q, _ in found))]


def _windows_of(x: Array, axes: Axes, workspace: int) -> Iterator[tuple[slice, slice, Array]]:
    """Block after block, the windows as a view: (n, g, c, *o, *k) without a copy of x but for the
    padding.
    """
    numbers = prod(x.shape[1:3]) * prod(O * K for _, K, O, _, _, _ in axes)
    for n, o in _blocks(len(x), axes[0][2], numbers * x.itemsize, workspace // 2):
        part = _outputs(axes, o)
        rows = _padded(x[n], part, _within(_buffer(workspace), x.dtype))
        yield n, o, _windows(rows, part)


def _windows_y(x: Array, w: Array, b: Any, y: Array, axes: Axes, workspace: int, threads: int) -> None:
    """y[n, g, f, o] = sum over (c, k) of w[g, f, c, k] * windows[n, g, c, o, k], by tensordot."""
    count = len(axes)
    inner = [1, *range(2 + count, 2 + 2 * count)]
    for n, o, windows in _windows_of(x, axes, workspace):
        for g, matrix in enumerate(w):
            product = np.moveaxis(np.tensordot(windows[:, g], matrix, (inner, range(1, 2 + count))), -1, 1)
            y[n, g, :, o] = product if b is None else product + b[g].reshape(-1, *[1] * count)


def _windows_dw(dy: Array, x: Array, dw: Array, axes: Axes, workspace: int, threads: int) -> None:
    """dw[g, f, c, k] = sum over (n, o) of dy[n, g, f, o] * windows[n, g, c, o, k], by tensordot."""
    count = len(axes)
    dw[...] = 0
    for n, o, windows in _windows_of(x, axes, workspace):
        for g in range(len(dw)):
            places = [0, *range(2, 2 + count)]
            dw[g] += np.tensordot(dy[n, g, :, o], windows[:, g], (places, places))


def _pointwise_y(x: Array, w: Array, b: Any, y: Array, axes: Axes, workspace: int, threads: int) -> None:
    """One tap, stride 1, no padding: o and m are the same, and each image is one matrix product
    where it lies.
    """
    places = prod(y.shape[3:])
    weights = w.reshape(w.shape[:3])
    for image, made in zip(x, y):
        whole = made.flags.c_contiguous
        product = made.reshape(*made.shape[:2], places) if whole else None
        product = np.matmul(weights, image.reshape(*image.shape[:2], places), out=product)
        if b is not None:
            product += b
        if not whole:
            made[...] = product.reshape(made.shape)


def _pointwise_dw(dy: Array, x: Array, dw: Array, axes: Axes, workspace: int, threads: int) -> None:
    """dw[g, f, c] = sum over images of the matrix product over places."""
    total = np.zeros(dw.shape[:3], dw.dtype)
    places = prod(dy.shape[3:])
    for slopes, image in zip(dy, x):
        columns = image.reshape(*image.shape[:2], places).swapaxes(1, 2)
        total += slopes.reshape(*slopes.shape[:2], places) @ columns
    dw[...] = total.reshape(dw.shape)


def _phases(
    axes: Axes,
) -> Iterator[tuple[tuple[slice, ...], tuple[slice, ...], list[tuple[int, ...]]]]:
    """dx as correlations of dy with stride 1, one for each residue of m modulo the stride.

    Where m + p = s*i + e, only taps with d*k = e modulo s meet m, and these are every (s/g)-th, g =
    gcd(s, d); then o = i + (e - d*k) / s. Gives for each residue that a tap has the rows of dx, the
    taps backwards, and H, K, O, s, d, p of the correlation.
    """
    residues = []
    for H, K, O, s, d, p in axes:
        step, found = s // gcd(s, d), []
        for first in range(min(step, K)):  # the first tap of each residue
            e = d * first % s
            start = (e - p) % s  # the first row m of this residue
            rows = slice(start, H, s)
            if start >= H:
                continue
            taps = range(first, K, step)
            # the last tap comes first, and meets the smallest o
            o = (start + p - d * taps[-1]) // s
            backwards = slice(taps[-1], taps[0] - 1 if taps[0] else None, -step)
            found.append((rows, backwards, (O, len(taps), len(range(start, H, s)), 1, d // gcd(s, d), -o)))
        residues.append(found)
    for combination in product(*residues):
        yield (
            tuple(c[0] for c in combination),
            tuple(c[1] for c in combination),
            [c[2] for c in combination],
        )


def _by_phases(make: Any, dy: Array, w: Array, dx: Array, axes: Axes, workspace: int, threads: int) -> None:
    """dx from any way ``make`` to y: dy stands for x, the taps backwards and with f and c
    exchanged for w.
    """
    if any(s // gcd(s, d) > K or gcd(s, d) > 1 for _, K, _, s, d, _ in axes):
        dx[...] = 0  # there are residues that no tap has
    for rows, taps, phase in _phases(axes):
        weights = np.ascontiguousarray(np.swapaxes(w, 1, 2)[(..., *taps)])
        make(dy, weights, None, dx[(slice(None), slice(None), slice(None), *rows)], phase, workspace, threads)
