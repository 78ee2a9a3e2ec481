"""A formula as NumPy source, in the words of the formula itself.

    y = correlate(pad(x, p, q), w, "ngc,gfc->ngf", stride=s, dilation=d) + b

Sizes are vectors with one entry for each axis, so the text is the same in any dimension. Arrays have their groups on an axis of
their own: x (N, G, C, *H), w (G, F, C, *K), y and dy (N, G, F, *O), b (G, F, *1). The functions pad, crop, dilate, flip, total
and correlate are those of :mod:`symconv.kernels.helpers`. A pointwise index sum has no words to be read in: the loops of a
kernel are that sum.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from typing import Any

from symconv.algebra.integers import Const
from symconv.formulas import tree
from symconv.kernels import source
from symconv.layer.padding import FILLER, MODES

__all__ = ["formula_source"]


def formula_source(formula: tree.Formula, labels: Mapping[str, str]) -> ast.expr:
    """The formula's body as a Python expression; ``labels`` are the leading indices of each array ("ngc").

    Raises ValueError for a formula that is not made of the words above.

    >>> from symconv.formulas.standard import standard
    >>> labels = {"x": "ngc", "dx": "ngc", "w": "gfc", "dw": "gfc", "dy": "ngf"}
    >>> print(ast.unparse(formula_source(standard("dw"), labels)))
    correlate(pad(x, p, q - r), dilate(dy, s), 'ngc,ngf->gfc', stride=d)
    """
    return _Reading(formula, labels).read(formula.body)


class _Reading:
    def __init__(self, formula: tree.Formula, labels: Mapping[str, str]) -> None:
        self.formula, self.labels = formula, labels

    def read(self, node: tree.Node) -> ast.expr:
        if type(node) not in RULES:
            raise ValueError(f"{self.formula}: {node} has no NumPy source")
        return RULES[type(node)](self, node)

    def array(self, node: tree.Array) -> ast.expr:
        return source.name(node.name)

    def move(self, node: tree.Move) -> ast.expr:
        word, mode = node.operation.word, node.operation.mode
        if mode in MODES and MODES[mode].filled:  # no entry stands on such a border: its adjoint crops
            operand = self.read(node.operand)
            if word == "fold":
                return source.call("crop", operand, *node.amounts)
            return source.call("filled", operand, *node.amounts, source.name(FILLER))
        if mode in MODES:  # NumPy makes the border, under its own name
            word, mode = "border" if word == "pad" else word, MODES[mode].numpy
        return source.call(word, self.read(node.operand), *node.amounts, **({"mode": repr(mode)} if mode else {}))

    def correlate(self, node: tree.Correlate) -> ast.expr:
        names = [next(n.name for n in part.walk() if isinstance(n, tree.Array)) for part in (node.operand, node.filter)]
        left, right, target = (self.labels[name] for name in (*names, self.formula.target))
        steps = {"stride": node.stride, "dilation": node.dilation}
        return source.call(
            "correlate",
            self.read(node.operand),
            self.read(node.filter),
            repr(f"{left},{right}->{target}"),
            **{name: step for name, step in steps.items() if step != Const(1)},
        )

    def sum(self, node: tree.Sum) -> ast.expr:
        # over the images and over space
        return source.call("total", self.read(node.operand))

    def scale(self, node: tree.Scale) -> ast.expr:
        return source.operation(node.factor, "*", self.read(node.operand))

    def add(self, node: tree.Add) -> ast.expr:
        return source.operation(self.read(node.left), "+", self.read(node.right))


RULES: dict[type[tree.Node], Callable[[_Reading, Any], ast.expr]] = {
    tree.Array: _Reading.array,
    tree.Move: _Reading.move,
    tree.Correlate: _Reading.correlate,
    tree.Sum: _Reading.sum,
    tree.Scale: _Reading.scale,
    tree.Add: _Reading.add,
}
