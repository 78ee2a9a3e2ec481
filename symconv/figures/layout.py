"""Putting a picture together: its body, under it the equation of the step, under that the notes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from symconv.figures.scene import UNIT, Brace, Item, Line, Scene, Text
from symconv.mathematics.markup import Content, lines, width

__all__ = ["LEAST_WIDTH", "MARGIN", "Body", "compose", "moved", "wide"]

MARGIN = 0.35

#: no narrower than this, so that equations and notes have room
LEAST_WIDTH = 9.0

EQUATION, NOTE = 1.0, 0.95
EQUATION_LINE, NOTE_LINE = 0.68, 0.62


@dataclass(frozen=True)
class Body:
    """One step's picture from (0, 0) to (width, height), the equation under it, and how large letters are, 1 where it is not to
    be shrunk."""

    items: tuple[Item, ...]
    width: float
    height: float
    equation: Content = ()
    size: float = 1.0


def moved(items: Iterable[Item], dx: float, dy: float) -> tuple[Item, ...]:
    """The items elsewhere."""
    result: list[Item] = []
    for item in items:
        if isinstance(item, Line):
            result.append(replace(item, x1=item.x1 + dx, x2=item.x2 + dx, y1=item.y1 + dy, y2=item.y2 + dy))
        elif isinstance(item, Brace):
            result.append(replace(item, x1=item.x1 + dx, x2=item.x2 + dx, y=item.y + dy))
        else:
            result.append(replace(item, x=item.x + dx, y=item.y + dy))
    return tuple(result)


def wide(content: Content, size: float = 1.0) -> float:
    """How many cells wide a text is."""
    return width(content) * size / UNIT


def compose(
    bodies: Sequence[Body], notes: Sequence[Content], caption: Content, least: float = LEAST_WIDTH
) -> tuple[Scene, ...]:
    """The bodies as scenes of one size, ``least`` cells across or more, texts broken where they would be wider."""
    inner, size = max(least, *(body.width for body in bodies)), max(body.size for body in bodies)
    equations = [lines(body.equation, inner * UNIT / (EQUATION * size)) for body in bodies]
    tallest = max(body.height for body in bodies)
    deepest = max(len(rows) for rows in equations)
    noted = [row for note in notes for row in lines(note, inner * UNIT / (NOTE * size))]
    equation_top = tallest + 0.3 * size * (deepest > 0)
    notes_top = equation_top + EQUATION_LINE * size * deepest + 0.2 * size * bool(noted)
    height = notes_top + NOTE_LINE * size * len(noted)
    scenes = []
    for body, rows in zip(bodies, equations, strict=True):
        items = list(moved(body.items, (inner - body.width) / 2, 0))
        items += [
            Text(inner / 2, equation_top + EQUATION_LINE * size * (i + 0.5), row, "ink", EQUATION * size)
            for i, row in enumerate(rows)
        ]
        items += [
            Text(inner / 2, notes_top + NOTE_LINE * size * (i + 0.5), row, "faint", NOTE * size)
            for i, row in enumerate(noted)
        ]
        title = (*caption, " ", *body.equation) if body.equation else caption
        scenes.append(
            Scene(round(inner + 2 * MARGIN, 4), round(height + 2 * MARGIN, 4), moved(items, MARGIN, MARGIN), title)
        )
    return tuple(scenes)
