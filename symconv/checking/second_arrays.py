"""The arrays of second derivatives at one layer: the directions, and what their loss has as derivatives."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.algebra.polynomials import Polynomial, PolynomialTerms, symbols, terms_by_entry
from symconv.checking.directions import CHANGES, DIRECTIONS, SECOND, shaped
from symconv.layer.conv import Conv
from symconv.layer.loss import loss
from symconv.layer.second import directed

__all__ = ["second_arrays"]


def second_arrays(
    conv: Conv, directions: Collection[str], shapes: Mapping[str, tuple[int, ...]],
    filled: Callable[[PolynomialTerms], Polynomial],
) -> dict[str, NDArray[Any]]:  # fmt: skip
    """v_x, v_w, v_b, v_dy in the ``shapes`` of x, w, b, dy, and ddy, ddx, ddw, ddb, Rdx, Rdw, Rdb.

    These are the derivatives of the loss on R with one factor replaced each time, by those ``directions`` that there are; dy is
    replaced, too, in the last three. ``filled`` puts in the number that a constant border holds.
    """
    moved = {name: of for name, of in DIRECTIONS.items() if name in directions}
    whole = directed(loss(conv), moved)
    form = directed(loss(conv), {name: of for name, of in moved.items() if of != "dy"})
    found: dict[str, NDArray[Any]] = {name: symbols(name, shapes[shaped(name)]) for name in DIRECTIONS}
    for name, by in (*SECOND.items(), *CHANGES.items()):
        array = np.empty(shapes[shaped(by)], dtype=object)
        array.reshape(-1)[:] = [
            filled(terms) for terms in terms_by_entry((whole if name in CHANGES else form).differentiate(by))
        ]
        found[name] = array
    return found
