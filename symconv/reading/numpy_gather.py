"""NumPy's index arrays, windows and insertions: repeat, tile, add.at, insert, concatenate, sliding_window_view, as_strided."""

from __future__ import annotations

from typing import Any

from symconv.reading.arrays import (
    Axis,
    Grid,
    Index,
    Product,
    Step,
    counted,
    filled,
    fits,
    frozen,
    own,
    snapshot,
    store,
    value,
)
from symconv.reading.numbers import Affine, affine, at_least, between, equal
from symconv.reading.numpy_making import as_array, axis_of, stacked
from symconv.reading.numpy_table import METHODS, ROWS, method, numpy
from symconv.reading.rows import Needed
from symconv.reading.terms import Sum, constant_of, guarded, simplified
from symconv.reading.values import Run
from symconv.reading.views import Slice, gathered, indexed_by
from symconv.reading.world import Raised, Unreadable, World

__all__ = ["METHODS", "ROWS"]


def _flat(grid: Grid) -> Grid:
    """All axes as one of many parts."""
    parts = tuple(part for axis in grid.axes for part in axis)

    def by(index: Index) -> Index:
        left = iter(index[0])
        return tuple(tuple(next(left) for _ in axis) for axis in grid.axes)

    return grid.mapped([parts or (1,)], by if parts else lambda index: ())


def _numbers(reader: Any, a: Any) -> Grid:
    grid = as_array(reader, a)
    return grid if grid.kind == "int" else value(reader.world, grid)


def _times(world: World, count: Any, what: str) -> Axis:
    """How many times, as parts of an axis. What repeats is the same in all of them, so that factors may stand in any order:
    that of the sizes, which is how layers are laid out."""
    if isinstance(count, int | Affine):
        world.check((at_least(count, 0),), "ValueError")
        return (count,)
    if not isinstance(count, Product) or not all(world.always((at_least(each, 0),)) for each in count.factors):
        raise Unreadable(f"{what} by this")

    def place(part: Any) -> int:
        spoken = () if isinstance(part, int) else world.rests_on(part.terms)
        return min((at for at, name in enumerate(world.sizes) if name in spoken), default=len(world.sizes))

    return tuple(sorted(axis_of(count), key=place))


@numpy("repeat", a=Needed, repeats=Needed, axis=None)
@method("repeat", a=Needed, repeats=Needed, axis=None)
def _repeat(reader: Any, a: Any, repeats: Any, axis: Any) -> Grid:
    grid = _numbers(reader, a)
    if axis is None:
        grid, axis = _flat(grid), 0
    more = _times(reader.world, repeats, "repeat")
    at = axis % grid.ndim
    if repeats == 1 and isinstance(repeats, int):
        return grid
    axes = [*grid.axes[:at], (*grid.axes[at], *more), *grid.axes[at + 1 :]]
    return grid.mapped(axes, lambda index: (*index[:at], index[at][: -len(more)], *index[at + 1 :]))


@numpy("tile", a=Needed, reps=Needed)
def _tile(reader: Any, a: Any, reps: Any) -> Grid:
    grid = _numbers(reader, a)
    many = list(reps) if isinstance(reps, tuple | list) else [reps]
    missing = len(many) - grid.ndim
    if missing > 0:
        inner = grid
        grid = inner.mapped([(1,)] * missing + list(inner.axes), lambda index: index[missing:])
    many = [1] * (grid.ndim - len(many)) + many
    alone = [isinstance(each, int) and each == 1 for each in many]
    more = [() if one else _times(reader.world, each, "tile") for each, one in zip(many, alone, strict=True)]
    axes = [(*before, *axis) for axis, before in zip(grid.axes, more, strict=True)]
    return grid.mapped(axes, lambda index: tuple(at[len(before) :] for at, before in zip(index, more, strict=True)))


@numpy("add.at", a=Needed, indices=Needed, b=Needed)
def _add_at(reader: Any, a: Any, indices: Any, b: Any) -> None:
    if not isinstance(a, Grid) or a.kind == "int":
        raise Unreadable("add.at into this")
    items = list(indices) if isinstance(indices, tuple) else [indices]
    target = gathered(reader.world, own(reader.world, a), items)
    source = b if isinstance(b, Grid) else constant_of(reader.world, b)
    store(reader.world, target, source, 1, True, reader.guard())


