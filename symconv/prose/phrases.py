"""Phrases: words by their key, the values that stand in them, and what both come to in one language."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from string import Formatter

from symconv.mathematics.notation import OWN, Notation
from symconv.mathematics.text import pretty
from symconv.mathematics.tree import Math, Operator, Row, Word, listed
from symconv.prose.languages import Language, language, table

__all__ = ["Cited", "Literal", "Phrase", "Prose", "Reference", "Run", "Value", "prose"]

#: what may stand in braces anywhere: the layer's arrays and letters, and the operators of the formulas
SYMBOLS: dict[str, Math] = {
    **{
        name: Word(name)
        for name in ("x", "w", "b", "y", "t", "z", "L", "dx", "dw", "db", "dy", "dz", "pad", "fold", "flip")
    },
    **{letter: Word(letter) for letter in "HKOsdpqrncfgokmNCF"},
    **{name: Word(sign) for name, sign in (("star", "⋆"), ("up", "↑"), ("down", "↓"), ("against", "⊙"))},
    **{name: Row((Word("x"), Operator(sign), Word("s"))) for name, sign in (("spread", "↑"), ("kept", "↓"))},
}


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
class Literal:
    """Text set as code."""

    text: str


@dataclass(frozen=True)
class Cited:
    """The number of an equation, as a reference to it."""

    label: str
    number: int


#: what a phrase comes to: words, mathematics and code, in order
Run = str | Math | Literal


@dataclass(frozen=True)
class Prose:
    """One language's words by key, the numbers of the equations that may be referred to by label, and the notation in which
    mathematics is set."""

    language: Language
    words: Mapping[str, str]
    numbers: Mapping[str, int] = field(default_factory=dict)
    notation: Notation = OWN

    def runs(self, value: Value) -> list[Run]:
        """A phrase in this language; KeyError if the key, or a value that its words name, is missing.

        >>> from symconv.prose import Phrase, prose
        >>> prose("en").runs(Phrase("verdict.holds", {"entries": 1234}))
        ['All 1,234 entries of the formulas agree.']
        """
        return list(_joined(f"({run.number})" if isinstance(run, Cited) else run for run in self._runs(value)))

    def linked(self, value: Value) -> list[Run | Cited]:
        """The same with the numbers of equations as references, for formats that can link them."""
        return list(self._runs(value))

    def _runs(self, value: Value) -> Iterator[Run | Cited]:
        if isinstance(value, Math):  # a line may be broken between the parts of a list, and nowhere else
            for i, part in enumerate(listed(value)):
                if i:
                    yield ", "
                yield self.notation.math(part)
        elif isinstance(value, int):
            yield self.number(value)
        elif isinstance(value, Reference):
            if value.label in self.numbers:
                yield Cited(value.label, self.numbers[value.label])
            else:
                yield from self._runs(value.otherwise)
        elif isinstance(value, tuple):
            for i, phrase in enumerate(value):
                yield from (*([" "] if i else []), *self._runs(phrase))
        else:
            for literal, name, _, _ in Formatter().parse(self.words[value.key]):
                for i, piece in enumerate(re.split(r"`([^`]*)`", literal)):
                    if piece:
                        yield Literal(piece) if i % 2 else piece
                if name is not None:
                    yield from self._runs(value.values[name] if name in value.values else SYMBOLS[name])

    def number(self, value: int) -> str:
        """A whole number with its thousands set apart."""
        return f"{value:,}".replace(",", self.language.thousands)

    def text(self, value: Value) -> str:
        """A phrase as plain text, mathematics in Unicode."""
        return "".join(
            r if isinstance(r, str) else r.text if isinstance(r, Literal) else pretty(r) for r in self.runs(value)
        )


def _joined(runs: Iterator[Run]) -> Iterator[Run]:
    words = ""
    for run in runs:
        if isinstance(run, str):
            words += run
            continue
        if words:
            yield words
            words = ""
        yield run
    if words:
        yield words


@cache
def prose(lang: str) -> Prose:
    """The words of the article in a language; ValueError for a language there is none of."""
    return Prose(language(lang), table(lang, "article"))
