"""The verdict on an equation, in each reading of its indices that is left open."""

from __future__ import annotations

import itertools
import re
from dataclasses import replace
from typing import Any

from symconv.checking.comparison import Outcome, agreement, einstein_sums, first_failure, free_indices, kind_of, span_of
from symconv.checking.context import Context, Layout
from symconv.checking.general import NotGeneral
from symconv.checking.linear import linear
from symconv.checking.model import Model, Unreadable
from symconv.checking.repairs import ill_formed, wrong
from symconv.checking.result import (
    AMBIGUOUS,
    DEFINITION,
    HOLDS,
    ILL_FORMED,
    NOT_READ,
    PROVED,
    WRONG,
)
from symconv.checking.sizes import models_for, setting_known, shape_of
from symconv.checking.terms import (
    Add,
    Choice,
    Diff,
    Entry,
    Grid,
    Mul,
    Name,
    Star,
    Statement,
    substituted,
    walk,
)

__all__ = ["LAYOUTS", "equation"]

#: in which order x, w and y have their channels and space; the first is the usual one
LAYOUTS: tuple[Layout, ...] = tuple(itertools.product(("cS", "Sc"), ("fcS", "Scf", "Sfc", "cfS"), ("fS", "Sf")))

#: verdicts that a statement gets where what it is read as is right
GOOD = (PROVED, HOLDS, DEFINITION, ILL_FORMED)


def equation(statement: Statement, context: Context) -> Outcome:
    """The verdict on an equation; what a star means is tried both ways where the article does not say."""
    if context.true_convolution:
        raise Unreadable("the article's forward pass is a true convolution")
    found = _in_a_base(statement, context)
    forward = _is_forward(statement, context)
    if found.verdict == WRONG and forward and _is_convolution(statement, context):
        context.true_convolution = True
        return Outcome(DEFINITION, "forward", "a true convolution: the layer with its kernel flipped")
    stars = [e for side in statement.sides for e in walk(side) if isinstance(e, Star) and e.sign != "⊙" and _slides(e)]
    written = all(isinstance(e.left, Grid) and isinstance(e.right, Grid) for e in stars)
    if found.verdict in (PROVED, HOLDS) and (forward or (stars and written)):
        context.star_said = True
    if not stars or written or found.verdict not in (PROVED, HOLDS, WRONG):
        return found
    return _readings(statement, context, found, any(e.mode for e in stars))


def _slides(star: Star) -> bool:
    """Whether whole arrays stand on either side: between entries a star multiplies."""
    return not any(
        isinstance(each, Entry) for side in (star.left, star.right) if not isinstance(side, Grid) for each in walk(side)
    )


def _readings(statement: Statement, context: Context, found: Outcome, mode_said: bool) -> Outcome:
    """The same with the other meanings of its star; AMBIGUOUS where they differ."""
    told = {(context.star, "as it stands"): found}
    for star in [context.star] if context.star_said else ["correlation", "convolution"]:
        for mode in ("as it stands",) if mode_said or found.verdict != WRONG else ("as it stands", "full"):
            if (star, mode) in told:
                continue
            sides = tuple(_with_mode(side, mode) for side in statement.sides) if mode == "full" else statement.sides
            try:
                other = replace(context, star=star, said=[])
                told[star, mode] = _in_a_base(Statement(sides, statement.signs, statement.notes), other)
            except (Unreadable, NotGeneral, ValueError):
                continue
    right = [reading for reading, each in told.items() if each.verdict in (PROVED, HOLDS)]
    if not right or len(right) == len(told):
        return found
    good = " or ".join(f"a {mode} {star}" if mode == "full" else f"a {star}" for star, mode in right)
    condition = told[right[0]].condition
    return Outcome(AMBIGUOUS, found.kind, f"right if the star is {good}" + (f", {condition}" if condition else ""))


def _with_mode(term: Any, mode: str) -> Any:
    if isinstance(term, Star):
        return replace(term, mode=term.mode or mode)
    if isinstance(term, Add):
        return Add(tuple((sign, _with_mode(each, mode)) for sign, each in term.terms))
    return term


def _is_convolution(statement: Statement, context: Context) -> bool:
    """Whether a forward pass is a sum over x and w whose indices add up to the output's."""
    left, right = statement.sides[0], statement.sides[-1]
    entries = [e for e in walk(right) if isinstance(e, Entry) and context.roles.get(e.array) in ("x", "w")]
    if not isinstance(left, Entry) or len(entries) != 2 or len({len(e.at) for e in (left, *entries)}) != 1:
        return False
    for target, a, b in zip(left.at, entries[0].at, entries[1].at, strict=True):
        total = linear(Add(((1, a), (1, b), (-1, target))))
        if total is None or any(value for name, value in total.items() if name):
            return False
    return True


