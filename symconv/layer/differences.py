"""A second, independent way to the gradients: exact finite differences of the layer written out as loops.

This module is the deliberate second opinion on :mod:`symconv.layer.loss` and :mod:`symconv.layer.gradients`. It shares nothing
with them but the sizes: the layer is written from its textbook definition, in a transposed convolution as a scatter, and the
gradients are differences of the loss. L is linear in each array, so a difference with step 1 on integers is not an approximation:

    dL/dx[j] = L(x + e_j) - L(x)

The padding is NumPy's: what its ``np.pad`` calls by another name is listed here again, and nothing is read from the table of
modes.

Agreement on random integers is strong evidence at one size, not a proof.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.layer.conv import Conv

__all__ = ["exact_gradients", "forward", "random_integers"]

Array = NDArray[Any]

#: perturbed copies of an array evaluated at once; bounds the memory, not the result
_CHUNK_ENTRIES = 2_000_000


def random_integers(conv: Conv, seed: int, size: int = 9) -> dict[str, NDArray[np.int64]]:
    """Integer arrays x, w, b, dy for the layer, entries from -size to size without 0."""
    rng = np.random.default_rng(seed)
    result = {}
    for name in ("x", "w", "b", "dy"):
        magnitude = rng.integers(1, size + 1, conv.shapes[name])
        result[name] = magnitude * rng.choice([-1, 1], conv.shapes[name])
    return result


def forward(conv: Conv, x: Array, w: Array, b: Array | None = None) -> Array:
    """y (..., N, F, *O) from x (..., N, C, *H), w (..., F, C/groups, *K) and b (..., F), by the definition.

    Further leading axes of x, w or b are carried along (they broadcast). ValueError for a border whose constant is a letter.
    """
    n = conv.ndim
    if conv.padding_mode != "zeros":
        x, conv = _bordered(conv, x)
    lead = np.broadcast_shapes(
        x.shape[: x.ndim - n - 2], w.shape[: w.ndim - n - 2], b.shape[:-1] if b is not None else ()
    )
    y: Array = np.zeros((*lead, *conv.y_shape), dtype=np.result_type(x, w) if b is None else np.result_type(x, w, b))
    per_group = {"in": conv.in_channels // conv.groups, "out": conv.out_channels // conv.groups}
    for group, out, inner in itertools.product(range(conv.groups), range(per_group["out"]), range(per_group["in"])):
        f, c = group * per_group["out"] + out, group * per_group["in"] + inner
        for here, tap, there in _steps(conv):
            # `here` runs over the strided side, `there` over the padded side
            source, sink = (here, there) if conv.transposed else (there, here)
            into: Any = (..., f, *sink)
            taken: Any = (..., c, *source)
            weight: Any = (..., c, out, *tap) if conv.transposed else (..., f, inner, *tap)
            y[into] += w[weight][..., None] * x[taken]
    if b is not None:
        y += b.reshape(*b.shape[:-1], 1, conv.out_channels, *[1] * n)
    return y


def _bordered(conv: Conv, x: Array) -> tuple[Array, Conv]:
    """x with its border, and the layer without padding that reads it."""
    options: dict[str, Any] = {}
    if conv.mode.filled:
        if conv.padding_value is None:
            raise ValueError(f"{conv!r} pads with a letter; numbers need its padding_value")
        options["constant_values"] = conv.padding_value
        x = x if isinstance(conv.padding_value, int) else x.astype(np.float64)
    whole = [(0, 0)] * (x.ndim - conv.ndim)
    padded = np.pad(x, [*whole, *conv.padding], conv.mode.numpy, **options)
    bare = {**conv.to_dict(), "input": padded.shape[x.ndim - conv.ndim :], "padding": 0,
            "padding_mode": "zeros", "padding_value": None}  # fmt: skip
    return padded, Conv(**bare)


def _steps(conv: Conv) -> Iterator[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]]:
    """Position of the window, tap, and the row of the other array that they meet, for every tap that meets one."""
    positions, limit = (conv.input, conv.output) if conv.transposed else (conv.output, conv.input)
    for window in np.ndindex(*positions):
        for tap in np.ndindex(*conv.kernel):
            row = tuple(
                i * step + j * apart - before
                for i, j, step, apart, (before, _) in zip(
                    window, tap, conv.stride, conv.dilation, conv.padding, strict=True
                )
            )
            if all(0 <= i < size for i, size in zip(row, limit, strict=True)):
                yield window, tap, row


def exact_gradients(conv: Conv, x: Array, w: Array, b: Array | None, dy: Array) -> dict[str, Array]:
    """y, dx, dw and (with b) db of ``L = sum dy*y`` at integer arrays, by differences of L with step 1.

    Shapes are the layer's; the arrays hold integers (an integer dtype, or Python ints in object arrays where int64 could
    overflow). Raises ValueError for another shape, TypeError for floats.
    """
    given = {"x": x, "w": w, "b": b, "dy": dy}
    for name, array in given.items():
        if array is None:
            continue
        if array.shape != conv.shapes[name]:
            raise ValueError(f"{name} has shape {array.shape}, but {conv!r} has {name} of shape {conv.shapes[name]}")
        if array.dtype.kind not in "iuO":
            raise TypeError(f"{name} holds {array.dtype}; exact differences need integers")
    y = forward(conv, x, w, b)
    base = (dy * y).sum()
    result = {"y": y}
    for name in ("x", "w", "b"):
        array = given[name]
        if array is None:
            continue
        changes: list[Array] = []
        step = max(1, _CHUNK_ENTRIES // max(array.size, y.size))
        for start in range(0, array.size, step):
            count = min(step, array.size - start)
            bumped = np.repeat(array.reshape(1, -1), count, axis=0)
            bumped[np.arange(count), start + np.arange(count)] += 1
            moved: dict[str, Any] = {**given, name: bumped.reshape(count, *array.shape)}
            values = forward(conv, moved["x"], moved["w"], moved["b"])
            changes.append((dy * values).reshape(count, dy.size).sum(axis=1) - base)
        result[f"d{name}"] = np.concatenate(changes).reshape(array.shape)
    return result
