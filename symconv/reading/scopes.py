"""Which names a module or a function binds, and where."""

from __future__ import annotations

import ast
from functools import cache

__all__ = ["bound_later", "names_bound"]


@cache
def names_bound(node: ast.AST) -> frozenset[str]:
    """The names that a module or function binds, and those that are declared global; "*" where an import hides which."""
    found: set[str] = set()
    inside = {id(each) for function in ast.walk(node) if isinstance(function, ast.FunctionDef | ast.Lambda)
              and function is not node for each in ast.walk(function) if each is not function}  # fmt: skip
    for each in ast.walk(node):
        if id(each) in inside and not isinstance(each, ast.Global | ast.Nonlocal):
            continue
        match each:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                found.add(name)
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
            case ast.alias(name=name, asname=shown):
                found.add(shown or name.split(".")[0])
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                found.update(names)
            case ast.ExceptHandler(name=str(name)):
                found.add(name)
    return frozenset(found)


COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


@cache
def bound_later(name: ast.Name, function: ast.FunctionDef | ast.Lambda) -> bool:
    """Whether the function binds a name that is read in it, and only in statements that run after that one for the first time.

    The targets of comprehensions are their own. A loop around both the reading and the binding may bind it before.
    """
    if isinstance(function, ast.Lambda):
        return False
    told = _binders(function, name.id)
    around = [
        each for each in ast.walk(function) if isinstance(each, ast.stmt) and any(n is name for n in ast.walk(each))
    ]
    if not told or len(around) < 2 or any(isinstance(each, ast.FunctionDef) for each in around[1:]):
        return False
    mine = max(around, key=lambda each: (each.lineno, each.col_offset))
    loops = [each for each in around[1:] if isinstance(each, ast.For | ast.While) and each is not mine]
    return all(
        (each is mine or each.lineno > (mine.end_lineno or 0))
        and not any(each is inner for loop in loops for inner in ast.walk(loop))
        for each in told
    ) and not any(name.id == each.arg for each in ast.walk(function.args) if isinstance(each, ast.arg))


def _binders(function: ast.FunctionDef, name: str) -> list[ast.stmt]:
    """The statements of the function, the innermost ones, that bind the name."""
    found: list[ast.stmt] = []
    waiting: list[tuple[ast.AST, ast.stmt]] = [(each, each) for each in function.body]
    while waiting:
        node, inside = waiting.pop()
        stored = isinstance(node, ast.Name) and node.id == name and not isinstance(node.ctx, ast.Load)
        told = isinstance(node, ast.FunctionDef | ast.ClassDef | ast.ExceptHandler) and node.name == name
        stated = isinstance(node, ast.Global | ast.Nonlocal | ast.Import | ast.ImportFrom | ast.With | ast.Match)
        if stored or told or stated:
            found.append(inside)
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda | COMPREHENSIONS):
            continue
        waiting += [(each, each if isinstance(each, ast.stmt) else inside) for each in ast.iter_child_nodes(node)]
    return found
