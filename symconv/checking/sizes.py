"""The layers at which a statement is looked at: the sizes that the article writes, or several where it writes none."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from symconv.checking.context import SIZES, Context
from symconv.checking.model import Model, Setting, Unreadable
from symconv.checking.naming import layer_sizes, limit_numbers, limit_sizes
from symconv.checking.operators import stars_of
from symconv.checking.terms import (
    Bound,
    Call,
    Choice,
    Diff,
    Entry,
    Grid,
    Mul,
    Name,
    Num,
    Seq,
    Star,
    Statement,
    SumOver,
    Term,
    names_in,
    walk,
)
from symconv.layer.conv import Conv

__all__ = ["GENERAL", "is_literal", "models_for", "setting_known", "shape_of", "sizes_of"]

#: letters that are sizes where no limit of a sum says otherwise
WEAK = {"N", "C", "F"}

Pair = tuple[tuple[int, ...], tuple[int, ...]]
GENERAL: dict[int, list[Pair]] = {
    1: [((4,), (2,)), ((5,), (3,)), ((3,), (3,)), ((4,), (1,))], 2: [((4, 5), (2, 3)), ((3, 4), (3, 2))],
           3: [((3, 4, 3), (2, 3, 1))]}  # fmt: skip


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


def _ranks(statement: Statement, context: Context) -> dict[str, set[int]]:
    ranks: dict[str, set[int]] = {}
    for side in statement.sides:
        for each in walk(side):
            if isinstance(each, Entry):
                role = context.roles.get(each.array) or (
                    context.roles.get(each.array[1:]) if each.array.startswith("d") else None
                )
                if role is not None:
                    ranks.setdefault(role.removeprefix("d"), set()).add(len(each.at))
    return ranks


def shape_of(statement: Statement, context: Context) -> tuple[int, bool, bool]:
    """How many axes of space, and whether channels and the image have an index: what the numbers of indices say."""
    ranks = _ranks(statement, context)
    if any(len(r) > 1 for r in ranks.values()):
        raise Unreadable("the same array with different numbers of indices")
    given = {role: next(iter(r)) for role, r in ranks.items()}
    current = context.channels
    if given.get("w") in (2, 3) and _slides(statement):  # arrays at their channels: y_f is the sum of x_c * w_fc
        lead = given["w"] - 1
        if all(rank == lead for role, rank in given.items() if role != "w") and (lead == 1 or groups_of(context) != 1):
            return _written_axes(statement) or context.dims or 1, True, False
    if not given and stars_of(statement):  # whole arrays: of one channel
        return _written_axes(statement) or context.dims or 1, False, False
    options = [
        (context.dims or 1, current, False),
        *((d, c, n) for n in (False, True) for c in (current, not current) for d in (1, 2, 3)),
    ]
    for dims, channels, batch in options:
        due = {"x": batch + channels + dims, "w": 2 * channels + dims, "y": batch + channels + dims, "b": int(channels)}
        if channels and given.get("w") == dims + 1:  # one output, which has no index of its own
            due |= {"w": dims + 1, "y": batch + dims, "b": 0}
        if channels and groups_of(context) != 1 and given.get("x", given.get("y")) == batch + dims + 2:
            due = {"x": batch + dims + 2, "w": dims + 3, "y": batch + dims + 2, "b": 2}
        fits = {role for role, rank in given.items() if due[role] == rank}
        if fits == set(given) or (set(given) - fits == {"b"} and given["b"] == channels + dims):
            return dims, channels, batch
    raise Unreadable("the numbers of indices fit no layer: " + ", ".join(f"{role} {n}" for role, n in given.items()))


def groups_of(context: Context) -> int:
    """How many groups of channels the article's layer has."""
    return max((layer.get("groups", (1,))[0] for layer in context.layers.values()), default=1)


def _slides(statement: Statement) -> bool:
    """Whether a star or a border is applied to entries, which are whole arrays then."""
    return any(
        isinstance(each, Star) and each.sign == "⋆" and any(isinstance(e, Entry) for e in walk(each))
        and not any(isinstance(e, Grid) for e in walk(each)) for side in statement.sides for each in walk(side)
    )  # fmt: skip


