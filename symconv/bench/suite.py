"""The layers on which kernels are timed, and the plain way to compute them."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from symconv.layer.conv import Conv

__all__ = ["QUICK", "SUITE", "arrays_of", "flops", "full_im2col", "full_im2col_backward"]


def _layer(n: int, c: int, size: Any, f: int, k: int, s: int = 1, p: int = 0, d: int = 1, g: int = 1) -> Conv:
    axes = len(size)
    return Conv(
        input=size, kernel=(k,) * axes, batch=n, in_channels=c, out_channels=f, stride=(s,) * axes, padding=(p,) * axes,
        dilation=(d,) * axes, groups=g,
    )  # fmt: skip


#: name -> layer
SUITE: dict[str, Conv] = {
    "3x3 56": _layer(8, 64, (56, 56), 64, 3, 1, 1),
    "3x3 stride 2": _layer(8, 128, (28, 28), 256, 3, 2, 1),
    "3x3 14": _layer(8, 256, (14, 14), 256, 3, 1, 1),
    "3x3 7": _layer(8, 512, (7, 7), 512, 3, 1, 1),
    "pointwise": _layer(8, 256, (14, 14), 1024, 1),
    "7x7 stem": _layer(8, 3, (224, 224), 64, 7, 2, 3),
    "5x5 small images": _layer(50, 3, (32, 32), 32, 5, 1, 2),
    "small": _layer(2, 3, (16, 16), 4, 3, 1, 1),
    "batch 1": _layer(1, 64, (56, 56), 64, 3, 1, 1),
    "dilation 2": _layer(8, 32, (32, 32), 32, 3, 1, 2, 2),
    "groups 4": _layer(8, 128, (28, 28), 128, 3, 1, 1, 1, 4),
    "depthwise": _layer(8, 64, (56, 56), 64, 3, 1, 1, 1, 64),
    "1-D": _layer(16, 64, (4000,), 64, 9, 2, 4),
    "3-D": _layer(2, 16, (16, 32, 32), 32, 3, 1, 1),
}

#: a short run: one layer of each manner
QUICK = ("3x3 14", "pointwise", "small", "batch 1", "depthwise")


def flops(conv: Conv) -> int:
    """Multiplications and additions of the plain sum for y; dx and dw have as many each."""
    return 2 * prod(conv.y_shape) * prod(conv.w_shape[1:])


def arrays_of(conv: Conv, dtype: Any = np.float32) -> dict[str, Any]:
    """x, w, b, dy: normal random numbers, w scaled so that y is of the size of x. The same every time."""
    rng = np.random.default_rng(0)
    result = {name: rng.standard_normal(conv.shapes[name]) for name in ("x", "w", "b", "dy")}
    result["w"] /= np.sqrt(prod(conv.w_shape[1:]))
    return {name: array.astype(dtype) for name, array in result.items()}


def _columns(conv: Conv, x: Any) -> Any:
    """The windows of all images at once, (g, n*o, c*k): the full column matrix."""
    pads = [(0, 0), (0, 0), *conv.padding]
    spans: Any = tuple(d * (k - 1) + 1 for k, d in zip(conv.kernel, conv.dilation, strict=True))
    axes = tuple(range(2, 2 + conv.ndim))
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(x, pads), spans, axes)
    steps: Any = [slice(None, None, step) for step in (*conv.stride, *conv.dilation)]
    windows = windows[(..., *steps)]
    n, c = windows.shape[:2]
    apart = windows.reshape(n, conv.groups, c // conv.groups, *windows.shape[2:])
    order = [1, 0, *range(3, 3 + conv.ndim), 2, *range(3 + conv.ndim, 3 + 2 * conv.ndim)]
    return apart.transpose(order).reshape(conv.groups, n * prod(conv.output), -1)


def full_im2col(conv: Conv, a: Mapping[str, Any]) -> Any:
    """y the way courses teach it: one column matrix for the whole batch, one matrix product."""
    weights = a["w"].reshape(conv.groups, conv.out_channels // conv.groups, -1)
    made = _columns(conv, a["x"]) @ weights.swapaxes(1, 2)
    rows = made.reshape(conv.groups, conv.batch, prod(conv.output), -1)
    return rows.transpose(1, 0, 3, 2).reshape(conv.y_shape) + a["b"].reshape(-1, *[1] * conv.ndim)


def full_im2col_backward(conv: Conv, a: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    """dx, dw, db likewise: the column matrix again, and its gradient added back tap by tap."""
    g, per_group = conv.groups, conv.in_channels // conv.groups
    dy = (
        a["dy"]
        .reshape(conv.batch, g, -1, prod(conv.output))
        .transpose(1, 0, 3, 2)
        .reshape(g, conv.batch * prod(conv.output), -1)
    )
    weights = a["w"].reshape(g, conv.out_channels // g, -1)
    dw = dy.swapaxes(1, 2) @ _columns(conv, a["x"])
    slopes = (dy @ weights).reshape(g, conv.batch, *conv.output, per_group, *conv.kernel)
    padded = np.zeros(
        (conv.batch, g, per_group, *(h + p + q for h, (p, q) in zip(conv.input, conv.padding, strict=True))), dy.dtype
    )
    for k in np.ndindex(*conv.kernel):
        place: Any = tuple(
            slice(d * j, d * j + s * (o - 1) + 1, s)
            for j, d, s, o in zip(k, conv.dilation, conv.stride, conv.output, strict=True)
        )
        padded[(..., *place)] += np.moveaxis(slopes[(..., *k)].swapaxes(0, 1), -1, 2)
    inner: Any = tuple(slice(p, p + h) for h, (p, _) in zip(conv.input, conv.padding, strict=True))
    dx = padded[(..., *inner)].reshape(conv.x_shape)
    return dx, dw.reshape(conv.w_shape), a["dy"].sum(axis=(0, *range(2, conv.ndim + 2)))
