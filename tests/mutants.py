"""Broken copies of an emitted kernel or of a function of the library: one operator, comparison or number changed."""

from __future__ import annotations

import ast
import copy
import inspect
import sys
import textwrap
from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

from symconv.kernels import Kernel

#: what each operator is mistaken for
SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mult, ast.Lt: ast.LtE, ast.LtE: ast.Lt,
}  # fmt: skip


def mutants(kernel: Kernel, functions: Collection[str]) -> Iterator[tuple[str, Kernel]]:
    """Every mutant of the bodies of ``functions``, with the changed line as its name."""
    tree = ast.parse(kernel.source)
    for position, function in enumerate(tree.body):
        if not isinstance(function, ast.FunctionDef) or function.name not in functions:
            continue
        rest = [ast.unparse(each) for each in tree.body]
        for number, node in enumerate(_nodes(function)):
            if _mutate(copy.copy(node)):
                changed = copy.deepcopy(function)
                _mutate(_nodes(changed)[number])
                parts = [*rest[:position], ast.unparse(changed), *rest[position + 1 :]]
                yield f"{function.name}:{node.lineno} {ast.unparse(node)}", replace(kernel, source="\n".join(parts))


def module_mutants(package: str, name: str) -> Iterator[tuple[str, str]]:
    """Every mutant of one function of a package, in place wherever it is used while its line and expression are given out."""
    modules = [module for key, module in sys.modules.items() if key.startswith(package)]
    original = next(
        vars(each)[name] for each in modules if getattr(vars(each).get(name), "__module__", "") == each.__name__
    )
    home = sys.modules[original.__module__]
    lines = textwrap.dedent(inspect.getsource(original)).splitlines()
    (tree,) = ast.parse("\n".join(lines)).body
    assert isinstance(tree, ast.FunctionDef)
    users = [module for module in modules if vars(module).get(name) is original]
    tables = [(table, key) for table in vars(sys.modules[f"{package}.choice"]).values() if isinstance(table, dict)
              for key, value in table.items() if isinstance(value, tuple) and original in value]  # fmt: skip
    try:
        for number, node in enumerate(_nodes(tree)):
            if _mutate(copy.copy(node)):
                changed = copy.deepcopy(tree)
                _mutate(_nodes(changed)[number])
                scope = dict(vars(home))
                exec(compile(ast.unparse(changed), f"<mutant of {name}>", "exec"), vars(home), scope)
                mutant = scope[name]
                for user in users:
                    vars(user)[name] = mutant
                kept = [table[key] for table, key in tables]
                for table, key in tables:
                    table[key] = tuple(mutant if way is original else way for way in table[key])
                yield lines[node.lineno - 1].strip(), ast.unparse(node)
                for (table, key), value in zip(tables, kept, strict=True):
                    table[key] = value
    finally:
        for user in users:
            vars(user)[name] = original


def _nodes(function: ast.FunctionDef) -> list[Any]:
    return [node for statement in function.body for node in ast.walk(statement)]


def _mutate(node: ast.AST) -> bool:
    if isinstance(node, ast.BinOp) and type(node.op) in SWAPS:
        node.op = SWAPS[type(node.op)]()  # type: ignore[assignment]
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
        node.ops = [SWAPS[type(node.ops[0])](), *node.ops[1:]]  # type: ignore[list-item]
    elif isinstance(node, ast.AugAssign):
        node.op = ast.Sub()
    elif isinstance(node, ast.Constant) and type(node.value) is int and node.value >= 0:
        node.value += 1
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("max", "min"):
        node.func = ast.Name({"max": "min", "min": "max"}[node.func.id])
    else:
        return False
    return True
