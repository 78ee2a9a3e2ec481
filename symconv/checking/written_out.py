"""The layer of a forward pass that is written out: its steps, border and sizes, by which entries of y name those of x and w."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from symconv.checking.documents import Block
from symconv.checking.letters import ReadingError, stem_of
from symconv.checking.statements import statements
from symconv.checking.terms import Add, Entry, Mul, Name, Num, Statement, Term, walk
from symconv.mathematics.of_latex import LatexError, read_latex

__all__ = ["Steps", "steps_of"]

#: what is tried: strides, dilations and paddings of written examples are small
STRIDES, DILATIONS, PADDINGS = range(1, 5), range(1, 4), range(5)

#: fewer products than this may be anything
FEW = 4

Place = tuple[int, ...]


@dataclass(frozen=True)
class Steps:
    """One layer for all entries of y in a part of an article."""

    stride: int
    dilation: int
    padding: int
    input: Place
    kernel: Place


@dataclass(frozen=True)
class _Product:
    """In y at o there is the product of w at k and x at m, counted from 0."""

    o: Place
    k: Place
    m: Place


def steps_of(blocks: Sequence[Block], roles: Mapping[str, str], base: int) -> dict[int, Steps]:
    """The layer of each part, from heading to heading, in which entries of y are written out, at the line of its first display.

    Only where it is another one than stride 1 without a border, and where all products of the part are those of one layer:
    m = s*o + d*k - p.

    >>> text = r"y_1 = x_1 w_2 + x_2 w_3 \\\\ y_2 = x_2 w_1 + x_3 w_2 + x_4 w_3"
    >>> steps_of([Block("display", text, 7)], {"x": "x", "w": "w", "y": "y"}, 1)
    {7: Steps(stride=2, dilation=1, padding=1, input=(4,), kernel=(3,))}
    """
    parts: list[tuple[int, list[Statement], list[_Product]]] = []
    fresh = True
    for block in blocks:
        fresh = fresh or block.kind == "heading"
        if block.kind != "display":
            continue
        told = _read(block.text, roles)
        products = [each for one in told for each in _of(one, roles, base)]
        if fresh or not parts:
            parts.append((block.line, [], []))
        fresh = False
        parts[-1][1].extend(told)
        parts[-1][2].extend(products)
    found: dict[int, Steps] = {}
    for at, (line, told, products) in enumerate(parts):
        if (layer := _layer(products)) is not None:
            own = itertools.takewhile(lambda each: not each[2], parts[at + 1 :])  # the parts that go on from it
            found[line] = _sized(products[0], layer, [*told, *(one for each in own for one in each[1])], roles, base)
    return found


def _read(text: str, roles: Mapping[str, str]) -> list[Statement]:
    with suppress(LatexError, ReadingError, RecursionError):
        return statements(read_latex(text)[0], set(roles))
    return []


def _of(statement: Statement, roles: Mapping[str, str], base: int) -> Iterator[_Product]:
    left, right = statement.sides[0], statement.sides[-1]
    if len(statement.sides) < 2 or _role(left, roles) != "y":
        return
    told = []
    for sign, term in right.terms if isinstance(right, Add) else [(1, right)]:
        pair = (
            {_role(each, roles): each for each in term.factors} if isinstance(term, Mul) else {_role(term, roles): term}
        )
        if set(pair) == {"b"} or (isinstance(term, Name) and roles.get(term.text) == "b"):
            continue
        if set(pair) != {"x", "w"} or sign != 1:
            return  # no sum of products: nothing is known of it
        told.append(tuple(_place(each, base) for each in (left, pair["w"], pair["x"])))
    if all(len({len(place) for place in each}) == 1 for each in told):
        yield from (_Product(*each) for each in told)


def _role(term: Term, roles: Mapping[str, str]) -> str | None:
    if not isinstance(term, Entry) or not term.at or not all(isinstance(i, Num) for i in term.at):
        return None
    return roles.get(term.array) or roles.get(stem_of(term.array))


def _place(term: Term, base: int) -> Place:
    assert isinstance(term, Entry)
    return tuple(int(i.value) - base for i in term.at if isinstance(i, Num))


def _layer(products: Sequence[_Product]) -> tuple[int, int, int] | None:
    if len(products) < FEW or len({len(each.o) for each in products}) != 1:
        return None
    equations = {each for one in products for each in zip(one.o, one.k, one.m, strict=True)}
    for s, d, p in itertools.product(STRIDES, DILATIONS, PADDINGS):
        if all(m == s * o + d * k - p for o, k, m in equations):
            return None if (s, d, p) == (1, 1, 0) else (s, d, p)
    return None


def _sized(
    like: _Product, layer: tuple[int, int, int], told: Sequence[Statement], roles: Mapping[str, str], base: int
) -> Steps:
    """The smallest layer that has every entry of the part, in gradients too."""
    s, d, p = layer
    last = {role: [0] * len(like.o) for role in "xwy"}
    for each in (each for one in told for side in one.sides for each in walk(side)):
        role = _role(each, roles) or _role(
            replace(each, array=each.array[1:]) if isinstance(each, Entry) else each, roles
        )
        role = (role or "").removeprefix("d")
        if role in last and len(place := _place(each, base)) == len(like.o):
            last[role] = [max(a, i + 1) for a, i in zip(last[role], place, strict=True)]
    sizes = tuple(
        max(x, s * (y - 1) + d * (k - 1) + 1 - 2 * p) for x, k, y in zip(last["x"], last["w"], last["y"], strict=True)
    )
    return Steps(s, d, p, sizes, tuple(last["w"]))
