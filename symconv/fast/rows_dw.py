"""Gradients of the weights from rows below each other: the sum over places as products of rows.

Where channels are many, a row of dy is a matrix (filters, places), a row of x one of (places,
channels), channels last, as a product reads them, and tap k of the other axes is the same row begun
some places later. Where they are few, taps stand beside them as for y.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any

import numpy as np

from symconv.fast import limits
from symconv.fast.memory import _buffer, _part, _within
from symconv.fast.rows import _begins, _below, _meeting, _row_units, _turns
from symconv.fast.threads import _enough, _lanes
from symconv.fast.windows import _outputs, _view
from symconv.kernels.prelude import _reach

# arrays are indexed by tuples made at run time, which NumPy's own types do not follow
Array = Any
Axes = Sequence[tuple[int, ...]]

__all__: list[str] = []


def _few_dw(dy: Array, x: Array, dw: Array, axes: Axes, workspace: int, threads: int, many: int = 1) -> None:
    """dw = sum over outputs of the first axis of the rows of S they meet times dy."""
    if len(axes) == 1:
        x, dy, dw = x[:, :, :, None], dy[:, :, :, None], dw[:, :, :, None]
        axes = [(1, 1, 1, 1, 1, 0), *axes]
    G, F, C, K, *rest = dw.shape
    turns, step = _turns(axes)
    many = min(many, -(-axes[0][2] // len(turns)))
    span, taps = step * (many - 1) + K, prod(rest)
    shape = (G, many * F, span * taps * C)
    row = C * taps * prod(O for _, _, O, *_ in axes[1:]) * G * x.itemsize
    size = axes[0][3] * row + (prod(O for _, _, O, *_ in axes[1:]) + shape[2]) * F * G * x.itemsize
    shared = axes[0][4] * K * row
    products = len(x) * dw.size * prod(O for _, _, O, *_ in axes)
    threads = _enough(threads, size * len(x) * axes[0][2], products)
    used = threads * (prod(shape) * dy.itemsize + 64)
    used += -used % 64
    kept = _buffer(workspace)
    totals = _within(kept[:used], dy.dtype)((threads, *shape))
    totals[...] = 0

    def make(unit: tuple[slice, slice], memory: Array, lane: int) -> None:
        n, o = unit
        take = _within(memory, dy.dtype)
        part = _outputs(axes, o)
        images = n.stop - n.start
        S, starts, columns, sizes = _below(x, n, part, many, True, False, images, take)
        places = prod(sizes)
        few = _part(many * F, 8)
        wide = _part(columns, max(1, limits.PRODUCT // (few * shape[2])))
        for turn, e, first in turns:
            outputs = len(range(turn, part[0][2], len(turns)))
            if not outputs:
                continue
            count = -(-outputs // many)
            slopes = take((G, count, many, F, columns))
            slopes[..., places:] = 0
            cells = slopes[..., :places].reshape(G, count, many, F, *sizes)
            for i in range(many):
                source = dy[n, :, :, o][:, :, :, turn + len(turns) * i :: len(turns) * many]
                cells[:, : source.shape[3], i] = source.transpose(1, 3, 2, 0, *range(4, source.ndim))
                cells[:, source.shape[3] :, i] = 0
            left = slopes.reshape(G, count, many * F // few, few, columns // wide, wide)
            met = _meeting(S, e, first, step * many, count, span, starts[0], columns)
            right = _view(
                met,
                (G, count, 1, columns // wide, wide, shape[2]),
                (*met.strides[2:4], 0, wide * met.strides[5], *met.strides[:3:-1]),
            )
            sums = take((G, count, many * F // few, columns // wide, few, shape[2]))
            np.matmul(left.swapaxes(3, 4), right, out=sums)
            place = totals[lane].reshape(G, many * F // few, few, shape[2])
            place += sums.sum(axis=(1, 3), dtype=dy.dtype)

    units = _row_units(len(dy), axes[0][2], size, shared, many * len(turns), workspace - used, threads)
    _lanes(make, units, kept[used:], threads)
    for other in totals[1:]:
        totals[0] += other
    # the weights of ``many`` outputs lie in one matrix, on its diagonals
    whole = totals[0].reshape(G, many, F, span, -1, C)
    found: Any = 0
    for i in range(many):
        found = found + whole[:, i, :, step * i : step * i + K]
    dw[...] = found.transpose(0, 1, 4, 2, 3).reshape(dw.shape)


def _rows_dw(dy: Array, x: Array, dw: Array, axes: Axes, workspace: int, threads: int) -> None:
    """dw[k] = sum over outputs o of the first axis of dy's row o times x's row s*o + d*k - p.

    Rows of dy are (f, places), those of x (places, c), channels last, so that both lie as the
    product reads them.
    """
    if dw.shape[2] < limits.FEW:
        _few_dw(dy, x, dw, axes, workspace, threads)
        return
    if len(axes) == 1:
        x, dy, dw = x[:, :, :, None], dy[:, :, :, None], dw[:, :, :, None]
        axes = [(1, 1, 1, 1, 1, 0), *axes]
    G, F, C, K, *rest = dw.shape
    turns, step = _turns(axes)
    others = axes[1:]
    sizes = [O + d * (K - 1) // s for _, K, O, s, d, _ in others]
    steps = [s for _, _, _, s, _, _ in others]
    starts = [_begins(t, others, sizes) for t in np.ndindex(*rest)]
    last = max(start for _, start in starts)
    row = prod(steps) * C * prod(sizes) * G * x.itemsize
    size = axes[0][3] * row + (prod(sizes) + 64 * K) * F * G * x.itemsize
    shared = axes[0][4] * K * row
    products = len(x) * dw.size * prod(O for _, _, O, *_ in axes)
    threads = _enough(threads, size * len(x) * axes[0][2], products)
    # large weights: each thread has filters of its own, and small ones: images
    pieces = min(threads, F) if dw[0].size * 4 > x[:1].size + dy[:1].size else 1
    cuts = [slice(F * i // pieces, F * (i + 1) // pieces) for i in range(pieces)]
    lanes = 1 if pieces > 1 else threads
    shape = (len(starts), K, G, F, C)
    used = lanes * (prod(shape) * dy.itemsize + 64)
    used += -used % 64
    kept = _buffer(workspace)
    totals = _within(kept[:used], dy.dtype)((lanes, *shape))
    totals[...] = 0

    def make(unit: tuple[slice, slice, slice], memory: Array, lane: int) -> None:
        n, o, f = unit
        take = _within(memory, dy.dtype)
        H, _, O, _, d, p = _outputs(axes, o)[0]
        images, filters = n.stop - n.start, f.stop - f.start
        columns = images * prod(sizes)
        wide = next((c for c in (128, 120, 112, 96) if columns % c == 0), 0)
        wide = wide or (112 if columns > 224 else -(-columns // 2) if columns > 128 else columns)
        total = -(-columns // wide) * wide
        counts = [len(range(turn, O, len(turns))) for turn, _, _ in turns]
        quotients = max(first + step * (j - 1) + K for (_, _, first), j in zip(turns, counts))
        # rows of x: (e, q, residue, (n, places), (g, c))
        rows = take((d, quotients, prod(steps), total + last, G * C))
        rows[...] = 0
        cells = rows[:, :, :, :columns].reshape(d, quotients, -1, images, *sizes, G * C)
        a = x.reshape(len(x), G * C, *x.shape[3:])
        for e, (i, t) in product(range(d), enumerate(np.ndindex(*steps))):
            q, m = _reach(e - p, d, quotients, H)
            found = [_reach(r - p, s, size, H) for r, (H, _, _, s, _, p), size in zip(t, others, sizes)]
            source = a[(n, slice(None), m, *(h for _, h in found))]
            cells[(e, q, i, slice(None), *(v for v, _ in found))] = source.transpose(2, 0, *range(3, source.ndim), 1)
        for (turn, e, first), count in zip(turns, counts):
            if not count:
                continue
            slopes = take((count, G, filters, total))
            slopes[...] = 0
            inner = slopes[..., :columns].reshape(count, G, filters, images, *sizes)
            source = dy[n, :, f, o][:, :, :, turn :: len(turns)]
            inner[(..., *(slice(O) for _, _, O, *_ in others))] = source.transpose(3, 1, 2, 0, *range(4, source.ndim))
            left = slopes.reshape(count, 1, G, filters, total // wide, wide)
            left = left.transpose(0, 1, 2, 4, 3, 5)
            part = take((count, K, G, total // wide, min(filters, 64), min(C, 64)))
            for k, (residue, start) in enumerate(starts):
                begin = rows[e, first:, residue, start:]
                row, place, one = begin.strides
                right = _view(
                    begin,
                    (count, K, G, total // wide, wide, C),
                    (step * row, row, C * one, wide * place, place, one),
                )
                for i, j in product(range(0, filters, 64), range(0, C, 64)):
                    made = part[..., : min(64, filters - i), : min(64, C - j)]
                    np.matmul(left[..., i : i + 64, :], right[..., j : j + 64], out=made)
                    sums = totals[lane if lanes > 1 else 0, k, :, :, f][:, :, i : i + 64, j : j + 64]
                    sums += made.sum(axis=(0, 3), dtype=dy.dtype)

    memory = (workspace - used) // pieces
    units = _row_units(len(dy), axes[0][2], size, shared, len(turns), memory, lanes)
    _lanes(make, [(*unit, f) for f in cuts for unit in units], kept[used:], max(pieces, lanes))
    for other in totals[1:]:
        totals[0] += other
    found = totals[0].transpose(2, 3, 4, 1, 0)
    dw[...] = found.reshape(dw.shape)


def _depthwise_dw(dy: Array, x: Array, dw: Array, axes: Axes, workspace: int, threads: int) -> None:
    _few_dw(dy, x, dw, axes, workspace, threads, 4)
