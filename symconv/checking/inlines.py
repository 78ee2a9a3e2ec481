"""Mathematics inside a sentence: which of it claims something, and is judged, and which only names things."""

from __future__ import annotations

import re
from collections.abc import Sequence

from symconv.checking.context import SIZES, Context
from symconv.checking.numbers import OTHER_SIZES
from symconv.checking.result import AMBIGUOUS, HOLDS, PROVED, WRONG, Verdict
from symconv.checking.terms import Call, Diff, Entry, Name, Seq, Star, Statement, SumOver, Term, names_in, walk

__all__ = ["claims", "worth_telling"]

#: what computes one array from others
COMPUTED = (Star, SumOver, Call, Diff)


def claims(told: Sequence[Statement], context: Context) -> bool:
    """Whether a sentence claims what it has between dollars: how y or a gradient is computed, or how large the output is.

    ``s = 1`` gives a value, ``k = m - i`` names a place, ``y = wx + b`` is a way of speaking.
    """
    return bool(told) and all(_claims(each, context) for each in told)


def _claims(statement: Statement, context: Context) -> bool:
    left = statement.sides[0]
    if len(statement.sides) < 2 or set(statement.signs) != {"="} or statement.notes:
        return False
    if isinstance(left, Name) and _role(left.text, context) is None:
        letter = {**OTHER_SIZES, **SIZES}.get(left.text, ("",))[0]
        return letter == "O" and all(len(names_in(side)) > 1 for side in statement.sides[1:])
    if isinstance(left, Diff):
        return all(_of_arrays(side, context) for side in statement.sides[1:])
    name = left.array if isinstance(left, Entry) else left.text if isinstance(left, Name) else ""
    if _role(name, context) not in ("y", "dx", "dw", "db"):
        return False
    computed = [any(isinstance(each, COMPUTED) for each in walk(side)) for side in statement.sides[1:]]
    entries = isinstance(left, Entry) and all(_of_arrays(side, context) for side in statement.sides[1:])
    return all(computed) or entries


def _role(name: str, context: Context) -> str | None:
    found = context.roles.get(name)
    below = context.roles.get(name[1:]) if name[:1] == "d" else None
    return found or (f"d{below}" if below in ("x", "w", "b", "y") else None)


def _of_arrays(term: Term, context: Context) -> bool:
    """Whether entries of arrays stand in it, and no row of things between commas."""
    pieces = list(walk(term))
    entries = [each for each in pieces if isinstance(each, Entry)]
    known = all(_role(each.array, context) for each in entries)
    return bool(entries) and known and not any(isinstance(each, Seq) for each in pieces)


def worth_telling(found: Verdict) -> bool:
    """Whether the verdict on a claim in a sentence says something: what is short there is no fault of form."""
    if found.verdict == WRONG:
        short = not re.search(r"pad\}?_|\\(?:up|down)arrow", found.latex)  # leaves out what makes the shapes fit
        return not short or "shapes" not in (found.reason or "")
    return found.verdict in (PROVED, HOLDS, AMBIGUOUS)
