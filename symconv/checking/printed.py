"""Statements in LaTeX again, in the author's letters: what a correction reads."""

from __future__ import annotations

import re
from collections.abc import Callable

from symconv.checking.begun import BEGUN
from symconv.checking.spelling import SIZE_WORDS
from symconv.checking.terms import (
    IVERSON,
    Add,
    Call,
    Diff,
    Div,
    Entry,
    Floor,
    Grid,
    Mul,
    Name,
    Num,
    Seq,
    Star,
    SumOver,
    Term,
    Transpose,
    Whole,
)
from symconv.mathematics.letters import GREEK

__all__ = ["name_text", "printed"]

_COMMAND = {letter: rf"\{name} " for name, letter in GREEK.items()} | {"′": "'"}
_STARS = {"∗": "*", "⋆": r"\star", "⊛": r"\circledast", "⊗": r"\otimes"}


def name_text(name: str) -> str:
    """A letter as it is set."""
    if name in SIZE_WORDS:
        return rf"\text{{{name.replace('_', chr(92) + '_')}}}"
    if re.fullmatch("dd[xwby]", name):
        return rf"\mathit{{{name}}}"
    text = "".join(_COMMAND.get(c, c) for c in name)
    stem, _, sub = text.partition("_")
    stem, _, sup = stem.partition("^")
    return stem.strip() + (f"^{{{sup}}}" if sup else "") + (f"_{{{sub}}}" if sub else "")


def printed(term: Term) -> str:
    """``term`` in LaTeX.

    >>> from symconv.checking.terms import Entry, Name
    >>> printed(Entry("dx", (Name("i"), Name("j"))))
    'dx_{ij}'
    """
    for kind, rule in RULES.items():
        if isinstance(term, kind):
            return rule(term)
    raise ValueError(f"{type(term).__name__} has no LaTeX here")


def _entry(term: Term) -> str:
    assert isinstance(term, Entry)
    if term.array == IVERSON:
        return rf"\left[ {' = '.join(map(printed, term.at))} \right]"
    simple = all(isinstance(i, (Name, Num)) and len(printed(i)) == 1 for i in term.at)
    return f"{name_text(term.array)}_{{{('' if simple else ',').join(printed(i) for i in term.at)}}}"


def _add(term: Term) -> str:
    assert isinstance(term, Add)
    text = ""
    for at, (sign, each) in enumerate(term.terms):
        inner = printed(each)
        inner = f"({inner})" if isinstance(each, Add) and sign < 0 else inner
        text += ("-" if sign < 0 else "" if at == 0 else "+") + inner
    return text


def _mul(term: Term) -> str:
    assert isinstance(term, Mul)
    pieces = [f"({printed(f)})" if isinstance(f, Add) else printed(f) for f in term.factors]
    small = all(isinstance(f, (Name, Num, Add)) for f in term.factors)
    return ("" if small else r" \cdot ").join(pieces)


def _sum(term: Term) -> str:
    assert isinstance(term, SumOver)
    text = ""
    for bound in term.bounds:
        low = "" if bound.low is None else "=" + printed(bound.low)
        high = "" if bound.high is None else f"^{{{printed(bound.high)}}}"
        text += rf"\sum_{{{name_text(bound.name)}{low}}}{high} "
    body = printed(term.body)
    return text + (f"({body})" if isinstance(term.body, Add) else body)


def _diff(term: Term) -> str:
    assert isinstance(term, Diff)
    return rf"\frac{{\partial {printed(term.top)}}}{{\partial {printed(term.bottom)}}}"


def _grid(term: Term) -> str:
    assert isinstance(term, Grid)
    return (
        r"\begin{bmatrix} " + r" \\ ".join(" & ".join(printed(c) for c in row) for row in term.rows) + r" \end{bmatrix}"
    )


def _call(term: Term) -> str:
    assert isinstance(term, Call)
    texts = [printed(each) for each in term.args]
    if term.word == "slice":
        whole = texts[0] if isinstance(term.args[0], (Name, Call)) else f"({texts[0]})"
        return f"{whole}_{{{','.join(texts[1:])}}}"
    if term.word == BEGUN:
        return rf"{texts[0]} + \cdots"
    return rf"\operatorname{{{term.word}}}({', '.join(texts)})"


def _star(term: Term) -> str:
    assert isinstance(term, Star)
    mode = rf"_{{\mathrm{{{term.mode}}}}}" if term.mode else ""
    return f"{printed(term.left)} {_STARS.get(term.sign, '*')}{mode} {printed(term.right)}"


RULES: dict[type[Term], Callable[..., str]] = {
    Num: lambda term: str(term.value), Name: lambda term: name_text(term.text), Entry: _entry, Add: _add, Mul: _mul,
    SumOver: _sum, Diff: _diff, Grid: _grid, Seq: lambda term: "(" + ", ".join(map(printed, term.items)) + ")",
    Div: lambda term: rf"\frac{{{printed(term.top)}}}{{{printed(term.bottom)}}}",
    Floor: lambda term: rf"\left\lfloor {printed(term.body)} \right\rfloor",
    Transpose: lambda term: f"{printed(term.body)}^T",
    Whole: lambda term: r"\cdot",
    Call: _call,
    Star: _star,
}  # fmt: skip
