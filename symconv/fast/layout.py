"""Rows of x below each other, so that the windows of the first axis need no copy.

For a block of images and outputs the rows of x are laid out as one matrix for each group,

    S[g, e, (q, t, c), (n, o)] = x[n, g, c, d*q + e - p, s*o + d*t - p on the other axes],

where row m + p = d*q + e of the first axis has residue e modulo the dilation, and quotient q. The windows of an output o of
this axis are then rows of S that follow each other, from quotient (s*o) // d on. The taps t of the other axes are copied beside
the channels; or, where that is dearer, they are the same rows begun some columns later, and each has a product of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from math import gcd, prod
from typing import Any, NamedTuple

import numpy as np

from symconv.fast import limits
from symconv.fast.memory import Take
from symconv.fast.windows import _residues, _view
from symconv.kernels.helpers import _reach

# arrays are indexed by tuples made at run time, which NumPy's own types do not follow
Array = Any
Axes = Sequence[tuple[int, ...]]

__all__: list[str] = []


class Laid(NamedTuple):
    """S of some images, cut in blocks of images: (block, residue of the other axes, g, e, q, (t, c), columns), or with the
    columns in pieces (block, piece, residue, g, e, q, (t, c), columns of the piece).

    ``starts`` are the residue and the first column of each tap that has a product of its own; ``columns`` belong to one
    block, and are the places of ``sizes`` (n, *o), with some after them that mean nothing.
    """

    S: Array
    starts: list[tuple[int, int]]
    columns: int
    sizes: list[int]


def _turns(axes: Axes) -> tuple[list[tuple[int, int, int]], int]:
    """The outputs of the first axis, by the residue of their rows modulo the dilation.

    [(turn, residue, quotient)] and step: output turn + len(turns) * j begins at ``residue``, at
    quotient ``quotient`` + step * j.
    """
    s, d = axes[0][3:5]
    count = d // gcd(s, d)
    return [(turn, s * turn % d, s * turn // d) for turn in range(count)], s // gcd(s, d)


def _quotients(axes: Axes, many: int) -> int:
    """Quotients that the last outputs meet, those included that only fill up ``many`` outputs."""
    turns, step = _turns(axes)
    _, K, O, *_ = axes[0]
    counts = [-(-len(range(turn, O, len(turns))) // many) for turn, _, _ in turns]
    return max(first + step * (j * many - 1) + K for (_, _, first), j in zip(turns, counts))


def _below(x: Array, n: slice, axes: Axes, many: int, gathered: bool, later: bool, together: int, take: Take) -> Laid:
    """S of images n. Taps that are ``gathered`` are copied from x, or ``later`` from rows apart by residue; a block has
    ``together`` images, and ``many`` outputs of the first axis are made at a time.
    """
    (H, _, _, _, d, p), *others = axes
    G, C = x.shape[1:3]
    copied = gathered and not later
    # rows s*o + offset - p of the other axes: one offset for each tap, or for each residue
    offsets = [
        [d * k for k in range(K)] if copied else _residues(axis) for axis in others for _, K, _, _, d, _ in [axis]
    ]
    sizes = [O if copied else O + d * (K - 1) // s for _, K, O, s, d, _ in others]
    kinds = list(product(*offsets))
    starts = [(0, 0)] if copied else [_begins(t, others, sizes) for t in np.ndindex(*(K for _, K, *_ in others))]
    places, images, quotients = together * prod(sizes), n.stop - n.start, _quotients(axes, many)
    blocks, last = -(-images // together), max(start for _, start in starts)
    columns = -(-places // limits.PIECE) * limits.PIECE if places > limits.PIECE // 2 else places
    apart, beside = (1, len(kinds)) if copied else (len(kinds), 1)
    S = take((blocks, apart, G, d, quotients, beside, C, columns + last))
    S[..., places:] = 0
    cells = np.moveaxis(S[..., :places].reshape(*S.shape[:7], together, *sizes), 7, 1)
    for e, (i, t) in product(range(d), enumerate(kinds)):
        q, m = _reach(e - p, d, quotients, H)
        found = [_reach(offset - p, s, size, H) for offset, (H, _, _, s, _, p), size in zip(t, others, sizes)]
        rows = x[(n, slice(None), slice(None), m, *(h for _, h in found))]
        place = cells[:, :, 0, :, e, :, i] if copied else cells[:, :, i, :, e, :, 0]
        inside = [slice(None), q, slice(None), *(o for o, _ in found)]
        _lay_blocks(place, rows.transpose(0, 1, 3, 2, *range(4, rows.ndim)), inside)
    laid = Laid(S, starts, columns, [together, *sizes])
    return laid if places <= limits.WIDE or copied else _in_pieces(laid, later, last, take)


def _lay_blocks(place: Array, rows: Array, inside: Sequence[slice]) -> None:
    """Rows (n, ...) in blocks of images (block, n, ...), the last block filled up with zeros."""
    together, full = place.shape[1], len(rows) // place.shape[1]
    _lay(place[:full], rows[: full * together].reshape(full, together, *rows.shape[1:]), inside)
    if full < len(place):
        rest = len(rows) - full * together
        place[full, rest:] = 0
        _lay(place[full, :rest], rows[full * together :], inside)


def _lay(place: Array, source: Array, inside: Sequence[slice]) -> None:
    """``source`` in the last axes of ``place``, in the slices ``inside``; zero around it."""
    for axis, part in enumerate(inside, place.ndim - len(inside)):
        if part != slice(None):
            around = [slice(None)] * axis
            for edge in (slice(0, part.start), slice(part.stop, None)):
                place[(*around, edge)] = 0
    place[(..., *inside)] = source


def _in_pieces(laid: Laid, later: bool, last: int, take: Take) -> Laid:
    """The columns in pieces: the rows of a product then lie closer together. Taps are copied now where that is ``later``."""
    blocks, residues, G, d, quotients, _, C, _ = laid.S.shape
    pieces = laid.columns // limits.PIECE
    if later:
        near = take((blocks, pieces, 1, G, d, quotients, len(laid.starts), C, limits.PIECE))
    else:
        near = take((blocks, pieces, residues, G, d, quotients, 1, C, limits.PIECE + last))
    block, *steps, one = laid.S.strides
    for i, (residue, start) in enumerate(laid.starts if later else [(0, 0)]):
        part, place = laid.S[:, residue:, ..., start:], near[..., i : i + 1, :, :]
        # piece j begins PIECE columns after the one before, and may reach into it
        place[...] = _view(part, place.shape, (block, limits.PIECE * one, *steps, one))
    return laid._replace(S=near, starts=[(0, 0)] if later else laid.starts)


def _begins(t: Sequence[int], others: Axes, sizes: Sequence[int]) -> tuple[int, int]:
    """Where the windows of tap t of the other axes lie: the place of its residue, and their first column."""
    place = quotient = 0
    for k, axis, size in zip(t, others, sizes):
        _, _, _, s, d, _ = axis
        residues = _residues(axis)
        place, quotient = place * len(residues) + residues.index(d * k % s), quotient * size + d * k // s
    return place, quotient


def _meeting(laid: Laid, e: int, first: int, step: int, count: int, span: int, start: tuple[int, int]) -> Array:
    """For each of ``count`` products the rows of S that it meets, ``span`` quotients from ``first`` on and ``step`` further
    for each, and the columns from ``start`` on in pieces: a view (block, piece, g, product, (q, t, c), column).
    """
    residue, column = start
    pieces = laid.S.ndim == 9
    part = laid.S[:, :, residue] if pieces else laid.S[:, residue]
    part = part[..., e, first:, :, :, column:]
    wide = min(laid.columns, limits.PIECE)
    *lead, group, row, _, below, one = part.strides
    if not pieces:
        lead.append(wide * one)
    return _view(
        part,
        (len(part), laid.columns // wide, part.shape[-5], count, span * part.shape[-3] * part.shape[-2], wide),
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
