"""Sizes at which the fast kernels do one thing rather than another: matters of speed, never of what is computed."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

__all__ = [
    "BLOCK", "FEW", "LEAST", "PIECE", "PRODUCT", "ROWS", "SMALL", "TILE", "TILES", "WIDE", "WORKSPACE", "bounds", "cores",
]  # fmt: skip

#: bytes of working memory that a call may use unless it says otherwise
WORKSPACE = 64 << 20

#: bytes of columns at a time: they stay in the caches between being gathered and being multiplied
BLOCK = 8 << 20

#: bytes of rows, of sums and of slopes at a time, on each thread
ROWS = 8 << 20

#: bytes of transformed tiles at a time, on each thread
TILES = 16 << 20

#: an array of fewer numbers is gathered in one call, not in long runs
SMALL = 400_000

#: fewer channels, and half as many filters of a thread, are few
FEW = 16

#: columns of a product of rows: whole vectors of the processor, and whole lines of its caches
PIECE = 64

#: filters and channels of one product of tiles or of rows of dy
TILE = 64

#: more columns than these are cut in pieces
WIDE = 256

#: bytes that a thread should work on at least
LEAST = 2 << 20

#: a matrix product of at most so many multiplications is made on the calling thread alone
PRODUCT = 500_000


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _whole(value: Any) -> bool:
    """Whether ``value`` is one whole number: an int, one of NumPy's, or an array of no axes."""
    return isinstance(value, int) or (np.ndim(value) == 0 and np.asarray(value).dtype.kind in "iu")


def bounds(workspace: Any, threads: Any, weights: int) -> tuple[int, int]:
    """Bytes of working memory, and threads, for weights of so many bytes: no more than can be of use.

    ValueError for a workspace or a number of threads below 1, or not whole.
    """
    if not _whole(workspace) or workspace < 1:
        raise ValueError(f"workspace {workspace!r} must be a whole number of bytes >= 1")
    if threads is not None and (not _whole(threads) or threads < 1):
        raise ValueError(f"threads {threads!r} must be None or a whole number >= 1")
    workers = cores() if threads is None else min(int(threads), cores())
    # what a worker works on at a time, and weights transformed on three axes
    return min(int(workspace), workers * 4 * max(BLOCK, ROWS, TILES) + 64 * weights), workers
