"""The correlations of closed formulas drawn as matrices with their zeros."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from symconv.article.blocks import Block, Equations, Paragraph
from symconv.article.case import Case
from symconv.article.closed import formula_for, summed_labels
from symconv.article.equations import shown_labels
from symconv.article.selection import MOST_ROWS, columns_that_fit, elided_matrix, kept, name_length
from symconv.formulas import tree
from symconv.formulas.values import FILL, ZERO, Reading
from symconv.formulas.values import Value as Cells
from symconv.layer.conv import Conv
from symconv.layer.loss import channel_labels, label_sizes
from symconv.layer.padding import FILLER
from symconv.mathematics.entries import entry
from symconv.mathematics.of_formulas import Setting, of_formula
from symconv.mathematics.of_integers import FIRST
from symconv.mathematics.tree import (
    Below,
    Equation,
    Fence,
    Math,
    Operator,
    Row,
    Sum,
    Word,
    separated,
)
from symconv.prose import Phrase, Value

__all__ = ["drawn", "inserted"]

#: what may be said about a drawing, in order
REMARKS = ("channels", "zeros", "border", "crop", "taps", "kept")

#: terms of a sum over channels or images that are drawn
MOST_DRAWN = 2

#: slices of an array of three or more axes that are drawn
MOST_SLICES = 5


def drawn(case: Case, targets: Sequence[str], remarked: bool = True, named: str | None = None) -> list[Block]:
    """The correlations for ``targets`` drawn: what is slid over and what slides, after padding and zero insertion.

    ``named`` is what a correlation gives where it is not the target itself yet.
    """
    conv = case.conv
    blocks: list[Block] = []
    lines: list[Equation] = []
    remarks: dict[str, dict[str, Value]] = {}
    for target in targets:
        formula = formula_for(conv, target)
        node = next(n for n in formula.body.walk() if isinstance(n, tree.Correlate))
        reading = Reading(conv, formula)
        operand, filter = reading.read(node.operand), reading.read(tree.dilate(node.filter, node.dilation))
        remarks = dict(_remarks(node, reading)) | remarks
        if conv.ndim <= 2:
            line = _in_one(case, formula, node, reading, operand, filter)
            lines.append(line if named is None else Equation.of(Word(named), line.steps[0][1]))
        else:
            blocks.append(Paragraph(Phrase("drawn.slices", {"target": Word(target)})))
            sizes = [conv.sizes(axis) for axis in range(conv.ndim)]
            setting = Setting(sizes, {name: _first_channels(conv, name) for name in tree.OPERANDS})
            for part, value in ((node.operand, operand), (tree.dilate(node.filter, node.dilation), filter)):
                claim = of_formula(tree.Formula(target, part, transposed=conv.transposed), setting)
                blocks.append(Equations(tuple(_slices(case, claim.steps[0][1], value))))
    if lines:
        blocks.append(Equations(tuple(lines)))
    said = tuple(Phrase(f"drawn.{key}", remarks[key]) for key in REMARKS if key in remarks)
    return [*blocks, *([Paragraph(Phrase("drawn.remarks", {"remarks": said}))] if said and remarked else [])]


def inserted(conv: Conv, target: str) -> Equation:
    """The zero insertion in the formula for ``target``, drawn for a layer in one dimension."""
    formula = formula_for(conv, target)
    node = next(n for n in formula.body.walk() if isinstance(n, tree.Move) and n.name == "dilate")
    left = of_formula(tree.Formula(target, node, transposed=conv.transposed), Setting([conv.sizes(0)])).steps[0][1]
    return Equation.of(left, picture(conv, Reading(conv, formula).read(node), {}, conv.input[0] + conv.output[0] * 9))


def _remarks(node: tree.Correlate, reading: Reading) -> Iterator[tuple[str, dict[str, Value]]]:
    """What there is to say about a drawing: keys of the prose with what is put into them."""
    if shown_labels(reading.conv):
        yield "channels", {}
    parts = list(node.operand.walk()) + list(node.filter.walk())
    moved = {
        name: [
            v
            for n in parts
            if isinstance(n, tree.Move) and n.name == name
            for e in n.amounts
            for v in reading.per_axis(e)
        ]
        for name in ("dilate", "pad")
    }
    if any(v > 1 for v in moved["dilate"]):
        yield "zeros", {}
    amounts = moved["pad"]
    if any(v > 0 for v in amounts):
        yield "border", {}
    if any(v < 0 for v in amounts):
        yield "crop", {}
    if max(reading.per_axis(node.dilation)) > 1:
        yield "taps", {}
    if max(reading.per_axis(node.stride)) > 1:
        sizes = [reading.conv.sizes(axis) for axis in range(reading.conv.ndim)]
        by = Setting(sizes).amount(node.stride)
        yield "kept", {"by": by, "arrow": Row((Operator("↓"), by))}


def _in_one(
    case: Case, formula: tree.Formula, node: tree.Correlate, reading: Reading, operand: Cells, filter: Cells
) -> Equation:
    """The drawing as one equation, for the first channels; a sum over channels or images is drawn by its first and last."""
    conv = case.conv
    summed = summed_labels(conv, formula.target)
    sizes = label_sizes(conv)
    combinations = list(itertools.product(*(range(sizes[label]) for label in summed)))
    shown = kept(len(combinations), MOST_DRAWN + 1) if len(combinations) > MOST_DRAWN else range(len(combinations))
    thinned = max(reading.per_axis(node.stride)) > 1
    # the two may stand on lines of their own, but not inside the brackets of what is thinned out
    room = _room(case, (operand, filter), thinned)
    terms: list[tuple[int, Math]] = []
    for i in shown:
        if i is None:
            terms.append((1, Word("⋯")))
            continue
        at = dict(zip(summed, combinations[i], strict=True))
        pictures = [picture(conv, value, at, columns) for value, columns in zip((operand, filter), room, strict=True)]
        row: Math = Row((pictures[0], Operator("⋆"), pictures[1]))
        if thinned:
            amount = Setting([conv.sizes(axis) for axis in range(conv.ndim)]).amount(node.stride)
            row = Row((Fence(row), Operator("↓"), amount))
        terms.append((1, row))
    return Equation.of(_one_slice(conv, formula.target), terms[0][1] if len(terms) == 1 else Sum(tuple(terms)))


def _room(case: Case, values: Sequence[Cells], together: bool) -> list[int]:
    """How many columns of each array are drawn; ``together``: on one line, the wider one with what room the other leaves."""
    lengths = [name_length(case.conv, str(value.array)) for value in values]
    budget = case.budget - 6
    if not together:
        return [columns_that_fit(length, budget) for length in lengths]
    wanted = [(length + 2) * value.space[-1] for length, value in zip(lengths, values, strict=True)]
    fair = [max(budget // 2, budget - other) for other in wanted[::-1]]
    return [columns_that_fit(length, room) for length, room in zip(lengths, fair, strict=True)]


def _one_slice(conv: Conv, target: str) -> Math:
    """The target at its first channels, all of space."""
    first = _first_channels(conv, target)
    if isinstance(first, Word):
        return first
    return Below(
        Word(target), separated([*[Word(str(FIRST.get()))] * _written_channels(conv, target), *[Word("·")] * conv.ndim])
    )


def _written_channels(conv: Conv, array: str) -> int:
    """How many indices an entry's name has before those of space; groups are counted in with the channels."""
    return len([label for label in channel_labels(conv)[array] if label in shown_labels(conv) and label != "g"])


