"""v, the constant of a border, as a number: for arrays of terms that hold it."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.algebra.polynomials import PolynomialTerms, variable
from symconv.layer.conv import Conv
from symconv.layer.padding import FILLER

__all__ = ["constant", "in_numbers"]


def constant(conv: Conv) -> dict[str, NDArray[Any]]:
    """The constant of the border as a number for the terms that hold it; ValueError where it is a letter.

    >>> constant(Conv(input=3, kernel=2, padding=1, padding_mode="constant", padding_value=-2)), constant(Conv(3, 2))
    ({'v': array([-2])}, {})
    """
    if not conv.mode.filled:
        return {}
    if conv.padding_value is None:
        raise ValueError(f"{conv!r} pads with a letter; numbers need its padding_value")
    return {FILLER: np.array([conv.padding_value])}


def in_numbers(conv: Conv, terms: PolynomialTerms) -> PolynomialTerms:
    """Terms with the constant of the border put in."""
    if not conv.mode.filled:
        return terms
    letter, value = variable(FILLER, 0), Fraction(constant(conv)[FILLER][0].item())
    result: PolynomialTerms = {}
    for monomial, coefficient in terms.items():
        rest = tuple(v for v in monomial if v != letter)
        result[rest] = result.get(rest, 0) + coefficient * value ** (len(monomial) - len(rest))
    return {monomial: c for monomial, c in result.items() if c}
