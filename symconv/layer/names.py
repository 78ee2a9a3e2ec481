"""What the entry of an array is called: ``x_{12}``, ``w_{213}``, ``b``; 1-based as in textbooks.

A layer with one image, one channel and one filter needs only the spatial indices; with several channels all indices are
written (the batch index when there is a batch), in the order of the layouts in :mod:`symconv.layer.conv`. Indices of
two digits are set apart by commas.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from symconv.layer.padding import FILLER

__all__ = ["Layer", "entry_name", "subscript"]

_LIKE_B = ("b", "db", "v_b")
_LIKE_W = ("w", "dw", "v_w", "ddw")

#: how an array is written where that is not its name
_LETTERS = {"v_x": "v^{x}", "v_w": "v^{w}", "v_b": "v^{b}", "v_dy": "v^{dy}"}


class Layer(Protocol):
    """What the names depend on."""

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]: ...
    @property
    def batch(self) -> int: ...
    @property
    def in_channels(self) -> int: ...
    @property
    def out_channels(self) -> int: ...
    @property
    def ndim(self) -> int: ...
    @property
    def padding_value(self) -> float | None: ...


def subscript(conv: Layer, array: str, index: Sequence[int]) -> str:
    """The 1-based subscript of ``array[index]`` (index 0-based): ``12``, ``1,12`` or nothing.

    >>> from symconv import Conv
    >>> subscript(Conv(input=(4, 4), kernel=2), "x", (0, 0, 0, 1))
    '12'
    """
    shape = conv.shapes[array]
    if not shape:
        return ""
    several_channels = (conv.in_channels, conv.out_channels) != (1, 1)
    if array in _LIKE_B:
        shown = [conv.out_channels > 1]
    elif array in _LIKE_W:
        shown = [several_channels, several_channels, *[True] * conv.ndim]
    else:
        shown = [conv.batch > 1, several_channels, *[True] * conv.ndim]
    # by the shape, not the entry, so that all entries of an array are set alike
    wide = any(size > 9 for size, show in zip(shape, shown, strict=True) if show)
    return ("," if wide else "").join(str(i + 1) for i, show in zip(index, shown, strict=True) if show)


def entry_name(conv: Layer, array: str, flat: int) -> str:
    """The name of entry number ``flat`` (in C order) of ``array``.

    >>> from symconv import Conv
    >>> conv = Conv(input=(4, 4), kernel=2, in_channels=2)
    >>> entry_name(conv, "x", 17), entry_name(conv, "b", 0)
    ('x_{212}', 'b')
    """
    if array == FILLER:
        return "v" if conv.padding_value is None else str(conv.padding_value)
    index = [int(i) for i in np.unravel_index(int(flat), conv.shapes[array])]
    below = subscript(conv, array, index)
    letter = _LETTERS.get(array, array)
    return f"{letter}_{{{below}}}" if below else letter
