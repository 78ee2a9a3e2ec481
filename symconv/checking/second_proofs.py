"""Formulas of second derivatives for every size: each is first-order formulas with a direction in the place of one array.

What holds whatever the entries of x, w and dy are holds with a direction in the place of one of them. So
``ddy = v_x * w + x * v_w`` is proved where ``y = x * w`` is, with v_x and v_w for x and w, each direction in one term.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from symconv.checking.directions import DIRECTIONS, letter_of
from symconv.checking.model import Model
from symconv.checking.terms import Add, SumOver, Term, walk

__all__ = ["first_order"]

#: second derivative -> what it is with a direction in the place of one array, and which directions may be there
_FIRST = {"ddy": ("y", ("v_x", "v_w", "v_b")), "ddx": ("dx", ("v_w",)), "ddw": ("dw", ("v_x",)),
          "Rdx": ("dx", ("v_w", "v_dy")), "Rdw": ("dw", ("v_x", "v_dy")), "Rdb": ("db", ("v_dy",))}  # fmt: skip


def first_order(left: Term, right: Term, model: Model) -> list[tuple[Term, Model]] | None:
    """The terms of a second derivative, each with the layer in which its direction's letter is that of the array in whose place
    it is; None where ``left`` is no second derivative or the terms are not one for each direction."""
    letter = letter_of(left)
    target, due = _FIRST.get(model.role(letter) or "", ("", ()))
    if not target:
        return None
    found: dict[str, tuple[Term, Model]] = {}
    for sign, term in _terms(right):
        there = {(role, name) for each in walk(term) if (role := model.role(name := letter_of(each))) in DIRECTIONS}
        if len(there) != 1 or sign != 1:
            return None
        ((role, name),) = there
        if role is None or role in found:
            return None
        roles = {**model.setting.roles, name: DIRECTIONS[role], letter: target}
        found[role] = (term, Model(model.conv, replace(model.setting, roles=roles), model.channels, model.batch))
    if set(found) != set(due) & model.setting.directions:
        return None
    return [each for role, each in found.items() if role != "v_b"]


def _terms(term: Term) -> Iterator[tuple[int, Term]]:
    """The terms of a sum, also of one under a sum over indices."""
    if isinstance(term, Add):
        for sign, each in term.terms:
            yield from ((sign * inner, part) for inner, part in _terms(each))
    elif isinstance(term, SumOver) and term.bounds and isinstance(term.body, Add):
        yield from ((sign, SumOver(term.bounds, each)) for sign, each in _terms(term.body))
    else:
        yield 1, term
