"""Sums of products as one line of text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction

__all__ = ["sum_text"]


def sum_text(terms: Iterable[tuple[int | Fraction, Sequence[str]]]) -> str:
    """Coefficients with the names of their factors as one sum; ``0`` when there are none.

    >>> sum_text([(-1, ["dy_1", "w_2"]), (2, ["b"]), (3, [])]), sum_text([])
    ('-dy_1*w_2 + 2*b + 3', '0')
    """
    text = ""
    for coefficient, names in terms:
        size = abs(coefficient)
        product = "*".join([*([str(size)] if size != 1 or not names else []), *names])
        sign = "-" if coefficient < 0 else "+"
        text += f" {sign} {product}" if text else ("-" if sign == "-" else "") + product
    return text or "0"
