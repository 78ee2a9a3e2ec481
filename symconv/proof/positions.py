"""Where the operations of a formula put an array's entries: pushed forward, from the array to the result.

The proof by isl goes the other way, from the result back to the arrays; this way serves the second opinion and the paragraph of
prose that a theorem comes with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from symconv.algebra.integers import Const, Integer, Name
from symconv.formulas import tree
from symconv.mathematics.of_integers import FIRST, simplified

__all__ = ["meeting", "plain_length", "position", "places", "shown_array"]

Length = Callable[[tree.Node], Integer]


def shown_array(node: tree.Node) -> str | None:
    """The name of the array that ``node`` moves about; None if it is anything else."""
    while isinstance(node, tree.Move):
        node = node.operand
    return node.name if isinstance(node, tree.Array) else None


def position(node: tree.Node, index: Integer, length: Length) -> Integer:
    """The 0-based position in ``node`` of the array entry with this index; ``length`` tells how long an operand is.

    Raises ValueError for what is not an array moved about, or where an entry may stand at several positions.

    >>> from symconv.formulas.standard import standard
    >>> print(position(standard("dx").body.operand, Name("i"), lambda node: Name("n")))
    s*i + d*(K - 1) - p
    """
    if isinstance(node, tree.Array):
        return index
    if not isinstance(node, tree.Move) or node.operation.spreads:
        raise ValueError(f"{node} is not an array, moved about, with every entry at one place")
    [branch] = node.forward(position(node.operand, index, length), length(node.operand), Name("e"))
    return branch.to


def places(
    node: tree.Correlate, letter: Callable[[str], str], extents: Mapping[str, Integer]
) -> tuple[tuple[str, Integer], tuple[str, Integer]]:
    """Where the two arrays of a correlation stand in its first and in its second argument, taps apart: name and position.

    ``letter`` names the index of an array; ValueError where an argument is not an array moved about.
    """
    taps = node.filter if node.dilation == Const(1) else tree.dilate(node.filter, node.dilation)
    first, second = (
        (name, position(operand, Name(letter(name)), lambda inner: plain_length(inner, extents)))
        for operand in (node.operand, taps)
        for name in [shown_array(operand) or ""]
    )
    return first, second


def meeting(node: tree.Correlate, entry: Integer, second: Integer) -> Integer:
    """The place in the first argument at which an entry of the result meets the place ``second`` in the second argument, all
    counted from the first index of what is typeset."""
    first = FIRST.get()
    return simplified(entry + second - first) if node.stride == Const(1) else node.stride * (entry - first) + second


def plain_length(node: tree.Node, extents: Mapping[str, Integer]) -> Integer:
    """The number of entries of a moved array, where no crop takes more than there is; ValueError for anything else."""
    if type(node) not in _LENGTHS:
        raise ValueError(f"{node} is not an array, moved about")
    return _LENGTHS[type(node)](node, extents)


def _correlated(node: tree.Correlate, extents: Mapping[str, Integer]) -> Integer:
    slack = plain_length(node.operand, extents) - node.dilation * (plain_length(node.filter, extents) - 1) - 1
    return slack // node.stride + Const(1)


_LENGTHS: dict[type[tree.Node], Callable[[Any, Mapping[str, Integer]], Integer]] = {
    tree.Array: lambda node, extents: extents[node.name],
    tree.Move: lambda node, extents: node.length(plain_length(node.operand, extents)),
    tree.Correlate: _correlated,
}
