"""NumPy's padding, sums and products."""

from __future__ import annotations

import ast
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from symconv.algebra.integers import Integer
from symconv.layer.padding import MODES, Mode
from symconv.reading import products
from symconv.reading.arithmetic import operated
from symconv.reading.arrays import (
    Axis,
    Grid,
    Index,
    broadcast,
    filled,
    fits,
    own,
    snapshot,
    store,
    summed,
    times,
)
from symconv.reading.numbers import Affine, Conjunction, at_least, between, negated
from symconv.reading.numpy_making import as_array, axes_of, entry_of, floating, joined, stacked
from symconv.reading.numpy_table import method, numpy
from symconv.reading.rows import Needed
from symconv.reading.terms import Sum, guarded, simplified
from symconv.reading.values import Run
from symconv.reading.vectors import Vector
from symconv.reading.views import permuted, reshaped
from symconv.reading.world import Raised, Unreadable, World

# padding -----------------------------------------------------------------------------------------------------------------------


@numpy("pad", a=Needed, pad_width=Needed, mode="constant", constant_values=0)
def _pad(reader: Any, a: Any, width: Any, mode: Any, constant_values: Any) -> Grid:
    world: World = reader.world
    border = next((each for each in MODES.values() if each.numpy == mode and not each.filled), None)
    if border is None:
        raise Unreadable(f"pad with mode {mode}")
    grid = as_array(reader, a)
    amounts = _amounts(width, grid.ndim)
    axes: list[Axis] = []
    for axis, (before, after) in zip(grid.axes, amounts, strict=True):
        world.check((at_least(before, 0), at_least(after, 0)), "ValueError")
        if len(axis) != 1 and (before, after) != (0, 0):
            raise Unreadable("padding of a merged axis")
        if (before, after) != (0, 0) and border.most is not None:
            most = _of(border.most, 0, axis[0])
            if not world.decide((at_least(most, before), at_least(most, after))):
                raise Unreadable(f"padding by mode {mode} of more rows than stand there once")
        axes.append(axis if len(axis) != 1 else (axis[0] + before + after,))

    def inner(index: Index) -> tuple[Index, Conjunction]:
        rows: list[Any] = []
        inside: list[Any] = []
        for place, axis, (before, after) in zip(index, grid.axes, amounts, strict=True):
            if (before, after) == (0, 0):
                rows.append(place)
                continue
            if border.moves_rows:
                rows.append((_fed(world, border, place[0] - before, axis[0]),))
                continue
            rows.append((place[0] - before,))
            inside += between(0, place[0] - before, axis[0])
        return tuple(rows), tuple(inside)

    if grid.kind == "int":
        return Grid(tuple(axes), _numbers_padded(world, grid, inner, constant_values), "int")
    beyond = [] if border.moves_rows or _all_zero(constant_values) else _filling(world, constant_values)
    entries = snapshot(world, grid)

    def at(index: Index) -> Sum:
        rows, inside = inner(index)
        outside = guarded(beyond, negated(inside)) if inside else []
        return simplified(world, [*guarded(entries(rows), inside), *outside])

    return filled(world, axes, at)


def _numbers_padded(world: World, grid: Grid, inner: Callable[[Index], Any], fill: Any) -> Callable[[Index], Any]:
    """The entries of a padded array of integers."""

    def at(index: Index) -> Any:
        rows, inside = inner(index)
        if inside and not isinstance(fill, int):
            raise Unreadable("an array of integers padded with this")
        return world.choose(inside, grid.at(rows), fill) if inside else grid.at(rows)

    return at


def _filling(world: World, values: Any) -> Sum:
    """The one value that stands all around, as an entry."""
    while isinstance(values, tuple | list) and values and all(each is values[0] for each in values):
        values = values[0]
    return entry_of(world, values)


def _of(row: Integer | None, t: Any, size: Any) -> Any:
    """An affine expression of the table of modes, in t and H."""
    assert row is not None, "asked only of modes that move rows"
    terms, const = row.affine({}) or ({}, 0)
    return sum((c * {"t": t, "H": size}[name] for name, c in terms.items()), start=const)


