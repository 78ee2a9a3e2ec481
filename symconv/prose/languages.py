"""The languages there are: a folder for each, with its words as TOML and what its typography asks for."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

__all__ = ["LANGUAGES", "Language", "language", "reworded", "table"]

FOLDER = resources.files("symconv.prose")

#: the languages by their code, in the order of the alphabet: each folder that says what language it is
LANGUAGES = tuple(sorted(each.name for each in FOLDER.iterdir() if each.joinpath("language.toml").is_file()))


@dataclass(frozen=True)
class Language:
    """A language by its code, and its typography.

    ``thousands`` stands between the thousands of a number, ``colon`` is a colon with the spaces around it. ``babel`` is what
    TeX's package babel calls the language, empty where TeX needs no package for it, and ``setup`` what TeX is told after it.
    """

    code: str
    name: str
    thousands: str
    colon: str
    babel: str = ""
    setup: str = ""


def language(lang: str) -> Language:
    """The language of a code; ValueError for one there is none of."""
    return Language(lang.partition("+")[0], **table(lang, "language"))


def reworded(lang: str, vocabulary: str | None) -> str:
    """The code of a language with other words for the same things: ``fr`` and ``padding=remplissage`` are
    ``fr+padding=remplissage``, which stands wherever a code does. ValueError for words there are none of."""
    code = "+".join([lang, *(each.strip() for each in (vocabulary or "").split(",") if each.strip())])
    table(code, "article")
    return code


def _choices(lang: str, asked: str) -> Iterator[tuple[str, str]]:
    """The replacements that are asked for, in order."""
    path = FOLDER.joinpath(lang, "vocabulary.toml")
    known = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    for each in asked.split("+") if asked else ():
        thing, _, word = each.partition("=")
        if word not in known.get(thing, {}):
            there = ", ".join(f"{name}={own}" for name, words in known.items() for own in words) or "none"
            raise ValueError(f"no words {each!r} in the vocabulary of {lang}; there are {there}")
        yield from known[thing][word]


def table(lang: str, name: str) -> dict[str, str]:
    """One file of a language, the keys of its tables joined by dots: ``article``, ``figures`` or ``language``.

    ValueError for a language there is none of.

    >>> table("en", "article")["title.convolution"]
    'The gradients of a convolution'
    """
    code, _, asked = lang.partition("+")
    if code not in LANGUAGES:
        raise ValueError(f"no language {code!r}; there are {', '.join(LANGUAGES)}")
    result = dict(_flat(tomllib.loads(FOLDER.joinpath(code, f"{name}.toml").read_text(encoding="utf-8"))))
    for pattern, word in _choices(code, asked) if name != "language" else ():
        result = {key: re.sub(pattern, word, text) for key, text in result.items()}
    return result


def _flat(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", str(value)
