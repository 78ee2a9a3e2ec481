"""Both sides of a statement at every value of its free indices: where they differ, and what their agreement amounts to."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from symconv.algebra.polynomials import Polynomial, array_of
from symconv.checking.begun import is_begun, is_part
from symconv.checking.context import Context
from symconv.checking.general import NotGeneral
from symconv.checking.model import Model, Setting, Unreadable
from symconv.checking.proofs import formula_texts, general_verdict
from symconv.checking.result import (
    HOLDS,
    PROVED,
)
from symconv.checking.sizes import is_literal, sizes_of
from symconv.checking.terms import (
    Add,
    Bound,
    Call,
    Choice,
    Diff,
    Entry,
    Grid,
    Mul,
    Name,
    Num,
    Star,
    Statement,
    SumOver,
    Term,
    children,
    names_in,
    walk,
)
from symconv.checking.values import Jacobian, Unlike, evaluate, same
from symconv.checking.windows import OutOfPlace

__all__ = [
    "MAX_POINTS",
    "Failure",
    "Outcome",
    "by_x",
    "einstein_sums",
    "first_failure",
    "free_indices",
    "kind_of",
    "points",
    "agreement",
    "shape_text",
    "span_of",
]

#: a statement is looked at for at most this many values of its free indices
MAX_POINTS = 20_000


@dataclass(frozen=True)
class Outcome:
    """What became of a statement."""

    verdict: str
    kind: str
    condition: str | None = None
    reason: str | None = None
    fix: str | None = None
    counterexample: str | None = None


def free_indices(term: Term, setting: Setting) -> list[str]:
    """Indices that no sum binds, in order."""
    found: list[str] = []

    def visit(each: Term, bound: frozenset[str], index: bool) -> None:
        if isinstance(each, Name):
            if index and each.text not in bound and each.text not in setting.sizes and each.text not in found:
                found.append(each.text)
            return
        if isinstance(each, Entry):
            for i in each.at:
                visit(i, bound, True)
            return
        if isinstance(each, SumOver):
            inner = bound | {b.name for b in each.bounds}
            for b in each.bounds:
                for end in (b.low, b.high):
                    if end is not None:
                        visit(end, bound, True)
            visit(each.body, inner, index)
            return
        if isinstance(each, Choice):
            for value, conditions in each.rows:
                visit(value, bound, False)
                for a, b2 in conditions or ():
                    visit(a, bound, True)
                    visit(b2, bound, True)
            return
        for child in children(each):
            visit(
                child, bound, index or (isinstance(each, Call) and each.word == "slice" and child is not each.args[0])
            )

    visit(term, frozenset(), False)
    return found


def einstein_sums(term: Term, target: Sequence[str], setting: Setting) -> Term:
    """The sums that a repeated index stands for, written."""
    if any(isinstance(each, SumOver) for each in walk(term)):
        return term
    if isinstance(term, Add):
        return Add(tuple((sign, einstein_sums(each, target, setting)) for sign, each in term.terms))
    if not isinstance(term, Mul):
        return term
    counts: dict[str, int] = {}
    for each in walk(term):
        if isinstance(each, Entry):
            for name in {n for i in each.at for n in names_in(i)}:
                counts[name] = counts.get(name, 0) + 1
    repeated = [n for n in free_indices(term, setting) if counts.get(n, 0) > 1 and n not in target]
    return SumOver(tuple(Bound(n) for n in repeated), term) if repeated else term


def kind_of(sides: Sequence[Term]) -> str:
    left = sides[0]
    if any(isinstance(each, Choice) for side in sides for each in walk(side)):
        return "Kronecker condition"
    if any(isinstance(each, Grid) for side in sides for each in walk(side)):
        return "matrix"
    if isinstance(left, Diff):
        return "local derivative"
    if any(isinstance(each, Diff) for side in sides for each in walk(side)):
        return "chain rule"
    if isinstance(left, Entry) and all(isinstance(i, Num) for i in left.at):
        return "entry"
    if any(isinstance(each, Star) for side in sides for each in walk(side)):
        return "operator statement"
    return "index equation"


def span_of(name: str, sides: Sequence[Term], model: Model, context: Context) -> tuple[int, int] | None:
    span = model.span(name, tuple(walk(sides[0])))
    if span is None or isinstance(sides[0], Diff):
        kind = context.axes.get(name)
        array = model.arrays.get(kind or "")
        if array is not None and array.ndim and any(isinstance(s, Choice) for s in sides):
            n = array.shape[-1]
            return model.setting.base, n - 1 + model.setting.base
    return span or model.span(name, tuple(each for side in sides[1:] for each in walk(side)))


@dataclass(frozen=True)
class Failure:
    model: Model
    env: Mapping[str, int]
    at: int
    left: Any
    right: Any
    points: int = 0
    shapes: str | None = None


def points(sides: Sequence[Term], target: Sequence[str], model: Model, context: Context) -> Iterator[dict[str, int]]:
    ranges = []
    for name in target:
        span = span_of(name, sides, model, context)
        assert span is not None
        ranges.append(range(span[0], span[1] + 1))
    for count, values in enumerate(itertools.product(*ranges)):
        if count >= MAX_POINTS:
            raise Unreadable("too many entries to look at")
        yield dict(zip(target, values, strict=True))


def _has_bias(sides: Sequence[Term], context: Context) -> bool:
    bound = {each.name for side in sides for each in walk(side) if isinstance(each, Bound)}  # b may be an index
    return any(
        (isinstance(e, Name) and context.roles.get(e.text) == "b" and e.text not in bound)
        or (isinstance(e, Entry) and context.roles.get(e.array) == "b")
        for side in sides
        for e in walk(side)
    )


def first_failure(
    sides: Sequence[Term], target: Sequence[str], models: Sequence[Model], context: Context
) -> Failure | None:
    """Where the sides differ first; OutOfPlace where nothing is wrong but the place of an entry in its window."""
    try:
        return _first(sides, target, models, context)
    except OutOfPlace:
        for model in models:
            model.anywhere = True
        try:
            failed = _first(sides, target, models, context)
        finally:
            for model in models:
                model.anywhere = False
        if failed is None:
            raise
        return failed


def _first(sides: Sequence[Term], target: Sequence[str], models: Sequence[Model], context: Context) -> Failure | None:
    bias = _has_bias(sides, context) or any(isinstance(e, Diff) for s in sides for e in walk(s))
    added = False
    for model in sorted(models, key=lambda m: sum(m.conv.input) + sum(m.conv.kernel) + sum(m.conv.stride)):
        for env in points(sides, target, model, context):
            if _of_no_entry(model, sides[0], env):
                continue
            left = evaluate(model, sides[0], env)
            if not bias:
                left = _without_bias(left)
            for at, side in enumerate(sides[1:], 1):
                try:
                    right = evaluate(model, side, env)
                except Unlike as error:
                    if not added:  # at no size so far
                        raise
                    return Failure(model, env, at, left, left, shapes=str(error))
                right = right if bias else _without_bias(right)
                added = True
                agree = is_part(right, left) if is_begun(side) else same(left, right)
                if agree is None and isinstance(left, Polynomial) and isinstance(sides[0], Entry) and target:
                    raise Unreadable("an entry on one side, a whole array on the other")
                if agree is None:
                    return Failure(
                        model,
                        env,
                        at,
                        left,
                        right,
                        shapes=f"{shape_text(left)} on the left, {shape_text(right)} on the right",
                    )
                if not agree:
                    return Failure(model, env, at, left, right)
    return None


def _of_no_entry(model: Model, side: Term, env: Mapping[str, int]) -> bool:
    """Whether it is the derivative of an entry of y that there is not: who writes it speaks of those that there are."""
    if not isinstance(side, Diff) or not isinstance(side.top, Entry) or model.role(side.top.array) != "y":
        return False
    at = [model.number(i, env) - model.setting.base for i in side.top.at]
    shape = model.conv.output
    return any(not 0 <= i < size for i, size in zip(at[-len(shape) :], shape, strict=True))


def _without_bias(value: Any) -> Any:
    if isinstance(value, Polynomial):
        return Polynomial({m: c for m, c in value.terms.items() if not (len(m) == 1 and array_of(m[0])[0] == "b")})
    if isinstance(value, Jacobian) or value.ndim == 0:
        return value
    result = value.copy()
    for at, each in enumerate(value.reshape(-1)):
        result.reshape(-1)[at] = _without_bias(each)
    return result


def shape_text(value: Any) -> str:
    value = value.matrix if isinstance(value, Jacobian) else value
    return " x ".join(map(str, value.shape)) if hasattr(value, "shape") and value.shape else "one entry"


def agreement(
    sides: Sequence[Term],
    target: Sequence[str],
    models: Sequence[Model],
    context: Context,
    kind: str,
    notes: Sequence[str],
) -> Outcome:
    """The verdict on sides that agree wherever they were looked at: proved for every size where there is a formula for it."""
    model = models[0]
    literal = is_literal(Statement(tuple(sides), ()))
    factor = next((n for n in notes if n.startswith("up to")), None)
    count = sum(1 for _ in points(sides, target, model, context)) if target else _size(evaluate(model, sides[0], {}))
    holds = f"{count} of {count} entries" + (
        f" at input {by_x(model.conv.input)}, kernel {by_x(model.conv.kernel)}" if model.dims else ""
    )
    if len(models) > 1 and not literal:
        holds = f"at {len(models)} sizes"
    if factor:
        holds += f", {factor}"
    if kind == "chain rule" and all(_is_chain(sides[0], side, models) for side in sides[1:]):
        return Outcome(PROVED, kind, "every size: the chain rule" + (f", {factor}" if factor else ""))
    conditions: list[str] = []
    steps: list[str] = []
    sized = literal or model.dims in context.layers or sizes_of(context, model.dims) is not None
    try:
        for side in sides[1:]:
            texts = formula_texts(sides[0], side, model, context.axes)
            proof = general_verdict(texts, models, context, sized)
            if not proof.holds:
                only = "" if (proof.condition or "").startswith("right") else "for every size only when "
                return Outcome(HOLDS, kind, holds + (f"; {only}{proof.condition}" if proof.condition else ""))
            conditions += [proof.condition] if proof.condition else []
            steps += [proof.steps] if proof.steps else []
    except (NotGeneral, ValueError, IndexError):
        return Outcome(HOLDS, kind, holds)
    told = ", ".join(["every size", *dict.fromkeys(steps)])
    told += f" when {'; '.join(dict.fromkeys(conditions))}" if conditions else ""
    return Outcome(PROVED, kind, told + (f", {factor}" if factor else ""))


def by_x(sizes: Sequence[int]) -> str:
    return "x".join(map(str, sizes))


def _size(value: Any) -> int:
    value = value.matrix if isinstance(value, Jacobian) else value
    return int(value.size) if hasattr(value, "size") else 1


def _is_whole(bound: Bound, body: Term, models: Sequence[Model]) -> bool:
    """Whether an index runs over the whole of its axis, whatever the layer."""
    if bound.low is None and bound.high is None:
        return True
    for model in models:
        span = model.span(bound.name, tuple(walk(body)))
        if span is None or bound.low is None or bound.high is None:
            return False
        if model.number(bound.low, {}) != span[0] or model.limit(bound.high, {}, span) != span[1]:
            return False
    return True


def _is_chain(left: Term, side: Term, models: Sequence[Model]) -> bool:
    """Whether a side is the sum over all entries of y of dy times the derivative of y, for every size."""
    model = models[0]
    bounds: tuple[Bound, ...] = ()
    if isinstance(side, SumOver):
        bounds, side = side.bounds, side.body
    if not isinstance(side, Mul) or len(side.factors) != 2 or not all(_is_whole(each, side, models) for each in bounds):
        return False
    a, b = side.factors
    if not isinstance(b, Diff):
        return False
    below = Name("d" + b.bottom.text) if isinstance(b.bottom, Name) else Entry("d" + b.bottom.array, b.bottom.at) if isinstance(
        b.bottom, Entry) else None  # fmt: skip
    if below != left:
        return False
    if isinstance(a, Name) and isinstance(b.top, Name) and not bounds:
        return model.role(a.text) == "dy" and model.role(b.top.text) == "y"
    if not (isinstance(a, Entry) and isinstance(b.top, Entry)) or a.at != b.top.at:
        return False
    free = {i.text for i in a.at if isinstance(i, Name)} - names_in(left)
    return model.role(a.array) == "dy" and model.role(b.top.array) == "y" and free == {x.name for x in bounds}
