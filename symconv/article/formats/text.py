"""A document as Unicode text for a terminal."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table as RichTable

from symconv.article.blocks import Article, Block, Code, Equations, Gap, Paragraph, Picture, Section, Table
from symconv.mathematics import text as unicode
from symconv.mathematics.tree import Equation, Math
from symconv.prose import Prose, Value

__all__ = ["WIDTH", "printed"]

#: columns of text where nobody says how many there are
WIDTH = 100

#: equations are set in by this much
INSET = "  "

#: columns that a frame takes
FRAME = 3

#: a space that a line is not broken at
NO_BREAK = "\N{NO-BREAK SPACE}"

MARKS = {"holds": "✓ ", "fails": "✗ ", None: ""}


def printed(document: Article, width: int = WIDTH) -> str:
    """The whole document, ``width`` columns wide where the mathematics can be broken."""
    prose = document.prose
    heading = words(prose, document.title)
    subtitle = ", ".join(words(prose, part) for part in document.subtitle)
    lines = [heading, "═" * len(heading), *filled(subtitle, width)]
    for section in document.sections:
        lines += blocks(prose, section, width, "─")
    return "\n".join(line.rstrip().replace(NO_BREAK, " ") for line in lines) + "\n"


def blocks(prose: Prose, block: Block, width: int, rule: str = "╌") -> Iterator[str]:
    """The lines of a block, a blank line before each."""
    yield ""
    yield from BLOCKS[type(block)](prose, block, width, rule)


def section(prose: Prose, block: Section, width: int, rule: str) -> Iterator[str]:
    heading = words(prose, block.title)
    yield from ("", heading, rule * len(heading))
    for inner in block.blocks:
        if not isinstance(inner, Picture):
            yield from blocks(prose, inner, width)


def display(prose: Prose, block: Equations, width: int) -> list[str]:
    width -= FRAME if block.boxed else 0
    lines = list(equations(prose, block, width - len(INSET)))
    number = prose.numbers.get(block.label) if block.label else None
    if number is not None:
        lines = numbered(lines, f"({number})", width)
    return framed(lines) if block.boxed else lines


def words(prose: Prose, value: Value) -> str:
    """A phrase, its mathematics kept on one line."""
    pieces = []
    for run in prose.runs(value):
        text = run if isinstance(run, str) else unicode.pretty(run) if isinstance(run, Math) else run.text
        pieces.append(text if isinstance(run, str) else text.replace(" ", NO_BREAK))
    return "".join(pieces)


def filled(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)


def equations(prose: Prose, block: Equations, width: int) -> Iterator[str]:
    """Equations aligned at their signs; one of several lines stands apart from the next."""
    left = max((unicode.box(line.left).width for line in block.lines if isinstance(line, Equation)), default=0)
    before: list[str] = []
    for line in block.lines:
        if isinstance(line, Gap):
            lines = [" " * left + " ⋮ " + prose.words["elided.more"].format(count=prose.number(line.count))]
        else:
            lines = unicode.equation_lines(
                line, width, left, lambda count: prose.words["elided.terms_note"].format(count=prose.number(count))
            )
        if before and max(len(before), len(lines)) > 1 and not isinstance(line, Gap):
            yield ""
        before = lines
        yield from (INSET + each for each in lines)


def numbered(lines: list[str], number: str, width: int) -> list[str]:
    """The number at the right end of the first line with an equality sign that has room for it."""
    for i, line in enumerate(lines):
        text = line.rstrip()
        if " = " in text and len(text) + len(number) + 2 <= width:
            return [*lines[:i], text.ljust(width - len(number)) + number, *lines[i + 1 :]]
    return [*lines, number.rjust(width)]


def framed(lines: list[str]) -> list[str]:
    """The lines in a frame."""
    inner = [line.rstrip() for line in lines]
    size = max(map(len, inner)) + 1
    return [f"┌{'─' * size}┐", *(f"│{line.ljust(size)}│" for line in inner), f"└{'─' * size}┘"]


def table(prose: Prose, block: Table, width: int) -> list[str]:
    """A table drawn by rich, without colours, the same on every terminal."""
    drawn = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 2, 0, 0))
    for i, cell in enumerate(block.head):
        drawn.add_column(words(prose, cell), justify="right" if i in block.numbers else "left")
    for row in block.rows:
        drawn.add_row(*(words(prose, cell) for cell in row))
    out = io.StringIO()
    console = Console(file=out, width=width - len(INSET), color_system=None, force_terminal=False, markup=False, highlight=False,
                      legacy_windows=False)  # fmt: skip
    console.print(drawn)
    return [INSET + line for line in out.getvalue().rstrip().splitlines() if line.strip()]


BLOCKS: dict[type[Block], Callable[[Prose, Any, int, str], Iterable[str]]] = {
    Section: section,
    Paragraph: lambda prose, block, width, _: filled(MARKS[block.mark] + words(prose, block.phrase), width),
    Equations: lambda prose, block, width, _: display(prose, block, width),
    Table: lambda prose, block, width, _: table(prose, block, width),
    Code: lambda prose, block, width, _: (INSET + line for line in block.text.splitlines()),
}
