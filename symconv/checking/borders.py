"""What an article says of a border: which entry of x stands outside it, and x with its border as a longer array."""

from __future__ import annotations

from symconv.checking.comparison import Outcome
from symconv.checking.context import SIZES, Context
from symconv.checking.linear import linear
from symconv.checking.model import Model, Setting, Unreadable
from symconv.checking.printed import printed
from symconv.checking.result import HOLDS, PROVED, WRONG
from symconv.checking.sizes import models_for
from symconv.checking.terms import Entry, Grid, Name, Seq, Statement, Term
from symconv.checking.values import evaluate, same
from symconv.layer.conv import Conv
from symconv.layer.padding import MODES

__all__ = ["border_of"]

#: how far outside x a rule for its border is looked at, and at which sizes of x
FAR, LENGTHS = 2, (3, 4, 6)


def border_of(statement: Statement, context: Context) -> Outcome | None:
    """The verdict on a statement about the border that the article gave; None for one that is about something else."""
    if not MODES[context.border].counts_outside or len(statement.sides) != 2:
        return None
    left, right = statement.sides
    if isinstance(left, Name) and isinstance(right, (Grid, Seq)) and context.roles.get(left.text, "z") == "z":
        return _extended(left, right, context)
    if isinstance(left, Entry) and context.roles.get(left.array) == "x" and len(statement.where) == 1:
        return _rule(left, right, statement.where[0], context)
    return None


def _extended(left: Name, right: Term, context: Context) -> Outcome | None:
    """``z = [x_2 x_1 x_2 ...]``: x with its border, from there on under this name."""
    model = next(models_for(Statement((right,), ()), context), None)
    if model is None or "z" not in model.arrays:
        return None
    found, due = evaluate(model, right, {}).reshape(-1), model.arrays["z"].reshape(-1)
    context.extended = left.text
    if len(found) != len(due):
        return Outcome(
            WRONG, "border", f"x with its border has {len(due)} entries", counterexample=f"{len(found)} are written"
        )
    for number, (a, b) in enumerate(zip(found, due, strict=True)):
        if not same(a, b):
            return Outcome(WRONG, "border", counterexample=f"entry {number + model.setting.base} is {b!r}, not {a!r}")
    return Outcome(HOLDS, "border", f"{len(due)} of {len(due)} entries")


def _rule(left: Entry, right: Term, where: Statement, context: Context) -> Outcome | None:
    """``x_t = x_{2 - t}, (t < 1)``: what stands before the first entry, or after the last."""
    if len(left.at) != 1 or not isinstance(left.at[0], Name) or len(where.sides) != 2:
        return None
    name = left.at[0].text
    for length in LENGTHS:
        conv = Conv((length,), (2,), **context.border_given())
        base = context.base if context.base is not None else 1
        model = Model(conv, Setting(context.roles, base=base, sizes=SIZES))
        outside = {t: _holds(where, model, {name: t}) for t in range(base - FAR, base + length + FAR)}
        told = {t for t, here in outside.items() if here}
        before, after = (
            {t for t in outside if t < base},
            {t for t in outside if t >= base + length},
        )
        if told not in (before, after):
            said = ", ".join(map(str, sorted(told)))
            return Outcome(WRONG, "border", counterexample=f"H = {length}: it is said of {name} = {said}")
        for t in sorted(told):
            due = evaluate(model, left, {name: t})
            if isinstance(right, Entry) and not 0 <= model.number(right.at[0], {name: t}) - base < length:
                return Outcome(
                    WRONG, "border", counterexample=f"H = {length}, {name} = {t}: {printed(right)} is outside x too"
                )
            if not same(evaluate(model, right, {name: t}), due):
                return Outcome(
                    WRONG, "border", counterexample=f"H = {length}, {name} = {t}: {printed(left)} is {due!r}"
                )
    if not isinstance(right, Entry) or linear(right.at[0]) is not None:
        return Outcome(
            PROVED, "border", "every size"
        )  # linear in the index and H, as what is due: equal at three places
    return Outcome(HOLDS, "border", f"up to {FAR} entries outside")


def _holds(where: Statement, model: Model, env: dict[str, int]) -> bool:
    a, b = (model.number(side, env) for side in where.sides)
    if where.signs not in (("<",), (">",), ("≤",), ("≥",)):
        raise Unreadable("a condition that is no comparison")
    return {"<": a < b, ">": a > b, "≤": a <= b, "≥": a >= b}[where.signs[0]]
