"""Displayed equations in LaTeX, for pages and for MathJax alike: lines broken by their measured width, aligned at the signs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from symconv.article.blocks import Equations, Gap
from symconv.mathematics.latex import COLUMN_GAP, SPELLED, latex, width
from symconv.mathematics.lines import chunks, lines
from symconv.mathematics.tree import Equation, Fence, Math, Matrix, Operator, Product, Row, Sum

__all__ = ["STYLES", "Style", "deepest", "fitting", "matrix_rows", "opened", "row_end", "rows"]

#: the signs that open a side, with the space around them, in points
OPENING = 14.0

#: how far the lines of a broken side are set in, in points
INSET = 10.0


#: a count in words, as TeX
Wording = Callable[[int], str]


#: points of TeX below which a line is narrow: left sides may stand on lines of their own
NARROW = 270.0


@dataclass(frozen=True)
class Style:
    """A size of type, and how far the columns of a matrix stand apart; ``hung`` where what is too wide stands below its left
    side, set in, and not at a common sign."""

    command: str
    scale: float
    gap: float
    hung: bool = False


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


def _room(block: Equations, limit: float, style: Style) -> float:
    """What is left of a line of ``limit`` for a side, its sign and what stands before it taken off."""
    return limit / style.scale - (INSET if style.hung else _left(block, style)) - OPENING


def fitting(block: Equations, limit: float) -> Style:
    """The largest style in which no piece that cannot be broken is wider than what the left sides leave of ``limit``; an arrow is
    rather held to what it is about than put on a line of its own, unless the type were too small, and so are left sides to their
    sums on a line that is narrow."""
    sides = [side for line in block.lines if isinstance(line, Equation) for _, side in line.steps]

    def fits(style: Style, held: tuple[str, ...]) -> bool:
        room = _room(block, limit, style)
        return all(
            width(piece, style.gap) <= room - INSET * (i > 0 or not style.hung)  # the first of a side is not set in
            for side in sides
            for i, piece in enumerate(chunks(side, held))
        )

    beside: list[Style] = list(STYLES)
    both = sorted([*beside, *(replace(style, hung=True) for style in beside)], key=lambda style: -style.scale)
    tried = [(ARROWS, STYLES[:READ]), ((), STYLES)]
    if limit < NARROW:
        tried[1:] = [(ARROWS, tuple(replace(style, hung=True) for style in STYLES[:READ])), ((), tuple(both))]
    found = (style for held, styles in tried for style in styles if fits(style, held))
    return next(found, tried[-1][1][-1])


def opened(block: Equations, limit: float) -> Equations:
    """The block; on a narrow line, where it were set too small to be read, one whose products are broken before a dot."""
    if limit >= NARROW or fitting(block, limit).scale >= STYLES[READ - 1].scale:
        return block

    def apart(side: Math) -> Math:
        if isinstance(side, Sum):
            return Sum(tuple((sign, apart(term)) for sign, term in side.terms))
        if not (isinstance(side, Row) and isinstance(product := side.parts[-1], Product) and product.apart):
            return side
        first, *rest = product.factors
        return Row((*side.parts[:-1], first, *(part for each in rest for part in (Operator("·"), each))))

    lines = tuple(
        replace(line, steps=tuple((sign, apart(side)) for sign, side in line.steps))
        if isinstance(line, Equation)
        else line
        for line in block.lines
    )
    other = replace(block, lines=lines)
    return other if fitting(other, limit).scale > fitting(block, limit).scale else block


def rows(block: Equations, limit: float, style: Style, more: Wording, note: Wording) -> list[str]:
    """The rows of an alignment; ``more`` words a gap, ``note`` an equation's count of terms."""
    room = _room(block, limit, style)
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
    if whole + noted + (measure(equation.left) - INSET if style.hung else 0) <= room:
        sides = " ".join(f"{SPELLED.get(sign, sign)} {latex(side)}" for sign, side in equation.steps)
        return [f"{{}}& {latex(equation.left)} {sides}" if style.hung else f"{latex(equation.left)} &{sides}"]
    result = [f"{{}}& {latex(equation.left)}"] if style.hung else []
    for i, (sign, side) in enumerate(equation.steps):
        for j, row in enumerate(lines(side, measure, room - INSET - (noted if i + 1 == len(equation.steps) else 0))):
            head = latex(equation.left) + " " if not i and not j else ""
            text = latex(row).strip()
            if style.hung:
                result.append(rf"& \qquad {{}} {text}" if j else rf"& \quad {{}} {SPELLED.get(sign, sign)} {text}")
                continue
            result.append(rf"{head}& \quad {{}} {text}" if j else f"{head}&{SPELLED.get(sign, sign)} {text}")
    return result
