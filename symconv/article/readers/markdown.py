"""Reader: a document as Markdown, displayed mathematics between double dollars for MathJax and GitHub."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from symconv.article.blocks import Equations, Value
from symconv.article.prose import Prose
from symconv.article.readers.displays import STYLES, row_end, rows
from symconv.article.readers.latex import TEXT_WIDTH, counted
from symconv.formulas.latex import latex
from symconv.formulas.notation import Math

if TYPE_CHECKING:
    from symconv.article.document import Document

__all__ = ["read"]

#: characters that Markdown would take for its own, in words; between dollars nothing is escaped
ESCAPED = {character: "\\" + character for character in "\\`*_|<>$"}


def words(prose: Prose, value: Value) -> str:
    """A phrase, its mathematics between single dollars."""
    pieces = []
    for run in prose.runs(value):
        if isinstance(run, str):
            pieces.append("".join(ESCAPED.get(character, character) for character in run))
        else:
            pieces.append(f"${latex(run)}$" if isinstance(run, Math) else f"`{run.text}`")
    return "".join(pieces)


def display(prose: Prose, block: Equations) -> str:
    """Equations between double dollars, aligned."""
    lines = rows(block, TEXT_WIDTH, STYLES[0], counted(prose, "elided.more"), counted(prose, "elided.terms_note"))
    inner = f" {row_end(block)}\n".join(lines)
    shown = f"\\begin{{aligned}}\n{inner}\n\\end{{aligned}}"
    if block.boxed:
        shown = f"\\boxed{{{shown}}}"
    number = prose.numbers.get(block.label) if block.label else None
    return f"$$\n{shown}" + (rf" \tag{{{number}}}" if number else "") + "\n$$"


@cache
def environment() -> Environment:
    return Environment(loader=PackageLoader("symconv.article"), trim_blocks=True, lstrip_blocks=True,
                       undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)  # fmt: skip


def read(document: Document) -> str:
    """The whole document."""
    helpers = {
        "words": lambda value: words(document.prose, value),
        "display": lambda block: display(document.prose, block),
        "kind": lambda block: type(block).__name__,
    }
    return environment().get_template("document.md.jinja").render(document=document, **helpers)
