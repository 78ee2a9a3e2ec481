"""What was read, against the derivative of the loss: the sizes at which an output is wrong.

Both sides are sums of products. Entry t of one is right when every product stands in it exactly as often as in the other. Sets of
(t, indices of the factors) are compared as products of sets that share only sizes, which is what makes two and three axes
cheap; the products are found in what was read, not assumed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from symconv import isl
from symconv.reading.arrays import Axis, Grid, places, snapshot
from symconv.reading.calls import Layer
from symconv.reading.cancelling import without_pairs
from symconv.reading.numbers import Affine, Conjunction, affine, coefficients, equal, negated
from symconv.reading.terms import Sum, Term, renewed, simplified
from symconv.reading.truth import truth
from symconv.reading.world import Unreadable, World

__all__ = ["cut", "wrong_sizes"]


def wrong_sizes(world: World, layer: Layer, target: str, found: Any) -> isl.Set:
    """The sizes of this world at which the array ``found`` is not the derivative."""
    nowhere = world.possible.subtract(world.possible)
    if not isinstance(found, Grid) or found.kind == "int":
        raise Unreadable(f"{target}, which is no array of data")
    due = layer.native(world, target)
    if found.ndim != len(due):
        return world.possible
    grid, alike = _aligned(world, found, due)
    failing = nowhere
    same: list[Any] = []
    for own, wanted in zip(alike, due, strict=True):
        same += [equal(a, b) for a, b in zip(own, wanted, strict=True)]
    if not world.always(tuple(same)):
        right_shape = world.set_of(tuple(same)).intersect(world.possible)
        failing = world.possible.subtract(right_shape)
        if right_shape.is_empty():
            return failing
        world.possible = right_shape
        world.forget()
    names = [tuple(f"t{at}_{n}" for n in range(len(axis))) for at, axis in enumerate(due)]
    index = tuple(
        tuple(0 if part == 1 else affine(n) for n, part in zip(own, axis, strict=True))
        for own, axis in zip(names, due, strict=True)
    )
    inside = places(due, index)
    with world.holding(()):
        told = simplified(world, snapshot(world, grid)(index))
        due_here = simplified(world, truth(layer, world, target, layer.standard(target, index)))
    for term in (*told, *due_here):
        world.settled(term.where)
        world.settled(tuple(("eq", i) for _, index in term.factors for i in index))
    for missing in _differences(world, layer, told, due_here, inside):
        failing = failing.union(missing.intersect(world.possible))
    return failing.coalesce()


def _aligned(world: World, grid: Grid, due: tuple[Axis, ...]) -> tuple[Grid, list[Axis]]:
    """The result with each axis cut into the parts of the layer's."""
    axes = []
    for own, wanted in zip(grid.axes, due, strict=True):
        if len(own) == len(wanted):
            axes.append(own)
            continue
        kept = tuple(part for part in own if not world.same(part, 1)) or (1,)
        if len(kept) != len(wanted):
            raise Unreadable("a result with an axis merged in another way")
        axes.append(kept)
    if tuple(axes) == grid.axes:
        return grid, list(grid.axes)

    def by(index: Any) -> Any:
        found = []
        for own, at in zip(grid.axes, index, strict=True):
            if len(own) == len(at):
                found.append(at)
                continue
            left = iter(at)
            found.append(tuple(0 if world.same(part, 1) else next(left) for part in own))
        return tuple(found)

    return grid.mapped(axes, by), axes


@dataclass(frozen=True)
class _Side:
    """A set of (entry, indices of factors): ``where`` over the shown names, the counted ones and sizes."""

    where: Conjunction
    counted: tuple[str, ...]
    coordinates: tuple[Affine | int, ...]


