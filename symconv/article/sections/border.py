"""Padding with something else than zeros: which rows stand on the border, and the gradient folded back onto them."""

from __future__ import annotations

import numpy as np

from symconv.algebra.integers import Integer
from symconv.article.blocks import Block, Equations, Paragraph, Picture, Section
from symconv.article.case import Case
from symconv.article.drawing import drawn
from symconv.article.sections.passes import entry_equations, general, written_out
from symconv.article.sections.setting import named, sizes_of
from symconv.layer.conv import Conv
from symconv.layer.padding import FILLER, OUTSIDE
from symconv.mathematics.entries import entry
from symconv.mathematics.of_integers import FIRST, of_integer, one_based, simplified
from symconv.mathematics.tree import Below, Equation, Fence, Math, Matrix, Operator, Row, Sum, Word, separated
from symconv.prose import Phrase, Value

__all__ = ["border"]


def border(case: Case) -> Section:
    """The map of the padding, drawn on one axis; the gradient on the longer array; how it is folded back."""
    conv, line = case.conv, case.line.conv
    kind = "_constant" if conv.mode.filled else ""
    values: dict[str, Value] = {"v": entry(conv, FILLER, ())}
    blocks: list[Block] = [
        Paragraph(Phrase(f"border.intro{kind}", {"mode": named(conv)})),
        Equations(tuple(map_of_rows(conv)), "border"),
    ]
    blocks.append(Paragraph(Phrase("border.line", {"layer": sizes_of(line)})))
    blocks.append(Equations.of(Equation.of(Word("z"), Matrix((tuple(bordered(line)),)))))
    blocks.append(Paragraph(Phrase("border.slides")))
    blocks += drawn(case.line, ("y", "dw"), remarked=False)
    blocks += [Paragraph(Phrase("border.padded")), *drawn(case.line, ("dx",), remarked=False, named="dz")]
    blocks += [Picture("backward")] if conv.mode.moves_rows else []
    blocks += [
        Paragraph(Phrase(f"border.fold{kind}", values)),
        Equations(tuple(folded(line)), "fold"),
        Picture("border"),
    ]
    blocks += [
        Paragraph(Phrase(f"border.entries{kind}")),
        *entry_equations(line, "dx", case.line.gradients.terms("dx")),
    ]
    if case.line is not case:
        blocks += [Paragraph(Phrase(f"border.whole{kind}")), general(case, "dw", "dw")]
        blocks += written_out(case, case.targets, led=False)
    return Section("border", Phrase("border.title"), tuple(blocks))


def map_of_rows(conv: Conv) -> list[Equation]:
    """What stands at position t before the first row and behind the last."""
    mode, first = conv.mode, FIRST.get()
    last: Math = Word("H") if first else Sum(((1, Word("H")), (-1, Word("1"))))
    sides = ((mode.before, "<", Word(str(first))), (mode.after, ">", last))
    return [
        Equation.of(
            Below(Word("x"), Word("t")),
            separated(
                [
                    entry(conv, FILLER, ()) if row is None else Below(Word("x"), _from_one(row)),
                    Fence(Row((Word("t"), Operator(sign), end))),
                ],
                wide=True,
            ),
        )
        for row, sign, end in sides
    ]


def _from_one(row: Integer) -> Math:
    return of_integer(simplified(one_based(row, ("t",))))


def _rows(line: Conv) -> list[int]:
    """The rows of x, 0-based, that stand in the padded x, of a layer with one axis; OUTSIDE for none."""
    (axis,) = line.axes
    return [int(m) for m in axis.mode.rows(np.arange(-axis.p, axis.H + axis.q), axis.H)]


def bordered(line: Conv) -> list[Math]:
    """The entries of the padded x."""
    return [entry(line, FILLER, ()) if m == OUTSIDE else entry(line, "x", (0, 0, m)) for m in _rows(line)]


def folded(line: Conv) -> list[Equation]:
    """Each entry of dx as the sum of the entries of dz at the places where its row stands."""
    rows, first = _rows(line), FIRST.get()
    equations = []
    for m in range(line.input[0]):
        places = [(1, Below(Word("dz"), Word(str(t + first)))) for t, row in enumerate(rows) if row == m]
        side: Math = Sum(tuple(places)) if len(places) > 1 else places[0][1]
        equations.append(Equation.of(entry(line, "dx", (0, 0, m)), side))
    return equations
