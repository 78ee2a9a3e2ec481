"""Reader: a document as LaTeX that pdflatex sets without errors and without overfull lines."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from symconv.article.blocks import Equations, Phrase, Table, Value
from symconv.article.prose import Prose
from symconv.article.readers.displays import STYLES, fitting, rows
from symconv.formulas.latex import latex
from symconv.formulas.notation import Math

if TYPE_CHECKING:
    from symconv.article.document import Document

__all__ = ["TEXT_WIDTH", "body", "read"]

#: the page of the template is this wide, in points, for type of eleven points; measures are for ten
TEXT_WIDTH = 466.0 / 1.095

#: characters that mean something else to TeX
ESCAPED = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "⋆": r"$\star$", "↑": r"$\uparrow$", "↓": r"$\downarrow$",
    "°": r"\textdegree{}", "’": "'", "“": "``", "”": "''", "×": r"$\times$",
}  # fmt: skip


def escape(text: str) -> str:
    """Plain text for TeX."""
    return "".join(ESCAPED.get(character, character) for character in text)


def words(prose: Prose, value: Value) -> str:
    """A phrase, its mathematics between dollars."""
    pieces = []
    for run in prose.runs(value):
        if isinstance(run, str):
            pieces.append(escape(run))
        else:
            pieces.append(f"${latex(run)}$" if isinstance(run, Math) else rf"\texttt{{{escape(run.text)}}}")
    return "".join(pieces)


def display(prose: Prose, block: Equations) -> str:
    """Equations as one alignment, in smaller type where a matrix needs it."""
    style = fitting(block, TEXT_WIDTH)
    lines = rows(block, TEXT_WIDTH, style, counted(prose, "elided.more"), counted(prose, "elided.terms_note"))
    inner = " \\\\\n".join(f"  {line}" for line in lines)
    shown = f"\\begin{{align*}}\n{inner}\n\\end{{align*}}"
    if style != STYLES[0]:
        return f"{{{style.command}\\setlength{{\\arraycolsep}}{{{style.gap:g}pt}}%\n{shown}}}"
    return shown


def counted(prose: Prose, key: str) -> Callable[[int], str]:
    """The words of a key for a count."""
    return lambda count: words(prose, Phrase(key, {"count": count}))


def columns(table: Table) -> str:
    return "".join("r" if i in table.numbers else "l" for i in range(len(table.head)))


@cache
def environment() -> Environment:
    """Jinja with delimiters that TeX does not use."""
    return Environment(
        loader=PackageLoader("symconv.article"),
        block_start_string="<%", block_end_string="%>", variable_start_string="<<", variable_end_string=">>",
        comment_start_string="<#", comment_end_string="#>", trim_blocks=True, lstrip_blocks=True,
        undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True,
    )  # fmt: skip


def read(document: Document) -> str:
    """The whole document."""
    return _template(document, "document.tex.jinja")


def body(document: Document) -> str:
    """What stands between ``\\begin{document}`` and ``\\end{document}``."""
    return _template(document, "body.tex.jinja")


def _template(document: Document, name: str) -> str:
    template = environment().get_template(name)
    helpers = {
        "words": lambda value: words(document.prose, value),
        "display": lambda block: display(document.prose, block),
        "columns": columns,
        "kind": lambda block: type(block).__name__,
    }
    return template.render(document=document, **helpers)
