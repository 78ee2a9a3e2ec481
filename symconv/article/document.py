"""``document(conv)``: the derivation of one layer as a tree of sections, and ``render``: that tree in a format."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from symconv.article.blocks import Block, Code, Equations, Gap, Paragraph, Phrase, Section, Table, Value
from symconv.article.case import Case
from symconv.article.passes import forward, gradients, jacobians
from symconv.article.prose import Prose, prose
from symconv.article.recognition import recognition, verdict
from symconv.article.selection import BUDGET
from symconv.article.setting import setting, subtitle, title
from symconv.formulas.latex import latex
from symconv.formulas.notation import Equation, Math
from symconv.formulas.pretty import pretty
from symconv.geometry import MAX_TERMS, Conv

__all__ = ["FORMATS", "SECTIONS", "Document", "document", "render"]

#: the sections, in order
SECTIONS = (setting, forward, jacobians, gradients, recognition, verdict)

FORMATS = ("text", "latex", "markdown", "html", "ipynb")


@dataclass(frozen=True, eq=False)
class Document:
    """A derivation: ``title``, ``subtitle`` and ``sections``, for the layer ``conv`` and its ``loss``, worded in ``lang``.

    ``ok`` is the verdict: whether the closed formulas equal the derivative in every entry. ``render(format)`` gives the
    text of it; notebooks show it as Markdown with its mathematics.
    """

    conv: Conv
    loss: str
    lang: str
    ok: bool
    title: Phrase
    subtitle: tuple[Phrase, ...]
    sections: tuple[Section, ...]

    @property
    def prose(self) -> Prose:
        return prose(self.lang)

    def blocks(self) -> Iterator[Block]:
        """Every block of the document, sections left out."""
        for section in self.sections:
            yield from (block for block in section.walk() if not isinstance(block, Section))

    def render(self, format: str = "latex", width: int | None = None) -> str:
        """The document in one of the ``FORMATS``; ``width``, in characters, is for text."""
        from symconv.article.readers import READERS
        from symconv.article.readers.text import read as read_text

        if format not in READERS:
            raise ValueError(f"no format {format!r}; there are {', '.join(FORMATS)}")
        return READERS[format](self) if width is None or format != "text" else read_text(self, width)

    def to_dict(self) -> dict[str, Any]:
        """The layer, the verdict and every block, words in the document's language, mathematics as LaTeX and as text."""
        return {
            "conv": self.conv.to_dict(),
            "loss": self.loss,
            "lang": self.lang,
            "ok": self.ok,
            "title": self.prose.text(self.title),
            "subtitle": [self.prose.text(phrase) for phrase in self.subtitle],
            "sections": [self._plain(section) for section in self.sections],
        }

    def _plain(self, block: Block) -> dict[str, Any]:
        if isinstance(block, Section):
            blocks = [self._plain(inner) for inner in block.blocks]
            return {"kind": "section", "name": block.name, "title": self.prose.text(block.title), "blocks": blocks}
        if isinstance(block, Paragraph):
            return {"kind": "paragraph", "key": block.phrase.key, "text": self.prose.text(block.phrase), "mark": block.mark}
        if isinstance(block, Equations):
            return {"kind": "equations", "lines": [self._line(line) for line in block.lines]}
        if isinstance(block, Code):
            return {"kind": "code", "language": block.language, "text": block.text}
        assert isinstance(block, Table)
        return {"kind": "table", "head": self._cells(block.head), "rows": [self._cells(row) for row in block.rows]}

    def _line(self, line: Equation | Gap) -> dict[str, Any]:
        if isinstance(line, Gap):
            return {"left_out": line.count}
        return {"latex": latex(line), "text": pretty(line)} | ({"terms": line.note} if line.note is not None else {})

    def _cells(self, cells: tuple[Value, ...]) -> list[Any]:
        return [cell if isinstance(cell, int) else pretty(cell) if isinstance(cell, Math) else self.prose.text(cell)
                for cell in cells]  # fmt: skip

    def __repr__(self) -> str:
        verdict = "ok" if self.ok else "formulas and derivative differ"
        return f"<derivation of {self.conv!r}, loss {self.loss!r}, {len(self.sections)} sections: {verdict}>"

    def __str__(self) -> str:
        return self.render("text")

    def _repr_markdown_(self) -> str:
        return self.render("markdown")

    def _repr_latex_(self) -> str:
        from symconv.article.readers.latex import body

        return body(self)


def document(
    conv: Conv, lang: str = "en", loss: str = "upstream", max_terms: int = MAX_TERMS, budget: int = BUDGET
) -> Document:
    """The derivation of ``conv``: setting, forward pass, Jacobians, gradients, closed formulas, check.

    ``loss`` is ``"upstream"`` (dy given) or ``"squared"``; ``budget`` is how many characters the row of a matrix may have before
    columns are left out. Raises ValueError for a language or loss there is none of, and, before
    any work, for a loss of more than ``max_terms`` terms.

    >>> document(Conv(input=4, kernel=2))
    <derivation of Conv(input=4, kernel=2), loss 'upstream', 6 sections: ok>
    """
    prose(lang)
    case = Case(conv, loss, max_terms, budget)
    sections = tuple(section(case) for section in SECTIONS)
    return Document(conv, loss, lang, case.ok, title(conv), subtitle(conv), sections)


def render(conv: Conv, format: str = "latex", lang: str = "en", loss: str = "upstream", max_terms: int = MAX_TERMS) -> str:
    """``document(conv)`` as ``"latex"`` (a document that compiles), ``"markdown"`` (``$$`` for MathJax) or ``"text"``.

    The same layer always gives the same bytes.

    >>> print(render(Conv(input=4, kernel=2), "text").splitlines()[0])
    The gradients of a convolution
    """
    return document(conv, lang, loss, max_terms).render(format)
