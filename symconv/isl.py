"""islpy, loaded when the first name of it is used.

What decides nothing runs where islpy is missing (a browser, a platform without a wheel): deriving, verifying, emitting, drawing.
ImportError, saying what to install, when a proof is asked for there.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from typing import Any

__all__ = ["is_there", "join"]


def is_there() -> bool:
    """Whether islpy can be loaded."""
    return importlib.util.find_spec("islpy") is not None


def join(regions: dict[Any, Any], value: Any, region: Any) -> None:
    """Put a set (or a map) beside what has the same value already; nothing where it is empty."""
    if not region.is_empty():
        regions[value] = regions[value].union(region).coalesce() if value in regions else region


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    try:
        return getattr(sys.modules.get("islpy") or importlib.import_module("islpy"), name)
    except ImportError as error:
        raise ImportError("a proof for every size needs islpy: pip install islpy") from error
