"""Loops by a step that is a size: ``for start in range(0, n, step)``, a block of rows at a time.

The starts are no affine set when the step is a size. But the blocks [start, start + step) cut the rows into parts that do not
meet, so what a pass does to the rows of its block is done once to every row:

    for exactly one start   start <= o < start + step     whenever 0 <= o < n.

A pass whose start is seen only through its rows is therefore read as a loop over rows. Any other use of a start is refused.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from symconv import isl
from symconv.reading.numbers import (
    Affine,
    Conjunction,
    Constraint,
    affine,
    at_least,
    coefficients,
    negated,
    put,
)
from symconv.reading.terms import Sum, Term, simplified, substituted
from symconv.reading.world import Unreadable, World

__all__ = ["Blocks", "blocks_joined", "none_joined"]


@dataclass(frozen=True)
class Blocks:
    """The starts below ``below``, which is a start itself or the number ``count`` of all rows; a start is called ``name``."""

    name: str
    step: Affine
    below: Affine | int
    count: Affine

    @property
    def bounds(self) -> Conjunction:
        return (at_least(affine(self.name), 0), at_least(self.below - 1, affine(self.name)))


def blocks_joined(world: World, term: Term, blocks: Blocks) -> Sum:
    """The sum over every block of a term that speaks of the start."""
    found: Sum = []
    for each in simplified(world, [replace(term, where=(*_plain(world, term.where, blocks.name), *blocks.bounds))]):
        if _possible(world, each.where).is_empty():
            continue
        indices = tuple(i for _, index in each.factors for i in index)
        told = _without_start(world, each, indices, blocks)
        if told is None:
            raise Unreadable("a loop by a step that is a size, whose passes are told apart by more than their rows,")
        found.append(told)
    return found


def none_joined(
    world: World, told: Conjunction, names: tuple[str, ...], blocks: Blocks, first: Affine | int, here: Conjunction
) -> Conjunction:
    """That no block from ``first`` on holds ``told`` for any value of ``names``."""
    later = affine(blocks.name)
    inside = (*_plain(world, told, blocks.name), *blocks.bounds, at_least(later, first))
    if _possible(world, (*here, *inside)).is_empty():
        return ()  # not even a number that is no start does
    if first != 0:
        raise Unreadable("a loop by a step that is a size, whose passes write the same entries,")
    found: list[Constraint] = []
    for each in simplified(world, [Term(Fraction(1), where=inside, counted=names)]):
        joined = _without_start(world, each, (), blocks)
        if joined is None:
            raise Unreadable("a loop by a step that is a size, whose passes are told apart by more than their rows,")
        found.append(("not", joined.counted, joined.where))
    return tuple(found)


def _possible(world: World, where: Conjunction) -> isl.Set:
    known = tuple(each for bounds in world.unknown.values() for each in bounds)
    return world.possible.intersect(world.set_of((*known, *where)))


def _plain(world: World, where: Conjunction, name: str) -> Conjunction:
    """``x >= max(a, b)`` as two comparisons, where the start is in it."""
    found: list[Constraint] = []
    waiting = list(where)
    while waiting:
        each = waiting.pop(0)
        split = None
        if each[0] == "ge":
            for v, c in coefficients(each[1]).items():
                recipe = world.recipes.get(v)
                if c < 0 and recipe and recipe[0] == "choose" and name in world.rests_on([v]):
                    condition, a, b = recipe[1:]
                    if condition == (at_least(a, b),):
                        split = [("ge", put(each[1], {v: a})), ("ge", put(each[1], {v: b}))]
                        break
        if split is None:
            found.append(each)
        else:
            waiting += split
    return tuple(found)


def _without_start(world: World, term: Term, indices: tuple[Affine | int, ...], blocks: Blocks) -> Term | None:
    """``term`` over rows in place of starts; None where the start does not go away."""
    name = blocks.name
    trials = [term]
    for j in term.counted:  # rows counted inside the block: o = start + j
        o = world.fresh("o")
        moved = substituted(world, term, {j: affine(o) - affine(name)}, tuple(o if n == j else n for n in term.counted))
        trials.append(moved)
    for trial in trials:
        told = [i for _, index in trial.factors for i in index]
        if any(name in world.rests_on(coefficients(i)) for i in told):
            continue
        rest = tuple(each for each in trial.where if name not in world.free((each,)))
        spoken = [each for each in trial.where if name in world.free((each,))]
        for low in spoken:
            if low[0] != "ge" or coefficients(low[1]).get(name) != -1:
                continue
            o = low[1] + affine(name)
            if name in world.rests_on(coefficients(o)):
                continue
            inside = (at_least(o, 0), at_least(blocks.below - 1, o))
            if blocks.below == blocks.count and not _follows(world, (*rest, *spoken), inside[1]):
                continue
            block = (low, at_least(affine(name) + blocks.step - 1, o))
            if block[1] not in spoken and not _follows(world, (*rest, *spoken), block[1]):
                continue
            if all(each in block or _follows(world, (*rest, *inside, *block, *blocks.bounds), each) for each in spoken):
                return replace(trial, where=(*rest, *inside))
    return None


def _follows(world: World, where: Conjunction, each: Constraint) -> bool:
    return bool(_possible(world, (*where, *negated((each,)))).is_empty())