def _fed(world: World, border: Mode, t: Any, size: Any) -> Any:
    """The row of the array that stands at row t of the padded one."""
    after = world.choose((at_least(t, size),), _of(border.after, t, size), t)
    return world.choose((at_least(-1, t),), _of(border.before, t, size), after)


def _all_zero(values: Any) -> bool:
    if isinstance(values, tuple | list):
        return all(_all_zero(each) for each in values)
    return isinstance(values, int | Fraction) and values == 0


def _amounts(width: Any, ndim: int) -> list[tuple[Any, Any]]:
    """pad_width spelled out: a pair for each axis."""
    if isinstance(width, int | Affine):
        return [(width, width)] * ndim
    rows = [tuple(each) if isinstance(each, tuple | list) else (each,) for each in width]
    if all(len(row) == 1 for row in rows) and all(not isinstance(each, tuple | list) for each in width):
        flat = tuple(row[0] for row in rows)
        if len(flat) == 2:
            return [flat] * ndim
        raise Unreadable("this pad_width")
    if len(rows) == 1:
        rows *= ndim
    if len(rows) != ndim or any(len(row) not in (1, 2) for row in rows):
        raise Raised("ValueError")
    return [(row[0], row[-1]) for row in rows]


# sums and products -------------------------------------------------------------------------------------------------------------


@numpy("sum", "add.reduce", a=Needed, axis=None, dtype=None, keepdims=False)
@method("sum", a=Needed, axis=None, dtype=None, keepdims=False)
def sum_of(reader: Any, a: Any, axis: Any, dtype: Any, keepdims: Any) -> Any:
    world: World = reader.world
    grid = as_array(reader, a)
    floating(dtype)
    which = _which(grid, axis)
    found = summed(world, snapshot(world, grid), grid.axes, which)
    if not keepdims:
        return found
    kept = tuple((1,) if n in which else each for n, each in enumerate(grid.axes))
    at = found.at
    return Grid(kept, lambda index: at(tuple(each for n, each in enumerate(index) if n not in which)))


def _which(grid: Grid, axis: Any) -> list[int]:
    if axis is None:
        return list(range(grid.ndim))
    which = [axis] if isinstance(axis, int) else list(axis)
    if any(not -grid.ndim <= x < grid.ndim for x in which) or len({x % grid.ndim for x in which}) < len(which):
        raise Raised("ValueError")
    return [x % grid.ndim for x in which]


@numpy("mean", a=Needed, axis=None)
@method("mean", a=Needed, axis=None)
def _mean(reader: Any, a: Any, axis: Any) -> Any:
    grid = as_array(reader, a)
    found: Any = sum_of(reader, grid, axis, None, False)
    for at in _which(grid, axis):
        for part in grid.axes[at]:
            found = operated(reader, ast.Div(), found, part)
    return found


@numpy("einsum", subscripts=Needed, each_a=(), optimize=None)
def _einsum(reader: Any, subscripts: Any, each: Any, optimize: Any) -> Grid:
    if not isinstance(subscripts, str):
        raise Unreadable("einsum without a text")
    return products.einsum(reader.world, subscripts, [as_array(reader, a) for a in each])


@numpy("tensordot", a=Needed, b=Needed, axes=2)
def _tensordot(reader: Any, a: Any, b: Any, axes: Any) -> Grid:
    return products.tensordot(reader.world, as_array(reader, a), as_array(reader, b), axes)


@numpy("dot", a=Needed, b=Needed)
@method("dot", a=Needed, b=Needed)
def _dot(reader: Any, a: Any, b: Any) -> Any:
    return products.dot(reader.world, as_array(reader, a), as_array(reader, b))


@numpy("matmul", a=Needed, b=Needed, out=None)
def _matmul(reader: Any, a: Any, b: Any, out: Any) -> Grid:
    found = products.matmul(reader.world, as_array(reader, a), as_array(reader, b))
    if out is None:
        return found
    if not isinstance(out, Grid) or out.ndim != found.ndim:
        raise Unreadable("this out=")
    if not all(fits(reader.world, a, b) for a, b in zip(found.axes, out.axes, strict=True)):
        raise Unreadable("out= of another shape")
    store(reader.world, out, found, 1, False, reader.guard())
    return out


