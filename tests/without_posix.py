"""As without POSIX: with SYMCONV_WITHOUT_POSIX=1 in the environment the tests' settings hide what Windows' Python lacks.

Audits need it, and bench measures with it; what is about them is left out, everything else has to pass.
"""

from __future__ import annotations

import importlib.abc
import os
import signal
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import pytest

MODULES = ("resource", "fcntl", "pwd", "grp")
NAMES: dict[Any, tuple[str, ...]] = {
    os: ("fork", "forkpty", "setsid", "killpg", "getpgid"),
    signal: ("SIGALRM", "setitimer", "alarm", "ITIMER_REAL"),
}
#: what is about audits, which say what they miss, and about the benchmarks of processes
ABOUT = (
    "tests/audits/",
    "symconv/audits/",
    "test_grade.py",
    "courses/grade.py",
    "test_assertion_takes_the_minimal_set",
    "test_a_program_in_c",
    "test_testing.py",
    "symconv/testing.py",
    "test_bench.py",
    "audit",
    "layer.py",
)


class Hidden(importlib.abc.MetaPathFinder):
    """Finds nothing of that name, whatever comes after it."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> None:
        if name in MODULES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def hide() -> None:
    for name in MODULES:
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, Hidden())
    for module, names in NAMES.items():
        for name in names:
            if hasattr(module, name):
                delattr(module, name)


def others(items: list[pytest.Item]) -> tuple[list[pytest.Item], list[pytest.Item]]:
    """The tests that have to pass, and those about what is hidden."""
    about = {item for item in items if any(word in item.nodeid for word in ABOUT)}
    return [item for item in items if item not in about], [item for item in items if item in about]
