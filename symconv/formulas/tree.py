"""The formula tree: what a closed formula for y, dx, dw or db says, ready to be read in several ways.

A formula is built from arrays by `pad`, `crop`, `dilate`, `flip`, `correlate` and `sum`, or is a pointwise
index sum. The definitions below are for one axis and 0-based; on several axes every operation acts on each axis with
that axis's sizes. An array is zero outside its range.

    pad(a, u, v)[i]            = a[i - u]             u + len(a) + v entries; negative amounts crop
    crop(a, u, v)[i]           = a[i + u]             len(a) - u - v entries
    dilate(a, t)[i]            = a[i / t] if t | i    t*(len(a) - 1) + 1 entries: t - 1 zeros inserted between neighbours
    flip(a)[i]                 = a[len(a) - 1 - i]
    correlate(a, b, t, e)[i]   = sum over j of a[t*i + e*j] * b[j]
                                                      (len(a) - e*(len(b) - 1) - 1) // t + 1 entries
    sum(a)                     = sum over i of a[i]

Channels, groups and batch follow from the names: a correlation sums over the index that its target does not have
(c for y, f for dx, n for dw), inside each group; ``sum`` sums over n as well. ``shuffle`` deals channels to groups one by one
(c mod groups) where layers take contiguous blocks.

Readers are tables with one row for each class of node; they live in the sibling modules.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields, replace

from symconv.algebra.comparisons import Comparison
from symconv.algebra.integers import Const, Integer, Name, integer

__all__ = [
    "Add", "Array", "Correlate", "Crop", "Dilate", "Flip", "Formula", "IndexSum", "Indexed", "Node", "Pad", "Range", "Scale",
    "Shuffle", "Sum", "TARGETS", "OPERANDS",
]  # fmt: skip

#: what a formula may be for, and the arrays whose product makes it up (the loss's factors but the one left out)
TARGETS: dict[str, tuple[str, ...]] = {"y": ("w", "x"), "dx": ("dy", "w"), "dw": ("dy", "x"), "db": ("dy",)}

#: the arrays a formula may name
OPERANDS = ("x", "w", "b", "dy")


ONE = Const(1)


class Node:
    """A part of a formula. ``str`` gives the text that the parser reads back."""

    __slots__ = ()

    def operands(self) -> tuple[Node, ...]:
        """The nodes directly below this one."""
        return tuple(v for v in (getattr(self, f.name) for f in fields(self)) if isinstance(v, Node))  # type: ignore[arg-type]

    def walk(self) -> Iterator[Node]:
        """This node and all below it, outermost first."""
        yield self
        for node in self.operands():
            yield from node.walk()


@dataclass(frozen=True, slots=True)
class Array(Node):
    """One of the arrays x, w, b, dy."""

    name: str

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Pad(Node):
    """``before`` zeros in front of the operand and ``after`` behind it; negative amounts crop."""

    operand: Node
    before: Integer
    after: Integer

    def __str__(self) -> str:
        return f"pad({self.operand}, {_amounts(self.before, self.after)})"


@dataclass(frozen=True, slots=True)
class Crop(Node):
    """The operand without its first ``before`` and last ``after`` entries."""

    operand: Node
    before: Integer
    after: Integer

    def __str__(self) -> str:
        return f"crop({self.operand}, {_amounts(self.before, self.after)})"


@dataclass(frozen=True, slots=True)
class Dilate(Node):
    """``by - 1`` zeros inserted between neighbouring entries."""

    operand: Node
    by: Integer

    def __str__(self) -> str:
        return f"dilate({self.operand}, {self.by})"


@dataclass(frozen=True, slots=True)
class Flip(Node):
    """The operand in reverse order on every spatial axis."""

    operand: Node

    def __str__(self) -> str:
        return f"flip({self.operand})"


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
    ``transposed`` says which layer the target belongs to; ``name`` is how it is known, where it is.
    """

    target: str
    body: Node
    index: str | None = None
    transposed: bool = False
    name: str | None = field(default=None, compare=False)

    def __str__(self) -> str:
        index = f"[{self.index}]" if self.index else ""
        return f"{self.target}{index} = {self.body}"

    def __repr__(self) -> str:
        return f"Formula({str(self)!r}{', transposed=True' if self.transposed else ''})"

    def sizes(self) -> frozenset[str]:
        """The sizes the formula names, out of H K O p q s d r."""
        named: set[str] = set()
        bound: set[str] = {self.index} if self.index else set()
        for node in self.body.walk():
            expressions = [getattr(node, f.name) for f in fields(node)]  # type: ignore[arg-type]
            if isinstance(node, IndexSum):
                bound |= {each.index for each in node.ranges}
                expressions = [factor.index for factor in node.factors]
                expressions += [e for each in node.ranges for e in (each.start, each.stop)]
                expressions += [e for each in node.where for e in (each.left, each.right)]
            for e in expressions:
                if isinstance(e, Integer):
                    named |= e.names()
        return frozenset(named - bound)

    def arrays(self) -> frozenset[str]:
        """The arrays the formula names."""
        found = {node.name for node in self.body.walk() if isinstance(node, Array)}
        return frozenset(
            found | {f.name for node in self.body.walk() if isinstance(node, IndexSum) for f in node.factors}
        )

    def renamed(self, name: str) -> Formula:
        """The same claim under another name."""
        return replace(self, name=name)


def _amounts(before: Integer, after: Integer) -> str:
    return str(before) if before == after else f"{before}, {after}"


# the words in which formulas are written in Python, as in a user's text ----------------------------------------------


def pad(operand: Node, before: Integer | int, after: Integer | int | None = None) -> Pad:
    """``pad(a, u, v)``; ``v = u`` when it is left out."""
    first = integer(before)
    return Pad(operand, first, first if after is None else integer(after))


def crop(operand: Node, before: Integer | int, after: Integer | int | None = None) -> Crop:
    """``crop(a, u, v)``; ``v = u`` when it is left out."""
    first = integer(before)
    return Crop(operand, first, first if after is None else integer(after))


def dilate(operand: Node, by: Integer | int) -> Dilate:
    """``dilate(a, t)``."""
    return Dilate(operand, integer(by))


def correlate(operand: Node, filter: Node, stride: Integer | int = 1, dilation: Integer | int = 1) -> Correlate:
    """``correlate(a, b, stride=t, dilation=e)``."""
    return Correlate(operand, filter, integer(stride), integer(dilation))
