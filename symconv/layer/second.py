"""Second derivatives: the double backward of a layer, and Hessians of a loss times a direction.

With directions v_x, v_w, v_b for the gradients dx, dw, db the loss of the double backward is

    L2 = <v_x, dx> + <v_w, dw> + <v_b, db>

As dx is L with the factor x left out, <v_x, dx> is L with v_x in the place of x: L2 is the same form on R, three times, with
one factor replaced each time. Its readings by dy, x and w are ddy, ddx and ddw (there is none by b, which L2 does not hold).
ddy is also the change of y in the direction v, so that the Hessian of a loss l(y) times v is read twice from the same forms:

    H v = gradients(dy := l''(y) * ddy) + second gradients(dy := l'(y))
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from symconv.algebra.symbols import load_sympy, symbols
from symconv.algebra.terms import MAX_TYPESET, MultilinearArray
from symconv.layer.conv import MAX_TERMS, Conv
from symconv.layer.gradients import LOSSES, MAX_SYMPY_TERMS, layer, loss_expression
from symconv.layer.loss import loss as upstream_loss

if TYPE_CHECKING:
    import sympy

__all__ = [
    "SECOND_READINGS",
    "HessianVector",
    "SecondGradients",
    "directed",
    "hessian_vector",
    "second_gradients",
    "second_loss",
]

#: second gradient -> the array it is the derivative of L2 by
SECOND_READINGS = {"ddy": "dy", "ddx": "x", "ddw": "w"}

#: the factor of L that each direction replaces
REPLACED = {"v_x": "x", "v_w": "w", "v_b": "b"}


def second_loss(conv: Conv, max_terms: int = MAX_TERMS) -> MultilinearArray:
    """L2 as an array of shape ``()``; ValueError if L has more than ``max_terms`` terms.

    >>> second_loss(Conv(input=2, kernel=2, bias=False)).text(())
    'dy_{1}*v^{w}_{1}*x_{1} + dy_{1}*v^{w}_{2}*x_{2} + dy_{1}*w_{1}*v^{x}_{1} + dy_{1}*w_{2}*v^{x}_{2}'
    """
    return directed(upstream_loss(conv, max_terms))


def directed(form: MultilinearArray, replaced: Mapping[str, str] = REPLACED) -> MultilinearArray:
    """L2 of a loss L: one factor after the other gives way to its direction; ``replaced`` has the factor of each direction."""
    total = MultilinearArray(form.layer, (), ())
    for direction, factor in replaced.items():
        total = total + form.rename(factor, direction)
    return total


@dataclass(frozen=True, eq=False)
class SecondGradients:
    """The readings of L2: ``ddy``, ``ddx``, ``ddw`` as SymPy arrays in the shapes of y, x, w; ``terms(name)`` exact and in bulk.

    >>> g = Conv(input=3, kernel=2).second_gradients()
    >>> g.ddy[0, 0, 1]
    v^{b} + v^{w}_{1}*x_{2} + v^{w}_{2}*x_{3} + v^{x}_{2}*w_{1} + v^{x}_{3}*w_{2}
    >>> g.ddx[0, 0, 1], g.ddw[0, 0, 1]
    (dy_{1}*v^{w}_{2} + dy_{2}*v^{w}_{1}, dy_{1}*v^{x}_{2} + dy_{2}*v^{x}_{3})
    """

    conv: Conv
    form: MultilinearArray

    @cached_property
    def _terms(self) -> dict[str, MultilinearArray]:
        return {name: self.form.differentiate(array) for name, array in SECOND_READINGS.items()}

    def terms(self, name: str) -> MultilinearArray:
        """One of ddy, ddx, ddw as exact terms; ValueError for another name."""
        if name not in SECOND_READINGS:
            raise ValueError(f"no second gradient {name!r}; there are {', '.join(SECOND_READINGS)}")
        return self._terms[name]

    @cached_property
    def ddy(self) -> sympy.ImmutableDenseNDimArray:
        """dL2/d(dy) (N, F, *O): what the gradient by the upstream gradient is, and the change of y in the direction v."""
        return self._terms["ddy"].to_sympy()

    @cached_property
    def ddx(self) -> sympy.ImmutableDenseNDimArray:
        """dL2/dx (N, C, *H)."""
        return self._terms["ddx"].to_sympy()

    @cached_property
    def ddw(self) -> sympy.ImmutableDenseNDimArray:
        """dL2/dw, of w's shape."""
        return self._terms["ddw"].to_sympy()

    @cached_property
    def loss(self) -> sympy.Expr:
        """L2 as a SymPy expression."""
        return self.form[()]

    def to_dict(self) -> dict[str, Any]:
        """The layer and each entry as text, by array."""
        return {"conv": self.conv.to_dict()} | {name: _plain(getattr(self, name)) for name in SECOND_READINGS}

    def _repr_latex_(self) -> str | None:
        """The entries, where they are few; of larger layers a notebook shows ``repr``."""
        if max(self.form.count, *(math.prod(self.conv.shapes[name]) for name in ("y", "x", "w"))) > MAX_TYPESET:
            return None
        return _latex({name: getattr(self, name) for name in SECOND_READINGS})

    def __repr__(self) -> str:
        return f"<second gradients of {self.conv!r}, {self.form.count:,} terms>"


