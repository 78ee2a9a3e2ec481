"""A progress bar on a terminal, for what takes more than a second."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich import progress as bars
from rich.console import Console

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["AFTER", "progress"]

#: seconds after which the bar is shown
AFTER = 1.0


@contextmanager
def progress(what: str, total: int, console: Console | None = None) -> Iterator[Callable[[str], None]]:
    """A function to call as each of ``total`` parts begins, with its name. The bar is on standard error, and gone in the end."""

    if console is None and not sys.stderr.isatty():
        yield lambda name: None
        return

    bar = bars.Progress(console=console or Console(stderr=True), transient=True)
    task = bar.add_task(what, total=total)
    begun = 0

    def started(name: str) -> None:
        nonlocal begun
        bar.update(task, completed=begun, description=f"{what} {name}".strip())
        begun += 1

    timer = threading.Timer(AFTER, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield started
    finally:
        timer.cancel()
        timer.join()
        bar.stop()
