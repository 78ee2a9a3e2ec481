"""What the schedule ``columns`` needs besides its sum: padding, its adjoint, and blocks of outputs.

Like :mod:`symconv.kernels.helpers` these functions are copied into the emitted files, without their annotations. A transposed
convolution has no border but zeros, and pads dy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.kernels.helpers import _per_axis

Array = NDArray[Any]
Axes = Sequence[tuple[int, ...]]

__all__: list[str] = []


def _blocks(channels: int, axes: Axes, dtype: Any, workspace: Any) -> list[slice]:
    """Blocks of outputs, as rows of the first axis: as many as ``workspace`` bytes of columns hold, at least one."""
    (most,), (O, *others) = _per_axis("workspace", workspace, 1, 1), [axis[2] for axis in axes]
    most //= channels * int(np.prod([*others, *(axis[1] for axis in axes)])) * dtype.itemsize
    return [slice(start, min(start + max(1, most), O)) for start in range(0, O, max(1, most))]


def _zero_padded(image: Array, axes: Axes) -> Array:
    """An image with p zeros before and q after it on each axis; the image itself where none are."""
    if not any(p or q for _, _, _, _, _, p, q in axes):
        return image
    padded = np.zeros((*image.shape[:2], *(p + H + q for H, _, _, _, _, p, q in axes)), image.dtype)
    _inside(padded, axes)[...] = image
    return padded


def _inside(padded: Any, axes: Axes) -> Any:
    """The adjoint of _zero_padded: what lies in the image; the gradient of a zero goes nowhere."""
    return padded[(..., *(slice(p, p + H) for H, _, _, _, _, p, _ in axes))]
