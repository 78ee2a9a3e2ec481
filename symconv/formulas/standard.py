"""The standard closed formulas: y, dx, dw, db of a convolution and of a transposed convolution.

They are claims, not definitions: ``verify`` holds them against the derivative at one size and ``prove`` at every size. With
r, the rows that no window reaches, they hold for every stride and dilation; texts that leave r out assume r = 0.

Both layers read the same relation, in which one array is on the padded side (``m``: x, or dy when transposed) and one on
the strided side (``o``: dy, or x when transposed). So three formulas serve both, under exchanged names.
"""

from __future__ import annotations

from dataclasses import replace

from symconv.algebra.integers import Integer, Name
from symconv.formulas.tree import (
    Add,
    Array,
    Correlate,
    Formula,
    Move,
    Node,
    Scale,
    Sum,
    correlate,
    crop,
    dilate,
    flip,
    move,
    pad,
)
from symconv.layer.padding import MODES, mode_named

__all__ = ["BORDERED", "SECOND", "STANDARD", "standard"]

x, w, b, dy = (Array(n) for n in ("x", "w", "b", "dy"))
K, p, q, s, d, r = (Name(n) for n in ("K", "p", "q", "s", "d", "r"))


def _strided_side(padded: Array, after: Integer) -> Correlate:
    return correlate(pad(padded, p, after), w, stride=s, dilation=d)


def _padded_side(strided: Array) -> Correlate:
    return correlate(pad(dilate(strided, s), d * (K - 1) - p, d * (K - 1) - q + r), flip(w), dilation=d)


def _weights(padded: Array, strided: Array) -> Correlate:
    # the last r rows meet no window: without the crop the result would have K + r // d entries
    return correlate(pad(padded, p, q - r), dilate(strided, s), stride=d)


_BODIES = {
    False: {
        # the division in the output size drops the last r rows by itself
        "y": Add(_strided_side(x, q), b),
        "dx": _padded_side(dy),
        "dw": _weights(x, dy),
        "db": Sum(dy),
    },
    True: {
        "y": Add(_padded_side(x), b),
        # output padding may reach the stride (when the dilation is larger), so its rows are cropped explicitly
        "dx": _strided_side(dy, q - r),
        "dw": _weights(dy, x),
        "db": Sum(dy),
    },
}

#: (transposed, target) -> the formula for padding with zeros
STANDARD: dict[tuple[bool, str], Formula] = {
    (transposed, target): Formula(target, body, transposed=transposed, name=f"standard {target}")
    for transposed, bodies in _BODIES.items()
    for target, body in bodies.items()
}


def _bodies(mode: str) -> dict[str, Node]:
    """Another border than zeros: x is padded by it, and the gradient of the padded x is folded back onto x."""
    padded = move(f"pad {mode}", x, p, q)
    whole = correlate(pad(dilate(dy, s), d * (K - 1), d * (K - 1) + r), flip(w), dilation=d)
    return {
        "y": Add(correlate(padded, w, stride=s, dilation=d), b),
        "dx": move(f"fold {mode}", whole, p, q),
        "dw": correlate(crop(padded, 0, r), dilate(dy, s), stride=d),
        "db": Sum(dy),
    }


#: (mode, target) -> the formula for padding by that mode
BORDERED: dict[tuple[str, str], Formula] = {
    (mode.name, target): Formula(target, body, padding_mode=mode.name, name=f"standard {target}")
    for mode in MODES.values()
    if mode.counts_outside
    for target, body in _bodies(mode.name).items()
}


#: target of the double backward -> the formula it is read from, and the factors that give way to directions, one at a time
SECOND: dict[str, tuple[str, tuple[tuple[str, str], ...]]] = {
    "ddy": ("y", (("x", "v_x"), ("w", "v_w"), ("b", "v_b"))),
    "ddx": ("dx", (("w", "v_w"),)),
    "ddw": ("dw", (("x", "v_x"),)),
}


def _second(target: str, first: Node) -> Node:
    """The formula of y, dx or dw with a direction in the place of one factor; summands without that factor are left out."""
    parts = [part for factor, direction in SECOND[target][1] if (part := _directed(first, factor, direction))]
    total = parts[0]
    for part in parts[1:]:
        total = Add(total, part)
    return total


def _directed(node: Node, factor: str, direction: str) -> Node | None:
    """A node with ``direction`` for ``factor``, None where nothing of it holds that. Around a direction in the place of x a
    border of a constant is one of zeros: the constant has no direction."""
    if isinstance(node, Array):
        return Array(direction) if node.name == factor else None
    if isinstance(node, Add):
        left, right = (_directed(each, factor, direction) for each in (node.left, node.right))
        return Add(left, right) if left and right else left or right
    if isinstance(node, Correlate):
        a, b = (_directed(each, factor, direction) for each in (node.operand, node.filter))
        return replace(node, operand=a or node.operand, filter=b or node.filter) if a or b else None
    if not isinstance(node, Move | Scale):
        raise TypeError(f"{node} is in no standard formula of y, dx and dw")
    inner = _directed(node.operand, factor, direction)
    if inner and isinstance(node, Move) and node.operation.filled:
        return Move("pad", inner, node.amounts)
    return replace(node, operand=inner) if inner else None


def standard(target: str, transposed: bool = False, padding_mode: str = "zeros") -> Formula:
    """The standard formula for ``target``, one of y, dx, dw, db, or ddy, ddx, ddw of the double backward; ValueError for
    another name.

    >>> print(standard("dx"))
    dx = correlate(pad(dilate(dy, s), d*(K - 1) - p, d*(K - 1) - q + r), flip(w), dilation=d)
    >>> print(standard("dx", padding_mode="reflect"))
    dx = fold(correlate(pad(dilate(dy, s), d*(K - 1), d*(K - 1) + r), flip(w), dilation=d), p, q, mode=reflect)
    >>> print(standard("ddy"))
    ddy = correlate(pad(v_x, p, q), w, stride=s, dilation=d) + correlate(pad(x, p, q), v_w, stride=s, dilation=d) + v_b
    """
    if target in SECOND:
        first = standard(SECOND[target][0], transposed, padding_mode)
        return replace(first, target=target, body=_second(target, first.body), name=f"standard {target}")
    if target not in _BODIES[transposed]:
        raise ValueError(
            f"no standard formula for {target!r}; there is one for {', '.join((*_BODIES[transposed], *SECOND))}"
        )
    if not mode_named(padding_mode).counts_outside:
        return STANDARD[transposed, target]
    if transposed:
        raise ValueError(f"padding_mode {padding_mode!r}: a transposed convolution knows zeros only")
    return BORDERED[padding_mode, target]
