"""The parser: what a person writes becomes a formula tree. The text is parsed by Python's grammar and checked against a
whitelist; it is never evaluated.

Two notations, 0-based, arrays zero outside their range:

    dx = correlate(pad(dilate(dy, s), d*(K-1) - p), flip(w), dilation=d)
    dx[m] = sum(dy[i] * w[m - s*i + p], i)

The first is built from the operations of :mod:`symconv.formulas.tree`, with ``+``, ``-`` and whole multiples between
results. In the second every name after the summand is a summation index; ``i=(0, O)`` gives it a range, and
``where=(m + p - d*k) % s == 0`` says which combinations count. Integer expressions use whole numbers, the sizes
H K O p q s d r and ``+ - * // %``, and are affine once s and d are numbers.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Callable, Iterable
from dataclasses import replace

from symconv.algebra.integers import Const, Integer
from symconv.formulas import tree
from symconv.formulas.expressions import (
    MAX_DEPTH,
    MAX_INTEGER,
    MAX_LENGTH,
    MAX_TERMS,
    NUMBERS,
    FormulaError,
    listed,
)
from symconv.formulas.moves import MOVES
from symconv.formulas.pointwise import Part, PointwiseReader
from symconv.formulas.tree import ADDED, OPERANDS, PRODUCTS
from symconv.layer.padding import MODES, WORDS

__all__ = ["MAX_DEPTH", "MAX_INTEGER", "MAX_LENGTH", "MAX_TERMS", "FormulaError", "parse"]

_ALLOWED = re.compile(r"[A-Za-z0-9_+\-*/%()\[\],=<>! \t\n]")
_LOOKALIKES = {"−": "-", "–": "-", "×": "*", "·": "*", "∗": "*", "⁄": "//", "≤": "<=", "≥": ">=", "≠": "!="}


def parse(text: str, transposed: bool = False, padding_mode: str | None = None) -> tree.Formula:
    """The formula that ``text`` states; ``transposed`` says that it is about a transposed convolution, ``padding_mode`` about
    one that pads so: left out, it is the mode that the text names first, or zeros.

    Raises FormulaError, a ValueError that names the column, for anything else.

    >>> parse("dx = correlate(pad(dilate(dy, s), K - 1 - p), flip(w))")
    Formula('dx = correlate(pad(dilate(dy, s), K - 1 - p), flip(w))')
    >>> parse("dx[m] = sum(dy[i] * w[m - s*i + z], i)")
    Traceback (most recent call last):
    symconv.formulas.expressions.FormulaError: column 33: unknown name 'z' ...
    """
    result = _Parser(text, transposed).formula()
    return replace(
        result, padding_mode=padding_mode or next((mode for mode in result.modes() if mode in MODES), "zeros")
    )


class _Parser(PointwiseReader):
    def __init__(self, text: str, transposed: bool) -> None:
        super().__init__(text, _calls())
        self.transposed = transposed

    def formula(self) -> tree.Formula:
        statement = self.statement()
        left = statement.targets[0]
        if isinstance(left, ast.Name):
            self.target = left.id
        elif isinstance(left, ast.Subscript) and isinstance(left.value, ast.Name):
            self.target = left.value.id
        if self.target not in PRODUCTS:
            raise self.fail(f"a formula is for {listed(PRODUCTS, 'or')}, not {self.source(left)}", left)
        if isinstance(left, ast.Subscript):
            if self.target == "db":
                raise self.fail("db has no index on a spatial axis; write db = ...", left.slice)
            self.index = self.index_name(left.slice)
        body = self.part(statement.value, 0)
        if body.kind == "array":
            raise self.fail(f"{self.target} is a sum of products of {self.made_of}, not one array",
                            statement.value)  # fmt: skip
        if body.kind == "bias":
            raise self.fail(f"{self.target} is more than {ADDED[self.target]}", statement.value)
        return tree.Formula(self.target, body.node, self.index, self.transposed)

    def statement(self) -> ast.Assign:
        for at, character in enumerate(self.text):
            if not _ALLOWED.match(character):
                hint = _LOOKALIKES.get(character)
                text = (
                    f"write {hint!r} for {character!r}" if hint else f"the character {character!r} has no meaning here"
                )
                raise self.fail(text, at + 1)
        stripped = self.text.lstrip()
        self.shift = len(self.text) - len(stripped)
        if "\n" in self.text[: self.shift]:
            self.over(stripped)
            self.shift = 0
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                parsed = ast.parse(stripped)
        except (SyntaxError, SyntaxWarning, DeprecationWarning) as error:
            found = error if isinstance(error, SyntaxError) else SyntaxError(str(error))
            row, offset = found.lineno or 1, found.offset or 1
            column = self.starts[min(row, len(self.starts)) - 1] + offset + (self.shift if row == 1 else 0)
            reason = found.msg.partition(". Maybe you meant")[0].rstrip(".")
            raise self.fail(f"not a formula: {reason}", max(1, min(column, len(self.text) + 1))) from None
        except (RecursionError, MemoryError):
            raise self.fail(f"nested too deeply, more than {MAX_DEPTH} levels", 1) from None
        if len(parsed.body) != 1:
            raise self.fail("one formula, as in dx = correlate(...)", parsed.body[1] if parsed.body else 1)
        statement = parsed.body[0]
        if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
            raise self.fail("a formula reads target = ..., as in dx = correlate(...)", statement)
        return statement

    def part(self, node: ast.expr, depth: int) -> Part:
        """What stands for arrays: the right-hand side and everything in it that is not an integer."""
        self.check_depth(node, depth)
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
            return self.added(node, depth)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            inner = self.part(node.operand, depth + 1)
            return inner if isinstance(node.op, ast.UAdd) else self.scaled(Const(-1), inner, node)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            return self.multiplied(node, depth)
        if isinstance(node, ast.Call):
            return self.call(node, depth)
        if isinstance(node, ast.Name):
            return self.array(node)
        if isinstance(node, ast.Subscript):
            return self.index_sum(node, (), (), depth)
        raise self.fail(f"{self.source(node)} does not belong in a formula for {self.target}", node)

    def array(self, node: ast.Name) -> Part:
        if node.id == ADDED.get(self.target):
            return Part(tree.Array(node.id), "bias", (node.id,))
        if self.index is not None and node.id in OPERANDS:
            raise self.fail(f"{node.id} needs its index here, as the left-hand side has one: {node.id}[...]", node)
        self.check_operand(node)
        return Part(tree.Array(node.id), "array", (node.id,))

    def added(self, node: ast.BinOp, depth: int) -> Part:
        left, right = self.part(node.left, depth + 1), self.part(node.right, depth + 1)
        for each, at in ((left, node.left), (right, node.right)):
            if each.kind == "array":
                raise self.fail(f"what is added up are products of {self.made_of}, not arrays", at)
        if left.kind == right.kind == "bias":
            raise self.fail(
                f"{ADDED[self.target]} is added to products, or multiplied by a number, not to itself", node.right
            )
        other = right.node if isinstance(node.op, ast.Add) else tree.Scale(Const(-1), right.node)
        terms = left.terms + right.terms
        if terms > MAX_TERMS:
            raise self.fail(f"more than {MAX_TERMS} products are added up", node.right)
        return Part(tree.Add(left.node, other), "result", (), terms)

    def multiplied(self, node: ast.BinOp, depth: int) -> Part:
        numbers, products = self.factors(node, depth)
        for each in numbers:
            factor = self.integer(each, depth + 1)
            if not factor.names() <= NUMBERS:
                raise self.fail(f"{self.source(each)} varies; a multiple is built from whole numbers, s and d", each)
        if not products:
            raise self.fail(f"{self.source(node)} is a number; products of {self.made_of} are wanted", node)
        if all(isinstance(each, ast.Subscript) for each in products):
            part = self.index_sum(node, (), (), depth)
        elif len(products) == 1:
            part = self.part(products[0], depth + 1)
            for each in reversed(numbers):
                part = self.scaled(self.integer(each, depth + 1), part, products[0])
        else:
            raise self.fail("arrays are multiplied by correlate(a, b), or entry by entry inside sum(...)", products[1])
        return part

    def call(self, node: ast.Call, depth: int) -> Part:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        calls = _calls()
        if name not in calls:
            raise self.fail(f"unknown operation {self.source(node.func)}: there are {listed(calls)}", node.func)
        return calls[name](self, node, depth)

    def arguments(self, node: ast.Call, names: tuple[str, ...], required: int) -> dict[str, ast.expr]:
        """The arguments of a call by their names."""
        assert isinstance(node.func, ast.Name)
        usage = f"{node.func.id}({', '.join([*names[:required], *(f'[{n}]' for n in names[required:])])})"
        result: dict[str, ast.expr] = {}
        if len(node.args) > len(names):
            raise self.fail(f"too many arguments; it is {usage}", node.args[len(names)])
        for name, argument in zip(names, node.args, strict=False):
            if isinstance(argument, ast.Starred):
                raise self.fail("no * before an argument", argument)
            result[name] = argument
        for keyword in node.keywords:
            if keyword.arg not in names or keyword.arg in result:
                text = "given twice" if keyword.arg in result else "unknown"
                raise self.fail(f"argument {keyword.arg} is {text}; it is {usage}", keyword)
            result[keyword.arg] = keyword.value
        for name in names[:required]:
            if name not in result:
                raise self.fail(f"{name} is missing; it is {usage}", node)
        return result

    def operand(self, node: ast.expr, depth: int) -> Part:
        if self.index is not None:
            raise self.fail(
                f"with an index on the left, {self.target}[{self.index}] is said entry by entry: sum(...)", node
            )
        part = self.part(node, depth + 1)
        if part.kind == "bias":
            raise self.fail(f"{ADDED[self.target]} has no spatial axis", node)
        return part

    def moved(self, node: ast.Call, depth: int) -> Part:
        """An operation of the table of moves."""
        assert isinstance(node.func, ast.Name)
        modes = {each.mode: key for key, each in MOVES.items() if each.word == node.func.id}
        operation = MOVES[modes.get("", next(iter(modes.values())))]
        names = tuple(each.name for each in operation.amounts)
        required = 1 + sum(each.like is None for each in operation.amounts)
        given = self.arguments(node, ("operand", *names, *(["mode"] if len(modes) > 1 else [])), required)
        part = self.operand(given["operand"], depth)
        key = modes[self.mode(given["mode"], modes) if "mode" in given else operation.mode]
        if MOVES[key].gathers and part.kind == "array":
            raise self.fail(f"{node.func.id} adds entries up: it is taken of products, not of an array", node)
        if MOVES[key].filled and part.kind != "array":
            raise self.fail("a constant border is put around an array, not around products", node)
        values: dict[str, Integer] = self.amounts_in_a_word(node, given) if "before" in names else {}
        for each in operation.amounts:
            if each.name in values:
                continue
            read = self.number if each.step else lambda at, depth: self.integer(at, depth + 1)
            values[each.name] = read(given[each.name], depth) if each.name in given else values[each.like or ""]
        return Part(tree.Move(key, part.node, tuple(values.values())), part.kind, part.arrays, part.terms)

    def amounts_in_a_word(self, node: ast.Call, given: dict[str, ast.expr]) -> dict[str, Integer]:
        """The amounts of a border where they are said in a word such as ``full``."""
        word = given["before"]
        if not isinstance(word, ast.Name) or word.id not in WORDS:
            return {}
        amounts = WORDS[word.id].expressions
        if amounts is None:
            raise self.fail(f"{word.id} depends on how the stride divides the input; give its amounts in numbers", word)
        if "after" in given:
            raise self.fail(f"{word.id} says both amounts", given["after"])
        return {"before": amounts[0], "after": amounts[1]}

    def mode(self, node: ast.expr, modes: Iterable[str]) -> str:
        names = {each or "zeros": each for each in modes}
        if not isinstance(node, ast.Name) or node.id not in names:
            raise self.fail(f"the mode is {listed(names, 'or')}, not {self.source(node)}", node)
        return names[node.id]

    def shuffled(self, node: ast.Call, depth: int) -> Part:
        part = self.operand(self.arguments(node, ("operand",), 1)["operand"], depth)
        return Part(tree.Shuffle(part.node), part.kind, part.arrays, part.terms)

    def correlated(self, node: ast.Call, depth: int) -> Part:
        given = self.arguments(node, ("operand", "filter", "stride", "dilation"), 2)
        parts = []
        for name in ("operand", "filter"):
            part = self.operand(given[name], depth)
            if part.kind != "array":
                raise self.fail(f"correlate takes two arrays, {self.made_of}, not results", given[name])
            parts.append(part)
        arrays = parts[0].arrays + parts[1].arrays
        if not self.is_product(arrays):
            raise self.fail(
                f"{self.target} is made of {self.made_of}, each once, not of {listed(arrays)}",
                given["filter"],
            )
        steps = [self.number(given[n], depth) if n in given else Const(1) for n in ("stride", "dilation")]
        return Part(tree.Correlate(parts[0].node, parts[1].node, *steps), "result", arrays)

    def summed(self, node: ast.Call, depth: int) -> Part:
        if not node.args:
            raise self.fail("sum of what? It is sum(dy) or sum(dy[i] * w[...], i)", node)
        pointwise = any(isinstance(each, ast.Subscript) for each in ast.walk(node.args[0]))
        if not pointwise:
            if node.args[1:] or node.keywords:
                raise self.fail("sum over an index takes entries: sum(dy[i] * w[...], i)", node.args[0])
            part = self.operand(node.args[0], depth)
            if self.target != "db" or part.kind != "array":
                raise self.fail(f"sum over all of an array is db's; {self.target} is not a single number", node)
            return Part(tree.Sum(part.node), "result", part.arrays)
        return self.ranged(node, depth)


def _calls() -> dict[str, Callable[[_Parser, ast.Call, int], Part]]:
    """The operations by their words."""
    moves = {each.word: _Parser.moved for each in MOVES.values()}
    return {"correlate": _Parser.correlated, **moves, "shuffle": _Parser.shuffled, "sum": _Parser.summed}