@numpy("inner", a=Needed, b=Needed)
def _inner(reader: Any, a: Any, b: Any) -> Grid:
    first, second = as_array(reader, a), as_array(reader, b)
    if not first.ndim or not second.ndim:
        return products.dot(reader.world, first, second)
    return products.tensordot(reader.world, first, second, ([first.ndim - 1], [second.ndim - 1]))


@numpy("vdot", a=Needed, b=Needed)
def _vdot(reader: Any, a: Any, b: Any) -> Any:
    """Of real arrays, whatever their axes: entry by entry in the order of rows."""
    first, second = as_array(reader, a), as_array(reader, b)
    if first.ndim != second.ndim or not all(
        fits(reader.world, *each) for each in zip(first.axes, second.axes, strict=True)
    ):
        raise Unreadable("vdot of several shapes")
    if not first.ndim:
        return products.dot(reader.world, first, second)
    every = list(range(first.ndim))
    return products.tensordot(reader.world, first, second, (every, every))


@numpy("outer", a=Needed, b=Needed)
def _outer(reader: Any, a: Any, b: Any) -> Grid:
    first, second = (reshaped(reader.world, own(reader.world, as_array(reader, each)), [-1]) for each in (a, b))
    return products.tensordot(reader.world, first, second, 0)


@numpy("multiply.outer", a=Needed, b=Needed)
def _multiply_outer(reader: Any, a: Any, b: Any) -> Grid:
    return products.tensordot(reader.world, as_array(reader, a), as_array(reader, b), 0)


@method("fill", a=Needed, value=Needed)
def _fill(reader: Any, a: Any, value: Any) -> None:
    if not isinstance(a, Grid) or a.kind == "int":
        raise Unreadable("fill of this")
    store(reader.world, own(reader.world, a), entry_of(reader.world, value), 1, False, reader.guard())


@method("copy", a=Needed, order=None)
def _copy(reader: Any, a: Any, order: Any) -> Any:
    return a if a.kind == "int" else filled(reader.world, a.axes, snapshot(reader.world, a))


@method("astype", a=Needed, dtype=Needed, copy=True)
def _astype(reader: Any, a: Any, dtype: Any, copy: Any) -> Any:
    if a.kind == "int":
        return a
    floating(dtype)
    return a if copy is False else _copy(reader, a, None)


@numpy("prod", a=Needed, dtype=None)
def _prod(reader: Any, a: Any, dtype: Any) -> Any:
    if not isinstance(a, tuple | list | Vector):
        raise Unreadable("prod of an array")
    found: Any = 1
    for each in a.items if isinstance(a, Vector) else a:
        found = times(found, each)
    return found


@numpy("stack", arrays=Needed, axis=0)
def _stack(reader: Any, arrays: Any, axis: Any) -> Grid:
    if isinstance(arrays, Run):
        found = own(reader.world, stacked(reader, arrays))
        order = list(range(1, found.ndim))
        order.insert(axis % found.ndim, 0)
        return permuted(found, order)
    return joined(reader, [as_array(reader, each) for each in arrays], axis)


@numpy("ndindex", each_shape=())
def _ndindex(reader: Any, shape: Any) -> Run:
    items = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
    axes = axes_of(tuple(items))
    return Run(axes, lambda index: tuple(each[0] for each in index))


@numpy("broadcast_to", a=Needed, shape=Needed)
def _broadcast_to(reader: Any, a: Any, shape: Any) -> Any:
    if isinstance(a, int | Affine | tuple | list | Vector) and isinstance(shape, int):
        items = a.items if isinstance(a, Vector) else tuple(a) if isinstance(a, tuple | list) else (a,)
        if len(items) not in (1, shape):
            raise Raised("ValueError")
        return Vector(tuple(items) * shape if len(items) == 1 else tuple(items))
    grid, axes = as_array(reader, a), axes_of(shape)
    _, picks = broadcast(reader.world, [grid.axes, axes])
    entries = snapshot(reader.world, grid)
    return Grid(axes, lambda index: entries(picks[0](index)))
