"""A formula as integer relations, for every size at once.

At one stride and dilation, with H, K, p, q, O, r free, every operation is a map between positions that isl can hold exactly:
what moves entries about is read from the result back to its operand, and ``correlate`` pairs positions. Composed, they give for
each product in the formula the relation ``[t] -> [i, j]``: entry t of the result holds array entry i times array entry j.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

from symconv import isl
from symconv.algebra.comparisons import Comparison
from symconv.algebra.integers import Const, Integer, Name, Op
from symconv.formulas import tree
from symconv.formulas.moves import Branch
from symconv.layer.padding import FILLER

__all__ = [
    "PARAMETERS", "DivisionError", "MeaninglessError", "Piece", "Reading", "conditions", "parameter_set", "quasi_affine", "read",
]  # fmt: skip

#: the sizes that are free in a proof, in the order in which isl keeps them
PARAMETERS = ("H", "K", "p", "q", "O", "r")

#: numbers beyond this do not come from convolutions, and would only slow isl down
LARGEST = 10**9

_HEAD = f"[{', '.join(PARAMETERS)}] -> "


class MeaninglessError(ValueError):
    """The formula says nothing at this stride and dilation: a division by zero, a dilation below 1, an endless sum."""


class DivisionError(Exception):
    """The sizes have to be divided by ``condition`` before the formula can be read: it is another one on either side."""

    def __init__(self, condition: str) -> None:
        super().__init__(condition)
        self.condition = condition


@dataclass(frozen=True)
class Piece:
    """``coefficient`` times the products of ``arrays`` (in alphabetical order) that ``relation`` lists.

    ``relation`` goes from the entry ``[t]`` (``[]`` for db) to the entries of the arrays; when ``counted`` is true, further
    coordinates number the summation indices, and a product stands once for each of their values.
    """

    coefficient: int
    arrays: tuple[str, ...]
    relation: isl.Map
    counted: bool = False


@dataclass(frozen=True)
class Reading:
    """A formula's products and its length (None for db); ``clash`` is where its summands have different lengths."""

    pieces: tuple[Piece, ...]
    length: str | None
    clash: isl.Set


@dataclass(frozen=True)
class _Value:
    """``spread`` says that an entry of an array may stand at several positions."""

    pieces: tuple[Piece, ...]
    length: str | None
    spread: bool = False


def quasi_affine(e: Integer, known: Mapping[str, int | str]) -> str:
    """``e`` in isl's words; ``known`` puts in numbers, and new names for indices.

    >>> from symconv.algebra.integers import Name
    >>> quasi_affine((Name("H") + Name("s")) // 2 - Name("s") * Name("o"), {"s": 3, "o": "i0"})
    '(floor(((H) + (3))/2)) - (3*(i0))'
    """
    numbers = {name: value for name, value in known.items() if isinstance(value, int)}
    names = {name: value for name, value in known.items() if isinstance(value, str)}
    return _text(e.substitute(numbers), names)


def _text(e: Integer, names: Mapping[str, str]) -> str:
    if isinstance(e, Const):
        if abs(e.value) > LARGEST:
            raise MeaninglessError(f"the number {e.value} is beyond {LARGEST:,}")
        return str(e.value)
    if isinstance(e, Name):
        return names.get(e.name, e.name)
    assert isinstance(e, Op)
    left = _text(e.left, names)
    if e.op in "+-":
        return f"({left}) {e.op} ({_text(e.right, names)})"
    if e.op == "*":
        factor, other = (e.left, e.right) if isinstance(e.left, Const) else (e.right, e.left)
        if not isinstance(factor, Const):
            raise ValueError(f"{e} is not affine: it multiplies sizes or indices")
        return f"{_text(factor, names)}*({_text(other, names)})"
    if e.right.names():
        raise ValueError(f"{e} is not affine: it divides by {e.right}")
    by = _divisor(e)
    if e.op == "//":
        return f"floor(({left})/{by})" if by > 0 else f"floor((-({left}))/{-by})"
    return f"(({left}) mod {by})" if by > 0 else f"(-((-({left})) mod {-by}))"


def _divisor(e: Op) -> int:
    """The number that ``e`` divides by."""
    try:
        by = int(e.right.evaluate({}))
    except ZeroDivisionError:
        by = 0
    if by == 0:
        raise MeaninglessError(f"{e} divides by zero")
    return by


