"""y, dx, dw, db and the Jacobians, by differentiating the loss.

The upstream loss ``L = sum dy*y``, with dy as symbols, has the gradients of any loss whose derivative by y is dy. It is
trilinear, and differentiated exactly in bulk (:mod:`symconv.algebra.terms`). Any other loss is a SymPy expression in the
entries of y; it is composed with the layer and differentiated by SymPy, by every entry of x, w and b.
:func:`by_sympy` does that to the upstream loss as well: the slow reference that the tests and the benchmark compare with.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from symconv.algebra.symbols import load_sympy, symbols
from symconv.algebra.terms import MAX_TYPESET, MultilinearArray
from symconv.layer.conv import MAX_TERMS, Conv
from symconv.layer.loss import loss as upstream_loss

if TYPE_CHECKING:
    import sympy

__all__ = ["LOSSES", "MAX_SYMPY_TERMS", "Gradients", "by_sympy", "gradients", "layer", "loss_expression"]

#: the losses that have a name
LOSSES = {
    "upstream": "sum dy*y, dy given as symbols",
    "squared": "1/2 sum (y - t)**2, t given as symbols",
    "cross-entropy": "sum -t*log(softmax(y)), the channels of y being logits of classes with the probabilities t",
}

#: a layer whose y has more terms than this is not composed with a loss of the user's own: SymPy would take minutes
MAX_SYMPY_TERMS = 5_000

#: gradient -> the array it is the derivative by; y is the derivative by dy, the factor left out of L
READINGS = {"y": "dy", "dx": "x", "dw": "w", "db": "b"}


@dataclass(frozen=True, eq=False)
class Gradients:
    """The readings of one loss: ``y``, ``dx``, ``dw``, ``db`` as SymPy arrays in the shapes of y, x, w, b.

    ``terms(name)`` is the same array as exact terms, where the loss is the upstream one. ``loss`` is the loss itself, a
    SymPy expression; ``upstream`` is its derivative by y, which is what stands for dy in the closed formulas.

    >>> g = Conv(input=3, kernel=2).gradients()
    >>> g.dx[0, 0, 1]
    dy_{1}*w_{2} + dy_{2}*w_{1}
    >>> g.dw[0, 0]
    [dy_{1}*x_{1} + dy_{2}*x_{2}, dy_{1}*x_{2} + dy_{2}*x_{3}]
    """

    conv: Conv
    loss_name: str
    form: MultilinearArray
    expressions: Mapping[str, Any] | None = None

    def terms(self, name: str) -> MultilinearArray:
        """One of y, dx, dw, db as exact terms; ValueError for another name or another loss than the upstream one."""
        if name not in READINGS:
            raise ValueError(f"no gradient {name!r}; there are {', '.join(READINGS)}")
        if self.expressions is not None and name != "y":
            raise ValueError(f"the gradients of the loss {self.loss_name!r} are SymPy expressions; read .{name}")
        return self._terms[name]

    @cached_property
    def _terms(self) -> dict[str, MultilinearArray]:
        return {name: self.form.differentiate(array) for name, array in READINGS.items()}

    def _array(self, name: str) -> sympy.ImmutableDenseNDimArray:
        if self.expressions is not None and name != "y":
            return self.expressions[name]
        return self.terms(name).to_sympy()

    @cached_property
    def y(self) -> sympy.ImmutableDenseNDimArray:
        """y (N, F, *O)."""
        return self._array("y")

    @cached_property
    def dx(self) -> sympy.ImmutableDenseNDimArray:
        """dL/dx (N, C, *H)."""
        return self._array("dx")

    @cached_property
    def dw(self) -> sympy.ImmutableDenseNDimArray:
        """dL/dw, of w's shape."""
        return self._array("dw")

    @cached_property
    def db(self) -> sympy.ImmutableDenseNDimArray:
        """dL/db (F,); zeros for a layer without bias."""
        return self._array("db")

    @cached_property
    def upstream(self) -> sympy.ImmutableDenseNDimArray:
        """dL/dy (N, F, *O) as an expression in x, w, b: what dy stands for in the closed formulas."""
        if self.expressions is not None:
            return self.expressions["upstream"]
        return symbols(self.conv, "dy")

    @cached_property
    def loss(self) -> sympy.Expr:
        """L as a SymPy expression in x, w, b and what it is given."""
        if self.expressions is not None:
            return self.expressions["loss"]
        return self.form[()]

    def jacobian(self, array: str) -> MultilinearArray:
        """dy/dx, dy/dw or dy/db: entry (i, j) is the derivative of y[i] by ``array[j]``, shape y's then the array's.

        :meth:`jacobian_matrix` is the same flattened to two axes.
        """
        if array not in ("x", "w", "b"):
            raise ValueError(f"no Jacobian by {array!r}; y depends on x, w and b")
        return self._terms["y"].differentiate(array)

    def jacobian_matrix(self, array: str) -> sympy.Matrix:
        """The Jacobian of y by ``array`` as a matrix, entries in C order; of a 1-D layer dy/dx is the banded matrix.

        >>> Conv(input=4, kernel=2).gradients().jacobian_matrix("x")
        Matrix([
        [w_{1}, w_{2},     0,     0],
        [    0, w_{1}, w_{2},     0],
        [    0,     0, w_{1}, w_{2}]])
        """
        sympy = load_sympy()

        jacobian = self.jacobian(array)
        rows = self._terms["y"].size
        return sympy.Matrix(rows, jacobian.size // rows, jacobian.to_sympy().reshape(jacobian.size).tolist())

    def to_dict(self) -> dict[str, Any]:
        """The layer, the loss and each gradient entry as text, by array."""
        result: dict[str, Any] = {"conv": self.conv.to_dict(), "loss": self.loss_name}
        for name in READINGS:
            array = self._array(name)
            result[name] = {
                "shape": [int(n) for n in array.shape],
                "entries": [str(e) for e in array.reshape(len(array))],
            }
        return result

    def _repr_latex_(self) -> str | None:
        """The entries, where they are few; of larger layers a notebook shows ``repr``."""
        if max(self.conv.terms, *(math.prod(self.conv.shapes[name]) for name in READINGS)) > MAX_TYPESET:
            return None
        rows = (rf"\mathrm{{{name}}} &= {load_sympy().latex(getattr(self, name))}" for name in READINGS)
        return r"$\displaystyle \begin{aligned} " + r" \\ ".join(rows) + r" \end{aligned}$"

    def __repr__(self) -> str:
        return f"<gradients of {self.conv!r}, loss {self.loss_name!r}, {self.conv.terms:,} terms>"


def gradients(conv: Conv, loss: str | sympy.Expr = "upstream", max_terms: int = MAX_TERMS) -> Gradients:
    """Differentiate a loss of the layer: ``"upstream"`` (sum dy*y), ``"squared"`` (1/2 sum (y - t)**2), ``"cross-entropy"`` of
    logits, or any SymPy expression in the entries of y, as :func:`symconv.algebra.symbols.symbols` names them (``y_{11}``).

    Raises ValueError for an unknown name, an expression with the layer's own x, w or b in it, a loss of more
    than ``max_terms`` terms, or a layer too large for SymPy's differentiation (``MAX_SYMPY_TERMS``).

    >>> gradients(Conv(input=2, kernel=2), "squared").db[0]
    b - t_{1} + w_{1}*x_{1} + w_{2}*x_{2}
    """
    if isinstance(loss, str) and loss not in LOSSES:
        raise ValueError(
            f"no loss {loss!r}; there are {', '.join(LOSSES)}, or give a SymPy expression in the entries of y"
        )
    form = upstream_loss(conv, max_terms)
    if loss == "upstream":
        return Gradients(conv, "upstream", form)
    if conv.terms > MAX_SYMPY_TERMS:
        raise ValueError(f"a loss of one's own is differentiated by SymPy, up to {MAX_SYMPY_TERMS:,} terms; "
                         f"{conv!r} has {conv.terms:,}")  # fmt: skip
    expression = loss_expression(conv, loss) if isinstance(loss, str) else loss
    name = loss if isinstance(loss, str) else "expression"
    return Gradients(conv, name, form, _compose(conv, form, expression))


def loss_expression(conv: Conv, name: str) -> sympy.Expr:
    """A named loss as an expression in the symbols of y (and dy or t)."""
    sympy = load_sympy()

    outputs = symbols(conv, "y")
    y = list(outputs.reshape(len(outputs)))
    given = symbols(conv, "dy" if name == "upstream" else "t")
    others = list(given.reshape(len(given)))
    if name == "squared":
        return sympy.Rational(1, 2) * sympy.Add(*((a - t) ** 2 for a, t in zip(y, others, strict=True)))
    if name == "upstream":
        return sympy.Add(*(g * a for a, g in zip(y, others, strict=True)))
    images, classes = conv.y_shape[:2]
    places = len(y) // (images * classes)
    total = sympy.Integer(0)
    for image in range(images):
        for place in range(places):
            one = [(image * classes + f) * places + place for f in range(classes)]
            log = sympy.log(sympy.Add(*(sympy.exp(y[i]) for i in one)))
            total += sympy.Add(*(others[i] * (log - y[i]) for i in one))
    return total


def layer(conv: Conv, form: MultilinearArray | None = None) -> dict[sympy.Symbol, sympy.Expr]:
    """Each symbol of y with its expression in x, w, b."""
    names = symbols(conv, "y")
    values = (form or upstream_loss(conv)).differentiate("dy").to_sympy()
    return dict(zip(names.reshape(len(names)), values.reshape(len(values)), strict=True))


def by_sympy(conv: Conv, expression: sympy.Expr | None = None) -> dict[str, sympy.ImmutableDenseNDimArray]:
    """dx, dw, db of the loss by ``Expr.diff``, one derivative for each entry of x, w, b: slow, and SymPy's word alone.

    ``expression`` is in the entries of x, w, b (and others, which count as constants); left out, it is the upstream loss.
    """
    sympy = load_sympy()

    if expression is None:
        expression = upstream_loss(conv)[()]
    result = {}
    for name, array in READINGS.items():
        if name != "y":
            variables = symbols(conv, array)
            entries = [expression.diff(v) for v in variables.reshape(len(variables))]
            result[name] = sympy.ImmutableDenseNDimArray(entries, variables.shape)
    return result


def _compose(conv: Conv, form: MultilinearArray, expression: sympy.Expr) -> dict[str, Any]:
    """The gradients of ``expression(y(x, w, b))``, and the upstream gradient."""
    sympy = load_sympy()

    if not isinstance(expression, sympy.Expr):
        raise TypeError(f"loss must be a name or a SymPy expression in the entries of y, got {expression!r}")
    y = layer(conv, form)
    inner = {str(v) for array in ("x", "w", "b") for v in symbols(conv, array).reshape(len(symbols(conv, array)))}
    clash = sorted(str(v) for v in expression.free_symbols if str(v) in inner)
    if clash:
        raise ValueError(
            f"the loss names {', '.join(clash)}, an entry of the layer; a loss is an expression in the entries of y"
        )
    if not expression.free_symbols & set(y):
        raise ValueError(f"the loss {expression} names no entry of y, such as {next(iter(y))}")
    composed = expression.xreplace(y)
    upstream = [expression.diff(v).xreplace(y) for v in y]
    result: dict[str, Any] = dict(by_sympy(conv, composed))
    if not conv.bias:
        result["db"] = sympy.ImmutableDenseNDimArray([0] * conv.out_channels, conv.b_shape)
    result["upstream"] = sympy.ImmutableDenseNDimArray(upstream, conv.y_shape)
    result["loss"] = composed
    return result