@numpy("insert", a=Needed, where=Needed, values=Needed, axis=None)
def _insert(reader: Any, a: Any, where: Any, values: Any, axis: Any) -> Grid:
    """Zeros put between the rows of one axis, at places that run up one by one, each a number of times."""
    world: World = reader.world
    grid = as_array(reader, a)
    if not isinstance(values, int) or values != 0 or not isinstance(axis, int):
        raise Unreadable("insert of other values than zero, or without axis")
    at = axis % grid.ndim
    if isinstance(where, int | Affine):
        raise Unreadable("insert at one place")
    places = as_array(reader, where)
    if places.kind != "int" or places.ndim != 1 or len(places.axes[0]) > 2 or len(grid.axes[at]) != 1:
        raise Unreadable("insert at these places")
    many, times = (*places.axes[0], 1)[:2]
    probe = world.fresh("w")
    first = places.at(((affine(probe), *(affine(probe),) * (len(places.axes[0]) - 1)),)) - affine(probe)
    size = grid.axes[at][0]
    if not isinstance(times, int) or not (isinstance(first, int) or probe not in world.rests_on(first.terms)):
        raise Unreadable("insert at these places")
    if times:
        inside = (at_least(many, 1),)
        if not world.probing and not world.never(inside):
            with world.holding(inside):
                world.check((at_least(first, 0), at_least(size, first + many - 1)), "IndexError")
    entries = snapshot(world, grid)
    axes = [*grid.axes[:at], (size + many * times,), *grid.axes[at + 1 :]]

    def found(index: Index) -> Sum:
        name = world.fresh()
        j = affine(name)
        bounds = between(0, j, size)
        with world.holding(bounds):
            before = world.smallest(world.largest(j - first + 1, 0), many)
        told = entries((*index[:at], (j,), *index[at + 1 :]))
        where_ = (*bounds, equal(index[at][0], j + before * times))
        return simplified(world, counted(guarded(told, where_), (name,)))

    return filled(world, axes, found)


@numpy("concatenate", arrays=Needed, axis=0)
def _concatenate(reader: Any, arrays: Any, axis: Any) -> Grid:
    world: World = reader.world
    run = reader.runs(arrays)
    if run is not None and any(not isinstance(part, int) for each in run.axes for part in each):
        return _side_by_side(reader, run, axis)
    grids = [as_array(reader, each) for each in reader.items(arrays)]
    at = axis % grids[0].ndim
    ends: list[Any] = [0]
    for grid in grids:
        if grid.ndim != grids[0].ndim or len(grid.axes[at]) != 1:
            raise Unreadable("a concatenation of these")
        for n, (own_axis, first) in enumerate(zip(grid.axes, grids[0].axes, strict=True)):
            if n != at and not fits(world, own_axis, first):
                raise Unreadable("a concatenation of several shapes")
        ends.append(ends[-1] + grid.axes[at][0])
    entries = [snapshot(world, grid) for grid in grids]
    axes = [*grids[0].axes[:at], (ends[-1],), *grids[0].axes[at + 1 :]]

    def found(index: Index) -> Sum:
        i, told = index[at][0], []
        for start, end, each in zip(ends, ends[1:], entries):
            here = each((*index[:at], (i - start,), *index[at + 1 :]))
            told += guarded(here, between(start, i, end))
        return simplified(world, told)

    return filled(world, axes, found)


def _side_by_side(reader: Any, run: Run, axis: Any) -> Grid:
    """Arrays of one shape, as many as a size says, one after the other: which of them and where in it, as one axis."""
    grid = stacked(reader, run)
    if any(grid.kind == "int" for _ in run.axes) and grid.ndim == len(run.axes):
        raise Raised("ValueError")  # arrays of no axes
    parts = [part for each in run.axes for part in each]
    for part in parts:
        if not isinstance(part, int):
            reader.world.check((at_least(part, 1),), "ValueError")
    count = len(run.axes)
    at = axis % (grid.ndim - count)
    inner = list(grid.axes[count:])
    inner[at] = (*parts, *inner[at])

    def by(index: Index) -> Index:
        left = iter(index[at][: len(parts)])
        outer = tuple(tuple(next(left) for _ in each) for each in run.axes)
        return (*outer, *index[:at], index[at][len(parts) :], *index[at + 1 :])

    return grid.mapped(inner, by)


