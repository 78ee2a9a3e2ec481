"""y and dx from rows below each other (:mod:`symconv.fast.layout`): one matrix product for each output of the first axis.

Where groups have one channel, several outputs of the first axis are made at a time: their weights become one matrix, zero where
an output does not meet a row, and a larger product is faster by more than the zeros cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import prod
from typing import Any, NamedTuple

import numpy as np

from symconv.fast import limits
from symconv.fast.layout import Laid, _below, _meeting, _row_units, _together, _turns
from symconv.fast.matrices import _by_phases
from symconv.fast.memory import Take, _buffer, _part, _within
from symconv.fast.threads import _enough, _parallel, _share_out
from symconv.fast.windows import _outputs, _residues

# arrays are indexed by tuples made at run time, which NumPy's own types do not follow
Array = Any
Axes = Sequence[tuple[int, ...]]

__all__: list[str] = []


class Part(NamedTuple):
    """Some filters, the array that their outputs go to, and the output that it begins with on each axis."""

    filters: slice
    target: Array
    begin: Sequence[int]


def _gathers(axes: Axes, F: int, C: int) -> bool:
    """Whether copying the taps of all axes but the first is cheaper than a product for each."""
    (_, K, *_), *others = axes
    taps, places = prod(K for _, K, *_ in others), prod(O for _, _, O, *_ in others)
    waste = prod(O + d * (K - 1) // s for _, K, O, s, d, _ in others) / places - 1
    copies = taps * C * ((0.1 if others[-1][3] == 1 else 0.5) + 5 / others[-1][2])
    if _through_planes(axes):
        copies = (taps * 0.12 + 0.6 * others[-1][3]) * C
    return taps == 1 or copies < (taps - 1) * F * 0.2 + waste * taps * K * F * C / 120


def _through_planes(axes: Axes) -> bool:
    """Whether taps are copied from rows that lie apart by residue, not from x with its strides."""
    return axes[-1][3] > 1 and prod(O + d * (K - 1) // s for _, K, O, s, d, _ in axes[1:]) > limits.WIDE


def _banded(w: Array, many: int, step: int, gathered: bool, take: Take) -> Array:
    """The weights of ``many`` outputs at a time: (tap, g, (output, f), (q, t, c)).

    There is one tap of the other axes where they are ``gathered`` beside the channels.
    """
    G, F, C, K, *others = w.shape
    T = prod(others)
    span = step * (many - 1) + K
    flat = w.reshape(G, F, C, K, T)
    if gathered:
        source, shape = flat.transpose(0, 1, 3, 4, 2)[None], (1, G, many, F, span, T, C)
    else:
        source = flat.transpose(4, 0, 1, 3, 2)[:, :, :, :, None]
        shape = (T, G, many, F, span, 1, C)
    band = take(shape)
    if many > 1:
        band[...] = 0
    for i in range(many):
        band[:, :, i, :, step * i : step * i + K] = source
    return band.reshape(shape[0], G, many * F, -1)


def _rows_y(x: Array, w: Array, b: Any, y: Array, axes: Axes, workspace: int, threads: int, many: int = 1) -> None:
    """y[g, (n, o)] = sum over rows of S of weights times S, for every output of the first axis."""
    F, start = w.shape[1], [0] * len(axes)
    products = len(x) * w.size * prod(O for _, _, O, *_ in axes)
    at_once = _enough(threads, 0, products)
    # few columns: each thread has filters of its own instead of images
    columns = len(x) * prod(O for _, _, O, *_ in axes[len(axes) > 1 :])
    if columns >= 3 * limits.FEW * at_once or 2 * limits.FEW * at_once > F:
        _rows_into(x, w, b, [Part(slice(None), y, start)], axes, workspace, threads, many)
        return

    def make(i: int) -> None:
        f = slice(F * i // at_once, F * (i + 1) // at_once)
        own, whole = None if b is None else b[:, f], [Part(slice(None), y[:, :, f], start)]
        _rows_into(x, w[:, f], own, whole, axes, workspace // at_once, 1, many)

    _parallel(make, at_once, at_once)


def _rows_into(
    x: Array, w: Array, b: Any, parts: Sequence[Part], axes: Axes, workspace: int, threads: int, many: int
) -> None:
    """What :func:`_rows_y` makes, laid in parts."""
    if len(axes) == 1:
        x, w = x[:, :, :, None], w[:, :, :, None]
        parts = [Part(f, target[:, :, :, None], [0, *begin]) for f, target, begin in parts]
        axes = [(1, 1, 1, 1, 1, 0), *axes]
    G, F, C, K = w.shape[:4]
    O, (turns, step) = axes[0][2], _turns(axes)
    many = min(many, -(-O // len(turns)))
    gathered = many > 1 or _gathers(axes, F, C)
    later = gathered and _through_planes(axes)
    each, size, shared = _sizes(axes, G, F, C, gathered, later, x.itemsize)
    threads = _enough(threads, size * len(x) * O, len(x) * w.size * prod(O for _, _, O, *_ in axes))
    kept = _buffer(workspace)
    used = prod(w.shape[4:]) * G * many * F * (step * (many - 1) + K) * C * x.itemsize
    used += -used % 64
    weights = _banded(w, many, step, gathered, _within(kept[:used], x.dtype))

    def make(unit: tuple[slice, slice], memory: Array, worker: int) -> None:
        n, o = unit
        take, part = _within(memory, x.dtype), _outputs(axes, o)
        together = _together(n.stop - n.start, each, weights.shape[3] <= 128)
        laid = _below(x, n, part, many, gathered, later, together, take)
        for turn, e, first in turns:
            count = -(-len(range(turn, part[0][2], len(turns))) // many)
            if count:
                sums = _products(weights, laid, e, first, step * many, count, take)
                found = _outputs_of(sums, laid.sizes, F)
                for each_part in parts:
                    _put(found, each_part, n, o, turn, len(turns), b)

    units = _row_units(len(x), O, size, shared, many * len(turns), workspace - used, threads)
    _share_out(make, units, kept[used:], threads)


def _sizes(axes: Axes, G: int, F: int, C: int, gathered: bool, later: bool, itemsize: int) -> tuple[int, int, int]:
    """Columns of one image; bytes of a row of outputs with the rows of x that are its own, and of those that it shares."""
    (_, K, _, s, d, _), *others = axes
    each = prod(O if gathered and not later else O + d * (K - 1) // s for _, K, O, s, d, _ in others)
    taps = prod(K for _, K, *_ in others)
    # a row of x, its columns in whole pieces; the sums of a row and a term of them
    below = C * (taps if gathered else 2 * prod(len(_residues(axis)) for axis in others))
    place = 1.2 * each * G * itemsize
    return each, int((s * below + 2 * F) * place), int(d * K * below * place)


def _products(weights: Array, laid: Laid, e: int, first: int, step: int, count: int, take: Take) -> Array:
    """Sums (block, g, product, (output, f), column) of ``count`` products, ``step`` quotients apart.

    Each product is cut in rows and in inner pieces so small that the thread makes it alone.
    """
    _, G, rows, whole = weights.shape
    columns, span = laid.columns, whole // (laid.S.shape[-3] * laid.S.shape[-2])
    wide = min(columns, limits.PIECE)
    inner = -(-whole // -(-whole // 480))
    few = _part(rows, limits.PRODUCT // (inner * wide))
    # rows that begin a power of two apart would share their place in the caches
    long = columns + 16 * (columns % 256 == 0)
    sums = term = take((len(laid.S), G, count, rows, long))[..., :columns]
    if len(laid.starts) > 1 or inner < whole:
        term = take((len(laid.S), G, count, rows, long))[..., :columns]
    cut = (len(laid.S), G, count, rows // few, few, columns // wide, wide)
    for i, (matrix, start) in enumerate(zip(weights, laid.starts)):
        met = _meeting(laid, e, first, step, count, span, start)
        for k in range(0, whole, inner):
            made = sums if i == k == 0 else term
            np.matmul(
                matrix.reshape(1, 1, G, 1, rows // few, few, -1)[..., k : k + inner],
                met[:, :, :, :, None, k : k + inner],
                out=made.reshape(cut).transpose(0, 5, 1, 2, 3, 4, 6),
            )
            if made is not sums:
                sums += term
    return sums


def _outputs_of(sums: Array, sizes: Sequence[int], F: int) -> Array:
    """Sums (block, g, product, (output, f), (n, *o)) as outputs (block, n, g, f, o of the first axis, *o)."""
    blocks, G, count, rows, _ = sums.shape
    result = sums[..., : prod(sizes)].reshape(blocks, G, count, rows // F, F, *sizes)
    result = result.transpose(0, 5, 1, 4, 2, 3, *range(6, result.ndim))
    return result.reshape(*result.shape[:4], count * (rows // F), *result.shape[6:])


def _put(found: Array, part: Part, n: slice, o: slice, turn: int, turns: int, b: Any) -> None:
    """Outputs turn, turn + turns, ... of the rows ``o`` of the first axis, where they lie in a part, with b added."""
    f, target, begin = part
    # with more turns than one, a part has all outputs
    lo = max(o.start, begin[0]) - o.start
    hi = min(o.stop, begin[0] + target.shape[3]) - o.start
    if lo >= hi:
        return
    place = target[n, :, :, o.start + lo - begin[0] : o.start + hi - begin[0]]
    place = place[:, :, :, turn::turns]
    inside = [slice(u, u + size) for u, size in zip(begin[1:], target.shape[4:])]
    made = found[:, :, :, f, lo : lo + place.shape[3]][(..., *inside)]
    _put_blocks(made, place, None if b is None else b[:, f])


def _put_blocks(found: Array, target: Array, b: Any) -> None:
    """target[n, ...] = found[block, n in the block, ...] + b"""
    together = found.shape[1]
    full = len(target) // together
    aligned = target[: full * together].reshape(full, together, *target.shape[1:])
    pairs = [(aligned, found[:full])]
    if full < len(found):
        rest = target[full * together :]
        pairs.append((rest, found[full, : len(rest)]))
    for place, part in pairs:
        if b is None:
            place[...] = part
        else:
            np.add(part, b.reshape(*b.shape[:2], *[1] * (target.ndim - 3)), out=place)


def _at_once(axes: Axes) -> bool:
    """Whether dx is made for all residues of the stride at once: what that adds of zeros is less
    than what every residue would copy.
    """
    if any(s > 1 < d for _, _, _, s, d, _ in axes):
        return False
    return prod(-(-K // s) * s for _, K, _, s, *_ in axes) <= 1.4 * prod(K for _, K, *_ in axes)


def _rows_dx(dy: Array, w: Array, dx: Array, axes: Axes, workspace: int, threads: int, many: int = 1) -> None:
    """dx: for all residues of m modulo the stride at once, or by phases.

    Where m + p = s*i + e, and d is 1, tap k = e + s*j meets output o = i - j: every residue e is a
    filter of its own of one layer with taps j.
    """
    taps = [-(-K // s) for _, K, _, s, _, _ in axes]
    if all(s == 1 for _, _, _, s, *_ in axes) or not _at_once(axes):
        make = _rows_y if many == 1 else _depthwise_y
        _by_phases(make, dy, w, dx, axes, workspace, threads)
        return
    G, F, C = w.shape[:3]
    found, layer = [], []
    for J, (H, _, O, s, d, p) in zip(taps, axes):
        rows = [((e - p) % s, e) for e in range(s) if (e - p) % s < H]
        begins = [(row + p - e) // s for row, e in rows]
        first = min(begins)
        last = max(i + len(range(row, H, s)) for i, (row, _) in zip(begins, rows))
        layer.append((O, J, last - first, 1, d, d * (J - 1) - first))
        found.append([(slice(row, H, s), e, s, i - first) for i, (row, e) in zip(begins, rows)])
    each = list(product(*found))
    weights = np.zeros((G, len(each) * C, F, *taps), w.dtype)
    parts = []
    for i, residues in enumerate(each):
        filters = slice(i * C, (i + 1) * C)
        turned = np.swapaxes(w, 1, 2)[(..., *(slice(e, None, s) for _, e, s, _ in residues))]
        turned = np.flip(turned, tuple(range(3, w.ndim)))
        ends = [slice(J - size, None) for J, size in zip(taps, turned.shape[3:])]
        weights[(slice(None), filters, slice(None), *ends)] = turned
        rest = tuple(row for row, *_ in residues)
        begin = [u for *_, u in residues]
        parts.append(Part(filters, dx[(slice(None), slice(None), slice(None), *rest)], begin))
    _rows_into(dy, weights, None, parts, layer, workspace, threads, many)


def _depthwise_y(x: Array, w: Array, b: Any, y: Array, axes: Axes, workspace: int, threads: int) -> None:
    """Groups of one channel: four outputs of the first axis at a time."""
    _rows_y(x, w, b, y, axes, workspace, threads, 4)


def _depthwise_dx(dy: Array, w: Array, dx: Array, axes: Axes, workspace: int, threads: int) -> None:
    _rows_dx(dy, w, dx, axes, workspace, threads, 4)
