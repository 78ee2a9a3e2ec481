"""Mathematics, formulas and integer expressions as LaTeX (amsmath), and how wide it comes out.

What is written is plain enough for MathJax as well: no macros of our own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import singledispatch
from typing import Any

from symconv.algebra.integers import Integer
from symconv.formulas import tree
from symconv.mathematics.letters import GREEK
from symconv.mathematics.of_formulas import is_function, of_formula
from symconv.mathematics.of_integers import of_integer
from symconv.mathematics.tree import (
    Above,
    Below,
    Equation,
    Fence,
    Fraction,
    Math,
    Matrix,
    Operator,
    Product,
    Row,
    Struck,
    Sum,
    Total,
    Word,
)

__all__ = ["COLUMN_GAP", "latex", "width"]

#: characters that LaTeX spells out
SPELLED = {
    "−": "-", "⋆": r"\star", "×": r"\times", "·": r"\cdot", "↑": r"\uparrow", "↓": r"\downarrow", "…": r"\dots",
    "⋯": r"\cdots", "⋮": r"\vdots", "⋱": r"\ddots", "∂": r"\partial", "⊤": r"\top", "⌊": r"\lfloor", "⌋": r"\rfloor",
    "≤": r"\le", "≥": r"\ge", "≠": r"\ne", "mod": r"\bmod", "⇔": r"\iff", "∈": r"\in", "⊙": r"\odot", "→": r"\to",
    "∗": r"\ast", "⊛": r"\circledast", "⊗": r"\otimes", "∇": r"\nabla", "′": "'",
    **{letter: rf"\{name}" for name, letter in GREEK.items()},
}  # fmt: skip

#: more columns than this need the array environment: amsmath's matrices stop there
MATRIX_COLUMNS = 10

#: a matrix with more characters than this gets a line of source for each row
SOURCE_LINE = 60

#: space on either side of a matrix column, in points
COLUMN_GAP = 5.0


@singledispatch
def latex(thing: Any) -> str:
    """``thing`` (mathematics, an equation, a formula, an integer expression) as LaTeX, without dollars around it.

    >>> from symconv.formulas.standard import standard
    >>> from symconv.layer.relation import INPUT_INDEX, OUTPUT_SIZE
    >>> print(latex(INPUT_INDEX))
    so + dk - p
    >>> print(latex(OUTPUT_SIZE))
    \\left\\lfloor \\frac{H + p + q - d(K - 1) - 1}{s} \\right\\rfloor + 1
    >>> print(latex(standard("dw")))
    dw = (\\operatorname{pad}_{p, q - r}(x) \\star (dy \\uparrow s)) \\downarrow d
    """
    raise TypeError(f"no LaTeX for {thing!r}")


@latex.register
def _(thing: Integer) -> str:
    return latex(of_integer(thing))


@latex.register
def _(thing: tree.Formula) -> str:
    return latex(of_formula(thing))


@latex.register
def _(thing: Equation) -> str:
    return latex(thing.left) + "".join(f" {SPELLED.get(sign, sign)} {latex(side)}" for sign, side in thing.steps)


@latex.register
def _(thing: Word) -> str:
    if is_function(thing.text):
        return rf"\operatorname{{{thing.text}}}"
    if re.fullmatch("[A-Za-z]{3,}", thing.text):
        return rf"\mathit{{{thing.text}}}"
    return SPELLED.get(thing.text) or _beside([SPELLED.get(part, part) for part in thing.text])


def _beside(pieces: Sequence[str]) -> str:
    """The pieces one after another, a space where a control word would run into a letter, one space where there are several."""
    text = ""
    for piece in pieces:
        text += " " if re.search(r"\\[A-Za-z]+$", text) and piece[:1].isalpha() else ""
        text += piece
    return re.sub(" +", " ", text)


@latex.register
def _(thing: Operator) -> str:
    return f" {SPELLED.get(thing.text, thing.text)} "


@latex.register
def _(thing: Below) -> str:
    base = latex(thing.base)
    if isinstance(thing.base, Word) and "_" in base:  # v_x: a second subscript is refused
        base = f"{{{base}}}"
    return f"{base}_{{{latex(thing.sub)}}}"


@latex.register
def _(thing: Above) -> str:
    base = latex(thing.base)
    return f"{base if isinstance(thing.base, (Word, Fence)) else f'{{{base}}}'}^{{{latex(thing.sup)}}}"


@latex.register
def _(thing: Row) -> str:
    pieces = [latex(part) + (" " if isinstance(part, Total) else "") for part in thing.parts]
    return _beside(pieces)


@latex.register
def _(thing: Product) -> str:
    # of the ways to write a thin space this is the one that no Markdown takes for an escape
    between = (
        r" \thinspace " if thing.apart else " " if any(isinstance(f, (Below, Above)) for f in thing.factors) else ""
    )
    pieces: list[str] = []
    for factor in thing.factors:
        piece = latex(factor)
        if pieces:
            pieces.append(r" \cdot " if piece[0].isdigit() else between)
        pieces.append(piece)
    return _beside(pieces)


@latex.register
def _(thing: Sum) -> str:
    text = ""
    for sign, term in thing.terms:
        if text:
            text += " - " if sign < 0 else " + "
        elif sign < 0:
            text = "-"
        text += latex(term)
    return text


@latex.register
def _(thing: Fence) -> str:
    left, right = (SPELLED.get(sign, sign) for sign in (thing.left, thing.right))
    body = latex(thing.body)
    if not _tall(thing.body) and thing.left == "(":
        return f"{left}{body}{right}"
    return rf"\left{left} {body} \right{right}"


@latex.register
def _(thing: Struck) -> str:
    return rf"\cancel{{{latex(thing.body)}}}"


@latex.register
def _(thing: Fraction) -> str:
    return rf"\frac{{{latex(thing.top)}}}{{{latex(thing.bottom)}}}"


@latex.register
def _(thing: Total) -> str:
    under = thing.under
    if not under:
        return r"\sum"
    below = r" \\ ".join(latex(u) for u in under)
    if len(under) > 1:
        below = rf"\substack{{{below}}}"
    return rf"\sum_{{{below}}}" + (f"^{{{latex(thing.over)}}}" if thing.over else "")


@latex.register
def _(thing: Matrix) -> str:
    rows = [" & ".join(latex(cell) for cell in row) for row in thing.rows]
    columns = len(thing.rows[0]) if thing.rows else 0
    begin, end = r"\begin{bmatrix}", r"\end{bmatrix}"
    if columns > MATRIX_COLUMNS:
        begin, end = rf"\left[\begin{{array}}{{{'c' * columns}}}", r"\end{array}\right]"
    if sum(map(len, rows)) <= SOURCE_LINE:
        return " ".join([begin, r" \\ ".join(rows), end])
    return "\n".join([begin, " \\\\\n".join(f"  {row}" for row in rows), end])


def _tall(thing: Math) -> bool:
    """Whether brackets around it must grow."""
    if isinstance(thing, (Fraction, Matrix, Total)):
        return True
    parts: tuple[Math, ...] = ()
    if isinstance(thing, Row):
        parts = thing.parts
    elif isinstance(thing, Product):
        parts = thing.factors
    elif isinstance(thing, Sum):
        parts = tuple(term for _, term in thing.terms)
    return any(_tall(part) for part in parts)


# widths ---------------------------------------------------------------------------------------------------------------

#: widths of Computer Modern's mathematical italics at ten points, in points; what is not listed counts as ``OTHER``
GLYPHS = {
    **dict.fromkeys("0123456789", 5.0), ",": 4.5, "(": 3.9, ")": 3.9, "a": 5.3, "b": 4.3, "c": 4.4, "d": 5.3, "f": 6.0,
    "g": 5.2, "i": 3.5, "k": 5.6, "l": 3.2, "m": 8.8, "n": 6.0, "o": 4.9, "p": 5.1, "q": 4.7, "r": 4.8, "s": 4.7, "t": 3.7,
    "w": 7.5, "x": 5.8, "y": 5.3, "H": 9.2, "K": 9.3, "O": 7.9, "N": 9.2, "C": 7.9, "F": 7.9, "G": 7.9, "L": 6.9,
    "−": 7.8, "⋯": 12.0, "…": 12.0, "⋱": 12.8, "⋮": 5.0, "⊤": 7.8,
}  # fmt: skip
OTHER = 7.8

#: a sign between two things with the space around it
SIGN = 13.5

#: subscripts are set in seven points, a little wider for their size
SUBSCRIPT = 0.8


def width(thing: Math, gap: float = COLUMN_GAP) -> float:
    """About how wide ``thing`` is set in ten point type, in points, never much less; ``gap`` is the space beside columns.

    >>> round(width(Sum(((1, Word("H")), (-1, Word("1"))))))
    28
    """
    return WIDTHS[type(thing)](thing, gap)


def _limits(thing: Total, gap: float) -> float:
    limits = [*thing.under, *([thing.over] if thing.over else [])]
    return max([14.4, *(SUBSCRIPT * width(limit, gap) for limit in limits)]) + 2


def _matrix(thing: Matrix, gap: float) -> float:
    columns = zip(*thing.rows, strict=True)
    return 10 + sum(2 * gap + max(width(cell, gap) for cell in column) for column in columns)


WIDTHS: dict[type[Math], Callable[[Any, float], float]] = {
    Word: lambda t, gap: 5.2 * len(t.text) if is_function(t.text) else sum(GLYPHS.get(c, OTHER) for c in t.text),
    Operator: lambda t, gap: SIGN + 7 * (len(t.text) > 1),
    Below: lambda t, gap: width(t.base, gap) + SUBSCRIPT * width(t.sub, gap) + 0.5,
    Above: lambda t, gap: width(t.base, gap) + SUBSCRIPT * width(t.sup, gap) + 0.5,
    Row: lambda t, gap: sum(width(part, gap) for part in t.parts),
    Product: lambda t, gap: sum(width(factor, gap) for factor in t.factors) + 1.7 * t.apart * (len(t.factors) - 1),
    Sum: lambda t, gap: (
        sum(width(term, gap) for _, term in t.terms) + SIGN * (len(t.terms) - 1) + SIGN * (t.terms[0][0] < 0)
    ),
    Fence: lambda t, gap: width(t.body, gap) + (14 if _tall(t.body) else 7.8),
    Struck: lambda t, gap: width(t.body, gap),
    Fraction: lambda t, gap: max(width(t.top, gap), width(t.bottom, gap)) + 2.4,
    Total: _limits,
    Matrix: _matrix,
}
