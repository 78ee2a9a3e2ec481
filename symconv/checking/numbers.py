"""Equations between numbers: the size of the output, the remainder, and what an index is."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from symconv.checking.comparison import Outcome
from symconv.checking.context import SIZES, Context
from symconv.checking.lettered import in_letters
from symconv.checking.model import Model, Setting, Unreadable
from symconv.checking.printed import printed
from symconv.checking.result import DEFINITION, HOLDS, NO_CLAIM, WRONG
from symconv.checking.sizes import models_for
from symconv.checking.terms import Floor, Mul, Name, Num, Statement, Term, children, names_in, signs_of, walk
from symconv.checking.upsizes import size_text, transposed_size
from symconv.checking.widths import another_width
from symconv.layer.conv import Conv

__all__ = ["OTHER_SIZES", "judge_numbers"]


def judge_numbers(statement: Statement, context: Context) -> Outcome:
    """A size against the size it is, or an index against what the display says it is in other words."""
    left = statement.sides[0]
    letters = set().union(*(names_in(side) for side in statement.sides))
    if not letters:
        return _sum_of_numbers(statement)
    if clash := another_width(statement, context):
        return clash
    if not isinstance(left, Name):
        if letters <= set(SIZES):
            return _size(statement, context)
        if letters <= set(SIZES) | set(OTHER_SIZES):
            return _size(statement, context, OTHER_SIZES)
        raise Unreadable("indices on both sides")
    if left.text in SIZES and left.text not in context.relations and letters <= set(SIZES):
        return _size(statement, context)
    named = {**SIZES, **context.named}
    if left.text in SIZES and left.text not in context.relations and letters <= set(named):
        return _size(statement, context, context.named)
    if named.get(left.text, ("",))[0] == "O" and any(named.get(n, ("",))[0] == "H" for n in letters):
        unknown = next(n for n in sorted(letters) if n not in named)
        raise Unreadable(f"nothing says what {unknown} is")
    floors = any(isinstance(each, Floor) for side in statement.sides for each in walk(side))
    if (
        left.text in OTHER_SIZES
        and letters <= set(SIZES) | set(OTHER_SIZES)
        and (floors or left.text[-1] == "′" or "_" in left.text)
    ):
        return _size(statement, context, OTHER_SIZES)
    others = sorted(n for n in letters - set(SIZES) if n != left.text)
    related = _relation(left.text, statement.sides[1], context)
    if (related and related.verdict == WRONG) or (len(statement.sides) == 2 and others):
        return related or Outcome(DEFINITION, "index")
    for model in _layers(statement, context):
        for values in itertools.product(range(1, 4), repeat=len(others)):
            env = dict(zip(others, values, strict=True))
            found = [model.number(side, env) for side in statement.sides[1:]]
            if len(set(found)) > 1:
                told = ", ".join(f"{name} = {value}" for name, value in env.items())
                return Outcome(WRONG, "index", counterexample=f"{told}: {' and '.join(map(str, found))} differ")
    return Outcome(DEFINITION, "index")


def _sum_of_numbers(statement: Statement) -> Outcome:
    """Numbers alone claim nothing of a layer, but what they come to. ``28 x 28`` is a shape, and a floor may be left out."""
    alone = Outcome(NO_CLAIM, "numbers", reason="numbers alone")
    if any(isinstance(side, Mul) and all(isinstance(f, Num) for f in side.factors) for side in statement.sides):
        return alone
    model = Model(Conv((1,), (1,)), Setting(roles={}))
    found = [model.number(side, {}) for side in statement.sides]
    if len(set(found)) == 1 or any(value.denominator != 1 for value in found):
        return alone
    return Outcome(WRONG, "numbers", counterexample=f"{' and '.join(map(str, dict.fromkeys(found)))} differ")


def _relation(name: str, right: Term, context: Context) -> Outcome | None:
    """Whether ``m = s(o - 1) + d(k - 1) - p + 1`` is what the layer reads, where the article says what it is about."""
    axes = context.axes
    others = sorted(n for n in names_in(right) if n in axes or n not in SIZES)
    kinds = {n: axes.get(n, axes.get(n + "_1")) for n in (name, *others)}
    if name.startswith("μ"):  # the position that a tap meets
        kinds[name] = "y" if context.transposed else "x"
    steps = {SIZES[n][0] for n in names_in(right) & set(SIZES) - set(others)}
    if not context.layers or not steps & set("sdp") or None in kinds.values():
        return None
    by_kind = {kind: n for n, kind in kinds.items()}
    if set(by_kind) != {"x", "w", "y"} or len(others) != 2 or len({n.partition("_")[2] for n in kinds} - {""}) > 1:
        return Outcome(
            WRONG, "index", counterexample=f"{name} is put as {', '.join(others)}, not by one index of each array"
        )
    base = context.base if context.base is not None else 1
    far, near = ("y", "x") if context.transposed else ("x", "y")
    for s, d, p, o, k in itertools.product((1, 2, 3), (1, 2), (0, 1), (1, 3), (1, 2)):
        model = Model(Conv((9,), (2,), stride=s, dilation=d, padding=((p, 2),)), Setting(roles={}, sizes=SIZES))
        env = {by_kind[near]: o, by_kind["w"]: k, by_kind[far]: s * (o - base) + d * (k - base) - p + base}
        due = env.pop(name)
        found = model.number(right, env)
        if found != due:
            told = ", ".join(f"{n} = {value}" for n, value in {"s": s, "d": d, "p": p, **env}.items())
            return Outcome(WRONG, "index", counterexample=f"{told}: {name} is {due}, not {found}")
    return Outcome(DEFINITION, "index", "what the layer reads")


#: sizes by other names, where all letters of an equation are sizes; primes are the transposed layer's
OTHER_SIZES = {
    "o": ("O", 0), "i": ("H", 0), "k": ("K", 0), "f": ("K", 0), "n_H": ("O", 0), "n_W": ("O", 1), "n_out": ("O", 0),
    "n_in": ("H", 0), "n_H_prev": ("H", 0), "n_W_prev": ("H", 1), "o′": ("H", 0), "i′": ("O", 0), "a": ("r", 0), "n": ("H", 0),
}  # fmt: skip


def _size(statement: Statement, context: Context, others: Mapping[str, tuple[str, int]] | None = None) -> Outcome:
    found = _size_of(statement, context, others)
    unsaid = context.base is None and context.padding == 0 and context.forward_seen and not context.padding_said
    if (
        found.verdict == WRONG and unsaid and not context.layers
    ):  # x_{i+k-1} is without padding from 1, with padding 1 from 0
        other = replace(context, padding=context.stride + context.dilation - 1, said=[])
        again = _size_of(statement, other, others)
        return again if again.verdict == HOLDS else found
    return found


def _size_of(statement: Statement, context: Context, others: Mapping[str, tuple[str, int]] | None) -> Outcome:
    names = {**SIZES, **(others or {})}
    letters = set().union(*(names_in(side) for side in statement.sides))
    transposed = any(name.endswith("′") for name in letters)
    general = all(names_in(side) for side in statement.sides)
    if general and context.unlike and not transposed and (found := transposed_size(statement, context, names)):
        return found
    if not general:
        models = list(_layers(statement, context))
    else:
        given = {names[n][0] for n in letters if n in names}
        chosen = GRID if context.layers or transposed else _of_the_part(given, context)
        models = [Model(conv, Setting(roles=context.roles, sizes=names)) for conv in chosen]
        if not context.sided and "q" not in given:  # the same on both sides
            models = [model for model in models if len(set(model.conv.padding[0])) == 1]
        if chosen is GRID and "d" not in given:
            models = [model for model in models if model.conv.dilation == (1,)]
        if transposed and "a" not in letters:
            models = [model for model in models if model.conv.remainder == (0,)]
        if chosen is GRID and "s" not in given:
            models = [model for model in models if model.conv.stride == (1,)]
    if not models:
        raise Unreadable("nothing says how large the layer is")
    for model in models:
        come_to = [model.number(side, {}) for side in statement.sides]
        if len(set(come_to)) > 1:
            conv = model.conv
            p, q = conv.padding[0]
            told = f"input {conv.input[0]}, kernel {conv.kernel[0]}, stride {conv.stride[0]}, padding {p}, {q}"
            exact = all(model.number(side, {}).denominator == 1 for side in statement.sides)
            reason = None if exact else "the division is not exact there; its floor is meant"
            example = f"{told}: {printed(statement.sides[0])} is {come_to[0]}, not {next(n for n in come_to if n != come_to[0])}"
            return Outcome(WRONG, "size", reason, reason, size_text(statement, names, sided=context.sided), example)
    if mistake := in_letters(statement, context, models[0].conv, names):
        due = size_text(statement, names, context.transposed, context.sided)
        numbers = [printed(side) for side in statement.sides if not names_in(side)]
        fix = " = ".join([due, *numbers]) if due else None
        return Outcome(WRONG, "size", "the numbers agree" if numbers else None, fix=fix, counterexample=mistake)
    for symbols, values in zip(statement.sides, statement.sides[1:], strict=False):
        if not general and (mistake := _put_in(symbols, values, models[0])):
            return Outcome(WRONG, "size", "the values agree", counterexample=mistake)
    if transposed:
        rest = "" if "a" in letters else ", where no row of the input is left over"
        return Outcome(HOLDS, "size", f"at {len(models)} sizes of transposed layers{rest}")
    return Outcome(HOLDS, "size", f"at {len(models)} sizes" if general else "the size of this layer")


def _put_in(symbols: Term, values: Term, model: Model) -> str | None:
    """Which letter another number was put in for, where the one side is the other with numbers."""
    if isinstance(symbols, Name) and isinstance(values, Num):
        due = model.number(symbols, {})
        return None if due == values.value else f"{printed(symbols)} is {due}, not {printed(values)}"
    if type(symbols) is not type(values):
        return None
    if isinstance(symbols, Num) and symbols != values:
        return f"{printed(symbols)} became {printed(values)}"
    if isinstance(symbols, Floor) and names_in(symbols) and not names_in(values):
        body = next(children(values))
        due, found = model.number(symbols.body, {}), model.number(body, {})
        if due != found:
            return f"{printed(symbols.body)} is {due}, and {printed(body)} is {found}"
    inside = list(children(symbols)), list(children(values))
    if len(inside[0]) != len(inside[1]):
        return None
    if signs_of(symbols) != signs_of(values):
        return f"{printed(symbols)} became {printed(values)}"
    return next((told for a, b in zip(*inside, strict=True) if (told := _put_in(a, b, model))), None)


def _grid() -> Iterator[Conv]:
    for h, k, s, d, p, q in itertools.product(range(1, 7), range(1, 4), (1, 2, 3), (1, 2), (0, 1), (0, 1)):
        if h + p + q >= d * (k - 1) + 1:
            yield Conv(input=h, kernel=k, stride=s, dilation=d, padding=((p, q),))


GRID = tuple(_grid())


def _of_the_part(given: set[str], context: Context) -> Sequence[Conv]:
    """The layers that a size is about: what neither it nor the forward pass has a letter for is as it is in this part."""
    open_ = given | context.free
    strides = (1, 2, 3) if "s" in open_ else (context.stride,)
    dilations = (1, 2) if "d" in open_ else (context.dilation,)
    found = []
    for h, k, s, d in itertools.product(range(1, 7), range(1, 4), strides, dilations):
        if "p" in open_ or "q" in open_ or context.padding is None:
            paddings = [(p, q) for p in (0, 1) for q in (0, 1)]
        elif context.forward == "full":
            paddings = [(d * (k - 1),) * 2]
        elif context.same:
            paddings = [(k // 2,) * 2] if k % 2 else []
        else:
            paddings = [(context.padding,) * 2]
        found += [
            Conv(h, k, stride=s, dilation=d, padding=(each,)) for each in paddings if h + sum(each) >= d * (k - 1) + 1
        ]
    return found


def _layers(statement: Statement, context: Context) -> Iterator[Model]:
    """The layer of the part, with every size by its name."""
    subscripted = any("_" in name for side in statement.sides for name in names_in(side))
    dims = max(context.layers, default=None) if subscripted else context.dims
    if dims in context.layers:
        for model in models_for(Statement((), ()), replace(context, dims=dims)):
            yield Model(model.conv, Setting(roles=context.roles, sizes=SIZES, base=model.setting.base))
            return
    if not context.layers:
        raise Unreadable("nothing says how large the layer is")
