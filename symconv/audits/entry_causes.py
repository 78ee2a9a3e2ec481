"""Mistakes after which the right entries are there: in another order, another shape, a row further on, or by another name."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.audits.arrays import OUTPUTS, face_with
from symconv.audits.truth import equal
from symconv.layer.conv import Conv

__all__ = ["ENTRY_CAUSES"]

Array = NDArray[Any]
#: (conv, name, value, truth, truth of another output by name) -> whether it accounts for the value
Check = Callable[[Conv, str, Array, Array, Callable[[str], Array]], bool]


def _exchanged(conv: Conv, name: str, value: Array, truth: Array, other: Callable[[str], Array]) -> bool:
    """It is what another output should be."""
    return any(
        equal(value, other(each))
        for each in face_with(name).returns
        if each != name and conv.shapes[each] == value.shape and not equal(other(each), truth)
    )


def _other_shape(conv: Conv, name: str, value: Array, truth: Array, other: Callable[[str], Array]) -> bool:
    return value.shape != truth.shape and value.size == truth.size > 0 and equal(value.reshape(truth.shape), truth)


def _reshaped(conv: Conv, name: str, value: Array, truth: Array, other: Callable[[str], Array]) -> bool:
    """Transposed and then given the shape back by reshape, or the other way round."""
    if value.size != truth.size or not truth.any():
        return False
    orders = [order for order in itertools.permutations(range(truth.ndim)) if list(order) != sorted(order)]
    if truth.ndim > 5:
        return False
    flat = value.reshape(-1)
    for order in orders:
        turned = truth.transpose(order)
        if value.shape == turned.shape and equal(value, turned):
            return False  # transposed and nothing else
        back = truth.reshape(turned.shape).transpose(np.argsort(order))
        for candidate in (turned, back):
            if not np.array_equal(candidate.reshape(-1), truth.reshape(-1)) and equal(flat, candidate.reshape(-1)):
                return value.shape in (truth.shape, turned.shape)
    return False


def _shifted(conv: Conv, name: str, value: Array, truth: Array, other: Callable[[str], Array]) -> bool:
    """A row or a column further on, around the end or with zeros there."""
    if value.shape != truth.shape or truth.ndim != conv.ndim + 2 or not truth.any():
        return False
    axes = range(2, truth.ndim)
    for steps in itertools.product((-1, 0, 1), repeat=len(axes)):
        if not any(steps) or any(step and truth.shape[a] == 1 for step, a in zip(steps, axes, strict=True)):
            continue
        rolled = np.roll(truth, steps, axis=tuple(axes))
        if equal(value, rolled):
            return True
        for step, axis in zip(steps, axes, strict=True):
            if step:
                edge = [slice(None)] * truth.ndim
                edge[axis] = slice(0, 1) if step > 0 else slice(-1, None)
                rolled[tuple(edge)] = 0
        if rolled.any() and equal(value, rolled):
            return True
    return False


def _mirrored(conv: Conv, name: str, value: Array, truth: Array, other: Callable[[str], Array]) -> bool:
    """With the rows, the columns or both in reverse order."""
    if value.shape != truth.shape or truth.ndim != conv.ndim + 2 or equal(value, truth):
        return False
    axes = range(2, truth.ndim)
    some = (chosen for count in range(1, conv.ndim + 1) for chosen in itertools.combinations(axes, count))
    return any(equal(value, np.flip(truth, chosen)) for chosen in some)


#: key -> the outputs, what is said, and its check
ENTRY_CAUSES: dict[str, tuple[tuple[str, ...], str, Check]] = {
    "exchanged": (
        tuple(name for name in OUTPUTS if name != "y"),
        "{output} is what another output should be: the results are in another order", _exchanged,
    ),
    "other-shape": (OUTPUTS, "{output} has the right entries in another shape", _other_shape),
    "reshaped": (
        ("y", "dx", "dw"), "{output} has the right entries in another order: reshape where a transpose is due", _reshaped,
    ),
    "mirrored": (("y", "dx"), "{output} has its rows or columns in reverse order", _mirrored),
    "shifted": (("y", "dx", "dw"), "{output} is shifted by a row or a column", _shifted),
}  # fmt: skip
