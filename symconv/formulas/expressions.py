"""The parser below formulas: limits, errors that point at a column, integer expressions.

Python's grammar has parsed the text; here its syntax tree is checked node by node against what an integer expression may be.
Nothing is evaluated.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable

from symconv.algebra.integers import Const, Integer, Name, Op
from symconv.formulas.tree import OPERANDS
from symconv.layer.relation import SIZES

__all__ = [
    "MAX_DEPTH",
    "MAX_INTEGER",
    "MAX_LENGTH",
    "MAX_TERMS",
    "NUMBERS",
    "ExpressionReader",
    "FormulaError",
    "listed",
]

#: limits on what a text may ask for: characters, nesting, size of a whole number, products added up
MAX_LENGTH = 2000
MAX_DEPTH = 60
MAX_INTEGER = 10_000
MAX_TERMS = 32

#: sizes that are numbers in a proof, so that other sizes and indices may be multiplied and divided by them
NUMBERS = frozenset("sd")

_OPERATORS: dict[type[ast.operator], str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.FloorDiv: "//", ast.Mod: "%",
}  # fmt: skip

_COMBINE: dict[str, Callable[[Integer, Integer], Integer]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
}


class FormulaError(ValueError):
    """A text that is not a formula: ``reason``, the ``text``, and the 1-based ``column`` at which it goes wrong."""

    def __init__(self, reason: str, text: str, column: int) -> None:
        self.reason, self.text, self.column = reason, text, column
        shown = " ".join(text.split())
        where = repr(shown) if len(shown) <= 120 else repr(shown[:117] + "...")
        super().__init__(f"column {column}: {reason}, in {where}")

    @property
    def pointed(self) -> str:
        """The text with a caret under the column, on two lines."""
        lines = self.text.split("\n")
        at = self.column - 1
        for line in lines:
            if at <= len(line):
                return f"{line}\n{' ' * at}^"
            at -= len(line) + 1
        return f"{lines[-1]}\n{' ' * len(lines[-1])}^"


class ExpressionReader:
    """Reads the integer expressions of one text; ``index`` is the name of the target's index, where there is one."""

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise TypeError(f"a formula is text, got {type(text).__name__}")
        if len(text) > MAX_LENGTH:
            raise FormulaError(f"{len(text):,} characters, more than {MAX_LENGTH:,}", text[:60], 1)
        self.index: str | None = None
        self.shift = 0  # blanks before the first line
        self.over(text)

    def over(self, text: str) -> None:
        """Take ``text`` as what is read, and note where its lines start."""
        self.text = text
        self.starts = [0]
        for line in text.split("\n"):
            self.starts.append(self.starts[-1] + len(line) + 1)

    # errors ----------------------------------------------------------------------------------------------------------

    def fail(self, reason: str, at: ast.expr | ast.stmt | ast.keyword | int) -> FormulaError:
        column = at if isinstance(at, int) else self.column(at)
        return FormulaError(reason, self.text, column)

    def column(self, node: ast.expr | ast.stmt | ast.keyword) -> int:
        # every character is ASCII by then, so that byte offsets are columns
        return self.starts[node.lineno - 1] + node.col_offset + 1 + (self.shift if node.lineno == 1 else 0)

    def source(self, node: ast.expr) -> str:
        """A part of the text, for a message."""
        segment = ast.get_source_segment(self.text[self.shift :], node) or ""
        segment = " ".join(segment.split())
        return repr(segment if len(segment) <= 40 else segment[:37] + "...")

    # integers --------------------------------------------------------------------------------------------------------

    def number(self, node: ast.expr, depth: int) -> Integer:
        """An integer expression that is a number once s and d are."""
        value = self.integer(node, depth + 1)
        if not value.names() <= NUMBERS:
            raise self.fail(
                f"{self.source(node)} varies; a stride or dilation is built from whole numbers, s and d", node
            )
        if isinstance(value, Const) and value.value < 1:
            raise self.fail(f"a stride or dilation is at least 1, not {value}", node)
        return value

    def integer(self, node: ast.expr, depth: int, scope: tuple[str, ...] = ()) -> Integer:
        """An affine integer expression in the sizes, the target's index and the indices in ``scope``."""
        value = self.any_integer(node, depth, scope)
        if isinstance(value, Const) and abs(value.value) > MAX_INTEGER:
            raise self.fail(f"the number {value} is beyond {MAX_INTEGER:,}", node)
        return value

    def any_integer(self, node: ast.expr, depth: int, scope: tuple[str, ...]) -> Integer:
        self.check_depth(node, depth)
        if isinstance(node, ast.Constant):
            if type(node.value) is not int:
                raise self.fail(f"{self.source(node)} is not a whole number", node)
            return Const(node.value)
        if isinstance(node, ast.Name):
            if node.id in SIZES or node.id in scope or (self.index is not None and node.id == self.index):
                return Name(node.id)
            if node.id in OPERANDS:
                raise self.fail(f"{node.id} is an array, and a whole number is wanted", node)
            indices = listed([*([self.index] if self.index else []), *scope])
            text = f", indices {indices}" if indices else ""
            raise self.fail(f"unknown name {node.id!r}: sizes are {' '.join(SIZES)}{text}", node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            inner = self.integer(node.operand, depth + 1, scope)
            return -inner if isinstance(node.op, ast.USub) else inner
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            return self.operation(_OPERATORS[type(node.op)], node, depth, scope)
        if isinstance(node, ast.BinOp):
            raise self.fail(f"{self.source(node)}: integers are combined by + - * // %", node)
        raise self.fail(f"{self.source(node)} is not an integer expression", node)

    def operation(self, op: str, node: ast.BinOp, depth: int, scope: tuple[str, ...]) -> Integer:
        left, right = (self.integer(each, depth + 1, scope) for each in (node.left, node.right))
        if op == "*" and not (left.names() <= NUMBERS or right.names() <= NUMBERS):
            raise self.fail(
                f"not affine: {self.source(node)} multiplies sizes or indices; only s, d and numbers may", node
            )
        if op in ("//", "%"):
            if not right.names() <= NUMBERS:
                raise self.fail(
                    f"not affine: only s, d and whole numbers may divide, not {self.source(node.right)}", node.right
                )
            if right == Const(0):
                raise self.fail("division by zero", node.right)
        if op == "*" and isinstance(left, Op) and left.op == "-" and left.left == Const(0):
            return -(left.right * right)  # -s*o is -(s*o) to a reader
        return _COMBINE[op](left, right)

    def check_depth(self, node: ast.expr, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise self.fail(f"nested too deeply, more than {MAX_DEPTH} levels", node)


def listed(names: Iterable[object], last: str = "and") -> str:
    """The names in a row: ``dy and w``."""
    items = [str(n) for n in names]
    return f" {last} ".join(filter(None, [", ".join(items[:-1]), items[-1]])) if items else ""
