"""A small model of what each schedule costs: its amounts, each times what one was measured to cost."""

from __future__ import annotations

from collections.abc import Sequence
from math import gcd, prod
from typing import Any

from symconv.fast import limits
from symconv.fast.matrices import _phases
from symconv.fast.rows import _at_once, _gathers
from symconv.fast.spectra import _period
from symconv.fast.tiles import _tile
from symconv.fast.windows import _residues

__all__ = ["COSTS", "BY_WORKERS"]

Axes = Sequence[tuple[int, ...]]

#: schedule and array -> nanoseconds for each of what :func:`_amounts` counts, in float32 on two cores: fitted to layers drawn
#: at random. The numbers are a common processor's; they decide between schedules, so their ratios matter, not their size
COSTS = {
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

#: schedules whose work is shared out to workers; the products of the others are shared out by NumPy's library
BY_WORKERS = ("rows", "depthwise", "winograd")


def _amounts(how: str, target: str, N: int, G: int, F: int, C: int, axes: Axes) -> Any:
    """What a schedule does for y, dx or dw: calls of NumPy, multiplications, numbers copied and the
    runs they are copied in, numbers summed or written, weights rearranged.
    """
    if target == "dx" and how != "scatter":
        if how in ("rows", "depthwise") and _at_once(axes):
            at_once = [(O, -(-K // s), -(-H // s), 1, d, 0) for H, K, O, s, d, _ in axes]
            return _amounts(how, "y", N, G, C * prod(axis[3] for axis in axes), F, at_once)
        phases = [phase for _, _, phase in _phases(axes)]
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
    blocks = 1 + 4 * copied // limits.BLOCK
    calls = blocks * (6 if copied < limits.SMALL else taps + 6)
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
    gathered = C < limits.FEW if target == "dw" else many > 1 or _gathers(axes, F, C)
    wide = prod(O + d * (K - 1) // s for _, K, O, s, d, _ in others)
    columns = places if gathered else wide
    span = s // gcd(s, d) * (many - 1) + K
    each = taps * places if gathered else wide * prod(len(_residues(axis)) for axis in others)
    copied = N * G * C * (s * O + d * (K - 1)) * each
    products = N * G * F * C * span * taps * O * columns
    times = (1 if gathered else taps) * -(-span * C * (taps if gathered else 1) // 480)
    sums: Any = N * G * F * O * columns * (times if target == "y" else 1)
    if target == "dw":
        sums += products / 120
    calls = 40 + 4 * times * (1 + 4 * (copied + sums) // limits.ROWS)
    return calls, products, copied, copied / others[-1][2], sums, G * F * C * span * many * taps


def _amounts_of_tiles(N: int, G: int, F: int, C: int, axes: Axes) -> Any:
    """Of winograd: numbers are transformed in stages, an axis at a time."""
    tiles = [_tile(K, -(-O // d)) for _, K, O, _, d, _ in axes]
    rows = [m + K - 1 for m, (_, K, *_) in zip(tiles, axes)]
    whole = [-(-O // (d * m)) * d for m, (_, _, O, _, d, _) in zip(tiles, axes)]
    places, lines = N * prod(whole), N * prod(m * t for m, t in zip(tiles, whole))
    stages = sum(prod(rows[: i + 1]) * prod(tiles[i + 1 :]) for i in range(len(axes)))
    transformed = places * stages * G * (C + F)
    units = 1 + 4 * transformed // limits.TILES
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
    whole = sum(cost * amount * (wide if i else 1) for i, (cost, amount) in enumerate(zip(COSTS[how, made], amounts)))
    return whole * (limits.cores() / threads if how in BY_WORKERS else 1)
