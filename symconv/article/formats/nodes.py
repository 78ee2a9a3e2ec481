"""A document as docutils nodes, for Sphinx and whatever else reads them.

Needs docutils, which the caller has. Mathematics are ``math`` and ``math_block`` nodes in LaTeX; pictures are figures that hold
SVG for pages and TikZ for LaTeX.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from docutils import nodes

from symconv.article.blocks import Article, Code, Equations, Paragraph, Picture, Section, Table
from symconv.article.formats.latex import aligned
from symconv.article.pictures import picture
from symconv.mathematics.latex import latex
from symconv.prose import Cited, Literal, Prose, Run, Value

__all__ = ["Maker", "display", "texts"]

#: centimetres of a picture in LaTeX, at most
PICTURE_WIDTH = 14.0

#: words and mathematics one after another
Runs = list[Any]


def texts(runs: Iterator[Run | Cited] | Runs, cite: Callable[[Cited], Any]) -> list[Any]:
    """Text, mathematics and code as inline nodes; ``cite`` makes the node of a reference to an equation."""
    made: list[Any] = []
    for run in runs:
        if isinstance(run, str):
            made.append(nodes.Text(run))
        elif isinstance(run, Cited):
            made.append(cite(run))
        elif isinstance(run, Literal):
            made.append(nodes.literal(run.text, run.text))
        else:
            source = latex(run)
            made.append(nodes.math(source, source))
    return made


def display(source: str) -> Any:
    """A display without a number, with what Sphinx asks of each."""
    return nodes.math_block(source, source, **{"number": None, "label": None, "no-wrap": False, "nowrap": False})


@dataclass(frozen=True)
class Maker:
    """Makes nodes of an article's blocks.

    ``prefix`` begins every label; ``number`` is given a ``math_block`` and its label and returns the nodes that stand for a
    numbered display; ``cite`` makes a reference to a label.
    """

    article: Article
    prefix: str
    number: Callable[[Any, str], list[Any]]
    cite: Callable[[str, int], Any]

    @property
    def prose(self) -> Prose:
        return self.article.prose

    def words(self, value: Value) -> list[Any]:
        """A phrase as inline nodes."""
        return texts(list(self.prose.linked(value)), lambda run: self.cite(self.prefix + run.label, run.number))

    def sections(self) -> list[Any]:
        """The article's sections, one under another."""
        return [node for section in self.article.sections for node in self._section(section)]

    def _section(self, section: Section) -> list[Any]:
        node = nodes.section(ids=[nodes.make_id(self.prefix + section.name)], names=[self.prefix + section.name])
        node += nodes.title("", "", *self.words(section.title))
        for block in section.blocks:
            node += self._block(block)
        return [node]

    def _block(self, block: Any) -> list[Any]:
        made: list[Any] = _BLOCKS[type(block)](self, block)
        return made

    def _paragraph(self, block: Paragraph) -> list[Any]:
        mark = {"holds": "✓ ", "fails": "✗ "}.get(block.mark or "", "")
        return [nodes.paragraph("", "", *([nodes.Text(mark)] if mark else []), *self.words(block.phrase))]

    def _equations(self, block: Equations) -> list[Any]:
        source = aligned(self.prose, block)
        node = display(source)
        if block.label and self.prose.numbers.get(block.label):
            return self.number(node, self.prefix + block.label)
        return [node]

    def _code(self, block: Code) -> list[Any]:
        return [nodes.literal_block(block.text, block.text, language=block.language)]

    def _table(self, block: Table) -> list[Any]:
        group = nodes.tgroup(cols=len(block.head))
        group += [nodes.colspec(colwidth=1) for _ in block.head]
        head, body = nodes.thead(), nodes.tbody()
        head += self._row(block.head)
        body += [self._row(row) for row in block.rows]
        group += [head, body]
        return [nodes.table("", group)]

    def _row(self, cells: tuple[Value, ...]) -> Any:
        row = nodes.row()
        for cell in cells:
            row += nodes.entry("", nodes.paragraph("", "", *self.words(cell)))
        return row

    def _figure(self, block: Picture) -> list[Any]:
        shown = picture(self.article, block.kind)
        if shown is None:
            return []
        identity = nodes.make_id(self.prefix + "figure-" + block.kind)
        figure = nodes.figure("", ids=[identity], names=[identity])
        figure += nodes.raw("", shown.to_svg(), format="html")
        tikz = "\\begin{center}\n" + shown.to_tikz(PICTURE_WIDTH).rstrip() + "\n\\end{center}"
        figure += nodes.raw("", tikz, format="latex")
        figure += nodes.caption("", "", *texts(list(shown.caption), lambda run: nodes.Text(f"({run.number})")))
        return [figure]


_BLOCKS: dict[type[Any], Callable[[Maker, Any], list[Any]]] = {
    Section: Maker._section, Paragraph: Maker._paragraph, Equations: Maker._equations, Code: Maker._code, Table: Maker._table,
    Picture: Maker._figure,
}  # fmt: skip
