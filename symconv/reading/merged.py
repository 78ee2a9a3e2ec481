"""Axes of several parts, as a reshape that merges axes leaves them: broadcast with one another."""

from __future__ import annotations

from symconv.reading.numbers import Affine, Conjunction, at_least, equal
from symconv.reading.world import Raised, Unreadable, World

__all__ = ["same_parts", "unified"]

Axis = tuple[Affine | int, ...]


def unified(world: World, a: Axis, b: Axis, kind: str) -> tuple[Axis, bool | Conjunction, bool | Conjunction]:
    """The axis of a broadcast result, and for each operand whether it has length one there.

    For axes of the same factors in the same order, parts of one apart, or all but one of them.
    """
    if len(a) == len(b):
        other = [(x, y) for x, y in zip(a, b, strict=True) if x != y]
        if not other or (1 in a and [x for x in a if x != 1] == [x for x in b if x != 1]):
            return a, False, False
        if len(other) == 1 and all(world.always((at_least(x, 1),)) for x in a) and world.on_sizes((equal(*other[0]),)):
            if world.probing or world.decide((equal(*other[0]),)):
                return a, False, False
            for one, axis, at in ((True, b, a), (False, a, b)):
                if world.decide(tuple(equal(part, 1) for part in at)):
                    return axis, one, not one
            raise Raised(kind)
    raise Unreadable("broadcasting of axes that a reshape merged in another way")


def same_parts(world: World, a: Axis, b: Axis, kind: str) -> bool:
    """Whether two axes of as many factors are of equal ones; where one factor alone differs they are raised at, as longer ones.

    Where several differ their products may be equal all the same: that is left open.
    """
    other = [(x, y) for x, y in zip(a, b, strict=False) if x != y]
    if len(a) != len(b) or not world.on_sizes(tuple(equal(x, y) for x, y in other)):
        return False
    if world.decide(tuple(equal(x, y) for x, y in other)):
        return True
    if len(other) == 1:
        ((x, y),) = other
        common = [part for part, another in zip(a, b, strict=True) if part == another]
        longer = world.always((at_least(x, 1),)) or world.always((at_least(y, 1),))
        if longer and all(world.always((at_least(part, 1),)) for part in common):
            raise Raised(kind)
    return False
