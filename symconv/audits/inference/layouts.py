"""Arrays of PyTorch's layout in that of a reading, and back; padding as TensorFlow's words have it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.layer.conv import Conv

__all__ = ["UNTIED", "native", "plain_array", "returned_from", "same_padding", "short", "weight_axes", "word_for"]

Array = NDArray[Any]


def short(values: Sequence[Any]) -> Any:
    """One value when it is the same on every axis, as most functions want it; else the tuple."""
    return values[0] if len(set(values)) == 1 else tuple(values)


#: a bias for each output position, as some write it: that of a filter at all of them
UNTIED = "FO"


def weight_axes(word: str, ndim: int) -> tuple[int, ...]:
    """The axes of w in PyTorch's layout in the order that a word says.

    >>> weight_axes("HWIO", 2), weight_axes("IOHW", 1)
    ((2, 3, 1, 0), (1, 0, 2))
    """
    space = tuple(range(2, 2 + ndim))
    return {"OIHW": (0, 1, *space), "HWIO": (*space, 1, 0), "OHWI": (0, *space, 1), "IOHW": (1, 0, *space)}[word]


def native(reading: Any, name: str, array: Array, outputs: Sequence[int] = ()) -> Array:
    """An array of PyTorch's layout in that of the reading, fresh; ``outputs`` are the sizes that a bias for each of them has."""
    ndim = array.ndim - 2
    if name == "b" and reading.bias == UNTIED:
        return np.broadcast_to(array.reshape(-1, *(1,) * len(outputs)), (array.size, *outputs)).copy()
    if name == "b":
        shapes = {"F": (-1,), "F1": (-1, 1), "1F": (1, -1), "F11": (-1, 1, 1), "111F": (1, 1, 1, -1), "1F11": (1, -1, 1, 1),
                  "F111": (-1, 1, 1, 1)}  # fmt: skip
        return array.reshape(shapes[reading.bias]).copy()
    if name == "w":
        turned = np.ascontiguousarray(array.transpose(weight_axes(reading.weights, ndim))).copy()
        if not reading.channel:  # one channel, one filter, whose axes the function does not have
            turned = array[0, 0].copy()
        return turned
    turned = array if reading.layout == "NCHW" else array.transpose(0, *range(2, 2 + ndim), 1)
    if not reading.channel:
        turned = array[:, 0]
    if not reading.batch:
        turned = turned[0]
    return np.ascontiguousarray(turned).copy()


def returned_from(reading: Any, name: str, array: Array, ndim: int) -> Array:
    """What the function returned in PyTorch's layout; as it is where it has another number of axes."""
    name = {"dx": "x", "dw": "w", "db": "b", "y": "dy"}.get(name, name)
    if name == "b" and reading.bias == UNTIED:  # as all of a filter are one, their derivatives add up
        return array.sum(axis=tuple(range(1, ndim + 1))) if array.ndim == ndim + 1 else array
    if name == "b":
        wanted = {"F": 1, "F1": 2, "1F": 2, "F11": 3, "111F": 4, "1F11": 4, "F111": 4}[reading.bias]
        if not reading.channel and array.size == 1:
            return array.reshape(1)
        return array.reshape(-1) if array.ndim == wanted and array.size == max(array.shape, default=1) else array
    if name == "w":
        if not reading.channel:
            return array[None, None] if array.ndim == ndim else array
        if array.ndim != ndim + 2:
            return array
        return array.transpose(np.argsort(weight_axes(reading.weights, ndim)))
    if array.ndim != ndim + reading.batch + reading.channel:
        return array
    if not reading.batch:
        array = array[None]
    if not reading.channel:
        return array[:, None]
    return array if reading.layout == "NCHW" else np.moveaxis(array, -1, 1)


def plain_array(value: Any) -> Any:
    """An array out of what a library wraps around it."""
    for _ in range(3):
        if isinstance(value, np.ndarray) or np.isscalar(value):
            return value
        for name in ("detach", "numpy"):
            if callable(getattr(value, name, None)):
                value = getattr(value, name)()
                break
        else:
            inner = getattr(value, "data", None)
            if inner is None or isinstance(inner, memoryview):
                return value
            value = inner
    return value


def same_padding(conv: Conv) -> list[tuple[int, int]]:
    """The padding of the word SAME at a stride: that which makes ceil(H/s) outputs, the odd one behind."""
    found = []
    for size, k, s, d in zip(conv.input, conv.kernel, conv.stride, conv.dilation, strict=True):
        total = max((math.ceil(size / s) - 1) * s + d * (k - 1) + 1 - size, 0)
        found.append((total // 2, total - total // 2))
    return found


def word_for(conv: Conv) -> str | None:
    if not any(p for pair in conv.padding for p in pair):
        return "valid"
    return "same" if list(map(tuple, conv.padding)) == same_padding(conv) else None
