"""What pictures write: entries, their sums, array names, read from the layer and its formulas."""

from __future__ import annotations

import numpy as np

from symconv.formulas import tree
from symconv.layer.conv import Conv
from symconv.mathematics.entries import entry as entry_at
from symconv.mathematics.entries import terms_sum
from symconv.mathematics.markup import as_row
from symconv.mathematics.of_formulas import Setting, of_formula
from symconv.mathematics.tree import Math

__all__ = ["entry", "entry_at", "formula_row", "node_label", "terms_sum"]


def entry(conv: Conv, array: str, flat: int) -> Math:
    """Entry number ``flat`` of ``array`` under its name."""
    return entry_at(conv, array, [int(i) for i in np.unravel_index(flat, conv.shapes[array])])


def formula_row(conv: Conv, formula: tree.Formula) -> Math:
    """A closed formula with the layer's numbers in it."""
    return as_row(of_formula(formula, _setting(conv)))


def node_label(conv: Conv, node: tree.Node) -> Math:
    """A part of a closed formula with the layer's numbers in it: ``pad_1(dy ↑ 2)``."""
    return of_formula(tree.Formula("y", node), _setting(conv)).steps[0][1]


def _setting(conv: Conv) -> Setting:
    return Setting(sizes=[conv.sizes(axis) for axis in range(conv.ndim)])
