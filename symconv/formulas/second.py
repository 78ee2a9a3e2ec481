"""Second gradients by the closed formulas: those of y, dx and dw with a direction in the place of one factor.

    ddy = y(v_x, w) + y(x, v_w) + v_b        ddx = dx(dy, v_w)        ddw = dw(dy, v_x)

A formula that holds whatever the entries of its arrays are holds with a direction in the place of one of them, so what is
verified or proved of y, dx and dw is verified or proved of these; :func:`verify_second` compares them all the same.
"""

from __future__ import annotations

import math

from symconv.algebra.terms import MultilinearArray
from symconv.formulas.standard import SECOND, standard
from symconv.formulas.values import evaluate
from symconv.layer.conv import MAX_TERMS, Conv
from symconv.layer.second import second_gradients

__all__ = ["SECOND_FORMULAS", "second_formula_terms", "verify_second"]

#: second gradient -> the formula it is read from, and the factors that give way to directions, one at a time
SECOND_FORMULAS = SECOND


def second_formula_terms(conv: Conv, target: str) -> MultilinearArray:
    """What the closed formulas give for ddy, ddx or ddw, as exact terms."""
    source, replaced = SECOND_FORMULAS[target]
    value = evaluate(conv, standard(source, conv.transposed, conv.padding_mode))
    total = MultilinearArray(conv, value.shape, ())
    for factor, direction in replaced:
        total = total + value.rename(factor, direction)
    return total


def verify_second(conv: Conv, max_terms: int = MAX_TERMS) -> dict[str, tuple[int, bool]]:
    """For ddy, ddx and ddw how many entries were compared, and whether formula and derivative are equal in all of them.

    >>> verify_second(Conv(input=(5, 6), kernel=(3, 2), stride=2, padding=1))
    {'ddy': (12, True), 'ddx': (30, True), 'ddw': (6, True)}
    """
    derivative = second_gradients(conv, max_terms)
    return {
        target: (math.prod(conv.shapes[target]), second_formula_terms(conv, target).equals(derivative.terms(target)))
        for target in SECOND_FORMULAS
    }
