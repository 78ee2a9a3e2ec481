"""How wide borders are: an amount that numbers are put in for is one of those by which the article pads."""

from __future__ import annotations

from collections.abc import Iterator

from symconv.checking.comparison import Outcome
from symconv.checking.context import Context
from symconv.checking.letters import ReadingError
from symconv.checking.printed import printed
from symconv.checking.result import INCONSISTENT
from symconv.checking.statements import statements
from symconv.checking.terms import Name, Num, Statement, Term, children, names_in, signs_of
from symconv.mathematics.of_latex import LatexError, read_latex

__all__ = ["another_width"]


def another_width(statement: Statement, context: Context) -> Outcome | None:
    """INCONSISTENT for an amount in letters, equated with numbers, that is one letter away from one that the article pads by."""
    left, *rest = statement.sides
    if isinstance(left, Name) or not rest or any(names_in(side) for side in rest) or not names_in(left):
        return None
    known = list(_terms(context))
    if left in known:
        return None
    near = next((each for each in known if sum(_apart(left, each)) == 1), None)
    if near is None:
        return None
    fix = " = ".join(map(printed, (near, *rest)))
    reason = f"no border is {printed(left)} wide; one is {printed(near)}"
    return Outcome(INCONSISTENT, "size", "the numbers agree", reason, fix)


def _terms(context: Context) -> Iterator[Term]:
    for text in context.pads:
        try:
            yield statements(read_latex(text)[0], ())[0].sides[0]
        except (LatexError, ReadingError, IndexError):
            continue


def _apart(a: Term, b: Term) -> Iterator[int]:
    """How many letters, numbers and signs differ between two terms of one shape; two more for shapes that differ."""
    inside = list(children(a)), list(children(b))
    if isinstance(a, (Name, Num)) and isinstance(b, (Name, Num)):
        yield int(a != b)
    elif type(a) is not type(b) or len(inside[0]) != len(inside[1]):
        yield 2
    elif not inside[0]:
        yield 0 if a == b else 2
    else:
        yield from (int(s != t) for s, t in zip(signs_of(a), signs_of(b), strict=True))
        for each, other in zip(*inside, strict=True):
            yield from _apart(each, other)
