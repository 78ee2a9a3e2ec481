"""Python rewritten as other Python that is read: a function that yields, as a generator expression; := in the test of a while."""

from __future__ import annotations

import ast
import copy
from collections.abc import Mapping, Sequence

from symconv.reading.world import Unreadable

__all__ = ["generated", "unbound", "yields"]


def yields(node: ast.FunctionDef | ast.Lambda) -> bool:
    """Whether a call of it makes a generator."""
    return any(isinstance(each, ast.Yield | ast.YieldFrom) for each in _own(node))


def _own(node: ast.AST) -> list[ast.AST]:
    """The parts of a function that are no part of functions inside."""
    found: list[ast.AST] = []
    for each in ast.iter_child_nodes(node):
        if not isinstance(each, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            found += [each, *_own(each)]
    return found


def generated(body: Sequence[ast.stmt]) -> tuple[list[ast.stmt], ast.expr]:
    """What a function that yields does first, and the expression whose elements it then gives.

    Of one loop, or nested ones, whose last statement yields; or of yields one after the other.
    """
    at = next((n for n, each in enumerate(body) if isinstance(each, ast.For) or _yielded(each) is not None), len(body))
    first, rest = list(body[:at]), body[at:]
    if any(isinstance(each, ast.Yield | ast.YieldFrom) for node in first for each in ast.walk(node)):
        raise Unreadable("a generator of this kind")
    if len(rest) == 1 and isinstance(rest[0], ast.For):
        return first, _nest(rest[0])
    if len(rest) == 1 and isinstance(rest[0], ast.Expr) and isinstance(rest[0].value, ast.YieldFrom):
        return first, rest[0].value.value
    told = [_yielded(each) for each in rest]
    if not rest or any(each is None for each in told):
        raise Unreadable("a generator of this kind")
    return first, ast.copy_location(ast.List([each for each in told if each is not None], ast.Load()), rest[0])


def _yielded(node: ast.stmt) -> ast.expr | None:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.YieldFrom):
        return node.value.value
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Yield):
        return node.value.value or ast.copy_location(ast.Constant(None), node)
    return None


def _nest(node: ast.For) -> ast.expr:
    """Nested loops around a yield, as a generator expression."""
    generators: list[ast.comprehension] = []
    known: dict[str, ast.expr] = {}
    body: Sequence[ast.stmt] = [node]
    while True:
        *before, last = body
        for each in before:
            known |= _named(each, known)
        if isinstance(last, ast.For) and not last.orelse:
            if any(isinstance(each, ast.Name) and each.id in known for each in ast.walk(last.target)):
                raise Unreadable("a generator of this kind")
            generators.append(ast.comprehension(last.target, _put(last.iter, known), [], 0))
            body = last.body
        elif isinstance(last, ast.If) and not last.orelse and generators:
            generators[-1].ifs.append(_put(last.test, known))
            body = last.body
        elif isinstance(last, ast.Expr) and isinstance(last.value, ast.Yield) and last.value.value is not None:
            return ast.copy_location(ast.GeneratorExp(_put(last.value.value, known), generators), node)
        else:
            raise Unreadable("a generator of this kind")


def _named(node: ast.stmt, known: Mapping[str, ast.expr]) -> dict[str, ast.expr]:
    """name = expression, where the name is bound once."""
    if not isinstance(node, ast.Assign) or len(node.targets) != 1 or not isinstance(node.targets[0], ast.Name):
        raise Unreadable("a generator of this kind", node.lineno, node.col_offset)
    name = node.targets[0].id
    if name in known or any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(node.value)):
        raise Unreadable("a generator of this kind", node.lineno, node.col_offset)
    return {name: _put(node.value, known)}


class _Names(ast.NodeTransformer):
    def __init__(self, known: Mapping[str, ast.expr]) -> None:
        self.known = known

    def visit_Name(self, node: ast.Name) -> ast.AST:
        return copy.deepcopy(self.known[node.id]) if node.id in self.known else node


def _put(node: ast.expr, known: Mapping[str, ast.expr]) -> ast.expr:
    found: ast.expr = _Names(known).visit(copy.deepcopy(node))
    return found


# := ------------------------------------------------------------------------------------------------------------------------


class _Bound(ast.NodeTransformer):
    """Takes the names of := out of an expression."""

    def __init__(self) -> None:
        self.found: list[ast.stmt] = []

    def visit_NamedExpr(self, node: ast.NamedExpr) -> ast.AST:
        value: ast.expr = self.visit(node.value)
        target = ast.copy_location(ast.Name(node.target.id, ast.Store()), node)
        self.found.append(ast.copy_location(ast.Assign([target], value), node))
        return copy.deepcopy(value)


def unbound(node: ast.While) -> tuple[ast.While, list[ast.stmt]] | None:
    """``while`` with the names that its test binds bound by the body, and what binds them when it is over; None where it binds
    none."""
    if not any(isinstance(each, ast.NamedExpr) for each in ast.walk(node.test)):
        return None
    for each in ast.walk(node.test):
        perhaps = each.values[1:] if isinstance(each, ast.BoolOp) else [each] if isinstance(each, ast.IfExp) else []
        if any(isinstance(part, ast.NamedExpr) for some in perhaps for part in ast.walk(some)):
            raise Unreadable(":= in a part of a test that may be left out")
    taker = _Bound()
    test = taker.visit(copy.deepcopy(node.test))
    body = [*copy.deepcopy(taker.found), *node.body]
    return ast.copy_location(ast.While(test, body, node.orelse), node), taker.found
