"""The formula tree: what a closed formula for y, dx, dw or db says, ready to be read in several ways.

A formula is built from arrays by `pad`, `crop`, `dilate`, `flip`, `correlate` and `sum`, or is a pointwise
index sum. The operations that move entries about are rows of a table (:mod:`symconv.formulas.moves`). The definitions below are
for one axis and 0-based; on several axes every operation acts on each axis with that axis's sizes. An array is zero outside
its range.

    pad(a, u, v)[i]            = a[i - u]             u + len(a) + v entries; negative amounts crop
    pad(a, u, v, mode)[i]      = a[P(i - u)]          P the map of a padding mode (:mod:`symconv.layer.padding`)
    fold(a, u, v, mode)[i]     = sum over j of a[j] with P(j - u) = i
                                                      len(a) - u - v entries: the adjoint of the padding
    crop(a, u, v)[i]           = a[i + u]             len(a) - u - v entries
    dilate(a, t)[i]            = a[i / t] if t | i    t*(len(a) - 1) + 1 entries: t - 1 zeros inserted between neighbours
    flip(a)[i]                 = a[len(a) - 1 - i]
    correlate(a, b, t, e)[i]   = sum over j of a[t*i + e*j] * b[j]
                                                      (len(a) - e*(len(b) - 1) - 1) // t + 1 entries
    sum(a)                     = sum over i of a[i]

Channels, groups and batch follow from the names: a correlation sums over the index that its target does not have
(c for y, f for dx, n for dw), inside each group; ``sum`` sums over n as well. ``shuffle`` deals channels to groups one by one
(c mod groups) where layers take contiguous blocks.

What reads a formula is a table with one rule for each class of node, in a module of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from symconv.algebra.comparisons import Comparison
from symconv.algebra.integers import Const, Integer, Name, integer
from symconv.algebra.trees import parts_of
from symconv.formulas.moves import MOVES, Branch, Operation
from symconv.layer.kind import KINDS, LayerKind

__all__ = [
    "Add", "Array", "Correlate", "Formula", "IndexSum", "Indexed", "Move", "Node", "OPERANDS", "Range", "Scale", "Shuffle", "Sum",
    "ADDED", "PRODUCTS", "TARGETS", "correlate", "crop", "dilate", "flip", "move", "pad",
]  # fmt: skip

#: what a formula may be for, and the arrays whose product makes it up (the loss's factors but the one left out)
TARGETS: dict[str, tuple[str, ...]] = {"y": ("w", "x"), "dx": ("dy", "w"), "dw": ("dy", "x"), "db": ("dy",)}

#: the same, and for the targets of the double backward, whose directions v_x, v_w, v_b stand in for x, w, b one at a time: every
#: product of arrays that a target is a sum of
PRODUCTS: dict[str, tuple[tuple[str, ...], ...]] = {
    **{target: (arrays,) for target, arrays in TARGETS.items()},
    "ddy": (("v_x", "w"), ("v_w", "x")),
    "ddx": (("dy", "v_w"),),
    "ddw": (("dy", "v_x"),),
}

#: what is added to a target beside products: it has no spatial axis
ADDED = {"y": "b", "ddy": "v_b"}

#: the arrays a formula may name
OPERANDS = ("x", "w", "b", "dy", "v_x", "v_w", "v_b")


ONE = Const(1)


class Node:
    """A part of a formula. ``str`` gives the text that the parser reads back."""

    __slots__ = ()

    def operands(self) -> tuple[Node, ...]:
        """The nodes directly below this one."""
        return tuple(part for part in parts_of(self) if isinstance(part, Node))

    def walk(self) -> Iterator[Node]:
        """This node and all below it, outermost first."""
        yield self
        for node in self.operands():
            yield from node.walk()


@dataclass(frozen=True, slots=True)
class Array(Node):
    """One of the arrays of :data:`OPERANDS`."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Move(Node):
    """The operand's entries moved about by an operation of :data:`symconv.formulas.moves.MOVES`, by these amounts."""

    name: str
    operand: Node
    amounts: tuple[Integer, ...] = ()

    @property
    def operation(self) -> Operation:
        """What the operation does."""
        return MOVES[self.name]

    def amount(self, name: str) -> Integer:
        """One of the amounts by its name."""
        return self._values()[name]

    def length(self, operand: Integer) -> Integer:
        """The number of entries, given the operand's; less than none is none."""
        return self.operation.length.substitute({**self._values(), "n": operand})

    def back(self, i: Integer, length: Integer, e: Integer) -> tuple[Branch, ...]:
        """Where entry i comes from in an operand of this length; ``e`` counts where a branch has many."""
        return tuple(b.substitute({**self._values(), "i": i, "n": length, "e": e}) for b in self.operation.back)

    def forward(self, j: Integer, length: Integer, e: Integer) -> tuple[Branch, ...]:
        """Where entry j of an operand of this length goes; ``e`` counts where a branch has many."""
        return tuple(b.substitute({**self._values(), "j": j, "n": length, "e": e}) for b in self.operation.forward)

    def _values(self) -> dict[str, Integer]:
        return {each.name: value for each, value in zip(self.operation.amounts, self.amounts, strict=True)}

    def __str__(self) -> str:
        values = self._values()
        given = [each for each in self.operation.amounts if each.like is None or values[each.name] != values[each.like]]
        mode = [f"mode={self.operation.mode}"] if self.operation.mode else []
        return f"{self.operation.word}({', '.join([str(self.operand), *(str(values[each.name]) for each in given), *mode])})"


