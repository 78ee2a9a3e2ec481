"""Closed formulas: the tree, the operations, the parser, the standard formulas, and what a formula means.

moves        the operations that move entries about, one row each
tree         what a formula is
parser       text -> tree; expressions: its integers and conditions
standard     y, dx, dw, db as the textbooks should have them
values       tree -> exact arrays on one layer; indices: its pointwise sums
sets         tree -> integer relations on one axis, every size
verify       formula against derivative, one size, entry by entry
"""

from __future__ import annotations

from symconv.formulas import standard as standards
from symconv.formulas.parser import parse
from symconv.formulas.tree import PRODUCTS, Formula

__all__ = ["Formula", "formula"]


def formula(given: Formula | str, transposed: bool = False, padding_mode: str | None = None) -> Formula:
    """``given`` as a formula: one already, the name of a standard one (y, dx, dw, db, ddy, ddx, ddw), or text.

    ``transposed`` and ``padding_mode`` say which layer text or name are about; without a mode it is the one the text names.

    Raises ValueError, pointing at the column, for text that is not a formula.

    >>> str(formula("dx = correlate(pad(dy, p), flip(w))"))
    'dx = correlate(pad(dy, p), flip(w))'
    """
    if isinstance(given, Formula):
        return given
    if given.strip() in PRODUCTS:
        return standards.standard(given.strip(), transposed, padding_mode or "zeros")
    return parse(given, transposed, padding_mode)
