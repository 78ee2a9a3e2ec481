"""Trees whose nodes are dataclasses: what is done to every part of one, said once for all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

__all__ = ["parts_of", "rebuilt"]


def parts_of(node: Any) -> list[Any]:
    """What stands in the fields of a node, in their order."""
    return [getattr(node, each.name) for each in fields(node)]


def rebuilt(part: Any, change: Callable[[Any], Any]) -> Any:
    """A node or a tuple with ``change`` made to everything directly in it; anything else as it is.

    >>> from symconv.algebra.integers import Name
    >>> rebuilt(Name("H"), str.lower), rebuilt((1, 2), lambda each: each + 1), rebuilt(3, str)
    (Name('h'), (2, 3), 3)
    """
    if isinstance(part, tuple):
        return tuple(change(each) for each in part)
    if is_dataclass(part) and not isinstance(part, type):
        return type(part)(*(change(each) for each in parts_of(part)))
    return part
