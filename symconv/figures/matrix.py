"""The picture ``jacobian``: dy/dx as a matrix, its taps in colour, so that its bands can be seen."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import cached_property

from symconv.figures.blocks import ROOM
from symconv.figures.labels import entry, entry_at, terms_sum
from symconv.figures.layout import Body, moved, wide
from symconv.figures.palette import tap_style
from symconv.figures.scene import Cell, Item, Line, Rect, Text
from symconv.figures.sliding import Place
from symconv.figures.window import MOST_TERMS
from symconv.layer.conv import Conv
from symconv.layer.gradients import Gradients
from symconv.layer.names import entry_name
from symconv.mathematics.markup import Content
from symconv.mathematics.tree import Below, Fraction, Operator, Product, Row, Word
from symconv.prose import Words

__all__ = ["JacobianPicture"]

#: the size of indices alone, where the room leaves a cell less than its natural size, and of a cell what they may take
INDEX, FILLED = 0.78, 0.95

#: names of neighbouring columns that take more of their cells are read as one: every other column is named then
APART = 0.85


class JacobianPicture:
    """The Jacobian of y by x of a layer of one channel; a step lights one row."""

    result = "y"

    def __init__(self, conv: Conv, words: Words) -> None:
        self.conv, self.words = conv, words
        #: cells across for which it is drawn; a wider matrix is shrunk, and its cells then hold larger indices alone
        self.room = ROOM
        self.rows, self.columns = math.prod(conv.output), math.prod(conv.input)
        self.caption = words("jacobian", y=Word("y"), x=Word("x"), w=Word("w"))

    @property
    def space(self) -> tuple[int, ...]:
        return self.conv.output

    @property
    def cells(self) -> int:
        return len(self.taps) + self.rows + self.columns

    @cached_property
    def gradients(self) -> Gradients:
        return self.conv.gradients()

    @cached_property
    def taps(self) -> dict[tuple[int, int], list[int]]:
        """(row, column) -> the taps whose sum stands there, out of the derivative: several where rows stand on the border."""
        found: dict[tuple[int, int], list[int]] = {}
        for block in self.gradients.jacobian("x").canonical.blocks:
            for flat, tap in zip(block.entry.tolist(), block.factors[0].tolist(), strict=True):
                found.setdefault(divmod(flat, self.columns), []).append(tap)
        return {place: sorted(taps) for place, taps in found.items()}

    def fullest(self) -> Place:
        counts = [sum(row == i for row, _ in self.taps) for i in range(self.rows)]
        return self.places()[counts.index(max(counts))]

    def places(self) -> list[Place]:
        return list(itertools.product(*map(range, self.space)))

    def unreached(self) -> list[int]:
        """Columns without an entry."""
        return sorted(set(range(self.columns)) - {column for _, column in self.taps})

    def notes(self) -> list[Content]:
        told = [self.words("parts")] if any(len(taps) > 1 for taps in self.taps.values()) else []
        return [*told, *([self.words("unreached_columns")] if self.unreached() else [])]

    def body(self, index: Place | None) -> Body:
        row = None if index is None else self.places().index(index)
        size = self.enlarged()
        left, top = (1.35, 0.95) if size == 1 else (1.7, 0.4 + 0.42 * size)
        items: list[Item] = [Rect(left, top, self.columns, self.rows, "ground")]
        items += [Rect(left + column, top, 1, self.rows, "unreached", True) for column in self.unreached()]
        items += self.lines(left, top)
        for (i, j), taps in self.taps.items():
            items += self.entry(taps, left + j, top + i, size)
        items += self.names(left, top, size)
        items += self.brackets(left, top)
        equation: Content = ()
        if row is not None and index is not None:
            items.append(Rect(left, top + row, self.columns, 1, "row"))
            terms = self.gradients.terms("y").terms_of((0, 0, *index))
            total = terms_sum(self.conv, terms, MOST_TERMS)
            equation = (Row((entry_at(self.conv, "y", (0, 0, *index)), Operator("="), total)),)
        head: Content = (
            Row((Fraction(Product((Word("∂"), Word("y"))), Product((Word("∂"), Word("x")))), Operator("="))),
        )
        large = max(1.0, 0.75 * size)
        shift = wide(head, large) + 0.25
        items = [*moved(items, shift, 0), Text(0, top + self.rows / 2, head, "ink", large, "start")]
        legend, wide_, tall = self.legend()
        legend_x = shift + left + self.columns + 1.0
        items += moved(legend, legend_x, top + max(0.0, (self.rows - tall) / 2))
        height = top + max(self.rows, tall)
        return Body(tuple(items), legend_x + wide_, height, equation, size)

    def entry(self, taps: Sequence[int], x: float, y: float, size: float) -> list[Item]:
        """An entry of the matrix: the tap that stands there, or a part of the cell for each of those that are added up."""
        if len(taps) == 1:
            tap = taps[0]
            label: Content = (entry(self.conv, "w", tap),) if size == 1 else ()
            cell = Cell(x, y, tap_style(tap), label, (), entry_name(self.conv, "w", tap))
            given = self.index("w", tap)
            return [cell, *([Text(x + 0.5, y + 0.5, given, tap_style(tap), INDEX * size)] if size > 1 else [])]
        across = 1 if len(taps) == 2 else math.ceil(math.sqrt(len(taps)))
        down = math.ceil(len(taps) / across)
        items: list[Item] = []
        for n, tap in enumerate(taps):
            part = Rect(x + n % across / across, y + n // across / down, 1 / across, 1 / down, tap_style(tap))
            content: Content = (entry(self.conv, "w", tap),) if size == across == 1 else self.index("w", tap)
            fitting = min(FILLED / across / wide(content), 2.1 / down)
            middle = part.x + part.width / 2, part.y + part.height / 2
            items += [part, Text(*middle, content, tap_style(tap), min(0.95 if size == 1 else INDEX * size, fitting))]
        return items

    def names(self, left: float, top: float, size: float) -> list[Item]:
        """The entries of x over the columns, or some, and of y before the rows; indices alone where letters are enlarged."""

        def text(x: float, y: float, array: str, flat: int, anchor: str) -> Text:
            if size > 1:
                return Text(x, y, self.index(array, flat), "faint", INDEX * size, anchor)
            return Text(x, y, (entry(self.conv, array, flat),), "faint", 0.95, anchor)

        above = top - 0.15 - 0.25 * size
        block = self.conv.input[-1]
        crowded = size > 1 and block > 2 and INDEX * size * wide(self.index("x", self.columns - 1)) > APART
        named = [j for j in range(self.columns) if not crowded or (j % block % 2 == 0 and j % block < block - 1)]
        return [
            *(text(left + j + 0.5, above, "x", j, "middle") for j in named),
            *(text(left - 0.25, top + i + 0.5, "y", i, "end") for i in range(self.rows)),
        ]

    def enlarged(self) -> float:
        """How much larger letters are set than usual, for a matrix that will be shrunk to its room: as far as cells hold them."""
        across = self.columns + self.conv.kernel[-1] + 7.5
        last = max((self.index(array, flat - 1) for array, flat in (("x", self.columns), ("y", self.rows))), key=wide)
        return max(1.0, min(across / self.room, FILLED / (INDEX * wide(last))))

    def index(self, array: str, flat: int) -> Content:
        """The indices of an entry alone: ``12`` of ``x_{12}``."""
        named = entry(self.conv, array, flat)
        return (named.sub,) if isinstance(named, Below) else (named,)

    def lines(self, left: float, top: float) -> list[Item]:
        """A faint grid, heavier where the image's rows end."""
        columns = self.conv.input[-1] if self.conv.ndim > 1 else self.columns
        rows = self.conv.output[-1] if self.conv.ndim > 1 else self.rows
        items: list[Item] = []
        for heavy in (False, True):
            style = "block" if heavy else "grid"
            items += [
                Line(left + j, top, left + j, top + self.rows, style)
                for j in range(1, self.columns)
                if (j % columns == 0) == heavy
            ]
            items += [
                Line(left, top + i, left + self.columns, top + i, style)
                for i in range(1, self.rows)
                if (i % rows == 0) == heavy
            ]
        return items

    def brackets(self, left: float, top: float, arm: float = 0.18) -> list[Item]:
        """The square brackets of the matrix."""
        items: list[Item] = []
        low, high = top - 0.08, top + self.rows + 0.08
        for x, sign in ((left - 0.1, 1), (left + self.columns + 0.1, -1)):
            items += [
                Line(x, low, x, high, "row"),
                Line(x, low, x + sign * arm, low, "row"),
                Line(x, high, x + sign * arm, high, "row"),
            ]
        return items

    def legend(self) -> tuple[list[Item], float, float]:
        """w with the colours of its taps, slices of a third axis under each other."""
        shape = self.conv.kernel if self.conv.ndim > 1 else (1, *self.conv.kernel)
        size = self.enlarged()
        items: list[Item] = []
        columns = shape[-1]
        for tap in range(math.prod(shape)):
            i, j = divmod(tap, columns)
            y = 0.75 + i + 0.35 * (i // shape[-2])
            label: Content = (entry(self.conv, "w", tap),) if size == 1 else ()
            items.append(Cell(j, y, tap_style(tap), label, (), entry_name(self.conv, "w", tap)))
            if size > 1:
                items.append(Text(j + 0.5, y + 0.5, self.index("w", tap), tap_style(tap), INDEX * size))
        height = max(item.y for item in items if isinstance(item, Cell)) + 1
        items.append(Text(columns / 2, 0.35, (Word("w"),), "name", 0.95 * max(1.0, 0.75 * size)))
        return items, float(columns), height
