"""Sums of which an author writes some terms, and dots for the rest: what is written is part of the whole."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from symconv.algebra.polynomials import Polynomial
from symconv.checking.terms import Add, Call, Dots, Entry, Grid, Name, Seq, Statement, Term, walk

__all__ = ["BEGUN", "begun_sums", "is_begun", "is_part"]

#: the word for a sum that goes on
BEGUN = "begun"


def begun_sums(statement: Statement) -> Statement:
    """The same with ``a + b + ...`` and ``a + ... + z`` as sums that go on, where all of it is written at numbers."""
    return replace(statement, sides=(*statement.sides[:1], *map(_begun, statement.sides[1:])))


def _begun(side: Term) -> Term:
    if not isinstance(side, Add) or (1, Dots()) not in side.terms:
        return side
    written = Add(tuple(each for each in side.terms if each != (1, Dots())))
    inside = list(walk(written))
    numbers = any(isinstance(each, (Entry, Grid, Seq)) for each in inside) and not any(
        isinstance(each, (Name, Dots)) for each in inside
    )
    return Call(BEGUN, (written,)) if numbers else side


def is_begun(side: Term) -> bool:
    return isinstance(side, Call) and side.word == BEGUN


def is_part(written: Any, whole: Any) -> bool:
    """Whether every term that is written is one of the whole, as often as it is there.

    >>> from symconv.checking.model import constant
    >>> is_part(constant(2), constant(3))
    True
    """
    written, whole = (
        a.reshape(-1)[0] if getattr(a, "size", 0) == 1 else a for a in (written, whole)
    )  # db of one filter
    if not isinstance(written, Polynomial) or not isinstance(whole, Polynomial):
        return False
    return all(0 < c <= whole.terms.get(monomial, 0) for monomial, c in written.terms.items())
