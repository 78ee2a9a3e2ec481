"""A document as blocks of pandoc's own tree (JSON), for filters of pandoc and Quarto."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from symconv.article.blocks import Article, Code, Equations, Paragraph, Picture, Section, Table
from symconv.article.formats.latex import CROSSING, aligned
from symconv.article.pictures import picture
from symconv.mathematics.latex import latex
from symconv.mathematics.markup import latex_text
from symconv.prose import Cited, Literal, Run, Value

__all__ = ["Maker", "code", "display", "inline", "paragraph", "strings"]

#: centimetres of a picture in LaTeX, at most
PICTURE_WIDTH = 14.0

Node = dict[str, Any]

NOTHING: list[Any] = ["", [], []]


def node(kind: str, content: Any = None) -> Node:
    return {"t": kind} if content is None else {"t": kind, "c": content}


def strings(text: str) -> list[Node]:
    """Words and the spaces between them."""
    return [node("Space") if piece.isspace() else node("Str", piece) for piece in re.split(r"([ \n]+)", text) if piece]


def inline(source: str) -> Node:
    """Mathematics in a sentence."""
    return node("Math", [node("InlineMath"), source])


def display(source: str, identity: str = "") -> Node:
    """Mathematics on a line of its own; with an ``identity`` links lead to it."""
    shown = node("Math", [node("DisplayMath"), source])
    return node("Para", [node("Span", [[identity, [], []], [shown]]) if identity else shown])


def code(text: str) -> Node:
    return node("Code", [NOTHING, text])


def paragraph(content: Iterable[Node]) -> Node:
    return node("Para", list(content))


@dataclass(frozen=True)
class Maker:
    """Makes nodes of an article's blocks: ``prefix`` begins every identity, ``level`` is that of the sections' headings,
    ``format`` what pandoc writes."""

    article: Article
    prefix: str
    level: int
    format: str

    def sections(self) -> list[Node]:
        """The article's sections, one after another."""
        crossing = [node("RawBlock", ["latex", CROSSING])] if self.format in ("latex", "beamer", "pdf") else []
        return [*crossing, *(made for section in self.article.sections for made in self._section(section, self.level))]

    def words(self, value: Value) -> list[Node]:
        return self._inlines(self.article.prose.linked(value))

    def _inlines(self, runs: Iterable[Run | Cited]) -> list[Node]:
        made: list[Node] = []
        for run in runs:
            if isinstance(run, str):
                made += strings(run)
            elif isinstance(run, Cited):
                number = node("Str", f"({run.number})")
                made.append(node("Link", [NOTHING, [number], [f"#{self.prefix}{run.label}", ""]]))
            elif isinstance(run, Literal):
                made.append(code(run.text))
            else:
                made.append(inline(latex(run)))
        return made

    def _section(self, section: Section, level: int) -> list[Node]:
        made = [node("Header", [level, [self.prefix + section.name, [], []], self.words(section.title)])]
        for block in section.blocks:
            made += self._block(block, level)
        return made

    def _block(self, block: Any, level: int) -> list[Node]:
        return self._section(block, level + 1) if isinstance(block, Section) else _BLOCKS[type(block)](self, block)

    def _paragraph(self, block: Paragraph) -> list[Node]:
        mark = {"holds": "✓ ", "fails": "✗ "}.get(block.mark or "", "")
        return [paragraph(strings(mark) + self.words(block.phrase))]

    def _equations(self, block: Equations) -> list[Node]:
        prose = self.article.prose
        source = aligned(prose, block)
        number = prose.numbers.get(block.label) if block.label else None
        return [display(f"{source} \\tag{{{number}}}", f"{self.prefix}{block.label}") if number else display(source)]

    def _code(self, block: Code) -> list[Node]:
        return [node("CodeBlock", [["", [block.language], []], block.text])]

    def _table(self, block: Table) -> list[Node]:
        def row(cells: tuple[Value, ...]) -> list[Any]:
            made = [[NOTHING, node("AlignDefault"), 1, 1, [node("Plain", self.words(cell))]] for cell in cells]
            return [NOTHING, made]

        columns = [
            [node("AlignRight" if i in block.numbers else "AlignLeft"), node("ColWidthDefault")]
            for i in range(len(block.head))
        ]
        body = [NOTHING, 0, [], [row(cells) for cells in block.rows]]
        return [node("Table", [NOTHING, [None, []], columns, [NOTHING, [row(block.head)]], [body], [NOTHING, []]])]

    def _figure(self, block: Picture) -> list[Node]:
        shown = picture(self.article, block.kind)
        if shown is None:
            return []
        identity = f"{self.prefix}figure-{block.kind}"
        if self.format in ("latex", "beamer", "pdf"):
            caption = latex_text(shown.caption)
            text = f"\\begin{{figure}}[htbp]\n\\centering\n{shown.to_tikz(PICTURE_WIDTH).rstrip()}\n\\caption{{{caption}}}\n"
            return [node("RawBlock", ["latex", text + f"\\label{{{identity}}}\n\\end{{figure}}"])]
        drawing = node("RawBlock", ["html", shown.to_svg()])
        return [node("Div", [[identity, ["figure"], []], [drawing, paragraph(self._inlines(shown.caption))]])]


_BLOCKS: dict[type[Any], Callable[[Maker, Any], list[Node]]] = {
    Paragraph: Maker._paragraph, Equations: Maker._equations, Code: Maker._code, Table: Maker._table,
    Picture: Maker._figure,
}  # fmt: skip
