"""Where the operations of a formula put an array's entries: pushed forward, from the array to the result.

``pad`` adds to the position, ``dilate`` multiplies it, ``flip`` counts from the end. The proof by isl goes the other way, from
the result back to the arrays; this way serves the second opinion and the paragraph of prose that a theorem comes with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from symconv.algebra.integers import Const, Integer
from symconv.formulas import tree

__all__ = ["moves", "plain_length", "position", "shown_array"]

Length = Callable[[tree.Node], Integer]


def moves(node: tree.Node) -> Iterator[tree.Node]:
    """The operations that move an array about, outermost first, down to the array itself."""
    yield node
    while isinstance(node, (tree.Pad, tree.Crop, tree.Dilate, tree.Flip)):
        node = node.operand
        yield node


def shown_array(node: tree.Node) -> str | None:
    """The name of the array that ``node`` moves about; None if it is anything else."""
    last = list(moves(node))[-1]
    return last.name if isinstance(last, tree.Array) else None


def position(node: tree.Node, index: Integer, length: Length) -> Integer:
    """The 0-based position in ``node`` of the array entry with this index; ``length`` tells how long an operand is.

    >>> from symconv.formulas.standard import standard
    >>> from symconv.algebra.integers import Name
    >>> print(position(standard("dx").body.operand, Name("i"), lambda node: Name("n")))
    s*i + d*(K - 1) - p
    """
    if isinstance(node, tree.Pad):
        return position(node.operand, index, length) + node.before
    if isinstance(node, tree.Crop):
        return position(node.operand, index, length) - node.before
    if isinstance(node, tree.Dilate):
        return node.by * position(node.operand, index, length)
    if isinstance(node, tree.Flip):
        return length(node.operand) - 1 - position(node.operand, index, length)
    if isinstance(node, tree.Array):
        return index
    raise ValueError(f"{node} is not an array, moved about")


def plain_length(node: tree.Node, extents: Mapping[str, Integer]) -> Integer:
    """The number of entries of a moved array, where no crop takes more than there is."""
    if isinstance(node, tree.Pad):
        return node.before + plain_length(node.operand, extents) + node.after
    if isinstance(node, tree.Crop):
        return plain_length(node.operand, extents) - node.before - node.after
    if isinstance(node, tree.Dilate):
        return node.by * (plain_length(node.operand, extents) - 1) + 1
    if isinstance(node, tree.Flip):
        return plain_length(node.operand, extents)
    if isinstance(node, tree.Correlate):
        slack = plain_length(node.operand, extents) - node.dilation * (plain_length(node.filter, extents) - 1) - 1
        return slack // node.stride + Const(1)
    if isinstance(node, tree.Array):
        return extents[node.name]
    raise ValueError(f"{node} is not an array, moved about")
