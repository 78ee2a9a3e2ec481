"""A document as a tree: sections of paragraphs, equations, tables and code, in no format and no language yet.

Words are phrases (:mod:`symconv.prose`): a key into the prose of a language and what is put into it. Mathematics are the trees of
:mod:`symconv.mathematics.tree`. The printers (:mod:`symconv.article.formats`) set both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from symconv.article.layout import PLAIN, Layout
from symconv.layer.conv import Conv
from symconv.mathematics.notation import OWN, Notation
from symconv.mathematics.tree import Equation
from symconv.prose import Phrase, Prose, Value, prose

__all__ = ["Article", "Block", "Code", "Equations", "Gap", "Paragraph", "Picture", "Section", "Table"]


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; ``mark`` is ``"holds"`` or ``"fails"`` where it is a verdict."""

    phrase: Phrase
    mark: str | None = None


@dataclass(frozen=True)
class Gap:
    """So many equations that are left out."""

    count: int


@dataclass(frozen=True)
class Equations:
    """Equations set under each other, aligned at their first sign. A display with a ``label`` is numbered, one that is ``boxed``
    framed."""

    lines: tuple[Equation | Gap, ...]
    label: str | None = None
    boxed: bool = False

    @staticmethod
    def of(*lines: Equation | Gap, label: str | None = None) -> Equations:
        return Equations(lines, label)


@dataclass(frozen=True)
class Table:
    """A table; the cells of a row are as many as the heads. Columns of ``numbers`` are set to the right."""

    head: tuple[Value, ...]
    rows: tuple[tuple[Value, ...], ...]
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True)
class Code:
    """Source text as it is."""

    text: str
    language: str


@dataclass(frozen=True)
class Picture:
    """The place of a picture of a kind (:data:`symconv.figures.kinds.KINDS`), in formats that have pictures and where it can be
    read."""

    kind: str


@dataclass(frozen=True)
class Section:
    """A headed part; ``name`` is what it is called in any language."""

    name: str
    title: Phrase
    blocks: tuple[Block, ...]

    def walk(self) -> Iterator[Block]:
        """Every block of this section and of those inside it."""
        for block in self.blocks:
            yield block
            if isinstance(block, Section):
                yield from block.walk()


Block = Paragraph | Equations | Table | Code | Picture | Section


@dataclass(frozen=True, eq=False)
class Article:
    """A derivation: ``title``, ``subtitle`` and ``sections``, for the layer ``conv`` and its ``loss``, worded in ``lang``.

    ``ok`` is the verdict: whether the closed formulas equal the derivative in every entry, and the kernel that is shown
    passed its checks. ``brief``: without what repeats or
    supports the main line. ``numbers`` are the numbers of the equations that have a label.
    """

    conv: Conv
    loss: str
    lang: str
    ok: bool
    title: Phrase
    subtitle: tuple[Phrase, ...]
    sections: tuple[Section, ...]
    numbers: Mapping[str, int] = field(default_factory=dict)
    notation: Notation = OWN
    layout: Layout = PLAIN
    heading: str | None = None
    brief: bool = False

    @property
    def prose(self) -> Prose:
        """The words of the article's language, with its numbered equations and the author's own ``heading``."""
        told = prose(self.lang)
        own = {} if self.heading is None else {"title.given": self.heading.replace("{", "{{").replace("}", "}}")}
        return replace(told, words={**told.words, **own}, numbers=self.numbers, notation=self.notation)

    def blocks(self) -> Iterator[Block]:
        """Every block of the article, sections left out."""
        for section in self.sections:
            yield from (block for block in section.walk() if not isinstance(block, Section))

    def __repr__(self) -> str:
        verdict = "ok" if self.ok else "formulas and derivative differ"
        return f"<derivation of {self.conv!r}, loss {self.loss!r}, {len(self.sections)} sections: {verdict}>"
