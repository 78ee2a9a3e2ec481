"""A limit on the time that one step may take, by an alarm signal."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

__all__ = ["OutOfTime", "time_limit"]


class OutOfTime(Exception):
    """A step took longer than it may."""


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """OutOfTime after so many seconds (in a main thread, where signals arrive); a timer that ran before goes on after."""
    began = time.monotonic()

    def stop(number: int, frame: FrameType | None) -> None:
        raise OutOfTime(f"symbols took longer than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    left, _ = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        if left:
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), 0.001))
    if time.monotonic() - began > seconds:
        raise OutOfTime(f"symbols took longer than {seconds:g} s")
