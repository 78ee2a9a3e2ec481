"""From the derivative of one small layer to straight-line code: every term written out, equal parts computed once.

The terms are the derivative's own (:mod:`symconv.layer.gradients`), so no index arithmetic is left to go wrong. SymPy's ``cse``
looks for parts that several entries share and its printer writes them.
"""

from __future__ import annotations

import ast
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from symconv.algebra.symbols import load_sympy
from symconv.algebra.terms import Term
from symconv.kernels import source
from symconv.layer.conv import Conv
from symconv.layer.gradients import Gradients
from symconv.layer.names import entry_name
from symconv.layer.padding import FILLER

if TYPE_CHECKING:
    import sympy

__all__ = ["Unrolled"]


@dataclass(frozen=True)
class Unrolled:
    """The statements of one layer, for any batch: a name such as ``x_12`` is an entry of x in all images at once.

    ``conv`` has batch 1 and its names; indices in names are 1-based, as in the derivation.
    """

    conv: Conv

    @cached_property
    def _gradients(self) -> Gradients:
        return self.conv.gradients()

    def identifier(self, array: str, flat: int) -> str:
        """``x_12`` for the entry that the derivation calls x_{12}."""
        return entry_name(self.conv, array, flat).replace("{", "").replace("}", "").replace(",", "_")

    def read(self, array: str) -> ast.stmt:
        """One name for each entry of the array; those of x and dy are vectors over the images."""
        shape = self.conv.shapes[array]
        size = int(np.prod(shape, dtype=np.int64))
        names = [self.identifier(array, i) for i in range(size)]
        if array == "w":
            return source.assign(_unpacked(names), "w.ravel()")
        return source.assign(_unpacked(names), f"{array}.reshape(N, {size}).T")

    def constant(self) -> list[ast.stmt]:
        """The constant of the border, in the dtype of x."""
        if not self.conv.mode.filled:
            return []
        return [source.assign(self.identifier(FILLER, 0), "x.dtype.type(padding_value)")]

    def sums(self, targets: Sequence[str]) -> list[ast.stmt]:
        """Each entry of each of ``targets`` (arrays of zeros) as a sum of products; shared parts first, zeros left out."""
        shared, places, sums = self._reduced(targets)
        lines = [source.assign(str(symbol), _printed(value)) for symbol, value in shared]
        entries = zip(places, sums, strict=True)
        return lines + [self._entry(target, index, value) for (target, index), value in entries]

    def products(self, targets: Sequence[str]) -> int:
        """How many products the statements compute."""
        return sum(self._gradients.terms(target).without("b").count for target in targets)

    def shared(self, targets: Sequence[str]) -> int:
        """How many parts occur in more than one sum."""
        return len(self._reduced(targets)[0])

    def _reduced(self, targets: Sequence[str]) -> tuple[list[Any], list[Any], list[Any]]:
        """Shared parts, and the places and sums that are not zero."""
        places, sums = [], []
        for target in targets:
            array = self._gradients.terms(target).without("b")
            for index in np.ndindex(*array.shape):
                if terms := array.terms_of(index):
                    places.append((target, index))
                    sums.append(self._expression(terms))
        sympy = load_sympy()
        temporaries = (sympy.Symbol(f"shared_{i}") for i in itertools.count(1))
        shared, reduced = sympy.cse(sums, symbols=temporaries)
        return shared, places, reduced

    def _expression(self, terms: Sequence[Term]) -> sympy.Expr:
        sympy = load_sympy()
        return sympy.Add(
            *(
                sympy.Mul(coefficient, *(sympy.Symbol(self.identifier(*factor)) for factor in factors))
                for coefficient, factors in terms
            )
        )

    def _entry(self, target: str, index: Sequence[int], value: sympy.Expr) -> ast.stmt:
        if target == "dw":  # the one that has no batch: summed over the images
            return source.assign(
                source.indexed(target, list(index)), source.call("np.sum", _printed(value), dtype="dw.dtype")
            )
        images = ", ".join([":", *map(str, index[1:])])
        return source.assign(f"{target}[{images}]", _printed(value))


def _unpacked(names: Sequence[str]) -> ast.expr:
    """``a, b``, and ``(a,)`` for one name."""
    return ast.Tuple([source.name(name) for name in names])


def _printed(value: sympy.Expr) -> ast.expr:
    return source.expression(load_sympy().printing.numpy.NumPyPrinter().doprint(value))
