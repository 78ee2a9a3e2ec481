"""Systems of equations between indices: a condition set apart, or another one solved for other letters."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction

from symconv.checking.comparison import Outcome
from symconv.checking.context import Context
from symconv.checking.linear import linear
from symconv.checking.result import HOLDS, NO_CLAIM, NOT_READ, WRONG
from symconv.checking.terms import Statement

__all__ = ["judge_system"]


def judge_system(told: Sequence[Statement], context: Context) -> Outcome:
    """A system after another over the same letters says that they are equivalent; the first claims nothing."""
    rows = [_row(each) for each in told]
    before = [_row(each) for each in context.system]
    context.system = tuple(told)
    if any(row is None for row in rows):
        return Outcome(NOT_READ, "system", reason="a system that is not linear")
    if not before or any(row is None for row in before) or _letters(rows) != _letters(before):
        return Outcome(NO_CLAIM, "system", reason="a condition set apart")
    if _normal(rows) == _normal(before):
        return Outcome(HOLDS, "system", "all integers: equivalent to the system before it")
    return Outcome(
        WRONG, "system", reason="not equivalent to the system before it", counterexample=_example(rows, before)
    )


def _row(statement: Statement) -> dict[str, Fraction] | None:
    if len(statement.sides) != 2 or statement.signs != ("=",):
        return None
    left, right = linear(statement.sides[0]), linear(statement.sides[1])
    if left is None or right is None:
        return None
    names = {*left, *right}
    return {n: v for n in names if (v := left.get(n, Fraction(0)) - right.get(n, Fraction(0)))}


def _letters(rows: Sequence[dict[str, Fraction] | None]) -> set[str]:
    return {name for row in rows if row for name in row if name}


def _normal(rows: Sequence[dict[str, Fraction] | None]) -> set[tuple[tuple[str, Fraction], ...]]:
    found = set()
    for row in rows:
        assert row is not None
        lead = next(row[name] for name in sorted(row) if name)
        found.add(tuple((name, row[name] / lead) for name in sorted(row)))
    return found


def _example(rows: Sequence[dict[str, Fraction] | None], before: Sequence[dict[str, Fraction] | None]) -> str | None:
    letters = sorted(_letters(rows))
    if len(letters) > 6:
        return None
    for values in itertools.product(range(1, 4), repeat=len(letters)):
        at = dict(zip(letters, values, strict=True), **{"": 1})
        holds = [
            all(sum(v * at[n] for n, v in row.items()) == 0 for row in system if row is not None)
            for system in (rows, before)
        ]
        if holds[0] != holds[1]:
            return ", ".join(f"{n} = {v}" for n, v in at.items() if n)
    return None
