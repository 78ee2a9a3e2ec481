"""Which schedule makes an array: a small model of what each costs, and the three readings of the
loss by any of them.

The functions are copied into the emitted files, so they use NumPy, the standard library and each
other only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import gcd, prod
from typing import Any

import numpy as np

from symconv.fast.arrays import _FEW, _SMALL, _cores
from symconv.fast.matrices import (
    _BLOCK,
    _blocked_dw,
    _blocked_y,
    _by_phases,
    _phases,
    _pointwise_dw,
    _pointwise_y,
    _scatter_dx,
    _windows_dw,
    _windows_y,
)
from symconv.fast.rows import (
    _ROWS,
    _at_once,
    _depthwise_dx,
    _depthwise_y,
    _gathers,
    _rows_dx,
    _rows_y,
)
from symconv.fast.rows_dw import _depthwise_dw, _rows_dw
from symconv.fast.spectra import _fft_dw, _fft_y, _period
from symconv.fast.tiles import _TILES, _WINOGRAD, _tile, _winograd_dw, _winograd_y

# arrays are indexed by tuples made at run time, which NumPy's own types do not follow
Array = Any
Axes = Sequence[tuple[int, ...]]

__all__ = ["COSTS", "INDIRECT", "IN_LANES", "SCHEDULES_OF_Y"]

#: schedule -> (its way to y, to dx, to dw); dx follows from y by phases where it has no way of its
#: own
SCHEDULES_OF_Y = _WAYS = {
    "blocked": (_blocked_y, None, _blocked_dw),
    "scatter": (_blocked_y, _scatter_dx, _blocked_dw),
    "rows": (_rows_y, _rows_dx, _rows_dw),
    "windows": (_windows_y, None, _windows_dw),
    "pointwise": (_pointwise_y, None, _pointwise_dw),
    "depthwise": (_depthwise_y, _depthwise_dx, _depthwise_dw),
    "winograd": (_winograd_y, None, _winograd_dw),
    "fft": (_fft_y, None, _fft_dw),
}

#: schedule and array -> nanoseconds for each of what :func:`_amounts` counts, in float32 on two
#: cores: fitted to layers drawn at random
COSTS = _COSTS = {
    ("blocked", "y"): (5300, 0.005, 0.15, 3.2, 0.24, 1.1),
    ("blocked", "dw"): (5100, 0.006, 0.2, 3.6, 0.19, 0.038),
    ("scatter", "dx"): (8700, 0.0046, 0.49, 8, 0.096, 0),
    ("rows", "y"): (2900, 0.0051, 0.29, 3.5, 0.34, 0.73),
    ("rows", "dw"): (2500, 0.0065, 0.36, 2.1, 0.15, 2),
    ("windows", "y"): (980, 0.007, 1.1, 0, 0.84, 0.3),
    ("windows", "dw"): (840, 0.0068, 1.1, 0, 0.2, 0.17),
    ("pointwise", "y"): (1500, 0.0046, 0.056, 0, 0.065, 0.49),
    ("pointwise", "dw"): (1900, 0.0078, 0.033, 0, 0.045, 0),
    ("depthwise", "y"): (2300, 0.012, 0.23, 2.9, 0.35, 2.5),
    ("depthwise", "dw"): (2200, 0.02, 0.27, 2.7, 0.11, 4.7),
    ("fft", "y"): (4000, 0.02, 4.5, 0, 0.5, 0),
    ("fft", "dw"): (4000, 0.02, 4.5, 0, 0.5, 0),
    ("winograd", "y"): (2100, 0.004, 0.45, 0.1, 0.17, 2.5),
    ("winograd", "dw"): (2000, 0.004, 0.39, 0.1, 0.19, 2.5),
}

#: schedules whose threads are lanes; the products of the others are shared out by NumPy's library
IN_LANES = _IN_LANES = ("rows", "depthwise", "winograd")

#: schedules that transform what they multiply, and so round more
INDIRECT = _INDIRECT = ("winograd", "fft")

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
    if how == "fft" and (dtype.kind not in "fO" or dtype.char == "e"):
        return f"needs real numbers of at least 32 bits, not {dtype}"
    if how == "winograd":
        known = sorted({K for _, K in _WINOGRAD})
        if any(s != 1 for _, _, _, s, _, _ in axes):
            return "needs stride 1"
        if any(K not in known for _, K, _, _, _, _ in axes):
            return f"has algorithms for {', '.join(map(str, known))} taps an axis"
        if dtype.kind not in "fcO" or dtype.char == "e":
            return f"divides, which {dtype} does not do well"
    return ""


def _amounts(how: str, target: str, N: int, G: int, F: int, C: int, axes: Axes) -> Any:
    """What a schedule does for y, dx or dw: calls of NumPy, multiplications, numbers copied and the
    runs they are copied in, numbers summed or written, weights rearranged.
    """
    if target == "dx" and how != "scatter":
        if how in ("rows", "depthwise") and _at_once(axes):
            at_once = [(O, -(-K // s), -(-H // s), 1, d, 0) for H, K, O, s, d, _ in axes]
            return _amounts(how, "y", N, G, C * prod(axis[3] for axis in axes), F, at_once)
        phases = [phase for _, _, phase in _phases(axes) if all(K for _, K, *_ in phase)]
        each = [_amounts(how, "y", N, G, C, F, phase) for phase in phases]
        turned = (5, 0, 0, 0, 0, G * F * C * prod(K for _, K, *_ in axes))
        return tuple(map(sum, zip(turned, *each)))
    taps, places = prod(K for _, K, *_ in axes), prod(O for _, _, O, *_ in axes)
    wide = axes[-1][2]
    products, outputs = N * G * F * C * taps * places, N * G * F * places
    weights = G * F * C * taps
    copied = N * G * C * taps * places
    if how == "pointwise":
        return 3 + N, products, N * G * C * places, 0, outputs, weights
    if how == "windows":
        return 50 + 10 * G, products, copied, 0, outputs, weights
    if how == "fft":
        sizes = prod(_period(s * (O - 1) + d * (K - 1) + 1) for _, K, O, s, d, _ in axes)
        arrays = N * G * C + G * F * C + N * G * F if target != "dw" else N * G * (C + F) + G * F * C
        return 60, 2 * N * G * F * C * sizes, arrays * sizes, 0, outputs, 0
    if how == "winograd":
        return _amounts_of_tiles(N, G, F, C, axes)
    if how in ("rows", "depthwise"):
        return _amounts_of_rows(how, target, N, G, F, C, axes)
    blocks = 1 + 4 * copied // _BLOCK
    calls = blocks * (6 if copied < _SMALL else taps + 6)
    if target != "dw":
        weights = 0
    return calls, products, copied, copied / wide, outputs, weights * (1 + blocks) / 2


def _amounts_of_rows(how: str, target: str, N: int, G: int, F: int, C: int, axes: Axes) -> Any:
    """Of rows and depthwise, which makes several outputs at a time."""
    if len(axes) == 1:
        axes = [(1, 1, 1, 1, 1, 0), *axes]
    (_, K, O, s, d, _), *others = axes
    taps, places = prod(K for _, K, *_ in others), prod(O for _, _, O, *_ in others)
    many = min(4, O) if how == "depthwise" else 1
    # weights' gradients of few channels are made from taps that are copied, others from none
    gathered = C < _FEW if target == "dw" else many > 1 or _gathers(axes, F, C)
    wide = prod(O + d * (K - 1) // s for _, K, O, s, d, _ in others)
    columns = places if gathered else wide
    span = s // gcd(s, d) * (many - 1) + K
    each = taps * places if gathered else wide * prod(s for _, _, _, s, *_ in others)
    copied = N * G * C * (s * O + d * (K - 1)) * each
    products = N * G * F * C * span * taps * O * columns
    times = (1 if gathered else taps) * -(-span * C * (taps if gathered else 1) // 480)
    sums: Any = N * G * F * O * columns * (times if target == "y" else 1)
    if target == "dw":
        sums += products / 120
    calls = 40 + 4 * times * (1 + 4 * (copied + sums) // _ROWS)
    return calls, products, copied, copied / others[-1][2], sums, G * F * C * span * many * taps


def _amounts_of_tiles(N: int, G: int, F: int, C: int, axes: Axes) -> Any:
    """Of winograd: numbers are transformed in stages, an axis at a time."""
    tiles = [_tile(K, -(-O // d)) for _, K, O, _, d, _ in axes]
    rows = [m + K - 1 for m, (_, K, *_) in zip(tiles, axes)]
    whole = [-(-O // (d * m)) * d for m, (_, _, O, _, d, _) in zip(tiles, axes)]
    places, lines = N * prod(whole), N * prod(m * t for m, t in zip(tiles, whole))
    stages = sum(prod(rows[: i + 1]) * prod(tiles[i + 1 :]) for i in range(len(axes)))
    transformed = places * stages * G * (C + F)
    units = 1 + 4 * transformed // _TILES
    weights = G * F * C
    return (
        40 + 12 * units,
        places * prod(rows) * weights,
        lines * G * (C + F),
        prod(rows) * weights * units,
        transformed,
        weights * prod(K for _, K, *_ in axes),
    )


def _nanoseconds(how: str, target: str, N: int, G: int, F: int, C: int, axes: Axes, dtype: Any, threads: int) -> Any:
    """What a schedule costs: its amounts, each times what one was measured to cost.

    The table's numbers are a common processor's. They decide between schedules, so their ratios
    matter, not their size.
    """
    amounts = _amounts(how, target, N, G, F, C, axes)
    made = target if how == "scatter" or target == "dw" else "y"
    # half as many numbers of twice the bytes are handled in the same time
    wide = max(1, dtype.itemsize // 4)
    whole = sum(cost * amount * (wide if i else 1) for i, (cost, amount) in enumerate(zip(_COSTS[how, made], amounts)))
    return whole * (_cores() / threads if how in _IN_LANES else 1)


def _estimates(target: str, N: int, G: int, F: int, C: int, axes: Axes, dtype: Any, threads: int) -> dict[str, Any]:
    """What each schedule costs that can make the array, in nanoseconds; scatter is a way to dx
    only.
    """
    ways = [how for how in _WAYS if not _fits(how, C, axes, dtype) and (how != "scatter" or target == "dx")]
    # depthwise sums over the filters of a group for dx, and they are as many as channels only where
    # there is one
    ways = [how for how in ways if how != "depthwise" or target != "dx" or F == 1]
    # a special case does the same as the general one and less
    general = {"pointwise": ("blocked", "scatter"), "depthwise": ("rows",)}
    ways = [how for how in ways if not any(s in ways and how in general[s] for s in general)]
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
        if len(_CHOSEN) > 1000:
            _CHOSEN.clear()
        best: dict[bool, dict[str, tuple[float, str]]] = {True: {}, False: {}}
        for each in ("y", "dx", "dw"):
            costs = _estimates(each, N, G, F, C, axes, dtype, threads)
            if algorithm == "direct" or dtype.kind not in "fc":
                costs = {how: costs[how] for how in costs if how not in _INDIRECT}
            for how, cost in costs.items():
                found = best[how in _IN_LANES]
                found[each] = min(found.get(each, (cost, how)), (cost, how))
        # all three alike: the threads of NumPy's library wait busily for their next product, and
        # lanes that follow would share their cores with them
        lanes, shared = (sum(cost for cost, _ in best[kind].values()) for kind in (True, False))
        _CHOSEN[key] = best[lanes < shared][target][1]
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


def _bias_gradient(dy: Array) -> Array:
    """db[f] = sum over (n, o) of dy[n, f, o]."""
    # image by image, because what lies together adds up fastest; with a dtype, because NumPy sums
    # small integers in a wider one
    sums = np.empty(dy.shape[:2], dy.dtype)
    for n, image in enumerate(dy):
        image.reshape(dy.shape[1], -1).sum(axis=1, dtype=dy.dtype, out=sums[n])
    return sums.sum(axis=0, dtype=dy.dtype)


def _make_y(x: Array, w: Array, b: Any, y: Array, axes: Axes, algorithm: str, workspace: Any, threads: Any) -> None:
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
    how = {name: _chosen(algorithm, name, len(dy), G, F, C, axes, dy.dtype, threads) for name in wanted}
    if "dx" in wanted:
        forward, back, _ = _WAYS[how["dx"]]
        if back is None:
            _by_phases(forward, dy, w, dx, axes, workspace, threads)
        else:
            back(dy, w, dx, axes, workspace, threads)
    if "dw" in wanted:
        make: Any = _WAYS[how["dw"]][2]
        make(dy, x, dw, axes, workspace, threads)
