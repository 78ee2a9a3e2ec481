"""Correlations by discrete Fourier transforms, for kernels so large that their taps outnumber everything else.

Rows that windows meet, padded, are no longer than a period S, so nothing wraps around in

    c[i] = sum over m of a[(i + m) mod S] * b[m]  =  inverse transform of A * conj(B),

and y and dw are entries of such sums: y[o] at i = s*o, with b the taps d apart; dw[k] at i = d*k,
with b the rows of dy s apart. dx is y of dy by the phases. On Python objects, which have no
transform, the sum over m is made as it stands: the indices are then checked on symbols, and the
transform itself, where they agree, on numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from symconv.fast.memory import _buffer, _within
from symconv.fast.windows import _padded

# arrays are indexed by tuples made at run time, which NumPy's own types do not follow
Array = Any
Axes = Sequence[tuple[int, ...]]

__all__: list[str] = []


def _period(rows: int) -> int:
    """The least number from ``rows`` on whose only factors are 2, 3 and 5."""
    while True:
        rest = rows
        for factor in (2, 3, 5):
            while rest > 1 and rest % factor == 0:
                rest //= factor
        if rest == 1:
            return rows
        rows += 1


def _spectrum(a: Array, sizes: Sequence[int]) -> Array:
    """The transform of ``a`` over the period; of objects, ``a`` itself, zero up to the period."""
    if not a.dtype.hasobject:
        return np.fft.rfftn(a, sizes, tuple(range(3, a.ndim)))
    wide: Array = np.zeros((*a.shape[:3], *sizes), a.dtype)
    wide[(..., *map(slice, a.shape[3:]))] = a
    return wide


def _cyclic(A: Array, b: Array, sizes: Sequence[int]) -> Array:
    """c[g, i, j, o] = sum over (q, m) of a[g, i, q, (o + m) mod sizes] * b[g, j, q, m], A being the
    spectrum of a.
    """
    space = tuple(range(3, b.ndim))
    if b.dtype.hasobject:
        total: Any = 0
        for m in np.ndindex(*b.shape[3:]):
            turned = np.moveaxis(np.roll(A, [-i for i in m], space), (0, 1, 2), (-3, -2, -1))
            total = total + turned @ np.swapaxes(b[(..., *m)], -1, -2)
        return np.moveaxis(total, (-3, -2, -1), (0, 1, 2))
    B = _spectrum(b, sizes).conj()
    if b.shape[2] == 1:  # nothing to sum but places
        made = A * B.swapaxes(1, 2)
    else:
        left, right = (np.moveaxis(each, (0, 1, 2), (-3, -2, -1)) for each in (A, B))
        made = np.moveaxis(left @ np.swapaxes(right, -1, -2), (-3, -2, -1), (0, 1, 2))
    return np.fft.irfftn(made, sizes, space).astype(b.dtype, copy=False)


def _zeros_between(a: Array, steps: Sequence[int]) -> Array:
    """``a`` with zeros between neighbours, so many steps apart."""
    if max(steps) == 1:
        return a
    sizes = [step * (n - 1) + 1 for n, step in zip(a.shape[3:], steps)]
    wide: Array = np.zeros((*a.shape[:3], *sizes), a.dtype)
    wide[(..., *(slice(None, None, step) for step in steps))] = a
    return wide


def _spectra(axes: Axes, workspace: int, itemsize: int) -> tuple[list[int], int]:
    """The period on each axis, and how many arrays of periods may be held at once."""
    sizes = [_period(s * (O - 1) + d * (K - 1) + 1) for _, K, O, s, d, _ in axes]
    return sizes, max(1, workspace // (4 * prod(sizes) * itemsize))


def _fft_y(x: Array, w: Array, b: Any, y: Array, axes: Axes, workspace: int, threads: int) -> None:
    """y[n, g, f, o] at s*o of the cyclic sum, some filters, channels and images at a time."""
    G, F, C = w.shape[:3]
    sizes, most = _spectra(axes, workspace, x.itemsize)
    few = max(1, min(F, most // (G * C)))
    many = max(1, most // (G * (C + few)))
    steps = [slice(0, s * (O - 1) + 1, s) for _, _, O, s, _, _ in axes]
    for n in range(0, len(x), many):
        rows = _padded(x[n : n + many], axes, _within(_buffer(workspace), x.dtype))
        whole = _spectrum(np.swapaxes(rows, 0, 1), sizes)
        for f in range(0, F, few):
            taps = _zeros_between(w[:, f : f + few], [d for *_, d, _ in axes])
            made = _cyclic(whole, taps, sizes)
            place = y[n : n + many, :, f : f + few]
            place[...] = np.swapaxes(made, 0, 1)[(..., *steps)]
    if b is not None:
        y += b.reshape(*b.shape[:2], *[1] * len(axes))


def _fft_dw(dy: Array, x: Array, dw: Array, axes: Axes, workspace: int, threads: int) -> None:
    """dw[g, f, c, k] at d*k of the cyclic sum of x and the rows of dy, s apart."""
    G, F, C = dw.shape[:3]
    sizes, most = _spectra(axes, workspace, dy.itemsize)
    few = max(1, min(F, most // (G * C)))
    many = max(1, most // (G * (C + few)))
    steps = [slice(0, d * (K - 1) + 1, d) for _, K, _, _, d, _ in axes]
    dw[...] = 0
    for n in range(0, len(dy), many):
        rows = _padded(x[n : n + many], axes, _within(_buffer(workspace), x.dtype))
        whole = _spectrum(rows.transpose(1, 2, 0, *range(3, rows.ndim)), sizes)
        for f in range(0, F, few):
            slopes = _zeros_between(dy[n : n + many, :, f : f + few], [axis[3] for axis in axes])
            made = _cyclic(whole, slopes.transpose(1, 2, 0, *range(3, rows.ndim)), sizes)
            place = dw[:, f : f + few]
            place += np.swapaxes(made, 1, 2)[(..., *steps)]
