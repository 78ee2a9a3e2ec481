"""Sums of products as they are written in text, ``- 2*dy_{11}*w_{21} + 1/2*b``, read back as mathematics to be set."""

from __future__ import annotations

import re

from symconv.mathematics.tree import Below, Fraction, Math, Operator, Product, Row, Sum, Word

__all__ = ["expression_read"]

#: a factor: a fraction, a number, or the name of an entry with its index
FACTOR = re.compile(
    r"(?P<top>\d+)/(?P<bottom>\d+)|(?P<number>\d+(?:\.\d+)?(?:e[+-]?\d+)?)|(?P<name>[A-Za-z]+)(?:_\{(?P<sub>[\d,]+)\})?"
)


def expression_read(text: str) -> Math | None:
    """The mathematics of ``text``, with the sign that leads it; None where it is something else.

    >>> from symconv.mathematics.latex import latex
    >>> print(latex(expression_read(" - 2*dy_{11}*w_{21} + 1/2*b")))
    -2 dy_{11} w_{21} + \\frac{1}{2}b
    >>> expression_read("shape (1, 2)")
    """
    terms: list[tuple[int, Math]] = []
    pieces = re.split(r"(?:^|(?<= ))([+-])(?: |(?=\S))", text.strip())
    signs = {"+": 1, "-": -1}
    if pieces[0].strip():
        pieces = ["", "+", *pieces]
        leading = False
    else:
        leading = pieces[1:2] == ["+"]
    for sign, term in zip(pieces[1::2], pieces[2::2], strict=False):
        factors = [_factor(each) for each in term.strip().split("*")]
        found = [factor for factor in factors if factor is not None]
        if len(found) < len(factors):
            return None
        terms.append((signs[sign], found[0] if len(found) == 1 else Product(tuple(found))))
    if not terms:
        return None
    if len(terms) == 1 and terms[0][0] > 0:
        return Row((Operator("+"), terms[0][1])) if leading else terms[0][1]
    return Row((Operator("+"), Sum(tuple(terms)))) if leading else Sum(tuple(terms))


def _factor(text: str) -> Math | None:
    result = FACTOR.fullmatch(text)
    if result is None:
        return None
    if result["top"]:
        return Fraction(Word(result["top"]), Word(result["bottom"]))
    if result["name"]:
        name = Word(result["name"])
        return Below(name, Word(result["sub"])) if result["sub"] else name
    return Word(result["number"])
