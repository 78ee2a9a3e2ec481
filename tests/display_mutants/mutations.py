"""What one change of a printed display may be: a token for another of its kind, two that change places, one that is left out.

Each kind is a function from a display's LaTeX to its changes: from where to where, and what stands there then.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from symconv.mathematics.letters import GREEK
from symconv.mathematics.notation import Notation

__all__ = ["KINDS", "Mutant", "mutants", "rows_of"]

Change = tuple[int, int, str]
Rows = tuple[tuple[str, ...], ...]

#: what one letter may become: the others of its row
ROWS: Rows = (
    ("o", "k", "m"),
    ("c", "f", "n", "g"),
    ("H", "K", "O"),
    ("s", "d", "p", "q", "r"),
    ("x", "w", "y", "dy"),
    ("dx", "dw", "db"),
    ("ddx", "ddw", "ddy"),
    ("ddx", "dx"),
    ("ddw", "dw"),
    ("ddy", "dy"),
)

#: the same for signs, relations and operators
SIGNS: Rows = (("+", "-"), (r"\uparrow", r"\downarrow"), ("<", ">"), (r"\le", r"\ge"), (r"\star", r"\cdot"))

#: and for words
WORDS: Rows = (
    ("pad", "crop", "fold"),
    ("reflect", "circular", "replicate"),
    ("flip", "pad"),
    ("full", "valid", "same"),
)

#: names of environments and what stands in square brackets after a line's end are no mathematics, nor is text
SET = re.compile(r"\\(?:begin|end)\{[^}]*\}(?:\{c+\})?|\\(?:tag|label|text)\{[^}]*\}|\\\\\*?\[\d+pt\]|\\notag|\\quad")

OPEN, CLOSE = "([{", ")]}"


@dataclass(frozen=True)
class Mutant:
    """A display with one thing changed; ``kind`` says what sort of thing."""

    text: str
    kind: str
    at: int
    old: str
    new: str

    def __str__(self) -> str:
        before = " ".join(self.text[max(0, self.at - 60) : self.at].split())
        end = self.at + len(self.new)
        after = " ".join(self.text[end : end + 40].split())
        return f"{self.kind}: {self.old} -> {self.new}: {before}[{self.new}]{after}"


def mutants(text: str, rows: Rows = ROWS) -> Iterator[Mutant]:
    """Every display that differs from ``text`` in one thing; ``rows`` are the letters of its author."""
    still = [m.span() for m in SET.finditer(text)]
    seen = {text}
    for kind, changes in {**KINDS, "letter": _of_rows(rows)}.items():
        for start, end, new in changes(text):
            other = text[:start] + new + text[end:]
            if other not in seen and not any(a < end and start < b for a, b in still if kind not in WHOLE):
                seen.add(other)
                yield Mutant(other, kind, start, text[start:end], new)


def rows_of(notation: Notation) -> Rows:
    """The rows of letters as an author has them."""
    spelled = {sign: "\\" + name for name, sign in GREEK.items()}

    def set_as(own: str) -> str:
        several = len(own) > 1 and not (len(own) == 2 and own[0] == "d")
        return rf"\mathit{{{own}}}" if several else spelled.get(own, own)

    return tuple(tuple(dict.fromkeys(set_as(notation.letters.get(each, each)) for each in row)) for row in ROWS)


# tokens ---------------------------------------------------------------------------------------------------------------


def _of_rows(rows: Rows) -> Callable[[str], Iterator[Change]]:
    known = sorted({each for row in rows for each in row}, key=len, reverse=True)
    spelled = [re.escape(each) + r"(?![A-Za-z])" * (each[0] == "\\") for each in known]
    one = re.compile("|".join([r"\\operatorname\{\w+\}", *spelled, r"\\mathit\{\w+\}", r"\\[A-Za-z]+", "."]))

    def changes(text: str) -> Iterator[Change]:
        for token in one.finditer(text):
            for new in dict.fromkeys(each for row in rows if token[0] in row for each in row):
                if new != token[0]:
                    apart = " " if new.startswith("\\") and text[token.end() : token.end() + 1].isalpha() else ""
                    yield token.start(), token.end(), new + apart

    return changes


def _numbers(text: str) -> Iterator[Change]:
    for token in re.finditer(r"\d", text):
        for n in (int(token[0]) - 1, int(token[0]) + 1):
            if 0 <= n <= 9:
                yield token.start(), token.end(), str(n)


def _words(text: str) -> Iterator[Change]:
    for word in re.finditer(r"\\operatorname\{(\w+)\}", text):
        for new in dict.fromkeys(each for row in WORDS if word[1] in row for each in row if each != word[1]):
            yield word.start(1), word.end(1), new
        if text[word.end() :].lstrip().startswith("("):
            yield word.start(), word.end(), ""


def _floors(text: str) -> Iterator[Change]:
    for floor in re.finditer(r"\\left\\lfloor(.*?)\\right\\rfloor", text, re.DOTALL):
        yield floor.start(), floor.end(), floor[0].replace("floor", "ceil")
        yield floor.start(), floor.end(), f"({floor[1]})"


def _left_out(text: str) -> Iterator[Change]:
    """A transposition, a prime, an index, an arrow with its number, a sum with its limits."""
    for found in re.finditer(r"\^\{\\top\}|'|\\prime", text):
        yield found.start(), found.end(), ""
    for found in re.finditer(r"(?<=[A-Za-z])_(?=\{)", text):
        yield found.start(), _end(text, found.end()), ""
    for found in re.finditer(r"\\(?:up|down)arrow\s*(?:\w|(?=\())", text):
        end = _end(text, found.end()) if text[found.end() : found.end() + 1] == "(" else found.end()
        yield found.start(), end, ""
    for start, _, end in _sums(text):
        yield start, end, ""


def _primed(text: str) -> Iterator[Change]:
    for found in re.finditer(r"(?<![A-Za-z\\{])(d?[a-z])(?=_\{)", text):
        yield found.end(), found.end(), "'"


def _sums(text: str) -> Iterator[tuple[int, int, int]]:
    """Where each sum with limits begins, where its upper limit, where both end."""
    for found in re.finditer(r"\\sum_(?=\{)", text):
        lower = _end(text, found.end())
        if text[lower : lower + 2] == "^{":
            yield found.start(), lower, _end(text, lower + 1)


def _limits(text: str) -> Iterator[Change]:
    """The ends of a sum changing places, the upper one left out."""
    for start, at, end in _sums(text):
        lower, upper = text[start + len(r"\sum_{") : at - 1], text[at + 2 : end - 1]
        name, sign, low = lower.partition(" = ")
        if sign:
            yield start, end, rf"\sum_{{{name} = {upper}}}^{{{low}}}"
        yield at, end, ""


# places ---------------------------------------------------------------------------------------------------------------


def _exchanged(text: str) -> Iterator[Change]:
    """Two neighbours between commas, two digits of an index, the halves of a fraction."""
    for at, sign in enumerate(text):
        if sign not in OPEN:
            continue
        end = _end(text, at) - 1
        if end < at:
            continue
        pieces = _split(text[at + 1 : end], ",")
        yield from _neighbours(at + 1, pieces, ",")
        if text[at - 1] == "_" and text[at + 1 : end].isdigit():
            yield from _neighbours(at + 1, list(text[at + 1 : end]), "")
    for found in re.finditer(r"\\frac(?=\{)", text):
        half = _end(text, found.end())
        end = _end(text, half)
        yield found.end(), end, text[half:end] + text[found.end() : half]


def _cells(text: str) -> Iterator[Change]:
    """Neighbouring cells of a matrix, and neighbouring rows; a cell that becomes zero."""
    for found in re.finditer(r"\\begin\{bmatrix\}(.*?)\\end\{bmatrix\}", text, re.DOTALL):
        rows = found[1].split(r"\\")
        yield from _neighbours(found.start(1), rows, r"\\")
        at = found.start(1)
        for row in rows:
            yield from _neighbours(at, row.split("&"), "&")
            place = at
            for cell in row.split("&"):
                yield place, place + len(cell), " 0 "
                place += len(cell) + 1
            at += len(row) + 2


def _neighbours(at: int, pieces: list[str], sign: str) -> Iterator[Change]:
    for a, b in itertools.pairwise(pieces):
        end = at + len(a) + len(sign) + len(b)
        if a.strip() != b.strip():
            yield at, end, b + sign + a
        at += len(a) + len(sign)


def _scopes(text: str) -> Iterator[Change]:
    """Brackets around what has a sign in it: left out, or closed before its last term."""
    for found in re.finditer(r"(?<!\\left)\(", text):
        end = _end(text, found.start())
        body = text[found.end() : end - 1]
        signs = [
            m for m in re.finditer(r" (?:[-+]|\\star|\\uparrow|\\downarrow) ", body) if not _depth(body[: m.start()])
        ]
        if end < found.start() or not signs:
            continue
        last = signs[-1]
        yield found.start(), end, body
        yield found.start(), end, f"({body[: last.start()]}){body[last.start() :]}"


def _terms(text: str) -> Iterator[Change]:
    """A term of a sum left out, a factor of a product, a sign before what has none."""
    for found in re.finditer(r" [-+] ", text):
        rest = text[found.end() :]
        stop = next((m.start() for m in re.finditer(r" [-+=] |[&)}\]]|\\\\|\\end|\\tag|\\label|\n|$", rest)
                     if _depth(rest[: m.start()]) <= 0), 0)  # fmt: skip
        yield found.start(), found.end() + stop, ""
    for found in re.finditer(r"= (?=[\\A-Za-z(])", text):
        yield found.end(), found.end(), "-"
    entry = r"d?[a-z]_\{[^{}]*\}"
    for found in re.finditer(rf"(?<![A-Za-z]){entry}(?: \\thinspace)? ({entry})", text):
        yield found.start(1), found.end(1), ""


# brackets -------------------------------------------------------------------------------------------------------------


def _end(text: str, at: int) -> int:
    """After the bracket that closes the one at ``at``; -1 where none does."""
    depth = 0
    for place in range(at, len(text)):
        depth += (text[place] in OPEN) - (text[place] in CLOSE)
        if not depth:
            return place + 1
    return -1


def _depth(text: str) -> int:
    return sum((sign in OPEN) - (sign in CLOSE) for sign in text)


def _split(text: str, sign: str) -> list[str]:
    pieces, start = [], 0
    for found in re.finditer(re.escape(sign), text):
        if not _depth(text[start : found.start()]):
            pieces.append(text[start : found.start()])
            start = found.end()
    return [*pieces, text[start:]]


#: the kinds besides letters, which are the author's
KINDS: Mapping[str, Callable[[str], Iterator[Change]]] = {
    "number": _numbers,
    "sign": _of_rows(SIGNS),
    "word": _words,
    "floor": _floors,
    "left out": _left_out,
    "prime": _primed,
    "limits": _limits,
    "order": _exchanged,
    "cells": _cells,
    "scope": _scopes,
    "term": _terms,
}

#: kinds that may change what stands around a part that is no mathematics
WHOLE = frozenset({"floor", "cells", "order", "scope"})
