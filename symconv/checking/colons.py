"""Axes that a program's colon stands for, ``w[f,:,a,b] · x[n,:,i+a,j+b]``: one index, summed where the left side lacks it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from symconv.algebra.trees import rebuilt
from symconv.checking.terms import Add, Bound, Name, Statement, SumOver, Term, names_in, walk

__all__ = ["COLON", "with_colons"]

#: what stands for the colon until it has a letter
COLON = ":"


def with_colons(told: Statement) -> Statement:
    """The statement with a letter for its colons, and sums over it where they stand on one side alone.

    >>> from symconv.checking.terms import Entry
    >>> sides = (Name("y"), Entry("x", (Name(":"),)))
    >>> with_colons(Statement(sides, ("=",))).sides[1]
    SumOver(bounds=(Bound(name='c', low=None, high=None),), body=Entry(array='x', at=(Name(text='c'),)))
    """
    if not any(_has(side) for side in told.sides):
        return told
    used = {name for side in told.sides for name in names_in(side)}
    used |= {each.name for side in told.sides for each in walk(side) if isinstance(each, Bound)}
    letter = next(each for each in ("c", "q", "κ", "χ") if each not in used)
    free = _has(told.sides[0])
    sides = [_named(side if free else _summed(side, letter), letter) for side in told.sides]
    return replace(told, sides=tuple(sides))


def _has(term: Term) -> bool:
    return any(isinstance(each, Name) and each.text == COLON for each in walk(term))


def _summed(term: Term, letter: str) -> Term:
    if isinstance(term, Add):
        return Add(tuple((sign, _summed(each, letter)) for sign, each in term.terms))
    return SumOver((Bound(letter),), term) if _has(term) else term


def _named(term: Any, letter: str) -> Any:
    if isinstance(term, Name) and term.text == COLON:
        return Name(letter)
    return rebuilt(term, lambda each: _named(each, letter))
