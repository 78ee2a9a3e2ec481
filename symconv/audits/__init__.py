"""Audits: somebody's convolution gradient held against the derivative, on a grid of geometries.

Names are imported when they are first used: the processes that audited code runs in need few of these modules.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from symconv.audits.run import Audit, audit

__all__ = ["Audit", "audit"]

_HOME = {"Audit": "symconv.audits.run", "audit": "symconv.audits.run"}


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'symconv.audits' has no attribute {name!r}")
