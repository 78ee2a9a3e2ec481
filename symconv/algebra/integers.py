"""Integer expressions in sizes and indices: ``s*o + d*k - p``, ``(H + p + q - K) // s``.

One small tree serves every reader: it is evaluated (on numbers or on whole index arrays), printed, turned
into integer sets for the proof and into source for the kernels. Division and remainder are Python's: they round
towards minus infinity, as ``floor`` does in the textbooks.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Const", "Integer", "Name", "Op", "additive_terms", "floor_sum", "integer"]

#: operator -> (its meaning, how tightly it binds)
OPERATORS: dict[str, tuple[Callable[[Any, Any], Any], int]] = {
    "+": (operator.add, 1),
    "-": (operator.sub, 1),
    "*": (operator.mul, 2),
    "//": (operator.floordiv, 2),
    "%": (operator.mod, 2),
}


class Integer:
    """An integer expression; combine with ``+ - * // %``, read with :meth:`evaluate` or ``str``.

    >>> s, o = Name("s"), Name("o")
    >>> e = s*o + 2*Name("k") - 1
    >>> str(e), e.evaluate({"s": 3, "o": 2, "k": 1})
    ('s*o + 2*k - 1', 7)
    """

    __slots__ = ()

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """The value with each name replaced; values may be ints or integer arrays. KeyError on a missing name."""
        raise TypeError(f"{type(self).__name__} is not an expression")

    def children(self) -> tuple[Integer, ...]:
        return ()

    def walk(self) -> Iterator[Integer]:
        """This expression and every part of it, outermost first."""
        yield self
        for child in self.children():
            yield from child.walk()

    def names(self) -> frozenset[str]:
        """The sizes and indices that occur."""
        return frozenset(e.name for e in self.walk() if isinstance(e, Name))

    def substitute(self, values: Mapping[str, Integer | int]) -> Integer:
        """The same expression with some names replaced, constants folded."""
        return self

    def affine(self, values: Mapping[str, int]) -> tuple[dict[str, int], int] | None:
        """``({index: coefficient}, constant)`` once ``values`` are put in; None if an index is multiplied by an
        index, divided, or taken a remainder of.

        >>> s, o, p = Name("s"), Name("o"), Name("p")
        >>> (2*(s*o - p)).affine({"s": 3, "p": 1})
        ({'o': 6}, -2)
        """
        return _affine(self, values)

    def linear_in(self, name: str) -> tuple[Integer, Integer] | None:
        """``(factor, rest)`` with ``self == factor*name + rest`` and neither holding ``name``; None if there is no such pair
        because ``name`` is multiplied by itself, divided, or taken a remainder of.

        >>> m, s, i = Name("m"), Name("s"), Name("i")
        >>> [str(e) for e in (m - s*(i + 1)).linear_in("i")]
        ['-s', 'm - s']
        """
        return _linear(self, name)

    def __add__(self, other: Integer | int) -> Integer:
        return _fold("+", self, integer(other))

    def __radd__(self, other: int) -> Integer:
        return _fold("+", integer(other), self)

    def __sub__(self, other: Integer | int) -> Integer:
        return _fold("-", self, integer(other))

    def __rsub__(self, other: int) -> Integer:
        return _fold("-", integer(other), self)

    def __mul__(self, other: Integer | int) -> Integer:
        return _fold("*", self, integer(other))

    def __rmul__(self, other: int) -> Integer:
        return _fold("*", integer(other), self)

    def __floordiv__(self, other: Integer | int) -> Integer:
        return _fold("//", self, integer(other))

    def __mod__(self, other: Integer | int) -> Integer:
        return _fold("%", self, integer(other))

    def __neg__(self) -> Integer:
        return _fold("-", Const(0), self)

    def __str__(self) -> str:
        return _text(self, 0)


@dataclass(frozen=True, slots=True, repr=False)
class Const(Integer):
    """A number."""

    value: int

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        return self.value

    def __repr__(self) -> str:
        return f"Const({self.value})"


@dataclass(frozen=True, slots=True, repr=False)
class Name(Integer):
    """A size (``H``, ``K``, ``p``, ...) or an index (``o``, ``k``, ``m``, ...)."""

    name: str

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        return values[self.name]

    def substitute(self, values: Mapping[str, Integer | int]) -> Integer:
        return integer(values[self.name]) if self.name in values else self

    def __repr__(self) -> str:
        return f"Name({self.name!r})"


@dataclass(frozen=True, slots=True, repr=False)
class Op(Integer):
    """``left op right`` with ``op`` one of ``+ - * // %``."""

    op: str
    left: Integer
    right: Integer

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        return OPERATORS[self.op][0](self.left.evaluate(values), self.right.evaluate(values))

    def children(self) -> tuple[Integer, ...]:
        return (self.left, self.right)

    def substitute(self, values: Mapping[str, Integer | int]) -> Integer:
        return _fold(self.op, self.left.substitute(values), self.right.substitute(values))

    def __repr__(self) -> str:
        return f"Op({str(self)!r})"


def integer(value: Integer | int) -> Integer:
    """``value`` as an expression; TypeError for anything but an expression or an integer."""
    if isinstance(value, Integer):
        return value
    return Const(operator.index(value))


