"""Terms that cancel: W - (W - dW), as a layer leaves it that changes its own weights."""

from __future__ import annotations

from symconv.reading.numbers import Affine, Conjunction, affine
from symconv.reading.terms import Sum, Term, substituted
from symconv.reading.world import World

__all__ = ["without_pairs"]


def without_pairs(world: World, terms: Sum, inside: Conjunction) -> Sum:
    """The terms without those of which one takes away, for every entry, what another adds: at the same sizes, as often."""
    left: Sum = []
    for term in terms:
        for other in left:
            if other.coefficient == -term.coefficient and _alike(world, other, term, inside):
                left.remove(other)
                break
        else:
            left.append(term)
    return left


def _alike(world: World, a: Term, b: Term, inside: Conjunction) -> bool:
    """Whether two terms hold the same products at the same places, but for the names of what they count."""
    if a.over != b.over or len(a.counted) != len(b.counted):
        return False
    named: dict[str, Affine | int] = {old: affine(new) for old, new in zip(b.counted, a.counted, strict=True)}
    other = substituted(world, b, named, a.counted)
    if a.factors != other.factors:
        return False
    first, second = (world.set_of((*each.where, *inside)).intersect(world.possible) for each in (a, other))
    return bool(first.is_equal(second))
