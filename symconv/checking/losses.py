"""A squared loss, half the squares of the distances of y to a target t: what it is the definition of, and its derivative dy."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from fractions import Fraction
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from symconv.algebra import trees
from symconv.algebra.polynomials import Polynomial, symbols
from symconv.checking.calls import derivative
from symconv.checking.comparison import Outcome, free_indices, points
from symconv.checking.context import Context
from symconv.checking.jacobians import same
from symconv.checking.letters import LOSS, between, is_blank, name_of, parts_of
from symconv.checking.model import Model, Unreadable, constant
from symconv.checking.printed import printed
from symconv.checking.result import DEFINITION, HOLDS, WRONG
from symconv.checking.sizes import models_for
from symconv.checking.terms import Entry, Name, Statement, Term, walk
from symconv.checking.values import evaluate
from symconv.mathematics.tree import Above, Fence, Math, Word

__all__ = ["judge_loss", "target_in"]


class LossModel(Model):
    """A layer whose loss is a sum of squares: y and the target are symbols, dy is ``scale`` times their difference."""

    def __init__(self, model: Model, scale: Fraction | int) -> None:
        super().__init__(model.conv, model.setting, model.channels, model.batch)
        self.plain, self.scale = model, scale

    @cached_property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """As of any layer, but for these three."""
        shape = self.plain.arrays["dy"].shape
        y, t = symbols("y", shape), symbols("t", shape)
        return {**self.plain.arrays, "y": y, "t": t, "dy": (y - t) * constant(self.scale)}


def target_in(math: Math, roles: Mapping[str, str]) -> str | None:
    """The letter from which y is subtracted, or that from y, in a square, at the same indices; None where there is none."""
    for each in _inside(math):
        if not (isinstance(each, Above) and each.sup == Word("2") and isinstance(each.base, Fence)):
            continue
        sides = between([p for p in parts_of(each.base.body) if not is_blank(p)], "−")
        names = [(found[0], found[1], side[1:]) for side in sides if side and (found := name_of(side[0])) is not None]
        if len(sides) != 2 or len(names) != 2 or names[0][1:] != names[1][1:]:
            continue
        called = [roles.get(name) for name, *_ in names]
        if sorted(map(str, called)) == ["None", "y"]:
            return names[called.index(None)][0]
    return None


def _inside(node: Any) -> Iterator[Any]:
    """Everything in a tree."""
    yield node
    if not isinstance(node, str):
        for each in node if isinstance(node, tuple) else trees.parts_of(node) if isinstance(node, Math) else ():
            yield from _inside(each)


def judge_loss(statement: Statement, context: Context) -> Outcome | None:
    """The verdict on a statement with a target: a loss that defines dy, or dy as its derivative; None for any other."""
    left = statement.sides[0]
    name = left.array if isinstance(left, Entry) else left.text if isinstance(left, Name) else ""
    targets = [e for s in statement.sides for e in walk(s) if context.roles.get(_array(e)) == "t"]
    role = context.roles.get(name) or "d" + context.roles.get(name.removeprefix("d"), "")
    if not targets or len(statement.sides) != 2 or not (name in LOSS or role == "dy"):
        return None
    layout = context.layouts[0] if context.layouts else ("cS", "fcS", "fS")
    base = context.base if context.base is not None else context.bases[0]
    models = [LossModel(each, context.loss or 1) for each in models_for(statement, context, layout, base)]
    if role != "dy":
        return _loss(statement.sides[1], models, context)
    if context.loss is None:
        raise Unreadable("nothing says what the loss is")
    return _derivative(statement, models, context)


def _array(term: Term) -> str:
    return term.array if isinstance(term, Entry) else term.text if isinstance(term, Name) else ""


def _loss(side: Term, models: Collection[LossModel], context: Context) -> Outcome:
    """DEFINITION where each entry of y has the derivative ``c (y - t)``, with one and the same c."""
    scale: Fraction | int | None = None
    for model in models:
        if loose := free_indices(side, model.setting):
            raise Unreadable(f"nothing says what {loose[0]} is")
        found = evaluate(model, side, {})
        if not isinstance(found, Polynomial):
            raise Unreadable("a loss that is no number")
        for y, due in zip(*(model.arrays[name].reshape(-1) for name in ("y", "dy")), strict=True):
            slope = derivative(found, y)
            one = slope.terms.get(next(iter(y.terms)), 0)
            scale = one if scale is None else scale
            if not one or one != scale or slope.terms != (due * constant(Fraction(one) / model.scale)).terms:
                return Outcome(WRONG, "loss", "its derivative with respect to y is not y - t everywhere")
    if scale is None:
        raise Unreadable("no layer fits")
    context.loss = scale
    factor = "" if scale == 1 else f"{scale} times "
    return Outcome(DEFINITION, "loss", f"its derivative with respect to y is {factor}the distance to the target")


def _derivative(statement: Statement, models: Collection[LossModel], context: Context) -> Outcome:
    """Whether dy is the derivative of the loss that the article has."""
    left, right = statement.sides
    count = 0
    for model in models:
        target = free_indices(left, model.setting)
        loose = [name for name in free_indices(right, model.setting) if name not in target]
        if loose:
            raise Unreadable(f"nothing says what {loose[0]} is")
        for env in points(statement.sides, target, model, context):
            count += 1
            if not same(evaluate(model, left, env), evaluate(model, right, env)):
                return Outcome(WRONG, "loss", "this is not the derivative of the loss", fix=_fix(left, models, context))
    return Outcome(HOLDS, "entry", f"{count} of {count} entries: the derivative of the loss")


def _fix(left: Term, models: Collection[LossModel], context: Context) -> str | None:
    """The derivative at the indices of dy."""
    letters = {role: letter for letter, role in reversed(context.roles.items())}
    if any(model.scale != 1 for model in models) or not {"y", "t"} <= letters.keys():
        return None
    at = left.at if isinstance(left, Entry) else None
    y, t = (Name(letters[role]) if at is None else Entry(letters[role], at) for role in "yt")
    return f"{printed(left)} = {printed(y)} - {printed(t)}"
