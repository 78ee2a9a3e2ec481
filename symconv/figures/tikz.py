"""Writer: a scene as a ``tikzpicture``. It needs the package tikz and no library; colours are defined inside the picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from symconv.figures.geometry import CORNER_BASE, corner_size, dimension_lines, hatching, head, label_size
from symconv.figures.palette import STYLES
from symconv.figures.scene import UNIT, Brace, Cell, Disc, Item, Line, Rect, Scene, Text
from symconv.mathematics.markup import Content, latex_text, plain

__all__ = ["document", "tikz"]

POINTS_PER_CM = 28.4527

#: the side of a cell where the width allows it, in centimetres: the indices of labels that share a cell are then of seven points
LARGEST_CELL = 1.06 * UNIT / POINTS_PER_CM


class Pen:
    """Writes items at one scale, and remembers the colours they use."""

    def __init__(self, cell: float) -> None:
        self.cell = cell
        self.scale = cell * POINTS_PER_CM / UNIT
        self.colours: dict[str, str] = {}

    def colour(self, style: str, part: str) -> str:
        pair = getattr(STYLES[style], part)
        value = pair[0].lstrip("#").upper()
        return self.colours.setdefault(value, f"sc{value}")

    def shape(self, style: str) -> str:
        """The options of a filled or drawn path."""
        chosen = STYLES[style]
        options = []
        if chosen.fill:
            options.append(f"fill={self.colour(style, 'fill')}")
        if chosen.stroke:
            options.append(f"draw={self.colour(style, 'stroke')}")
            options.append(f"line width={length(chosen.stroke_width * self.scale)}pt")
            if chosen.dash:
                on, off = (length(value * self.scale) for value in chosen.dash)
                options.append(f"dash pattern=on {on}pt off {off}pt")
        return ", ".join(options)

    def text(self, x: float, y: float, content: Content, style: str, size: float, anchor: str = "middle") -> str:
        place = {"middle": "mid", "start": "mid west", "end": "mid east"}[anchor]
        options = f"anchor={place}, text={self.colour(style, 'ink')}, scale={length(size * self.scale)}"
        return rf"\node[{options}] at {at(x, y)} {{{latex_text(content)}}};"

    def cell_item(self, item: Cell) -> Iterable[str]:
        style = f"{item.style}-lit" if item.lit else item.style
        yield rf"\path[{self.shape(style)}] {at(item.x, item.y)} rectangle {at(item.x + 1, item.y + 1)};"
        if item.label:
            size, lift = label_size(item)
            yield self.text(item.x + 0.5, item.y + 0.5 - lift, item.label, style, size)
        if item.corner:
            yield self.text(item.x + 0.95, item.y + CORNER_BASE, item.corner, "window-corner", corner_size(item), "end")

    def rect(self, item: Rect) -> Iterable[str]:
        corner = at(item.x + item.width, item.y + item.height)
        yield rf"\path[{self.shape(item.style)}] {at(item.x, item.y)} rectangle {corner};"
        if item.hatched:
            strokes = " ".join(f"{at(*a)} -- {at(*b)}" for a, b in hatching(item))
            yield rf"\path[{self.shape(item.style)}] {strokes};"

    def line(self, item: Line) -> Iterable[str]:
        yield rf"\path[{self.shape(item.style)}] {at(item.x1, item.y1)} -- {at(item.x2, item.y2)};"
        for corners in head(item):
            yield rf"\fill[{self.colour(item.style, 'stroke')}] {' -- '.join(at(*c) for c in corners)} -- cycle;"

    def brace(self, item: Brace) -> Iterable[str]:
        for line in dimension_lines(item):
            yield from self.line(line)

    def disc(self, item: Disc) -> Iterable[str]:
        yield rf"\path[{self.shape(item.style)}] {at(item.x, item.y)} circle[radius={length(item.radius * self.cell)}cm];"
        if item.label:
            yield self.text(item.x, item.y, item.label, item.style, 2.1 * item.radius)

    def words(self, item: Text) -> Iterable[str]:
        yield self.text(item.x, item.y, item.content, item.style, item.size, item.anchor)


WRITERS: dict[type[Item], Callable[[Pen, Any], Iterable[str]]] = {
    Cell: Pen.cell_item, Rect: Pen.rect, Line: Pen.line, Brace: Pen.brace, Disc: Pen.disc, Text: Pen.words,
}  # fmt: skip


def at(x: float, y: float) -> str:
    return f"({length(x)},{length(y)})"


def length(value: float) -> str:
    """A number with at most three decimals."""
    return f"{round(value, 3) + 0.0:.3f}".rstrip("0").rstrip(".")


def tikz(scene: Scene, max_width: float = 12.0) -> str:
    """One scene as a ``tikzpicture`` at most ``max_width`` centimetres wide; ValueError if that is not positive.

    Twelve centimetres fit the narrowest of LaTeX's own classes, article in ten points.

    >>> from symconv.figures.scene import Cell
    >>> print(tikz(Scene(1, 1, (Cell(0, 0, "x"),))))
    \\begin{tikzpicture}[x=1.006cm, y=-1.006cm, every node/.style={inner sep=0pt, outer sep=0pt}]
      \\definecolor{scE8F1FB}{HTML}{E8F1FB}
      \\definecolor{sc8B929C}{HTML}{8B929C}
      \\useasboundingbox (0,0) rectangle (1,1);
      \\path[fill=scE8F1FB, draw=sc8B929C, line width=0.53pt] (0,0) rectangle (1,1);
    \\end{tikzpicture}
    <BLANKLINE>
    """
    if max_width <= 0:
        raise ValueError(f"a picture cannot be {max_width} cm wide")
    cell = min(LARGEST_CELL, max_width / scene.width)
    pen = Pen(cell)
    body = [line for item in scene.items for line in WRITERS[type(item)](pen, item)]
    unit = length(cell)
    head_line = rf"\begin{{tikzpicture}}[x={unit}cm, y=-{unit}cm, every node/.style={{inner sep=0pt, outer sep=0pt}}]"
    colours = [rf"\definecolor{{{name}}}{{HTML}}{{{value}}}" for value, name in pen.colours.items()]
    box = rf"\useasboundingbox (0,0) rectangle {at(scene.width, scene.height)};"
    title = [f"% {plain(scene.title)}"] if scene.title else []
    lines = [*title, head_line, *(f"  {line}" for line in [*colours, box, *body]), r"\end{tikzpicture}", ""]
    return "\n".join(lines)


def document(scene: Scene, max_width: float = 12.0) -> str:
    """One scene as a LaTeX document of its size."""
    return "\n".join([
        r"\documentclass[border=0pt]{standalone}", r"\usepackage{amsmath}",
        r"\usepackage{tikz}", r"\begin{document}", tikz(scene, max_width) + r"\end{document}", "",
    ])  # fmt: skip
