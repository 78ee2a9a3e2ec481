"""Arrays inside of what functions return and objects hold: dicts, lists, tuples, attributes, and what wraps an array."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

__all__ = ["at_path", "leaves", "put"]

#: so deep are nested values looked into
DEPTH = 4


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) or (hasattr(value, "__array__") and hasattr(value, "shape"))


def leaves(value: Any, path: tuple[Any, ...] = (), depth: int = DEPTH) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """(path, array) of every array in a value; a path is made of keys, indices and names of attributes."""
    if _is_array(value):
        yield path, value
        if isinstance(value, np.ndarray) or depth <= 0:
            return
    if (
        depth <= 0
        or value is None
        or isinstance(value, str | bytes | int | float | type)
        or (callable(value) and not hasattr(value, "__dict__"))
    ):
        return
    if isinstance(value, Mapping):
        for key, each in value.items():
            if isinstance(key, str | int):
                yield from leaves(each, (*path, key), depth - 1)
    elif isinstance(value, list | tuple):
        if hasattr(value, "_fields"):
            for key in value._fields:
                yield from leaves(getattr(value, key), (*path, key), depth - 1)
            return
        for number, each in enumerate(value[:16]):
            yield from leaves(each, (*path, number), depth - 1)
    elif hasattr(value, "__dict__") and not isinstance(value, np.ndarray):
        for key, each in list(vars(value).items()):
            yield from leaves(each, (*path, key), depth - 1)
        if hasattr(value, "grad") and "grad" not in vars(value):
            yield from leaves(value.grad, (*path, "grad"), depth - 1)


def at_path(value: Any, path: Sequence[Any]) -> Any:
    """What is there; LookupError when nothing is."""
    for key in path:
        if isinstance(value, Mapping) or isinstance(key, int):
            value = value[key]
        elif hasattr(value, key):
            value = getattr(value, key)
        else:
            raise LookupError(f"there is no {'.'.join(map(str, path))}: {type(value).__name__} has no {key!r}")
    return value


def put(value: Any, path: str, array: Any) -> None:
    """Put an array where a path of names, with dots between, says."""
    *before, last = path.split(".")
    keys: list[Any] = [int(key) if key.isdigit() else key for key in before]
    owner = at_path(value, keys)
    if isinstance(owner, dict):
        owner[last] = array
    elif isinstance(owner, list):
        owner[int(last)] = array
    else:
        setattr(owner, last, array)
