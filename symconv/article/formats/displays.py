"""Displayed equations in LaTeX, for pages and for MathJax alike: lines broken by their measured width, aligned at the signs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from symconv.article.blocks import Equations, Gap
from symconv.mathematics.latex import COLUMN_GAP, SPELLED, latex, width
from symconv.mathematics.lines import chunks, lines
from symconv.mathematics.tree import Equation, Fence, Math, Matrix, Row, Sum

__all__ = ["STYLES", "Style", "deepest", "fitting", "matrix_rows", "row_end", "rows"]

#: the signs that open a side, with the space around them, in points
OPENING = 14.0

#: how far the lines of a broken side are set in, in points
INSET = 10.0


#: a count in words, as TeX
Wording = Callable[[int], str]


@dataclass(frozen=True)
class Style:
    """A size of type, and how far the columns of a matrix stand apart."""

    command: str
    scale: float
    gap: float


#: from the usual one to the smallest; the first in which nothing is too wide is taken
STYLES = (
    Style("", 1.0, COLUMN_GAP),
    Style("", 1.0, 3.0),
    Style(r"\small", 0.92, 2.5),
    Style(r"\footnotesize", 0.85, 2.0),
    Style(r"\scriptsize", 0.75, 1.5),
    Style(r"\tiny", 0.62, 1.0),
)


#: what stands behind something it is about, and how many of the styles are read with ease
ARROWS, READ = ("↑", "↓"), 4


def _left(block: Equations, style: Style) -> float:
    return max((width(line.left, style.gap) for line in block.lines if isinstance(line, Equation)), default=0.0)


def fitting(block: Equations, limit: float) -> Style:
    """The largest style in which no piece that cannot be broken is wider than what the left sides leave of ``limit``; an arrow is
    rather held to what it is about than put on a line of its own, unless the type were too small."""
    sides = [side for line in block.lines if isinstance(line, Equation) for _, side in line.steps]
    for held, styles in ((ARROWS, STYLES[:READ]), ((), STYLES)):
        for style in styles:
            room = limit / style.scale - _left(block, style) - OPENING - INSET
            widest = max((width(piece, style.gap) for side in sides for piece in chunks(side, held)), default=0.0)
            if widest <= room:
                return style
    return STYLES[-1]


def rows(block: Equations, limit: float, style: Style, more: Wording, note: Wording) -> list[str]:
    """The rows of an alignment; ``more`` words a gap, ``note`` an equation's count of terms."""
    room = limit / style.scale - _left(block, style) - OPENING
    result = []
    for line in block.lines:
        if isinstance(line, Gap):
            result.append(rf"& \quad \vdots \quad \text{{{more(line.count)}}}")
            continue
        set_lines = broken(line, room, style)
        if line.note is not None:
            set_lines[-1] += rf" \quad \text{{{note(line.note)}}}"
        result += set_lines
    return result


def row_end(block: Equations) -> str:
    """What ends a row; matrices under each other stand apart."""
    return r"\\[6pt]" if len(block.lines) > 1 and matrix_rows(block) else r"\\"


def matrix_rows(block: Equations) -> int:
    """The rows of the largest matrix in a display, 0 where there is none."""
    sides = (side for line in block.lines if isinstance(line, Equation) for _, side in line.steps)
    return max(map(deepest, sides), default=0)


def deepest(math: Math) -> int:
    """The rows of the largest matrix in a formula, 0 where there is none."""
    if isinstance(math, Matrix):
        return len(math.rows)
    if isinstance(math, Fence):
        return deepest(math.body)
    parts = math.parts if isinstance(math, Row) else [t for _, t in math.terms] if isinstance(math, Sum) else ()
    return max(map(deepest, parts), default=0)


def broken(equation: Equation, room: float, style: Style) -> list[str]:
    """One equation as rows: its sides one after another on the first row where all fit, else each on rows of its own."""

    def measure(piece: Math) -> float:
        return width(piece, style.gap)

    whole = sum(measure(side) + OPENING for _, side in equation.steps) - OPENING
    noted = 90.0 if equation.note is not None else 0.0
    if whole + noted <= room:
        sides = " ".join(f"{SPELLED.get(sign, sign)} {latex(side)}" for sign, side in equation.steps)
        return [f"{latex(equation.left)} &{sides}"]
    result = []
    for i, (sign, side) in enumerate(equation.steps):
        for j, row in enumerate(lines(side, measure, room - INSET - (noted if i + 1 == len(equation.steps) else 0))):
            head = latex(equation.left) + " " if not i and not j else ""
            text = latex(row).strip()
            result.append(rf"{head}& \quad {{}} {text}" if j else f"{head}&{SPELLED.get(sign, sign)} {text}")
    return result
