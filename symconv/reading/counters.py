"""Counters of nested loops written out: ``n += 1`` inside loops over i < A and j < B is what i*B + j was before."""

from __future__ import annotations

import ast
import copy
from collections.abc import Sequence

__all__ = ["written_out"]

_PURE = (ast.Name, ast.Constant, ast.BinOp, ast.Attribute, ast.Subscript, ast.operator, ast.expr_context)


def written_out(node: ast.For, zero: set[str]) -> tuple[ast.For, set[str], list[ast.expr]] | None:
    """The loops without the counters of ``zero``, names that hold 0 before; which these are; and the lengths of the loops, whose
    product they count to. None where there are none.

    For loops over ``range(n)``, each the only loop in the one around it, that count once in each of the innermost passes.

    >>> source = '''
    ... for i in range(a):
    ...     for j in range(b):
    ...         out[n] = x[i, j]
    ...         n += 1
    ... '''
    >>> loop, counters, lengths = written_out(ast.parse(source).body[0], {"n"})
    >>> print(ast.unparse(loop.body[0].body[0]), "|", *map(ast.unparse, lengths))
    out[i * b + j] = x[i, j] | a b
    """
    loops = _nest(node)
    if len(loops) < 2:
        return None
    stored = [each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)]
    inner, lengths = loops[-1], [loop.iter.args[0] for loop in loops if isinstance(loop.iter, ast.Call)]
    indices = [loop.target.id for loop in loops if isinstance(loop.target, ast.Name)]
    read = {each.id for length in lengths for each in ast.walk(length) if isinstance(each, ast.Name)}
    if len(indices) < len(loops) or len(lengths) < len(loops) or read & set(stored):
        return None
    if any(stored.count(name) != 1 for name in indices):
        return None
    counted = {each.target.id: at for at, each in enumerate(inner.body) if _counts(each)}  # type: ignore[attr-defined]
    counted = {name: at for name, at in counted.items() if name in zero and stored.count(name) == 1}
    inside = {id(each) for each in ast.walk(inner)}
    outside = {each.id for each in ast.walk(node) if isinstance(each, ast.Name) and id(each) not in inside}
    counted = {name: at for name, at in counted.items() if name not in outside}
    if not counted:
        return None
    place = _place(indices, lengths)
    body = [_Put({name: _later(place, at >= after) for name, after in counted.items()}).visit(copy.deepcopy(each))
            for at, each in enumerate(inner.body) if at not in counted.values()]  # fmt: skip
    made: ast.For = ast.For(inner.target, inner.iter, body or [ast.Pass()], [], None)
    for loop in reversed(loops[:-1]):
        statements = [ast.copy_location(made, each) if isinstance(each, ast.For) else each for each in loop.body]
        made = ast.For(loop.target, loop.iter, statements, [], None)
    return ast.fix_missing_locations(ast.copy_location(made, node)), set(counted), lengths


def _nest(node: ast.For) -> list[ast.For]:
    found = [node]
    while True:
        inner = [each for each in found[-1].body if isinstance(each, ast.For)]
        if any(loop.orelse for loop in found) or not all(_ranged(loop) for loop in found):
            return []
        if len(inner) != 1:
            return found
        found.append(inner[0])


def _ranged(node: ast.For) -> bool:
    told = node.iter
    return (
        isinstance(told, ast.Call) and isinstance(told.func, ast.Name) and told.func.id == "range"
        and len(told.args) == 1 and not told.keywords and all(isinstance(each, _PURE) for each in ast.walk(told.args[0]))
    )  # fmt: skip


def _counts(node: ast.stmt) -> bool:
    """n += 1"""
    return (
        isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name) and isinstance(node.op, ast.Add)
        and isinstance(node.value, ast.Constant) and node.value.value == 1
    )  # fmt: skip


def _place(indices: Sequence[str], lengths: Sequence[ast.expr]) -> ast.expr:
    found: ast.expr = ast.Name(indices[0], ast.Load())
    for index, length in zip(indices[1:], lengths[1:], strict=True):
        found = ast.BinOp(ast.BinOp(found, ast.Mult(), length), ast.Add(), ast.Name(index, ast.Load()))
    return found


def _later(place: ast.expr, counted: bool) -> ast.expr:
    return ast.BinOp(place, ast.Add(), ast.Constant(1)) if counted else place


class _Put(ast.NodeTransformer):
    def __init__(self, values: dict[str, ast.expr]) -> None:
        self.values = values

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.copy_location(copy.deepcopy(self.values[node.id]), node) if node.id in self.values else node
