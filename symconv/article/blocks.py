"""A document as a tree: sections of paragraphs, equations, tables and code, in no format and no language yet.

Words are phrases: a key into the prose of a language and what is put into it. Mathematics are the trees of
:mod:`symconv.mathematics.tree`. The readers (:mod:`symconv.article.readers`) set both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from symconv.mathematics.tree import Equation, Math

__all__ = ["Block", "Code", "Equations", "Gap", "Paragraph", "Phrase", "Reference", "Section", "Table", "Value"]


@dataclass(frozen=True)
class Phrase:
    """Words by their key in the prose, with the values that stand in them."""

    key: str
    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Reference:
    """An equation by the label of its display; ``otherwise`` names it where that display is not in the document."""

    label: str
    otherwise: Phrase


#: what may stand in a phrase or a table: mathematics, a number, words, sentences one after another, the number of an equation
Value = Math | int | Phrase | Reference | tuple[Phrase, ...]


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


Block = Paragraph | Equations | Table | Code | Section
