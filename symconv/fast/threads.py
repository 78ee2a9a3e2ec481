"""Threads of the fast kernels: a small pool, and workers, each of which does all of a part of the work.

The threads of a pool take whatever core the system gives them, and outlive a call, by process and number; nothing else about
them is remembered.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from symconv.fast import limits

__all__: list[str] = []

# arrays are indexed by tuples made at run time, which NumPy's own types do not follow
Array = Any

#: (process, threads) -> its pool: a forked process has no threads but its own
_POOLS: dict[tuple[int, int], ThreadPoolExecutor] = {}


def _parallel(task: Callable[[int], None], count: int, threads: int) -> None:
    """task(i) for i in range(count), on so many threads; this one is among them.

    All have ended when it returns or raises, so that memory they share can be used again.
    """
    parts = min(threads, count)

    def run(part: int) -> None:
        for i in range(count * part // parts, count * (part + 1) // parts):
            task(i)

    if parts < 2:
        for i in range(count):
            task(i)
        return
    key = os.getpid(), parts
    # two callers at once may both make a pool: one is kept, and the other has begun no thread
    pool = _POOLS.get(key) or _POOLS.setdefault(key, ThreadPoolExecutor(parts - 1))
    others: list[Future[None]] = [pool.submit(run, part) for part in range(1, parts)]
    try:
        run(0)
    finally:
        errors = [other.exception() for other in others]
    for error in errors:
        if error is not None:
            raise error


def _share_out(task: Any, units: Sequence[Any], memory: Array, threads: int) -> None:
    """task(unit, working memory, worker) for all units, by as many workers as there are threads.

    A worker does all of a unit alone: what it copies is in its core's caches when it multiplies, and
    products of at most ``limits.PRODUCT`` multiplications are not shared out once more by NumPy's library,
    whose threads would wait busily for the next.
    """
    workers = max(1, min(threads, len(units)))
    size = memory.size // workers // 64 * 64

    def run(worker: int) -> None:
        for unit in units[len(units) * worker // workers : len(units) * (worker + 1) // workers]:
            task(unit, memory[size * worker : size * (worker + 1)], worker)

    _parallel(run, workers, workers)


def _enough(threads: int, size: int, products: int) -> int:
    """Threads for work on so many bytes and multiplications: a little is done sooner than handed
    over.
    """
    return max(1, min(threads, max(size, products // 16) // limits.LEAST))
