"""The picture ``depth``: input and output maps, a kernel for each pair as an arrow, so that the sums over channels can be seen.

On the left the forward pass into one output map, on the right the gradient of one input map, which gathers from every filter that
reads it: the sum that short treatments drop. Groups are boxes that no arrow crosses.
"""

from __future__ import annotations

from collections.abc import Iterator

from symconv.figures.blocks import ROOM
from symconv.figures.layout import Body, moved, wide
from symconv.figures.scene import Item, Line, Rect, Text
from symconv.figures.sliding import Place
from symconv.layer.conv import Conv
from symconv.mathematics.markup import Content
from symconv.mathematics.of_integers import FIRST
from symconv.mathematics.tree import Above, Below, Math, Operator, Product, Row, Sum, Word, separated
from symconv.prose import Words

__all__ = ["DepthPicture"]

#: maps drawn on a side; of more the first and the last, dots between
MOST_MAPS = 5

#: a map, the room between maps, and between input and output
SIDE, PITCH, ACROSS = 1.1, 1.5, 3.3


class DepthPicture:
    """The channels of a layer; a step lights one output map and one input map."""

    result = "y"

    def __init__(self, conv: Conv, words: Words) -> None:
        self.conv, self.words = conv, words
        #: cells across; what is wider has its halves under each other
        self.room = ROOM
        self.inputs, self.outputs = conv.in_channels, conv.out_channels
        self.caption = words("depth", y=Word("y"), dx=Word("dx"))

    @property
    def space(self) -> tuple[int, ...]:
        return (self.outputs,)

    @property
    def cells(self) -> int:
        return 2 * (min(self.inputs, MOST_MAPS) + min(self.outputs, MOST_MAPS))

    def fullest(self) -> Place:
        return (0,)

    def notes(self) -> list[Content]:
        return [self.words("depth_groups", groups=self.conv.groups)] if self.conv.groups > 1 else []

    def pairs(self) -> Iterator[tuple[int, int]]:
        """(input channel, output channel) of every kernel."""
        per_in, per_out = self.inputs // self.conv.groups, self.outputs // self.conv.groups
        for f in range(self.outputs):
            for c in range(f // per_out * per_in, (f // per_out + 1) * per_in):
                yield c, f

    def body(self, index: Place | None) -> Body:
        f = index[0] if index else 0
        c = next(first for first, second in self.pairs() if second == f)
        forward, width, height = self.panel("x", "y", f, True)
        backward, _, _ = self.panel("dx", "dy", c, False)
        if 2 * width + 1.9 > self.room:
            return Body((*forward, *moved(backward, 0, height + 0.6)), width, 2 * height + 0.6)
        items = [*forward, *moved(backward, width + 1.2, 0)]
        return Body(tuple(items), 2 * width + 1.2, height)

    def panel(self, left: str, right: str, lit: int, forward: bool) -> tuple[list[Item], float, float]:
        """One direction: all arrows faint, those of the sum that is lit strong, the sum under it."""
        places = {left: _shown(self.inputs), right: _shown(self.outputs)}
        tallest = max(len(each) for each in places.values()) * PITCH
        tops = {array: (tallest - len(shown) * PITCH) / 2 + 0.8 for array, shown in places.items()}
        across = {left: 0.2, right: 0.2 + SIDE + ACROSS}
        items: list[Item] = []

        def middle(array: str, channel: int) -> float:
            return tops[array] + places[array].index(channel) * PITCH + SIDE / 2

        met = [(c, f) for c, f in self.pairs() if c in places[left] and f in places[right]]
        for c, f in met:
            strong = (f if forward else c) == lit
            ends = (across[left] + SIDE + 0.08, middle(left, c)), (across[right] - 0.08, middle(right, f))
            (x1, y1), (x2, y2) = ends if forward else ends[::-1]
            items.append(Line(x1, y1, x2, y2, "arrow" if strong else "block", int(strong)))
        for array, own in ((left, forward is False), (right, forward)):
            style = array.removeprefix("d")
            partners = {(c if forward else f) for c, f in met if (f if forward else c) == lit}
            for at, channel in enumerate(places[array]):
                y = tops[array] + at * PITCH
                if channel is None:
                    items.append(Text(across[array] + SIDE / 2, y + SIDE / 2, (Word("⋮"),), "ink", 1.2))
                    continue
                shown = f"{style}-lit" if (channel == lit if own else channel in partners) else style
                items += [Rect(across[array] + d, y - d, SIDE, SIDE, shown) for d in (0.12, 0.0)]
                items.append(Text(across[array] + SIDE / 2, y + SIDE / 2, (_of(array, channel),), "ink", 1.0))
            items += self.boxes(array, places[array], tops[array], across[array])
        width = across[right] + SIDE + 0.3
        total = self.total(left, right, lit, forward)
        return [*items, Text(width / 2, 0.25, total, "ink", 1.0)], max(width, wide(total)), tallest + 0.8

    def boxes(self, array: str, shown: list[int | None], top: float, x: float) -> Iterator[Item]:
        """A box around the maps of each group."""
        if self.conv.groups == 1:
            return
        per = (self.inputs if array in ("x", "dx") else self.outputs) // self.conv.groups
        for group in range(self.conv.groups):
            at = [i for i, channel in enumerate(shown) if channel is not None and channel // per == group]
            if at:
                low, high = top + at[0] * PITCH - 0.22, top + at[-1] * PITCH + SIDE + 0.1
                yield Rect(x - 0.12, low, SIDE + 0.36, high - low, "block")

    def total(self, left: str, right: str, lit: int, forward: bool) -> Content:
        """The sum that is lit, in full where it has few terms."""
        terms: list[tuple[int, Math]] = []
        partners = [(c, f) for c, f in self.pairs() if (f if forward else c) == lit]
        for at in _shown(len(partners), 3):
            if at is None:
                terms.append((1, Word("⋯")))
                continue
            c, f = partners[at]
            kernel = Below(Word("w"), _index(*((c, f) if self.conv.transposed else (f, c))))
            given = _of(left, c) if forward else _of(right, f)
            correlated = forward != self.conv.transposed
            turned = Product((Above(kernel, Word("⊤")), given))
            terms.append((1, Row((given, Operator("⋆"), kernel)) if correlated else turned))
        first = _of(right if forward else left, lit)
        return (Row((first, Operator("="), Sum(tuple(terms)))),)


def _shown(count: int, most: int = MOST_MAPS) -> list[int | None]:
    if count <= most:
        return list(range(count))
    return [*range(most - 2), None, count - 1]


def _of(array: str, channel: int) -> Math:
    return Below(Word(array), _index(channel))


def _index(*channels: int) -> Math:
    numbers = [str(channel + FIRST.get()) for channel in channels]
    short = all(len(number) == 1 for number in numbers)
    return Word("".join(numbers)) if short else separated([Word(number) for number in numbers])
