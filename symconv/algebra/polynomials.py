"""Sparse polynomials in the entries of x, w, b, dy, that somebody's function can compute with.

An object array of them goes through a function as numbers would, and what comes out are the expressions that the function
computes. SymPy's expressions and polynomial rings do the same, 50 and 10 times slower on a layer of a few hundred entries;
the arithmetic here is that of a dictionary from monomials to exact coefficients.
"""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symconv.algebra.terms import FACTOR_ORDER, MultilinearArray
from symconv.algebra.texts import sum_text

__all__ = ["Monomial", "Polynomial", "PolynomialTerms", "TooManyTerms", "array_of", "as_terms", "expression_text",
           "start_counting", "symbols",
           "terms_by_entry", "unset", "variable"]  # fmt: skip

#: variables in order: the array in the high bits, the entry number below
Monomial = tuple[int, ...]
PolynomialTerms = dict[Monomial, int | Fraction]

#: the arrays that variables belong to; "unset" stands for memory that was read before it was written, y and t are those of a loss
ARRAYS = (*FACTOR_ORDER, "unset", "y", "t")
_SHIFT = 40

#: when so many terms have been touched since :func:`start_counting`, the function is given up: some seconds of work,
#: counted and not timed, so that the same function is given up everywhere
MAX_WORK = 2_000_000
_spent = 0


def start_counting() -> None:
    """Begin to count the work from nothing."""
    global _spent
    _spent = 0


def _count(terms: int) -> None:
    global _spent
    _spent += terms
    if _spent > MAX_WORK:
        raise TooManyTerms(f"more than {MAX_WORK:,} terms to follow")


class TooManyTerms(ArithmeticError):
    """Polynomials grew beyond what an audit follows."""


def variable(array: str, flat: int) -> int:
    """The number of the variable for entry number ``flat`` of ``array``."""
    return ARRAYS.index(array) << _SHIFT | flat


def array_of(number: int) -> tuple[str, int]:
    """The array and entry number of a variable."""
    return ARRAYS[number >> _SHIFT], number & (1 << _SHIFT) - 1


class Polynomial:
    """A polynomial with rational coefficients: adds, subtracts, multiplies, is divided by numbers.

    Whatever needs its value (comparison, ``float()``, truth) raises TypeError: the function cannot be followed on symbols.
    ``terms`` may be those of another polynomial, too, and are never changed.
    """

    __slots__ = ("terms",)
    __hash__ = None  # type: ignore[assignment]  # how Python says that there is none

    def __init__(self, terms: PolynomialTerms) -> None:
        self.terms = terms

    def __add__(self, other: Any) -> Any:
        terms = other.terms if other.__class__ is Polynomial else _terms(other)
        if terms is None:
            return NotImplemented
        return Polynomial(_sum(self.terms, terms))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        terms = _terms(other)
        if terms is None:
            return NotImplemented
        return Polynomial(_sum(self.terms, {m: -c for m, c in terms.items()}))

    def __rsub__(self, other: Any) -> Any:
        terms = _terms(other)
        if terms is None:
            return NotImplemented
        return Polynomial(_sum(terms, {m: -c for m, c in self.terms.items()}))

    def __mul__(self, other: Any) -> Any:
        terms = other.terms if other.__class__ is Polynomial else _terms(other)
        if terms is None:
            return NotImplemented
        return Polynomial(_product(self.terms, terms))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        if isinstance(other, Polynomial):
            raise TypeError("division by an entry of the input")
        terms = _terms(other)
        if terms is None:
            return NotImplemented
        if not terms:
            raise ZeroDivisionError("division by zero")
        return Polynomial({m: _whole(Fraction(c) / terms[()]) for m, c in self.terms.items()})

    def __pow__(self, exponent: int) -> Polynomial:
        if not isinstance(exponent, int | np.integer) or not 0 <= exponent <= 4:
            raise TypeError(f"power {exponent!r} of an entry of the input")
        result = Polynomial({(): 1})
        for _ in range(int(exponent)):
            result = result * self
        return result

    def __neg__(self) -> Polynomial:
        return Polynomial({m: -c for m, c in self.terms.items()})

    def __pos__(self) -> Polynomial:
        return self

    def conjugate(self) -> Polynomial:
        """Itself: entries are real."""
        return self

    def __eq__(self, other: object) -> bool:
        raise TypeError("the value of an entry was asked for")

    def __bool__(self) -> bool:
        raise TypeError("the value of an entry was asked for")

    def __repr__(self) -> str:
        return expression_text(self.terms, lambda array, flat: f"{array}[{flat}]")


