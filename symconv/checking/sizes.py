"""The layers at which a statement is looked at: the sizes that the article writes, or several where it writes none."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

from symconv.checking.calls import border_named
from symconv.checking.context import SIZES, Context
from symconv.checking.directions import shaped
from symconv.checking.model import Model, Setting, Unreadable
from symconv.checking.naming import layer_sizes, limit_numbers, limit_sizes
from symconv.checking.operators import stars_of
from symconv.checking.passes import free_letters
from symconv.checking.ranks import at_channels, each_channel, groups_of, ranks_of, shape_of
from symconv.checking.terms import (
    Bound,
    Call,
    Choice,
    Entry,
    Grid,
    Name,
    Num,
    Seq,
    Star,
    Statement,
    Term,
    names_in,
    walk,
)
from symconv.layer.conv import Conv

__all__ = ["GENERAL", "is_literal", "layer_of", "models_for", "setting_known", "sizes_of"]

#: letters that are sizes where no limit of a sum says otherwise
WEAK = {"N", "C", "F"}

Pair = tuple[tuple[int, ...], tuple[int, ...]]
#: sizes that leave a remainder at stride 2 somewhere
GENERAL: dict[int, list[Pair]] = {
    1: [((4,), (2,)), ((6,), (3,)), ((3,), (3,)), ((4,), (1,))], 2: [((4, 6), (2, 3)), ((3, 5), (3, 2))],
           3: [((3, 4, 3), (2, 3, 1))]}  # fmt: skip
#: the same where channels multiply what there is to look at
CHANNELED: dict[int, list[Pair]] = {1: [((5,), (2,))], 2: [((3, 5), (3, 2))], 3: [((3, 4, 3), (2, 3, 1))]}
#: the same of transposed layers, whose output is longer than the input
TRANSPOSED: dict[int, list[Pair]] = {**CHANNELED, 3: [((2, 3, 1), (2, 1, 2))]}


def sizes_of(context: Context, dims: int) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    known = context.sizes.get(dims, {})
    x, w, y = known.get("x"), known.get("w"), known.get("y")
    if x and w:
        return x, w
    if context.stride == 1 and not context.padding:
        if x and y:
            return x, tuple(a - b + 1 for a, b in zip(x, y, strict=True))
        if w and y:
            return tuple(a + b - 1 for a, b in zip(w, y, strict=True)), w
    return None


def _setting(statement: Statement, context: Context, layout: tuple[str, str, str], base: int | None) -> Setting:
    """How a statement is written, with the names of its sizes."""
    dims, channels, batch = shape_of(statement, context)
    bound = {b.name for side in statement.sides for b in walk(side) if isinstance(b, Bound)}
    sizes = _size_letters(statement, context, bound)
    ranks = ranks_of(statement, context)
    whole = at_channels(statement, context, {role: next(iter(each)) for role, each in ranks.items()})
    apart = each_channel(statement, context) is not None
    single = channels and not apart and whole is None and (ranks["w"] == {dims + 1} if "w" in ranks else context.single)
    if single:
        layout = (layout[0], layout[1].replace("f", ""), layout[2].replace("f", ""))
    spread = any(ranks.get(role) == {dims + 2 + batch} for role in "xy") or (whole is not None and whole[0] == 2)
    grouped = channels and groups_of(context) != 1 and spread
    first = base if base is not None else context.base if context.base is not None else 1
    if apart:
        layout = (layout[0], layout[1].replace("f", ""), layout[2])
    setting = Setting(
        roles=context.roles, base=first, apart=apart,
        star=context.star, einstein=context.einstein, layout=layout, sizes=sizes, definitions=context.definitions,
        row_gradient=context.row_gradient, padded=frozenset(context.padded), flipped=frozenset(context.flipped),
        framed=frozenset(context.framed), turned=bool(context.forward), grouped=grouped,
        directions=context.second.active(statement), squares=context.second.squared(statement),
        untied=not single and not grouped and ranks.get("b", set()) == {channels + dims} != {int(channels)},
    )  # fmt: skip
    said = limit_sizes(statement, setting, dims, channels, batch)
    sizes |= {n: size for n, size in said.items() if n not in SIZES or n in WEAK}
    names = set().union(*(names_in(side) for side in statement.sides)) if statement.sides else set()
    sizes |= layer_sizes(names, context.highest)
    return setting


def models_for(statement: Statement, context: Context, layout: tuple[str, str, str] = ("cS", "fcS", "fS"), base: int | None = None
            ) -> Iterator[Model]:  # fmt: skip
    dims, channels, batch = shape_of(statement, context)
    names = set().union(*(names_in(side) for side in statement.sides)) if statement.sides else set()
    setting = _setting(statement, context, layout, base)
    sizes, grouped = dict(setting.sizes), setting.grouped
    single = "f" not in setting.layout[1]
    strides = (1, 2, 3) if any(sizes.get(n, ("",))[0] == "s" for n in names & set(sizes)) else (context.stride,)
    letters = {sizes[n][0] for n in names & set(sizes)}
    literal = is_literal(statement)
    if context.free and not literal:
        letters |= free_letters(statement, context)
        strides = (1, 2, 3) if "s" in letters else strides
    if not literal and any(
        isinstance(each, Star) for side in statement.sides for each in walk(side)
    ):  # what has a letter in the same display is about every value of it
        there = set().union(*(names_in(side) for each in context.beside for side in each.sides))
        letters |= {sizes[n][0] for n in there & set(sizes)} & {"s", "d"}
        strides = (1, 2, 3) if "s" in letters else strides
    uses_padding = "p" in letters or any(
        isinstance(e, Entry) and e.array in context.padded for s in statement.sides for e in walk(s)
    )
    paddings: tuple[Any, ...] = (0, 1) if uses_padding else (context.padding or 0,)
    if "q" in letters or (context.sided and uses_padding):  # the two sides apart
        paddings = (0, ((1, 0),) * dims, ((0, 1),) * dims)
    if context.forward == "full" or context.same:
        paddings = ("full" if context.forward == "full" else "same",)
    dilations = (1, 2) if "d" in letters else (context.dilation,)
    if groups_of(context) != 1 and channels and names and not literal and not grouped:
        raise Unreadable("groups of channels are followed in entries written out only")
    if context.border != "zeros" and _leaves_border_open(statement, context):
        raise Unreadable(f"whether the arrays have their border ({context.border}) is not said")
    if dims in context.layers:
        yield Model(layer_of(context, dims, channels, batch), setting, channels, batch)
        if literal or _numbered(statement):
            return
    used = [sizes[n] for n in names & set(sizes)]
    choices = _choices(statement, context, dims, channels, used, setting.base)
    extras = (0, 1) if context.transposed and "r" in letters else (0,)
    steps = (
        _pairs(strides, paddings, dilations)
        if dims > 1 and (channels or setting.directions)
        else itertools.product(strides, paddings, dilations)
    )
    for (s, p, d), (shape, kernel), r in itertools.product(steps, choices, extras):
        widths = _widths(p, kernel) if isinstance(p, str) else p
        if widths is None:
            continue
        try:
            ends: dict[str, Any] = {"in_channels": 2, "out_channels": 1 if single else 3} if channels else {}
            if setting.apart:
                ends = {"in_channels": 2, "out_channels": 2, "groups": 2}
            if grouped:
                ends = {"in_channels": 4, "out_channels": 2, "groups": 2}
            conv = Conv(shape, kernel, 2 if batch else 1, stride=s, padding=widths, dilation=d, transposed=context.transposed,
                        output_padding=r, **context.border_given(), **ends)  # fmt: skip
        except ValueError:
            continue
        yield Model(conv, setting, channels, batch)


def _pairs(strides: Sequence[int], paddings: Sequence[Any], dilations: Sequence[int]) -> Iterator[tuple[int, Any, int]]:
    """Steps and borders, so that any two of their values come together; all three would be too much to look at."""
    few = len(strides) * len(paddings) * len(dilations) <= 9
    for (i, s), (j, p), (k, d) in itertools.product(*map(enumerate, (strides, paddings, dilations))):
        if few or k == (i + j) % len(dilations):
            yield s, p, d


def _widths(what: str, kernel: tuple[int, ...]) -> tuple[int, ...] | None:
    """Padding in terms of the kernel: K - 1, or half of it where it is odd."""
    if what == "full":
        return tuple(k - 1 for k in kernel)
    return tuple(k // 2 for k in kernel) if all(k % 2 for k in kernel) else None


def _size_letters(statement: Statement, context: Context, bound: set[str]) -> dict[str, tuple[str, int]]:
    """The letters that are sizes here: those that are no index, bound or not, and no array."""
    entries = [e for side in statement.sides for e in walk(side) if isinstance(e, Entry)]
    bare = {i.text for e in entries for i in e.at if isinstance(i, Name)}
    sizes = {n: size for n, size in {**SIZES, **context.named}.items() if n not in context.axes or n == "s"}
    return {n: v for n, v in sizes.items() if n not in bound and n not in context.roles and n not in bare}


def _choices(
    statement: Statement, context: Context, dims: int, channels: bool, used: list[tuple[str, int]], base: int
) -> list[Pair]:
    """Inputs and kernels to look at: what the article writes, and several where the statement is about every size."""
    literal = is_literal(statement)
    chosen = sizes_of(context, dims)
    if chosen is None and literal:
        chosen = _fitted(statement, context, dims, base) or _by_limits(statement, context, dims, channels)
    choices: list[Pair] = [chosen] if chosen else []
    oblong = dims > 1 and "K" in context.square and not literal
    square = dims > 1 and any(letter in "HKO" for letter, _ in used) and not any(axis for _, axis in used)
    if square and not literal:  # one letter for every axis
        long = 2 if context.transposed and channels and dims == 3 else 4
        choices += [((long,) * dims, (2,) * dims)] + (
            [((5,) * dims, (3,) * dims)] if dims == 2 and not channels else []
        )
    elif oblong and dims == 2:
        choices += [((4, 5), (2, 2)), ((5, 4), (3, 3))][: 1 if channels else 2]
    elif not literal and not channels:
        choices += [each for each in GENERAL[dims] if each != chosen][: 3 if dims == 1 else 1]
    elif not literal and not chosen:
        choices += (TRANSPOSED if context.transposed else CHANNELED)[dims]
    if context.same and not literal:
        choices += [((4,) * dims, (3,) * dims)]
    if not choices:
        raise Unreadable("nothing says how large the layer is")
    return choices


def layer_of(context: Context, dims: int, channels: bool = False, batch: bool = False) -> Conv:
    """The layer of so many axes that the article says it is about, Unreadable where there is no such layer."""
    given, transposed = context.layers[dims], context.transposed

    def each(what: str, default: int) -> tuple[int, ...]:
        values = given.get(what, (default,))
        return values * dims if len(values) == 1 else values

    before, after = each("padding", 0), each("after", 0) if "after" in given else each("padding", 0)
    try:
        return Conv(
            input=each("input", 1), kernel=each("kernel", 1), stride=each("stride", 1), dilation=each("dilation", 1),
            padding=tuple(zip(before, after, strict=True)), batch=given.get("batch", (2,))[0] if batch else 1,
            transposed=transposed, output_padding=each("output_padding", 0) if transposed else 0,
            groups=given.get("groups", (1,))[0] if channels else 1,
            in_channels=given.get("in_channels", (1,))[0] if channels else 1,
            out_channels=given.get("out_channels", (1,))[0] if channels else 1,
            **context.border_given(),
        )  # fmt: skip
    except ValueError as error:
        raise Unreadable(f"no layer: {error}") from None


def setting_known(statement: Statement, context: Context) -> bool:
    """Whether the article says how large its layer is, or the statement holds at every size or at none."""
    if not is_literal(statement) and not _numbered(statement):
        return True
    dims, _, _ = shape_of(statement, context)
    return dims in context.layers or sizes_of(context, dims) is not None


def _numbered(statement: Statement) -> bool:
    """Whether an index carries numbers that a stride or a padding may hide in."""
    for side in statement.sides:
        for each in walk(side):
            if isinstance(each, Call) and any(isinstance(n, Num) and n.value for n in each.args):
                return True
            given: tuple[Term, ...] = each.at if isinstance(each, Entry) else ()
            if isinstance(each, Choice):
                given = tuple(end for _, equations in each.rows for pair in equations or () for end in pair)
            if any(isinstance(n, Num) and not -1 <= n.value <= 1 for index in given for n in walk(index)):
                return True
    return False


def is_literal(statement: Statement) -> bool:
    """Whether numbers of one size are written: matrices, entries at numbers, limits of sums."""
    for side in statement.sides:
        for each in walk(side):
            if isinstance(each, (Grid, Seq)):
                return True
            if isinstance(each, Entry) and any(isinstance(i, Num) for i in each.at):
                return True
            if isinstance(each, Call) and each.word == "slice" and any(isinstance(i, Num) for i in each.args[1:]):
                return True
            if isinstance(each, Bound) and isinstance(each.high, Num) and (each.low is None or not names_in(each.low)):
                return True
    return False


def _leaves_border_open(statement: Statement, context: Context) -> bool:
    """Whether whole arrays slide over each other and no word says which of them has its border."""
    sides = [each for side in statement.sides for each in walk(side)]
    dims, _, _ = shape_of(statement, context)
    given = context.layers.get(dims)
    if given is not None and not any((*given.get("padding", ()), *given.get("after", ()))):
        return False  # there is none
    named = any(isinstance(each, Call) and len(each.args) > 1 and border_named(each.args[1:])[1] for each in sides)
    return not named and any(
        isinstance(each, Name) and context.roles.get(each.text, context.roles.get(each.text.removeprefix("d"))) == "x"
        for star in stars_of(statement)
        for each in (*walk(statement.sides[0]), *walk(star))
        if not isinstance(star.left, Grid)
    )


def _fitted(
    statement: Statement, context: Context, dims: int, base: int
) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """The layer whose last entries are the last ones written."""
    last: dict[str, list[int]] = {}
    for side in statement.sides:
        for each in walk(side):
            if isinstance(each, Entry) and all(isinstance(i, Num) for i in each.at) and len(each.at) == dims:
                role = shaped(context.roles.get(each.array) or context.roles.get(each.array[1:]) or "")
                if role in ("x", "w", "y"):
                    ends = last.setdefault(role, [0] * dims)
                    for axis, i in enumerate(each.at):
                        ends[axis] = max(ends[axis], int(i.value) - base + 1)  # type: ignore[attr-defined]
    if context.stride != 1 or context.padding:
        return None
    x, w, y = last.get("x"), last.get("w"), last.get("y")
    if w and y and x and [a + b - 1 for a, b in zip(w, y, strict=True)] != x:
        x = None if all(a >= c for a, c in zip([p + q - 1 for p, q in zip(w, y, strict=True)], x, strict=True)) else x
        if x is not None:
            return None
    if w and y:
        return tuple(a + b - 1 for a, b in zip(w, y, strict=True)), tuple(w)
    if x and w and all(a >= b for a, b in zip(x, w, strict=True)):
        return tuple(x), tuple(w)
    if x and y and all(a >= b for a, b in zip(x, y, strict=True)):
        return tuple(x), tuple(a - b + 1 for a, b in zip(x, y, strict=True))
    return None


def _by_limits(statement: Statement, context: Context, dims: int, channels: bool) -> Pair | None:
    """A layer as long as the numbers up to which indices run say; axes of which they say nothing are like the others."""
    setting = Setting(context.roles, layout=("cS", "fcS", "fS"))
    found = limit_numbers(statement, setting, dims, channels)
    kernels = [n for (letter, _), n in found.items() if letter == "K"]
    outputs = [n for (letter, _), n in found.items() if letter == "O"]
    if not kernels and not outputs:
        return None
    kernel = tuple(found.get(("K", axis), kernels[0] if kernels else 2) for axis in range(dims))
    output = tuple(found.get(("O", axis), outputs[0] if outputs else 3) for axis in range(dims))
    if min(kernel) < 1 or min(output) < 1 or max(*kernel, *output) > 9:
        return None
    return tuple(k + o - 1 for k, o in zip(kernel, output, strict=True)), kernel
