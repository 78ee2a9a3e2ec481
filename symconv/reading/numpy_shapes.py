"""NumPy's functions that change shapes and order."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from symconv.reading.arrays import (
    Grid,
    Index,
    frozen,
    own,
)
from symconv.reading.kinds import refused_length
from symconv.reading.numbers import Affine
from symconv.reading.numpy_making import as_array
from symconv.reading.numpy_table import method, numpy
from symconv.reading.rows import Needed
from symconv.reading.vectors import Vector
from symconv.reading.views import Slice, flipped, indexed_by, permuted, reshaped
from symconv.reading.world import Unreadable

# shape ----------------------------------------------------------------------------------------------------------------------


@numpy("shape", a=Needed)
def _shape(reader: Any, a: Any) -> Any:
    return reader.attribute(as_array(reader, a), "shape")


@numpy("ndim", a=Needed)
def _ndim(reader: Any, a: Any) -> int:
    if isinstance(a, Vector):
        return a.ndim
    if isinstance(a, int | Affine | Fraction):
        return 0
    if isinstance(a, tuple | list) and all(isinstance(x, int | Affine) for x in a):
        return 1
    return a.ndim if isinstance(a, Grid) else as_array(reader, a).ndim


@numpy("reshape", a=Needed, shape=Needed, order="C")
def _reshape(reader: Any, a: Any, shape: Any, order: Any) -> Grid:
    if order != "C":
        raise Unreadable("reshape in another order")
    items = list(shape) if isinstance(shape, tuple | list) else [shape]
    for each in items:
        refused_length(each)
    return reshaped(reader.world, own(reader.world, as_array(reader, a)), items)


@method("reshape", a=Needed, each_shape=(), order="C")
def _reshape_method(reader: Any, a: Any, shape: Any, order: Any) -> Grid:
    items = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
    found: Grid = _reshape(reader, a, tuple(items), order)
    return found


@method("ravel", "flatten", a=Needed, order="C")
@numpy("ravel", a=Needed, order="C")
def _ravel(reader: Any, a: Any, order: Any) -> Grid:
    found = _reshape(reader, a, (-1,), order)
    return frozen(reader.world, found)


@numpy("transpose", a=Needed, axes=None)
def _transpose(reader: Any, a: Any, axes: Any) -> Any:
    if isinstance(a, list) and a and all(isinstance(row, tuple) for row in a):
        return [Vector(column) for column in zip(*a, strict=True)]
    grid = own(reader.world, as_array(reader, a))
    return permuted(grid, range(grid.ndim)[::-1] if axes is None else tuple(axes))


@method("transpose", a=Needed, each_axes=())
def _transpose_method(reader: Any, a: Any, axes: Any) -> Any:
    if len(axes) == 1 and (axes[0] is None or isinstance(axes[0], tuple | list)):
        axes = axes[0]
    return _transpose(reader, a, axes or None)


@method("swapaxes", a=Needed, first=Needed, second=Needed)
@numpy("swapaxes", a=Needed, first=Needed, second=Needed)
def _swapaxes(reader: Any, a: Any, first: Any, second: Any) -> Grid:
    grid = own(reader.world, as_array(reader, a))
    order = list(range(grid.ndim))
    order[first], order[second] = order[second], order[first]
    return permuted(grid, order)


@numpy("moveaxis", a=Needed, source=Needed, destination=Needed)
def _moveaxis(reader: Any, a: Any, source: Any, destination: Any) -> Grid:
    grid = own(reader.world, as_array(reader, a))
    ends = [[x % grid.ndim for x in (each if isinstance(each, tuple | list) else (each,))]
            for each in (source, destination)]  # fmt: skip
    order = [n for n in range(grid.ndim) if n not in ends[0]]
    for to, of in sorted(zip(ends[1], ends[0], strict=True)):
        order.insert(to, of)
    return permuted(grid, order)


@numpy("rollaxis", a=Needed, axis=Needed, start=0)
def _rollaxis(reader: Any, a: Any, axis: Any, start: Any) -> Grid:
    grid = own(reader.world, as_array(reader, a))
    axis, start = axis % grid.ndim, start + grid.ndim if start < 0 else start
    order = [n for n in range(grid.ndim) if n != axis]
    order.insert(start - 1 if axis < start else start, axis)
    return permuted(grid, order)


@numpy("flip", a=Needed, axis=None)
def _flip(reader: Any, a: Any, axis: Any) -> Grid:
    grid = own(reader.world, as_array(reader, a))
    return flipped(grid, range(grid.ndim) if axis is None else axis if isinstance(axis, tuple | list) else (axis,))


@numpy("rot90", a=Needed, k=1, axes=(0, 1))
def _rot90(reader: Any, a: Any, k: Any, axes: Any) -> Grid:
    grid = own(reader.world, as_array(reader, a))
    order = list(range(grid.ndim))
    x, y = (each % grid.ndim for each in axes)
    order[x], order[y] = order[y], order[x]
    turns = k % 4
    if turns == 2:
        return flipped(grid, (x, y))
    if turns == 1:
        return permuted(flipped(grid, (y,)), order)
    return flipped(permuted(grid, order), (y,)) if turns == 3 else grid


@numpy("squeeze", a=Needed, axis=None)
@method("squeeze", a=Needed, axis=None)
def _squeeze(reader: Any, a: Any, axis: Any) -> Grid:
    grid = own(reader.world, as_array(reader, a))
    if axis is None:
        raise Unreadable("squeeze of whatever has length one")
    which = {x % grid.ndim for x in (axis if isinstance(axis, tuple) else (axis,))}
    for at in which:
        for part in grid.axes[at]:
            reader.world.check((("eq", part - 1),), "ValueError")
    kept = [n for n in range(grid.ndim) if n not in which]

    def by(index: Index) -> Index:
        left = iter(index)
        return tuple((0,) * len(grid.axes[n]) if n in which else next(left) for n in range(grid.ndim))

    return grid.mapped([grid.axes[n] for n in kept], by)


@numpy("expand_dims", a=Needed, axis=Needed)
def _expand_dims(reader: Any, a: Any, axis: Any) -> Grid:
    grid = own(reader.world, as_array(reader, a))
    many = axis if isinstance(axis, tuple | list) else (axis,)
    places = {x % (grid.ndim + len(many)) for x in many}
    items = [None if n in places else Slice(None, None, None) for n in range(grid.ndim + len(many))]
    return indexed_by(reader.world, grid, items)
