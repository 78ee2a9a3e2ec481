"""Which schedule makes an array: a small model of what each costs, and the three readings of the
loss by any of them.

The functions are copied into the emitted files, so they use NumPy, the standard library and each
other only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from symconv.kernels.fast.arrays import _SMALL, _cores, _parallel
from symconv.kernels.fast.matrices import (
    _BLOCK,
    _blocked_dw,
    _blocked_y,
    _by_phases,
    _elementwise_dw,
    _elementwise_y,
    _phases,
    _pointwise_dw,
    _pointwise_y,
    _rows_dw,
    _rows_y,
    _scatter_dx,
    _windows_dw,
    _windows_y,
)
from symconv.kernels.fast.tiles import _WINOGRAD, _tile, _winograd_backward, _winograd_y

# arrays are indexed by tuples made at run time, which NumPy's own types do not follow
Array = Any
Axes = Sequence[tuple[int, ...]]

__all__ = ["SCHEDULES_OF_Y"]

#: schedule -> (its way to y, its way to dw); dx follows from y by phases where it has no way of its
#: own
SCHEDULES_OF_Y = _WAYS = {
    "blocked": (_blocked_y, _blocked_dw),
    "scatter": (_blocked_y, _blocked_dw),
    "rows": (_rows_y, _rows_dw),
    "windows": (_windows_y, _windows_dw),
    "pointwise": (_pointwise_y, _pointwise_dw),
    "depthwise": (_elementwise_y, _elementwise_dw),
    "winograd": (_winograd_y, None),
}

#: what was chosen, by layer
_CHOSEN: dict[Any, str] = {}

#: sizes of layers, by shapes and parameters
_LAYERS: dict[Any, Any] = {}


def _fits(how: str, C: int, axes: Axes, dtype: Any) -> str:
    """Why a schedule cannot make this layer; empty when it can. C counts channels of one group."""
    if how == "pointwise" and any(K != 1 or s != 1 or p or H != O for H, K, O, s, _, p in axes):
        return "needs one tap, stride 1 and no padding"
    if how == "depthwise" and C != 1:
        return f"needs one channel of x for each group, not {C}"
    if how == "winograd":
        known = sorted({K for _, K in _WINOGRAD})
        if any(s != 1 for _, _, _, s, _, _ in axes):
            return "needs stride 1"
        if any(K not in known for _, K, _, _, _, _ in axes):
            return f"has algorithms for {', '.join(map(str, known))} taps an axis"
        if dtype.kind not in "fcO" or dtype.char == "e":
            return f"divides, which {dtype} does not do well"
    return ""


def _nanoseconds(
    how: str, target: str, N: int, G: int, F: int, C: int, axes: Axes, dtype: Any, threads: int
) -> Any:
    """What a schedule costs for y, dx or dw of a layer: products, numbers moved, calls.

    The constants are a common processor's. They decide between schedules, so their ratios matter,
    not their size.
    """
    if target == "dx" and how not in ("scatter", "winograd"):
        each = (phase for _, _, phase in _phases(axes) if all(K for _, K, _, _, _, _ in phase))
        # the weights are copied, taps backwards, f and c exchanged
        turned = 1.5 * G * F * C * prod(K for _, K, _, _, _, _ in axes)
        return (
            2000
            + turned
            + sum(_nanoseconds(how, "y", N, G, C, F, phase, dtype, threads) for phase in each)
        )
    # half as many numbers of twice the bytes are multiplied in the same time
    wide = max(1, dtype.itemsize // 4)
    rate = 200 * _cores() / wide
    taps, places = prod(K for _, K, _, _, _, _ in axes), prod(O for _, _, O, _, _, _ in axes)
    run = prod(O + d * (K - 1) // s for _, K, O, s, d, _ in axes)
    reach = run * prod(s for _, _, _, s, _, _ in axes)
    work = 2 * N * G * F * C * taps * places
    full = F / (F + 8)  # narrow matrices keep the processor less busy
    short = 1 / axes[-1][2]  # numbers are copied in runs of a row's windows; each begins anew
    if how == "pointwise":
        return work / (rate * full) + 3000 + N * 500
    if how == "depthwise":
        calls = N * max(1, G * 32 * reach * 4 * wide / _BLOCK) * F * taps * 2
        passes = 0.05 if target == "dw" else 0.12
        return N * G * F * reach * (taps * passes + 0.8) * wide + calls * 700 + 20_000
    if how == "rows":
        inner = C / (C + 16)
        adding = N * G * F * run * (taps - 1) * 0.1 * wide if target == "y" else 0.0
        moves = N * G * (C * reach + F * run) * 0.25 * wide
        calls = N * taps * (2500 + 300 * G)
        return work * run / places / (rate * full * inner) + adding + moves + calls + 15_000
    if how == "winograd":
        return _tiled(target, N, G, F, C, axes, wide)
    numbers = N * G * C * taps * places
    block = max(1, numbers * dtype.itemsize / _BLOCK)
    calls = 6 if numbers < _SMALL else taps + 6  # a few numbers are gathered in one call
    moved = numbers * (0.3 + 3 * short) * wide + N * G * C * reach * 0.3 * wide
    put = N * G * F * places * 0.1 * wide
    if target == "dw":  # sums of blocks, and these turned
        put += G * F * C * taps * (1.5 + 0.5 * block) * wide
    if how == "scatter" and target == "dx":
        moved, calls = numbers * (0.5 + 10 * short) * wide, 3 * taps + 6
    if how == "windows":
        moved = numbers * (2.0 if numbers > _SMALL else 0.6) * wide
        moved += N * G * F * places * 0.5 * wide
        calls = 10 * G
    return work / (rate * full) + moved + put + block * calls * 1500 + 12_000


def _tiled(target: str, N: int, G: int, F: int, C: int, axes: Axes, wide: int) -> float:
    """What Winograd costs: transforms of tiles and weights, and the products that are left."""
    tiles = [_tile(K, -(-O // d)) for _, K, O, _, d, _ in axes]
    rows = prod(m + K - 1 for m, (_, K, _, _, _, _) in zip(tiles, axes))
    places = N * prod(d * -(-O // (d * m)) for m, (_, _, O, _, d, _) in zip(tiles, axes))
    numbers = rows * places
    taps = prod(K for _, K, _, _, _, _ in axes)
    rate = 200 * _cores() / wide
    products = 2 * numbers * G * F * C / (rate * F / (F + 12) * C / (C + 12))
    # the transforms are products with a matrix of so many rows, columns copied before or after
    small = 0.5 * rate * rows / (rows + 20)
    weights = G * F * C * (2 * rows * taps / small + wide * (1.1 * rows + 0.5 * taps))
    outputs = prod(m for m in tiles)
    spread = 2 * rows * rows / small + wide * (0.25 * rows + 0.5 * outputs)
    back = 2 * rows * outputs / small + wide * 1.0 * outputs
    add = 2 * rows * rows / small + wide * (0.4 * rows + 0.5 * outputs)
    here = {"y": (spread, back), "dx": (add, back), "dw": (spread, back)}[target]
    moved = places * G * (C * here[0] + F * here[1])
    return products + weights + moved + 60_000


def _estimates(
    target: str, N: int, G: int, F: int, C: int, axes: Axes, dtype: Any, threads: int
) -> dict[str, Any]:
    """What each schedule that can make the array costs, in nanoseconds; a schedule that is
    another's is left out.
    """
    ways = [
        how
        for how in _WAYS
        if not _fits(how, C, axes, dtype) and (how != "scatter" or target == "dx")
    ]
    # depthwise sums over the filters of a group for dx, and they are as many as channels only where
    # there is one
    ways = [how for how in ways if how != "depthwise" or target != "dx" or F == 1]
    return {how: _nanoseconds(how, target, N, G, F, C, axes, dtype, threads) for how in ways}


def _chosen(
    algorithm: str,
    target: str,
    N: int,
    G: int,
    F: int,
    C: int,
    axes: Axes,
    dtype: Any,
    threads: int,
) -> str:
    """The schedule for y, dx or dw: the one asked for, or the cheapest by the model ("direct": that
    adds the terms as they are).

    ValueError for one that is unknown or cannot make the layer.
    """
    if algorithm not in ("auto", "direct"):
        if algorithm not in _WAYS:
            raise ValueError(f"algorithm {algorithm!r} must be auto, direct, {', '.join(_WAYS)}")
        reason = _fits(algorithm, C, axes, dtype)
        if reason:
            raise ValueError(f"algorithm {algorithm!r} {reason}")
        if algorithm == "depthwise" and target == "dx" and F != 1:
            return "scatter"
        return algorithm
    key = (algorithm, target, N, G, F, C, tuple(axes), dtype, threads)
    if key not in _CHOSEN:
        costs = _estimates(target, N, G, F, C, axes, dtype, threads)
        if algorithm == "direct" or dtype.kind not in "fc":
            costs.pop("winograd", None)
        if len(_CHOSEN) > 1000:
            _CHOSEN.clear()
        _CHOSEN[key] = min(costs, key=lambda how: costs[how])
    return _CHOSEN[key]


def _same_layer(find: Any, *arguments: Any, **options: Any) -> Any:
    """What ``find`` says of a layer, remembered: for a small layer the arithmetic of its sizes
    would take as long as the sums.
    """
    shapes = [getattr(argument, "shape", argument) for argument in arguments]
    try:
        key = (find, *shapes, *options.items())
        if key not in _LAYERS:
            if len(_LAYERS) > 1000:
                _LAYERS.clear()
            _LAYERS[key] = find(*arguments, **options)
        return _LAYERS[key]
    except TypeError:  # lists, which cannot be a key
        return find(*arguments, **options)


def _limits(workspace: Any, threads: Any) -> tuple[int, int]:
    """Bytes of working memory, and threads: as many as there are cores at most."""
    if int(workspace) != workspace or workspace < 1:
        raise ValueError(f"workspace {workspace!r} must be a whole number of bytes >= 1")
    if threads is not None and (int(threads) != threads or threads < 1):
        raise ValueError(f"threads {threads!r} must be None or a whole number >= 1")
    return int(workspace), _cores() if threads is None else min(int(threads), _cores())


def _bias_gradient(dy: Array, threads: Any) -> Array:
    """db[f] = sum over (n, o) of dy[n, f, o]."""
    sums = np.empty(dy.shape[:2], dy.dtype)

    def add(n: int) -> None:
        # with a dtype, because NumPy sums small integers in a wider one
        dy[n].reshape(dy.shape[1], -1).sum(axis=1, dtype=dy.dtype, out=sums[n])

    _parallel(add, len(dy), _limits(1, threads)[1] if dy.size > 200_000 else 1)
    return sums.sum(axis=0, dtype=dy.dtype)


def _make_y(
    x: Array, w: Array, b: Any, y: Array, axes: Axes, algorithm: str, workspace: Any, threads: Any
) -> None:
    """y[n, g, f, o] = b[g, f] + sum over (c, k) of w[g, f, c, k] * x[n, g, c, s*o + d*k - p]."""
    workspace, threads = _limits(workspace, threads)
    G, F, C = w.shape[:3]
    how = _chosen(algorithm, "y", len(x), G, F, C, axes, x.dtype, threads)
    make: Callable[..., None] = _WAYS[how][0]
    make(x, w, None if b is None else b.reshape(*w.shape[:2], 1), y, axes, workspace, threads)


def _make_gradients(
    dy: Array,
    x: Any,
    w: Array,
    dx: Any,
    dw: Any,
    axes: Axes,
    algorithm: str,
    workspace: Any,
    threads: Any,
) -> None:
    """dx, the same sum with x left out, and dw, with w left out; an array that is None is not
    made.
    """
    workspace, threads = _limits(workspace, threads)
    G, F, C = w.shape[:3]
    wanted = [name for name, array in (("dx", dx), ("dw", dw)) if array is not None]
    how = {
        name: _chosen(algorithm, name, len(dy), G, F, C, axes, dy.dtype, threads) for name in wanted
    }
    tiled = [name for name in wanted if how[name] == "winograd"]
    if tiled:
        # both share the transformed dy
        parts = (dx if "dx" in tiled else None, dw if "dw" in tiled else None)
        _winograd_backward(dy, x, w, *parts, axes, workspace, threads)
    if "dx" in wanted and how["dx"] == "scatter":
        _scatter_dx(dy, w, dx, axes, workspace, threads)
    elif "dx" in wanted and how["dx"] != "winograd":
        _by_phases(_WAYS[how["dx"]][0], dy, w, dx, axes, workspace, threads)
    if "dw" in wanted and how["dw"] != "winograd":
        make: Any = _WAYS[how["dw"]][1]
        make(dy, x, dw, axes, workspace, threads)
