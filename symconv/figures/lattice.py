"""The picture ``relation``: R on one axis as a lattice, windows o downwards, places m to the right, one colour for each tap k.

The distance between neighbouring points of a row is the dilation, that between rows the stride; the padding is shaded, the
taps that lie on it are hollow, and places that no window reaches are hatched.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from symconv.algebra.integers import Const
from symconv.figures.blocks import ROOM
from symconv.figures.layout import Body, wide
from symconv.figures.palette import tap_style
from symconv.figures.scene import Brace, Disc, Item, Line, Rect, Text
from symconv.figures.sliding import Place
from symconv.layer import relation
from symconv.layer.conv import Axis, Conv
from symconv.layer.padding import OUTSIDE
from symconv.mathematics.markup import Content
from symconv.mathematics.of_integers import FIRST, of_integer, one_based, simplified
from symconv.mathematics.tree import Math, Operator, Row, Word, separated
from symconv.prose import Words

__all__ = ["RelationPicture"]

RADIUS = 0.33


class RelationPicture:
    """R on one axis of a layer; a step lights one window o."""

    def __init__(self, conv: Conv, axis: int, words: Words) -> None:
        self.conv, self.axis, self.words = conv, axis, words
        #: cells across; where there are fewer than it would take, R stands in numbers alone and the taps in rows
        self.room = ROOM
        self.sizes: Axis = conv.axes[axis]
        values = self.sizes.values
        self.points = [
            (o, k, int(relation.INPUT_INDEX.evaluate(values | {"o": o, "k": k})))
            for o in range(self.sizes.O)
            for k in range(self.sizes.K)
        ]
        self.first, self.last = -self.sizes.p, self.sizes.H + self.sizes.q - 1
        #: the row that stands at each place from the first to the last
        rows = self.sizes.mode.rows(np.arange(self.first, self.last + 1), self.sizes.H).tolist()
        self.rows: dict[int, int] = dict(zip(range(self.first, self.last + 1), rows, strict=True))
        self.inside = {(o, k, t) for o, k, t in self.points if self.rows[t] != OUTSIDE}
        #: in the layer's terms m runs over x and o over y, so in a transposed one they change places
        self.letters: dict[str, Math] = {name: Word(conv.kind.own(name)) for name in "okm"}
        caption = "relation_transposed" if conv.transposed else "relation"
        self.caption = words(caption, **self.letters)
        #: the arrays that o and m run over
        self.arrays = (conv.kind.strided, conv.kind.padded)

    @property
    def space(self) -> tuple[int, ...]:
        return (self.sizes.O,)

    @property
    def result(self) -> str:
        return "o"

    @property
    def cells(self) -> int:
        return len(self.points) + self.last - self.first + 1

    def fullest(self) -> Place:
        counts = [sum(o == row for o, _, _ in self.inside) for row in range(self.sizes.O)]
        return (counts.index(max(counts)),)

    def equation(self) -> Math:
        """R with this axis's numbers, 1-based: ``m = s(o - 1) + d(k - 1) + 1 - p = 2o + k - 2``."""
        letters = one_based(relation.INPUT_INDEX, ("o", "k"))
        numbers = simplified(letters, {name: self.sizes.values[name] for name in "sdp"})
        each = [of_integer(e, self.letters) for e in (letters, numbers)]
        whole = Row((self.letters["m"], Operator("="), each[0], Operator("="), each[1]))
        return whole if wide((whole,)) <= self.room else Row((self.letters["m"], Operator("="), each[1]))

    def unreached(self) -> list[int]:
        """The places, padding included, that no tap of any window reads."""
        read = {m for _, _, m in self.points}
        return [m for m in range(self.first, self.last + 1) if m not in read]

    def notes(self) -> list[Content]:
        told: list[Content] = []
        if self.conv.ndim > 1:
            told.append(self.words("one_axis", axis=self.axis + 1))
        if len(self.inside) < len(self.points):
            told.append(self.words("hollow"))
        if self.sizes.mode.moves_rows and (self.sizes.p or self.sizes.q):
            told.append(self.words("rows_above"))
        if self.unreached():
            told.append(self.words("unreached_rows"))
        return told

    def body(self, index: Place | None) -> Body:
        sizes = self.sizes
        left, top = (1.3 if self.room >= ROOM else 1.0), (2.1 if self.sizes.p or self.sizes.q else 1.4)
        width, height = self.last - self.first + 1, sizes.O
        items: list[Item] = []

        def column(m: int) -> float:
            return left + m - self.first + 0.5

        lead, lead_wide = self.axis_titles(left, top, width, height)
        items += [Rect(left, top, width, height, "ground")]
        for count, x in ((sizes.p, left), (sizes.q, left + width - sizes.q)):
            if count:
                items.append(Rect(x, top, count, height, "zone"))
        if index is not None:
            items.append(Rect(left, top + index[0], width, 1, "step"))
        items += [Rect(column(m) - 0.5, top, 1, height, "unreached", True) for m in self.unreached()]
        items += [Line(left + i, top, left + i, top + height, "grid") for i in range(1, width)]
        items += [Line(left, top + i, left + width, top + i, "grid") for i in range(1, height)]
        items += [
            Line(x, top, x, top + height, "block")
            for x in (left + sizes.p, left + width - sizes.q)
            if left < x < left + width
        ]
        ends = {(o, k): m for o, k, m in self.points}
        if sizes.O > 1:
            for k in range(sizes.K):
                items.append(
                    Line(
                        column(ends[0, k]),
                        top + 0.5,
                        column(ends[sizes.O - 1, k]),
                        top + sizes.O - 0.5,
                        tap_style(k, "line"),
                    )
                )
        for o, k, m in self.points:
            form = "" if (o, k, m) in self.inside else "hollow"
            name = f"o={o + 1} k={k + 1} m={m + 1}"
            items.append(
                Disc(column(m), top + o + 0.5, RADIUS, tap_style(k, form), (Word(str(k + FIRST.get())),), name)
            )
        items += self.numbers(left, top, column)
        if index is not None:
            items.append(Rect(left, top + index[0], width, 1, "row"))
        below, lowest = self.dimensions(left, top, column)
        items += [*lead, *below]
        total = max(left + width, lead_wide)
        legend_width, rows = self.legend_size()
        items += self.legend(max(0.0, (total - legend_width) / 2), lowest + 0.35)
        return Body(tuple(items), max(total, legend_width), lowest + 0.85 * rows, self.told(index))

    def numbers(self, left: float, top: float, column: Callable[[int], float]) -> list[Item]:
        """The numbers of the places above the lattice, and of the windows before it."""
        first, inside = FIRST.get(), range(self.sizes.H)
        anchor = "end" if self.sizes.O > 9 else "middle"
        above: list[Item] = [
            Text(
                column(m),
                top - 0.3,
                (of_integer(Const(self.shown(m) + first)),),
                "ink" if m in inside else "faint",
                0.75,
            )
            for m in range(self.first, self.last + 1)
        ]
        before = [
            Text(left - 0.3, top + o + 0.5, (Word(str(o + first)),), "ink", 0.75, anchor) for o in range(self.sizes.O)
        ]
        return [*above, *before]

    def shown(self, place: int) -> int:
        """The number over a place: the row that stands there, or where none does how far it is outside."""
        return place if self.rows[place] == OUTSIDE else self.rows[place]

    def told(self, index: Place | None) -> Content:
        """Under the picture: R in numbers, or which places one window reads."""
        if index is None:
            return (self.equation(),)
        read = [(k, m) for o, k, m in self.points if o == index[0]]
        places = separated([of_integer(Const(self.shown(m) + FIRST.get())) for _, m in read])
        window = Row((self.letters["o"], Operator("="), Word(str(index[0] + FIRST.get()))))
        return (window, self.words.language.colon, Row((self.letters["m"], Operator("="), places)))

    def axis_titles(self, left: float, top: float, width: int, height: int) -> tuple[list[Item], float]:
        """What the axes count, an arrow along each."""
        output, source = self.arrays
        across = self.words("index", m=self.letters["m"], array=Word(source))
        down = self.words("index", m=self.letters["o"], array=Word(output))
        y = 0.4
        items: list[Item] = [Text(left, y, across, "ink", 0.85, "start")]
        x = left + wide(across, 0.85) + 0.15
        items.append(Line(x, y, x + 0.8, y, "axis", 1))
        low = top + height + 0.35
        items.append(Line(left - 0.85, top + 0.1, left - 0.85, top + max(1, height) - 0.1, "axis", 1))
        items.append(Text(0, low, down, "ink", 0.85, "start"))
        return items, max(x + 0.8, wide(down, 0.85))

    def dimensions(self, left: float, top: float, column: object) -> tuple[list[Item], float]:
        """The stride, the dilation, the padding and the remainder, measured on the picture; and how far down that goes."""
        assert callable(column)
        sizes = self.sizes
        first = {(o, k): m for o, k, m in self.points}
        items: list[Item] = []
        above = top - 0.85

        def measured(a: float, b: float, y: float, name: str, value: int, side: float) -> None:
            items.append(Brace(a, b, y))
            content: Content = (Row((Word(name), Operator("="), Word(str(value)))),)
            items.append(Text((a + b) / 2, y + side, content, "ink", 0.75))

        if sizes.p:
            measured(left, left + sizes.p, above, "p", sizes.p, -0.32)
        if sizes.q:
            end = left + self.last - self.first + 1
            measured(end - sizes.q, end, above, "q", sizes.q, -0.32)
        bottom = top + sizes.O
        y = bottom + 0.95
        used = bottom + 0.6
        if sizes.O > 1:  # between the first taps of the last two windows
            a, b = column(first[sizes.O - 2, 0]), column(first[sizes.O - 1, 0])
            items += [Line(a, bottom - 1.5 + RADIUS, a, y, "grid"), Line(b, bottom - 0.5 + RADIUS, b, y, "grid")]
            measured(a, b, y, "s", sizes.s, 0.34)
            used = y + 0.6
        if sizes.K > 1:
            a, b = column(first[sizes.O - 1, sizes.K - 2]), column(first[sizes.O - 1, sizes.K - 1])
            level = y if sizes.O == 1 or a >= column(first[sizes.O - 1, 0]) + 0.9 else y + 0.95
            items += [Line(x, bottom - 0.5 + RADIUS, x, level, "grid") for x in (a, b)]
            measured(a, b, level, "d", sizes.d, 0.34)
            used = max(used, level + 0.6)
        remainder = sizes.values["r"]
        if remainder:
            end = left + self.last - self.first + 1
            measured(end - remainder, end, bottom + 0.3, "r", remainder, 0.34)
            used = max(used, bottom + 0.9)
        return items, used

    def legend_size(self) -> tuple[float, int]:
        """How wide the colours of the taps are set, and in how many rows."""
        across = self._across()
        return min(self.sizes.K, across) * self._pitch(), -(-self.sizes.K // across)

    def _across(self) -> int:
        return max(1, int(self.room / self._pitch()))

    def _pitch(self) -> float:
        return wide(self.words("taps", k=Word(f"k = {self.sizes.K}")), 0.75) + 1.05

    def legend(self, x: float, y: float) -> list[Item]:
        """The colours of the taps."""
        items: list[Item] = []
        for k in range(self.sizes.K):
            row, place = divmod(k, self._across())
            left, level = x + place * self._pitch(), y + 0.85 * row
            items.append(Disc(left + 0.25, level, RADIUS, tap_style(k), (Word(str(k + FIRST.get())),)))
            items.append(
                Text(
                    left + 0.75,
                    level,
                    (Row((Word("k"), Operator("="), Word(str(k + FIRST.get())))),),
                    "ink",
                    0.75,
                    "start",
                )
            )
        return items
