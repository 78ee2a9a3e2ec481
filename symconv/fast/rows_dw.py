"""Gradients of the weights from rows below each other: the sum over places as products of rows.

Where channels are many, a row of dy is a matrix (filters, places), a row of x one of (places, channels), channels last, as a
product reads them, and tap k of the other axes is the same row begun some places later. Where they are few, taps stand beside
them as for y (:mod:`symconv.fast.layout`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np

from symconv.fast import limits
from symconv.fast.layout import _begins, _below, _meeting, _quotients, _row_units, _turns
from symconv.fast.memory import Take, _buffer, _part, _within
from symconv.fast.threads import _enough, _share_out
from symconv.fast.windows import _outputs, _residues, _view
from symconv.kernels.helpers import _reach

# arrays are indexed by tuples made at run time, which NumPy's own types do not follow
Array = Any
Axes = Sequence[tuple[int, ...]]

__all__: list[str] = []


def _two_axes(dy: Array, x: Array, dw: Array, axes: Axes) -> tuple[Array, Array, Array, Axes]:
    """A layer of one axis as one of two, the first of a single row."""
    if len(axes) > 1:
        return dy, x, dw, axes
    return dy[:, :, :, None], x[:, :, :, None], dw[:, :, :, None], [(1, 1, 1, 1, 1, 0), *axes]


def _totals(kept: Array, workers: int, shape: Sequence[int], dtype: Any) -> tuple[Array, int]:
    """A sum of zeros for each worker, at the beginning of the memory; how many bytes they take."""
    used = workers * (prod(shape) * dtype.itemsize + 64)
    used += -used % 64
    totals = _within(kept[:used], dtype)((workers, *shape))
    totals[...] = 0
    return totals, used


# few channels: taps stand beside them ------------------------------------------------------------------------------------


def _few_dw(dy: Array, x: Array, dw: Array, axes: Axes, workspace: int, threads: int, many: int = 1) -> None:
    """dw = sum over outputs of the first axis of the rows of S they meet times dy."""
    dy, x, target, axes = _two_axes(dy, x, dw, axes)
    G, F, C, K, *rest = target.shape
    turns, step = _turns(axes)
    many = min(many, -(-axes[0][2] // len(turns)))
    span, taps, places = step * (many - 1) + K, prod(rest), prod(O for _, _, O, *_ in axes[1:])
    wide = span * taps * C
    row = C * taps * places * G * x.itemsize
    size = axes[0][3] * row + (places + wide) * F * G * x.itemsize
    threads = _enough(threads, size * len(x) * axes[0][2], len(x) * target.size * places * axes[0][2])
    kept = _buffer(workspace)
    totals, used = _totals(kept, threads, (G, many * F, wide), dy.dtype)

    def make(unit: tuple[slice, slice], memory: Array, worker: int) -> None:
        n, o = unit
        take, part = _within(memory, dy.dtype), _outputs(axes, o)
        laid = _below(x, n, part, many, True, False, n.stop - n.start, take)
        for turn, e, first in turns:
            count = -(-len(range(turn, part[0][2], len(turns))) // many)
            if count:
                slopes = _slopes(
                    dy[n, :, :, o][:, :, :, turn :: len(turns)], many, count, laid.columns, laid.sizes, take
                )
                met = _meeting(laid, e, first, step * many, count, span, laid.starts[0])
                _few_products(slopes, met, totals[worker], take)

    shared = axes[0][4] * K * row
    units = _row_units(len(dy), axes[0][2], size, shared, many * len(turns), workspace - used, threads)
    _share_out(make, units, kept[used:], threads)
    for other in totals[1:]:
        totals[0] += other
    # the weights of ``many`` outputs lie in one matrix, on its diagonals
    whole = totals[0].reshape(G, many, F, span, -1, C)
    found: Any = 0
    for i in range(many):
        found = found + whole[:, i, :, step * i : step * i + K]
    dw[...] = found.transpose(0, 1, 4, 2, 3).reshape(dw.shape)


def _slopes(source: Array, many: int, count: int, columns: int, sizes: Sequence[int], take: Take) -> Array:
    """Rows of dy (n, g, f, o, *o) as (g, product, output of the product, f, column), zero where there are none."""
    G, F, places = source.shape[1], source.shape[2], prod(sizes)
    slopes = take((G, count, many, F, columns))
    slopes[..., places:] = 0
    cells = slopes[..., :places].reshape(G, count, many, F, *sizes)
    for i in range(many):
        rows = source[:, :, :, i::many]
        cells[:, : rows.shape[3], i] = rows.transpose(1, 3, 2, 0, *range(4, rows.ndim))
        cells[:, rows.shape[3] :, i] = 0
    return slopes


def _few_products(slopes: Array, met: Array, total: Array, take: Take) -> None:
    """total[g, (output, f), (q, t, c)] += sum over products and columns of slopes times the rows of S met."""
    G, count, many, F, columns = slopes.shape
    inner = total.shape[2]
    few = _part(many * F, 8)
    wide = _part(columns, max(1, limits.PRODUCT // (few * inner)))
    left = slopes.reshape(G, count, many * F // few, few, columns // wide, wide)
    steps = met.strides
    shape = (G, count, 1, columns // wide, wide, inner)
    right = _view(met, shape, (*steps[2:4], 0, wide * steps[5], *steps[:3:-1]))  # columns before rows, nothing copied
    sums = take((G, count, many * F // few, columns // wide, few, inner))
    np.matmul(left.swapaxes(3, 4), right, out=sums)
    place = total.reshape(G, many * F // few, few, inner)
    place += sums.sum(axis=(1, 3), dtype=slopes.dtype)


# many channels: they lie last --------------------------------------------------------------------------------------------


def _rows_dw(dy: Array, x: Array, dw: Array, axes: Axes, workspace: int, threads: int) -> None:
    """dw[k] = sum over outputs o of the first axis of dy's row o times x's row s*o + d*k - p.

    Rows of dy are (f, places), those of x (places, c), channels last, so that both lie as the
    product reads them.
    """
    if dw.shape[2] < limits.FEW:
        _few_dw(dy, x, dw, axes, workspace, threads)
        return
    dy, x, target, axes = _two_axes(dy, x, dw, axes)
    G, F, C, K, *rest = target.shape
    (turns, step), others = _turns(axes), axes[1:]
    sizes = [O + d * (K - 1) // s for _, K, O, s, d, _ in others]
    starts = [_begins(t, others, sizes) for t in np.ndindex(*rest)]
    row = prod(len(_residues(axis)) for axis in others) * C * prod(sizes) * G * x.itemsize
    size = axes[0][3] * row + (prod(sizes) + 64 * K) * F * G * x.itemsize
    products = len(x) * target.size * prod(O for _, _, O, *_ in axes)
    threads = _enough(threads, size * len(x) * axes[0][2], products)
    # large weights: each thread has filters of its own, and small ones: images
    pieces = min(threads, F) if target[0].size * 4 > x[:1].size + dy[:1].size else 1
    workers = 1 if pieces > 1 else threads
    kept = _buffer(workspace)
    totals, used = _totals(kept, workers, (len(starts), K, G, F, C), dy.dtype)

    def make(unit: tuple[slice, slice, slice], memory: Array, worker: int) -> None:
        n, o, f = unit
        take, part = _within(memory, dy.dtype), _outputs(axes, o)
        columns = (n.stop - n.start) * prod(sizes)
        wide = _width(columns)
        rows = _channels_last(x, n, part, sizes, -(-columns // wide) * wide, max(start for _, start in starts), take)
        total = totals[worker if workers > 1 else 0, :, :, :, f]
        for turn, e, first in turns:
            source = dy[n, :, f, o][:, :, :, turn :: len(turns)]
            if source.shape[3]:
                slopes = _padded_slopes(source, others, sizes, wide, take)
                _add_products(slopes, rows[e, first:], starts, step, total, take)

    units = _row_units(
        len(dy), axes[0][2], size, axes[0][4] * K * row, len(turns), (workspace - used) // pieces, workers
    )
    cuts = [slice(F * i // pieces, F * (i + 1) // pieces) for i in range(pieces)]
    _share_out(make, [(*unit, f) for f in cuts for unit in units], kept[used:], max(pieces, workers))
    for other in totals[1:]:
        totals[0] += other
    dw[...] = totals[0].transpose(2, 3, 4, 1, 0).reshape(dw.shape)


def _width(columns: int) -> int:
    """Places that are summed over in one product: about a hundred, so that few zeros fill up the last one."""
    whole = next((c for c in (128, 120, 112, 96) if columns % c == 0), 0)
    return whole or (112 if columns > 224 else -(-columns // 2) if columns > 128 else columns)


def _channels_last(x: Array, n: slice, axes: Axes, sizes: Sequence[int], places: int, last: int, take: Take) -> Array:
    """Rows of x (e, q, residue of the other axes, (n, place), (g, c)), zero outside x and after the last place."""
    (H, _, _, _, d, p), *others = axes
    images, channels, quotients = n.stop - n.start, x.shape[1] * x.shape[2], _quotients(axes, 1)
    residues = list(product(*map(_residues, others)))
    rows = take((d, quotients, len(residues), places + last, channels))
    rows[...] = 0
    cells = rows[:, :, :, : images * prod(sizes)].reshape(d, quotients, -1, images, *sizes, channels)
    a = x.reshape(len(x), channels, *x.shape[3:])
    for e, (i, t) in product(range(d), enumerate(residues)):
        q, m = _reach(e - p, d, quotients, H)
        found = [_reach(r - p, s, size, H) for r, (H, _, _, s, _, p), size in zip(t, others, sizes)]
        source = a[(n, slice(None), m, *(h for _, h in found))]
        cells[(e, q, i, slice(None), *(v for v, _ in found))] = source.transpose(2, 0, *range(3, source.ndim), 1)
    return rows


def _padded_slopes(source: Array, others: Axes, sizes: Sequence[int], wide: int, take: Take) -> Array:
    """Rows of dy (n, g, f, o, *o) as (o, g, f, piece, place of the piece), zero where no output is."""
    images, G, F, count = source.shape[:4]
    columns = images * prod(sizes)
    pieces = -(-columns // wide)
    slopes = take((count, G, F, pieces * wide))
    slopes[...] = 0
    inner = slopes[..., :columns].reshape(count, G, F, images, *sizes)
    outputs = (slice(O) for _, _, O, *_ in others)
    inner[(..., *outputs)] = source.transpose(3, 1, 2, 0, *range(4, source.ndim))
    return slopes.reshape(count, G, F, pieces, wide)


def _add_products(
    slopes: Array, rows: Array, starts: Sequence[tuple[int, int]], step: int, total: Array, take: Take
) -> None:
    """total[t, k, g, f, c] += sum over outputs j and places of slopes[j] times the row step*j + k that tap t begins in."""
    count, G, F, pieces, wide = slopes.shape
    K, C = total.shape[1], total.shape[4]
    left = slopes.transpose(0, 1, 3, 2, 4)[:, None]  # (j, k, g, piece, f, place)
    part = take((count, K, G, pieces, min(F, limits.TILE), min(C, limits.TILE)))
    for t, (residue, start) in enumerate(starts):
        begin = rows[:, residue, start:]
        row, place, one = begin.strides
        right = _view(begin, (count, K, G, pieces, wide, C), (step * row, row, C * one, wide * place, place, one))
        for i, j in product(range(0, F, limits.TILE), range(0, C, limits.TILE)):
            made = part[..., : min(limits.TILE, F - i), : min(limits.TILE, C - j)]
            np.matmul(left[..., i : i + limits.TILE, :], right[..., j : j + limits.TILE], out=made)
            sums = total[t, :, :, i : i + limits.TILE, j : j + limits.TILE]
            sums += made.sum(axis=(0, 3), dtype=slopes.dtype)


def _depthwise_dw(dy: Array, x: Array, dw: Array, axes: Axes, workspace: int, threads: int) -> None:
    _few_dw(dy, x, dw, axes, workspace, threads, 4)
