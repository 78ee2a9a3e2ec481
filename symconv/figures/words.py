"""The words of pictures, one table for each language, with mathematics put in where a phrase has braces."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

from symconv.mathematics.markup import Content
from symconv.mathematics.tree import Math, Word

__all__ = ["LANGUAGES", "Words", "words"]

LANGUAGES = ("en", "fr")


class Words:
    """The phrases of one language."""

    def __init__(self, lang: str, table: Mapping[str, str]) -> None:
        self.lang, self.table = lang, dict(table)

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
            else:
                parts.append(Word(str(value)) if isinstance(value, int) else value)
        return tuple(parts)

    def text(self, key: str) -> str:
        """A phrase without places."""
        return self.table[key]


@cache
def words(lang: str) -> Words:
    """The words of a language; ValueError for one there is none for."""
    if lang not in LANGUAGES:
        raise ValueError(f"no language {lang!r}; there are {', '.join(LANGUAGES)}")
    source = resources.files("symconv.prose").joinpath(lang, "figures.toml").read_text(encoding="utf-8")
    return Words(lang, tomllib.loads(source))
