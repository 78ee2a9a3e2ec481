"""The derivative at points without a list of its terms, which is what a sweep of very many cases affords.

On each axis the relation says which row of the padded side an output row reads by a tap. All taps of all output rows are so one
array of entry numbers, by which the padded side is gathered for what is summed over windows, and added up for what is spread
over them. Entries of points are such that every sum is exact, in whatever order it is made: what comes out is to the last bit
what the enumerated terms give.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.audits.arrays import FIRST
from symconv.audits.truth import Derivative, Point
from symconv.layer.conv import Axis, Conv
from symconv.layer.filler import constant
from symconv.layer.loss import label_sizes, rows_read
from symconv.layer.padding import FILLER

__all__ = ["Windows"]

Array = NDArray[Any]

#: for the sides of the relation and its taps, what stands on p points: p, and channel_labels; o, k the flat output row and tap
_SUMS = {"strided": "pgfck,pngcok->pngfo", "weights": "pngfo,pngcok->pgfck", "spread": "pngfo,pgfck->pngcok"}


class Windows(Derivative):
    """The derivative at ``points``, for all of them at once; they come in arrays with one axis more, in front.

    Second derivatives and those of a forward pass of one's own are read from their terms.
    """

    def __init__(self, conv: Conv, forward: str | None, points: Point) -> None:
        super().__init__(conv, forward)
        self._all = points
        self.points: list[Point] = [dict(zip(points, each, strict=True)) for each in zip(*points.values(), strict=True)]
        self._places = {id(at): place for place, at in enumerate(self.points)}
        self._found: dict[str, Array] = {}

    def numbers(self, at: Point, name: str) -> Array:
        place = self._places.get(id(at))
        if place is None or self.forward is not None or name not in FIRST.outputs:
            return super().numbers(at, name)
        if name not in self._found:
            self._found[name] = self._at_points(name)
        found: Array = self._found[name][place]
        return found

    def _at_points(self, name: str) -> Array:
        """An output at all points, one after the other."""
        conv = self.conv
        if name == "db":
            dy = self._all["dy"]
            return dy.sum(axis=(1, *range(3, dy.ndim))) if conv.bias else np.zeros((len(dy), *conv.b_shape))
        if name == "dw":
            result: Array = np.einsum(_SUMS["weights"], self._strided, self._read)
        elif (name == "y") == (conv.kind.strided == "y"):
            result = np.einsum(_SUMS["strided"], self._weights, self._read)
        else:
            result = self._added_up()
        result = result.reshape(len(self.points), *conv.shapes[name])
        if name == "y" and conv.bias:
            result += self._all["b"].reshape(len(result), 1, -1, *[1] * conv.ndim)
        return result

    def _added_up(self) -> Array:
        """What every tap of every output row adds to the row that it reads."""
        each = np.einsum(_SUMS["spread"], self._strided, self._weights)
        lead, taps = each.shape[:-2], self._taps
        count, size = math.prod(lead), math.prod(axis.H + 1 for axis in self.conv.axes)
        where = np.arange(0, count * size, size)[:, None] + taps.reshape(-1)
        total = np.bincount(where.reshape(-1), each.reshape(-1), count * size)
        found: Array = total.reshape(*lead, *(axis.H + 1 for axis in self.conv.axes))[self._inside]
        return found

    # the arrays of the relation, at all points -----------------------------------------------------------------------------

    @property
    def _strided(self) -> Array:
        sizes = label_sizes(self.conv)
        return self._all[self.conv.kind.factors[0]].reshape(len(self.points), *(sizes[i] for i in "ngf"), -1)

    @property
    def _weights(self) -> Array:
        sizes = label_sizes(self.conv)
        return self._all["w"].reshape(len(self.points), *(sizes[i] for i in "gfc"), -1)

    @property
    def _read(self) -> Array:
        """What each tap reads at each output row: an entry of the padded side, or what its border holds."""
        sizes, axes = label_sizes(self.conv), self.conv.axes
        lead = (len(self.points), *(sizes[i] for i in "ngc"))
        border = constant(self.conv).get(FILLER, (0,))[0]
        whole = np.full((*lead, *(axis.H + 1 for axis in axes)), float(border))
        whole[self._inside] = self._all[self.conv.kind.factors[1]].reshape(*lead, *(axis.H for axis in axes))
        read: Array = whole.reshape(*lead, -1)[..., self._taps]
        return read

    @property
    def _inside(self) -> Any:
        """All but the further row on each axis that stands for what is outside."""
        return (..., *(slice(axis.H) for axis in self.conv.axes))

    @property
    def _taps(self) -> Array:
        return _taps_of(self.conv.axes)


@lru_cache(256)
def _taps_of(axes: tuple[Axis, ...]) -> Array:
    """The entry of the padded side, one row longer on each axis, that output row o reads by tap k, both flat in C order."""
    flat: Any = 0
    for number, axis in enumerate(axes):
        alone = [1] * 2 * len(axes)
        alone[number], alone[len(axes) + number] = axis.O, axis.K
        flat = flat * (axis.H + 1) + rows_read(axis).reshape(alone)
    found: Array = flat.reshape(math.prod(axis.O for axis in axes), -1)
    return found
