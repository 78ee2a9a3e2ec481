"""Memory of the fast kernels: a buffer that each thread keeps, and the blocks and units that fit it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any

import numpy as np

__all__: list[str] = []

# arrays are indexed by tuples made at run time, which NumPy's own types do not follow
Array = Any
Take = Callable[[Sequence[int]], Array]

#: the buffer that a thread keeps from call to call: bytes without meaning, written before they are read
_KEPT = threading.local()


def _buffer(size: int) -> Array:
    """So many bytes to work in, which the thread keeps for its next call.

    Memory that was in use a moment ago is in the caches; fresh memory has to be fetched from the system.
    """
    buffer: Array | None = getattr(_KEPT, "buffer", None)
    if buffer is None or buffer.size < size:
        whole = np.empty(size + 64, np.uint8)
        start = -whole.ctypes.data % 64  # where a line of the caches begins
        buffer = _KEPT.buffer = whole[start : start + size]
    return buffer[:size]


def _within(buffer: Array, dtype: Any) -> Take:
    """take(shape): the next part of the buffer. What does not fit, such as a single row of one
    image that is larger than the whole workspace, is taken apart from it.
    """
    start = 0

    def take(shape: Sequence[int]) -> Array:
        nonlocal start
        size = prod(shape) * dtype.itemsize
        if dtype.hasobject or start + size > buffer.size:
            return np.empty(shape, dtype)
        array: Array = buffer[start : start + size].view(dtype).reshape(shape)
        start += -(-size // 64) * 64
        return array

    return take


def _blocks(images: int, rows: int, size: int, limit: int) -> Iterator[tuple[slice, slice]]:
    """(images, rows) of blocks that cover all: as many images as fit ``limit``, or else as many
    rows of one.

    ``size`` is what one image needs, in bytes.
    """
    many = max(1, min(images, limit // max(1, size)))
    few = rows if size <= limit else max(1, rows * limit // size)
    for n in range(0, images, many):
        for o in range(0, rows, few):
            yield slice(n, min(n + many, images)), slice(o, min(o + few, rows))


def _units(images: int, rows: int, size: int, limit: int, threads: int) -> list[Any]:
    """(images, rows) of units of at most ``limit`` bytes, and no fewer than threads where there are
    as many images or rows. ``size`` is what one row of an image needs.
    """
    many = max(1, min(-(-images // threads), limit // max(1, size * rows)))
    whole = size * rows <= limit and images >= threads
    few = max(1, min(rows if whole else -(-rows * images // threads), limit // max(1, size)))
    few = -(-rows // -(-rows // min(few, rows))) if rows else 1  # units of the same size
    return [
        (slice(n, min(n + many, images)), slice(o, min(o + few, rows)))
        for n in range(0, images, many)
        for o in range(0, rows, few)
    ]


def _part(count: int, limit: int) -> int:
    """The largest divisor of ``count`` that is at most ``limit``, or 1."""
    pieces = -(-count // max(1, limit))
    return count // next((i for i in range(max(1, pieces), count) if count % i == 0), max(1, count))
