"""What the schedule ``columns`` needs besides its sum: padding, its adjoint, and blocks of outputs.

Like :mod:`symconv.kernels.helpers` these functions are copied into the emitted files, without their annotations. Padding is
said here and nowhere else in such a file: an image is padded first, and its gradient is folded back by the adjoint.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.kernels.helpers import _whole

Array = NDArray[Any]
Axes = Sequence[tuple[int, ...]]

__all__: list[str] = []


def _padded(image: Array, axes: Axes) -> Array:
    """An image with p zeros before and q after it on each axis; the image itself where none are."""
    if not any(p or q for _, _, _, _, _, p, q in axes):
        return image
    rows = [p + H + q for H, _, _, _, _, p, q in axes]
    padded = np.zeros((*image.shape[:2], *rows), image.dtype)
    _folded(padded, axes)[...] = image
    return padded


def _folded(padded: Array, axes: Axes) -> Array:
    """The adjoint of _padded: what lies in the image; the gradient of a zero goes nowhere."""
    inside: Any = [slice(p, p + H) for H, _, _, _, _, p, _ in axes]
    part: Array = padded[(..., *inside)]
    return part


def _blocks(channels: int, axes: Axes, dtype: Any, workspace: Any) -> list[slice]:
    """Blocks of outputs, as rows of the first axis: as many as ``workspace`` bytes of columns hold, at least one."""
    if not _whole(workspace) or workspace < 1:
        raise ValueError(f"workspace {workspace!r} must be a whole number of bytes >= 1")
    (O, *wide), taps = [axis[2] for axis in axes], [axis[1] for axis in axes]
    row = channels * int(np.prod(taps + wide)) * dtype.itemsize
    most = max(1, int(workspace) // row)
    return [slice(start, min(start + most, O)) for start in range(0, O, most)]


def _pointwise(axes: Axes) -> bool:
    """Whether there is one tap, the stride is 1 and no row is left over: every place is its own column."""
    return all(K == s == 1 and p + H + q == O for H, K, O, s, _, p, q in axes)
