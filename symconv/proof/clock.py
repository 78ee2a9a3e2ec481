"""How long a claim may take: a limit in seconds beside isl's in operations, looked at between their calls."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["MAX_SECONDS", "LimitError", "check_time", "clock", "seconds_left"]

#: seconds spent on one claim, its counterexample and its condition before what is open is left open
MAX_SECONDS = 10.0

_END: ContextVar[float] = ContextVar("end", default=math.inf)


class LimitError(Exception):
    """isl reached its operation limit, a multiplicity its bound, or the time is up."""


@contextmanager
def clock(seconds: float) -> Iterator[None]:
    """What is done inside has so many seconds, or what is left of an outer limit."""
    end = _END.set(min(_END.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _END.reset(end)


def seconds_left() -> float:
    """Seconds that are left; infinity where there is no limit."""
    return _END.get() - time.monotonic()


def check_time() -> None:
    """LimitError once the time is up."""
    if seconds_left() <= 0:
        raise LimitError("the seconds for this claim are used up")
