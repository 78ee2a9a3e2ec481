"""Text in pictures: words and mathematics in one line, read as LaTeX, as runs for SVG and HTML, and as plain Unicode."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from symconv.mathematics import latex as typesetting
from symconv.mathematics import lines as breaking
from symconv.mathematics.of_formulas import is_function
from symconv.mathematics.tree import (
    Above,
    Below,
    Equation,
    Fence,
    Fraction,
    Math,
    Operator,
    Product,
    Row,
    Struck,
    Sum,
    Total,
    Word,
)  # fmt: skip

__all__ = ["Content", "Run", "as_row", "html_text", "latex_text", "lines", "plain", "runs", "width"]

Content = tuple[str | Math, ...]

#: average width of a letter of prose at ten points, in points
LETTER = 4.7


@dataclass(frozen=True, slots=True)
class Run:
    """Characters of one kind; ``level`` is -1 below the line, 1 above it."""

    text: str
    italic: bool = False
    level: int = 0


def as_row(equation: Equation, most: int | None = None) -> Math:
    """An equation as one row; of its steps only the first ``most``."""
    parts: list[Math] = [equation.left]
    for sign, side in equation.steps[:most]:
        parts += [Operator(sign), side]
    return Row(tuple(parts))


def width(content: Content) -> float:
    """About how wide ``content`` is at ten points, in points."""
    return sum(LETTER * len(part) if isinstance(part, str) else typesetting.width(part) for part in content)


def lines(content: Content, limit: float) -> list[Content]:
    """``content`` on lines no wider than ``limit`` points, broken between words, or before a sign where an equation is long."""
    pieces: list[str | Math] = []
    for part in content:
        if isinstance(part, str):
            pieces += [word for word in part.replace("\n", " ").split(" ") if word]
        else:
            pieces.append(part)
    glued = _glued(content, pieces)
    result: list[list[str | Math]] = [[]]
    used = 0.0
    for piece, space in zip(pieces, glued, strict=True):
        size = width((piece,)) + LETTER * space
        if not isinstance(piece, str) and size > limit:
            rows = breaking.lines(_flat(piece), typesetting.width, limit)
            result += [[row] for row in rows]
            used = typesetting.width(rows[-1])
            continue
        if result[-1] and used + size > limit and space:
            result.append([])
            used = 0.0
            space = False
        result[-1] += [" ", piece] if space and result[-1] else [piece]
        used += size
    return [_joined(line) for line in result if line]


def _flat(math: Math) -> Math:
    """An equation's row with the terms of a sum opened, so that it breaks between them."""
    if not isinstance(math, Row):
        return math
    parts: list[Math] = []
    for part in math.parts:
        if isinstance(part, Sum):
            for i, (sign, term) in enumerate(part.terms):
                if i or sign < 0:
                    parts.append(Operator("−" if sign < 0 else "+"))
                parts.append(term)
        else:
            parts.append(part)
    return Row(tuple(parts))


def _glued(content: Content, pieces: Sequence[str | Math]) -> list[bool]:
    """Whether a space stands before each piece."""
    result: list[bool] = []
    spaced = False
    for part in content:
        if isinstance(part, str):
            words = part.replace("\n", " ").split(" ")
            for i, word in enumerate(words):
                spaced = spaced or i > 0
                if word:
                    result.append(spaced and bool(result))
                    spaced = False
        else:
            result.append(spaced and bool(result))
            spaced = False
    return result


def _joined(line: list[str | Math]) -> Content:
    """Neighbouring words made one string."""
    result: list[str | Math] = []
    for piece in line:
        if isinstance(piece, str) and result and isinstance(result[-1], str):
            result[-1] = result[-1] + piece
        else:
            result.append(piece)
    return tuple(result)


# LaTeX ----------------------------------------------------------------------------------------------------------------

#: characters of prose that LaTeX reads otherwise
ESCAPED = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "’": "'", "–": "--", "—": "---", "×": r"$\times$", "\u00a0": "~",
    "\u202f": r"\,",
    "…": r"\dots{}", "⊤": r"$\top$", "„": ",,", "“": "``", "”": "''",
}  # fmt: skip


