"""Filmstrips: several steps of a sliding window side by side, a corner, an edge, the inside and the last corner.

A frame is what is slid over, the window on it, and the equation under it; the filter stands once, before the frames. As one scene
a strip is broken into rows of a given width; a page that can, sets the frames one by one and lets them wrap.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from symconv.figures.layout import EQUATION, EQUATION_LINE, MARGIN, NOTE, NOTE_LINE, Body, moved
from symconv.figures.scene import UNIT, Item, Scene, Text
from symconv.figures.sliding import Place
from symconv.figures.window import SlidingPicture
from symconv.mathematics.markup import Content, lines

__all__ = ["frame_scenes", "one_scene", "places"]

#: cells between frames, and the narrowest frame, so that equations have room
GAP, NARROWEST = 0.6, 4.6

#: of frames that are wider than this no edge is shown beside the corners and the inside
MOST_ACROSS = 7


def places(picture: SlidingPicture) -> tuple[Place, ...]:
    """The entries that a strip shows: the first, one on an edge, the fullest, the last; of dw the first and the last."""
    first, last = (0,) * len(picture.space), tuple(n - 1 for n in picture.space)
    if picture.target == "dw":
        return tuple(dict.fromkeys([first, last]))
    inside = picture.fullest()
    if picture.slide.operand.extent[-1] > MOST_ACROSS:
        return tuple(dict.fromkeys([first, inside, last]))
    return tuple(dict.fromkeys([first, (0, *inside[1:]), inside, last]))


def frame_scenes(bodies: Sequence[Body], caption: Content) -> tuple[Scene, ...]:
    """Each frame as a scene of its own, its equation under it."""
    scenes = []
    for body, width, height, rows in _measured(bodies):
        items = _placed(body, width, rows, MARGIN, MARGIN)
        title = (*caption, " ", *body.equation) if body.equation else caption
        scenes.append(Scene(round(width + 2 * MARGIN, 4), round(height + 2 * MARGIN, 4), tuple(items), title))
    return tuple(scenes)


def one_scene(bodies: Sequence[Body], notes: Sequence[Content], caption: Content, room: float) -> Scene:
    """All frames in one scene, in rows of at most ``room`` cells where a frame allows it; the notes under them."""
    rows: list[list[tuple[Body, float, float, list[Content]]]] = [[]]
    used = 0.0
    for each in _measured(bodies):
        step = each[1] + (GAP if rows[-1] else 0.0)
        if rows[-1] and used + step + 2 * MARGIN > room:
            rows.append([])
            used, step = 0.0, each[1]
        rows[-1].append(each)
        used += step
    widths = [sum(each[1] for each in row) + GAP * (len(row) - 1) for row in rows]
    inner = max(*widths, min(room - 2 * MARGIN, 9.0))
    items: list[Item] = []
    y = MARGIN
    for row, total in zip(rows, widths, strict=True):
        x = MARGIN + (inner - total) / 2
        tall = max(each[2] for each in row)
        for body, width, _, equation in row:
            items += _placed(body, width, equation, x, y)
            x += width + GAP
        y += tall + GAP
    y -= GAP
    noted = [line for note in notes for line in lines(note, inner * UNIT / NOTE)]
    y += 0.25 * bool(noted)
    items += [Text(MARGIN + inner / 2, y + NOTE_LINE * (i + 0.5), line, "faint", NOTE) for i, line in enumerate(noted)]
    y += NOTE_LINE * len(noted)
    return Scene(round(inner + 2 * MARGIN, 4), round(y + MARGIN, 4), tuple(items), caption)


def _measured(bodies: Sequence[Body]) -> Iterator[tuple[Body, float, float, list[Content]]]:
    """Each body with the width and height of its frame and the lines of its equation."""
    for body in bodies:
        width = max(body.width, NARROWEST if body.equation else 0.0)
        rows = lines(body.equation, width * UNIT / EQUATION) if body.equation else []
        yield body, width, body.height + (0.25 + EQUATION_LINE * len(rows) if rows else 0.0), rows


def _placed(body: Body, width: float, rows: Sequence[Content], x: float, y: float) -> list[Item]:
    items: list[Item] = list(moved(body.items, x + (width - body.width) / 2, y))
    below = y + body.height + 0.25
    return items + [
        Text(x + width / 2, below + EQUATION_LINE * (i + 0.5), row, "ink", EQUATION) for i, row in enumerate(rows)
    ]
