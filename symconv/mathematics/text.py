"""Mathematics, formulas and integer expressions as Unicode text for a terminal, over several lines where it must.

Number indices are set below (``x₁₁``), others in brackets (``x[o + k − 1]``); summation signs carry their limits above and
below, matrices their brackets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import singledispatch
from typing import Any

from symconv.algebra.integers import Integer
from symconv.formulas import tree
from symconv.mathematics.lines import lines
from symconv.mathematics.of_formulas import of_formula
from symconv.mathematics.of_integers import of_integer
from symconv.mathematics.tree import (
    Above,
    Below,
    Equation,
    Fence,
    Fraction,
    Math,
    Matrix,
    Operator,
    Product,
    Row,
    Struck,
    Sum,
    Total,
    Word,
)

__all__ = ["Box", "box", "equation_lines", "pretty"]

BELOW = str.maketrans("0123456789−", "₀₁₂₃₄₅₆₇₈₉₋")
LOWERABLE = frozenset("0123456789−,")
ABOVE = {"⊤": "ᵀ", "2": "²"}

#: brackets by height: (one line, top, middle, bottom)
BRACKETS = {
    "[": ("[", "⎡", "⎢", "⎣"), "]": ("]", "⎤", "⎥", "⎦"), "(": ("(", "⎛", "⎜", "⎝"), ")": (")", "⎞", "⎟", "⎠"),
    "⌊": ("⌊", "⎢", "⎢", "⎣"), "⌋": ("⌋", "⎥", "⎥", "⎦"),
}  # fmt: skip


#: what does not fit beside its left side stands below it, set in by this much
BELOW_BY = 6


@dataclass(frozen=True)
class Box:
    """Lines of one width; ``base`` is the line that stands on the line of text."""

    lines: tuple[str, ...]
    base: int = 0

    @property
    def width(self) -> int:
        return len(self.lines[0])

    @property
    def depth(self) -> int:
        """Lines below the base."""
        return len(self.lines) - 1 - self.base

    def spread(self, above: int, below: int) -> list[str]:
        """The lines with blank ones around, so that the base is line ``above``."""
        blank = " " * self.width
        return [blank] * (above - self.base) + list(self.lines) + [blank] * (below - self.depth)


def beside(boxes: Sequence[Box]) -> Box:
    """The boxes side by side on one base line."""
    if not boxes:
        return Box(("",))
    above, below = max(b.base for b in boxes), max(b.depth for b in boxes)
    rows = zip(*(b.spread(above, below) for b in boxes), strict=True)
    return Box(tuple("".join(row) for row in rows), above)


def stacked(lines: Sequence[str], base: int) -> Box:
    """Lines centred over each other."""
    size = max(map(len, lines))
    return Box(tuple(line.center(size) for line in lines), base)


def bracketed(inner: Box, left: str, right: str) -> Box:
    """``inner`` in brackets as tall as it is."""
    return beside([_bracket(left, inner), inner, _bracket(right, inner)])


def _bracket(sign: str, inner: Box) -> Box:
    one, top, middle, bottom = BRACKETS[sign]
    if len(inner.lines) == 1:
        return Box((one,))
    return Box((top, *[middle] * (len(inner.lines) - 2), bottom), inner.base)


@singledispatch
def box(thing: Any) -> Box:
    """``thing`` as a box of text."""
    raise TypeError(f"no text for {thing!r}")


@box.register
def _(thing: Word) -> Box:
    return Box((thing.text,))


@box.register
def _(thing: Operator) -> Box:
    return Box((f" {thing.text} ",))


@box.register
def _(thing: Below) -> Box:
    sub = box(thing.sub)
    text = sub.lines[0]
    if len(sub.lines) == 1 and set(text) <= LOWERABLE:
        return beside([box(thing.base), Box((text.translate(BELOW),))])
    return beside([box(thing.base), bracketed(sub, "[", "]")])


@box.register
def _(thing: Above) -> Box:
    sup = box(thing.sup)
    return beside([box(thing.base), Box((ABOVE.get(sup.lines[0], "^" + sup.lines[0]),))])


@box.register
def _(thing: Row) -> Box:
    pieces = []
    for part in thing.parts:
        pieces.append(box(part))
        if isinstance(part, Total):
            pieces.append(Box((" ",)))
    return beside(pieces)


@box.register
def _(thing: Product) -> Box:
    pieces: list[Box] = []
    for factor in thing.factors:
        pieces += [Box(("·",)), box(factor)] if pieces else [box(factor)]
    return beside(pieces)


@box.register
def _(thing: Sum) -> Box:
    pieces = []
    for i, (sign, term) in enumerate(thing.terms):
        if i:
            pieces.append(Box((" − " if sign < 0 else " + ",)))
        elif sign < 0:
            pieces.append(Box(("−",)))
        pieces.append(box(term))
    return beside(pieces)


@box.register
def _(thing: Fence) -> Box:
    return bracketed(box(thing.body), thing.left, thing.right)


@box.register
def _(thing: Struck) -> Box:
    return beside([Box(("~",)), box(thing.body), Box(("~",))])


@box.register
def _(thing: Fraction) -> Box:
    top, bottom = (
        box(Fence(part)) if isinstance(part, (Sum, Row)) and not _differential(part) else box(part)
        for part in (thing.top, thing.bottom)
    )
    return beside([top, Box((" / ",)), bottom])


def _differential(part: Math) -> bool:
    """``∂y``, which needs no brackets above or below a slash."""
    return isinstance(part, Row) and len(part.parts) == 2 and part.parts[0] == Word("∂")


@box.register
def _(thing: Total) -> Box:
    under = ["".join(box(u).lines[0].split()) for u in thing.under]
    over = [box(thing.over).lines[0]] if thing.over else []
    return stacked([*over, "Σ", *under], len(over))


@dataclass(frozen=True)
class Dense(Matrix):
    """A matrix whose columns stand one space apart."""


def dense(thing: Math) -> Math:
    """The same with its matrices dense."""
    if isinstance(thing, Matrix):
        return Dense(thing.rows)
    if isinstance(thing, Fence):
        return replace(thing, body=dense(thing.body))
    return Row(tuple(map(dense, thing.parts))) if isinstance(thing, Row) else thing


@box.register
def _(thing: Matrix) -> Box:
    cells = [[box(cell).lines[0] for cell in row] for row in thing.rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    gap = " " if isinstance(thing, Dense) else "  "
    rows = [gap.join(cell.center(size) for cell, size in zip(row, widths, strict=True)) for row in cells]
    inner = Box(tuple(f" {row} " for row in rows), (len(rows) - 1) // 2)
    return bracketed(inner, "[", "]")


def pretty(thing: Math | Equation | tree.Formula | Integer, width: int = 100) -> str:
    """``thing`` as text no wider than ``width`` where it can be broken.

    >>> from symconv.formulas.standard import standard
    >>> from symconv.layer.relation import OUTPUT_SIZE
    >>> print(pretty(OUTPUT_SIZE))
    ⌊(H + p + q − d·(K − 1) − 1) / s⌋ + 1
    >>> print(pretty(standard("dx")))
    dx = pad[d·(K − 1) − p, d·(K − 1) − q + r](dy ↑ s) ⋆ (flip(w) ↑ d)
    """
    if isinstance(thing, tree.Formula):
        thing = of_formula(thing)
    if isinstance(thing, Integer):
        thing = of_integer(thing)
    if isinstance(thing, Equation):
        return "\n".join(line.rstrip() for line in equation_lines(thing, width))
    rows = box(thing).lines
    return rows[0].strip() if len(rows) == 1 else "\n".join(line.rstrip() for line in rows)


def equation_lines(
    equation: Equation, width: int, left: int = 0, note: Callable[[int], str] | None = None
) -> list[str]:
    """An equation as lines; its left side is set to the right of ``left`` columns, so that equations align.

    Sides follow each other on one line where they fit, and are broken before signs where they do not; what cannot be broken and
    is too wide has its matrices set closer, or stands below its left side. ``note`` words the equation's count of what is left
    out.
    """
    head = box(equation.left)
    head = beside([Box((" " * max(0, left - head.width),)), head])
    indent = Box((" " * (head.width + 3),))
    result: list[str] = []
    whole = beside([head, *(box(Row((Operator(sign), side))) for sign, side in equation.steps)])
    if len(equation.steps) > 1 and whole.width <= width:
        return list(whole.lines)
    for i, (sign, side) in enumerate(equation.steps):
        room = max(20, width - head.width - 3)
        rows = lines(side, measured, room)
        for other in (dense, opened):
            if max(map(measured, rows)) > room:
                rows = lines(other(side), measured, room)
        low = not i and head.width > BELOW_BY and max(map(measured, rows)) > room
        if low:  # the left side has a line of its own
            result += beside([head, Box((f" {sign}",))]).lines
            head, indent = Box((" " * (BELOW_BY - 3),)), Box((" " * BELOW_BY,))
            rows = lines(side, measured, width - BELOW_BY)
        for j, row in enumerate(rows):
            if j or low:
                lead = indent
            else:
                lead = beside([Box((" " * head.width,)) if i else head, Box((f" {sign} ",))])
            boxed = beside([lead, box(_led(row) if j else row)])
            if result and len(boxed.lines) > 1 and result[-1].strip():
                result.append("")
            result += boxed.lines
    if equation.note is not None and note is not None:
        text = f"   {note(equation.note)}"
        if len(result[-1].rstrip()) + len(text) <= width:
            result[-1] = result[-1].rstrip() + text
        else:
            result.append(" " * head.width + text)
    return result


def opened(thing: Math) -> Math:
    """A row whose last part is a bracket on one line, as one that can be broken inside it."""
    fence = thing.parts[-1] if isinstance(thing, Row) else None
    if (
        isinstance(thing, Row)
        and isinstance(fence, Fence)
        and isinstance(fence.body, Row)
        and len(box(fence).lines) == 1
    ):
        return Row((*thing.parts[:-1], Word(fence.left), *fence.body.parts, Word(fence.right)))
    return thing


def measured(math: Math) -> int:
    """The columns that ``math`` takes."""
    return box(math).width


def _led(row: Math) -> Math:
    """The row; without the space before it if it begins with a sign."""
    if isinstance(row, Operator):
        return Word(row.text + " ")
    if isinstance(row, Row):
        return Row((_led(row.parts[0]), *row.parts[1:]))
    return row
