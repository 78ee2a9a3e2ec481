"""The layers that the functions of :mod:`symconv.fast` compute: arguments read, arrays in groups, the readings asked for.

A transposed convolution is the same relation with x standing at o and y at m, so its y is the reading dx, and its dx the
reading y.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.fast import limits
from symconv.fast.choice import make_dw, make_dx, make_y
from symconv.kernels.helpers import (
    _arrays,
    _folded,
    _layer,
    _padded,
    _transposed_layer,
)

__all__ = [
    "backward",
    "double_backward",
    "forward",
    "transposed_backward",
    "transposed_double_backward",
    "transposed_forward",
]

Array = NDArray[Any]


@dataclass(frozen=True)
class _Layer:
    """N, G, F, C (F and C of one group); H, K, O, s, d, p of each axis; algorithm, bytes and threads."""

    N: int
    G: int
    F: int
    C: int
    axes: tuple[tuple[int, ...], ...]
    how: tuple[str, int, int]

    def rows(self, size: int) -> tuple[int, ...]:
        """H (0) or O (2) of every axis."""
        return tuple(axis[size] for axis in self.axes)

    def at_m(self, a: Array) -> Array:
        """The array on the padded side in groups, (N, G, C, *H)."""
        return a.reshape(self.N, self.G, self.C, *self.rows(0))

    def at_o(self, a: Array) -> Array:
        """The array on the strided side in groups, (N, G, F, *O)."""
        return a.reshape(self.N, self.G, self.F, *self.rows(2))

    def weights(self, w: Array) -> Array:
        return w.reshape(self.G, self.F, self.C, *self.rows(1))


def _read(find: Any, x: Array, w: Array, b: Array | None, ndim: int, given: Mapping[str, Any]) -> _Layer:
    """The layer of these arrays and parameters; the latter as plain ints from here on."""
    sizes = {name: value for name, value in given.items() if name not in ("algorithm", "workspace", "threads")}
    N, G, F, C, axes = find(x, w, b, ndim=ndim, **sizes)
    if find is _transposed_layer:
        F, C = C, F  # those of the relation: F stands at o, where a transposed convolution has x
    bounds = limits.bounds(given["workspace"], given["threads"], w.nbytes)
    # with one output the stride, with one tap the dilation, makes no difference to the relation
    plain = tuple((H, K, O, s if O > 1 else 1, d if K > 1 else 1, p) for H, K, O, s, d, p, _ in axes)
    return _Layer(N, G, F, C, plain, (str(given["algorithm"]), *bounds))


def _check_slopes(dy: Array, shape: tuple[int, ...]) -> None:
    """ValueError unless dy has the shape of y."""
    if dy.shape != shape:
        raise ValueError(f"dy {dy.shape} must have shape {shape} to fit the other arrays")


def _border(x: Array, w: Array, b: Array | None, ndim: int, given: dict[str, Any]) -> list[tuple[int, ...]]:
    """The axes of the layer where its border is not zeros; what is left in ``given`` is about an x without padding."""
    if given["padding_mode"] == "zeros":
        return []
    sizes = {name: given[name] for name in ("stride", "padding", "dilation", "groups", "padding_mode")}
    *_, axes = _layer(x, w, b, **sizes, ndim=ndim)
    given |= {"padding_mode": "zeros", "padding": 0}
    return axes


def forward(ndim: int, x: Any, w: Any, b: Any, padding_value: Any, **given: Any) -> Array:
    x, w, b = _arrays(x, w, b)
    mode = given["padding_mode"]
    bordered = _border(x, w, b, ndim, given)
    x = _padded(x, bordered, mode, padding_value)
    layer = _read(_layer, x, w, b, ndim, given)
    y: Array = np.empty((layer.N, w.shape[0], *layer.rows(2)), x.dtype)
    make_y(layer.at_m(x), layer.weights(w), b, layer.at_o(y), layer.axes, *layer.how)
    return y


def backward(ndim: int, dy: Any, x: Any, w: Any, padding_value: Any, **given: Any) -> tuple[Array, Array, Array]:
    dy, x, w = _arrays(dy, x, w)
    mode = given["padding_mode"]
    bordered = _border(x, w, None, ndim, given)
    x = _padded(x, bordered, mode, padding_value)
    layer = _read(_layer, x, w, None, ndim, given)
    _check_slopes(dy, (layer.N, w.shape[0], *layer.rows(2)))
    dx, dw, slopes = np.empty(x.shape, x.dtype), np.empty(w.shape, w.dtype), layer.at_o(dy)
    make_dx(slopes, layer.weights(w), layer.at_m(dx), layer.axes, *layer.how)
    make_dw(slopes, layer.at_m(x), layer.weights(dw), layer.axes, *layer.how)
    return (_folded(dx, bordered, mode) if bordered else dx), dw, _bias_gradient(dy)


def double_backward(
    ndim: int, v: tuple[Any, Any, Any], dy: Any, x: Any, w: Any, padding_value: Any, **given: Any
) -> tuple[Array, Array, Array]:
    v_x, v_w, v_b = v
    # the gradient of a constant border is zero, so a direction is bordered by zeros
    ddy = forward(ndim, v_x, w, None, 0, **given) + forward(ndim, x, v_w, v_b, padding_value, **given)
    ddx, _, _ = backward(ndim, dy, x, v_w, padding_value, **given)
    _, ddw, _ = backward(ndim, dy, v_x, w, 0, **given)
    return ddy, ddx, ddw


def transposed_forward(ndim: int, x: Any, w: Any, b: Any, **given: Any) -> Array:
    x, w, b = _arrays(x, w, b)
    layer = _read(_transposed_layer, x, w, b, ndim, given)
    y: Array = np.empty((layer.N, layer.G * layer.C, *layer.rows(0)), x.dtype)
    make_dx(layer.at_o(x), layer.weights(w), layer.at_m(y), layer.axes, *layer.how)
    if b is not None:
        y += b.reshape(-1, *[1] * ndim)
    return y


def transposed_backward(ndim: int, dy: Any, x: Any, w: Any, **given: Any) -> tuple[Array, Array, Array]:
    dy, x, w = _arrays(dy, x, w)
    layer = _read(_transposed_layer, x, w, None, ndim, given)
    _check_slopes(dy, (layer.N, layer.G * layer.C, *layer.rows(0)))
    dx, dw, slopes = np.empty(x.shape, x.dtype), np.empty(w.shape, w.dtype), layer.at_m(dy)
    make_y(slopes, layer.weights(w), None, layer.at_o(dx), layer.axes, *layer.how)
    make_dw(layer.at_o(x), slopes, layer.weights(dw), layer.axes, *layer.how)
    return dx, dw, _bias_gradient(dy)


def transposed_double_backward(
    ndim: int, v: tuple[Any, Any, Any], dy: Any, x: Any, w: Any, **given: Any
) -> tuple[Array, Array, Array]:
    v_x, v_w, v_b = v
    ddy = transposed_forward(ndim, v_x, w, None, **given) + transposed_forward(ndim, x, v_w, v_b, **given)
    ddx, _, _ = transposed_backward(ndim, dy, x, v_w, **given)
    _, ddw, _ = transposed_backward(ndim, dy, v_x, w, **given)
    return ddy, ddx, ddw


def _bias_gradient(dy: Array) -> Array:
    """db[f] = sum over (n, o) of dy[n, f, o]."""
    # image by image, because what lies together adds up fastest; with a dtype, because NumPy sums small integers in a wider one
    sums = np.empty(dy.shape[:2], dy.dtype)
    for n, image in enumerate(dy):
        image.reshape(dy.shape[1], -1).sum(axis=1, dtype=dy.dtype, out=sums[n])
    total: Array = sums.sum(axis=0, dtype=dy.dtype)
    return total
