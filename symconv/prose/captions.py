"""The words of pictures, with mathematics put in where a phrase has braces."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

from symconv.mathematics.markup import Content
from symconv.mathematics.tree import Math, Word, listed
from symconv.prose.languages import Language, language, table

__all__ = ["Words", "words"]


class Words:
    """The phrases of one language."""

    def __init__(self, language: Language, table: Mapping[str, str]) -> None:
        self.language, self.table = language, dict(table)

    def __call__(self, key: str, **values: Math | Content | str | int) -> Content:
        """The phrase under ``key`` with its places filled: numbers and mathematics as mathematics, strings as words."""
        parts: list[str | Math] = []
        for i, piece in enumerate(re.split(r"\{(\w+)\}", self.table[key])):
            if i % 2 == 0:
                parts += [piece] if piece else []
                continue
            value = values[piece]
            if isinstance(value, tuple):
                parts += value
            elif isinstance(value, str):
                parts.append(value)
            else:
                for n, part in enumerate(listed(Word(str(value)) if isinstance(value, int) else value)):
                    parts += [", ", part] if n else [part]
        return tuple(parts)

    def text(self, key: str) -> str:
        """A phrase without places."""
        return self.table[key]


@cache
def words(lang: str) -> Words:
    """The words of pictures in a language; ValueError for a language there is none of."""
    return Words(language(lang), table(lang, "figures"))
