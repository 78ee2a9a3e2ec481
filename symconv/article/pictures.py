"""Which pictures close which section of an article."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from symconv.article.blocks import Article, Section
from symconv.article.companions import is_line, shorter
from symconv.article.sections.setting import sizes_of
from symconv.figures import Figure, figure
from symconv.figures.kinds import KINDS, TooLargeError
from symconv.layer.conv import Conv
from symconv.prose import words

__all__ = ["FIGURES", "pictures"]

#: section -> the kinds of pictures that close it
FIGURES = {
    "forward": ("window",),
    "jacobians": ("jacobian",),
    "border": ("border",),
    "gradients": ("backward", "weights"),
    "steps": ("relation",),
}

#: a picture of more cells across or down is left out: shrunk to the page its labels could not be read
WIDEST, TALLEST = 40.0, 30.0


def pictures(document: Article, section: Section) -> Iterator[tuple[str, Figure]]:
    """The pictures of a section that fit a page, by kind."""
    conv = document.conv
    for kind in FIGURES.get(section.name, ()):
        if not telling(conv, kind):
            continue
        shown = fitting(conv, kind, document)
        if shown is None and kind != "relation":
            short = shorter(conv)
            shown = fitting(short, kind, document)
            if shown is not None:
                remark = words(document.lang)("shorter", layer=sizes_of(short))
                shown = replace(shown, remarks=(remark,))
        if shown is not None:
            yield kind, shown


def fitting(conv: Conv, kind: str, document: Article) -> Figure | None:
    """The picture of a layer, if it fits a page."""
    try:
        shown = figure(conv, kind, lang=document.lang, notation=document.notation)
        scene = shown.scene
    except TooLargeError:
        return None
    return shown if scene.width <= WIDEST and scene.height <= TALLEST else None


def telling(conv: Conv, kind: str) -> bool:
    """Whether the picture shows something of this layer: the relation shows stride, dilation and padding, and the section on one
    dimension is about a layer that is one. Pictures show up to three axes, and not every one is made for every border."""
    if not KINDS[kind].made_for(conv) or (conv.ndim > 3 and kind != "relation"):
        return False
    if kind == "relation":
        return any((axis.s, axis.d, axis.p, axis.q) != (1, 1, 0, 0) for axis in conv.axes)
    return kind != "jacobian" or is_line(conv)
