"""A limit on the time of one attempt, by an alarm signal."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["OutOfTime", "time_limit"]


class OutOfTime(Exception):
    """The attempt took longer than it may."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """OutOfTime after so many seconds, in the main thread of a process that sets no other alarm."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise OutOfTime(f"took longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
