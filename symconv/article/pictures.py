"""Which pictures an article shows, and in which form they can be read there."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

from symconv.article.blocks import Article, Picture, Section
from symconv.article.companions import is_line, least, line_of, shorter
from symconv.article.sections.setting import sizes_of
from symconv.figures import Figure, figure
from symconv.figures.explorer import address
from symconv.figures.geometry import smallest
from symconv.figures.kinds import KINDS, TooLargeError
from symconv.figures.scene import UNIT
from symconv.layer.conv import Conv
from symconv.prose import words

__all__ = ["PAGE", "PRINT", "Room", "explored", "picture", "pictures", "room_of"]

#: the pictures of a brief article
BRIEF = ("backward", "depth")

#: the kinds that are drawn as filmstrips
STRIPS = ("window", "backward", "weights")

#: letters of a picture that are smaller than this, in sizes of :mod:`symconv.figures.scene`, cannot be read
LEGIBLE = 0.68

#: columns of a Jacobian of several axes, at most
MOST_COLUMNS = 30


class Room(NamedTuple):
    """Cells of natural size that a picture has across and down; ``wraps``: the frames of a filmstrip are set one by one."""

    across: float
    down: float
    wraps: bool = False


#: a printed page, and a page on a screen
PRINT, PAGE = Room(14.4, 17.0), Room(18.0, 24.0, True)

#: a Jacobian is read as a whole, and drawn smaller than there would be room for
NARROW = 9.0

#: how far down a picture may go where lines are narrow: a column of print, and a screen, which scrolls
TALLER = {False: 22.0, True: 60.0}

#: cells across on the narrowest screens
LEAST_ACROSS = 8.0


def room_of(points: float | None, usual: Room) -> Room:
    """The room where lines have so many points."""
    if points is None:
        return usual
    across = min(usual.across, points / (1.06 * UNIT))
    narrow = across < usual.across
    return Room(max(LEAST_ACROSS, across), TALLER[usual.wraps] if narrow else usual.down, usual.wraps)


def pictures(document: Article, section: Section, room: Room = PRINT) -> Iterator[tuple[str, Figure]]:
    """The pictures of a section that can be read in a room, by kind."""
    for block in section.walk():
        if isinstance(block, Picture) and (shown := picture(document, block.kind, room)) is not None:
            yield block.kind, shown


def picture(document: Article, kind: str, room: Room = PRINT) -> Figure | None:
    """The picture of a kind, of the layer or of a shorter one like it, if it tells something and can be read in a room."""
    conv = document.conv
    if (document.brief and kind not in BRIEF) or not telling(conv, kind):
        return None
    if (shown := in_room(conv, kind, document, room)) is not None:
        return shown
    others = [shorter(conv), least(conv), least(conv, inside=False)] if kind != "depth" else []
    if kind == "jacobian":  # of one window there is no band
        others = [each for each in others if math.prod(each.output) > 1]
    others += [shorter(line_of(conv))] if kind == "border" else []  # each axis has its border apart from the others
    for short in dict.fromkeys(others):
        if (shown := in_room(short, kind, document, room)) is not None:
            return replace(shown, remarks=(words(document.lang)("shorter", layer=sizes_of(short)),))
    return None


def in_room(conv: Conv, kind: str, document: Article, room: Room) -> Figure | None:
    """The picture of a layer if it can be read there; a Jacobian in print as small as it can be read."""
    if kind == "jacobian" and conv.ndim > 1 and math.prod(conv.input) > MOST_COLUMNS:
        return None
    narrow = [min(room.across, NARROW)] if kind == "jacobian" and not room.wraps else []
    found = (fitting(conv, kind, document, room, across) for across in [*narrow, room.across])
    return next((shown for shown in found if shown is not None), None)


def fitting(conv: Conv, kind: str, document: Article, room: Room, across: float) -> Figure | None:
    """The picture of a layer, a filmstrip where there is one, if it can be read ``across`` so many cells."""
    for strip in (True, False) if kind in STRIPS and conv.ndim < 3 else (False,):
        try:
            whole = figure(conv, kind, lang=document.lang, notation=document.notation, strip=strip, room=across)
        except TooLargeError:
            return None
        for shown in fewer(whole, document.brief):
            scene = shown.bare
            wide = max(each.width for each in shown.frames) if strip and room.wraps else scene.width
            shrunk = min(1.0, across / wide)
            tall = 0.0 if strip and room.wraps else scene.height * shrunk
            if smallest(scene) * shrunk >= LEGIBLE and tall <= room.down:
                return shown
    return None


def fewer(shown: Figure, brief: bool) -> Iterator[Figure]:
    """A picture and, where it is a filmstrip, those of two entries, a corner and the fullest, and of this alone."""
    if not brief or not shown.strip:
        yield shown
    if shown.strip:
        fullest = shown.picture.fullest()
        yield replace(shown, strip=tuple(dict.fromkeys([shown.strip[0], fullest])))
        yield replace(shown, strip=(fullest,))


def explored(document: Article) -> str | None:
    """The address of the explorer at the layer's own sizes, or those of a shorter one like it; None where there is none."""
    if document.layout.explorer is None:
        return None
    conv = document.conv
    candidates = (conv, shorter(conv), least(conv)) if not conv.transposed else (conv,)
    found = next((told for told in map(address, candidates) if told is not None), None)
    return None if found is None else document.layout.explorer + found


def telling(conv: Conv, kind: str) -> bool:
    """Whether the picture shows something of this layer: the relation shows stride, dilation and padding, depth several channels,
    the Jacobian a layer of one axis or two. Pictures show up to three axes, and not every one is made for every border."""
    if not KINDS[kind].made_for(conv) or (conv.ndim > 3 and kind not in ("relation", "depth")):
        return False
    if kind == "relation":
        return any((axis.s, axis.d, axis.p, axis.q) != (1, 1, 0, 0) for axis in conv.axes)
    if kind == "depth":
        return max(conv.in_channels, conv.out_channels) > 1
    return kind != "jacobian" or conv.ndim == 2 or is_line(conv)
