"""Which names a module or a function binds, and where."""

from __future__ import annotations

import ast
from functools import cache

__all__ = ["binds", "left_unbound", "names_bound"]


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
def left_unbound(name: ast.Name, function: ast.FunctionDef | ast.Lambda, once: bool) -> bool:
    """Whether a name that nothing bound so far is the function's own, so that reading it raises.

    The targets of comprehensions are their own. ``once`` says that a loop which is read once for all its passes runs: there a
    binding in a loop around the reading may have come in a pass before.
    """
    if isinstance(function, ast.Lambda) or name.id in {
        each.arg for each in ast.walk(function.args) if isinstance(each, ast.arg)
    }:
        return False
    told = _binders(function, name.id)
    if any(isinstance(each, ast.Global | ast.Nonlocal) for each in told):
        return False
    loops = [each for each in ast.walk(function) if isinstance(each, ast.For | ast.While)]
    around = [inside for inside in map(list, map(ast.walk, loops)) if once and any(each is name for each in inside)]
    return bool(told) and not any(each is inner for each in told for inside in around for inner in inside)


@cache
def binds(function: ast.FunctionDef | ast.Lambda, name: str) -> bool:
    """Whether a name is a function's own, or one that it says is another's; targets of comprehensions are not."""
    return _takes(function, name) or (isinstance(function, ast.FunctionDef) and bool(_binders(function, name)))


def _takes(function: ast.FunctionDef | ast.Lambda, name: str) -> bool:
    return any(isinstance(each, ast.arg) and each.arg == name for each in ast.walk(function.args))


def _binders(function: ast.FunctionDef, name: str) -> list[ast.AST]:
    """What binds the name in the function, or says that it is another's."""
    found: list[ast.AST] = []
    waiting: list[ast.AST] = [*function.body]
    while waiting:
        node = waiting.pop()
        match node:
            case ast.Name(id=told, ctx=ast.Store() | ast.Del()):
                bound = told == name
            case ast.FunctionDef(name=told) | ast.ClassDef(name=told) | ast.ExceptHandler(name=told):
                bound = told == name
            case ast.Global(names=names) | ast.Nonlocal(names=names):
                bound = name in names
            case ast.alias(name=told, asname=shown):
                bound = name == (shown or told.split(".")[0])
            case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
                bound = any(isinstance(each, ast.NamedExpr) and each.target.id == name for each in ast.walk(node))
            case _:
                bound = False
        if bound:
            found.append(node)
        if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Lambda | COMPREHENSIONS):
            waiting += ast.iter_child_nodes(node)
    return found
