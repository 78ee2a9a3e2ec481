"""The arrays of second derivatives at one layer: the directions, and what their loss has as derivatives."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.algebra.polynomials import Polynomial, PolynomialTerms, symbols, terms_by_entry, variable
from symconv.checking.directions import CHANGES, DIRECTIONS, SECOND, shaped
from symconv.layer.conv import Conv
from symconv.layer.loss import loss
from symconv.layer.second import directed

__all__ = ["second_arrays"]


def second_arrays(
    conv: Conv, directions: Collection[str], squares: Collection[tuple[str, Fraction]], shapes: Mapping[str, tuple[int, ...]],
    filled: Callable[[PolynomialTerms], Polynomial],
) -> dict[str, NDArray[Any]]:  # fmt: skip
    """v_x, v_w, v_b, v_dy in the ``shapes`` of x, w, b, dy, and ddy, ddx, ddw, ddb, Rdx, Rdw, Rdb.

    These are the derivatives of the loss on R with one factor replaced each time, by those ``directions`` that there are; dy is
    replaced, too, in the last three. Those that ``squares`` has a factor for are that multiple of the gradient by their array.
    ``filled`` puts in the number that a constant border holds.
    """
    moved = {name: of for name, of in DIRECTIONS.items() if name in directions}
    whole = directed(loss(conv), moved)
    form = directed(loss(conv), {name: of for name, of in moved.items() if of != "dy"})
    found: dict[str, NDArray[Any]] = {name: symbols(name, shapes[shaped(name)]) for name in DIRECTIONS}
    moves = {
        variable(direction, flat): filled({monomial: c * factor for monomial, c in terms.items()})
        for direction, factor in squares
        for flat, terms in enumerate(terms_by_entry(loss(conv).differentiate(DIRECTIONS[direction])))
    }
    for name, by in (*SECOND.items(), *CHANGES.items()):
        array = np.empty(shapes[shaped(by)], dtype=object)
        entries = terms_by_entry((whole if name in CHANGES else form).differentiate(by))
        array.reshape(-1)[:] = [_put(filled(terms), moves) for terms in entries]
        found[name] = array
    return found


def _put(value: Polynomial, moves: Mapping[int, Polynomial]) -> Polynomial:
    """A polynomial with others in the place of variables."""
    if not moves:
        return value
    total = Polynomial({})
    for monomial, coefficient in value.terms.items():
        product = Polynomial({tuple(key for key in monomial if key not in moves): coefficient})
        for key in monomial:
            product = product * moves[key] if key in moves else product
        total = total + product
    return total
