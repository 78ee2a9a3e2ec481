"""A document as one HTML page that needs no script and no network: MathML, figures as inline SVG, light and dark.

An equation is laid out as the pieces it may be broken into, so that a narrow page breaks it before its signs; what cannot be
broken scrolls in a box of its own. The page is well-formed XML as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from html import escape
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from symconv.article.blocks import Article, Equations, Gap
from symconv.article.formats.displays import STYLES, fitting
from symconv.article.formats.latex import TEXT_WIDTH, aligned
from symconv.article.pictures import PAGE, Room, explored, picture, room_of
from symconv.figures.palette import BACKGROUND
from symconv.figures.svg import SCALE, drawn, least_width, number, style_sheet
from symconv.mathematics.latex import latex, width
from symconv.mathematics.markup import plain
from symconv.mathematics.mathml import CONTINUED, breakable, mathml
from symconv.mathematics.mathml import style_sheet as math_style_sheet
from symconv.mathematics.tree import Math
from symconv.prose import Cited, Literal, Phrase, Prose, Run, Value

__all__ = ["fragment", "printed"]

#: punctuation that stays with the mathematics before it, and what stays with the mathematics after it
CLOSING = re.compile(r"^[\u00a0\u202f]?[,.;:!?)»”’]+|^-\w+")
OPENING = re.compile(r"[(«“„]\u00a0?$")

#: the width of the narrowest screens, in points of ten point type; and what a box that may scroll there needs for the keys
PHONE = 190.0
SCROLLING = Markup(' tabindex="0"')

#: mathematics among words that is wider, in points, may be broken before its signs
LONG = 100.0


def printed(document: Article) -> str:
    """The whole page."""
    return _template(document, "document.html.jinja")


def fragment(document: Article) -> str:
    """The article with its style and without the frame of a page, to be put into another page."""
    return _template(document, "fragment.html.jinja")


# words ----------------------------------------------------------------------------------------------------------------


def words(prose: Prose, value: Value) -> Markup:
    """A phrase, its mathematics as MathML, the numbers of equations as links to them."""
    return set_runs(prose.linked(value))


def set_runs(given: Sequence[Run | Cited]) -> Markup:
    """Words, mathematics and code one after another; a line never begins with the comma after a formula."""
    text, runs = "", list(given)
    for i, run in enumerate(runs):
        if isinstance(run, str):
            text += escape(run, quote=False)
            continue
        first, *rest = _pieces(run)
        last = rest.pop() if rest else ""
        if (found := OPENING.search(text)) is not None:
            first, text = _held(found[0] + first), text[: found.start()]
        following = runs[i + 1] if i + 1 < len(runs) else None
        if isinstance(following, str) and (found := CLOSING.match(following)) is not None:
            tail, runs[i + 1] = escape(found[0], quote=False), following[found.end() :]
            first, last = (first, _held(last + tail)) if last else (_held(first + tail), "")
        text += "".join([first, *rest, last])
    return Markup(text)


def _pieces(run: Math | Literal | Cited) -> list[str]:
    """What a run is set in; more than one where it is long enough to be broken."""
    if isinstance(run, Cited):
        return [f'<a href="#equation-{run.label}">({run.number})</a>']
    if isinstance(run, Literal):
        return [f"<code>{escape(run.text, quote=False)}</code>"]
    tex = latex(run)
    return [mathml(run, tex=tex)] if width(run) < LONG else list(breakable(run, display=False, tex=tex))


def _held(text: str) -> str:
    return f'<span class="held">{text}</span>'


# equations ------------------------------------------------------------------------------------------------------------


def lines(prose: Prose, block: Equations) -> Iterator[dict[str, Any]]:
    """The lines of a display: the left side, each further side as its pieces, the words beside it; or what a gap says.

    The first left side has the TeX of the whole display.
    """
    tex = annotation(prose, block)
    for line in block.lines:
        if isinstance(line, Gap):
            yield {"gap": words(prose, Phrase("elided.more", {"count": line.count}))}
        else:
            yield {
                "gap": None,
                "left": Markup(mathml(line.left, True, tex, "whole-display" if tex else CONTINUED)),
                "steps": [[Markup(piece) for piece in breakable(side, sign)] for sign, side in line.steps],
                "note": None if line.note is None else words(prose, Phrase("elided.terms_note", {"count": line.note})),
            }
            tex = ""


def annotation(prose: Prose, block: Equations) -> str:
    """A display in the TeX that Markdown shows."""
    return aligned(prose, replace(block, boxed=False))


def scrolls(block: Equations) -> bool:
    """Whether something in it is wider than the narrowest screens, so that it will scroll there."""
    return fitting(block, PHONE) != STYLES[0]


def scale(block: Equations) -> int:
    """The size of type, in percent, at which the widest piece fits a printed page."""
    return round(100 * fitting(block, TEXT_WIDTH).scale)


# sections and figures -------------------------------------------------------------------------------------------------


def _figure(document: Article, kind: str, room: Room) -> dict[str, Any] | None:
    shown = picture(document, kind, room)
    if shown is None:
        return None
    frames = [
        {
            "title": plain(scene.title), "drawing": Markup(drawn(scene.items)), "width": number(scene.width * SCALE),
            "height": number(scene.height * SCALE), "least": number(least_width(scene)),
        }
        for scene in shown.frames
    ]  # fmt: skip
    said = [run for note in shown.notes for run in (" ", *note)]
    return {"kind": kind, "caption": set_runs([*shown.caption, *said]), "frames": frames}


# the page -------------------------------------------------------------------------------------------------------------


@cache
def environment() -> Environment:
    return Environment(loader=PackageLoader("symconv.article"), trim_blocks=True, lstrip_blocks=True,
                       undefined=StrictUndefined, autoescape=True, keep_trailing_newline=True)  # fmt: skip


def _template(document: Article, name: str) -> str:
    prose = document.prose
    room = room_of(None if document.layout.width is None else document.layout.points(TEXT_WIDTH), PAGE)
    helpers: dict[str, Any] = {
        "words": lambda value: words(prose, value),
        "text": prose.text,
        "lines": lambda block: list(lines(prose, block)),
        "scale": scale,
        "scrolls": scrolls,
        "scrolling": SCROLLING,
        "pictured": lambda block: None if document.layout.figures == "none" else _figure(document, block.kind, room),
        "kind": lambda block: type(block).__name__,
    }
    contents = Phrase("page.contents")
    styles = Markup("\n".join([math_style_sheet(".symconv-article"), style_sheet()]))
    return environment().get_template(name).render(
        document=document, contents=contents, explored=explored(document),
        explorer=Phrase("page.explorer"), styles=styles, ground=BACKGROUND, **helpers
    )  # fmt: skip
