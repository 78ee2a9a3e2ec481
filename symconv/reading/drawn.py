"""Numbers drawn at random: what a layer's weights begin with, and nothing that a gradient is made of.

An assignment of such numbers is read as a name that must not be used: an audit or a convention puts weights of its own there
before anything is computed with them.
"""

from __future__ import annotations

import ast

__all__ = ["DRAWN", "is_drawn"]

#: what is told where such a name is used all the same
DRAWN = "what is drawn at random"

#: the functions that draw, and those that scale what is drawn; none of them changes an argument
_RANDOM = {
    "rand",
    "randn",
    "random",
    "random_sample",
    "normal",
    "uniform",
    "standard_normal",
    "default_rng",
    "truncnorm",
}
_SCALING = {
    "sqrt",
    "square",
    "log",
    "prod",
    "float64",
    "float32",
    "zeros",
    "ones",
    "astype",
    "reshape",
    "array",
    "asarray",
}
_PURE = (ast.BinOp, ast.UnaryOp, ast.Name, ast.Constant, ast.Attribute, ast.Tuple, ast.List, ast.Starred, ast.Subscript,
         ast.Call, ast.keyword, ast.operator, ast.unaryop, ast.expr_context)  # fmt: skip


def is_drawn(node: ast.expr) -> bool:
    """Whether an expression draws numbers or takes a root of sizes, and computes with constants and names beside.

    >>> is_drawn(ast.parse("np.random.randn(f, c, k, k) * np.sqrt(2 / (c * k * k))", mode="eval").body)
    True
    >>> is_drawn(ast.parse("draw(w) * np.sqrt(2)", mode="eval").body)
    False
    """
    inside = list(ast.walk(node))
    if not all(isinstance(each, _PURE) for each in inside):
        return False
    called = [_last(each.func) for each in inside if isinstance(each, ast.Call)]
    return all(name in _RANDOM | _SCALING for name in called) and bool(set(called) & (_RANDOM | {"sqrt"}))


def _last(function: ast.expr) -> str:
    """The last name of a dotted one; nothing for a bare name, which may be anybody's function."""
    return function.attr if isinstance(function, ast.Attribute) else ""