@dataclass(frozen=True, slots=True)
class Shuffle(Node):
    """The operand with its channels dealt to the groups in turn (c mod groups) instead of in contiguous blocks."""

    operand: Node

    def __str__(self) -> str:
        return f"shuffle({self.operand})"


@dataclass(frozen=True, slots=True)
class Correlate(Node):
    """``filter`` slid over ``operand`` in steps of ``stride``, its taps ``dilation`` apart."""

    operand: Node
    filter: Node
    stride: Integer = ONE
    dilation: Integer = ONE

    def __str__(self) -> str:
        options = "".join(
            f", {name}={value}"
            for name, value in (("stride", self.stride), ("dilation", self.dilation))
            if value != ONE
        )
        return f"correlate({self.operand}, {self.filter}{options})"


@dataclass(frozen=True, slots=True)
class Sum(Node):
    """The sum of the operand over its spatial axes and the batch."""

    operand: Node

    def __str__(self) -> str:
        return f"sum({self.operand})"


@dataclass(frozen=True, slots=True)
class Scale(Node):
    """``factor`` times the operand."""

    factor: Integer
    operand: Node

    def __str__(self) -> str:
        factor = str(self.factor) if isinstance(self.factor, (Const, Name)) else f"({self.factor})"
        operand = f"({self.operand})" if isinstance(self.operand, Add) else str(self.operand)
        return f"{factor}*{operand}"


@dataclass(frozen=True, slots=True)
class Add(Node):
    """``left + right``, of equal shape; b is repeated over batch and space."""

    left: Node
    right: Node

    def __str__(self) -> str:
        if isinstance(self.right, Scale) and self.right.factor == Const(-1):
            inner = self.right.operand
            return f"{self.left} - ({inner})" if isinstance(inner, Add) else f"{self.left} - {inner}"
        return f"{self.left} + ({self.right})" if isinstance(self.right, Add) else f"{self.left} + {self.right}"


@dataclass(frozen=True, slots=True)
class Indexed:
    """``name[index]``, zero where the index is outside the array."""

    name: str
    index: Integer

    def __str__(self) -> str:
        return f"{self.name}[{self.index}]"


@dataclass(frozen=True, slots=True)
class Range:
    """A summation index and, where it is given, its range ``start <= index < stop``."""

    index: str
    start: Integer | None = None
    stop: Integer | None = None

    def __str__(self) -> str:
        return self.index if self.start is None else f"{self.index}=({self.start}, {self.stop})"


@dataclass(frozen=True, slots=True)
class IndexSum(Node):
    """The sum over ``ranges`` of the product of ``factors``; without a range an index takes every integer.

    Only the combinations of indices count for which every comparison in ``where`` holds.
    """

    factors: tuple[Indexed, ...]
    ranges: tuple[Range, ...]
    where: tuple[Comparison, ...] = ()

    def __str__(self) -> str:
        where = [f"where={' and '.join(map(str, self.where))}"] if self.where else []
        return f"sum({', '.join([' * '.join(map(str, self.factors)), *map(str, self.ranges), *where])})"


