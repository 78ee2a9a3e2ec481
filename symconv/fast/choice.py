"""Which schedule makes an array, and the three readings of the loss by any of them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from symconv.fast import interpolation
from symconv.fast.costs import BY_WORKERS, _nanoseconds
from symconv.fast.matrices import (
    _blocked_dw,
    _blocked_y,
    _by_phases,
    _pointwise_dw,
    _pointwise_y,
    _scatter_dx,
    _windows_dw,
    _windows_y,
)
from symconv.fast.rows import _depthwise_dx, _depthwise_y, _rows_dx, _rows_y
from symconv.fast.rows_dw import _depthwise_dw, _rows_dw
from symconv.fast.spectra import _fft_dw, _fft_y
from symconv.fast.tiles import _winograd_dw, _winograd_y

# arrays are indexed by tuples made at run time, which NumPy's own types do not follow
Array = Any
Axes = Sequence[tuple[int, ...]]

__all__ = ["DIRECT", "INDIRECT", "WAYS", "make_dw", "make_dx", "make_y"]

#: schedule -> (its way to y, to dx, to dw); dx follows from y by phases where it has no way of its own
WAYS: dict[str, tuple[Any, Any, Any]] = {
    "blocked": (_blocked_y, None, _blocked_dw),
    "scatter": (_blocked_y, _scatter_dx, _blocked_dw),
    "rows": (_rows_y, _rows_dx, _rows_dw),
    "windows": (_windows_y, None, _windows_dw),
    "pointwise": (_pointwise_y, None, _pointwise_dw),
    "depthwise": (_depthwise_y, _depthwise_dx, _depthwise_dw),
    "winograd": (_winograd_y, None, _winograd_dw),
    "fft": (_fft_y, None, _fft_dw),
}

#: schedules that transform what they multiply, and so round more
INDIRECT = ("winograd", "fft")

#: schedules that add the very terms of each sum, zeros of the padding included, and no other product: an infinity or a NaN
#: reaches the entries whose sums have it and no more. The others add zeros times entries of x, which NaN survives
DIRECT = ("blocked", "scatter", "windows", "pointwise")


def _fits(how: str, C: int, axes: Axes, dtype: Any) -> str:
    """Why a schedule cannot make this layer; empty when it can. C counts channels of one group."""
    if how == "pointwise" and any(K != 1 or s != 1 or p or H != O for H, K, O, s, _, p in axes):
        return "needs one tap, stride 1 and no padding"
    if how == "depthwise" and C != 1:
        return f"needs one channel of x for each group, not {C}"
    if how == "fft" and (dtype.kind not in "fO" or dtype.char == "e"):
        return f"needs real numbers of at least 32 bits, not {dtype}"
    if how == "winograd":
        known = sorted({K for _, K in interpolation.WINOGRAD_SIZES})
        if any(s != 1 for _, _, _, s, _, _ in axes):
            return "needs stride 1"
        if any(K not in known for _, K, _, _, _, _ in axes):
            return f"has algorithms for {', '.join(map(str, known))} taps an axis"
        if dtype.kind not in "fcO" or dtype.char == "e":
            return f"divides, which {dtype} does not do well"
    return ""


def _estimates(target: str, N: int, G: int, F: int, C: int, axes: Axes, dtype: Any, threads: int) -> dict[str, Any]:
    """What each schedule costs that can make the array, in nanoseconds; scatter is a way to dx
    only.
    """
    ways = [how for how in WAYS if not _fits(how, C, axes, dtype) and (how != "scatter" or target == "dx")]
    # depthwise sums over the filters of a group for dx, and they are as many as channels only where
    # there is one
    ways = [how for how in ways if how != "depthwise" or target != "dx" or F == 1]
    # a special case does the same as the general one and less
    general = {"pointwise": ("blocked", "scatter"), "depthwise": ("rows",)}
    ways = [how for how in ways if not any(s in ways and how in general[s] for s in general)]
    return {how: _nanoseconds(how, target, N, G, F, C, axes, dtype, threads) for how in ways}


def _chosen(algorithm: str, target: str, N: int, G: int, F: int, C: int, axes: Axes, dtype: Any, threads: int) -> str:
    """The schedule for y, dx or dw: the one asked for, or the cheapest by the model; for "direct" among ``DIRECT``.

    ValueError for one that is unknown or cannot make the layer.
    """
    if algorithm in ("auto", "direct"):
        return _cheapest(algorithm == "direct", N, G, F, C, tuple(axes), dtype, threads)[target]
    if algorithm not in WAYS:
        raise ValueError(f"algorithm {algorithm!r} must be auto, direct, {', '.join(WAYS)}")
    reason = _fits(algorithm, C, axes, dtype)
    if reason:
        raise ValueError(f"algorithm {algorithm!r} {reason}")
    return "scatter" if algorithm == "depthwise" and target == "dx" and F != 1 else algorithm


@lru_cache(maxsize=1000)
def _cheapest(
    direct: bool, N: int, G: int, F: int, C: int, axes: tuple[tuple[int, ...], ...], dtype: Any, threads: int
) -> dict[str, str]:
    """The cheapest schedules for y, dx and dw; all by workers or none.

    The threads of NumPy's library wait busily for their next product, and workers that follow would share their cores with them.
    """
    best: dict[bool, dict[str, tuple[float, str]]] = {True: {}, False: {}}
    for target in ("y", "dx", "dw"):
        for how, cost in _estimates(target, N, G, F, C, axes, dtype, threads).items():
            if (direct and how not in DIRECT) or (how in INDIRECT and dtype.kind not in "fc"):
                continue
            found = best[how in BY_WORKERS]
            found[target] = min(found.get(target, (cost, how)), (cost, how))
    workers, shared = (sum(cost for cost, _ in best[kind].values()) for kind in (True, False))
    chosen = best[len(best[True]) == 3 and workers < shared]
    return {target: how for target, (_, how) in chosen.items()}


def make_y(x: Array, w: Array, b: Any, y: Array, axes: Axes, algorithm: str, workspace: int, threads: int) -> None:
    """y[n, g, f, o] = b[g, f] + sum over (c, k) of w[g, f, c, k] * x[n, g, c, s*o + d*k - p]."""
    G, F, C = w.shape[:3]
    how = _chosen(algorithm, "y", len(x), G, F, C, axes, x.dtype, threads)
    make, _, _ = WAYS[how]
    make(x, w, None if b is None else b.reshape(G, F, 1), y, axes, workspace, threads)


def make_dx(dy: Array, w: Array, dx: Array, axes: Axes, algorithm: str, workspace: int, threads: int) -> None:
    """dx, the same sum with x left out."""
    G, F, C = w.shape[:3]
    how = _chosen(algorithm, "dx", len(dy), G, F, C, axes, dy.dtype, threads)
    forward, back, _ = WAYS[how]
    if back is None:
        _by_phases(forward, dy, w, dx, axes, workspace, threads)
    else:
        back(dy, w, dx, axes, workspace, threads)


def make_dw(dy: Array, x: Array, dw: Array, axes: Axes, algorithm: str, workspace: int, threads: int) -> None:
    """dw, the same sum with w left out."""
    G, F, C = dw.shape[:3]
    how = _chosen(algorithm, "dw", len(dy), G, F, C, axes, dy.dtype, threads)
    _, _, make = WAYS[how]
    make(dy, x, dw, axes, workspace, threads)
