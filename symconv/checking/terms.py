"""What an author's mathematics says, once read: entries, sums, derivatives, matrices, relations."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from symconv.algebra.trees import rebuilt

__all__ = [
    "Add", "Bound", "Call", "Choice", "Diff", "Div", "Dots", "Entry", "Floor", "Grid", "IVERSON", "Mul", "Name", "Num", "Seq",
    "Star", "Statement", "SumOver", "Term", "Transpose", "Whole", "children", "names_in", "replaced", "signs_of", "substituted",
    "sum_under", "walk",
]  # fmt: skip


#: the name of ``[a = b]``, which is one where that holds and zero elsewhere, as an entry with two indices
IVERSON = "[=]"


class Term:
    """A piece of what is said."""

    __slots__: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Num(Term):
    """A number."""

    value: Fraction | int


@dataclass(frozen=True, slots=True)
class Name(Term):
    """A letter: an index, a size, or a whole array."""

    text: str


@dataclass(frozen=True, slots=True)
class Entry(Term):
    """An entry of an array."""

    array: str
    at: tuple[Term, ...]
    #: whether digits stand beside each other, each an index of its own or all of them one number
    run: bool = field(default=False, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Add(Term):
    """Terms with signs."""

    terms: tuple[tuple[int, Term], ...]


@dataclass(frozen=True, slots=True)
class Mul(Term):
    """Factors, in their order: numbers, entries, or a product of matrices."""

    factors: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Div(Term):
    """A quotient."""

    top: Term
    bottom: Term


@dataclass(frozen=True, slots=True)
class Diff(Term):
    """The partial derivative of ``top`` by ``bottom``; a derivative of the loss is an entry of a gradient already."""

    top: Term
    bottom: Term


@dataclass(frozen=True, slots=True)
class Bound(Term):
    """A summation index and its limits, where they are written."""

    name: str
    low: Term | None = None
    high: Term | None = None


@dataclass(frozen=True, slots=True)
class SumOver(Term):
    """A sum over indices."""

    bounds: tuple[Bound, ...]
    body: Term


@dataclass(frozen=True, slots=True)
class Grid(Term):
    """A matrix written out."""

    rows: tuple[tuple[Term, ...], ...]


@dataclass(frozen=True, slots=True)
class Seq(Term):
    """Things in a row between commas."""

    items: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Call(Term):
    """``word`` applied: flip, pad, a convolution by name."""

    word: str
    args: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Star(Term):
    """Two things with a star between them: a correlation, a convolution, or a product, as the article has it."""

    sign: str
    left: Term
    right: Term
    mode: str = ""


@dataclass(frozen=True, slots=True)
class Whole(Term):
    """All of an axis: the dot of ``x_{1,·}``."""


@dataclass(frozen=True, slots=True)
class Transpose(Term):
    """``body`` transposed."""

    body: Term


@dataclass(frozen=True, slots=True)
class Floor(Term):
    """The integer part."""

    body: Term


@dataclass(frozen=True, slots=True)
class Choice(Term):
    """Values with the equations under which they are taken; the last may have none."""

    rows: tuple[tuple[Term, tuple[tuple[Term, Term], ...] | None], ...]


@dataclass(frozen=True, slots=True)
class Dots(Term):
    """What the author leaves out."""


@dataclass(frozen=True)
class Statement:
    """``sides[0] signs[0] sides[1] ...``; one side alone states nothing. ``notes`` tell what is odd in it."""

    sides: tuple[Term, ...]
    signs: tuple[str, ...]
    notes: tuple[str, ...] = ()
    system: bool = False
    #: under which conditions, in brackets after it
    where: tuple[Statement, ...] = ()


def children(term: Term) -> Iterator[Term]:
    """The terms directly inside."""

    for name in type(term).__slots__:
        value = getattr(term, name)
        if isinstance(value, Term):
            yield value
        elif isinstance(value, tuple):
            yield from _terms_in(value)


def _terms_in(values: tuple[object, ...]) -> Iterator[Term]:
    for value in values:
        if isinstance(value, Term):
            yield value
        elif isinstance(value, tuple):
            yield from _terms_in(value)


def walk(term: Term) -> Iterator[Term]:
    """``term`` and everything in it."""
    left = [term]
    while left:
        each = left.pop()
        yield each
        left += reversed(tuple(children(each)))


def signs_of(term: Term) -> tuple[int, ...]:
    """Those of a sum's terms, none of anything else."""
    return tuple(sign for sign, _ in term.terms) if isinstance(term, Add) else ()


def names_in(term: Term) -> set[str]:
    """The letters that occur by themselves, bound ones included."""
    return {each.text for each in walk(term) if isinstance(each, Name)}


def substituted(term: Term, by: dict[str, Term]) -> Term:
    """``term`` with terms in the place of letters; bound letters stay."""
    if isinstance(term, Name):
        return by.get(term.text, term)
    if isinstance(term, SumOver):
        by = {name: value for name, value in by.items() if name not in {bound.name for bound in term.bounds}}

    def inside(value: Any) -> Any:
        return substituted(value, by) if isinstance(value, Term) else rebuilt(value, inside)

    found: Term = rebuilt(term, inside)
    return found


def replaced(term: Any, old: Term, new: Term) -> Any:
    """``term`` with one term in the place of another, wherever it stands."""
    return new if term == old else rebuilt(term, lambda each: replaced(each, old, new))


def sum_under(conditions: tuple[tuple[Term, Term], ...], body: Term, over: Collection[str] | None = None) -> Term:
    """The sum of ``body`` over the indices on the left of equations, where these hold, or ``over`` those that are told.

    Its indices are the names there that stand by themselves in an entry of ``body``; the others are sizes.
    """
    bare = {i.text for each in walk(body) if isinstance(each, Entry) for i in each.at if isinstance(i, Name)}
    told = dict.fromkeys(
        name
        for left, _ in conditions
        for name in sorted(names_in(left))
        if name in bare and (over is None or name in over)
    )
    where = Choice(((body, conditions), (Num(Fraction(0)), None)))
    return SumOver(tuple(Bound(name) for name in told), where) if told else where
