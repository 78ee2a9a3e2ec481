"""NumPy's functions that make arrays."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from symconv.reading.arrays import (
    Axis,
    Grid,
    Index,
    Product,
    Step,
    allocate,
    constant,
    filled,
    frozen,
    snapshot,
    value,
)
from symconv.reading.kinds import refused_length
from symconv.reading.numbers import Affine, affine, at_least, between
from symconv.reading.numpy_table import ROWS, numpy
from symconv.reading.rows import Needed
from symconv.reading.terms import Sum, Term, constant_of, guarded, substituted
from symconv.reading.values import Row, Run, Typed
from symconv.reading.vectors import Vector
from symconv.reading.world import Unreadable, World


def strides_of(grid: Grid) -> tuple[Step, ...]:
    """The strides of an array, as steps on its own axes."""
    return tuple(Step(grid, axis) for axis in range(grid.ndim))


def axes_of(shape: Any) -> tuple[Axis, ...]:
    """A shape as axes."""
    if isinstance(shape, Vector):
        shape = shape.items
    items = list(shape) if isinstance(shape, tuple | list) else [shape]
    return tuple(axis_of(each) for each in items)


def axis_of(size: Any) -> Axis:
    """A length as an axis; a product of sizes as its factors."""
    if isinstance(size, int | Affine):
        return (size,)
    if isinstance(size, Product) and size.order and math.prod(p for p in size.order if isinstance(p, int)) > 0:
        return size.order
    refused_length(size)
    raise Unreadable("an axis as long as such a product of sizes")


def as_array(reader: Any, given: Any) -> Grid:
    """What np.asarray makes of it."""
    if isinstance(given, Grid):
        return given
    if isinstance(given, Run):
        return stacked(reader, given)
    if isinstance(given, int | Fraction | Affine):
        told = constant_of(reader.world, given)
        return Grid((), lambda index: told)
    if isinstance(given, list | tuple) and given:
        if all(isinstance(each, int | Affine) and not isinstance(each, bool) for each in given):
            return _numbers(reader.world, list(given))
        return joined(reader, [as_array(reader, each) for each in given], 0)
    raise Unreadable(f"an array of {type(given).__name__}")


def _numbers(world: World, items: list[Any]) -> Grid:
    def at(index: Index) -> Any:
        i, found = index[0][0], items[-1]
        if isinstance(i, int):
            return items[i]
        for n in range(len(items) - 2, -1, -1):
            found = world.choose((at_least(n, i),), items[n], found)
        return found

    return Grid(((len(items),),), at, "int")


def stacked(reader: Any, run: Run) -> Grid:
    """A list over a size, as an array: its items side by side on a new first axis."""
    world: World = reader.world
    if run.step is not None:
        raise Unreadable("an array of a range by a size")
    names = [tuple(world.fresh("j") for _ in axis) for axis in run.axes]
    index = tuple(tuple(affine(n) for n in axis) for axis in names)
    bounds = [
        c
        for axis, at in zip(run.axes, index, strict=True)
        for p, i in zip(axis, at, strict=True)
        for c in between(0, i, p)
    ]
    with world.holding(bounds):
        reader.loops += 1
        item = run.item(index)
        reader.loops -= 1
        if isinstance(item, int | Affine):
            whole = item
            return Grid(run.axes, lambda at: world.put(whole, _values(names, at)), "int")
        grid = as_array(reader, item)
        inner = filled(world, grid.axes, snapshot(world, grid))
    if any(not world.rests_on(part.terms).isdisjoint(n for x in names for n in x) for a in grid.axes for part in a
           if isinstance(part, Affine)):  # fmt: skip
        raise Unreadable("a list of arrays of several shapes")
    assert inner.buffer is not None
    entries = inner.buffer.entries(world)
    count = len(run.axes)

    def at(place: Index) -> Sum:
        values = _values(names, place[:count])
        return [substituted(world, term, values) for term in entries(place[count:])]

    return Grid((*run.axes, *grid.axes), at)


def _values(names: Sequence[tuple[str, ...]], index: Index) -> dict[str, Any]:
    return {n: i for axis, at in zip(names, index, strict=False) for n, i in zip(axis, at, strict=True)}


def joined(reader: Any, grids: Sequence[Grid], axis: int) -> Grid:
    """np.stack of a known number of arrays."""
    world: World = reader.world
    entries = [snapshot(world, grid) for grid in grids]
    axes = list(grids[0].axes)
    axis %= len(axes) + 1
    axes.insert(axis, (len(grids),))
    if any(grid.axes != grids[0].axes for grid in grids):
        raise Unreadable("a stack of arrays of several shapes")

    def at(index: Index) -> Sum:
        which, rest = index[axis][0], (*index[:axis], *index[axis + 1 :])
        if isinstance(which, int):
            return entries[which](rest)
        return [term for n, each in enumerate(entries) for term in guarded(each(rest), (("eq", which - n),))]

    return Grid(tuple(axes), at)


# making ---------------------------------------------------------------------------------------------------------------------


@numpy("zeros", shape=Needed, dtype=None, order=None)
def _zeros(reader: Any, shape: Any, dtype: Any, order: Any) -> Grid:
    return _made(reader, axes_of(shape), [], dtype)


@numpy("ones", shape=Needed, dtype=None, order=None)
def _ones(reader: Any, shape: Any, dtype: Any, order: Any) -> Grid:
    return _made(reader, axes_of(shape), constant(1), dtype)


@numpy("full", shape=Needed, fill_value=Needed, dtype=None, order=None)
def _full(reader: Any, shape: Any, fill: Any, dtype: Any, order: Any) -> Grid:
    return _made(reader, axes_of(shape), entry_of(reader.world, fill), dtype)


def entry_of(world: World, fill: Any) -> Sum:
    """A number, a size or an array of one number, as an entry."""
    if isinstance(fill, Grid) and not fill.ndim and fill.kind != "int":
        return snapshot(world, fill)(())
    return constant_of(world, fill)


@numpy("empty", shape=Needed, dtype=None, order=None)
def _empty(reader: Any, shape: Any, dtype: Any, order: Any) -> Grid:
    return _made(reader, axes_of(shape), None, dtype)


@numpy("zeros_like", a=Needed, dtype=None, order=None)
def _zeros_like(reader: Any, a: Any, dtype: Any, order: Any) -> Grid:
    return _made(reader, as_array(reader, a).axes, [], dtype, False)


@numpy("ones_like", a=Needed, dtype=None)
def _ones_like(reader: Any, a: Any, dtype: Any) -> Grid:
    return _made(reader, as_array(reader, a).axes, constant(1), dtype, False)


@numpy("empty_like", a=Needed, dtype=None)
def _empty_like(reader: Any, a: Any, dtype: Any) -> Grid:
    return _made(reader, as_array(reader, a).axes, None, dtype, False)


@numpy("full_like", a=Needed, fill_value=Needed, dtype=None)
def _full_like(reader: Any, a: Any, fill: Any, dtype: Any) -> Grid:
    return _made(reader, as_array(reader, a).axes, entry_of(reader.world, fill), dtype, False)


def _made(reader: Any, axes: tuple[Axis, ...], terms: Sum | None, dtype: Any, ordered: bool = True) -> Grid:
    world: World = reader.world
    floating(dtype)
    for axis in axes:
        for part in axis:
            world.check((at_least(part, 0),), "ValueError")
    names = tuple(world.fresh("t") for axis in axes for _ in axis)
    if terms is None:
        terms = [Term(Fraction(1), (("?", tuple(affine(n) for n in names)),))]
    found = allocate(world, axes, terms, names)
    assert found.buffer is not None
    found.buffer.ordered = ordered
    return found


def floating(dtype: Any) -> None:
    """Arithmetic is exact only where nothing is cut: a dtype of whole numbers is not read."""
    if dtype is None or (isinstance(dtype, Typed) and dtype.name == "float"):
        return
    if isinstance(dtype, Row) and dtype.name == "float":
        return
    if isinstance(dtype, str) and dtype in ("float", "float64", "float32", "f4", "f8", "d", "f"):
        return
    raise Unreadable("a dtype that is not floating")


@numpy("arange", start=Needed, stop=None, step=1, dtype=None)
def _arange(reader: Any, start: Any, stop: Any, step: Any, dtype: Any) -> Grid:
    if stop is None:
        start, stop = 0, start
    if not isinstance(step, int) or not step:
        raise Unreadable("arange by a size")
    count = reader.world.floor(stop - start + step - (1 if step > 0 else -1), step)
    return Grid(((reader.world.largest(count, 0),),), lambda index: start + index[0][0] * step, "int")


@numpy("array", "copy", a=Needed, dtype=None, copy=True, order=None)
def _array(reader: Any, a: Any, dtype: Any, copy: Any, order: Any) -> Any:
    found = _as_array(reader, a, dtype, copy, order)
    return value(reader.world, found) if isinstance(found, Grid) and found.kind == "value" and copy is True else found


@numpy("asarray", "ascontiguousarray", "asfortranarray", "asanyarray", a=Needed, dtype=None, copy=None, order=None)
def _as_array(reader: Any, a: Any, dtype: Any, copy: Any, order: Any) -> Any:
    world: World = reader.world
    if isinstance(dtype, Row) and dtype.name in ("object", "int"):
        if isinstance(a, int | Affine):
            return Vector((a,), 0)
        return Vector(tuple(a))
    if isinstance(a, Vector):
        return a
    floating(dtype)
    if isinstance(a, tuple | list) and a and all(isinstance(x, int | Affine) for x in a):
        return Vector(tuple(a))
    grid = as_array(reader, a)
    return frozen(world, grid) if grid.kind == "view" and not grid.plain else _copied(world, grid)


def _copied(world: World, grid: Grid) -> Grid:
    """asarray of an array that lies as it should is that array; np.array copies, which only a later write can tell."""
    return grid if grid.kind == "int" or not grid.ndim else frozen(world, grid) if grid.kind == "view" else grid


def _as_is(reader: Any, args: list[Any], keywords: dict[str, Any]) -> Any:
    """np.asarray of an array, without more, is that array."""
    if len(args) == 1 and isinstance(args[0], Grid) and not keywords:
        return args[0]
    return ROWS["array"].run(reader, args, keywords)


ROWS["asarray"] = Row("asarray", _as_is)


@numpy("result_type", each_a=())
def _result_type(reader: Any, each: Any) -> Typed:
    data = [a for a in each if isinstance(a, Typed | Grid) and getattr(a, "kind", a) != "int"]
    if not data or not all(isinstance(a, Typed | Grid | int | Affine) for a in each):
        raise Unreadable("result_type of this")
    return Typed("float")