@dataclass(frozen=True, slots=True)
class Formula:
    """A claim: ``target`` equals ``body``.

    ``index`` is the name of the target's index in a pointwise formula (``m`` in ``dx[m] = sum(...)``), else None;
    ``transposed`` and ``padding_mode`` say which layer the target belongs to; ``name`` is how it is known, where it is.
    """

    target: str
    body: Node
    index: str | None = None
    transposed: bool = False
    padding_mode: str = "zeros"
    name: str | None = field(default=None, compare=False)

    def __str__(self) -> str:
        index = f"[{self.index}]" if self.index else ""
        return f"{self.target}{index} = {self.body}"

    @property
    def kind(self) -> LayerKind:
        """The kind of layer that the target belongs to."""
        return KINDS[self.transposed]

    def __repr__(self) -> str:
        mode = "" if self.padding_mode == "zeros" else f", padding_mode={self.padding_mode!r}"
        return f"Formula({str(self)!r}{', transposed=True' if self.transposed else ''}{mode})"

    def sizes(self) -> frozenset[str]:
        """The sizes the formula names, out of H K O p q s d r."""
        named: set[str] = set()
        bound: set[str] = {self.index} if self.index else set()
        for node in self.body.walk():
            expressions = parts_of(node)
            if isinstance(node, Move):
                expressions = list(node.amounts)
            if isinstance(node, IndexSum):
                bound |= {each.index for each in node.ranges}
                expressions = [factor.index for factor in node.factors]
                expressions += [e for each in node.ranges for e in (each.start, each.stop)]
                expressions += [e for each in node.where for e in (each.left, each.right)]
            for e in expressions:
                if isinstance(e, Integer):
                    named |= e.names()
        return frozenset(named - bound)

    def modes(self) -> tuple[str, ...]:
        """The padding modes that operations of the formula name, other than zeros."""
        named = (node.operation.mode for node in self.body.walk() if isinstance(node, Move))
        return tuple(dict.fromkeys(mode for mode in named if mode))

    def arrays(self) -> frozenset[str]:
        """The arrays the formula names."""
        result = {node.name for node in self.body.walk() if isinstance(node, Array)}
        return frozenset(
            result | {f.name for node in self.body.walk() if isinstance(node, IndexSum) for f in node.factors}
        )

    @property
    def with_bias(self) -> bool:
        """Whether it names what is added to its target: one that does not speaks of the layer without bias."""
        return ADDED.get(self.target) in self.arrays()


# the words in which formulas are written in Python, as in a user's text ----------------------------------------------


def move(name: str, operand: Node, *amounts: Integer | int) -> Move:
    """The operation of a key of :data:`MOVES`; an amount that is left out equals the one that its row names.

    >>> print(move("pad", Array("x"), Name("p")), move("pad", Array("x"), 1, 2))
    pad(x, p) pad(x, 1, 2)
    """
    operation = MOVES[name]
    values = {each.name: integer(value) for each, value in zip(operation.amounts, amounts, strict=False)}
    for each in operation.amounts[len(amounts) :]:
        if each.like is None:
            raise TypeError(f"{operation.word} takes {each.name}")
        values[each.name] = values[each.like]
    return Move(name, operand, tuple(values.values()))


def pad(operand: Node, before: Integer | int, *after: Integer | int) -> Move:
    """``pad(a, u, v)``; ``v = u`` when it is left out."""
    return move("pad", operand, before, *after)


def crop(operand: Node, before: Integer | int, *after: Integer | int) -> Move:
    """``crop(a, u, v)``; ``v = u`` when it is left out."""
    return move("crop", operand, before, *after)


def dilate(operand: Node, by: Integer | int) -> Move:
    """``dilate(a, t)``."""
    return move("dilate", operand, by)


def flip(operand: Node) -> Move:
    """``flip(a)``."""
    return move("flip", operand)


def correlate(operand: Node, filter: Node, stride: Integer | int = 1, dilation: Integer | int = 1) -> Correlate:
    """``correlate(a, b, stride=t, dilation=e)``."""
    return Correlate(operand, filter, integer(stride), integer(dilation))