def _first_channels(conv: Conv, array: str) -> Math:
    """An array at its first image and channels."""
    count = _written_channels(conv, array)
    return Below(Word(array), separated([Word(str(FIRST.get()))] * count)) if count else Word(array)


def picture(conv: Conv, value: Cells, at: Mapping[str, int], columns: int, leading: Sequence[int] = ()) -> Math:
    """The cells of ``value`` at the channels ``at`` (the first ones where it says nothing) as a matrix; zeros are shown."""
    cells = value.cells[tuple(at.get(label, 0) for label in value.labels)]
    cells = np.atleast_2d(cells[tuple(leading)])

    def cell(i: int, j: int) -> Math:
        number = int(cells[i, j])
        if number == ZERO:
            return Word("0")
        if number == FILL:
            return entry(conv, FILLER, ())
        array = str(value.array)
        return entry(conv, array, [int(n) for n in np.unravel_index(number, conv.shapes[array])])

    if leading and (cells == ZERO).all():
        return Word("0")  # a whole slice of zeros
    return elided_matrix(cells.shape[0], cells.shape[1], cell, (MOST_ROWS, columns))


def _slices(case: Case, name: Math, value: Cells) -> Iterator[Equation]:
    """An array of three or more axes, a matrix for each place on the axes before the last two."""
    columns = columns_that_fit(name_length(case.conv, str(value.array)), case.budget - 12)
    places = list(itertools.product(*(range(n) for n in value.space[:-2])))
    shape = value.space[:-2]
    composed = isinstance(name, Row) and any(isinstance(part, Operator) for part in name.parts)
    base = Fence(name) if composed or isinstance(name, Below) else name
    for i in kept(len(places), MOST_SLICES):
        if i is not None and all(shape):
            index = separated([*(Word(str(n + FIRST.get())) for n in places[i]), Word("·"), Word("·")])
            yield Equation.of(Below(base, index), picture(case.conv, value, {}, columns, places[i]))
