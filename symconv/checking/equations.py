"""The verdict on an equation, in each reading of its indices that is left open."""

from __future__ import annotations

import itertools
from dataclasses import replace

from symconv.checking.comparison import Outcome, agreement, einstein_sums, first_failure, free_indices, kind_of, span_of
from symconv.checking.context import Context
from symconv.checking.general import NotGeneral
from symconv.checking.model import Unreadable
from symconv.checking.repairs import ill_formed, wrong
from symconv.checking.result import (
    DEFINITION,
    HOLDS,
    ILL_FORMED,
    PROVED,
)
from symconv.checking.sizes import models_for, shape_of
from symconv.checking.terms import (
    Choice,
    Diff,
    Entry,
    Mul,
    Name,
    Statement,
)

__all__ = ["LAYOUTS", "equation"]

LAYOUTS = list(itertools.product(("cS", "Sc"), ("fcS", "Scf", "Sfc", "cfS"), ("fS", "Sf")))


def equation(statement: Statement, context: Context) -> Outcome:
    dims, channels, _ = shape_of(statement, context)
    layouts = (
        [("cS", "fcS", "fS"), *(each for each in LAYOUTS if each != ("cS", "fcS", "fS"))]
        if channels
        else [("cS", "fcS", "fS")]
    )
    bases = [context.base] if context.base is not None else [1, 0]
    first: Outcome | None = None
    for base, layout in itertools.product(bases, layouts):
        try:
            found = _in_setting(statement, context, layout, base)
        except (Unreadable, NotGeneral):
            if len(layouts) * len(bases) == 1 or (first is None and (base, layout) == (bases[-1], layouts[-1])):
                raise
            continue
        if found.verdict in (PROVED, HOLDS, DEFINITION, ILL_FORMED):
            if context.base is None and len(bases) > 1 and found.verdict != ILL_FORMED:
                found = replace(found, condition=f"{found.condition or 'holds'} (indices from {base})")
            if channels:
                context.channels, context.dims = True, dims
            return found
        first = first or found
    assert first is not None
    return first


def _in_setting(statement: Statement, context: Context, layout: tuple[str, str, str], base: int | None) -> Outcome:
    models = list(models_for(statement, context, layout, base))
    if not models:
        raise Unreadable("no layer fits")
    setting = models[0].setting
    left = statement.sides[0]
    target = free_indices(left, setting)
    if isinstance(left, Name) or (isinstance(left, Entry) and not target):
        target = []
    sides = [left]
    loose: list[str] = []
    for side in statement.sides[1:]:
        if setting.einstein:
            side = einstein_sums(side, target, setting)
        loose += [n for n in free_indices(side, setting) if n not in target]
        sides.append(side)
    if isinstance(left, Diff) and any(isinstance(s, Choice) for s in sides[1:]):
        target, loose = list(dict.fromkeys([*target, *loose])), []
    if setting.einstein and isinstance(left, Mul):
        sides[0] = einstein_sums(left, [], setting)
        target = free_indices(sides[0], setting)
    spans = {name: span_of(name, sides, models[0], context) for name in target}
    lost = [name for name, span in spans.items() if span is None]
    if lost:
        raise Unreadable(f"nothing says where {lost[0]} runs")
    kind = kind_of(sides)
    stray = next((n for n in statement.notes if "stray" in n), None)
    if loose:
        return ill_formed(sides, target, list(dict.fromkeys(loose)), models, context, kind, stray)
    failed = first_failure(sides, target, models, context)
    if failed is not None:
        return wrong(failed, sides, target, models, context, kind)
    if stray:
        return Outcome(ILL_FORMED, kind, reason=stray)
    return agreement(sides, target, models, context, kind, statement.notes)
