"""A document as a tree: sections of paragraphs, equations, tables and code, in no format and no language yet.

Words are phrases (:mod:`symconv.prose`): a key into the prose of a language and what is put into it. Mathematics are the trees of
:mod:`symconv.mathematics.tree`. The readers (:mod:`symconv.article.readers`) set both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from symconv.mathematics.tree import Equation
from symconv.prose import Phrase, Value

__all__ = ["Block", "Code", "Equations", "Gap", "Paragraph", "Section", "Table"]


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
