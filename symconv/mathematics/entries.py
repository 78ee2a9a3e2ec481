"""Entries of a layer's arrays, and exact sums of their products, as mathematics to be set."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from symconv.algebra.integers import Const
from symconv.algebra.terms import Term
from symconv.layer.conv import Conv
from symconv.layer.names import subscript
from symconv.layer.padding import FILLER
from symconv.mathematics.of_integers import FIRST, of_integer
from symconv.mathematics.tree import Above, Below, Math, Product, Sum, Word

__all__ = ["entry", "terms_sum"]


def entry(conv: Conv, array: str, index: Sequence[int]) -> Math:
    """One entry (0-based index) under its name, whose indices begin at FIRST."""
    if array == FILLER and conv.padding_value is not None:
        return (
            of_integer(Const(int(conv.padding_value)))
            if conv.padding_value % 1 == 0
            else Word(f"{conv.padding_value:g}")
        )
    below = subscript(conv, array, [i - 1 + FIRST.get() for i in index])
    letter, _, of = array.partition("_")
    base: Math = Above(Word(letter), Word(of)) if of else Word(array)  # v_x: the direction of x
    return Below(base, Word(below)) if below else base


def _number(value: float) -> str:
    return str(int(value)) if value % 1 == 0 else f"{value:g}"


def _filling(conv: Conv, factors: Sequence[tuple[str, int]]) -> float | None:
    """The constant of a border as a number, where a term has it."""
    return conv.padding_value if any(array == FILLER for array, _ in factors) else None


def terms_sum(conv: Conv, terms: Sequence[Term], most: int | None = None) -> Math:
    """Exact terms as a sum; of more than ``most`` only the first and the last, with dots between."""
    cut = most is not None and len(terms) > most
    signed: list[tuple[int, Math]] = []
    for coefficient, factors in [*terms[: most - 2], *terms[-2:]] if most is not None and cut else terms:
        scale = _filling(conv, factors)
        number: float = coefficient if scale is None else coefficient * scale
        if not number:
            continue
        shown = [factor for factor in factors if scale is None or factor[0] != FILLER]
        parts: list[Math] = [] if abs(number) == 1 and shown else [Word(_number(abs(number)))]
        for array, flat in shown:
            index = [int(i) for i in np.unravel_index(flat, conv.shapes[array])]
            parts.append(entry(conv, array, index))
        signed.append((-1 if number < 0 else 1, parts[0] if len(parts) == 1 else Product(tuple(parts))))
    if not signed:
        return Word("0")
    if cut:
        signed.insert(len(signed) - 2, (1, Word("⋯")))
    return signed[0][1] if len(signed) == 1 and signed[0][0] > 0 else Sum(tuple(signed))
