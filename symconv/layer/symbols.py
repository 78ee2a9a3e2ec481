"""SymPy symbols for the entries of a layer's arrays, and SymPy expressions from exact terms."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import sympy

from symconv.algebra.terms import Term
from symconv.layer.conv import Conv
from symconv.layer.names import entry_name
from symconv.layer.padding import FILLER

__all__ = ["expression", "symbol", "symbols"]


@lru_cache(maxsize=200_000)
def symbol(conv: Conv, array: str, flat: int) -> sympy.Expr:
    """The symbol of entry number ``flat`` of ``array``: ``x_{11}``; of the constant of a border its number, if it has one."""
    if array == FILLER and conv.padding_value is not None:
        return sympy.Rational(str(conv.padding_value))
    return sympy.Symbol(entry_name(conv, array, flat))


@lru_cache(maxsize=64)
def symbols(conv: Conv, array: str) -> sympy.ImmutableDenseNDimArray:
    """An array of symbols, of the shape ``array`` has in the layer (x, w, b, y, dy, or t: the target of the squared loss).

    >>> symbols(Conv(input=(2, 2), kernel=1), "x")[0, 0]
    [[x_{11}, x_{12}], [x_{21}, x_{22}]]
    """
    shape = conv.shapes[array]
    count = 1
    for size in shape:
        count *= size
    return sympy.ImmutableDenseNDimArray([symbol(conv, array, i) for i in range(count)], shape)


def expression(conv: Conv, terms: Sequence[Term]) -> sympy.Expr:
    """The terms as one SymPy sum."""
    products = [
        sympy.Mul(sympy.Integer(coefficient), *(symbol(conv, array, flat) for array, flat in factors))
        for coefficient, factors in terms
    ]
    return sympy.Add(*products)
