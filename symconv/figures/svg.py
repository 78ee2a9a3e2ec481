"""Writer: a scene as SVG, and the steps of a film as groups of one SVG.

Colours are in one style sheet; those of the page, light or dark, as its
``color-scheme`` says. Text is text, in the serif faces that readers
have. Numbers are rounded to a thousandth, so the same scene gives the same bytes everywhere.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

from symconv.figures.geometry import CORNER_BASE, corner_size, dimension_lines, hatching, head, label_size, smallest
from symconv.figures.palette import BACKGROUND, STYLES
from symconv.figures.scene import UNIT, Brace, Cell, Disc, Item, Line, Rect, Scene, Text
from symconv.mathematics.markup import Content, plain, runs

__all__ = ["LEAST", "SCALE", "drawn", "escape", "least_width", "number", "opening", "style_sheet", "svg"]

#: pixels for the side of a cell; the indices of labels that share one then have eleven
SCALE = 44.0

#: pixels for a point of a stroke or a letter
PIXELS = SCALE / UNIT

#: pixels of the smallest letters on a screen
LEAST = 11.0

#: a file by itself is light or dark as what shows it
ALONE = "svg:root{color-scheme:light dark}"

FONT = "'Latin Modern Roman', 'STIX Two Text', 'Cambria', 'Times New Roman', 'Liberation Serif', Times, serif"


def svg(scene: Scene, background: bool = True, styles: bool = True, least: bool = False) -> str:
    """One scene as a file; without ``background`` the page shows through.

    A page with many pictures in it gives :func:`style_sheet` once, and the pictures without ``styles``.

    >>> from symconv.figures.scene import Cell
    >>> svg(Scene(1, 1, (Cell(0, 0, "x", ("1",)),))).count("<rect")
    2
    """
    return "\n".join([*opening(scene, background, styles=styles, least=least), drawn(scene.items), "</svg>", ""])


def least_width(scene: Scene) -> float:
    """The width in pixels, at most the natural one, below which letters are smaller than :data:`LEAST`."""
    return min(1.0, LEAST / (10 * PIXELS * smallest(scene))) * scene.width * SCALE


def opening(
    scene: Scene, background: bool, bar: float = 0, role: str = "img", styles: bool = True, least: bool = False
) -> list[str]:
    """The first lines of a file: size, title, style sheet, ground; ``bar`` is room left below, in pixels. With ``least`` a page
    does not make it narrower than can be read."""
    width, height = number(scene.width * SCALE), number(scene.height * SCALE + bar)
    kept = f' style="min-width:{number(least_width(scene))}px"' if least else ""
    start = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="{role}" class="symconv-figure"{kept}>'
    ]
    if scene.title:
        start.append(f"<title>{escape(plain(scene.title))}</title>")
    if styles:
        start.append(f"<style>{ALONE}{style_sheet()}</style>")
    if background:
        start.append(f'<rect class="sc-background" width="{width}" height="{height}"/>')
    return start


@cache
def style_sheet() -> str:
    """The rules of every style. Names begin with ``sc-`` to keep apart from the page's own.

    Colours are for a light page first, for browsers that know no other, then for either.
    """
    rules = [f".symconv-figure{{font-family:{FONT}}}", f".sc-background{{{_either('fill', BACKGROUND)}}}"]
    for name, style in STYLES.items():
        rule = _either("fill", style.fill) if style.fill else "fill:none"
        if style.stroke:
            rule += f";{_either('stroke', style.stroke)};stroke-width:{number(style.stroke_width * PIXELS)}"
            if style.dash:
                rule += f";stroke-dasharray:{' '.join(number(d * PIXELS) for d in style.dash)}"
            rules.append(f".sc-{name}-head{{{_either('fill', style.stroke)}}}")
        rules.append(f".sc-{name}{{{rule}}}.sc-{name}-ink{{{_either('fill', style.ink)}}}")
    return "".join(rules)


def _either(part: str, pair: tuple[str, str]) -> str:
    return f"{part}:{pair[0]};{part}:light-dark({pair[0]},{pair[1]})"


def drawn(items: Iterable[Item]) -> str:
    """The items, back to front."""
    return "\n".join(WRITERS[type(item)](item) for item in items)


def number(value: float) -> str:
    """A coordinate with at most two decimals."""
    return f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".")


def escape(text: str) -> str:
    return html.escape(text, quote=True)


def _at(x: float, y: float) -> tuple[str, str]:
    return number(x * SCALE), number(y * SCALE)


def _rect(x: float, y: float, width: float, height: float, style: str, attributes: str = "") -> str:
    left, top = _at(x, y)
    return (f'<rect class="sc-{style}" x="{left}" y="{top}" width="{number(width * SCALE)}" '
            f'height="{number(height * SCALE)}"{attributes}/>')  # fmt: skip


def _drop(level: int) -> float:
    """How far below the line an index stands (above it: an exponent), in sizes of the type."""
    return level * (-0.35 if level > 0 else -0.2)


def _text(x: float, y: float, content: Content, style: str, size: float, anchor: str = "middle") -> str:
    pixels = 10 * size * PIXELS
    left, base = number(x * SCALE), number(y * SCALE + 0.32 * pixels)
    body, level = "", 0
    for run in runs(content):
        attributes = ' font-style="italic"' if run.italic else ""
        if run.level:
            attributes += ' font-size="72%"'
        shift = (_drop(run.level) - _drop(level)) * pixels
        if shift:
            attributes += f' dy="{number(shift)}"'
        level = run.level
        piece = html.escape(run.text, quote=False).replace("\u202f", " ")
        body += f"<tspan{attributes}>{piece}</tspan>" if attributes else piece
    place = "" if anchor == "start" else f' text-anchor="{anchor}"'
    weight = ' font-weight="bold"' if STYLES[style].bold else ""
    return (f'<text class="sc-{style}-ink" x="{left}" y="{base}" font-size="{number(pixels)}"{place}{weight} '
            f'xml:space="preserve">{body}</text>')  # fmt: skip


def _cell(item: Cell) -> str:
    named = f' data-entry="{escape(item.entry)}"' if item.entry else ""
    style = f"{item.style}-lit" if item.lit else item.style
    parts = [_rect(item.x, item.y, 1, 1, style, named)]
    if item.label:
        size, lift = label_size(item)
        parts.append(_text(item.x + 0.5, item.y + 0.5 - lift, item.label, style, size))
    if item.corner:
        parts.append(_text(item.x + 0.95, item.y + CORNER_BASE, item.corner, "window-corner", corner_size(item), "end"))
    return "".join(parts)


def _filled(item: Rect) -> str:
    parts = [_rect(item.x, item.y, item.width, item.height, item.style)]
    if item.hatched:
        path = "".join("M{} {}L{} {}".format(*_at(*a), *_at(*b)) for a, b in hatching(item))
        parts.append(f'<path class="sc-{item.style}" d="{path}"/>')
    return "".join(parts)


def _line(item: Line) -> str:
    (x1, y1), (x2, y2) = _at(item.x1, item.y1), _at(item.x2, item.y2)
    parts = [f'<path class="sc-{item.style}" d="M{x1} {y1}L{x2} {y2}"/>']
    for corners in head(item):
        points = " ".join(",".join(_at(*corner)) for corner in corners)
        parts.append(f'<polygon class="sc-{item.style}-head" points="{points}"/>')
    return "".join(parts)


def _disc(item: Disc) -> str:
    x, y = _at(item.x, item.y)
    named = f' data-entry="{escape(item.entry)}"' if item.entry else ""
    parts = [f'<circle class="sc-{item.style}" cx="{x}" cy="{y}" r="{number(item.radius * SCALE)}"{named}/>']
    if item.label:
        parts.append(_text(item.x, item.y, item.label, item.style, 2.1 * item.radius))
    return "".join(parts)


WRITERS: dict[type[Item], Callable[[Any], str]] = {
    Cell: _cell,
    Rect: _filled,
    Line: _line,
    Brace: lambda item: "".join(_line(line) for line in dimension_lines(item)),
    Disc: _disc,
    Text: lambda item: _text(item.x, item.y, item.content, item.style, item.size, item.anchor),
}
