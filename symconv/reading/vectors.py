"""Short arrays of integers, one for each axis of a layer: what np.array((H, W)) holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Vector"]


@dataclass(frozen=True)
class Vector:
    """Integers in a row; ``ndim`` 0 is one integer as NumPy holds it."""

    items: tuple[Any, ...]
    ndim: int = 1
