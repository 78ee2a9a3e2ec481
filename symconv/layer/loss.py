"""The relation R and the loss on it, for one concrete layer.

    L = sum over R of dy[n, f, o] * w[f, c, k] * x[n, c, m]  +  sum of dy[n, f, o] * b[f]

In a transposed convolution x and dy exchange their places on R. Where the border holds a constant v, each tap outside x adds
dy[n, f, o] * w[f, c, k] * v. Everything else is a reading of L.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.algebra.terms import Column, MultilinearArray, Terms
from symconv.layer import relation
from symconv.layer.conv import MAX_TERMS, Axis, Conv
from symconv.layer.padding import FILLER, OUTSIDE

__all__ = ["beyond", "channel_labels", "enumerate_axis", "label_sizes", "loss", "rows_read", "spread"]

#: what an array's leading indices run over: n image, g group, f and c channels of one group (f on the strided side of R)
_STRIDED, _PADDED, _WEIGHTS = "ngf", "ngc", "gfc"


def channel_labels(conv: Conv) -> dict[str, str]:
    """The leading indices of each array: ``{"x": "ngc", "w": "gfc", "dy": "ngf", ...}``."""
    labels = {conv.kind.strided: _STRIDED, conv.kind.padded: _PADDED}
    x, y = labels["x"], labels["y"]
    return {"x": x, "dx": x, "y": y, "dy": y, "w": _WEIGHTS, "dw": _WEIGHTS, "b": y[1:], "db": y[1:],
            "v_x": x, "ddx": x, "v_w": _WEIGHTS, "ddw": _WEIGHTS, "v_b": y[1:], "v_dy": y, "ddy": y, FILLER: ""}  # fmt: skip


def label_sizes(conv: Conv) -> dict[str, int]:
    """How many values each of the indices n, g, f, c takes."""
    channels = {"x": conv.in_channels // conv.groups, "y": conv.out_channels // conv.groups}
    return {"n": conv.batch, "g": conv.groups, "f": channels[conv.kind.strided], "c": channels[conv.kind.padded]}


def enumerate_axis(axis: Axis) -> dict[str, Column]:
    """The elements of R on one axis as three columns o, k, m of equal length, not to be written to."""
    return dict(_enumerated(axis))


@lru_cache(4096)  # the axes of a grid come again and again
def _enumerated(axis: Axis) -> tuple[tuple[str, Column], ...]:
    every = _taps(axis)
    inside = every["m"] != OUTSIDE
    columns = {name: column[inside] for name, column in every.items()}
    for column in columns.values():
        column.flags.writeable = False
    return tuple(columns.items())


@lru_cache(4096)
def rows_read(axis: Axis) -> Column:
    """The row that output row o reads by tap k, as an array (O, K) that is not to be written to; H stands for what is outside."""
    rows = _taps(axis)["m"].reshape(axis.O, axis.K)
    rows = np.where(rows == OUTSIDE, axis.H, rows)
    rows.flags.writeable = False
    return rows


def _taps(axis: Axis) -> dict[str, Column]:
    """Every output row with every tap, and the row of x that they read, OUTSIDE where there is none."""
    o, k = (grid.reshape(-1) for grid in np.meshgrid(np.arange(axis.O), np.arange(axis.K), indexing="ij"))
    t = relation.INPUT_INDEX.evaluate(axis.values | {"o": o, "k": k})
    return {"o": o, "k": k, "m": axis.mode.rows(t, axis.H)}


def beyond(axes: Sequence[Axis]) -> list[list[dict[str, Column]]]:
    """The taps that read the constant of the border: products over the axes, as columns o, k, v on each, disjoint by the first
    axis on which the tap is outside x. None where the border holds no constant."""
    if not axes[0].mode.filled:
        return []
    every = [_taps(axis) for axis in axes]
    parts = []
    for first in range(len(axes)):
        masks = [taps["m"] != OUTSIDE for taps in every[:first]] + [every[first]["m"] == OUTSIDE]
        masks += [np.ones(len(taps["m"]), dtype=bool) for taps in every[first + 1 :]]
        parts.append([
            {name: taps[name][mask] for name in ("o", "k")} | {"v": np.zeros(mask.sum(), dtype=np.int64)}
            for taps, mask in zip(every, masks, strict=True)
        ])  # fmt: skip
    return parts


def spread(conv: Conv, links: Sequence[Mapping[str, Column]]) -> dict[str, Column]:
    """The product over axes, batch, groups and channels of what is linked on each axis.

    ``links[axis][array]`` are the indices of ``array`` on that axis, columns of one length; the result gives each
    array's entry numbers (C order, whole shape), one row for each combination. Of b, which has no spatial axes, only the
    length of its columns matters.
    """
    arrays = list(links[0])
    labels, sizes = channel_labels(conv), label_sizes(conv)
    running = [label for label in "ngfc" if any(label in labels[a] for a in arrays)]
    lengths = [sizes[label] for label in running] + [len(next(iter(link.values()))) for link in links]

    alone = [[1] * i + [-1] + [1] * (len(lengths) - 1 - i) for i in range(len(lengths))]

    def along(position: int, values: NDArray[np.int64]) -> NDArray[np.int64]:
        return values.reshape(alone[position])

    result = {}
    for array in arrays:
        flat: Any = 0
        for label in labels[array]:
            flat = flat * sizes[label] + along(running.index(label), np.arange(sizes[label]))
        for axis, extent in enumerate(conv.shapes[array][len(labels[array]) - 1 :]):
            flat = flat * extent + along(len(running) + axis, links[axis][array])
        whole = np.empty(lengths, dtype=np.int64)
        whole[...] = flat
        result[array] = whole.reshape(-1)
    return result


def loss(conv: Conv, max_terms: int = MAX_TERMS) -> MultilinearArray:
    """L as an array of shape ``()``; ValueError if it has more than ``max_terms`` terms.

    >>> loss(Conv(input=3, kernel=2)).text(())
    'dy_{1}*w_{1}*x_{1} + dy_{1}*w_{2}*x_{2} + dy_{2}*w_{1}*x_{2} + dy_{2}*w_{2}*x_{3} + dy_{1}*b + dy_{2}*b'
    """
    conv.check_terms(max_terms)
    strided, padded = conv.kind.factors
    axes = [enumerate_axis(axis) for axis in conv.axes]
    factors = spread(conv, [{strided: link["o"], "w": link["k"], padded: link["m"]} for link in axes])
    blocks = [Terms.of(np.zeros(len(factors["w"]), dtype=np.int64), factors)]
    for outside in beyond(conv.axes):
        rows = spread(conv, [{"dy": link["o"], "w": link["k"], FILLER: link["v"]} for link in outside])
        blocks.append(Terms.of(np.zeros(len(rows["w"]), dtype=np.int64), rows))
    if conv.bias:
        bias = spread(conv, [{"dy": np.arange(n), "b": np.zeros(n, dtype=np.int64)} for n in conv.output])
        blocks.append(Terms.of(np.zeros(len(bias["b"]), dtype=np.int64), bias))
    return MultilinearArray(conv, (), tuple(blocks))
