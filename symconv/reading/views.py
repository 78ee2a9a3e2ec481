"""Indexing and reshaping: Python's rules for slices and integers, and axes merged and split."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from symconv.reading.arrays import Axis, Grid, Index, Mixed, Product, broadcast, fits, frozen, snapshot, times
from symconv.reading.flat import cut, split
from symconv.reading.numbers import Affine, at_least, coefficients, equal
from symconv.reading.world import Raised, Unreadable, World

__all__ = [
    "Slice",
    "flipped",
    "gathered",
    "indexed_by",
    "permuted",
    "position",
    "regrouped",
    "reshaped",
    "sliced",
    "whole",
]

Value = Affine | int


class Slice:
    """slice(start, stop, step) of a program."""

    def __init__(self, start: Any, stop: Any, step: Any) -> None:
        self.start, self.stop, self.step = start, stop, step


def _wrapped(world: World, x: Value, size: Value) -> Value:
    """A negative number counts from the end."""
    if world.always((at_least(x, 0),)):
        return x
    negative = (at_least(-1, x),)
    if world.always(negative):
        return x + size
    if world.on_sizes(negative) and not world.probing:
        return x + size if world.decide(negative) else x
    return world.choose(negative, x + size, x)


def position(world: World, i: Any, size: Value) -> Value:
    """The place of an integer index; IndexError outside."""
    if not isinstance(i, int | Affine):
        raise Unreadable(f"an index of kind {type(i).__name__}")
    world.check((at_least(i, -size), at_least(size - 1, i)), "IndexError")
    return _wrapped(world, i, size)


def sliced(world: World, part: Slice, size: Value) -> tuple[Value, int, Value]:
    """First place, step and number of places of a slice of an axis."""
    step = 1 if part.step is None else part.step
    if not isinstance(step, int):
        raise Unreadable("a slice whose step is not a number")
    for each in (part.start, part.stop):
        if each is not None and not isinstance(each, int | Affine):
            raise Unreadable(f"a slice to {type(each).__name__}")
    if step == 0:
        raise Raised("ValueError")
    low, high = (0, size) if step > 0 else (-1, size - 1)

    def bound(x: Any, default: Value) -> Value:
        return default if x is None else world.smallest(world.largest(_wrapped(world, x, size), low), high)

    first = bound(part.start, low if step > 0 else high)
    last = bound(part.stop, high if step > 0 else low)
    span = last - first if step > 0 else first - last
    count = world.floor(span + abs(step) - 1, abs(step)) if abs(step) > 1 else span
    return first, step, world.largest(count, 0)


def indexed_by(world: World, grid: Grid, items: Sequence[Any]) -> Grid:
    """grid[items]: integers, slices, None, one Ellipsis; integer arrays gather."""
    items = _spelled(grid, list(items))
    if any(isinstance(item, Grid) for item in items):
        found = gathered(world, grid, items)
        return found if grid.kind != "view" else Grid(found.axes, snapshot(world, found))
    axes: list[Axis] = []
    plan: list[Any] = []  # for each axis of the grid, a function of the index left
    at = 0
    for item in items:
        if item is None:
            axes.append((1,))
            continue
        axis = grid.axes[at]
        at += 1
        if isinstance(item, Slice):
            if item.start is None and item.stop is None and item.step in (None, 1):
                plan.append((len(axes), 0, 1))
                axes.append(axis)
                continue
            if len(axis) != 1:
                if item.step not in (None, 1):
                    raise Unreadable("a slice of a merged axis in steps")
                before, first, left = cut(world, item.start, item.stop, axis)
                plan.append((len(axes), first, before))
                axes.append(left)
                continue
            first, step, count = sliced(world, item, axis[0])
            plan.append((len(axes), first, step))
            axes.append((count,))
        elif isinstance(item, Mixed):
            if not fits(world, item.axis, axis):
                raise Unreadable("an index of another merged axis")
            plan.append(item)
        elif len(axis) == 1:
            plan.append((None, position(world, item, axis[0]), 1))
        else:
            plan.append(Mixed(split(world, item, axis), axis))
    return grid.mapped(axes, lambda index: tuple(_placed(p, index) for p in plan))


def _placed(plan: Any, index: Index) -> tuple[Value, ...]:
    if isinstance(plan, Mixed):
        return plan.values
    which, first, step = plan
    if which is None:
        return (first,)
    own = index[which]
    if isinstance(step, tuple):  # a slice of a merged axis: the places before the part that is cut
        return (*step, own[0] + first, *own[1:])
    return own if step == 1 and isinstance(first, int) and first == 0 else tuple(first + i * step for i in own)


def _spelled(grid: Grid, items: list[Any]) -> list[Any]:
    """Ellipsis and missing items written out; IndexError when there are too many."""
    used = sum(1 for item in items if item is not None and item is not Ellipsis)
    if used > grid.ndim:
        raise Raised("IndexError")
    missing = [Slice(None, None, None)] * (grid.ndim - used)
    dots = [at for at, item in enumerate(items) if item is Ellipsis]
    if len(dots) > 1:
        raise Raised("IndexError")
    if dots:
        return items[: dots[0]] + missing + items[dots[0] + 1 :]
    return items + missing


def gathered(world: World, grid: Grid, items: list[Any]) -> Grid:
    """Integer arrays among the indices: broadcast together, their axes first unless they stand side by side.

    What comes back still stands for places in the grid, some perhaps several times.
    """
    items = _spelled(grid, items)
    if any(item is None for item in items):
        raise Unreadable("a new axis beside an index array")
    fancy = [at for at, item in enumerate(items) if not isinstance(item, Slice)]
    arrays = [items[at] if isinstance(items[at], Grid) else whole(items[at]) for at in fancy]
    if any(each.kind != "int" for each in arrays):
        raise Unreadable("an index array that holds data")
    shape, picks = broadcast(world, [each.axes for each in arrays])
    together = fancy == list(range(fancy[0], fancy[-1] + 1))
    rest = [at for at in range(len(items)) if at not in fancy]
    front = fancy[0] if together else 0
    plain = {at: sliced(world, items[at], grid.axes[at][0]) if _cuts(items[at]) else None for at in rest}
    axes: list[Axis] = [grid.axes[at] if (cut := plain[at]) is None else (cut[2],) for at in rest]
    axes[front:front] = shape
    for which, each in enumerate(arrays):
        _within(world, each, grid.axes[fancy[which]])

    def by(index: Index) -> Index:
        own = index[front : front + len(shape)]
        left = iter((*index[:front], *index[front + len(shape) :]))
        found: list[tuple[Value, ...]] = []
        for at in range(len(items)):
            if at in fancy:
                which = fancy.index(at)
                i = arrays[which].at(picks[which](own))
                found.append((_wrapped(world, i, grid.axes[at][0]),))
            else:
                cut = plain[at]
                here = next(left)
                found.append((cut[0] + here[0] * cut[1],) if cut else here)
        return tuple(found)

    return grid.mapped(axes, by)


def whole(value: Any) -> Grid:
    """A whole number as an array of no axes."""
    return Grid((), lambda index: value, "int")


def _cuts(item: Slice) -> bool:
    return not (item.start is None and item.stop is None and item.step in (None, 1))


def _within(world: World, numbers: Grid, axis: Axis) -> None:
    """IndexError unless every number of an index array is a place of the axis."""
    if len(axis) != 1:
        raise Unreadable("an index array for a merged axis")
    names = [tuple(world.fresh("g") for _ in part) for part in numbers.axes]
    index = tuple(tuple(Affine({n: 1}) for n in part) for part in names)
    bounds = [c for part, at in zip(numbers.axes, index, strict=True) for size, i in zip(part, at, strict=True)
              for c in (at_least(i, 0), at_least(size - 1, i))]  # fmt: skip
    with world.holding(bounds):
        i = numbers.at(index)
        world.check((at_least(i, -axis[0]), at_least(axis[0] - 1, i)), "IndexError")


def permuted(grid: Grid, order: Sequence[int]) -> Grid:
    """Axes in another order."""
    if sorted(o % grid.ndim for o in order) != list(range(grid.ndim)):
        raise Raised("ValueError")
    order = [o % grid.ndim for o in order]
    back = [order.index(at) for at in range(grid.ndim)]
    return grid.mapped([grid.axes[o] for o in order], lambda index: tuple(index[b] for b in back))


def flipped(grid: Grid, which: Sequence[int]) -> Grid:
    """Reverse order on some axes."""
    own = {w % grid.ndim for w in which}
    axes = grid.axes

    def by(index: Index) -> Index:
        return tuple(
            tuple(size - 1 - i for size, i in zip(axes[at], each)) if at in own else each
            for at, each in enumerate(index)
        )

    return grid.mapped(axes, by)


# reshape -------------------------------------------------------------------------------------------------------------------


def reshaped(world: World, grid: Grid, shape: Sequence[Any]) -> Grid:
    """reshape in C order: every new axis must be a product of neighbouring parts, or a split that its factors give."""
    parts = [part for axis in grid.axes for part in axis if not _one(world, part)]
    new = regrouped(world, parts, list(shape))
    source = grid if grid.kind != "view" or grid.plain or _as_it_lies(world, grid, new) else frozen(world, grid)
    return source.mapped(new, _regroup(world, grid.axes, new), plain=grid.plain)


def _one(world: World, part: Any) -> bool:
    """Whether a length is one wherever we stand."""
    return part == 1 if isinstance(part, int) else isinstance(part, Affine) and world.always((equal(part, 1),))


def _regroup(world: World, old: tuple[Axis, ...], new: tuple[Axis, ...]) -> Any:
    places = [[_one(world, part) for part in axis] for axis in old]

    def by(index: Index) -> Index:
        left = iter([i for axis, at in zip(new, index, strict=True) for part, i in zip(axis, at) if part != 1])
        return tuple(tuple(0 if one else next(left) for one in axis) for axis in places)

    return by


def _as_it_lies(world: World, grid: Grid, new: tuple[Axis, ...]) -> bool:
    """Whether axes that become one lie one after the other in memory, so that NumPy gives a view."""
    assert grid.buffer is not None
    if not grid.buffer.ordered:
        return False
    names = [[world.fresh("l") for _ in axis] for axis in grid.axes]
    index = tuple(tuple(Affine({n: 1}) for n in own) for own in names)
    flat = [n for own, axis in zip(names, grid.axes, strict=True) for n, p in zip(own, axis) if not _one(world, p)]
    lengths = [part for axis in grid.buffer.axes for part in axis]
    there = [i for axis in grid.at(index) for i in axis]
    left = iter(flat)
    for axis in new:
        own = [(next(left), part) for part in axis if part != 1]
        for (first, _), (second, size) in itertools.pairwise(own):
            at = [n for n, i in enumerate(there) if {first, second} & world.rests_on(coefficients(i))]
            if len(at) != 2 or at[1] != at[0] + 1 or there[at[1]] != Affine({second: 1}):
                return False
            if coefficients(there[at[0]]).get(first) != 1 or not world.same(lengths[at[1]], size):
                return False
    return True


def regrouped(world: World, parts: list[Value], shape: list[Any]) -> tuple[Axis, ...]:
    """The parts dealt out to the axes of ``shape``, in order; -1 takes what the others leave."""
    unknown = [at for at, each in enumerate(shape) if isinstance(each, int) and each == -1]
    if len(unknown) > 1:
        raise Raised("ValueError")
    if not unknown:
        front, rest = _dealt(world, parts, shape)
        if rest:
            for part in rest:  # what is left must be one
                if not world.decide((equal(part, 1),)):
                    raise Raised("ValueError")
        return tuple(front)
    at = unknown[0]
    front, rest = _dealt(world, parts, shape[:at])
    back, middle = _dealt(world, rest[::-1], shape[at + 1 :][::-1])
    return (*front, tuple(middle[::-1]) or (1,), *(axis[::-1] for axis in back[::-1]))


def _dealt(world: World, parts: list[Value], shape: list[Any]) -> tuple[list[Axis], list[Value]]:
    found: list[Axis] = []
    left = list(parts)
    for wanted in shape:
        taken: list[Value] = []
        wanted = _without_ones(world, wanted)
        if not _one(world, wanted):
            goal = wanted
            while True:
                if not left:
                    if _decided_one(world, goal):
                        break
                    raise Unreadable(f"a reshape to {wanted}")
                part = left[0]
                rest = _divided(world, goal, part)
                if rest is None:
                    raise Unreadable(f"a reshape of ({', '.join(map(str, parts))}) to {wanted}")
                taken.append(left.pop(0))
                goal = rest
                if _one(world, goal):
                    break
        found.append(tuple(taken) or (1,))
    return found, left


def _without_ones(world: World, goal: Any) -> Any:
    """A product without the sizes that are one wherever we stand."""
    if not isinstance(goal, Product):
        return goal
    found: Any = goal.coefficient
    for factor in goal.factors:
        found = found if _one(world, factor) else times(found, factor)
    return found


def _decided_one(world: World, goal: Any) -> bool:
    return isinstance(goal, Affine) and world.decide((equal(goal, 1),))


def _divided(world: World, goal: Any, part: Value) -> Any:
    """goal / part where that is plainly whole; None otherwise."""
    if isinstance(goal, int) and isinstance(part, int):
        return goal // part if part and goal % part == 0 else None
    if isinstance(goal, Product):
        if isinstance(part, int):
            return Product(goal.factors, goal.coefficient // part) if part and goal.coefficient % part == 0 else None
        for factor in goal.factors:
            if world.same(factor, part):
                rest = list(goal.factors)
                rest.remove(factor)
                found: Any = goal.coefficient
                for each in rest:
                    found = times(found, each)
                return found
        return None
    if isinstance(goal, Affine | int) and world.decide((equal(goal, part),)):
        return 1
    return None