@numpy("hstack", arrays=Needed)
def _hstack(reader: Any, arrays: Any) -> Grid:
    grids = [as_array(reader, each) for each in reader.items(arrays)]
    found: Grid = _concatenate(reader, grids, 0 if grids[0].ndim == 1 else 1)
    return found


@numpy("vstack", arrays=Needed)
def _vstack(reader: Any, arrays: Any) -> Grid:
    grids = [as_array(reader, each) for each in reader.items(arrays)]
    if any(each.ndim < 2 for each in grids):
        raise Unreadable("vstack of arrays of one axis")
    found: Grid = _concatenate(reader, grids, 0)
    return found


@numpy("take", a=Needed, indices=Needed, axis=None)
def _take(reader: Any, a: Any, indices: Any, axis: Any) -> Any:
    grid = own(reader.world, as_array(reader, a))
    if not isinstance(axis, int):
        raise Unreadable("take without an axis")
    at = axis % grid.ndim
    items: list[Any] = [Slice(None, None, None)] * at + [indices]
    return value(reader.world, indexed_by(reader.world, grid, items))


@numpy("lib.stride_tricks.sliding_window_view", "sliding_window_view", x=Needed, window_shape=Needed, axis=None)
def _windows(reader: Any, x: Any, window: Any, axis: Any) -> Grid:
    world: World = reader.world
    grid = own(world, as_array(reader, x))
    sizes = list(window) if isinstance(window, tuple | list) else [window]
    if axis is None:
        which = list(range(grid.ndim))
    else:
        which = [each % grid.ndim for each in (axis if isinstance(axis, tuple | list) else (axis,))]
    if len(which) != len(sizes):
        raise Raised("ValueError")
    if len(set(which)) < len(which) or any(len(grid.axes[n]) != 1 for n in which):
        raise Unreadable("windows of these axes")
    axes: list[Axis] = list(grid.axes)
    for n, size in zip(which, sizes, strict=True):
        world.check((at_least(size, 0), at_least(axes[n][0], size)), "ValueError")
        axes[n] = (axes[n][0] - size + 1,)
    count = grid.ndim

    def by(index: Index) -> Index:
        inner = list(index[:count])
        for n, k in zip(which, index[count:], strict=True):
            inner[n] = (inner[n][0] + k[0],)
        return tuple(inner)

    return frozen(world, grid.mapped([*axes, *((size,) for size in sizes)], by))


@numpy("lib.stride_tricks.as_strided", x=Needed, shape=None, strides=None)
def _as_strided(reader: Any, x: Any, shape: Any, strides: Any) -> Grid:
    """Windows by strides of the array itself, as long as they stay in its rows."""
    world: World = reader.world
    grid = own(world, as_array(reader, x))
    steps = list(strides) if isinstance(strides, tuple | list) else None
    if steps is None or len(steps) != len(shape) or not all(isinstance(s, Step) and s.grid is grid for s in steps):
        raise Unreadable("as_strided by other strides than the array's own")
    axes = [(size,) for size in shape]
    for n, axis in enumerate(grid.axes):
        far: Any = 0
        for size, step in zip(shape, steps, strict=True):
            if step.axis == n:
                if step.times < 0:
                    raise Unreadable("as_strided backwards")
                far = far + (size - 1) * step.times
        if len(axis) != 1 or not world.always((at_least(axis[0], far + 1),)):
            raise Unreadable("as_strided beyond a row")

    def by(index: Index) -> Index:
        inner: list[Any] = [0] * grid.ndim
        for i, step in zip(index, steps, strict=True):
            inner[step.axis] = inner[step.axis] + i[0] * step.times
        return tuple((each,) for each in inner)

    return frozen(world, grid.mapped(axes, by))