def _written_axes(statement: Statement) -> int | None:
    """For how many axes steps are written, ``(2, 1)``."""
    for side in statement.sides:
        for each in walk(side):
            if isinstance(each, Call) and each.word in ("dilate", "thin") and isinstance(each.args[-1], Seq):
                return len(each.args[-1].items)
            if isinstance(each, Call) and each.word == "pad" and isinstance(each.args[-1], Seq) and len(each.args) == 2:
                return len(each.args[-1].items)
            if isinstance(each, Call) and each.word == "pad" and isinstance(each.args[-1], Mul):
                pairs = [f for f in each.args[-1].factors if isinstance(f, Seq)]
                if len(pairs) == len(each.args[-1].factors):
                    return len(pairs)
    return None


def _setting(statement: Statement, context: Context, layout: tuple[str, str, str], base: int | None) -> Setting:
    """How a statement is written, with the names of its sizes."""
    dims, channels, batch = shape_of(statement, context)
    bound = {b.name for side in statement.sides for b in walk(side) if isinstance(b, Bound)}
    sizes = _size_letters(statement, context, bound)
    single = channels and _ranks(statement, context).get("w") == {dims + 1}
    if single:
        layout = (layout[0], layout[1].replace("f", ""), layout[2].replace("f", ""))
    ranks = _ranks(statement, context)
    spread = any(ranks.get(role) == {dims + 2 + batch} for role in "xy") or (
        ranks.get("w") == {3} and _slides(statement)
    )
    grouped = channels and groups_of(context) != 1 and spread
    first = base if base is not None else context.base if context.base is not None else 1
    setting = Setting(
        roles=context.roles, base=first,
        star=context.star, einstein=context.einstein, layout=layout, sizes=sizes, definitions=context.definitions,
        row_gradient=context.row_gradient, padded=frozenset(context.padded), flipped=frozenset(context.flipped),
        framed=frozenset(context.framed), turned=bool(context.forward), grouped=grouped,
        untied=not single and not grouped and _ranks(statement, context).get("b", set()) == {channels + dims} != {int(channels)},
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
    sizes, grouped, single = dict(setting.sizes), setting.grouped, "f" not in setting.layout[1]
    strides = (1, 2, 3) if any(sizes.get(n, ("",))[0] == "s" for n in names & set(sizes)) else (context.stride,)
    letters = {sizes[n][0] for n in names & set(sizes)}
    uses_padding = "p" in letters or any(
        isinstance(e, Entry) and e.array in context.padded for s in statement.sides for e in walk(s)
    )
    paddings: tuple[int | str, ...] = (0, 1) if uses_padding else (context.padding or 0,)
    if context.forward == "full" or context.same:
        paddings = ("full" if context.forward == "full" else "same",)
    dilations = (1, 2) if "d" in letters else (1,)
    literal = is_literal(statement)
    if groups_of(context) != 1 and channels and names and not literal and not grouped:
        raise Unreadable("groups of channels are followed in entries written out only")
    if context.border != "zeros" and not (
        _without_border(statement, context) or (dims in context.layers and is_written_out(statement))
    ):
        raise Unreadable(f"a border ({context.border}) is followed in entries written out only")
    if dims in context.layers:
        layer = _layer(context.layers[dims], dims, channels, batch, context.border, context.transposed)
        yield Model(layer, setting, channels, batch)
        if literal or _numbered(statement):
            return
    used = [sizes[n] for n in names & set(sizes)]
    choices = _choices(statement, context, dims, channels, used, setting.base)
    extras = (0, 1) if context.transposed and "r" in letters else (0,)
    for (shape, kernel), s, p, d, r in itertools.product(choices, strides, paddings, dilations, extras):
        widths = _widths(p, kernel) if isinstance(p, str) else p
        if widths is None:
            continue
        try:
            ends: dict[str, Any] = {"in_channels": 2, "out_channels": 1 if single else 3} if channels else {}
            if grouped:
                ends = {"in_channels": 4, "out_channels": 2, "groups": 2}
            conv = Conv(shape, kernel, 2 if batch else 1, stride=s, padding=widths, dilation=d, transposed=context.transposed,
                        output_padding=r, **ends)  # fmt: skip
        except ValueError:
            continue
        yield Model(conv, setting, channels, batch)


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
    square = dims > 1 and any(letter in "HKO" for letter, _ in used) and not any(axis for _, axis in used)
    if square and not literal:  # one letter for every axis
        choices += [((4,) * dims, (2,) * dims)] + ([((5,) * dims, (3,) * dims)] if dims == 2 and not channels else [])
    elif not literal and not channels:
        choices += [each for each in GENERAL[dims] if each != chosen][: 3 if dims == 1 else 1]
    elif not literal and not chosen:
        choices += GENERAL[dims][-1:]
    if context.same and not literal:
        choices += [((4,) * dims, (3,) * dims)]
    if not choices:
        raise Unreadable("nothing says how large the layer is")
    return choices


def _layer(
    given: dict[str, tuple[int, ...]],
    dims: int,
    channels: bool,
    batch: bool,
    border: str = "zeros",
    transposed: bool = False,
) -> Conv:
    """The layer that the article says it is about."""

    def each(what: str, default: int) -> tuple[int, ...]:
        values = given.get(what, (default,))
        return values * dims if len(values) == 1 else values

    before, after = each("padding", 0), each("after", 0) if "after" in given else each("padding", 0)
    try:
        return Conv(
            input=each("input", 1), kernel=each("kernel", 1), stride=each("stride", 1), dilation=each("dilation", 1),
            padding=tuple(zip(before, after, strict=True)), padding_mode=border, batch=2 if batch else 1,
            transposed=transposed, output_padding=each("output_padding", 0) if transposed else 0,
            groups=given.get("groups", (1,))[0] if channels else 1,
            in_channels=given.get("in_channels", (1,))[0] if channels else 1,
            out_channels=given.get("out_channels", (1,))[0] if channels else 1,
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
            if isinstance(each, Call) and any(isinstance(n, Num) for n in each.args):
                return True
            given: tuple[Term, ...] = each.at if isinstance(each, Entry) else ()
            if isinstance(each, Choice):
                given = tuple(end for _, equations in each.rows for pair in equations or () for end in pair)
            if any(isinstance(n, Num) and abs(n.value) > 1 for index in given for n in walk(index)):
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
            if isinstance(each, Bound) and isinstance(each.high, Num):
                return True
    return False


def _without_border(statement: Statement, context: Context) -> bool:
    """Whether a statement is about arrays that no border touches: neither x nor a gradient that reads or feeds it."""
    for side in statement.sides:
        for each in walk(side):
            name = each.array if isinstance(each, Entry) else each.text if isinstance(each, Name) else ""
            role = context.roles.get(name) or context.roles.get(name.removeprefix("d"))
            if isinstance(each, Diff) or role == "x" or (role == "w" and name.startswith("d")):
                return False
            if role == "y" and not name.startswith("d") and any(context.roles.get(n) == "w" for n in names_in(side)):
                return False
    return True


def is_written_out(statement: Statement) -> bool:
    """Whether every entry stands at numbers and every array is a matrix or its own name alone, so that no border is read."""
    parts = [each for side in statement.sides for each in walk(side)]
    if any(isinstance(each, (SumOver, Star, Call)) for each in parts):
        return False
    return is_literal(statement) and all(
        isinstance(i, Num) for each in parts if isinstance(each, Entry) for i in each.at
    )


def _fitted(
    statement: Statement, context: Context, dims: int, base: int
) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """The layer whose last entries are the last ones written."""
    last: dict[str, list[int]] = {}
    for side in statement.sides:
        for each in walk(side):
            if isinstance(each, Entry) and all(isinstance(i, Num) for i in each.at) and len(each.at) == dims:
                role = (context.roles.get(each.array) or context.roles.get(each.array[1:]) or "").removeprefix("d")
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
