"""The derivative of somebody's own forward function, for a backward function to be held against.

With F the forward function, L = sum dy*F(x, w, b). On symbols L is a polynomial and is differentiated term by term. On
numbers, F being affine in each argument alone, a gradient g in x satisfies

    sum dy * (F(x + u, w, b) - F(x, w, b))  =  sum g * u        for every u

which is checked for a random u, and gives the entries of g where u runs over the basis.
"""

from __future__ import annotations

import zlib
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.algebra.polynomials import PolynomialTerms, variable
from symconv.audits.sandbox.remote import Process
from symconv.audits.truth import READINGS, Point, point, point_size
from symconv.layer.names import entry_name

__all__ = ["OwnForward"]

Array = NDArray[Any]


class OwnForward:
    """The derivative of ``caller``'s own forward function on one geometry.

    The shape of dy is that of the y which the forward function returns, right or wrong.
    """

    def __init__(self, caller: Process, seed: int) -> None:
        self.caller, self.conv, self.seed = caller, caller.conv, seed

    @cached_property
    def y_shape(self) -> tuple[int, ...]:
        return self.caller.own_forward(self._start).shape

    @cached_property
    def _start(self) -> Point:
        """A point but for dy, whose shape is not known before the forward function has run."""
        at = point(self.conv, self.seed, 200, point_size(self.conv))
        return {name: at[name] for name in ("x", "w", "b")}

    def shapes(self) -> dict[str, tuple[int, ...]]:
        return {name: self.shape(name) for name in ("x", "w", "b", "dy")}

    def shape(self, name: str) -> tuple[int, ...]:
        return self.y_shape if name in ("y", "dy") else self.conv.shapes[name]

    def agrees(self, at: Point, name: str, value: Array) -> bool:
        number = zlib.crc32(at["dy"].tobytes())  # another direction at every point
        direction = point(self.conv, self.seed, number, point_size(self.conv) // 2)[READINGS[name]]
        change = self._along(at, READINGS[name], direction)
        products = value.astype(np.float64) * direction
        return bool(abs(float(products.sum()) - change) <= 2.0**-44 * float(np.abs(products).sum()))

    def _along(self, at: Point, array: str, direction: Array) -> float:
        base = {k: at[k] for k in ("x", "w", "b")}
        moved = base | {array: base[array] + direction}
        difference = self.caller.own_forward(moved) - self.caller.own_forward(base)
        return float(np.sum(at["dy"] * difference.astype(np.float64)))

    def numbers(self, at: Point, name: str) -> Array:
        array = READINGS[name]
        result = np.zeros(self.shape(name))
        for flat in range(result.size):
            basis = np.zeros(self.shape(name))
            basis.reshape(-1)[flat] = 1
            result.reshape(-1)[flat] = self._along(at, array, basis)
        return result

    @cached_property
    def _y_terms(self) -> list[PolynomialTerms]:
        shapes = {name: self.conv.shapes[name] for name in ("x", "w", "b")}
        returned = self.caller.gradients({}, shapes=shapes, own_forward=True)
        if returned.term_shapes["y"] != self.y_shape:
            told = returned.term_shapes["y"]
            raise TypeError(f"the forward function returned shape {told} on symbols, {self.y_shape} on numbers")
        return returned.terms["y"]

    def terms(self, name: str) -> list[PolynomialTerms]:
        array = READINGS[name]
        count = int(np.prod(self.shape(name), dtype=np.int64))
        first = variable(array, 0)
        collected: list[PolynomialTerms] = [{} for _ in range(count)]
        for flat, terms in enumerate(self._y_terms):
            upstream = variable("dy", flat)
            for monomial, coefficient in terms.items():
                for v in set(monomial):
                    if first <= v < first + count:
                        exponent = monomial.count(v)
                        rest = list(monomial)
                        rest.remove(v)
                        key = tuple(sorted([upstream, *rest]))
                        entry = collected[v - first]
                        entry[key] = entry.get(key, 0) + coefficient * exponent
        return [{m: c for m, c in entry.items() if c} for entry in collected]

    def entry_name(self, array: str, flat: int) -> str:
        if array in ("y", "dy") and self.y_shape != self.conv.y_shape:
            index = np.unravel_index(flat, self.y_shape)
            return f"{array}_{{{','.join(str(int(i) + 1) for i in index)}}}"
        return entry_name(self.conv, array, flat)
