"""The integers of a program: affine in names, with constraints on them as plain data.

A name is a size (H, K, p), an index that runs over a range, or a name defined by others (a floor, a maximum: see
:mod:`symconv.reading.world`). A value that is constant is a Python int; what is not affine in the names is not of this kind.

A constraint is one of ``("ge", a)`` for a >= 0, ``("eq", a)`` for a == 0, ``("not", names, conjunction)`` for "there are no such
values of these names", ``("or", (conjunction, ...))``. A conjunction is a tuple of constraints. isl sees them as text, late.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["FALSE", "Affine", "Conjunction", "Constraint", "affine", "at_least", "between", "coefficients", "equal", "names_in",
           "negated", "put", "put_all",
           "spoken"]  # fmt: skip

Constraint = tuple[Any, ...]
Conjunction = tuple[Constraint, ...]


class Affine:
    """constant + the sum of coefficient * name, not constant; immutable and hashable."""

    __slots__ = ("_hash", "const", "terms")

    def __init__(self, terms: Mapping[str, int], const: int = 0) -> None:
        self.terms = dict(sorted((name, c) for name, c in terms.items() if c))
        self.const = const
        self._hash = hash((tuple(self.terms.items()), const))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Affine) and self.const == other.const and self.terms == other.terms

    def __add__(self, other: Affine | int) -> Affine | int:
        if isinstance(other, int):
            return Affine(self.terms, self.const + other)
        found = dict(self.terms)
        for name, c in other.terms.items():
            found[name] = found.get(name, 0) + c
        return _told(found, self.const + other.const)

    __radd__ = __add__

    def __neg__(self) -> Affine:
        return Affine({name: -c for name, c in self.terms.items()}, -self.const)

    def __sub__(self, other: Affine | int) -> Affine | int:
        return self + (-other)

    def __rsub__(self, other: int) -> Affine | int:
        return -self + other

    def __mul__(self, by: int) -> Affine | int:
        return _told({name: c * by for name, c in self.terms.items()}, self.const * by)

    __rmul__ = __mul__

    def __str__(self) -> str:
        told = " + ".join(f"{c}*{name}" if c != 1 else name for name, c in self.terms.items())
        return f"{told} + {self.const}" if self.const else told

    __repr__ = __str__


def _told(terms: Mapping[str, int], const: int) -> Affine | int:
    found = Affine(terms, const)
    return found if found.terms else const


def affine(name: str) -> Affine:
    """The value of a name."""
    return Affine({name: 1})


def coefficients(value: Affine | int) -> dict[str, int]:
    """Each name's coefficient."""
    return value.terms if isinstance(value, Affine) else {}


def put(value: Affine | int, values: Mapping[str, Affine | int]) -> Affine | int:
    """``value`` with names replaced."""
    if isinstance(value, int) or not any(name in values for name in value.terms):
        return value
    found: Affine | int = value.const
    kept: dict[str, int] = {}
    for name, c in value.terms.items():
        if name in values:
            found = found + values[name] * c
        else:
            kept[name] = c
    return found + Affine(kept) if kept else found


def put_all(conjunction: Iterable[Constraint], values: Mapping[str, Affine | int]) -> Conjunction:
    """A conjunction with names replaced; bound names are unique, so none is caught."""
    return tuple(_put(each, values) for each in conjunction)


def _put(constraint: Constraint, values: Mapping[str, Affine | int]) -> Constraint:
    kind = constraint[0]
    if kind in ("ge", "eq"):
        return (kind, put(constraint[1], values))
    if kind == "not":
        return ("not", constraint[1], put_all(constraint[2], values))
    return ("or", tuple(put_all(each, values) for each in constraint[1]))


def names_in(constraint: Constraint) -> set[str]:
    """The free names."""
    kind = constraint[0]
    if kind in ("ge", "eq"):
        return set(coefficients(constraint[1]))
    if kind == "not":
        return {n for each in constraint[2] for n in names_in(each)} - set(constraint[1])
    return {n for conjunction in constraint[1] for each in conjunction for n in names_in(each)}


def spoken(constraint: Constraint) -> set[str]:
    """Every name that stands in it, bound ones too."""
    kind = constraint[0]
    if kind in ("ge", "eq"):
        return set(coefficients(constraint[1]))
    if kind == "not":
        return {n for each in constraint[2] for n in spoken(each)}
    return {n for conjunction in constraint[1] for each in conjunction for n in spoken(each)}


def at_least(a: Affine | int, b: Affine | int) -> Constraint:
    """a >= b."""
    return ("ge", a - b)


def equal(a: Affine | int, b: Affine | int) -> Constraint:
    """a == b."""
    return ("eq", a - b)


def between(low: Affine | int, value: Affine | int, high: Affine | int) -> Conjunction:
    """low <= value < high."""
    return (at_least(value, low), at_least(high, value + 1))


#: never
FALSE: Constraint = ("ge", -1)


def negated(conjunction: Conjunction) -> Conjunction:
    """Not all of ``conjunction``."""
    if len(conjunction) == 1:
        kind, body = conjunction[0][0], conjunction[0][1]
        if kind == "ge":
            return (("ge", -body - 1),)
        if kind == "not" and not body:
            return tuple(conjunction[0][2])
    return (("not", (), conjunction),)