def _differences(world: World, layer: Layer, told: Sum, truth: Sum, inside: Conjunction) -> Iterable[isl.Set]:
    """For each kind of product, the sizes at which the two sides hold it a different number of times."""
    kinds = {tuple(name for name, _ in term.factors) for term in (*told, *truth)}
    for kind in sorted(kinds):
        ours = [term for term in told if tuple(name for name, _ in term.factors) == kind]
        due = [term for term in truth if tuple(name for name, _ in term.factors) == kind]
        ours = without_pairs(world, [term for term in ours if not _empty(world, term, inside)], inside)
        factors = (ours or due or [_NONE])[0].factors
        names = [f"a{at}_{n}" for at, (_, index) in enumerate(factors) for n in range(len(index))]
        if len(kind) != len(set(kind)) and due and ours:
            raise Unreadable(f"a product of {' and '.join(kind)}")
        yield from _kind(world, layer, ours, due, names, inside)


_NONE = Term(Fraction(1))


def _sizes_of(world: World, term: Term, inside: Conjunction) -> isl.Set:
    """The sizes at which a term stands in some entry."""
    return world.onto_sizes(world.set_of((*term.where, *inside)).intersect(world.possible))


def _empty(world: World, term: Term, inside: Conjunction) -> bool:
    parts = cut(world, [(*term.where, *inside)])
    return any(world.set_of(part[0]).intersect(world.possible).is_empty() for part in parts)


def _kind(world: World, layer: Layer, ours: Sum, due: Sum, names: list[str], inside: Conjunction) -> Iterable[isl.Set]:
    if not due:
        for term in ours:  # nothing of this kind stands in the derivative
            if len(ours) > 1 and len({t.coefficient > 0 for t in ours}) > 1:
                raise Unreadable("terms that may cancel")
            yield _sizes_of(world, term, inside)
        return
    if len(due) > 1 or due[0].coefficient != 1 or due[0].over:
        raise Unreadable("a forward pass of several terms of one kind")
    (truth,) = due
    if layer.own_y is not None and not all(each.is_empty() for each in _repeated(world, truth, names, inside)):
        raise Unreadable("a forward pass that repeats a product")
    if not ours:
        yield _sizes_of(world, truth, inside)
        return
    plain: Sum = []
    for term in ours:
        if not term.over:
            plain.append(term)
            continue
        if len(ours) > 1 or len(term.over) != 1 or term.coefficient != 1:
            raise Unreadable("a coefficient with sizes in it")
        one = (equal(term.over[0][0], 1),)
        yield _sizes_of(world, term, (*inside, *negated(one)))
        restricted = world.possible.intersect(world.set_of(one))
        for each in _kind(world, layer, [replace(term, over=())], due, names, inside):
            yield each.intersect(restricted)
        return
    for term in plain:
        yield from _repeated(world, term, names, inside)
    if len(plain) == 1:
        if plain[0].coefficient != 1:
            yield _sizes_of(world, plain[0], inside)
            yield _sizes_of(world, truth, inside)
            return
        a, b = _shown(plain[0], names, inside), _shown(truth, names, inside)
        yield from _compared(world, a, b)
        return
    yield from _several(world, plain, truth, names, inside)


def _shown(term: Term, names: list[str], inside: Conjunction) -> tuple[Conjunction, tuple[str, ...]]:
    """The set of a term as a conjunction over entry, indices of factors and counted names."""
    coordinates = [i for _, index in term.factors for i in index]
    placed = tuple(equal(affine(name), i) for name, i in zip(names, coordinates, strict=True))
    return (*term.where, *inside, *placed), term.counted


# how often -----------------------------------------------------------------------------------------------------------------


