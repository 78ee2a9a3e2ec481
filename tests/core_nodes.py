"""One-token mutants of the rooms every verdict rests on, and samples of them; tests/core_mutants.py tries them."""

from __future__ import annotations

import ast
import copy
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import CodeType
from typing import Any

ROOT = Path(__file__).parents[1]
ROOMS = ("algebra", "layer", "formulas", "proof")

SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.And: ast.Or, ast.Or: ast.And,
}  # fmt: skip
NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}


def changed(node: ast.AST) -> ast.AST | None:
    """The node with one token changed; None where there is nothing to change."""
    new: Any = copy.copy(node)
    if isinstance(node, ast.BinOp) and isinstance(node.left, (ast.JoinedStr, ast.Constant)) and not _number(node.left):
        return None
    if isinstance(node, (ast.BinOp, ast.BoolOp, ast.AugAssign)) and type(node.op) in SWAPS:
        new.op = SWAPS[type(node.op)]()
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPS:
        new.ops = [SWAPS[type(node.ops[0])](), *node.ops[1:]]
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.Not)):
        new = node.operand
    elif isinstance(node, ast.Constant) and type(node.value) in (int, bool):
        new.value = not node.value if type(node.value) is bool else node.value + 1
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NAMES:
        new.func = ast.copy_location(ast.Name(NAMES[node.func.id], ast.Load()), node.func)
    elif isinstance(node, ast.Raise):
        new = ast.copy_location(ast.Pass(), node)
    else:
        return None
    return ast.copy_location(new, node)


def _number(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int)


@dataclass(frozen=True)
class Mutant:
    """The ``number``-th node of a file changed, in the function ``name`` whose code begins at line ``first``; ``lines`` are those
    of the innermost statement, the body of a compound one left out, and ``text`` is the changed line."""

    path: Path
    number: int
    line: int
    name: str
    first: int
    before: str
    after: str
    lines: range
    text: str

    @property
    def file(self) -> str:
        return str(self.path.relative_to(ROOT))

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What stays when lines are added above: the file, the function, the changed line, the change."""
        return self.file, self.name, self.text, f"{self.before} -> {self.after}"

    def __str__(self) -> str:
        return f"{self.file}:{self.line} {self.name}: {self.before} -> {self.after}"

    def module(self) -> CodeType:
        """The code of the whole changed file."""
        tree = ast.parse(_text(self.path))
        _replace(tree, self.number)
        return compile(tree, str(self.path), "exec", dont_inherit=True, flags=_future())

    def code(self) -> CodeType:
        """The code of the changed function."""
        return _find(self.module(), self.name, self.first)


@cache
def _text(path: Path) -> str:
    """The file as it was when mutants were counted, whatever is written there meanwhile."""
    return path.read_text()


def _future() -> int:
    import __future__

    return __future__.annotations.compiler_flag


def _walk(tree: ast.AST) -> list[tuple[ast.AST, ast.AST, str, int | None]]:
    """(node, parent, field, place in a list) of every node, always in the same order."""
    found = []
    waiting = [tree]
    while waiting:
        parent = waiting.pop()
        for name, value in ast.iter_fields(parent):
            for place, node in enumerate(value) if isinstance(value, list) else [(None, value)]:
                if isinstance(node, ast.AST):
                    found.append((node, parent, name, place))
                    waiting.append(node)
    return found


def _replace(tree: ast.AST, number: int) -> None:
    node, parent, name, place = _walk(tree)[number]
    new = changed(node)
    if place is None:
        setattr(parent, name, new)
    else:
        getattr(parent, name)[place] = new


def _find(code: CodeType, name: str, first: int) -> CodeType:
    for each in code.co_consts:
        if isinstance(each, CodeType):
            if (each.co_qualname, each.co_firstlineno) == (name, first):
                return each
            if name.startswith(each.co_qualname + "."):
                return _find(each, name, first)
    raise LookupError(name)


def _functions(tree: ast.AST, prefix: str = "") -> Iterator[tuple[ast.FunctionDef, str]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            yield node, prefix + node.name
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{prefix}{node.name}.")


def mutants(rooms: tuple[str, ...] = ROOMS) -> list[Mutant]:
    """Every mutant of the functions' bodies; annotations, defaults, docstrings and zip's ``strict`` are left as they are."""
    found = []
    for room in rooms:
        for path in sorted((ROOT / "symconv" / room).glob("*.py")):
            text = _text(path)
            tree, lines = ast.parse(text), text.splitlines()
            home: dict[ast.AST, tuple[str, int]] = {}
            spans: dict[ast.AST, range] = {}
            for function, name in _functions(tree):
                first = min([function.lineno, *(each.lineno for each in function.decorator_list)])
                for statement in function.body:
                    home |= dict.fromkeys(ast.walk(statement), (name, first))
                    _spans(statement, spans)
            skipped = {inner for node in ast.walk(tree) for each in _annotations(node) for inner in ast.walk(each)}
            for number, (node, *_) in enumerate(_walk(tree)):
                new = changed(node) if node in home and node not in skipped else None
                if new is not None:
                    name, first = home[node]
                    texts = (ast.unparse(node)[:80], ast.unparse(new)[:80])
                    line = node.lineno  # type: ignore[attr-defined]
                    found.append(Mutant(path, number, line, name, first, *texts, spans[node], lines[line - 1].strip()))
    return found


def _spans(statement: ast.stmt, spans: dict[ast.AST, range]) -> None:
    """The lines of the innermost statement of every node in ``statement``."""
    inside = [each for each in ast.walk(statement) if isinstance(each, (ast.stmt, ast.ExceptHandler, ast.match_case))]
    for each in inside:  # outermost first, so inner ones write over it
        body = getattr(each, "body", None)
        start = getattr(each, "lineno", None) or each.pattern.lineno  # type: ignore[union-attr]
        stop = body[0].lineno if isinstance(body, list) else each.end_lineno + 1  # type: ignore[union-attr,operator]
        spans |= dict.fromkeys(ast.walk(each), range(start, max(stop, start + 1)))


def _annotations(node: ast.AST) -> list[ast.AST]:
    if isinstance(node, ast.keyword) and node.arg == "strict":  # only ever told where this project is wrong already
        return [node.value]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "reshape":
        # to NumPy any negative number is the length that is left open
        return [each.operand for each in node.args if isinstance(each, ast.UnaryOp)]
    if isinstance(node, ast.AnnAssign):
        return [node.annotation]
    if isinstance(node, ast.FunctionDef):
        return [
            each
            for each in (node.returns, *(a.annotation for a in ast.walk(node.args) if isinstance(a, ast.arg)))
            if each
        ]
    return []


def sample(every: list[Mutant], count: int, seed: int) -> list[Mutant]:
    """Evenly over the files' lines: every n-th mutant from a random start, in random order."""
    generator = random.Random(seed)
    step = max(len(every) / count, 1)
    at = generator.random() * step
    chosen = [every[int(at + number * step)] for number in range(count) if int(at + number * step) < len(every)]
    generator.shuffle(chosen)
    return chosen
