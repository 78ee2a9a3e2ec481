"""The library of fast kernels under the checks that emitted kernels pass, every schedule asked for by name."""

from __future__ import annotations

import types
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from symconv import Conv, fast
from symconv.fast import choice, limits, rows
from symconv.fast.schedules import FAST
from symconv.kernels import Kernel, Kind, Schedule
from symconv.kernels.behaviour import Functions, Result
from symconv.kernels.checks import on_symbols

__all__ = ["Library", "limits_set", "schedules_of", "symbols_by_every_schedule"]


class Library(Functions):
    """The two functions of the library for one layer, called with its parameters; ``options`` are added to them."""

    def __init__(self, conv: Conv, functions: Mapping[str, Any] | None = None, **options: Any) -> None:
        self.kernel = Kernel(Schedule("fast", "", "", to_use=True), Kind(conv.ndim, conv.transposed))
        self.conv, self.module = conv, types.ModuleType("fast")
        name = self.kernel.function
        self.function, self.backward_function = getattr(fast, name), getattr(fast, f"{name}_backward")
        names = ["stride", "padding", "dilation", "groups"] + ["output_padding"] * conv.transposed
        self.parameters = {each: getattr(conv, each) for each in names} | options


def sizes_of(conv: Conv) -> tuple[tuple[int, ...], ...]:
    """H, K, O, s, d, p of each axis."""
    return tuple((a.H, a.K, a.O, a.s, a.d, a.p) for a in conv.axes)


def schedules_of(conv: Conv, dtype: Any = object) -> list[str]:
    """The schedules that can make a layer, by the library's own word."""
    channels = conv.w_shape[1]
    return [name for name in FAST if not choice._fits(name, channels, sizes_of(conv), np.dtype(dtype))]


@contextmanager
def limits_set(gathers: bool | None = None, **sizes: int) -> Iterator[None]:
    """Other sizes than those that are best for speed; ``gathers`` says whether taps are copied."""
    kept, way = {name: getattr(limits, name) for name in sizes}, rows._gathers
    try:
        vars(limits).update(sizes)
        if gathers is not None:
            rows._gathers = lambda *_: gathers
        yield
    finally:
        vars(limits).update(kept)
        rows._gathers = way


#: nothing is too small to be cut up, shared out or left where it lies; and all is
WAYS: tuple[tuple[dict[str, Any], dict[str, Any]], ...] = (
    (
        {"gathers": False, "SMALL": 0, "LEAST": 1, "FEW": 1, "PIECE": 2, "WIDE": 2, "TILE": 2},
        {"workspace": 256, "threads": 2},
    ),
    ({"gathers": True, "PIECE": 2, "WIDE": 2}, {"workspace": 1 << 20, "threads": 1}),
)


def symbols_by_every_schedule(conv: Conv, schedules: Iterable[str] | None = None) -> Result:
    """y, dx, dw, db on symbols by every schedule that can make the layer: in many blocks and on two threads, and in one."""
    count = 0
    for name in schedules_of(conv) if schedules is None else schedules:
        for sizes, options in WAYS:
            with limits_set(**sizes):
                entries, failure = on_symbols(Library(conv, algorithm=name, **options), conv)
            count += entries
            if failure:
                return count, f"{name}, workspace {options['workspace']}: {failure}"
    return count, None