def _repeated(world: World, term: Term, names: list[str], inside: Conjunction) -> Iterable[isl.Set]:
    """The sizes at which one term holds a product more than once."""
    unknown = set(term.counted)
    equations = [i for _, index in term.factors for i in index]
    equations += [each[1] for each in term.where if each[0] == "eq"]
    moved = True
    while unknown and moved:
        moved = False
        for each in equations:
            spoken = [n for n in coefficients(each) if world.rests_on([n]) & unknown]
            if len(spoken) == 1 and spoken[0] in unknown:
                unknown.discard(spoken[0])
                moved = True
    if not unknown:
        return
    other = renewed(world, term)
    twin = dict(zip(term.counted, other.counted, strict=True))
    alike = [
        equal(a, b)
        for (_, x), (_, y) in zip(term.factors, other.factors, strict=True)
        for a, b in zip(x, y, strict=True)
    ]
    apart = tuple(equal(affine(n), affine(twin[n])) for n in term.counted if n in unknown)
    told = (*term.where, *other.where, *inside, *alike, *negated(apart))
    yield world.onto_sizes(world.set_of(told).intersect(world.possible))


# products of sets ------------------------------------------------------------------------------------------------------------


def cut(world: World, conjunctions: Sequence[Conjunction]) -> list[list[Conjunction]]:
    """Conjunctions cut into parts that share only sizes; the same cut for all."""
    sizes = set(world.sizes)
    groups: list[set[str]] = []
    spoken = [[(each, world.free((each,)) - sizes) for each in told] for told in conjunctions]
    for told in spoken:
        for _, names in told:
            if not names:
                continue
            joined = set(names)
            rest = []
            for group in groups:
                if group & joined:
                    joined |= group
                else:
                    rest.append(group)
            groups = [*rest, joined]
    found = [[tuple(each for each, names in told if names and names <= group) for told in spoken] for group in groups]
    alone = [tuple(each for each, names in told if not names) for told in spoken]
    return [*found, alone] if any(alone) else found


def _compared(
    world: World, a: tuple[Conjunction, tuple[str, ...]], b: tuple[Conjunction, tuple[str, ...]]
) -> Iterable[isl.Set]:
    """The sizes at which two products of sets differ."""
    parts = cut(world, [a[0], b[0]])
    hidden = (*a[1], *b[1])
    ours = [world.without(world.set_of(part[0]).intersect(world.possible), hidden) for part in parts]
    due = [world.without(world.set_of(part[1]).intersect(world.possible), hidden) for part in parts]
    yield from _outside(world, ours, due)
    yield from _outside(world, due, ours)


def _outside(world: World, ours: list[isl.Set], due: list[isl.Set]) -> Iterable[isl.Set]:
    """The sizes at which the product of ``ours`` is not inside that of ``due``: some factor is not, and no factor is empty."""
    there: list[isl.Set | None] = [None] * len(ours)
    for at, (one, other) in enumerate(zip(ours, due, strict=True)):
        beyond = one.subtract(other)
        if beyond.is_empty():
            continue
        sizes = world.onto_sizes(beyond)
        for n, each in enumerate(ours):
            if n != at:
                held = there[n] or world.onto_sizes(each)
                there[n], sizes = held, sizes.intersect(held)
        yield sizes


def _several(world: World, ours: Sum, truth: Term, names: list[str], inside: Conjunction) -> Iterable[isl.Set]:
    """Several terms of one kind: the plane cut by how often the product stands there."""
    regions: dict[Fraction, isl.Set] = {}
    for term in ours:
        where, counted = _shown(term, names, inside)
        region = world.without(world.set_of(where).intersect(world.possible), counted)
        cut: dict[Fraction, isl.Set] = {}
        left = region
        for value, each in regions.items():
            isl.join(cut, value + term.coefficient, each.intersect(region))
            isl.join(cut, value, each.subtract(region))
            left = left.subtract(each)
        isl.join(cut, term.coefficient, left)
        regions = cut
    where, counted = _shown(truth, names, inside)
    due = world.without(world.set_of(where).intersect(world.possible), counted)
    right = regions.pop(Fraction(1), None)
    yield world.onto_sizes(due if right is None else due.subtract(right).union(right.subtract(due)))
    for value, region in regions.items():
        if value:
            yield world.onto_sizes(region)
