"""Reader of text: what a person writes becomes a formula tree. The text is parsed by Python's grammar and checked against a
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
from dataclasses import dataclass, replace

from symconv.algebra.comparisons import RELATIONS, Comparison
from symconv.algebra.integers import Const, Integer, Op
from symconv.formulas import tree
from symconv.formulas.expressions import (
    MAX_DEPTH,
    MAX_INTEGER,
    MAX_LENGTH,
    MAX_TERMS,
    NUMBERS,
    ExpressionReader,
    FormulaError,
    listed,
)
from symconv.formulas.moves import MOVES
from symconv.formulas.tree import OPERANDS, TARGETS
from symconv.layer.padding import MODES, WORDS
from symconv.layer.relation import SIZES

__all__ = ["MAX_DEPTH", "MAX_INTEGER", "MAX_LENGTH", "MAX_TERMS", "FormulaError", "parse"]

_ALLOWED = re.compile(r"[A-Za-z0-9_+\-*/%()\[\],=<>! \t\n]")
_LOOKALIKES = {"−": "-", "–": "-", "×": "*", "·": "*", "∗": "*", "⁄": "//", "≤": "<=", "≥": ">=", "≠": "!="}
_RELATIONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.LtE: "<=", ast.Lt: "<", ast.GtE: ">=", ast.Gt: ">",
}  # fmt: skip
_INDEX = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,15}")


@dataclass(frozen=True)
class Part:
    """A piece of the right-hand side. ``kind``: an "array", moved about or not; a "result", sum of products; or the "bias"."""

    node: tree.Node
    kind: str
    arrays: tuple[str, ...]
    terms: int = 1


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
    found = _Parser(text, transposed).formula()
    return replace(found, padding_mode=padding_mode or next((mode for mode in found.modes() if mode in MODES), "zeros"))


class _Parser(ExpressionReader):
    def __init__(self, text: str, transposed: bool) -> None:
        super().__init__(text)
        self.transposed = transposed
        self.target = ""

    # the whole -------------------------------------------------------------------------------------------------------

    def formula(self) -> tree.Formula:
        statement = self.statement()
        left = statement.targets[0]
        if isinstance(left, ast.Name):
            self.target = left.id
        elif isinstance(left, ast.Subscript) and isinstance(left.value, ast.Name):
            self.target = left.value.id
        if self.target not in TARGETS:
            raise self.fail(f"a formula is for {listed(TARGETS, 'or')}, not {self.source(left)}", left)
        if isinstance(left, ast.Subscript):
            if self.target == "db":
                raise self.fail("db has no index on a spatial axis; write db = ...", left.slice)
            self.index = self.index_name(left.slice)
        body = self.part(statement.value, 0)
        if body.kind == "array":
            raise self.fail(f"{self.target} is a sum of products of {listed(TARGETS[self.target])}, not one array",
                            statement.value)  # fmt: skip
        if body.kind == "bias":
            raise self.fail("y is more than b", statement.value)
        return tree.Formula(self.target, body.node, self.index, self.transposed)

    def statement(self) -> ast.Assign:
        for at, character in enumerate(self.text):
            if not _ALLOWED.match(character):
                hint = _LOOKALIKES.get(character)
                told = (
                    f"write {hint!r} for {character!r}" if hint else f"the character {character!r} has no meaning here"
                )
                raise self.fail(told, at + 1)
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

    # results and arrays ----------------------------------------------------------------------------------------------

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
        if node.id == "b" and self.target == "y":
            return Part(tree.Array("b"), "bias", ("b",))
        if self.index is not None and node.id in OPERANDS:
            raise self.fail(f"{node.id} needs its index here, as the left-hand side has one: {node.id}[...]", node)
        self.check_operand(node)
        return Part(tree.Array(node.id), "array", (node.id,))

    def check_operand(self, node: ast.Name) -> None:
        """The name is one of the arrays that the target is made of."""
        made_of = TARGETS[self.target]
        if node.id in made_of:
            return
        if node.id in OPERANDS or node.id in TARGETS:
            raise self.fail(f"{self.target} is made of {listed(made_of)}, not of {node.id}", node)
        if node.id in SIZES:
            raise self.fail(f"{node.id} is a size ({SIZES[node.id]}), and an array is wanted", node)
        raise self.fail(f"unknown name {node.id!r}: arrays here are {listed(made_of)}", node)

    def added(self, node: ast.BinOp, depth: int) -> Part:
        left, right = self.part(node.left, depth + 1), self.part(node.right, depth + 1)
        for each, at in ((left, node.left), (right, node.right)):
            if each.kind == "array":
                raise self.fail(f"what is added up are products of {listed(TARGETS[self.target])}, not arrays", at)
        if left.kind == right.kind == "bias":
            raise self.fail("b is added to products of w and x, or multiplied by a number, not to itself", node.right)
        other = right.node if isinstance(node.op, ast.Add) else tree.Scale(Const(-1), right.node)
        terms = left.terms + right.terms
        if terms > MAX_TERMS:
            raise self.fail(f"more than {MAX_TERMS} products are added up", node.right)
        return Part(tree.Add(left.node, other), "result", (), terms)

    def scaled(self, factor: Integer, part: Part, node: ast.expr) -> Part:
        if part.kind == "array":
            raise self.fail("a multiple is taken of whole products, as in 2 * correlate(...)", node)
        return Part(tree.Scale(factor, part.node), part.kind, part.arrays, part.terms)

    def multiplied(self, node: ast.BinOp, depth: int) -> Part:
        numbers, products = self.factors(node, depth)
        for each in numbers:
            factor = self.integer(each, depth + 1)
            if not factor.names() <= NUMBERS:
                raise self.fail(f"{self.source(each)} varies; a multiple is built from whole numbers, s and d", each)
        if not products:
            raise self.fail(
                f"{self.source(node)} is a number; products of {listed(TARGETS[self.target])} are wanted", node
            )
        if all(isinstance(each, ast.Subscript) for each in products):
            part = self.index_sum(node, (), (), depth)
        elif len(products) == 1:
            part = self.part(products[0], depth + 1)
            for each in reversed(numbers):
                part = self.scaled(self.integer(each, depth + 1), part, products[0])
        else:
            raise self.fail("arrays are multiplied by correlate(a, b), or entry by entry inside sum(...)", products[1])
        return part

    def factors(self, node: ast.expr, depth: int) -> tuple[list[ast.expr], list[ast.expr]]:
        """The factors of a product: integers, and what stands for arrays."""
        self.check_depth(node, depth)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
            left, right = self.factors(node.left, depth + 1), self.factors(node.right, depth + 1)
            return left[0] + right[0], left[1] + right[1]
        about_arrays = any(
            isinstance(each, (ast.Call, ast.Subscript)) or (isinstance(each, ast.Name) and each.id in OPERANDS)
            for each in ast.walk(node)
        )
        return ([], [node]) if about_arrays else ([node], [])

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
        found: dict[str, ast.expr] = {}
        if len(node.args) > len(names):
            raise self.fail(f"too many arguments; it is {usage}", node.args[len(names)])
        for name, argument in zip(names, node.args, strict=False):
            if isinstance(argument, ast.Starred):
                raise self.fail("no * before an argument", argument)
            found[name] = argument
        for keyword in node.keywords:
            if keyword.arg not in names or keyword.arg in found:
                told = "given twice" if keyword.arg in found else "unknown"
                raise self.fail(f"argument {keyword.arg} is {told}; it is {usage}", keyword)
            found[keyword.arg] = keyword.value
        for name in names[:required]:
            if name not in found:
                raise self.fail(f"{name} is missing; it is {usage}", node)
        return found

    def operand(self, node: ast.expr, depth: int) -> Part:
        if self.index is not None:
            raise self.fail(
                f"with an index on the left, {self.target}[{self.index}] is said entry by entry: sum(...)", node
            )
        part = self.part(node, depth + 1)
        if "b" in part.arrays:
            raise self.fail("b has no spatial axis", node)
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
                raise self.fail(f"correlate takes two arrays, {listed(TARGETS[self.target])}, not results", given[name])
            parts.append(part)
        arrays = parts[0].arrays + parts[1].arrays
        if sorted(arrays) != sorted(TARGETS[self.target]):
            raise self.fail(
                f"{self.target} is made of {listed(TARGETS[self.target])}, each once, not of {listed(arrays)}",
                given["filter"],
            )
        steps = [self.number(given[n], depth) if n in given else Const(1) for n in ("stride", "dilation")]
        return Part(tree.Correlate(parts[0].node, parts[1].node, *steps), "result", arrays)

    # sums ------------------------------------------------------------------------------------------------------------

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
        ranges: list[tree.Range] = []
        conditions: list[ast.expr] = []
        indices: list[ast.expr] = []
        for argument in node.args[1:]:
            ranges.append(tree.Range(self.index_name(argument)))
            indices.append(argument)
        pending = []
        for keyword in node.keywords:
            if keyword.arg == "where":
                conditions.append(keyword.value)
            else:
                ranges.append(tree.Range(self.index_name(keyword)))
                indices.append(keyword.value)
                pending.append((len(ranges) - 1, keyword.value))
        names = [each.index for each in ranges]
        for at, name in enumerate(names):
            if name in names[:at] or name == self.index:
                raise self.fail(f"the index {name} is used twice", indices[at])
        # a range may depend on the target's index, not on another summation index
        for at, value in pending:
            if not isinstance(value, ast.Tuple) or len(value.elts) != 2:
                raise self.fail(f"a range reads {names[at]}=(0, O): from 0 to below O", value)
            start, stop = (self.integer(each, depth + 1) for each in value.elts)
            ranges[at] = tree.Range(names[at], start, stop)
        scope = tuple(names)
        where = tuple(c for each in conditions for c in self.comparisons(each, scope, depth + 1))
        part = self.index_sum(node.args[0], tuple(ranges), where, depth)
        self.check_bounded(part.node, dict(zip(names, indices, strict=True)))
        return part

    def index_sum(
        self, node: ast.expr, ranges: tuple[tree.Range, ...], where: tuple[Comparison, ...], depth: int
    ) -> Part:
        """A sum of products of entries; what is added inside one sum becomes several sums."""
        self.check_depth(node, depth)
        if self.index is None and self.target != "db":
            raise self.fail(f"entries need the target's index on the left, as in {self.target}[i] = ...", node)
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
            left, right = (self.index_sum(each, ranges, where, depth + 1) for each in (node.left, node.right))
            if left.terms + right.terms > MAX_TERMS:
                raise self.fail(f"more than {MAX_TERMS} products are added up", node.right)
            other = right.node if isinstance(node.op, ast.Add) else tree.Scale(Const(-1), right.node)
            return Part(tree.Add(left.node, other), "result", (), left.terms + right.terms)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return self.scaled(Const(-1), self.index_sum(node.operand, ranges, where, depth + 1), node)
        numbers, products = self.factors(node, depth)
        scope = tuple(each.index for each in ranges)
        entries = []
        for each in products:
            if isinstance(each, ast.BinOp) and len(products) == 1 and numbers:
                inner = self.index_sum(each, ranges, where, depth + 1)
                return self.times(numbers, inner, depth)
            if not isinstance(each, ast.Subscript) or not isinstance(each.value, ast.Name):
                raise self.fail(f"{self.source(each)} is not an entry such as {TARGETS[self.target][0]}[i]", each)
            self.check_operand(each.value)
            entries.append(tree.Indexed(each.value.id, self.integer(each.slice, depth + 1, scope)))
        if sorted(e.name for e in entries) != sorted(TARGETS[self.target]):
            raise self.fail(
                f"each product of {self.target} has {listed(TARGETS[self.target])} once, this one "
                f"{listed([e.name for e in entries]) or 'neither'}",
                node,
            )
        part = Part(tree.IndexSum(tuple(entries), ranges, where), "result", TARGETS[self.target])
        return self.times(numbers, part, depth)

    def times(self, numbers: list[ast.expr], part: Part, depth: int) -> Part:
        for each in reversed(numbers):
            factor = self.integer(each, depth + 1)
            if not factor.names() <= NUMBERS:
                raise self.fail(f"{self.source(each)} varies; a multiple is built from whole numbers, s and d", each)
            part = self.scaled(factor, part, each)
        return part

    def check_bounded(self, node: tree.Node, places: dict[str, ast.expr]) -> None:
        """Without a range, an array must end the sum: the index stands in an entry of every product, outside remainders."""
        for part in node.walk():
            if not isinstance(part, tree.IndexSum):
                continue
            endless = [each.index for each in part.ranges if each.start is None]
            entries = [factor.index for factor in part.factors]
            while endless:
                ended = [name for name in endless if any(_ends(e, name, set(endless) - {name}) for e in entries)]
                if not ended:
                    name = endless[0]
                    raise self.fail(f"no array ends the sum over {name}; give its range: {name}=(0, O)", places[name])
                endless.remove(ended[0])

    def comparisons(self, node: ast.expr, scope: tuple[str, ...], depth: int) -> list[Comparison]:
        self.check_depth(node, depth)
        if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
            return [c for each in node.values for c in self.comparisons(each, scope, depth + 1)]
        if not isinstance(node, ast.Compare):
            raise self.fail(f"where= takes comparisons ({' '.join(RELATIONS)}) joined by and", node)
        sides = [self.integer(each, depth + 1, scope) for each in (node.left, *node.comparators)]
        found = []
        for left, op, right, at in zip(sides, node.ops, sides[1:], node.comparators, strict=False):
            if type(op) not in _RELATIONS:
                raise self.fail(f"where= takes comparisons ({' '.join(RELATIONS)}) joined by and", at)
            found.append(Comparison(left, _RELATIONS[type(op)], right))
        return found

    def index_name(self, node: ast.expr | ast.keyword) -> str:
        name = node.arg if isinstance(node, ast.keyword) else node.id if isinstance(node, ast.Name) else None
        if name is None:
            raise self.fail("an index is a name, such as i", node)
        if name in SIZES:
            raise self.fail(f"{name} is a size ({SIZES[name]}), not an index", node)
        if name in OPERANDS or name in TARGETS or name in _calls() or not _INDEX.fullmatch(name):
            raise self.fail(f"{name} cannot be the name of an index", node)
        return name


def _calls() -> dict[str, Callable[[_Parser, ast.Call, int], Part]]:
    """The operations by their words."""
    moves = {each.word: _Parser.moved for each in MOVES.values()}
    return {"correlate": _Parser.correlated, **moves, "shuffle": _Parser.shuffled, "sum": _Parser.summed}


def _ends(e: Integer, name: str, unknown: set[str]) -> bool:
    """Whether ``e`` leaves every array as ``name`` runs on, the other names but the ``unknown`` ones fixed."""
    while isinstance(e, Op) and e.op == "//":
        e = e.left
    found = e.linear_in(name)
    return found is not None and found[0] != Const(0) and not e.names() & unknown
