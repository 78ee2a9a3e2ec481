"""Memory and threads of the fast kernels: blocks, working memory that is kept, a small pool.

These functions are copied into the emitted files, so they use NumPy, the standard library and each
other only.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from math import prod
from typing import Any

import numpy as np

from symconv.kernels.prelude import _reach

# arrays are indexed by tuples made at run time, which NumPy's own types do not follow
Array = Any
Take = Callable[[Sequence[int]], Array]

__all__ = ["FEW", "KEPT", "LEAST", "LIMIT", "PIECE", "SMALL", "WIDE"]

#: working memory and threads that outlive a call
KEPT = _KEPT = threading.local()
_POOLS: dict[tuple[int, int], tuple[ThreadPoolExecutor, list[int]]] = {}

#: threads' ids -> the core they are kept off; 0 -> the function that tells the core
_PLACES: dict[int, Any] = {}

#: an array of fewer numbers is gathered in one call, not in long runs
SMALL = _SMALL = 400_000

#: fewer channels, and half as many filters of a thread, are few
FEW = _FEW = 16

#: columns of a product of rows: whole vectors of the processor, and whole lines of its caches
PIECE = _PIECE = 64

#: more columns than these are cut in pieces
WIDE = _WIDE = 256

#: bytes that a thread should work on at least
LEAST = _LEAST = 2 << 20

#: a matrix product of at most so many multiplications is made on the calling thread alone
LIMIT = _LIMIT = 500_000


def _cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _apart(threads: list[int]) -> Any:
    """This thread stays on its core, and ``threads`` of the process stay off it, where the system
    can be told. Gives the cores to set this thread free to afterwards, or None.

    Threads that are busy for moments only and wait for each other are left on one core otherwise.
    """
    if 0 not in _PLACES:
        try:
            os.sched_setaffinity(0, os.sched_getaffinity(0))
            _PLACES[0] = ctypes.CDLL(None).sched_getcpu
        except (AttributeError, OSError):
            _PLACES[0] = None
    if _PLACES[0] is None:
        return None
    cores, here = os.sched_getaffinity(0), _PLACES[0]()
    if here not in cores or len(cores) < 2:
        return None
    for thread in threads:
        if _PLACES.get(thread) != here:
            os.sched_setaffinity(thread, cores - {here})
            _PLACES[thread] = here
    os.sched_setaffinity(0, {here})
    return cores


def _parallel(task: Callable[[int], None], count: int, threads: int) -> None:
    """task(i) for i in range(count), on so many threads; this one is among them."""
    parts = min(threads, count)

    def run(part: int) -> None:
        for i in range(count * part // parts, count * (part + 1) // parts):
            task(i)

    if parts < 2:
        return run(0) if parts else None
    key = os.getpid(), threads  # a forked process has no threads but its own
    if key not in _POOLS:
        ids: list[int] = []
        begin = lambda: ids.append(threading.get_native_id())  # noqa: E731
        _POOLS[key] = ThreadPoolExecutor(threads - 1, initializer=begin), ids
    pool, ids = _POOLS[key]
    cores = _apart(ids)
    try:
        others = [pool.submit(run, part) for part in range(1, parts)]
        run(0)
        for other in others:
            other.result()
    finally:
        if cores:
            os.sched_setaffinity(0, cores)
    return None


def _kept(name: str, size: int) -> Array:
    """So many bytes that the thread keeps for its next call, under a name.

    Memory that was in use a moment ago is in the caches; fresh memory has to be fetched from the
    system.
    """
    buffer: Array | None = getattr(_KEPT, name, None)
    if buffer is None or buffer.size < size:
        whole = np.empty(size + 64, np.uint8)
        start = -whole.ctypes.data % 64  # where a line of the caches begins
        buffer = whole[start : start + size]
        setattr(_KEPT, name, buffer)
    return buffer[:size]


def _buffer(workspace: int) -> Array:
    """The bytes that a call works in."""
    return _kept("buffer", workspace)


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


def _outputs(axes: Sequence[tuple[int, ...]], o: slice) -> list[tuple[int, ...]]:
    """The axes of the layer that has only the outputs ``o`` of the first one."""
    (H, K, _, s, d, p), *others = axes
    return [(H, K, o.stop - o.start, s, d, p - s * o.start), *others]


def _lanes(task: Any, units: Sequence[Any], memory: Array, threads: int) -> None:
    """task(unit, working memory, lane) for all units, in as many lanes as there are threads.

    A lane does all of a unit alone: what it copies is in its core's caches when it multiplies, and
    products of at most ``_LIMIT`` multiplications are not shared out once more by NumPy's library,
    whose threads would wait busily for the next.
    """
    lanes = max(1, min(threads, len(units)))
    size = memory.size // lanes // 64 * 64

    def run(lane: int) -> None:
        for unit in units[len(units) * lane // lanes : len(units) * (lane + 1) // lanes]:
            task(unit, memory[size * lane : size * (lane + 1)], lane)

    _parallel(run, lanes, lanes)


def _enough(threads: int, size: int, products: int) -> int:
    """Threads for work on so many bytes and multiplications: a little is done sooner than handed
    over.
    """
    return max(1, min(threads, max(size, products // 16) // _LEAST))


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


def _planes(x: Array, axes: Sequence[tuple[int, ...]], take: Take) -> Array:
    """The rows of x that windows meet, zero outside x, apart by their residue modulo the stride.

    ``axes`` says H, K, O, s, d, p for each axis. The result has x's first three axes, then one for
    the residue of every spatial axis, then one for the quotient: row s*o + d*k - p of x is at
    residue (d*k) % s, quotient o + (d*k) // s. So for every tap the windows of all o are a plain
    slice, whatever the stride.
    """
    steps = [s for _, _, _, s, _, _ in axes]
    if max(steps) == 1 and all(p <= 0 and O + d * (K - 1) - p <= H for H, K, O, _, d, p in axes):
        part = tuple(slice(-p, O + d * (K - 1) - p) for _, K, O, _, d, p in axes)
        inside = x[(..., *part)]
        return inside.reshape(*inside.shape[:3], *steps, *inside.shape[3:])
    sizes = [O + d * (K - 1) // s for _, K, O, s, d, _ in axes]
    planes = take((*x.shape[:3], *steps, *sizes))
    found = [
        [_reach(e - p, s, size, H) for e in range(s)] for (H, _, _, s, _, p), size in zip(axes, sizes)
    ]  # for each residue the quotients whose rows x has, and these rows
    edges = any(q.start > 0 or q.stop < size for reached, size in zip(found, sizes) for q, _ in reached)

    if edges:
        planes[...] = 0
    for e in product(*map(range, steps)):
        reached = [each[residue] for each, residue in zip(found, e)]
        every = (slice(None), slice(None), slice(None))
        planes[(*every, *e, *(q for q, _ in reached))] = x[(*every, *(m for _, m in reached))]
    return planes


def _tap(k: Sequence[int], axes: Sequence[tuple[int, ...]]) -> list[Any]:
    """Where in ``_planes`` tap k finds x[n, g, c, s*o + d*k - p], every o: residues, slices."""
    residues = [d * j % s for j, (_, _, _, s, d, _) in zip(k, axes)]
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
