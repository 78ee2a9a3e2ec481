"""The languages there are: a folder for each, with its words as TOML and what its typography asks for."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

__all__ = ["LANGUAGES", "Language", "language", "table"]

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
    return Language(lang, **table(lang, "language"))


def table(lang: str, name: str) -> dict[str, str]:
    """One file of a language, the keys of its tables joined by dots: ``article``, ``figures`` or ``language``.

    ValueError for a language there is none of.

    >>> table("en", "article")["title.convolution"]
    'The gradients of a convolution'
    """
    if lang not in LANGUAGES:
        raise ValueError(f"no language {lang!r}; there are {', '.join(LANGUAGES)}")
    return dict(_flat(tomllib.loads(FOLDER.joinpath(lang, f"{name}.toml").read_text(encoding="utf-8"))))


def _flat(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{key}.")
        else:
            yield f"{before}{key}", str(value)
