"""What the processes of an audit need of the system."""

from __future__ import annotations

import importlib
import os
import signal

__all__ = ["check_system"]


def check_system() -> None:
    """ValueError, naming what is missing, where audited code cannot be run under limits in a process of its own."""
    missing = [name for name in ("resource", "fcntl") if not _importable(name)]
    missing += [f"os.{name}" for name in ("fork", "setsid", "killpg") if not hasattr(os, name)]
    missing += ["signal.SIGALRM"] if not hasattr(signal, "SIGALRM") else []
    if missing:
        raise ValueError(
            f"audit needs a POSIX system, such as Linux, macOS or WSL: this one has no {', '.join(missing)}; "
            "everything else works"
        )


def _importable(name: str) -> bool:
    try:
        importlib.import_module(name)
    except ImportError:
        return False
    return True
