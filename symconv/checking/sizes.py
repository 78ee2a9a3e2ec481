"""The layers at which a statement is looked at: the sizes that the article writes, or several where it writes none."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from symconv.checking.context import SIZES, Context
from symconv.checking.model import Model, Setting, Unreadable
from symconv.checking.terms import (
    Bound,
    Entry,
    Grid,
    Num,
    Seq,
    Statement,
    names_in,
    walk,
)
from symconv.layer.conv import Conv

__all__ = ["GENERAL", "is_literal", "models_for", "shape_of", "sizes_of"]

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
    options = [(context.dims or 1, context.channels, False)] + [
        (d, c, n) for d in (1, 2, 3) for c in (False, True) for n in (False, True)
    ]
    for dims, channels, batch in options:
        due = {"x": batch + channels + dims, "w": 2 * channels + dims, "y": batch + channels + dims, "b": int(channels)}
        if all(due[role] == rank for role, rank in given.items()):
            return dims, channels, batch
    raise Unreadable("the numbers of indices fit no layer: " + ", ".join(f"{role} {n}" for role, n in given.items()))


def models_for(statement: Statement, context: Context, layout: tuple[str, str, str] = ("cS", "fcS", "fS"), base: int | None = None
            ) -> Iterator[Model]:  # fmt: skip
    dims, channels, batch = shape_of(statement, context)
    names = set().union(*(names_in(side) for side in statement.sides)) if statement.sides else set()
    bound = {b.name for side in statement.sides for b in walk(side) if isinstance(b, Bound)}
    sizes = {
        name: size for name, size in SIZES.items() if (name not in context.axes and name not in bound) or name in ("s",)
    }
    sizes = {n: v for n, v in sizes.items() if n not in bound and n not in context.roles}
    setting = Setting(
        roles=context.roles, base=1 if base is None and context.base is None else context.base if base is None else base,  # type: ignore[arg-type]
        star=context.star, einstein=context.einstein, layout=layout, sizes=sizes, definitions=context.definitions,
        row_gradient=context.row_gradient, padded=frozenset(context.padded), flipped=frozenset(context.flipped),
    )  # fmt: skip
    strides = (1, 2, 3) if any(sizes.get(n, ("",))[0] == "s" for n in names & set(sizes)) else (context.stride,)
    letters = {sizes[n][0] for n in names & set(sizes)}
    uses_padding = "p" in letters or any(
        isinstance(e, Entry) and e.array in context.padded for s in statement.sides for e in walk(s)
    )
    paddings: tuple[int, ...] = (0, 1) if uses_padding else (context.padding or 0,)
    dilations = (1, 2) if "d" in letters else (1,)
    chosen = sizes_of(context, dims)
    literal = is_literal(statement)
    if chosen is None and literal:
        chosen = _fitted(statement, context, dims, setting.base)
    choices: list[Pair] = [chosen] if chosen else []
    if not literal and not channels:
        choices += [each for each in GENERAL[dims] if each != chosen][: 3 if dims == 1 else 1]
    elif not literal and not chosen:
        choices += GENERAL[dims][-1:]
    if not choices:
        raise Unreadable("nothing says how large the layer is")
    for (shape, kernel), s, p, d in itertools.product(choices, strides, paddings, dilations):
        try:
            conv = Conv(input=shape, kernel=kernel, stride=s, padding=p, dilation=d, batch=2 if batch else 1,
                        in_channels=2 if channels else 1, out_channels=3 if channels else 1)  # fmt: skip
        except ValueError:
            continue
        yield Model(conv, setting, channels, batch)


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


# equations
