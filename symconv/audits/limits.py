"""What a case may be given at most: time, memory, processes."""

from __future__ import annotations

__all__ = ["check_limits"]

#: limits of a case beyond which there is none: a year, a petabyte; larger numbers are no times and no sizes to the system
MAX_SECONDS, MAX_MEGABYTES = 365 * 24 * 3600, 10**9

#: each process of an audit has a thread that waits for it
MAX_JOBS = 1000


def check_limits(time_limit: float, memory_limit: int, jobs: int | None, seed: int | None) -> None:
    """ValueError for limits, jobs or a seed that make no sense."""
    if not time_limit > 0 or not memory_limit > 0:
        raise ValueError(f"time limit {time_limit} and memory limit {memory_limit} must be positive")
    if time_limit > MAX_SECONDS or memory_limit > MAX_MEGABYTES:
        raise ValueError(f"time limit {time_limit} and memory limit {memory_limit} must be at most {MAX_SECONDS:,} seconds and "
                         f"{MAX_MEGABYTES:,} megabytes")  # fmt: skip
    if jobs is not None and not 1 <= jobs <= MAX_JOBS:
        raise ValueError(f"jobs {jobs} must be at least 1 and at most {MAX_JOBS:,}")
    if seed is not None and seed < 0:
        raise ValueError(f"seed {seed} must not be negative")
