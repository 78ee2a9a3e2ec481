"""Arrays of a program: buffers that hold entries, and grids over them.

An axis is a tuple of parts, most significant first: a reshape that merges axes leaves an axis of several parts, one that
splits takes them apart. An index has one value for each part. A :class:`Grid` is axes with a function of the index; what the
function gives says the kind: a place in a buffer ("view", NumPy's aliasing as it is), a sum of products ("value"), or an integer
("int"). Slices, transposes, flips and reshapes compose index functions and are the same for all kinds.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from symconv.reading.merged import unified
from symconv.reading.numbers import Affine, Conjunction, affine, between, equal
from symconv.reading.terms import Sum, Term, guarded, renewed, simplified, substituted
from symconv.reading.world import Raised, Unreadable, World

__all__ = [
    "BORN", "Axis", "Buffer", "Grid", "Index", "Mixed", "Product", "Step",
    "allocate", "broadcast", "constant", "counted", "filled",
    "fits", "fitted", "frozen", "indexed", "length", "own", "picker", "places", "running", "snapshot", "store", "summed", "times",
    "unify", "value",
]  # fmt: skip

Value = Affine | int
Axis = tuple[Value, ...]
Index = tuple[tuple[Value, ...], ...]
Entries = Callable[[Index], Sum]


#: numbers arrays in the order in which they are made
BORN = itertools.count()


@dataclass(frozen=True)
class Product:
    """A product of sizes: lengths of merged axes. ``factors`` are sorted by text; ``order`` is how they were written."""

    factors: tuple[Affine, ...]
    coefficient: int = 1
    order: Axis = field(default=(), compare=False)

    def __str__(self) -> str:
        told = "*".join(f"({factor})" for factor in self.factors)
        return told if self.coefficient == 1 else f"{self.coefficient}*{told}"


@dataclass(frozen=True)
class Mixed:
    """An index of a merged axis: a value for each part."""

    values: tuple[Value, ...]
    axis: Axis


def times(a: Any, b: Any) -> Any:
    """a * b of integers and products."""
    coefficient, factors = 1, []
    order: list[Any] = []
    for each in (a, b):
        if isinstance(each, int):
            coefficient *= each
        elif isinstance(each, Affine):
            factors.append(each)
        else:
            coefficient *= each.coefficient
            factors += each.factors
        order += (each.order or [None]) if isinstance(each, Product) else [each]
    if coefficient == 0 or not factors:
        return coefficient
    if len(factors) == 1:
        return factors[0] * coefficient
    told = () if None in order else tuple(each for each in order if each != 1)
    return Product(tuple(sorted(factors, key=str)), coefficient, told)


def length(axis: Axis) -> Any:
    """How long an axis is."""
    found: Any = 1
    for part in axis:
        found = times(found, part)
    return found


@dataclass(frozen=True)
class Step:
    """A stride: how far in memory one step on an axis of an array is, a number of times."""

    grid: Any
    axis: int
    times: int = 1


@dataclass(eq=False)
class Buffer:
    """Memory: what stands in the entry at ``names`` is ``terms``. ``version`` counts the writes.

    ``ordered`` when it is known that the entries lie in C order: results of operations may lie as their operands do.
    """

    name: str
    axes: tuple[Axis, ...]
    names: tuple[str, ...] = ()
    terms: Sum = field(default_factory=list)
    version: int = 0
    ordered: bool = False

    def entries(self, world: World) -> Entries:
        """A function of the index, for what stands there now."""
        names, terms = self.names, self.terms

        def at(index: Index) -> Sum:
            values = dict(zip(names, (each for axis in index for each in axis), strict=True))
            return simplified(world, [substituted(world, renewed(world, term), values) for term in terms])

        return at

    def set(self, world: World, terms: Sum) -> None:
        """Other contents."""
        self.terms = simplified(world, terms)
        self.version += 1
        for each in world.written:
            each.setdefault(self)


@dataclass(eq=False)
class Grid:
    """Axes and what stands at an index; ``plain`` is a view of the whole buffer as it lies in memory.

    ``stale`` are buffers with the version that the entries were taken at, where NumPy may or may not have copied.
    """

    axes: tuple[Axis, ...]
    at: Callable[[Index], Any]
    kind: str = "value"
    buffer: Buffer | None = None
    plain: bool = False
    stale: tuple[tuple[Buffer, int], ...] = ()
    born: int = field(default_factory=lambda: next(BORN))

    def mapped(self, axes: Sequence[Axis], by: Callable[[Index], Index], plain: bool = False) -> Grid:
        """The same entries under other indices."""
        at = self.at
        return Grid(tuple(axes), lambda index: at(by(index)), self.kind, self.buffer, plain, self.stale)

    @property
    def ndim(self) -> int:
        return len(self.axes)


def allocate(world: World, axes: Sequence[Axis], terms: Sum, names: tuple[str, ...] = (), name: str = "") -> Grid:
    """A new buffer, as a view of the whole."""
    buffer = Buffer(name or world.fresh("buffer"), tuple(axes))
    buffer.names = names or tuple(world.fresh("t") for axis in axes for _ in axis)
    buffer.terms = terms
    world.buffers.append(buffer)
    return Grid(buffer.axes, lambda index: index, "view", buffer, True)


def filled(world: World, axes: Sequence[Axis], entries: Entries) -> Grid:
    """A new buffer that holds ``entries``."""
    names = tuple(world.fresh("t") for axis in axes for _ in axis)
    return allocate(world, axes, simplified(world, entries(indexed(axes, names))), names)


def indexed(axes: Sequence[Axis], names: Sequence[str]) -> Index:
    """The index made of names, one for each part."""
    left = iter(names)
    return tuple(tuple(affine(next(left)) for _ in axis) for axis in axes)


def running(world: World, axes: Sequence[Axis]) -> tuple[tuple[str, ...], Index, Conjunction]:
    """New names for an index that runs over ``axes``, the index, and its bounds. A part of length one has no name."""
    names: list[str] = []
    index: list[tuple[Value, ...]] = []
    bounds: list[Any] = []
    for axis in axes:
        parts: list[Value] = []
        for part in axis:
            if part == 1 and isinstance(part, int):
                parts.append(0)
                continue
            name = world.fresh()
            names.append(name)
            parts.append(affine(name))
            bounds += between(0, affine(name), part)
        index.append(tuple(parts))
    return tuple(names), tuple(index), tuple(bounds)


def places(axes: Sequence[Axis], index: Index) -> Conjunction:
    """That an index lies inside."""
    return tuple(c for axis, at in zip(axes, index) for part, i in zip(axis, at) for c in between(0, i, part))


def snapshot(world: World, grid: Grid) -> Entries:
    """What stands in a grid now, whatever is written later."""
    for buffer, version in grid.stale:
        if buffer.version != version:
            raise Unreadable("an array that may be a view or a copy, after its base was written,")
    if grid.kind == "view":
        assert grid.buffer is not None
        entries, at = grid.buffer.entries(world), grid.at
        return lambda index: entries(at(index))
    if grid.kind == "int":
        raise Unreadable("an integer array among the data")
    if grid.kind == "test":  # one where it holds
        at = grid.at
        return lambda index: guarded([Term(Fraction(1))], at(index))
    return grid.at


def value(world: World, grid: Grid) -> Grid:
    """A copy of the entries."""
    return grid if grid.kind == "int" else Grid(grid.axes, snapshot(world, grid))


def own(world: World, grid: Grid) -> Grid:
    """The same object, with memory of its own from now on when it was the result of an operation."""
    if grid.kind == "value" and grid.ndim and not grid.stale:
        if world.passes and not world.probing and grid.born < world.passes[-1]:
            raise Unreadable("a result made before a loop and first written in it")
        made = filled(world, grid.axes, grid.at)
        assert made.buffer is not None
        if world.probing:
            world.owned.append((made.buffer, list(made.buffer.terms)))
        grid.kind, grid.buffer, grid.at, grid.plain = "view", made.buffer, made.at, True
    return grid


def frozen(world: World, grid: Grid) -> Grid:
    """The entries where NumPy may give a view or a copy: they cannot be read once the base was written."""
    if grid.kind != "view":
        return grid
    assert grid.buffer is not None
    return Grid(grid.axes, snapshot(world, grid), stale=(*grid.stale, (grid.buffer, grid.buffer.version)))


def constant(number: Fraction | int, over: tuple[tuple[Affine, int], ...] = ()) -> Sum:
    """A number as an entry."""
    return [Term(Fraction(number), over=over)] if number else []


def fits(world: World, a: Axis, b: Axis) -> bool:
    """Whether two axes are the same, part by part, wherever we stand."""
    return len(a) == len(b) and all(world.same(x, y) for x, y in zip(a, b, strict=True))


def unify(
    world: World, a: Axis, b: Axis, kind: str = "ValueError"
) -> tuple[Axis, bool | Conjunction, bool | Conjunction]:
    """The axis of a broadcast result, and for each operand whether (or when) it has length one there."""
    if a == (1,):
        return b, True, False
    if b == (1,):
        return a, False, True
    if fits(world, a, b):
        return a, False, False
    if len(a) != 1 or len(b) != 1:
        return unified(world, a, b, kind)
    (x,), (y,) = a, b
    one_x, one_y, both = (equal(x, 1),), (equal(y, 1),), (equal(x, y),)
    if world.probing:
        return a, False, False
    if world.on_sizes(both):
        if world.decide(both):
            return a, False, False
        if world.decide(one_x):
            return b, True, False
        if world.decide(one_y):
            return a, False, True
        raise Raised(kind)
    world.check((("or", (both, one_x, one_y)),), kind)
    if world.never(one_x) or world.never((*one_x, ("not", (), both))):
        return a, False, (*one_y,) if not world.never(one_y) else False
    return (world.choose(one_x, y, x),), one_x, one_y


def broadcast(
    world: World, grids: Sequence[tuple[Axis, ...]]
) -> tuple[tuple[Axis, ...], list[Callable[[Index], Index]]]:
    """The common axes, and for each operand its index for an index of the result."""
    ndim = max(len(axes) for axes in grids)
    result: list[Axis] = []
    ones: list[list[bool | Conjunction]] = [[] for _ in grids]
    for at in range(ndim):
        present = [
            (which, axes[at - ndim + len(axes)]) for which, axes in enumerate(grids) if at - ndim + len(axes) >= 0
        ]
        axis = present[0][1]
        for _, other in present[1:]:
            axis, _, _ = unify(world, axis, other)
        for which, own in present:
            _, one, _ = unify(world, own, axis) if own != axis else (axis, False, False)
            ones[which].append(one)
        result.append(axis)
    return tuple(result), [picker(world, axes, ones[which], ndim) for which, axes in enumerate(grids)]


def picker(
    world: World, axes: tuple[Axis, ...], ones: Sequence[bool | Conjunction], ndim: int
) -> Callable[[Index], Index]:
    skip = ndim - len(axes)

    def pick(index: Index) -> Index:
        found: list[tuple[Value, ...]] = []
        for axis, one, at in zip(axes, ones, index[skip:], strict=True):
            if one is True:
                found.append((0,) * len(axis))
            elif one is False:
                found.append(at)
            else:
                found.append((world.choose(one, 0, at[0]),))
        return tuple(found)

    return pick


def summed(world: World, entries: Entries, axes: Sequence[Axis], over: Sequence[int]) -> Grid:
    """The sum over some of the axes."""
    over = sorted(over)
    kept = [axis for at, axis in enumerate(axes) if at not in over]

    def at(index: Index) -> Sum:
        names, running_index, bounds = running(world, [axes[i] for i in over])
        own, run = iter(index), iter(running_index)
        whole = tuple(next(run) if i in over else next(own) for i in range(len(axes)))
        return simplified(world, counted(guarded(entries(whole), bounds), names))

    return Grid(tuple(kept), at)


def counted(terms: Sum, names: tuple[str, ...]) -> Sum:
    """Terms summed over names."""
    return [Term(t.coefficient, t.factors, t.where, (*t.counted, *names), t.over) for t in terms]


def store(world: World, target: Grid, source: Grid | Sum, sign: int, adding: bool, guard: Conjunction) -> None:
    """target = source, or += (sign 1) or -= (sign -1), where ``guard`` holds; ValueError where it does not fit."""
    if target.kind != "view" or target.buffer is None:
        raise Unreadable("a write into what may be a copy")
    buffer = target.buffer
    entries = fitted(world, target.axes, source)
    own = indexed(buffer.axes, buffer.names)
    names, index, bounds = running(world, target.axes)
    there = target.at(index)
    region = (
        *(equal(a, b) for x, y in zip(own, there, strict=True) for a, b in zip(x, y, strict=True)),
        *bounds,
        *guard,
    )
    told = entries(index)
    new = counted(guarded(told, region), names)
    if sign < 0:
        new = [Term(-t.coefficient, t.factors, t.where, t.counted, t.over) for t in new]
    # names bound below "not" are never counted anywhere else
    other = {name: affine(world.fresh()) for name in names}
    killed = ("not", tuple(next(iter(v.terms)) for v in other.values()), world.put_all(region, other))
    old = list(buffer.terms) if adding else guarded(list(buffer.terms), (killed,))
    buffer.set(world, old + new)


def fitted(world: World, axes: tuple[Axis, ...], source: Grid | Sum) -> Entries:
    """The entries of ``source`` broadcast to ``axes``; ValueError where that is not possible."""
    if not isinstance(source, Grid):
        told = source
        return lambda index: told
    own = source.axes
    while len(own) > len(axes):  # leading axes of length one may stand in front
        if not world.probing and (len(own[0]) != 1 or not world.decide((equal(own[0][0], 1),))):
            raise Raised("ValueError")
        own = own[1:]
    extra = source.ndim - len(own)
    entries = snapshot(world, source)
    ones: list[bool | Conjunction] = []
    for axis, target in zip(own, axes[len(axes) - len(own) :], strict=True):
        _, one, other = unify(world, axis, target)
        if other is not False and not world.probing:
            # the target has length one where the source is longer
            if other is True:
                if len(axis) == 1:
                    world.check((equal(axis[0], 1),), "ValueError")
            else:
                world.check((("or", ((equal(axis[0], 1),), (equal(axis[0], target[0]),))),), "ValueError")
                one = False
        ones.append(one)
    pick = picker(world, own, ones, len(axes))
    return lambda index: entries((*(((0,),) * extra), *pick(index)))
