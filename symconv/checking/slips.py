"""Slips of one sign that leave a display unread, and what it would be without them: a prime or an axis that nothing declares, a
derivative turned over."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from symconv.checking.context import Context
from symconv.checking.letters import LOSS
from symconv.checking.passes import is_forward
from symconv.checking.terms import Entry, Name, Num, Statement, Term, names_in, walk

__all__ = ["MOST", "INDEXLESS", "indexed", "unnumbered", "without_bias", "without_slip"]

#: why a display is not read in which an array stands without its index
INDEXLESS = ("an entry on one side", "a star between arrays of different rank")

#: so many readings of one display are tried
MOST = 6

_PRIMED = re.compile(r"(?<![A-Za-z\\])(\\?[A-Za-z]+)'(?:(?=\\left\[|\[)|(_\{[^{}]*\}|(?=_\{)))")
_ZEROTH = re.compile(r"(?<![A-Za-z\\])([HKOspqdr])_\{?0\}?")
_TURNED = re.compile(r"\\frac(?=\{\s*\\partial)")
_BELOW = re.compile(r"\{\s*\\partial\s*(\\?[A-Za-z]+)")
_BARE = re.compile(r"(?<![A-Za-z\\{^])(d?[a-z])(?![A-Za-z_'({])")


def without_slip(text: str, context: Context) -> Iterator[tuple[str, str]]:
    """What is said of a slip, and the display without it; whether it holds then is not looked at here.

    A prime is a slip where its letter is an array of the article and carries no prime anywhere else.

    >>> context = Context(roles={"x": "x", "w": "w", "y": "y"})
    >>> list(without_slip("y_{1} = w_{1} x'_{1}", context))
    [("x' is declared nowhere", 'y_{1} = w_{1} x_{1}')]
    """
    for found in _PRIMED.finditer(text):
        letter, index = found[1].lstrip("\\"), found[2] or ""
        role = context.roles.get(letter) or context.roles.get(letter.removeprefix("d")) or letter == "delta"
        known = letter + "′" in context.roles or letter + "′" in context.definitions
        beside = re.search(rf"(?<![A-Za-z]){re.escape(found[1] + index)}(?![A-Za-z'])", text) if index else None
        if (role or beside) and not known and context.primes.get(found[1], 0) < 2 and text.count(found[0]) == 1:
            plain = text[: found.start()] + found[1] + text[found.start() + len(found[1]) + 1 :]
            yield f"{found[1]}' is declared nowhere", plain
    for letter in dict.fromkeys(found[1] for found in _ZEROTH.finditer(text)):
        zeroth = re.compile(rf"(?<![A-Za-z\\]){letter}_\{{?0\}}?")
        for axis in (1, 2, 3):
            if axis == 1 or re.search(rf"{letter}_\{{?{axis}", text):
                yield f"{letter}_0 is declared nowhere", zeroth.sub(f"{letter}_{{{axis}}}", text)
    outputs = {letter for letter, role in context.roles.items() if role in ("y", "x", "w", "b")}
    for found in _TURNED.finditer(text):
        half = closing(text, found.end())
        end = closing(text, half)
        below = _BELOW.match(text, half)
        if below and (below[1] in LOSS or below[1].lstrip("\\") in outputs):
            turned = text[: found.end()] + text[half:end] + text[found.end() : half] + text[end:]
            yield f"{text[found.start() : end]} is a derivative turned over", turned


def indexed(text: str, context: Context) -> Iterator[tuple[str, str]]:
    """The same for an array that stands without its index, with the one that it has elsewhere in the display."""
    for found in _BARE.finditer(text):
        letter = found[1]
        if context.roles.get(letter) or context.roles.get(letter[1:]):
            for at in dict.fromkeys(
                re.findall(rf"(?<![A-Za-z\\]){letter}(_\{{[^{{}}]*(?:\{{[^{{}}]*\}}[^{{}}]*)*\}})", text)
            ):
                yield f"{letter} stands without its index", text[: found.end()] + at + text[found.end() :]


def closing(text: str, at: int) -> int:
    """After the brace that closes the one at ``at``, or the end."""
    depth = 0
    for place in range(at, len(text)):
        depth += (text[place] == "{") - (text[place] == "}")
        if not depth:
            return place + 1
    return len(text)


def unnumbered(statement: Statement, context: Context) -> str | None:
    """A size or an index without its axis, in a statement that has some, where the same letter has axes in this display."""
    if all(isinstance(side, (Name, Num)) for side in statement.sides):
        return None
    names = set().union(*(names_in(side) for side in statement.sides))
    numbered = {name for name in names if re.fullmatch(r"[A-Za-zμ]_\d", name)}
    there = set().union(*(names_in(side) for each in context.beside for side in each.sides))
    for letter in sorted(name for name in names - LOSS - set(context.roles) if len(name) == 1):
        others = sorted(name for name in there if re.fullmatch(rf"{letter}_\d", name))
        if numbered and others:
            return f"{letter} stands without its axis beside {others[0]}"
    return None


def without_bias(statement: Statement, context: Context) -> str | None:
    """A forward pass that leaves out the bias which the same display gives the output or takes the gradient of."""
    left = statement.sides[0]
    biases = {letter for letter, role in context.roles.items() if role == "b"}
    whole = _names(statement.sides[1:])
    if not is_forward(statement, context) or whole & (biases | _names((left,))):
        return None
    for each in context.beside:
        if _names(each.sides[:1]) & {"d" + letter for letter in biases}:
            return "no bias is added here, and the display has the gradient with respect to one"
        alike = each.sides[0] == left or _numbered(left) == _numbered(each.sides[0]) != ""
        if is_forward(each, context) and alike and _names(each.sides[1:]) & biases:
            return "no bias is added here, and one is in the same display"
    return None


def _names(terms: Iterable[Term]) -> set[str]:
    """The arrays and letters that occur, indices apart."""
    indices = {id(i) for term in terms for e in walk(term) if isinstance(e, Entry) for at in e.at for i in walk(at)}
    pieces = [each for term in terms for each in walk(term) if id(each) not in indices]
    return {e.array if isinstance(e, Entry) else e.text for e in pieces if isinstance(e, (Entry, Name))}


def _numbered(term: Term) -> str:
    """The array of an entry at numbers."""
    return term.array if isinstance(term, Entry) and all(isinstance(i, Num) for i in term.at) else ""
