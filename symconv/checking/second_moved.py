"""Which arrays do not move where nothing says along which direction they would: told with what holds so."""

from __future__ import annotations

from dataclasses import replace

from symconv.checking.comparison import Outcome
from symconv.checking.context import Context
from symconv.checking.directions import DIRECTIONS, letter_of
from symconv.checking.result import HOLDS, NOT_READ, PROVED, WRONG
from symconv.checking.terms import Statement, walk

__all__ = ["told_unmoved"]

#: derivative or change -> the directions that it depends on
_DEPENDS = {"ddy": ("v_x", "v_w"), "ddx": ("v_w",), "ddw": ("v_x",), "Rdx": ("v_w", "v_dy"), "Rdw": ("v_x", "v_dy"),
            "Rdb": ("v_dy",)}  # fmt: skip


def told_unmoved(outcome: Outcome, statement: Statement, context: Context) -> Outcome:
    """The verdict with the arrays for which the article has no direction, none of which is said to be zero.

    A loss that is written out has its directions in it, so that nothing is open. Where nothing moves at all, nothing is judged.
    """
    second = context.second
    if second.penalties and second.squared(statement):
        return _held(outcome)
    roles = [second.roles.get(letter_of(each), "") for side in statement.sides for each in walk(side)]
    if second.losses or outcome.verdict not in (PROVED, HOLDS):
        return outcome
    moving = set(second.roles.values())
    if any(not moving & set(_DEPENDS[role]) for role in roles if role in _DEPENDS):
        return Outcome(NOT_READ, outcome.kind, reason="nothing says along which directions the arrays change")
    fixed = [DIRECTIONS[each] for each in _DEPENDS.get(roles[0], ()) if each not in moving]
    fixed += ["b"] if roles[0] == "ddy" and "v_b" in moving and "v_b" not in roles else []
    if not fixed:
        return outcome
    told = f"where {' and '.join(fixed)} {'do' if len(fixed) > 1 else 'does'} not move"
    return replace(outcome, condition=f"{outcome.condition}; {told}" if outcome.condition else told)


def _held(outcome: Outcome) -> Outcome:
    """The verdict on a derivative of a penalty: of what dy is a function is not known here."""
    if outcome.verdict in (PROVED, HOLDS):
        return replace(outcome, condition=f"{outcome.condition}; with dy held fixed")
    if outcome.verdict != WRONG:
        return outcome
    return Outcome(NOT_READ, outcome.kind, reason="it does not hold with dy held fixed, and how dy changes is not said")
