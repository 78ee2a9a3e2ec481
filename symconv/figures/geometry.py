"""Small geometry that every writer shares: sizes of labels, hatching, arrow heads, dimension lines."""

from __future__ import annotations

import math

from symconv.figures.scene import UNIT, Brace, Cell, Disc, Line, Rect, Scene, Text
from symconv.mathematics.markup import Content, runs, width

__all__ = ["CORNER_BASE", "corner_size", "dimension_lines", "hatching", "head", "label_size", "smallest"]

#: the size of a label that shares its cell, of one in a corner, and of an index beside its letter
SHARED, SMALL_INDEX = 0.95, 0.72

#: how far down a cell what stands in its corner is
CORNER_BASE = 0.77

#: of the width of a cell, what its label may take
ROOM = 0.9

Point = tuple[float, float]


def label_size(cell: Cell) -> tuple[float, float]:
    """The size of a cell's label, at most 1, so that it fits, and how far it is lifted to leave room for the corner."""
    size = min(1.0, ROOM * UNIT / max(width(cell.label), 1))
    return (min(size, SHARED), 0.22) if cell.corner else (size, 0.0)


def corner_size(cell: Cell) -> float:
    """The size of what stands in a cell's corner."""
    return min(SHARED, ROOM * UNIT / max(width(cell.corner), 1))


def smallest(scene: Scene) -> float:
    """The size of the smallest letters of a scene, indices included; 1 is ten points where a cell is ``UNIT`` points wide.

    >>> smallest(Scene(3, 1, (Text(1, 0.5, ("word",), size=0.8),)))
    0.8
    """
    sizes: list[float] = []

    def met(content: Content, size: float) -> None:
        sizes.extend(size * (SMALL_INDEX if run.level else 1.0) for run in runs(content) if run.text.strip())

    for item in scene.items:
        if isinstance(item, Text):
            met(item.content, item.size)
        elif isinstance(item, Disc):
            met(item.label, 2.1 * item.radius)
        elif isinstance(item, Cell):
            met(item.label, label_size(item)[0])
            met(item.corner, corner_size(item))
    return min(sizes, default=1.0)


def hatching(rect: Rect, gap: float = 0.25) -> list[tuple[Point, Point]]:
    """Lines that slant upwards to the right, cut off at the rectangle."""
    result = []
    steps = int((rect.width + rect.height) / gap)
    for i in range(1, steps + 1):
        c = i * gap  # the line u + v = c, u from the left edge and v from the top
        start = (max(0.0, c - rect.height), min(c, rect.height))
        end = (min(c, rect.width), max(0.0, c - rect.width))
        if end[0] - start[0] > 1e-6:
            result.append(((rect.x + start[0], rect.y + start[1]), (rect.x + end[0], rect.y + end[1])))
    return result


def head(line: Line, length: float = 0.2, half_width: float = 0.075) -> list[tuple[Point, Point, Point]]:
    """The triangles at the end (and, for two heads, at the start) of a line."""
    span = math.hypot(line.x2 - line.x1, line.y2 - line.y1)
    if not line.heads or span == 0:
        return []
    u, v = (line.x2 - line.x1) / span, (line.y2 - line.y1) / span
    ends = [(line.x2, line.y2, 1)] + [(line.x1, line.y1, -1)] * (line.heads > 1)
    result = []
    for x, y, sign in ends:
        back = (x - sign * u * length, y - sign * v * length)
        result.append(
            (
                (x, y),
                (back[0] - v * half_width, back[1] + u * half_width),
                (back[0] + v * half_width, back[1] - u * half_width),
            )
        )
    return result


def dimension_lines(brace: Brace, tick: float = 0.11) -> list[Line]:
    """A dimension as lines: the span with a head at each end where there is room, and a tick at each end."""
    heads = 2 if abs(brace.x2 - brace.x1) >= 0.6 else 0
    return [
        Line(brace.x1, brace.y, brace.x2, brace.y, brace.style, heads),
        Line(brace.x1, brace.y - tick, brace.x1, brace.y + tick, brace.style),
        Line(brace.x2, brace.y - tick, brace.x2, brace.y + tick, brace.style),
    ]