def _terms(value: Any) -> PolynomialTerms | None:
    """The terms of a polynomial or of a number; None for an array or anything else."""
    if value.__class__ is int:
        return {(): value} if value else {}
    if isinstance(value, Polynomial):
        return value.terms
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, bool | int):
        return {(): int(value)} if value else {}
    if isinstance(value, Fraction):
        return {(): value} if value else {}
    if isinstance(value, numbers.Real):
        if value != value or value in (float("inf"), float("-inf")):
            raise TypeError(f"{value} met an entry of the input")
        return {(): _rational(float(value))} if value else {}
    return None


def _rational(value: float) -> int | Fraction:
    """The number a float holds, as the simple fraction that it is the rounding of, where there is one (1/3 for 0.333...)."""
    exact = Fraction(value)
    simple = exact.limit_denominator(10_000)
    return _whole(simple if float(simple) == value else exact)


def _whole(value: Fraction) -> int | Fraction:
    return value.numerator if value.denominator == 1 else value


def _sum(a: PolynomialTerms, b: PolynomialTerms) -> PolynomialTerms:
    global _spent
    if len(a) < len(b):
        a, b = b, a
    _spent += 1 + (len(a) >> 3) + len(b)
    if _spent > MAX_WORK:
        _count(0)
    if not b:
        return a
    result = a.copy()
    for monomial, coefficient in b.items():
        total = result.get(monomial, 0) + coefficient
        if total:
            result[monomial] = total
        else:
            del result[monomial]
    return result


def _product(a: PolynomialTerms, b: PolynomialTerms) -> PolynomialTerms:
    if len(a) == 1 and len(b) == 1:  # the usual case: one entry times another
        ((m, c),) = a.items()
        ((n, e),) = b.items()
        return {_monomial(m, n): c * e}
    _count(len(a) * len(b))
    result: PolynomialTerms = {}
    for m, c in a.items():
        for n, e in b.items():
            monomial = _monomial(m, n)
            total = result.get(monomial, 0) + c * e
            if total:
                result[monomial] = total
            else:
                result.pop(monomial, None)
    return result


def _monomial(m: Monomial, n: Monomial) -> Monomial:
    """The product of two monomials: their variables in order."""
    if not m or not n:
        return m or n
    if m[-1] <= n[0]:
        return m + n
    return n + m if n[-1] <= m[0] else tuple(sorted(m + n))


def symbols(array: str, shape: tuple[int, ...]) -> NDArray[Any]:
    """An object array of ``shape`` with one variable in each entry."""
    result = np.empty(shape, dtype=object)
    flat = result.reshape(-1)
    for i in range(flat.size):
        flat[i] = Polynomial({(variable(array, i),): 1})
    return result


def unset() -> Polynomial:
    """What memory holds that nobody has written."""
    return Polynomial({(variable("unset", 0),): 1})


def as_terms(value: Any) -> PolynomialTerms:
    """The terms of an entry of a function's result; TypeError when it is neither a polynomial nor a finite number."""
    terms = _terms(value)
    if terms is None:
        raise TypeError(f"{type(value).__name__} in the result")
    return terms


def terms_by_entry(array: MultilinearArray) -> list[PolynomialTerms]:
    """The terms of each entry of an exact array, in C order."""
    result: list[PolynomialTerms] = [{} for _ in range(array.size)]
    for block in array.canonical.blocks:
        # factors are kept in FACTOR_ORDER, which is the order of variables: monomials come out sorted
        columns = [
            (column + variable(name, 0)).tolist() for name, column in zip(block.arrays, block.factors, strict=True)
        ]
        for entry, coefficient, monomial in zip(
            block.entry.tolist(), block.coefficient.tolist(), zip(*columns, strict=True), strict=True
        ):
            result[entry][monomial] = coefficient
    return result


def expression_text(terms: Mapping[Monomial, int | Fraction], name: Callable[[str, int], str]) -> str:
    """Terms as one sum in text, ``0`` when there are none; ``name(array, entry number)`` names a variable.

    >>> expression_text({(variable("dy", 0), variable("w", 1)): -1, (): Fraction(1, 2)}, lambda a, i: f"{a}{i}")
    '1/2 - dy0*w1'
    """
    return sum_text((terms[monomial], [name(*array_of(v)) for v in monomial]) for monomial in sorted(terms))