def _in_a_base(statement: Statement, context: Context) -> Outcome:
    """The verdict in the first index and order of axes that the displays before it leave open.

    What they are is the article's, not the display's: each display that holds in some of them rules the others out for those that
    follow. A forward pass may begin anew.
    """
    dims, channels, _ = shape_of(statement, context)
    anew = _is_forward(statement, context)
    layouts = (LAYOUTS if anew else context.layouts or LAYOUTS) if channels else LAYOUTS[:1]
    bases = [context.base] if context.base is not None else [1, 0] if anew else list(context.bases)
    first: Outcome | None = None
    found: dict[tuple[int, Layout], Outcome] = {}
    for base, layout in itertools.product(bases, layouts):
        try:
            each = _in_setting(statement, context, layout, base)
        except (Unreadable, NotGeneral):
            if len(layouts) * len(bases) == 1 or (
                first is None and not found and (base, layout) == (bases[-1], layouts[-1])
            ):
                raise
            continue
        if each.verdict in GOOD:
            found[base, layout] = each
        first = first or each
    if not found:
        assert first is not None
        return first
    base, layout = next(iter(found))
    told = found[base, layout]
    if told.verdict != ILL_FORMED:
        context.bases = tuple(dict.fromkeys(each for each, _ in found))
        if channels:
            context.layouts = tuple(dict.fromkeys(each for _, each in found))
            context.channels, context.dims = True, dims
        if context.base is None and len(bases) > 1:
            told = replace(told, condition=f"{told.condition or 'holds'} (indices from {base})")
    return told


def _is_forward(statement: Statement, context: Context) -> bool:
    left = statement.sides[0]
    name = left.array if isinstance(left, Entry) else left.text if isinstance(left, Name) else ""
    return context.roles.get(name) == "y"


def _in_setting(statement: Statement, context: Context, layout: Layout, base: int | None) -> Outcome:
    models = list(models_for(statement, context, layout, base))
    if not models:
        raise Unreadable("no layer fits")
    setting = models[0].setting
    left = statement.sides[0]
    target = free_indices(left, setting)
    if isinstance(left, Name) and models[0].role(left.text) is None and left.text not in context.definitions:
        raise Unreadable(f"nothing says what {left.text} is")
    if isinstance(left, Name) or (isinstance(left, Entry) and not target):
        target = []
    sides = [left]
    loose: list[str] = []
    for side in statement.sides[1:]:
        if setting.einstein:
            side = einstein_sums(side, target, setting)
        known = {
            n: context.relations[n] for n in free_indices(side, setting) if n not in target and n in context.relations
        }
        if known:  # its numbers are those of this layer
            side, models = substituted(side, known), models[:1] if setting_of_layer(models[0], context) else models
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
    unknown = next((n for n in loose if not re.fullmatch(r"[a-z](_\d)?′*", n)), None)
    if unknown is not None:
        raise Unreadable(f"nothing says what {unknown} is")
    if loose:
        return ill_formed(sides, target, list(dict.fromkeys(loose)), models, context, kind, stray)
    failed = first_failure(sides, target, models, context)
    if failed is not None:
        if not setting_known(statement, context):
            return _elsewhere(statement, context) or wrong(failed, sides, target, models, context, kind)
        return wrong(failed, sides, target, models, context, kind)
    if stray:
        return Outcome(ILL_FORMED, kind, reason=stray)
    return agreement(sides, target, models, context, kind, statement.notes)


def _elsewhere(statement: Statement, context: Context) -> Outcome | None:
    """What is written at one size, where nothing says at which: not judged when it holds at another stride or padding."""
    for stride, padding in ((2, 0), (1, 1), (2, 1), (3, 0), (1, 2)):
        other = replace(context, stride=stride, padding=padding, said=[], layers={})
        try:
            models = list(models_for(statement, other))
            sides = list(statement.sides)
            if models and first_failure(sides, free_indices(sides[0], models[0].setting), models, other) is None:
                reason = f"nothing says at which stride and padding; it would hold at {stride} and {padding}"
                return Outcome(NOT_READ, kind_of(sides), reason=reason)
        except (Unreadable, NotGeneral, ValueError, AssertionError):
            continue
    return None


def setting_of_layer(model: Model, context: Context) -> bool:
    """Whether a model is the layer that the article says it is about."""
    return model.dims in context.layers
