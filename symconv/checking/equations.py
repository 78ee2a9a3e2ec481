"""The verdict on an equation, in each reading of its indices that is left open."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np

from symconv.checking.begun import begun_sums, is_begun
from symconv.checking.comparison import (
    Failure,
    Outcome,
    agreement,
    einstein_sums,
    first_failure,
    free_indices,
    kind_of,
    span_of,
)
from symconv.checking.context import SIZES, Context, Layout
from symconv.checking.forward import OwnModel, centred, defines, is_convolution, opening, star_defined
from symconv.checking.general import NotGeneral
from symconv.checking.model import Model, Unreadable
from symconv.checking.operators import apart, with_mode
from symconv.checking.passes import is_forward, settled, stepped
from symconv.checking.ranks import is_of_images, shape_of, sliding
from symconv.checking.repairs import ill_formed, nearest, wrong
from symconv.checking.result import (
    AMBIGUOUS,
    DEFINITION,
    GOOD,
    HOLDS,
    ILL_FORMED,
    INCONSISTENT,
    NOT_READ,
    ORDER,
    PROVED,
    WRONG,
)
from symconv.checking.sizes import models_for, setting_known
from symconv.checking.terms import (
    Choice,
    Diff,
    Dots,
    Entry,
    Grid,
    Mul,
    Name,
    Star,
    Statement,
    Term,
    names_in,
    substituted,
    walk,
)
from symconv.checking.values import Past, Shapes, Twice, evaluate

__all__ = ["LAYOUTS", "equation"]

#: in which order x, w and y have their channels and space; the first is the usual one
LAYOUTS: tuple[Layout, ...] = tuple(itertools.product(("cS", "Sc"), ("fcS", "Scf", "Sfc", "cfS"), ("fS", "Sf")))


def equation(statement: Statement, context: Context) -> Outcome:
    """The verdict on an equation; sides that state entries and sides that state whole arrays are judged each by itself."""
    statement = begun_sums(statement)
    whole = tuple(side for side in statement.sides if not any(isinstance(each, Dots) for each in walk(side)))
    if 1 < len(whole) < len(statement.sides) and whole[0] == statement.sides[0]:
        rest = equation(Statement(whole, ("=",) * (len(whole) - 1), statement.notes), context)
        return replace(
            rest, condition=f"{rest.condition or ''}; what the dots stand for is not checked".removeprefix("; ")
        )
    one = is_of_images(statement, context)
    parts = [statement] if one else apart(statement)
    found = [_equation(parts[0], context)]
    if len(parts) == 2 and context.forward and is_forward(statement, context) and found[0].verdict in GOOD:
        context.star, context.star_said = "convolution", True  # as the sum beside it says
        return found[0]
    found += [_equation(each, context) for each in parts[1:]]
    if (
        len(found) == 2
        and is_forward(statement, context)
        and found[0].verdict in GOOD
        and found[1].verdict == AMBIGUOUS
    ):
        # the sum beside it says what the star is
        context.star, context.star_said = ("convolution" if context.forward else "correlation"), True
        return found[0]
    worst = min(found, key=lambda each: ORDER.index(each.verdict))
    if worst.verdict == HOLDS and any(is_begun(side) for side in statement.sides):
        return replace(worst, condition=f"{worst.condition}; what the dots stand for is not checked")
    return worst


def _equation(statement: Statement, context: Context) -> Outcome:
    """The verdict in the meaning of the star and of the forward pass that the article gives; in each where it gives none."""
    forward = is_forward(statement, context)
    if forward:
        stepped(statement, context)
    if forward and (told := centred(statement, context)) is not None:
        return told
    found = (
        opening(statement, context, _in_a_base) if forward and not context.layers else _in_a_base(statement, context)
    )
    if forward:
        if found.verdict == WRONG and is_convolution(statement, context):
            return _convolution(statement, context)
        context.own = (statement.sides[0], statement.sides[1]) if found.verdict == WRONG else None
        context.forward_seen = context.forward_seen or found.verdict in GOOD
        if found.verdict in GOOD and defines(statement):
            return star_defined(statement, context, "correlation", found)
    elif found.verdict == WRONG and context.own is not None:
        found = _by_own(statement, context, found)
    stars = sliding(statement, context)
    written = all(isinstance(e.left, Grid) and isinstance(e.right, Grid) for e in stars)
    if found.verdict in (PROVED, HOLDS) and stars and (forward or written):
        context.star_said = True
    if not stars or written or found.verdict not in (PROVED, HOLDS, WRONG):
        return found
    return _readings(statement, context, found, stars)


def _convolution(statement: Statement, context: Context) -> Outcome:
    """A forward pass, or the definition of a star, whose first side is a true convolution."""
    found = _in_a_base(statement, replace(context, forward="full", said=[]))
    if found.verdict in GOOD:
        found = Outcome(DEFINITION, "forward", "a true convolution: the layer with its kernel flipped")
    if defines(statement):
        return star_defined(statement, context, "convolution", found)
    context.forward, context.forward_seen = "full", True
    return found


def _by_own(statement: Statement, context: Context, found: Outcome) -> Outcome:
    """What is wrong for the layer may be right for the forward pass that the article wrote."""
    try:
        other = _in_a_base(statement, replace(context, by_own=True, said=[]))
    except (Unreadable, NotGeneral, ValueError):
        return found
    if other.verdict not in (PROVED, HOLDS):
        return found
    return Outcome(
        HOLDS, found.kind, f"{other.condition}; for the forward pass as it is written, which is not the layer's"
    )


def _readings(statement: Statement, context: Context, found: Outcome, stars: Sequence[Star]) -> Outcome:
    """The same with the other meanings of its star and of the forward pass; AMBIGUOUS where they differ."""
    signs = {each.sign for each in stars} - {"conv2", "⋆corr"}
    if context.forward_seen and not context.star_said and found.verdict in (PROVED, HOLDS):
        return found  # of the same kind as the forward pass, which has no star
    defined = {context.stars.get(sign) for sign in signs}
    meanings = [context.star] if context.star_said and defined <= {None} else ["correlation", "convolution"]
    if len(defined) == 1 and defined <= {"correlation", "convolution"}:
        meanings = [str(*defined)]
    if not signs:
        meanings = [context.star]
    forwards = [context.forward]
    if not context.forward_seen and any(each.sign == "conv2" for each in stars):
        forwards = ["", "valid"]
    modes = ["as it stands"] if any(e.mode for e in stars) or found.verdict != WRONG else ["as it stands", "full"]
    told: dict[tuple[str, str, str], Outcome] = {}
    for forward, star, mode in itertools.product(forwards, meanings, modes):
        if (forward, star, mode) == (context.forward, context.star, "as it stands"):
            told[forward, star, mode] = found
            continue
        sides = tuple(with_mode(side, mode) for side in statement.sides) if mode == "full" else statement.sides
        with suppress(Unreadable, NotGeneral, ValueError):
            other = replace(context, star=star, forward=forward, said=[])
            told[forward, star, mode] = _in_a_base(Statement(sides, statement.signs, statement.notes), other)
    right = [reading for reading, each in told.items() if each.verdict in (PROVED, HOLDS)]
    if not right:
        return next(iter(told.values()), found)
    if len(right) == len(told):
        return told[right[0]]
    words = []
    for forward, star, mode in right:
        words += [f"the star is a {mode} {star}" if mode == "full" else f"the star is a {star}"] if signs else []
        if len(forwards) > 1:
            words.append(
                f"the forward pass is a true {'convolution' if forward else 'correlation'}".replace("true corr", "corr")
            )
    condition = told[right[0]].condition
    return Outcome(
        AMBIGUOUS, found.kind, f"right if {' or '.join(dict.fromkeys(words))}" + (f", {condition}" if condition else "")
    )


def _in_a_base(statement: Statement, context: Context) -> Outcome:
    """The verdict in the first index and order of axes that the displays before it leave open.

    What they are is the article's, not the display's: each display that holds in some of them rules the others out for those that
    follow. A forward pass may begin anew.
    """
    dims, channels, _ = shape_of(statement, context)
    anew = is_forward(statement, context) and not context.layers
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
    base, layout = min(found, key=lambda each: found[each].verdict == ILL_FORMED)
    told = found[base, layout]
    if anew:
        settled(statement, context)
    if told.verdict != ILL_FORMED:
        context.bases = tuple(dict.fromkeys(each for each, _ in found))
        if channels:
            context.layouts = tuple(dict.fromkeys(each for _, each in found))
            context.channels, context.dims = True, dims
        if context.base is None and len(bases) > 1:
            told = replace(told, condition=f"{told.condition or 'holds'} (indices from {base})")
    return told


def _in_setting(statement: Statement, context: Context, layout: Layout, base: int | None) -> Outcome:
    models = list(models_for(statement, context, layout, base))
    if not models:
        raise Unreadable("no layer fits")
    if context.by_own and context.own is not None:
        models = [OwnModel(each, *context.own) for each in models]
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
    for model in models:
        model.target = {n: span for n in target if (span := span_of(n, [left], model, context)) is not None}
    spans = {name: span_of(name, sides, models[0], context) for name in target}
    lost = [name for name, span in spans.items() if span is None]
    if lost:
        raise Unreadable(f"nothing says where {lost[0]} runs")
    kind = kind_of(sides)
    stray = next((n for n in statement.notes if "stray" in n), None)
    unknown = next((n for n in loose if not re.fullmatch(r"[a-z](_\d)?′*", n)), None)
    if unknown is not None:
        raise Unreadable(f"nothing says what {unknown} is")
    sides, loose = _at_numbers(sides, target, loose, models[0], context)
    if loose:
        return ill_formed(sides, target, list(dict.fromkeys(loose)), models, context, kind, stray)
    return _at_layers(statement, sides, target, models, context, kind, stray)


def _at_layers(
    statement: Statement, sides: list[Term], target: Sequence[str], models: Sequence[Model], context: Context, kind: str,
    stray: str | None,
) -> Outcome:  # fmt: skip
    """The verdict on sides whose indices are all bound, at every layer that was chosen."""
    layer = None
    try:
        failed, past = _failure(sides, target, models, context)
    except Shapes:
        if not (layer := _layer_alone(sides, target, models, context)):
            raise
        failed, past = None, None
    except Twice as error:
        return Outcome(ILL_FORMED, kind, reason=str(error), fix=nearest(sides[0], sides[-1], target, models, context))
    if past and failed is None:
        if not setting_known(statement, context):
            raise Past(past)
        for model in models:
            model.beyond = False
        fix = nearest(sides[0], sides[-1], target, models, context)
        return Outcome(ILL_FORMED, kind, "right with zeros past the end", past, fix)
    if failed is not None:
        layer = _layer_alone(sides, target, models, context)
    if layer:
        models, failed = layer, None
    if failed is not None:
        unknown = not setting_known(statement, context)
        return (_elsewhere(statement, context) if unknown else None) or wrong(
            failed, sides, target, models, context, kind
        )
    if stray:
        return Outcome(ILL_FORMED, kind, reason=stray)
    if sideways := _sideways(sides, models[0]):
        return Outcome(INCONSISTENT, kind, "the entries agree", sideways)
    _kept(sides, target, models[0], context)
    return agreement(sides, target, models, context, kind, statement.notes)


def _layer_alone(
    sides: Sequence[Term], target: Sequence[str], models: Sequence[Model], context: Context
) -> list[Model]:
    """The article's own layer, where whole arrays without a letter for a size hold of it though not of every layer."""
    names = set().union(*map(names_in, sides))
    slides = any(isinstance(each, Star) for side in sides for each in walk(side))
    if not slides or names & set(models[0].setting.sizes) or not setting_of_layer(models[0], context):
        return []
    try:
        return [] if first_failure(sides, target, models[:1], context) else [models[0]]
    except Unreadable:
        return []


