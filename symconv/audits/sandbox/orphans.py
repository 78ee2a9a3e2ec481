"""Processes that a case leaves behind, also those in a session of their own: adopted by the worker, and ended with the case."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from collections.abc import Iterable
from pathlib import Path

__all__ = ["adopt", "children", "end"]

#: Linux: what is left without a parent below this process becomes its child
_SET_CHILD_SUBREAPER = 36


def adopt() -> None:
    """Become the parent of every process below this one whose own parent ends; nothing where the system cannot do that."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children() -> set[int]:
    """The processes whose parent this one is; empty where the system does not tell."""
    told = Path(f"/proc/self/task/{os.getpid()}/children")
    with contextlib.suppress(OSError, ValueError):
        return {
            int(number) for number in told.read_text().split()
        }  # not every Linux has it; to read all of /proc takes long
    mine = str(os.getpid())
    found = set()
    for status in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, IndexError):
            # the name in brackets may hold anything; the state and the parent follow its last bracket
            if status.read_text(errors="replace").rpartition(")")[2].split()[1] == mine:
                found.add(int(status.parent.name))
    return found


def end(processes: Iterable[int], spared: Iterable[int] = ()) -> None:
    """End these children and what they started, until nothing new of theirs comes up; no process that is spared."""
    left = set(processes)
    for _ in range(100):
        if not left:
            return
        known = children()
        for process in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(process, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process, 0)
        left = children() - (known - left) - set(spared)
