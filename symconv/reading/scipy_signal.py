"""SciPy's convolutions and correlations: scipy.signal's correlate2d, convolve2d, correlate, convolve, and NumPy's of vectors.

Each is a part of the full correlation F[t] = sum over j of a[t - (K - 1) + j] v[j], with v turned for a convolution: "valid" the
rows whose windows lie in the longer of the two, "same" as many as a has, from row (K - 1) // 2 on. correlate2d alone takes them
from K // 2 on, which differs where K is even.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from symconv.reading import products
from symconv.reading.arrays import Grid, own
from symconv.reading.numbers import at_least
from symconv.reading.numpy_making import as_array
from symconv.reading.numpy_table import ROWS, numpy
from symconv.reading.python_rows import MODULE_ROWS
from symconv.reading.rows import Needed, table
from symconv.reading.views import Slice, flipped, indexed_by
from symconv.reading.world import Raised, Unreadable, World

__all__ = ["MODULE_ROWS"]

LETTERS = "abcdef"


def _correlated(
    reader: Any, a: Any, v: Any, mode: Any, *rest: Any, turned: bool, ndim: int | None, later: int, vectors: bool
) -> Grid:
    world: World = reader.world
    first, second = as_array(reader, a), as_array(reader, v)
    if first.ndim != second.ndim or (ndim is not None and first.ndim != ndim):
        raise Raised("ValueError")
    if not first.ndim or any(len(axis) != 1 for axis in (*first.axes, *second.axes)):
        raise Unreadable("a correlation of these arrays")
    if rest and rest not in (("fill", 0), ("auto",), ("direct",)):
        raise Unreadable("a correlation with this border or method")
    if mode not in ("full", "same", "valid"):
        raise Raised("ValueError")
    kernel = flipped(second, range(second.ndim)) if turned else second
    sizes = [axis[0] for axis in first.axes]
    lengths = [axis[0] for axis in second.axes]
    longer = tuple(at_least(size, length) for size, length in zip(sizes, lengths, strict=True))
    if mode == "valid" and world.decide(longer):
        return _windows(reader, first, kernel, lengths)
    shorter = tuple(at_least(length, size) for size, length in zip(sizes, lengths, strict=True))
    if mode == "valid" and not vectors and not world.decide(shorter):
        raise Raised("ValueError")
    if vectors and mode != "full" and not world.decide(longer):
        raise Unreadable("a correlation with a longer array, by NumPy")
    amounts = tuple((length - 1, length - 1) for length in lengths)
    whole = _windows(reader, ROWS["pad"].run(reader, [first, amounts], {}), kernel, lengths)
    if mode == "full":
        return whole
    if mode == "same":
        cuts = [(world.floor(length - 1 + later, 2), size) for size, length in zip(sizes, lengths, strict=True)]
    else:
        cuts = [(size - 1, length - size + 1) for size, length in zip(sizes, lengths, strict=True)]
    return indexed_by(world, own(world, whole), [Slice(start, start + count, None) for start, count in cuts])


def _windows(reader: Any, a: Grid, v: Grid, lengths: list[Any]) -> Grid:
    at, taps = LETTERS[: v.ndim], LETTERS[: v.ndim].upper()
    windows = ROWS["lib.stride_tricks.sliding_window_view"].run(reader, [a, tuple(lengths)], {})
    return products.einsum(reader.world, f"{at}{taps},{taps}->{at}", [windows, v])


_row = table(MODULE_ROWS)
for _name, _turned in (("correlate", False), ("convolve", True)):
    _row(f"scipy.signal.{_name}2d", in1=Needed, in2=Needed, mode="full", boundary="fill", fillvalue=0)(
        partial(_correlated, turned=_turned, ndim=2, later=0 if _turned else 1, vectors=False)
    )
    _row(f"scipy.signal.{_name}", in1=Needed, in2=Needed, mode="full", method="auto")(
        partial(_correlated, turned=_turned, ndim=None, later=0, vectors=False)
    )
numpy("convolve", a=Needed, v=Needed, mode="full")(partial(_correlated, turned=True, ndim=1, later=0, vectors=True))
numpy("correlate", a=Needed, v=Needed, mode="valid")(partial(_correlated, turned=False, ndim=1, later=0, vectors=True))
