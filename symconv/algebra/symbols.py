"""SymPy symbols for the entries of named arrays, and SymPy expressions from exact terms.

SymPy takes a while to load (a second, where all else takes a tenth), so it is imported when somebody looks, and in one place.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import sympy

__all__ = ["Arrays", "Term", "expression", "load_sympy", "symbol", "symbols"]

#: a term as (coefficient, ((array, entry number), ...))
Term = tuple[int, tuple[tuple[str, int], ...]]


class Arrays(Protocol):
    """Arrays by name, such as those of a layer: how large each is, and what its entries are called."""

    @property
    def shapes(self) -> Mapping[str, tuple[int, ...]]: ...

    def entry_name(self, array: str, flat: int) -> str:
        """The name of entry number ``flat`` (in C order), or the number that stands for it."""

    def __hash__(self) -> int: ...


def load_sympy() -> Any:
    """SymPy: what is proved, checked and generated never waits for it."""
    import sympy  # heavy

    return sympy


@lru_cache(maxsize=200_000)
def symbol(layer: Arrays, array: str, flat: int) -> sympy.Expr:
    """The symbol of entry number ``flat`` of ``array``: ``x_{11}``; a number where that stands for the entry."""
    sympy = load_sympy()

    name = layer.entry_name(array, flat)
    return sympy.Rational(name) if name.lstrip("-")[0].isdigit() else sympy.Symbol(name)


@lru_cache(maxsize=64)
def symbols(layer: Arrays, array: str) -> sympy.ImmutableDenseNDimArray:
    """An array of symbols, of the shape ``array`` has in the layer (x, w, b, y, dy, or t: the target of the squared loss).

    >>> from symconv import Conv
    >>> symbols(Conv(input=(2, 2), kernel=1), "x")[0, 0]
    [[x_{11}, x_{12}], [x_{21}, x_{22}]]
    """
    sympy = load_sympy()

    shape = layer.shapes[array]
    return sympy.ImmutableDenseNDimArray([symbol(layer, array, i) for i in range(math.prod(shape))], shape)


def expression(layer: Arrays, terms: Sequence[Term]) -> sympy.Expr:
    """The terms as one SymPy sum."""
    sympy = load_sympy()

    products = [
        sympy.Mul(sympy.Integer(coefficient), *(symbol(layer, array, flat) for array, flat in factors))
        for coefficient, factors in terms
    ]
    return sympy.Add(*products)
