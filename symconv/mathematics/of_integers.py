"""Integer expressions as mathematics to be set. Typeset indices begin at :data:`FIRST`, which is 1 unless an author has 0."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from symconv.algebra.integers import Const, Integer, Name, Op, additive_terms
from symconv.mathematics.tree import Fence, Fraction, Math, Operator, Product, Row, Sum, Word

__all__ = ["FIRST", "factor", "from_one", "indices_from", "of_integer", "one_based", "simplified"]

#: the first index of typeset arrays, 1 or 0, while a text is written
FIRST: ContextVar[int] = ContextVar("first_index", default=1)


@contextmanager
def indices_from(first: int) -> Iterator[None]:
    """What is written inside has indices that begin at ``first``."""
    before = FIRST.set(first)
    try:
        yield
    finally:
        FIRST.reset(before)


def simplified(e: Integer, values: Mapping[str, int] | None = None) -> Integer:
    """``e`` with ``values`` put in and like terms collected, where it is affine in what is left.

    >>> s, o, k = Name("s"), Name("o"), Name("k")
    >>> str(simplified(s*(o - 1) + (k - 1) + 1, {"s": 2}))
    '2*o + k - 2'
    """
    affine = e.affine(values or {})
    if affine is None:
        return e.substitute(values or {})
    coefficients, constant = affine
    result: Integer = Const(0)
    for name in sorted(coefficients, key=lambda name: coefficients[name] < 0):
        size = abs(coefficients[name]) * Name(name)
        result = result + size if coefficients[name] > 0 else result - size
    return result + constant


def one_based(e: Integer, indices: Sequence[str]) -> Integer:
    """A 0-based index expression as its 1-based self in 1-based ``indices``: each i replaced by i - 1, and 1 added; as it is
    where indices begin at 0.

    >>> print(one_based(Name("s")*Name("o") + Name("k"), "ok"))
    s*(o - 1) + k - 1 + 1
    """
    first = FIRST.get()
    return e.substitute({name: Name(name) - first for name in indices}) + first if first else e


def from_one(e: Integer) -> Integer:
    """A 0-based position in the indices of R as its 1-based self, like terms collected."""
    return simplified(one_based(e, ("o", "k", "m")))


def of_integer(e: Integer, names: Mapping[str, Math] | None = None) -> Math:
    """An integer expression; ``names`` says how its names are set (a number, or the name with its axis below)."""
    names = names or {}
    if isinstance(e, Const):
        return Word(str(e.value).replace("-", "−"))
    if isinstance(e, Name):
        return names.get(e.name, Word(e.name))
    assert isinstance(e, Op)
    if e.op in "+-":
        terms = _constants_met(list(additive_terms(e)))
        if not terms:
            return Word("0")
        first = next((i for i, (sign, _) in enumerate(terms) if sign > 0), 0)  # a sum begins with a plus where it can
        terms = [terms[first], *terms[:first], *terms[first + 1 :]]
        signed = tuple((sign, _term(term, names)) for sign, term in terms)
        return signed[0][1] if len(signed) == 1 and signed[0][0] > 0 else Sum(signed)
    if e.op == "*":
        return Product(tuple(factor(f, names) for f in _factors(e)))
    if e.op == "//":
        return Fence(Fraction(of_integer(e.left, names), of_integer(e.right, names)), "⌊", "⌋")
    return Row((factor(e.left, names), Operator("mod"), factor(e.right, names)))


def _term(e: Integer, names: Mapping[str, Math]) -> Math:
    """A term of a sum; a remainder in brackets, since ``- a mod b`` could be read in two ways."""
    math = of_integer(e, names)
    return Fence(math) if isinstance(e, Op) and e.op == "%" else math


def _constants_met(terms: list[tuple[int, Integer]]) -> list[tuple[int, Integer]]:
    """The numbers among the terms added up, at the place of the last of them."""
    total = sum(sign * term.value for sign, term in terms if isinstance(term, Const))
    rest = [(sign, term) for sign, term in terms if not isinstance(term, Const)]
    return [*rest, (1 if total > 0 else -1, Const(abs(total)))] if total else rest


def _factors(e: Integer) -> Iterator[Integer]:
    if isinstance(e, Op) and e.op == "*":
        yield from _factors(e.left)
        yield from _factors(e.right)
    else:
        yield e


def factor(e: Integer, names: Mapping[str, Math]) -> Math:
    """A factor of a product, in brackets where it has to be."""
    math = of_integer(e, names)
    return Fence(math) if isinstance(math, (Sum, Row)) or (isinstance(e, Const) and e.value < 0) else math
