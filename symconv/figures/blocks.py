"""Blocks that pictures are put together from: arrays as grids, signs between them, in a row or under each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from symconv.figures.layout import moved, wide
from symconv.figures.scene import Cell, Item, Rect, Text
from symconv.figures.sliding import Place
from symconv.mathematics.markup import Content
from symconv.mathematics.tree import Math, Word

__all__ = ["GAP", "ROOM", "TITLE", "TOP", "Block", "beside", "grid", "layer", "packed", "sign", "spots", "stacked"]

#: cells that a picture may be wide where nothing is said
ROOM = 24.0

TITLE = 0.95
GAP = 0.5

#: height of the titles over grids
TOP = 0.75

#: between what stands side by side, and between rows
APART, BELOW = 0.15, 0.35

#: items from (0, 0), width, height
Block = tuple[list[Item], float, float]


def spots(extent: Sequence[int], room: float = ROOM) -> tuple[list[tuple[Place, float, float]], float, float]:
    """Where the slices of an array stand along its first axes, rows of them no wider than ``room`` where one slice is not; and
    how wide and tall that is. An array of two axes is one slice.

    >>> spots((3, 2, 4), 9.0)[0]
    [((0,), 0.0, 0.0), ((1,), 4.5, 0.0), ((2,), 0.0, 2.35)]
    """
    prefixes: list[Place] = [()] if len(extent) == 2 else [(i,) for i in range(extent[0])]
    rows, columns = extent[-2:]
    most = max(1, int((room + GAP) / (columns + GAP)))
    lines = max(1, math.ceil(len(prefixes) / most))
    across = math.ceil(len(prefixes) / lines)
    found = [(prefix, i % across * (columns + GAP), i // across * (rows + BELOW)) for i, prefix in enumerate(prefixes)]
    return found, across * (columns + GAP) - GAP, lines * (rows + BELOW) - BELOW


def grid(
    extent: Sequence[int],
    origin: Sequence[int],
    title: Math,
    draw: Callable[[Place, float, float], list[Item]],
    room: float = ROOM,
) -> Block:
    """An array as a grid, or rows of them; the title above."""
    items: list[Item] = []
    content: Content = (title,)
    slices, cells, height = spots(extent, room)
    # a title may hang over a little on both sides, into the room of the signs
    width = max(cells, wide(content, TITLE) - 1.0)
    for prefix, left, top in slices:
        for a in range(extent[-2]):
            for b in range(extent[-1]):
                place = tuple(v - o for v, o in zip((*prefix, a, b), origin, strict=True))
                items += draw(place, (width - cells) / 2 + left + b, TOP + top + a)
    items.append(Text(width / 2, TOP / 2 - 0.05, content, "name", TITLE))
    return items, width, TOP + height


def layer(item: Item) -> int:
    """What lies over what: lit cells over the plain ones beside them, so that their edges are whole."""
    if isinstance(item, Cell):
        return 2 if item.lit else 0
    if isinstance(item, Rect) and item.hatched:
        return 1
    return 4 if isinstance(item, Rect) else 3


def sign(text: str) -> Block:
    return [Text(0.5, (TOP + 1) / 2 + TOP / 2, (Word(text),), "ink", 1.5)], 1.0, TOP + 1.0


def beside(blocks: Sequence[Block]) -> Block:
    """The blocks in a row, centred on one line."""
    height = max(block[2] for block in blocks)
    items: list[Item] = []
    x = 0.0
    for own, width, tall in blocks:
        items += moved(own, x, (height - tall) / 2)
        x += width + APART
    return items, x - APART, height


def stacked(rows: Sequence[Sequence[Block]]) -> Block:
    """Rows of blocks under each other, centred."""
    made = [beside(row) for row in rows]
    width = max(row[1] for row in made)
    items: list[Item] = []
    y = 0.0
    for own, wide_, tall in made:
        items += moved(own, (width - wide_) / 2, y)
        y += tall + BELOW
    return items, width, y - BELOW


def packed(groups: Sequence[Sequence[Block]], room: float) -> Block:
    """Groups of blocks in one row where there is room, else the first alone and the others in as few rows as hold them."""
    if _across(groups) <= room:
        return beside([block for group in groups for block in group])
    rows: list[list[Sequence[Block]]] = [[groups[0]]]
    for group in groups[1:]:
        if len(rows) > 1 and _across([*rows[-1], group]) <= room:
            rows[-1].append(group)
        else:
            rows.append([group])
    return stacked([[block for group in row for block in group] for row in rows])


def _across(groups: Sequence[Sequence[Block]]) -> float:
    return sum(block[1] + APART for group in groups for block in group) - APART
