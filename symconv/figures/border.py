"""The picture ``border``: which rows of x stand on its border, and the gradient folded back from there.

With z = pad(x), every entry of x stands at one or several places of z, and its gradient is the sum of dz over these places. A
step shows one entry of x: the places of it in z, the same places in dz, and the entry of dx that they add up to.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from functools import cached_property

import numpy as np

from symconv.algebra.integers import Name
from symconv.figures.blocks import GAP, ROOM, TITLE, TOP, Block, beside, grid, layer, sign, stacked
from symconv.figures.labels import entry_at, node_label
from symconv.figures.layout import MARGIN, Body, wide
from symconv.figures.palette import array_style
from symconv.figures.scene import Cell, Item, Line, Text
from symconv.figures.sliding import Place
from symconv.formulas import tree
from symconv.layer.conv import Conv
from symconv.layer.names import entry_name
from symconv.layer.padding import FILLER, OUTSIDE
from symconv.mathematics.markup import Content
from symconv.mathematics.of_integers import FIRST
from symconv.mathematics.tree import Below, Math, Operator, Row, Sum, Word, separated
from symconv.prose import Words

__all__ = ["BorderPicture"]


class BorderPicture:
    """The padded x and the fold of the gradient, of a layer of one channel; a step lights one entry of x."""

    result = "dx"

    def __init__(self, conv: Conv, words: Words) -> None:
        self.conv, self.words = conv, words
        self.room = ROOM
        mode = f" {conv.padding_mode}"
        p, q = Name("p"), Name("q")
        self.padded = node_label(conv, tree.move(f"pad{mode}", tree.Array("x"), p, q))
        self.caption = words("border_rows", z=self.padded, dx=Word("dx"), dz=Word("dz"))

    @property
    def space(self) -> tuple[int, ...]:
        return self.conv.input

    @property
    def extent(self) -> tuple[int, ...]:
        """The size of the padded x."""
        return tuple(axis.H + axis.p + axis.q for axis in self.conv.axes)

    @property
    def cells(self) -> int:
        return 2 * (math.prod(self.extent) + math.prod(self.space))

    @cached_property
    def rows(self) -> list[list[int]]:
        """On each axis the row of x that stands at each place of z."""
        return [axis.mode.rows(np.arange(-axis.p, axis.H + axis.q), axis.H).tolist() for axis in self.conv.axes]

    def source(self, place: Place) -> Place | None:
        """The entry of x at a place of z; None where none stands."""
        found = tuple(rows[i] for rows, i in zip(self.rows, place, strict=True))
        return None if OUTSIDE in found else found

    @cached_property
    def places(self) -> dict[Place, list[Place]]:
        """The places of z at which each entry of x stands, in C order."""
        found: dict[Place, list[Place]] = {}
        for place in itertools.product(*map(range, self.extent)):
            source = self.source(place)
            if source is not None:
                found.setdefault(source, []).append(place)
        return found

    def fullest(self) -> Place:
        return max(self.places, key=lambda index: (len(self.places[index]), [-i for i in index]))

    def notes(self) -> list[Content]:
        told = [self.words("slices")] if self.conv.ndim == 3 else []
        return [*told, self.words("echo")]

    def body(self, index: Place | None) -> Body:
        chosen = self.fullest() if index is None else index
        terms = tuple((1, self.upstream(place)) for place in self.places[chosen])
        side: Math = Sum(terms) if len(terms) > 1 else terms[0][1]
        equation: Content = (Row((entry_at(self.conv, "dx", (0, 0, *chosen)), Operator("="), side)),)
        items, width, height = self.on_one_axis(chosen) if self.conv.ndim == 1 else self.on_grids(chosen)
        return Body(tuple(sorted(items, key=layer)), width, height, equation)

    # cells ------------------------------------------------------------------------------------------------------------

    def upstream(self, place: Place) -> Math:
        """The name of an entry of dz."""
        numbers = [str(i + FIRST.get()) for i in place]
        if max(self.extent) > 9:
            return Below(Word("dz"), separated([Word(number) for number in numbers]))
        return Below(Word("dz"), Word("".join(numbers)))

    def on_border(self, place: Place) -> bool:
        return any(not axis.p <= i < axis.p + axis.H for axis, i in zip(self.conv.axes, place, strict=True))

    def padded_cell(self, place: Place, x: float, y: float, lit: bool) -> Cell:
        source = self.source(place)
        if source is None:
            filler: Math = Word(entry_name(self.conv, FILLER, 0)) if self.conv.mode.filled else Word("0")
            return Cell(x, y, "border", (filler,), (), None, False)
        style = "echo" if self.on_border(place) else array_style("x")
        return Cell(x, y, style, (entry_at(self.conv, "x", (0, 0, *source)),), (), self.named("x", source), lit)

    def upstream_cell(self, place: Place, x: float, y: float, lit: bool) -> Cell:
        style = "echo" if self.on_border(place) else array_style("dx")
        shown = "".join(f",{i + 1}" for i in place)[1:]
        return Cell(x, y, style, (self.upstream(place),), (), f"dz_{{{shown}}}", lit)

    def own_cell(self, array: str, index: Place, x: float, y: float, lit: bool) -> Cell:
        label = entry_at(self.conv, array, (0, 0, *index))
        return Cell(x, y, array_style(array), (label,), (), self.named(array, index), lit)

    def named(self, array: str, index: Place) -> str:
        return entry_name(self.conv, array, int(np.ravel_multi_index(index, self.space)))

    # pictures ---------------------------------------------------------------------------------------------------------

    def on_one_axis(self, chosen: Place) -> tuple[list[Item], float, float]:
        """x under z and dx under dz, with a line from each entry to its places."""
        titles: list[Content] = [(self.padded,), (Word("x"),), (Word("dz"),), (Word("dx"),)]
        left = max(wide(title, TITLE) for title in titles) + 0.4
        tops = (0.0, 1.8, 3.4, 5.2)
        before = self.conv.axes[0].p
        here = self.places[chosen]
        items: list[Item] = [
            Text(left - 0.4, top + 0.5, title, "name", TITLE, "end") for title, top in zip(titles, tops, strict=True)
        ]
        for t in range(self.extent[0]):
            lit, source = (t,) in here, self.source((t,))
            items.append(self.padded_cell((t,), left + t, tops[0], lit))
            items.append(self.upstream_cell((t,), left + t, tops[2], lit))
            if source is not None:
                x, goal = left + t + 0.5, left + before + source[0] + 0.5
                style = "arrow" if lit else "grid"
                items.append(Line(goal, tops[1], x, tops[0] + 1, style, int(lit)))
                items.append(Line(x, tops[2] + 1, goal, tops[3], style, int(lit)))
        for m in range(self.space[0]):
            items += [
                self.own_cell(array, (m,), left + before + m, top, (m,) == chosen)
                for array, top in (("x", tops[1]), ("dx", tops[3]))
            ]
        return items, left + self.extent[0], tops[3] + 1

    def on_grids(self, chosen: Place) -> tuple[list[Item], float, float]:
        """z beside dz, and dx: the places of one entry lit in each."""
        here, none = set(self.places[chosen]), (0,) * self.conv.ndim
        room = self.room - 2 * MARGIN
        blocks = [
            grid(self.extent, none, self.padded, lambda at, x, y: [self.padded_cell(at, x, y, at in here)], room),
            grid(self.extent, none, Word("dz"), lambda at, x, y: [self.upstream_cell(at, x, y, at in here)], room),
            grid(
                self.space, none, Word("dx"), lambda at, x, y: [self.own_cell("dx", at, x, y, at == chosen)], room - 1.2
            ),
        ]
        row: Sequence[Block] = [blocks[0], _gap(), blocks[1], sign("→"), blocks[2]]
        if self.conv.ndim == 2 and sum(block[1] for block in row) <= self.room - 0.7:
            return beside(row)
        return stacked([[blocks[0]], [blocks[1]], [sign("→"), blocks[2]]])


def _gap() -> Block:
    return [], GAP, TOP
