"""The parser of pointwise sums: ``sum(dy[i] * w[m - s*i + p], i, where=...)``, entries of arrays and what they run over."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from symconv.algebra.comparisons import RELATIONS, Comparison
from symconv.algebra.integers import Const, Integer, Op
from symconv.formulas import tree
from symconv.formulas.expressions import MAX_TERMS, NUMBERS, ExpressionReader, listed
from symconv.formulas.tree import OPERANDS, PRODUCTS
from symconv.layer.relation import SIZES

__all__ = ["Part", "PointwiseReader"]

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


class PointwiseReader(ExpressionReader):
    """Reads products of entries for one ``target``; ``words`` are names that no index may have."""

    def __init__(self, text: str, words: Collection[str]) -> None:
        super().__init__(text)
        self.words = words
        self.target = ""

    @property
    def made_of(self) -> str:
        """The products that the target is made of, in words."""
        return ", or of ".join(listed(arrays) for arrays in PRODUCTS[self.target])

    def is_product(self, arrays: Iterable[str]) -> bool:
        """Whether the arrays are one of the target's products, each once."""
        return sorted(arrays) in [sorted(each) for each in PRODUCTS[self.target]]

    def check_operand(self, node: ast.Name) -> None:
        """The name is one of the arrays that the target is made of."""
        made_of = list(dict.fromkeys(name for arrays in PRODUCTS[self.target] for name in arrays))
        if node.id in made_of:
            return
        if node.id in OPERANDS or node.id in PRODUCTS:
            raise self.fail(f"{self.target} is made of {self.made_of}, not of {node.id}", node)
        if node.id in SIZES:
            raise self.fail(f"{node.id} is a size ({SIZES[node.id]}), and an array is wanted", node)
        raise self.fail(f"unknown name {node.id!r}: arrays here are {listed(made_of)}", node)

    def scaled(self, factor: Integer, part: Part, node: ast.expr) -> Part:
        if part.kind == "array":
            raise self.fail("a multiple is taken of whole products, as in 2 * correlate(...)", node)
        return Part(tree.Scale(factor, part.node), part.kind, part.arrays, part.terms)

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

    def ranged(self, node: ast.Call, depth: int) -> Part:
        """``sum(entries, i, j=(0, O), where=...)``."""
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
                raise self.fail(f"{self.source(each)} is not an entry such as {PRODUCTS[self.target][0][0]}[i]", each)
            self.check_operand(each.value)
            entries.append(tree.Indexed(each.value.id, self.integer(each.slice, depth + 1, scope)))
        names = tuple(e.name for e in entries)
        if not self.is_product(names):
            raise self.fail(
                f"each product of {self.target} has {self.made_of} once, this one "
                f"{listed([e.name for e in entries]) or 'neither'}",
                node,
            )
        part = Part(tree.IndexSum(tuple(entries), ranges, where), "result", names)
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
        result = []
        for left, op, right, at in zip(sides, node.ops, sides[1:], node.comparators, strict=False):
            if type(op) not in _RELATIONS:
                raise self.fail(f"where= takes comparisons ({' '.join(RELATIONS)}) joined by and", at)
            result.append(Comparison(left, _RELATIONS[type(op)], right))
        return result

    def index_name(self, node: ast.expr | ast.keyword) -> str:
        name = node.arg if isinstance(node, ast.keyword) else node.id if isinstance(node, ast.Name) else None
        if name is None:
            raise self.fail("an index is a name, such as i", node)
        if name in SIZES:
            raise self.fail(f"{name} is a size ({SIZES[name]}), not an index", node)
        if name in OPERANDS or name in PRODUCTS or name in self.words or not _INDEX.fullmatch(name):
            raise self.fail(f"{name} cannot be the name of an index", node)
        return name


def _ends(e: Integer, name: str, unknown: set[str]) -> bool:
    """Whether ``e`` leaves every array as ``name`` runs on, the other names but the ``unknown`` ones fixed."""
    while isinstance(e, Op) and e.op == "//":
        e = e.left
    result = e.linear_in(name)
    return result is not None and result[0] != Const(0) and not e.names() & unknown
