"""Rows of x below each other, so that the windows of the first axis need no copy.

For a block of images and outputs the rows of x are laid out as one matrix for each group,

    S[g, e, (q, t, c), (n, o)] = x[n, g, c, d*q + e - p, s*o + d*t - p on the other axes],

where row m + p = d*q + e of the first axis has residue e modulo the dilation, and quotient q. The
windows of an output o of this axis are then rows of S that follow each other, from quotient
(s*o) // d on, and y is one matrix product for each o, always with the same weights. The taps t of
the other axes are copied beside the channels; or, where that is dearer, they are the same rows
begun some columns later, and each has a product of its own.

Where groups have one channel, several outputs of the first axis are made at a time: their weights
become one matrix, zero where an output does not meet a row, and a larger product is faster by more
than the zeros cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import gcd, prod
from typing import Any

import numpy as np

from symconv.fast import limits
from symconv.fast.matrices import _by_phases
from symconv.fast.memory import Take, _buffer, _part, _within
from symconv.fast.threads import _enough, _lanes, _parallel
from symconv.fast.windows import _outputs, _view
from symconv.kernels.prelude import _reach

# arrays are indexed by tuples made at run time, which NumPy's own types do not follow
Array = Any
Axes = Sequence[tuple[int, ...]]

__all__: list[str] = []


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


def _turns(axes: Axes) -> tuple[list[tuple[int, int, int]], int]:
    """The outputs of the first axis, by the residue of their rows modulo the dilation.

    [(turn, residue, quotient)] and step: output turn + len(turns) * j begins at ``residue``, at
    quotient ``quotient`` + step * j.
    """
    s, d = axes[0][3:5]
    count = d // gcd(s, d)
    return [(turn, s * turn % d, s * turn // d) for turn in range(count)], s // gcd(s, d)


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


def _below(
    x: Array,
    n: slice,
    axes: Axes,
    many: int,
    gathered: bool,
    later: bool,
    together: int,
    take: Take,
) -> tuple[Array, list[tuple[int, int]], int, list[int]]:
    """S of images n: (block, residue of the other axes, g, e, q, (t, c), columns).

    Taps that are ``gathered`` are copied from x, or ``later`` from rows apart by residue. Also: for
    each tap its residue and first column; how many columns belong to one block; the sizes
    (n, *o) of a block of ``together`` images.
    """
    (H, K, O, _, d, p), *others = axes
    G, C = x.shape[1:3]
    turns, step = _turns(axes)
    # quotients that the last outputs meet, those that only fill up ``many`` among them
    counts = [-(-len(range(turn, O, len(turns))) // many) for turn, _, _ in turns]
    quotients = max(first + step * (j * many - 1) + K for (_, _, first), j in zip(turns, counts))
    taps = list(np.ndindex(*(K for _, K, *_ in others)))
    sizes, steps, starts = [O for _, _, O, *_ in others], [1] * len(others), [(0, 0)]
    gathered = gathered and not later
    if not gathered:
        sizes = [O + d * (K - 1) // s for _, K, O, s, d, _ in others]
        steps = [s for _, _, _, s, _, _ in others]
        starts = [_begins(t, others, sizes) for t in taps]
    places, images = together * prod(sizes), n.stop - n.start
    blocks, last = -(-images // together), max(start for _, start in starts)
    columns = -(-places // limits.PIECE) * limits.PIECE + last if places > limits.PIECE // 2 else places + last
    S = take((blocks, prod(steps), G, d, quotients, len(taps) if gathered else 1, C, columns))
    S[..., places:] = 0
    cells = np.moveaxis(S[..., :places].reshape(*S.shape[:7], together, *sizes), 7, 1)
    for e, (i, t) in product(range(d), enumerate(taps if gathered else np.ndindex(*steps))):
        q, m = _reach(e - p, d, quotients, H)
        if gathered:
            found = [_reach(d * k - p, s, O, H) for k, (H, _, O, s, d, p) in zip(t, others)]
        else:
            found = [_reach(r - p, s, size, H) for r, (H, _, _, s, _, p), size in zip(t, others, sizes)]
        rows = x[(n, slice(None), slice(None), m, *(h for _, h in found))]
        rows = rows.transpose(0, 1, 3, 2, *range(4, rows.ndim))
        place = cells[:, :, 0 if gathered else i, :, e, :, i if gathered else 0]
        whole = images // together  # blocks that are full
        inside = [slice(None), q, slice(None), *(o for o, _ in found)]
        _lay(
            place[:whole],
            rows[: whole * together].reshape(whole, together, *rows.shape[1:]),
            inside,
        )
        if whole < blocks:
            place[whole, images - whole * together :] = 0
            _lay(place[whole, : images - whole * together], rows[whole * together :], inside)
    if places <= limits.WIDE or gathered:
        return S, starts, columns - last, [together, *sizes]
    # columns in pieces: the rows of a product then lie closer together
    pieces, wide = (columns - last) // limits.PIECE, limits.PIECE if later else limits.PIECE + last
    near = take(
        (
            blocks,
            pieces,
            1 if later else len(S[0]),
            G,
            d,
            quotients,
            len(taps) if later else 1,
            C,
            wide,
        )
    )
    *lead, one = S.strides
    for i, (residue, start) in enumerate(starts if later else [(0, 0)]):
        part, place = (S[:, residue:, ..., start:], near[..., i : i + 1, :, :])
        place[...] = _view(part, place.shape, (lead[0], limits.PIECE * one, *lead[1:], one))
    return near, [(0, 0)] if later else starts, columns - last, [together, *sizes]


def _lay(place: Array, source: Array, inside: Sequence[slice]) -> None:
    """``source`` in the last axes of ``place``, in the slices ``inside``; zero around it."""
    for axis, part in enumerate(inside, place.ndim - len(inside)):
        if part != slice(None):
            around = [slice(None)] * axis
            for edge in (slice(0, part.start), slice(part.stop, None)):
                place[(*around, edge)] = 0
    place[(..., *inside)] = source


def _begins(t: Sequence[int], others: Axes, sizes: Sequence[int]) -> tuple[int, int]:
    """The residue at which the windows of tap t of the other axes lie, and their first column."""
    residue = quotient = 0
    for k, (_, _, _, s, d, _), size in zip(t, others, sizes):
        residue, quotient = residue * s + d * k % s, quotient * size + d * k // s
    return residue, quotient


def _meeting(
    S: Array,
    e: int,
    first: int,
    step: int,
    count: int,
    span: int,
    start: tuple[int, int],
    size: int,
) -> Array:
    """For each of ``count`` products the rows of S that it meets, and the columns from ``start`` on
    in pieces: a view (block, piece, g, product, (q, t, c), column).
    """
    residue, column = start
    pieces = S.ndim == 9
    part = S[:, :, residue] if pieces else S[:, residue]
    part = part[..., e, first:, :, :, column:]
    wide = min(size, limits.PIECE)
    *lead, group, row, _, below, one = part.strides
    if not pieces:
        lead.append(wide * one)
    return _view(
        part,
        (len(S), size // wide, part.shape[-5], count, span * part.shape[-3] * part.shape[-2], wide),
        (*lead, group, step * row, below, one),
    )


def _together(images: int, places: int, small: bool) -> int:
    """How many images stand in the columns of one block: whole pieces nearly."""
    if places > limits.WIDE:
        return 1
    most = max(1, min(images, (32 if small else 8) * limits.PIECE // places))
    return min(
        range(1, most + 1),
        key=lambda n: (-(-images // n) * -(-n * places // limits.PIECE), -n if small else n),
    )


def _rows_y(
    x: Array,
    w: Array,
    b: Any,
    y: Array,
    axes: Axes,
    workspace: int,
    threads: int,
    many: int = 1,
) -> None:
    """y[g, (n, o)] = sum over rows of S of weights times S, for every output of the first axis."""
    F, start = w.shape[1], [0] * len(axes)
    products = len(x) * w.size * prod(O for _, _, O, *_ in axes)
    at_once = _enough(threads, 0, products)
    # few columns: each thread has filters of its own instead of images
    columns = len(x) * prod(O for _, _, O, *_ in axes[len(axes) > 1 :])
    if columns >= 3 * limits.FEW * at_once or 2 * limits.FEW * at_once > F:
        _rows_into(x, w, b, [(slice(None), y, start)], axes, workspace, threads, many)
        return

    def make(i: int) -> None:
        f = slice(F * i // at_once, F * (i + 1) // at_once)
        own = None if b is None else b[:, f]
        memory = workspace // at_once
        _rows_into(x, w[:, f], own, [(slice(None), y[:, :, f], start)], axes, memory, 1, many)

    _parallel(make, at_once, at_once)


def _rows_into(
    x: Array,
    w: Array,
    b: Any,
    parts: Sequence[tuple[slice, Array, Sequence[int]]],
    axes: Axes,
    workspace: int,
    threads: int,
    many: int,
) -> None:
    """What :func:`_rows_y` makes, laid in parts: (filters, where they go, the outputs they begin
    at).
    """
    if len(axes) == 1:
        x, w = x[:, :, :, None], w[:, :, :, None]
        parts = [(f, target[:, :, :, None], [0, *begin]) for f, target, begin in parts]
        axes = [(1, 1, 1, 1, 1, 0), *axes]
    G, F, C, K = w.shape[:4]
    turns, step = _turns(axes)
    many = min(many, -(-axes[0][2] // len(turns)))
    gathered = many > 1 or _gathers(axes, F, C)
    later = gathered and _through_planes(axes)
    span, taps = step * (many - 1) + K, prod(w.shape[4:])
    used = taps * G * many * F * span * C * x.itemsize
    used += -used % 64
    kept = _buffer(workspace)
    weights = _banded(w, many, step, gathered, _within(kept[:used], x.dtype))
    each = prod(O if gathered and not later else O + d * (K - 1) // s for _, K, O, s, d, _ in axes[1:])
    # a row of x, its columns in whole pieces; the sums of a row and a term of them
    below = C * (taps if gathered else 2 * prod(s for _, _, _, s, *_ in axes[1:]))
    place = 1.2 * each * G * x.itemsize
    size, shared = int((axes[0][3] * below + 2 * F) * place), int(axes[0][4] * K * below * place)
    products = len(x) * w.size * prod(O for _, _, O, *_ in axes)
    threads = _enough(threads, size * len(x) * axes[0][2], products)

    def make(unit: tuple[slice, slice], memory: Array, lane: int) -> None:
        n, o = unit
        take = _within(memory, x.dtype)
        part = _outputs(axes, o)
        together = _together(n.stop - n.start, each, weights.shape[3] <= 128)
        S, starts, columns, sizes = _below(x, n, part, many, gathered, later, together, take)
        wide, whole = min(columns, limits.PIECE), weights.shape[3]
        inner = -(-whole // -(-whole // 480))
        few = _part(many * F, limits.PRODUCT // (inner * wide))
        for turn, e, first in turns:
            outputs = len(range(turn, part[0][2], len(turns)))
            if not outputs:
                continue
            count = -(-outputs // many)
            # rows that begin a power of two apart would share their place in the caches
            long = columns + 16 * (columns % 256 == 0)
            sums = take((len(S), G, count, many * F, long))[..., :columns]
            term = sums
            if len(starts) > 1 or inner < whole:
                term = take((len(S), G, count, many * F, long))[..., :columns]
            cut = (len(S), G, count, many * F // few, few, columns // wide, wide)
            for i, (matrix, start) in enumerate(zip(weights, starts)):
                met = _meeting(S, e, first, step * many, count, span, start, columns)
                for k in range(0, whole, inner):
                    made = sums if i == k == 0 else term
                    np.matmul(
                        matrix.reshape(1, 1, G, 1, cut[3], few, -1)[..., k : k + inner],
                        met[:, :, :, :, None, k : k + inner],
                        out=made.reshape(cut).transpose(0, 5, 1, 2, 3, 4, 6),
                    )
                    if made is not sums:
                        sums += term
            found = sums[..., : prod(sizes)].reshape(len(S), G, count, many, F, *sizes)
            found = found.transpose(0, 5, 1, 4, 2, 3, *range(6, found.ndim))
            found = found.reshape(*found.shape[:4], count * many, *found.shape[6:])
            for f, target, begin in parts:
                # with more turns than one, a part has all outputs
                lo = max(o.start, begin[0]) - o.start
                hi = min(o.stop, begin[0] + target.shape[3]) - o.start
                if lo >= hi:
                    continue
                place = target[n, :, :, o.start + lo - begin[0] : o.start + hi - begin[0]]
                place = place[:, :, :, turn :: len(turns)]
                inside = [slice(u, u + size) for u, size in zip(begin[1:], target.shape[4:])]
                made = found[:, :, :, f, lo : lo + place.shape[3]][(..., *inside)]
                _put_blocks(made, place, None if b is None else b[:, f])

    units = _row_units(len(x), axes[0][2], size, shared, many * len(turns), workspace - used, threads)
    _lanes(make, units, kept[used:], threads)


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
        parts.append((filters, dx[(slice(None), slice(None), slice(None), *rest)], begin))
    _rows_into(dy, weights, None, parts, layer, workspace, threads, many)


def _row_units(images: int, rows: int, size: int, shared: int, step: int, memory: int, threads: int) -> list[Any]:
    """(images, rows) of units: a multiple of ``step`` rows, as many images as threads leave.

    A row of one image needs ``size`` bytes, and ``shared`` ones those that it shares with the next.
    """
    limit = min(limits.ROWS, memory // threads)
    many = -(-images // threads) if images >= threads else max(1, images)
    while many > 1 and (size * step + shared) * many > limit:
        many = -(-many // 2)
    few = max(1, (limit // many - shared) // max(1, size))
    if images < threads:
        few = min(few, -(-rows * max(1, images) // threads))
    few = max(step, few // step * step)
    return [
        (slice(n, min(n + many, images)), slice(o, min(o + few, rows)))
        for n in range(0, images, many)
        for o in range(0, rows, few)
    ]


def _depthwise_y(x: Array, w: Array, b: Any, y: Array, axes: Axes, workspace: int, threads: int) -> None:
    """Groups of one channel: four outputs of the first axis at a time."""
    _rows_y(x, w, b, y, axes, workspace, threads, 4)


def _depthwise_dx(dy: Array, w: Array, dx: Array, axes: Axes, workspace: int, threads: int) -> None:
    _rows_dx(dy, w, dx, axes, workspace, threads, 4)
