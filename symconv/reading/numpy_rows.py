"""NumPy's functions and methods, one row each; what has no row is not read."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from symconv.reading import products
from symconv.reading.arithmetic import operated
from symconv.reading.arrays import (
    Axis,
    Grid,
    Index,
    allocate,
    constant,
    filled,
    frozen,
    own,
    snapshot,
    summed,
    value,
)
from symconv.reading.numbers import Affine, affine, at_least, between
from symconv.reading.rows import Needed, table
from symconv.reading.terms import Sum, Term, constant_of, guarded, simplified
from symconv.reading.values import Poison, Row, Run, Typed
from symconv.reading.vectors import Vector
from symconv.reading.views import flipped, permuted, reshaped
from symconv.reading.world import Raised, Unreadable, World

__all__ = ["METHODS", "MODULES", "ROWS", "as_array", "strides_of"]

MODULES = {"numpy", "numpy.lib", "numpy.lib.stride_tricks", "numpy.add", "numpy.linalg"}
ROWS: dict[str, Any] = {}
METHODS: dict[str, Row] = {}
numpy, method = table(ROWS), table(METHODS)

for _name in ("float64", "float32", "float16", "float_", "double", "single", "longdouble", "newaxis"):
    ROWS[_name] = Typed("float")
ROWS["newaxis"] = None
ROWS["add"] = Row("add", lambda reader, args, keywords: operated(reader, ast.Add(), *args))


def strides_of(grid: Grid) -> Any:
    """The strides of an array, known when it lies in memory as it is."""
    return Poison("strides")


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
    raise Unreadable("an axis as long as a product of sizes")


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
    if any(not set(part.terms).isdisjoint(n for x in names for n in x) for a in grid.axes for part in a
           if isinstance(part, Affine)):  # fmt: skip
        raise Unreadable("a list of arrays of several shapes")
    assert inner.buffer is not None
    entries = inner.buffer.entries(world)
    count = len(run.axes)

    def at(place: Index) -> Sum:
        from symconv.reading.terms import substituted

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
    return _made(reader, axes_of(shape), constant_of(reader.world, fill), dtype)


@numpy("empty", shape=Needed, dtype=None, order=None)
def _empty(reader: Any, shape: Any, dtype: Any, order: Any) -> Grid:
    return _made(reader, axes_of(shape), None, dtype)


@numpy("zeros_like", a=Needed, dtype=None, order=None)
def _zeros_like(reader: Any, a: Any, dtype: Any, order: Any) -> Grid:
    return _made(reader, as_array(reader, a).axes, [], dtype)


@numpy("ones_like", a=Needed, dtype=None)
def _ones_like(reader: Any, a: Any, dtype: Any) -> Grid:
    return _made(reader, as_array(reader, a).axes, constant(1), dtype)


@numpy("empty_like", a=Needed, dtype=None)
def _empty_like(reader: Any, a: Any, dtype: Any) -> Grid:
    return _made(reader, as_array(reader, a).axes, None, dtype)


def _made(reader: Any, axes: tuple[Axis, ...], terms: Sum | None, dtype: Any) -> Grid:
    world: World = reader.world
    _floating(dtype)
    for axis in axes:
        for part in axis:
            world.check((at_least(part, 0),), "ValueError")
    names = tuple(world.fresh("t") for axis in axes for _ in axis)
    if terms is None:
        terms = [Term(Fraction(1), (("?", tuple(affine(n) for n in names)),))]
    return allocate(world, axes, terms, names)


def _floating(dtype: Any) -> None:
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


@numpy(
    "array",
    "asarray",
    "ascontiguousarray",
    "asfortranarray",
    "asanyarray",
    "copy",
    a=Needed,
    dtype=None,
    copy=None,
    order=None,
)
def _array(reader: Any, a: Any, dtype: Any, copy: Any, order: Any) -> Any:
    world: World = reader.world
    if isinstance(dtype, Row) and dtype.name in ("object", "int"):
        if isinstance(a, int | Affine):
            return Vector((a,), 0)
        return Vector(tuple(a))
    if isinstance(a, Vector):
        return a
    _floating(dtype)
    if isinstance(a, tuple | list) and a and all(isinstance(x, int | Affine) for x in a):
        return Vector(tuple(a))
    grid = as_array(reader, a)
    return frozen(world, grid) if grid.kind == "view" and not grid.plain else _copied(world, grid)


def _copied(world: World, grid: Grid) -> Grid:
    """asarray of an array that lies as it should is that array; np.array copies, which only a later write can tell."""
    return grid if grid.kind == "int" or not grid.ndim else frozen(world, grid) if grid.kind == "view" else grid


ROWS["asarray"] = Row(
    "asarray",
    lambda reader, args, keywords: (
        args[0] if isinstance(args[0], Grid) and len(args) == 1 and not keywords else _array_row(reader, args, keywords)
    ),
)
_array_row = ROWS["array"].run


@numpy("result_type", each_a=())
def _result_type(reader: Any, each: Any) -> Typed:
    return Typed("float")


# shape ----------------------------------------------------------------------------------------------------------------------


@numpy("shape", a=Needed)
def _shape(reader: Any, a: Any) -> Any:
    from symconv.reading.attributes import attribute

    return attribute(reader, as_array(reader, a), "shape")


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
    return reshaped(reader.world, own(reader.world, as_array(reader, a)), items)


@method("reshape", a=Needed, each_shape=(), order="C")
def _reshape_method(reader: Any, a: Any, shape: Any, order: Any) -> Grid:
    items = shape[0] if len(shape) == 1 and isinstance(shape[0], tuple | list) else shape
    return _reshape(reader, a, tuple(items), order)


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
    from symconv.reading.views import Slice, indexed_by

    grid = own(reader.world, as_array(reader, a))
    many = axis if isinstance(axis, tuple | list) else (axis,)
    places = {x % (grid.ndim + len(many)) for x in many}
    items = [None if n in places else Slice(None, None, None) for n in range(grid.ndim + len(many))]
    return indexed_by(reader.world, grid, items)


# padding -----------------------------------------------------------------------------------------------------------------------


@numpy("pad", a=Needed, pad_width=Needed, mode="constant", constant_values=0)
def _pad(reader: Any, a: Any, width: Any, mode: Any, constant_values: Any) -> Grid:
    world: World = reader.world
    if mode != "constant" or not _all_zero(constant_values):
        raise Unreadable(f"pad with mode {mode} or other values than zero")
    grid = as_array(reader, a)
    amounts = _amounts(width, grid.ndim)
    axes: list[Axis] = []
    for axis, (before, after) in zip(grid.axes, amounts, strict=True):
        world.check((at_least(before, 0), at_least(after, 0)), "ValueError")
        if len(axis) != 1 and (before, after) != (0, 0):
            raise Unreadable("padding of a merged axis")
        axes.append(axis if len(axis) != 1 else (axis[0] + before + after,))
    entries = snapshot(world, grid)

    def at(index: Index) -> Sum:
        inner, inside = [], []
        for place, axis, (before, after) in zip(index, grid.axes, amounts, strict=True):
            if (before, after) == (0, 0):
                inner.append(place)
                continue
            inner.append((place[0] - before,))
            inside += between(0, place[0] - before, axis[0])
        return simplified(world, guarded(entries(tuple(inner)), tuple(inside)))

    return filled(world, axes, at)


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
def _sum(reader: Any, a: Any, axis: Any, dtype: Any, keepdims: Any) -> Grid:
    world: World = reader.world
    grid = as_array(reader, a)
    _floating(dtype)
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
    found: Any = _sum(reader, grid, axis, None, False)
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
def _dot(reader: Any, a: Any, b: Any) -> Grid:
    return products.dot(reader.world, as_array(reader, a), as_array(reader, b))


@numpy("matmul", a=Needed, b=Needed)
def _matmul(reader: Any, a: Any, b: Any) -> Grid:
    return products.matmul(reader.world, as_array(reader, a), as_array(reader, b))


@numpy("multiply", a=Needed, b=Needed)
def _multiply(reader: Any, a: Any, b: Any) -> Any:
    return operated(reader, ast.Mult(), a, b)


@numpy("subtract", a=Needed, b=Needed)
def _subtract(reader: Any, a: Any, b: Any) -> Any:
    return operated(reader, ast.Sub(), a, b)


@method("copy", a=Needed, order=None)
def _copy(reader: Any, a: Any, order: Any) -> Grid:
    return a if a.kind == "int" else filled(reader.world, a.axes, snapshot(reader.world, a))


@method("astype", a=Needed, dtype=Needed, copy=True)
def _astype(reader: Any, a: Any, dtype: Any, copy: Any) -> Grid:
    if a.kind == "int":
        return a
    _floating(dtype)
    return a if copy is False else _copy(reader, a, None)


@numpy("prod", a=Needed)
def _prod(reader: Any, a: Any) -> Any:
    from symconv.reading.arrays import times

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
    from symconv.reading.arrays import broadcast

    grid, axes = as_array(reader, a), axes_of(shape)
    _, picks = broadcast(reader.world, [grid.axes, axes])
    entries = snapshot(reader.world, grid)
    return Grid(axes, lambda index: entries(picks[0](index)))


_SEEN = value