def latex_text(content: Content) -> str:
    """``content`` as LaTeX text, mathematics between dollars."""
    return "".join(
        "".join(ESCAPED.get(c, c) for c in part) if isinstance(part, str) else f"${typesetting.latex(part)}$"
        for part in content
    )


# runs: SVG, HTML and plain text ---------------------------------------------------------------------------------------


def runs(content: Content) -> list[Run]:
    """``content`` as runs, neighbours of a kind joined."""
    result: list[Run] = []
    for part in content:
        for run in [Run(part)] if isinstance(part, str) else _runs(part):
            if result and (result[-1].italic, result[-1].level) == (run.italic, run.level):
                result[-1] = replace(result[-1], text=result[-1].text + run.text)
            elif run.text:
                result.append(run)
    return result


def _runs(math: Math) -> Iterator[Run]:
    yield from RUNS[type(math)](math)


def _word(math: Word) -> Iterator[Run]:
    named = is_function(math.text) or math.text == "mod"
    yield Run(math.text, italic=not named and math.text.replace(" ", "").isalpha())


def _shifted(body: Math, level: int) -> Iterator[Run]:
    for run in _runs(body):
        yield replace(run, level=level, text=run.text.replace(" ", "")) if run.level == 0 else run


def _sum(math: Sum) -> Iterator[Run]:
    for i, (sign, term) in enumerate(math.terms):
        if i:
            yield Run(" − " if sign < 0 else " + ")
        elif sign < 0:
            yield Run("−")
        yield from _runs(term)


def _product(math: Product) -> Iterator[Run]:
    for i, factor in enumerate(math.factors):
        if i and any(isinstance(each, Below) for each in math.factors):
            yield Run("\u2009")
        elif i and isinstance(factor, Word) and factor.text[0].isdigit():
            yield Run("·")
        yield from _runs(factor)


def _fraction(math: Fraction) -> Iterator[Run]:
    for i, part in enumerate((math.top, math.bottom)):
        if i:
            yield Run(" / ")
        yield from _runs(Fence(part) if isinstance(part, (Sum, Row)) else part)


def _total(math: Total) -> Iterator[Run]:
    yield Run("Σ")
    for i, under in enumerate(math.under):
        yield from ([Run(", ", level=-1)] if i else [])
        yield from _shifted(under, -1)
    yield Run(" ")


RUNS: dict[type[Math], Callable[[Any], Iterator[Run]]] = {
    Word: _word,
    Operator: lambda t: iter([Run(f" {t.text} ")]),
    Below: lambda t: iter([*_runs(t.base), *_shifted(t.sub, -1)]),
    Above: lambda t: iter([*_runs(t.base), *_shifted(t.sup, 1)]),
    Row: lambda t: (run for part in t.parts for run in _runs(part)),
    Product: _product,
    Sum: _sum,
    Fence: lambda t: iter([Run(t.left), *_runs(t.body), Run(t.right)]),
    Struck: lambda t: _runs(t.body),
    Fraction: _fraction,
    Total: _total,
}

#: digits and signs that Unicode has below the line
LOWERED = str.maketrans("0123456789−+=", "₀₁₂₃₄₅₆₇₈₉₋₊₌")


def plain(content: Content) -> str:
    """``content`` as Unicode text in one line: ``dx₁₁ = dy₁₁ w₁₁``."""
    text = ""
    for run in runs(content):
        if run.level < 0:
            lowered = run.text.translate(LOWERED)
            text += lowered if all(c in "₀₁₂₃₄₅₆₇₈₉₋₊₌," for c in lowered) else f"_({run.text})"
        else:
            text += "ᵀ" if run.text == "⊤" and run.level > 0 else run.text.replace("\u2009", " ")
    return text


def html_text(content: Content) -> str:
    """``content`` as HTML: <i> for letters of mathematics, <sub> and <sup>."""
    text = ""
    for run in runs(content):
        piece = html.escape(run.text, quote=False)
        piece = f"<i>{piece}</i>" if run.italic else piece
        text += {-1: f"<sub>{piece}</sub>", 0: piece, 1: f"<sup>{piece}</sup>"}[run.level]
    return text