def _failure(
    sides: Sequence[Term], target: Sequence[str], models: Sequence[Model], context: Context
) -> tuple[Failure | None, str | None]:
    """Where the sides differ; a sum that runs past the last entry is read with zeros there, and told."""
    try:
        return first_failure(sides, target, models, context), None
    except Past as error:
        for model in models:
            model.beyond = True
        return first_failure(sides, target, models, context), str(error)


def _at_numbers(
    sides: list[Term], target: Sequence[str], loose: list[str], model: Model, context: Context
) -> tuple[list[Term], list[str]]:
    """An entry at numbers whose right side has indices: they are those of the last equation for the same array."""
    left = sides[0]
    meant = context.targets.get(model.role(left.array) or "") if isinstance(left, Entry) else None
    if not loose or not meant or target or not isinstance(left, Entry) or not set(loose) <= set(meant):
        return sides, loose
    if len(meant) != len(left.at):
        return sides, loose
    numbers = dict(zip(meant, left.at, strict=True))
    return [left, *(substituted(side, numbers) for side in sides[1:])], []


def _sideways(sides: Sequence[Term], model: Model) -> str | None:
    """What is odd where a product of matrices written out is a row and what it is equated with a column, or the other way."""
    if not all(isinstance(side, (Grid, Mul)) and any(isinstance(e, Grid) for e in walk(side)) for side in sides):
        return None
    if not any(isinstance(side, Mul) for side in sides):
        return None
    shapes = [np.shape(evaluate(model, side, {})) for side in sides]
    if len(set(shapes)) > 1 and all(len(shape) == 2 for shape in shapes):
        return " = ".join(f"{a} x {b}" for a, b in shapes) + ": a row is no column"
    return None


def _kept(sides: Sequence[Term], target: Sequence[str], model: Model, context: Context) -> None:
    """What a statement that holds says: its indices, the names of sizes, and the lengths of what it writes out."""
    left = sides[0]
    if isinstance(left, Entry) and len(target) == len(left.at):
        context.targets[model.role(left.array) or ""] = tuple(i.text for i in left.at if isinstance(i, Name))
    context.named |= {n: size for n, size in model.setting.sizes.items() if n not in SIZES and "^" not in n}
    if model.dims in context.sizes or model.dims in context.layers or model.channels:
        return
    if all(any(isinstance(e, Grid) for e in walk(side)) for side in sides):
        context.sizes[model.dims] = {"x": model.conv.input, "w": model.conv.kernel}


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