def additive_terms(e: Integer, sign: int = 1) -> Iterator[tuple[int, Integer]]:
    """``e`` as signed terms, the brackets of nested sums opened: ``H + p - (K - 1)`` -> +H, +p, -K, +1."""
    if isinstance(e, Op) and e.op in "+-":
        yield from additive_terms(e.left, sign)
        yield from additive_terms(e.right, sign if e.op == "+" else -sign)
    elif e != Const(0):
        negative = isinstance(e, Const) and e.value < 0
        yield (-sign, Const(-e.value)) if isinstance(e, Const) and negative else (sign, e)


def _fold(op: str, left: Integer, right: Integer) -> Integer:
    """``left op right`` with the arithmetic on constants done and the neutral elements dropped."""
    a = left.value if isinstance(left, Const) else None
    b = right.value if isinstance(right, Const) else None
    if a is not None and b is not None and not (op in ("//", "%") and b == 0):
        return Const(OPERATORS[op][0](a, b))
    if (op in "+-" and b == 0) or (op in ("*", "//") and b == 1):
        return left
    if (op == "+" and a == 0) or (op == "*" and a == 1):
        return right
    if (op == "*" and 0 in (a, b)) or (op == "%" and b == 1):
        return Const(0)
    if op in "+-" and b is not None and b < 0:
        return Op("-" if op == "+" else "+", left, Const(-b))
    return Op(op, left, right)


def _text(e: Integer, context: int) -> str:
    if isinstance(e, Op):
        if e.op == "-" and e.left == Const(0):
            # -a*b is -(a*b), but -a // b is (-a) // b, also where that is a factor
            text, binds = f"-{_text(e.right, 2 if _is_product(e.right) else 3)}", 1
        else:
            binds = OPERATORS[e.op][1]
            # a right operand of the same strength needs its brackets: a - (b - c), a * (b // c)
            right = binds + (e.op != "+")
            space = " " if binds == 1 or e.op != "*" else ""
            text = f"{_text(e.left, binds)}{space}{e.op}{space}{_text(e.right, right)}"
        return f"({text})" if binds < context else text
    if isinstance(e, Const):
        return f"({e.value})" if e.value < 0 and context > 1 else str(e.value)
    return e.name if isinstance(e, Name) else repr(e)


def _is_product(e: Integer) -> bool:
    """Whether ``e`` is written as a product that begins with neither a quotient nor a remainder."""
    if not isinstance(e, Op) or e.op != "*":
        return False
    left = e.left
    return (
        _is_product(left)
        if isinstance(left, Op) and left.op == "*"
        else not (isinstance(left, Op) and left.op in ("//", "%"))
    )


def _affine(e: Integer, values: Mapping[str, int]) -> tuple[dict[str, int], int] | None:
    if isinstance(e, Const):
        return {}, e.value
    if isinstance(e, Name):
        return ({}, values[e.name]) if e.name in values else ({e.name: 1}, 0)
    parts = [_affine(child, values) for child in e.children()]
    if not isinstance(e, Op) or parts[0] is None or parts[1] is None:
        return None
    (left, a), (right, b) = parts[0], parts[1]
    if e.op == "*" and not (left and right):
        factor, terms, constant = (b, left, a) if left else (a, right, b)
        return {n: c * factor for n, c in terms.items() if c * factor}, constant * factor
    if e.op in "+-":
        sign = 1 if e.op == "+" else -1
        total = {n: left.get(n, 0) + sign * right.get(n, 0) for n in {**left, **right}}
        return {n: c for n, c in total.items() if c}, a + sign * b
    return None if left or right or b == 0 else ({}, OPERATORS[e.op][0](a, b))


def _linear(e: Integer, name: str) -> tuple[Integer, Integer] | None:
    if name not in e.names():
        return Const(0), e
    if not isinstance(e, Op):
        return Const(1), Const(0)
    left, right = _linear(e.left, name), _linear(e.right, name)
    if left is None or right is None:
        return None
    if e.op == "+":
        return left[0] + right[0], left[1] + right[1]
    if e.op == "-":
        return left[0] - right[0], left[1] - right[1]
    if e.op == "*" and right[0] == Const(0):  # what is left of a factor without `name`, which may be written in it
        return left[0] * right[1], left[1] * right[1]
    if e.op == "*" and left[0] == Const(0):
        return left[1] * right[0], left[1] * right[1]
    return None


def floor_sum(n: int, m: int, a: int, b: int) -> int:
    """``sum of (a*i + b) // m over 0 <= i < n``, for m >= 1, in time logarithmic in the numbers (as Euclid's algorithm).

    >>> floor_sum(4, 3, 2, 1), sum((2 * i + 1) // 3 for i in range(4))
    (4, 4)
    """
    total = 0
    while n > 0:
        total += (n - 1) * n // 2 * (a // m) + n * (b // m)
        a, b = a % m, b % m
        if not a:
            break
        # the lattice points under the line, counted along the other axis
        last = a * n + b
        n, m, a, b = last // m, a, m, last % m
    return total
