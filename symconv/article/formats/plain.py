"""An article as plain lists and texts, for JSON: words in its language, mathematics as LaTeX and as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from symconv.article.blocks import Article, Block, Code, Equations, Gap, Paragraph, Picture, Section, Table
from symconv.mathematics.latex import latex
from symconv.mathematics.text import pretty
from symconv.mathematics.tree import Equation
from symconv.prose import Value

__all__ = ["data"]


def data(article: Article) -> dict[str, Any]:
    """The layer, the verdict and every block."""
    text = article.prose.text
    return {
        "conv": article.conv.to_dict(),
        "loss": article.loss,
        "lang": article.lang,
        "ok": article.ok,
        "title": text(article.title),
        "subtitle": [text(phrase) for phrase in article.subtitle],
        "sections": [_block(article, section) for section in article.sections],
    }


def _block(article: Article, block: Block) -> dict[str, Any]:
    return BLOCKS[type(block)](article, block)


def _section(article: Article, block: Section) -> dict[str, Any]:
    inner = [_block(article, each) for each in block.blocks if not isinstance(each, Picture)]
    return {"kind": "section", "name": block.name, "title": article.prose.text(block.title), "blocks": inner}


def _paragraph(article: Article, block: Paragraph) -> dict[str, Any]:
    text = article.prose.text(block.phrase)
    return {"kind": "paragraph", "key": block.phrase.key, "text": text, "mark": block.mark}


def _equations(article: Article, block: Equations) -> dict[str, Any]:
    number = article.numbers.get(block.label) if block.label is not None else None
    numbered = {} if number is None else {"number": number}
    return {"kind": "equations", **numbered, "lines": [_line(line) for line in block.lines]}


def _line(line: Equation | Gap) -> dict[str, Any]:
    if isinstance(line, Gap):
        return {"left_out": line.count}
    return {"latex": latex(line), "text": pretty(line)} | ({"terms": line.note} if line.note is not None else {})


def _code(article: Article, block: Code) -> dict[str, Any]:
    return {"kind": "code", "language": block.language, "text": block.text}


def _table(article: Article, block: Table) -> dict[str, Any]:
    rows = [_cells(article, row) for row in block.rows]
    return {"kind": "table", "head": _cells(article, block.head), "rows": rows}


def _cells(article: Article, cells: tuple[Value, ...]) -> list[Any]:
    return [cell if isinstance(cell, int) else article.prose.text(cell) for cell in cells]


BLOCKS: dict[type[Block], Callable[[Article, Any], dict[str, Any]]] = {
    Section: _section,
    Paragraph: _paragraph,
    Equations: _equations,
    Code: _code,
    Table: _table,
}
