"""Pictures of one array sliding over another: ``window`` (y), ``backward`` (dx) and ``weights`` (dw).

On one axis the filter stands under the places it multiplies. On two, operand, filter and result stand side by side and
each covered cell has its tap in the corner. Arrays of three axes are rows of slices along the first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from symconv.figures.blocks import ROOM, TITLE, TOP, Block, grid, layer, packed, sign, spots, stacked
from symconv.figures.labels import entry, entry_at, formula_row, node_label, terms_sum
from symconv.figures.layout import MARGIN, Body, wide
from symconv.figures.palette import array_style
from symconv.figures.scene import Cell, Item, Line, Rect, Text
from symconv.figures.sliding import Laid, Place, Slide, Step
from symconv.layer.conv import Conv
from symconv.layer.names import entry_name
from symconv.layer.padding import FILLER, mode_named
from symconv.mathematics.markup import Content
from symconv.mathematics.tree import Math, Operator, Row, Word
from symconv.prose import Words

__all__ = ["SlidingPicture"]

#: terms of an equation that are written out; of more the first and the last
MOST_TERMS = 12

#: what is computed -> its caption
CAPTIONS = {"y": "window", "dx": "backward", "dw": "weights"}


class SlidingPicture:
    """The formula for ``target`` on a layer of one channel, drawn step by step."""

    def __init__(self, conv: Conv, target: str, words: Words) -> None:
        self.conv, self.target, self.words = conv, target, words
        self.slide = Slide(conv, target)
        #: the name of the result
        self.named = target
        #: cells across; a row of grids that is wider is broken before the filter
        self.room = ROOM
        self.caption = words(CAPTIONS[target], formula=formula_row(conv, self.slide.formula))

    @property
    def space(self) -> tuple[int, ...]:
        return self.slide.space

    @property
    def result(self) -> str:
        """The array whose entries the steps go through."""
        return self.named

    @property
    def cells(self) -> int:
        """About how many cells one step draws."""
        return self.slide.operand.entries.size + self.slide.filter.entries.size + math.prod(self.space)

    def fullest(self) -> Place:
        return self.slide.fullest()

    def body(self, index: Place | None) -> Body:
        step = self.slide.step(index if index is not None else self.fullest())
        items, width, height = (self.on_one_axis if self.conv.ndim == 1 else self.on_grids)(step)
        return Body(tuple(sorted(items, key=layer)), width, height, self.equation(step))

    def equation(self, step: Step) -> Content:
        """The entry of a step as the sum of its terms."""
        return (Row((self.result_label(step.index), Operator("="), terms_sum(self.conv, step.terms, MOST_TERMS))),)

    def frames(self, indices: Sequence[Place]) -> list[Body]:
        """The steps of a filmstrip: what is slid over with the window on it; before them the filter, where it is not under it."""
        steps = [self.slide.step(index) for index in indices]
        if self.conv.ndim == 3:
            return [self.body(step.index) for step in steps]
        draw = self.on_a_row if self.conv.ndim == 1 else self.operand_grid
        made = [Body(tuple(sorted(block[0], key=layer)), *block[1:], self.equation(step))
                for step, block in ((step, draw(step)) for step in steps)]  # fmt: skip
        if self.conv.ndim == 1:
            return made
        laid = self.slide.filter
        filter = grid(
            laid.extent, laid.origin, self.filter_title(), lambda place, x, y: [self.cell(laid, place, x, y, True)]
        )
        return [Body(tuple(filter[0]), *filter[1:]), *made]

    def on_a_row(self, step: Step) -> Block:
        """On one axis: the operand under its title, under it the filter where it lies, its title below."""
        operand, origin = self.slide.operand, self.slide.operand.origin[0]
        titles: list[Content] = [(self.operand_title(),), (self.filter_title(),)]
        extent = operand.extent[0]
        width = max(float(extent), *(wide(title, TITLE) for title in titles))
        start = (width - extent) / 2 + origin
        middle = start + (step.start[0] + step.stop[0]) / 2
        half = wide(titles[1], TITLE) / 2
        items = [
            Text(width / 2, TOP / 2 - 0.05, titles[0], "name", TITLE),
            Text(min(max(middle, half), width - half), TOP + 2.75, titles[1], "name", TITLE),
            *self.operand_row(step, start, TOP),
            *self.filter_row(step, start, TOP, TOP + 1.35),
        ]
        return items, width, TOP + 3.1

    def notes(self) -> list[Content]:
        """What the picture needs said, for this layer."""
        slide = self.slide
        laid = [slide.operand, slide.filter]
        kinds = {each.kind(place) for each in laid for place in each.places()}
        strides = list(self.conv.stride) if len(set(self.conv.stride)) > 1 else self.conv.stride[:1]
        told: list[Content] = []
        if self.conv.ndim == 3:
            told.append(self.words("slices"))
        if "inserted" in kinds:
            told.append(self.words("inserted", s=Word(" × ".join(map(str, strides)))))
        if "border" in kinds:
            filled = slide.operand.array == "x" and slide.conv.mode.filled
            v = entry(self.conv, FILLER, 0)
            told.append(self.words("border_constant", v=v) if filled else self.words("border"))
        if "echo" in kinds:
            told.append(self.words("echo"))
        if "cropped" in kinds:
            told.append(self.words("left_out" if mode_named(slide.formula.padding_mode).counts_outside else "cropped"))
        if self.unreached():
            told.append(self.words("unreached"))
        return told

    def unreached(self) -> list[Place]:
        operand = self.slide.operand
        return [p for p in operand.places() if operand.kind(p) != "cropped" and p not in self.slide.reached]

    # cells ------------------------------------------------------------------------------------------------------------

    def cell(self, laid: Laid, place: Place, x: float, y: float, lit: bool, corner: Content = ()) -> Cell:
        kind, number = laid.kind(place), laid.entry(place)
        style = array_style(laid.array) if kind == "value" else kind
        name = entry_name(self.conv, laid.array, number) if number is not None else None
        factor = laid.factor(place)
        label: Content = (Word("0"),) if factor is None else (entry(self.conv, *factor),)
        if kind == "cropped" and factor is None:
            label = ()
        return Cell(x, y, style, label, corner, name, lit)

    def tap_label(self, tap: Place) -> Content:
        number = self.slide.filter.entry(tap)
        return (Word("0") if number is None else entry(self.conv, self.slide.filter.array, number),)

    def result_cell(self, index: Place, x: float, y: float, lit: bool) -> Cell:
        flat = 0
        for i, n in zip(index, self.space, strict=True):
            flat = flat * n + i
        name = entry_name(self.conv, self.target, flat).replace(self.target, self.named, 1)
        return Cell(x, y, self.result_style(index), (self.result_label(index),), (), name, lit)

    def result_label(self, index: Place) -> Math:
        return entry_at(self.conv, self.target, (0, 0, *index))

    def result_style(self, index: Place) -> str:
        return array_style(self.target)

    def operand_title(self) -> Math:
        return node_label(self.conv, self.slide.operand.node)

    def filter_title(self) -> Math:
        return node_label(self.conv, self.slide.filter.node)

    def with_bias(self) -> bool:
        return self.target == "y" and self.conv.bias

    def multiplying(self, step: Step) -> tuple[set[Place], set[Place]]:
        """Places of the operand and taps whose product is not zero."""
        slide = self.slide
        pairs = [
            (p, t) for p, t in step.pairs if slide.operand.factor(p) is not None and slide.filter.factor(t) is not None
        ]
        return {p for p, _ in pairs}, {t for _, t in pairs}

    # one axis ---------------------------------------------------------------------------------------------------------

    def on_one_axis(self, step: Step) -> tuple[list[Item], float, float]:
        slide, operand = self.slide, self.slide.operand
        titles: list[Content] = [(self.operand_title(),), (self.filter_title(),), (Word(self.named),)]
        left = max(wide(t, TITLE) for t in titles) + 0.4
        extent, count = operand.extent[0], self.space[0]
        # the result is centred under the operand
        offset = max(0.0, (extent - count) / 2)
        shift = left + max(0.0, (count - extent) / 2)
        tops = (0.0, 1.75, 3.6)
        start = shift + operand.origin[0]
        items: list[Item] = [
            Text(left - 0.4, top + 0.5, title, "name", TITLE, "end") for title, top in zip(titles, tops, strict=True)
        ]
        items += self.operand_row(step, start, tops[0])
        items += self.filter_row(step, start, tops[0], tops[1])
        middle = start + (step.start[0] + step.stop[0]) / 2
        goal = left + offset + step.index[0] + 0.5
        items.append(Line(middle, tops[1] + 1.08, goal, tops[2] - 0.08, "arrow", 1))
        if self.with_bias():
            side = 0.3 if goal <= middle else -0.3
            added: Content = (Row((Operator("+"), Word("b"))),)
            x, y = (middle + goal) / 2 + side, (tops[1] + 1 + tops[2]) / 2
            items.append(Text(x, y, added, "ink", 0.85, "start" if side > 0 else "end"))
        for index in slide.indices():
            items.append(self.result_cell(index, left + offset + index[0], tops[2], index == step.index))
        items.append(Rect(left + offset + step.index[0], tops[2], 1, 1, "result"))
        return items, left + max(extent, count), tops[2] + 1

    def operand_row(self, step: Step, start: float, top: float) -> list[Item]:
        """The operand on one axis with the window around what it covers."""
        operand = self.slide.operand
        used, _ = self.multiplying(step)
        covered = {place for place, _ in step.pairs}
        items: list[Item] = []
        for place in operand.places():
            lit = place in covered and (place in used or operand.kind(place) != "value")
            items.append(self.cell(operand, place, start + place[0], top, lit))
        items += [Rect(start + place[0], top, 1, 1, "unreached", True) for place in self.unreached()]
        return [*items, Rect(start + step.start[0], top, step.stop[0] - step.start[0], 1, "window")]

    def filter_row(self, step: Step, start: float, top: float, below: float) -> list[Item]:
        """The filter under the places of the operand that it multiplies, a line from each to its tap."""
        laid = self.slide.filter
        used, taps = self.multiplying(step)
        items: list[Item] = []
        for place, tap in step.pairs:
            x = start + place[0]
            both = place in used and tap in taps
            items.append(Line(x + 0.5, top + 1, x + 0.5, below, "link" if both else "grid"))
            items.append(self.cell(laid, tap, x, below, tap in taps or laid.kind(tap) != "value"))
        return items

    # two and three axes -----------------------------------------------------------------------------------------------

    def on_grids(self, step: Step) -> tuple[list[Item], float, float]:
        room = self.room - 2 * MARGIN
        operand = self.operand_grid(step)
        filtered = [sign("⋆"), self.filter_grid(step)]
        bias = [[sign("+"), self.bias_cell()]] if self.with_bias() else []
        result = [sign("="), self.result_grid(step)]
        groups = [[operand], filtered, *bias, result]
        if self.conv.ndim == 3:
            return stacked([[operand], *([[*filtered, *bias[0]]] if bias else [filtered]), result])
        return packed(groups, room)

    def operand_grid(self, step: Step) -> Block:
        operand = self.slide.operand
        used, _ = self.multiplying(step)
        under = dict(step.pairs)
        unreached = set(self.unreached())

        def draw(place: Place, x: float, y: float) -> list[Item]:
            lit = place in under and (place in used or operand.kind(place) != "value")
            corner = self.tap_label(under[place]) if place in under else ()
            items: list[Item] = [self.cell(operand, place, x, y, lit, corner)]
            return [*items, Rect(x, y, 1, 1, "unreached", True)] if place in unreached else items

        origin = operand.origin
        room = self.room - 2 * MARGIN
        block = grid(operand.extent, origin, self.operand_title(), draw, room)
        frames: list[Item] = []
        slices, across, _ = spots(operand.extent, room)
        size = [b - a for a, b in zip(step.start, step.stop, strict=True)]
        for prefix, left, top in slices:
            if prefix and prefix[0] - origin[0] not in {place[0] for place, _ in step.pairs}:
                continue
            x = (block[1] - across) / 2 + left + origin[-1] + step.start[-1]
            frames.append(Rect(x, TOP + top + origin[-2] + step.start[-2], size[-1], size[-2], "window"))
        return [*block[0], *frames], block[1], block[2]

    def filter_grid(self, step: Step) -> Block:
        laid = self.slide.filter
        _, taps = self.multiplying(step)

        def draw(place: Place, x: float, y: float) -> list[Item]:
            return [self.cell(laid, place, x, y, place in taps)]

        return grid(laid.extent, laid.origin, self.filter_title(), draw, self.beside_sign)

    def result_grid(self, step: Step) -> Block:
        def draw(place: Place, x: float, y: float) -> list[Item]:
            items: list[Item] = [self.result_cell(place, x, y, place == step.index)]
            return items

        block = grid(self.space, (0,) * len(self.space), Word(self.named), draw, self.beside_sign)
        slices, across, _ = spots(self.space, self.beside_sign)
        left, top = next((x, y) for prefix, x, y in slices if prefix == step.index[:-2])
        x = (block[1] - across) / 2 + left + step.index[-1]
        return [*block[0], Rect(x, TOP + top + step.index[-2], 1, 1, "result")], block[1], block[2]

    @property
    def beside_sign(self) -> float:
        """Cells across that are left beside a sign."""
        return self.room - 2 * MARGIN - 1.15

    def bias_cell(self) -> Block:
        return [Cell(0, TOP, "ground", (Word("b"),), (), "b")], 1.0, TOP + 1.0
