"""Windows of x: rows zero outside it, apart by their residue modulo the stride, and views of what each tap meets.

Padding is done here and in the rooms that lay out rows themselves (:mod:`symconv.fast.rows`, :mod:`symconv.fast.tiles`): always
by :func:`~symconv.kernels.helpers._reach`, with zeros where x has no row.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np

from symconv.fast.memory import Take
from symconv.kernels.helpers import _reach

__all__: list[str] = []

# arrays are indexed by tuples made at run time, which NumPy's own types do not follow
Array = Any
Axes = Sequence[tuple[int, ...]]


def _outputs(axes: Sequence[tuple[int, ...]], o: slice) -> list[tuple[int, ...]]:
    """The axes of the layer that has only the outputs ``o`` of the first one."""
    (H, K, _, s, d, p), *others = axes
    return [(H, K, o.stop - o.start, s, d, p - s * o.start), *others]


def _residues(axis: Sequence[int]) -> list[int]:
    """The residues modulo the stride that rows have which windows meet, m + p = s*o + d*k: no more than taps."""
    _, K, _, s, d, _ = axis
    return sorted({d * k % s for k in range(min(K, s))})


def _planes(x: Array, axes: Sequence[tuple[int, ...]], take: Take) -> Array:
    """The rows of x that windows meet, zero outside x, apart by their residue modulo the stride.

    ``axes`` says H, K, O, s, d, p for each axis. The result has x's first three axes, then one for
    the residue of every spatial axis (those of ``_residues``), then one for the quotient: row
    s*o + d*k - p of x is at residue (d*k) % s, quotient o + (d*k) // s. So for every tap the windows
    of all o are a plain slice, whatever the stride.
    """
    residues = [_residues(axis) for axis in axes]
    steps = [len(each) for each in residues]
    if all(s == 1 for _, _, _, s, _, _ in axes) and all(
        p <= 0 and O + d * (K - 1) - p <= H for H, K, O, _, d, p in axes
    ):
        part = tuple(slice(-p, O + d * (K - 1) - p) for _, K, O, _, d, p in axes)
        inside = x[(..., *part)]
        return inside.reshape(*inside.shape[:3], *steps, *inside.shape[3:])
    sizes = [O + d * (K - 1) // s for _, K, O, s, d, _ in axes]
    planes = take((*x.shape[:3], *steps, *sizes))
    found = [
        [_reach(e - p, s, size, H) for e in each] for each, (H, _, _, s, _, p), size in zip(residues, axes, sizes)
    ]  # for each residue the quotients whose rows x has, and these rows
    edges = any(q.start > 0 or q.stop < size for reached, size in zip(found, sizes) for q, _ in reached)

    if edges:
        planes[...] = 0
    for e in product(*map(range, steps)):
        reached = [each[i] for each, i in zip(found, e)]
        every = (slice(None), slice(None), slice(None))
        planes[(*every, *e, *(q for q, _ in reached))] = x[(*every, *(m for _, m in reached))]
    return planes


def _tap(k: Sequence[int], axes: Sequence[tuple[int, ...]]) -> list[Any]:
    """Where in ``_planes`` tap k finds x[n, g, c, s*o + d*k - p], every o: residues, slices."""
    residues = [_residues(axis).index(axis[4] * j % axis[3]) for j, axis in zip(k, axes)]
    starts = [d * j // s for j, (_, _, _, s, d, _) in zip(k, axes)]
    return residues + [slice(i, i + axis[2]) for i, axis in zip(starts, axes)]


def _view(a: Array, shape: Sequence[int], strides: Sequence[int]) -> Array:
    """The memory of ``a``, from its first entry on, as an array of other axes.

    IndexError where that would leave what ``a`` covers.
    """
    ends = []
    for sizes, steps in ((shape, strides), (a.shape, a.strides)):
        low = high = 0
        for n, step in zip(sizes, steps):
            low, high = (low + (n - 1) * step, high) if step < 0 else (low, high + (n - 1) * step)
        ends.append((low, high))
    (low, high), (first, last) = ends
    wrong = not a.size or low < first or high > last
    if a.dtype.hasobject:
        wrong = wrong or any(step % a.itemsize for step in strides)
    if wrong and 0 not in shape:
        raise IndexError(f"axes {tuple(shape)}, {tuple(strides)} bytes apart, leave {a.shape}")
    return np.lib.stride_tricks.as_strided(a, shape, strides)


def _windows(rows: Array, axes: Sequence[tuple[int, ...]]) -> Array:
    """All windows of padded rows (n, g, c, *rows) as a view (n, g, c, *o, *k)."""
    lead, steps = rows.strides[:3], rows.strides[3:]
    shape = [axis[2] for axis in axes] + [axis[1] for axis in axes]
    strides = [s * step for (_, _, _, s, _, _), step in zip(axes, steps)]
    strides += [d * step for (_, _, _, _, d, _), step in zip(axes, steps)]
    return _view(rows, (*rows.shape[:3], *shape), (*lead, *strides))


def _padded(x: Array, axes: Sequence[tuple[int, ...]], take: Take) -> Array:
    """The rows of x that windows meet, zero outside x, in order: ``_planes`` of stride 1."""
    whole = [(H, d * (K - 1) + 1, s * (O - 1) + 1, 1, 1, p) for H, K, O, s, d, p in axes]
    rows = _planes(x, whole, take)
    return rows.reshape(*rows.shape[:3], *rows.shape[3 + len(axes) :])