def second_gradients(conv: Conv, max_terms: int = MAX_TERMS) -> SecondGradients:
    """Differentiate L2 by dy, x and w; ValueError for a loss of more than ``max_terms`` terms.

    >>> second_gradients(Conv(input=(4, 4), kernel=2))
    <second gradients of Conv(input=(4, 4), kernel=(2, 2)), 81 terms>
    """
    return SecondGradients(conv, second_loss(conv, max_terms))


@dataclass(frozen=True, eq=False)
class HessianVector:
    """H v of a loss l(y(x, w, b)): ``x``, ``w``, ``b`` are SymPy arrays in the shapes of x, w and b, in the entries of
    x, w, b, the directions v_x, v_w, v_b, and what the loss is given (t)."""

    conv: Conv
    loss_name: str
    x: sympy.ImmutableDenseNDimArray
    w: sympy.ImmutableDenseNDimArray
    b: sympy.ImmutableDenseNDimArray

    def to_dict(self) -> dict[str, Any]:
        """The layer, the loss and each entry as text, by array."""
        known: dict[str, Any] = {"conv": self.conv.to_dict(), "loss": self.loss_name}
        return known | {name: _plain(getattr(self, name)) for name in "xwb"}

    def _repr_latex_(self) -> str | None:
        """The entries, where they are few; of larger layers a notebook shows ``repr``."""
        if max(self.conv.terms, *(math.prod(self.conv.shapes[name]) for name in "xwb")) > MAX_TYPESET // 4:
            return None
        return _latex({f"Hv_{name}": getattr(self, name) for name in "xwb"})

    def __repr__(self) -> str:
        return f"<Hessian times direction of {self.conv!r}, loss {self.loss_name!r}>"


def hessian_vector(conv: Conv, loss: str | sympy.Expr = "squared") -> HessianVector:
    """The Hessian of a loss by x, w and b together, times the direction (v_x, v_w, v_b), without building the Hessian.

    ``loss`` is a name out of :data:`symconv.layer.gradients.LOSSES` or a SymPy expression in the entries of y. Raises
    ValueError for another name, and for a layer of more than ``MAX_SYMPY_TERMS`` terms.

    >>> str(hessian_vector(Conv(input=1, kernel=1, bias=False), "squared").x[0, 0, 0].expand())
    '-t_{1}*v^{w}_{1} + 2*v^{w}_{1}*w_{1}*x_{1} + v^{x}_{1}*w_{1}**2'
    """
    sympy = load_sympy()

    if isinstance(loss, str) and loss not in LOSSES:
        raise ValueError(
            f"no loss {loss!r}; there are {', '.join(LOSSES)}, or give a SymPy expression in the entries of y"
        )
    if conv.terms > MAX_SYMPY_TERMS:
        raise ValueError(
            f"a Hessian is built by SymPy, up to {MAX_SYMPY_TERMS:,} terms of the loss; {conv!r} has {conv.terms:,}"
        )
    expression = loss_expression(conv, loss) if isinstance(loss, str) else loss
    form = upstream_loss(conv)
    y = layer(conv, form)
    second = SecondGradients(conv, second_loss(conv))
    change = dict(zip(y, second.ddy.reshape(len(second.ddy)), strict=True))
    upstream, moved = [], []
    for output in y:
        slope = expression.diff(output)
        upstream.append(slope.xreplace(y))
        steps = [
            slope.diff(other).xreplace(y) * change[other] for other in sorted(slope.free_symbols & y.keys(), key=str)
        ]
        moved.append(sympy.Add(*steps))
    first = {**_entries(conv), "dy": _objects(moved)}
    other = {**_entries(conv), "dy": _objects(upstream)}
    result = {}
    for name in "xwb":
        total = form.differentiate(name).substitute(first)
        if name != "b":
            total = total + second.form.differentiate(name).substitute(other)
        result[name] = sympy.ImmutableDenseNDimArray(list(total.reshape(-1)), conv.shapes[name])
    return HessianVector(conv, loss if isinstance(loss, str) else "expression", **result)


def _entries(conv: Conv) -> dict[str, Any]:
    """The symbols of every factor, entry by entry."""

    names = [name for name in ("x", "w", "b", "v_x", "v_w", "v_b", "v") if name in conv.shapes]
    return {name: _objects(list(symbols(conv, name).reshape(len(symbols(conv, name))))) for name in names}


def _objects(entries: list[Any]) -> np.ndarray[Any, np.dtype[np.object_]]:
    result = np.empty(len(entries), dtype=object)
    result[:] = entries
    return result


def _plain(array: sympy.ImmutableDenseNDimArray) -> dict[str, Any]:
    return {"shape": [int(n) for n in array.shape], "entries": [str(e) for e in array.reshape(len(array))]}


def _latex(arrays: dict[str, sympy.ImmutableDenseNDimArray]) -> str:
    rows = (rf"\mathrm{{{name}}} &= {load_sympy().latex(array)}" for name, array in arrays.items())
    return r"$\displaystyle \begin{aligned} " + r" \\ ".join(rows) + r" \end{aligned}$"