def conditions(comparisons: Iterable[Comparison], known: Mapping[str, int | str]) -> list[str]:
    """Comparisons in isl's words."""
    spelled = {"==": "="}
    return [
        f"{quasi_affine(c.left, known)} {spelled.get(c.relation, c.relation)} {quasi_affine(c.right, known)}"
        for c in comparisons
    ]


def parameter_set(context: isl.Context, condition: str) -> isl.Set:
    """The sizes that satisfy a condition in isl's words."""
    return isl.Set.read_from_str(context, f"{_HEAD}{{ : {condition} }}")


def read(
    context: isl.Context,
    formula: tree.Formula,
    numbers: Mapping[str, int],
    extents: Mapping[str, Integer],
    legal: isl.Set,
) -> Reading:
    """The relations of ``formula`` with s and d as in ``numbers``.

    ``extents`` gives the length of every array, the target included; ``legal`` the sizes that matter. Raises
    MeaninglessError where the formula says nothing, ValueError for what one axis cannot show (``shuffle``), and DivisionError
    where ``legal`` must be divided first.
    """
    return _Reader(context, formula, numbers, extents, legal).read()


class _Reader:
    def __init__(
        self,
        context: isl.Context,
        formula: tree.Formula,
        numbers: Mapping[str, int],
        extents: Mapping[str, Integer],
        legal: isl.Set,
    ) -> None:
        self.context, self.formula, self.numbers, self.legal = context, formula, numbers, legal
        self.extents = {name: quasi_affine(extent, numbers) for name, extent in extents.items()}
        self.clash = parameter_set(context, "false")

    def read(self) -> Reading:
        value = self.node(self.formula.body)
        if value.length is None and self.formula.target != "db":
            raise ValueError(f"{self.formula}: a single number is not {self.formula.target}")
        return Reading(value.pieces, value.length, self.clash)

    def node(self, node: tree.Node) -> _Value:
        return _RULES[type(node)](self, node)

    def map(self, text: str) -> isl.Map:
        return isl.Map.read_from_str(self.context, f"{_HEAD}{{ {text} }}")

    def size(self, e: Integer) -> str:
        return f"({quasi_affine(e, self.numbers)})"

    def step(self, e: Integer, what: str) -> int:
        """A stride or dilation as a number."""
        value = e.substitute(self.numbers)
        if any(isinstance(part, Op) and part.op in ("//", "%") and part.right == Const(0) for part in value.walk()):
            raise MeaninglessError(f"{e} divides by zero")
        if not isinstance(value, Const):
            raise ValueError(f"{what} {e} varies with the sizes; it must be built from whole numbers, s and d")
        if value.value < 1:
            raise MeaninglessError(f"{what} {e} is {value.value}; it must be at least 1")
        return value.value

    def happens(self, condition: str) -> bool:
        """Whether ``condition`` is met at some legal size."""
        return not self.legal.intersect(parameter_set(self.context, condition)).is_empty()

    def length(self, text: str) -> str:
        """A length; what would be shorter than nothing is nothing."""
        return f"(max(0, {text}))" if self.happens(f"{text} < 0") else f"({text})"

    # operations ------------------------------------------------------------------------------------------------------

    def array(self, node: tree.Array) -> _Value:
        if node.name in tree.ADDED.values():
            raise ValueError(f"{self.formula}: {node} has no spatial axis; it is added to the whole")
        n = self.extents[node.name]
        return _Value((Piece(1, (node.name,), self.map(f"[i] -> [i] : 0 <= i < {n}")),), n)

    def move(self, node: tree.Move) -> _Value:
        """The operand seen through a map from new positions to old ones."""
        value, operation = self.node(node.operand), node.operation
        if value.length is None:
            raise ValueError(f"{self.formula}: {node.operand} is a single number")
        fixed = tuple(
            Const(self.step(e, f"{operation.word} {each.name}")) if each.step else e
            for each, e in zip(operation.amounts, node.amounts, strict=True)
        )
        moved = replace(node, amounts=fixed)
        known: dict[str, int | str] = {**self.numbers, "n": value.length}
        length = value.length
        if (built := moved.length(Name("n"))) != Name("n"):
            length = self.length(f"({quasi_affine(built, known)})")
        ways = [self.way(branch, length, known) for branch in moved.back(Name("i"), Name("n"), Name("e"))]
        # a remainder of zero and a quotient are one equation, which isl sees where it is asked to
        through = reduce(isl.Map.union, ways).detect_equalities()
        pieces = tuple(self.composed(through, piece, operation.gathers) for piece in value.pieces)
        if operation.filled:
            if any(len(piece.arrays) > 1 for piece in pieces):
                raise ValueError(f"{node}: a constant border is put around an array, not around products")
            empty = self.map(f"[i] -> [] : 0 <= i < {length}")
            reached = through.domain().intersect(self.map(f"[i] -> [i] : 0 <= i < {length}").domain())
            pieces += (Piece(1, (FILLER,), empty.subtract(empty.intersect_domain(reached))),)
        return _Value(pieces, length, value.spread or operation.spreads or operation.filled)

    def way(self, branch: Branch, length: str, known: Mapping[str, int | str]) -> isl.Map:
        """One branch of where entries come from, as a map from position to position."""
        text = " and ".join([f"0 <= i < {length}", *conditions(branch.when, known)])
        to = quasi_affine(branch.to, known)
        if branch.many is None:
            return self.map(f"[i] -> [{to}] : {text}")
        return self.map(
            f"[i] -> [j] : exists (e : j = {to} and {text} and 0 <= e < {quasi_affine(branch.many, known)})"
        )

    def composed(self, through: isl.Map, piece: Piece, several: bool) -> Piece:
        """A piece seen through a map; where ``several`` old positions may hold the same product, they are counted."""
        if several and not piece.relation.is_injective():
            places = self.map("[j] -> [c] : c = j")
            return replace(piece, relation=through.apply_range(piece.relation.flat_range_product(places)), counted=True)
        return replace(piece, relation=through.apply_range(piece.relation))

    def shuffle(self, node: tree.Shuffle) -> _Value:
        raise ValueError(f"{node} deals channels to groups, which a proof on one spatial axis does not see; use verify")

    def correlate(self, node: tree.Correlate) -> _Value:
        t, e = self.step(node.stride, "stride"), self.step(node.dilation, "dilation")
        a, b = self.node(node.operand), self.node(node.filter)
        for value in (a, b):
            if any(len(piece.arrays) != 1 for piece in value.pieces) or value.length is None:
                raise ValueError(f"{node}: correlate takes two arrays, moved about, not results")
        assert a.length is not None
        assert b.length is not None
        slack = f"({a.length} - {e}*({b.length} - 1) - 1)"
        length = self.length(f"floor({slack}/{t}) + 1" if t > 1 else f"{slack} + 1")
        if self.happens(f"{b.length} < 1"):
            if self.happens(f"{b.length} >= 1"):
                raise DivisionError(f"{b.length} < 1")
            length = "0"  # an empty filter slides nowhere
        meet = f"i = {t}*t + {e}*j and 0 <= t < {length} and 0 <= j < {b.length}"
        spread = a.spread and b.spread
        return _Value(tuple(self.met(*pair, meet, spread) for pair in itertools.product(a.pieces, b.pieces)), length)

    def met(self, first: Piece, second: Piece, meet: str, spread: bool) -> Piece:
        """The products of two arrays whose positions i and j meet in entry t."""
        places = ["i", "j"]
        if first.arrays > second.arrays:
            first, second = second, first
            places.reverse()
        both = first.relation.flat_product(second.relation)
        # an array entry that stands at one position at most determines j; where neither does, every j counts
        counted = spread and not (first.relation.is_injective() or second.relation.is_injective())
        if counted:
            places.append("j")
            both = both.flat_product(self.map("[j] -> [c] : c = j"))
        pairs = self.map(f"[t] -> [{', '.join(places)}] : {meet}")
        return Piece(1, first.arrays + second.arrays, pairs.apply_range(both), counted)

    def sum(self, node: tree.Sum) -> _Value:
        value = self.node(node.operand)
        if len(value.pieces) != 1 or value.length is None:
            raise ValueError(f"{node}: sum takes an array, moved about")
        piece = value.pieces[0]
        everywhere = self.map(f"[] -> [i] : 0 <= i < {value.length}")
        return _Value((self.composed(everywhere, piece, value.spread),), None)

    def scale(self, node: tree.Scale) -> _Value:
        factor = node.factor.substitute(self.numbers)
        if not isinstance(factor, Const):
            quasi_affine(factor, {})  # a division by zero is told as such
            raise ValueError(
                f"the factor {node.factor} varies with the sizes; it must be built from whole numbers, s and d"
            )
        quasi_affine(factor, {})
        if isinstance(node.operand, tree.Array):
            raise ValueError(f"{node}: a multiple is taken of products, not of an array")
        value = self.node(node.operand)
        return replace(value, pieces=tuple(replace(p, coefficient=p.coefficient * factor.value) for p in value.pieces))

    def add(self, node: tree.Add) -> _Value:
        left, right = node.left, node.right
        if (bias := _bias(left)) is not None:
            left, right = right, left
        if bias is not None or (bias := _bias(right)) is not None:
            value, (name, multiple) = self.node(left), bias
            factor = multiple.substitute(self.numbers)
            if value.length is None or not isinstance(factor, Const):
                raise ValueError(f"{node}: {name} is added to an array, times a whole number")
            everywhere = self.map(f"[t] -> [] : 0 <= t < {value.length}")
            return replace(value, pieces=(*value.pieces, Piece(factor.value, (name,), everywhere)))
        one, other = self.node(left), self.node(right)
        if one.length != other.length:
            if one.length is None or other.length is None:
                raise ValueError(f"{node} adds a single number to an array")
            self.clash = self.clash.union(parameter_set(self.context, f"{one.length} != {other.length}"))
        return _Value(one.pieces + other.pieces, one.length)

    def index_sum(self, node: tree.IndexSum) -> _Value:
        target, index = self.formula.target, self.formula.index
        if (index is None) != (target == "db"):
            raise ValueError(f"{self.formula}: entries need the target's index on the left")
        known: dict[str, int | str] = dict(self.numbers)
        if index is not None:
            known[index] = "t"
        known |= {each.index: f"i{number}" for number, each in enumerate(node.ranges)}
        factors = sorted(node.factors, key=lambda factor: factor.name)
        entries = [f"e{number}" for number, _ in enumerate(factors)]
        told = conditions(node.where, known)
        if index is not None:
            told.append(f"0 <= t < {self.extents[target]}")
        for entry, factor in zip(entries, factors, strict=True):
            told.append(f"{entry} = {quasi_affine(factor.index, known)} and 0 <= {entry} < {self.extents[factor.name]}")
        for each in node.ranges:
            if each.start is not None and each.stop is not None:
                told.append(
                    f"{quasi_affine(each.start, known)} <= {known[each.index]} < {quasi_affine(each.stop, known)}"
                )
        running = [f"i{number}" for number, _ in enumerate(node.ranges)]
        place = "[t]" if index is not None else "[]"
        relation = self.map(f"{place} -> [{', '.join(entries + running)}] : {' and '.join(told)}")
        if not relation.intersect_params(self.legal).wrap().is_bounded():
            names = ", ".join(each.index for each in node.ranges)
            raise MeaninglessError(f"the sum over {names} has no end")
        arrays = tuple(factor.name for factor in factors)
        return _Value((Piece(1, arrays, relation, counted=bool(running)),), self.extents[target] if index else None)


def _bias(node: tree.Node) -> tuple[str, Integer] | None:
    """The multiple of b (or of its direction) that ``node`` is, if it is one."""
    if isinstance(node, tree.Scale):
        inner = _bias(node.operand)
        return None if inner is None else (inner[0], node.factor * inner[1])
    return (node.name, Const(1)) if isinstance(node, tree.Array) and node.name in tree.ADDED.values() else None


_RULES: dict[type[tree.Node], Callable[[_Reader, Any], _Value]] = {
    tree.Array: _Reader.array,
    tree.Move: _Reader.move,
    tree.Shuffle: _Reader.shuffle,
    tree.Correlate: _Reader.correlate,
    tree.Sum: _Reader.sum,
    tree.Scale: _Reader.scale,
    tree.Add: _Reader.add,
    tree.IndexSum: _Reader.index_sum,
}
