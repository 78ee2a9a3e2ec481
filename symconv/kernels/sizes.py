"""Sizes and index expressions that kernels need, worked out from the relation."""

from __future__ import annotations

from symconv.algebra.integers import Const, Integer, Name, Op

__all__ = ["coefficient", "on_axis", "without"]


def coefficient(e: Integer, index: str) -> Integer:
    """What ``index`` is multiplied by in a sum of products: s in ``s*o + d*k - p`` for o."""
    if isinstance(e, Op) and e.op in "+-":
        left, right = coefficient(e.left, index), coefficient(e.right, index)
        return left + right if e.op == "+" else left - right
    if isinstance(e, Op) and e.op == "*" and e.right == Name(index) and index not in e.left.names():
        return e.left
    if e == Name(index):
        return Const(1)
    if index in e.names():
        raise ValueError(f"{e} is not a multiple of {index}")
    return Const(0)


def without(e: Integer, index: str) -> Integer:
    """``e`` at ``index`` = 0."""
    return e.substitute({index: 0})


def on_axis(e: Integer, axis: int | None) -> Integer:
    """``e`` with the names of one axis: ``s0*o0 + d0*k0 - p0``; None leaves it as it is."""
    return e if axis is None else e.substitute({n: Name(f"{n}{axis}") for n in e.names()})
