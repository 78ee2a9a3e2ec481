"""The loss of gradients itself: a sum of products of directions and gradients, or the first loss with one factor replaced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import reduce
from operator import add, mul
from typing import Any

import numpy as np

from symconv.algebra.polynomials import Polynomial, array_of, expression_text, terms_by_entry
from symconv.algebra.trees import rebuilt
from symconv.checking.comparison import Outcome
from symconv.checking.context import Context
from symconv.checking.directions import DIRECTIONS, shaped
from symconv.checking.model import Model, Unreadable, constant
from symconv.checking.result import DEFINITION, HOLDS, ILL_FORMED, INCONSISTENT, WRONG
from symconv.checking.second import losses_called, partners
from symconv.checking.sizes import models_for
from symconv.checking.terms import Add, Mul, Name, Num, Seq, Star, Statement, SumOver, Term, Transpose, walk
from symconv.checking.values import evaluate
from symconv.layer.conv import Conv
from symconv.layer.loss import loss
from symconv.layer.padding import FILLER
from symconv.layer.second import directed

__all__ = ["judge_second_loss"]

#: in which order a loss that is written as a function has its arguments; v is what a constant border holds
ORDERS = ("xwb", "xwbv", "xwv", "wxb", "wxbv", "xw", "wx", "xb", "wb")


def judge_second_loss(statement: Statement, context: Context) -> Outcome | None:
    """The verdict on a statement whose left side is a loss of gradients; None for any other.

    Its first side with gradients in it defines it: DEFINITION. What it is besides, the first loss with a direction in the place
    of each factor in turn, holds or is wrong.
    """
    left = statement.sides[0]
    known = context.second.losses.get(left.text) if isinstance(left, Name) else None
    if known is None or set(statement.signs) != {"="}:
        return None
    squares = context.second.penalties.get(left.text, ())  # type: ignore[attr-defined]
    losses = {n: each for n, each in context.second.losses.items() if n not in context.second.penalties}
    twin = next((n for n, each in losses.items() if n != left.text and each == known and not squares), None)  # type: ignore[attr-defined]
    if twin is not None:
        return Outcome(INCONSISTENT, "loss", f"the same sum is called {twin} elsewhere")
    if (odd := _misplaced(statement, context)) is not None:
        return odd
    for side in statement.sides[1:]:
        terms = side.terms if isinstance(side, Add) else ((1, side),)
        if not squares and len(terms) != len(partners(side, context.second.arrays)) + len(losses_called(side)):
            raise Unreadable("a term of the loss that is no direction times a gradient")
        if any(sign < 0 and len(letter) == 1 for sign, letter, _ in partners(side, context.second.arrays)):
            raise Unreadable("a loss of gradients with a minus, which may be meant")
    models = 0
    told = statement if context.layers else _unlisted(statement)
    for model in models_for(told, context):
        if not model.seconds:
            raise Unreadable("a loss of gradients where each output has a bias of its own")
        models += 1
        for side in statement.sides[1:]:
            due = _squared(model, squares) if squares else _due(model, known)
            found = _scalar(model, side, statement)
            if found.terms != due.terms:
                rest = expression_text((due - found).terms, lambda array, flat: f"{array}[{flat}]")
                denied = f"its derivatives by dx, dw and db are not {', '.join(_letters(context, known))}"
                return Outcome(WRONG, "loss", denied, counterexample=f"missing: {rest[:200]}")
    if squares:
        return Outcome(DEFINITION, "loss", "a penalty: the squares of all entries of a gradient")
    called = any(losses_called(side) for side in statement.sides[1:])
    if called:
        return Outcome(
            HOLDS, "loss", f"at {models} size{'s' * (models > 1)}: the first loss with one factor replaced each time"
        )
    return Outcome(DEFINITION, "loss", f"its derivatives by the gradients are {', '.join(_letters(context, known))}")


def _misplaced(statement: Statement, context: Context) -> Outcome | None:
    """A direction that stands beside a gradient by another array than its name says, or in the place of another array."""
    roles, arrays = context.second.roles, context.second.arrays
    for side in statement.sides[1:]:
        for _, letter, by in partners(side, arrays):
            if roles.get(letter) in DIRECTIONS and roles[letter] != f"v_{by}" and len(letter) > 1:
                own = DIRECTIONS[roles[letter]]
                return Outcome(ILL_FORMED, "loss", reason=f"{letter} is of the shape of {own}, and stands beside d{by}")
    return None


def _unlisted(statement: Statement) -> Statement:
    """The same with what stands between commas added: arguments of a loss are no row of numbers, which would be of one size."""

    def added(term: Any) -> Any:
        if isinstance(term, Seq):
            return Add(tuple((1, each) for each in term.items))
        return rebuilt(term, added)

    return replace(statement, sides=added(statement.sides))


def _letters(context: Context, known: frozenset[str]) -> list[str]:
    return [letter for letter, role in context.second.roles.items() if role in known]


def _due(model: Model, directions: frozenset[str]) -> Polynomial:
    """The loss of gradients at a layer, as a polynomial."""
    (terms,) = terms_by_entry(directed(loss(model.conv), {name: DIRECTIONS[name] for name in directions}))
    return Polynomial(model.filled(terms).terms)


def _squared(model: Model, squares: Sequence[tuple[str, Fraction]]) -> Polynomial:
    """The penalty whose derivatives by gradients are these multiples of them."""
    total = constant(0)
    for direction, factor in squares:
        for entry in model.arrays[f"d{DIRECTIONS[direction]}"].reshape(-1):
            total = total + entry * entry * constant(factor / 2)
    return total


def _scalar(model: Model, term: Term, statement: Statement) -> Polynomial:
    """A sum of numbers that arrays make: of products of entries, of losses of arrays."""
    if isinstance(term, Add):
        parts = [_scalar(model, each, statement) * constant(sign) for sign, each in term.terms]
        total: Polynomial = reduce(add, parts)
        return total
    if isinstance(term, SumOver) and not term.bounds:
        return _product(model, term.body)
    if isinstance(term, Mul) and (calls := losses_called(term)) and len(term.factors) == 2:
        return _called(model, calls[0], statement)
    if isinstance(term, (Mul, Star)):
        return _product(model, term)
    found = evaluate(model, term, {})
    if not isinstance(found, Polynomial):
        raise Unreadable("a loss that is no number")
    return found


def _product(model: Model, term: Term) -> Polynomial:
    """The sum of all products of entries that stand in the same place."""
    factors = [_whole(model, each) for each in _factors(term)]
    arrays = [each for each in factors if np.ndim(each)]
    if len({each.shape for each in arrays}) > 1:
        raise Unreadable("arrays of different shapes are multiplied entry by entry")
    if len(arrays) > 2:
        raise Unreadable("more than two arrays are multiplied")
    total: Polynomial = reduce(mul, arrays).sum() if arrays else constant(1)
    numbers = [each[()] if isinstance(each, np.ndarray) else each for each in factors if not np.ndim(each)]
    return reduce(mul, numbers, total)


def _factors(term: Term) -> list[Term]:
    if isinstance(term, Mul):
        return [each for factor in term.factors for each in _factors(factor)]
    if isinstance(term, Star) and term.sign == "⊙":
        return [*_factors(term.left), *_factors(term.right)]
    return [term]


def _whole(model: Model, term: Term) -> Any:
    return evaluate(model, term.body if isinstance(term, Transpose) else term, {})


def _called(model: Model, items: Sequence[Term], statement: Statement) -> Polynomial:
    """L(x, w, b) with what is given in their places; of a constant border what it holds may be the last."""
    calls = [call for side in statement.sides for call in losses_called(side)]
    order = next((o for o in ORDERS if all(_fits(model, call, o) for call in calls)), None)
    if order is None:
        raise Unreadable("which argument of the loss is which is not said")
    conv = model.conv
    symbolic = replace(conv, padding_value=None) if conv.padding_value is not None else conv
    border = constant(Fraction(conv.padding_value)) if conv.padding_value is not None else None
    by: dict[str, Any] = {} if border is None else {FILLER: border}
    by |= {} if "b" in order else {"b": constant(0)}
    for role, item in zip(order, items, strict=True):
        by[FILLER if role == "v" else role] = evaluate(model, item, {})
    return _substituted(symbolic, model, by)


def _fits(model: Model, items: Sequence[Term], order: str) -> bool:
    """Whether each argument is one that may stand in the place of what the order has there."""
    if len(items) != len(order) or ("v" in order and not model.conv.mode.filled):
        return False
    for role, item in zip(order, items, strict=True):
        names = [each.text for each in walk(item) if isinstance(each, Name)]
        roles = {shaped(model.role(name) or name) for name in names}
        number = isinstance(item, Num) and (role == "v" or item.value == 0)
        if not (number or isinstance(item, Name)) or not roles <= {role}:
            return False
    return True


def _substituted(conv: Conv, model: Model, by: Mapping[str, Any]) -> Polynomial:
    """The loss of a layer with other arrays in the place of its own."""
    (terms,) = terms_by_entry(loss(conv))
    places: dict[int, Polynomial] = {}
    for role in by.keys() - {FILLER}:
        array: Any = model.arrays[role]
        for at in np.ndindex(array.shape):
            ((key,),) = array[at].terms
            places[key] = by[role][at] if isinstance(by[role], np.ndarray) else by[role]
    filler = by.get(FILLER)
    total = constant(0)
    for monomial, coefficient in terms.items():
        product = constant(coefficient)
        for key in monomial:
            own = filler if filler is not None and array_of(key)[0] == FILLER else places.get(key)
            product = product * (own if own is not None else Polynomial({(key,): 1}))
        total = total + product
    return total
