"""What a layer is given, checked and brought into one form: whole numbers, one for each axis; padding as pairs."""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Sequence
from typing import Any

from symconv.layer.padding import Mode, amounts_of_word, check_amounts, mode_named

__all__ = [
    "MAX_SIZE",
    "Padding",
    "PerAxis",
    "axes_of",
    "border_value",
    "check_sizes",
    "each_axis",
    "padding_pairs",
    "possible_mode",
    "whole",
]

PerAxis = int | Sequence[int]
Padding = str | int | Sequence[int | Sequence[int]]


#: spatial axes; beyond, the arrays of the layer are none that NumPy knows
MAX_AXES = 16

#: sizes beyond this are mistakes, and the products of two of them would leave the arrays' 64-bit integers
MAX_SIZE = 10**9


def check_sizes(known: dict[str, Any]) -> None:
    """ValueError for a size of more than ``MAX_SIZE``."""
    for name, value in known.items():
        largest = max(map(max, value)) if name == "padding" else max(value) if isinstance(value, tuple) else value
        if largest <= MAX_SIZE:
            continue
        for axis, each in enumerate(value if isinstance(value, tuple) else [value]):
            if max(each if isinstance(each, tuple) else (each,)) > MAX_SIZE:
                where = f" on axis {axis}" if isinstance(value, tuple) else ""
                raise ValueError(f"{name} {each}{where} must be at most {MAX_SIZE:,}")


def whole(name: str, value: Any) -> int:
    if isinstance(value, bool):
        raise TypeError(f"{name} must be a whole number, got {value!r}")
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, got {value!r}") from None


def axes_of(per_axis: dict[str, Any]) -> int:
    """The number of spatial axes: the length that all parameters given per axis share; 1 when none is."""
    lengths = {name: len(value) for name, value in per_axis.items() if _is_several(value)}
    if len(set(lengths.values())) > 1:
        text = ", ".join(f"{name} has {n}" for name, n in lengths.items())
        hint = "; padding before and after one axis is written ((1, 2),)" if "padding" in lengths else ""
        raise ValueError(f"parameters disagree on the number of axes: {text}{hint}")
    if 0 in lengths.values():
        raise ValueError(f"{next(iter(lengths))} is empty: a convolution has at least one axis")
    count = next(iter(lengths.values()), 1)
    if count > MAX_AXES:
        raise ValueError(f"{next(iter(lengths))} has {count} axes; there can be at most {MAX_AXES}")
    return count


def _is_several(value: Any) -> bool:
    """Whether a value is given for each axis; a tuple or a number as a rule, which is told at once."""
    if type(value) is tuple or type(value) is int:
        return type(value) is tuple
    return isinstance(value, Sequence) and not isinstance(value, str)


def _are_whole(values: Any) -> bool:
    return type(values) is tuple and all(type(value) is int for value in values)


def each_axis(name: str, value: Any, ndim: int) -> tuple[int, ...]:
    if _are_whole(value):
        return tuple(value)
    if _is_several(value):
        return tuple(whole(f"{name} on axis {axis}", v) for axis, v in enumerate(value))
    return (whole(name, value),) * ndim


def padding_pairs(padding: Padding, known: dict[str, Any], transposed: bool) -> tuple[tuple[int, int], ...]:
    """``padding`` as one (before, after) pair for each axis."""
    ndim = len(known["input"])
    if isinstance(padding, str):
        return amounts_of_word(padding, known, transposed)
    result = []
    each = padding if isinstance(padding, Sequence) else (padding,) * ndim
    for axis, value in enumerate(each):
        pair: Any = tuple(value) if isinstance(value, Sequence) else (value, value)
        if len(pair) != 2:
            raise ValueError(f"padding {value!r} on axis {axis} must be one number or a (before, after) pair")
        before, after = pair if _are_whole(pair) else (whole(f"padding on axis {axis}", v) for v in pair)
        if before < 0 or after < 0:
            raise ValueError(f"padding ({before}, {after}) on axis {axis} must not be negative")
        result.append((before, after))
    return tuple(result)


def possible_mode(name: Any, known: dict[str, Any]) -> Mode:
    """The padding mode, possible for these sizes."""
    mode = mode_named(name)
    if mode.counts_outside and known["transposed"]:
        raise ValueError(f"padding_mode {name!r}: a transposed convolution knows zeros only, as its padding is a crop")
    for axis, (size, pair) in enumerate(zip(known["input"], known["padding"], strict=True)):
        check_amounts(mode, size, pair, axis)
    return mode


def border_value(value: Any, mode: Mode) -> float | None:
    """The constant of the border: a number, or None where it stays a letter."""
    if value is None:
        return None
    if not mode.filled:
        raise ValueError(f"padding_value {value!r} is for padding_mode 'constant', not {mode.name!r}")
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not math.isfinite(value):
        raise ValueError(f"padding_value must be a finite number, got {value!r}")
    number = float(value)
    return int(number) if number.is_integer() else number
