"""Activations: σ of a whole side is the next layer's input, a definition; inside a side it is left aside."""

from __future__ import annotations

from typing import Any

from symconv.algebra.trees import rebuilt
from symconv.checking.terms import Call, Entry, Name, Term

__all__ = ["SIGMA", "beside_sigma"]

#: σ of something, until it is known whether that is all of a side
SIGMA = "σ of"


def beside_sigma(side: Term) -> Term:
    """A side of a statement without σ, but where it is around all of it.

    >>> beside_sigma(Call(SIGMA, (Name("z"),)))
    Call(word='activation', args=(Name(text='z'),))
    """
    if isinstance(side, Call) and side.word == SIGMA and isinstance(side.args[0], (Entry, Name)):
        return Call("activation", side.args)
    found: Term = _without(side)
    return found


def _without(term: Any) -> Any:
    if isinstance(term, Call) and term.word == SIGMA:
        return _without(term.args[0])
    return rebuilt(term, _without)
