"""What stands in one entry of an array: a sum of products of entries of other arrays, over sets of indices.

A term is coefficient * factors, once for every value of its counted names that satisfies its conjunction. Counted names that an
equality determines are put in at once, so that few are left for isl.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from symconv.reading.numbers import Affine, Conjunction, Constraint, affine, coefficients, put, put_all, spoken
from symconv.reading.world import Unreadable, World

__all__ = ["Factor", "Sum", "Term", "cancelled", "constant_of", "guarded", "product", "renewed", "scaled", "simplified",
           "substituted", "tidy"]  # fmt: skip

#: (the array's name, one index for each part of its axes)
Factor = tuple[str, tuple[Affine | int, ...]]
#: more products than this in one entry are not followed
MAX_TERMS = 400


@dataclass(frozen=True)
class Term:
    """``over`` are sizes that the coefficient is divided by (times, where the power is positive)."""

    coefficient: Fraction
    factors: tuple[Factor, ...] = ()
    where: Conjunction = ()
    counted: tuple[str, ...] = ()
    over: tuple[tuple[Affine, int], ...] = ()


Sum = list[Term]


def product(world: World, a: Sum, b: Sum) -> Sum:
    """Every term of one times every term of the other."""
    if len(a) * len(b) > MAX_TERMS:
        raise Unreadable("a product of so many terms")
    found = []
    for one in a:
        for other in b:
            second = renewed(world, other)
            found.append(
                Term(
                    one.coefficient * second.coefficient,
                    tuple(sorted((*one.factors, *second.factors), key=lambda f: f[0])),
                    (*one.where, *second.where),
                    (*one.counted, *second.counted),
                    cancelled((*one.over, *second.over)),
                )
            )
    return found


def cancelled(over: Iterable[tuple[Affine, int]]) -> tuple[tuple[Affine, int], ...]:
    """Powers of sizes, each size once."""
    powers: dict[Affine, int] = {}
    for size, power in over:
        powers[size] = powers.get(size, 0) + power
    return tuple(sorted(((size, power) for size, power in powers.items() if power), key=str))


def renewed(world: World, term: Term) -> Term:
    """The same term with counted names of its own."""
    if not term.counted:
        return term
    values = {name: affine(world.fresh()) for name in term.counted}
    return substituted(world, term, values, tuple(next(iter(v.terms)) for v in values.values()))


def substituted(
    world: World, term: Term, values: Mapping[str, Affine | int], counted: tuple[str, ...] | None = None
) -> Term:
    """``term`` with names replaced, in indices and conditions."""
    names = {n for each in term.where for n in spoken(each)}
    names |= {n for _, index in term.factors for i in index for n in coefficients(i)}
    values = world.extended(values, names)
    return replace(
        term,
        factors=tuple((name, tuple(put(i, values) for i in index)) for name, index in term.factors),
        where=put_all(term.where, values),
        counted=term.counted if counted is None else counted,
    )


def constant_of(world: World, value: Any) -> Sum:
    """A number, or a size, as an entry."""
    if isinstance(value, bool):
        value = int(value)
    if isinstance(value, int | Fraction):
        return [Term(Fraction(value))] if value else []
    if isinstance(value, Affine):
        return [Term(Fraction(1), over=((value, 1),))]
    raise Unreadable(f"{type(value).__name__} as an entry")


def scaled(terms: Sum, by: Fraction | int) -> Sum:
    """Every coefficient times ``by``."""
    return [replace(term, coefficient=term.coefficient * by) for term in terms] if by else []


def guarded(terms: Sum, where: Conjunction) -> Sum:
    """Terms where a condition holds."""
    return [replace(term, where=(*term.where, *where)) for term in terms] if where else terms


def simplified(world: World, terms: Iterable[Term]) -> Sum:
    """The same sum: counted names put in where an equality determines them, impossible terms dropped."""
    found = []
    for term in terms:
        each = _solved(world, term)
        if each is not None:
            found.append(each)
    if len(found) > MAX_TERMS:
        raise Unreadable("an entry of so many terms")
    return found


def _solved(world: World, term: Term) -> Term | None:
    while True:
        where = tidy(world, term.where)
        if where is None:
            return None
        term = replace(term, where=where)
        step = _determined(world, where, term.counted)
        if step is None:
            return term
        name, value = step
        term = substituted(world, term, {name: value}, tuple(n for n in term.counted if n != name))


def _determined(world: World, where: Conjunction, counted: tuple[str, ...]) -> tuple[str, Affine | int] | None:
    """A counted name that an equality gives as an affine value."""
    for each in where:
        if each[0] != "eq" or isinstance(each[1], int):
            continue
        found = _given(world, each[1], counted)
        if found is not None:
            return found
    return None


def _given(world: World, zero: Affine, names: tuple[str, ...]) -> tuple[str, Affine | int] | None:
    """The name among ``names`` that ``zero == 0`` gives as an affine value of others."""
    for name in names:
        c = coefficients(zero).get(name, 0)
        if abs(c) == 1:
            value = (zero - affine(name) * c) * -c
            if name not in world.rests_on(coefficients(value)):
                return name, value
    return None


def tidy(world: World, where: Conjunction) -> Conjunction | None:
    """A conjunction without what is always true and what stands twice; None when it is plainly false."""
    found: dict[Constraint, None] = {}
    for each in where:
        told = _tidied(world, each)
        if told is None:
            return None
        if told:
            found[told] = None
    for kind, *body in found:
        if kind == "ge" and ("ge", -body[0] - 1) in found:
            return None
    return tuple(found)


def _tidied(world: World, each: Constraint) -> Constraint | None:
    kind = each[0]
    if kind == "ge" and isinstance(each[1], int):
        return () if each[1] >= 0 else None
    if kind == "eq" and isinstance(each[1], int):
        return () if each[1] == 0 else None
    if kind == "not":
        names, inside = _inner(world, each[1], each[2])
        if inside is None:
            return ()
        if not inside:
            return None
        return ("not", names, inside)
    return each


def _inner(world: World, names: tuple[str, ...], inside: Conjunction) -> tuple[tuple[str, ...], Conjunction | None]:
    """What stands below "there is none", with determined names put in."""
    while True:
        told = tidy(world, inside)
        if told is None:
            return names, None
        inside = told
        for each in inside:
            if each[0] != "eq" or isinstance(each[1], int):
                continue
            found = _given(world, each[1], names)
            if found is not None:
                name, value = found
                inside = world.put_all(inside, {name: value})
                names = tuple(n for n in names if n != name)
                break
        else:
            return names, inside
