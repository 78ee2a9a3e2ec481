"""The closed formulas of a layer as equations, in letters or with the layer's numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from symconv.algebra.integers import Const, Integer
from symconv.article.equations import array_index, own, shown_labels
from symconv.formulas import tree
from symconv.formulas.standard import standard
from symconv.layer.conv import Conv
from symconv.layer.loss import channel_labels
from symconv.mathematics.of_formulas import Setting, of_formula
from symconv.mathematics.of_integers import simplified
from symconv.mathematics.tree import Equation, Total, Word

__all__ = ["closed", "formula_for", "summed_labels", "trimmed"]


def formula_for(conv: Conv, target: str) -> tree.Formula:
    """The standard formula; of a layer without bias that for y has none either."""
    formula = standard(target, conv.transposed, conv.padding_mode)
    if not conv.bias and isinstance(formula.body, tree.Add):
        return replace(formula, body=formula.body.left)
    return formula


def closed(conv: Conv, target: str, with_numbers: bool = False) -> Equation:
    """The formula for ``target``; with numbers, operations that do nothing are left out."""
    formula = formula_for(conv, target)
    arrays = {name: array_index(conv, name, []) for name in (target, *tree.OPERANDS)}
    totals = tuple(Total((Word(own(conv, label)),)) for label in summed_labels(conv, target))
    sizes = [conv.sizes(axis) for axis in range(conv.ndim)] if with_numbers else []
    return of_formula(formula, Setting(sizes, arrays, totals))


def summed_labels(conv: Conv, target: str) -> str:
    """The written channel indices that the formula for ``target`` sums over."""
    labels = channel_labels(conv)
    used = set("".join(labels[array] for array in tree.TARGETS[target]))
    return "".join(label for label in shown_labels(conv) if label in used - set(labels[target]))


def trimmed(node: tree.Node, known: Mapping[str, int]) -> tree.Node:
    """A formula's body with what is ``known`` of its sizes put in, and operations left out that do nothing, whatever the others.

    >>> print(trimmed(standard("dx").body, {"s": 1, "d": 1, "p": 0, "q": 0, "r": 0}))
    correlate(pad(dy, K - 1), flip(w))
    """

    def put(e: Integer) -> Integer:
        return simplified(e, known)

    if isinstance(node, tree.Move):
        amounts = tuple(put(e) for e in node.amounts)
        operand = trimmed(node.operand, known)
        neutral = [each.neutral for each in node.operation.amounts]
        if amounts and all(e == Const(value) for e, value in zip(amounts, neutral, strict=True)):
            return operand
        return replace(node, operand=operand, amounts=amounts)
    if isinstance(node, tree.Correlate):
        operand, taps = trimmed(node.operand, known), trimmed(node.filter, known)
        return replace(node, operand=operand, filter=taps, stride=put(node.stride), dilation=put(node.dilation))
    if isinstance(node, tree.Add):
        return replace(node, left=trimmed(node.left, known), right=trimmed(node.right, known))
    return node
